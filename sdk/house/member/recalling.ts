import type { HouseState } from '../../chain/house/house-chain.ts'
import { leafRow } from '../../clearing/epoch.ts'
import { climbTally, tallyHash } from '../../clearing/tally.ts'
import { toHex } from '../../core/bytes.ts'
import type { EpochProof } from '../messages.ts'
import type { Desk } from './desk.ts'
import type { SeenEpoch } from './state.ts'

/** Takes in what left in epochs that became final while this member was away: the chain pays it by those leaves, at any time. */
export class Recalling {
  readonly #desk: Desk
  /** Shown unasked, and not known to be in memory. */
  readonly #shown = new Map<bigint, EpochProof>()
  #isRunning = false

  constructor(desk: Desk) {
    this.#desk = desk
  }

  shown(proof: EpochProof): void {
    if (proof.leaf.lines.some(({ leaving }) => leaving > 0n)) this.#shown.set(proof.epoch, proof)
  }

  /** At each block. What is not older than the last final epoch is checked as any other. */
  async look({ confirmed: { final }, latest: { lastCommitted } }: HouseState): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      for (const [number, proof] of this.#shown) {
        const isKnown = this.#desk.memory.epochs.get(number)?.proof !== undefined
        if (number < final && !isKnown) await this.#take(proof)
        // What the chain does not have yet is shown again when it has.
        if (number < final || isKnown || number > lastCommitted) this.#shown.delete(number)
      }
    } finally {
      this.#isRunning = false
    }
  }

  async #take(proof: EpochProof): Promise<void> {
    const { memory, chain } = this.#desk
    const committed = await chain.epoch(proof.epoch)
    if (!committed || !this.#isIn(committed, proof)) return
    // Nothing of it can be disputed any more, and nothing but the leaf was looked at.
    const seen: SeenEpoch = { ...committed, proof: { ...proof, entries: [], limits: undefined }, findings: [] }
    await memory.change(() => (memory.epochs.get(proof.epoch)?.proof ? undefined : { epochs: [seen] }))
  }

  #isIn({ epoch }: SeenEpoch, { leaf, index, path }: EpochProof): boolean {
    const top = climbTally(leafRow(leaf), index, path)
    return (
      leaf.member === this.#desk.id && top !== undefined && toHex(tallyHash(top)) === toHex(tallyHash(epoch.members))
    )
  }
}
