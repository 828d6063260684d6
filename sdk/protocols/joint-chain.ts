import { toHex } from '../core/bytes.ts'
import { isIndex } from '../core/channel.ts'
import { laneWordOf, ZERO_HASH } from '../core/state.ts'
import { COIN, type Withdrawal, type WithdrawalPart } from '../core/types.ts'
import { withdrawalDigest } from '../core/withdrawal.ts'
import { counting } from './disputing.ts'
import {
  type Consented,
  type Joint,
  type JointEffect,
  type JointNews,
  type JointStep,
  type JointTerms,
  jointSpendable,
  newJoint,
  type Ordered,
  possible,
  type Round,
  rest,
  standing,
  then,
} from './joint.ts'
import { jointBlocked } from './joint-blocked.ts'
import type { ChainFacts } from './ledger.ts'
import type { Snapshot } from './pending.ts'
import { BlockedError, InsufficientBalanceError } from './solvency.ts'
import { WithdrawalPendingError } from './withdrawing.ts'

// What the chain says of a group's ledger, and what to do about it; withdrawals that all members sign.
//
//   facts ─ did this generation end? ─▶ begin the next
//     │no
//     ├─ disputed, time left ─ does the chain count less than is complete here? ─▶ submit
//     ├─ disputed, expired ─ is what counts known? ─▶ settle
//     └─ open ─ has a round stalled? ─▶ submit, which starts a dispute

const tell = (news: JointNews): JointEffect => ({ kind: 'notify', news })

/** A new view of the chain. */
export function observeJoint(joint: Joint, facts: ChainFacts, terms: JointTerms): JointStep {
  if (facts.confirmed.generation > joint.generation) return begin(joint, facts, terms)
  const before = joint.facts
  const next = reviewOrder({ ...joint, facts })
  const { latest } = facts
  if (latest.phase !== 'disputed' || latest.generation !== joint.generation)
    return then(next, (one) => defend(one, terms))
  const known = before?.latest.phase === 'disputed' && before.latest.expiry === latest.expiry
  const seen = { ...next.next, alarmed: known ? joint.alarmed : joint.now }
  const told = known ? [] : [tell({ kind: 'disputed', expiry: latest.expiry })]
  return then({ next: seen, effects: [...next.effects, ...told] }, (one) => defend(one, terms))
}

function begin(joint: Joint, facts: ChainFacts, terms: JointTerms): JointStep {
  const { order, generation, me, now, fresh } = joint
  const closing = order?.withdrawal.closing && joint.facts?.latest.phase !== 'disputed' ? order.withdrawal : undefined
  const paid = closing ? partOf(closing, me) : settledFor(joint)
  const ended: JointNews = { kind: 'ended', generation, disputed: closing === undefined, paid }
  const restored = joint.restored && joint.facts === undefined
  const fresher = newJoint(joint, me, terms.channel.members.length, facts.confirmed.generation)
  const next: Joint = { ...fresher, restored, facts, now, fresh, named: closing ? undefined : joint.named }
  // Which version counted is soon found out, and whether anything was reserved for transfers in it.
  const reserve: JointEffect[] = closing || isBlank(joint) ? [] : [{ kind: 'reserve', generation }]
  return {
    next,
    effects: [...(closing ? [tell({ kind: 'withdrawn', withdrawal: closing })] : []), tell(ended), ...reserve],
  }
}

const isBlank = ({ complete, shown }: Joint): boolean => complete.state.version === 0n && shown.length === 0

const partOf = ({ parts }: Withdrawal, member: number): bigint =>
  parts.reduce((sum, part) => (part.member === member ? sum + part.amount : sum), 0n)

/** What a settlement by what the chain counted last gives this member. */
function settledFor(joint: Joint): bigint {
  const { facts, me } = joint
  if (!facts) return 0n
  const counted = facts.latest.phase === 'disputed' ? countedRound(joint, facts) : joint.complete
  const owned = (facts.latestBalances[me] ?? 0n) + (counted?.state.credits[me] ?? 0n)
  return owned > 0n ? owned : 0n
}

