import { toHex } from '../../core/bytes.ts'
import { Reader, Writer } from '../../core/codec.ts'
import { invoiceDigest, type SignedInvoice } from '../../core/invoice.ts'
import { AMOUNT_BOUND } from '../../core/state.ts'
import { least } from '../../core/transfer.ts'
import type { Address, Hex } from '../../core/types.ts'
import { assertDeliverable, InvoiceRefusedError } from '../../protocols/invoice-terms.ts'
import { wasPaid, worth } from '../../protocols/part.ts'
import { spendable } from '../../protocols/solvency.ts'
import { decodeSwap, encodeSwap, type SwapMessage } from '../../protocols/swapping.ts'
import { onAbort } from '../abort.ts'
import type { Engine } from '../engine.ts'
import { InvoiceUnknownError, PaymentFailedError, PeerRefusedError, SwapRefusedError } from '../errors.ts'
import { SWAPS, swapKey } from '../keys.ts'
import type { Peer } from '../peers/peers.ts'
import { Questions } from '../peers/questions.ts'
import type { Leg, LegQuery, Way } from '../routes/finder.ts'
import type { Carried } from './carried.ts'
import { maxFeeOf } from './quote.ts'

// One asset for another, both or neither: a payment of this node to itself, over a hop that is paid in the one and pays in the other.
//
//   this node ── give ──▶ ... ──▶ hop that swaps ── get ──▶ ... ──▶ this node             one key, one deadline
//
//   ask for prices ─ too dear? ─ invoice to itself ─ lock ─▶ locked back to this node ─ show the secret ─▶ both change hands
//                                                    └ refused, or comes back ─▶ neither
//
// The secret is this node's, and leaves it only when what it gets is locked to it. So it is never without the one and the other.

/** An amount of an asset, in its units. */
export interface AssetAmount {
  readonly asset: Address
  readonly amount: bigint
}

/** What to swap, its assets by address. */
export interface SwapTerms {
  /** At most, with what hops keep. */
  readonly give: AssetAmount
  readonly get: AssetAmount
  /** Chain seconds that it may be locked for, at most. */
  readonly seconds: bigint | undefined
  readonly signal: AbortSignal | undefined
}

/** How to take an invoice that promises another asset. */
export interface TakeTerms extends Pick<SwapTerms, 'seconds' | 'signal'> {
  /** What hops may keep of what is given. */
  readonly maxFee: bigint | undefined
  /** What must arrive, after what hops keep of it. */
  readonly least: bigint | undefined
}

/** What a swap would take, before anything is sent. It binds nobody. */
export interface SwapQuote {
  /** Who swaps. */
  readonly with: Address
  /** All that would leave this node. */
  readonly give: AssetAmount
  readonly get: AssetAmount
  /** Chain time until which it would be locked if somebody is silent. */
  readonly deadline: bigint
}

/** What became of a swap. */
export interface Swapped {
  readonly id: Hex
  readonly gave: AssetAmount
  readonly got: AssetAmount
}

interface SwapPlan extends SwapQuote {
  readonly way: Way
}

interface Running {
  swapped: Swapped
  readonly resolve: (swapped: Swapped) => void
  readonly reject: (error: unknown) => void
}

/** Seconds by which the newest block of another node may be behind. */
const LAG = 120n
/** Milliseconds that a hop has to name its price. */
const PATIENCE = 10_000

