import { toBytes, toHex } from '../core/bytes.ts'
import { isIndex } from '../core/channel.ts'
import { AMOUNT_BOUND, stateDigest } from '../core/state.ts'
import type { Hex } from '../core/types.ts'
import {
  type CompleteRound,
  type Echo,
  type HeardVote,
  highest,
  type Joint,
  type JointEffect,
  type JointNews,
  type JointStep,
  type JointTerms,
  type Judged,
  NO_ACTS,
  type Proposal,
  proposerOf,
  type Ready,
  type Round,
  rest,
  type SignedRound,
  standing,
  then,
  type Vote,
} from './joint.ts'
import { isFitLock, stateAfter } from './joint-acts.ts'
import { jointBlocked } from './joint-blocked.ts'
import { blamed, stall } from './joint-late.ts'
import { agreesToMore, askedEarly, isModest, isRipe, judgeSoon, newlyAsked } from './joint-locks.ts'
import { digestOf, echoOf, MAX_WISHES, proposalOf, readyOf, send, voteOf } from './joint-said.ts'
import { gather, isAgreed, unanswered, withoutListed } from './joint-wishes.ts'

/** A version may be this far above the newest complete one: nobody can use the numbers up. */
const MAX_AHEAD = 1n << 32n
/** Votes that are kept of one member. */
const VOTES_EACH = 4
/** How often whoever waits says so again before it gives a version up. */
const REMINDERS = 4

const NOTHING = new Uint8Array(0)

const tell = (news: JointNews): JointEffect => ({ kind: 'notify', news })

/** A round is wanted: whoever waits already is told what is new. */
export function want(joint: Joint, terms: JointTerms): JointStep {
  const { now } = joint
  return declare({ ...joint, waiting: joint.waiting ?? { since: now, turned: now, said: now } }, terms)
}

/** Says what the user asked for, and asks for a round if that needs nothing more. */
export function tellWishes(joint: Joint, terms: JointTerms): JointStep {
  if (isWanted(joint)) return want(joint, terms)
  return jointBlocked(joint) ? rest(joint) : { next: joint, effects: [send(readyOf(joint))] }
}

/** Whether the user waits for something that a round can do. */
const isWanted = (joint: Joint): boolean =>
  unanswered(joint).some(({ standing: waits }) => !waits) || isRipe(joint, readyOf(joint))

/** The registry has answered: what it decided, as others asked, this member agrees to. */
export function hearJudged(joint: Joint, judged: Judged, terms: JointTerms): JointStep {
  const next = { ...joint, judged }
  return agreesToMore(joint, next) ? tellWishes(next, terms) : rest(next)
}

/** Tells all that this member is ready for the version it tries, and proposes it if that is its turn. */
function declare(joint: Joint, terms: JointTerms): JointStep {
  if (jointBlocked(joint)) return rest(joint)
  const mine = readyOf(joint)
  return then({ next: joint, effects: [send(mine)] }, (next) => propose(next, terms))
}

/** Another member is ready. */
export function hearReady(joint: Joint, from: number, ready: Ready, terms: JointTerms): JointStep {
  const asked = newlyAsked(joint, from, ready)
  const step = then(takeReady(joint, from, ready, terms), (next) => {
    if (asked.length === 0 || next.readies.get(from) !== ready) return rest(next)
    return {
      next: judgeSoon(next, terms),
      effects: asked.map(({ id, values }) => tell({ kind: 'asked', id, values })),
    }
  })
  return then(step, (next) => {
    if (!isMet(joint, terms) && next.held) return hearProposal(next, from, next.held, terms)
    return !next.waiting && isRipe(next, readyOf(next)) ? want(next, terms) : rest(next)
  })
}

/** Whether all members were heard since the start: whoever holds a vote of this one has shown it then. */
const isMet = ({ readies }: Joint, { channel }: JointTerms): boolean => readies.size >= channel.members.length - 1

