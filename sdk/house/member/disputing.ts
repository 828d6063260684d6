import { type Payment, paymentHash } from '../../clearing/account.ts'
import type { Finding } from '../../clearing/checking.ts'
import type { Challenge, Evidence, Membership } from '../../clearing/dispute.ts'
import type { Posting } from '../../clearing/posting.ts'
import { toHex } from '../../core/bytes.ts'
import type { Hex } from '../../core/types.ts'
import type { Desk } from './desk.ts'
import type { LockView } from './events.ts'
import { revertOf } from './exit-run.ts'
import { viewOf, viewOfHeld } from './locking.ts'
import type { Memory } from './memory.ts'
import { accountIn, type MemberState, type SeenEpoch } from './state.ts'
import { isOwed, paidIn } from './unlocking.ts'

// What a member can demand of an operator for an epoch, by what it holds.

/** By which a demand is sent once: what it asks for, and how new its evidence is. */
export function challengeName(one: Challenge): string {
  if (one.kind === 'credit') return `credit/${toHex(paymentHash(one.payment))}`
  if (one.kind === 'leg') return `leg/${toHex(paymentHash(one.payment))}/${one.leg}`
  if (one.kind !== 'leaf') return `${one.kind}/${one.receipt.payer}/${one.receipt.position}/${one.receipt.lock}`
  const { accounts, receipts, postings } = one.evidence
  return `leaf/${accounts.at(-1)?.seq ?? 0n}/${receipts.at(-1)?.seq ?? 0n}/${postings.at(-1)?.number ?? 0n}`
}

/** All that shows what the leaf must be: the newest of each, none of a later epoch. */
export function evidenceFor(
  member: Hex,
  number: bigint,
  cut: bigint,
  memory: Pick<Memory, 'state' | 'postings'>,
): Evidence {
  const { state, postings } = memory
  const account = state.books.findLast(({ book, countersignature }) => countersignature && book.epoch <= number)
  const receipt = newestReceipt(state, number)
  return {
    member,
    accounts: account ? [accountIn(account)] : [],
    receipts: receipt ? [receipt.receipt] : [],
    postings: telling([...postings.values()].filter((one) => one.number <= cut)),
    signatures: [...(account ? [account.countersignature!] : []), ...(receipt ? [receipt.signature] : [])].map(toHex),
  }
}

const newestReceipt = ({ receipts }: MemberState, number: bigint) =>
  receipts
    .filter(({ receipt }) => receipt.epoch <= number)
    .sort((a, b) => (a.receipt.seq < b.receipt.seq ? -1 : 1))
    .at(-1)

/** The first deposit, which shows since when there must be a leaf, and the last posting of each asset. */
function telling(postings: readonly Posting[]): Posting[] {
  const sorted = [...postings].sort((a, b) => (a.number < b.number ? -1 : 1))
  const first = sorted.find(({ amount }) => amount > 0n)
  const last = new Map(sorted.map((one) => [one.asset, one]))
  return [...new Set([...(first ? [first] : []), ...last.values()])].sort((a, b) => (a.number < b.number ? -1 : 1))
}

/** Any receipt of this member: it shows the court that there is a leaf. */
export function membershipFor(state: MemberState, number: bigint): Membership | undefined {
  const found = newestReceipt(state, number)
  return found && { receipt: found.receipt, signature: toHex(found.signature) }
}

/** What to demand where a check has found this. */
export function challengesFor(member: Hex, seen: SeenEpoch, findings: readonly Finding[], memory: Memory): Challenge[] {
  const { epoch } = seen
  const rules = new Set(findings.map(({ rule }) => rule))
  const challenges: Challenge[] = []
  const evidence = evidenceFor(member, epoch.number, epoch.cut, memory)
  challenges.push({ kind: 'leaf', epoch, evidence })
  if (rules.has('statuses') || rules.has('paid') || rules.has('refunded'))
    challenges.push(...ownLocks(member, seen, memory))
  if (rules.has('owed')) challenges.push(...lockCredits(seen, memory))
  return challenges
}

