/** Where a node takes time from. It lists payments by it and paces reminders; no decision about money uses it. */
export interface Clock {
  /** Milliseconds since 1970, for lists. */
  now(): number
  /** Milliseconds since any fixed moment, for pauses: it never jumps when somebody sets the clock. */
  elapsed(): number
  /** Calls `task` every `interval` milliseconds until the returned function is called. */
  every(interval: number, task: () => void): () => void
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  every(interval, task) {
    const timer = setInterval(task, interval)
    return () => clearInterval(timer)
  },
}