function takeReady(joint: Joint, from: number, ready: Ready, terms: JointTerms): JointStep {
  const { complete } = joint
  const { version } = complete.state
  if (ready.attempt > version + MAX_AHEAD || !isReadable(ready, from, terms.channel.members.length)) return rest(joint)
  const helped = helpFor(joint, from, ready, terms)
  const readies = new Map([...joint.readies, [from, ready] as const])
  const isNow = ready.wants && ready.attempt === joint.attempt
  const heard = {
    ...joint,
    readies,
    present: isNow ? new Map([...joint.present, [from, ready] as const]) : joint.present,
  }
  if (!ready.wants || ready.attempt <= version)
    return then({ next: heard, effects: helped }, (next) => propose(next, terms))
  if (!joint.waiting) {
    const woken = ready.attempt > joint.attempt ? trying(heard, ready.attempt) : heard
    return then({ next: woken, effects: helped }, (next) => want(next, terms))
  }
  // Nobody may hurry a version that is being tried: its proposer and voters have half of the patience at least.
  const isDue = joint.now - joint.waiting.turned >= terms.patience / 2
  if (ready.attempt > joint.attempt && isDue)
    return then({ next: heard, effects: helped }, (next) => turn(next, ready.attempt, terms))
  if (ready.attempt < joint.attempt) helped.push(send(readyOf(joint), from))
  return then({ next: heard, effects: helped }, (next) => propose(next, terms))
}

/** Whether what a member asks for can be proposed. */
function isReadable(ready: Ready, from: number, members: number): boolean {
  const { wishes } = ready
  const isFit = wishes.every(
    ({ to, amount, lock }) =>
      isIndex(to, members) &&
      to !== from &&
      amount > 0n &&
      amount < AMOUNT_BOUND &&
      (!lock || isFitLock(lock, from, members)),
  )
  return (
    isFit &&
    isModest(ready) &&
    wishes.length <= MAX_WISHES &&
    new Set(wishes.map(({ id }) => id)).size === wishes.length
  )
}

/** What a member lacks, as it shows. */
function helpFor(joint: Joint, from: number, ready: Ready, terms: JointTerms): JointEffect[] {
  const { complete, readies, signed } = joint
  const { version } = complete.state
  if (ready.complete < version) return [send({ kind: 'complete', round: complete }, from)]
  // It has what is missing here, and sends that to whoever shows so. What was signed here is about to come by itself.
  if (ready.complete > version)
    return signed.some(({ state }) => state.version === ready.complete) ? [] : [send(readyOf(joint), from)]
  const known = signed.find(({ state }) => state.version === ready.attempt)
  // Said again: what was sent to it did not arrive.
  if (!known || readies.get(from)?.attempt !== ready.attempt) return []
  return [send(proposalOf(known), from), send(voteOf(known, terms), from)]
}

/** Tries another version, and notes who kept this one. */
function turn(joint: Joint, attempt: bigint, terms: JointTerms): JointStep {
  const { now, waiting } = joint
  const next = trying({ ...joint, late: blamed(joint, terms) }, attempt)
  return declare({ ...next, waiting: { since: waiting?.since ?? now, turned: now, said: now } }, terms)
}

/** Who said already that it is ready for this version is so. */
function trying(joint: Joint, attempt: bigint): Joint {
  const present = new Map([...joint.readies].filter(([, ready]) => ready.wants && ready.attempt === attempt))
  return { ...joint, attempt, present }
}

/** A moment has passed: who waits says so again, and gives up a version whose time is over. */
export function tickRound(joint: Joint, terms: JointTerms): JointStep {
  const { waiting, now, attempt, named } = joint
  if (!waiting || named) return rest(joint)
  // Nobody is late while this member itself would not sign.
  if (jointBlocked(joint)) return rest({ ...joint, waiting: { since: now, turned: now, said: now } })
  const isOver = now - waiting.turned >= terms.patience
  if (now - waiting.since >= terms.limit) return stall(joint, isOver ? blamed(joint, terms) : joint.late)
  if (isOver) return turn(joint, attempt + 1n, terms)
  if (now - waiting.said < terms.patience / REMINDERS) return rest(joint)
  const last = joint.signed.at(-1)
  const again = last?.state.version === attempt ? [send(proposalOf(last)), send(voteOf(last, terms))] : []
  const reminded = { ...joint, waiting: { ...waiting, said: now } }
  return then({ next: reminded, effects: again }, (next) => declare(next, terms))
}

/** Proposes the version that is tried, once all members are ready for it and hold the same base. */
function propose(joint: Joint, terms: JointTerms): JointStep {
  const { me, attempt, present, complete } = joint
  // One signature at a time: what is about to be signed is not known to what follows.
  if (joint.signing) return rest(joint)
  const count = terms.channel.members.length
  if (proposerOf(attempt, count) !== me || attempt <= highest(joint) || jointBlocked(joint) || !joint.waiting)
    return rest(joint)
  const heard = [...terms.channel.members.keys()].map((member) =>
    member === me ? readyOf(joint) : present.get(member),
  )
  const all = heard.filter((ready) => ready?.complete === complete.state.version) as Ready[]
  if (all.length < count) return rest(joint)
  const acts = gather(joint, attempt, all, terms.net)
  const after = stateAfter(complete, attempt, acts)
  if (!after) return rest(joint)
  return toSign(joint, { base: complete.state.version, ...acts, ...after }, undefined, terms)
}

