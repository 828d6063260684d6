import { toBytes, toHex } from '../../core/bytes.ts'
import { MalformedBytesError } from '../../core/codec.ts'
import { WHOLE } from '../../core/outcome.ts'
import { opens, subtractScalar } from '../../core/points.ts'
import { least } from '../../core/transfer.ts'
import type { Address, Hex, Transfer } from '../../core/types.ts'
import type { PartPolicy, Points } from '../../protocols/admission.ts'
import type { DealEffect } from '../../protocols/dealing.ts'
import { type PartEffect, type PartEvent, stepPart } from '../../protocols/forwarding.ts'
import type { Operation } from '../../protocols/operations.ts'
import {
  type Edge,
  type Incoming,
  isAtStake,
  isOver,
  isVoid,
  type KeyView,
  type Outgoing,
  type Part,
  type Piece,
  type Price,
  type Refusal,
  type Room,
  roomOf,
} from '../../protocols/part.ts'
import { findLocked, InvalidOperationError, PAID_IN_FULL, type Resolution, restIdOf } from '../../protocols/pending.ts'
import type { LedgerNews } from '../../protocols/step.ts'
import { createFailure, type FailureCode, relayFailure } from '../../routing/failure.ts'
import type { Engine } from '../engine.ts'
import type { NodeEvent } from '../events.ts'
import { CREDITS, DEBTS, PARTS, partKey } from '../keys.ts'
import { freshId } from '../ledgers/queue.ts'
import type { Slot } from '../ledgers/slot.ts'
import { sendable } from '../routes/table.ts'
import { type Carried, decodeCarried, encodeCarried, type Place } from './carried.ts'
import { Dues } from './dues.ts'
import type { Intake } from './intake.ts'
import { Overdue } from './overdue.ts'
import { decodeProof, encodeProof, type Proof } from './parcel.ts'
import { LOCKED_OUT, resolvedIn, resolvedOut } from './part-events.ts'
import { keyOfPart, Parts } from './parts.ts'
import { type ForwardingPolicy, priceFor, type RateRefusal, type SwapAsk, termsFor } from './policy.ts'

/** What happens to the parts that this node sent or receives. */
export interface PartOwner {
  /** A part that this node sent came back, but for a residual. */
  failed(carried: Carried): void
  /** Nothing is left to do for a part of one's own payments. */
  over(carried: Carried): void
  /** An outcome lock stands here, and it is for this node. */
  offered(carried: Carried): void
  /** Whether the payee of one that this node sent says, in these words, that it holds it. */
  isHeld(carried: Carried, word: Uint8Array): boolean
  /** It, or rather the hop before it, wants it to end at a value. */
  wished(carried: Carried, value: bigint): void
}

/** What a part begins with. */
type NewCarried = Omit<Carried, 'id' | 'failure' | 'stored' | 'queued' | 'taken' | 'said' | 'held' | 'told'> &
  Partial<Pick<Carried, 'taken' | 'said'>>

/** Ticks between two looks at everything that is due. */
const CRANK = 5
/** Ticks that a lock may wait for its signature. */
const PATIENCE = 50

const points: Points = {
  verifyScalar: (point, scalar) => opens(toBytes(point), toBytes(scalar)),
  subtract: (a, b) => toHex(subtractScalar(toBytes(a), toBytes(b))),
}

/** What a refusal tells the sender. */
const CODES: Partial<Record<Refusal, FailureCode>> = {
  MODE_REFUSED: 'MODE_REFUSED',
  DEADLINE_NEAR: 'DEADLINE_TOO_NEAR',
  DEADLINE_FAR: 'DEADLINE_TOO_FAR',
  FEE_LOW: 'FEE_TOO_LOW',
  AMOUNT_LOW: 'AMOUNT_OUT_OF_BOUNDS',
  NO_ROOM: 'NODE_BUSY',
  KEY_KNOWN: 'KEY_KNOWN',
}

/**
 * Carries parts of multi-hop payments: turns what happens in ledgers and on chain into events of parts, and what parts want into
 * operations and wishes. Everything of one event is in one commit: a part and the ledgers it is locked in never disagree.
 */
