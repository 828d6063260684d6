import type { ChannelId, Transfer } from '../../core/types.ts'
import { blankLane } from '../../protocols/ledger.ts'
import type { Engine } from '../engine.ts'
import { GroupSlot } from '../groups/group-slot.ts'
import { parseReserveKey, RESERVES, reserveKey } from '../keys.ts'
import { snapshotAt } from '../ledgers/history.ts'
import { type Followed, Slot } from '../ledgers/slot.ts'
import { type Failing, failsAnew } from './reason.ts'
import { isRedeemed, type Reservation, redeem, reservationOf } from './reserved.ts'

/** Ticks between looks: what is reserved is safe and only waits. */
const PACE = 5

/** Money that a settlement reserved, and the lists that it was reserved for. */
interface Held extends Reservation {
  /** By lane. */
  readonly transfers: readonly (readonly Transfer[])[]
}

/** A settlement to look after. */
interface Job extends Failing {
  readonly slot: Followed
  readonly generation: number
  held?: Held
  /** Since when all is decided; milliseconds. */
  dueSince?: number
}

/** Fetches what settlements reserved for undecided transfers, once all of them are decided. */
export class Redeemer {
  readonly #engine: Engine
  /** Settlements to look after, by their key in the store. */
  readonly #jobs = new Map<string, Job>()
  #ticks = 0
  #looking = false

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Takes up what an earlier process left. */
  async load(): Promise<void> {
    const byNumber = new Map([...this.#engine.book.slots].map((slot) => [slot.number, slot]))
    for await (const [key] of this.#engine.options.store.list(RESERVES)) {
      const { ledger, generation } = parseReserveKey(key)
      const slot = typeof ledger === 'number' ? byNumber.get(ledger) : this.#group(ledger)
      if (slot) this.#jobs.set(key, { slot, generation })
    }
  }

  #group(channelId: ChannelId): GroupSlot | undefined {
    const { groups } = this.#engine
    return groups.has(channelId) ? groups.group(channelId) : undefined
  }

  /** A generation in which transfers may have been locked ended by a dispute; written with what made that known. */
  begin(slot: Slot | GroupSlot, generation: number): void {
    const key = reserveKey(slot instanceof Slot ? slot.number : slot.entry.channelId, generation)
    this.#engine.journal.write(key, new Uint8Array(0))
    this.#jobs.set(key, { slot, generation })
  }

  tick(): void {
    if (this.#jobs.size === 0 || this.#looking || this.#ticks++ % PACE !== 0) return
    this.#looking = true
    void this.#look().finally(() => {
      this.#looking = false
    })
  }

  async #look(): Promise<void> {
    for (const [key, job] of this.#jobs) {
      try {
        if (this.#engine.halted) return
        if (await this.#isDone(job)) {
          this.#jobs.delete(key)
          this.#engine.journal.write(key, null)
          this.#engine.wake()
        }
        delete job.failing
      } catch (error) {
        // Looked at again at a later tick.
        this.#failed(job, error as Error)
      }
    }
  }

  #failed(job: Job, error: Error): void {
    if (this.#engine.halted || !failsAnew(job, this.#jobs.values(), error)) return
    this.#engine.emitter.emit({ kind: 'alarm', error })
  }

  async #isDone(job: Job): Promise<boolean> {
    const { slot, generation } = job
    const { chain } = this.#engine.options
    const reservation = reservationOf(await chain.history(slot.ledger), generation)
    if (!reservation) return true
    if (isRedeemed(reservation)) return true
    job.held ??= { ...reservation, transfers: await this.#lists(slot, generation, reservation) }
    const { channelId, asset } = slot.ledger
    const settled = { channelId, asset, channel: slot.entry.channel, generation }
    if (await redeem(chain, settled, reservation, job.held.transfers, { isTurn: () => this.#isTurn(job) }))
      this.#engine.emitter.emit({ kind: 'redeemed', channelId, asset, generation })
    return false
  }

  /** Members of a group take turns, so that they do not all pay for the same. */
  #isTurn(job: Job): boolean {
    if (!(job.slot instanceof GroupSlot)) return true
    const now = this.#engine.options.clock.elapsed()
    job.dueSince ??= now
    return now - job.dueSince >= job.slot.entry.pace.patience * job.slot.entry.me
  }

  async #lists(slot: Followed, generation: number, { versions }: Reservation): Promise<(readonly Transfer[])[]> {
    if (slot instanceof GroupSlot) {
      const round = await this.#engine.groups.recorded(slot, generation, versions[0]!)
      return [round?.pending.list.transfers ?? []]
    }
    if (!(slot instanceof Slot)) return []
    return Promise.all(
      versions.map(async (version, lane) => {
        const blank = blankLane(slot.ledger, generation, lane).newest
        const place = { number: slot.number, generation, lane }
        const found = await snapshotAt(this.#engine.options.store, place, blank, version)
        return [...(found?.pending.list.transfers ?? [])]
      }),
    )
  }
}
