// The twin of contracts/apps/VirtualChannel.sol.

/** `owed` by seat 0 to seat 1, or back if it is negative; `turn` 2: ended. */
export interface State {
  readonly owed: bigint
  readonly turn: number
}

export interface Move {
  readonly amount: bigint
  readonly turn: number
}

const ONE = 10n ** 18n
const ENDED = 2

export const opening: State = { owed: 0n, turn: 0 }

/** The seat whose move it is; undefined: over. */
export function turn(state: State): number | undefined {
  check(state)
  return state.turn === ENDED ? undefined : state.turn
}

/** The state after a move. Throws if it is illegal. */
export function advance(state: State, move: Move): State {
  const seat = turn(state)
  if (seat === undefined) throw new Error('Over')
  const next = { owed: state.owed + (seat === 0 ? move.amount : -move.amount), turn: move.turn }
  check(next)
  return next
}

/** What each seat gets, in parts of 1e18. */
export function outcome(state: State): readonly bigint[] {
  check(state)
  return state.owed > 0n ? [0n, state.owed] : [-state.owed, 0n]
}

function check({ owed, turn }: State): void {
  if (owed > ONE || -owed > ONE) throw new Error('MoreThanLocked')
  if (turn > ENDED) throw new Error('NoSuchTurn')
}
