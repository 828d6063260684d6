import { secp256k1 } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { toBytes, toHex } from '../../core/bytes.ts'
import { InvalidInvoiceError, invoiceDigest, type PaymentProof, type SignedInvoice } from '../../core/invoice.ts'
import { packInvoice } from '../../core/invoice-text.ts'
import { addScalars, lockPoints, subtractScalar } from '../../core/points.ts'
import { type ChannelId, COIN, type Hex, type Transfer } from '../../core/types.ts'
import { assertPayable, InvoiceRefusedError } from '../../protocols/invoice-terms.ts'
import { type Mode, payerPart } from '../../protocols/part.ts'
import { readFailure } from '../../routing/failure.ts'
import { encodeHopPayload, type FinalPayload } from '../../routing/hop-payload.ts'
import { createOnion, type OnionHop } from '../../routing/onion.ts'
import { signPayer, verifyInvoice } from '../../signing/invoice.ts'
import type { Engine } from '../engine.ts'
import { NoRouteError, PaymentFailedError } from '../errors.ts'
import { sentKey } from '../keys.ts'
import { freshId } from '../queue.ts'
import type { Slot } from '../slot.ts'
import type { Carried } from './carried.ts'
import { encodeParcel } from './parcel.ts'

/** One hub on the way: it is paid in the channel before and pays in `channelId`. */
export interface RouteHop {
  /** 32 bytes: what its layer of the onion is sealed for. */
  readonly onionKey: Hex
  /** Its channel to the next hop or the payee. */
  readonly channelId: ChannelId
  /** What it keeps, in the asset's units. */
  readonly fee: bigint
}

/** A way from this node to a payee. */
export interface Route {
  /** This node's channel to the first hop, or to the payee. */
  readonly channelId: ChannelId
  readonly hops: readonly RouteHop[]
}

/** How to pay an invoice. */
export interface PayInvoiceOptions {
  /** Needed where the payer decides. */
  readonly amount?: bigint
  /** Default: the channel with the payee itself. */
  readonly route?: Route
  /** `sprites` (default): no hop can be skipped; `plain`: the secret alone. */
  readonly mode?: Mode
  /** Chain seconds that the money may be locked for at most; default 6 hours. */
  readonly seconds?: bigint
}

interface Pending {
  readonly signed: SignedInvoice
  /** Of the payer's own edge: y_0. */
  readonly share: Uint8Array
  readonly replies: readonly Uint8Array[]
  readonly resolve: (receipt: PaymentProof) => void
  readonly reject: (error: Error) => void
}

const PAYER_SECONDS = 6n * 3_600n

