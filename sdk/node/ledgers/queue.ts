import { randomBytes } from '@noble/hashes/utils.js'
import { AMOUNT_BOUND } from '../../core/state.ts'
import { MAX_OPERATIONS, type Operation } from '../../protocols/operations.ts'
import {
  assertAmount,
  assertMemo,
  idAfter,
  type NewPayment,
  packAmounts,
  packPayments,
} from '../../protocols/payments.ts'

/** One call of `pay` or `payMany` that waits to be signed. */
export interface Order {
  readonly amounts: ArrayLike<bigint>
  /** Of the first payment; the others count on from it. */
  readonly base: Uint8Array
  readonly memos: ReadonlyMap<number, string>
  readonly total: bigint
  /** The id that the user chose, so that it is found again. */
  readonly index: string | undefined
  /** Payments signed so far, what they come to, and the versions they are in. */
  taken: number
  paid: bigint
  first: bigint
  last: bigint
  generation: number
  resolve: (stage: 'signed' | 'acked') => void
  reject: (error: unknown) => void
}

/** What the next update may hold. */
export interface Room {
  readonly payments: number
  readonly bytes: number
}

/** Operations for one update, and the orders that they come from. */
export interface Taken {
  readonly operations: readonly Operation[]
  readonly orders: readonly Order[]
}

/** Bytes of a payment on the wire at most: id, amount, and its memo with index. */
const sizeOf = (memo: string | undefined): number => 32 + (memo === undefined ? 0 : 3 * memo.length + 6)

/** Random bytes for ids: asked for one by one, they would cost as much as the rest of an order. */
let pool = new Uint8Array(0)

/** A random id of 16 bytes; its low 32 bits start at zero, so that many payments can count on from it. */
export function freshId(): Uint8Array {
  if (pool.length < 12) pool = randomBytes(12 * 256)
  const id = new Uint8Array(16)
  id.set(pool.subarray(0, 12))
  pool = pool.subarray(12)
  return id
}

/** Checks amounts and memos. Throws `InvalidAmountError` or `InvalidMemoError`. */
export function totalOf(amounts: ArrayLike<bigint>, memos: ReadonlyMap<number, string>): bigint {
  let total = 0n
  for (let i = 0; i < amounts.length; i++) {
    assertAmount(amounts[i]!)
    total += amounts[i]!
  }
  // Also refuses a call without any payment.
  assertAmount(total)
  for (const memo of memos.values()) assertMemo(memo)
  return total
}

/** Orders of one ledger, first come first served. */
export class PayQueue {
  #orders: Order[] = []
  /** Where the queue begins: shifting a long array for every payment would be slow. */
  #head = 0

  get first(): Order | undefined {
    return this.#orders[this.#head]
  }

  push(order: Order): void {
    this.#orders.push(order)
  }

  shift(): void {
    this.#head++
    if (this.#head < 1_024 && this.#head < this.#orders.length) return
    this.#orders = this.#orders.slice(this.#head)
    this.#head = 0
  }

  /** Takes an order out that was not signed at all; false: it is too late. */
  remove(order: Order): boolean {
    const index = this.#orders.indexOf(order, this.#head)
    if (index === -1 || order.taken > 0) return false
    this.#orders.splice(index, 1)
    return true
  }

  clear(): Order[] {
    const orders = this.#orders.slice(this.#head)
    this.#orders = []
    this.#head = 0
    return orders
  }

  /** As many payments as fit, of the orders that `available` covers; undefined if that is none. */
  take(room: Room, available: bigint): Taken | undefined {
    const operations: Operation[] = []
    const orders: Order[] = []
    let { payments, bytes } = room
    // No batch may come to more.
    let money = available < AMOUNT_BOUND ? available : AMOUNT_BOUND - 1n
    let singles: NewPayment[] = []
    const flush = () => {
      if (singles.length > 0) operations.push({ kind: 'pay', batch: packPayments(singles) })
      singles = []
    }
    // Singles that wait become one more operation, and an order with many payments is one of its own.
    const hasRoom = () => payments > 0 && operations.length + 2 <= MAX_OPERATIONS
    for (let order = this.first; order && hasRoom(); order = this.first) {
      const count = fitting(order, payments, bytes)
      if (order.total - order.paid > money || count === 0) break
      let paid = order.total
      let size = sizeOf(order.memos.get(order.taken))
      if (order.amounts.length === 1) singles.push(single(order))
      else {
        flush()
        const batch = slice(order, count)
        operations.push({ kind: 'pay', batch })
        paid = batch.total
        if (count > 1) size = batch.bytes.length
      }
      order.taken += count
      order.paid += paid
      orders.push(order)
      bytes -= size
      payments -= count
      money -= paid
      if (order.taken < order.amounts.length) break
      this.shift()
    }
    flush()
    return operations.length > 0 ? { operations, orders } : undefined
  }
}

function fitting({ amounts, memos, taken }: Order, payments: number, bytes: number): number {
  const most = Math.min(payments, amounts.length - taken)
  if (memos.size === 0) return Math.min(most, Math.floor(bytes / sizeOf(undefined)))
  let left = bytes
  for (let count = 0; count < most; count++) {
    left -= sizeOf(memos.get(taken + count))
    if (left < 0) return count
  }
  return most
}

function single({ base, amounts, memos }: Order): NewPayment {
  const memo = memos.get(0)
  return memo === undefined ? { id: base, amount: amounts[0]! } : { id: base, amount: amounts[0]!, memo }
}

function slice(order: Order, count: number) {
  const { amounts, taken, base, memos } = order
  const part =
    amounts instanceof BigUint64Array
      ? amounts.subarray(taken, taken + count)
      : Array.prototype.slice.call(amounts, taken, taken + count)
  const shifted = new Map(
    [...memos].flatMap(([i, memo]) => (i >= taken && i < taken + count ? [[i - taken, memo]] : [])),
  )
  return packAmounts(part, taken === 0 ? base : idAfter(base, taken), shifted)
}
