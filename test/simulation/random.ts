import { freshId } from '../../sdk/node/ledgers/queue.ts'

/** A stream of numbers that its seed decides: every choice of a simulation comes from one. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 32 bits (splitmix32). */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let z = this.#state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }

  /** From 0 to `bound` - 1. */
  below(bound: number): number {
    return this.word() % bound
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  /** An item by its weight. */
  weighed<T>(items: readonly (readonly [number, T])[]): T {
    let at = this.below(items.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, item] of items) {
      at -= weight
      if (at < 0) return item
    }
    return items.at(-1)![1]
  }
}

/**
 * While `run` runs, whatever asks for random bytes gets those of a seed: keys, ids and onions repeat with it. And whoever
 * lets others have their turn comes next after them, not when the machine's clock has reached its next millisecond.
 */
export async function repeatably<T>(seed: number, run: () => Promise<T>): Promise<T> {
  const random = new Random(seed ^ 0x5eed)
  const { crypto, setTimeout } = globalThis
  const before = crypto.getRandomValues
  let drawn = 0
  crypto.getRandomValues = (<V extends ArrayBufferView>(array: V): V => {
    drawn++
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.word() & 0xff
    return array
  }) as typeof before
  const wait = (task: () => void, ms?: number) => (ms === 0 ? setImmediate(task) : setTimeout(task, ms))
  globalThis.setTimeout = Object.assign(wait, setTimeout) as typeof setTimeout
  try {
    // Ids come from bytes that were drawn in advance, perhaps for an earlier seed: those are thrown away.
    const start = drawn
    while (drawn === start) freshId()
    return await run()
  } finally {
    crypto.getRandomValues = before
    globalThis.setTimeout = setTimeout
  }
}
