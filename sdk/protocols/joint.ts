import { toHex } from '../core/bytes.ts'
import { Writer } from '../core/codec.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Outcome } from '../core/outcome.ts'
import { ZERO_HASH } from '../core/state.ts'
import { least } from '../core/transfer.ts'
import type { Hex, LedgerRef, State, Transfer, Withdrawal } from '../core/types.ts'
import type { ChainFacts, Terms } from './ledger.ts'
import { NOTHING_LOCKED, type Snapshot } from './pending.ts'

// A channel of 3 to 32 members: one lane, whose states all members sign (docs/groups.md).
//
//   wish ─▶ ready (to all) ─ all are ready ─▶ the proposer of the version proposes ─▶ each checks, signs, votes (to all)
//                │                                                                          │
//                │◀── patience over: the next version, and so the next proposer ◀───────────┤ all voted
//                └── limit over: those who are missing are named, the chain decides         └──▶ the round is complete

/** A transfer that its member, `refundTo`, locks; the id names it to all while it is locked. */
export interface JointLock {
  readonly id: Hex
  readonly transfer: Transfer
  readonly note: Uint8Array
}

/** How a transfer of member `from` ends: divided by these values, one a leg. */
export interface JointResolution {
  readonly from: number
  readonly id: Hex
  readonly values: readonly bigint[]
}

/** What a member asks for: a payment to another, or a lock. */
export interface Wish {
  /** 16 bytes; names it to the member that asks. */
  readonly id: Hex
  readonly to: number
  readonly amount: bigint
  /** The amount is locked by this instead of paid; `to` is then the payee of its first leg. */
  readonly lock?: Omit<JointLock, 'id'>
  /** Any part of it will do; else all of it or nothing. */
  readonly divisible: boolean
  /** Left over from a round: it joins the next one, and asks for none itself. Known to its member alone. */
  readonly standing?: true
}

/** Names what a round left over of a divisible wish. */
export const leftoverId = (id: Hex, version: bigint): Hex =>
  toHex(keccak256(new Writer(24).hex(id, 16).u64(version).finish()).subarray(0, 16))

/** What a round makes of a wish; 0n: nothing of it, be it a payment or a lock. */
export interface JointPayment {
  readonly from: number
  readonly id: Hex
  readonly to: number
  readonly amount: bigint
}

/** What a version does to its base: transfers end first, then all is paid and locked at once. */
export interface Acts {
  readonly payments: readonly JointPayment[]
  readonly locks: readonly JointLock[]
  readonly resolutions: readonly JointResolution[]
}

export const NO_ACTS: Acts = { payments: [], locks: [], resolutions: [] }

/** The content of a version: its acts, and the state that they make of the complete state `base`. */
export interface Round extends Acts, Snapshot {
  readonly base: bigint
}

/** A version that this member signed and does not hold complete: somebody else may. */
export interface SignedRound extends Round {
  /** The proposer's signature, and one's own; 64 bytes each. */
  readonly proposed: Uint8Array
  readonly own: Uint8Array
}

/** A version with the signatures of all members, in their order; none at version 0n. */
export interface CompleteRound extends Round {
  readonly signatures: readonly Uint8Array[]
}

/** What a member says of itself before a round. */
export interface Ready {
  readonly kind: 'ready'
  /** The version it expects to be proposed next. */
  readonly attempt: bigint
  /** Its newest complete version. */
  readonly complete: bigint
  /** It wants a round, or heard of somebody who does. */
  readonly wants: boolean
  readonly wishes: readonly Wish[]
  /** How it agrees that transfers end: as its user asked, or as the registry has decided. */
  readonly resolutions: readonly JointResolution[]
}

/** The proposer of a version says what is in it. */
export interface Proposal extends Acts {
  readonly kind: 'propose'
  readonly version: bigint
  readonly base: bigint
  /** The proposer's over the state that follows. */
  readonly signature: Uint8Array
}

/** A member's signature over a version, and the proposer's, which shows what was proposed to it. */
export interface Vote {
  readonly kind: 'vote'
  readonly version: bigint
  /** Of the state, 32 bytes. */
  readonly digest: Hex
  readonly signature: Uint8Array
  readonly proposed: Uint8Array
}

