import type { HouseLock, Leg } from '../../clearing/account.ts'
import type { Entry } from '../../clearing/book.ts'
import type { Finding } from '../../clearing/checking.ts'
import type { Address, Hex } from '../../core/types.ts'

/** A lock as its payer and its payee know it. */
export interface LockView extends HouseLock {
  readonly direction: 'in' | 'out'
  readonly payer: Hex
  readonly position: number
  /** Hash of the lock. */
  readonly id: Hex
}

/** What a member of a house tells. */
export type MemberEvent =
  | { readonly kind: 'connected'; readonly index: number }
  | { readonly kind: 'disconnected'; readonly reason: Error | undefined }
  /** Income, covered by a receipt; credit to the operator until its epoch is final. */
  | { readonly kind: 'received'; readonly entries: readonly Entry[]; readonly epoch: bigint }
  | { readonly kind: 'locked'; readonly lock: LockView }
  /** The payee gave a lock up. */
  | { readonly kind: 'released'; readonly lock: LockView }
  /** A committed epoch was checked; no findings: it is right. */
  | { readonly kind: 'epoch'; readonly number: bigint; readonly findings: readonly Finding[] }
  /** The operator is wrong, silent about an epoch, or contradicts itself. */
  | {
      readonly kind: 'fault'
      readonly number: bigint | undefined
      readonly why: string
      readonly findings: readonly Finding[]
    }
  | { readonly kind: 'disputed'; readonly number: bigint; readonly transaction: Hex }
  | { readonly kind: 'final'; readonly number: bigint }
  | { readonly kind: 'withdrawn'; readonly asset: Address; readonly amount: bigint; readonly epoch: bigint }
  | { readonly kind: 'proposed'; readonly group: Hex; readonly legs: readonly Leg[] }
  | { readonly kind: 'ended'; readonly group: Hex; readonly isDone: boolean }
  | { readonly kind: 'halted' | 'settled' }
  | { readonly kind: 'alarm'; readonly error: Error }

export type MemberEventOf<K extends MemberEvent['kind']> = Extract<MemberEvent, { kind: K }>

type Handler = (event: MemberEvent) => void

/** Hands events to handlers; a handler that throws stops nothing. */
export class MemberEvents {
  readonly #handlers = new Map<string, Set<Handler>>()
  readonly #all: Handler

  constructor(all: Handler = () => {}) {
    this.#all = all
  }

  on<K extends MemberEvent['kind']>(kind: K, handler: (event: MemberEventOf<K>) => void): () => void {
    const handlers = this.#handlers.get(kind) ?? new Set()
    this.#handlers.set(kind, handlers.add(handler as Handler))
    return () => void handlers.delete(handler as Handler)
  }

  readonly emit = (event: MemberEvent): void => {
    for (const handler of [this.#all, ...(this.#handlers.get(event.kind) ?? [])]) {
      try {
        handler(event)
      } catch (error) {
        // An alarm about an alarm would not end.
        if (event.kind !== 'alarm') this.emit({ kind: 'alarm', error: error as Error })
      }
    }
  }
}
