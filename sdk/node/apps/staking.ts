import { seatKey } from '../../core/app.ts'
import { toHex } from '../../core/bytes.ts'
import { Reader, Writer } from '../../core/codec.ts'
import { TallystickError } from '../../core/errors.ts'
import type { Hex } from '../../core/types.ts'
import { isClosed, isDone, isSameState, type Stake, seatsOf } from '../../protocols/app.ts'
import type { Engine } from '../engine.ts'
import type { OutcomeLock } from '../hops/outcomes.ts'
import type { AppSlot } from './app-slot.ts'
import type { Apps } from './apps.ts'

// The money of instances: outcome locks from seat to seat, by the key of the seat that is paid.
//
//   all agreed to the terms ─▶ lock each own stake ─ all stakes for this node are held ─▶ the opening may be signed
//   the final state is signed ─▶ ask for each stake at what the outcome gives ─▶ its payer checks that, and lets it end so

/** What a lock says that is over, or was given back before. */
const NEEDLESS = new Set(['OUTCOME_LOCK_UNKNOWN', 'OUTCOME_SETTLED'])

/** Locks, expects and ends the stakes of a node. */
export class Staking {
  readonly #engine: Engine
  readonly #apps: Apps

  constructor(engine: Engine, apps: Apps) {
    this.#engine = engine
    this.#apps = apps
  }

  start(): void {
    const { outcomes, emitter } = this.#engine
    outcomes.expect((lock) => this.#expects(lock))
    emitter.on('outcome-locked', (lock) => this.#held(lock))
    emitter.on('outcome-asked', ({ id, value }) => this.#asked(id, value))
    emitter.on('outcome-over', ({ id, value }) => this.#over(id, value))
  }

  /** Stakes that other players lock for this node, and their places in the terms. */
  incoming(slot: AppSlot): [number, Stake][] {
    const mine = seatsOf(slot.session)
    return [...slot.session.terms.stakes.entries()].filter(([, { to }]) => mine.includes(to))
  }

  outgoing(slot: AppSlot): [number, Stake][] {
    const mine = seatsOf(slot.session)
    return [...slot.session.terms.stakes.entries()].filter(([, { from }]) => mine.includes(from))
  }

  #keyOf = (slot: AppSlot, { to }: Stake): Hex => seatKey(this.#apps.arbiter.source, slot.id, to)

  /** This node's locks of an earlier process, too: a key names the seat that is paid, an asset the stake. */
  #locks(slot: AppSlot, direction: OutcomeLock['direction']): OutcomeLock[] {
    const stakes = direction === 'out' ? this.outgoing(slot) : this.incoming(slot)
    const names = new Set(stakes.map(([, stake]) => `${this.#keyOf(slot, stake)}/${stake.asset}`))
    return this.#engine.outcomes
      .list()
      .filter((lock) => lock.direction === direction && names.has(`${lock.key}/${lock.asset}`))
  }

  /** Locks what this node stakes; whatever cannot be locked ends the instance before it begins. */
  async lock(slot: AppSlot): Promise<void> {
    const there = this.#locks(slot, 'out')
    const missing = this.outgoing(slot).filter(
      ([, stake]) => !there.some((lock) => lock.key === this.#keyOf(slot, stake) && lock.asset === stake.asset),
    )
    slot.locking = true
    try {
      for (const [index, stake] of missing) await this.#lockOne(slot, index, stake)
    } catch (error) {
      if (!this.#engine.halted) this.#apps.decline(slot, 'APP_NOT_STAKED', error as Error)
    } finally {
      slot.locking = false
    }
    if (!this.#engine.halted) this.#apps.check(slot)
  }

  async #lockOne(slot: AppSlot, index: number, stake: Stake): Promise<void> {
    const { instance, deadline } = slot.session.terms
    if (slot.declined) return
    const to = instance.seats[stake.to]!
    await this.#engine.outcomes.lock({
      to,
      onionKey: slot.accepted.get(to)!,
      asset: stake.asset,
      amount: stake.amount,
      key: this.#keyOf(slot, stake),
      deadline,
      note: noteOf(slot.id, index),
    })
  }

  /** Whether a lock is the stake that it says it is, and nothing else stands in its place. */
  #expects(lock: OutcomeLock): boolean {
    const [slot, stake] = this.#find(lock)
    if (!slot || !stake || slot.declined || lock.amount < stake.amount) return false
    // Several players may stake for one seat: it is the note that says which stake it is.
    const isFree = !this.#locks(slot, 'in').some(({ held, note }) => held && isSameState(note, lock.note))
    return isFree && lock.key === this.#keyOf(slot, stake) && lock.asset === stake.asset && this.#isTimely(slot, lock)
  }

  #isTimely = (slot: AppSlot, lock: OutcomeLock): boolean => lock.deadline === slot.session.terms.deadline

  #find({ note }: OutcomeLock): [AppSlot, Stake] | [undefined, undefined] {
    const named = readNote(note)
    const slot = named && this.#apps.slots.get(named.id)
    const found = slot && this.incoming(slot).find(([index]) => index === named.index)
    return slot && found ? [slot, found[1]] : [undefined, undefined]
  }

  #held(lock: OutcomeLock): void {
    const [slot] = this.#find(lock)
    if (!slot) return
    if (slot.declined) this.giveBack(slot)
    else this.look(slot)
  }

