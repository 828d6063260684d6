import {
  type Account,
  accountHash,
  type HouseLock,
  type LockReceipt,
  lockHash,
  type Payment,
  paymentHash,
  releaseHash,
} from '../../clearing/account.ts'
import {
  type Act,
  accountOf,
  act,
  type Book,
  credit,
  type Entry,
  HouseActError,
  type Income,
  MAX_PAYMENTS,
  MAX_TOTAL,
} from '../../clearing/book.ts'
import { toHex } from '../../core/bytes.ts'
import { typedDigest } from '../../core/eip712.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Domain, Hex } from '../../core/types.ts'
import { verifyEnvelope } from '../../signing/signature.ts'
import { type Awaited, withLock } from './awaited.ts'
import type { SignedActs } from './op.ts'
import { HouseRefusedError } from './refusal.ts'
import { availableIn, type HouseSeat } from './seat.ts'

// What members' acts come to, before anything is changed.

/** One member's part: its book afterwards, and what it was made of. */
export interface Draft {
  readonly seat: HouseSeat
  readonly signed: SignedActs
  readonly book: Book
  readonly account: Account
  readonly payments: readonly Payment[]
}

/** Drafts that can happen together, and everybody's income afterwards. */
export interface Plan {
  readonly drafts: readonly Draft[]
  readonly incomes: ReadonlyMap<HouseSeat, { readonly income: Income; readonly entries: readonly Entry[] }>
}

/** What the rules ask of the books around an act. */
export interface Around {
  readonly domain: Domain
  seatOf(member: Hex): HouseSeat | undefined
  /** A payee's release of a lock: the payment that it wants. */
  wantedFor(payer: Hex, position: number, lock: Hex): Hex | undefined
  /** What undecided locks may still pay to a member. */
  awaitedBy(payee: Hex): Awaited
  /** Whether a committed epoch has seen the lock decided. */
  isCommitted(seat: HouseSeat, position: number): boolean
}

/** A member's book after its acts. Throws {@link HouseRefusedError}. */
export function draftOf(seat: HouseSeat, signed: SignedActs, around: Around): Draft {
  if (signed.seq <= seat.book.seq)
    throw new HouseRefusedError(
      'SEQ_STALE',
      `Account ${signed.seq} is not above ${seat.book.seq}. Sign a higher number.`,
    )
  const { book, payments } = bookAfter(seat.book, signed)
  for (const one of signed.acts) checkAct(seat, one, payments, around)
  return { seat, signed, book, account: accountOf(book), payments }
}

function bookAfter(book: Book, { acts, seq }: SignedActs): ReturnType<typeof act> {
  try {
    return act(book, acts, seq)
  } catch (error) {
    if (error instanceof HouseActError) throw new HouseRefusedError('ACT_REFUSED', error.message)
    throw error
  }
}

/** Throws {@link HouseRefusedError} unless the member signed what the draft comes to. */
export function checkSignature({ seat, signed, account }: Draft, domain: Domain): void {
  const digest = typedDigest(domain, accountHash(account))
  if (!verifyEnvelope(domain, digest, signed.signature, seat.identity.signer))
    throw new HouseRefusedError(
      'BAD_SIGNATURE',
      'The signature is not over the account that these acts make. Join again.',
    )
}

function checkAct(seat: HouseSeat, one: Act, payments: readonly Payment[], around: Around): void {
  if (one.kind === 'pay') checkPayee(seat, one.to, around)
  else if (one.kind === 'lock') checkPayee(seat, one.lock.to, around)
  else if (one.kind === 'drop') checkRelease(seat, one.position, payments, around)
  else checkFold(seat, one, around)
}

function checkPayee(seat: HouseSeat, to: Hex, around: Around): void {
  if (!around.seatOf(to))
    throw new HouseRefusedError('PAYEE_UNKNOWN', `Nobody here is ${to}. Ask the payee to join the house first.`)
  if (to === seat.id) throw new HouseRefusedError('ACT_REFUSED', 'A member cannot pay itself. Choose another payee.')
}

function checkRelease(seat: HouseSeat, position: number, payments: readonly Payment[], around: Around): void {
  const lock = seat.book.locks[position]
  const wanted = lock && around.wantedFor(seat.id, position, toHex(lockHash(lock)))
  if (lock === undefined || wanted === undefined)
    throw new HouseRefusedError('ACT_REFUSED', `The payee of the lock at ${position} has not released it. Ask it to.`)
  // What a cut has decided is in the payee's income already: to drop it would make money of nothing.
  if (seat.statuses[position]?.live === 0n)
    throw new HouseRefusedError('ACT_REFUSED', `The lock at ${position} is decided. Fold it.`)
  if (wanted === ZERO_HASH) return
  const isPaid = (one: Payment) => one.to === lock.to && toHex(paymentHash(one)) === wanted
  if (!payments.some(isPaid) && !seat.payments.some(isPaid))
    throw new HouseRefusedError('ACT_REFUSED', 'The payee wants a payment for the lock. Make it in the same act.')
}

