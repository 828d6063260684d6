import type { Address } from '../core/types.ts'
import type { ByteQueue } from './byte-queue.ts'
import { connectionClosed, fromSystem, lost, TransportError } from './errors.ts'
import type { Session } from './handshake.ts'
import { MAX_RECORD, RecordReader, RecordWriter, tooLarge } from './records.ts'
import { type Connection, MAX_FRAME } from './transport.ts'
import { soon, type Wire } from './wire.ts'

/** Bytes that may wait for a peer that does not read, however little the sender heeds `send`'s answer. */
const MAX_BACKLOG = 64 * 1024 * 1024
/** Milliseconds that a closing connection may take to hand over its last bytes. */
export const LINGER = 2_000
/** Silent intervals after which a peer counts as gone. */
const PATIENCE = 3

/** Frames over an established session. */
export class SecureConnection implements Connection {
  readonly peer: Address
  readonly #wire: Wire
  readonly #reader: RecordReader
  readonly #writer: RecordWriter
  readonly #pulse: ReturnType<typeof setInterval>
  #phase: 'open' | 'closing' | 'closed' = 'open'
  #reason: Error | undefined
  #frameHandler: ((frame: Uint8Array) => void) | undefined
  #closeHandler: ((reason?: Error) => void) | undefined
  #paused = false
  #delivering = false
  #blocked = false
  #scheduled = false
  #owesPong = false
  #silence = 0
  /** The wire has ended; said once all that came before is delivered. */
  #end: { readonly error: Error | undefined } | undefined
  #waiters: { resolve: () => void; reject: (error: Error) => void }[] = []

  constructor(wire: Wire, session: Session, received: ByteQueue, pingInterval: number) {
    this.peer = session.peer
    this.#wire = wire
    this.#writer = new RecordWriter(session.sending)
    this.#reader = new RecordReader(session.receiving, wire.address)
    this.#reader.push(received.take(received.length)!)
    wire.onData = (chunk) => this.#receive(chunk)
    wire.onDrain = () => this.#drain()
    wire.onEnd = (error) => this.#ended(error)
    this.#pulse = setInterval(() => this.#beat(), pingInterval)
    ;(this.#pulse as { unref?: () => void }).unref?.()
    // Until somebody listens nothing is read, so that nothing piles up here.
    wire.pause()
  }

  get onFrame(): (frame: Uint8Array) => void {
    return this.#frameHandler ?? (() => {})
  }

  set onFrame(handler: (frame: Uint8Array) => void) {
    this.#frameHandler = handler
    // Not before the caller has set `onClose` too.
    queueMicrotask(() => this.#deliver())
  }

  get onClose(): (reason?: Error) => void {
    return this.#closeHandler ?? (() => {})
  }

  set onClose(handler: (reason?: Error) => void) {
    this.#closeHandler = handler
    if (this.#phase === 'closed') queueMicrotask(() => handler(this.#reason))
  }

  send(frame: Uint8Array): boolean {
    if (frame.length > MAX_FRAME) throw tooLarge(this.#wire.address, frame.length)
    if (this.#phase !== 'open') return false
    this.#writer.push(frame)
    if (this.#writer.size > MAX_BACKLOG) this.#finish(slow(this.#wire.address))
    else if (this.#writer.size >= MAX_RECORD && !this.#blocked) this.#flush()
    else this.#schedule()
    return this.#phase === 'open' && !this.#blocked
  }

  drained(): Promise<void> {
    if (this.#phase !== 'open') return Promise.reject(this.#reason ?? connectionClosed(this.#wire.address))
    if (!this.#blocked) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  pause(): void {
    this.#paused = true
    this.#wire.pause()
  }

  resume(): void {
    this.#paused = false
    queueMicrotask(() => this.#deliver())
  }

  close(): void {
    if (this.#phase !== 'open') return
    this.#writer.push('goodbye')
    this.#hangUp()
  }

  /** Hands over the last bytes, then waits a moment for the other end to do the same. */
  #hangUp(): void {
    this.#phase = 'closing'
    this.#wire.write(this.#writer.seal())
    this.#wire.end()
    this.#wire.resume()
    clearInterval(this.#pulse)
    const linger = setTimeout(() => this.#finish(undefined), LINGER)
    ;(linger as { unref?: () => void }).unref?.()
  }

  /** Seals at the end of the turn, so that all frames of a turn share a record. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    soon(() => {
      this.#scheduled = false
      if (!this.#blocked) this.#flush()
    })
  }

  #flush(): void {
    if (this.#phase !== 'open' || this.#writer.size === 0) return
    this.#owesPong = false
    this.#blocked = !this.#wire.write(this.#writer.seal())
  }

  #drain(): void {
    this.#blocked = false
    this.#flush()
    if (this.#blocked) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const { resolve } of waiters) resolve()
  }

  #receive(chunk: Uint8Array): void {
    this.#silence = 0
    if (this.#phase !== 'open') return
    this.#reader.push(chunk)
    this.#deliver()
  }

  #deliver(): void {
    // A handler may call `resume` or `close`; frames still come one after the other.
    if (this.#delivering || !this.#frameHandler) return
    this.#delivering = true
    try {
      while (this.#phase === 'open' && !this.#paused) {
        const item = this.#reader.next()
        if (item === undefined) {
          if (this.#end) this.#finish(this.#end.error ?? lost(this.#wire.address))
          break
        }
        if (typeof item !== 'string') this.#frameHandler(item)
        else if (item === 'ping') this.#answer()
        else if (item === 'goodbye') this.#hangUp()
      }
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
      this.#finish(error)
    } finally {
      this.#delivering = false
    }
    if (this.#phase === 'open' && !this.#paused) this.#wire.resume()
  }

  #answer(): void {
    // One answer for all pings that came since the last write: a peer that pings and does not read must not fill the buffer.
    if (!this.#owesPong) this.#writer.push('pong')
    this.#owesPong = true
    this.#schedule()
  }

  #beat(): void {
    // Whoever does not read hears nothing; that is not the peer's fault.
    if (this.#paused || !this.#frameHandler) return
    if (++this.#silence > PATIENCE) this.#finish(silent(this.#wire.address))
    else if (this.#silence > 1 && !this.#blocked) {
      this.#writer.push('ping')
      this.#schedule()
    }
  }

  #ended(error?: Error): void {
    if (this.#phase === 'closing') this.#finish(undefined)
    this.#end = { error: error && fromSystem(error, this.#wire.address) }
    this.#deliver()
  }

  #finish(reason: Error | undefined): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#reason = reason
    clearInterval(this.#pulse)
    this.#wire.destroy()
    for (const { reject } of this.#waiters) reject(reason ?? connectionClosed(this.#wire.address))
    this.#waiters = []
    const handler = this.#closeHandler
    if (handler) queueMicrotask(() => handler(reason))
  }
}

const slow = (address: string): TransportError =>
  new TransportError(
    'PEER_SLOW',
    address,
    `${MAX_BACKLOG} bytes wait for the peer at ${address}, which does not read. Wait for drained() when send() answers false.`,
  )

const silent = (address: string): TransportError =>
  new TransportError(
    'PEER_SILENT',
    address,
    `The peer at ${address} answers no ping. It or the network is down; dial again later.`,
  )