/** What would count at a settlement, if it is known here. */
const countedRound = (joint: Joint, facts: ChainFacts): Round | undefined =>
  [...possible(joint), ...joint.untold, ...joint.shown].find(({ state }) => laneWordOf(state) === counting(facts, 0))

/** What the chain has to hear now. One member after the other has its turn, so that they do not all send the same. */
function defend(joint: Joint, { patience }: JointTerms): JointStep {
  const { facts, alarmed, now, complete, me, named } = joint
  if (!facts || facts.latest.generation !== joint.generation || alarmed === undefined) return rest(joint)
  const waited = now - alarmed
  const round = complete.state.version > 0n ? complete : undefined
  if (facts.latest.phase !== 'disputed') {
    const isFunded = facts.latestBalances.some((balance) => balance !== 0n)
    if (!named || !isFunded || waited < patience * me) return rest(joint)
    return { next: joint, effects: [{ kind: 'submit', round, expiry: 0n }] }
  }
  const { expiry } = facts.latest
  const left = expiry - facts.head.timestamp
  if (left <= 0n) {
    const overSince = joint.overSince ?? now
    const next = { ...joint, overSince }
    return now - overSince < patience * me ? rest(next) : settle(next, facts)
  }
  // Whoever waits for its turn keeps half of the time that is left.
  if (waited < Math.min(patience * me, (Number(left) * 1_000) / 2)) return rest(joint)
  if (!round || complete.state.version <= counting(facts, 0) >> 192n) return rest(joint)
  return { next: joint, effects: [{ kind: 'submit', round, expiry }] }
}

function settle(joint: Joint, facts: ChainFacts): JointStep {
  const word = counting(facts, 0)
  const round = word === 0n ? undefined : countedRound(joint, facts)
  if (word !== 0n && !round) return { next: joint, effects: [{ kind: 'lookup', version: word >> 192n }] }
  const counted: Snapshot | undefined = round && { state: round.state, pending: round.pending }
  return { next: joint, effects: [{ kind: 'settle', counted, base: facts.base }] }
}

/** The rounds that a lookup found. Who showed another one can settle with it. */
export function shownJoint(joint: Joint, rounds: readonly Round[]): JointStep {
  const next = { ...joint, shown: rounds.filter(({ state }) => state.generation === joint.generation) }
  const { facts } = next
  const isKnown = facts?.latest.phase === 'disputed' && countedRound(next, facts) !== undefined
  return isKnown && facts.head.timestamp >= facts.latest.expiry ? settle(next, facts) : rest(next)
}

/** Time passes: turns come, and a stall that an earlier run stored goes on. */
export function tickJointChain(joint: Joint, terms: JointTerms): JointStep {
  const next = joint.named && joint.alarmed === undefined ? { ...joint, alarmed: joint.now } : joint
  return defend(next, terms)
}

/** The user wants the chain to decide. Throws what stops it. */
export function disputeJoint(joint: Joint): JointStep {
  const { facts, fresh, generation, complete } = joint
  if (!facts || !fresh) throw new BlockedError('CHAIN_VIEW_STALE')
  if (facts.latest.generation !== generation) throw new BlockedError('GENERATION_CHANGING')
  if (facts.latest.phase === 'disputed') return rest(joint)
  const round = complete.state.version > 0n ? complete : undefined
  return { next: joint, effects: [{ kind: 'submit', round, expiry: 0n }] }
}

/** This member asks for a withdrawal. Throws what stops it. */
export function order(joint: Joint, withdrawal: Withdrawal, terms: JointTerms): JointStep {
  const reason = refusal(joint, withdrawal, true)
  if (reason) throw reason
  return toOrder(joint, { withdrawal, mine: true, consents: new Map() }, terms)
}

