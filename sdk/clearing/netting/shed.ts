import { move } from './admit.ts'
import { LEFT, paidOf, roomOf, type Stands, WHOLE } from './choice.ts'
import type { Market } from './market.ts'
import { bySize, countUntil, type Round } from './round.ts'

/**
 * Leaves out whole units until nobody is debited beyond its limit: some that a member pays who is short, then some that those pay who get
 * less by that, and so on. For rounds without anything divisible. No unit goes twice, so the time is that of sorting.
 */
export function shed(round: Round, stands: Stands): void {
  const rests = round.markets.map(({ divisible }) => divisible)
  const room = roomOf(round, paidOf(round, { stands, rests }))
  const payers = round.markets.map((market) => payersOf(round, market))
  const queue = room.flatMap((list, at) => [...list.keys()].map((member): [number, number] => [at, member]))
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [at, member] = next
    for (let lack = -room[at]![member]!; lack > 0n; lack = -room[at]![member]!) {
      const unit = round.unitOf[payers[at]![member]!.next(round, stands, lack)]!
      stands[unit] = LEFT
      move(round, room, unit, -1n)
      for (const line of round.units[unit]!) queue.push([round.marketOf[line]!, round.to[line]!])
    }
  }
}

/** What one member pays in a market, the largest first. */
class Payer {
  readonly #legs: readonly number[]
  /** Where to look on from a leg that is out, towards larger ones. */
  readonly #larger: Int32Array
  #largest = 0

  constructor(legs: readonly number[]) {
    this.#legs = legs
    this.#larger = Int32Array.from(legs, (_, at) => at - 1)
  }

  /** The smallest leg that makes up for `lack`, else the largest. */
  next({ amounts, unitOf }: Round, stands: Stands, lack: bigint): number {
    const isOut = (at: number) => stands[unitOf[this.#legs[at]!]!] !== WHOLE
    let at = countUntil(this.#legs.length, (at) => amounts[this.#legs[at]!]! < lack) - 1
    while (at >= 0 && isOut(at)) at = this.#skip(at, isOut)
    if (at >= 0) return this.#legs[at]!
    while (isOut(this.#largest)) this.#largest++
    return this.#legs[this.#largest]!
  }

  /** Halves the way for the next that comes by, so that legs that are out do not add up. */
  #skip(at: number, isOut: (at: number) => boolean): number {
    const next = this.#larger[at]!
    if (next >= 0 && isOut(next)) this.#larger[at] = this.#larger[next]!
    return this.#larger[at]!
  }
}

function payersOf(round: Round, { from, lines, middles, starts }: Market): Payer[] {
  const legs = round.members.map((): number[] => [])
  for (const [pair, member] of from.entries())
    for (const line of lines.subarray(middles[pair], starts[pair + 1])) legs[member]!.push(line)
  return legs.map((list) => new Payer(list.sort(bySize(round))))
}
