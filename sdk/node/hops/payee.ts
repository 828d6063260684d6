import { secp256k1 } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { toBytes, toHex, toUint } from '../../core/bytes.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import {
  type Hint,
  type Invoice,
  invoiceDigest,
  memoHashOf,
  NOTHING_WANTED,
  type SignedInvoice,
  type Want,
} from '../../core/invoice.ts'
import { packInvoice, unpackInvoice } from '../../core/invoice-text.ts'
import { secretKey } from '../../core/outcome.ts'
import { addScalars, pointOf } from '../../core/points.ts'
import { ZERO_HASH } from '../../core/state.ts'
import { type Address, COIN, type Hex } from '../../core/types.ts'
import { type Delivery, promises, refusalOf } from '../../protocols/invoice-terms.ts'
import {
  type InvoicePart,
  isStale,
  openReceivable,
  type PartRefusal,
  type Receivable,
  type ReceivableEffect,
  type ReceivableEvent,
  stepReceivable,
} from '../../protocols/invoicing.ts'
import { deadlineOf, keyOf, wasPaid } from '../../protocols/part.ts'
import { spendable } from '../../protocols/solvency.ts'
import type { FailureCode } from '../../routing/failure.ts'
import type { FinalPayload } from '../../routing/hop-payload.ts'
import { signInvoice, verifyPayer } from '../../signing/invoice.ts'
import type { Engine } from '../engine.ts'
import { InvoiceUnknownError } from '../errors.ts'
import { INVOICES, invoiceKey } from '../keys.ts'
import type { Carried } from './carried.ts'
import type { Parcel } from './parcel.ts'
import type { Wanted } from './policy.ts'

/** What to ask for. */
export interface InvoiceTerms {
  /** Default: the chain's coin. */
  readonly asset?: Address
  /** 0n: the payer decides. */
  readonly amount: bigint
  /** At most 256 bytes of UTF-8. */
  readonly memo?: string
  /** Whether less is taken too, once. */
  readonly partial?: boolean
  /** Who alone may pay; default: anyone. */
  readonly payer?: Address
  /** What this node gives in return, against all of the amount: another asset. Payers take it with `swapInvoice`. */
  readonly want?: { readonly asset?: Address; readonly amount: bigint }
  /** Seconds that it can be paid for; default one hour. */
  readonly seconds?: bigint
  /** A payment address; default: the payee's session key. */
  readonly uri?: string
}

/** An invoice of this node and what alone it knows of it. */
interface Asked {
  book: Receivable
  readonly signed: SignedInvoice
  readonly secret: Hex
  /** z, 32 bytes. */
  readonly scalar: Hex
}

const HOUR = 3_600n

/** The payee of invoices: makes them, gathers their parts, and shows the secret when all are there. */
export class Payee {
  readonly #engine: Engine
  readonly #onionKey: Hex
  readonly #asked = new Map<Hex, Asked>()

  constructor(engine: Engine, onionKey: Hex) {
    this.#engine = engine
    this.#onionKey = onionKey
  }

