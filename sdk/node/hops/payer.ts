import { toBytes, toHex } from '../../core/bytes.ts'
import { InvalidInvoiceError, invoiceDigest, type SignedInvoice } from '../../core/invoice.ts'
import { packInvoice } from '../../core/invoice-text.ts'
import { subtractScalar } from '../../core/points.ts'
import { COIN, type Hex, type Transfer } from '../../core/types.ts'
import { assertPayable, InvoiceRefusedError } from '../../protocols/invoice-terms.ts'
import { payerPart, wasPaid } from '../../protocols/part.ts'
import { type FailureReport, readFailure } from '../../routing/failure.ts'
import { signPayer, verifyInvoice } from '../../signing/invoice.ts'
import { onAbort } from '../abort.ts'
import type { Engine } from '../engine.ts'
import { NoRouteError, PaymentFailedError, ProofMissingError } from '../errors.ts'
import { SENT, sentKey } from '../keys.ts'
import { freshId } from '../ledgers/queue.ts'
import { directionOf, Finder, type Plan, type Way } from '../routes/finder.ts'
import type { Carried } from './carried.ts'
import {
  givenWay,
  maxFeeOf,
  maxPartsOf,
  type PaidInvoice,
  type PayInvoiceOptions,
  type Quote,
  type QuoteOptions,
  type Route,
} from './quote.ts'
import { type Wrapped, type Wrapping, wrap } from './wrapping.ts'

// One payment of an invoice, in up to 16 parts with one key and one deadline.
//
//   pay ─ remember ─ find ways for what is missing ─▶ lock each part
//   a part is paid        ─▶ paid: the payee shows its secret only when all parts are there
//   a part comes back     ─ payee refuses, attempts or time are used up? ─▶ wait for the others, then failed
//                           └ else learn from the report, find ways again
//
// The invoice is remembered from before the first lock until nothing of it is locked any more, so that no second payment can begin
// meanwhile, in this process or the next one.

interface SentPart extends Wrapped {
  readonly way: Way
}

interface Payment extends Wrapping {
  readonly deadline: bigint
  readonly maxFee: bigint
  readonly maxParts: number
  /** Whether its ways were found, not given. */
  readonly isFound: boolean
  /** Those on their way, by the transfer that this node locked. */
  readonly parts: Map<Hex, SentPart>
  /** Directions that failed, and how often. */
  readonly failures: Map<string, number>
  /** Left locked on ways that failed; hops may get it. */
  residue: bigint
  attempts: number
  /** Why nothing more is sent. */
  ending: Error | undefined
  isPaid: boolean
  readonly resolve: (paid: PaidInvoice) => void
  readonly reject: (error: unknown) => void
}

const PAYER_SECONDS = 6n * 3_600n
const ATTEMPTS = 10
const PENDING = 0

/** What this node finds wrong itself and no other way would change. */
const FINAL: readonly (string | undefined)[] = [
  'KEY_KNOWN',
  'MARGIN_UNSAFE',
  'POINT_MISSING',
  'DEADLINE_NEAR',
  'DEADLINE_FAR',
  'MODE_REFUSED',
]

/** Pays invoices over any number of hops. */
export class Payer {
  readonly #engine: Engine
  readonly finder: Finder
  readonly #payments = new Map<Hex, Payment>()
  /** Payments of an earlier process that are not over, by the invoice's id. */
  readonly #resumed = new Map<Hex, Uint8Array>()
  /** Paid by the chain's word; their secrets are looked for there. */
  readonly #unproven = new Map<Payment, Omit<PaidInvoice, 'secret'>>()
  #proving = false

  constructor(engine: Engine) {
    this.#engine = engine
    this.finder = new Finder(engine)
  }

