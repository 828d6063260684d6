import type { Ledger } from '../../protocols/ledger.ts'
import { applyOperation, type Draft, type Operation, sizeOf } from '../../protocols/operations.ts'
import { BlockedError, InsufficientBalanceError, spendable } from '../../protocols/solvency.ts'

/** A lock or its end that waits to be signed. */
export interface OperationOrder {
  readonly operation: Exclude<Operation, { kind: 'pay' }>
  /** Called once it is durable, with the version that holds it. */
  readonly signed: (version: bigint) => void
  readonly reject: (error: unknown) => void
}

/** Operations that one update takes from the queue: half of what it may hold, the rest is for payments. */
const MOST = 512

/** Locks and their ends, first come first served. */
export class OperationQueue {
  #orders: OperationOrder[] = []

  get isEmpty(): boolean {
    return this.#orders.length === 0
  }

  push(order: OperationOrder): void {
    this.#orders.push(order)
  }

  /** Rejects the lock with this id if it was not signed. */
  remove(id: string): void {
    const order = this.#orders.find(({ operation }) => operation.kind === 'lock' && operation.id === id)
    if (!order) return
    this.#orders = this.#orders.filter((other) => other !== order)
    order.reject(new BlockedError('PEER_NOT_SYNCED'))
  }

  clear(): OperationOrder[] {
    return this.#orders.splice(0)
  }

  /** As many as fit the lane and `bytes`; those that never can are rejected. */
  take(ledger: Ledger, bytes: number): OperationOrder[] {
    const { own, me } = ledger
    const at = { lane: me, version: own.newest.version + 1n }
    const taken: OperationOrder[] = []
    let draft: Draft = { credits: own.newest.credits, pending: own.pending }
    let left = bytes
    let money = spendable(ledger, me)
    let next = 0
    for (; next < this.#orders.length && taken.length < MOST; next++) {
      const order = this.#orders[next]!
      const { operation } = order
      left -= sizeOf(operation)
      if (left < 0 && taken.length > 0) break
      try {
        const price = operation.kind === 'lock' ? operation.transfer.amount : 0n
        if (price > money) throw new InsufficientBalanceError(money, price)
        draft = applyOperation(draft, operation, at)
        money -= price
        taken.push(order)
      } catch (error) {
        order.reject(error)
      }
    }
    this.#orders = this.#orders.slice(next)
    return taken
  }
}
