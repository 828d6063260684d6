import { StoreError } from './errors.ts'
import type { Write } from './store.ts'

/** Longest key, in UTF-8 bytes. */
export const MAX_KEY = 512

/** Throws `store-key` unless every key is 1 to 512 bytes of well-formed text without NUL: every adapter orders and keeps those alike. */
export function checkKeys(writes: readonly Write[], location: string): void {
  for (const { key } of writes) {
    // A UTF-16 unit is at most three bytes, so short keys need no encoding to be measured.
    const short =
      key.length <= MAX_KEY / 3 || (key.length <= MAX_KEY && new TextEncoder().encode(key).length <= MAX_KEY)
    if (key.length === 0 || !short || key.includes('\0') || !key.isWellFormed())
      throw new StoreError(
        'STORE_KEY',
        location,
        `The key ${JSON.stringify(key.slice(0, 40))} is empty, longer than ${MAX_KEY} bytes, or not plain text. Use a shorter, well-formed key.`,
      )
  }
}

/** Compares as UTF-8 bytes do (code points), unlike `<` on strings (UTF-16 units). */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above U+FFFF, so they sort behind the rest of the basic plane. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
