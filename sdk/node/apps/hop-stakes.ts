import { TallystickError } from '../../core/errors.ts'
import type { Hex } from '../../core/types.ts'
import type { Engine } from '../engine.ts'
import type { OutcomeLock } from '../hops/outcomes.ts'
import type { AppSlot } from './app-slot.ts'
import { noteOf, readNote, type Staked, type Stakes } from './stakes.ts'
import type { Staking } from './staking.ts'

/** What a lock says that is over, or was given back before. */
const NEEDLESS = new Set(['OUTCOME_LOCK_UNKNOWN', 'OUTCOME_SETTLED'])

/** Stakes that are outcome locks: over a channel of both, or over hops. */
export class HopStakes implements Stakes {
  readonly #engine: Engine
  readonly #staking: Staking

  constructor(engine: Engine, staking: Staking) {
    this.#engine = engine
    this.#staking = staking
  }

  start(): void {
    const { outcomes, emitter } = this.#engine
    outcomes.expect((lock) => this.#expects(lock))
    emitter.on('outcome-locked', ({ note }) => this.#changed(this.#slotBy(note)))
    emitter.on('outcome-asked', ({ id }) => this.#changed(this.#slotOf(id)))
    emitter.on('outcome-over', () => this.#staking.checkAll())
  }

  #changed(slot: AppSlot | undefined): void {
    if (slot) this.#staking.changed(slot)
  }

  #slotBy(note: Uint8Array): AppSlot | undefined {
    const named = readNote(note)
    return named && this.#staking.slots.find(({ id }) => id === named.id)
  }

  #slotOf(id: Hex): AppSlot | undefined {
    const lock = this.#engine.outcomes.list().find((one) => one.id === id && one.direction === 'out')
    const holds = (slot: AppSlot, own: OutcomeLock) =>
      this.#staking.places(slot, 'out').some((place) => this.#isAt(slot, own, place))
    return lock && this.#staking.slots.find((slot) => !slot.session.terms.group && holds(slot, lock))
  }

  async lock(slot: AppSlot, indices: readonly number[]): Promise<void> {
    const { instance, deadline, stakes } = slot.session.terms
    for (const index of indices) {
      if (slot.declined) return
      const { to, asset, amount } = stakes[index]!
      const payee = instance.seats[to]!
      const key = this.#staking.keyOf(slot, index)
      const about = { to: payee, onionKey: slot.accepted.get(payee)!, asset, amount, key, deadline }
      await this.#engine.outcomes.lock({ ...about, note: noteOf(slot.id, index) })
    }
  }

  list(slot: AppSlot, direction: 'in' | 'out'): Staked[] {
    if (slot.session.terms.group) return []
    const places = this.#staking.places(slot, direction)
    return this.#engine.outcomes.list().flatMap((lock) => {
      const index = lock.direction === direction ? places.find((place) => this.#isAt(slot, lock, place)) : undefined
      return index === undefined
        ? []
        : [{ id: lock.id, index, held: lock.held || direction === 'out', asked: lock.asked }]
    })
  }

  /** Several players may stake for one seat, so its payee goes by the note; a payer, which keeps none, has one stake for each seat and asset. */
  #isAt(slot: AppSlot, { direction, key, asset, note }: OutcomeLock, index: number): boolean {
    const isNamed = direction === 'out' || readNote(note)?.index === index
    return isNamed && key === this.#staking.keyOf(slot, index) && asset === slot.session.terms.stakes[index]!.asset
  }

  /** Whether a lock is the stake that it says it is, and nothing else stands in its place. */
  #expects(lock: OutcomeLock): boolean {
    const [slot, index] = [this.#slotBy(lock.note), readNote(lock.note)?.index]
    if (!slot || slot.declined || index === undefined || slot.session.terms.group) return false
    const { stakes, deadline } = slot.session.terms
    if (!this.#staking.places(slot, 'in').includes(index) || !this.#isAt(slot, lock, index)) return false
    const isFree = !this.list(slot, 'in').some((other) => other.index === index && other.held)
    return isFree && lock.amount >= stakes[index]!.amount && lock.deadline === deadline
  }

  ask(_slot: AppSlot, { id, held, asked }: Staked, value: bigint): void {
    if (held && (asked === undefined || asked !== value)) this.#attempt(() => this.#engine.outcomes.ask(id, value))
  }

  /** No more than `value`: a payee that asks for more is left to the chain. */
  grant(_slot: AppSlot, { id, asked }: Staked, value: bigint): void {
    if (asked !== undefined && asked <= value) this.#attempt(() => this.#engine.outcomes.settle(id, asked))
  }

  /** Channels ask the registry by themselves. */
  redeem(): void {}

  /** A lock is in the list from its first moment to its last, wherever it ends. */
  isUnsure(): boolean {
    return false
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
