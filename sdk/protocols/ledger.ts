import { ZERO_HASH } from '../core/state.ts'
import type { Address, Channel, Domain, Hex, LedgerRef, LedgerWord, State, Withdrawal } from '../core/types.ts'
import type { Operation } from './operations.ts'
import { NOTHING_LOCKED, type Pending, type Resolution, type Snapshot } from './pending.ts'

/** A lane as one side shows it. Both sides hold the same four things, so a lane can be compared. */
export interface ShownLane {
  /** Newest state its writer signed; version 0n: none yet. */
  readonly newest: State
  /** The writer's signature over `newest`, 64 bytes; empty at version 0n. */
  readonly signature: Uint8Array
  /** Newest state that the reader signed as well. */
  readonly acked: State
  /** The reader's signature over `acked`, 64 bytes; empty at version 0n. */
  readonly ack: Uint8Array
}

/** A lane as one side knows it. */
export interface Lane extends ShownLane {
  /** Transfers locked in `newest`, and in `acked`. */
  readonly pending: Pending
  readonly ackedPending: Pending
}

/** A version of one's own lane that the peer may hold and has not acknowledged. */
export interface Unacked extends Snapshot {
  /** Size of its operations. */
  readonly bytes: number
}

/** What the chain says about a ledger; the chain port's `LedgerView` is one. */
export interface ChainFacts {
  readonly head: { readonly number: number; readonly timestamp: bigint }
  readonly confirmedHead: { readonly number: number; readonly timestamp: bigint }
  readonly confirmed: LedgerWord
  readonly latest: LedgerWord
  readonly confirmedBalances: readonly bigint[]
  readonly latestBalances: readonly bigint[]
  readonly base: readonly bigint[]
  readonly lanes: readonly bigint[]
}

/** What a member wants paid out of a ledger. */
export interface WithdrawalRequest {
  /** Names the request to whoever waits for it. */
  readonly id: string
  /** All money to both members; ends the generation. */
  readonly closing: boolean
  /** Of the proposer; a closing one leaves it to the states (0n). */
  readonly amount: bigint
  /** Zero: the proposer's owner. */
  readonly to: Address
  /** Zero, or the channel to pay into. */
  readonly toChannel: `0x${string}`
  readonly toMember: number
  readonly validUntil: bigint
}

/** A withdrawal on its way; at most one per ledger. */
export type InFlight =
  | {
      readonly stage: 'proposed'
      readonly request: WithdrawalRequest
      readonly seq: number
      /** The expiry of the dispute that it ends; 0n: none. */
      readonly dispute: bigint
      /** Confirmed balances that a closing one counts. */
      readonly balances: readonly [bigint, bigint]
    }
  | {
      readonly stage: 'agreed'
      readonly request: WithdrawalRequest
      readonly withdrawal: Withdrawal
      /** The peer's signature over it, 64 bytes. */
      readonly consent: Uint8Array
    }
  /** Signed for the peer, who may execute it until it expires. Undefined: about to be signed. */
  | { readonly stage: 'granted'; readonly withdrawal: Withdrawal; readonly consent: Uint8Array | undefined }

/** Why nothing more is signed in this generation. */
export interface Freeze {
  /** `RESTORED`: the peer showed nothing newer, and may hide it. */
  readonly code: 'OLD_BACKUP' | 'EQUIVOCATION' | 'RESTORED'
  /** Version of one's own lane before and as the peer proved it. */
  readonly known: bigint
  readonly proved: bigint
}

/** Everything one side knows about one asset of a two-member channel. */
export interface Ledger extends LedgerRef {
  /** This side's member index, 0 or 1. */
  readonly me: number
  readonly generation: number
  /** The lane this side writes, and the peer's. */
  readonly own: Lane
  readonly peer: Lane
  readonly unacked: readonly Unacked[]
  /** What this side asked for of transfers in the peer's lane that gives the peer money back: it may do so at any time. */
  readonly asks: ReadonlyMap<Hex, Resolution>
  readonly inFlight: InFlight | undefined
  readonly frozen: Freeze | undefined
  /** Restored from a backup and not compared with the peer since: no dispute may start from it. */
  readonly doubtful: boolean
  /** An owner says that its signer speaks for it no longer: nothing but a closing is signed. Stored with the channel. */
  readonly revoked: boolean
  // What follows is learned anew after every start, so it is not stored.
  /** Whether the peer's view was taken in on this connection: before that nothing is signed. */
  readonly linked: boolean
  /** An update was skipped, so the peer must be asked to send again. */
  readonly missed: boolean
  readonly facts: ChainFacts | undefined
  /** The chain view is fresh. */
  readonly fresh: boolean
  /** A state of one's own lane that waits for its signature. */
  readonly signing: (Snapshot & { readonly encoded: Uint8Array; readonly operations: readonly Operation[] }) | undefined
  /** Older states that the chain holds in this generation's dispute. */
  readonly shown: readonly Snapshot[]
}

/** What does not change while a channel lives; `verify` is pure. */
export interface Terms {
  readonly domain: Domain
  readonly channel: Channel
  readonly verify: (digest: Uint8Array, signature: Uint8Array, signer: Address) => boolean
}

const EMPTY = new Uint8Array(0)

/** A lane before its first version. */
export function blankLane(ref: LedgerRef, generation: number, lane: number): Lane {
  const state: State = {
    channelId: ref.channelId,
    asset: ref.asset,
    generation,
    lane,
    version: 0n,
    credits: [0n, 0n],
    locked: 0n,
    transfersRoot: ZERO_HASH,
  }
  const nothing = { pending: NOTHING_LOCKED, ackedPending: NOTHING_LOCKED }
  return { newest: state, signature: EMPTY, acked: state, ack: EMPTY, ...nothing }
}

/** A ledger that nobody has paid in yet. */
export function newLedger(ref: LedgerRef, me: number): Ledger {
  return {
    channelId: ref.channelId,
    asset: ref.asset,
    me,
    generation: 0,
    own: blankLane(ref, 0, me),
    peer: blankLane(ref, 0, 1 - me),
    unacked: [],
    asks: new Map(),
    inFlight: undefined,
    frozen: undefined,
    doubtful: false,
    revoked: false,
    linked: false,
    missed: false,
    facts: undefined,
    fresh: false,
    signing: undefined,
    shown: [],
  }
}

/** The same ledger at the start of `generation`: every older signature is void. */
export function nextGeneration(ledger: Ledger, generation: number): Ledger {
  return {
    ...ledger,
    generation,
    own: blankLane(ledger, generation, ledger.me),
    peer: blankLane(ledger, generation, 1 - ledger.me),
    unacked: [],
    asks: new Map(),
    inFlight: undefined,
    frozen: undefined,
    doubtful: false,
    linked: false,
    missed: false,
    signing: undefined,
    shown: [],
  }
}

/** Whether two states say the same. */
export function sameState(a: State, b: State): boolean {
  return (
    a.version === b.version &&
    a.generation === b.generation &&
    a.lane === b.lane &&
    a.locked === b.locked &&
    a.transfersRoot === b.transfersRoot &&
    a.credits.every((credit, member) => credit === b.credits[member])
  )
}
