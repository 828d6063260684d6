import type { Address, Channel, ChannelId } from '../core/types.ts'
import type { LockToTerms } from './hops/outcomes.ts'
import type { LedgerBalances } from './ledgers/balances.ts'

// What the calls of a node are told, and what they answer with.

/** How to open a channel. */
export interface OpenOptions {
  /** Default: the chain's coin alone. */
  readonly assets?: readonly string[]
  /** Challenge period in seconds: how long one may be offline; default one day. */
  readonly period?: number
  readonly signal?: AbortSignal
}

/** How to open a group. */
export interface OpenGroupOptions {
  /** The other members: addresses to dial, or session keys of peers that are connected. */
  readonly members: readonly string[]
  /** Default: the chain's coin. */
  readonly asset?: string
  /** Challenge period in seconds; default one day. */
  readonly period?: number
  /** Milliseconds that a proposer has before the next one's turn comes; default 5,000. */
  readonly patience?: number
  /** Milliseconds after which a round that is not complete has stalled, and the chain decides; default 120,000. */
  readonly limit?: number
  /** How much of what a settlement pays may go on in a new group of the willing, if a round stalls; default none. */
  readonly goOn?: { readonly upTo: bigint }
  readonly signal?: AbortSignal
}

/** What inbound money to ask for. */
export interface InboundOptions {
  readonly amount: bigint
  /** Default: the chain's coin. */
  readonly asset?: string
  /** How long the hub leaves it there; default 30 days. */
  readonly seconds?: bigint
  readonly signal?: AbortSignal
}

/** An asset; default: the chain's coin. */
export interface Named {
  readonly asset?: string
}

/** One asset for another. Amounts are in their units. */
export interface SwapOptions {
  /** At most, all that hops keep included. */
  readonly give: Named & { readonly amount: bigint }
  readonly get: Named & { readonly amount: bigint }
  /** Who swaps, by session key or by the address it is dialled at; default: the connected peer that asks least. */
  readonly with?: string
  /** Chain seconds that it may be locked for if somebody is silent; default: this node's `maxSwapLock`, or less if the other end takes less. */
  readonly seconds?: bigint
  readonly signal?: AbortSignal
}

/** How to take an invoice that promises another asset. */
export interface SwapInvoiceOptions extends Pick<SwapOptions, 'seconds' | 'signal'> {
  /** In the invoice's asset; default: 1 % of its amount and 10,000 of the smallest unit. */
  readonly maxFee?: bigint
  /** In the promised asset; default: all that was promised. */
  readonly least?: bigint
}

/** As {@link SwapOptions}, before it is known what it would take. */
export type SwapQuestion = Omit<SwapOptions, 'give'> & { readonly give: Named & { readonly amount?: bigint } }

/** What to lock to another node. */
export interface LockToOptions extends Omit<LockToTerms, 'to' | 'asset'> {
  /** The payee's session key. */
  readonly to: string
  /** Default: the chain's coin. */
  readonly asset?: string
}

/** A channel and where it is at. */
export interface ChannelInfo {
  readonly channelId: ChannelId
  readonly channel: Channel
  /** This node's member index. */
  readonly me: number
  readonly peer: Address
  readonly connected: boolean
  readonly ledgers: readonly LedgerBalances[]
}

/** Which payments to list. */
export interface PaymentFilter {
  readonly channelId?: ChannelId
  readonly asset?: string
}

/** How busy a node is with payments of others. */
export interface NodeLoad {
  /** Parts on their way. */
  readonly carrying: number
  readonly storeLag: number
  /** New ones are refused at the moment. */
  readonly busy: boolean
}