function toOrder(joint: Joint, ordering: NonNullable<Joint['ordering']>, { domain }: JointTerms): JointStep {
  const digest = withdrawalDigest(domain, ordering.withdrawal)
  return { next: { ...joint, ordering }, effects: [{ kind: 'sign', what: 'order', digest }] }
}

/** The signature was made: the money counts as gone until the order expires or is executed. */
export function orderSigned(joint: Joint, signature: Uint8Array, terms: JointTerms): JointStep {
  const order = { ...joint.ordering!, own: signature }
  const next = { ...joint, ordering: undefined, order, orderedAt: joint.now }
  return { next, effects: saidOf(next, terms) }
}

/** What a member says of the order that it signed. */
function saidOf({ order }: Joint, { domain }: JointTerms): JointEffect[] {
  if (!order) return []
  const { withdrawal, own: signature } = order
  const digest = toHex(withdrawalDigest(domain, withdrawal))
  const message = order.mine
    ? ({ kind: 'order', withdrawal, signature } as const)
    : ({ kind: 'agree', digest, signature } as const)
  return [{ kind: 'send', to: undefined, message }]
}

/** Says again what a member asked for, in case it was not heard. */
export const remindOrder = (joint: Joint, terms: JointTerms): JointStep => ({
  next: joint,
  effects: joint.order?.mine ? saidOf(joint, terms) : [],
})

/** Another member asks for a withdrawal. */
export function hearOrder(
  joint: Joint,
  from: number,
  { withdrawal, signature }: Ordered,
  terms: JointTerms,
): JointStep {
  if (joint.order && sameOrder(joint.order.withdrawal, withdrawal, terms))
    return { next: joint, effects: joint.order.mine ? [] : saidOf(joint, terms) }
  if (refusal(joint, withdrawal, false)) return rest(joint)
  const { signer } = terms.channel.members[from]!
  if (!terms.verify(withdrawalDigest(terms.domain, withdrawal), signature, signer)) return rest(joint)
  return toOrder(joint, { withdrawal, mine: false, consents: new Map([[from, signature]]) }, terms)
}

const sameOrder = (a: Withdrawal, b: Withdrawal, { domain }: JointTerms): boolean =>
  toHex(withdrawalDigest(domain, a)) === toHex(withdrawalDigest(domain, b))

/** Why this member does not sign an order now, if so: nothing may leave that a state, which may count, gives to somebody else. */
function refusal(joint: Joint, withdrawal: Withdrawal, mine: boolean): Error | undefined {
  const { facts, complete, signed, me } = joint
  const reason = jointBlocked(joint)
  if (reason && reason !== 'GROUP_STALLED') return new BlockedError(reason)
  if (joint.order) return new WithdrawalPendingError()
  const { confirmedBalances, latestBalances } = facts!
  const early = new BlockedError('AWAITING_CONFIRMATIONS')
  const isFit = withdrawal.parts.every(
    ({ member, amount }) => isIndex(member, complete.state.credits.length) && amount > 0n,
  )
  if (!isFit || !isTimely(facts!, withdrawal)) return early
  const own = withdrawal.parts.filter(({ member }) => member === me)
  if (!withdrawal.closing) {
    const isAsked = mine ? own.length === withdrawal.parts.length : own.length === 0
    return isAsked ? shortOf(joint, withdrawal.parts) : early
  }
  if (complete.pending.items.length > 0) return new BlockedError('TRANSFERS_PENDING')
  // A closing pays by the newest complete state, so nothing above it may be possible; and to each its own owner.
  const isFinal = signed.length === 0 && confirmedBalances.every((balance, i) => balance === latestBalances[i])
  const isExact = standing(joint, complete.state).every((amount, member) => amount === partOf(withdrawal, member))
  const isHome = own.every(({ to, toChannel }) => to === COIN && toChannel === ZERO_HASH)
  return isFinal && isExact && isHome ? undefined : early
}

/** Chain seconds that an order is valid for: so long others cannot ask for one. A member's view of the chain may lag as much behind. */
export const ORDER_SECONDS = 600n

