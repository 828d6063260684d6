import { utf8ToBytes } from '@noble/hashes/utils.js'
import { toBytes, toHex } from '../../core/bytes.ts'

// Plain data as text: what a member remembers, and its exit file. JSON knows neither bigint, bytes, nor a place without a value.

type Tagged = { readonly $n: string } | { readonly $x: string } | { readonly $u: 1 }

const tag = (value: unknown): Tagged | undefined => {
  if (typeof value === 'bigint') return { $n: value.toString() }
  if (value instanceof Uint8Array) return { $x: toHex(value) }
  return value === undefined ? { $u: 1 } : undefined
}

/** Text of plain data with bigint, bytes and undefined within. */
export const toText = (value: unknown, indent?: number): string =>
  JSON.stringify(value, (_, one) => tag(one) ?? one, indent)

/** What {@link toText} wrote. Throws a SyntaxError for anything else. */
export const fromText = (text: string): unknown => reviveIn(JSON.parse(text))

// A reviver of JSON.parse would drop places whose value is undefined.
function reviveIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reviveIn)
  if (typeof value !== 'object' || value === null) return value
  const fields = value as Record<string, unknown>
  if (typeof fields.$n === 'string') return BigInt(fields.$n)
  if (typeof fields.$x === 'string') return toBytes(fields.$x)
  if (fields.$u === 1) return undefined
  return Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, reviveIn(one)]))
}

export const toPlainBytes = (value: unknown): Uint8Array => utf8ToBytes(toText(value))
export const fromPlainBytes = (bytes: Uint8Array): unknown => fromText(new TextDecoder().decode(bytes))
