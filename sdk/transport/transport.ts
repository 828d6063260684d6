import type { Address } from '../core/types.ts'

/** An authenticated, encrypted, ordered stream of frames to one peer. */
export interface Connection {
  /** The session key that the peer proved to hold. */
  readonly peer: Address
  /**
   * Queues one frame (at most `MAX_FRAME` bytes, else throws); its bytes must not change afterwards. False: the buffer is above its
   * high-water mark, wait for `drained`; or the connection is closed and the frame gone, then `drained` rejects.
   */
  send(frame: Uint8Array): boolean
  drained(): Promise<void>
  /** Stops and starts the delivery of frames; a peer that keeps sending is held up, nothing is lost. */
  pause(): void
  resume(): void
  /** Set once by the engine; frames that came before are delivered then, in order. */
  onFrame: (frame: Uint8Array) => void
  /** Called once; `reason` is a typed error when it was not an ordinary close. */
  onClose: (reason?: Error) => void
  close(): void
}

export interface Listener {
  /** What a peer dials: `tcp://host:port`, `ws://host:port`, `memory:name`. */
  readonly address: string
  close(): Promise<void>
}

/** The port to peers. Adapters: in-memory, TCP, WebSocket. */
export interface Transport {
  /** URL schemes it serves, e.g. `['tcp:']`. */
  readonly schemes: readonly string[]
  dial(address: string, options?: { readonly peer?: Address; readonly signal?: AbortSignal }): Promise<Connection>
  listen(address: string, accept: (connection: Connection) => void): Promise<Listener>
}

/** 4 MiB: a larger frame closes the connection. */
export const MAX_FRAME = 4 * 1024 * 1024
