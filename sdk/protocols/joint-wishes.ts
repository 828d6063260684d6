import { toHex } from '../core/bytes.ts'
import { appendTransfer, least, transferLeaf } from '../core/transfer.ts'
import type { Hex } from '../core/types.ts'
import {
  type Acts,
  type Joint,
  type JointEvent,
  type JointLock,
  type JointPayment,
  type JointStep,
  jointSpendable,
  leftoverId,
  listedBy,
  type Netter,
  NO_ACTS,
  type OwnedWish,
  possible,
  type Ready,
  type Round,
  rest,
  standing,
  type Wish,
} from './joint.ts'
import { stateAfter, withLock } from './joint-acts.ts'
import { jointBlocked } from './joint-blocked.ts'
import { allows, resolvable, withoutEnded } from './joint-locks.ts'
import { findLocked, type Pending } from './pending.ts'
import { BlockedError, InsufficientBalanceError } from './solvency.ts'

/** Takes what the user asks for; `declare` asks for a round. Throws `BlockedError`, `InsufficientBalanceError` or `InvalidTransferError`. */
export function wish(joint: Joint, { wishes }: Extract<JointEvent, { kind: 'wish' }>): JointStep {
  const reason = jointBlocked(joint)
  if (reason) throw new BlockedError(reason)
  const whole = wishes.reduce((sum, { divisible, amount }) => (divisible ? sum : sum + amount), 0n)
  const left = jointSpendable(joint)
  if (whole > 0n && whole > left) throw new InsufficientBalanceError(left > 0n ? left : 0n, whole)
  const all = new Map([...joint.wishes, ...wishes.map((one) => [one.id, one] as const)])
  const locks = [...all.values()].flatMap(({ lock }) => lock ?? [])
  locks.reduce((list, { transfer }) => appendTransfer(list, transfer), joint.complete.pending.list)
  return rest({ ...joint, wishes: all })
}

/** Nobody waits for this wish any more. It stays, though, where it is signed. */
export function forget(joint: Joint, id: Hex): JointStep {
  const isSigned = possible(joint).some((round) =>
    listedBy(round).some((one) => one.from === joint.me && one.id === id),
  )
  if (isSigned) return rest(joint)
  const wishes = new Map(joint.wishes)
  wishes.delete(id)
  return rest({ ...joint, wishes })
}

/** What is asked for and not in a round that is complete: what a final one lists is asked for no more. */
export const unanswered = ({ wishes, untold, me }: Joint) => {
  const listed = new Set(untold.flatMap((round) => listedBy(round).map(({ from, id }) => `${from}/${id}`)))
  return [...wishes.values()].filter(({ id }) => !listed.has(`${me}/${id}`))
}

/** Whether this member asked for everything that the proposal takes of it. */
export function isAgreed(joint: Joint, { payments, locks, resolutions }: Acts): boolean {
  const open = new Map(unanswered(joint).map((one) => [one.id, one]))
  const { pending } = joint.complete
  return (
    payments.every((one) => one.from !== joint.me || isWished(open.get(one.id), one)) &&
    locks.every(({ id, ...lock }) => lock.transfer.refundTo !== joint.me || isSameLock(open.get(id)?.lock, lock)) &&
    resolutions.every(({ id, values }) => allows(joint, findLocked(pending, id)!, values))
  )
}

function isWished(asked: Wish | undefined, { to, amount }: JointPayment): boolean {
  if (!asked || asked.to !== to || amount > asked.amount) return false
  if (asked.lock) return amount === 0n
  return asked.divisible || amount === 0n || amount === asked.amount
}

const isSameLock = (asked: Wish['lock'], { transfer, note }: Omit<JointLock, 'id'>): boolean =>
  asked !== undefined &&
  toHex(transferLeaf(asked.transfer)) === toHex(transferLeaf(transfer)) &&
  toHex(asked.note) === toHex(note)

/** What is left to wish for once a round is final. */
export function withoutListed(joint: Joint, round: Round): Joint {
  const { payments, locks, state } = round
  const wishes = new Map(joint.wishes)
  for (const { id, transfer } of locks) if (transfer.refundTo === joint.me) wishes.delete(id)
  for (const { from, id, amount } of payments) {
    const asked = from === joint.me ? wishes.get(id) : undefined
    if (!asked) continue
    wishes.delete(id)
    if (!asked.divisible || amount === asked.amount) continue
    const left = leftoverId(id, state.version)
    wishes.set(left, { ...asked, id: left, amount: asked.amount - amount, standing: true })
  }
  return { ...joint, wishes, resolutions: withoutEnded(joint, round) }
}