export class Switch {
  readonly #engine: Engine
  /** Opens what is locked to this node; undefined: it carries and receives nothing. */
  intake: Intake | undefined
  readonly policy: ForwardingPolicy
  readonly #parts = new Parts()
  /** Those of them that the chain has voided and a peer has not tidied up: it may never do that, so they count against no limit. */
  readonly #void = new Set<Carried>()
  readonly #overdue = new Overdue()
  owner: PartOwner | undefined
  /** Fees that this node takes from what it forwards, and those that it lets its peers take. */
  readonly credits: Dues
  readonly debts: Dues
  /** The node is about to stop: what is on its way ends, nothing new begins. */
  draining = false
  #view: KeyView | undefined
  #looking = false
  /** Something came during a look that it does not know of. */
  #missed = false
  #ticks = 0

  constructor(engine: Engine, policy: ForwardingPolicy) {
    this.#engine = engine
    this.policy = policy
    this.credits = new Dues(engine, CREDITS)
    this.debts = new Dues(engine, DEBTS)
  }

  /** All parts that are not over. */
  get parts(): ReadonlyMap<Hex, Carried> {
    return this.#parts.all
  }

  /** Takes up what an earlier process carried. */
  async load(): Promise<void> {
    const slots = new Map([...this.#engine.book.slots].map((slot) => [slot.number, slot]))
    await this.credits.load(slots)
    await this.debts.load(slots)
    for await (const [key, bytes] of this.#engine.options.store.list(PARTS)) {
      const carried = decodeCarried(key.slice(PARTS.length) as Hex, new TextDecoder().decode(bytes), slots)
      if (carried) this.#enter(carried)
    }
    await this.intake?.load()
    for (const carried of this.#parts.all.values()) {
      if (carried.part.outgoing?.status !== 'locking') continue
      const { slot, id } = carried.outgoing!
      // Its order was in memory only; what was signed is in the lane.
      this.step(carried, { kind: findLocked(slot.ledger.own.pending, id) ? 'lockedOut' : 'lockFailed' })
    }
    // The acknowledgement may have been stored with another commit.
    for (const slot of slots.values()) this.#acknowledged(slot)
  }

  /** Hears what happened in a ledger, in the turn in which it happened. */
  hear(slot: Slot, news: LedgerNews): void {
    switch (news.kind) {
      case 'received':
        for (const operation of news.operations) this.#received(slot, operation)
        return
      case 'sent':
        for (const operation of news.operations) this.#sent(slot, operation)
        return
      case 'asked':
        this.#asked(slot, news.id, news.resolution, news.proof)
        return
      case 'acked':
        this.#acknowledged(slot)
        return
      case 'disputed':
        this.#disputed(slot, true)
        return
      case 'ended':
        this.#disputed(slot, news.disputed)
    }
  }

  #received(slot: Slot, operation: Operation): void {
    if (operation.kind === 'lock') this.intake?.take(slot, operation)
    if (operation.kind !== 'resolve') return
    const found = this.#parts.incomingAt(slot, operation.id)
    if (found) this.step(found.carried, resolvedIn(found, operation.resolution))
  }

  #sent(slot: Slot, operation: Operation): void {
    if (operation.kind === 'pay') return
    const found = this.#parts.outgoingAt(slot, operation.id)
    const event = found && (operation.kind === 'lock' ? LOCKED_OUT : resolvedOut(found, operation.resolution))
    if (event) this.step(found.carried, event)
  }

