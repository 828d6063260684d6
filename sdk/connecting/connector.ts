import type { HouseChain } from '../chain/house/house-chain.ts'
import { TallystickError } from '../core/errors.ts'
import type { Hex } from '../core/types.ts'
import { onAbort } from '../node/abort.ts'
import type { Store } from '../storage/store.ts'
import type { Arrived, Inlet, Outlet } from './side.ts'

export interface ConnectorOptions {
  readonly chain: Pick<HouseChain, 'state' | 'secretOf'>
  /** Remembers what was begun, so that nothing is carried twice. */
  readonly store: Store
  /** What it keeps of an amount; default: nothing. */
  readonly fee?: (amount: bigint) => bigint
  /** Seconds that must be left before the deadline when it locks; default an hour. */
  readonly margin?: bigint
  /** Milliseconds between looks for a secret; default 1,000. */
  readonly poll?: number
}

/** One payment from side to side: whoever locks for it on `from` has `amount` locked on `to`, under the same key and deadline. */
export interface Crossing {
  readonly key: Hex
  readonly amount: bigint
  readonly from: Inlet
  readonly to: Outlet
  readonly signal?: AbortSignal
}

/** A connector does not carry a payment; what was locked to it goes back, now or at its deadline. */
export class NotCarriedError extends TallystickError {
  readonly code = 'NOT_CARRIED'
  readonly reason: 'AMOUNT' | 'ASSET' | 'DEADLINE' | 'OUTLET' | 'UNSURE' | 'EXPIRED' | 'KNOWN'

  constructor(reason: NotCarriedError['reason'], fact: string, options?: ErrorOptions) {
    super(`${fact} The lock goes back to its payer.`, options)
    this.reason = reason
  }
}

const BEGUN = 'connector/'

/**
 * Carries payments between houses, and between a house and a channel, as a member of both. It is paid by the same secret that it is
 * paid for, by the same deadline, whatever payer and payee do. What a house's operator could do to a lock is for {@link Inlet} to rule out.
 *
 * @example
 * ```ts
 * const connector = new Connector({ chain, store, fee: (amount) => amount / 1_000n })
 * const { price, done } = connector.carry({ key, amount, from: fromHouse(gold), to: intoHouse(silver, bob) })
 * // alice: gold.lock(connectorId, price, { key, deadline })
 * ```
 */
export class Connector {
  readonly #options: Required<ConnectorOptions>

  constructor(options: ConnectorOptions) {
    this.#options = { fee: () => 0n, margin: 3_600n, poll: 1_000, ...options }
  }

  /** What has to be locked for it, and what comes of it: the secret. `done` throws {@link NotCarriedError}, or why it was aborted. */
  carry(crossing: Crossing): { readonly price: bigint; readonly done: Promise<Hex> } {
    const price = crossing.amount + this.#options.fee(crossing.amount)
    return { price, done: this.#carry(crossing, price) }
  }

  async #carry(crossing: Crossing, price: bigint): Promise<Hex> {
    const lock = await arrival(crossing)
    if (!(await this.#hasBegun(lock))) await this.#check(crossing, lock, price)
    const secret = await this.#pass(crossing, lock)
    await lock.claim(secret)
    return secret
  }

  async #check({ amount, to }: Crossing, lock: Arrived, price: bigint): Promise<void> {
    const refuse = async (reason: NotCarriedError['reason'], fact: string, cause?: unknown) => {
      await lock.giveBack()
      throw new NotCarriedError(reason, fact, { cause })
    }
    if (lock.amount < price) await refuse('AMOUNT', `${lock.amount} was locked, and carrying ${amount} takes ${price}.`)
    if (lock.asset !== to.asset) await refuse('ASSET', `${lock.asset} was locked, and ${to.asset} was to be carried.`)
    await lock.sure().catch((error) => refuse('UNSURE', 'The lock did not become final.', error))
    // What it would be paid for must not be known to everybody.
    if ((await this.#options.chain.secretOf(lock.key)) !== undefined)
      await refuse('KNOWN', 'The secret was recorded before anything was carried.')
    const left = lock.deadline - (await this.#now())
    if (left < this.#options.margin)
      await refuse('DEADLINE', `${left} seconds are left; locking onwards takes ${this.#options.margin}.`)
  }

  /** Locks onwards, unless an earlier process may have done so, and waits for the secret wherever it shows. */
  async #pass({ amount, to, signal }: Crossing, lock: Arrived): Promise<Hex> {
    const { key, deadline } = lock
    const shown = Promise.withResolvers<Hex>()
    if (!(await this.#hasBegun(lock))) {
      await this.#options.store.commit([{ key: BEGUN + key, value: new Uint8Array(1) }])
      await to
        .lock({ amount, key, deadline }, async (secret) => {
          await lock.claim(secret)
          shown.resolve(secret)
        })
        // It may stand all the same, so that only the deadline frees what was locked for it.
        .catch((cause) => {
          throw new NotCarriedError('OUTLET', 'Locking onwards failed.', { cause })
        })
    }
    return Promise.race([shown.promise, this.#onChain(lock, shown.promise, signal)])
  }

  /** Looks until some time after the deadline. */
  async #onChain({ key, deadline }: Arrived, shown: Promise<Hex>, signal: AbortSignal | undefined): Promise<Hex> {
    let isShown = false
    void shown.then(() => {
      isShown = true
    })
    for (;;) {
      signal?.throwIfAborted()
      const seen = await this.#look(key)
      if (isShown) return shown
      if (seen?.secret !== undefined) return seen.secret
      if (seen && seen.now > deadline)
        throw new NotCarriedError('EXPIRED', 'The payee did not show the secret by the deadline.')
      await new Promise((resolve) => setTimeout(resolve, this.#options.poll))
    }
  }

  /** Undefined: the chain does not answer, which says nothing of the payee. */
  async #look(key: Hex): Promise<{ readonly secret: Hex | undefined; readonly now: bigint } | undefined> {
    try {
      const now = await this.#now()
      return { secret: await this.#options.chain.secretOf(key), now }
    } catch {
      return undefined
    }
  }

  async #hasBegun({ key }: Arrived): Promise<boolean> {
    return (await this.#options.store.get(BEGUN + key)) !== undefined
  }

  async #now(): Promise<bigint> {
    return (await this.#options.chain.state()).latest.head.timestamp
  }
}

/** The first lock under the key. */
function arrival({ key, from, signal }: Crossing): Promise<Arrived> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const forget = from.onLock((lock) => {
      if (lock.key !== key) return
      // A lock that is there already comes before these are known.
      queueMicrotask(() => {
        forget()
        deaf()
      })
      resolve(lock)
    })
    const deaf = onAbort(signal, (reason) => {
      forget()
      reject(reason)
    })
  })
}
