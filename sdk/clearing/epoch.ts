import { encode, from } from 'ox/AbiParameters'
import { toBytes, toHex } from '../core/bytes.ts'
import { keccak256 } from '../core/keccak.ts'
import { ZERO_HASH } from '../core/state.ts'
import type { Hex } from '../core/types.ts'
import { type Row, sumWord, type Tally } from './tally.ts'
import { hashWords, type Word } from './words.ts'

/** A member's money in one asset, docs/clearing.md §2. */
export interface Line {
  readonly deposited: bigint
  readonly credits: bigint
  readonly debits: bigint
  readonly locked: bigint
  readonly paid: bigint
  readonly refunded: bigint
  readonly withdrawn: bigint
  readonly leaving: bigint
}

/** What a member has in one epoch. */
export interface Leaf {
  readonly member: Hex
  readonly seq: bigint
  readonly locks: Hex
  readonly statuses: Hex
  readonly payments: Hex
  readonly income: Hex
  readonly lines: readonly Line[]
}

/** All that an operator commits to. */
export interface Epoch {
  readonly number: bigint
  readonly cutTime: bigint
  readonly cut: bigint
  readonly cutHash: Hex
  readonly members: Tally
  /** What has left the house up to this epoch, per asset. */
  readonly left: readonly bigint[]
  readonly limits: Tally
}

const LINE = ['deposited', 'credits', 'debits', 'locked', 'paid', 'refunded', 'withdrawn', 'leaving'] as const

const TALLY = '(uint256 depth,bytes32 node,uint256[] sums)'
const EPOCH = from(
  `(uint64 number,uint64 cutTime,uint64 cut,bytes32 cutHash,${TALLY} members,uint256[] left,${TALLY} limits) epoch`,
)

/** What stands where there is no member. */
export function emptyLeaf(assets: number): Leaf {
  const line = Object.fromEntries(LINE.map((field) => [field, 0n])) as unknown as Line
  const none = { member: ZERO_HASH, locks: ZERO_HASH, statuses: ZERO_HASH, payments: ZERO_HASH, income: ZERO_HASH }
  return { ...none, seq: 0n, lines: new Array<Line>(assets).fill(line) }
}

/** What the member could spend before anything left in this epoch. */
export const availableOf = (line: Line): bigint =>
  line.deposited + line.credits + line.refunded - line.debits - line.locked - (line.withdrawn - line.leaving)

/** What the member can spend. */
export const balanceOf = (line: Line): bigint => availableOf(line) - line.leaving

/** What is locked and not decided. */
export const liveOf = (line: Line): bigint => line.locked - line.paid - line.refunded

export const leafHash = (leaf: Leaf): Uint8Array => {
  const lines: Word[] = leaf.lines.flatMap((line) => LINE.map((field) => line[field]))
  return hashWords([leaf.member, leaf.seq, leaf.locks, leaf.statuses, leaf.payments, leaf.income, hashWords(lines)])
}

/** The leaf's row in the tree of members. */
export const leafRow = (leaf: Leaf): Row => ({
  hash: leafHash(leaf),
  sums: leaf.lines.map((line) => sumWord(balanceOf(line) + liveOf(line), line.leaving)),
})

/** What the chain keeps 192 bits of. */
export const epochHash = (epoch: Epoch): Hex => {
  const tally = ({ depth, node, sums }: Tally) => ({ depth: BigInt(depth), node, sums })
  const value = { ...epoch, members: tally(epoch.members), limits: tally(epoch.limits) }
  return toHex(keccak256(toBytes(encode(EPOCH, [value] as never))))
}
