import { toBytes } from '../core/bytes.ts'
import type { Invoice } from '../core/invoice.ts'
import { shiftPoint } from '../core/points.ts'
import type { Address, Hex } from '../core/types.ts'
import { type InvoiceRefusal, InvoiceRefusedError, refusalOf } from './invoice-terms.ts'

// The payee's book of one invoice.
//
//   part ─ known? ─▶ as before
//        ─ does the invoice allow it? ─ do invoice, lock and promise agree? ─ room among the parts of its payment?
//          └ no ─▶ refuse          └ yes: gather ─ all there? ─ deadlines far enough? ─▶ release all, refuse other payments
//   tick ─ a payment gathers for longer than a minute ─▶ refuse its parts
//   cancel ─▶ refuse all parts, take no more
//
// The secret is one for all parts, so it must not leave before the last part is locked: the first release would let hops take the
// rest of the parts for what was paid for one of them.

/** Parts that one payment may have. */
export const MAX_PARTS = 16
/** Payments that may gather for one invoice at a time: strangers can lock small parts for it too. */
export const MAX_GATHERING = 8
/** Milliseconds of the node's own clock that parts have to arrive in, from the first one on: a chain without traffic may stand still. */
export const GATHERING_TIME = 60_000

/** Why a payee sends a part back. Only the node's own log shows it: the payer hears `PAYMENT_REFUSED` or `PAYMENT_INCOMPLETE`. */
export type PartRefusal =
  | InvoiceRefusal
  /** It names another invoice. */
  | 'OTHER_INVOICE'
  | 'OTHER_ASSET'
  | 'OTHER_KEY'
  /** Its point is not the invoice's plus the shares: releasing would not pay for the hops before. */
  | 'OTHER_POINT'
  /** Less, or with an earlier deadline, than the payer had it say: a hop kept too much. */
  | 'LESS_THAN_PROMISED'
  /** Not enough time is left to release it, and to go on chain if need be. */
  | 'DEADLINE_TOO_NEAR'
  /** Parts of one payment name different totals or payers, or come to more than the total. */
  | 'PARTS_DISAGREE'
  | 'TOO_MANY_PARTS'
  /** The other parts did not arrive in time. */
  | 'PARTS_MISSING'

/** What the payer told the payee in its layer of the onion, or directly. */
export interface Told {
  /** The invoice's digest, 32 bytes. */
  readonly invoice: Hex
  /** 16 bytes: parts with the same one belong together. */
  readonly paymentId: Hex
  /** What is to arrive with this part. */
  readonly asset: Address
  readonly amount: bigint
  readonly deadline: bigint
  /** What all parts come to. */
  readonly total: bigint
  /** Only if it signed as payer, or is the peer itself. */
  readonly payer: Address | undefined
}

/** A transfer locked to the payee. */
export interface InvoicePart {
  /** Names the transfer among all that this node was ever locked. */
  readonly id: string
  readonly key: Hex
  readonly asset: Address
  readonly amount: bigint
  readonly deadline: bigint
  /** In mode `sprites`: the 33-byte point it is locked to, and the sum of all hops' shares. */
  readonly lock: { readonly point: Uint8Array; readonly share: Uint8Array } | undefined
  readonly told: Told
}

/** Parts of one payment that wait for the others, or, once all are there, for their release. */
export interface Gathering {
  readonly paymentId: Hex
  readonly total: bigint
  readonly payer: Address | undefined
  /** When the first part came, in milliseconds of the node's own clock. */
  readonly since: number
  readonly parts: readonly InvoicePart[]
}

/** One invoice as its payee keeps it. */
export interface Receivable {
  /** The invoice's digest, 32 bytes. */
  readonly id: Hex
  readonly invoice: Invoice
  readonly status: 'open' | 'paid' | 'cancelled'
  /** While it is open. */
  readonly gathering: readonly Gathering[]
  /** Once it is paid; parts leave as they are released for good. */
  readonly paid: Gathering | undefined
}

