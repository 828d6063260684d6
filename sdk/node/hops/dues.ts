import { Reader, Writer } from '../../core/codec.ts'
import type { Engine } from '../engine.ts'
import type { Slot } from '../ledgers/slot.ts'

/** The least that reaches the payee of a payment while a fee is taken from it is half. */
const SHARE = 2n

/**
 * Fees that are taken from what is forwarded in a ledger until they are paid off: those that this node takes from its peers, or
 * those that it lets them take. What a part on its way takes is set aside until the part is over.
 */
export class Dues {
  readonly #engine: Engine
  readonly #prefix: string
  readonly #owed = new Map<Slot, { left: bigint; aside: bigint }>()

  constructor(engine: Engine, prefix: string) {
    this.#engine = engine
    this.#prefix = prefix
  }

  async load(slots: ReadonlyMap<number, Slot>): Promise<void> {
    for await (const [key, bytes] of this.#engine.options.store.list(this.#prefix)) {
      const slot = slots.get(Number.parseInt(key.slice(this.#prefix.length), 16))
      if (slot) this.#owed.set(slot, { left: new Reader(bytes).u128(), aside: 0n })
    }
  }

  left(slot: Slot): bigint {
    return this.#owed.get(slot)?.left ?? 0n
  }

  /** More, or less, is owed. */
  add(slot: Slot, amount: bigint): void {
    const owed = this.#owed.get(slot) ?? { left: 0n, aside: 0n }
    owed.left += amount
    if (owed.left < 0n) owed.left = 0n
    if (owed.left > 0n) this.#owed.set(slot, owed)
    else this.#owed.delete(slot)
    const key = this.#prefix + slot.number.toString(16).padStart(8, '0')
    this.#engine.journal.write(key, owed.left > 0n ? new Writer(16).u128(owed.left).finish() : null)
  }

  /** What may be taken of `amount` now. */
  of(slot: Slot, amount: bigint): bigint {
    const { left, aside } = this.#owed.get(slot) ?? { left: 0n, aside: 0n }
    const rest = left > aside ? left - aside : 0n
    return rest < amount / SHARE ? rest : amount / SHARE
  }

  /** A part on its way takes this much. */
  hold(slot: Slot, amount: bigint): void {
    const owed = this.#owed.get(slot)
    if (owed) owed.aside += amount
  }

  /** That part is over. */
  release(slot: Slot, amount: bigint, paid: boolean): void {
    const owed = this.#owed.get(slot)
    if (!owed) return
    owed.aside -= amount
    if (paid) this.add(slot, -amount)
  }
}
