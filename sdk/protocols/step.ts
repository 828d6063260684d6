import type { Hex, State, Withdrawal } from '../core/types.ts'
import type { ChainFacts, Freeze, Ledger, Terms, WithdrawalRequest } from './ledger.ts'
import type { LedgerMessage, PeerViolationError } from './messages.ts'
import type { Operation } from './operations.ts'
import type { Resolution, Snapshot } from './pending.ts'

/** What can happen to a ledger. Nothing else reaches a protocol: no clock, no key, no socket. */
export type LedgerEvent =
  /** The next version of one's own lane; throws if it may not be signed. */
  | { readonly kind: 'write'; readonly operations: readonly Operation[] }
  /** Asks the peer to resolve a transfer of its lane so; `proof` is for the peer's eyes. Throws if there is none. */
  | ({ readonly kind: 'ask' } & Asking)
  /** Time to sign the peer's newest state, if that was not done. */
  | { readonly kind: 'acknowledge' }
  | { readonly kind: 'signed'; readonly what: Signed; readonly signature: Uint8Array }
  | { readonly kind: 'message'; readonly message: LedgerMessage }
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected' }
  /** The peer may have been waiting, or a message been lost: ask again. */
  | { readonly kind: 'remind' }
  | { readonly kind: 'facts'; readonly facts: ChainFacts }
  | { readonly kind: 'fresh'; readonly fresh: boolean }
  /** States that the chain holds, found in the history. */
  | { readonly kind: 'shown'; readonly states: readonly Snapshot[] }
  | { readonly kind: 'withdraw'; readonly request: WithdrawalRequest }
  /** The user takes a proposal back that the peer has not agreed to. */
  | { readonly kind: 'abandon'; readonly id: string }
  /** An owner says that its signer speaks for it no longer. */
  | { readonly kind: 'revoked' }
  | { readonly kind: 'dispute' }

/** A wish of the payee for the end of a transfer. */
export interface Asking {
  /** Of the transfer. */
  readonly id: Hex
  readonly resolution: Resolution
  /** Why the payer should: a secret, a failure; at most `MAX_NOTE` bytes. */
  readonly proof: Uint8Array
}

export type Signed = 'update' | 'ack' | 'consent'

/** A state and whose signatures over it are held; empty: not held. */
export interface SubmittedState {
  readonly state: State
  readonly signature: Uint8Array
}

/** What a protocol wants done. Performed in order, after `next` is durable; each may be performed twice. */
export type LedgerEffect =
  /** Answered by `signed` at once, before anything leaves. */
  | { readonly kind: 'sign'; readonly what: Signed; readonly digest: Uint8Array }
  /** Goes to the history in the same commit as `next`. */
  | {
      readonly kind: 'record'
      readonly lane: number
      readonly version: bigint
      readonly operations: Uint8Array
      /** The writer's; undefined where only a later one was checked. */
      readonly signature: Uint8Array | undefined
    }
  /** The settlement of this generation may have reserved money: look after it. Goes to the store in the same commit as `next`. */
  | { readonly kind: 'reserve'; readonly generation: number }
  | { readonly kind: 'send'; readonly message: LedgerMessage }
  /** Send the recorded updates of one's own lane from this version on. */
  | { readonly kind: 'resend'; readonly from: bigint }
  | { readonly kind: 'execute'; readonly withdrawal: Withdrawal; readonly consent: Uint8Array }
  /** Each state with the peer's signature over it. */
  | { readonly kind: 'submit'; readonly states: readonly SubmittedState[]; readonly expiry: bigint }
  | { readonly kind: 'settle'; readonly states: readonly Snapshot[]; readonly base: readonly bigint[] }
  /** The chain holds older versions: find these (by lane; 0n: none) in the history and answer with `shown`. */
  | { readonly kind: 'lookup'; readonly versions: readonly [bigint, bigint] }
  | { readonly kind: 'notify'; readonly news: LedgerNews }
  /** Close the connection; nothing of the message counts. */
  | { readonly kind: 'violation'; readonly error: PeerViolationError }

/** What a user may want to hear about a ledger. */
export type LedgerNews =
  | { readonly kind: 'sent' | 'received'; readonly version: bigint; readonly operations: readonly Operation[] }
  /** The peer wants a transfer of one's own lane to end so. */
  | ({ readonly kind: 'asked' } & Asking)
  | { readonly kind: 'acked'; readonly version: bigint }
  | { readonly kind: 'frozen'; readonly freeze: Freeze }
  | { readonly kind: 'agreed' | 'granted'; readonly withdrawal: Withdrawal; readonly id: string | undefined }
  | { readonly kind: 'withdrawn'; readonly id: string | undefined; readonly withdrawal: Withdrawal | undefined }
  | { readonly kind: 'refused'; readonly id: string; readonly reason: string; readonly again: boolean }
  | { readonly kind: 'expired'; readonly id: string | undefined }
  | { readonly kind: 'disputed'; readonly expiry: bigint }
  | { readonly kind: 'ended'; readonly generation: number; readonly next: number; readonly disputed: boolean }

/** A protocol's answer to an event. */
export interface Step {
  readonly next: Ledger
  readonly effects: readonly LedgerEffect[]
}

/** One protocol: pure, total for its events. */
export type Protocol<E extends LedgerEvent['kind']> = (
  ledger: Ledger,
  event: Extract<LedgerEvent, { kind: E }>,
  terms: Terms,
) => Step

/** Nothing happens. */
export const stay = (ledger: Ledger): Step => ({ next: ledger, effects: [] })
