import { type Choice, LEFT, paidOf, type Room, roomOf, WHOLE } from './choice.ts'
import { compareUnits, type Round } from './round.ts'

/** Settles units that were left out and fit into the room as it is, the largest first; whether there were any. */
export function admit(round: Round, choice: Choice): boolean {
  const { stands } = choice
  const left = [...stands.keys()].filter((unit) => stands[unit] === LEFT).sort((a, b) => compareUnits(round, a, b))
  if (left.length === 0) return false
  const room = roomOf(round, paidOf(round, choice))
  let found = false
  for (const unit of left) {
    if (lackOf(round, room, unit) !== undefined) continue
    move(round, room, unit, 1n)
    stands[unit] = WHOLE
    found = true
  }
  return found
}

/** Settles a unit in the room (`sign` 1n), or takes that back (-1n). */
export function move(round: Round, room: Room, unit: number, sign: bigint): void {
  for (const line of round.units[unit]!) {
    const market = room[round.marketOf[line]!]!
    const amount = sign * round.amounts[line]!
    market[round.from[line]!]! -= amount
    market[round.to[line]!]! += amount
  }
}

/** The leg of a unit whose payer would be furthest beyond its room if the unit were settled, and by how much; undefined if it fits. */
export function lackOf(round: Round, room: Room, unit: number): { line: number; short: bigint } | undefined {
  let worst: { line: number; short: bigint } | undefined
  move(round, room, unit, 1n)
  for (const line of round.units[unit]!) {
    const short = -room[round.marketOf[line]!]![round.from[line]!]!
    if (short > (worst?.short ?? 0n)) worst = { line, short }
  }
  move(round, room, unit, -1n)
  return worst
}