export type ReceivableEvent =
  /** A transfer for it was locked; after a restart each one again. `now` is the chain's time, `at` the node's. */
  | { readonly kind: 'part'; readonly part: InvoicePart; readonly now: bigint; readonly at: number }
  | { readonly kind: 'tick'; readonly at: number }
  /** What it promises was delivered against its amount. */
  | { readonly kind: 'delivered' }
  /** The user takes the invoice back; throws if it is paid. */
  | { readonly kind: 'cancel' }
  /** The transfer with this id is no more: paid to us, or refunded. */
  | { readonly kind: 'gone'; readonly id: string }

/** Performed after `next` is durable; each may be performed twice. */
export type ReceivableEffect =
  /** Give the secret, and each part's scalar, to whoever locked it. */
  | { readonly kind: 'release'; readonly parts: readonly InvoicePart[] }
  | { readonly kind: 'refuse'; readonly part: InvoicePart; readonly code: PartRefusal }

export interface ReceivableStep {
  readonly next: Receivable
  readonly effects: readonly ReceivableEffect[]
}

/** A new invoice. Throws {@link InvoiceRefusedError} if `accounts`, this node's signers and owners, are not its payee. */
export function openReceivable(invoice: Invoice, id: Hex, accounts: readonly Address[]): Receivable {
  if (!accounts.includes(invoice.payee)) throw new InvoiceRefusedError('INVOICE_OF_ANOTHER_PAYEE')
  return { id, invoice, status: 'open', gathering: [], paid: undefined }
}

/**
 * What follows from an event.
 *
 * @param margin Seconds before its deadline from which on a part can no longer be released safely.
 */
export function stepReceivable(book: Receivable, event: ReceivableEvent, margin: bigint): ReceivableStep {
  switch (event.kind) {
    case 'part':
      return takePart(book, event, margin)
    case 'tick':
      return dropGatherings(book, ({ since }) => event.at > since + GATHERING_TIME, 'PARTS_MISSING')
    case 'delivered':
      return dropGatherings({ ...book, status: 'paid' }, () => true, 'INVOICE_PAID')
    case 'cancel':
      if (book.status === 'paid') throw new InvoiceRefusedError('INVOICE_PAID')
      return dropGatherings({ ...book, status: 'cancelled' }, () => true, 'INVOICE_CANCELLED')
    case 'gone':
      return { next: withoutPart(book, event.id), effects: [] }
  }
}

/** Whether nobody can pay an invoice any more and nobody did, `margin` seconds after its deadline: a paid one is the payee's receipt. */
export const isStale = ({ status, gathering, invoice }: Receivable, now: bigint, margin: bigint): boolean =>
  status !== 'paid' && gathering.length === 0 && now > invoice.deadline + margin

const refuseAll = (parts: readonly InvoicePart[], code: PartRefusal): ReceivableEffect[] =>
  parts.map((part) => ({ kind: 'refuse', part, code }))

function dropGatherings(book: Receivable, drop: (gathering: Gathering) => boolean, code: PartRefusal): ReceivableStep {
  const dropped = book.gathering.filter(drop)
  const next = { ...book, gathering: book.gathering.filter((each) => !dropped.includes(each)) }
  return {
    next,
    effects: refuseAll(
      dropped.flatMap(({ parts }) => parts),
      code,
    ),
  }
}

function withoutPart(book: Receivable, id: string): Receivable {
  const without = (gathering: Gathering): Gathering => ({
    ...gathering,
    parts: gathering.parts.filter((part) => part.id !== id),
  })
  return {
    ...book,
    gathering: book.gathering.map(without).filter(({ parts }) => parts.length > 0),
    paid: book.paid && without(book.paid),
  }
}

const holds = ({ parts }: Gathering, id: string): boolean => parts.some((part) => part.id === id)

