import { TallystickError } from '../core/errors.ts'
import type { Address, ChannelId, Hex, LedgerRef, Withdrawal } from '../core/types.ts'
import type { Operation } from '../protocols/operations.ts'
import { type Payment, type PaymentBatch, paymentsOf } from '../protocols/payments.ts'
import type { Resolution } from '../protocols/pending.ts'
import type { Asking } from '../protocols/step.ts'
import type { TowerClientEvent } from '../watchtower/spec.ts'
import type { OutcomeLock } from './hops/outcomes.ts'
import type { AssetAmount, Swapped } from './hops/swaps.ts'
import type { LockedTransfer } from './payments/transfers.ts'

/** One signed update with any number of payments, sent or received. */
export interface PaymentEvent extends LedgerRef {
  readonly kind: 'payment'
  readonly direction: 'in' | 'out'
  readonly peer: Address
  readonly version: bigint
  /** Milliseconds since 1970. */
  readonly time: number
  readonly count: number
  readonly total: bigint
  /** The payments, unpacked as they are read. */
  payments(): Generator<Payment>
}

/** What a node tells. */
export type NodeEvent =
  | PaymentEvent
  /** The peer acknowledged one's own lane up to `version`. */
  | (LedgerRef & { readonly kind: 'delivered'; readonly version: bigint })
  | { readonly kind: 'connected'; readonly peer: Address }
  | { readonly kind: 'disconnected'; readonly peer: Address; readonly reason: Error | undefined }
  | {
      readonly kind: 'opened'
      readonly channelId: ChannelId
      readonly peer: Address
      readonly assets: readonly Address[]
    }
  /** Confirmed balances changed. */
  | (LedgerRef & { readonly kind: 'confirmed'; readonly balances: readonly bigint[] })
  | (LedgerRef & { readonly kind: 'granted' | 'agreed'; readonly withdrawal: Withdrawal })
  | (LedgerRef & { readonly kind: 'withdrawn'; readonly withdrawal: Withdrawal | undefined })
  | (LedgerRef & { readonly kind: 'refused'; readonly reason: string })
  | (LedgerRef & { readonly kind: 'expired' })
  | (LedgerRef & { readonly kind: 'disputed'; readonly expiry: bigint })
  /** A generation ended on chain, by settlement or closing; the next has begun. */
  | (LedgerRef & { readonly kind: 'ended'; readonly generation: number; readonly next: number })
  /** This node joined a group, which may go on from another that ended (else zero). */
  | (LedgerRef & { readonly kind: 'group-opened'; readonly members: readonly Address[]; readonly follows: ChannelId })
  /** A round of a group is final: members are named by their session keys; an amount of 0n was asked for and not paid. */
  | (LedgerRef & {
      readonly kind: 'round'
      readonly version: bigint
      readonly payments: readonly {
        readonly from: Address
        readonly to: Address
        readonly id: Hex
        readonly amount: bigint
      }[]
    })
  /** A round of a group has stalled: these members' part is missing. The chain decides now. */
  | (LedgerRef & { readonly kind: 'stalled'; readonly missing: readonly Address[] })
  /** This node paid what it may into the group in which the willing go on. */
  | (LedgerRef & { readonly kind: 'went-on'; readonly to: ChannelId; readonly amount: bigint })
  /** A transfer was locked in this node's lane (`out`) or the peer's; in a group by this node (`out`) or another member. */
  | (LockedTransfer & { readonly kind: 'locked' })
  | (LedgerRef & {
      readonly kind: 'resolved'
      readonly direction: 'in' | 'out'
      readonly id: Hex
      readonly resolution: Resolution
    })
  /** The peer wants a transfer of this node's lane to end so, or a member of a group one that is locked there. */
  | (LedgerRef & { readonly kind: 'asked' } & Asking)
  /** An invoice of this node was paid: its secret was shown for all parts. */
  | { readonly kind: 'invoice-paid'; readonly invoice: Hex; readonly amount: bigint }
  /** A payment of others was carried: `amount` went to `to`, and `fee` stayed here. */
  | {
      readonly kind: 'forwarded'
      readonly asset: Address
      readonly amount: bigint
      readonly fee: bigint
      readonly from: Address
      readonly to: Address
    }
  /** This node gave one asset for another: it was paid by `from` and paid `to`. */
  | {
      readonly kind: 'swapped'
      readonly gave: AssetAmount
      readonly got: AssetAmount
      readonly from: Address
      readonly to: Address
    }
  /** A swap that this node began is over: both assets changed hands, or neither. */
  | ({ readonly kind: 'swap-over'; readonly done: boolean } & Swapped)
  /** One was not, for a code of failures or refusals. */
  | { readonly kind: 'turned-back'; readonly asset: Address; readonly reason: string }
  /** An invoice that this node was paying is paid, or all of its parts are back and it can be paid again. */
  | { readonly kind: 'invoice-sent'; readonly invoice: Hex; readonly paid: boolean }
  /** This node keeps an outcome lock that somebody made out to it. */
  | ({ readonly kind: 'outcome-locked' } & OutcomeLock)
  /** The payee of an outcome lock of this node wants it to end at a value. */
  | { readonly kind: 'outcome-asked'; readonly id: Hex; readonly value: bigint }
  /** An outcome lock has ended at a value; at 0n all of it is back. */
  | { readonly kind: 'outcome-over'; readonly id: Hex; readonly direction: 'in' | 'out'; readonly value: bigint }
  /** This node's money was moved between its channels, in so many payments to itself. */
  | {
      readonly kind: 'rebalanced'
      readonly asset: Address
      readonly moved: bigint
      readonly fee: bigint
      readonly payments: number
    }
  /** This node put money into a channel that its peer had bought. */
  | (LedgerRef & { readonly kind: 'inbound-sold'; readonly amount: bigint; readonly fee: bigint })
  /** What a settlement had reserved for transfers was divided. */
  | (LedgerRef & { readonly kind: 'redeemed'; readonly generation: number })
  | (LedgerRef & { readonly kind: 'frozen'; readonly known: bigint; readonly proved: bigint })
  /** The owner of a member revoked its session key: nothing but a closing is signed in the channel any more. */
  | { readonly kind: 'revoked'; readonly channelId: ChannelId; readonly member: number }
  | { readonly kind: 'chain'; readonly healthy: boolean; readonly reason: string | undefined }
  /** An instance of an app has begun: all players have signed its opening. */
  | { readonly kind: 'app-started' | 'app-moved'; readonly id: Hex; readonly version: number }
  /** It is this node's move; `forced`: on chain, where its clock runs. */
  | { readonly kind: 'app-turn'; readonly id: Hex; readonly version: number; readonly forced: boolean }
  /** The chain judges an instance; this version stands there now. */
  | { readonly kind: 'app-disputed'; readonly id: Hex; readonly version: number }
  /** Nothing of an instance is locked any more. `values` of its seats; undefined: it never began. */
  | { readonly kind: 'app-over'; readonly id: Hex; readonly values: readonly bigint[] | undefined }
  /** What became of keeping a watchtower up to date. */
  | { readonly kind: 'tower'; readonly event: TowerClientEvent }
  /** Something needs attention: a peer's violation, a failed transaction, an empty gas account. */
  | { readonly kind: 'alarm'; readonly error: Error }
  /** Events that a slow reader of `events()` did not take. */
  | { readonly kind: 'lost'; readonly count: number }

