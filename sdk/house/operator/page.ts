import type { LockStatus } from '../../clearing/account.ts'
import { type Entry, MAX_PAYMENTS, nextBook, nextIncome } from '../../clearing/book.ts'
import type { Epoch, Leaf } from '../../clearing/epoch.ts'
import type { Posting } from '../../clearing/posting.ts'
import { newTally } from '../../clearing/tally.ts'
import { Reader, Writer } from '../../core/codec.ts'
import {
  putAccount,
  putAmounts,
  putEntry,
  putLeaf,
  putList,
  putLocks,
  putMaybe,
  putMember,
  putPayment,
  putSignature,
  putTally,
  readAccount,
  readAmounts,
  readEntry,
  readLeaf,
  readList,
  readLocks,
  readMaybe,
  readMember,
  readPayment,
  readSignature,
  readTally,
} from '../wire-parts.ts'
import { putSigned, readSigned } from '../wire-seat.ts'
import type { ClosedSeat } from './closed.ts'
import { putPosting, readPosting } from './op.ts'
import type { HouseSeat } from './seat.ts'

/** What an operator keeps of a member in one epoch: for answers, for proofs, and to begin from. */
export interface Page extends Omit<ClosedSeat, 'book' | 'income' | 'withdrawn' | 'leaf'> {
  readonly leaf: Leaf
  readonly locks: HouseSeat['book']['locks']
  /** Position, and the epoch that first saw that lock decided. */
  readonly decided: readonly (readonly [number, bigint])[]
}

const MOST = 2 ** 20

export function encodePage(page: Page): Uint8Array {
  const writer = putLeaf(putMember(new Writer(1_024), page.identity).u32(page.index), page.leaf)
  putAmounts(putAmounts(writer, page.deposited), page.requested)
  putMaybe(writer, page.account, putAccount)
  putSignature(putSignature(writer, page.signature), page.countersignature)
  putList(putList(writer, page.payments, putPayment), page.entries, putEntry)
  putList(putLocks(writer, page.locks), page.statuses, (out, status) => putMaybe(out, status, putStatus))
  putList(writer, page.decided, (out, [position, epoch]) => out.u32(position).u64(epoch))
  return putMaybe(writer, page.receipt, putSigned).finish()
}

/** Throws `MalformedBytesError`. */
export function decodePage(bytes: Uint8Array): Page {
  const reader = new Reader(bytes)
  const head = { identity: readMember(reader), index: reader.u32(), leaf: readLeaf(reader) }
  const page = {
    ...head,
    id: head.leaf.member,
    deposited: readAmounts(reader),
    requested: readAmounts(reader),
    account: readMaybe(reader, readAccount),
    signature: readSignature(reader),
    countersignature: readSignature(reader),
    payments: readList(reader, MAX_PAYMENTS, readPayment),
    entries: readList<Entry>(reader, MAX_PAYMENTS, readEntry),
    locks: readLocks(reader),
    statuses: readList(reader, MOST, (from) => readMaybe(from, readStatus)),
    decided: readList(reader, MOST, (from) => [from.u32(), from.u64()] as const),
    receipt: readMaybe(reader, readSigned),
  }
  reader.end()
  return page
}

const putStatus = (writer: Writer, { paid, refunded, live }: LockStatus): Writer =>
  writer.u128(paid).u128(refunded).u128(live)
const readStatus = (reader: Reader): LockStatus => ({
  paid: reader.u128(),
  refunded: reader.u128(),
  live: reader.u128(),
})

/** The seat with which its member goes on after the page's epoch. */
export function seatOfPage(page: Page, epoch: bigint): HouseSeat {
  const { identity, id, index, leaf, locks } = page
  const of = (field: 'debits' | 'locked' | 'credits' | 'withdrawn') => leaf.lines.map((line) => line[field])
  const payments = newTally(leaf.lines.length)
  const book = { member: id, index, epoch, seq: leaf.seq, debits: of('debits'), locked: of('locked') }
  return {
    identity,
    id,
    index,
    book: nextBook({ ...book, locks, locksHash: leaf.locks, payments }, epoch + 1n),
    income: nextIncome({ epoch, credits: of('credits'), entries: payments }, epoch + 1n),
    deposited: page.deposited,
    requested: page.requested,
    withdrawn: of('withdrawn'),
    statuses: page.statuses,
    account: page.account,
    signature: page.signature,
    countersignature: page.countersignature,
    payments: [],
    entries: [],
    receipt: page.receipt,
  }
}

/** Whether a leaf holds what only belongs to its epoch, so that the next one is another. */
export const isRestless = ({ payments, entries, leaf }: Page): boolean =>
  payments.length > 0 || entries.length > 0 || leaf.lines.some(({ leaving }) => leaving > 0n)

/** A closed epoch as the operator keeps it. */
export interface Header {
  readonly epoch: Epoch
  readonly posting: Posting | undefined
  /** The last epoch whose commit was known at the cut. */
  readonly committed: bigint
}

export function putEpoch(writer: Writer, epoch: Epoch): Writer {
  writer.u64(epoch.number).u64(epoch.cutTime).u64(epoch.cut).hex(epoch.cutHash, 32)
  putList(putTally(writer, epoch.members), epoch.left, (out, left) => out.u256(left))
  return putTally(writer, epoch.limits)
}

export function readEpoch(reader: Reader): Epoch {
  const head = { number: reader.u64(), cutTime: reader.u64(), cut: reader.u64(), cutHash: reader.hex(32) }
  const members = readTally(reader)
  const left = readList(reader, 4, (from) => from.u256())
  return { ...head, members, left, limits: readTally(reader) }
}

export const encodeHeader = ({ epoch, posting, committed }: Header): Uint8Array =>
  putMaybe(putEpoch(new Writer(), epoch), posting, putPosting).u64(committed).finish()

/** Throws `MalformedBytesError`. */
export function decodeHeader(bytes: Uint8Array): Header {
  const reader = new Reader(bytes)
  const header = { epoch: readEpoch(reader), posting: readMaybe(reader, readPosting), committed: reader.u64() }
  reader.end()
  return header
}
