import type { Address, ChannelId } from '../core/types.ts'
import type { Network } from './network.ts'
import type { DeadlineMode, Path } from './path.ts'

/** One transfer of a route. */
export interface RouteHop {
  readonly channelId: ChannelId
  readonly from: Address
  readonly to: Address
  readonly amount: bigint
  /** Seconds since 1970. */
  readonly deadline: bigint
  /** What `from` keeps of what it is sent; 0n at the payer. */
  readonly fee: bigint
}

/** A path with all that is needed to lock money along it, by names that stay valid when the network changes. */
export interface Route {
  readonly asset: Address
  readonly mode: DeadlineMode
  /** From the payer on. */
  readonly hops: readonly RouteHop[]
}

/** What a node on a route is told: the transfer that it sends on, or that it is the payee. */
export type HopPlan =
  | (HopTransfer & { readonly kind: 'forward'; readonly channelId: ChannelId })
  /** `total`: what all parts of the payment come to. */
  | (HopTransfer & { readonly kind: 'final'; readonly total: bigint })

interface HopTransfer {
  readonly asset: Address
  readonly amount: bigint
  readonly deadline: bigint
  readonly mode: DeadlineMode
}

/**
 * The transfers of a path that end at the payee with `deadline`: all with the same one, or in mode `plain` each before it later by the margin of
 * the hop between them.
 */
export function routeOf(
  network: Network,
  { edges, amounts }: Path,
  {
    asset,
    deadline,
    mode = 'sprites',
  }: { readonly asset: Address; readonly deadline: bigint; readonly mode?: DeadlineMode },
): Route {
  const hops: RouteHop[] = []
  let until = deadline
  for (const [i, edge] of [...edges.entries()].reverse()) {
    const amount = amounts[i]!
    hops.unshift({
      channelId: network.channelIdOf(edge),
      from: network.nameOf(network.heads[edge ^ 1]!),
      to: network.nameOf(network.heads[edge]!),
      amount,
      deadline: until,
      fee: i === 0 ? 0n : amounts[i - 1]! - amount,
    })
    if (mode === 'plain') until += BigInt(network.policyOf(edge).margin)
  }
  return { asset, mode, hops }
}

/**
 * What each node after the payer is told, first node first: entry i is for `hops[i].to`.
 *
 * @param total What all parts of the payment come to.
 */
export function hopPlans({ asset, mode, hops }: Route, total: bigint): HopPlan[] {
  return hops.map(({ amount, deadline }, i) => {
    const next = hops[i + 1]
    if (next === undefined) return { kind: 'final', asset, amount, deadline, mode, total }
    return { kind: 'forward', channelId: next.channelId, asset, amount: next.amount, deadline: next.deadline, mode }
  })
}
