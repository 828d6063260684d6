import { toHex } from '../../core/bytes.ts'
import { inboundQuoteDigest } from '../../core/inbound-quote.ts'
import type { Address, Hex } from '../../core/types.ts'
import {
  binds,
  decodeSale,
  encodeSale,
  type InboundMessage,
  type InboundTerms,
  inboundFee,
  inboundRefusal,
  QUOTE_SECONDS,
  type Sale,
} from '../../protocols/inbound.ts'
import { verifySignature } from '../../signing/signature.ts'
import type { Engine } from '../engine.ts'
import type { PaymentEvent } from '../events.ts'
import { DISPUTERS, disputerKey, SALES, saleKey } from '../keys.ts'
import { readPayments } from '../ledgers/history.ts'
import type { Slot } from '../ledgers/slot.ts'
import type { Peer } from './peers.ts'

/** Milliseconds until a deposit that failed is tried again. */
const PAUSE = 60_000

/** Sells money of this node in channels to its peers. */
export class Sales {
  readonly #engine: Engine
  readonly #terms: ReadonlyMap<Address, InboundTerms>
  readonly #sales = new Map<Hex, Sale>()
  /** Peers with whom there was a dispute: what is refilled for them would only be tied up again. */
  readonly #disputers = new Set<Address>()
  /** Deposits under way, and until when one that failed rests. */
  readonly #notBefore = new Map<Hex, number>()

  constructor(engine: Engine, terms: ReadonlyMap<Address, InboundTerms>) {
    this.#engine = engine
    this.#terms = terms
  }

  /** Takes up sales of an earlier process. */
  async load(): Promise<void> {
    const { store } = this.#engine.options
    for await (const [key] of store.list(DISPUTERS)) this.#disputers.add(key.slice(DISPUTERS.length) as Address)
    for await (const [key, bytes] of store.list(SALES))
      this.#sales.set(key.slice(SALES.length) as Hex, decodeSale(bytes))
    this.#engine.emitter.on('payment', (event) => this.#paid(event))
  }

