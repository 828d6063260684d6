import type { HouseEvent, HouseState } from '../../chain/house/house-chain.ts'
import { epochHash } from '../../clearing/epoch.ts'
import type { Desk } from './desk.ts'

const MOST = 2n ** 64n

/** Keeps in a memory what the chain tells of one member: its postings, and all commits. */
export class Following {
  readonly #desk: Pick<Desk, 'memory' | 'id'>
  readonly #onReplaced: (from: bigint) => void
  /** Since the last state: what was not told again by the next one is gone. */
  #isRewound = false

  /** @param onReplaced Other epochs have taken the place of those from this one on. */
  constructor(desk: Pick<Desk, 'memory' | 'id'>, onReplaced: (from: bigint) => void) {
    this.#desk = desk
    this.#onReplaced = onReplaced
  }

  async take(event: HouseEvent): Promise<void> {
    const { memory, id } = this.#desk
    if (event.kind === 'posted' && event.posting.member === id)
      await memory.change(() => ({ postings: [event.posting] }))
    // What the chain told before a reorganisation stays until it tells something else: all of it is told anew.
    else if (event.kind === 'posted' && memory.postings.has(event.posting.number))
      await this.#forget({ posted: event.posting.number - 1n })
    if (event.kind === 'committed') await this.#committed(event)
    if (event.kind === 'rewound') this.#isRewound = true
  }

  /** At each block. */
  async look({ confirmed: { postingCount, lastCommitted } }: HouseState): Promise<void> {
    const isRewound = this.#isRewound
    this.#isRewound = false
    if (isRewound) await this.#forget({ posted: postingCount, from: lastCommitted + 1n })
  }

  async #committed({ epoch, committedAt }: Extract<HouseEvent, { kind: 'committed' }>): Promise<void> {
    const { memory } = this.#desk
    const known = memory.epochs.get(epoch.number)?.epoch
    if (known && epochHash(known) !== epochHash(epoch)) await this.#forget({ from: epoch.number })
    const isForgotten = epoch.number < (memory.state.forgotten ?? 0n)
    // Told at least once: what is known of it stays.
    if (!isForgotten)
      await memory.change(() => (memory.epochs.has(epoch.number) ? undefined : { epochs: [{ epoch, committedAt }] }))
  }

  /** What a reorganisation took away: postings above a number, or epochs from one on. */
  async #forget({ posted = MOST, from = MOST }: { readonly posted?: bigint; readonly from?: bigint }): Promise<void> {
    await this.#desk.memory.forget({ posted, from })
    this.#onReplaced(from)
  }
}
