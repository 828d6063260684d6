import {
  amountRow,
  type HouseLock,
  legHash,
  lockCreditHash,
  lockHash,
  type Payment,
  paymentHash,
} from '../../clearing/account.ts'
import { entryHash, entryRow, locksTree } from '../../clearing/book.ts'
import { statusesTree } from '../../clearing/closing.ts'
import type { Answer, DebitDemand, Demand, LeafDemand, Proof } from '../../clearing/dispute.ts'
import type { Epoch } from '../../clearing/epoch.ts'
import { buildTally, type TallyTree, tallyPath, topOf } from '../../clearing/tally.ts'
import { toHex } from '../../core/bytes.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Hex } from '../../core/types.ts'
import type { Archive } from './archive.ts'
import type { Books } from './books.ts'
import type { Page } from './page.ts'
import { type PaidRelease, releaseKey } from './release.ts'

// What an honest operator answers: what was demanded, or that nothing stands where it is said to stand.

export interface Known {
  readonly books: Books
  readonly archive: Archive
}

/** A member in one epoch, as the court wants it shown. */
interface Shown {
  readonly page: Page
  readonly proof: Proof
  readonly epoch: Epoch
}

/** Undefined: there is none. */
export async function answerTo(demand: Demand, known: Known): Promise<Answer | undefined> {
  if (demand.about === 'leaf') return leafAnswer(demand, known)
  const payer = await shown(demand.from, demand.epoch, known)
  if (!payer) return undefined
  const stands = standsAt(demand, payer.page)
  if (stands === undefined) return demand.proven ? releaseAnswer(demand, known) : absence(demand, payer, known)
  if (demand.isLock) return lockAnswer(demand, stands as HouseLock, payer, known)
  return demand.about === 'credit'
    ? creditAnswer(demand, stands as Payment, known)
    : legAnswer(demand, stands as Payment, known)
}

async function shown(member: Hex, number: bigint, { books, archive }: Known): Promise<Shown | undefined> {
  const seat = books.seatOf(member)
  const page = seat && (await archive.page(seat.index, number))
  const header = archive.headers.get(number)
  return page && header && { page, proof: archive.proof(number, seat.index, page), epoch: header.epoch }
}

/** The payment or lock in question, if it does stand there. A page of an earlier epoch has payments that do not count in this one. */
function standsAt({ isLock, position, entry, epoch }: DebitDemand, page: Page) {
  if (isLock) {
    const lock = page.locks[position]
    return lock && toHex(lockHash(lock)) === entry ? lock : undefined
  }
  const payment = page.payments[position]
  return payment?.epoch === epoch && toHex(paymentHash(payment)) === entry ? payment : undefined
}

async function leafAnswer(demand: LeafDemand, known: Known): Promise<Answer | undefined> {
  const { archive, books } = known
  const now = await shown(demand.member, demand.epoch, known)
  const before = archive.headers.get(demand.epoch - 1n)
  if (!now || !before) return undefined
  const { page } = now
  const older = await archive.page(page.index, demand.epoch - 1n)
  const none = {
    member: ZERO_HASH,
    index: 0,
    epoch: 0n,
    seq: 0n,
    debits: [],
    locked: [],
    locks: ZERO_HASH,
    payments: ZERO_HASH,
  }
  return {
    kind: 'leaf',
    demand,
    identity: page.identity,
    epochs: [before.epoch, now.epoch],
    proofs: [archive.proof(demand.epoch - 1n, page.index, older), now.proof],
    account: page.account ?? none,
    signature: toHex(page.signature),
    statuses: topOf(statusesTree(page.locks, page.statuses, books.assets)),
    income: topOf(incomeTree(page, books.assets)),
  }
}

const incomeTree = ({ entries }: Page, assets: number): TallyTree =>
  buildTally(
    entries.map((entry) => entryRow(entry, assets)),
    assets,
  )

const paymentsTree = ({ payments }: Page, assets: number): TallyTree =>
  buildTally(
    payments.map((one) => amountRow(paymentHash(one), one.asset, one.amount, assets)),
    assets,
  )

/** Where an entry stands in the payee's income. */
export async function entryOf(hash: Hex, member: Hex, number: bigint, known: Known) {
  const payee = await shown(member, number, known)
  const position = payee?.page.entries.findIndex((entry) => toHex(entryHash(entry)) === hash) ?? -1
  if (!payee || position < 0) return undefined
  const { epoch, proof, page } = payee
  return { epoch, proof, position, path: tallyPath(incomeTree(page, known.books.assets), position) }
}

