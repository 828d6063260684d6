import type { Address } from '../../core/types.ts'
import type { Market } from './market.ts'
import type { Round } from './round.ts'

/** What netting saves in one asset. Amounts in its smallest unit. */
export interface NettingFigures {
  readonly asset: Address
  readonly obligations: number
  /** How many of them are discharged whole, and how many in part. */
  readonly whole: number
  readonly partly: number
  /** All that is owed. */
  readonly owed: bigint
  /** All that is discharged: what would move if each obligation were paid by itself. */
  readonly gross: bigint
  /** What would move if each pair of members paid the difference. */
  readonly bilateral: bigint
  /** What does move: the sum of the debits. */
  readonly multilateral: bigint
}

export function figuresOf(
  round: Round,
  discharged: readonly bigint[],
  paid: readonly (readonly bigint[])[],
): NettingFigures[] {
  const counts = round.markets.map(() => ({ obligations: 0, whole: 0, partly: 0, owed: 0n }))
  for (const [line, amount] of round.amounts.entries()) {
    const count = counts[round.marketOf[line]!]!
    count.obligations++
    count.owed += amount
    if (discharged[line] === amount) count.whole++
    else if (discharged[line]! > 0n) count.partly++
  }
  return round.markets.map((market, at) => {
    const gross = paid[at]!.reduce((sum, amount) => sum + amount, 0n)
    const nets = { bilateral: bilateral(market, paid[at]!), multilateral: multilateral(market, paid[at]!) }
    return { asset: market.asset, ...counts[at]!, gross, ...nets }
  })
}

function bilateral({ from, to, graph }: Market, paid: readonly bigint[]): bigint {
  const pairs = new Map<number, bigint>()
  for (const [pair, amount] of paid.entries()) {
    const [low, high] = [Math.min(from[pair]!, to[pair]!), Math.max(from[pair]!, to[pair]!)]
    const key = low * graph.size + high
    pairs.set(key, (pairs.get(key) ?? 0n) + (from[pair] === low ? amount : -amount))
  }
  return sumOfSizes([...pairs.values()])
}

/** Half of all nets, since what some are debited others are credited. */
function multilateral({ from, to, graph }: Market, paid: readonly bigint[]): bigint {
  const nets = new Array<bigint>(graph.size).fill(0n)
  for (const [pair, amount] of paid.entries()) {
    nets[from[pair]!]! -= amount
    nets[to[pair]!]! += amount
  }
  return sumOfSizes(nets) / 2n
}

const sumOfSizes = (amounts: readonly bigint[]): bigint =>
  amounts.reduce((sum, amount) => sum + (amount < 0n ? -amount : amount), 0n)
