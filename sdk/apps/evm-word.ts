// Arithmetic of the EVM: words are bigints from 0 to 2^256 - 1.

const SIZE = 1n << 256n
export const MAX_WORD: bigint = SIZE - 1n
const SIGN = 1n << 255n

/** A word of any integer that is not too far below zero. */
export const wrap = (value: bigint): bigint => value & MAX_WORD

/** A word as a two's complement number. */
export const signed = (word: bigint): bigint => ((word & SIGN) === 0n ? word : word - SIZE)

export const flag = (holds: boolean): bigint => (holds ? 1n : 0n)

export const divide = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : a / b)
export const modulo = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : a % b)
export const signedDivide = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : wrap(signed(a) / signed(b)))
export const signedModulo = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : wrap(signed(a) % signed(b)))

export function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let square = base
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = wrap(result * square)
    square = wrap(square * square)
  }
  return result
}

/** Extends the sign of the lowest `index + 1` bytes. */
export const extendSign = (index: bigint, word: bigint): bigint =>
  index >= 31n ? word : wrap(BigInt.asIntN(8 * Number(index) + 8, word))

/** The byte at `index`, the most significant one being 0. */
export const byteAt = (index: bigint, word: bigint): bigint =>
  index >= 32n ? 0n : (word >> (248n - 8n * index)) & 0xffn

export const shiftLeft = (shift: bigint, word: bigint): bigint => (shift >= 256n ? 0n : wrap(word << shift))
export const shiftRight = (shift: bigint, word: bigint): bigint => word >> shift
export const shiftSigned = (shift: bigint, word: bigint): bigint => wrap(signed(word) >> shift)

/** Significant bits of a word. */
export const bits = (word: bigint): number => {
  if (word === 0n) return 0
  const hex = word.toString(16)
  return 4 * hex.length - Math.clz32(Number.parseInt(hex[0]!, 16)) + 28
}
