import type { Account, HouseLock, Payment } from '../../clearing/account.ts'
import { accountOf, type Book, type Income, newBook, newIncome, nextBook } from '../../clearing/book.ts'
import type { Finding } from '../../clearing/checking.ts'
import type { Statuses } from '../../clearing/closing.ts'
import type { Epoch } from '../../clearing/epoch.ts'
import type { Posting } from '../../clearing/posting.ts'
import type { Hex } from '../../core/types.ts'
import type { EpochProof, SignedReceipt, ToldLock } from '../messages.ts'
import type { Stand } from './stand.ts'

// What a member remembers of its house, as plain data with pure changes. It is stored before anything is sent.

/** An account that the member signed. */
export interface SignedBook {
  readonly book: Book
  /** As it was signed, where the book cannot tell: it was made again from what the operator showed. */
  readonly account?: Account
  /** Those of this account, until the operator has taken it: then they stand with all that were sent. */
  readonly payments: readonly Payment[]
  readonly signature: Uint8Array
  /** The operator's; undefined: it has not answered, or refused. It may count all the same, in its epoch alone. */
  readonly countersignature: Uint8Array | undefined
}

export interface MemberState {
  /** Undefined: never seated. */
  readonly index: number | undefined
  /** The first epoch of which this memory knows everything; leaves of earlier ones are taken as they are. */
  readonly since: bigint
  /** Epochs before it were final, and are forgotten. */
  readonly forgotten?: bigint
  /** The highest number ever signed; a signature is never made twice for one. */
  readonly seq: bigint
  /** Ascending by number; of each epoch that is not final, and the newest of the final ones. */
  readonly books: readonly SignedBook[]
  /** Of the newest receipt. */
  readonly income: Income
  /** The newest of each epoch, as the books. */
  readonly receipts: readonly SignedReceipt[]
}

/** A commit, and what the member found in it. */
export interface SeenEpoch {
  readonly epoch: Epoch
  readonly committedAt: bigint
  /** Undefined: not shown yet, or the member was none. */
  readonly proof?: EpochProof
  /** Undefined: not checked yet. */
  readonly findings?: readonly Finding[]
  /** The book that the leaf was taken from, and what had become of its locks. */
  readonly book?: Book
  readonly statuses?: Statuses
  readonly isCollected?: boolean
}

/** A lock in favour of this member. */
export interface HeldLock extends ToldLock {
  readonly isReleased?: boolean
  /** The first checked epoch that has seen it decided. */
  readonly decidedIn?: bigint
  readonly secret?: Hex
  /** Payments for which this lock was given up, one of them at most: each counts only if it was credited. */
  readonly instead?: readonly Payment[]
  /** In the epochs that are not older than the last final one. */
  readonly stands?: readonly Stand[]
}

/** A posting with what it was: kept for evidence and refunds. */
export type OwnPosting = Posting

export const newState = (assets: number): MemberState => ({
  index: undefined,
  since: 0n,
  seq: 0n,
  books: [],
  income: newIncome(0n, assets),
  receipts: [],
})

/** The newest book that the operator answered for; a new one if there is none. */
export function baseBook({ books, index }: MemberState, member: Hex, epoch: bigint, assets: number): Book {
  const last = books.findLast(({ countersignature }) => countersignature)?.book
  const book = last ?? newBook(member, index ?? 0, epoch, assets)
  return book.epoch === epoch ? book : nextBook(book, epoch)
}

/** What the leaf of an epoch may be taken from: see `Known`. */
export function booksAt({ books, index }: MemberState, epoch: bigint, member: Hex, assets: number): Book[] {
  const last = books.findLast(({ book, countersignature }) => countersignature && book.epoch <= epoch)
  const base = last?.book ?? newBook(member, index ?? 0, epoch, assets)
  const later = books.filter(
    ({ book, countersignature }) => !countersignature && book.epoch === epoch && book.seq > base.seq,
  )
  return [base, ...later.map(({ book }) => book)]
}

/** With one more account that was signed, before it is sent. */
export function withSigned(state: MemberState, signed: SignedBook): MemberState {
  const { seq } = signed.book
  if (seq <= state.seq) throw new Error(`Account number ${seq} was signed before.`)
  return { ...state, seq, books: [...state.books, signed] }
}

/** What was signed. */
export const accountIn = ({ book, account }: SignedBook): Account => account ?? accountOf(book)

/** The epoch that was signed for last. */
export const labelOf = ({ books }: MemberState): bigint => books.at(-1)?.book.epoch ?? 0n

/** The operator took an account: older ones of its epoch cannot count any more. */
export function withTaken(state: MemberState, seq: bigint, countersignature: Uint8Array): MemberState {
  const books = state.books.map((one) => (one.book.seq === seq ? { ...one, payments: [], countersignature } : one))
  const taken = books.find(({ book }) => book.seq === seq)!
  return { ...state, books: books.filter(({ book }) => book.seq >= seq || book.epoch < taken.book.epoch) }
}

/** With a newer receipt in place of that of its epoch. */
export const withReceipt = (state: MemberState, signed: SignedReceipt, income: Income): MemberState => ({
  ...state,
  income,
  receipts: [...state.receipts.filter(({ receipt }) => receipt.epoch !== signed.receipt.epoch), signed],
})

/** Without what no dispute can need any more. */
export function pruned(state: MemberState, final: bigint): MemberState {
  const lastTaken = state.books.findLast(({ book, countersignature }) => countersignature && book.epoch <= final)
  const books = state.books.filter((one) => one === lastTaken || one.book.epoch > final)
  const lastReceipt = state.receipts.findLast(({ receipt }) => receipt.epoch <= final)
  const receipts = state.receipts.filter((one) => one === lastReceipt || one.receipt.epoch > final)
  return { ...state, books, receipts, forgotten: final }
}

export const locksIn = (book: Book): { readonly position: number; readonly lock: HouseLock }[] =>
  book.locks.flatMap((lock, position) => (lock ? [{ position, lock }] : []))
