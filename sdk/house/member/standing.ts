import { statusOf } from '../../clearing/closing.ts'
import type { Epoch } from '../../clearing/epoch.ts'
import type { Desk } from './desk.ts'
import { heldKey } from './memory.ts'
import { isStanding } from './stand.ts'
import type { HeldLock } from './state.ts'
import { isOwed } from './unlocking.ts'

/** Milliseconds until it is asked again for what it did not show. */
const AGAIN = 30_000

/** Asks the operator where locks stand, once for each epoch that is right. */
export class Standing {
  readonly #desk: Desk
  /** What was not shown, and when to ask again. */
  readonly #later = new Map<string, number>()
  #isRunning = false

  constructor(desk: Desk) {
    this.#desk = desk
  }

  /** Whatever the operator does not show now is asked for again. */
  async look(final: bigint): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      for (const epoch of this.#epochs(final))
        for (const held of await this.#live(epoch)) await this.#ask(held, epoch, final)
    } finally {
      this.#isRunning = false
    }
  }

  #epochs(final: bigint): Epoch[] {
    const right = [...this.#desk.memory.epochs.values()].filter(({ findings }) => findings?.length === 0)
    return right.map(({ epoch }) => epoch).filter(({ number }) => number >= final)
  }

  async #live(epoch: Epoch): Promise<HeldLock[]> {
    const { memory, chain } = this.#desk
    const isShown = ({ stands = [] }: HeldLock) => stands.some((one) => one.epoch.number === epoch.number)
    const held = [...memory.held.values()].filter((one) => isOwed(memory, one, epoch.number) && !isShown(one))
    const outcomes = held.length > 0 ? await chain.outcomes(held.map(({ lock }) => lock.key)) : []
    return held.filter(({ lock }, i) => statusOf(lock, outcomes[i]!, epoch.cutTime).live > 0n)
  }

  async #ask(held: HeldLock, epoch: Epoch, final: bigint): Promise<void> {
    const { link, memory } = this.#desk
    const { payer, position } = held.receipt
    const name = `${heldKey(held)}/${epoch.number}`
    if (!link.isUp || performance.now() < (this.#later.get(name) ?? 0)) return
    this.#later.set(name, performance.now() + AGAIN)
    const answer = await link.ask({ kind: 'askLock', epoch: epoch.number, payer, position }).catch(() => undefined)
    if (answer?.kind !== 'lockProven') return
    const stand = { epoch, ...answer.stand }
    if (!isStanding(held, stand)) return
    this.#later.delete(name)
    await memory.change(() => {
      const now = memory.held.get(heldKey(held))
      const older = now?.stands?.filter((one) => one.epoch.number >= final) ?? []
      return now && { held: [{ ...now, stands: [...older, stand] }] }
    })
  }
}
