// The twin of contracts/apps/RockPaperScissors.sol.

import { solidityPackedKeccak256, ZeroHash } from 'ethers'

/** 0: none; 1: rock; 2: paper; 3: scissors. */
export type Hand = number

export interface State {
  readonly commitment: `0x${string}`
  readonly hands: readonly Hand[]
}

/** Seat 0: `commitment`; seat 1: `hand`; seat 0: `hand` and `salt`. */
export interface Move {
  readonly commitment: `0x${string}`
  readonly hand: Hand
  readonly salt: `0x${string}`
}

const ONE = 10n ** 18n
const SCISSORS = 3
export const NONE = ZeroHash as `0x${string}`

export const opening: State = { commitment: NONE, hands: [0, 0] }

/** What seat 0 begins with; the salt is 32 random bytes, new for each game. */
export const commitmentTo = (hand: Hand, salt: `0x${string}`): `0x${string}` =>
  solidityPackedKeccak256(['uint256', 'bytes32'], [hand, salt]) as `0x${string}`

/** The seat whose move it is; undefined: over. */
export function turn({ commitment, hands }: State): number | undefined {
  if (hands.some((hand) => hand > SCISSORS)) throw new Error('no hand of these')
  const [mine, other] = hands
  if (commitment === NONE) return 0
  if (other === 0) return 1
  return mine === 0 ? 0 : undefined
}

/** The state after a move. Throws if it is illegal. */
export function advance(state: State, { commitment, hand, salt }: Move): State {
  const seat = turn(state)
  if (seat === undefined) throw new Error('Over')
  if (hand > SCISSORS) throw new Error('no hand of these')
  if (state.commitment === NONE) {
    if (commitment === NONE) throw new Error('NoCommitment')
    return { ...state, commitment }
  }
  if (seat === 0 && commitmentTo(hand, salt) !== state.commitment) throw new Error('WrongCommitment')
  if (hand === 0) throw new Error('NoHand')
  return { ...state, hands: state.hands.with(seat, hand) }
}

/** What each seat gets, in parts of 1e18. */
export function outcome(state: State): readonly bigint[] {
  const silent = turn(state)
  if (silent !== undefined) return silent === 0 ? [0n, ONE] : [ONE, 0n]
  const [mine, other] = state.hands as [Hand, Hand]
  if (mine === other) return [ONE / 2n, ONE / 2n]
  return (mine + 3 - other) % 3 === 1 ? [ONE, 0n] : [0n, ONE]
}