  /** Does what is due of them, once the chain is followed. */
  async resume(): Promise<void> {
    for (const [id, sale] of this.#sales) {
      if (sale.status === 'unpaid' && (await this.#wasPaid(sale))) this.#advance(id, sale, 'paid')
      const now = this.#sales.get(id)!
      if (now.status === 'paid') void this.#fund(id, now)
    }
  }

  /** The payment may have come just before this node was killed. */
  async #wasPaid({ quote, channelId }: Sale): Promise<boolean> {
    const slot = this.#engine.book.slot({ channelId, asset: quote.asset })
    if (!slot) return false
    const { entry, ledger, number } = slot
    const ref = { channelId, asset: ledger.asset, number, me: ledger.me, peer: entry.peer }
    for await (const payment of readPayments(this.#engine.options.store, ref))
      if (payment.direction === 'in' && payment.id === quote.nonce && payment.amount >= quote.fee) return true
    return false
  }

  /** Answers a question for a price. */
  async price(peer: Peer, ask: Extract<InboundMessage, { kind: 'ask' }>): Promise<InboundMessage> {
    const { domain, signer, chain } = this.#engine.options
    const { nonce, asset, amount, duration } = ask
    const { timestamp: now } = await chain.head()
    const terms = this.#terms.get(asset)
    const code = inboundRefusal(terms, ask, this.#exposure(peer, asset, now))
    if (code) return { kind: 'refused', nonce, code }
    const fee = inboundFee(terms!, amount, duration)
    const sides = { hub: signer.address, client: peer.signer }
    const quote = { ...sides, asset, amount, fee, duration, expiry: now + QUOTE_SECONDS, nonce }
    return { kind: 'quote', quote, signature: signer.sign(inboundQuoteDigest(domain, quote)) }
  }

  #exposure({ signer }: Peer, asset: Address, now: bigint) {
    let [toClient, toAll] = [0n, 0n]
    for (const sale of this.#sales.values()) {
      if (sale.quote.asset !== asset || !binds(sale, now)) continue
      toAll += sale.quote.amount
      if (sale.quote.client === signer) toClient += sale.quote.amount
    }
    const isDisputed = ({ ledger: { frozen, facts } }: Slot) => frozen || facts?.latest.phase === 'disputed'
    const disputed = this.#disputers.has(signer) || [...this.#engine.book.slotsOf(signer)].some(isDisputed)
    return { toClient, toAll, disputed }
  }

  /** Answers a purchase, once it is durable. */
  async sell(peer: Peer, { quote, signature, channelId, upfront }: Extract<InboundMessage, { kind: 'buy' }>) {
    const { domain, signer, chain } = this.#engine.options
    const { nonce, asset } = quote
    const refuse = (code: string): InboundMessage => ({ kind: 'refused', nonce, code })
    const { timestamp: now } = await chain.head()
    const digest = inboundQuoteDigest(domain, quote)
    const id = toHex(digest)
    const slot = this.#engine.book.slot({ channelId, asset })
    const isMine = quote.hub === signer.address && quote.client === peer.signer && slot?.entry.peer === peer.signer
    if (!isMine || !verifySignature(digest, signature, signer.address)) return refuse('INBOUND_QUOTE_UNKNOWN')
    if (this.#sales.has(id)) return { kind: 'sold', nonce } as const
    if (now > quote.expiry) return refuse('INBOUND_QUOTE_EXPIRED')
    const code = inboundRefusal(this.#terms.get(asset), quote, this.#exposure(peer, asset, now))
    if (code) return refuse(code)
    // Counted before anything waits, so that two purchases at once cannot exceed what one may not.
    if (!upfront) this.#engine.switch.credits.add(slot, quote.fee)
    this.#advance(id, { quote, signature, channelId, status: 'unpaid' }, upfront ? 'unpaid' : 'paid')
    await new Promise<void>((resolve) => this.#engine.durably(resolve))
    if (!upfront) void this.#fund(id, this.#sales.get(id)!)
    return { kind: 'sold', nonce } as const
  }

  #advance(id: Hex, sale: Sale, status: Sale['status']): void {
    const next = { ...sale, status }
    this.#sales.set(id, next)
    this.#engine.journal.write(saleKey(id), encodeSale(next))
  }

  /** A fee that was to come first has come. */
  #paid(event: PaymentEvent): void {
    if (event.direction !== 'in') return
    const awaited = [...this.#sales].filter(
      ([, { status, channelId }]) => status === 'unpaid' && channelId === event.channelId,
    )
    if (awaited.length === 0) return
    for (const { id: paymentId, amount } of event.payments()) {
      const found = awaited.find(([, { quote }]) => quote.nonce === paymentId && quote.asset === event.asset)
      if (!found || amount < found[1].quote.fee) continue
      const [id, sale] = found
      this.#advance(id, sale, 'paid')
      this.#engine.durably(() => void this.#fund(id, this.#sales.get(id)!))
    }
  }

  /** Deposits what was sold: once, by its intent, however often this is asked for. */
  async #fund(id: Hex, sale: Sale): Promise<void> {
    const { chain } = this.#engine.options
    const { channelId, quote } = sale
    const slot = this.#engine.book.slot({ channelId, asset: quote.asset })
    if (!slot || this.#engine.halted || this.#engine.options.clock.elapsed() < (this.#notBefore.get(id) ?? 0)) return
    this.#notBefore.set(id, Number.POSITIVE_INFINITY)
    try {
      await chain.deposit(slot.ledger, slot.ledger.me, quote.amount, { intent: `inbound/${id}` })
      if (this.#engine.halted) return
      this.#advance(id, sale, 'funded')
      this.#engine.durably(() => void this.#engine.desk.refresh(slot))
      this.#engine.emitter.emit({
        kind: 'inbound-sold',
        channelId,
        asset: quote.asset,
        amount: quote.amount,
        fee: quote.fee,
      })
    } catch (error) {
      this.#notBefore.set(id, this.#engine.options.clock.elapsed() + PAUSE)
      if (!this.#engine.halted) this.#engine.emitter.emit({ kind: 'alarm', error: error as Error })
    }
  }

  /** Does again what failed, and forgets what binds nobody any more. */
  tick(now: bigint): void {
    for (const [id, sale] of this.#sales) {
      if (sale.status === 'paid') void this.#fund(id, sale)
      if (sale.status === 'paid' || binds(sale, now)) continue
      this.#notBefore.delete(id)
      this.#sales.delete(id)
      this.#engine.journal.write(saleKey(id), null)
    }
  }

  /** There is a dispute with a peer. */
  disputed({ entry: { peer } }: Slot): void {
    if (this.#disputers.has(peer)) return
    this.#disputers.add(peer)
    this.#engine.journal.write(disputerKey(peer), Uint8Array.of(1))
  }
}
