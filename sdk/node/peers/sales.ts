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
  isOver,
  QUOTE_SECONDS,
  reclaimTime,
  type Sale,
} from '../../protocols/inbound.ts'
import { blocked, spendable } from '../../protocols/solvency.ts'
import { verifySignature } from '../../signing/signature.ts'
import { Withdrawing } from '../chain/withdraw.ts'
import type { Engine } from '../engine.ts'
import type { PaymentEvent } from '../events.ts'
import { DISPUTERS, disputerKey, SALES, saleKey } from '../keys.ts'
import { readPayments } from '../ledgers/history.ts'
import type { Slot } from '../ledgers/slot.ts'
import { Paying } from '../payments/pay.ts'
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
  /** What is under way, and until when what failed rests. */
  readonly #notBefore = new Map<Hex, number>()
  readonly #paying: Paying
  readonly #withdrawing: Withdrawing

  constructor(engine: Engine, terms: ReadonlyMap<Address, InboundTerms>) {
    this.#engine = engine
    this.#paying = new Paying(engine)
    this.#withdrawing = new Withdrawing(engine)
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
      if (sale.status === 'unpaid' && (await this.#wasPaid(sale))) this.#take(id, sale)
      this.#work(id)
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
    const code = inboundRefusal(terms, ask, this.#exposure(peer.signer, asset, now))
    if (code) return { kind: 'refused', nonce, code }
    const fee = inboundFee(terms!, amount, duration)
    const sides = { hub: signer.address, client: peer.signer }
    const quote = { ...sides, asset, amount, fee, duration, expiry: now + QUOTE_SECONDS, nonce }
    return { kind: 'quote', quote, signature: signer.sign(inboundQuoteDigest(domain, quote)) }
  }

  #exposure(client: Address, asset: Address, now: bigint) {
    let [toClient, toAll] = [0n, 0n]
    for (const sale of this.#sales.values()) {
      if (sale.quote.asset !== asset || !binds(sale, now)) continue
      toAll += sale.quote.amount
      if (sale.quote.client === client) toClient += sale.quote.amount
    }
    const isDisputed = ({ ledger: { frozen, facts } }: Slot) => frozen || facts?.latest.phase === 'disputed'
    const disputed = this.#disputers.has(client) || [...this.#engine.book.slotsOf(client)].some(isDisputed)
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
    const code = inboundRefusal(this.#terms.get(asset), quote, this.#exposure(peer.signer, asset, now))
    if (code) return refuse(code)
    // Counted before anything waits, so that two purchases at once cannot exceed what one may not.
    if (!upfront) this.#engine.switch.credits.add(slot, quote.fee)
    this.#advance(id, { quote, signature, channelId, status: 'unpaid' }, upfront ? 'unpaid' : 'paid')
    await new Promise<void>((resolve) => this.#engine.durably(resolve))
    if (!upfront) this.#work(id)
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
      this.#take(id, sale)
      this.#engine.durably(() => this.#work(id))
    }
  }

  /** The fee has come: in time, or when there is still room. Else it goes back. */
  #take(id: Hex, sale: Sale): void {
    const { quote } = sale
    const now = this.#engine.switch.view?.now ?? 0n
    const room = () => this.#exposure(quote.client, quote.asset, now)
    const isTaken = binds(sale, now) || inboundRefusal(this.#terms.get(quote.asset), quote, room()) === undefined
    this.#advance(id, sale, isTaken ? 'paid' : 'late')
  }

  /** Does what a sale waits for; it may be done twice, and is tried again after a while. */
  #work(id: Hex): void {
    const sale = this.#sales.get(id)
    if (sale?.status === 'paid') void this.#attempt(id, () => this.#fund(id, sale))
    if (sale?.status === 'late') void this.#attempt(id, () => this.#payBack(id, sale))
  }

  async #attempt(id: Hex, act: () => Promise<void>): Promise<void> {
    const { clock } = this.#engine.options
    if (this.#engine.halted || clock.elapsed() < (this.#notBefore.get(id) ?? 0)) return
    this.#notBefore.set(id, Number.POSITIVE_INFINITY)
    try {
      await act()
      this.#notBefore.delete(id)
    } catch (error) {
      this.#notBefore.set(id, clock.elapsed() + PAUSE)
      if (!this.#engine.halted) this.#engine.emitter.emit({ kind: 'alarm', error: error as Error })
    }
  }

  /** Under the id that it came with, so once. */
  async #payBack(id: Hex, { channelId, quote }: Sale): Promise<void> {
    const slot = this.#engine.book.slot({ channelId, asset: quote.asset })
    if (slot) await this.#paying.pay(slot, quote.fee, { id: quote.nonce, memo: 'inbound', wait: 'signed' })
    this.#forget(id)
  }

  /** Deposits what was sold: once, by its intent, however often this is asked for. */
  async #fund(id: Hex, sale: Sale): Promise<void> {
    const { channelId, quote } = sale
    const { asset, amount, fee } = quote
    const slot = this.#engine.book.slot({ channelId, asset })
    if (!slot) return
    await this.#engine.options.chain.deposit(slot.ledger, slot.ledger.me, amount, { intent: `inbound/${id}` })
    if (this.#engine.halted) return
    this.#advance(id, sale, 'funded')
    this.#engine.durably(() => void this.#engine.desk.refresh(slot))
    this.#engine.emitter.emit({ kind: 'inbound-sold', channelId, asset, amount, fee })
  }

  /** Does again what failed, and forgets what nothing can follow from any more. */
  tick(now: bigint): void {
    for (const [id, sale] of this.#sales) {
      this.#work(id)
      if (!isOver(sale, now)) continue
      const after = sale.status === 'funded' ? this.#terms.get(sale.quote.asset)?.reclaimAfter : undefined
      if (after === undefined) this.#forget(id)
      else if (now > reclaimTime(sale, after)) void this.#attempt(id, () => this.#reclaim(id, sale, now))
    }
  }

  /** Withdraws what is left of a sale whose time is over, if that is worth it and the client is there to agree. */
  async #reclaim(id: Hex, { channelId, quote }: Sale, now: bigint): Promise<void> {
    const { asset } = quote
    const slot = this.#engine.book.slot({ channelId, asset })
    if (slot && blocked(slot.ledger)) return
    const others = [...this.#sales.values()].filter((sale) => sale.channelId === channelId && binds(sale, now))
    const kept = others.reduce((sum, { quote: other }) => (other.asset === asset ? sum + other.amount : sum), 0n)
    const free = slot ? spendable(slot.ledger, slot.ledger.me) - kept : 0n
    const amount = free < quote.amount ? free : quote.amount
    if (slot && amount >= this.#terms.get(asset)!.least) await this.#withdrawing.withdraw(slot, amount, {})
    this.#forget(id)
  }

  #forget(id: Hex): void {
    this.#notBefore.delete(id)
    this.#sales.delete(id)
    this.#engine.journal.write(saleKey(id), null)
  }

  /** There is a dispute with a peer. */
  disputed({ entry: { peer } }: Slot): void {
    if (this.#disputers.has(peer)) return
    this.#disputers.add(peer)
    this.#engine.journal.write(disputerKey(peer), Uint8Array.of(1))
  }
}
