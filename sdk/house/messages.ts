import type { Account, HouseLock, Leg, LockReceipt, Payment, Receipt } from '../clearing/account.ts'
import type { Act, Entry } from '../clearing/book.ts'
import type { Proof } from '../clearing/dispute.ts'
import type { Leaf } from '../clearing/epoch.ts'
import type { Limits } from '../clearing/limits.ts'
import type { Tally } from '../clearing/tally.ts'
import { TallystickError } from '../core/errors.ts'
import type { Address, Domain, Hex, Member } from '../core/types.ts'

// What a member and the operator of a house say to each other, over an authenticated connection: the member's signer is the peer.
//
//   member: greet, join ─▶ seated      act ─▶ acted | refused      ask, look ─▶ proven      release, offer, answer
//   operator: greet, seated; credited, locked, released, proven, proposed, ended come unasked
//
// Signatures are envelopes; the operator's are batched. An account never travels: both sides make it from the acts.

/** What this build speaks with houses; another one is refused. */
export const HOUSE_PROTOCOL_VERSION = 1

/** Why the operator does not do what it was asked for. */
export type HouseRefusal =
  /** The operator has not seen a deposit of this member and takes nobody without one. */
  | 'NOT_A_MEMBER'
  /** The account was for an epoch that is closed: sign it for the open one. */
  | 'EPOCH_CLOSED'
  /** The account's number is not above the last one. */
  | 'SEQ_STALE'
  | 'BAD_SIGNATURE'
  | 'BALANCE_TOO_LOW'
  | 'PAYEE_UNKNOWN'
  /** An act that the book does not allow: no such position or asset, too many. */
  | 'ACT_REFUSED'
  /** Above what the operator lets this member have or do. */
  | 'LIMIT'
  /** A group of payments that another member did not sign in time. */
  | 'GROUP_ENDED'
  | 'SLOW_DOWN'
  | 'NOT_HELD'
  /** The operator's own trouble, or it is about to stop; later. */
  | 'UNAVAILABLE'

/** By their number on the wire. */
export const HOUSE_REFUSALS: readonly HouseRefusal[] = [
  'NOT_A_MEMBER',
  'EPOCH_CLOSED',
  'SEQ_STALE',
  'BAD_SIGNATURE',
  'BALANCE_TOO_LOW',
  'PAYEE_UNKNOWN',
  'ACT_REFUSED',
  'LIMIT',
  'GROUP_ENDED',
  'SLOW_DOWN',
  'NOT_HELD',
  'UNAVAILABLE',
]

/** What members go by besides the chain; told after each cut and each commit. */
export interface HouseSettings {
  /** The open epoch, for which accounts are signed. */
  readonly open: bigint
  /** The last epoch that the chain has confirmed. */
  readonly committed: bigint
  /** Unix milliseconds by the operator's clock at which the open epoch is to be cut. */
  readonly nextCut: number
}

/** What the operator countersigned. */
export interface SignedAccount {
  readonly account: Account
  readonly signature: Uint8Array
}

/** What the operator signed over all of a member's income up to some entry. */
export interface SignedReceipt {
  readonly receipt: Receipt
  readonly signature: Uint8Array
}

/** A lock as its payee is told of it. */
export interface ToldLock {
  readonly payer: Member
  readonly lock: HouseLock
  readonly receipt: LockReceipt
  readonly signature: Uint8Array
}

/**
 * What a payee gives up: the lock at the payer's position, for `payment` (or for nothing). Without a signature it gives up nothing, but shows
 * the payer the secret and asks what it would pay instead.
 */
export interface ToldRelease {
  readonly payer: Hex
  readonly position: number
  readonly lock: Hex
  readonly payment: Hex
  readonly secret: Hex | undefined
  readonly signature: Uint8Array
}

/** What a payer would pay in place of a lock; undefined: nothing, the registry is to decide. */
export interface Instead {
  readonly payer: Hex
  readonly position: number
  readonly lock: Hex
  readonly payment: Payment | undefined
}

/** All that a member needs of a committed epoch beside the chain's own record of it. */
export interface EpochProof {
  readonly epoch: bigint
  readonly index: number
  readonly leaf: Leaf
  readonly path: readonly Hex[]
  /** Its income in that epoch. */
  readonly entries: readonly Entry[]
  /** The leaf of the epoch before is needed by nobody but the court; statuses and income are made anew by the member. */
  readonly statuses: Tally
  /** What the stake insures of the member's net inflow after this epoch, once it is final; undefined: nothing. */
  readonly limits: Limits | undefined
}

