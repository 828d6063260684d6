import { toHex } from '../core/bytes.ts'
import { typeHash } from '../core/eip712.ts'
import type { Address, Hex, Member } from '../core/types.ts'
import { buildTally, type Row, sumWord, tallyHash, topOf } from './tally.ts'
import { hashWords } from './words.ts'

// What members and operators of a house sign, docs/clearing.md §2, by `typedDigest` with the house as the domain's contract. Amounts are for life and in the asset's smallest unit.

export const ACCOUNT_TYPE =
  'Account(bytes32 member,uint32 index,uint64 epoch,uint64 seq,uint128[] debits,uint128[] locked,bytes32 locks,bytes32 payments)'
export const RECEIPT_TYPE =
  'Receipt(bytes32 member,uint32 index,uint64 epoch,uint64 seq,uint128[] credits,bytes32 income)'
export const LOCK_RECEIPT_TYPE = 'LockReceipt(bytes32 payer,uint32 index,uint32 position,bytes32 lock)'
export const RELEASE_TYPE = 'Release(bytes32 payer,uint32 position,bytes32 lock,bytes32 payment)'

const ACCOUNT = typeHash(ACCOUNT_TYPE)
const RECEIPT = typeHash(RECEIPT_TYPE)
const LOCK_RECEIPT = typeHash(LOCK_RECEIPT_TYPE)
const RELEASE = typeHash(RELEASE_TYPE)
const CREDIT = typeHash('Tallystick lock credit')

/** What a member has spent and locked: signed by the member, countersigned by the operator. */
export interface Account {
  /** {@link memberId}. */
  readonly member: Hex
  readonly index: number
  readonly epoch: bigint
  readonly seq: bigint
  /** Per asset. */
  readonly debits: readonly bigint[]
  readonly locked: readonly bigint[]
  /** Hash of the tally of locks. */
  readonly locks: Hex
  /** Hash of the tally of what was paid in this epoch. */
  readonly payments: Hex
}

/** What a member was credited with: signed by the operator. */
export interface Receipt {
  readonly member: Hex
  readonly index: number
  readonly epoch: bigint
  readonly seq: bigint
  readonly credits: readonly bigint[]
  readonly income: Hex
}

export interface Payment {
  readonly from: Hex
  readonly to: Hex
  readonly epoch: bigint
  /** In the payer's payments of this epoch. */
  readonly position: number
  readonly asset: number
  readonly amount: bigint
  /** Hash of the tally of legs; zero: it stands alone. */
  readonly group: Hex
  readonly leg: number
}

export interface Leg {
  readonly from: Hex
  readonly to: Hex
  readonly asset: number
  readonly amount: bigint
}

/** A conditional payment in a house; its outcome key is the registry's. */
export interface HouseLock {
  readonly to: Hex
  readonly asset: number
  readonly amount: bigint
  readonly key: Hex
  readonly deadline: bigint
  readonly epoch: bigint
}

export interface LockReceipt {
  readonly payer: Hex
  readonly index: number
  readonly position: number
  readonly lock: Hex
}

/** What has become of a lock; the three add up to its amount. */
export interface LockStatus {
  readonly paid: bigint
  readonly refunded: bigint
  readonly live: bigint
}

const padded = (address: Address): Hex => `0x${address.slice(2).toLowerCase().padStart(64, '0')}`
const int = (value: number): bigint => BigInt(value)

/** Who a member is to a house: `keccak256(abi.encode(signer, owner))`. */
export const memberId = ({ signer, owner }: Member): Hex => toHex(hashWords([padded(signer), padded(owner)]))

export const accountHash = (one: Account): Uint8Array =>
  hashWords([
    ACCOUNT,
    one.member,
    int(one.index),
    one.epoch,
    one.seq,
    hashWords(one.debits),
    hashWords(one.locked),
    one.locks,
    one.payments,
  ])

export const receiptHash = (one: Receipt): Uint8Array =>
  hashWords([RECEIPT, one.member, int(one.index), one.epoch, one.seq, hashWords(one.credits), one.income])

export const lockReceiptHash = (one: LockReceipt): Uint8Array =>
  hashWords([LOCK_RECEIPT, one.payer, int(one.index), int(one.position), one.lock])

/** `payment`: what the payee wants in place of the lock; zero: nothing. */
export const releaseHash = (payer: Hex, position: number, lock: Hex, payment: Hex): Uint8Array =>
  hashWords([RELEASE, payer, int(position), lock, payment])

export const paymentHash = (one: Payment): Uint8Array =>
  hashWords([one.from, one.to, one.epoch, int(one.position), int(one.asset), one.amount, one.group, int(one.leg)])

export const legHash = (one: Leg): Uint8Array => hashWords([one.from, one.to, int(one.asset), one.amount])

export const lockHash = (one: HouseLock): Uint8Array =>
  hashWords([one.to, int(one.asset), one.amount, one.key, one.deadline, one.epoch])

/** The entry in the payee's income when a lock pays. */
export const lockCreditHash = (payer: Hex, position: number, lock: Hex, paid: bigint): Uint8Array =>
  hashWords([CREDIT, payer, int(position), lock, paid])

export const statusHash = (lock: Hex, { paid, refunded }: LockStatus): Uint8Array => hashWords([lock, paid, refunded])

/** A row of payments, income, legs or locks. */
export function amountRow(hash: Uint8Array, asset: number, amount: bigint, assets: number): Row {
  const sums = new Array<bigint>(assets).fill(0n)
  sums[asset] = sumWord(amount)
  return { hash, sums }
}

/** A row of the statuses of locks: two words of sums for each asset. */
export function statusRow(lock: HouseLock, status: LockStatus, assets: number): Row {
  const sums = new Array<bigint>(2 * assets).fill(0n)
  sums[2 * lock.asset] = sumWord(status.paid, status.refunded)
  sums[2 * lock.asset + 1] = sumWord(status.live)
  return { hash: statusHash(toHex(lockHash(lock)), status), sums }
}

const emptyTallies = new Map<number, Hex>()

/** What commits to nothing; `width`: words of sums. */
export function emptyTally(width: number): Hex {
  const known = emptyTallies.get(width) ?? toHex(tallyHash(topOf(buildTally([], width))))
  emptyTallies.set(width, known)
  return known
}
