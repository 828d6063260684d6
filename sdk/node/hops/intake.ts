import { toBytes, toHex } from '../../core/bytes.ts'
import { Reader, Writer } from '../../core/codec.ts'
import { TallystickError } from '../../core/errors.ts'
import { shiftPoint } from '../../core/points.ts'
import type { Hex, Transfer } from '../../core/types.ts'
import type { ChainFacts } from '../../protocols/ledger.ts'
import type { Operation } from '../../protocols/operations.ts'
import { type Edge, hopPart, keyOf, payeePart, worth } from '../../protocols/part.ts'
import { createFailure, type FailureCode } from '../../routing/failure.ts'
import { decodeHopPayload, type FinalPayload, type ForwardPayload, type HopPayload } from '../../routing/hop-payload.ts'
import { type PeeledOnion, peelOnion } from '../../routing/onion.ts'
import type { OnionKey } from '../../signing/onion-key.ts'
import type { Engine } from '../engine.ts'
import { TAGS, tagKey } from '../keys.ts'
import { freshId } from '../ledgers/queue.ts'
import type { Slot } from '../ledgers/slot.ts'
import type { Place } from './carried.ts'
import { decodeParcel, encodeParcel, encodeProof, type Parcel } from './parcel.ts'
import { termsFor, type Wanted, wantedFor } from './policy.ts'
import type { Switch } from './switch.ts'

/** A lock with an onion that was opened, and where it is. */
interface Opened extends Place {
  readonly edge: Edge
  readonly parcel: Parcel
  readonly peeled: PeeledOnion
}

const NO_NOTE = new Uint8Array(0)

/** Opens what is locked to this node: parts to carry on, parts to keep, and what goes back at once. */
export class Intake {
  readonly #engine: Engine
  readonly #switch: Switch
  readonly #onionKey: OnionKey
  /** The k of the payee's edge, for an invoice's payment; undefined: no such invoice. */
  readonly #scalarFor: (payload: FinalPayload) => Hex | undefined
  /** Packets that were opened, until their deadline. */
  readonly #tags = new Map<Hex, bigint>()

  constructor(
    engine: Engine,
    parts: Switch,
    onionKey: OnionKey,
    scalarFor: (payload: FinalPayload) => Hex | undefined,
  ) {
    this.#engine = engine
    this.#switch = parts
    this.#onionKey = onionKey
    this.#scalarFor = scalarFor
  }

  async load(): Promise<void> {
    for await (const [key, bytes] of this.#engine.options.store.list(TAGS))
      this.#tags.set(key.slice(TAGS.length) as Hex, new Reader(bytes).u64())
  }

  /** A transfer was locked to this node; one without an onion is its user's. */
  take(slot: Slot, { id, transfer, note }: Extract<Operation, { kind: 'lock' }>): void {
    let reply: Uint8Array | undefined
    try {
      const parcel = decodeParcel(note)
      if (!parcel || transfer.legs.length !== 1) return
      const edge = this.#switch.edgeOf(slot, transfer, parcel.point)
      const context = { key: keyOf(edge), asset: edge.asset, deadline: transfer.deadline }
      const peeled = peelOnion(this.#onionKey, parcel.onion, context)
      reply = peeled.reply
      this.#judge({ slot, id, edge, parcel, peeled })
    } catch (error) {
      if (!(error instanceof TallystickError)) throw error
      // Without a key for a reply the hop before says that the packet was unreadable.
      if (reply) this.#fail({ slot, id }, reply, 'INVALID_PAYLOAD')
      else this.#giveBack({ slot, id }, new Uint8Array(0))
    }
  }

  #judge(opened: Opened): void {
    const { peeled } = opened
    const payload = decodeHopPayload(peeled.payload, peeled.next === undefined)
    // A packet is good for one transfer. A second one is no sender's, so nobody is told why it goes back.
    const tag = toHex(peeled.tag)
    if (this.#tags.has(tag)) this.#giveBack(opened, new Uint8Array(0))
    else if (this.#tags.size >= this.#switch.policy.maxPackets) this.#fail(opened, peeled.reply, 'NODE_BUSY')
    else this.#accept(opened, tag, payload)
  }

  #accept(opened: Opened, tag: Hex, payload: HopPayload): void {
    const { peeled, parcel, edge } = opened
    const refuse = (code: FailureCode) => this.#fail(opened, peeled.reply, code)
    this.#remember(tag, edge.transfer.deadline)
    if (payload.mode !== parcel.mode) refuse('MODE_REFUSED')
    else if (!this.#switch.view) refuse('NODE_BUSY')
    else if (payload.kind === 'final' && payload.mode === 'outcome') this.#hold(opened, payload, refuse)
    else if (payload.kind === 'final') this.#receive(opened, payload)
    else this.#forward(opened, payload, refuse)
  }

  #remember(tag: Hex, deadline: bigint): void {
    this.#tags.set(tag, deadline)
    this.#engine.journal.write(tagKey(tag), new Writer(8).u64(deadline).finish())
  }

  #receive({ slot, id, edge, parcel, peeled }: Opened, payload: FinalPayload): void {
    const { mode, invoice, paymentId, share } = payload
    const own = () => (invoice === undefined ? share && toHex(share) : this.#scalarFor(payload))
    // What the hop before keeps of it, as it says itself and this node owes it; the sender alone must not make anything missing.
    const missing = payload.amount - edge.transfer.amount
    const isOwed = missing > 0n && missing === parcel.taken && missing <= this.#switch.debts.of(slot, payload.amount)
    const taken = isOwed ? missing : 0n
    const part = payeePart({ mode, minimumMode: mode, scalar: mode === 'plain' ? undefined : own() }, edge)
    const payment = invoice ?? paymentId
    const carried = this.#switch.carry({
      part,
      incoming: { slot, id },
      outgoing: undefined,
      reply: peeled.reply,
      payment,
      taken,
    })
    this.#switch.step(carried, { kind: 'lockedIn' })
    if (!carried.part.refused) this.#engine.payee.arrived(carried, payload, parcel)
  }

