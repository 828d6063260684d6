import { TallystickError } from '../core/errors.ts'
import type { Address, ChannelId, Hex, LedgerRef } from '../core/types.ts'

/** What a tower tells. */
export type TowerEvent =
  /** Appointments of a client were taken. */
  | { readonly kind: 'appointed'; readonly client: Address; readonly count: number }
  /** A client was turned away. */
  | { readonly kind: 'rejected'; readonly client: Address; readonly reason: Error }
  /** A dispute began about a ledger for which there are appointments. */
  | (LedgerRef & { readonly kind: 'disputed'; readonly expiry: bigint; readonly appointments: number })
  | (LedgerRef & {
      readonly kind: 'answered'
      readonly expiry: bigint
      readonly versions: readonly bigint[]
      readonly transaction: Hex
      readonly gasUsed: bigint
    })
  | (LedgerRef & { readonly kind: 'settled'; readonly transaction: Hex; readonly gasUsed: bigint })
  /** A dispute is over, or a reorganisation took it away: nothing more is to be done about it. */
  | (LedgerRef & { readonly kind: 'closed' })
  | { readonly kind: 'chain'; readonly healthy: boolean; readonly reason: string | undefined }
  /** Something needs attention: an answer that fails or is late, an empty gas account, a store that failed. */
  | { readonly kind: 'alarm'; readonly error: Error }

/** The RPC does not show which channel a dispute is about, so sealed appointments for it cannot be opened. */
export class HiddenChannelError extends TallystickError {
  readonly code = 'HIDDEN_CHANNEL'
  readonly channelId: ChannelId

  constructor(channelId: ChannelId) {
    super(
      `A dispute about channel ${channelId} was started through another contract, and this RPC shows no calls between contracts. Use an RPC with debug_traceTransaction or trace_transaction; until the expiry it is tried again.`,
    )
    this.channelId = channelId
  }
}

/** An answer is not mined although its margin has begun. */
export class LateAnswerError extends TallystickError {
  readonly code = 'ANSWER_LATE'
  readonly ledger: LedgerRef
  readonly expiry: bigint

  constructor({ channelId, asset }: LedgerRef, expiry: bigint) {
    super(
      `The answer to the dispute of ${channelId} is not mined yet and counts only before ${expiry} (chain seconds). Check gas account and RPC.`,
    )
    this.ledger = { channelId, asset }
    this.expiry = expiry
  }
}

/** A dispute ended below what was appointed: the answer was not mined in time. */
export class MissedAnswerError extends TallystickError {
  readonly code = 'ANSWER_MISSED'
  readonly ledger: LedgerRef
  readonly expiry: bigint

  constructor({ channelId, asset }: LedgerRef, expiry: bigint) {
    super(
      `The dispute of ${channelId} expired at ${expiry} (chain seconds) below what is appointed: the answer came too late. Look in the log for what kept it.`,
    )
    this.ledger = { channelId, asset }
    this.expiry = expiry
  }
}

/** An appointment was opened in a dispute and is of no use. */
export class UnusableAppointmentError extends TallystickError {
  readonly code = 'UNUSABLE_APPOINTMENT'
  readonly client: Address

  constructor(client: Address, cause: unknown) {
    super(`What ${client} appointed cannot be shown to the chain. Its maker must appoint anew.`, { cause })
    this.client = client
  }
}
