import type { Rpc } from './rpc.ts'

/** How a {@link Heartbeat} works; milliseconds. */
export interface HeartbeatOptions {
  /** One look at the chain; returns what identifies the newest block. */
  readonly beat: () => Promise<string>
  readonly onHealth: (healthy: boolean, reason?: string) => void
  readonly pollMs: number
  /** Without a good beat for so long the view is stale. */
  readonly staleMs: number
  /** Without a new block for so long the view is stale. */
  readonly silentMs: number
}

/**
 * Looks at the chain again and again, one look at a time, and says when the view becomes stale or fresh. It measures
 * spans with the process's own steady clock and never asks what time it is: that is for the chain to say.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  #timer: ReturnType<typeof setTimeout> | undefined
  #watchdog: ReturnType<typeof setInterval> | undefined
  #unsubscribe: () => void = () => {}
  #running = false
  #beating: Promise<void> | undefined
  #again = false
  #healthy = true
  #lastGood = 0
  #lastBlock = 0
  #block = ''
  #failure = 'the RPC does not answer'

  constructor(options: HeartbeatOptions) {
    this.#options = options
  }

  start(rpc: Rpc): void {
    const { staleMs, pollMs } = this.#options
    this.#running = true
    this.#lastGood = this.#lastBlock = performance.now()
    this.#unsubscribe = rpc.onBlock(() => this.hurry())
    this.#watchdog = setInterval(() => this.#judge(), Math.max(10, Math.min(staleMs / 4, 1_000)))
    this.#timer = setTimeout(() => this.hurry(), pollMs)
  }

  /** Looks now, or right after the look that is under way. */
  hurry(): void {
    if (!this.#running) return
    this.#again = true
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined
    })
  }

  async stop(): Promise<void> {
    this.#running = false
    clearTimeout(this.#timer)
    clearInterval(this.#watchdog)
    this.#unsubscribe()
    await this.#beating
  }

  async #beat(): Promise<void> {
    clearTimeout(this.#timer)
    while (this.#again && this.#running) {
      this.#again = false
      try {
        const block = await this.#options.beat()
        this.#lastGood = performance.now()
        if (block !== this.#block) this.#lastBlock = this.#lastGood
        this.#block = block
      } catch (error) {
        this.#failure = (error as Error).message
      }
      this.#judge()
    }
    clearTimeout(this.#timer)
    if (this.#running) this.#timer = setTimeout(() => this.hurry(), this.#options.pollMs)
  }

  #judge(): void {
    if (!this.#running) return
    const { staleMs, silentMs, onHealth } = this.#options
    const now = performance.now()
    const stale = now - this.#lastGood > staleMs
    const silent = now - this.#lastBlock > silentMs
    const healthy = !stale && !silent
    if (healthy === this.#healthy) return
    this.#healthy = healthy
    if (healthy) onHealth(true)
    else
      onHealth(
        false,
        stale ? this.#failure : `There is no new block since ${Math.round((now - this.#lastBlock) / 1_000)} s.`,
      )
  }
}