/** Swaps with others, and tells them the prices of this node. */
export class Swaps {
  readonly #engine: Engine
  readonly questions = new Questions<SwapMessage>()
  /** By the id of the invoice to itself. */
  readonly #running = new Map<Hex, Running>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Takes up swaps of an earlier process. */
  async load(): Promise<void> {
    for await (const [key, bytes] of this.#engine.options.store.list(SWAPS)) {
      const id = key.slice(SWAPS.length) as Hex
      if (this.#isOnItsWay(id)) this.#running.set(id, { swapped: decodeSwapped(id, bytes), ...NOBODY })
      // Nothing was locked for it.
      else this.#engine.journal.write(key, null)
    }
  }

  /** The cheapest way to swap with one of these peers. Throws `PeerRefusedError`, `NoRouteError`, {@link SwapRefusedError}. */
  async plan(peers: readonly Peer[], terms: SwapTerms): Promise<SwapPlan> {
    const asked = await Promise.allSettled(peers.map((peer) => this.#planWith(peer, terms)))
    const plans = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    terms.signal?.throwIfAborted()
    if (plans.length > 0) return plans.reduce((best, plan) => (plan.give.amount < best.give.amount ? plan : best))
    const [failed] = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []))
    throw peers.length === 1 ? failed : new SwapRefusedError('NOBODY_SWAPS', undefined, failed)
  }

  async #planWith(peer: Peer, { give, get, seconds, signal }: SwapTerms): Promise<SwapPlan> {
    const { signer, forwarding, onionKey } = this.#engine.options
    const me = signer.address
    const now = this.#engine.switch.view!.now
    // What the other end says alone could lock this node's asset for as long as it likes.
    const furthest = now + (seconds ?? forwarding.maxSwapLock)
    const back = { asset: get.asset, from: peer.signer, to: me, amount: get.amount, now, deadline: furthest }
    const home = this.#leg(back, new Map([[me, toHex(onionKey!.publicKey)]]))
    const asked = await this.#ask(peer, { from: give.asset, to: get.asset, amount: home.hops[0]!.amount }, signal)
    const deadline = least(furthest, asked.deadline)
    if (deadline - now <= forwarding.margin) throw new SwapRefusedError('SWAP_TOO_SHORT')
    const out = { asset: give.asset, from: me, to: peer.signer, amount: asked.amount, now, deadline }
    const there = this.#leg(out, new Map([[peer.signer, asked.onionKey]]))
    const hops = [...there.hops, ...home.hops].map((hop) => ({ ...hop, deadline }))
    const way = { hops, onionKeys: [...there.onionKeys, ...home.onionKeys], amount: get.amount, fee: 0n }
    return { with: peer.signer, give: { asset: give.asset, amount: hops[0]!.amount }, get, deadline, way }
  }

