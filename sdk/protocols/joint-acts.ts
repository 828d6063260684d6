import { isIndex } from '../core/channel.ts'
import { AMOUNT_BOUND } from '../core/state.ts'
import { leavesRoot, type Share, validateTransfer } from '../core/transfer.ts'
import type { Hex } from '../core/types.ts'
import type { Acts, JointLock } from './joint.ts'
import { findLocked, lockIn, type Pending, resolveIn, type Snapshot } from './pending.ts'

/** Bytes that the note of a lock may have in a group: every round is sent and stored with all that is locked. */
export const MAX_JOINT_NOTE = 512

/** Whether a member can lock this in a group: its own money, for others. */
export function isFitLock({ transfer, note }: Omit<JointLock, 'id'>, from: number, members: number): boolean {
  const isOwn = transfer.refundTo === from && transfer.legs.every(({ to }) => to !== from)
  if (!isOwn || note.length > MAX_JOINT_NOTE) return false
  const checked = tried(() => {
    validateTransfer(transfer, members)
    return transfer
  })
  return checked !== undefined
}

/** What is locked once this is as well; undefined if there is no room for it, or the id is taken. */
export const withLock = (pending: Pending, lock: JointLock, since: bigint): Pending | undefined =>
  tried(() => lockIn(pending, { ...lock, since }))

/** Undefined where a transfer does not fit. */
function tried<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

/** The state that acts make of their base, with what is locked in it; undefined if one of them does not fit. */
export function stateAfter(base: Snapshot, version: bigint, acts: Acts): Snapshot | undefined {
  const credits = [...base.state.credits]
  const ended = endAll(base.pending, acts)
  if (!ended || !isFit(acts, credits.length)) return undefined
  for (const { to, amount } of ended.shares) credits[to]! += amount
  for (const { from, to, amount } of acts.payments) {
    credits[from]! -= amount
    credits[to]! += amount
  }
  let { pending } = ended
  for (const lock of acts.locks) {
    const next = withLock(pending, lock, version)
    if (!next || findLocked(base.pending, lock.id)) return undefined
    pending = next
    credits[lock.transfer.refundTo]! -= lock.transfer.amount
  }
  if (credits.some((credit) => credit <= -AMOUNT_BOUND || credit >= AMOUNT_BOUND)) return undefined
  const { locked, leaves } = pending.list
  const transfersRoot = pending === base.pending ? base.state.transfersRoot : leavesRoot(leaves)
  return { state: { ...base.state, version, credits, locked, transfersRoot }, pending }
}

/** What is left of the locked transfers, and who gets what of those that end. */
function endAll(before: Pending, { resolutions }: Acts): { pending: Pending; shares: Share[] } | undefined {
  let pending = before
  const all: Share[] = []
  for (const { from, id, values } of resolutions) {
    if (findLocked(pending, id)?.transfer.refundTo !== from) return undefined
    const next = tried(() => resolveIn(pending, id, { kind: 'unlock', values }))
    if (!next) return undefined
    pending = next.pending
    all.push(...next.shares)
  }
  return { pending, shares: all }
}

/** Whether payments and locks can stand in one round: all between members, and no wish twice. */
function isFit({ payments, locks }: Acts, members: number): boolean {
  const known = new Set<string>()
  const isNew = (from: number, id: Hex) => known.size < known.add(`${from}/${id}`).size
  return (
    payments.every(
      ({ from, id, to, amount }) =>
        isIndex(from, members) && isIndex(to, members) && from !== to && amount >= 0n && isNew(from, id),
    ) &&
    locks.every((lock) => isFitLock(lock, lock.transfer.refundTo, members) && isNew(lock.transfer.refundTo, lock.id))
  )
}
