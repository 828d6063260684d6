import type { Transfer } from '../../core/types.ts'
import { blankLane } from '../../protocols/ledger.ts'
import type { Engine } from '../engine.ts'
import { parseReserveKey, RESERVES, reserveKey } from '../keys.ts'
import { snapshotAt } from '../ledgers/history.ts'
import type { Slot } from '../ledgers/slot.ts'
import { isRedeemed, type Reservation, redeem, reservationOf } from './reserved.ts'

/** Ticks between looks: what is reserved is safe and only waits. */
const PACE = 5

/** Money that a settlement reserved, and the lists that it was reserved for. */
interface Held extends Reservation {
  /** By lane. */
  readonly transfers: readonly (readonly Transfer[])[]
}

/** Fetches what settlements reserved for undecided transfers, once all of them are decided. */
export class Redeemer {
  readonly #engine: Engine
  /** Settlements to look after, by their key in the store. */
  readonly #jobs = new Map<string, { readonly slot: Slot; readonly generation: number; held?: Held }>()
  #ticks = 0
  #looking = false

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Takes up what an earlier process left. */
  async load(): Promise<void> {
    const byNumber = new Map([...this.#engine.book.slots].map((slot) => [slot.number, slot]))
    for await (const [key] of this.#engine.options.store.list(RESERVES)) {
      const { number, generation } = parseReserveKey(key)
      const slot = byNumber.get(number)
      if (slot) this.#jobs.set(key, { slot, generation })
    }
  }

  /** A generation in which transfers were locked ended by a dispute; written with what made that known. */
  begin(slot: Slot, generation: number): void {
    const key = reserveKey(slot.number, generation)
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
          this.#engine.touch(job.slot)
        }
      } catch (error) {
        // Looked at again at a later tick.
        if (!this.#engine.halted) this.#engine.emitter.emit({ kind: 'alarm', error: error as Error })
      }
    }
  }

  async #isDone(job: { readonly slot: Slot; readonly generation: number; held?: Held }): Promise<boolean> {
    const { slot, generation } = job
    const { chain } = this.#engine.options
    const reservation = reservationOf(await chain.history(slot.ledger), generation)
    if (!reservation) return true
    if (isRedeemed(reservation)) return true
    job.held ??= { ...reservation, transfers: await this.#lists(slot, generation, reservation) }
    const { channelId, asset } = slot.ledger
    const settled = { channelId, asset, channel: slot.entry.channel, generation }
    if (await redeem(chain, settled, reservation, job.held.transfers))
      this.#engine.emitter.emit({ kind: 'redeemed', channelId, asset, generation })
    return false
  }

  async #lists(slot: Slot, generation: number, { versions }: Reservation): Promise<Transfer[][]> {
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
