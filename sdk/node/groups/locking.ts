import type { Chain } from '../../chain/chain.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Address, Hex, Transfer } from '../../core/types.ts'
import type { Judged, Round } from '../../protocols/joint.ts'
import type { Engine } from '../engine.ts'
import type { GroupSlot } from './group-slot.ts'

/** A leg of a lock in a group. */
export interface GroupLeg {
  /** The session key of the member that it pays. */
  readonly to: string
  readonly key: Hex
}

/** What to lock in a group; what no leg takes comes back to this node. */
export interface GroupLockTerms {
  readonly amount: bigint
  /** Whom it pays by which outcome. */
  readonly legs: readonly GroupLeg[]
  /** Chain time in seconds; outcomes recorded later do not count. */
  readonly deadline: bigint
  /** 16 bytes; default: random. */
  readonly id?: Hex
  /** For the eyes of all members, at most 512 bytes. */
  readonly note?: Uint8Array
  readonly signal?: AbortSignal
}

/** A transfer that is locked in a group. */
export interface GroupTransfer {
  readonly id: Hex
  /** The session key of the member that locked it. */
  readonly from: Address
  /** With members by their index. */
  readonly transfer: Transfer
  readonly note: Uint8Array
}

/** What the registry held under these keys in the newest final block. */
export async function judgedOf(chain: Chain, keys: readonly Hex[]): Promise<Judged> {
  const { confirmedHead, confirmed } = await chain.survey(keys)
  const outcomes = new Map<Hex, Outcome>(keys.map((key, index) => [key, confirmed[index]!]))
  return { now: confirmedHead.timestamp, outcomes }
}

/** Tells what a final round locked and resolved. */
export function tellTransfers({ emitter }: Engine, { ledger }: GroupSlot, { locks, resolutions }: Round): void {
  const { channelId, asset, me } = ledger
  const as = (from: number) => ({ channelId, asset, direction: from === me ? 'out' : 'in' }) as const
  for (const lock of locks) emitter.emit({ kind: 'locked', ...as(lock.transfer.refundTo), ...lock })
  for (const { from, id, values } of resolutions)
    emitter.emit({ kind: 'resolved', ...as(from), id, resolution: { kind: 'unlock', values } })
}
