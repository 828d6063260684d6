import { InvalidOptionError } from '../../core/errors.ts'
import { WHOLE } from '../../core/outcome.ts'
import type { Hex } from '../../core/types.ts'
import { assertAmount } from '../../protocols/payments.ts'
import type { AppEnd, AppInstance } from './app-instance.ts'
import type { StartAppOptions } from './app-options.ts'

/** State of the app `VirtualChannel`: what is owed, in parts of 1e18 of the stake, and whose turn it is. */
export interface VirtualState {
  readonly owed: bigint
  readonly turn: number
}

export interface VirtualMove {
  readonly amount: bigint
  readonly turn: number
}

/** How to open one. */
export interface VirtualChannelOptions extends Omit<StartAppOptions<VirtualState>, 'seats' | 'opening' | 'stakes'> {
  /** The payee's session key. */
  readonly to: string
  /** The most that can be paid in all. */
  readonly amount: bigint
  readonly asset?: string
}

/** Nothing is owed, and the payer is on turn. */
export const UNUSED: VirtualState = { owed: 0n, turn: 0 }
const ENDED = 2
const NOTHING: VirtualMove = { amount: 0n, turn: ENDED }

interface Order {
  readonly amount: bigint
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Payments of one direction between two players who may share no channel: the payer's stake reaches the payee over any number of hops, once,
 * and every payment after that is a signature between the two. What waits together is one move.
 */
export class VirtualChannel {
  readonly #instance: AppInstance<VirtualState, VirtualMove>
  #waiting: Order[] = []
  #isMoving = false
  /** Ordered so far in units, moves on their way included. */
  #ordered: bigint

  constructor(instance: AppInstance<VirtualState, VirtualMove>) {
    this.#instance = instance
    this.#ordered = this.paid
  }

  get id(): Hex {
    return this.#instance.id
  }

  get isPayer(): boolean {
    return this.#instance.mine.includes(0)
  }

  /** The most that can be paid in all. */
  get capacity(): bigint {
    return this.#instance.terms.stakes[0]!.amount
  }

  /** Paid so far, as both have signed it. */
  get paid(): bigint {
    return (this.capacity * this.#instance.state.owed) / WHOLE
  }

  /** Pays; resolves once the payee has signed it. Throws {@link InvalidOptionError} for more than is left. */
  pay(amount: bigint): Promise<void> {
    assertAmount(amount)
    const left = this.capacity - this.#ordered
    if (amount > left)
      throw new InvalidOptionError(
        'amount',
        `${amount} is more than the ${left} that are left in the virtual channel. Pay less, or open another one.`,
      )
    this.#ordered += amount
    return new Promise((resolve, reject) => {
      this.#waiting.push({ amount, resolve, reject })
      void this.#move()
    })
  }

  async #move(): Promise<void> {
    if (this.#isMoving) return
    this.#isMoving = true
    try {
      while (this.#waiting.length > 0) await this.#payAll(this.#waiting.splice(0))
    } finally {
      this.#isMoving = false
    }
  }

  async #payAll(orders: readonly Order[]): Promise<void> {
    // Rounded up, so that the payee gets no less than was said.
    const owed = (this.#ordered * WHOLE + this.capacity - 1n) / this.capacity
    try {
      await this.#instance.move({ amount: owed - this.#instance.state.owed, turn: 0 })
      for (const { resolve } of orders) resolve()
    } catch (error) {
      for (const { amount } of orders) this.#ordered -= amount
      for (const { reject } of orders) reject(error)
    }
  }

  /** The payer ends it: the payee is paid what is owed, and the rest comes back. Resolves once that has happened. */
  async close(options: { readonly signal?: AbortSignal } = {}): Promise<AppEnd<VirtualState>> {
    if (this.isPayer && this.#instance.turn === 0) await this.#instance.move(NOTHING, options)
    return this.#instance.finish(options)
  }

  /** Lets the chain pay out what is owed. */
  dispute(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#instance.dispute(options)
  }
}
