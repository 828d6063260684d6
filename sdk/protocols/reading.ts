import { stateDigest } from '../core/state.ts'
import type { Ledger, Terms } from './ledger.ts'
import { PeerViolationError, type Update, type Updates } from './messages.ts'
import { applyOperations, decodeOperations, type OnResolve, type Operation } from './operations.ts'
import { findLocked, gainOf, type Pending, type Snapshot, satisfies } from './pending.ts'
import { deaf, solvent, unsettled } from './solvency.ts'
import { type LedgerEffect, type Step, stay } from './step.ts'
import { syncOf } from './syncing.ts'
import { isOutOfBounds, updatesOf } from './writing.ts'

// The reader of a lane.
//
//   updates ─ may I listen? ─ next in line? ─ apply all ─ newest signature right? ─ can the peer pay? ─▶ record, tell
//                 │no             │gap                          │no ▶ violation        │not by what I see
//                 └───────────────┴──▶ missed: ask again once that changed ◀───────────┘
//   acknowledge ─ anything new? ─ still in order? ─▶ sign ─▶ signed ─▶ send

/** Updates of the peer's lane; the acknowledgement that came along was taken in before. */
export function read(ledger: Ledger, { generation, updates }: Updates, terms: Terms): Step {
  if (generation < ledger.generation || updates.length === 0) return stay(ledger)
  const { next: following, gap } = inLine(ledger.peer.newest.version, updates)
  // The peer repeats itself after a reconnect; it may have missed the acknowledgement.
  if (generation === ledger.generation && following.length === 0 && !gap)
    return { next: ledger, effects: reack(ledger) }
  // Dropped, not kept: the peer holds it until it is acknowledged, and is asked for it again.
  const later = { next: { ...ledger, missed: true }, effects: [] }
  if (generation > ledger.generation || deaf(ledger)) return later
  if (following.length === 0) return ledger.missed ? later : { ...later, effects: [syncOf(ledger, false)] }

  const { state, pending, operations } = applyUpdates(ledger, following)
  const newest = following.at(-1)!
  // One signature stands for all versions up to it, so only the newest is checked.
  const signer = terms.channel.members[1 - ledger.me]!.signer
  if (!terms.verify(stateDigest(terms.domain, state), newest.signature, signer))
    throw new PeerViolationError(`the signature over version ${state.version} of its lane is not its own`)
  const peer = { ...ledger.peer, newest: state, pending, signature: newest.signature }
  const next = { ...ledger, peer, missed: gap, asks: stillAsked(ledger, pending) }
  // Its deposit may be final over there and not yet here.
  if (!solvent(next)) return later
  const records = following.map(
    ({ version, operations, signature }): LedgerEffect => ({
      kind: 'record',
      lane: 1 - ledger.me,
      version,
      operations,
      signature: version === newest.version ? signature : undefined,
    }),
  )
  const news = { kind: 'received', version: state.version, operations } as const
  return { next, effects: [...records, { kind: 'notify', news }] }
}

/** The updates that follow `known` one by one; what was known is left out, what comes after a gap as well. */
function inLine(
  known: bigint,
  updates: readonly Update[],
): { readonly next: readonly Update[]; readonly gap: boolean } {
  const next: Update[] = []
  let expected = known + 1n
  for (const update of updates) {
    if (update.version > expected) return { next, gap: true }
    if (update.version < expected) continue
    next.push(update)
    expected++
  }
  return { next, gap: false }
}

/** Throws {@link PeerViolationError} where the writer takes back what it locked and this side did not ask it to. */
function applyUpdates(
  { peer, me, asks }: Ledger,
  updates: readonly Update[],
): Snapshot & { readonly operations: readonly Operation[] } {
  let at: Snapshot = { state: peer.newest, pending: peer.pending }
  const all: Operation[] = []
  const check: OnResolve = ({ id, transfer }, resolution) => {
    const asked = asks.get(id)
    if (gainOf(1 - me, transfer, resolution) > 0n && !(asked && satisfies(resolution, asked)))
      throw new PeerViolationError(`it takes back what the transfer ${id} locked, unasked`)
  }
  for (const { operations } of updates) {
    const parsed = decodeOperations(operations)
    at = applyOperations(at, parsed, check)
    for (const operation of parsed) all.push(operation)
    if (at.state.credits.some(isOutOfBounds)) throw new PeerViolationError('a credit is out of bounds')
  }
  return { ...at, operations: all }
}

/** What was asked of transfers that are still locked as they were: a residual is asked for anew. */
function stillAsked({ asks, peer }: Ledger, pending: Pending): Ledger['asks'] {
  if (asks.size === 0 || pending === peer.pending) return asks
  return new Map([...asks].filter(([id]) => findLocked(pending, id) === findLocked(peer.pending, id)))
}

const reack = (ledger: Ledger): readonly LedgerEffect[] =>
  ledger.peer.acked.version === 0n ? [] : [{ kind: 'send', message: updatesOf(ledger, []) }]

/** Signs the peer's newest state, which acknowledges every version up to it. */
export function acknowledge(ledger: Ledger, terms: Terms): Step {
  const { newest, acked } = ledger.peer
  if (newest.version === acked.version || unsettled(ledger) || !solvent(ledger)) return stay(ledger)
  return { next: ledger, effects: [{ kind: 'sign', what: 'ack', digest: stateDigest(terms.domain, newest) }] }
}

/** The signature that {@link acknowledge} asked for. */
export function ackSigned(ledger: Ledger, signature: Uint8Array): Step {
  const next = {
    ...ledger,
    peer: { ...ledger.peer, acked: ledger.peer.newest, ackedPending: ledger.peer.pending, ack: signature },
  }
  return { next, effects: [{ kind: 'send', message: updatesOf(next, []) }] }
}
