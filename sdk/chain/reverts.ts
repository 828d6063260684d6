import { type ErrorDescription, isError } from 'ethers'
import type { Hex } from '../core/types.ts'
import { adjudicatorAbi, registryAbi, tokenAbi } from './abi.ts'
import type { Revert } from './errors.ts'
import { lastSentence } from './rpc.ts'

/** What to do about a refusal; errors that are not listed are explained by their name and values alone. */
const REMEDIES: Readonly<Record<string, string>> = {}

/** Decodes what a contract of ours, a token, or Solidity itself reverted with. */
export function decodeRevert(data: Hex): Revert {
  for (const abi of [adjudicatorAbi, registryAbi, tokenAbi]) {
    const parsed = parse(() => abi.parseError(data))
    if (parsed) return { name: parsed.name, args: named(parsed), data }
  }
  return { name: undefined, args: {}, data }
}

/** One sentence of fact and one of remedy. */
export function explainRevert({ name, args, data }: Revert): string {
  if (name === undefined) return data === '0x' ? 'it gave no reason.' : `its reason ${data.slice(0, 10)} is unknown.`
  const values = Object.entries(args).map(([key, value]) => (/^\d+$/.test(key) ? show(value) : `${key} ${show(value)}`))
  const fact = `${name}(${values.join(', ')})`
  const remedy = REMEDIES[name]
  return remedy ? `${fact}. ${remedy}` : `${fact}.`
}

/** The revert inside an error of `call` or `estimateGas`; undefined if it failed for another reason. */
export function revertOf(error: unknown): Revert | undefined {
  if (isError(error, 'CALL_EXCEPTION')) return decodeRevert((error.data ?? '0x') as Hex)
  return /revert/i.test(lastSentence(error)) ? { name: undefined, args: {}, data: '0x' } : undefined
}

const parse = (read: () => ErrorDescription | null): ErrorDescription | null => {
  try {
    return read()
  } catch {
    return null
  }
}

const named = (error: ErrorDescription): Record<string, unknown> =>
  Object.fromEntries(
    error.fragment.inputs.map((input, index) => [input.name || String(index), error.args[index] as unknown]),
  )

const show = (value: unknown): string => String(value).slice(0, 80)
