import { toHex } from '../../core/bytes.ts'
import { type InboundQuote, inboundQuoteDigest, type SignedInboundQuote } from '../../core/inbound-quote.ts'
import type { Address, Hex } from '../../core/types.ts'
import {
  binds,
  decodeInbound,
  decodeSale,
  encodeInbound,
  encodeSale,
  type InboundMessage,
  type InboundTerms,
  inboundFee,
  inboundRefusal,
  QUOTE_SECONDS,
  type Sale,
} from '../../protocols/inbound.ts'
import { spendable } from '../../protocols/solvency.ts'
import { verifySignature } from '../../signing/signature.ts'
import { onAbort } from '../abort.ts'
import type { Engine } from '../engine.ts'
import { InvalidQuoteError, PeerRefusedError } from '../errors.ts'
import type { PaymentEvent } from '../events.ts'
import { DISPUTERS, disputerKey, SALES, saleKey } from '../keys.ts'
import { readPayments } from '../ledgers/history.ts'
import { freshId } from '../ledgers/queue.ts'
import type { Slot } from '../ledgers/slot.ts'
import { type Peer, PeerOfflineError } from './peers.ts'

interface Waiting {
  readonly peer: Address
  readonly resolve: (answer: InboundMessage) => void
  readonly reject: (error: unknown) => void
}

/** Milliseconds until a deposit that failed is tried again. */
const PAUSE = 60_000

/** Sells money of this node in channels to its peers, and buys theirs. */
export class Inbound {
  readonly #engine: Engine
  readonly #terms: ReadonlyMap<Address, InboundTerms>
  readonly #sales = new Map<Hex, Sale>()
  /** Peers with whom there was a dispute: what is refilled for them would only be tied up again. */
  readonly #disputers = new Set<Address>()
  /** Deposits under way, and until when one that failed rests. */
  readonly #notBefore = new Map<Hex, number>()
  /** By nonce: who waits for an answer. */
  readonly #waiting = new Map<Hex, Waiting>()

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

  /** Asks a peer for its price. */
  async quote(peer: Peer, order: Pick<InboundQuote, 'asset' | 'amount' | 'duration'>, signal?: AbortSignal) {
    const nonce = toHex(freshId())
    const answer = await this.#converse(peer, nonce, { kind: 'ask', nonce, ...order }, signal)
    if (answer.kind !== 'quote') throw new PeerRefusedError('INBOUND', 'it answers a question for a price otherwise')
    const { quote, signature } = answer
    const isOrder = quote.amount === order.amount && quote.asset === order.asset && quote.duration === order.duration
    if (!isOrder || quote.nonce !== nonce) throw new InvalidQuoteError('it is for something else than was asked for')
    await this.assertGood(peer, { quote, signature })
    return { quote, signature }
  }

  /** Throws `InvalidQuoteError` unless it is the peer's, for this node, and holds. */
  async assertGood(peer: Peer, { quote, signature }: SignedInboundQuote): Promise<void> {
    const { domain, signer, chain } = this.#engine.options
    if (quote.hub !== peer.signer || quote.client !== signer.address) throw new InvalidQuoteError('it is for others')
    if (!verifySignature(inboundQuoteDigest(domain, quote), signature, quote.hub))
      throw new InvalidQuoteError('its hub has not signed it')
    if ((await chain.head()).timestamp > quote.expiry) throw new InvalidQuoteError('it has expired')
  }

  /** Accepts a quote for a ledger; resolves once the hub's money is there for sure. */
  async buy(peer: Peer, slot: Slot, signed: SignedInboundQuote, pay: () => Promise<unknown>, signal?: AbortSignal) {
    const { quote } = signed
    const { switch: parts } = this.#engine
    const { channelId, me } = slot.ledger
    const upfront = spendable(slot.ledger, me) >= quote.fee
    const held = slot.ledger.facts?.confirmedBalances[1 - me] ?? 0n
    // Durable before the hub may take it.
    if (!upfront) await this.#owe(slot, quote.fee)
    try {
      const answer = await this.#converse(peer, quote.nonce, { kind: 'buy', ...signed, channelId, upfront }, signal)
      if (answer.kind !== 'sold') throw new PeerRefusedError('INBOUND', 'it answers a purchase otherwise')
    } catch (error) {
      if (!upfront && error instanceof PeerRefusedError) parts.debts.add(slot, -quote.fee)
      throw error
    }
    if (upfront) await pay()
    const isThere = (facts: { confirmedBalances: readonly bigint[] }) =>
      facts.confirmedBalances[1 - me]! >= held + quote.amount
    await this.#engine.lookout.until(slot, isThere, signal)
  }

  #owe(slot: Slot, fee: bigint): Promise<void> {
    this.#engine.switch.debts.add(slot, fee)
    return new Promise((resolve) => this.#engine.durably(resolve))
  }

  #converse(peer: Peer, nonce: Hex, message: InboundMessage, signal?: AbortSignal): Promise<InboundMessage> {
    this.#engine.assertRunning()
    signal?.throwIfAborted()
    if (!peer.online) throw new PeerOfflineError(peer.signer)
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        forget()
        this.#waiting.delete(nonce)
        outcome()
      }
      const fail = (error: unknown) => settle(() => reject(error))
      const forget = onAbort(signal, fail)
      this.#waiting.set(nonce, { peer: peer.signer, resolve: (answer) => settle(() => resolve(answer)), reject: fail })
      this.#send(peer, message)
    })
  }

  #send(peer: Peer, message: InboundMessage): void {
    this.#engine.peers.send(peer, { kind: 'inbound', body: encodeInbound(message) })
  }

  /** Hears a peer. Throws `MalformedBytesError`. */
  hear(peer: Peer, body: Uint8Array): void {
    const message = decodeInbound(body)
    if (message.kind === 'ask') {
      void this.#answer(peer, message.nonce, () => this.#price(peer, message))
      return
    }
    if (message.kind === 'buy') {
      void this.#answer(peer, message.quote.nonce, () => this.#sell(peer, message))
      return
    }
    const nonce = message.kind === 'quote' ? message.quote.nonce : message.nonce
    const waiting = this.#waiting.get(nonce)
    if (waiting?.peer !== peer.signer) return
    if (message.kind === 'refused') waiting.reject(new PeerRefusedError(message.code, 'it does not sell this now'))
    else waiting.resolve(message)
  }

  async #answer(peer: Peer, nonce: Hex, judge: () => Promise<InboundMessage>): Promise<void> {
    const { connection } = peer
    const answer = await judge().catch((): InboundMessage => ({ kind: 'refused', nonce, code: 'CHAIN_VIEW_STALE' }))
    if (!this.#engine.halted && peer.connection === connection) this.#send(peer, answer)
  }

  async #price(peer: Peer, ask: Extract<InboundMessage, { kind: 'ask' }>): Promise<InboundMessage> {
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

  async #sell(peer: Peer, { quote, signature, channelId, upfront }: Extract<InboundMessage, { kind: 'buy' }>) {
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

  lost(peer: Peer, reason: Error | undefined): void {
    for (const { peer: asked, reject } of [...this.#waiting.values()])
      if (asked === peer.signer) reject(reason ?? new PeerOfflineError(peer.signer))
  }

  stop(error: Error): void {
    for (const { reject } of [...this.#waiting.values()]) reject(error)
  }

  /** The channel in which a quote's money can be used, if there is one. */
  static usable(slots: Iterable<Slot>, asset: Address): Slot | undefined {
    return [...slots].find(({ ledger }) => ledger.asset === asset && !ledger.frozen && !ledger.doubtful)
  }
}
