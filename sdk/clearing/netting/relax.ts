import { legsThat, OPEN, type Stands, WHOLE } from './choice.ts'
import { leastFlow } from './flow.ts'
import type { Market } from './market.ts'
import type { Round } from './round.ts'

/**
 * By pair of a market, what has to stay undischarged so that nobody is net debited beyond its limit: the least in total. All that is
 * divisible and all open units may be divided; whole ones are paid in any case. Undefined if that cannot be.
 *
 * Were all discharged, some members would be debited beyond their limits. Each obligation that is not discharged moves such an excess
 * from its payer to its payee, so what is sought is a flow of least total from the excesses to where limits leave room: the set-off of
 * Fleischman and Dini ("Mathematical Foundations for Balancing the Payment System in the Trade Credit Market", 2021), seen from what is left.
 */
export function relax(round: Round, market: Market, stands: Stands): bigint[] | undefined {
  const { from, to, divisible, graph } = market
  const excess = market.limits.map((limit) => -limit)
  const capacities = divisible.map((sum, pair) => {
    const open = sum + legsThat(OPEN, round, market, stands, pair)
    const all = open + legsThat(WHOLE, round, market, stands, pair)
    excess[from[pair]!]! += all
    excess[to[pair]!]! -= all
    return open
  })
  return leastFlow(graph, capacities, excess)
}

/** The same for all markets, for stands that are known to be possible. */
export const relaxAll = (round: Round, stands: Stands): bigint[][] =>
  round.markets.map((market) => relax(round, market, stands)!)
