/** Remembers one number outside of a store, so that an old copy of that store is noticed. */
export interface Seal {
  /** Undefined: nothing was written yet. */
  read(): Promise<bigint | undefined>
  /** Durable when the promise resolves. */
  write(turn: bigint): Promise<void>
}

/** A seal that forgets everything with its process: for tests and throw-away houses. */
export function memorySeal(): Seal {
  let turn: bigint | undefined
  return {
    async read() {
      return turn
    },
    async write(next) {
      turn = next
    },
  }
}
