import { decode, fromAbi } from 'ox/AbiError'
import { toHex } from '../core/bytes.ts'

/** An ABI as compilers write it; only `error` entries are looked at here. */
export type ErrorAbi = readonly unknown[]

/** Longer ones would only fill logs: an app says what it likes. */
const MAX_REASON = 200

const PANICS: Readonly<Record<string, string>> = {
  '1': 'an assertion failed',
  '17': 'an overflow',
  '18': 'a division by zero',
  '33': 'a value that its enum does not have',
  '50': 'an index behind the end',
  '65': 'too much memory',
}

/** What data of a revert says: the text, the panic, or the custom error that `abi` knows. */
export function reasonOf(data: Uint8Array, abi: ErrorAbi): string {
  if (data.length === 0) return 'it gives no reason'
  try {
    return plain(decoded(data, abi))
  } catch {
    return data.length < 4 ? toHex(data) : `custom error ${toHex(data.subarray(0, 4))}`
  }
}

function decoded(data: Uint8Array, abi: ErrorAbi): string {
  const error = fromAbi(abi, toHex(data.subarray(0, 4)))
  const value: unknown = decode(error, toHex(data))
  if (error.name === 'Error') return String(value)
  if (error.name === 'Panic') return PANICS[String(value)] ?? `panic ${String(value)}`
  const values = error.inputs.length === 1 ? [value] : ((value ?? []) as readonly unknown[])
  return `${error.name}(${values.map(show).join(', ')})`
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)).replaceAll('"', '')

const plain = (text: string): string => text.replace(/\p{C}/gu, ' ').slice(0, MAX_REASON)
