import { laneWordOf } from '../core/state.ts'
import { newestLaneWord } from '../core/word.ts'
import { type ChainFacts, type Ledger, nextGeneration } from './ledger.ts'
import type { Snapshot } from './pending.ts'
import { BlockedError, deaf } from './solvency.ts'
import { type LedgerEffect, type LedgerNews, type Step, type SubmittedState, stay } from './step.ts'
import { syncOf } from './syncing.ts'
import { reviewWithdrawal } from './withdrawing.ts'

// What the chain says, and what to do about it.
//
//   facts ─ did this generation end? ─▶ begin the next, sync
//     │no
//     ├─ disputed, time left ─ is a lane there older than mine? ─▶ submit
//     ├─ disputed, expired ─ do I know each lane's state? ─▶ settle; else look in the history
//     └─ always ─▶ review the withdrawal on its way; ask for updates that had to wait

/** A new view of the chain; the same one may come again, and so may what it leads to. */
export function observe(ledger: Ledger, { facts }: { readonly facts: ChainFacts }): Step {
  const before = ledger.facts
  const seen = { ...ledger, facts }
  if (facts.confirmed.generation > ledger.generation) return begin(ledger, facts)
  if (facts.latest.phase === 'disputed' && facts.latest.generation === ledger.generation) {
    const { expiry } = facts.latest
    const known = before?.latest.phase === 'disputed' && before.latest.expiry === expiry
    const told: LedgerEffect[] = known ? [] : [{ kind: 'notify', news: { kind: 'disputed', expiry } }]
    // It goes on until an agreement to end it is in a block.
    const { next, effects } = reviewWithdrawal(seen)
    return { next, effects: [...told, ...defend(next), ...effects] }
  }
  const { next, effects } = reviewWithdrawal(seen)
  const asks = next.missed && next.linked && !deaf(next)
  return { next, effects: asks ? [...effects, syncOf(next, true)] : effects }
}

function begin(ledger: Ledger, facts: ChainFacts): Step {
  // What a restored store missed of the next generation it cannot know either; one that ended before its eyes it can.
  const doubtful = ledger.doubtful && ledger.facts === undefined
  const fresh = { ...nextGeneration(ledger, facts.confirmed.generation), facts, doubtful }
  // Whether it ended by a dispute this side may not have seen; that a settlement reserved nothing is soon found out.
  const isLocked = [ledger.own, ledger.peer].some(({ newest, acked }) => newest.locked > 0n || acked.locked > 0n)
  const reserve: LedgerEffect[] = isLocked ? [{ kind: 'reserve', generation: ledger.generation }] : []
  return { next: fresh, effects: [...endOf(ledger, facts), ...reserve, syncOf(fresh, true)] }
}

/** Tells how the generation ended, and what became of the withdrawal on its way. */
function endOf(ledger: Ledger, facts: ChainFacts): LedgerEffect[] {
  const { inFlight, generation } = ledger
  const expiry = expiryOf(ledger)
  const closing = inFlight && inFlight.stage !== 'proposed' && inFlight.withdrawal.closing ? inFlight : undefined
  const isClosed = closing !== undefined && (expiry === undefined || closing.withdrawal.dispute === expiry)
  // Without a closing that this side signed only a settlement ends a generation, whether its dispute was seen or not. Nobody can
  // settle before the expiry; from then on only the chain's history knows which of the two paid everybody.
  const disputed = !isClosed || (expiry !== undefined && facts.confirmedHead.timestamp >= expiry)
  const told = (news: LedgerNews): LedgerEffect => ({ kind: 'notify', news })
  const ended = told({ kind: 'ended', generation, next: facts.confirmed.generation, disputed })
  if (!inFlight) return [ended]
  const id = inFlight.stage === 'granted' ? undefined : inFlight.request.id
  if (isClosed) return [ended, told({ kind: 'withdrawn', id, withdrawal: disputed ? undefined : closing.withdrawal })]
  if (inFlight.stage !== 'proposed' || !inFlight.request.closing) return [ended, told({ kind: 'expired', id })]
  // What it was to pay out is paid: whoever asked for it will find nothing left.
  return [ended, told({ kind: 'refused', id: inFlight.request.id, reason: 'the generation ended', again: true })]
}