  async load(): Promise<void> {
    const { store, domain } = this.#engine.options
    for await (const [key, bytes] of store.list(INVOICES)) {
      const id = key.slice(INVOICES.length) as Hex
      const status = (['open', 'paid', 'cancelled'] as const)[bytes[0]!]!
      const [secret, scalar] = [toHex(bytes.subarray(1, 33)), toHex(bytes.subarray(33, 65))]
      const signed = unpackInvoice(domain, bytes.subarray(65))
      const book = { ...openReceivable(signed.invoice, id, [signed.invoice.payee]), status }
      this.#asked.set(id, { book, signed, secret, scalar })
    }
    // What had gathered before the restart is not known any more; what was released asks for its money again by itself.
    for (const carried of [...this.#engine.switch.parts.values()])
      if (isMine(carried) && carried.part.mode !== 'outcome' && carried.part.secret === undefined)
        this.#engine.switch.refuse(carried, 'PAYMENT_INCOMPLETE')
  }

  /** A new invoice, stored before it is handed out. */
  async create(terms: InvoiceTerms): Promise<SignedInvoice> {
    const { domain, chain, signer } = this.#engine.options
    const { asset = COIN, amount, memo, partial = false, payer = COIN, seconds = HOUR } = terms
    const secret = randomBytes(32)
    const scalar = secp256k1.utils.randomSecretKey()
    const invoice: Invoice = {
      uri: terms.uri ?? `pay://${signer.address}`,
      payee: signer.address,
      payer,
      asset,
      amount,
      partial,
      key: secretKey({ chainId: domain.chainId, condition: chain.registry }, secret),
      point: toHex(pointOf(scalar)),
      deadline: (await chain.head()).timestamp + seconds,
      memoHash: memo === undefined ? ZERO_HASH : toHex(memoHashOf(memo)),
      splits: [],
      want: wantOf(terms),
      onionKey: this.#onionKey,
      hints: this.#hintsFor(asset, amount),
      nonce: toUint(randomBytes(16)),
    }
    const signed = signInvoice(signer, domain, invoice, memo)
    const id = toHex(invoiceDigest(domain, invoice))
    const book = openReceivable(invoice, id, [signer.address])
    const asked: Asked = { book, signed, secret: toHex(secret), scalar: toHex(scalar) }
    this.#asked.set(id, asked)
    await new Promise<void>((resolve) => {
      this.#write(asked)
      this.#engine.durably(resolve)
    })
    return signed
  }

  /** A channel that is not announced, if only such a one can be paid over: payers cannot know it. */
  #hintsFor(asset: Address, amount: bigint): Hint[] {
    const { gossip, book } = this.#engine
    const hints: Hint[] = []
    for (const slot of book.slots) {
      const { channelId } = slot.ledger
      if (slot.ledger.asset !== asset || spendable(slot.ledger, 1 - slot.ledger.me) < (amount || 1n)) continue
      if (gossip.isAnnounced(asset, channelId)) return []
      const onionKey = gossip.onionKeyOf(slot.entry.peer)
      if (onionKey) hints.push({ onionKey, channelId })
    }
    // Several would be one path, hop by hop.
    return hints.slice(0, 1)
  }

  /** Takes an invoice back. Throws `InvoiceRefusedError` if it is paid, {@link InvoiceUnknownError}. */
  cancel(id: Hex): void {
    this.#step(this.#find(id), { kind: 'cancel' })
  }

  status(id: Hex): Receivable['status'] {
    return this.#find(id).book.status
  }

  #find(id: Hex): Asked {
    const asked = this.#asked.get(id)
    if (!asked) throw new InvoiceUnknownError(id)
    return asked
  }

  /** The k of the edge to this node: z plus what the payer added. */
  scalarFor = ({ invoice, share }: FinalPayload): Hex | undefined => {
    const asked = invoice && this.#asked.get(invoice)
    return asked && share && toHex(addScalars(toBytes(asked.scalar), share))
  }

  /** A part arrived. */
  arrived(carried: Carried, payload: FinalPayload, parcel: Parcel): void {
    if (payload.secret !== undefined) {
      // A payment that brings its own secret: there is nothing to wait for.
      this.#engine.switch.step(carried, { kind: 'complete', secret: toHex(payload.secret) })
      return
    }
    const asked = this.#asked.get(payload.invoice!)
    if (!asked) {
      this.#engine.switch.refuse(carried, 'PAYMENT_REFUSED')
      return
    }
    const part = this.#partOf(carried, payload, parcel)
    const at = this.#engine.options.clock.elapsed()
    this.#step(asked, { kind: 'part', part, now: this.#engine.switch.view!.now, at })
  }

  #partOf({ id, part, taken }: Carried, payload: FinalPayload, { point }: Parcel): InvoicePart {
    const { asset, amount, deadline, total, paymentId, share } = payload
    const incoming = part.incoming!
    const lock = point && share ? { point: toBytes(point, 33), share } : undefined
    const told = { invoice: payload.invoice!, paymentId, asset, amount, deadline, total, payer: this.#payerOf(payload) }
    const { edge } = incoming
    return {
      id,
      key: keyOf(edge),
      asset: edge.asset,
      // What the hub keeps of it pays a debt of this node.
      amount: incoming.amount + taken,
      deadline: deadlineOf(incoming),
      lock,
      told,
    }
  }

