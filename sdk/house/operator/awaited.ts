import type { HouseLock } from '../../clearing/account.ts'
import type { Hex } from '../../core/types.ts'

/** How many undecided locks there are in somebody's favour, and what they may pay, per asset. */
export interface Awaited {
  readonly count: number
  readonly amounts: readonly bigint[]
}

/** What undecided locks may still pay. A cut cannot refuse what a lock has paid, so its place with the payee is kept from the start. */
export class AwaitedLocks {
  readonly #none: Awaited
  readonly #byPayee = new Map<Hex, Awaited>()

  constructor(assets: number) {
    this.#none = { count: 0, amounts: new Array<bigint>(assets).fill(0n) }
  }

  of(payee: Hex): Awaited {
    return this.#byPayee.get(payee) ?? this.#none
  }

  add(lock: HouseLock): void {
    this.#byPayee.set(lock.to, withLock(this.of(lock.to), lock))
  }

  /** It was decided, or taken back. */
  remove({ to, asset, amount }: HouseLock): void {
    const { count, amounts } = this.of(to)
    if (count <= 1) this.#byPayee.delete(to)
    else this.#byPayee.set(to, { count: count - 1, amounts: amounts.with(asset, amounts[asset]! - amount) })
  }
}

export const withLock = ({ count, amounts }: Awaited, { asset, amount }: HouseLock): Awaited => ({
  count: count + 1,
  amounts: amounts.with(asset, amounts[asset]! + amount),
})
