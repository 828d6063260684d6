import { toHex } from '../core/bytes.ts'
import { WHOLE } from '../core/outcome.ts'
import { countedValues, transferLeaf } from '../core/transfer.ts'
import type { Hex } from '../core/types.ts'
import type { Joint, JointEvent, JointResolution, JointStep, JointTerms, Ready, Round } from './joint.ts'
import { possible, rest } from './joint.ts'
import { jointBlocked } from './joint-blocked.ts'
import { findLocked, gainOf, InvalidOperationError, type Locked, type Pending } from './pending.ts'
import { keysOf } from './redeeming.ts'
import { BlockedError } from './solvency.ts'

// How transfers of a group end. Whoever could get less by that than the transfer may still give it has to agree; what the registry has
// decided it agrees to by itself, once it has looked.
//
//   resolve ─▶ ready (to all) ─ all who have to agree say the same ─▶ a round is wanted, with it
//                 └─▶ the others ask the registry: decided just so? ─▶ they agree

const leafOf = ({ transfer }: Locked): Hex => toHex(transferLeaf(transfer))

const isSame = (a: readonly bigint[], b: readonly bigint[]): boolean =>
  a.length === b.length && a.every((value, leg) => value === b[leg])

const isFitting = ({ transfer }: Locked, values: readonly bigint[]): boolean =>
  values.length === transfer.legs.length && values.every((value) => value >= 0n && value <= WHOLE)

/** Whether these values may give a member less than the transfer still might: all others lose nothing by them. */
export function hasToAgree(member: number, { transfer }: Locked, values: readonly bigint[]): boolean {
  const isParty = transfer.refundTo === member || transfer.legs.some(({ to }) => to === member)
  return isParty && gainOf(member, transfer, { kind: 'unlock', values }) < transfer.amount
}

/** The values by which the registry has decided it, if this member has looked for just that. */
function decidedValues({ judged }: Joint, { transfer }: Locked): readonly bigint[] | undefined {
  // A key that was not asked for is not one without an outcome.
  if (!judged || !transfer.legs.every(({ key }) => judged.outcomes.has(key))) return undefined
  return countedValues(transfer, (key) => judged.outcomes.get(key), judged.now)
}

/** The values to which the user agreed, for this very transfer. */
function wishedValues({ resolutions }: Joint, item: Locked): readonly bigint[] | undefined {
  const wished = resolutions.get(item.id)
  return wished && wished.leaf === leafOf(item) ? wished.values : undefined
}

const mentions =
  ({ id }: Locked, values: readonly bigint[]) =>
  (one: JointResolution): boolean =>
    one.id === id && isSame(one.values, values)

/** What members say of each transfer. */
function byTransfer(readies: Iterable<Ready>): Map<Hex, JointResolution[]> {
  const all = new Map<Hex, JointResolution[]>()
  for (const { resolutions } of readies)
    for (const one of resolutions) all.set(one.id, [...(all.get(one.id) ?? []), one])
  return all
}

/** What this member says it agrees to: what its user asked for, and what the registry decided of what others ask for. */
export function agreed(joint: Joint): JointResolution[] {
  const { complete, readies } = joint
  const asked = byTransfer(readies.values())
  return complete.pending.items.flatMap((item) => {
    const wished = wishedValues(joint, item)
    const decided = asked.has(item.id) ? decidedValues(joint, item) : undefined
    const all = [wished, decided && wished && isSame(decided, wished) ? undefined : decided]
    return all.flatMap((values) => (values ? [{ from: item.transfer.refundTo, id: item.id, values }] : []))
  })
}

/** Whether this member signs that a transfer ends so. */
export function allows(joint: Joint, item: Locked, values: readonly bigint[]): boolean {
  if (!hasToAgree(joint.me, item, values)) return true
  return [wishedValues(joint, item), decidedValues(joint, item)].some((known) => known && isSame(known, values))
}

/** Whether everybody who has to agree says that it does. */
const isAgreedBy = (item: Locked, values: readonly bigint[], readyOf: (member: number) => Ready | undefined) => {
  const { refundTo, legs } = item.transfer
  return [refundTo, ...legs.map(({ to }) => to)]
    .filter((member) => hasToAgree(member, item, values))
    .every((member) => readyOf(member)?.resolutions.some(mentions(item, values)))
}

/** Which transfers end in a round of members who say this. */
export function resolvable({ items }: Pending, readies: readonly Ready[]): JointResolution[] {
  const asked = byTransfer(readies)
  return items.flatMap((item) => {
    const found = asked
      .get(item.id)
      ?.find(({ values }) => isFitting(item, values) && isAgreedBy(item, values, (member) => readies[member]))
    return found ? [{ from: item.transfer.refundTo, id: item.id, values: found.values }] : []
  })
}

