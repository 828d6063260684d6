import { toHex } from '../core/bytes.ts'
import { TallystickError } from '../core/errors.ts'
import type { Hex } from '../core/types.ts'
import {
  type Account,
  amountRow,
  emptyTally,
  type HouseLock,
  lockCreditHash,
  lockHash,
  type Payment,
  paymentHash,
} from './account.ts'
import {
  buildTally,
  type GrowingTally,
  growTally,
  newTally,
  type Row,
  type TallyTree,
  tallyHash,
  topOf,
  topOfGrowing,
} from './tally.ts'

// What a member has spent and been credited with, as both the member and the operator keep it: the same acts lead to the same
// account, so only acts and signatures travel.

/** Locks that a member may have at a time. */
export const MAX_LOCKS = 256
/** Locks that a member may have had in its life: positions are never used twice, for a release names one. */
export const MAX_POSITIONS = 2 ** 16
/** Payments of a member in one epoch, and credits of one: the depth of their tree costs gas in every answer. */
export const MAX_PAYMENTS = 2 ** 20
/** Totals for life are below. */
export const MAX_TOTAL = 1n << 128n

/** What a member does with its money; one account can stand for many acts. Assets by their number in the house. */
export type Act =
  /** `group`, `leg`: see `Payment`. */
  | {
      readonly kind: 'pay'
      readonly to: Hex
      readonly asset: number
      readonly amount: bigint
      readonly group: Hex
      readonly leg: number
    }
  /** The lock's epoch is the one that the account is for. */
  | { readonly kind: 'lock'; readonly lock: HouseLock }
  /** Takes back a lock that its payee released. */
  | { readonly kind: 'drop'; readonly position: number }
  /** Counts a lock that a committed epoch has seen decided: what it paid is a debit, the rest is free. */
  | { readonly kind: 'fold'; readonly position: number; readonly paid: bigint }

/** The spending side of a member in the open epoch. */
export interface Book {
  readonly member: Hex
  readonly index: number
  readonly epoch: bigint
  readonly seq: bigint
  /** Per asset, for life. */
  readonly debits: readonly bigint[]
  readonly locked: readonly bigint[]
  /** By position; undefined where there is none any more. */
  readonly locks: readonly (HouseLock | undefined)[]
  /** Hash of the tally of locks. */
  readonly locksHash: Hex
  /** Payments of this epoch. */
  readonly payments: GrowingTally
}

/** The receiving side of a member in the open epoch. */
export interface Income {
  readonly epoch: bigint
  /** Per asset, for life. */
  readonly credits: readonly bigint[]
  /** What was credited in this epoch. */
  readonly entries: GrowingTally
}

/** One credit: a payment, or what a lock has paid. */
export type Entry =
  | { readonly kind: 'payment'; readonly payment: Payment }
  | {
      readonly kind: 'lock'
      readonly payer: Hex
      readonly position: number
      readonly lock: HouseLock
      readonly paid: bigint
    }

/** An act that its book does not allow. */
export class HouseActError extends TallystickError {
  readonly code = 'HOUSE_ACT_REFUSED'
  readonly reason: 'AMOUNT' | 'ASSET' | 'POSITION' | 'TOO_MANY' | 'EPOCH'

  constructor(reason: HouseActError['reason'], fact: string) {
    super(fact)
    this.reason = reason
  }
}

/** The book of somebody who has spent nothing. */
export const newBook = (member: Hex, index: number, epoch: bigint, assets: number): Book => ({
  member,
  index,
  epoch,
  seq: 0n,
  debits: new Array<bigint>(assets).fill(0n),
  locked: new Array<bigint>(assets).fill(0n),
  locks: [],
  locksHash: emptyTally(assets),
  payments: newTally(assets),
})

export const newIncome = (epoch: bigint, assets: number): Income => ({
  epoch,
  credits: new Array<bigint>(assets).fill(0n),
  entries: newTally(assets),
})

/** The same member at the beginning of an epoch. */
export const nextBook = (book: Book, epoch: bigint): Book => ({
  ...book,
  epoch,
  payments: newTally(book.debits.length),
})
export const nextIncome = (income: Income, epoch: bigint): Income => ({
  ...income,
  epoch,
  entries: newTally(income.credits.length),
})

/**
 * The book after some acts, under a new number, and the payments among them. `seq`: the account's number; default one higher.
 * Throws {@link HouseActError}; whether the member has the money is for `linesOf` to say.
 */
export function act(
  book: Book,
  acts: readonly Act[],
  seq = book.seq + 1n,
): { readonly book: Book; readonly payments: readonly Payment[] } {
  const draft = { debits: [...book.debits], locked: [...book.locked], locks: [...book.locks] }
  const payments: Payment[] = []
  for (const one of acts) {
    if (one.kind === 'pay') {
      addTo(draft.debits, one.asset, one.amount)
      payments.push(paymentOf(book, one, book.payments.count + payments.length))
    } else if (one.kind === 'lock') putLock(draft, one.lock, book.epoch)
    else endLock(draft, one)
  }
  // What a lock pays becomes a debit, and nobody could refuse it then.
  if (draft.debits.some((debits, asset) => debits + draft.locked[asset]! >= MAX_TOTAL))
    throw new HouseActError('AMOUNT', 'Debits and locks together do not fit 128 bits. Go on with another signer.')
  if (book.payments.count + payments.length > MAX_PAYMENTS)
    throw new HouseActError('TOO_MANY', `A member pays at most ${MAX_PAYMENTS} times an epoch. Go on in the next one.`)
  const assets = book.debits.length
  const rows = payments.map((one) => amountRow(paymentHash(one), one.asset, one.amount, assets))
  const isSame = acts.every(({ kind }) => kind === 'pay')
  const locksHash = isSame ? book.locksHash : hashOf(locksTree(draft.locks, assets))
  return { book: { ...book, ...draft, seq, locksHash, payments: growTally(book.payments, rows) }, payments }
}

