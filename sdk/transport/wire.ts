/** A raw, untrusted, ordered stream of bytes: what an adapter brings, and all that the secure channel needs. Starts paused. */
export interface Wire {
  /** Where the other end is, for messages and for limits per host. */
  readonly address: string
  /** Writes these in order, at once; false: more than `HIGH_WATER` bytes wait, `onDrain` follows. */
  write(chunks: readonly Uint8Array[]): boolean
  /** Stops and starts `onData`; the other end feels it as back-pressure. */
  pause(): void
  resume(): void
  /** Sends what waits, then ends. */
  end(): void
  /** Ends at once. */
  destroy(): void
  /** Set by the secure channel, before the first byte arrives. */
  onData: (chunk: Uint8Array) => void
  onDrain: () => void
  /** Called once, for whatever reason; `error` is what the system said, if anything. */
  onEnd: (error?: Error) => void
}

/** Bytes that a wire takes before it asks the sender to wait. */
export const HIGH_WATER = 1024 * 1024

export const nothing = (): void => {}

/** Runs a task at the end of this turn of the event loop (browsers: of this microtask). */
export const soon: (task: () => void) => void = globalThis.setImmediate ?? queueMicrotask
