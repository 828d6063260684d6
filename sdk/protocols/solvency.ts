import { TallystickError } from '../core/errors.ts'
import type { InFlight, Lane, Ledger } from './ledger.ts'

/** Unacknowledged versions of one's own lane, and bytes of their operations. */
export const MAX_UNACKED = 256
export const MAX_UNACKED_BYTES = 1 << 20

export type BlockedCode =
  | 'SIGNER_REVOKED'
  | 'LEDGER_FROZEN'
  | 'PEER_NOT_SYNCED'
  | 'CHAIN_VIEW_STALE'
  | 'LEDGER_DISPUTED'
  | 'GENERATION_CHANGING'
  | 'LEDGER_CLOSING'
  | 'TRANSFERS_PENDING'
  | 'WINDOW_FULL'
  | 'AWAITING_CONFIRMATIONS'
  | 'RESTORED_NOT_COMPARED'
  | 'GROUP_STALLED'
  | 'GROUP_RESTORED'

const REASONS: Record<BlockedCode, string> = {
  SIGNER_REVOKED:
    'The owner of a member has revoked its session key, so nothing but a closing is signed here. Close the channel, and open another one.',
  LEDGER_FROZEN:
    'This ledger is frozen: the peer proved states that this store does not know, or the store was restored and may have forgotten some. Close it with the peer, then use it again; or start from the newest store.',
  PEER_NOT_SYNCED: 'The peer is not connected and in step. Connect to it, then try again.',
  CHAIN_VIEW_STALE: 'The view of the chain is stale, so money cannot be checked. Restore the connection to the chain.',
  LEDGER_DISPUTED:
    'A dispute about this ledger is visible on chain. Close it with the peer or wait until it is settled, then pay again.',
  GENERATION_CHANGING: 'A generation of this ledger ended and the end is not final yet. Wait for confirmations.',
  LEDGER_CLOSING: 'This ledger is being closed. Wait until it is paid out or the closing expires, then pay again.',
  TRANSFERS_PENDING:
    'Transfers are locked in this ledger. Wait until they are resolved, then close it; or start a dispute, which leaves them to the chain.',
  AWAITING_CONFIRMATIONS:
    'A deposit or withdrawal of this ledger is not final yet. Wait for confirmations, then ask again.',
  RESTORED_NOT_COMPARED:
    'This ledger was restored from a backup, which may be older than what the peer holds. Connect to the peer once, or exit with the newest exit file.',
  GROUP_STALLED:
    'A round of this group has stalled, so the chain decides. Wait until it is settled; whoever allowed that goes on in a new group.',
  GROUP_RESTORED:
    'This group was restored from a backup, which may have forgotten signatures, so nothing is signed in it. Start a dispute, and use it again afterwards.',
  WINDOW_FULL: 'The peer has not acknowledged 256 updates or 1 MiB of payments. Wait for its acknowledgements.',
}

/** Nothing may be signed for this ledger now. */
export class BlockedError extends TallystickError {
  readonly code: BlockedCode

  constructor(code: BlockedCode) {
    super(REASONS[code])
    this.code = code
  }
}

/** A member has less than what was asked for. */
export class InsufficientBalanceError extends TallystickError {
  readonly code = 'INSUFFICIENT_BALANCE'
  readonly available: bigint
  readonly needed: bigint

  constructor(available: bigint, needed: bigint) {
    super(`${needed} are needed and ${available} can be spent here. Deposit more, wait for confirmations, or pay less.`)
    this.available = available
    this.needed = needed
  }
}

/** Why no lane state may be signed on this side now, if so. */
export function blocked(ledger: Ledger): BlockedCode | undefined {
  return ledger.inFlight && closing(ledger.inFlight) ? (unsettled(ledger) ?? 'LEDGER_CLOSING') : unsettled(ledger)
}

/** Why no update of the peer may be accepted now, if so. Until the peer agreed to close it may still send updates. */
export function deaf(ledger: Ledger): BlockedCode | undefined {
  const { inFlight } = ledger
  if (inFlight && inFlight.stage !== 'proposed' && closing(inFlight)) return unsettled(ledger) ?? 'LEDGER_CLOSING'
  return unsettled(ledger)
}

/**
 * Whether chain, peer and store leave any doubt about what a signature would mean. A closing withdrawal (`closes`) ends the generation
 * and all that was signed in it, so neither what this side forgot nor a dispute speaks against it.
 */
export function unsettled(ledger: Ledger, closes = false): BlockedCode | undefined {
  const { facts, generation } = ledger
  if (ledger.revoked && !closes) return 'SIGNER_REVOKED'
  if (ledger.frozen && !closes) return 'LEDGER_FROZEN'
  if (!facts || !ledger.fresh) return 'CHAIN_VIEW_STALE'
  const isDisputed = facts.latest.phase === 'disputed' || facts.confirmed.phase === 'disputed'
  if (isDisputed && !closes) return 'LEDGER_DISPUTED'
  if (facts.latest.generation !== generation || facts.confirmed.generation !== generation) return 'GENERATION_CHANGING'
  return ledger.linked ? undefined : 'PEER_NOT_SYNCED'
}

export const closing = (inFlight: InFlight): boolean =>
  inFlight.stage === 'granted' ? inFlight.withdrawal.closing : inFlight.request.closing

/** What a withdrawal on its way takes from `member`. */
export function withdrawing(ledger: Ledger, member: number): bigint {
  const { inFlight } = ledger
  if (!inFlight) return 0n
  if (inFlight.stage === 'proposed') return member === ledger.me ? inFlight.request.amount : 0n
  return inFlight.withdrawal.parts.reduce((sum, part) => (part.member === member ? sum + part.amount : sum), 0n)
}

/**
 * What a lane leaves `member` at least: an outgoing promise counts once it is signed, an incoming one, or one that was
 * cancelled, once the reader acknowledged it. Versions between the two ends can leave a writer less, if a lock was cancelled
 * at once; only the reader could show one, and it asked for that cancel.
 */
function least(lane: Lane, member: number): bigint {
  const newest = lane.newest.credits[member]!
  const acked = lane.acked.credits[member]!
  if (newest < acked) return newest
  return acked
}

/** What `member` can spend: only what both sides could enforce now. Negative if the chain took a deposit back. */
export function spendable(ledger: Ledger, member: number): bigint {
  const balance = ledger.facts?.confirmedBalances[member] ?? 0n
  return balance + least(ledger.own, member) + least(ledger.peer, member) - withdrawing(ledger, member)
}

/** What `member` would be paid if everything signed so far were settled now. */
export function entitlement(ledger: Ledger, member: number): bigint {
  const balance = ledger.facts?.confirmedBalances[member] ?? 0n
  return balance + ledger.own.newest.credits[member]! + ledger.peer.newest.credits[member]!
}

/** Whether no member has promised more than it can be held to. */
export const solvent = (ledger: Ledger): boolean => spendable(ledger, 0) >= 0n && spendable(ledger, 1) >= 0n

/** Bytes of operations that the peer has not acknowledged. */
export function unackedBytes(ledger: Ledger): number {
  let bytes = 0
  for (const entry of ledger.unacked) bytes += entry.bytes
  return bytes
}
