import { laneWordOf } from '../core/state.ts'
import type { Channel, LedgerRef, State } from '../core/types.ts'
import { counting } from '../protocols/disputing.ts'
import type { ChainFacts } from '../protocols/ledger.ts'
import type { EnforceableState, Evidence } from './appointment.ts'

// What a tower does about disputes: no clock, chain or key, only what it holds and what the chain says.
//
//   a case ─ is its dispute or generation over, for good? ─▶ close
//     │no
//     ├─ disputed, time left ─ is a lane there older than what I hold? ─▶ answer, once others had their chance
//     └─ disputed, expired ─ told to settle, and do I know each lane's state? ─▶ settle

/** A ledger in dispute, or perhaps so, for which there are appointments. */
export interface Case extends LedgerRef {
  readonly channel: Channel
  /** From every appointment, opened and checked. */
  readonly evidence: readonly Evidence[]
  /** At most 2^worth are at stake: the highest that an appointment says. */
  readonly worth: number
  /** Block from which on the chain is to be looked at. */
  readonly since: number
  readonly facts: ChainFacts | undefined
}

/** How a tower works; seconds. */
export interface WatchPolicy {
  /** An answer is to be mined so long before the expiry, at a quarter of the challenge period at most. */
  readonly margin: bigint
  /** What others have to answer first, so that two towers do not both pay; at most half of the period. */
  readonly delay: bigint
  /** Also settles what it answered for, once it can be. */
  readonly settle: boolean
}

/** Raises lanes of a running dispute. */
export interface Answer extends LedgerRef {
  readonly kind: 'answer'
  readonly channel: Channel
  readonly generation: number
  /** Ascending by lane. */
  readonly states: readonly EnforceableState[]
  readonly expiry: bigint
  /** Chain time by which it should be mined. */
  readonly before: bigint
  /** The margin has begun and the chain still holds less. */
  readonly isLate: boolean
  readonly worth: number
}

export interface Settlement extends LedgerRef {
  readonly kind: 'settle'
  readonly channel: Channel
  readonly generation: number
  readonly base: readonly bigint[]
  readonly states: readonly State[]
  readonly worth: number
}

export type TowerAction = Answer | Settlement | (LedgerRef & { readonly kind: 'close' })

/** What these cases need now: answers first, the nearest deadline and then the most at stake in front. */
export function watch(cases: Iterable<Case>, policy: WatchPolicy): TowerAction[] {
  return [...cases].flatMap((one) => actionFor(one, policy) ?? []).sort(byNeed)
}

function actionFor(one: Case, policy: WatchPolicy): TowerAction | undefined {
  const { facts, channelId, asset, channel, worth } = one
  if (!facts) return undefined
  if (isOver(one, facts)) return { kind: 'close', channelId, asset }
  const { latest, head } = facts
  if (latest.phase !== 'disputed') return undefined
  const about = { channelId, asset, channel, generation: latest.generation, worth }
  if (head.timestamp >= latest.expiry) {
    const states = policy.settle ? countingStates(one, facts) : undefined
    return states && { kind: 'settle', ...about, base: facts.base, states }
  }
  const states = missingStates(one, facts)
  if (states.length === 0) return undefined
  const { expiry } = latest
  const period = BigInt(channel.period)
  if (head.timestamp < expiry - period + least(policy.delay, period / 2n)) return undefined
  const aim = expiry - least(policy.margin, period / 4n)
  const isLate = head.timestamp > aim
  return { kind: 'answer', ...about, states, expiry, before: isLate ? expiry : aim, isLate }
}

/** Nothing that is held can matter in this dispute any more, at any depth that a reorganisation reaches. */
function isOver({ evidence, since }: Case, { confirmed, confirmedHead, latest }: ChainFacts): boolean {
  if (evidence.every(({ generation }) => generation < confirmed.generation)) return true
  return confirmed.phase === 'open' && latest.phase === 'open' && confirmedHead.number >= since
}

/** Whether a dispute can no longer be answered, and counts less than what is held. */
export const isMissed = (one: Case, facts: ChainFacts): boolean =>
  facts.latest.phase === 'disputed' &&
  facts.head.timestamp >= facts.latest.expiry &&
  missingStates(one, facts).length > 0

/** The newest states held of the lanes that count less on chain, by lane. */
function missingStates({ evidence }: Case, facts: ChainFacts): EnforceableState[] {
  const newest = new Map<number, EnforceableState>()
  for (const { generation, states } of evidence) {
    if (generation !== facts.latest.generation) continue
    for (const signed of states) {
      const { lane, version } = signed.state
      // A version that the chain holds already would cost gas and change nothing.
      const known = newest.get(lane)?.state.version ?? counting(facts, lane) >> 192n
      if (version > known) newest.set(lane, signed)
    }
  }
  return [...newest.values()].sort((a, b) => a.state.lane - b.state.lane)
}

/** The states that the chain counts, if all are held; others only who showed them can settle with. */
function countingStates({ evidence }: Case, facts: ChainFacts): State[] | undefined {
  const held = evidence.flatMap(({ states }) => states.map(({ state }) => state))
  const words = [0, 1].map((lane) => counting(facts, lane)).filter((word) => word !== 0n)
  const states = words.flatMap((word) => held.find((state) => laneWordOf(state) === word) ?? [])
  return states.length === words.length ? states : undefined
}

function byNeed(a: TowerAction, b: TowerAction): number {
  if (a.kind !== 'answer' || b.kind !== 'answer') return rank(a) - rank(b)
  if (a.before !== b.before) return a.before < b.before ? -1 : 1
  return b.worth - a.worth
}

const rank = ({ kind }: TowerAction): number => ['answer', 'settle', 'close'].indexOf(kind)

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
