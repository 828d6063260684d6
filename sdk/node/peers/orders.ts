import { Reader, Writer } from '../../core/codec.ts'
import type { Hex } from '../../core/types.ts'
import type { Engine } from '../engine.ts'
import { ORDERS, orderKey } from '../keys.ts'

/** How a quote for inbound money was bought. */
export interface Order {
  /** The fee is paid at once; else it is owed. */
  readonly upfront: boolean
  /** Chain seconds: afterwards the quote cannot be bought again. */
  readonly expiry: bigint
  /** What the hub had in the ledger before. */
  readonly held: bigint
}

/** What this node bought, by the nonce of the quote. Whoever buys a quote again, after an abort say, pays as at first, and once. */
export class Orders {
  readonly #engine: Engine
  readonly #orders = new Map<Hex, Order>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async load(): Promise<void> {
    for await (const [key, bytes] of this.#engine.options.store.list(ORDERS)) {
      const reader = new Reader(bytes)
      this.#orders.set(key.slice(ORDERS.length) as Hex, {
        upfront: reader.bool(),
        expiry: reader.u64(),
        held: reader.i128(),
      })
    }
  }

  get(nonce: Hex): Order | undefined {
    return this.#orders.get(nonce)
  }

  add(nonce: Hex, order: Order): void {
    const { upfront, expiry, held } = order
    this.#orders.set(nonce, order)
    this.#engine.journal.write(orderKey(nonce), new Writer(25).bool(upfront).u64(expiry).i128(held).finish())
  }

  /** Whether there was such an order. */
  delete(nonce: Hex): boolean {
    this.#engine.journal.write(orderKey(nonce), null)
    return this.#orders.delete(nonce)
  }

  /** Forgets quotes that have expired. */
  tick(now: bigint): void {
    for (const [nonce, { expiry }] of this.#orders) if (expiry < now) this.delete(nonce)
  }
}
