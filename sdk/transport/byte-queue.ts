const EMPTY = new Uint8Array(0)
const SMALL = 1024
const BLOCK = 16 * 1024

/** Bytes in the order they came, taken in whatever sizes are needed; copies only what spans chunks. */
export class ByteQueue {
  #chunks: Uint8Array[] = []
  /** Index of the first chunk that still holds bytes; the ones before are gone. */
  #first = 0
  #offset = 0
  #length = 0
  #block = EMPTY

  get length(): number {
    return this.#length
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    // A peer that sends single bytes must not make us keep an object for each: behind others, small chunks share blocks.
    if (this.#length === 0 || chunk.length >= SMALL) this.#chunks.push(chunk)
    else this.#append(chunk)
    this.#length += chunk.length
  }

  #append(chunk: Uint8Array): void {
    const last = this.#chunks.at(-1)!
    const isOurs = last.buffer === this.#block.buffer
    if (!isOurs || last.byteOffset + last.length + chunk.length > this.#block.length) {
      this.#block = new Uint8Array(BLOCK)
      this.#block.set(chunk)
      this.#chunks.push(this.#block.subarray(0, chunk.length))
      return
    }
    const end = last.byteOffset + last.length
    this.#block.set(chunk, end)
    this.#chunks[this.#chunks.length - 1] = this.#block.subarray(last.byteOffset, end + chunk.length)
  }

  /** The next four bytes, big-endian, left in place; undefined if fewer are there. */
  peekUint32(): number | undefined {
    if (this.#length < 4) return undefined
    const chunk = this.#chunks[this.#first]!
    const at = this.#offset
    if (chunk.length - at >= 4)
      return ((chunk[at]! << 24) | (chunk[at + 1]! << 16) | (chunk[at + 2]! << 8) | chunk[at + 3]!) >>> 0
    return this.#across(4).reduce((value, byte) => value * 256 + byte, 0)
  }

  skip(size: number): void {
    this.#length -= size
    let left = size
    while (left > 0) {
      const chunk = this.#chunks[this.#first]!
      const here = Math.min(left, chunk.length - this.#offset)
      left -= here
      this.#offset += here
      if (this.#offset < chunk.length) return
      this.#chunks[this.#first] = EMPTY
      this.#first++
      this.#offset = 0
    }
    // Forgets the consumed part now and then: shifting each time would make a queue of many chunks quadratic.
    if (this.#first === this.#chunks.length || this.#first > 1024) {
      this.#chunks.splice(0, this.#first)
      this.#first = 0
    }
  }

  /** The next `size` bytes, a view where they lie in one chunk; undefined if fewer are there. */
  take(size: number): Uint8Array | undefined {
    if (this.#length < size) return undefined
    if (size === 0) return EMPTY
    const chunk = this.#chunks[this.#first]!
    const bytes =
      chunk.length - this.#offset >= size
        ? new Uint8Array(chunk.buffer, chunk.byteOffset + this.#offset, size)
        : this.#across(size)
    this.skip(size)
    return bytes
  }

  #across(size: number): Uint8Array {
    const bytes = new Uint8Array(size)
    let done = 0
    for (let i = this.#first; done < size; i++) {
      const from = i === this.#first ? this.#offset : 0
      const part = this.#chunks[i]!.subarray(from, from + size - done)
      bytes.set(part, done)
      done += part.length
    }
    return bytes
  }
}
