import { accountHash, amountRow, paymentHash, type Receipt, receiptHash } from '../../clearing/account.ts'
import {
  accountOf,
  amountOf,
  type Book,
  credit,
  type Entry,
  entryHash,
  type Income,
  locksTree,
  newBook,
  newIncome,
} from '../../clearing/book.ts'
import { covers } from '../../clearing/checking.ts'
import { growTally, tallyHash, topOf } from '../../clearing/tally.ts'
import { toHex } from '../../core/bytes.ts'
import { typedDigest } from '../../core/eip712.ts'
import { verifyEnvelope } from '../../signing/signature.ts'
import { HouseProtocolError, type Seat, type SignedReceipt } from '../messages.ts'
import { canBeOpen, type Desk, isOperators, isSignedReceipt } from './desk.ts'
import { HouseFaultError } from './errors.ts'
import { type SignedBook, withReceipt } from './state.ts'

/** New income. Stored before it is told; the connection ends if it does not fit what is known, and the next seat shows all of it. */
export async function takeIncome(desk: Desk, entries: readonly Entry[], signed: SignedReceipt): Promise<void> {
  const { memory } = desk
  await assertReceipt(desk, signed)
  const { receipt } = signed
  const { income } = memory.state
  const before = receipt.epoch === income.epoch ? income : begun(receipt.credits, receipt.epoch, entries, income)
  const after = before && credited(desk, before, entries)
  if (!after || !covers(receipt, after))
    throw new HouseProtocolError('HOUSE_PROTOCOL', 'The income that was told is not that of its receipt.')
  const from = memory.told.get(receipt.epoch)?.length ?? 0
  await memory.change(() => ({
    state: withReceipt(memory.state, signed, after),
    told: { epoch: receipt.epoch, from, entries },
  }))
  if (entries.length > 0) desk.tell({ kind: 'received', entries, epoch: receipt.epoch })
}

/** What an operator that knows this member shows when it comes. */
export async function takeSeat(desk: Desk, seat: Seat, open: bigint): Promise<void> {
  const { memory, id, assets } = desk
  const { state } = memory
  if (state.index !== undefined && state.index !== seat.index)
    return desk.fault(`The operator says that this member has index ${seat.index}, and said ${state.index} before.`)
  const taken = state.books.findLast(({ countersignature }) => countersignature)?.book.seq ?? 0n
  if (seat.seq < taken) return desk.fault(`The operator has forgotten accounts: it knows ${seat.seq}, not ${taken}.`)
  const isKnown = seat.seq === taken || state.books.some(({ book }) => book.seq === seat.seq)
  const isNew = state.index === undefined && seat.seq === 0n
  const since = state.index === undefined && !isNew ? open : state.since
  if (isKnown) await memory.change(() => ({ state: { ...memory.state, index: seat.index, since } }))
  else {
    // Only who remembers nothing takes the operator's word for what it signed, and that only by its own signature.
    const isLost = state.index === undefined && state.books.length === 0
    const signed = isLost ? restored(desk, seat, newBook(id, seat.index, seat.epoch, assets), open) : undefined
    if (!signed) return desk.fault(`The operator shows an account number ${seat.seq} that this member never signed.`)
    const seq = laterThan(seat.seq)
    await memory.change(() => ({
      state: { ...memory.state, index: seat.index, since: open, seq, books: [signed] },
      sent: seat.payments,
    }))
  }
  await seatIncome(desk, seat)
}

/** All income of the open epoch; what was told before must be its beginning. */
async function seatIncome(desk: Desk, { entries, receipt: signed }: Seat): Promise<void> {
  const { memory } = desk
  const { receipt } = signed
  await assertReceipt(desk, signed)
  const told = memory.told.get(receipt.epoch) ?? []
  const held = memory.state.receipts.find((one) => one.receipt.epoch === receipt.epoch)
  const isSame = told.every((entry, i) => entries[i] && toHex(entryHash(entry)) === toHex(entryHash(entries[i])))
  if (!isSame) return desk.fault(ANOTHER_INCOME)
  if (entries.length === 0) {
    if (held?.receipt.seq === receipt.seq) return
    // Of an epoch that is closed: its proof shows the entries.
    const income = { ...newIncome(receipt.epoch, desk.assets), credits: receipt.credits }
    return memory.change(() => ({ state: withReceipt(memory.state, signed, income) }))
  }
  const base = begun(receipt.credits, receipt.epoch, entries, memory.state.income)
  const after = base && credited(desk, base, entries)
  if (!after || !covers(receipt, after)) return desk.fault(ANOTHER_INCOME)
  const fresh = entries.slice(told.length)
  await memory.change(() => ({
    state: withReceipt(memory.state, signed, after),
    told: { epoch: receipt.epoch, from: told.length, entries: fresh },
  }))
  if (fresh.length > 0) desk.tell({ kind: 'received', entries: fresh, epoch: receipt.epoch })
}

