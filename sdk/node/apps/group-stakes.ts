import { seatKey } from '../../core/app.ts'
import { toHex } from '../../core/bytes.ts'
import { memberBySigner } from '../../core/channel.ts'
import { keccak256 } from '../../core/keccak.ts'
import type { ChannelId, Hex } from '../../core/types.ts'
import { possible } from '../../protocols/joint.ts'
import { findLocked, type Locked } from '../../protocols/pending.ts'
import type { Engine } from '../engine.ts'
import { EndedOtherwiseError } from '../errors.ts'
import type { EventOf } from '../events.ts'
import { Group } from '../groups/group.ts'
import type { GroupSlot } from '../groups/group-slot.ts'
import type { AppSlot } from './app-slot.ts'
import { noteOf, readNote, type Staked, type Stakes } from './stakes.ts'
import type { Staking } from './staking.ts'

/** Stakes that are locked in a group. Members see each other's locks, and end them together: nobody has to be asked. */
export class GroupStakes implements Stakes {
  readonly #engine: Engine
  readonly #staking: Staking

  constructor(engine: Engine, staking: Staking) {
    this.#engine = engine
    this.#staking = staking
  }

  start(): void {
    const { emitter } = this.#engine
    emitter.on('round', ({ channelId }) => this.#each(channelId, (slot) => this.#staking.changed(slot)))
    emitter.on('ended', ({ channelId }) => this.#each(channelId, (slot) => this.#staking.changed(slot)))
    emitter.on('disputed', ({ channelId }) => this.#each(channelId, (slot) => this.#staking.disputed(slot)))
    emitter.on('locked', (lock) => this.#returnStray(lock))
  }

  #each(channelId: ChannelId, act: (slot: AppSlot) => void): void {
    for (const slot of this.#staking.slots) if (slot.session.terms.group?.channelId === channelId) act(slot)
  }

  #groupOf({ session }: AppSlot): GroupSlot | undefined {
    return session.terms.group && this.#engine.groups.find(session.terms.group.channelId)
  }

  /** All in one round. What was not locked when the instance is declined is not locked any more. */
  async lock(slot: AppSlot, indices: readonly number[]): Promise<void> {
    const stop = new AbortController()
    slot.when(({ session }) => session.agreed !== undefined).catch((reason) => stop.abort(reason))
    const locks = indices.map((index) => this.#lockOne(slot, index, stop.signal))
    for (const lock of locks) lock.catch((reason) => stop.abort(reason))
    const ends = await Promise.allSettled(locks)
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  async #lockOne(slot: AppSlot, index: number, signal: AbortSignal): Promise<void> {
    const { instance, stakes, deadline } = slot.session.terms
    const { to, amount } = stakes[index]!
    const legs = [{ to: instance.seats[to]!, key: this.#staking.keyOf(slot, index) }]
    const note = noteOf(slot.id, index)
    const group = new Group(this.#engine, this.#groupOf(slot)!)
    await group.lock({ id: lockId(note), amount, legs, deadline, note, signal })
  }

  list(slot: AppSlot, direction: 'in' | 'out'): Staked[] {
    const group = this.#groupOf(slot)
    if (!group || this.#isSettled(slot, group)) return []
    const rounds = possible(group.ledger)
    return this.#staking.places(slot, direction).flatMap((index) => {
      const id = lockId(noteOf(slot.id, index))
      const item = findLocked(group.ledger.complete.pending, id)
      if (!item || !this.#isStake(slot, group, index, item)) return []
      // As long as a state without it may count, it may be gone.
      return [{ id, index, held: rounds.every(({ pending }) => findLocked(pending, id)), asked: undefined }]
    })
  }

  /** The generation in which they were locked has ended. */
  #isSettled = ({ session }: AppSlot, { ledger }: GroupSlot): boolean =>
    ledger.generation !== session.terms.group!.generation

  #isStake(slot: AppSlot, group: GroupSlot, index: number, { transfer }: Locked): boolean {
    const { instance, stakes, deadline } = slot.session.terms
    const { from, to, amount } = stakes[index]!
    const memberOf = (seat: number) => memberBySigner(group.entry.channel, instance.seats[seat]!)
    const [leg] = transfer.legs
    const isPaid =
      transfer.legs.length === 1 && leg!.to === memberOf(to) && leg!.key === this.#staking.keyOf(slot, index)
    return (
      isPaid && transfer.refundTo === memberOf(from) && transfer.amount === amount && transfer.deadline === deadline
    )
  }

  ask(slot: AppSlot, { id }: Staked, value: bigint): void {
    this.#end(this.#groupOf(slot)!, id, [value])
  }

  grant(slot: AppSlot, { id }: Staked, value: bigint): void {
    this.#end(this.#groupOf(slot)!, id, [value])
  }

  redeem(slot: AppSlot): void {
    for (const direction of ['in', 'out'] as const)
      for (const { id } of this.list(slot, direction)) this.#end(this.#groupOf(slot)!, id)
  }

  /** Says how it ends, without values as the registry has decided. What fails now is said again later. */
  #end(group: GroupSlot, id: Hex, values?: readonly bigint[]): void {
    if (group.resolving.has(id) || !findLocked(group.ledger.complete.pending, id)) return
    new Group(this.#engine, group).resolve(id, values).catch((error: Error) => {
      if (error instanceof EndedOtherwiseError) this.#engine.emitter.emit({ kind: 'alarm', error })
    })
  }

  /** A settlement pays as the registry says: until that holds the outcome, nothing is over. */
  isUnsure(slot: AppSlot): boolean {
    const group = this.#groupOf(slot)
    const isPlayed = slot.session.agreed !== undefined && this.#staking.hasPart(slot)
    return (
      group !== undefined && isPlayed && this.#isSettled(slot, group) && !slot.recorded && !this.#staking.isPast(slot)
    )
  }

  /** A stake for this node of an instance that has not begun here: its payer had signed it already. */
  #returnStray({ channelId, direction, id, transfer, note }: EventOf<'locked'>): void {
    const [group, named] = [this.#engine.groups.find(channelId), readNote(note)]
    if (direction !== 'in' || !group || !named || this.#staking.knows(named.id)) return
    const [leg] = transfer.legs
    const isStake = SEATS.some((seat) => leg!.key === seatKey(this.#staking.source, named.id, seat))
    if (isStake && transfer.legs.length === 1 && leg!.to === group.entry.me) this.#end(group, id, [0n])
  }
}

/** Every stake has a name of its own, so that it is not locked twice. */
const lockId = (note: Uint8Array): Hex => toHex(keccak256(note).slice(0, 16))

const SEATS = Array.from({ length: 16 }, (_, seat) => seat)
