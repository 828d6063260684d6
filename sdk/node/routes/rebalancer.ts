import { InvalidOptionError } from '../../core/errors.ts'
import type { Address, Hex } from '../../core/types.ts'
import { spendable } from '../../protocols/solvency.ts'
import { type Cycle, findCycles } from '../../routing/cycles.ts'
import { MAX_RATE } from '../../routing/policy.ts'
import { routeOf } from '../../routing/route.ts'
import type { Engine } from '../engine.ts'
import type { Route } from '../hops/quote.ts'
import type { Slot } from '../ledgers/slot.ts'
import { sendable } from './table.ts'

/** What may be spent to move one's money to where it is needed. */
export interface RebalanceOptions {
  /** What the hops of a cycle may keep, in millionths of what it moves. */
  readonly maxFeePpm: number
  /** Smaller amounts are not worth a payment; default 1. */
  readonly minAmount?: bigint
}

/** How to do so again and again. */
export interface RebalanceSettings extends RebalanceOptions {
  /** Seconds between two attempts. */
  readonly every: number
}

/** What was moved, and what it cost, in the asset's units. */
export interface Rebalanced {
  readonly moved: bigint
  readonly fee: bigint
  readonly payments: number
}

/** Seconds for which a cycle may lock money. */
const LOCK = 6 * 3_600

/** Pays this node by itself, over others, so that its channels have about as much on either side. */
export class Rebalancer {
  readonly #engine: Engine
  readonly #settings: RebalanceSettings | undefined
  #next: number
  #running = false

  /** Throws `InvalidOptionError`. */
  constructor(engine: Engine, settings: RebalanceSettings | undefined) {
    this.#engine = engine
    this.#settings = settings
    if (settings && !(settings.every > 0))
      throw new InvalidOptionError('rebalance', `Every ${settings.every} seconds is no time. Choose one above zero.`)
    if (settings) assertRate(settings.maxFeePpm)
    this.#next = this.#after(settings)
  }

  #after = (settings: RebalanceSettings | undefined): number =>
    settings ? this.#engine.options.clock.elapsed() + 1_000 * settings.every : Number.POSITIVE_INFINITY

  tick(): void {
    if (this.#running || !this.#settings || this.#engine.options.clock.elapsed() < this.#next) return
    this.#running = true
    const { book } = this.#engine
    const assets = new Set([...book.slots].map(({ ledger }) => ledger.asset))
    void Promise.all([...assets].map((asset) => this.run(asset, this.#settings!)))
      .catch((error: Error) => {
        if (!this.#engine.halted) this.#engine.emitter.emit({ kind: 'alarm', error })
      })
      .finally(() => {
        this.#running = false
        this.#next = this.#after(this.#settings)
      })
  }

  /** One attempt. What comes back is tried again the next time, over what is known by then. */
  async run(asset: Address, { maxFeePpm, minAmount = 1n }: RebalanceOptions): Promise<Rebalanced> {
    assertRate(maxFeePpm)
    const found = this.#find(asset, maxFeePpm, minAmount)
    const paid = await Promise.all(found.map(({ cycle, route }) => this.#pay(asset, cycle, route)))
    const total = paid.reduce(
      (sum, { moved, fee, payments }) => ({
        moved: sum.moved + moved,
        fee: sum.fee + fee,
        payments: sum.payments + payments,
      }),
      NOTHING,
    )
    if (total.payments > 0) this.#engine.emitter.emit({ kind: 'rebalanced', asset, ...total })
    return total
  }

  #find(asset: Address, maxRate: number, minAmount: bigint): { readonly cycle: Cycle; readonly route: Route }[] {
    const { gossip, book, options } = this.#engine
    const table = gossip.table(asset)
    if (!table) return []
    const channels = [...book.slots].flatMap((slot) => {
      const edge = this.#isUsable(slot, asset)
        ? table.edgeOf(slot.ledger.channelId, slot.ledger.me as 0 | 1)
        : undefined
      const receivable = spendable(slot.ledger, 1 - slot.ledger.me)
      return edge === undefined ? [] : [{ edge, spendable: sendable(slot), receivable }]
    })
    const now = Math.floor(options.clock.now() / 1_000)
    const query = { hub: options.signer.address, channels, maxRate, minAmount, now, lock: LOCK }
    return findCycles(table.network, query).flatMap((cycle) => {
      const { hops } = routeOf(table.network, cycle, { asset, deadline: 0n })
      const keys = hops.slice(0, -1).map(({ to }) => gossip.onionKeyOf(to))
      if (keys.some((key) => key === undefined)) return []
      const [first, ...rest] = hops
      const named = rest.map(({ channelId, fee }, index) => ({ onionKey: keys[index] as Hex, channelId, fee }))
      return [{ cycle, route: { channelId: first!.channelId, hops: named } }]
    })
  }

  #isUsable({ ledger, entry }: Slot, asset: Address): boolean {
    return ledger.asset === asset && !ledger.frozen && this.#engine.peers.all.get(entry.peer)?.online === true
  }

  async #pay(asset: Address, { amount, fee }: Cycle, route: Route): Promise<Rebalanced> {
    const { payee, payer } = this.#engine
    const seconds = BigInt(LOCK)
    try {
      await payer.pay(await payee.create({ asset, amount, seconds }), { route, seconds })
      return { moved: amount, fee, payments: 1 }
    } catch {
      // Nothing is paid. Others' balances change, and this node knows them only roughly.
      return NOTHING
    }
  }
}

const NOTHING: Rebalanced = { moved: 0n, fee: 0n, payments: 0 }

function assertRate(ppm: number): void {
  if (Number.isInteger(ppm) && ppm >= 0 && ppm <= MAX_RATE) return
  throw new InvalidOptionError('maxFeePpm', `${ppm} is no number of millionths. Choose one from 0 to ${MAX_RATE}.`)
}
