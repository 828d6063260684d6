import type { HouseTerms } from './house-chain.ts'

// As in contracts/Bonds.sol.
const ANSWER_GAS = 250_000n
const GWEI = 1_000_000_000n
const MAX_DOUBLINGS = 6n

/** The bond of a challenge at this base fee, to an epoch with so many open challenges. */
export function bondAt(
  baseFee: bigint,
  open: number,
  { answerTime, answerTimeEach, answerTimeMost }: Pick<HouseTerms, 'answerTime' | 'answerTimeEach' | 'answerTimeMost'>,
): bigint {
  const half = (answerTimeMost - answerTime) / answerTimeEach / 2n
  const above = BigInt(open) - half
  const doublings = above <= 0n ? 0n : 1n + (above * 8n) / half
  const most = doublings > MAX_DOUBLINGS ? MAX_DOUBLINGS : doublings
  return (((2n * baseFee * ANSWER_GAS) << most) / GWEI + 1n) * GWEI
}