async function creditAnswer(demand: DebitDemand, payment: Payment, known: Known): Promise<Answer | undefined> {
  const entry = await entryOf(demand.entry, demand.to, demand.epoch, known)
  return entry && { kind: 'credit', demand, payment, ...entry }
}

async function lockAnswer(
  demand: DebitDemand,
  lock: HouseLock,
  { page, epoch, proof }: Shown,
  known: Known,
): Promise<Answer | undefined> {
  const { position } = demand
  if (demand.about === 'status') {
    const path = tallyPath(locksTree(page.locks, known.books.assets), position)
    const statusPath = tallyPath(statusesTree(page.locks, page.statuses, known.books.assets), position)
    return { kind: 'lock', demand, lock, epoch, proof, path, statusPath }
  }
  const { paid } = page.statuses[position]!
  const hash = toHex(lockCreditHash(demand.from, position, demand.entry, paid))
  const entry = await entryOf(hash, demand.to, demand.epoch, known)
  return entry ? { kind: 'lockCredit', demand, lock, ...entry } : releaseAnswer(demand, known)
}

async function legAnswer(demand: DebitDemand, payment: Payment, known: Known): Promise<Answer | undefined> {
  const legs = await legsOf(payment, known)
  if (!legs) return undefined
  const { assets } = known.books
  const tree = buildTally(
    legs.map((one) => amountRow(legHash(one), one.asset, one.amount, assets)),
    assets,
  )
  const leg = legs[demand.leg]
  if (!leg) {
    const last = demand.leg & (2 ** topOf(tree).depth - 1)
    const { entry, sums } = rowAt(tree, last)
    return { kind: 'noLeg', demand, payment, entry, sums, path: tallyPath(tree, last) }
  }
  const payer = await shown(leg.from, demand.epoch, known)
  if (!payer) return undefined
  const { epoch, proof, page } = payer
  const path = tallyPath(paymentsTree(page, assets), leg.position)
  return { kind: 'leg', demand, payment, leg, epoch, proof, path, legPath: tallyPath(tree, demand.leg) }
}

/** All payments of a group: it happened as a whole, within one epoch. */
async function legsOf({ group, epoch }: Payment, known: Known): Promise<Payment[] | undefined> {
  const legs: Payment[] = []
  for (const index of known.archive.changedIn(epoch)) {
    const page = await known.archive.page(index, epoch)
    for (const one of page?.payments ?? []) if (one.group === group && one.epoch === epoch) legs[one.leg] = one
  }
  return legs.length > 0 ? legs : undefined
}

/** Something else, or nothing, where the debit is said to stand. */
function absence(demand: DebitDemand, { page, epoch, proof }: Shown, { books }: Known): Answer {
  const tree = demand.isLock ? locksTree(page.locks, books.assets) : paymentsTree(page, books.assets)
  const position = demand.position & (2 ** topOf(tree).depth - 1)
  const { entry, sums } = rowAt(tree, position)
  return { kind: 'absence', demand, absence: { epoch, proof, entry, sums, path: tallyPath(tree, position) } }
}

/** Hash and sums of a leaf of a tree; zeros where there is none. */
function rowAt({ levels, stride }: TallyTree, position: number): { entry: Hex; sums: bigint[] } {
  const size = 32 * stride
  const row = levels[0]!.subarray(size * position, size * (position + 1))
  const words = Array.from({ length: stride }, (_, i) =>
    row.length === size ? toHex(row.subarray(32 * i, 32 * (i + 1))) : ZERO_HASH,
  )
  return { entry: words[0]!, sums: words.slice(1).map(BigInt) }
}

async function releaseAnswer(demand: DebitDemand, known: Known): Promise<Answer | undefined> {
  const { books } = known
  const release = books.releases.get(releaseKey(demand.from, demand.position, demand.entry))
  const payee = books.seatOf(demand.to)
  if (!release || !payee) return undefined
  const given = { payee: payee.identity, signature: toHex(release.signature) }
  if (release.payment === ZERO_HASH) return { kind: 'release', demand, release: given }
  const paid = release.paid ?? (await paidUpTo(demand, release.payment, known))
  return paid && { kind: 'release', demand, release: { ...given, paid } }
}

/** A payment in place of a lock, in the newest epoch that has it. */
async function paidUpTo({ epoch: newest, to }: DebitDemand, hash: Hex, known: Known): Promise<PaidRelease | undefined> {
  for (let epoch = newest; known.archive.headers.has(epoch); epoch--) {
    const entry = await entryOf(hash, to, epoch, known)
    const page = entry && (await shown(to, epoch, known))?.page
    const credited = page?.entries[entry!.position]
    if (entry && credited?.kind === 'payment') return { payment: credited.payment, ...entry }
  }
  return undefined
}
