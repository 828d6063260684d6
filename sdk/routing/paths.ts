import { doubt } from './belief.ts'
import { exactSearch } from './exact.ts'
import type { Network } from './network.ts'
import { type Path, type PathQuery, pathOf, TOO_MUCH, termsOf } from './path.ts'
import { feeOf } from './policy.ts'
import { search } from './search.ts'

/** Edges that the quick search may have proposed in vain before the exact one takes over. */
const MAX_DETOURS = 4

/**
 * A path for one amount, or undefined if there is none. It costs the least in fees and priced doubt, up to fees on fees: at most
 * `1 + fee / amount` times as much as the best one.
 *
 * A search from both ends proposes; then every amount is counted to the unit. What turns out to break a limit is left to a slower search
 * that minds limits on its way.
 *
 * @throws `InvalidOptionError` for an amount of nothing.
 * @example
 * ```ts
 * const path = findPath(network, { from: alice, to: bob, amount: 100_000n, maxFee: 500n, now, lock: 86_400 })
 * ```
 */
export function findPath(network: Network, query: PathQuery): Path | undefined {
  const excluded = new Set(query.excluded)
  for (let detours = 0; detours < MAX_DETOURS; detours++) {
    const terms = termsOf(network, { ...query, excluded })
    const edges = terms && search(network, terms)
    // Its weights are lower bounds: where it finds no way at first, there is none.
    if (edges === undefined && detours === 0) return undefined
    if (edges === undefined) break
    const found = pathOf(network, query, edges)
    if (typeof found !== 'number') return found
    if (found === TOO_MUCH) break
    excluded.add(found)
  }
  return isHopeless(network, query) ? undefined : findExactly(network, query)
}

/**
 * Whether there is no path for sure, because the least fee of any way is too much or does not fit into the payer's own channel on top of the
 * amount. Round amounts meet channels of just their size often, and the exact search looks at thousands of ways before it gives up.
 */
function isHopeless(network: Network, query: PathQuery): boolean {
  const excluded = new Set(query.excluded)
  for (let detours = 0; detours < MAX_DETOURS; detours++) {
    const terms = termsOf(network, { ...query, excluded, risk: 0 })
    const edges = terms && search(network, terms)
    if (edges === undefined) return true
    const fee = edges.slice(1).reduce((sum, edge) => sum + feeOf(network.policyOf(edge), query.amount), 0n)
    if (fee > query.maxFee) return true
    const [own] = edges as [number]
    if (carries(network, query, own, query.amount + fee)) return false
    // No way by this channel asks for less.
    excluded.add(own)
  }
  return false
}

function carries(network: Network, { load, now }: PathQuery, edge: number, amount: bigint): boolean {
  const used = Number(load?.get(edge) ?? 0n)
  return (
    amount <= network.policyOf(edge).max &&
    doubt(network, edge, { used, amount: Number(amount), now }) < Number.POSITIVE_INFINITY
  )
}

/** As {@link findPath}, by the exact search alone: the very best path, after up to some ten milliseconds. */
export function findExactly(network: Network, query: PathQuery): Path | undefined {
  const terms = termsOf(network, query)
  if (terms === undefined) return undefined
  const edges = exactSearch(network, terms)
  const found = edges && pathOf(network, query, edges)
  // Above 2^53 doubles may be off by a unit where amounts are counted exactly.
  return typeof found === 'number' ? undefined : found
}
