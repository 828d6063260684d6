import { AMOUNT_BOUND, stateDigest, ZERO_HASH } from '../core/state.ts'
import type { Address, State } from '../core/types.ts'
import { type Freeze, type Lane, type Ledger, type ShownLane, sameState, type Terms } from './ledger.ts'
import { PeerViolationError, type Sync } from './messages.ts'
import { NOTHING_LOCKED } from './pending.ts'
import { deaf } from './solvency.ts'
import { type LedgerEffect, type Step, stay } from './step.ts'
import { proposalOf } from './withdrawing.ts'
import { acked, updatesOf } from './writing.ts'

// Coming into step with the peer, after each connection and whenever something seems lost.
//
//   connected ─▶ send sync          remind ─ waiting for something? ─▶ send sync, propose again
//   sync ─ same generation? ─ did it show me what I forgot? ─▶ freeze, adopt what it proved
//                                │no
//                                └─ take its acknowledgement ─▶ linked; send what it lacks

/** What this side knows, as a message. */
export function syncOf(ledger: Ledger, want: boolean): LedgerEffect {
  const { channelId, asset, generation, own, peer } = ledger
  return {
    kind: 'send',
    message: { kind: 'sync', channelId, asset, generation, own: shownOf(own), peer: shownOf(peer), want },
  }
}

const shownOf = ({ newest, signature, acked, ack }: Lane): ShownLane => ({ newest, signature, acked, ack })

export const connected = (ledger: Ledger): Step => ({
  next: { ...ledger, linked: false, missed: false },
  effects: [syncOf(ledger, false)],
})

export const disconnected = (ledger: Ledger): Step => ({
  next: { ...ledger, linked: false, missed: false },
  effects: [],
})

/** Asks again for whatever is outstanding. */
export function remind(ledger: Ledger): Step {
  const effects: LedgerEffect[] = []
  if (!ledger.linked || ledger.unacked.length > 0 || (ledger.missed && !deaf(ledger)))
    effects.push(syncOf(ledger, true))
  if (ledger.linked && ledger.inFlight?.stage === 'proposed') effects.push(proposalOf(ledger, ledger.inFlight))
  return { next: ledger, effects }
}

/** The peer's knowledge. */
export function synced(ledger: Ledger, theirs: Sync, terms: Terms): Step {
  // One of the two has not seen the generation end yet; it sends its own as soon as it has.
  if (theirs.generation !== ledger.generation) return stay({ ...ledger, linked: false })
  if (theirs.own.newest.lane === ledger.me) throw new PeerViolationError('it claims to be the other member')
  const freeze = freezeOf(ledger, theirs, terms)
  if (freeze) return freezeWith(ledger, freeze, theirs, terms)

  const { version } = theirs.peer.acked
  const taken = acked(ledger, { version, signature: theirs.peer.ack }, terms)
  const next = { ...taken.next, linked: true, missed: false }
  const effects: LedgerEffect[] = [...taken.effects]
  if (theirs.want) effects.push(syncOf(next, false))
  if (theirs.own.acked.version < next.peer.acked.version) effects.push({ kind: 'send', message: updatesOf(next, []) })
  if (theirs.peer.newest.version < next.own.newest.version)
    effects.push({ kind: 'resend', from: theirs.peer.newest.version + 1n })
  // What it has not proposed twice it may have missed.
  if (!ledger.linked && next.inFlight?.stage === 'proposed') effects.push(proposalOf(next, next.inFlight))
  return { next, effects }
}

/**
 * Why nothing more may be signed in this generation, if so. Of a restored store the peer may hide what it forgot: states, and
 * withdrawals that this side agreed to and whose money the peer would spend a second time.
 */
function freezeOf(ledger: Ledger, theirs: Sync, terms: Terms): Freeze | undefined {
  const { frozen, doubtful, own } = ledger
  if (frozen && frozen.code !== 'RESTORED') return frozen
  const known = own.newest.version
  const restored: Freeze | undefined = doubtful ? { code: 'RESTORED', known, proved: known } : undefined
  return forgotten(ledger, theirs, terms) ?? frozen ?? restored
}

/** Whether the peer holds something that this side signed and does not know any more. */
function forgotten(ledger: Ledger, theirs: Sync, terms: Terms): Freeze | undefined {
  const me = terms.channel.members[ledger.me]!.signer
  const { newest } = theirs.peer
  const known = ledger.own.newest.version
  if (newest.version > known) {
    assertSigned(newest, theirs.peer.signature, me, terms)
    return { code: 'OLD_BACKUP', known, proved: newest.version }
  }
  const same = [ledger.own.acked, ...ledger.unacked.map(({ state }) => state)].find(
    (state) => state.version === newest.version,
  )
  if (same && !sameState(same, newest)) {
    assertSigned(newest, theirs.peer.signature, me, terms)
    return { code: 'EQUIVOCATION', known, proved: newest.version }
  }
  const acknowledged = theirs.own.acked
  if (acknowledged.version > ledger.peer.newest.version) {
    assertSigned(acknowledged, theirs.own.ack, me, terms)
    return { code: 'OLD_BACKUP', known, proved: known }
  }
  return undefined
}

