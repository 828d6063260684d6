import { least } from '../core/transfer.ts'
import type { Address } from '../core/types.ts'
import type { Network } from './network.ts'
import type { DeadlineMode, Path } from './path.ts'
import { findPath } from './paths.ts'
import { MAX_RATE } from './policy.ts'

/** One of a hub's own channels. */
export interface OwnChannel {
  /** The edge that leaves the hub. */
  readonly edge: number
  /** What the hub can send and receive over it. */
  readonly spendable: bigint
  readonly receivable: bigint
  /** What it would like to be able to send; half of both if not given. */
  readonly target?: bigint
}

/** What is asked of cycles. */
export interface CycleQuery {
  readonly hub: Address
  readonly channels: readonly OwnChannel[]
  /** What the hops of a cycle may keep, in parts per million of what it moves. */
  readonly maxRate: number
  /** Smaller amounts are not worth a payment. */
  readonly minAmount: bigint
  /** 16 if not given. */
  readonly maxCycles?: number
  readonly now: number
  readonly lock: number
  readonly mode?: DeadlineMode
}

/** A payment of the hub to itself. */
export interface Cycle extends Path {
  /** What comes back over the channel that lacked it. */
  readonly amount: bigint
}

/** By how much a channel's spendable part is above its target; negative: below. */
const excess = ({ spendable, receivable, target }: OwnChannel): bigint =>
  spendable - (target ?? (spendable + receivable) / 2n)

const bigger = (a: bigint, b: bigint): bigint => (a > b ? a : b)

/**
 * Payments of a hub to itself that move money from its channels with too much to those with too little, the largest first. Each keeps
 * within the fee budget by itself, and all of them can be made together.
 *
 * @example
 * ```ts
 * for (const cycle of findCycles(network, { hub, channels, maxRate: 50, minAmount: 10_000n, now, lock: 86_400 }))
 *   routeOf(network, cycle, { asset, deadline })
 * ```
 */
export function findCycles(network: Network, query: CycleQuery): Cycle[] {
  const { hub: from, now, lock, mode = 'sprites', minAmount, maxCycles = 16 } = query
  const cycles: Cycle[] = []
  const load = new Map<number, bigint>()
  let channels = [...query.channels]
  let amount = largest(channels)
  while (amount >= bigger(minAmount, 1n) && cycles.length < maxCycles) {
    const maxFee = (amount * BigInt(query.maxRate)) / BigInt(MAX_RATE)
    // A channel is on one side only, so no cycle leaves and returns over the same one.
    const first = edges(channels, (own) => excess(own) >= amount && own.spendable >= amount + maxFee)
    const last = new Set([...edges(channels, (own) => -excess(own) >= amount)].map((edge) => edge ^ 1))
    const path = findPath(network, { from, to: from, amount, maxFee, now, lock, mode, first, last, load })
    if (path === undefined) {
      amount /= 2n
      continue
    }
    cycles.push({ ...path, amount })
    for (const [i, edge] of path.edges.entries()) load.set(edge, (load.get(edge) ?? 0n) + path.amounts[i]!)
    channels = channels.map((own) => afterwards(own, path))
    amount = least(amount, largest(channels))
  }
  return cycles
}

const edges = (channels: readonly OwnChannel[], wanted: (own: OwnChannel) => boolean): Set<number> =>
  new Set(channels.filter(wanted).map(({ edge }) => edge))

/** The most that one cycle could move. */
function largest(channels: readonly OwnChannel[]): bigint {
  const [above, below] = [
    channels.map(excess).reduce(bigger, 0n),
    channels.map((own) => -excess(own)).reduce(bigger, 0n),
  ]
  return least(above, below)
}

/** A channel once `path` was paid; its target stays where it was. */
function afterwards(own: OwnChannel, { edges, amounts }: Path): OwnChannel {
  const { edge, spendable, receivable, target = (spendable + receivable) / 2n } = own
  const sent = edges[0] === edge ? amounts[0]! : edges.at(-1) === (edge ^ 1) ? -amounts.at(-1)! : 0n
  return { edge, spendable: spendable - sent, receivable: receivable + sent, target }
}