/** The newest vote of the receiver that the sender holds: it shows whether the receiver's store has forgotten it. */
export interface Echo {
  readonly kind: 'echo'
  readonly version: bigint
  readonly digest: Hex
  readonly signature: Uint8Array
}

/** For a member that lacks it. */
export interface Completed {
  readonly kind: 'complete'
  readonly round: CompleteRound
}

/** Asks all for their consent to a withdrawal, and gives the asking member's: nobody can bind others to what it does not sign itself. */
export interface Ordered {
  readonly kind: 'order'
  readonly withdrawal: Withdrawal
  readonly signature: Uint8Array
}

export interface Consented {
  readonly kind: 'agree'
  /** Of the withdrawal, 32 bytes. */
  readonly digest: Hex
  readonly signature: Uint8Array
}

export type JointMessage = Ready | Proposal | Vote | Echo | Completed | Ordered | Consented

/** A vote and whose it is. */
export interface HeardVote extends Vote {
  readonly member: number
}

/** A withdrawal that this member has signed: it may be executed until it expires. */
export interface Order {
  readonly withdrawal: Withdrawal
  readonly own: Uint8Array
  /** This member asked for it. */
  readonly mine: boolean
  /** Consents of others that have come, by member. */
  readonly consents: ReadonlyMap<number, Uint8Array>
}

/** What the registry held in a final block. */
export interface Judged {
  /** Of that block, in chain seconds. */
  readonly now: bigint
  /** Of every key that was asked for. */
  readonly outcomes: ReadonlyMap<Hex, Outcome>
}

/** What one member knows of one asset of a group. */
export interface Joint extends LedgerRef {
  readonly me: number
  readonly generation: number
  /** The newest version with all signatures. */
  readonly complete: CompleteRound
  /** What this member signed above it, ascending: the chain may count any of these. */
  readonly signed: readonly SignedRound[]
  /** Complete versions that a signed one above may still void, ascending: told once it cannot. */
  readonly untold: readonly Round[]
  /** Came out of a backup, or was shown a signature that the store forgot: signs no state in this generation. */
  readonly restored: boolean
  readonly order: Order | undefined
  /** The members that a stalled round named; the chain decides then. */
  readonly named: readonly number[] | undefined
  // What follows is learned anew after every start, so it is not stored.
  /** By id, in the order in which they came. */
  readonly wishes: ReadonlyMap<Hex, Wish>
  /** How the user agrees that transfers end, and the leaf of each: under its id another one may stand later. */
  readonly resolutions: ReadonlyMap<Hex, { readonly values: readonly bigint[]; readonly leaf: Hex }>
  readonly judged: Judged | undefined
  /** When the registry was asked last, and how long it is left alone then; milliseconds of `now`. */
  readonly judging: { readonly at: number; readonly pause: number }
  /** The version that is tried. */
  readonly attempt: bigint
  /** The newest of each member, and what each said for the version that is tried: it may be further on already. */
  readonly readies: ReadonlyMap<number, Ready>
  readonly present: ReadonlyMap<number, Ready>
  readonly votes: readonly HeardVote[]
  /** A proposal whose base has not come yet, or that came before all members were heard. */
  readonly held: Proposal | undefined
  /** Since when a round is wanted, since when this version is tried, and when the others were reminded; milliseconds of `now`. */
  readonly waiting: { readonly since: number; readonly turned: number; readonly said: number } | undefined
  /** How many of the versions that were tried in vain each member kept. */
  readonly late: ReadonlyMap<number, number>
  /** As of the last tick. */
  readonly now: number
  readonly facts: ChainFacts | undefined
  readonly fresh: boolean
  /** When a dispute was first seen, or wanted. */
  readonly alarmed: number | undefined
  /** When it was first seen that a dispute can be settled. */
  readonly overSince: number | undefined
  /** Older rounds that the chain holds in this generation's dispute. */
  readonly shown: readonly Round[]
  /** About to be signed. */
  readonly signing: { readonly round: Round; readonly proposed: Uint8Array | undefined } | undefined
  readonly ordering: Pick<Order, 'withdrawal' | 'mine' | 'consents'> | undefined
  /** When the order was signed. */
  readonly orderedAt: number
}

/** A wish and whose it is. */
export interface OwnedWish {
  readonly from: number
  readonly wish: Wish
}