  #asked(slot: Slot, id: Hex, resolution: Resolution, bytes: Uint8Array): void {
    const found = this.#parts.outgoingAt(slot, id)
    if (!found) return
    const { carried } = found
    const proof = proofOf(bytes)
    if (proof?.kind === 'held') this.#heardHeld(carried, proof.failure)
    else if (resolution.kind === 'cancel') {
      if (proof?.kind === 'failure') carried.failure ??= proof.failure
      this.step(carried, { kind: 'cancelAsked', residual: resolution.residual })
    } else if (resolution.kind === 'split') this.#askedToSplit(carried, resolution)
    else if (resolution.kind === 'unlock' && proof?.kind === 'release') {
      const { piece } = found
      if (!piece) this.#askedToPay(carried, resolution.values[0]!, proof)
      else this.step(carried, { kind: 'endAsked', piece, values: resolution.values, secret: proof.secret })
    }
  }

  #askedToSplit(carried: Carried, { value, key }: Extract<Resolution, { kind: 'split' }>): void {
    this.step(carried, { kind: 'splitAsked', value, key })
    if (!carried.incoming && carried.part.outgoing?.deal?.key === key) this.owner?.wished(carried, value)
  }

  #askedToPay(carried: Carried, value: bigint, { secret, scalar }: Extract<Proof, { kind: 'release' }>): void {
    this.step(carried, { kind: 'unlockAsked', value, secret, scalar })
    if (secret !== undefined) this.spread(carried, secret)
    if (carried.part.mode === 'outcome' && !carried.incoming) this.owner?.wished(carried, value)
  }

  /** The payee of an outcome lock holds it: passed on as its word, which only the sender can read. */
  #heardHeld(carried: Carried, word: Uint8Array): void {
    if (carried.part.mode !== 'outcome' || carried.held) return
    const { incoming, reply } = carried
    if (!incoming && !this.owner?.isHeld(carried, word)) return
    carried.held = incoming ? relayFailure(reply!, word) : word
    this.step(carried, { kind: 'crank' })
    this.#tellHeld(carried)
  }

  /** The payee keeps an outcome lock. */
  hold(carried: Carried): void {
    carried.held = createFailure(carried.reply!, 'LOCK_HELD')
    this.step(carried, { kind: 'crank' })
    this.#tellHeld(carried)
  }

  /** Once in each connection: it may have been lost with the last one. */
  #tellHeld(carried: Carried): void {
    const { held, incoming, part } = carried
    if (!held || !incoming || part.incoming!.status !== 'locked' || !incoming.slot.ledger.linked) return
    const { connection } = this.#engine.peers.peer(incoming.slot.entry.peer)
    if (carried.told === connection) return
    carried.told = connection
    // Words that change nothing: a payer may pay all of it at any time.
    this.#ask(incoming, PAID_IN_FULL, encodeProof({ kind: 'held', failure: held }))
  }

  /** All parts of a key learn its secret. */
  spread(from: Carried, secret: Hex): void {
    for (const carried of [...this.#parts.sharing(from)])
      if (carried !== from) this.step(carried, { kind: 'secretSeen', secret })
  }

  #acknowledged(slot: Slot): void {
    for (const carried of [...this.#parts.in(slot)]) if (carried.outgoing?.slot === slot) this.#confirm(carried)
  }

  /** A cancel exists once it is acknowledged, and so does what goes back of a deal. */
  #confirm(carried: Carried): void {
    const { slot } = carried.outgoing!
    // In a dispute, and after it, what the chain has counted is another question.
    if (carried.part.outgoing!.disputed) return
    if (carried.part.outgoing!.cancelling !== undefined) this.#cancelled(carried, slot)
    if (carried.part.outgoing!.deal) this.#dealt(carried, slot)
  }

  #cancelled(carried: Carried, { ledger }: Slot): void {
    const residual = carried.part.outgoing!.cancelling!
    const left = findLocked(ledger.own.ackedPending, carried.outgoing!.id)?.transfer.amount ?? 0n
    if (left === residual) this.step(carried, { kind: 'cancelledOut', residual })
  }

  #dealt(carried: Carried, { ledger: { own } }: Slot): void {
    const { deal } = carried.part.outgoing!
    const rest = restIdOf(carried.outgoing!.id)
    const isThere = findLocked(own.ackedPending, rest) !== undefined
    if (deal!.stage === 'asked') {
      if (isThere) this.step(carried, { kind: 'splitOut' })
    } else if (deal!.rest > 0n && !isThere && !findLocked(own.pending, rest))
      this.step(carried, { kind: 'endedOut', piece: 'rest', values: [] })
  }

  #disputed(slot: Slot, disputed: boolean): void {
    for (const carried of [...this.#parts.in(slot)]) {
      if (carried.incoming?.slot === slot) this.step(carried, { kind: 'disputed', side: 'incoming', disputed })
      if (carried.outgoing?.slot === slot) this.step(carried, { kind: 'disputed', side: 'outgoing', disputed })
    }
  }

  /** Why no new part is taken: memory and time are bounded, and whoever is refused at once can go elsewhere. */
  get busy(): boolean {
    const { maxParts, maxStoreLag } = this.policy
    const isFull = this.#parts.all.size - this.#void.size >= maxParts
    return this.draining || isFull || this.#engine.journal.lag() > maxStoreLag
  }

  /** Parts of others' payments that are on their way. */
  get carrying(): number {
    let count = 0
    // An outcome may take days, and needs nobody meanwhile.
    for (const carried of this.#parts.all.values())
      if (carried.incoming && carried.outgoing && carried.part.mode !== 'outcome' && !this.#void.has(carried)) count++
    return count
  }

  /** What this node can lock in a ledger now, less what waits to be signed; 0n if its peer is away. */
  available(slot: Slot): bigint {
    if (!this.#engine.peers.all.get(slot.entry.peer)?.online) return 0n
    let left = sendable(slot)
    for (const { outgoing, part } of this.#parts.in(slot))
      if (outgoing?.slot === slot && part.outgoing!.status === 'locking') left -= part.outgoing!.amount
    return left > 0n ? left : 0n
  }

  /** What this node wants for another asset, or why it does not give it. */
  priceFor(ask: SwapAsk): Price | RateRefusal {
    try {
      return priceFor(this.policy, ask)
    } catch (error) {
      // A function of the user that throws gives nothing.
      this.#engine.emitter.emit({ kind: 'alarm', error: error as Error })
      return 'ASSET_REFUSED'
    }
  }

  /** The latest deadline of a swap that is taken now; undefined before the first look at the chain. */
  get latestSwap(): bigint | undefined {
    return this.#view && this.#view.now + least(this.policy.maxLock, this.policy.maxSwapLock)
  }

  /** Begins to carry a part of a payment that this node makes. */
  send(part: Part, outgoing: NonNullable<Carried['outgoing']>, payment: Hex): Carried {
    const carried = this.carry({ part, incoming: undefined, outgoing, reply: undefined, payment })
    this.step(carried, { kind: 'send' })
    return carried
  }

  /** The edge that a transfer is. */
  edgeOf = ({ ledger }: Slot, transfer: Transfer, point: Hex | undefined): Edge => {
    const { domain, chain } = this.#engine.options
    const registry = { chainId: domain.chainId, condition: chain.registry }
    return { registry, asset: ledger.asset, transfer, me: ledger.me, point }
  }

  /** The newest look at the chain; undefined before the first one. */
  get view(): KeyView | undefined {
    return this.#view
  }

  /** The payee gives a part back and says why. */
  refuse(carried: Carried, code: FailureCode): void {
    carried.failure ??= createFailure(carried.reply!, code)
    this.step(carried, { kind: 'giveUp' })
  }

  /** Begins to carry an outcome lock, once the chain has said that its outcome is open. */
  admit(fields: NewCarried): void {
    // Known from now on, so that it goes back if this process ends before.
    this.step(this.carry(fields), { kind: 'crank' })
    this.#missed = this.#looking
    this.#lookSoon()
  }

  /** Begins to carry a part. */
  carry(fields: NewCarried): Carried {
    const id = toHex(freshId())
    const { part, ...rest } = fields
    const carried: Carried = {
      taken: 0n,
      said: undefined,
      ...rest,
      held: undefined,
      told: undefined,
      part: { ...part, view: this.#view },
      id,
      failure: undefined,
      stored: '',
      queued: new Set<string>(),
    }
    this.#enter(carried)
    return carried
  }

  #enter(carried: Carried): void {
    this.#parts.add(carried)
    const dues = this.#duesOf(carried)
    if (dues) dues.of.hold(dues.slot, carried.taken)
  }

  #leave(carried: Carried): void {
    this.#parts.remove(carried)
    this.#void.delete(carried)
    this.#engine.journal.write(partKey(carried.id), null)
    const dues = this.#duesOf(carried)
    if (dues) dues.of.release(dues.slot, carried.taken, dues.paid)
    if (carried.incoming && carried.outgoing) this.#tell(carried)
    this.owner?.over(carried)
  }

  /** Where a part's fee is owed: by the peer it goes to, or, at the payee, by this node. */
  #duesOf({ part, taken, incoming, outgoing }: Carried) {
    if (taken === 0n || !incoming) return undefined
    if (outgoing) return { of: this.credits, slot: outgoing.slot, paid: part.outgoing!.status === 'paid' }
    return { of: this.debts, slot: incoming.slot, paid: part.incoming!.status === 'paid' }
  }

  /** Operators hear what was carried and what came back. */
  #tell({ part, incoming, outgoing }: Carried): void {
    const { price } = part
    const { asset } = incoming!.slot.ledger
    const [came, left] = [part.incoming!, part.outgoing!]
    if (came.status !== 'paid' || left.status !== 'paid') {
      this.turnedBack(asset, (part.refused && CODES[part.refused]) ?? part.refused ?? 'NOT_PAID')
      return
    }
    const [got, amount] = [paidOf(came), paidOf(left)]
    const [from, to] = [incoming!.slot.entry.peer, outgoing!.slot.entry.peer]
    const event: NodeEvent = price
      ? { kind: 'swapped', gave: { asset: left.edge.asset, amount }, got: { asset, amount: got }, from, to }
      : { kind: 'forwarded', asset, amount, fee: got - amount, from, to }
    this.#engine.journal.after(() => this.#engine.emitter.emit(event))
  }

  /** A part of somebody's payment was not carried to its end. */
  turnedBack(asset: Address, reason: string): void {
    this.#engine.emitter.emit({ kind: 'turned-back', asset, reason })
  }

  /** Feeds one event to a part; its record joins the commit that holds what led to it. */
  step(carried: Carried, event: PartEvent): void {
    const before = carried.part.outgoing?.status
    const { next, effects } = stepPart(carried.part, event, this.#policyFor(carried))
    carried.part = next
    // Nothing but a residual is left of it: for the payer it has failed, though it is carried on.
    if (!carried.incoming && next.outgoing?.status === 'residual' && before !== 'residual') this.owner?.failed(carried)
    for (const effect of effects) this.#perform(carried, effect)
    if (!this.#parts.has(carried)) return
    if (isOver(carried.part)) {
      this.#leave(carried)
      return
    }
    if (isAtStake(carried.part)) this.#void.delete(carried)
    else this.#void.add(carried)
    // A look at the chain that leads to nothing leaves nothing to store, and comes often.
    if (event.kind === 'view' && effects.length === 0) return
    const text = encodeCarried(carried)
    if (text === carried.stored) return
    carried.stored = text
    this.#engine.journal.write(partKey(carried.id), new TextEncoder().encode(text))
  }

  #policyFor({ id, part, incoming, outgoing }: Carried): PartPolicy {
    const room = (place: Place | undefined, side: 'incoming' | 'outgoing') => this.#room(place, side, id)
    // What is at stake comes in; only the payer has nothing that does.
    const terms = termsFor(this.policy, (part.incoming ?? part.outgoing)!.edge.asset)
    return {
      ...terms,
      maxLock: this.#furthest(part, terms),
      points,
      // Looked at only when a part is admitted.
      room: {
        get incoming() {
          return room(incoming, 'incoming')
        },
        get outgoing() {
          return room(outgoing, 'outgoing')
        },
      },
    }
  }

  /** How far a deadline may be away. The ends of an outcome lock know what it is for. */
  #furthest({ mode, price, incoming, outgoing }: Part, terms: ForwardingPolicy): bigint {
    if (mode === 'outcome') return incoming && outgoing ? least(terms.maxLock, terms.maxOutcomeLock) : 1n << 64n
    return price ? least(terms.maxLock, terms.maxSwapLock) : terms.maxLock
  }

  #room(place: Place | undefined, side: 'incoming' | 'outgoing', except: Hex): Room {
    if (!place) return this.policy.limits
    const { limits } = termsFor(this.policy, place.slot.ledger.asset)
    const others: (Incoming | Outgoing)[] = []
    for (const carried of this.#parts.in(place.slot)) {
      const shared = carried.part[side]
      const isHere = carried.id !== except && carried[side]?.slot === place.slot
      if (shared && isHere && !isVoid(shared, carried.part.view)) others.push(shared)
    }
    return roomOf(limits, others)
  }

  #perform(carried: Carried, effect: PartEffect): void {
    const { incoming, outgoing } = carried
    switch (effect.kind) {
      case 'lockOut': {
        const { transfer } = carried.part.outgoing!.edge
        this.#write(carried, { kind: 'lock', id: outgoing!.id, transfer, note: outgoing!.note })
        return
      }
      case 'unlockOut':
        this.#write(carried, resolveOut(outgoing!, { kind: 'unlock', values: [effect.value] }))
        return
      case 'cancelOut':
        this.#write(carried, resolveOut(outgoing!, { kind: 'cancel', residual: effect.residual }))
        return
      case 'askUnlock': {
        const { secret, scalar } = effect
        this.#ask(
          incoming!,
          { kind: 'unlock', values: [effect.value] },
          encodeProof({ kind: 'release', secret, scalar }),
        )
        return
      }
      case 'askCancel':
        this.#ask(incoming!, { kind: 'cancel', residual: effect.residual }, this.#failureOf(carried))
        return
      case 'reveal':
        void this.#reveal(effect.secret, carried)
        return
      default:
        this.#performDeal(carried, effect)
    }
  }

  #performDeal(carried: Carried, effect: Exclude<DealEffect, { kind: 'reveal' }>): void {
    const { incoming, outgoing } = carried
    switch (effect.kind) {
      case 'splitOut':
        this.#write(carried, resolveOut(outgoing!, { ...effect, kind: 'split' }))
        return
      case 'leadOut':
        this.#write(carried, resolveOut(outgoing!, { ...effect, kind: 'lead' }))
        return
      case 'endOut':
        this.#write(carried, resolveOut(pieceOf(outgoing!, effect.piece), { kind: 'unlock', values: effect.values }))
        return
      case 'askSplit':
        this.#ask(incoming!, { ...effect, kind: 'split' }, NO_PROOF)
        return
      case 'askEnd': {
        const proof = encodeProof({ kind: 'release', secret: effect.secret, scalar: undefined })
        this.#ask(pieceOf(incoming!, effect.piece), { kind: 'unlock', values: effect.values }, proof)
      }
    }
  }

  /** What the hop before is told. */
  #failureOf({ reply, failure, part, outgoing, held }: Carried): Uint8Array {
    // A key that has sealed something seals nothing else.
    if (!reply || held) return new Uint8Array(0)
    const isAway = outgoing && !this.#engine.peers.all.get(outgoing.slot.entry.peer)?.online
    const reason = () => (part.refused && CODES[part.refused]) ?? (isAway ? 'PEER_AWAY' : 'CHANNEL_UNAVAILABLE')
    const packet = failure && outgoing ? relayFailure(reply, failure) : (failure ?? createFailure(reply, reason()))
    return encodeProof({ kind: 'failure', failure: packet })
  }

  #write(carried: Carried, operation: Exclude<Operation, { kind: 'pay' }>): void {
    const { slot } = carried.outgoing!
    const name = `${operation.kind}/${operation.id}`
    if (carried.queued.has(name)) return
    carried.queued.add(name)
    const done = () => {
      carried.queued.delete(name)
    }
    slot.operations.push({
      operation,
      signed: done,
      reject: () => {
        done()
        if (operation.kind === 'lock' && this.#parts.has(carried)) this.step(carried, { kind: 'lockFailed' })
      },
    })
    this.#engine.touch(slot)
  }

  #ask({ slot, id }: Place, resolution: Resolution, proof: Uint8Array): void {
    if (!findLocked(slot.ledger.peer.pending, id)) return
    try {
      this.#engine.dispatch(slot, { kind: 'ask', id, resolution, proof })
    } catch (error) {
      // What the peer may do already, or made of its lock, does not fit: the chain decides then.
      if (!(error instanceof InvalidOperationError)) throw error
    }
  }

  async #reveal(secret: Hex, { part }: Carried): Promise<void> {
    const { chain } = this.#engine.options
    const side = (part.incoming ?? part.outgoing)!
    const before = side.edge.transfer.deadline
    const intent = `reveal/${dealKeyOf(part) ?? keyOfPart(part)}`
    const call = { to: 'registry', functionName: 'reveal', args: [secret] } as const
    const weight = side.amount
    await chain.send(call, { intent, before, weight, anySender: true }).catch((error: Error) => {
      if (!this.#engine.halted) this.#engine.emitter.emit({ kind: 'alarm', error })
    })
  }

  /** Looks at the chain for all keys that matter, and does again what was not possible before. */
  tick(): void {
    this.#ticks++
    for (const carried of [...this.#parts.all.values()]) this.#expire(carried)
    this.#lookSoon()
  }

  #lookSoon(): void {
    if (this.#looking) return
    this.#looking = true
    void this.look()
      // A chain that does not answer shows as unhealthy; the next tick looks again.
      .catch(() => {})
      .finally(() => {
        this.#looking = false
        if (!this.#missed || this.#engine.halted) return
        this.#missed = false
        this.#lookSoon()
      })
  }

  /** An outcome lock whose key the chain was asked about. */
  #admitted(carried: Carried): void {
    this.step(carried, { kind: 'lockedIn' })
    if (!carried.part.refused && !carried.outgoing) this.owner?.offered(carried)
  }

  #expire(carried: Carried): void {
    if (carried.part.outgoing?.status !== 'locking' || this.#ticks % PATIENCE !== 0) return
    carried.outgoing!.slot.operations.remove(carried.outgoing!.id)
  }

  async look(): Promise<void> {
    const asked = [...this.#parts.all.values()].flatMap(({ part }) => [keyOfPart(part), dealKeyOf(part)])
    const keys = [...new Set(asked.filter((key) => key !== undefined))]
    const { head, confirmedHead, latest, confirmed } = await this.#engine.options.chain.survey(keys)
    if (this.#engine.halted) return
    const times = { now: head.timestamp, confirmed: confirmedHead.timestamp }
    this.intake?.forget(times.confirmed)
    this.#view = { ...times, outcome: undefined, confirmedOutcome: undefined }
    const known = ({ value, recordedAt }: { value: bigint; recordedAt: bigint }) =>
      recordedAt > 0n ? { value, recordedAt } : undefined
    const views = new Map(
      keys.map((key, index) => {
        const outcome = known(latest[index]!)
        return [key, { ...times, outcome, confirmedOutcome: known(confirmed[index]!) }] as const
      }),
    )
    for (const carried of [...this.#parts.all.values()]) {
      const view = viewOf(carried.part, views)
      if (view) this.step(carried, { kind: 'view', view })
      if (view && carried.part.incoming?.status === 'offered') this.#admitted(carried)
      if (this.#ticks % CRANK !== 0 || !this.#parts.has(carried)) continue
      this.step(carried, { kind: 'crank' })
      // What a peer shows when it comes back acknowledges as well.
      if (carried.outgoing) this.#confirm(carried)
      this.#tellHeld(carried)
    }
    for (const error of this.#overdue.look(this.#parts.all.values(), this.policy.margin))
      this.#engine.emitter.emit({ kind: 'alarm', error })
  }
}

const NO_PROOF = new Uint8Array(0)

const pieceOf = ({ slot, id }: Place, piece: Piece): Place => ({ slot, id: piece === 'rest' ? restIdOf(id) : id })

/** The key of the secret of a part's deal. */
const dealKeyOf = ({ incoming, outgoing }: Part): Hex | undefined => (incoming?.deal ?? outgoing?.deal)?.key

function viewOf(part: Part, views: ReadonlyMap<Hex, KeyView>): KeyView | undefined {
  const view = views.get(keyOfPart(part))
  const key = dealKeyOf(part)
  const secret = key && views.get(key)
  return view && (secret ? { ...view, secret } : view)
}

/** What a wish comes with; undefined for what cannot be read: nothing is owed for that. */
function proofOf(bytes: Uint8Array): Proof | undefined {
  try {
    return decodeProof(bytes)
  } catch (error) {
    if (error instanceof MalformedBytesError) return undefined
    throw error
  }
}

/** What an outcome lock was paid at one of its sides. */
const paidOf = ({ edge, paidAt }: Incoming | Outgoing): bigint => (edge.transfer.amount * (paidAt ?? WHOLE)) / WHOLE

const resolveOut = ({ id }: Place, resolution: Resolution): Exclude<Operation, { kind: 'pay' }> => ({
  kind: 'resolve',
  id,
  resolution,
})
