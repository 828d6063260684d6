import type { Market } from './market.ts'
import type { Round } from './round.ts'

/** How a unit stands: left out, divided at will for the moment, or settled whole. */
export const LEFT = 0
export const OPEN = 1
export const WHOLE = 2

/** By unit. */
export type Stands = Uint8Array

/** Which units settle, and by market and pair what stays undischarged of what is divisible. */
export interface Choice {
  readonly stands: Stands
  readonly rests: readonly (readonly bigint[])[]
}

/** By market and member, how much more it can be net debited. */
export type Room = readonly bigint[][]

/** The sum of the legs of a pair whose units stand so. */
export function legsThat(stand: number, round: Round, market: Market, stands: Stands, pair: number): bigint {
  const { lines, starts, middles } = market
  let sum = 0n
  for (let at = middles[pair]!, end = starts[pair + 1]!; at < end; at++)
    if (stands[round.unitOf[lines[at]!]!] === stand) sum += round.amounts[lines[at]!]!
  return sum
}

/** By market and pair, what is discharged. */
export const paidOf = (round: Round, { stands, rests }: Choice): bigint[][] =>
  round.markets.map((market, at) =>
    market.divisible.map((sum, pair) => sum - rests[at]![pair]! + legsThat(WHOLE, round, market, stands, pair)),
  )

export const roomOf = (round: Round, paid: readonly (readonly bigint[])[]): Room =>
  round.markets.map(({ limits, from, to }, at) => {
    const room = [...limits]
    for (const [pair, amount] of paid[at]!.entries()) {
      room[from[pair]!]! -= amount
      room[to[pair]!]! += amount
    }
    return room
  })

/** What may still be spent on a good choice. Counted, not timed, so that results repeat. */
export interface Effort {
  /** Obligations that flows go through while units are rounded off with care, and while single ones are forced. */
  rounded: number
  forced: number
  /** Units turned over in exchanges. */
  turned: number
}

/** Some seconds at most. */
export const EFFORT: Effort = { rounded: 3_000_000, forced: 2_000_000, turned: 100_000 }
