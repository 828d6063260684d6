import type { Chain } from '../../chain/chain.ts'
import type { ChainFacts } from '../../protocols/ledger.ts'
import type { Clock } from '../clock.ts'
import type { Followed, Slot } from '../ledgers/slot.ts'
import { type Caller, type ChainEffect, plan } from './calls.ts'

/** What the desk tells the engine. */
export interface DeskHandler {
  facts(ledger: Followed, facts: ChainFacts): void
  failed(slot: Slot, effect: ChainEffect, error: Error): void
}

/** Milliseconds until a transaction that failed, or whose effect is not seen yet, is asked for again. */
const PAUSE = 5_000

/** The sender cannot send, but another account might. */
const SENDER_FAILED: ReadonlySet<unknown> = new Set(['INSUFFICIENT_GAS_MONEY', 'DELEGATED_SENDER'])

/** The engine's dealings with the chain: each transaction once at a time, views on demand. */
export class ChainDesk {
  readonly #chain: Chain
  readonly #caller: Caller
  readonly #clock: Clock
  readonly #handler: DeskHandler
  /** What is being done, and what was done a moment ago: by ledger and effect, until when to leave it alone. */
  readonly #notBefore = new Map<string, number>()
  readonly #refreshing = new Map<Followed, Promise<void>>()
  readonly #stopped = new AbortController()

  constructor(chain: Chain, caller: Caller, clock: Clock, handler: DeskHandler) {
    this.#chain = chain
    this.#caller = caller
    this.#clock = clock
    this.#handler = handler
  }

  /** Sends the transaction for `effect`, unless it is on its way or was just tried. */
  async perform(slot: Slot, effect: ChainEffect): Promise<void> {
    await this.once(nameOf(slot, effect), slot, () => this.#send(slot, effect)).catch((error) =>
      this.#handler.failed(slot, effect, error as Error),
    )
  }

  /** Sends what `name` names, unless it is on its way or was just tried, and looks at its ledger. Throws what went wrong, unless the node stops. */
  async once(name: string, ledger: Followed, send: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    if (this.#clock.elapsed() < (this.#notBefore.get(name) ?? 0)) return
    this.#notBefore.set(name, Number.POSITIVE_INFINITY)
    this.#forget()
    try {
      await send(this.#stopped.signal)
      await this.refresh(ledger)
    } catch (error) {
      if (!this.#stopped.signal.aborted) throw error
    } finally {
      this.#notBefore.set(name, this.#clock.elapsed() + PAUSE)
    }
  }

  async #send(slot: Slot, effect: ChainEffect): Promise<void> {
    const { signal } = this.#stopped
    try {
      const { call, options } = await plan(slot, effect, this.#caller)
      await this.#chain.send(call, { ...options, signal })
    } catch (error) {
      if (!SENDER_FAILED.has((error as { code?: unknown }).code)) throw error
      const { call, options } = await plan(slot, effect, this.#caller, true)
      await this.#chain.send(call, { ...options, signal })
    }
  }

  #forget(): void {
    if (this.#notBefore.size < 1_000) return
    for (const [name, until] of this.#notBefore) if (until < this.#clock.elapsed()) this.#notBefore.delete(name)
  }

  /** Takes a new look at a ledger. */
  refresh(slot: Followed): Promise<void> {
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

function nameOf({ ledgerId, ledger }: Slot, effect: ChainEffect): string {
  const place = `${effect.kind}/${ledgerId}/${ledger.generation}`
  if (effect.kind === 'settle') return place
  if (effect.kind === 'execute') return `${place}/${effect.withdrawal.seq}/${effect.withdrawal.validUntil}`
  return `${place}/${effect.expiry}/${effect.states.map(({ state }) => `${state.lane}-${state.version}`).join('/')}`
}
