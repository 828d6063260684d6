import type { PaymentProof } from '../../core/invoice.ts'
import type { Address, ChannelId, Hex } from '../../core/types.ts'
import { MAX_PARTS } from '../../protocols/invoicing.ts'
import type { DeadlineMode } from '../../routing/path.ts'

import type { Way } from '../routes/finder.ts'

// What a user asks of a payment over hops, and what it is told.

/** One hub on the way: it is paid in the channel before and pays in `channelId`. */
export interface RouteHop {
  /** 32 bytes: what its layer of the onion is sealed for. */
  readonly onionKey: Hex
  /** Its channel to the next hop or the payee. */
  readonly channelId: ChannelId
  /** What it keeps, in the asset's units. */
  readonly fee: bigint
}

/** A way from this node to a payee. */
export interface Route {
  /** This node's channel to the first hop, or to the payee. */
  readonly channelId: ChannelId
  readonly hops: readonly RouteHop[]
}

/** Within which limits to find a way for an invoice. */
export interface QuoteOptions {
  /** Needed where the payer decides. */
  readonly amount?: bigint
  /** What hops may keep in all, residuals of failed parts included; default: 1 % of the amount and 10,000 of the smallest unit. */
  readonly maxFee?: bigint
  /** Parts at most; default and limit: 16. */
  readonly maxParts?: number
  /** `sprites` (default): no hop can be skipped; `plain`: the secret alone. */
  readonly mode?: DeadlineMode
  /** Chain seconds that the payee's part may be locked for; default 6 hours. */
  readonly seconds?: bigint
}

/** How to pay an invoice. */
export interface PayInvoiceOptions extends QuoteOptions {
  /** Default: the node finds its own ways. With a route there is one part and one attempt. */
  readonly route?: Route
  /** How often parts that came back may be sent another way; default 10. */
  readonly attempts?: number
  /** Ends the waiting and further attempts; what is on its way may still be paid. */
  readonly signal?: AbortSignal
}

/** What paying an invoice would take, before anything is sent. */
export interface Quote {
  readonly amount: bigint
  /** What hops keep. */
  readonly fee: bigint
  readonly parts: number
  /** That all parts arrive at the first attempt, from 0 to 1. */
  readonly chance: number
}

/** An invoice that was paid: the proof, and what it took. */
export interface PaidInvoice extends PaymentProof {
  /** What hops kept. */
  readonly fee: bigint
  readonly parts: number
}

const MIN_FEE = 10_000n

export const maxFeeOf = (amount: bigint, { maxFee }: QuoteOptions): bigint => maxFee ?? amount / 100n + MIN_FEE

export const maxPartsOf = ({ maxParts = MAX_PARTS }: QuoteOptions): number => Math.max(1, Math.min(MAX_PARTS, maxParts))

/** The one way that a caller names. Who its hops are does not matter to anybody: nothing is learned from a way that was not found. */
export function givenWay(
  route: Route,
  to: { from: Address; payee: Address; asset: Address; onionKey: Hex; amount: bigint; deadline: bigint },
): Way {
  const { from, payee, asset, amount, deadline } = to
  const fee = route.hops.reduce((sum, hop) => sum + hop.fee, 0n)
  const fees = [0n, ...route.hops.map((hop) => hop.fee)]
  const channels = [route.channelId, ...route.hops.map(({ channelId }) => channelId)]
  let left = amount + fee
  const hops = channels.map((channelId, index) => {
    left -= fees[index]!
    return { channelId, asset, from, to: payee, amount: left, deadline, fee: fees[index]! }
  })
  return { hops, onionKeys: [...route.hops.map((hop) => hop.onionKey), to.onionKey], amount, fee }
}
