import { TallystickError } from '../core/errors.ts'
import type { Address, ChannelId, Hex, LedgerRef } from '../core/types.ts'
import type { FailureReport } from '../routing/failure.ts'

/** The store refused a write: nothing may be promised any more. */
export class StoreFailedError extends TallystickError {
  readonly code = 'STORE_FAILED'

  constructor(cause: unknown) {
    super(
      'The store failed, so this node signs and sends nothing more. Free or repair the disk, then start it again.',
      { cause },
    )
  }
}

/** The node was stopped. */
export class NodeStoppedError extends TallystickError {
  readonly code = 'NODE_STOPPED'

  constructor() {
    super('The node is stopped. Start it again.')
  }
}

/** A node needs exactly one session key. */
export class MissingKeyError extends TallystickError {
  readonly code = 'MISSING_KEY'

  constructor() {
    super('A node has one session key. Pass exactly one of seed, key and signer.')
  }
}

/** A payment was signed and sent, but the peer's acknowledgement has not come. */
export class PaymentPendingError extends TallystickError {
  readonly code = 'PAYMENT_PENDING'
  /** Of the lane that holds it; 0n: it was not signed, and so not paid. */
  readonly version: bigint

  constructor(version: bigint, cause: unknown) {
    super(
      version === 0n
        ? 'The payment was not signed, so nothing is paid. Pay again.'
        : `The payment is signed as version ${version} and the peer may hold it, so it counts as paid. Do not pay again; it is acknowledged once the peer is back.`,
      { cause },
    )
    this.version = version
  }
}

/** A payment with this id exists, with another amount. */
export class DuplicatePaymentError extends TallystickError {
  readonly code = 'DUPLICATE_PAYMENT'

  constructor(id: string) {
    super(`There is another payment with the id ${id}. Use an id once, for one payment.`)
  }
}

/** A round of a group is not complete in time, or a settlement has ended the group: what was asked for may or may not be in what counts. */
export class GroupStalledError extends TallystickError {
  readonly code = 'ROUND_STALLED'
  /** The session keys of those whose part of the round was missing; empty: the group ended in another way. */
  readonly missing: readonly Address[]

  constructor(missing: readonly Address[]) {
    super(
      missing.length > 0
        ? `A round has stalled, since the part of ${missing.join(', ')} is missing. The chain pays everybody; see the balances of the settlement before paying again.`
        : 'The group was ended. See what its settlement paid before paying again.',
    )
    this.missing = missing
  }
}

/** Several rounds left a payment out. */
export class WishDeclinedError extends TallystickError {
  readonly code = 'WISH_DECLINED'

  constructor() {
    super(
      'Several rounds left this payment out, so nothing is paid. Wait until your deposit is confirmed, then pay again.',
    )
  }
}

/** A transfer of a group ended by other values than were asked for: the registry had decided, or the others agreed on them. */
export class EndedOtherwiseError extends TallystickError {
  readonly code = 'ENDED_OTHERWISE'
  readonly values: readonly bigint[]

  constructor(id: Hex, values: readonly bigint[]) {
    super(`The transfer ${id} ended by the values ${values.join(', ')}. Look at what was paid by it.`)
    this.values = values
  }
}

/** The peer refused what was asked for. */
export class PeerRefusedError extends TallystickError {
  readonly code = 'PEER_REFUSED'
  /** The peer's own code, for programs; its text is in the message, escaped. */
  readonly peerCode: string

  constructor(peerCode: string, reason: string) {
    super(
      `The peer refused: ${escapeControls(reason)} (${escapeControls(peerCode)}). Change what is asked for, or ask its operator.`,
    )
    this.peerCode = escapeControls(peerCode)
  }
}

/** A withdrawal expired before it was executed. */
export class WithdrawalExpiredError extends TallystickError {
  readonly code = 'WITHDRAWAL_EXPIRED'

  constructor() {
    super(
      'The withdrawal expired before it was executed, so nothing was paid out. Ask again, or start a dispute if the peer is silent.',
    )
  }
}

/** A text of somebody else as it may be shown: control and bidirectional characters would fake what is around them. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )
}

/** A quote for inbound money cannot be accepted. */
export class InvalidQuoteError extends TallystickError {
  readonly code = 'INVALID_QUOTE'

  constructor(fact: string) {
    super(`This quote for inbound money cannot be accepted: ${fact}. Ask for another one.`)
  }
}

/** This node did not make such an invoice. */
export class InvoiceUnknownError extends TallystickError {
  readonly code = 'INVOICE_UNKNOWN'

  constructor(id: string) {
    super(`This node made no invoice ${id}. Pass the id of one of its own.`)
  }
}

/** Why no route carries a payment: which limit bound. */
export type NoRouteReason =
  /** Nothing that is known leads to the payee. */
  | 'NO_PATH'
  /** Routes cost more than the limit; `fee` says what the best one asks. */
  | 'TOO_DEAR'
  /** Less can be sent from here over all channels together. */
  | 'BALANCE_TOO_SMALL'
  /** More than the channels on the way, or as many parts as there may be, carry together. */
  | 'TOO_LARGE'

