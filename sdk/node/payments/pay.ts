import { toHex } from '../../core/bytes.ts'
import type { Address, Hex, LedgerRef } from '../../core/types.ts'
import { idAfter, paymentId } from '../../protocols/payments.ts'
import { onAbort } from '../abort.ts'
import type { Engine } from '../engine.ts'
import { DuplicatePaymentError, PaymentPendingError } from '../errors.ts'
import { idKey } from '../keys.ts'
import { decodeIdRecord, type IdEntry } from '../ledgers/book.ts'
import { freshId, type Order, totalOf } from '../ledgers/queue.ts'
import type { Slot } from '../ledgers/slot.ts'

/** How to pay. */
export interface PayOptions {
  /** Default: the chain's coin. */
  readonly asset?: Address
  /** At most 256 bytes of UTF-8, for both sides' lists. */
  readonly memo?: string
  /** 16 bytes. Paying again with the same id and amount pays once, across restarts too. Default: random. */
  readonly id?: Hex
  /**
   * When to resolve. `signed`: it is durable here and on its way, so this side can never take it back. `acked` (default): the
   * peer has signed that it holds it.
   */
  readonly wait?: 'signed' | 'acked'
  /** Ends the waiting; a payment that is not signed by then is not made. */
  readonly signal?: AbortSignal
}

/** A payment that was made. */
export interface Receipt extends LedgerRef {
  readonly id: Hex
  readonly amount: bigint
  /** Of the lane that holds it, in this generation. */
  readonly version: bigint
  readonly generation: number
}

/** Many payments that were made. */
export interface BulkReceipt extends LedgerRef {
  readonly count: number
  readonly total: bigint
  readonly generation: number
  readonly firstVersion: bigint
  readonly lastVersion: bigint
  /** The id of payment `index`. */
  id(index: number): Hex
}

/** One of many payments; amounts alone are faster. */
export interface BulkPayment {
  readonly amount: bigint
  readonly memo?: string
}

const NO_MEMOS: ReadonlyMap<number, string> = new Map()

/** Takes the orders of users. */
export class Paying {
  readonly #engine: Engine
  /** Payments with ids that users chose, while they are under way. */
  readonly #underWay = new Map<string, { readonly amount: bigint; readonly done: Promise<Receipt> }>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async pay(slot: Slot, amount: bigint, options: PayOptions): Promise<Receipt> {
    if (options.id === undefined) return this.#payOnce(slot, amount, options)
    const id = toHex(paymentId(options.id))
    const key = idKey(slot.number, id)
    const running = this.#underWay.get(key)
    if (running && running.amount !== amount) throw new DuplicatePaymentError(id)
    if (running) return running.done
    const done = this.#payWithId(slot, amount, { ...options, id })
    this.#underWay.set(key, { amount, done })
    const over = () => this.#underWay.delete(key)
    try {
      const receipt = await done
      over()
      return receipt
    } catch (error) {
      // It may be signed while its id is on the way to the disk: asked for again before that, it would be paid twice.
      if (error instanceof PaymentPendingError && error.version > 0n) this.#engine.whenDurable(slot, over)
      else over()
      throw error
    }
  }

  async #payWithId(slot: Slot, amount: bigint, options: PayOptions & { readonly id: Hex }): Promise<Receipt> {
    const stored = await this.#engine.options.store.get(idKey(slot.number, options.id))
    if (!stored) return this.#payOnce(slot, amount, options)
    const entry = decodeIdRecord(stored)
    if (entry.amount !== amount) throw new DuplicatePaymentError(options.id)
    await this.#again(slot, entry, options)
    return receiptOf(slot, options.id, entry)
  }

  /** It was signed before; wait as the first call did. */
  async #again(slot: Slot, entry: IdEntry, { wait, signal }: PayOptions): Promise<void> {
    const acked = slot.ledger.generation > entry.generation || slot.ledger.own.acked.version >= entry.version
    if (acked || wait === 'signed') return
    await new Promise<void>((resolve, reject) => {
      const order = blankOrder({ amounts: [entry.amount], memos: NO_MEMOS, total: entry.amount, index: undefined })
      order.last = entry.version
      slot.await(Object.assign(order, { resolve: () => resolve(), reject }))
      onAbort(signal, (reason) => reject(new PaymentPendingError(entry.version, reason)))
    })
  }

  async #payOnce(slot: Slot, amount: bigint, options: PayOptions): Promise<Receipt> {
    const memos = options.memo ? new Map([[0, options.memo]]) : NO_MEMOS
    const order = await this.#submit(slot, [amount], memos, options)
    return receiptOf(slot, toHex(order.base), {
      generation: order.generation,
      version: order.last,
      amount,
    })
  }

  async payMany(
    slot: Slot,
    payments: ArrayLike<bigint> | readonly BulkPayment[],
    options: Omit<PayOptions, 'id' | 'memo'>,
  ): Promise<BulkReceipt> {
    const { amounts, memos } = columnsOf(payments)
    const order = await this.#submit(slot, amounts, memos, options)
    const { channelId, asset } = slot.ledger
    const { first: firstVersion, last: lastVersion, generation, total, base } = order
    const id = (index: number) => toHex(idAfter(base, index))
    return { channelId, asset, count: amounts.length, total, generation, firstVersion, lastVersion, id }
  }

  #submit(
    slot: Slot,
    amounts: ArrayLike<bigint>,
    memos: ReadonlyMap<number, string>,
    { id, wait = 'acked', signal }: PayOptions,
  ): Promise<Order> {
    this.#engine.assertRunning()
    signal?.throwIfAborted()
    const total = totalOf(amounts, memos)
    this.#engine.peers.assertExpected(slot.entry.peer)
    return new Promise((resolve, reject) => {
      const order = blankOrder({ amounts, memos, total, index: id }, id === undefined ? freshId() : paymentId(id))
      let forget = () => {}
      order.resolve = (stage) => {
        if (stage === 'signed' && wait === 'acked') return
        forget()
        resolve(order)
      }
      order.reject = (error) => {
        forget()
        reject(error)
      }
      forget = onAbort(signal, (reason) => {
        if (slot.queue.remove(order)) order.reject(reason)
        else order.reject(new PaymentPendingError(order.last, reason))
      })
      slot.queue.push(order)
      this.#engine.touch(slot)
    })
  }
}

function blankOrder(
  { amounts, memos, total, index }: Pick<Order, 'amounts' | 'memos' | 'total' | 'index'>,
  base: Uint8Array = new Uint8Array(16),
): Order {
  const state = { taken: 0, paid: 0n, first: 0n, last: 0n, generation: 0 }
  return { amounts, memos, total, index, base, ...state, resolve: () => {}, reject: () => {} }
}

/** Copied: the caller may go on with its array while the payments wait for their signature. */
function columnsOf(payments: ArrayLike<bigint> | readonly BulkPayment[]): {
  amounts: ArrayLike<bigint>
  memos: ReadonlyMap<number, string>
} {
  if (payments instanceof BigUint64Array) return { amounts: payments.slice(), memos: NO_MEMOS }
  if (typeof payments[0] !== 'object') return { amounts: Array.prototype.slice.call(payments), memos: NO_MEMOS }
  const rows = payments as readonly BulkPayment[]
  const memos = new Map(rows.flatMap(({ memo }, index) => (memo ? [[index, memo] as const] : [])))
  return { amounts: rows.map(({ amount }) => amount), memos }
}

function receiptOf({ ledger }: Slot, id: Hex, { generation, version, amount }: IdEntry): Receipt {
  return { id, channelId: ledger.channelId, asset: ledger.asset, generation, version, amount }
}
