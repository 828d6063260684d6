import { validateInstance } from '../../core/app.ts'
import { TallystickError } from '../../core/errors.ts'
import type { Address } from '../../core/types.ts'
import { type AppTerms, seatsHeldBy } from '../../protocols/app.ts'
import { MAX_STAKES } from '../../protocols/app-wire.ts'

/** Terms that no honest player could keep, or that could cost one its stake. */
export class InvalidTermsError extends TallystickError {
  readonly code = 'INVALID_APP_TERMS'

  constructor(fact: string) {
    super(`${fact} Propose other terms.`)
  }
}

/** Seconds for the conclusion of what ends by the clock to reach the registry before the deadline. */
export const CONCLUSION = 3_600n
/** Seconds that honest players need to reach the chain at all. */
const INCLUSION = 600n
/** Seconds in which a move that is forced is surely mined: some blocks. */
const MIN_BUDGET = 60

/** Throws {@link InvalidTermsError} or an `InvalidInstanceError` unless an honest player can keep these terms. */
export function assertTerms(terms: AppTerms, { me, now }: { readonly me: Address; readonly now: bigint }): void {
  const { instance, stakes, deadline } = terms
  validateInstance(instance)
  const check = (holds: boolean, fact: string) => {
    if (!holds) throw new InvalidTermsError(fact)
  }
  const { seats, endBy, budget } = instance
  check(budget >= MIN_BUDGET, `A budget of ${budget} s may pass before a move is mined; ${MIN_BUDGET} s are the least.`)
  check(seatsHeldBy(instance, me).length > 0, 'No seat is this node’s.')
  check(new Set(seats).size > 1, 'All seats are of one player.')
  // Two rounds of all clocks: what was shown last may once be answered by something newer.
  const least = now + 2n * BigInt(budget) * BigInt(seats.length) + INCLUSION
  check(endBy > least, `An end by ${endBy} leaves no time for a dispute, which may take until ${least}.`)
  check(deadline >= endBy + CONCLUSION, `A deadline of ${deadline} is not ${CONCLUSION} s after the end by ${endBy}.`)
  check(stakes.length <= MAX_STAKES, `${stakes.length} stakes are more than ${MAX_STAKES}.`)
  const names = new Set<string>()
  for (const { from, to, asset, amount } of stakes) {
    const [payer, payee] = [seats[from], seats[to]]
    check(payer !== undefined && payee !== undefined, `A stake is from seat ${from} to seat ${to}, of ${seats.length}.`)
    check(payer !== payee, `A stake is from seat ${from} to seat ${to}, both of one player.`)
    check(amount > 0n, 'A stake is zero.')
    names.add(`${payer}/${to}/${asset}`)
  }
  check(names.size === stakes.length, 'A player has two stakes of one asset for one seat.')
}