/** The sums of a leaf may be right where its single locks are not: each is asked for. */
function ownLocks(member: Hex, { epoch, book }: SeenEpoch, { state }: Memory): Challenge[] {
  const payer = membershipFor(state, epoch.number)
  if (!payer || !book) return []
  return book.locks.flatMap((lock, position): Challenge[] => {
    if (!lock) return []
    const { id } = viewOf(member, position, lock)
    const receipt = { payer: member, index: book.index, position, lock: id }
    return [{ kind: 'lock', epoch, receipt, lock, signature: '0x', payer }]
  })
}

function lockCredits({ epoch, proof }: SeenEpoch, memory: Memory): Challenge[] {
  const previous = memory.epochs.get(epoch.number - 1n)?.epoch
  if (!previous) return []
  const held = [...memory.held.values()].filter((one) => isOwed(memory, one, epoch.number))
  const isThere = (id: Hex, position: number) =>
    proof?.entries.some(
      (one) => one.kind === 'lock' && one.position === position && viewOf(one.payer, position, one.lock).id === id,
    )
  const payee = membershipFor(memory.state, epoch.number)
  return held
    .filter((one) => !isThere(viewOfHeld(one).id, one.receipt.position))
    .map(({ receipt, lock, signature }) => ({
      kind: 'lockCredit',
      previous,
      epoch,
      receipt,
      lock,
      signature: toHex(signature),
      ...(payee && { payee }),
    }))
}

/** That the payee of this payment was credited. */
export function creditChallenges(state: MemberState, payment: Payment): Challenge[] {
  const payer = membershipFor(state, payment.epoch)
  return payer ? [{ kind: 'credit', payment, payer }] : []
}

/** What has become of a lock; of one in this member's favour also its credit, in the epoch that has seen it decided. */
export function lockChallenges(member: Hex, seen: SeenEpoch, lock: LockView, memory: Memory): Challenge[] {
  if (lock.direction === 'out') {
    const own = ownLocks(member, seen, memory)
    return own.filter((one) => one.kind === 'lock' && one.receipt.lock === lock.id)
  }
  const held = [...memory.held.values()].find((one) => viewOfHeld(one).id === lock.id)
  if (!held) return []
  const { receipt, signature } = held
  const payee = membershipFor(memory.state, seen.epoch.number)
  const status = { epoch: seen.epoch, receipt, lock: held.lock, signature: toHex(signature), ...(payee && { payee }) }
  const previous = memory.epochs.get(seen.epoch.number - 1n)?.epoch
  // A decided lock may stand nowhere any more: what it paid is asked for instead.
  if (held.decidedIn === undefined || paidIn(memory, held) !== undefined) return [{ kind: 'lock', ...status }]
  return previous ? [{ kind: 'lockCredit', previous, ...status }] : []
}

/** Challenges one after the other; what somebody demanded before has to be answered all the same. */
export async function challengeAll(
  { chain, id, tell }: Pick<Desk, 'chain' | 'id' | 'tell'>,
  number: bigint,
  challenges: readonly Challenge[],
): Promise<void> {
  for (const challenge of challenges) {
    try {
      const intent = `house/${id}/challenge/${number}/${challengeName(challenge)}`
      const { transaction } = await chain.challenge(challenge, { intent })
      tell({ kind: 'disputed', number, transaction })
    } catch (error) {
      if (revertOf(error) !== 'AlreadyChallenged') throw error
    }
  }
}

/** The bonds of challenges about this member that nobody answered; each goes back to whoever paid it. */
export async function reclaimAll({ chain, id }: Pick<Desk, 'chain' | 'id'>, number: bigint): Promise<void> {
  for (const { id: name, demand } of await chain.openDemands(number)) {
    const isOwn = demand.about === 'leaf' ? demand.member === id : demand.from === id || demand.to === id
    if (isOwn) await chain.reclaim(demand, { intent: `house/reclaim/${name}` })
  }
}
