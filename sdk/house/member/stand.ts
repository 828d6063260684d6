import { type HouseLock, type LockReceipt, statusRow } from '../../clearing/account.ts'
import type { Proof } from '../../clearing/dispute.ts'
import { type Epoch, leafRow } from '../../clearing/epoch.ts'
import { climbTally, tallyHash } from '../../clearing/tally.ts'
import { toHex } from '../../core/bytes.ts'
import type { Hex } from '../../core/types.ts'

// That a lock in this member's favour stands in an epoch, as an exit shows it: in the payer's leaf, undecided.

/** Where a lock stood when an epoch was cut. */
export interface Stand {
  readonly epoch: Epoch
  /** The payer's leaf. */
  readonly proof: Proof
  /** Of the undecided lock in that leaf's statuses. */
  readonly statusPath: readonly Hex[]
}

/** Whether the chain would take it: the leaf is in the epoch, and the lock undecided in the leaf. */
export function isStanding(
  { lock, receipt }: { readonly lock: HouseLock; readonly receipt: LockReceipt },
  stand: Stand,
): boolean {
  const { epoch, proof, statusPath } = stand
  const assets = epoch.left.length
  if (proof.leaf.member !== receipt.payer || proof.index !== receipt.index || lock.asset >= assets) return false
  const members = climbTally(leafRow(proof.leaf), proof.index, proof.path)
  if (!members || toHex(tallyHash(members)) !== toHex(tallyHash(epoch.members))) return false
  const row = statusRow(lock, { paid: 0n, refunded: 0n, live: lock.amount }, assets)
  const statuses = climbTally(row, receipt.position, statusPath)
  return statuses !== undefined && toHex(tallyHash(statuses)) === proof.leaf.statuses
}
