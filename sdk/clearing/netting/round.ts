import { least } from '../../core/transfer.ts'
import type { Address } from '../../core/types.ts'
import { checkFunds, checkObligations } from './check.ts'
import { type Dues, type Market, type Means, marketOf as newMarket } from './market.ts'
import type { Funds, NettingObligation } from './obligation.ts'

/** What is netted together, with whole numbers for members, assets and what settles whole. */
export interface Round {
  readonly obligations: readonly NettingObligation[]
  /** Sorted, so that nothing depends on the order of the input. */
  readonly members: readonly string[]
  readonly markets: readonly Market[]
  /** By market, one over all that is owed there: assets have no common unit, so each counts the same. */
  readonly weights: readonly number[]
  /** What settles whole or not at all: the obligations of each unit. */
  readonly units: readonly (readonly number[])[]
  /** Of each obligation: amount, payer, payee, market, and unit or -1. */
  readonly amounts: readonly bigint[]
  readonly from: Int32Array
  readonly to: Int32Array
  readonly marketOf: Int32Array
  readonly unitOf: Int32Array
}

/** As a share of what is owed: less may be an error of rounding. */
export const LEAST_GAIN = 1e-12

/** Reads a round. Throws `NettingError`. */
export function roundOf(obligations: readonly NettingObligation[], funds: readonly Funds[]): Round {
  checkFunds(funds)
  const memberIndex = indexOf(funds.map(({ member }) => member))
  checkObligations(obligations, memberIndex)
  const assetIndex = indexOf(obligations.map(({ asset }) => asset))
  const from = Int32Array.from(obligations, (one) => memberIndex.get(one.from)!)
  const to = Int32Array.from(obligations, (one) => memberIndex.get(one.to)!)
  const amounts = obligations.map(({ amount }) => amount)
  const marketOf = Int32Array.from(obligations, (one) => assetIndex.get(one.asset)!)
  const whole = Uint8Array.from(obligations, (one) => (divides(one) ? 0 : 1))
  const members = [...memberIndex.keys()]
  const dues: Dues = { members: members.length, from, to, amounts, whole }
  const lines = linesOf(marketOf, assetIndex.size)
  const markets = [...assetIndex.keys()].map((asset, at) =>
    newMarket(meansOf(asset as Address, obligations, funds, memberIndex, lines[at]!), dues, lines[at]!),
  )
  const weights = markets.map((market) => 1 / market.lines.reduce((sum, line) => sum + Number(amounts[line]!), 0))
  return { obligations, members, markets, weights, from, to, amounts, marketOf, ...unitsOf(obligations) }
}

const divides = ({ kind, group }: NettingObligation): boolean => kind === 'divisible' && group === undefined

/** Different names in order, each with its place. */
const indexOf = (names: readonly string[]): ReadonlyMap<string, number> =>
  new Map([...new Set(names)].sort().map((name, index) => [name, index]))

/** Balances in an asset, and limits: the same, or less where a member says so. */
function meansOf(
  asset: Address,
  obligations: readonly NettingObligation[],
  funds: readonly Funds[],
  members: ReadonlyMap<string, number>,
  lines: readonly number[],
): Means {
  const balances = new Array<bigint>(members.size).fill(0n)
  for (const line of funds) if (line.asset === asset) balances[members.get(line.member)!] = line.amount
  const limits = [...balances]
  for (const line of lines) {
    const { from, maxNetDebit } = obligations[line]!
    const payer = members.get(from)!
    if (maxNetDebit !== undefined) limits[payer] = least(limits[payer]!, maxNetDebit)
  }
  return { asset, balances, limits }
}

/** The obligations of each market. */
function linesOf(marketOf: Int32Array, markets: number): number[][] {
  const lines = Array.from({ length: markets }, (): number[] => [])
  for (const [line, market] of marketOf.entries()) lines[market]!.push(line)
  return lines
}

/** A group is one unit; an all-or-nothing obligation without a group is one by itself. */
function unitsOf(obligations: readonly NettingObligation[]): Pick<Round, 'units' | 'unitOf'> {
  const units: number[][] = []
  const groups = new Map<string, number>()
  const unitOf = Int32Array.from(obligations, ({ kind, group }, at) => {
    if (group === undefined) return kind === 'divisible' ? -1 : units.push([at]) - 1
    const unit = groups.get(group) ?? units.push([]) - 1
    groups.set(group, unit)
    units[unit]!.push(at)
    return unit
  })
  for (const unit of groups.values()) units[unit]!.sort(bySize({ obligations }))
  return { units, unitOf }
}

/** The largest obligation first, ids decide between equals. */
export const bySize =
  ({ obligations }: Pick<Round, 'obligations'>) =>
  (a: number, b: number): number => {
    const [one, other] = [obligations[a]!, obligations[b]!]
    if (one.amount !== other.amount) return one.amount > other.amount ? -1 : 1
    return one.id < other.id ? -1 : 1
  }

/** By the largest leg. */
export const compareUnits = (round: Round, a: number, b: number): number =>
  bySize(round)(round.units[a]![0]!, round.units[b]![0]!)

/** How many of `size` sorted things stand before the first for which `isPast` is true. */
export function countUntil(size: number, isPast: (at: number) => boolean): number {
  let [low, high] = [0, size]
  while (low < high) {
    const middle = (low + high) >> 1
    if (isPast(middle)) high = middle
    else low = middle + 1
  }
  return low
}