function takePart(
  book: Receivable,
  { part, now, at }: Extract<ReceivableEvent, { kind: 'part' }>,
  margin: bigint,
): ReceivableStep {
  // A crash may have come between the commit and the release.
  if (book.paid && holds(book.paid, part.id)) return { next: book, effects: [{ kind: 'release', parts: [part] }] }
  if (book.gathering.some((each) => holds(each, part.id))) return { next: book, effects: [] }
  const { paymentId, total, payer } = part.told
  const known = book.gathering.find((each) => each.paymentId === paymentId)
  const gathering = known ?? { paymentId, total, payer, since: at, parts: [] }
  const code = partRefusal(book, part, { now, margin }) ?? roomRefusal(book, gathering, part)
  if (code) return { next: book, effects: refuseAll([part], code) }
  const grown = { ...gathering, parts: [...gathering.parts, part] }
  const others = book.gathering.filter((each) => each !== known)
  if (sumOf(grown.parts) < total) return { next: { ...book, gathering: [...others, grown] }, effects: [] }
  return complete({ ...book, gathering: others }, grown, now + margin)
}

/** All parts are locked: now or never. */
function complete(book: Receivable, whole: Gathering, earliest: bigint): ReceivableStep {
  const { parts } = whole
  if (parts.some(({ deadline }) => deadline < earliest))
    return { next: book, effects: refuseAll(parts, 'DEADLINE_TOO_NEAR') }
  const losers = book.gathering.flatMap((each) => each.parts)
  return {
    next: { ...book, status: 'paid', gathering: [], paid: whole },
    effects: [{ kind: 'release', parts }, ...refuseAll(losers, 'INVOICE_PAID')],
  }
}

/** What of the part alone stands against it. */
function partRefusal(
  { id, invoice, status }: Receivable,
  { key, asset, amount, deadline, lock, told }: InvoicePart,
  { now, margin }: { readonly now: bigint; readonly margin: bigint },
): PartRefusal | undefined {
  if (told.invoice !== id) return 'OTHER_INVOICE'
  if (status !== 'open') return status === 'paid' ? 'INVOICE_PAID' : 'INVOICE_CANCELLED'
  // Taken so, it would be taken for nothing.
  if (invoice.want.amount > 0n) return 'INVOICE_WANTS_DELIVERY'
  if (key !== invoice.key) return 'OTHER_KEY'
  if (asset !== invoice.asset || told.asset !== asset) return 'OTHER_ASSET'
  if (lock && !isShifted(invoice.point, lock)) return 'OTHER_POINT'
  if (told.amount <= 0n || amount < told.amount || deadline < told.deadline) return 'LESS_THAN_PROMISED'
  if (deadline < now + margin) return 'DEADLINE_TOO_NEAR'
  return refusalOf(invoice, { payer: told.payer, total: told.total, now })
}

function isShifted(target: Hex, { point, share }: NonNullable<InvoicePart['lock']>): boolean {
  try {
    const shifted = shiftPoint(toBytes(target, 33), share)
    return point.length === shifted.length && shifted.every((byte, i) => byte === point[i])
  } catch {
    // A share that is no scalar: as wrong as any other.
    return false
  }
}

/** What stands against it beside the others. */
function roomRefusal(
  book: Receivable,
  { parts, total, payer }: Gathering,
  { told }: InvoicePart,
): PartRefusal | undefined {
  if (told.total !== total || told.payer !== payer) return 'PARTS_DISAGREE'
  if (sumOf(parts) + told.amount > total) return 'PARTS_DISAGREE'
  if (parts.length >= MAX_PARTS) return 'TOO_MANY_PARTS'
  // Whoever pays at once needs no room, and so nobody can take it away.
  if (parts.length === 0 && told.amount < total && book.gathering.length >= MAX_GATHERING) return 'TOO_MANY_PARTS'
  return undefined
}

/** What a hop locked beyond the promise is the payee's gain, and counts for no part. */
const sumOf = (parts: readonly InvoicePart[]): bigint => parts.reduce((sum, { told }) => sum + told.amount, 0n)
