/** Where a node takes time from. It lists payments by it and paces reminders; no decision about money uses it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls `task` every `interval` milliseconds until the returned function is called. */
  every(interval: number, task: () => void): () => void
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  every(interval, task) {
    const timer = setInterval(task, interval)
    return () => clearInterval(timer)
  },
}
