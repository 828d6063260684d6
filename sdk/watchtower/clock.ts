/** What paces a tower and its clients; no decision about money uses it. A node's `Clock` is one. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds since any fixed moment; it never jumps. */
  elapsed(): number
  /** Calls `task` every `interval` milliseconds until the returned function is called. */
  every(interval: number, task: () => void): () => void
}

/** The machine's clock. */
export const machineClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  every(interval, task) {
    const timer = setInterval(task, interval)
    return () => clearInterval(timer)
  },
}