const paymentOf = ({ member, epoch }: Book, one: Extract<Act, { kind: 'pay' }>, position: number): Payment => ({
  from: member,
  to: one.to,
  epoch,
  position,
  asset: one.asset,
  amount: one.amount,
  group: one.group,
  leg: one.leg,
})

interface Draft {
  readonly debits: bigint[]
  readonly locked: bigint[]
  readonly locks: (HouseLock | undefined)[]
}

function putLock({ locked, locks }: Draft, lock: HouseLock, epoch: bigint): void {
  if (lock.epoch !== epoch)
    throw new HouseActError('EPOCH', `A lock for epoch ${lock.epoch} is not for ${epoch}. Lock it for the open epoch.`)
  if (locks.filter((one) => one).length >= MAX_LOCKS)
    throw new HouseActError('TOO_MANY', `A member has at most ${MAX_LOCKS} locks. Wait until some are decided.`)
  if (locks.length >= MAX_POSITIONS)
    throw new HouseActError('TOO_MANY', `A member locks ${MAX_POSITIONS} times at most. Go on with another signer.`)
  addTo(locked, lock.asset, lock.amount)
  locks.push(lock)
}

function endLock({ debits, locked, locks }: Draft, one: Extract<Act, { kind: 'drop' | 'fold' }>): void {
  const lock = locks[one.position]
  if (!lock) throw new HouseActError('POSITION', `There is no lock at position ${one.position}. Sync with the house.`)
  locked[lock.asset] = locked[lock.asset]! - lock.amount
  locks[one.position] = undefined
  if (one.kind === 'drop') return
  if (one.paid > lock.amount)
    throw new HouseActError('AMOUNT', `A lock of ${lock.amount} cannot have paid ${one.paid}.`)
  debits[lock.asset] = debits[lock.asset]! + one.paid
}

function addTo(sums: bigint[], asset: number, amount: bigint): void {
  const before = sums[asset]
  if (before === undefined)
    throw new HouseActError('ASSET', `The house has no asset number ${asset}, only ${sums.length} of them.`)
  if (amount <= 0n || before + amount >= MAX_TOTAL)
    throw new HouseActError(
      'AMOUNT',
      `An amount of ${amount} cannot be paid. Choose one above zero that fits 128 bits.`,
    )
  sums[asset] = before + amount
}

/** What the member signs for this book. */
export const accountOf = (book: Book): Account => ({
  member: book.member,
  index: book.index,
  epoch: book.epoch,
  seq: book.seq,
  debits: book.debits,
  locked: book.locked,
  locks: book.locksHash,
  payments: hashOfGrowing(book.payments),
})

/** The income after some credits. Throws {@link HouseActError}. */
export function credit(income: Income, entries: readonly Entry[]): Income {
  const credits = [...income.credits]
  for (const entry of entries) {
    const { asset, amount } = amountOf(entry)
    addTo(credits, asset, amount)
  }
  const rows = entries.map((entry) => entryRow(entry, credits.length))
  return { ...income, credits, entries: growTally(income.entries, rows) }
}

/** Hash of the tally of what was credited in this epoch. */
export const incomeHash = ({ entries }: Income): Hex => hashOfGrowing(entries)

/** Most members of an epoch neither pay nor are paid. */
const hashOfGrowing = (tally: GrowingTally): Hex =>
  tally.count === 0 ? emptyTally(tally.width) : toHex(tallyHash(topOfGrowing(tally)))

export const amountOf = (entry: Entry): { readonly asset: number; readonly amount: bigint } =>
  entry.kind === 'payment' ? entry.payment : { asset: entry.lock.asset, amount: entry.paid }

/** A credit's place in the tally of income. */
export function entryRow(entry: Entry, assets: number): Row {
  const { asset, amount } = amountOf(entry)
  return amountRow(entryHash(entry), asset, amount, assets)
}

export const entryHash = (entry: Entry): Uint8Array =>
  entry.kind === 'payment'
    ? paymentHash(entry.payment)
    : lockCreditHash(entry.payer, entry.position, toHex(lockHash(entry.lock)), entry.paid)

/** The tree of a member's locks, by position. */
export const locksTree = (locks: readonly (HouseLock | undefined)[], assets: number): TallyTree =>
  buildTally(
    locks.map((lock) => lock && amountRow(lockHash(lock), lock.asset, lock.amount, assets)),
    assets,
  )

const hashOf = (tree: TallyTree): Hex => toHex(tallyHash(topOf(tree)))
