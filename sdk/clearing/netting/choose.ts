import { admit } from './admit.ts'
import { type Choice, EFFORT, type Effort, LEFT, OPEN, type Stands, WHOLE } from './choice.ts'
import { exchange } from './exchange.ts'
import { force } from './force.ts'
import type { Market } from './market.ts'
import { relaxAll } from './relax.ts'
import { bySize, compareUnits, type Round } from './round.ts'
import { shed } from './shed.ts'

/** Of the units that were divided, the share that goes at once: the more, the fewer flows, and the worse the choice. */
const AT_ONCE = 0.25

/** Obligations that flows go through before the rest is shed: small rounds do better with flows, large ones with what remains to search. */
const BEFORE_SHEDDING = 500_000

const BELOW_ONE = 1 - Number.EPSILON

/**
 * Chooses what settles whole. To find the best choice is NP-hard even for one asset (Güntzer, Jungnickel and Leclerc, "Efficient algorithms
 * for the clearing of interbank payments", 1998), so this rounds, then searches nearby. All units are divided at will; some of those that
 * are divided most are left out, and so on until none is divided (or, in large rounds, until what is left is shed). What was left out gets further chances with what is there then.
 */
export function choose(round: Round): Choice {
  const stands = new Uint8Array(round.units.length).fill(OPEN)
  const effort = { ...EFFORT }
  do roundOff(round, stands, effort)
  while (turn(stands, OPEN, WHOLE) && effort.rounded > 0 && turn(stands, LEFT, OPEN))
  for (;;) {
    const choice = { stands, rests: relaxAll(round, stands) }
    if (!admit(round, choice) && !exchange(round, choice, effort) && !force(round, choice, effort)) return choice
  }
}

/** Turns all units that stand in one way to another; whether there were any. */
function turn(stands: Stands, before: number, after: number): boolean {
  let found = false
  for (const [unit, stand] of stands.entries()) {
    if (stand !== before) continue
    stands[unit] = after
    found = true
  }
  return found
}

/** Leaves open units out until the others are discharged whole. */
function roundOff(round: Round, stands: Stands, effort: Effort): void {
  const isDivided = round.unitOf.includes(-1)
  for (;;) {
    const cuts = cutsOf(round, stands, relaxAll(round, stands))
    if (cuts.size === 0) return
    effort.rounded -= round.obligations.length
    if (!isDivided && EFFORT.rounded - effort.rounded > BEFORE_SHEDDING) {
      for (const unit of cuts.keys()) stands[unit] = LEFT
      turn(stands, OPEN, WHOLE)
      shed(round, stands)
      return
    }
    // Too much to round off: what is open is left out, and the searches below begin from there.
    if (effort.rounded < -EFFORT.rounded) {
      turn(stands, OPEN, LEFT)
      return
    }
    for (const unit of effort.rounded > 0 ? mostDivided(round, cuts) : cuts.keys()) stands[unit] = LEFT
  }
}

/** What has nothing stays for the moment: it may have something in place of what goes. */
function mostDivided(round: Round, cuts: ReadonlyMap<number, number>): number[] {
  const divided = [...cuts.keys()].filter((unit) => cuts.get(unit)! < 1)
  if (divided.length === 0) return [...cuts.keys()]
  divided.sort((a, b) => cuts.get(b)! - cuts.get(a)! || compareUnits(round, a, b))
  return divided.slice(0, Math.ceil(AT_ONCE * divided.length))
}

/** Of each open unit that is not whole, the largest share of a leg that stays undischarged. */
function cutsOf(round: Round, stands: Stands, rests: readonly (readonly bigint[])[]): Map<number, number> {
  const cuts = new Map<number, number>()
  for (const [at, market] of round.markets.entries())
    for (const [pair, rest] of rests[at]!.entries()) {
      if (rest <= market.divisible[pair]!) continue
      for (const [line, share] of cutPair(round, market, stands, pair, rest - market.divisible[pair]!)) {
        const unit = round.unitOf[line]!
        cuts.set(unit, Math.max(share, cuts.get(unit) ?? 0))
      }
    }
  return cuts
}

/** Once all that is divisible is cut: the largest open legs that fit into the rest, at last a share of the smallest that does not. */
function cutPair(round: Round, market: Market, stands: Stands, pair: number, all: bigint): [number, number][] {
  const legs = [...market.lines.subarray(market.middles[pair], market.starts[pair + 1])]
  const cuts: [number, number][] = []
  let [rest, smallest] = [all, -1]
  for (const line of legs.filter((line) => stands[round.unitOf[line]!] === OPEN).sort(bySize(round))) {
    const amount = round.amounts[line]!
    if (rest === 0n) break
    if (amount > rest) smallest = line
    else {
      rest -= amount
      cuts.push([line, 1])
    }
  }
  if (rest > 0n) cuts.push([smallest, Math.min(Number(rest) / Number(round.amounts[smallest]!), BELOW_ONE)])
  return cuts
}