/**
 * Signs nothing more, but keeps the newest states that the peer proved: they answer a dispute, and a closing withdrawal
 * on them ends the generation and with it every state that the peer may still hide.
 */
function freezeWith(ledger: Ledger, freeze: Freeze, theirs: Sync, terms: Terms): Step {
  const [me, other] = [terms.channel.members[ledger.me]!.signer, terms.channel.members[1 - ledger.me]!.signer]
  let { own, peer } = ledger
  const { newest } = theirs.peer
  if (
    newest.version > own.newest.version ||
    (newest.version === own.newest.version && !sameState(newest, own.newest))
  ) {
    assertSigned(newest, theirs.peer.signature, me, terms)
    own = { ...own, newest, pending: NOTHING_LOCKED, signature: theirs.peer.signature }
  }
  if (theirs.peer.acked.version > own.acked.version) {
    assertSigned(theirs.peer.acked, theirs.peer.ack, other, terms)
    own = { ...own, acked: theirs.peer.acked, ackedPending: NOTHING_LOCKED, ack: theirs.peer.ack }
  }
  if (theirs.own.newest.version > peer.newest.version) {
    assertSigned(theirs.own.newest, theirs.own.signature, other, terms)
    peer = { ...peer, newest: theirs.own.newest, pending: NOTHING_LOCKED, signature: theirs.own.signature }
  }
  if (theirs.own.acked.version > peer.acked.version) {
    assertSigned(theirs.own.acked, theirs.own.ack, me, terms)
    peer = { ...peer, acked: theirs.own.acked, ackedPending: NOTHING_LOCKED, ack: theirs.own.ack }
  }
  const told: LedgerEffect[] = freeze === ledger.frozen ? [] : [{ kind: 'notify', news: { kind: 'frozen', freeze } }]
  const unacked =
    own.newest === ledger.own.newest ? ledger.unacked.filter(({ state }) => state.version > own.acked.version) : []
  const frozen = { ...ledger, frozen: freeze, doubtful: false }
  // Of a state that locks transfers only the root is shown, so it can neither be checked nor settled with: wait until they are resolved.
  if (!isKnown(ledger.own, own) || !isKnown(ledger.peer, peer))
    return { next: { ...frozen, linked: false }, effects: told }
  if (!follows(ledger.own, own) || !follows(ledger.peer, peer) || given(peer.newest) < given(ledger.peer.newest)) {
    const error = new PeerViolationError('it shows states that no updates lead to')
    return { next: frozen, effects: [...told, { kind: 'violation', error }] }
  }
  const next = { ...frozen, own, peer, unacked, linked: true, missed: false }
  const effects: LedgerEffect[] = theirs.want ? [...told, syncOf(next, false)] : [...told]
  // To be closed by both, both must hold the newest of each lane.
  if (newest.version < own.newest.version) effects.push({ kind: 'resend', from: newest.version + 1n })
  return { next, effects }
}

/** What a lane has given its reader so far. Its writer can only give, so this never falls from one version to the next. */
const given = ({ credits, lane }: State): bigint => credits[1 - lane]!

/**
 * Whether updates can have led from what was known of a lane to what was shown of it. That is not replayed from operations, so without
 * this check a state that the peer alone signed could take everything from this side, which would sign it in its next answer.
 */
function follows(before: Lane, { newest, acked }: Lane): boolean {
  const inOrder = acked.version < newest.version || sameState(acked, newest)
  const fits = [newest, acked].every((state) => state === before.newest || state === before.acked || isBalanced(state))
  return inOrder && fits && given(before.acked) <= given(acked) && given(acked) <= given(newest)
}

/** Nothing made or lost, within bounds. */
const isBalanced = (state: State): boolean =>
  state.credits[0]! + state.credits[1]! === 0n && given(state) < AMOUNT_BOUND

/**
 * Whether all that is locked in a lane is known here. What was locked for this side and is gone, it must have signed away itself: it
 * cannot remember whether it asked for that.
 */
function isKnown(before: Lane, { newest, acked }: Lane): boolean {
  const taken = [newest, acked].filter((state) => state !== before.newest && state !== before.acked)
  const isPlain = taken.every(({ locked, transfersRoot }) => locked === 0n && transfersRoot === ZERO_HASH)
  return isPlain && (newest === before.newest || before.pending === NOTHING_LOCKED || newest.version === acked.version)
}

function assertSigned(state: State, signature: Uint8Array, signer: Address, terms: Terms): void {
  if (!terms.verify(stateDigest(terms.domain, state), signature, signer))
    throw new PeerViolationError(`it shows version ${state.version} of lane ${state.lane} with a wrong signature`)
}
