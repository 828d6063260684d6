import { least } from '../core/transfer.ts'
import type { Hex } from '../core/types.ts'
import {
  type Joint,
  type JointEvent,
  type JointPayment,
  type JointStep,
  jointSpendable,
  leftoverId,
  type Netter,
  type OwnedWish,
  type Proposal,
  possible,
  type Round,
  rest,
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
      left[one.wish.to]! += amount
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
    left[wish.to]! += by
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