  /** An outcome lock for this node: whoever uses it decides. */
  #hold({ slot, id, edge, peeled }: Opened, payload: FinalPayload, refuse: (code: FailureCode) => void): void {
    const { mode, asset, amount, deadline, paymentId, note = NO_NOTE } = payload
    const { transfer } = edge
    const isAsSaid = edge.asset === asset && transfer.amount >= amount && transfer.deadline >= deadline
    if (!isAsSaid || this.#engine.outcomes.knows(paymentId)) {
      refuse('PAYMENT_REFUSED')
      return
    }
    const part = payeePart({ mode, minimumMode: mode, scalar: undefined }, edge)
    const incoming = { slot, id }
    this.#switch.admit({ part, incoming, outgoing: undefined, reply: peeled.reply, payment: paymentId, said: note })
  }

  #forward(
    { slot: from, id, edge, parcel, peeled }: Opened,
    payload: ForwardPayload,
    refuse: (code: FailureCode) => void,
  ) {
    const { channelId, asset, amount, deadline, mode, share } = payload
    // What this node's own invoice promises is no payment of others.
    const isOpen = this.#switch.policy.forwards || payload.invoice !== undefined
    const slot = isOpen ? this.#engine.book.slot({ channelId, asset }) : undefined
    const wanted = slot ? this.#wanted(from, slot, edge, payload) : 'UNKNOWN_CHANNEL'
    if (!slot || typeof wanted === 'string') {
      this.#switch.turnedBack(edge.asset, wanted as FailureCode)
      return refuse(wanted as FailureCode)
    }
    const { price } = wanted
    const { me } = slot.ledger
    // Of what may come back whole nothing can be kept.
    const taken = mode === 'outcome' ? 0n : this.#switch.credits.of(slot, amount)
    const transfer: Transfer = {
      amount: amount - taken,
      deadline,
      refundTo: me,
      legs: [{ to: 1 - me, key: keyOf(edge) }],
    }
    const point = share && parcel.point && toHex(shiftPoint(toBytes(parcel.point), share))
    const fee = wanted.amount - worth(price, amount - taken)
    const terms = { mode, minimumMode: mode, scalar: share && toHex(share), fee, ...(price && { price }) }
    const fields = {
      part: hopPart(terms, edge, this.#switch.edgeOf(slot, transfer, point)),
      incoming: { slot: from, id },
      outgoing: { slot, id: toHex(freshId()), note: encodeParcel({ mode, point, onion: peeled.next!, taken }) },
      reply: peeled.reply,
      payment: payload.invoice,
      taken,
    }
    if (mode === 'outcome') this.#switch.admit(fields)
    else this.#switch.step(this.#switch.carry(fields), { kind: 'lockedIn' })
  }

  /** What must come in for a part, or why it is not carried on, by what this node is and holds; what its rules say follows. */
  #wanted(from: Slot, to: Slot, { asset: paid }: Edge, payload: ForwardPayload): Wanted | FailureCode {
    const { policy } = this.#switch
    const { asset: given, amount, invoice } = payload
    const code = this.#objection(from, to)
    if (code) return code
    // An outcome is no price.
    if (payload.mode === 'outcome' && (invoice !== undefined || given !== paid)) return 'ASSET_REFUSED'
    if (invoice !== undefined) return this.#engine.payee.deliver(invoice, { paid, given, amount }, from.entry.peer)
    const terms = termsFor(policy, given)
    if (amount < terms.least || amount > terms.most) return 'AMOUNT_OUT_OF_BOUNDS'
    const price = given === paid ? undefined : this.#switch.priceFor({ from: paid, to: given, amount })
    return typeof price === 'string' ? price : { price, amount: wantedFor(terms, price, amount) }
  }

  #objection(from: Slot, to: Slot): FailureCode | undefined {
    if (this.#switch.busy) return 'NODE_BUSY'
    const { minimumDeposit } = termsFor(this.#switch.policy, to.ledger.asset)
    const isFunded = ({ ledger: { facts } }: Slot) => depositOf(facts) >= minimumDeposit
    const isOnline = this.#engine.peers.all.get(to.entry.peer)?.online
    if (!isOnline) return 'PEER_AWAY'
    return isFunded(from) && isFunded(to) ? undefined : 'CHANNEL_UNAVAILABLE'
  }

  #fail(place: Place, reply: Uint8Array, code: FailureCode): void {
    this.#giveBack(place, encodeProof({ kind: 'failure', failure: createFailure(reply, code) }))
  }

  #giveBack({ slot, id }: Place, proof: Uint8Array): void {
    this.#engine.dispatch(slot, { kind: 'ask', id, resolution: { kind: 'cancel', residual: 0n }, proof })
  }

  /** Forgets packets that can arrive no more. */
  forget(confirmed: bigint): void {
    for (const [tag, deadline] of this.#tags) {
      if (deadline >= confirmed) continue
      this.#tags.delete(tag)
      this.#engine.journal.write(tagKey(tag), null)
    }
  }
}

/** What a ledger holds on chain, for sure. */
const depositOf = (facts: ChainFacts | undefined): bigint =>
  facts?.confirmedBalances.reduce((sum, balance) => sum + balance, 0n) ?? 0n
