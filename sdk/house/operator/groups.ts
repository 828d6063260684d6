import { amountRow, type Leg, legHash } from '../../clearing/account.ts'
import type { Act } from '../../clearing/book.ts'
import { buildTally, tallyHash, topOf } from '../../clearing/tally.ts'
import { toHex } from '../../core/bytes.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Hex } from '../../core/types.ts'
import type { HouseRefusal } from '../messages.ts'
import { type Draft, planOf } from './acting.ts'
import type { Books } from './books.ts'
import { HouseRefusedError } from './refusal.ts'
import type { HouseSeat } from './seat.ts'
import type { Turn } from './turn.ts'

/** Legs of all groups that wait for signatures. */
const MOST_LEGS = 2 ** 16

/** An act that waits for the rest of its group. */
export interface Held {
  readonly draft: Draft
  readonly done: (turn: Turn) => void
  readonly refuse: (code: HouseRefusal, reason: string) => void
}

/** Payments that happen together or not at all. */
export interface Group {
  readonly hash: Hex
  readonly offerer: HouseSeat
  readonly legs: readonly Leg[]
  readonly seconds: number
  /** Who has to sign. */
  readonly payers: ReadonlySet<HouseSeat>
  readonly held: Map<HouseSeat, Held>
  /** Milliseconds by the house's clock. */
  readonly until: number
}

/** The group of an act's payments; undefined: they stand alone. */
export function groupOf(acts: readonly Act[]): Hex | undefined {
  for (const one of acts) if (one.kind === 'pay' && one.group !== ZERO_HASH) return one.group
  return undefined
}

/** Holds the acts of a group until all of it is signed. Nothing of it is remembered over a restart, for nothing has happened yet. */
export class Groups {
  readonly #books: Books
  readonly #groups = new Map<Hex, Group>()
  readonly #waiting = new Set<HouseSeat>()
  readonly #ended: (group: Group, isDone: boolean) => void

  constructor(books: Books, ended: (group: Group, isDone: boolean) => void) {
    this.#books = books
    this.#ended = ended
  }

  /** Whether an act of this member waits; another one would change the books that it was made for. */
  isWaiting(seat: HouseSeat): boolean {
    return this.#waiting.has(seat)
  }

  /** Those that wait for this member's signature. */
  *of(seat: HouseSeat): Iterable<Group> {
    for (const group of this.#groups.values()) if (group.payers.has(seat) && !group.held.has(seat)) yield group
  }

  /** Throws `HouseRefusedError`. */
  offer(offerer: HouseSeat, legs: readonly Leg[], seconds: number, now: number): Group {
    if (!legs.some(({ from, to }) => from === offerer.id || to === offerer.id))
      throw new HouseRefusedError('ACT_REFUSED', 'No leg is from or to this member. Let one of its parties offer it.')
    const payers = new Set(legs.map((leg) => this.#payer(leg)))
    const rows = legs.map((leg) => amountRow(legHash(leg), leg.asset, leg.amount, this.#books.assets))
    const hash = toHex(tallyHash(topOf(buildTally(rows, this.#books.assets))))
    if (this.#groups.has(hash)) throw new HouseRefusedError('ACT_REFUSED', 'This group waits already. Sign your part.')
    this.#makeRoom(offerer, legs.length)
    const group = {
      hash,
      offerer,
      legs,
      seconds,
      payers,
      held: new Map<HouseSeat, Held>(),
      until: now + 1_000 * seconds,
    }
    this.#groups.set(hash, group)
    return group
  }

  /** Whoever has most waiting gives way to who has less: so nobody, and no crowd of offerers, keeps a small group out. */
  #makeRoom(offerer: HouseSeat, count: number): void {
    const waiting = new Map<HouseSeat, number>([[offerer, count]])
    let all = count
    for (const { offerer: one, legs } of this.#groups.values()) {
      all += legs.length
      waiting.set(one, (waiting.get(one) ?? 0) + legs.length)
    }
    while (all > MOST_LEGS) {
      const [most, held] = [...waiting].reduce((a, b) => (b[1] > a[1] ? b : a))
      if (most === offerer) throw new HouseRefusedError('SLOW_DOWN', 'Too many groups wait. Offer this one later.')
      const last = [...this.#groups.values()].findLast((group) => group.offerer === most)!
      this.#end(last, 'Too many groups wait. Offer it again later.')
      waiting.set(most, held - last.legs.length)
      all -= last.legs.length
    }
  }

  #payer({ from, to, asset, amount }: Leg): HouseSeat {
    const [payer, payee] = [this.#books.seatOf(from), this.#books.seatOf(to)]
    if (!payer || !payee) throw new HouseRefusedError('PAYEE_UNKNOWN', 'A leg names somebody who is no member here.')
    if (payer === payee || asset >= this.#books.assets || amount <= 0n)
      throw new HouseRefusedError('ACT_REFUSED', 'A leg pays nothing, nobody else, or no asset of the house. Mend it.')
    return payer
  }

  /** Takes a member's part; the last one makes all of them happen. Throws `HouseRefusedError`. */
  hold(hash: Hex, held: Held, turn: Turn): void {
    const group = this.#groups.get(hash)
    const { seat, signed } = held.draft
    if (!group?.payers.has(seat))
      throw new HouseRefusedError('GROUP_ENDED', 'No such group waits for this member. Sign the next account.')
    if (!isPartOf(group, seat, signed.acts))
      throw new HouseRefusedError('ACT_REFUSED', 'These are not the payments of this member in the group.')
    this.#books.check(held.draft)
    group.held.set(seat, held)
    this.#waiting.add(seat)
    if (group.held.size === group.payers.size) this.#complete(group, turn)
  }

  #complete(group: Group, turn: Turn): void {
    const all = [...group.held.values()]
    try {
      const isOpen = all.every(({ draft }) => draft.book.epoch === this.#books.open)
      if (!isOpen) throw new HouseRefusedError('GROUP_ENDED', 'The epoch was cut meanwhile. Sign the next account.')
      const plan = planOf(
        all.map(({ draft }) => draft),
        this.#books,
      )
      this.#books.carryOut(plan, turn)
    } catch (error) {
      if (!(error instanceof HouseRefusedError)) throw error
      this.#end(group, error.message)
      return
    }
    this.#forget(group)
    for (const { done } of all) done(turn)
    turn.after.push(() => this.#ended(group, true))
  }

  /** Ends those whose time is over. */
  tick(now: number): void {
    for (const group of [...this.#groups.values()])
      if (now >= group.until) this.#end(group, 'Not everybody signed in time. Sign the next account.')
  }

  endAll(reason: string): void {
    for (const group of [...this.#groups.values()]) this.#end(group, reason)
  }

  #end(group: Group, reason: string): void {
    this.#forget(group)
    for (const { refuse } of group.held.values()) refuse('GROUP_ENDED', reason)
    this.#ended(group, false)
  }

  #forget({ hash, held }: Group): void {
    this.#groups.delete(hash)
    for (const seat of held.keys()) this.#waiting.delete(seat)
  }
}

/** Whether acts are exactly a member's legs, in their order. */
function isPartOf({ hash, legs }: Group, seat: HouseSeat, acts: readonly Act[]): boolean {
  const own = [...legs.entries()].filter(([, { from }]) => from === seat.id)
  return (
    acts.length === own.length &&
    own.every(([place, { to, asset, amount }], i) => {
      const one = acts[i]!
      const isIt = one.kind === 'pay' && one.group === hash && one.leg === place
      return isIt && one.to === to && one.asset === asset && one.amount === amount
    })
  )
}