export type EventOf<K extends NodeEvent['kind']> = Extract<NodeEvent, { kind: K }>

/** The payments among operations. */
export const batchesOf = (operations: readonly Operation[]): PaymentBatch[] =>
  operations.flatMap((operation) => (operation.kind === 'pay' ? [operation.batch] : []))

/** The event of a batch that was sent or received. */
export function paymentEvent(
  about: Omit<PaymentEvent, 'kind' | 'count' | 'total' | 'payments'>,
  batches: readonly PaymentBatch[],
): PaymentEvent {
  let count = 0
  let total = 0n
  for (const batch of batches) {
    count += batch.count
    total += batch.total
  }
  return {
    kind: 'payment',
    ...about,
    count,
    total,
    *payments() {
      for (const batch of batches) yield* paymentsOf(batch)
    },
  }
}

/** A handler threw; the node goes on. */
export class HandlerFailedError extends TallystickError {
  readonly code = 'HANDLER_FAILED'

  constructor(kind: string, cause: unknown) {
    super(`A handler of "${kind}" events threw. Catch errors in the handler.`, { cause })
  }
}

/** Events that one slow async iterator may have waiting. */
const BACKLOG = 10_000

type Handler = (event: NodeEvent) => void

/** Hands events to handlers and async iterators. */
export class Emitter {
  readonly #handlers = new Map<string, Set<Handler>>()
  readonly #streams = new Set<(event: NodeEvent | undefined) => void>()

  /** Whether nobody listens, so that an event need not be made. */
  silent(kind: NodeEvent['kind']): boolean {
    return this.#streams.size === 0 && !this.#handlers.has(kind)
  }

  on<K extends NodeEvent['kind']>(kind: K, handler: (event: EventOf<K>) => void): () => void {
    const handlers = this.#handlers.get(kind) ?? new Set()
    this.#handlers.set(kind, handlers)
    handlers.add(handler as Handler)
    return () => {
      handlers.delete(handler as Handler)
      if (handlers.size === 0) this.#handlers.delete(kind)
    }
  }

  emit(event: NodeEvent): void {
    for (const stream of this.#streams) stream(event)
    for (const handler of this.#handlers.get(event.kind) ?? []) {
      try {
        handler(event)
      } catch (error) {
        // A broken handler must not stop payments; an alarm about an alarm would not end.
        if (event.kind !== 'alarm') this.emit({ kind: 'alarm', error: new HandlerFailedError(event.kind, error) })
      }
    }
  }

  /** Ends all iterators. */
  close(): void {
    for (const stream of this.#streams) stream(undefined)
  }

  /** Every event from now on. */
  events(signal?: AbortSignal): AsyncIterableIterator<NodeEvent> {
    let waiting: NodeEvent[] = []
    let lost = 0
    let done = signal?.aborted ?? false
    let wake: (() => void) | undefined
    const push = (event: NodeEvent | undefined) => {
      if (!event) done = true
      else if (waiting.length < BACKLOG) waiting.push(event)
      else lost++
      wake?.()
    }
    const end = () => push(undefined)
    this.#streams.add(push)
    signal?.addEventListener('abort', end, { once: true })
    const streams = this.#streams
    async function* iterate(): AsyncGenerator<NodeEvent> {
      try {
        for (;;) {
          const batch = waiting
          waiting = []
          yield* batch
          if (lost > 0) {
            const count = lost
            lost = 0
            yield { kind: 'lost', count }
          } else if (waiting.length === 0) {
            if (done) return
            await new Promise<void>((resolve) => {
              wake = resolve
            })
          }
        }
      } finally {
        streams.delete(push)
        signal?.removeEventListener('abort', end)
      }
    }
    return iterate()
  }
}
