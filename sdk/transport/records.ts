import { ByteQueue } from './byte-queue.ts'
import { type Aead, TAG_LENGTH } from './cipher.ts'
import { TransportError } from './errors.ts'
import { MAX_FRAME } from './transport.ts'

/**
 * Frames to records and back. Plain text is a stream of `length uint32 ‖ frame`, cut into records of up to 128 KiB whatever the
 * frames' borders; a record is `length uint32 ‖ ciphertext ‖ tag`. Many small frames thus share one encryption and one write.
 * The counter is the record's number in its direction: a record that is replayed, reordered or altered does not open.
 * Lengths from 0xfffffff0 on are no frames but signals.
 */
export const MAX_RECORD = 128 * 1024
const HEADER = 4
const NO_CONTEXT = new Uint8Array(0)

export const signals = { ping: 0xfffffff0, pong: 0xfffffff1, goodbye: 0xfffffff2 } as const
export type Signal = keyof typeof signals
const signalOf = new Map<number, Signal>(Object.entries(signals).map(([name, code]) => [code, name as Signal]))

/** Shared by all writers: filled and sealed without a pause in between. */
const staging = new Uint8Array(MAX_RECORD)
const stagingView = new DataView(staging.buffer)

/** Collects frames and seals them. */
export class RecordWriter {
  readonly #aead: Aead
  #counter = 0
  #waiting: (Uint8Array | Signal)[] = []
  #size = 0

  constructor(aead: Aead) {
    this.#aead = aead
  }

  /** Plain bytes that wait for `seal`. */
  get size(): number {
    return this.#size
  }

  push(item: Uint8Array | Signal): void {
    this.#waiting.push(item)
    this.#size += HEADER + (typeof item === 'string' ? 0 : item.length)
  }

  /** All that waits, as pieces to be written in this order. */
  seal(): Uint8Array[] {
    const pieces: Uint8Array[] = []
    let used = 0
    const flush = () => {
      if (used > 0) this.#sealRecord(staging.subarray(0, used), pieces)
      used = 0
    }
    for (const item of this.#waiting) {
      if (MAX_RECORD - used < HEADER) flush()
      stagingView.setUint32(used, typeof item === 'string' ? signals[item] : item.length)
      used += HEADER
      if (typeof item === 'string') continue
      for (let done = 0; done < item.length; ) {
        if (used === MAX_RECORD) flush()
        const part = Math.min(item.length - done, MAX_RECORD - used)
        staging.set(part === item.length ? item : item.subarray(done, done + part), used)
        done += part
        used += part
      }
    }
    flush()
    this.#waiting = []
    this.#size = 0
    return pieces
  }

  #sealRecord(plain: Uint8Array, pieces: Uint8Array[]): void {
    const [sealed, tag] = this.#aead.seal(this.#counter++, plain, NO_CONTEXT)
    const header = new Uint8Array(HEADER)
    new DataView(header.buffer).setUint32(0, sealed.length + tag.length)
    pieces.push(header, sealed, tag)
  }
}

/** Opens records and hands out what they hold; memory is bounded by one record and one frame. */
export class RecordReader {
  readonly #aead: Aead
  readonly #address: string
  readonly #sealed = new ByteQueue()
  readonly #plain = new ByteQueue()
  #counter = 0

  constructor(aead: Aead, address: string) {
    this.#aead = aead
    this.#address = address
  }

  push(chunk: Uint8Array): void {
    this.#sealed.push(chunk)
  }

  /** The next frame or signal, or undefined until more bytes come. Throws `BROKEN_RECORD` or `FRAME_TOO_LARGE`: the stream is of no use any more. */
  next(): Uint8Array | Signal | undefined {
    for (;;) {
      const length = this.#plain.peekUint32()
      if (length !== undefined) {
        const signal = length > MAX_FRAME ? signalOf.get(length) : undefined
        if (signal) {
          this.#plain.skip(HEADER)
          return signal
        }
        if (length > MAX_FRAME) throw tooLarge(this.#address, length)
        if (this.#plain.length >= HEADER + length) {
          this.#plain.skip(HEADER)
          return this.#plain.take(length)
        }
      }
      const record = this.#nextRecord()
      if (!record) return undefined
      this.#plain.push(record)
    }
  }

  #nextRecord(): Uint8Array | undefined {
    const length = this.#sealed.peekUint32()
    if (length === undefined) return undefined
    // Before the bytes are here: a length is refused, not waited for. An empty record would be work without content.
    if (length <= TAG_LENGTH || length > MAX_RECORD + TAG_LENGTH)
      throw broken(this.#address, `a record of ${length} bytes`)
    if (this.#sealed.length < HEADER + length) return undefined
    this.#sealed.skip(HEADER)
    try {
      return this.#aead.open(this.#counter++, this.#sealed.take(length)!, NO_CONTEXT)
    } catch (cause) {
      throw broken(this.#address, 'a record that does not open', cause)
    }
  }
}

const broken = (address: string, fact: string, cause?: unknown): TransportError =>
  new TransportError(
    'BROKEN_RECORD',
    address,
    `The peer at ${address} sent ${fact}: damaged, replayed or forged on its way. The connection is closed; dial again.`,
    cause,
  )

/** For a peer's frame and for one's own. */
export const tooLarge = (address: string, length: number): TransportError =>
  new TransportError(
    'FRAME_TOO_LARGE',
    address,
    `A frame of ${length} bytes is above the limit of ${MAX_FRAME} (peer ${address}). Split it into smaller ones.`,
  )
