import { concatBytes } from '@noble/hashes/utils.js'
import { fromUint, shortestUint, toBytes, toHex, toUint } from './bytes.ts'
import { TallystickError } from './errors.ts'
import type { Hex } from './types.ts'

/** Bytes from outside do not have the layout they should. */
export class MalformedBytesError extends TallystickError {
  readonly code = 'MALFORMED_BYTES'
  /** Where reading stopped. */
  readonly offset: number

  constructor(offset: number, fact: string) {
    super(`${fact} (at byte ${offset}). Both sides must run compatible versions.`)
    this.offset = offset
  }
}

/** A value does not fit in the field it should be written to: a mistake of the caller. */
export class UnencodableError extends TallystickError {
  readonly code = 'UNENCODABLE'

  constructor(fact: string) {
    super(`${fact} Pass a value that fits.`)
  }
}

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Writes fixed binary layouts: big-endian, canonical, no padding.
 *
 * @example
 * ```ts
 * const frame = new Writer().u8(3).u64(7n).text('hello', 64).finish()
 * ```
 */
export class Writer {
  #bytes: Uint8Array
  #view: DataView
  #size = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** The bytes written so far. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#size)
  }

  u8(value: number): this {
    const at = this.#room(1, value, 0xff)
    this.#bytes[at] = value
    return this
  }

  u16(value: number): this {
    const at = this.#room(2, value, 0xffff)
    this.#view.setUint16(at, value)
    return this
  }

  u32(value: number): this {
    const at = this.#room(4, value, 0xffff_ffff)
    this.#view.setUint32(at, value)
    return this
  }

  u64(value: bigint): this {
    if (value < 0n || value >= 1n << 64n) throw new UnencodableError(`${value} does not fit in 64 bits.`)
    const at = this.#grow(8)
    this.#view.setBigUint64(at, value)
    return this
  }

  u128(value: bigint): this {
    if (value < 0n || value >= 1n << 128n) throw new UnencodableError(`${value} does not fit in 128 bits.`)
    const at = this.#grow(16)
    this.#view.setBigUint64(at, value >> 64n)
    this.#view.setBigUint64(at + 8, BigInt.asUintN(64, value))
    return this
  }

  /** Signed, two's complement. */
  i128(value: bigint): this {
    if (value < -(1n << 127n) || value >= 1n << 127n)
      throw new UnencodableError(`${value} does not fit in 128 signed bits.`)
    return this.u128(BigInt.asUintN(128, value))
  }

  u256(value: bigint): this {
    if (value < 0n || value >= 1n << 256n) throw new UnencodableError(`${value} does not fit in 256 bits.`)
    return this.raw(fromUint(value, 32))
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0)
  }

  /** LEB128: seven bits a byte, least first; up to 2^53 - 1. */
  varuint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new UnencodableError(`${value} is not a whole number from 0 to 2^53 - 1.`)
    let rest = value
    while (rest >= 128) {
      this.u8((rest % 128) | 128)
      rest = Math.floor(rest / 128)
    }
    return this.u8(rest)
  }

  /** A number of at most `max` bytes that is usually shorter: a length and its bytes without leading zeros. */
  uint(value: bigint, max: number): this {
    if (value < 0n || value >= 1n << BigInt(8 * max))
      throw new UnencodableError(`${value} does not fit in ${max} bytes.`)
    return this.bytes(shortestUint(value), max)
  }

  /** Bytes of a length that both sides know. */
  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  /** Hex of a length that both sides know: `length` bytes. */
  hex(value: string, length: number): this {
    return this.raw(toBytes(value, length))
  }

  /** A length and that many bytes, at most `max`. */
  bytes(bytes: Uint8Array, max: number): this {
    if (bytes.length > max) throw new UnencodableError(`${bytes.length} bytes are more than ${max}.`)
    return this.varuint(bytes.length).raw(bytes)
  }

  /** A text as UTF-8, at most `max` bytes. */
  text(text: string, max: number): this {
    if (!text.isWellFormed()) throw new UnencodableError('A text holds half a surrogate pair, which UTF-8 cannot say.')
    return this.bytes(utf8.encode(text), max)
  }

  #room(size: number, value: number, max: number): number {
    if (!Number.isInteger(value) || value < 0 || value > max)
      throw new UnencodableError(`${value} is not a whole number from 0 to ${max}.`)
    return this.#grow(size)
  }

  /** Makes room; take the result before touching the buffer, which may be a new one. */
  #grow(size: number): number {
    const at = this.#size
    this.#size += size
    if (this.#size > this.#bytes.length) {
      this.#bytes = concatBytes(this.#bytes, new Uint8Array(Math.max(this.#bytes.length, size)))
      this.#view = new DataView(this.#bytes.buffer)
    }
    return at
  }
}

/**
 * Reads what {@link Writer} wrote, trusting nothing: truncated, overlong, non-canonical or trailing bytes throw
 * {@link MalformedBytesError}, and nothing is allocated beyond what is there.
 *
 * @example
 * ```ts
 * const reader = new Reader(frame)
 * const [kind, version, note] = [reader.u8(), reader.u64(), reader.text(64)]
 * reader.end()
 * ```
 */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#offset
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.left !== 0) this.#fail(`${this.left} bytes follow the end`)
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8))
  }

  u128(): bigint {
    const at = this.#take(16)
    return (this.#view.getBigUint64(at) << 64n) | this.#view.getBigUint64(at + 8)
  }

  i128(): bigint {
    return BigInt.asIntN(128, this.u128())
  }

  u256(): bigint {
    return toUint(this.#view256())
  }

  bool(): boolean {
    const value = this.u8()
    if (value > 1) this.#fail(`${value} is neither true nor false`)
    return value === 1
  }

  /** `max` bounds the value (a count, a length), so that nothing is allocated for a lie. */
  varuint(max = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.u8()
      // A last byte of zero would be a second form of the same number.
      if (byte === 0 && factor > 1) this.#fail('A number is not in its shortest form')
      value += (byte & 127) * factor
      // Eight bytes hold 2^53; more would be an endless prefix.
      if (value > max || factor > 2 ** 49) this.#fail(`A number is above its limit ${max}`)
      if (byte < 128) return value
    }
  }

  /** A number of at most `max` bytes in its shortest form. */
  uint(max: number): bigint {
    const bytes = this.bytes(max)
    if (bytes[0] === 0) this.#fail('A number has leading zeros')
    return toUint(bytes)
  }

  /** A copy of the next `length` bytes. */
  raw(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.slice(at, at + length)
  }

  /** The next `length` bytes as lower-case hex. */
  hex(length: number): Hex {
    const at = this.#take(length)
    return toHex(this.#bytes.subarray(at, at + length))
  }

  /** A copy of a length's worth of bytes, at most `max`. */
  bytes(max: number): Uint8Array {
    return this.raw(this.varuint(max))
  }

  /** A text of at most `max` bytes of valid UTF-8. */
  text(max: number): string {
    const bytes = this.bytes(max)
    try {
      return strictUtf8.decode(bytes)
    } catch {
      return this.#fail('A text is not valid UTF-8')
    }
  }

  #view256(): Uint8Array {
    const at = this.#take(32)
    return this.#bytes.subarray(at, at + 32)
  }

  #take(size: number): number {
    if (size > this.left) this.#fail(`${size} bytes are needed and ${this.left} are left`)
    const at = this.#offset
    this.#offset += size
    return at
  }

  #fail(fact: string): never {
    throw new MalformedBytesError(this.#offset, fact)
  }
}
