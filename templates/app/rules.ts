// The twin of contracts/Nim.sol: the same rules in TypeScript, for speed. test/nim.test.ts compares the two.

/** Matches that are left, and whose turn it is. */
export interface State {
  readonly heap: number
  readonly seat: number
}

export interface Move {
  readonly take: number
}

const ONE = 10n ** 18n
const MOST = 3

/** The seat whose move it is; undefined: over. */
export function turn({ heap, seat }: State): number | undefined {
  return heap === 0 ? undefined : seat
}

/** The state after a move. Throws if it is illegal. */
export function advance({ heap, seat }: State, { take }: Move): State {
  if (take < 1 || take > MOST || take > heap) throw new Error('CannotTake')
  return { heap: heap - take, seat: seat === 0 ? 1 : 0 }
}

/** What each seat gets, in parts of 1e18. */
export function outcome({ seat }: State): readonly bigint[] {
  return seat === 0 ? [0n, ONE] : [ONE, 0n]
}
