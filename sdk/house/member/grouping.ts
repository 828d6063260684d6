import { amountRow, type Leg, legHash } from '../../clearing/account.ts'
import { type Act, HouseActError } from '../../clearing/book.ts'
import { buildTally, tallyHash, topOf } from '../../clearing/tally.ts'
import { toHex } from '../../core/bytes.ts'
import type { Hex } from '../../core/types.ts'
import { HouseProtocolError } from '../messages.ts'
import type { Desk } from './desk.ts'
import { RefusedByHouseError } from './errors.ts'
import type { Spending } from './spending.ts'

/** Whether a member agrees to payments that happen together or not at all. */
export type Approval = (legs: readonly Leg[], group: Hex) => boolean | Promise<boolean>

/** By which a group of payments is known: all of its legs, in order. */
export const groupOf = (legs: readonly Leg[], assets: number): Hex =>
  toHex(
    tallyHash(
      topOf(
        buildTally(
          legs.map((leg) => amountRow(legHash(leg), leg.asset, leg.amount, assets)),
          assets,
        ),
      ),
    ),
  )

/** Payments of several members that happen together or not at all. Nothing is signed that was not approved. */
export class Grouping {
  approve: Approval = () => false
  readonly #desk: Desk
  readonly #spending: Spending
  readonly #own = new Set<Hex>()
  /** Those with a signature of this member under way. */
  readonly #signing = new Set<Hex>()
  readonly #ends = new Map<Hex, (isDone: boolean) => void>()

  constructor(desk: Desk, spending: Spending) {
    this.#desk = desk
    this.#spending = spending
  }

  /** Offers legs to everybody in them; what this member pays in them it agrees to. Whether all of it happened. */
  async offer(legs: readonly Leg[], seconds: number): Promise<boolean> {
    const { link, assets } = this.#desk
    const group = groupOf(legs, assets)
    this.#own.add(group)
    const ended = new Promise<boolean>((resolve) => this.#ends.set(group, resolve))
    const timer = setTimeout(() => this.ended(group, false), (seconds + 15) * 1_000)
    try {
      await link.ask({ kind: 'offer', legs, seconds })
      return await ended
    } finally {
      clearTimeout(timer)
      this.#own.delete(group)
      this.#ends.delete(group)
    }
  }

  /** The group must be these legs and no others: a member that signs one leg relies on all. */
  async proposed(group: Hex, legs: readonly Leg[]): Promise<void> {
    const { assets, tell, id } = this.#desk
    if (groupOf(legs, assets) !== group)
      throw new HouseProtocolError('HOUSE_PROTOCOL', 'The operator proposed a group that is not made of its legs.')
    // Told again after a connection was lost: it is signed already, or about to be.
    if (this.#signing.has(group)) return
    tell({ kind: 'proposed', group, legs })
    const isAgreed = this.#own.has(group) || (await this.approve(legs, group))
    if (!isAgreed) return
    const acts = legs.flatMap((leg, i): Act[] =>
      leg.from === id ? [{ kind: 'pay', to: leg.to, asset: leg.asset, amount: leg.amount, group, leg: i }] : [],
    )
    if (acts.length === 0 || this.#signing.has(group)) return
    this.#signing.add(group)
    await this.#spending
      .add((epoch) => this.#once(group, epoch, acts), { isGroup: true })
      .catch(ignoreRefusal)
      .finally(() => this.#signing.delete(group))
  }

  /** Twice in one epoch, the others' legs of the first time would stand for those of the second, too. */
  #once(group: Hex, epoch: bigint, acts: readonly Act[]): readonly Act[] {
    const isPaid = this.#desk.memory.sent.get(epoch)?.some((payment) => payment.group === group)
    if (!isPaid) return acts
    throw new HouseActError('EPOCH', `The group ${group} was paid in epoch ${epoch} already. Offer it in the next one.`)
  }

  ended(group: Hex, isDone: boolean): void {
    this.#ends.get(group)?.(isDone)
  }
}

/** What came of a group is told when it ends. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof RefusedByHouseError || error instanceof HouseActError)) throw error
}