/** What the operator tells a member that comes, so that both go on from the same books. */
export interface Seat {
  readonly index: number
  /** The newest account: its number, the member's own signature (empty before the first), and the operator's. */
  readonly seq: bigint
  readonly signature: Uint8Array
  readonly countersignature: Uint8Array
  /** What that account was for, and the hash of its payments: by these a member that lost its memory knows its own signature. */
  readonly epoch: bigint
  readonly paid: Hex
  /** Payments of the open epoch, so that a member that lost its memory can make its book again. */
  readonly payments: readonly Payment[]
  readonly locks: readonly (HouseLock | undefined)[]
  readonly debits: readonly bigint[]
  /** Credits of the open epoch, and the newest receipt over them (always one: the first has no credits). */
  readonly entries: readonly Entry[]
  readonly receipt: SignedReceipt
}

export type HouseMessage =
  /** First frame in each direction. */
  | { readonly kind: 'greet'; readonly protocol: number; readonly domain: Domain }
  /** With the newest that the operator signed for it and the member holds: a house that knows less has lost its memory and stops. */
  | {
      readonly kind: 'join'
      readonly id: number
      readonly owner: Address
      readonly account: SignedAccount | undefined
      readonly receipt: SignedReceipt | undefined
    }
  | { readonly kind: 'seated'; readonly id: number; readonly settings: HouseSettings; readonly seat: Seat }
  /** One account for all of them. `signature`: the member's envelope over it. Payments of a group wait until all of it is signed. */
  | {
      readonly kind: 'act'
      readonly id: number
      readonly epoch: bigint
      readonly seq: bigint
      readonly acts: readonly Act[]
      readonly signature: Uint8Array
    }
  /** Durable. `signature`: the operator's over the account. `locks`: receipts for locks among the acts, in order. */
  | {
      readonly kind: 'acted'
      readonly id: number
      readonly signature: Uint8Array
      readonly locks: readonly { readonly receipt: LockReceipt; readonly signature: Uint8Array }[]
    }
  | { readonly kind: 'refused'; readonly id: number; readonly code: HouseRefusal; readonly reason: string }
  /** New income, in order; the receipt covers it. */
  | { readonly kind: 'credited'; readonly entries: readonly Entry[]; readonly receipt: SignedReceipt }
  | { readonly kind: 'locked'; readonly lock: ToldLock }
  /** From the payee to the operator, and from there to the payer. */
  | { readonly kind: 'release'; readonly id: number; readonly release: ToldRelease }
  | { readonly kind: 'released'; readonly release: ToldRelease }
  /** From the payer to the operator, and from there to the payee, who answers with a release for that payment. */
  | { readonly kind: 'instead'; readonly instead: Instead }
  | { readonly kind: 'done'; readonly id: number }
  /** Show me an epoch; after each commit it is shown to everybody who is connected, with `id` 0. */
  | { readonly kind: 'ask'; readonly id: number; readonly epoch: bigint }
  | { readonly kind: 'proven'; readonly id: number; readonly proof: EpochProof }
  /** The same for a tower, the peer, which has not joined; `permit`: the member's signature, see permit.ts. */
  | {
      readonly kind: 'look'
      readonly id: number
      readonly epoch: bigint
      readonly member: Hex
      readonly permit: Uint8Array
    }
  /** Show a payee where its lock stands: it needs the payer's leaf to end the lock after a halt. */
  | {
      readonly kind: 'askLock'
      readonly id: number
      readonly epoch: bigint
      readonly payer: Hex
      readonly position: number
    }
  | {
      readonly kind: 'lockProven'
      readonly id: number
      readonly stand: { readonly proof: Proof; readonly statusPath: readonly Hex[] }
    }
  /** The epoch was cut, or committed. */
  | { readonly kind: 'settings'; readonly settings: HouseSettings }
  /** Somebody wants these legs to happen together or not at all (delivery versus payment, a netting cycle). */
  | { readonly kind: 'offer'; readonly id: number; readonly legs: readonly Leg[]; readonly seconds: number }
  /** Told to all who would be debited: sign an act with your legs within the time, or do nothing. */
  | { readonly kind: 'proposed'; readonly group: Hex; readonly legs: readonly Leg[]; readonly seconds: number }
  /** What came of it. */
  | { readonly kind: 'ended'; readonly group: Hex; readonly isDone: boolean }

/** The other side of a conversation between a member and a house broke its rules; the connection is closed. */
export class HouseProtocolError extends TallystickError {
  readonly code: 'HOUSE_PROTOCOL' | 'HOUSE_VERSION' | 'ANOTHER_HOUSE'

  constructor(code: HouseProtocolError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}