/** What is paid of each divisible wish, so that nobody ends below zero; pure. */
export type Netter = (owned: readonly bigint[], wishes: readonly OwnedWish[]) => readonly bigint[]

/** What does not change while a group lives. */
export interface JointTerms extends Terms {
  readonly net: Netter
  /** Milliseconds that a version is tried before the next proposer has its turn. */
  readonly patience: number
  /** Milliseconds after which a round that is wanted and not complete has stalled. */
  readonly limit: number
}

export type JointEvent =
  /** Throws if this member cannot pay what is not divisible. */
  | { readonly kind: 'wish'; readonly wishes: readonly Wish[] }
  /** Asks for a round, once the wishes of a moment are together. */
  | { readonly kind: 'declare' }
  /** Whoever asked waits no longer; what is signed already may still come to pass. */
  | { readonly kind: 'forget'; readonly id: Hex }
  /** The user agrees that a transfer ends so; `declare` says so to all. Throws if none is locked like that. */
  | { readonly kind: 'resolve'; readonly id: Hex; readonly values: readonly bigint[] }
  /** The user agrees no longer; what is signed already may still come to pass. */
  | { readonly kind: 'recant'; readonly id: Hex }
  /** The registry has answered. */
  | { readonly kind: 'judged'; readonly judged: Judged }
  | { readonly kind: 'message'; readonly from: number; readonly message: JointMessage }
  | { readonly kind: 'signed'; readonly what: 'round' | 'order'; readonly signature: Uint8Array }
  | { readonly kind: 'connected'; readonly member: number }
  | { readonly kind: 'tick'; readonly now: number }
  | { readonly kind: 'facts'; readonly facts: ChainFacts }
  | { readonly kind: 'fresh'; readonly fresh: boolean }
  /** Rounds that the chain holds, found among those that this member signed. */
  | { readonly kind: 'shown'; readonly rounds: readonly Round[] }
  /** Asks for a withdrawal. Throws if it may not be signed. */
  | { readonly kind: 'order'; readonly withdrawal: Withdrawal }
  /** Throws what stops it. */
  | { readonly kind: 'dispute' }

export type JointNews =
  /** A round that nothing can void any more, with what became of the wishes in it. */
  | { readonly kind: 'final'; readonly round: Round }
  /** A round that was complete and is void: the version above it, which did not build on it, is complete. */
  | { readonly kind: 'void'; readonly round: Round }
  | { readonly kind: 'stalled'; readonly missing: readonly number[] }
  /** A member wants a transfer to end so. */
  | { readonly kind: 'asked'; readonly id: Hex; readonly values: readonly bigint[] }
  /** A signature was shown that the store forgot: the newest version it knows, and that one. */
  | { readonly kind: 'frozen'; readonly known: bigint; readonly proved: bigint }
  | { readonly kind: 'disputed'; readonly expiry: bigint }
  | { readonly kind: 'withdrawn'; readonly withdrawal: Withdrawal }
  | { readonly kind: 'expired'; readonly withdrawal: Withdrawal }
  /** `paid`: what this member was paid, as far as it can know. */
  | { readonly kind: 'ended'; readonly generation: number; readonly disputed: boolean; readonly paid: bigint }

/** Performed in order after what is stored of `next` is durable; each may be performed twice. */
export type JointEffect =
  /** Answered by `signed` at once, before anything leaves. */
  | { readonly kind: 'sign'; readonly what: 'round' | 'order'; readonly digest: Uint8Array }
  /** Goes to the history in the same commit as `next`: with this member's signature somebody may show it to the chain at any time. */
  | { readonly kind: 'record'; readonly round: Round }
  /** The chain counts a version that is not known any more: find it in the history and answer with `shown`. */
  | { readonly kind: 'lookup'; readonly version: bigint }
  /** Ask the registry about these keys, and answer with `judged`. */
  | { readonly kind: 'judge'; readonly keys: readonly Hex[] }
  /** `to` undefined: all others. */
  | { readonly kind: 'send'; readonly to: number | undefined; readonly message: JointMessage }
  /** `expiry` 0n: starts a dispute. `round` undefined: with nothing, which only a member itself can. */
  | { readonly kind: 'submit'; readonly round: CompleteRound | undefined; readonly expiry: bigint }
  | { readonly kind: 'settle'; readonly counted: Snapshot | undefined; readonly base: readonly bigint[] }
  /** The settlement of this generation may have reserved money: look after it. Goes to the store in the same commit as `next`. */
  | { readonly kind: 'reserve'; readonly generation: number }
  | { readonly kind: 'execute'; readonly withdrawal: Withdrawal; readonly signatures: readonly Uint8Array[] }
  | { readonly kind: 'notify'; readonly news: JointNews }

