// The twin of contracts/apps/Escrow.sol.

/** `turn` 3: decided. The other two are parts of the price, in 1e18. */
export interface State {
  readonly turn: number
  readonly toSeller: bigint
  readonly fallbackToSeller: bigint
}

export interface Move {
  readonly action: number
  readonly toSeller: bigint
}

const ONE = 10n ** 18n
const [BUYER, SELLER, REFEREE, DECIDED] = [0, 1, 2, 3]

export const ACTION = { release: 0, refuse: 1, refund: 2, call: 3, divide: 4 } as const

const ALLOWED: readonly (readonly number[])[] = [
  [ACTION.release, ACTION.refuse, ACTION.call],
  [ACTION.refund, ACTION.call],
  [ACTION.divide],
]

/** What all agree on first: what the seller gets if a referee who was called is silent. */
export const opening = (fallbackToSeller: bigint): State => ({ turn: BUYER, toSeller: 0n, fallbackToSeller })

/** The seat whose move it is; undefined: over. */
export function turn(state: State): number | undefined {
  check(state)
  return state.turn === DECIDED ? undefined : state.turn
}

/** The state after a move. Throws if it is illegal. */
export function advance(state: State, { action, toSeller }: Move): State {
  const seat = turn(state)
  if (seat === undefined) throw new Error('Over')
  if (!ALLOWED[seat]?.includes(action)) throw new Error('NotAllowed')
  if (action === ACTION.refuse) return { ...state, turn: SELLER }
  if (action === ACTION.call) return { ...state, turn: REFEREE }
  const decided = action === ACTION.release ? ONE : action === ACTION.refund ? 0n : toSeller
  if (decided > ONE) throw new Error('MoreThanAll')
  return { ...state, turn: DECIDED, toSeller: decided }
}

/** What each seat gets, in parts of 1e18. */
export function outcome(state: State): readonly bigint[] {
  check(state)
  const seller = [ONE, 0n, state.fallbackToSeller, state.toSeller][state.turn]!
  return [ONE - seller, seller, 0n]
}

function check({ turn, toSeller, fallbackToSeller }: State): void {
  if (turn > DECIDED) throw new Error('NoSuchTurn')
  if (toSeller > ONE || fallbackToSeller > ONE) throw new Error('MoreThanAll')
}
