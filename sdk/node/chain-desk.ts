import type { Chain } from '../chain/chain.ts'
import type { ChainFacts } from '../protocols/ledger.ts'
import { type Caller, type ChainEffect, type PlannedCall, plan } from './calls.ts'
import type { Clock } from './clock.ts'
import type { Slot } from './slot.ts'

/** What the desk tells the engine. */
export interface DeskHandler {
  facts(slot: Slot, facts: ChainFacts): void
  failed(slot: Slot, effect: ChainEffect, error: Error): void
}

/** Milliseconds until a transaction that failed, or whose effect is not seen yet, is asked for again. */
const PAUSE = 5_000

/** The engine's dealings with the chain: each intent once at a time, views on demand. */
export class ChainDesk {
  readonly #chain: Chain
  readonly #caller: Caller
  readonly #clock: Clock
  readonly #handler: DeskHandler
  readonly #running = new Set<string>()
  readonly #notBefore = new Map<string, number>()
  readonly #refreshing = new Map<Slot, Promise<void>>()
  readonly #stopped = new AbortController()

  constructor(chain: Chain, caller: Caller, clock: Clock, handler: DeskHandler) {
    this.#chain = chain
    this.#caller = caller
    this.#clock = clock
    this.#handler = handler
  }

  /** Sends the transaction for `effect`, unless it is on its way or just failed. */
  async perform(slot: Slot, effect: ChainEffect): Promise<void> {
    const planned = this.#plan(slot, effect)
    if (!planned) return
    const { call, options } = planned
    const { intent } = options
    if (this.#running.has(intent) || this.#clock.now() < (this.#notBefore.get(intent) ?? 0)) return
    this.#running.add(intent)
    try {
      await this.#chain.send(call, { ...options, signal: this.#stopped.signal })
      await this.refresh(slot)
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#handler.failed(slot, effect, error as Error)
    } finally {
      this.#running.delete(intent)
      this.#notBefore.set(intent, this.#clock.now() + PAUSE)
    }
  }

  #plan(slot: Slot, effect: ChainEffect): PlannedCall | undefined {
    try {
      return plan(slot, effect, this.#caller)
    } catch (error) {
      // Without a sender this node can only watch.
      this.#handler.failed(slot, effect, error as Error)
      return undefined
    }
  }

  /** Takes a new look at a ledger. */
  refresh(slot: Slot): Promise<void> {
    const running = this.#refreshing.get(slot)
    if (running) return running
    const look = this.#chain
      .view(slot.ledger)
      .then((view) => this.#handler.facts(slot, view))
      // A chain that does not answer shows as unhealthy; the next tick looks again.
      .catch(() => {})
      .finally(() => this.#refreshing.delete(slot))
    this.#refreshing.set(slot, look)
    return look
  }

  stop(): void {
    this.#stopped.abort()
  }
}