/** Whether something that the user asked for needs nobody's consent any more but a round. */
export function isRipe(joint: Joint, mine: Ready): boolean {
  const { complete, readies, me } = joint
  return complete.pending.items.some((item) => {
    const values = wishedValues(joint, item)
    return values && isAgreedBy(item, values, (member) => (member === me ? mine : readies.get(member)))
  })
}

/** How often the registry is asked at most, within the patience. */
const LOOKS = 4

/** Something new was asked for: the registry is asked soon, but not at once again. */
export const judgeSoon = (joint: Joint, { patience }: JointTerms): Joint => ({
  ...joint,
  judging: { ...joint.judging, pause: Math.min(joint.judging.pause, patience / LOOKS) },
})

/** Whether a member agrees to something that it did not agree to before. */
export const agreesToMore = (before: Joint, after: Joint): boolean => {
  const known = agreed(before)
  return agreed(after).some((one) => !known.some(({ id, values }) => id === one.id && isSame(values, one.values)))
}

/** Looks whether the registry has decided what others ask for, and this member does not agree to yet. */
export function judge(joint: Joint, { patience, limit }: JointTerms): JointStep {
  const { now, judging } = joint
  if (now - judging.at < judging.pause || jointBlocked(joint)) return rest(joint)
  const asked = byTransfer(joint.readies.values())
  const items = joint.complete.pending.items.filter(({ id }) => asked.has(id))
  const isOpen = items.some((item) => {
    const isRefused = asked.get(item.id)!.some(({ values }) => isFitting(item, values) && !allows(joint, item, values))
    return isRefused && !decidedValues(joint, item)
  })
  if (!isOpen) return rest(joint)
  // One answer about all of them: parts of two answers would not be of one moment.
  const keys = keysOf(items.map(({ transfer }) => transfer))
  // Ever more seldom: whoever asks for what is not decided must not keep everybody's RPC busy.
  const pause = Math.min(Math.max(2 * judging.pause, patience / LOOKS), limit)
  return { next: { ...joint, judging: { at: now, pause } }, effects: [{ kind: 'judge', keys }] }
}

/** What a member may say of each transfer: what its user asked for, and what the registry decided. */
const MAX_EACH = 2

/** Whether a member says no more of any transfer than it may. */
export const isModest = (ready: Ready): boolean =>
  [...byTransfer([ready]).values()].every(({ length }) => length <= MAX_EACH)

/** What a member asks for that it did not ask for before. */
export function newlyAsked({ complete, readies }: Joint, from: number, { resolutions }: Ready): JointResolution[] {
  const before = readies.get(from)?.resolutions ?? []
  return resolutions.filter((one) => {
    const item = findLocked(complete.pending, one.id)
    return item && isFitting(item, one.values) && !before.some(mentions(item, one.values))
  })
}

/** What others asked for of transfers that this round locked, before it was known here. */
export const askedEarly = ({ readies }: Joint, { locks }: Round): JointResolution[] =>
  [...readies.values()].flatMap(({ resolutions }) =>
    resolutions.filter(({ id }) => locks.some((lock) => lock.id === id)),
  )

/** The user agrees that a transfer ends so. Throws `BlockedError` or `InvalidOperationError`. */
export function resolve(joint: Joint, { id, values }: Extract<JointEvent, { kind: 'resolve' }>): JointStep {
  const reason = jointBlocked(joint)
  if (reason) throw new BlockedError(reason)
  const item = findLocked(joint.complete.pending, id)
  if (!item) throw new InvalidOperationError(`No transfer ${id} is locked here.`)
  if (!isFitting(item, values))
    throw new InvalidOperationError(`The values ${values.join(', ')} do not fit ${item.transfer.legs.length} legs.`)
  const resolutions = new Map([...joint.resolutions, [id, { values, leaf: leafOf(item) }] as const])
  return rest({ ...joint, resolutions })
}

/** The user agrees no longer. It stays, though, where it is signed. */
export function recant(joint: Joint, id: Hex): JointStep {
  const isSigned = possible(joint).some((round) => round.resolutions.some((one) => one.id === id))
  if (isSigned) return rest(joint)
  const resolutions = new Map(joint.resolutions)
  resolutions.delete(id)
  return rest({ ...joint, resolutions })
}

/** What the user still agrees to once a round is final. */
export function withoutEnded(joint: Joint, round: Round): Joint['resolutions'] {
  const resolutions = new Map(joint.resolutions)
  for (const { id } of round.resolutions) resolutions.delete(id)
  return resolutions
}
