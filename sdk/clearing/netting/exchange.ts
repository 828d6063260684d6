import { move } from './admit.ts'
import { type Choice, type Effort, LEFT, paidOf, type Room, roomOf, WHOLE } from './choice.ts'
import { compareUnits, countUntil, LEAST_GAIN, type Round } from './round.ts'

/** Units that one search turns over on top of the first; those looked at for each, those tried; how many one search tries in all. */
const [DEPTH, LOOKED_AT, TRIED, TURNS] = [8, 64, 4, 300]

/**
 * Looks for units that settle in place of others, or that pay for each other: settles one that was left out, then settles or leaves out
 * others for each member that this takes beyond its limit, until none is and more is discharged than before. Divisible obligations stay
 * as they are. Whether it found any. A search by ejection chains: Glover (1996).
 */
export function exchange(round: Round, choice: Choice, effort: Effort): boolean {
  const left = [...choice.stands.keys()].filter((unit) => choice.stands[unit] === LEFT)
  if (left.length === 0 || effort.turned <= 0) return false
  const search = new Exchange(round, choice)
  let found = false
  for (const unit of left.sort((a, b) => compareUnits(round, a, b))) {
    if (effort.turned <= 0) break
    if (choice.stands[unit] === LEFT && search.from(unit, Math.min(TURNS, effort.turned))) found = true
    effort.turned -= search.turns
  }
  return found
}

/** A member in a market. */
type Place = number

class Exchange {
  readonly #round: Round
  readonly #stands: Uint8Array
  readonly #room: Room
  /** Units that a place pays or is paid by. */
  readonly #touching = new Map<Place, number[]>()
  /** The same in order, where it was needed. */
  readonly #sorted = new Map<Place, number[]>()
  readonly #turned: number[] = []
  #limit = 0
  /** How many units were turned over since `from`. */
  turns = 0

  constructor(round: Round, choice: Choice) {
    this.#round = round
    this.#stands = choice.stands
    this.#room = roomOf(round, paidOf(round, choice))
    for (const [unit, legs] of round.units.entries())
      for (const place of this.#places(legs)) {
        const list = this.#touching.get(place)
        if (list === undefined) this.#touching.set(place, [unit])
        else list.push(unit)
      }
  }

  /** Settles this unit and what it takes, or nothing. */
  from(unit: number, limit: number): boolean {
    this.#turned.length = 0
    this.turns = 0
    this.#limit = limit
    return this.#try(unit, 0, DEPTH)
  }

  /** Turns a unit over and mends what that breaks; all is as before if it cannot. */
  #try(unit: number, before: number, depth: number): boolean {
    const gain = before + this.#turn(unit)
    this.turns++
    this.#turned.push(unit)
    const short = this.#places(this.#turned.flatMap((one) => this.#round.units[one]!)).find(
      (place) => this.#at(place) < 0n,
    )
    if (short === undefined ? gain > LEAST_GAIN : depth > 0 && this.#mend(short, gain, depth - 1)) return true
    this.#turned.pop()
    this.#turn(unit)
    return false
  }

  #mend(place: Place, gain: number, depth: number): boolean {
    return this.#candidates(place).some((unit) => this.turns < this.#limit && this.#try(unit, gain, depth))
  }

  /** Settles a unit or leaves it out; what that gains. */
  #turn(unit: number): number {
    const { units, marketOf, amounts, weights } = this.#round
    const isWhole = this.#stands[unit] === WHOLE
    this.#stands[unit] = isWhole ? LEFT : WHOLE
    move(this.#round, this.#room, unit, isWhole ? -1n : 1n)
    const worth = units[unit]!.reduce((sum, line) => sum + Number(amounts[line]!) * weights[marketOf[line]!]!, 0)
    return isWhole ? -worth : worth
  }

  /** The units that help a place, those first that leave the least lacking anywhere. */
  #candidates(place: Place): number[] {
    const lacking = this.#at(place)
    const scored: [number, number][] = []
    for (const unit of this.#near(place, -lacking)) {
      if (this.#turned.includes(unit)) continue
      this.#turn(unit)
      if (this.#at(place) > lacking) scored.push([unit, this.#lack(unit)])
      this.#turn(unit)
    }
    scored.sort(([a, x], [b, y]) => x - y || compareUnits(this.#round, a, b))
    return scored.slice(0, TRIED).map(([unit]) => unit)
  }

  /** Units of a place, of about this amount if there are many. */
  #near(place: Place, amount: bigint): readonly number[] {
    const units = this.#touching.get(place)!
    if (units.length <= LOOKED_AT) return units
    const { amounts, units: legs } = this.#round
    const sorted = this.#sorted.get(place) ?? [...units].sort((a, b) => compareUnits(this.#round, a, b))
    this.#sorted.set(place, sorted)
    const below = countUntil(sorted.length, (at) => amounts[legs[sorted[at]!]![0]!]! < amount)
    const start = Math.max(0, below - LOOKED_AT / 2)
    return sorted.slice(start, start + LOOKED_AT)
  }

  /** All that is beyond limits where this unit or what was turned before it is paid or pays. */
  #lack(unit: number): number {
    let lack = 0
    for (const place of this.#places([...this.#turned, unit].flatMap((one) => this.#round.units[one]!))) {
      const room = this.#at(place)
      if (room < 0n) lack -= Number(room) * this.#round.weights[Math.floor(place / this.#round.members.length)]!
    }
    return lack
  }

  #places(lines: readonly number[]): Place[] {
    const { marketOf, members, from, to } = this.#round
    const places = lines.flatMap((line) => {
      const start = marketOf[line]! * members.length
      return [start + from[line]!, start + to[line]!]
    })
    return [...new Set(places)]
  }

  #at(place: Place): bigint {
    const size = this.#round.members.length
    return this.#room[Math.floor(place / size)]![place % size]!
  }
}