  /** What was on its way goes on; what came back before the end of the last process can be paid again. */
  async load(): Promise<void> {
    for await (const [key, bytes] of this.#engine.options.store.list(SENT)) {
      const id = key.slice(SENT.length) as Hex
      if (bytes[0] !== PENDING) continue
      if (this.#isOnItsWay(id)) this.#resumed.set(id, bytes.subarray(1))
      else this.#engine.journal.write(key, null)
    }
  }

  #isOnItsWay(id: Hex): boolean {
    for (const { payment, incoming, part } of this.#engine.switch.parts.values())
      if (payment === id && !incoming && part.outgoing!.status !== 'residual') return true
    return false
  }

  /** What paying would take now. Throws `InvoiceRefusedError`, {@link NoRouteError}. */
  async quote(signed: SignedInvoice, options: QuoteOptions): Promise<Quote> {
    const { amount, plan } = await this.#plan(signed, options)
    return { amount, fee: plan.fee, parts: plan.ways.length, chance: plan.chance }
  }

  /**
   * Pays; resolves with the proof once the payee has shown its secret. Throws `InvoiceRefusedError`, {@link NoRouteError}, or
   * {@link PaymentFailedError}: all money is back then.
   */
  async pay(signed: SignedInvoice, options: PayInvoiceOptions): Promise<PaidInvoice> {
    options.signal?.throwIfAborted()
    const { amount, id, deadline, plan } = await this.#plan(signed, options)
    // Between the look into the store and here nothing waited, so nobody else pays it meanwhile.
    if (this.#payments.has(id)) throw new InvoiceRefusedError('INVOICE_PAID')
    return this.#begin(signed, { id, total: amount, deadline, plan, isFound: options.route === undefined }, options)
  }

  /** Pays an invoice of this node itself by one way that was found, once. Throws {@link PaymentFailedError}. */
  async payBy(signed: SignedInvoice, way: Way, signal: AbortSignal | undefined): Promise<PaidInvoice> {
    const id = toHex(invoiceDigest(this.#engine.options.domain, signed.invoice))
    const { deadline } = way.hops[0]!
    const plan = { ways: [way], fee: 0n, chance: 1 }
    const terms = { id, total: signed.invoice.amount, deadline, plan, isFound: true }
    return this.#begin(signed, terms, { attempts: 0, ...(signal && { signal }) })
  }

  /** Throws `InvalidInvoiceError` for an invoice that its payee did not sign for this network. */
  assertSigned(signed: SignedInvoice): void {
    if (verifyInvoice(this.#engine.options.domain, signed)) return
    throw new InvalidInvoiceError('signature', 'The invoice is not signed by its payee for this network.')
  }

  async #plan(signed: SignedInvoice, options: PayInvoiceOptions) {
    const { domain, signer, store, chain } = this.#engine.options
    const { invoice } = signed
    this.assertSigned(signed)
    const id = toHex(invoiceDigest(domain, invoice))
    const amount = options.amount ?? invoice.amount
    const now = this.#engine.switch.view?.now ?? (await chain.head()).timestamp
    const paid = this.#payments.has(id) || (await store.get(sentKey(id))) !== undefined
    assertPayable(invoice, { payer: signer.address, payee: invoice.payee, total: amount, now, paid })
    const { mode = 'sprites', seconds = PAYER_SECONDS, route } = options
    const deadline = now + seconds
    const limits = { amount, maxFee: maxFeeOf(amount, options), maxParts: maxPartsOf(options) }
    const query = { invoice, now, deadline, mode, excluded: new Set<string>(), underWay: [], ...limits }
    const plan = route ? this.#given(signed, route, amount, deadline) : this.finder.find(query)
    return { id, amount, deadline, plan }
  }

  /** The one way that the caller names. */
  #given({ invoice }: SignedInvoice, route: Route, amount: bigint, deadline: bigint): Plan {
    const { asset, payee, onionKey } = invoice
    const slot = this.#engine.book.slot({ channelId: route.channelId, asset })
    if (!slot) throw new NoRouteError()
    const from = this.#engine.options.signer.address
    const way = givenWay(route, { from, payee, asset, onionKey, amount, deadline })
    return { ways: [way], fee: way.fee, chance: 1 }
  }

  #begin(
    signed: SignedInvoice,
    { id, total, deadline, plan, isFound }: { id: Hex; total: bigint; deadline: bigint; plan: Plan; isFound: boolean },
    options: PayInvoiceOptions,
  ): Promise<PaidInvoice> {
    const { domain, signer } = this.#engine.options
    const paymentId = toHex(freshId())
    const { payer } = signed.invoice
    return new Promise((resolve, reject) => {
      const payment: Payment = {
        signed,
        id,
        total,
        mode: options.mode ?? 'sprites',
        paymentId,
        payerSignature: payer === COIN ? undefined : signPayer(signer, domain, id, paymentId),
        deadline,
        maxFee: maxFeeOf(total, options),
        maxParts: maxPartsOf(options),
        isFound,
        parts: new Map(),
        failures: new Map(),
        residue: 0n,
        attempts: options.attempts ?? ATTEMPTS,
        ending: undefined,
        isPaid: false,
        resolve: (paid) => {
          forget()
          resolve(paid)
        },
        reject: (error) => {
          forget()
          reject(error)
        },
      }
      const forget = onAbort(options.signal, (reason) => {
        payment.ending ??= reason as Error
        reject(reason)
      })
      const parts = this.#wrapAll(payment, plan.ways)
      this.#payments.set(id, payment)
      // The same key a second time would be a gift to the hops: remembered before anything leaves.
      this.#engine.journal.write(sentKey(id), this.#record(PENDING, signed))
      this.#sendAll(payment, parts)
    })
  }

  #wrapAll = (payment: Payment, ways: readonly Way[]) =>
    ways.map((way) => ({ way, id: toHex(freshId()), ...wrap(way, payment) }))

  #record(status: number, signed: SignedInvoice): Uint8Array {
    return Uint8Array.of(status, ...packInvoice(this.#engine.options.domain, signed))
  }

  #sendAll(payment: Payment, parts: readonly (SentPart & { readonly id: Hex })[]): void {
    // All are known before one is sent: one that fails at once must not look like the last.
    for (const part of parts) payment.parts.set(part.id, part)
    for (const part of parts) this.#send(payment, part.id, part)
  }

  #send({ id: invoice, signed, mode }: Payment, id: Hex, { way, point, note }: SentPart): void {
    const { channelId, asset, amount, deadline } = way.hops[0]!
    const { key } = signed.invoice
    const slot = this.#engine.book.slot({ channelId, asset })!
    const { me } = slot.ledger
    const transfer: Transfer = { amount, deadline, refundTo: me, legs: [{ to: 1 - me, key }] }
    const terms = { mode, minimumMode: mode, scalar: undefined }
    const part = payerPart(terms, this.#engine.switch.edgeOf(slot, transfer, point))
    this.#engine.switch.send(part, { slot, id, note }, invoice)
    this.#engine.touch(slot)
  }

  /** A part of a payment is over. */
  over(carried: Carried): void {
    const id = carried.payment!
    const payment = this.#payments.get(id)
    const sent = payment?.parts.get(carried.outgoing!.id)
    const isPaid = wasPaid(carried.part)
    if (!payment) this.#overResumed(id, isPaid)
    else if (!sent) return
    else if (isPaid) this.#paid(payment, sent, carried)
    else this.#cameBack(payment, sent, carried, 0n)
  }

  /** A part came back, but for a residual that stays until its deadline. The invoice may be paid again in another way. */
  failed(carried: Carried): void {
    const id = carried.payment!
    const payment = this.#payments.get(id)
    const sent = payment?.parts.get(carried.outgoing!.id)
    if (!payment) this.#overResumed(id, false)
    else if (sent) this.#cameBack(payment, sent, carried, carried.part.outgoing!.amount)
  }

  #overResumed(id: Hex, isPaid: boolean): void {
    const packed = this.#resumed.get(id)
    if (!packed || (!isPaid && this.#isOnItsWay(id))) return
    this.#resumed.delete(id)
    this.#engine.journal.write(sentKey(id), isPaid ? packed : null)
    this.#tell(id, isPaid)
  }

  #tell(invoice: Hex, paid: boolean): void {
    this.#engine.journal.after(() => this.#engine.emitter.emit({ kind: 'invoice-sent', invoice, paid }))
  }

  #paid(payment: Payment, sent: SentPart, { part: { secret, shown }, outgoing }: Carried): void {
    const { signed, id } = payment
    payment.parts.delete(outgoing!.id)
    if (payment.isFound) this.finder.paid(sent.way)
    if (!payment.isPaid) {
      payment.isPaid = true
      this.#engine.journal.write(sentKey(id), packInvoice(this.#engine.options.domain, signed))
      const ways = [sent, ...payment.parts.values()]
      const fee = ways.reduce((sum, { way }) => sum + way.fee, 0n)
      const opening = shown && subtractScalar(toBytes(shown), sent.share)
      const proof = { ...signed, ...(opening && { opening }), fee, parts: ways.length }
      this.#engine.journal.after(() => {
        if (secret !== undefined) payment.resolve({ ...proof, secret: toBytes(secret) })
        else {
          this.#unproven.set(payment, proof)
          this.tick()
        }
      })
      this.#tell(id, true)
    }
    if (payment.parts.size === 0) this.#payments.delete(id)
  }

