import { seatKey } from '../../core/app.ts'
import type { OutcomeSource } from '../../core/outcome.ts'
import type { Hex } from '../../core/types.ts'
import { isClosed, isDone, seatsOf } from '../../protocols/app.ts'
import type { Engine } from '../engine.ts'
import type { AppSlot } from './app-slot.ts'
import type { Apps } from './apps.ts'
import { GroupStakes } from './group-stakes.ts'
import { HopStakes } from './hop-stakes.ts'
import type { Stakes } from './stakes.ts'

// The money of instances: locks from seat to seat, by the key of the seat that is paid; over channels, or in a group.
//
//   all agreed to the terms ─▶ lock each own stake ─ all stakes of all are held ─▶ the opening is signed
//   the final state is signed ─▶ ask for each stake at what the outcome gives ─▶ its payer checks that, and lets it end so

/** Milliseconds after which is said again what a group did not take. */
const AGAIN = 1_000

/** Locks, expects and ends the stakes of a node. */
export class Staking {
  readonly #engine: Engine
  readonly #apps: Apps
  readonly #hops: Stakes
  readonly #groups: Stakes
  /** By seat: each lock of a node is held against them. */
  readonly #keys = new WeakMap<AppSlot, Hex[]>()
  /** When the stakes of an instance were looked at last. */
  readonly #looked = new WeakMap<AppSlot, number>()

  constructor(engine: Engine, apps: Apps) {
    this.#engine = engine
    this.#apps = apps
    this.#hops = new HopStakes(engine, this)
    this.#groups = new GroupStakes(engine, this)
  }

  start(): void {
    this.#hops.start()
    this.#groups.start()
  }

  #of = ({ session }: AppSlot): Stakes => (session.terms.group ? this.#groups : this.#hops)

  get slots(): AppSlot[] {
    return [...this.#apps.slots.values()]
  }

  get source(): OutcomeSource {
    return this.#apps.arbiter.source
  }

  knows = (id: Hex): boolean => this.#apps.knows(id)

  /** Places in the terms of the stakes that this node locks, or that others lock for it. */
  places({ session }: AppSlot, direction: 'in' | 'out'): number[] {
    const mine = seatsOf(session)
    return [...session.terms.stakes.entries()]
      .filter(([, { from, to }]) => mine.includes(direction === 'in' ? to : from))
      .map(([index]) => index)
  }

  /** Whether money of this node is at stake, or may come to it. */
  hasPart = (slot: AppSlot): boolean => this.places(slot, 'in').length + this.places(slot, 'out').length > 0

  /** By which a stake ends. */
  keyOf(slot: AppSlot, index: number): Hex {
    const { to } = slot.session.terms.stakes[index]!
    const known = this.#keys.get(slot) ?? []
    if (known.length === 0) this.#keys.set(slot, known)
    known[to] ??= seatKey(this.source, slot.id, to)
    return known[to]
  }

  /** Locks what this node stakes; whatever cannot be locked ends the instance before it begins. */
  async lock(slot: AppSlot): Promise<void> {
    const there = this.#of(slot).list(slot, 'out')
    const missing = this.places(slot, 'out').filter((index) => !there.some((one) => one.index === index))
    slot.locking = true
    try {
      if (missing.length > 0) await this.#of(slot).lock(slot, missing)
    } catch (error) {
      if (!this.#engine.halted) this.#apps.decline(slot, 'APP_NOT_STAKED', error as Error)
    } finally {
      slot.locking = false
    }
    if (!this.#engine.halted) this.#apps.check(slot)
  }

  /** Something has happened to what is locked. */
  changed(slot: AppSlot): void {
    if (this.#engine.halted) return
    this.look(slot)
    this.#end(slot)
    this.#apps.check(slot)
  }

  #end(slot: AppSlot): void {
    if (slot.declined) this.giveBack(slot)
    this.settle(slot)
    if (slot.recorded || this.isPast(slot)) this.redeem(slot)
  }

  /** No outcome that is recorded now counts. */
  isPast = (slot: AppSlot): boolean => this.#apps.isPast(slot)

  /** What holds stakes is disputed. */
  disputed = (slot: AppSlot): void => this.#apps.groupDisputed(slot)

  checkAll(): void {
    for (const slot of this.slots) this.#apps.check(slot)
  }

  /** Says so once every stake for this node is held. */
  look(slot: AppSlot): void {
    if (slot.session.agreed || slot.session.pending || slot.declined || !slot.isAccepted) return
    if (this.places(slot, 'in').every((index) => this.#isHeld(slot, index))) this.#apps.staked(slot)
  }

  /** Two locks that name one stake are no two stakes, and what is on its way back is none. */
  #isHeld = (slot: AppSlot, index: number): boolean =>
    this.#of(slot)
      .list(slot, 'in')
      .some((one) => one.index === index && one.held && one.asked === undefined)

  /** What is locked to this node goes back: the instance does not begin. Not after its opening was signed: that may begin it still. */
  giveBack(slot: AppSlot): void {
    if (slot.session.pending || slot.session.agreed) return
    for (const one of this.#of(slot).list(slot, 'in')) this.#of(slot).ask(slot, one, 0n)
  }

  /** Asks for what the outcome gives to this node's seats, and gives to others what they may ask for. */
  settle(slot: AppSlot): void {
    if (!isDone(slot.session)) return
    const stakes = this.#of(slot)
    const values = slot.rules.outcome(slot.session.agreed!.state)
    const valueAt = (index: number) => values[slot.session.terms.stakes[index]!.to]!
    for (const one of stakes.list(slot, 'out')) stakes.grant(slot, one, valueAt(one.index))
    // Before all have signed the final state a payer could still be asked for another one.
    if (!isClosed(slot.session)) return
    for (const one of stakes.list(slot, 'in')) if (one.asked === undefined) stakes.ask(slot, one, valueAt(one.index))
  }

  /** The chain has decided. */
  redeem(slot: AppSlot): void {
    this.#of(slot).redeem(slot)
  }

  /** Says again what a group could not take before. */
  tick(slot: AppSlot, now: number): void {
    if (!slot.session.terms.group || now - (this.#looked.get(slot) ?? -AGAIN) < AGAIN) return
    this.#looked.set(slot, now)
    this.changed(slot)
  }

  /** Whether nothing of an instance is locked any more. */
  isEmpty(slot: AppSlot): boolean {
    const stakes = this.#of(slot)
    const isOpen = slot.locking || stakes.isUnsure(slot)
    return !isOpen && stakes.list(slot, 'out').length + stakes.list(slot, 'in').length === 0
  }

  /** Whether this node waits for money: for a dispute about what it has given back there is nothing to win. */
  isOwed(slot: AppSlot): boolean {
    const stakes = this.#of(slot)
    const values = slot.rules.outcome(slot.session.agreed!.state)
    const isWorth = (index: number) => values[slot.session.terms.stakes[index]!.to]! > 0n
    return stakes.isUnsure(slot) || stakes.list(slot, 'in').some(({ held, index }) => held && isWorth(index))
  }
}
