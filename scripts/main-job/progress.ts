import type { Stream } from './plan.ts'

/** How far the payments are, as the payers tell. */
export class Progress {
  readonly total: number
  readonly #done: number[]
  readonly #draw: (done: number, total: number) => void
  #milestones: { readonly at: number; readonly reach: () => void }[] = []

  constructor(streams: readonly Stream[], draw: (done: number, total: number) => void) {
    this.total = streams.reduce((sum, { count }) => sum + count, 0)
    this.#done = streams.map(() => 0)
    this.#draw = draw
  }

  /** Acknowledged payments of all streams. */
  get done(): number {
    return this.#done.reduce((sum, done) => sum + done, 0)
  }

  /** Acknowledged payments of one stream, without a gap. */
  of(stream: number): number {
    return this.#done[stream]!
  }

  advance(stream: number, done: number): void {
    this.#done[stream] = done
    this.#draw(this.done, this.total)
    const reached = this.#milestones.filter(({ at }) => this.done >= at)
    this.#milestones = this.#milestones.filter(({ at }) => this.done < at)
    for (const { reach } of reached) reach()
  }

  /** Waits until this part of all payments is acknowledged. */
  reached(part: number): Promise<void> {
    const at = part * this.total
    if (this.done >= at) return Promise.resolve()
    return new Promise((reach) => this.#milestones.push({ at, reach }))
  }
}