/** What a round does for members who say this, on the newest complete version: money that a transfer gives back can be spent at once. */
export function gather(joint: Joint, version: bigint, readies: readonly Ready[], net: Netter): Acts {
  const { complete } = joint
  const ending = { ...NO_ACTS, resolutions: resolvable(complete.pending, readies) }
  const freed = stateAfter(complete, version, ending)
  const { state, pending } = freed ?? complete
  const wishes = readies.flatMap((ready, from) => ready.wishes.map((wish) => ({ from, wish })))
  const fits = fitting(pending, complete.pending, version, wishes)
  const made = compose(
    standing(joint, state),
    wishes.filter((one) => fits.has(one)),
    net,
  )
  const left = wishes
    .filter((one) => !fits.has(one))
    .map(({ from, wish: { id, to } }) => ({ from, id, to, amount: 0n }))
  const lockOf = new Map(wishes.map(({ from, wish }) => [`${from}/${wish.id}`, wish.lock]))
  const locks = made.flatMap(({ from, id, amount }) => {
    const lock = amount > 0n ? lockOf.get(`${from}/${id}`) : undefined
    return lock ? [{ id, ...lock }] : []
  })
  const payments = [...made, ...left].filter(({ from, id, amount }) => amount === 0n || !lockOf.get(`${from}/${id}`))
  return { payments, locks, resolutions: freed ? ending.resolutions : [] }
}

/** All wishes but locks for which there is no room, or whose id is taken. */
function fitting(pending: Pending, before: Pending, version: bigint, wishes: readonly OwnedWish[]): Set<OwnedWish> {
  let room = pending
  const fits = wishes.filter(({ wish: { id, lock } }) => {
    if (!lock) return true
    const next = findLocked(before, id) ? undefined : withLock(room, { id, ...lock }, version)
    room = next ?? room
    return next !== undefined
  })
  return new Set(fits)
}

/**
 * What one round makes of all wishes, so that nobody ends below zero. Whole payments come first: all count at once, and where somebody would
 * end below zero its last ones are left out. What is then left to each is for the divisible ones, which `net` fits in.
 */
export function compose(owned: readonly bigint[], wishes: readonly OwnedWish[], net: Netter): JointPayment[] {
  const amounts = new Map<OwnedWish, bigint>()
  const left = [...owned]
  for (const divisible of [false, true]) {
    const some = wishes.filter(({ wish }) => wish.divisible === divisible)
    // Below zero without having asked for anything: the chain took a deposit back, and nobody signs before that is mended.
    const found = left.some((amount) => amount < 0n) ? some.map(() => 0n) : (divisible ? net : cutLast)(left, some)
    for (const [index, one] of some.entries()) {
      const amount = found[index]!
      amounts.set(one, amount)
      left[one.from]! -= amount
      if (!one.wish.lock) left[one.wish.to]! += amount
    }
  }
  return wishes.map((one) => ({ from: one.from, id: one.wish.id, to: one.wish.to, amount: amounts.get(one)! }))
}

/** Cuts the last wishes of whoever would end below zero, until nobody does: divisible ones as far as needed, whole ones completely. */
export function cutLast(owned: readonly bigint[], wishes: readonly OwnedWish[]): bigint[] {
  const amounts = wishes.map(({ wish }) => wish.amount)
  const left = [...owned]
  const move = (index: number, by: bigint) => {
    const { from, wish } = wishes[index]!
    left[from]! -= by
    // What is locked is nobody's until it is divided.
    if (!wish.lock) left[wish.to]! += by
  }
  for (const index of wishes.keys()) move(index, amounts[index]!)
  const firstShort = () => left.findIndex((amount) => amount < 0n)
  for (let short = firstShort(); short !== -1; short = firstShort()) {
    const index = wishes.findLastIndex(({ from }, at) => from === short && amounts[at]! > 0n)
    const cut = wishes[index]!.wish.divisible ? least(-left[short]!, amounts[index]!) : amounts[index]!
    amounts[index]! -= cut
    move(index, -cut)
  }
  return amounts
}