  /** A way in one asset: by a channel of the two, if one has as much. */
  #leg(query: LegQuery, keys: ReadonlyMap<Address, Hex>): Leg {
    const { asset, from, to, amount, deadline } = query
    const isOut = from === this.#engine.options.signer.address
    for (const slot of this.#engine.book.slotsOf(isOut ? to : from)) {
      const { ledger } = slot
      const carries = isOut ? this.#engine.switch.available(slot) : spendable(ledger, 1 - ledger.me)
      if (ledger.asset !== asset || carries < amount) continue
      const hop = { channelId: ledger.channelId, asset, from, to, amount, deadline, fee: 0n }
      return { hops: [hop], onionKeys: [keys.get(to)!] }
    }
    return this.#engine.payer.finder.leg(query, keys)
  }

  async #ask(peer: Peer, what: { from: Address; to: Address; amount: bigint }, signal: AbortSignal | undefined) {
    this.#engine.assertRunning()
    const nonce = Questions.nonce()
    const patience = AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])])
    const send = () => this.#send(peer, { kind: 'ask', nonce, ...what })
    const answer = await this.questions.ask(peer, nonce, send, patience).catch((error: unknown) => {
      const isSilent = patience.aborted && !signal?.aborted
      throw isSilent ? new PeerRefusedError('NO_ANSWER', 'it does not answer a question for a price') : error
    })
    if (answer.kind !== 'price' || answer.amount === 0n)
      throw new PeerRefusedError('SWAP', 'it answers a question for a price otherwise')
    return answer
  }

  #send(peer: Peer, message: SwapMessage): void {
    this.#engine.peers.send(peer, { kind: 'swap', body: encodeSwap(message) })
  }

  /** Hears a peer. Throws `MalformedBytesError`. */
  hear(peer: Peer, body: Uint8Array): void {
    const message = decodeSwap(body)
    if (message.kind === 'ask') {
      this.#send(peer, this.#price(message))
      return
    }
    const waiting = this.questions.of(peer, message.nonce)
    if (message.kind === 'refused') waiting?.reject(new PeerRefusedError(message.code, 'it does not swap this now'))
    else waiting?.resolve(message)
  }

  #price({ nonce, from, to, amount }: Extract<SwapMessage, { kind: 'ask' }>): SwapMessage {
    const { switch: parts, options } = this.#engine
    const refuse = (code: string): SwapMessage => ({ kind: 'refused', nonce, code })
    const deadline = parts.latestSwap
    if (!options.onionKey || !options.forwarding.forwards) return refuse('ASSET_REFUSED')
    if (deadline === undefined || parts.busy) return refuse('NODE_BUSY')
    const price = amount > 0n ? parts.priceFor({ from, to, amount }) : 'AMOUNT_OUT_OF_BOUNDS'
    if (typeof price === 'string') return refuse(price)
    const wanted = worth(price, amount)
    if (wanted >= AMOUNT_BOUND) return refuse('AMOUNT_OUT_OF_BOUNDS')
    return { kind: 'price', nonce, amount: wanted, deadline, onionKey: toHex(options.onionKey.publicKey) }
  }

  /**
   * Swaps; resolves once both assets have changed hands. Throws as {@link plan}, or `PaymentFailedError`: everything is back then. If the
   * signal aborts, what is on its way is given up, but for a swap whose secret was shown.
   */
  async swap(peers: readonly Peer[], terms: SwapTerms): Promise<Swapped> {
    const plan = await this.plan(peers, terms)
    if (plan.give.amount > terms.give.amount) throw new SwapRefusedError('SWAP_TOO_DEAR', plan.give.amount)
    return this.#run(plan, terms)
  }

  /** Takes an invoice that promises another asset, as {@link swap}. Throws `InvoiceRefusedError` as well. */
  async take(signed: SignedInvoice, terms: TakeTerms): Promise<Swapped> {
    return this.#run(this.#planFor(signed, terms), terms)
  }

  /** A way to whoever signed an invoice, by whom its delivery comes back, less what hops on the way keep of it. */
  #planFor(signed: SignedInvoice, { maxFee, least: wanted, seconds }: TakeTerms): SwapPlan {
    const { domain, signer, forwarding, onionKey } = this.#engine.options
    const { invoice } = signed
    const { payee, asset, amount, want } = invoice
    const [me, now] = [signer.address, this.#engine.switch.view!.now]
    const id = toHex(invoiceDigest(domain, invoice))
    assertDeliverable(invoice, { payer: me, total: amount, now })
    const deadline = now + (seconds ?? forwarding.maxSwapLock - LAG)
    if (deadline - now <= forwarding.margin) throw new SwapRefusedError('SWAP_TOO_SHORT')
    const homeKeys = new Map([[me, toHex(onionKey!.publicKey)]])
    const back = (arrives: bigint) =>
      this.#leg({ asset: want.asset, from: payee, to: me, amount: arrives, now, deadline }, homeKeys)
    const kept = back(want.amount).hops[0]!.amount - want.amount
    const get = { asset: want.asset, amount: want.amount - kept }
    if (get.amount <= 0n || get.amount < (wanted ?? want.amount)) throw new SwapRefusedError('SWAP_TOO_DEAR')
    const [home, there] = [
      back(get.amount),
      this.#leg({ asset, from: me, to: payee, amount, now, deadline }, new Map([[payee, invoice.onionKey]])),
    ]
    const give = { asset, amount: there.hops[0]!.amount }
    if (give.amount - amount > maxFeeOf(amount, maxFee === undefined ? {} : { maxFee }))
      throw new SwapRefusedError('SWAP_TOO_DEAR', give.amount)
    const [first, ...rest] = home.hops
    const hops = [...there.hops, { ...first!, invoice: id }, ...rest]
    const way = { hops, onionKeys: [...there.onionKeys, ...home.onionKeys], amount: get.amount, fee: 0n }
    return { with: payee, give, get, deadline, way }
  }

  async #run({ give, get, way, deadline }: SwapPlan, terms: Pick<SwapTerms, 'signal'>): Promise<Swapped> {
    const { payee, payer, journal, options } = this.#engine
    const seconds = deadline - this.#engine.switch.view!.now
    const signed = await payee.create({ ...get, seconds })
    this.#engine.assertRunning()
    terms.signal?.throwIfAborted()
    const id = toHex(invoiceDigest(options.domain, signed.invoice))
    const swapped = { id, gave: { ...give, amount: 0n }, got: { ...get, amount: 0n } }
    const over = new Promise<Swapped>((resolve, reject) => {
      this.#running.set(id, { swapped, resolve, reject })
    })
    // In the commit of its first lock: what is on its way is known as a swap after a restart too.
    journal.write(swapKey(id), encodeSwapped(swapped))
    return this.#outcome(id, over, payer.payBy(signed, way, terms.signal), terms.signal)
  }

  async #outcome(
    id: Hex,
    over: Promise<Swapped>,
    giving: Promise<SignedInvoice>,
    signal: AbortSignal | undefined,
  ): Promise<Swapped> {
    let forget = () => {}
    const aborted = new Promise<never>((_, reject) => {
      forget = onAbort(signal, reject)
    })
    // Either may fail while nobody waits for it.
    for (const end of [over, aborted]) end.catch(() => {})
    try {
      const failure = await giving.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (failure !== undefined) this.#giveUp(id)
      if (signal?.aborted) throw failure
      const swapped = await Promise.race([over, aborted])
      if (swapped.got.amount === 0n) throw failure ?? new PaymentFailedError(undefined, undefined)
      return swapped
    } finally {
      forget()
    }
  }

  /** Takes nothing for it any more. */
  #giveUp(id: Hex): void {
    if (this.#engine.halted) return
    try {
      this.#engine.payee.cancel(id)
    } catch (error) {
      // The secret was shown, so it goes on; or it is long ago.
      if (!(error instanceof InvoiceRefusedError || error instanceof InvoiceUnknownError)) throw error
    }
    this.#settle(id)
  }

  /** A part of this node's own payments is over, or nothing but a residual is left of it. */
  over({ payment, part, incoming }: Carried): void {
    const running = payment && this.#running.get(payment)
    if (!running) return
    if (wasPaid(part)) {
      const { edge } = (part.incoming ?? part.outgoing)!
      const sum = { asset: edge.asset, amount: edge.transfer.amount }
      running.swapped = { ...running.swapped, [incoming ? 'got' : 'gave']: sum }
      this.#engine.journal.write(swapKey(payment), encodeSwapped(running.swapped))
    }
    this.#settle(payment)
  }

  /** Ends a swap of which nothing is on its way. */
  #settle(id: Hex): void {
    const running = this.#running.get(id)
    if (!running || this.#isOnItsWay(id)) return
    const { swapped, resolve } = running
    const { journal, emitter } = this.#engine
    this.#running.delete(id)
    journal.write(swapKey(id), null)
    this.#engine.durably(() => {
      emitter.emit({ kind: 'swap-over', ...swapped, done: swapped.got.amount > 0n })
      resolve(swapped)
    })
  }

  #isOnItsWay(id: Hex): boolean {
    for (const { payment, part } of this.#engine.switch.parts.values())
      if (payment === id && part.outgoing?.status !== 'residual') return true
    return false
  }

  stop(error: Error): void {
    this.questions.stop(error)
    for (const { reject } of this.#running.values()) reject(error)
  }
}

/** Of a swap that nobody waits for. */
const NOBODY = { resolve: () => {}, reject: () => {} }

const encodeSwapped = ({ gave, got }: Swapped): Uint8Array =>
  new Writer(72).hex(gave.asset, 20).u128(gave.amount).hex(got.asset, 20).u128(got.amount).finish()

function decodeSwapped(id: Hex, bytes: Uint8Array): Swapped {
  const reader = new Reader(bytes)
  const [gave, got] = [0, 1].map((): AssetAmount => ({ asset: reader.hex(20), amount: reader.u128() }))
  return { id, gave: gave!, got: got! }
}