function checkFold(seat: HouseSeat, { position, paid }: Extract<Act, { kind: 'fold' }>, around: Around): void {
  const status = seat.statuses[position]
  if (status === undefined || status.live !== 0n || !around.isCommitted(seat, position))
    throw new HouseRefusedError(
      'ACT_REFUSED',
      `No committed epoch has seen the lock at ${position} decided. Wait for it.`,
    )
  if (status.paid !== paid)
    throw new HouseRefusedError(
      'ACT_REFUSED',
      `The lock at ${position} has paid ${status.paid}, not ${paid}. Fold that.`,
    )
}

/** Everybody's books if all drafts happen together. Throws {@link HouseRefusedError}. */
export function planOf(drafts: readonly Draft[], around: Around): Plan {
  const incomes = new Map<HouseSeat, { income: Income; entries: Entry[] }>()
  for (const { payments } of drafts)
    for (const [to, entries] of byPayee(payments)) {
      const payee = around.seatOf(to)!
      const before = incomes.get(payee) ?? { income: payee.income, entries: [] }
      incomes.set(payee, { income: incomeAfter(before.income, entries), entries: [...before.entries, ...entries] })
    }
  checkRoom(drafts, incomes, around)
  for (const { seat, book } of drafts)
    if (availableIn(seat, book, incomes.get(seat)?.income ?? seat.income).some((amount) => amount < 0n))
      throw new HouseRefusedError('BALANCE_TOO_LOW', 'The balance does not cover this. Pay less, or wait for income.')
  return { drafts, incomes }
}

/** All that a payee was credited with, and may be when its locks are decided, fits its tree of this epoch and its total. */
function checkRoom(drafts: readonly Draft[], incomes: Plan['incomes'], around: Around): void {
  const awaited = new Map<HouseSeat, Awaited>()
  for (const payee of incomes.keys()) awaited.set(payee, around.awaitedBy(payee.id))
  for (const { signed } of drafts)
    for (const one of signed.acts) {
      const payee = one.kind === 'lock' ? around.seatOf(one.lock.to)! : undefined
      if (one.kind === 'lock' && payee)
        awaited.set(payee, withLock(awaited.get(payee) ?? around.awaitedBy(payee.id), one.lock))
    }
  for (const [payee, { count, amounts }] of awaited) {
    const { entries, credits } = incomes.get(payee)?.income ?? payee.income
    if (entries.count + count > MAX_PAYMENTS)
      throw new HouseRefusedError('LIMIT', `The payee has ${MAX_PAYMENTS} credits in this epoch. Pay in the next one.`)
    if (credits.some((sum, asset) => sum + amounts[asset]! >= MAX_TOTAL))
      throw new HouseRefusedError('LIMIT', 'The credits of the payee would not fit 128 bits. Pay to another member.')
  }
}

function byPayee(payments: readonly Payment[]): Map<Hex, Entry[]> {
  const entries = new Map<Hex, Entry[]>()
  for (const payment of payments) {
    const list = entries.get(payment.to)
    if (list) list.push({ kind: 'payment', payment })
    else entries.set(payment.to, [{ kind: 'payment', payment }])
  }
  return entries
}

function incomeAfter(income: Income, entries: readonly Entry[]): Income {
  try {
    return credit(income, entries)
  } catch (error) {
    if (error instanceof HouseActError) throw new HouseRefusedError('ACT_REFUSED', error.message)
    throw error
  }
}

/** What a payee signs to give a lock up. */
export const releaseDigest = (
  domain: Domain,
  { payer, position, lock, payment }: { payer: Hex; position: number; lock: Hex; payment: Hex },
): Uint8Array => typedDigest(domain, releaseHash(payer, position, lock, payment))

export const lockIdOf = (lock: HouseLock): Hex => toHex(lockHash(lock))

/** What the operator says of a lock. */
export const lockReceiptOf = ({ id, index, book }: HouseSeat, position: number): LockReceipt => ({
  payer: id,
  index,
  position,
  lock: lockIdOf(book.locks[position]!),
})
