import { type InboundQuote, inboundQuoteDigest, type SignedInboundQuote } from '../../core/inbound-quote.ts'
import type { Address, Hex } from '../../core/types.ts'
import { decodeInbound, encodeInbound, type InboundMessage } from '../../protocols/inbound.ts'
import { spendable } from '../../protocols/solvency.ts'
import { verifySignature } from '../../signing/signature.ts'
import type { Engine } from '../engine.ts'
import { InvalidQuoteError, PeerRefusedError } from '../errors.ts'
import type { Slot } from '../ledgers/slot.ts'
import { type Order, Orders } from './orders.ts'
import type { Peer } from './peers.ts'
import { Questions } from './questions.ts'

/** Speaks with peers about money in channels, and buys theirs. */
export class Inbound {
  readonly #engine: Engine
  readonly questions = new Questions<InboundMessage>()
  readonly orders: Orders

  constructor(engine: Engine) {
    this.#engine = engine
    this.orders = new Orders(engine)
  }

  /** Asks a peer for its price. */
  async quote(peer: Peer, order: Pick<InboundQuote, 'asset' | 'amount' | 'duration'>, signal?: AbortSignal) {
    const nonce = Questions.nonce()
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
    const { channelId, me } = slot.ledger
    const { upfront, held } = this.orders.get(quote.nonce) ?? (await this.#order(slot, quote))
    try {
      const answer = await this.#converse(peer, quote.nonce, { kind: 'buy', ...signed, channelId, upfront }, signal)
      if (answer.kind !== 'sold') throw new PeerRefusedError('INBOUND', 'it answers a purchase otherwise')
    } catch (error) {
      if (error instanceof PeerRefusedError) this.#cancel(slot, quote, upfront)
      throw error
    }
    const back = new AbortController()
    const stop = this.#onPaidBack(slot, quote, () =>
      back.abort(new PeerRefusedError('INBOUND_SOLD_OUT', 'the fee came too late, and came back')),
    )
    try {
      if (upfront) await this.#payInTime(quote, pay)
      const isThere = (facts: { confirmedBalances: readonly bigint[] }) =>
        facts.confirmedBalances[1 - me]! >= held + quote.amount
      const end = signal ? AbortSignal.any([signal, back.signal]) : back.signal
      await this.#engine.lookout.until(slot, isThere, end)
    } finally {
      stop()
    }
  }

  /** From the expiry on the hub may have sold its money to others. */
  async #payInTime({ expiry }: InboundQuote, pay: () => Promise<unknown>): Promise<void> {
    if ((await this.#engine.options.chain.head()).timestamp > expiry) throw new InvalidQuoteError('it has expired')
    await pay()
  }

  #onPaidBack({ ledger: { channelId } }: Slot, { nonce }: InboundQuote, hear: () => void): () => void {
    return this.#engine.emitter.on('payment', (event) => {
      if (event.direction !== 'in' || event.channelId !== channelId) return
      for (const { id } of event.payments()) if (id === nonce) hear()
    })
  }

  /** What is owed is durable before the hub may take it. */
  async #order(slot: Slot, { nonce, expiry, fee }: InboundQuote): Promise<Order> {
    const { ledger } = slot
    const upfront = spendable(ledger, ledger.me) >= fee
    const order = { upfront, expiry, held: ledger.facts?.confirmedBalances[1 - ledger.me] ?? 0n }
    this.orders.add(nonce, order)
    if (!upfront) this.#engine.switch.debts.add(slot, fee)
    await new Promise<void>((resolve) => this.#engine.durably(resolve))
    return order
  }

  #cancel(slot: Slot, { nonce, fee }: InboundQuote, upfront: boolean): void {
    if (this.orders.delete(nonce) && !upfront) this.#engine.switch.debts.add(slot, -fee)
  }

  async #converse(peer: Peer, nonce: Hex, message: InboundMessage, signal?: AbortSignal): Promise<InboundMessage> {
    this.#engine.assertRunning()
    return this.questions.ask(peer, nonce, () => this.#send(peer, message), signal)
  }

  #send(peer: Peer, message: InboundMessage): void {
    this.#engine.peers.send(peer, { kind: 'inbound', body: encodeInbound(message) })
  }

  /** Hears a peer. Throws `MalformedBytesError`. */
  hear(peer: Peer, body: Uint8Array): void {
    const message = decodeInbound(body)
    if (message.kind === 'ask') {
      void this.#answer(peer, message.nonce, () => this.#engine.sales.price(peer, message))
      return
    }
    if (message.kind === 'buy') {
      void this.#answer(peer, message.quote.nonce, () => this.#engine.sales.sell(peer, message))
      return
    }
    const nonce = message.kind === 'quote' ? message.quote.nonce : message.nonce
    const waiting = this.questions.of(peer, nonce)
    if (!waiting) return
    if (message.kind === 'refused') waiting.reject(new PeerRefusedError(message.code, 'it does not sell this now'))
    else waiting.resolve(message)
  }

  async #answer(peer: Peer, nonce: Hex, judge: () => Promise<InboundMessage>): Promise<void> {
    const { connection } = peer
    const answer = await judge().catch((): InboundMessage => ({ kind: 'refused', nonce, code: 'CHAIN_VIEW_STALE' }))
    if (!this.#engine.halted && peer.connection === connection) this.#send(peer, answer)
  }

  /** The channel in which a quote's money can be used, if there is one. */
  static usable(slots: Iterable<Slot>, asset: Address): Slot | undefined {
    return [...slots].find(({ ledger }) => ledger.asset === asset && !ledger.frozen && !ledger.doubtful)
  }
}
