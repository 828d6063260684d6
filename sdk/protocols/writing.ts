import { toHex } from '../core/bytes.ts'
import { AMOUNT_BOUND, MAX_VERSION, stateDigest } from '../core/state.ts'
import type { Ledger, Terms } from './ledger.ts'
import { type Ack, PeerViolationError, type Updates } from './messages.ts'
import { applyOperations, encodeOperations, type Operation } from './operations.ts'
import { InvalidAmountError } from './payments.ts'
import {
  BlockedError,
  blocked,
  InsufficientBalanceError,
  MAX_UNACKED,
  MAX_UNACKED_BYTES,
  solvent,
  spendable,
  unackedBytes,
} from './solvency.ts'
import { type Step, stay } from './step.ts'

// The writer of a lane.
//
//   write ─ may I sign? ─ can I pay? ─ room in the window? ─▶ sign ─▶ signed ─▶ record, send
//   ack ─ newer than the last? ─ of a version I signed? ─ signature right? ─▶ keep it, forget what it covers

/** The next version of one's own lane. Throws what stops it; the ledger is then unchanged. */
export function write(
  ledger: Ledger,
  { operations }: { readonly operations: readonly Operation[] },
  terms: Terms,
): Step {
  const code = blocked(ledger)
  if (code) throw new BlockedError(code)
  // One signature at a time: a second state for the same version must be impossible, not unlikely.
  if (ledger.signing) throw new Error('A state waits for its signature.')
  const { newest } = ledger.own
  const { state, pending } = applyOperations({ state: newest, pending: ledger.own.pending }, operations)
  const amount = newest.credits[ledger.me]! - state.credits[ledger.me]!
  if (state.credits.some(isOutOfBounds) || state.version > MAX_VERSION) throw new InvalidAmountError(amount)
  if (!solvent({ ...ledger, own: { ...ledger.own, newest: state } }))
    throw new InsufficientBalanceError(spendable(ledger, ledger.me), amount)
  const encoded = encodeOperations(operations)
  if (!hasRoom(ledger, encoded.length)) throw new BlockedError('WINDOW_FULL')
  return {
    next: { ...ledger, signing: { state, pending, encoded, operations } },
    effects: [{ kind: 'sign', what: 'update', digest: stateDigest(terms.domain, state) }],
  }
}

/** Whether no state may hold such a credit. */
export const isOutOfBounds = (credit: bigint): boolean => credit >= AMOUNT_BOUND || credit <= -AMOUNT_BOUND

/** Whether one more version with this many bytes of operations may be signed before the peer acknowledges. */
export function hasRoom(ledger: Ledger, bytes: number): boolean {
  return ledger.unacked.length < MAX_UNACKED && unackedBytes(ledger) + bytes <= MAX_UNACKED_BYTES
}

/** The signature that {@link write} asked for. */
export function updateSigned(ledger: Ledger, signature: Uint8Array): Step {
  if (!ledger.signing) return stay(ledger)
  const { state, pending, encoded, operations } = ledger.signing
  const next: Ledger = {
    ...ledger,
    own: { ...ledger.own, newest: state, pending, signature },
    unacked: [...ledger.unacked, { state, pending, bytes: encoded.length }],
    signing: undefined,
  }
  const update = { version: state.version, signature, operations: encoded }
  return {
    next,
    effects: [
      { kind: 'record', lane: ledger.me, ...update },
      { kind: 'send', message: updatesOf(next, [update]) },
      { kind: 'notify', news: { kind: 'sent', version: state.version, operations } },
    ],
  }
}

/** A message with these updates and, always, the newest acknowledgement. */
export function updatesOf(ledger: Ledger, updates: Updates['updates']): Updates {
  const { channelId, asset, generation, peer } = ledger
  const ack = peer.acked.version === 0n ? undefined : { version: peer.acked.version, signature: peer.ack }
  return { kind: 'updates', channelId, asset, generation, updates, ack }
}

/** The peer's signature over a version of one's own lane. */
export function acked(ledger: Ledger, ack: Ack, terms: Terms): Step {
  const { own, unacked, frozen } = ledger
  if (ack.version <= own.acked.version) return stay(ledger)
  const isNewest = ack.version === own.newest.version
  const known = isNewest
    ? { state: own.newest, pending: own.pending }
    : unacked.find(({ state }) => state.version === ack.version)
  // What a frozen ledger adopted cannot be replayed from its history.
  if (!known && frozen) return stay(ledger)
  // In step with each other, a peer cannot hold a version that was never signed here; an old copy shows at `sync`.
  if (!known) throw new PeerViolationError(`it acknowledges version ${ack.version} after ${own.newest.version}`)
  const { state, pending } = known
  if (!terms.verify(stateDigest(terms.domain, state), ack.signature, terms.channel.members[1 - ledger.me]!.signer))
    throw new PeerViolationError(
      `its acknowledgement ${toHex(ack.signature.subarray(0, 4))} of version ${ack.version} is not its signature`,
    )
  const next = {
    ...ledger,
    own: { ...own, acked: state, ackedPending: pending, ack: ack.signature },
    unacked: unacked.filter(({ state }) => state.version > ack.version),
  }
  return { next, effects: [{ kind: 'notify', news: { kind: 'acked', version: state.version } }] }
}
