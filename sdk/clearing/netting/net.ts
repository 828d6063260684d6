import { paidOf, roomOf } from './choice.ts'
import { choose } from './choose.ts'
import { divide } from './divide.ts'
import { figuresOf, type NettingFigures } from './figures.ts'
import type { Discharge, Funds, NettingObligation } from './obligation.ts'
import { type Debit, debitsOf, type NetPosition, positionsOf } from './position.ts'
import { reasonOf } from './reason.ts'
import { roundOf } from './round.ts'

/** What a round of netting comes to. */
export interface Netting {
  /** One for each obligation, in the order in which they were given. */
  readonly discharges: readonly Discharge[]
  readonly positions: readonly NetPosition[]
  readonly debits: readonly Debit[]
  /** One for each asset. */
  readonly figures: readonly NettingFigures[]
}

/**
 * Nets obligations against each other so that nobody is debited more than its funds and its `maxNetDebit`. Of divisible obligations it
 * discharges the most that is possible; what settles whole is chosen by a heuristic. Amounts are exact at any size, assets never mix
 * but in groups, and the result does not depend on the order of the input. Throws `NettingError`.
 *
 * @example
 * ```ts
 * const owes = (id: string, from: string, to: string) => ({ id, from, to, asset: COIN, amount: 5n, kind: 'divisible' as const })
 * const funds = ['alice', 'bob', 'carol'].map((member) => ({ member, asset: COIN, amount: 0n }))
 * const { figures } = netObligations([owes('1', 'alice', 'bob'), owes('2', 'bob', 'carol'), owes('3', 'carol', 'alice')], funds)
 * // figures[0]: gross 15n, bilateral 15n, multilateral 0n
 * ```
 */
export function netObligations(obligations: readonly NettingObligation[], funds: readonly Funds[]): Netting {
  const round = roundOf(obligations, funds)
  const choice = choose(round)
  const paid = paidOf(round, choice)
  const discharged = divide(round, choice)
  const room = roomOf(round, paid)
  const positions = positionsOf(round, paid)
  const discharges = obligations.map(({ id }, line): Discharge => {
    const amount = discharged[line]!
    const leftOut = reasonOf(round, room, line, amount)
    return leftOut === undefined ? { id, amount } : { id, amount, leftOut }
  })
  return { discharges, positions, debits: debitsOf(positions), figures: figuresOf(round, discharged, paid) }
}
