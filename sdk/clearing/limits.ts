import { toBytes, toHex } from '../core/bytes.ts'
import { least } from '../core/transfer.ts'
import type { Hex } from '../core/types.ts'
import type { Epoch, Line } from './epoch.ts'
import { climbTally, type Row, sumWord, tallyHash } from './tally.ts'

// What the stake insures, docs/clearing.md §7.

/** A member's limits in one epoch, per asset, with their path in its tree of limits. They stand at the member's index. */
export interface Limits {
  readonly amounts: readonly bigint[]
  readonly path: readonly Hex[]
}

/** A member's leaf in the tree of limits. */
export const limitRow = (member: Hex, amounts: readonly bigint[]): Row => ({
  hash: toBytes(member, 32),
  sums: amounts.map((amount) => sumWord(amount)),
})

/** Whether a member has these limits in an epoch. */
export function standsIn(epoch: Epoch, member: Hex, index: number, { amounts, path }: Limits): boolean {
  const top = amounts.length === epoch.left.length && climbTally(limitRow(member, amounts), index, path)
  return top ? toHex(tallyHash(top)) === toHex(tallyHash(epoch.limits)) : false
}

/**
 * What the stake owes if the house halts: what was credited since the last final epoch, less what was spent since, up to the limit.
 * `line`: in the last final epoch; `credits`: of the newest receipt; `spent`: debits and locks in the account that has most of them.
 */
export function insuredOf(line: Line, limit: bigint, credits: bigint, spent: bigint): bigint {
  const before = line.debits + line.locked
  const net = credits - line.credits - (spent > before ? spent - before : 0n)
  return net > 0n ? least(net, limit) : 0n
}
