import type { Hex } from '../core/types.ts'
import {
  type Joint,
  type JointEvent,
  type JointPayment,
  type JointStep,
  jointSpendable,
  leftoverId,
  type Proposal,
  possible,
  type Round,
  rest,
  type Wish,
} from './joint.ts'
import { type BlockedCode, BlockedError, InsufficientBalanceError } from './solvency.ts'

/** Why no round may be signed now, if so. */
export function jointBlocked({ restored, named, facts, fresh, generation, order }: Joint): BlockedCode | undefined {
  if (restored) return 'GROUP_RESTORED'
  if (named) return 'GROUP_STALLED'
  if (!facts || !fresh) return 'CHAIN_VIEW_STALE'
  if (facts.latest.phase === 'disputed') return 'LEDGER_DISPUTED'
  if (facts.latest.generation !== generation || facts.confirmed.generation !== generation) return 'GENERATION_CHANGING'
  if (order?.withdrawal.closing) return 'LEDGER_CLOSING'
  return undefined
}

/** Takes what the user asks for; `declare` asks for a round. Throws `BlockedError` or `InsufficientBalanceError`. */
export function wish(joint: Joint, { wishes }: Extract<JointEvent, { kind: 'wish' }>): JointStep {
  const reason = jointBlocked(joint)
  if (reason) throw new BlockedError(reason)
  const whole = wishes.reduce((sum, { divisible, amount }) => (divisible ? sum : sum + amount), 0n)
  const left = jointSpendable(joint)
  if (whole > 0n && whole > left) throw new InsufficientBalanceError(left > 0n ? left : 0n, whole)
  const all = new Map([...joint.wishes, ...wishes.map((one) => [one.id, one] as const)])
  return rest({ ...joint, wishes: all })
}

/** Nobody waits for this wish any more. It stays, though, where it is signed. */
export function forget(joint: Joint, id: Hex): JointStep {
  const isSigned = possible(joint).some(({ payments }) =>
    payments.some((one) => one.from === joint.me && one.id === id),
  )
  if (isSigned) return rest(joint)
  const wishes = new Map(joint.wishes)
  wishes.delete(id)
  return rest({ ...joint, wishes })
}

/** What is asked for and not in a round that is complete. */
export const unanswered = ({ wishes, complete, untold, me }: Joint) => {
  const listed = new Set(
    [complete, ...untold].flatMap(({ payments }) => payments.map(({ from, id }) => `${from}/${id}`)),
  )
  return [...wishes.values()].filter(({ id }) => !listed.has(`${me}/${id}`))
}

/** Whether this member asked for everything that the proposal takes of it. */
export function isAgreed(joint: Joint, { payments }: Proposal): boolean {
  const open = new Map(unanswered(joint).map((one) => [one.id, one]))
  return payments.every(({ from, id, to, amount }) => {
    if (from !== joint.me) return true
    const asked = open.get(id)
    if (!asked || asked.to !== to || amount > asked.amount) return false
    return asked.divisible || amount === 0n || amount === asked.amount
  })
}

/** What is left to wish for once a round is final. */
export function withoutListed(joint: Joint, { payments, state }: Round): Joint {
  const wishes = new Map(joint.wishes)
  for (const { from, id, amount } of payments) {
    const asked = from === joint.me ? wishes.get(id) : undefined
    if (!asked) continue
    wishes.delete(id)
    if (!asked.divisible || amount === asked.amount) continue
    const left = leftoverId(id, state.version)
    wishes.set(left, { ...asked, id: left, amount: asked.amount - amount, standing: true })
  }
  return { ...joint, wishes }
}

/** A wish and whose it is. */
export interface OwnedWish {
  readonly from: number
  readonly wish: Wish
}

/**
 * What one round makes of all wishes, so that nobody ends below zero: payments count at once, so that what goes round in a circle needs no
 * money. Where somebody would end below zero, the divisible wishes of that member are cut, the last ones first; then whole ones are left out.
 */
export function compose(owned: readonly bigint[], wishes: readonly OwnedWish[]): JointPayment[] {
  const amounts = wishes.map(({ wish }) => wish.amount)
  const left = [...owned]
  for (const { from, wish } of wishes) {
    left[from]! -= wish.amount
    left[wish.to]! += wish.amount
  }
  const cut = (index: number, by: bigint) => {
    const { from, wish } = wishes[index]!
    amounts[index]! -= by
    left[from]! += by
    left[wish.to]! -= by
  }
  for (
    let short = left.findIndex((amount) => amount < 0n);
    short !== -1;
    short = left.findIndex((amount) => amount < 0n)
  ) {
    const index = nextToCut(short, amounts, wishes)
    // Below zero without having asked for anything: the chain took a deposit back, and nothing here mends that.
    if (index === undefined) return wishes.map(({ from, wish: { id, to } }) => ({ from, id, to, amount: 0n }))
    const need = -left[short]!
    cut(index, wishes[index]!.wish.divisible && need < amounts[index]! ? need : amounts[index]!)
  }
  return wishes.map(({ from, wish: { id, to } }, index) => ({ from, id, to, amount: amounts[index]! }))
}

/** The last divisible wish of a member that is not cut to nothing, or else its last whole one. */
function nextToCut(member: number, amounts: readonly bigint[], wishes: readonly OwnedWish[]): number | undefined {
  const open = [...wishes.keys()].filter((index) => wishes[index]!.from === member && amounts[index]! > 0n)
  return open.filter((index) => wishes[index]!.wish.divisible).at(-1) ?? open.at(-1)
}
