import { encode, from as parameters } from 'ox/AbiParameters'
import { toBytes, toHex } from '../core/bytes.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Hex, Member } from '../core/types.ts'
import type { Account, HouseLock, LockReceipt, Payment, Receipt } from './account.ts'
import type { Epoch, Leaf } from './epoch.ts'
import type { Posting } from './posting.ts'
import type { Tally } from './tally.ts'

// What is said before the court of houses, docs/clearing.md §5, with the names and orders that `HouseCourt` uses.

/** A leaf at its index, with its path to the tree of members. */
export interface Proof {
  readonly index: number
  readonly leaf: Leaf
  readonly path: readonly Hex[]
}

/** One member's part of a proof for several. */
export interface Claim {
  readonly index: number
  readonly leaf: Leaf
  readonly identity: Member
}

/** Why a leaf must be in an epoch. `signatures`: the operator's, of accounts and then receipts. */
export interface Evidence {
  readonly member: Hex
  readonly accounts: readonly Account[]
  readonly receipts: readonly Receipt[]
  readonly postings: readonly Posting[]
  readonly signatures: readonly Hex[]
}

/** A receipt shows that its member has a leaf in its epoch and in all later ones. */
export interface Membership {
  readonly receipt: Receipt
  readonly signature: Hex
}

/** D2: what the leaf of a member must hold at least. */
export interface LeafDemand {
  readonly about: 'leaf'
  readonly epoch: bigint
  readonly member: Hex
  /** The member's index and one; zero: unknown. */
  readonly index: number
  /** The member's earliest deposit in evidence; zero: unknown. */
  readonly since: bigint
  readonly seq: bigint
  readonly credits: readonly bigint[]
  readonly deposited: readonly bigint[]
  readonly requested: readonly bigint[]
}

/** D3 and D5: what must follow from a debit: the payee's credit, another leg of its group, or the status of a lock. */
export interface DebitDemand {
  readonly about: 'credit' | 'leg' | 'status'
  readonly epoch: bigint
  readonly from: Hex
  /** The payee; where another leg is asked for, its payer, as far as it is known. */
  readonly to: Hex
  /** Whether it stands in the payer's locks, or in its payments. */
  readonly isLock: boolean
  readonly position: number
  /** The hash that stands there. */
  readonly entry: Hex
  readonly leg: number
  /** The index of `from` and one: no other leaf of it answers. */
  readonly fromIndex: number
  /** The same of `to`; zero: unknown. */
  readonly toIndex: number
  /** The operator itself signed that the lock stands there. */
  readonly proven: boolean
}

export type Demand = LeafDemand | DebitDemand

/**
 * A demand as somebody makes it; each field is an argument of the court's function of that name.
 * With the membership of the other side (`payee`, or `other`: who pays the leg) no second leaf of that member can answer.
 */
export type Challenge =
  | { readonly kind: 'leaf'; readonly epoch: Epoch; readonly evidence: Evidence }
  | { readonly kind: 'credit'; readonly payment: Payment; readonly payer: Membership; readonly payee?: Membership }
  | {
      readonly kind: 'leg'
      readonly payment: Payment
      readonly leg: number
      readonly payer: Membership
      readonly other?: Membership
    }
  | (LockChallenge & { readonly kind: 'lock' })
  | (LockChallenge & { readonly kind: 'lockCredit'; readonly previous: Epoch })

/** `signature`: the operator's, of the lock receipt; `0x`: none, then `payer` is needed. */
export interface LockChallenge {
  readonly epoch: Epoch
  readonly receipt: LockReceipt
  readonly lock: HouseLock
  readonly signature: Hex
  readonly payer?: Membership
  readonly payee?: Membership
}

/** Something else than the debit in question, or nothing, where it is said to stand. */
export interface Absence {
  readonly epoch: Epoch
  readonly proof: Proof
  readonly entry: Hex
  readonly sums: readonly bigint[]
  readonly path: readonly Hex[]
}

/** The payee's word that it wants a payment in place of the lock; without `paid` it gave the lock up. */
export interface Release {
  readonly payee: Member
  readonly signature: Hex
  readonly paid?: {
    readonly payment: Payment
    readonly epoch: Epoch
    readonly proof: Proof
    /** In the payee's income. */
    readonly position: number
    readonly path: readonly Hex[]
  }
}

/** An entry in a leaf's tree, with its path. */
interface Entry {
  readonly epoch: Epoch
  readonly proof: Proof
  readonly path: readonly Hex[]
}

/** What answers a demand; each field is an argument of the court's function of that name. */
export type Answer =
  | {
      readonly kind: 'leaf'
      readonly demand: LeafDemand
      readonly identity: Member
      /** The epoch before, and the challenged one. */
      readonly epochs: readonly [Epoch, Epoch]
      readonly proofs: readonly [Proof, Proof]
      /** The one that the leaf was taken from; whatever, if the leaf's `seq` is zero. */
      readonly account: Account
      readonly signature: Hex
      readonly statuses: Tally
      readonly income: Tally
    }
  | (Entry & Debit & { readonly kind: 'credit'; readonly payment: Payment; readonly position: number })
  | (Entry & Debit & { readonly kind: 'lockCredit'; readonly lock: HouseLock; readonly position: number })
  | (Entry &
      Debit & {
        readonly kind: 'leg'
        readonly payment: Payment
        readonly leg: Payment
        readonly legPath: readonly Hex[]
      })
  | (Debit & {
      readonly kind: 'noLeg'
      readonly payment: Payment
      readonly entry: Hex
      readonly sums: readonly bigint[]
      readonly path: readonly Hex[]
    })
  | (Entry & Debit & { readonly kind: 'lock'; readonly lock: HouseLock; readonly statusPath: readonly Hex[] })
  | (Debit & { readonly kind: 'absence'; readonly absence: Absence })
  | (Debit & { readonly kind: 'release'; readonly release: Release })

interface Debit {
  readonly demand: DebitDemand
}

/** D4: one of two things that the operator said about a member and that contradict each other. */
export type Statement =
  | { readonly account: Account; readonly signature: Hex }
  | { readonly receipt: Receipt; readonly signature: Hex }
  | { readonly epoch: Epoch; readonly proof: Proof }

/** How the contract numbers what a {@link DebitDemand} is about. */
export const ABOUT = ['credit', 'leg', 'status'] as const

const LEAF_DEMAND = parameters(
  '(uint64 epoch,bytes32 member,uint32 index,uint64 since,uint64 seq,uint128[] credits,uint128[] deposited,uint128[] requested) demand',
)
const DEBIT_DEMAND = parameters(
  '(uint8 about,uint64 epoch,bytes32 from,bytes32 to,bool isLock,uint32 position,bytes32 entry,uint32 leg,uint32 fromIndex,uint32 toIndex,bool proven) demand',
)

/** By which the court knows a demand. */
export function demandHash(demand: Demand): Hex {
  const encoded =
    demand.about === 'leaf'
      ? encode(LEAF_DEMAND, [demand] as never)
      : encode(DEBIT_DEMAND, [{ ...demand, about: ABOUT.indexOf(demand.about) }] as never)
  return toHex(keccak256(toBytes(encoded)))
}
