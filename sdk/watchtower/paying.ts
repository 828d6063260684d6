import type { Address } from '../core/types.ts'
import type { Clock } from './clock.ts'
import { type Offer, type Quote, type TowerMessage, TowerProtocolError } from './messages.ts'

/** A tower that wants money and did not get it. */
export interface Unpaid {
  readonly kind: 'unpaid'
  readonly tower: Address
  readonly quote: Quote | undefined
  readonly error?: Error
}

export interface PayingOptions {
  readonly tower: Address
  readonly clock: Clock
  /** Pays a quote, if it is worth it; without it nothing is paid. */
  readonly pay?: (quote: Quote) => Promise<void>
  /** Months to pay for at a time; default 1. */
  readonly months?: number
  readonly tell: (event: Unpaid) => void
}

/** Milliseconds after a payment in which nothing more is paid, whatever a tower says. */
const PAID = 86_400_000

/** Pays one tower: asks for a quote, holds it against the offer, and pays it once. */
export class Paying {
  readonly #options: PayingOptions
  readonly #onPaid: () => void
  #isAsking = false
  #isPaying = false
  #paidAt = Number.NEGATIVE_INFINITY

  constructor(options: PayingOptions, onPaid: () => void) {
    this.#options = options
    this.#onPaid = onPaid
  }

  /** Asks for a quote, unless one is on its way or was paid lately. */
  ask(send: (message: TowerMessage) => void): void {
    const { months = 1, clock } = this.#options
    if (this.#isAsking || this.#isPaying || clock.elapsed() < this.#paidAt + PAID) return
    this.#isAsking = true
    send({ kind: 'quote', months })
  }

  /** No answer will come: the connection is gone. */
  lost(): void {
    this.#isAsking = false
  }

  /** The tower gives no quote. */
  refused(): void {
    const { tell, tower } = this.#options
    this.#isAsking = false
    tell({ kind: 'unpaid', tower, quote: undefined })
  }

  /** Throws {@link TowerProtocolError} if the tower quotes more than it offered. */
  quoted(quote: Quote, offer: Offer | undefined): void {
    const { pay, tell, tower, months = 1, clock } = this.#options
    if (!this.#isAsking || !offer) return
    this.#isAsking = false
    if (quote.months !== months || quote.amount > offer.price * BigInt(months))
      throw new TowerProtocolError('TOWER_PROTOCOL', 'The tower quotes more than it offered. Use another tower.')
    if (!pay) {
      tell({ kind: 'unpaid', tower, quote })
      return
    }
    this.#isPaying = true
    // Not waited for: a payment may take its time, and the tower has other things to say.
    pay(quote)
      .then(
        () => {
          this.#paidAt = clock.elapsed()
          this.#onPaid()
        },
        (error) => tell({ kind: 'unpaid', tower, quote, error }),
      )
      .finally(() => {
        this.#isPaying = false
      })
  }
}