  #payerOf({ invoice, paymentId, payerSignature }: FinalPayload): Address | undefined {
    const payer = invoice && this.#asked.get(invoice)?.signed.invoice.payer
    if (!payer || payer === COIN || !payerSignature) return undefined
    const { domain } = this.#engine.options
    return verifyPayer(domain, { invoice, paymentId, payer, signature: payerSignature }) ? payer : undefined
  }

  #step(asked: Asked, event: ReceivableEvent): void {
    const { next, effects } = stepReceivable(asked.book, event, this.#engine.switch.policy.margin)
    const changed = next.status !== asked.book.status
    asked.book = next
    if (changed) this.#write(asked)
    for (const effect of effects) this.#perform(asked, effect)
  }

  #perform({ secret, book }: Asked, effect: ReceivableEffect): void {
    const { parts } = this.#engine.switch
    if (effect.kind === 'refuse') {
      const carried = parts.get(effect.part.id as Hex)
      if (carried) this.#engine.switch.refuse(carried, codeOf(effect.code))
      return
    }
    for (const part of effect.parts) {
      const carried = parts.get(part.id as Hex)
      if (!carried) continue
      this.#engine.switch.step(carried, { kind: 'complete', secret })
      // One that cannot be released off chain, its ledger being in dispute, is paid by the chain: the others have let the secret out.
      this.#engine.switch.step(carried, { kind: 'secretSeen', secret })
      // Where this node pays itself, its other side need not wait to be shown what it knows.
      this.#engine.switch.spread(carried, secret)
    }
    const amount = effect.parts.reduce((sum, part) => sum + part.amount, 0n)
    this.#tellPaid(book.id, amount)
  }

  /** What must come in for what an invoice promises in return, once; or why it does not go out. */
  deliver(id: Hex, delivery: Delivery, payer: Address): Wanted | FailureCode {
    const asked = this.#asked.get(id)
    if (asked?.book.status !== 'open' || this.#isDelivering(id)) return 'PAYMENT_REFUSED'
    const { invoice } = asked.book
    const { amount, want } = invoice
    const attempt = { payer, total: amount, now: this.#engine.switch.view!.now }
    if (!promises(invoice, delivery) || refusalOf(invoice, attempt)) return 'PAYMENT_REFUSED'
    return { price: { from: amount, to: want.amount }, amount }
  }

  /** Whether what it promises is on its way, and may still be paid for. */
  #isDelivering(id: Hex): boolean {
    for (const { payment, part, incoming } of this.#engine.switch.parts.values()) {
      const status = incoming && part.outgoing?.status
      if (payment === id && status && !part.refused && status !== 'gone' && status !== 'residual') return true
    }
    return false
  }

  /** What an invoice promises has gone out, or come back. */
  delivered({ payment, part }: Carried): void {
    const asked = payment && this.#asked.get(payment)
    if (!asked || !wasPaid(part)) return
    this.#step(asked, { kind: 'delivered' })
    const { amount } = part.incoming!.edge.transfer
    this.#tellPaid(payment, amount)
  }

  #tellPaid(invoice: Hex, amount: bigint): void {
    this.#engine.journal.after(() => this.#engine.emitter.emit({ kind: 'invoice-paid', invoice, amount }))
  }

  /** A part is over. */
  gone({ id, payment }: Carried): void {
    const asked = payment && this.#asked.get(payment)
    if (asked) this.#step(asked, { kind: 'gone', id })
  }

  /** Parts that never complete go back, and what nobody paid in time is forgotten. */
  tick(): void {
    const { view, policy } = this.#engine.switch
    if (!view) return
    const at = this.#engine.options.clock.elapsed()
    for (const asked of this.#asked.values()) {
      if (asked.book.gathering.length > 0) this.#step(asked, { kind: 'tick', at })
      const isOld = isStale(asked.book, view.confirmed, policy.margin)
      if (isOld && !this.#isDelivering(asked.book.id)) this.#forget(asked.book)
    }
  }

  #forget({ id }: Receivable): void {
    this.#asked.delete(id)
    this.#engine.journal.write(invoiceKey(id), null)
  }

  #write({ book, signed, secret, scalar }: Asked): void {
    const packed = packInvoice(this.#engine.options.domain, signed)
    const value = new Uint8Array(65 + packed.length)
    value[0] = ['open', 'paid', 'cancelled'].indexOf(book.status)
    value.set(toBytes(secret), 1)
    value.set(toBytes(scalar), 33)
    value.set(packed, 65)
    this.#engine.journal.write(invoiceKey(book.id), value)
  }
}

/** Throws `InvalidOptionError` for what nobody could take: half a delivery, or none. */
function wantOf({ want, asset = COIN, amount, partial }: InvoiceTerms): Want {
  if (!want) return NOTHING_WANTED
  const wanted = { asset: want.asset ?? COIN, amount: want.amount }
  if (amount > 0n && !partial && wanted.amount > 0n && wanted.asset !== asset) return wanted
  throw new InvalidOptionError(
    'want',
    'Another asset is promised against a whole amount of this one. Name both amounts, two assets, and no partial payment.',
  )
}

const isMine = ({ incoming, outgoing }: Carried): boolean => incoming !== undefined && outgoing === undefined

const codeOf = (code: PartRefusal) => (code === 'PARTS_MISSING' ? 'PAYMENT_INCOMPLETE' : 'PAYMENT_REFUSED')
