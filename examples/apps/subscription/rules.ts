// The twin of contracts/apps/Subscription.sol.

/** `price` of a period in parts of what is locked; `paid` is a number of periods. */
export interface State {
  readonly price: bigint
  readonly periods: number
  readonly paid: number
  readonly ended: boolean
}

export interface Move {
  readonly paid: number
  readonly last: boolean
}

const ONE = 10n ** 18n
const PAYER = 0

/** What both agree on first. */
export const opening = (price: bigint, periods: number): State => ({ price, periods, paid: 0, ended: false })

/** The seat whose move it is; undefined: over. */
export function turn(state: State): number | undefined {
  check(state)
  return state.ended || state.paid === state.periods ? undefined : PAYER
}

/** The state after a move. Throws if it is illegal. */
export function advance(state: State, { paid, last }: Move): State {
  if (turn(state) === undefined) throw new Error('Over')
  if (paid > state.periods) throw new Error('TooManyPeriods')
  if (last ? paid < state.paid : paid <= state.paid) throw new Error('NothingPaid')
  return { ...state, paid, ended: last }
}

/** What each seat gets, in parts of 1e18. */
export function outcome(state: State): readonly bigint[] {
  check(state)
  return [0n, state.price * BigInt(state.paid)]
}

function check({ price, periods, paid }: State): void {
  if (price * BigInt(periods) > ONE || paid > periods) throw new Error('BadTerms')
}