/** The expiry of the dispute of this generation that was seen last, if any: its end may be visible before it is final. */
function expiryOf({ facts, generation }: Ledger): bigint | undefined {
  const words = facts ? [facts.latest, facts.confirmed] : []
  for (const word of words) if (word.phase === 'disputed' && word.generation === generation) return word.expiry
  return undefined
}

/** What the running dispute needs now. */
function defend(ledger: Ledger): LedgerEffect[] {
  const { facts } = ledger
  if (facts?.latest.phase !== 'disputed') return []
  const { expiry } = facts.latest
  if (facts.head.timestamp < expiry) {
    const states = enforceable(ledger).filter(({ state }) => state.version > versionOf(counting(facts, state.lane)))
    return states.length > 0 ? [{ kind: 'submit', states, expiry }] : []
  }
  const words = [counting(facts, 0), counting(facts, 1)] as const
  const states = words.flatMap((word) => find(ledger, word) ?? [])
  if (states.length < words.filter((word) => word !== 0n).length)
    return [{ kind: 'lookup', versions: [versionOf(words[0]), versionOf(words[1])] }]
  return [{ kind: 'settle', states, base: facts.base }]
}

/** The newest state of each lane that the peer signed: its own newest, and what it acknowledged of this side's. */
export function enforceable({ own, peer, me }: Ledger): EnforceableState[] {
  const mine = { state: own.acked, pending: own.ackedPending, signature: own.ack }
  const theirs = { state: peer.newest, pending: peer.pending, signature: peer.signature }
  return (me === 0 ? [mine, theirs] : [theirs, mine]).filter(({ state }) => state.version > 0n)
}

/** A state that the chain would take, and what is locked in it. */
type EnforceableState = SubmittedState & Snapshot

const versionOf = (laneWord: bigint): bigint => laneWord >> 192n

/** The lane word that would count at settlement. */
export const counting = ({ base, lanes }: ChainFacts, lane: number): bigint =>
  newestLaneWord(base[1 + lane] ?? 0n, lanes[lane] ?? 0n)

function find({ own, peer, unacked, shown }: Ledger, word: bigint): Snapshot | undefined {
  const ends = [own, peer].flatMap(({ newest, pending, acked, ackedPending }) => [
    { state: newest, pending },
    { state: acked, pending: ackedPending },
  ])
  const known = [...ends, ...unacked, ...shown]
  return known.find(({ state }) => state.version === versionOf(word) && laneWordOf(state) === word)
}

/** The states that a lookup found. What is still missing only the peer can settle with: it showed it. */
export function shown(ledger: Ledger, { states }: { readonly states: readonly Snapshot[] }): Step {
  const relevant = states.filter(({ state: { generation } }) => generation === ledger.generation)
  const next = { ...ledger, shown: relevant }
  if (ledger.facts?.latest.generation !== ledger.generation) return stay(next)
  return { next, effects: defend(next).filter(({ kind }) => kind !== 'lookup') }
}

/** The user wants the chain to decide. Throws what stops it. */
export function dispute(ledger: Ledger): Step {
  const { facts, frozen, doubtful, fresh, generation } = ledger
  // An old state would only be answered with a newer one, and would look like an attempt to cheat.
  if (frozen && frozen.code !== 'RESTORED') throw new BlockedError('LEDGER_FROZEN')
  if (doubtful) throw new BlockedError('RESTORED_NOT_COMPARED')
  if (!facts || !fresh) throw new BlockedError('CHAIN_VIEW_STALE')
  if (facts.latest.generation !== generation) throw new BlockedError('GENERATION_CHANGING')
  if (facts.latest.phase === 'disputed') return { next: ledger, effects: defend(ledger) }
  return { next: ledger, effects: [{ kind: 'submit', states: enforceable(ledger), expiry: 0n }] }
}