  /** Looks once more for the proofs that the chain has and did not tell yet. */
  tick(): void {
    if (this.#proving || this.#unproven.size === 0) return
    this.#proving = true
    void this.#prove().finally(() => {
      this.#proving = false
    })
  }

  /** The chain decided: there the secret stands, unless the payee was paid by a transfer whose key has none. */
  async #prove(): Promise<void> {
    const { chain } = this.#engine.options
    for (const [payment, proof] of [...this.#unproven]) {
      try {
        const secret = await chain.secretOf(proof.invoice.key)
        if (secret === undefined) payment.reject(new ProofMissingError())
        else payment.resolve({ ...proof, secret: toBytes(secret) })
        this.#unproven.delete(payment)
      } catch {
        // A chain that does not answer shows as unhealthy; the next tick asks again.
      }
    }
  }

  #cameBack(payment: Payment, sent: SentPart, { part, failure, outgoing }: Carried, residue: bigint): void {
    payment.parts.delete(outgoing!.id)
    payment.residue += residue
    if (payment.isPaid) {
      if (payment.parts.size === 0) this.#payments.delete(payment.id)
      return
    }
    const report = failure && failure.length > 0 ? readFailure(sent.replies, failure) : undefined
    const error = new PaymentFailedError(part.refused, report)
    if (payment.isFound) this.#learn(payment, sent, part.refused, report)
    if (this.#isFinal(payment, sent, part.refused, report)) payment.ending ??= error
    // Not at once: other parts may come back in the same turn, and what they tell counts too.
    if (!payment.ending) queueMicrotask(() => this.#again(payment, error))
    else if (payment.parts.size === 0) this.#fail(payment)
  }

  #isFinal(
    payment: Payment,
    { way }: SentPart,
    refused: string | undefined,
    report: FailureReport | undefined,
  ): boolean {
    if (!payment.isFound || payment.attempts <= 0 || this.#engine.switch.draining) return true
    const isPayee = report?.kind === 'failed' && report.hop === way.hops.length - 1
    if (isPayee && report.failure.code !== 'PAYMENT_INCOMPLETE') return true
    const now = this.#engine.switch.view?.now ?? 0n
    return FINAL.includes(refused) || payment.deadline - now <= this.#engine.options.forwarding.margin
  }

  /** What a part that came back says of its way. */
  #learn(
    { failures }: Payment,
    { way }: SentPart,
    refused: string | undefined,
    report: FailureReport | undefined,
  ): void {
    const fail = (index: number, count: number) => {
      const hop = way.hops[index]
      const name = hop && directionOf(hop)
      if (name) failures.set(name, (failures.get(name) ?? 0) + count)
    }
    if (refused !== undefined) {
      // What does not fit into one's own channel shows in its balance.
      fail(0, refused === 'LOCK_FAILED' ? 1 : MAX_FAILURES)
    } else if (report?.kind !== 'failed') fail(report?.hop ?? 0, MAX_FAILURES)
    else {
      const isFull = report.failure.code === 'CHANNEL_UNAVAILABLE'
      this.finder.returned(way, report.hop, isFull)
      // A channel that is only too full may carry less; a hop that says anything else is left alone.
      if (report.failure.code !== 'PAYMENT_INCOMPLETE') fail(report.hop + 1, isFull ? 1 : MAX_FAILURES)
    }
  }

  /** Sends what came back by other ways. */
  #again(payment: Payment, error: PaymentFailedError): void {
    const { parts, signed, deadline, mode, failures, total } = payment
    if (this.#engine.halted || payment.isPaid || this.#payments.get(payment.id) !== payment) return
    const ways = [...parts.values()].map(({ way }) => way)
    const missing = ways.reduce((left, { amount }) => left - amount, total)
    if (missing === 0n) return
    if (!payment.ending) {
      payment.attempts--
      try {
        const excluded = new Set([...failures].flatMap(([name, count]) => (count < MAX_FAILURES ? [] : [name])))
        const maxFee = ways.reduce((left, { fee }) => left - fee, payment.maxFee - payment.residue)
        if (maxFee < 0n) throw new NoRouteError('TOO_DEAR')
        const now = this.#engine.switch.view!.now
        const limits = { amount: missing, maxFee, maxParts: payment.maxParts - ways.length }
        const query = { invoice: signed.invoice, now, deadline, mode, excluded, underWay: ways, ...limits }
        this.#sendAll(payment, this.#wrapAll(payment, this.finder.find(query).ways))
        return
      } catch (reason) {
        payment.ending = reason instanceof NoRouteError ? error : (reason as Error)
      }
    }
    if (parts.size === 0) this.#fail(payment)
  }

  /** Everything is back: the invoice can be paid again. */
  #fail({ id, ending, reject }: Payment): void {
    this.#payments.delete(id)
    this.#engine.journal.write(sentKey(id), null)
    this.#engine.durably(() => reject(ending))
    this.#tell(id, false)
  }

  stop(error: Error): void {
    for (const { reject } of [...this.#payments.values(), ...this.#unproven.keys()]) reject(error)
  }
}

/** Times that a direction may be too full before it is left alone. */
const MAX_FAILURES = 3
