import type { Account, HouseLock, LockStatus, Payment, Receipt } from '../../clearing/account.ts'
import { type Book, type Entry, type Income, incomeHash, newBook, newIncome } from '../../clearing/book.ts'
import { linesOf, type Statuses } from '../../clearing/closing.ts'
import { availableOf } from '../../clearing/epoch.ts'
import type { Hex, Member } from '../../core/types.ts'
import type { SignedReceipt } from '../messages.ts'

/** All that an operator keeps of a member in the open epoch. What it points to is replaced or grows; a cut takes it away whole. */
export interface HouseSeat {
  readonly identity: Member
  readonly id: Hex
  /** For life. */
  readonly index: number
  book: Book
  income: Income
  /** By confirmed postings, per asset. */
  deposited: readonly bigint[]
  requested: readonly bigint[]
  /** Up to the last closed epoch. */
  withdrawn: readonly bigint[]
  /** Of its locks, as of the last closed epoch; a newer lock is live. */
  statuses: Statuses
  /** The newest account as both have signed it; undefined before the first. */
  account: Account | undefined
  signature: Uint8Array
  countersignature: Uint8Array
  /** Of the open epoch. */
  payments: Payment[]
  entries: Entry[]
  receipt: SignedReceipt | undefined
}

const NOTHING = new Uint8Array()

export function newSeat(identity: Member, id: Hex, index: number, epoch: bigint, assets: number): HouseSeat {
  const zeros = new Array<bigint>(assets).fill(0n)
  return {
    identity,
    id,
    index,
    book: newBook(id, index, epoch, assets),
    income: newIncome(epoch, assets),
    deposited: zeros,
    requested: zeros,
    withdrawn: zeros,
    statuses: [],
    account: undefined,
    signature: NOTHING,
    countersignature: NOTHING,
    payments: [],
    entries: [],
    receipt: undefined,
  }
}

/** What has become of a lock that is not decided. */
export const liveStatus = ({ amount }: HouseLock): LockStatus => ({ paid: 0n, refunded: 0n, live: amount })

/** With a status for each lock of a newer book. */
export const statusesOf = (book: Book, known: Statuses): Statuses =>
  book.locks.map((lock, position) => lock && (known[position] ?? liveStatus(lock)))

/** Per asset what the member could spend with this book and this income; negative: less than nothing. */
export function availableIn(seat: HouseSeat, book: Book, income: Income): bigint[] {
  return linesOf(book, income, seat, statusesOf(book, seat.statuses)).map(availableOf)
}

/** Whether somebody has ever deposited for it. */
export const isFunded = ({ deposited }: HouseSeat): boolean => deposited.some((amount) => amount > 0n)

/** Numbers follow the clock, so that even an operator that forgot some repeats none. `time`: Unix milliseconds. */
export function nextReceipt({ id, index, income, receipt }: HouseSeat, epoch: bigint, time: number): Receipt {
  const [after, now] = [(receipt?.receipt.seq ?? 0n) + 1n, BigInt(time) * 1_000n]
  const seq = after > now ? after : now
  return { member: id, index, epoch, seq, credits: income.credits, income: incomeHash(income) }
}

/** Keys of locks that are not decided. */
export function openKeys(seats: Iterable<HouseSeat>): Set<Hex> {
  const keys = new Set<Hex>()
  for (const { book, statuses } of seats)
    for (const [position, lock] of book.locks.entries()) if (lock && statuses[position]!.live !== 0n) keys.add(lock.key)
  return keys
}