function toSign(joint: Joint, round: Round, proposed: Uint8Array | undefined, { domain }: JointTerms): JointStep {
  return {
    next: { ...joint, signing: { round, proposed } },
    effects: [{ kind: 'sign', what: 'round', digest: stateDigest(domain, round.state) }],
  }
}

/** The signature was made: from now on the chain may count this version, and no other content of it is ever signed here. */
export function roundSigned(joint: Joint, signature: Uint8Array, terms: JointTerms): JointStep {
  const { round, proposed = signature } = joint.signing!
  const signed: SignedRound = { ...round, proposed, own: signature }
  const next = { ...joint, signing: undefined, signed: [...joint.signed, signed] }
  const opening = joint.signing!.proposed ? [] : [send(proposalOf(signed))]
  const effects: JointEffect[] = [{ kind: 'record', round }, ...opening, send(voteOf(signed, terms))]
  return then({ next, effects }, (one) => count(one, terms))
}

/** A proposal, from its proposer or passed on: its signature says whose it is. */
export function hearProposal(joint: Joint, from: number, proposal: Proposal, terms: JointTerms): JointStep {
  const { version, base, payments, locks, resolutions } = proposal
  const { complete } = joint
  if (joint.signing || version <= highest(joint) || version > complete.state.version + MAX_AHEAD) return rest(joint)
  if (jointBlocked(joint)) return rest(joint)
  if (!isMet(joint, terms)) return rest({ ...joint, held: proposal })
  // Whoever builds on something newer has it.
  if (base > complete.state.version)
    return { next: { ...joint, held: proposal }, effects: [send(readyOf(joint), from)] }
  if (base < complete.state.version)
    return { next: joint, effects: [send({ kind: 'complete', round: complete }, from)] }
  const after = stateAfter(complete, version, proposal)
  if (!after || !isAgreed(joint, proposal) || standing(joint, after.state).some((amount) => amount < 0n))
    return rest(joint)
  const proposer = terms.channel.members[proposerOf(version, terms.channel.members.length)]!
  if (!terms.verify(stateDigest(terms.domain, after.state), proposal.signature, proposer.signer)) return rest(joint)
  const { now, waiting, attempt } = joint
  const isAhead = version > attempt
  const turned = isAhead || !waiting ? now : waiting.turned
  const late = isAhead && waiting ? blamed(joint, terms) : joint.late
  const next = isAhead ? trying({ ...joint, late }, version) : joint
  return toSign(
    { ...next, waiting: { since: waiting?.since ?? now, turned, said: waiting?.said ?? now } },
    { base, payments, locks, resolutions, ...after },
    proposal.signature,
    terms,
  )
}

/** A vote of another member; votes may come before the proposal. */
export function hearVote(joint: Joint, member: number, vote: Vote, terms: JointTerms): JointStep {
  const { version, digest, signature } = vote
  if (version <= joint.complete.state.version || version > joint.complete.state.version + MAX_AHEAD) return rest(joint)
  const mine = joint.votes.filter((one) => one.member === member)
  if (mine.some((one) => one.version === version && one.digest === digest)) return rest(joint)
  if (!terms.verify(toBytes(digest), signature, terms.channel.members[member]!.signer)) return rest(joint)
  const kept = [...mine, { ...vote, member }].sort((a, b) => (a.version < b.version ? -1 : 1)).slice(-VOTES_EACH)
  return count({ ...joint, votes: [...joint.votes.filter((one) => one.member !== member), ...kept] }, terms)
}

/** Completes the newest version for which all have voted. */
function count(joint: Joint, terms: JointTerms): JointStep {
  for (const round of [...joint.signed].reverse()) {
    const digest = digestOf(round, terms)
    const found = terms.channel.members.map((_, member) =>
      member === joint.me ? round.own : signatureOf(joint.votes, member, round.state.version, digest),
    )
    if (!found.every((signature) => signature !== undefined)) continue
    const { own: _, proposed: __, ...content } = round
    return finish(joint, { ...content, signatures: found as Uint8Array[] }, terms)
  }
  return rest(joint)
}

const signatureOf = (votes: readonly HeardVote[], member: number, version: bigint, digest: Hex) =>
  votes.find((vote) => vote.member === member && vote.version === version && vote.digest === digest)?.signature