  /** The opening may be signed once every stake for this node is held. */
  look(slot: AppSlot): void {
    if (slot.session.agreed || slot.session.pending || slot.declined || !slot.isAccepted) return
    if (!this.incoming(slot).every(([index, stake]) => this.#isHeld(slot, index, stake))) return
    this.#apps.dispatch(slot, { kind: 'staked', opening: slot.positionOf(slot.session.terms.opening) })
  }

  /** Two locks that name one stake are no two stakes, and what is on its way back is none. */
  #isHeld(slot: AppSlot, index: number, stake: Stake): boolean {
    const note = noteOf(slot.id, index)
    return this.#locks(slot, 'in').some(
      (lock) => lock.held && lock.asked === undefined && lock.amount >= stake.amount && isSameState(lock.note, note),
    )
  }

  /** What is locked to this node goes back: the instance does not begin. Not after its opening was signed: that may begin it still. */
  giveBack(slot: AppSlot): void {
    if (slot.session.pending || slot.session.agreed) return
    for (const lock of this.#locks(slot, 'in')) if (lock.held) this.#tryAsk(lock.id, 0n)
  }

  /** Asks for what the outcome gives to this node's seats, and gives to others what they asked for rightly. */
  settle(slot: AppSlot): void {
    if (!isDone(slot.session)) return
    const values = slot.rules.outcome(slot.session.agreed!.state)
    for (const { id, asked, key } of this.#locks(slot, 'out'))
      if (asked !== undefined) this.#trySettle(id, asked, this.#valueOf(slot, key, values))
    // Before all have signed the final state a payer could still be asked for another one.
    if (!isClosed(slot.session)) return
    for (const lock of this.#locks(slot, 'in'))
      if (lock.held && lock.asked === undefined) this.#tryAsk(lock.id, this.#valueOf(slot, lock.key, values))
  }

  #valueOf(slot: AppSlot, key: Hex, values: readonly bigint[]): bigint {
    return values[values.findIndex((_, seat) => seatKey(this.#apps.arbiter.source, slot.id, seat) === key)]!
  }

  #asked(id: Hex, _value: bigint): void {
    const slot = this.#slotOf(id)
    if (slot) this.settle(slot)
  }

  #slotOf(id: Hex): AppSlot | undefined {
    for (const slot of this.#apps.slots.values())
      if ([...this.#locks(slot, 'out'), ...this.#locks(slot, 'in')].some((lock) => lock.id === id)) return slot
    return undefined
  }

  #over(_id: Hex, _value: bigint): void {
    for (const slot of [...this.#apps.slots.values()]) this.#apps.check(slot)
  }

  /** Whether nothing of an instance is locked any more. */
  isEmpty = (slot: AppSlot): boolean =>
    !slot.locking && this.#locks(slot, 'out').length + this.#locks(slot, 'in').length === 0

  /** Whether this node waits for money: for a dispute about what it has given back there is nothing to win. */
  isOwed(slot: AppSlot): boolean {
    const values = slot.rules.outcome(slot.session.agreed!.state)
    return this.#locks(slot, 'in').some(({ held, key }) => held && this.#valueOf(slot, key, values) > 0n)
  }

  /** No more than the outcome gives: a payee that asks for more is left to the chain. */
  #trySettle(id: Hex, asked: bigint, value: bigint): void {
    if (asked <= value) this.#attempt(() => this.#engine.outcomes.settle(id, asked))
  }

  #tryAsk(id: Hex, value: bigint): void {
    this.#attempt(() => this.#engine.outcomes.ask(id, value))
  }

  /** A lock that has ended meanwhile, or is on its way back, needs nothing. */
  #attempt(action: () => void): void {
    try {
      action()
    } catch (error) {
      if (!(error instanceof TallystickError)) throw error
      if (!NEEDLESS.has(error.code)) this.#engine.emitter.emit({ kind: 'alarm', error })
    }
  }
}

const noteOf = (id: Hex, index: number): Uint8Array => new Writer(33).hex(id, 32).u8(index).finish()

function readNote(note: Uint8Array): { id: Hex; index: number } | undefined {
  if (note.length !== 33) return undefined
  const reader = new Reader(note)
  return { id: toHex(reader.raw(32)), index: reader.u8() }
}
