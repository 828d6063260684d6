import type { Hex } from '../core/types.ts'

/** The newest block a view was taken at. */
export interface Head {
  readonly number: number
  readonly hash: Hex
  /** Seconds; decisions use this clock and no other. */
  readonly timestamp: bigint
}

export interface SendOptions {
  /** Names the purpose; the same intent is never sent twice, across restarts too. A reverted one may be sent again. */
  readonly intent: string
  /** Chain time in seconds by which it must be mined; raises the fee as it comes near. */
  readonly before?: bigint
  /** What is at stake: of two calls that are both due soon, or both later, the heavier one is sent first. */
  readonly weight?: bigint
  /** Any account may send it: a spare sender steps in when the first one cannot pay. */
  readonly anySender?: boolean
  /** Ends the waiting; a transaction that was broadcast stays so. */
  readonly signal?: AbortSignal
}

export interface ChainReceipt {
  readonly transaction: Hex
  readonly block: Head
  readonly gasUsed: bigint
}
