import { formatUnits } from 'ethers'
import type { EthersChain } from '../chain/adapter.ts'
import { type Address, COIN } from '../core/types.ts'

/** Prints facts: as one JSON object a line, or as the line for people. */
export type Print = (facts: Readonly<Record<string, unknown>>, line: string) => void

/** Amounts become decimal strings in JSON: it has no large integers. */
export function printer(json: boolean | undefined): Print {
  const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)
  return (facts, line) => console.log(json ? JSON.stringify(facts, plain) : line)
}

/** Writes amounts of an asset with its symbol. */
export type Format = (amount: bigint) => string

/** How amounts of an asset are written; what is no token any more is written in its smallest unit. */
export async function formatOf(chain: EthersChain, asset: Address): Promise<Format> {
  if (asset === COIN) return (amount) => `${decimal(amount, 18)} ETH`
  const unit = await chain.token(asset).catch(() => undefined)
  if (!unit) return (amount) => `${amount} of ${asset}`
  return (amount) => `${decimal(amount, unit.decimals)} ${unit.symbol}`
}

const decimal = (amount: bigint, decimals: number): string => formatUnits(amount, decimals).replace(/\.0$/, '')

/** Chain seconds as a date. */
export const dateOf = (seconds: bigint): string => new Date(Number(seconds) * 1_000).toISOString().replace('.000', '')