const NO_ROUTE: Readonly<Record<NoRouteReason, string>> = {
  NO_PATH:
    'Nothing that this node knows of leads to the payee. Open a channel with the payee or with a hub, or pass a route.',
  TOO_DEAR: 'Every route to the payee costs more than allowed. Allow a higher maxFee, or open a channel of your own.',
  BALANCE_TOO_SMALL: 'The channels of this node cannot send as much now. Deposit more, or pay less.',
  TOO_LARGE:
    'The channels on the way cannot carry as much, even in parts. Pay less, or open a channel nearer to the payee.',
}

/** No route carries a payment. */
export class NoRouteError extends TallystickError {
  readonly code = 'NO_ROUTE'
  readonly reason: NoRouteReason
  /** What the best route would cost, if that is the reason. */
  readonly fee: bigint | undefined

  constructor(reason: NoRouteReason = 'NO_PATH', fee?: bigint) {
    super(`${NO_ROUTE[reason]}${fee === undefined ? '' : ` The best one asks ${fee}.`}`)
    this.reason = reason
    this.fee = fee
  }
}

/** Why a swap is not begun. */
export type SwapRefusal =
  /** It costs more than the caller would give; `price` says how much. */
  | 'SWAP_TOO_DEAR'
  /** The time for which it could be locked is not above the node's own margin. */
  | 'SWAP_TOO_SHORT'
  /** No peer that was asked swaps these two assets now. */
  | 'NOBODY_SWAPS'

const SWAP_REFUSED: Readonly<Record<SwapRefusal, string>> = {
  SWAP_TOO_DEAR: 'The swap costs more than it may. Give more, get less, or ask another peer.',
  SWAP_TOO_SHORT:
    'The swap could not be locked for longer than the margin of this node. Allow more seconds, lower the margin, or ask another peer.',
  NOBODY_SWAPS: 'No connected peer swaps these assets now. Connect to one that does, or try again later.',
}

/** A swap is not begun; nothing was sent. */
export class SwapRefusedError extends TallystickError {
  readonly code: SwapRefusal
  /** What would have to be given, if that is the reason. */
  readonly price: bigint | undefined

  constructor(code: SwapRefusal, price?: bigint, cause?: unknown) {
    super(`${SWAP_REFUSED[code]}${price === undefined ? '' : ` It asks for ${price}.`}`, { cause })
    this.code = code
    this.price = price
  }
}

/** No outcome lock of this node has this id, or it is over. */
export class OutcomeLockUnknownError extends TallystickError {
  readonly code = 'OUTCOME_LOCK_UNKNOWN'

  constructor(id: Hex) {
    super(`This node knows no outcome lock ${id} that can still end so. Look at those that there are.`)
  }
}

/** An outcome lock cannot end at a value. */
export type OutcomeRefusal =
  /** Its payee has not asked for that. */
  | 'OUTCOME_NOT_ASKED'
  /** It was given back, or asked for at another value. */
  | 'OUTCOME_SETTLED'

const OUTCOME_REFUSED: Readonly<Record<OutcomeRefusal, string>> = {
  OUTCOME_NOT_ASKED: 'The payee has not asked for this value. Wait until it asks, or have the outcome recorded.',
  OUTCOME_SETTLED: 'The payee has given this lock back, or asked for another value before. Wait until it is over.',
}

/** An outcome lock cannot end so, off chain. */
export class OutcomeRefusedError extends TallystickError {
  readonly code: OutcomeRefusal

  constructor(code: OutcomeRefusal) {
    super(OUTCOME_REFUSED[code])
    this.code = code
  }
}

/** A payment was decided on chain, where its secret is not seen. */
export class ProofMissingError extends TallystickError {
  readonly code = 'PROOF_MISSING'

  constructor() {
    super('The invoice is paid, by the chain, but its secret was not seen here. Ask the payee for a receipt.')
  }
}

/** A peer does not hand over what the chain has decided on. */
export class PartOverdueError extends TallystickError {
  readonly code = 'PART_OVERDUE'
  readonly channelId: ChannelId
  readonly asset: Address
  readonly peer: Address
  /** In the asset's units, of all parts together. */
  readonly amount: bigint

  constructor({ channelId, asset }: LedgerRef, peer: Address, amount: bigint) {
    super(
      `The peer ${peer} does not hand over ${amount} of the asset ${asset} in the channel ${channelId}, though the chain has ` +
        'decided it. Connect to it, or dispute the ledger; nothing is lost meanwhile.',
    )
    this.channelId = channelId
    this.asset = asset
    this.peer = peer
    this.amount = amount
  }
}

/** A payment over several hops came back; nothing was paid. */
export class PaymentFailedError extends TallystickError {
  readonly code = 'PAYMENT_FAILED'
  /** Why this node itself did not send it, if so. */
  readonly refused: string | undefined
  /** What a hop or the payee said; undefined if nobody said anything. */
  readonly report: FailureReport | undefined

  constructor(refused: string | undefined, report: FailureReport | undefined) {
    super(`The payment came back: ${reasonOf(refused, report)}. Nothing is paid. Try another route, or later.`)
    this.refused = refused
    this.report = report
  }
}

function reasonOf(refused: string | undefined, report: FailureReport | undefined): string {
  if (report?.kind === 'failed') return `hop ${report.hop + 1} says ${report.failure.code}`
  if (report?.kind === 'spoilt') return `hop ${report.hop + 1}, or the one before it, spoilt the reason`
  return refused === undefined ? 'nobody said why' : `this node says ${refused}`
}
