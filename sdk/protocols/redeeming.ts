import { type LaneList, laneList } from '../core/calldata.ts'
import type { Reserve } from '../core/settlement.ts'
import { isDecided, leavesRoot, type Outcomes, transferLeaf } from '../core/transfer.ts'
import type { Hex, Transfer } from '../core/types.ts'

// Transfers on the chain: which to show at a settlement, and which to redeem from what it reserved.
//
//   settle ─ decided? ─▶ shown in full and divided at once │ undecided ─▶ only the leaf: reserved
//   reserved ─ which were paid? (the root tells) ─ all others decided? ─▶ redeem

/** All keys that transfers ask for. */
export const keysOf = (transfers: readonly Transfer[]): Hex[] => [
  ...new Set(transfers.flatMap(({ legs }) => legs.map(({ key }) => key))),
]

/** The list of a lane to settle with; undefined if none of its transfers is decided, so that it is reserved whole. */
export function settlementList(
  lane: number,
  transfers: readonly Transfer[],
  outcomes: Outcomes,
  now: bigint,
): LaneList | undefined {
  const decided = transfers.map((transfer) => isDecided(transfer, outcomes, now))
  if (!decided.includes(true)) return undefined
  return laneList(lane, transfers, (_, position) => decided[position]!)
}

/** What is left of a lane after its settlement, or undefined while a transfer is undecided. */
export function redemptionList(
  { lane, root }: Reserve,
  transfers: readonly Transfer[],
  outcomes: Outcomes,
  now: bigint,
): LaneList | undefined {
  const settled = settledPositions(root, transfers, outcomes)
  if (!settled) return undefined
  const left = transfers.filter((_, position) => !settled.has(position))
  if (!left.every((transfer) => isDecided(transfer, outcomes, now))) return undefined
  return laneList(lane, transfers, () => true, settled)
}

/**
 * The positions that a settlement paid, so that the rest has this root. Whoever settled showed what was decided as far as it knew:
 * everything that had been decided up to some moment. Undefined if no such moment fits.
 */
export function settledPositions(
  root: Hex,
  transfers: readonly Transfer[],
  outcomes: Outcomes,
): ReadonlySet<number> | undefined {
  const leaves = transfers.map(transferLeaf)
  if (leavesRoot(leaves) === root) return new Set()
  const order = transfers
    .map((transfer, position) => ({ position, at: decidedAt(transfer, outcomes) }))
    .sort((a, b) => Number(a.at - b.at) || a.position - b.position)
  const settled = new Set<number>()
  for (const { position } of order) {
    leaves[position] = new Uint8Array(32)
    settled.add(position)
    if (leavesRoot(leaves) === root) return settled
  }
  return undefined
}

/** From which chain time on a transfer is decided. */
function decidedAt({ legs, deadline }: Transfer, outcomes: Outcomes): bigint {
  let latest = 0n
  for (const { key } of legs) {
    const outcome = outcomes(key)
    const at = outcome && outcome.recordedAt > 0n && outcome.recordedAt <= deadline ? outcome.recordedAt : deadline + 1n
    if (at > latest) latest = at
  }
  return latest
}
