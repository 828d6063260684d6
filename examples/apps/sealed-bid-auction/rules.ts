// The twin of contracts/apps/SealedBidAuction.sol.

import { solidityPackedKeccak256 } from 'ethers'

/** `lot` and `reserve` in parts of 1e18, like bids. */
export interface State {
  readonly bidders: number
  readonly secondPrice: boolean
  readonly lot: bigint
  readonly reserve: bigint
  readonly commitments: readonly `0x${string}`[]
  readonly bids: readonly bigint[]
}

/** First: `commitment`; later: `bid` and `salt`. */
export interface Move {
  readonly commitment: `0x${string}`
  readonly bid: bigint
  readonly salt: `0x${string}`
}

const ONE = 10n ** 18n
const MAX_BIDDERS = 8

/** What all agree on first. */
export const opening = (terms: Pick<State, 'bidders' | 'secondPrice' | 'lot' | 'reserve'>): State => ({
  ...terms,
  commitments: [],
  bids: [],
})

/** What a bidder commits to; bidder k is seat `bidders + k`. The salt is 32 random bytes, new for each auction. */
export const commitmentTo = (seat: number, bid: bigint, salt: `0x${string}`): `0x${string}` =>
  solidityPackedKeccak256(['uint256', 'uint256', 'bytes32'], [seat, bid, salt]) as `0x${string}`

/** The seat whose move it is; undefined: over. */
export function turn(state: State): number | undefined {
  check(state)
  const { bidders, commitments, bids } = state
  if (commitments.length < bidders) return bidders + commitments.length
  return bids.length < bidders ? bidders + bids.length : undefined
}

/** The state after a move. Throws if it is illegal. */
export function advance(state: State, { commitment, bid, salt }: Move): State {
  const seat = turn(state)
  if (seat === undefined) throw new Error('Over')
  const { bidders, commitments, bids, lot } = state
  if (commitments.length < bidders) return { ...state, commitments: [...commitments, commitment] }
  if (commitmentTo(seat, bid, salt) !== commitments[bids.length]) throw new Error('WrongCommitment')
  if (bid > ONE - lot) throw new Error('BidTooHigh')
  return { ...state, bids: [...bids, bid] }
}

/** What each seat gets, in parts of 1e18. */
export function outcome(state: State): readonly bigint[] {
  check(state)
  const { bidders, commitments, bids, lot } = state
  const nothing = Array<bigint>(2 * bidders).fill(0n)
  if (commitments.length < bidders) return nothing
  if (bids.length < bidders) return nothing.with(bids.length, ONE)
  const [winner, price] = result(state)
  return winner < 0 ? nothing : nothing.with(winner, price).with(bidders + winner, lot)
}

function result({ bids, reserve, secondPrice }: State): readonly [winner: number, price: bigint] {
  const good = bids.filter((bid) => bid >= reserve && bid !== 0n).sort((a, b) => (a < b ? 1 : a > b ? -1 : 0))
  const [first, second = reserve] = good
  if (first === undefined) return [-1, 0n]
  return [bids.indexOf(first), secondPrice ? second : first]
}

function check({ bidders, lot, reserve, commitments, bids }: State): void {
  const fits = bidders > 0 && bidders <= MAX_BIDDERS && lot + reserve <= ONE && bids.every((bid) => lot + bid <= ONE)
  const inOrder = bids.length === 0 || commitments.length === bidders
  if (!fits || !inOrder || commitments.length > bidders || bids.length > bidders) throw new Error('BadTerms')
}
