import { least } from '../core/transfer.ts'
import { doubt } from './belief.ts'
import type { Network } from './network.ts'
import { assertAmount, DEFAULT_RISK, HOP_DOUBT, type Path, type PathQuery, pathOf } from './path.ts'
import { findPath } from './paths.ts'

// Splitting a payment, after "Optimally Reliable & Cheap Payment Flows" (Pickhardt and Richter, 2021): what an edge carries already makes the
// next piece over it more doubtful, so the cheapest way for each further piece spreads the payment by itself. Pieces that take the same way
// become one part. Fewer, larger pieces are tried first, and smaller ones as long as they make the whole cheaper.

/** Parts of a payment at most. */
export const MAX_PARTS = 16
/** How often a piece that finds no way is halved. */
const MAX_HALVINGS = 4

/** What is asked of a split: a path's limits, which hold for the parts together where they are sums. */
export interface SplitQuery extends Omit<PathQuery, 'first' | 'last'> {
  /** {@link MAX_PARTS} if not given. */
  readonly maxParts?: number
}

/** Parts that together deliver an amount, all with the same key and deadline. */
export interface Split {
  readonly parts: readonly Path[]
  /** What hops keep of all parts. */
  readonly fee: bigint
  /** Minus the natural logarithm of the probability that all parts arrive. */
  readonly doubt: number
  /** Fee and priced doubt. */
  readonly cost: number
}

/**
 * The parts in which an amount is likely and cheap to arrive, or undefined if none were found. They share edges where that is best; no edge
 * carries more than it can.
 *
 * @throws `InvalidOptionError` for an amount of nothing.
 * @example
 * ```ts
 * const split = findSplit(network, { from: alice, to: bob, amount: 10_000_000n, maxFee: 50_000n, now, lock: 86_400 })
 * for (const part of split?.parts ?? []) routeOf(network, part, { asset, deadline })
 * ```
 */
export function findSplit(network: Network, query: SplitQuery): Split | undefined {
  assertAmount(query.amount)
  // One price of doubt for all pieces, however small they are.
  const priced = { ...query, risk: query.risk ?? DEFAULT_RISK * Number(query.amount) }
  let best: Split | undefined
  for (let pieces = 1; pieces <= (query.maxParts ?? MAX_PARTS); pieces *= 2) {
    const parts = partsOf(network, priced, (query.amount + BigInt(pieces) - 1n) / BigInt(pieces))
    const split = parts && sumOf(network, priced, parts)
    if (best && !(split && split.cost < best.cost)) break
    best = split ?? best
  }
  return best
}

/** Sends one piece after the other by the way that is best for it then. */
function partsOf(network: Network, query: SplitQuery, size: bigint): Path[] | undefined {
  const parts: Path[] = []
  let [piece, left, budget, halvings] = [size, query.amount, query.maxFee, 0]
  while (left > 0n) {
    const amount = least(piece, left)
    // What earlier pieces saved is there for later ones.
    const maxFee = (budget * amount) / left
    const path = findPath(network, { ...query, amount, maxFee, load: loadOf(query, parts) })
    if (path && add(network, query, parts, path)) {
      left -= amount
      budget = query.maxFee - parts.reduce((sum, { fee }) => sum + fee, 0n)
    } else if (amount > 1n && halvings++ < MAX_HALVINGS) piece = (amount + 1n) / 2n
    else return undefined
  }
  return parts
}

/** What edges carry of these parts, and of those that are on their way already. */
function loadOf({ load }: SplitQuery, parts: readonly Path[]): Map<number, bigint> {
  const sums = new Map(load)
  for (const { edges, amounts } of parts)
    for (const [i, edge] of edges.entries()) sums.set(edge, (sums.get(edge) ?? 0n) + amounts[i]!)
  return sums
}

const delivered = ({ amounts }: Path): bigint => amounts.at(-1)!

/** Adds a piece to the part that goes the same way, or as a part of its own; false if there are too many. */
function add(network: Network, query: SplitQuery, parts: Path[], path: Path): boolean {
  for (const [i, part] of parts.entries()) {
    if (part.edges.length !== path.edges.length || part.edges.some((edge, hop) => edge !== path.edges[hop])) continue
    const others = parts.filter((other) => other !== part)
    const amount = delivered(part) + delivered(path)
    const merged = pathOf(network, { ...query, amount, load: loadOf(query, others) }, path.edges)
    // Together they may be more than a hop forwards in one transfer.
    if (typeof merged === 'number') continue
    parts[i] = merged
    return true
  }
  return parts.length < (query.maxParts ?? MAX_PARTS) && parts.push(path) > 0
}

function sumOf(network: Network, query: SplitQuery & { readonly risk: number }, parts: readonly Path[]): Split {
  const fee = parts.reduce((sum, part) => sum + part.fee, 0n)
  let doubts = 0
  for (const [edge, carried] of loadOf({ ...query, load: new Map() }, parts)) {
    const used = Number(query.load?.get(edge) ?? 0n)
    doubts += doubt(network, edge, { used, amount: Number(carried), now: query.now })
  }
  for (const { edges } of parts) doubts += HOP_DOUBT * edges.length
  return { parts, fee, doubt: doubts, cost: Number(fee) + query.risk * doubts }
}