/** Whether the chain could take it next, and its signatures are void soon if it does not. */
function isTimely({ confirmed, latest, confirmedHead }: ChainFacts, withdrawal: Withdrawal): boolean {
  return (
    confirmed.phase === 'open' &&
    latest.phase === 'open' &&
    confirmed.seq === latest.seq &&
    withdrawal.generation === confirmed.generation &&
    withdrawal.seq === confirmed.seq &&
    withdrawal.dispute === 0n &&
    withdrawal.validUntil <= confirmedHead.timestamp + 2n * ORDER_SECONDS
  )
}

function shortOf(joint: Joint, parts: readonly WithdrawalPart[]): Error | undefined {
  for (const { state } of possible(joint)) {
    const left = standing(joint, state)
    for (const { member, amount } of parts) left[member]! -= amount
    const short = left.findIndex((amount) => amount < 0n)
    if (short === -1) continue
    const owned = standing(joint, state)[short]!
    return new InsufficientBalanceError(owned > 0n ? owned : 0n, owned - left[short]!)
  }
  const mine = parts.reduce((sum, part) => (part.member === joint.me ? sum + part.amount : sum), 0n)
  const spendable = jointSpendable(joint)
  return mine > spendable ? new InsufficientBalanceError(spendable > 0n ? spendable : 0n, mine) : undefined
}

/** The parts of a withdrawal of everything: to each its due. */
export const closingParts = (joint: Joint, blank: Omit<WithdrawalPart, 'member' | 'amount'>): WithdrawalPart[] =>
  standing(joint, joint.complete.state).flatMap((amount, member) => (amount > 0n ? [{ member, amount, ...blank }] : []))

/** Another member's consent to an order of this one. */
export function hearConsent(
  joint: Joint,
  from: number,
  { digest, signature }: Consented,
  terms: JointTerms,
): JointStep {
  const { order } = joint
  if (!order || order.consents.has(from)) return rest(joint)
  const expected = withdrawalDigest(terms.domain, order.withdrawal)
  if (toHex(expected) !== digest || !terms.verify(expected, signature, terms.channel.members[from]!.signer))
    return rest(joint)
  const next = { ...joint, order: { ...order, consents: new Map([...order.consents, [from, signature] as const]) } }
  return retryOrder(next, terms)
}

/** Whoever asked executes it; the others, one after the other, if it does not. What goes into another channel only its owner can show. */
function execution({ order, me, now, orderedAt }: Joint, { channel, patience }: JointTerms): JointEffect[] {
  if (!order) return []
  const isHome = order.withdrawal.parts.every(({ toChannel }) => toChannel === ZERO_HASH)
  if (!order.mine && (!isHome || now - orderedAt < patience * (me + 1))) return []
  const signatures = channel.members.map((_, member) => (member === me ? order.own : order.consents.get(member)))
  if (!signatures.every((signature) => signature !== undefined)) return []
  return [{ kind: 'execute', withdrawal: order.withdrawal, signatures: signatures as Uint8Array[] }]
}

/** Looks whether the order on its way was executed, or cannot be any more. */
function reviewOrder(joint: Joint): JointStep {
  const { order, facts } = joint
  if (!order || !facts) return rest(joint)
  const { withdrawal } = order
  const { confirmed, confirmedHead } = facts
  const over = (kind: 'withdrawn' | 'expired'): JointStep => ({
    next: { ...joint, order: undefined },
    effects: [tell({ kind, withdrawal })],
  })
  if (confirmed.phase === 'open' && confirmed.seq > withdrawal.seq) return over('withdrawn')
  return confirmedHead.timestamp > withdrawal.validUntil ? over('expired') : rest(joint)
}

/** Sends again what all have signed and no block shows. */
export const retryOrder = (joint: Joint, terms: JointTerms): JointStep => ({
  next: joint,
  effects: execution(joint, terms),
})
