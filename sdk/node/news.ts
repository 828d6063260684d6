import { ChainError } from '../chain/errors.ts'
import type { ChainFacts } from '../protocols/ledger.ts'
import type { LedgerNews } from '../protocols/step.ts'
import type { ChainEffect } from './chain/calls.ts'
import type { Clock } from './clock.ts'
import { escapeControls, PeerRefusedError, WithdrawalExpiredError } from './errors.ts'
import { batchesOf, type Emitter, paymentEvent } from './events.ts'
import type { Followed, Slot } from './ledgers/slot.ts'

/** What a caller of `withdraw` or `close` waits for. */
export interface WithdrawalWaiter {
  readonly resolve: () => void
  /** `again`: asking once more may do. */
  readonly reject: (error: Error, again: boolean) => void
}

/** Turns what happens to ledgers into events, and tells those who wait. */
export class News {
  readonly #emitter: Emitter
  readonly #clock: Clock
  readonly #withdrawals = new Map<string, WithdrawalWaiter>()

  constructor(emitter: Emitter, clock: Clock) {
    this.#emitter = emitter
    this.#clock = clock
  }

  /** Waits for the end of the withdrawal with this id. */
  await(id: string, waiter: WithdrawalWaiter): void {
    this.#withdrawals.set(id, waiter)
  }

  forget(id: string): void {
    this.#withdrawals.delete(id)
  }

  tell(slot: Slot, news: LedgerNews): void {
    const { channelId, asset } = slot.ledger
    const ref = { channelId, asset }
    switch (news.kind) {
      case 'sent':
      case 'received':
        this.#payments(slot, news)
        this.#transfers(slot, news)
        return
      case 'acked':
        slot.acknowledged(news.version)
        this.#emitter.emit({ kind: 'delivered', ...ref, version: news.version })
        return
      case 'frozen':
        this.#emitter.emit({ kind: 'frozen', ...ref, known: news.freeze.known, proved: news.freeze.proved })
        return
      case 'withdrawn':
        this.#end(news.id, ({ resolve }) => resolve())
        this.#emitter.emit({ kind: 'withdrawn', ...ref, withdrawal: news.withdrawal })
        return
      case 'refused':
        this.#end(news.id, ({ reject }) => reject(new PeerRefusedError('WITHDRAWAL', news.reason), news.again))
        this.#emitter.emit({ kind: 'refused', ...ref, reason: escapeControls(news.reason) })
        return
      case 'expired':
        this.#end(news.id, ({ reject }) => reject(new WithdrawalExpiredError(), false))
        this.#emitter.emit({ kind: 'expired', ...ref })
        return
      case 'ended':
        slot.ended(news.disputed)
        this.#emitter.emit({ kind: 'ended', ...ref, generation: news.generation, next: news.next })
        return
      case 'disputed':
        this.#emitter.emit({ kind: 'disputed', ...ref, expiry: news.expiry })
        return
      case 'asked':
        this.#emitter.emit({ ...news, ...ref, kind: 'asked' })
        return
      default:
        this.#emitter.emit({ kind: news.kind, ...ref, withdrawal: news.withdrawal })
        return
    }
  }

  #payments(slot: Slot, news: Extract<LedgerNews, { kind: 'sent' | 'received' }>): void {
    if (this.#emitter.silent('payment')) return
    const { channelId, asset } = slot.ledger
    const direction = news.kind === 'sent' ? 'out' : 'in'
    const about = { channelId, asset, direction, peer: slot.entry.peer, version: news.version } as const
    this.#emitter.emit(paymentEvent({ ...about, time: this.#clock.now() }, batchesOf(news.operations)))
  }

  #transfers({ ledger }: Slot, news: Extract<LedgerNews, { kind: 'sent' | 'received' }>): void {
    const { channelId, asset } = ledger
    const about = { channelId, asset, direction: news.kind === 'sent' ? 'out' : 'in' } as const
    for (const operation of news.operations) {
      if (operation.kind === 'pay') continue
      const { id } = operation
      if (operation.kind === 'resolve')
        this.#emitter.emit({ kind: 'resolved', ...about, id, resolution: operation.resolution })
      else this.#emitter.emit({ kind: 'locked', ...about, id, transfer: operation.transfer, note: operation.note })
    }
  }

  /** Confirmed balances may have changed. */
  observed({ ledger }: Followed, before: ChainFacts | undefined, facts: ChainFacts): void {
    const balances = facts.confirmedBalances
    if (balances.every((balance, member) => balance === (before?.confirmedBalances[member] ?? 0n))) return
    this.#emitter.emit({ kind: 'confirmed', channelId: ledger.channelId, asset: ledger.asset, balances })
  }

  /** A transaction was not executed. It is tried again as long as it makes sense; whoever waits hears of it now. */
  chainFailed({ ledger, onDisputeFailed }: Slot, effect: ChainEffect, error: Error): void {
    const { inFlight } = ledger
    const passing = error instanceof ChainError && error.retryable
    if (effect.kind === 'submit' && !passing) onDisputeFailed?.(error)
    if (effect.kind === 'execute' && inFlight?.stage === 'agreed' && !passing)
      this.#end(inFlight.request.id, ({ reject }) => reject(error, false))
    this.#emitter.emit({ kind: 'alarm', error })
  }

  #end(id: string | undefined, tell: (waiter: WithdrawalWaiter) => void): void {
    const waiter = id === undefined ? undefined : this.#withdrawals.get(id)
    if (!waiter) return
    this.#withdrawals.delete(id!)
    tell(waiter)
  }

  stop(error: Error): void {
    for (const id of [...this.#withdrawals.keys()]) this.#end(id, ({ reject }) => reject(error, false))
  }
}
