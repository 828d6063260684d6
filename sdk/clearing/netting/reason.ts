import { lackOf } from './admit.ts'
import type { Room } from './choice.ts'
import type { LeftOut } from './obligation.ts'
import type { Round } from './round.ts'

/** Why an obligation of which `discharged` is discharged is not discharged whole, with everything else as it is; undefined if it is. */
export function reasonOf(round: Round, room: Room, line: number, discharged: bigint): LeftOut | undefined {
  const { amount, group } = round.obligations[line]!
  if (discharged === amount) return undefined
  if (group === undefined) {
    const short = amount - discharged - room[round.marketOf[line]!]![round.from[line]!]!
    return lack(round, line, short)
  }
  // The choice admits every unit that fits, so one that was left out has a leg that does not.
  const leg = lackOf(round, room, round.unitOf[line]!)!
  if (leg.line === line) return lack(round, line, leg.short)
  return { reason: 'group-incomplete', group, leg: round.obligations[leg.line]!.id }
}

/** Of a payer that is `short` of its limit: whether more funds would help, or a higher limit. */
function lack(round: Round, line: number, short: bigint): LeftOut {
  const { balances, limits } = round.markets[round.marketOf[line]!]!
  const payer = round.from[line]!
  const beyond = balances[payer]! - limits[payer]!
  const member = round.members[payer]!
  return short <= beyond
    ? { reason: 'over-limit', member, over: short }
    : { reason: 'lacks-funds', member, short: short - beyond }
}
