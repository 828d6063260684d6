/** A 20-byte address, lower-case hex. The chain's coin is `COIN`. */
export type Address = `0x${string}`
/** Any hex string; 32 bytes where a comment says so. */
export type Hex = `0x${string}`
/** A channel's 32-byte id; its last byte is the number of members. */
export type ChannelId = Hex & { readonly __channelId?: never }

export const COIN: Address = '0x0000000000000000000000000000000000000000'

/** `signer` signs states; `owner` receives every payout. */
export interface Member {
  readonly signer: Address
  readonly owner: Address
}

/** What makes a channel; members ascend by signer. Nothing is sent to the chain to open one. */
export interface Channel {
  /** Challenge period in seconds. */
  readonly period: number
  /** 128 bits, derived from the signer's seed. */
  readonly nonce: bigint
  readonly members: readonly Member[]
}

/** Which adjudicator judges: ids and digests bind both. */
export interface Domain {
  readonly chainId: bigint
  readonly adjudicator: Address
}

/** One asset of one channel. */
export interface LedgerRef {
  readonly channelId: ChannelId
  readonly asset: Address
}

/** A signed, versioned statement about one lane; `sum(credits) + locked === 0n`. */
export interface State extends LedgerRef {
  readonly generation: number
  readonly lane: number
  readonly version: bigint
  readonly credits: readonly bigint[]
  readonly locked: bigint
  /** 32 bytes; zero if nothing is locked. */
  readonly transfersRoot: Hex
}

export interface Leg {
  readonly to: number
  /** 32-byte outcome key. */
  readonly key: Hex
}

export interface Transfer {
  readonly amount: bigint
  /** Seconds; an outcome recorded at or before it counts. */
  readonly deadline: bigint
  readonly refundTo: number
  readonly legs: readonly Leg[]
}

/** Pays `amount` of `member`: to its owner (`to` zero), to `to`, or into `toChannel` for `toMember`. */
export interface WithdrawalPart {
  readonly member: number
  readonly amount: bigint
  readonly to: Address
  readonly toChannel: Hex
  readonly toMember: number
}

export interface Withdrawal extends LedgerRef {
  readonly generation: number
  readonly seq: number
  readonly parts: readonly WithdrawalPart[]
  readonly closing: boolean
  /** Chain time in seconds up to which it may be executed. */
  readonly validUntil: bigint
  /** Zero, or the expiry of the running dispute that it ends. */
  readonly dispute: bigint
}

/** A ledger's word 0 (and further words' balances) as the adjudicator records it. */
export type LedgerWord =
  | {
      readonly phase: 'open'
      readonly recorded: boolean
      readonly generation: number
      readonly seq: number
      readonly balances: readonly [bigint, bigint]
    }
  | {
      readonly phase: 'disputed'
      readonly recorded: boolean
      readonly generation: number
      readonly expiry: bigint
      readonly commitment: bigint
    }
