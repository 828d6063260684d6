import { encode, from as parameters } from 'ox/AbiParameters'
import { toBytes, toHex } from '../core/bytes.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Hex } from '../core/types.ts'

/** A deposit or a request to withdraw, docs/clearing.md §3; each commits to all before it. */
export interface Posting {
  /** The first one is 1. */
  readonly number: bigint
  /** Hash of the posting before; zero: it is the first one. */
  readonly previous: Hex
  readonly member: Hex
  readonly asset: number
  /** What was deposited; zero in a request. */
  readonly amount: bigint
  /** What the member has deposited in this asset for life. */
  readonly deposited: bigint
  /** What it wants to have withdrawn for life. */
  readonly requested: bigint
  /** What all members have deposited for life, per asset. */
  readonly totals: readonly bigint[]
}

const POSTING = parameters(
  '(uint64 number,bytes32 previous,bytes32 member,uint8 asset,uint128 amount,uint128 deposited,uint128 requested,uint128[] totals) posting',
)

/** What the chain keeps of a posting. */
export const postingHash = (posting: Posting): Hex => toHex(keccak256(toBytes(encode(POSTING, [posting] as never))))