const ANOTHER_INCOME = 'The operator shows another income than it told.'

/** Throws unless the operator signed it, for this member at its index, and not in contradiction to what it signed before. */
async function assertReceipt(desk: Desk, signed: SignedReceipt): Promise<void> {
  const { memory } = desk
  const { receipt } = signed
  if (!isSignedReceipt(desk, signed))
    throw new HouseProtocolError('HOUSE_PROTOCOL', 'The operator did not sign this receipt.')
  if (!(await canBeOpen(desk, receipt.epoch)))
    throw new HouseProtocolError('HOUSE_PROTOCOL', `The receipt is for epoch ${receipt.epoch}, which is not open yet.`)
  assertLater(desk, receipt)
  const other = memory.state.receipts.find((one) => isContradicted(one.receipt, receipt))
  if (!other) return
  const said = (one: SignedReceipt) => ({ receipt: one.receipt, signature: toHex(one.signature) })
  const why = `The operator signed two receipts of number ${receipt.seq}, or two indices.`
  desk.convict(why, said(other), said(signed))
  throw new HouseFaultError(why)
}

/** Credits only rise, and so do numbers: evidence must not be pushed aside by a newer receipt that says less. */
function assertLater({ memory, fault }: Desk, receipt: Receipt): void {
  const isBehind = ({ receipt: held }: SignedReceipt) =>
    receipt.seq < held.seq ||
    (receipt.seq > held.seq &&
      (receipt.epoch < held.epoch || receipt.credits.some((amount, asset) => amount < (held.credits[asset] ?? 0n))))
  if (!memory.state.receipts.some(isBehind)) return
  const why = 'The operator has forgotten receipts.'
  fault(why)
  throw new HouseFaultError(why)
}

/** What it signed after the account that is shown is forgotten: its numbers, which follow the clock as they do nowhere else, are left out. */
function laterThan(seq: bigint): bigint {
  const now = BigInt(Date.now()) * 1_000n
  return seq > now ? seq : now
}

const isContradicted = (one: Receipt, other: Receipt): boolean =>
  one.index !== other.index || (one.seq === other.seq && toHex(receiptHash(one)) !== toHex(receiptHash(other)))

/** The income at the beginning of an epoch, as the receipt has it; locks that paid at the cut are in it already. */
function begun(
  credits: readonly bigint[],
  epoch: bigint,
  entries: readonly Entry[],
  known: Income,
): Income | undefined {
  const before = [...credits]
  for (const entry of entries) {
    const { asset, amount } = amountOf(entry)
    before[asset] = (before[asset] ?? 0n) - amount
  }
  if (before.length !== known.credits.length) return undefined
  // Within an epoch the known income holds some of the entries already.
  const isEnough = epoch === known.epoch || before.every((amount, asset) => amount >= known.credits[asset]!)
  return isEnough && before.every((amount) => amount >= 0n)
    ? { ...newIncome(epoch, before.length), credits: before }
    : undefined
}

function credited({ id }: Desk, income: Income, entries: readonly Entry[]): Income | undefined {
  const isMine = (entry: Entry) =>
    entry.kind === 'payment' ? entry.payment.to === id && entry.payment.epoch === income.epoch : entry.lock.to === id
  return entries.every(isMine) ? credit(income, entries) : undefined
}

/** The account that a seat shows, made again by a member that lost its memory; undefined: it never signed that. */
function restored(desk: Desk, seat: Seat, blank: Book, open: bigint): SignedBook | undefined {
  const { domain, identity } = desk
  if (seat.epoch > open || (seat.epoch < open && seat.payments.length > 0)) return undefined
  const locked = blank.locked.map((_, asset) =>
    seat.locks.reduce((sum, lock) => (lock?.asset === asset ? sum + lock.amount : sum), 0n),
  )
  const rows = seat.payments.map((one) => amountRow(paymentHash(one), one.asset, one.amount, blank.debits.length))
  const book: Book = {
    ...blank,
    seq: seat.seq,
    debits: seat.debits,
    locked,
    locks: seat.locks,
    locksHash: toHex(tallyHash(topOf(locksTree(seat.locks, blank.debits.length)))),
    payments: growTally(blank.payments, rows),
  }
  // Payments of an earlier epoch are known by their hash alone.
  const account = seat.epoch === open ? accountOf(book) : { ...accountOf(book), payments: seat.paid }
  const hash = accountHash(account)
  const isMine = verifyEnvelope(domain, typedDigest(domain, hash), seat.signature, identity.signer)
  if (!isMine || !isOperators(desk, hash, seat.countersignature)) return undefined
  const { signature, countersignature } = seat
  return { book, account, payments: [], signature, countersignature }
}