/** Pays invoices over any number of hops. */
export class Payer {
  readonly #engine: Engine
  readonly #pending = new Map<Hex, Pending>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /**
   * Pays; resolves with the proof once the payee has shown its secret. Throws `InvoiceRefusedError`, {@link NoRouteError}, or
   * {@link PaymentFailedError}: the money is back then.
   */
  async pay(signed: SignedInvoice, options: PayInvoiceOptions): Promise<PaymentProof> {
    const { domain, signer, store } = this.#engine.options
    const { invoice } = signed
    if (!verifyInvoice(domain, signed))
      throw new InvalidInvoiceError('signature', 'The invoice is not signed by its payee for this network.')
    const id = toHex(invoiceDigest(domain, invoice))
    const total = options.amount ?? invoice.amount
    const now = this.#engine.switch.view?.now ?? (await this.#engine.options.chain.head()).timestamp
    const paid = this.#pending.has(id) || (await store.get(sentKey(id))) !== undefined
    assertPayable(invoice, { payer: signer.address, payee: invoice.payee, total, now, paid })
    // Between the look into the store and here nothing waited, so nobody else pays it meanwhile.
    if (this.#pending.has(id)) throw new InvoiceRefusedError('INVOICE_PAID')
    return this.#send(signed, id, total, now, options)
  }

  #send(
    signed: SignedInvoice,
    id: Hex,
    total: bigint,
    now: bigint,
    { route, mode = 'sprites', seconds = PAYER_SECONDS }: PayInvoiceOptions,
  ): Promise<PaymentProof> {
    const { invoice } = signed
    const { domain, signer } = this.#engine.options
    const way = route ?? this.#direct(invoice.payee, invoice.asset)
    const slot = this.#engine.book.slot({ channelId: way.channelId, asset: invoice.asset })
    if (!slot) throw new NoRouteError()
    const deadline = now + seconds
    const paymentId = toHex(freshId())
    const shares = way.hops.map(() => secp256k1.utils.randomSecretKey())
    shares.push(secp256k1.utils.randomSecretKey())
    const final: FinalPayload = {
      kind: 'final',
      asset: invoice.asset,
      amount: total,
      deadline,
      mode,
      ...(mode === 'sprites' && { share: addScalars(...shares) }),
      invoice: id,
      total,
      paymentId,
      ...(signed.memo !== undefined && { memo: signed.memo }),
      ...(invoice.payer !== COIN && { payerSignature: signPayer(signer, domain, id, paymentId) }),
    }
    const built = this.#onionFor(way, final, invoice.key, invoice.onionKey, shares)
    const point = mode === 'sprites' ? toHex(lockPoints(toBytes(invoice.point, 33), shares)[0]!) : undefined
    const { me } = slot.ledger
    const transfer: Transfer = {
      amount: built.amount,
      deadline,
      refundTo: me,
      legs: [{ to: 1 - me, key: invoice.key }],
    }
    const part = payerPart(
      { mode, minimumMode: mode, scalar: undefined },
      this.#engine.switch.edgeOf(slot, transfer, point),
    )
    const note = encodeParcel({ mode, point, onion: built.packet })
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { signed, share: shares[0]!, replies: built.replies, resolve, reject })
      // The same key a second time would be a gift to the hops: remembered before anything leaves.
      this.#engine.journal.write(sentKey(id), Uint8Array.of(0))
      this.#engine.switch.send(part, { slot, id: toHex(freshId()), note }, id)
      this.#engine.touch(slot)
    })
  }

  /** The packet, what it costs at this node, and the keys of its failures. */
  #onionFor({ hops }: Route, final: FinalPayload, key: Hex, payeeKey: Hex, shares: readonly Uint8Array[]) {
    const { asset, deadline, mode } = final
    const context = { key, asset, deadline }
    const layers: OnionHop[] = []
    let amount = final.amount
    layers.push({ publicKey: toBytes(payeeKey, 32), payload: encodeHopPayload(final), context })
    for (const [index, hop] of [...hops.entries()].reverse()) {
      const { channelId } = hop
      const share = mode === 'sprites' ? { share: shares[index + 1]! } : {}
      const payload = encodeHopPayload({ kind: 'forward', channelId, asset, amount, deadline, mode, ...share })
      layers.unshift({ publicKey: toBytes(hop.onionKey, 32), payload, context })
      amount += hop.fee
    }
    return { amount, ...createOnion(randomBytes(32), layers) }
  }

  #direct(payee: string, asset: string): Route {
    const usable = (slot: Slot) => slot.entry.peer === payee && slot.ledger.asset === asset
    const slot = [...this.#engine.book.slots].find(usable)
    if (!slot) throw new NoRouteError()
    return { channelId: slot.ledger.channelId, hops: [] }
  }

  /** A part of a payment is over. */
  over({ part, payment, failure }: Carried): void {
    const id = payment!
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    const { outgoing, secret, shown } = part
    const isPaid = outgoing?.status === 'paid'
    if (isPaid && secret !== undefined && pending) {
      const { signed, share } = pending
      const opening = shown && subtractScalar(toBytes(shown), share)
      this.#engine.journal.write(sentKey(id), packInvoice(this.#engine.options.domain, signed))
      this.#engine.journal.after(() =>
        pending.resolve({ ...signed, secret: toBytes(secret), ...(opening && { opening }) }),
      )
      return
    }
    if (isPaid) return
    this.#fail(id, pending, { part, failure })
  }

  /** A part came back, but for a residual that stays until its deadline. The invoice may be paid again in another way. */
  failed({ payment, part, failure }: Carried): void {
    const id = payment!
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    this.#fail(id, pending, { part, failure })
  }

  #fail(id: Hex, pending: Pending | undefined, { part, failure }: Pick<Carried, 'part' | 'failure'>): void {
    this.#engine.journal.write(sentKey(id), null)
    const report = failure && pending && failure.length > 0 ? readFailure(pending.replies, failure) : undefined
    this.#engine.journal.after(() => pending?.reject(new PaymentFailedError(part.refused, report)))
  }

  stop(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error)
  }
}
