import { fromUint, toBytes } from '../core/bytes.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Hex } from '../core/types.ts'

/** A word as the contracts hash it: 32 bytes, an unsigned number, or 32 bytes of hex. */
export type Word = Uint8Array | bigint | Hex

/** Words one after the other, 32 bytes each. */
export function packWords(words: readonly Word[]): Uint8Array {
  const bytes = new Uint8Array(32 * words.length)
  for (const [i, word] of words.entries()) bytes.set(wordBytes(word), 32 * i)
  return bytes
}

/** keccak-256 of words, as `keccak256(abi.encode(...))` of static values. */
export const hashWords = (words: readonly Word[]): Uint8Array => keccak256(packWords(words))

const wordBytes = (word: Word): Uint8Array => {
  if (typeof word === 'bigint') return fromUint(word, 32)
  return typeof word === 'string' ? toBytes(word, 32) : word
}
