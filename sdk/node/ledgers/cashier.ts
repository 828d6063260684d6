import { sizeOf } from '../../protocols/operations.ts'
import {
  type BlockedCode,
  BlockedError,
  blocked,
  InsufficientBalanceError,
  MAX_UNACKED,
  MAX_UNACKED_BYTES,
  spendable,
  unackedBytes,
} from '../../protocols/solvency.ts'
import type { Engine } from '../engine.ts'
import { idKey } from '../keys.ts'
import { idRecord } from './book.ts'
import type { OperationOrder } from './operation-queue.ts'
import type { Order, Taken } from './queue.ts'
import type { Slot } from './slot.ts'

/** Updates of one ledger that one commit holds: enough to share its fsync, few enough that the peer can begin. */
const UPDATES_PER_TURN = 32
/** Bytes of operations in one update. */
const UPDATE_BYTES = 1 << 17
/** Below this the window counts as full, rather than being filled with ever smaller updates. */
const LEAST_BYTES = 1 << 12

/** What passes by itself: orders wait for it. */
const PASSING: ReadonlySet<BlockedCode> = new Set(['PEER_NOT_SYNCED', 'CHAIN_VIEW_STALE', 'WINDOW_FULL'])

/** Acknowledges what was read and signs what waits to be paid, as far as both may be done now. */
export class Cashier {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Whether there is more to sign than this turn took. */
  serve(slot: Slot): boolean {
    const { newest, acked } = slot.ledger.peer
    // First, so that the income can be spent and the acknowledgement travels with the payments.
    if (newest !== acked) this.#engine.dispatch(slot, { kind: 'acknowledge' })
    if (!isWaiting(slot)) return false
    this.#write(slot)
    return isWaiting(slot) && this.#mayWrite(slot)
  }

  #mayWrite({ ledger, resending, entry }: Slot): boolean {
    if (blocked(ledger) || resending || ledger.unacked.length >= MAX_UNACKED) return false
    if (MAX_UNACKED_BYTES - unackedBytes(ledger) < LEAST_BYTES) return false
    return this.#engine.peers.all.get(entry.peer)?.full === false
  }

  #write(slot: Slot): void {
    const code = blocked(slot.ledger)
    if (code && !PASSING.has(code)) {
      for (const order of [...slot.queue.clear(), ...slot.operations.clear()]) order.reject(new BlockedError(code))
      return
    }
    for (let updates = 0; updates < UPDATES_PER_TURN && isWaiting(slot) && this.#mayWrite(slot); updates++)
      if (!this.#update(slot)) return
  }

  /** One update: first what locks or frees money, then payments. False: what is left has to wait for room. */
  #update(slot: Slot): boolean {
    const bytes = Math.min(UPDATE_BYTES, MAX_UNACKED_BYTES - unackedBytes(slot.ledger))
    const ends = slot.operations.take(slot.ledger, bytes)
    const used = ends.reduce((sum, { operation }) => sum + sizeOf(operation), 0)
    const locked = ends.reduce(
      (sum, { operation }) => sum + (operation.kind === 'lock' ? operation.transfer.amount : 0n),
      0n,
    )
    const available = spendable(slot.ledger, slot.ledger.me) - locked
    const room = { payments: this.#engine.options.maxPerSignature, bytes: bytes - used }
    const paid = slot.queue.first && slot.queue.take(room, available)
    if (paid || ends.length > 0) this.#sign(slot, ends, paid)
    else if (slot.queue.first) return this.#refuse(slot, slot.queue.first, available)
    return true
  }

  /** The first order wants more than there is; false: it only has to wait for room. */
  #refuse(slot: Slot, order: Order, available: bigint): boolean {
    const needed = order.total - order.paid
    if (needed <= available) return false
    slot.queue.shift()
    order.reject(new InsufficientBalanceError(available, needed))
    return true
  }

  #sign(slot: Slot, ends: readonly OperationOrder[], paid: Taken | undefined): void {
    const operations = [...ends.map(({ operation }) => operation), ...(paid?.operations ?? [])]
    const orders = paid?.orders ?? []
    try {
      this.#engine.dispatch(slot, { kind: 'write', operations })
    } catch (error) {
      for (const order of [...ends, ...orders]) order.reject(error)
      return
    }
    const { generation, own } = slot.ledger
    const { version } = own.newest
    for (const { signed } of ends) this.#engine.journal.after(() => signed(version))
    for (const order of orders) {
      if (order.first === 0n) order.first = version
      order.last = version
      order.generation = generation
      if (order.index) this.#engine.journal.write(idKey(slot.number, order.index), idRecord(generation, order))
      if (order.taken < order.amounts.length) continue
      slot.await(order)
      this.#engine.journal.after(() => order.resolve('signed'))
    }
  }
}

const isWaiting = ({ queue, operations }: Slot): boolean => queue.first !== undefined || !operations.isEmpty
