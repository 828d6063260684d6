import { type InboundQuote, inboundQuoteDigest, type SignedInboundQuote } from '../../core/inbound-quote.ts'
import type { Address, Hex } from '../../core/types.ts'
import { decodeInbound, encodeInbound, type InboundMessage } from '../../protocols/inbound.ts'
import { spendable } from '../../protocols/solvency.ts'
import { verifySignature } from '../../signing/signature.ts'
import type { Engine } from '../engine.ts'
import { InvalidQuoteError, PeerRefusedError } from '../errors.ts'
import type { Slot } from '../ledgers/slot.ts'
import type { Peer } from './peers.ts'
import { Questions } from './questions.ts'

/** Speaks with peers about money in channels, and buys theirs. */
export class Inbound {
  readonly #engine: Engine
  readonly questions = new Questions<InboundMessage>()

  constructor(engine: Engine) {
    this.#engine = engine
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
