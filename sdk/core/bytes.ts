import { TallystickError } from './errors.ts'
import type { Hex } from './types.ts'

/** A text that had to be hex of a certain length and is not. */
export class InvalidHexError extends TallystickError {
  readonly code = 'INVALID_HEX'
  /** Expected bytes; undefined: any number. */
  readonly expected: number | undefined

  constructor(expected: number | undefined) {
    const size = expected === undefined ? 'an even number of hex digits' : `${2 * expected} hex digits`
    super(`This is not 0x followed by ${size}. Check that the value was copied completely.`)
    this.expected = expected
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const NIBBLE = new Uint8Array(128).fill(0xff)
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  NIBBLE[digit.charCodeAt(0)] = value
  NIBBLE[digit.toUpperCase().charCodeAt(0)] = value
}

const nibble = (code: number): number => (code < 128 ? NIBBLE[code]! : 0xff)

/** Writes `hex`, which must be `length` bytes, to `target` at `offset` without an intermediate array. Throws {@link InvalidHexError}. */
export function writeHex(target: Uint8Array, offset: number, hex: string, length: number): void {
  if (hex.length !== 2 + 2 * length || hex.charCodeAt(0) !== 0x30 || hex.charCodeAt(1) !== 0x78)
    throw new InvalidHexError(length)
  for (let i = 0; i < length; i++) {
    const high = nibble(hex.charCodeAt(2 + 2 * i))
    const low = nibble(hex.charCodeAt(3 + 2 * i))
    if ((high | low) > 15) throw new InvalidHexError(length)
    target[offset + i] = (high << 4) | low
  }
}

/** The bytes of `hex`; `length`, if given, is how many they must be. Throws {@link InvalidHexError}. */
export function toBytes(hex: string, length?: number): Uint8Array {
  const size = length ?? (hex.length - 2) / 2
  if (!Number.isInteger(size) || size < 0) throw new InvalidHexError(length)
  const bytes = new Uint8Array(size)
  writeHex(bytes, 0, hex, size)
  return bytes
}

/** Lower-case hex of `bytes`, with 0x. */
export function toHex(bytes: Uint8Array): Hex {
  let hex = '0x'
  for (let i = 0; i < bytes.length; i++) hex += HEX[bytes[i]!]
  return hex as Hex
}

/** `bytes` as an unsigned big-endian integer. */
export const toUint = (bytes: Uint8Array): bigint => (bytes.length === 0 ? 0n : BigInt(toHex(bytes)))

/** The `length` big-endian bytes of a non-negative `value`, which must fit. */
export function fromUint(value: bigint, length: number): Uint8Array {
  return toBytes(`0x${value.toString(16).padStart(2 * length, '0')}`, length)
}

/** The big-endian bytes of a non-negative `value` without leading zeros; none for zero. */
export const shortestUint = (value: bigint): Uint8Array =>
  value === 0n ? new Uint8Array() : fromUint(value, Math.ceil(value.toString(16).length / 2))

/** Writes `value` as 32 bytes, two's complement; it must lie within 128 signed bits, as every amount here does. */
export function writeInt(view: DataView, offset: number, value: bigint): void {
  const fill = value < 0n ? -1n : 0n
  view.setBigInt64(offset, fill)
  view.setBigInt64(offset + 8, fill)
  view.setBigInt64(offset + 16, value >> 64n)
  view.setBigInt64(offset + 24, value)
}
