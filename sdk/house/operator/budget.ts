/** What one member may make the house do: so many units at once, and as many again with each second. */
export class Budget {
  readonly #perSecond: number
  #left: number
  #at: number

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond
    this.#left = perSecond
    this.#at = now
  }

  /** Whether anything may be done now. */
  hasAny(now: number): boolean {
    this.#left = Math.min(this.#left + ((now - this.#at) * this.#perSecond) / 1_000, this.#perSecond)
    this.#at = now
    return this.#left > 0
  }

  /** What costs more than is left is done all the same, for it may cost more than there ever is; the next thing waits until it is earned. */
  spend(units: number): void {
    this.#left -= units
  }

  /** Whether it is as good as a new one. */
  isFull(now: number): boolean {
    return this.hasAny(now) && this.#left === this.#perSecond
  }
}