export interface JointStep {
  readonly next: Joint
  readonly effects: readonly JointEffect[]
}

export const rest = (joint: Joint): JointStep => ({ next: joint, effects: [] })

/** One step after the other. */
export function then(first: JointStep, go: (joint: Joint) => JointStep): JointStep {
  const second = go(first.next)
  return { next: second.next, effects: [...first.effects, ...second.effects] }
}

/** The lane before its first version. */
export function blankRound(ref: LedgerRef, generation: number, members: number): CompleteRound {
  const credits = Array<bigint>(members).fill(0n)
  const { channelId, asset } = ref
  const place = { channelId, asset, generation, lane: 0, version: 0n }
  return {
    ...NO_ACTS,
    base: 0n,
    pending: NOTHING_LOCKED,
    state: { ...place, credits, locked: 0n, transfersRoot: ZERO_HASH },
    signatures: [],
  }
}

const UNHEARD = {
  wishes: new Map(),
  resolutions: new Map(),
  judged: undefined,
  judging: { at: 0, pause: 0 },
  readies: new Map(),
  present: new Map(),
  votes: [],
  held: undefined,
  waiting: undefined,
  late: new Map(),
  alarmed: undefined,
  overSince: undefined,
  shown: [],
  signing: undefined,
  ordering: undefined,
  orderedAt: 0,
} as const

export function newJoint(ref: LedgerRef, me: number, members: number, generation = 0): Joint {
  return {
    channelId: ref.channelId,
    asset: ref.asset,
    me,
    generation,
    complete: blankRound(ref, generation, members),
    signed: [],
    untold: [],
    restored: false,
    order: undefined,
    named: undefined,
    ...UNHEARD,
    attempt: 1n,
    now: 0,
    facts: undefined,
    fresh: false,
  }
}

/** Who may propose a version: bound to it, so that no two proposals of different members stand under one version. */
export const proposerOf = (version: bigint, members: number): number => Number(version % BigInt(members))

/** The newest version that this member signed or holds complete. */
export const highest = ({ complete, signed }: Joint): bigint => signed.at(-1)?.state.version ?? complete.state.version

/** Of whom a round lists which wish. */
export const listedBy = ({ payments, locks }: Pick<Acts, 'payments' | 'locks'>): { from: number; id: Hex }[] => [
  ...payments,
  ...locks.map(({ id, transfer }) => ({ from: transfer.refundTo, id })),
]

/** Every state that the chain may count against this member's will: the newest complete one, and all that it signed above. */
export const possible = ({ complete, signed }: Joint): readonly Round[] => [complete, ...signed]

/** What a withdrawal on its way takes of a member. */
export function ordered({ order }: Joint, member: number): bigint {
  const parts = order?.withdrawal.parts ?? []
  return parts.reduce((sum, part) => (part.member === member ? sum + part.amount : sum), 0n)
}

/** What each member owns by a state, less what is being withdrawn. */
export function standing(joint: Joint, { credits }: State): bigint[] {
  const balances = joint.facts?.confirmedBalances ?? []
  return credits.map((credit, member) => credit + (balances[member] ?? 0n) - ordered(joint, member))
}

/** What this member can still promise: by the least of all states that the chain may count. */
export function jointSpendable(joint: Joint): bigint {
  const left = possible(joint).map(({ state, ...acts }) => {
    const done = { ...acts, payments: acts.payments.filter(({ amount }) => amount > 0n) }
    const listed = new Set(listedBy(done).flatMap(({ from, id }) => (from === joint.me ? [id] : [])))
    const open = [...joint.wishes.values()].filter(({ id, divisible }) => !divisible && !listed.has(id))
    return open.reduce((sum, { amount }) => sum - amount, standing(joint, state)[joint.me]!)
  })
  return left.reduce(least)
}