/** A version with all signatures, from whoever holds it. */
export function hearComplete(joint: Joint, round: CompleteRound, terms: JointTerms): JointStep {
  const { state, signatures } = round
  const { members } = terms.channel
  if (state.version <= joint.complete.state.version || state.generation !== joint.generation) return rest(joint)
  const digest = stateDigest(terms.domain, state)
  if (!members.every(({ signer }, member) => terms.verify(digest, signatures[member] ?? NOTHING, signer)))
    return rest(joint)
  // What stands beside the state is not signed: what this member signed itself it knows better.
  const known = joint.signed.find((one) => digestOf(one, terms) === toHex(digest))
  const { own: _, proposed: __, ...content } = known ?? { ...round, ...NO_ACTS, own: NOTHING, proposed: NOTHING }
  // A settlement may count what was forgotten here, and needs what is locked in it.
  const forgotten = (next: Joint): JointStep => ({
    next,
    effects: [{ kind: 'record', round: { ...round, ...NO_ACTS } }],
  })
  return then(known ? rest(joint) : then(freeze(joint, state.version), forgotten), (next) =>
    finish(next, { ...content, signatures }, terms),
  )
}

/** Another member shows the newest vote of this one that it holds. */
export function hearEcho(joint: Joint, { version, digest, signature }: Echo, terms: JointTerms): JointStep {
  const { me, complete, signed } = joint
  if (version <= complete.state.version) return rest(joint)
  if (signed.some((round) => round.state.version === version && digestOf(round, terms) === digest)) return rest(joint)
  const isMine = terms.verify(toBytes(digest), signature, terms.channel.members[me]!.signer)
  return isMine ? freeze(joint, version) : rest(joint)
}

/** This member signed what its store does not know: it is an old one, and would sign other content of the same version. */
function freeze(joint: Joint, proved: bigint): JointStep {
  if (joint.restored) return rest(joint)
  const news: JointNews = { kind: 'frozen', known: highest(joint), proved }
  return { next: { ...joint, restored: true }, effects: [{ kind: 'notify', news }] }
}

/** A round is complete: it is told once no version above it, which was signed here, can void it. */
function finish(joint: Joint, round: CompleteRound, terms: JointTerms): JointStep {
  const { version } = round.state
  const signed = joint.signed.filter(({ state }) => state.version > version)
  const { kept, dropped } = chainOf(joint, round)
  const untold = [...kept, round]
  const isFinal = signed.length === 0
  const left = isFinal ? untold.reduce(withoutListed, joint) : joint
  const news: JointNews[] = dropped.map((one) => ({ kind: 'void', round: one }))
  if (isFinal) for (const one of untold) news.push({ kind: 'final', round: one })
  for (const { id, values } of askedEarly(joint, round)) news.push({ kind: 'asked', id, values })
  const effects: JointEffect[] = news.map((one) => ({ kind: 'notify', news: one }))
  const next: Joint = {
    ...joint,
    complete: round,
    signed,
    untold: isFinal ? [] : untold,
    votes: joint.votes.filter((vote) => vote.version > version),
    wishes: left.wishes,
    resolutions: left.resolutions,
    waiting: undefined,
    late: new Map(),
    held: undefined,
  }
  const { held } = joint
  return then({ next: trying(next, joint.attempt > version ? joint.attempt : version + 1n), effects }, (one) => {
    if (held && held.base === version) return hearProposal({ ...one, waiting: joint.waiting }, one.me, held, terms)
    const isAwaited = [...one.readies.values()].some(({ wants, attempt }) => wants && attempt > version)
    return isAwaited || isWanted(one) || signed.length > 0 ? want(one, terms) : rest(one)
  })
}

/** The complete rounds on which this one builds, of those that were not told yet, and the others. */
function chainOf({ untold }: Joint, round: Round): { kept: Round[]; dropped: Round[] } {
  let { base } = round
  const kept: Round[] = []
  for (const one of [...untold].reverse()) {
    if (one.state.version !== base) continue
    kept.unshift(one)
    base = one.base
  }
  return { kept, dropped: untold.filter((one) => !kept.includes(one)) }
}

/** A member is there again: it hears what it may have missed. */
export function met(joint: Joint, member: number, terms: JointTerms): JointStep {
  const last = joint.signed.at(-1)
  const shown = last ? [send(proposalOf(last), member), send(voteOf(last, terms), member)] : []
  const held = joint.votes.filter((vote) => vote.member === member).at(-1)
  const echo = held ? [send(echoOf(held), member)] : []
  return { next: joint, effects: [...echo, send(readyOf(joint), member), ...shown] }
}
