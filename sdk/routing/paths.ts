import { exactSearch } from './exact.ts'
import type { Network } from './network.ts'
import { type Path, type PathQuery, pathOf, TOO_MUCH, termsOf } from './path.ts'
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
  return findExactly(network, query)
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
