/** Thrown inside the EVM where a call fails and takes its gas with it; one object, since nobody reads its stack. */
export const FAILURE: unique symbol = Symbol('the call failed')

/** More than any gas here pays for. */
const TOO_FAR = 1n << 32n

/** Memory of a call: zeros as far as it was touched. Who touches more pays with `growth` first. */
export class Memory {
  #bytes = new Uint8Array(1024)
  #view = new DataView(this.#bytes.buffer)
  #words = 0

  /** Bytes that were touched, a multiple of 32. */
  get size(): number {
    return 32 * this.#words
  }

  /** Gas for touching `length` bytes at `offset`; they are there afterwards. */
  grow(offset: bigint, length: bigint): number {
    if (length === 0n) return 0
    if (offset >= TOO_FAR || length >= TOO_FAR) throw FAILURE
    const words = Math.ceil(Number(offset + length) / 32)
    if (words <= this.#words) return 0
    const gas = price(words) - price(this.#words)
    // The price of 4 MiB is above every limit of gas; nothing that large is ever allocated.
    if (words > 1 << 17) throw FAILURE
    this.#reserve(32 * words)
    this.#words = words
    return gas
  }

  load(offset: number): bigint {
    const view = this.#view
    const [a, b] = [view.getBigUint64(offset), view.getBigUint64(offset + 8)]
    const [c, d] = [view.getBigUint64(offset + 16), view.getBigUint64(offset + 24)]
    const low = c === 0n ? d : (c << 64n) | d
    return a === 0n && b === 0n ? low : (a << 192n) | (b << 128n) | low
  }

  store(offset: number, word: bigint): void {
    const view = this.#view
    view.setBigUint64(offset, word >> 192n)
    view.setBigUint64(offset + 8, word >> 128n)
    view.setBigUint64(offset + 16, word >> 64n)
    view.setBigUint64(offset + 24, word)
  }

  storeByte(offset: number, byte: number): void {
    this.#bytes[offset] = byte
  }

  /** Writes `length` bytes of `source` from `from` on, zeros behind its end. */
  copy(offset: number, source: Uint8Array, from: bigint, length: number): void {
    const start = from > BigInt(source.length) ? source.length : Number(from)
    const part = source.subarray(start, start + length)
    this.#bytes.set(part, offset)
    this.#bytes.fill(0, offset + part.length, offset + length)
  }

  move(to: number, from: number, length: number): void {
    this.#bytes.copyWithin(to, from, from + length)
  }

  /** The bytes themselves, not a copy: they change with the memory. */
  peek(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + length)
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(size, 2 * this.#bytes.length))
    larger.set(this.#bytes)
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}

const price = (words: number): number => 3 * words + Math.floor((words * words) / 512)
