import { formatUnits, parseUnits } from 'ethers'
import type { EthersChain } from '../chain/adapter.ts'
import { type Address, COIN } from '../core/types.ts'
import { required, TaskUsageError } from './errors.ts'

/** How an asset's amounts are written. */
export interface Unit {
  readonly symbol: string
  readonly decimals: number
}

export const COIN_UNIT: Unit = { symbol: 'ETH', decimals: 18 }

/** Parses `0.5` (whole units) or `7wei` (smallest units); positive. Throws {@link TaskUsageError}. */
export function parseAmount(text: string | undefined, { decimals }: Unit): bigint {
  const given = required(text, 'amount', '0.5')
  const smallest = /^(\d{1,40})wei$/.exec(given)
  const whole = /^\d{1,40}(\.(\d+))?$/.exec(given)
  const fits = whole !== null && (whole[2]?.length ?? 0) <= decimals
  const amount = smallest ? BigInt(smallest[1]!) : fits ? parseUnits(given, decimals) : 0n
  if (amount > 0n) return amount
  throw new TaskUsageError(
    `"${given.slice(0, 40)}" is not an amount above zero with at most ${decimals} decimals. Write it like 0.5 or 7wei.`,
  )
}

/** `amount` with its unit, e.g. `0.5 ETH`. */
export const formatAmount = (amount: bigint, { symbol, decimals }: Unit): string =>
  `${formatUnits(amount, decimals).replace(/\.0$/, '')} ${symbol}`

/** The unit of an asset, asked of the token itself. */
export const unitOf = async (chain: Pick<EthersChain, 'token'>, asset: Address): Promise<Unit> =>
  asset === COIN ? COIN_UNIT : chain.token(asset)
