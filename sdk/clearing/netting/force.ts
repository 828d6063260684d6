import { type Choice, type Effort, LEFT, paidOf, type Stands, WHOLE } from './choice.ts'
import { relax } from './relax.ts'
import { compareUnits, LEAST_GAIN, type Round } from './round.ts'

/**
 * Looks for a unit that had better settle, or had better not, once what is divisible is divided anew: one flow for each. Whether it
 * found any.
 */
export function force(round: Round, choice: Choice, effort: Effort): boolean {
  const { stands } = choice
  if (!stands.includes(LEFT) || !round.unitOf.includes(-1)) return false
  let [best, found] = [worthOf(round, choice), false]
  for (const unit of [...stands.keys()].sort((a, b) => compareUnits(round, a, b))) {
    if (effort.forced < 0) break
    effort.forced -= round.obligations.length
    const before = stands[unit]!
    stands[unit] = before === LEFT ? WHOLE : LEFT
    const worth = forcedWorth(round, stands)
    if (worth > best + LEAST_GAIN) [best, found] = [worth, true]
    else stands[unit] = before
  }
  return found
}

/** What is discharged if units are to stand so; -1 if they cannot. */
function forcedWorth(round: Round, stands: Stands): number {
  const rests: bigint[][] = []
  for (const market of round.markets) {
    const rest = relax(round, market, stands)
    if (rest === undefined) return -1
    rests.push(rest)
  }
  return worthOf(round, { stands, rests })
}

/** What is discharged of each asset as a share of what is owed, added up. */
const worthOf = (round: Round, choice: Choice): number =>
  paidOf(round, choice).reduce(
    (sum, paid, at) => sum + Number(paid.reduce((all, amount) => all + amount, 0n)) * round.weights[at]!,
    0,
  )
