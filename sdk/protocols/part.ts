import { toBytes } from '../core/bytes.ts'
import { type Outcome, type OutcomeSource, secretKey, WHOLE } from '../core/outcome.ts'
import type { Address, Hex, Transfer } from '../core/types.ts'

/**
 * How the edges of a route are locked. `sprites` is worth more to its hops than `plain`, so a sender may insist on it. `outcome`: under a
 * key that hops know nothing of, by the registry's word or by what the two ends agree on.
 */
export type Mode = 'plain' | 'sprites' | 'outcome'

/** One transfer of a part: what a channel on the route locks, as one of its two ends sees it. */
export interface Edge {
  /** Where its key is recorded. */
  readonly registry: OutcomeSource
  readonly asset: Address
  /** As it was locked first; what is left of it after a cancel, see {@link Side.amount}. */
  readonly transfer: Transfer
  /** This node's index in the channel. */
  readonly me: number
  /** `sprites`: k·G, 33 bytes; off chain the transfer is released against the secret *and* k alone. */
  readonly point: Hex | undefined
}

interface Side {
  readonly edge: Edge
  /** What is locked now: all of the transfer, a residual, or 0n. */
  readonly amount: bigint
  /** A dispute about its ledger is visible: nothing can be done off chain. */
  readonly disputed: boolean
  /** The value at which it was paid off chain. */
  readonly paidAt: bigint | undefined
  /** What the ends of an outcome lock agree on; see dealing.ts. */
  readonly deal: Deal | undefined
}

/** That an outcome lock ends at a value between nothing and all, as far as it has come on one side. */
export interface Deal {
  readonly value: bigint
  /** Of the payee's secret. */
  readonly key: Hex
  /**
   * `asked`: by who is paid, nothing has changed yet. `split`: under the secret the rest goes back; what is kept still waits for the outcome.
   * `led`: under the secret what is kept is paid.
   */
  readonly stage: 'asked' | 'split' | 'led'
  /** What of the rest is still locked; what is kept is the side's amount. */
  readonly rest: bigint
  /** The ends that who is paid asked for, by the values of legs: what gives back is written only then. */
  readonly wanted: Readonly<Partial<Record<Piece, string>>>
}

/** The two transfers that a split makes of one. */
export type Piece = 'kept' | 'rest'

/** The transfer that pays this node. */
export interface Incoming extends Side {
  readonly status: 'offered' | 'locked' | 'residual' | 'paid' | 'gone'
  /** What the other end may leave of it at any time, since this node asked for its cancel. */
  readonly asked: bigint | undefined
}

/** The transfer that this node pays with. `locking`: it may be signed by now. */
export interface Outgoing extends Side {
  readonly status: 'planned' | 'locking' | 'locked' | 'residual' | 'paid' | 'gone'
  /** What the cancel that the other end asked for will leave; it does not exist until acknowledged. */
  readonly cancelling: bigint | undefined
  /** The value at which the other end wants to be paid, if that is not the whole. */
  readonly wanted: bigint | undefined
  /** Its release may be signed by now. */
  readonly paying: boolean
}

/** What a hop that swaps wants: `from` of what it is paid for each `to` of what it pays. Ratios of integers, both above zero. */
export interface Price {
  readonly from: bigint
  readonly to: bigint
}

/** What the chain says about the key of a part, in seconds of its own time. */
export interface KeyView {
  /** Of the newest block. */
  readonly now: bigint
  /** Of the newest block that has all confirmations. */
  readonly confirmed: bigint
  /** The registry's entry as of each of the two. */
  readonly outcome: Outcome | undefined
  readonly confirmedOutcome: Outcome | undefined
  /** The entries of a deal's key as of each of the two. */
  readonly secret?: { readonly outcome: Outcome | undefined; readonly confirmedOutcome: Outcome | undefined }
}

/** One part of a multi-hop payment as one node holds it. The payer has no incoming side, the payee no outgoing one. */
export interface Part {
  readonly mode: Mode
  /** What the sender insists on. */
  readonly minimumMode: Mode
  /** The least that a hop wants for it, in what comes in. */
  readonly fee: bigint
  /** Of a hop whose two edges are of different assets, as it was agreed: what the one is worth in the other until the part is over. */
  readonly price: Price | undefined
  /** `sprites`, 32 bytes: a hop's own y; the payee's k. */
  readonly scalar: Hex | undefined
  readonly incoming: Incoming | undefined
  readonly outgoing: Outgoing | undefined
  /** 32 bytes, once known; of an outcome lock its deal's. */
  readonly secret: Hex | undefined
  /** `sprites`: the k of the outgoing edge, once shown. `outcome`: the payee's secret of a deal, once it has shown it. */
  readonly shown: Hex | undefined
  /** Why it was neither forwarded nor received: what came in goes back whole. */
  readonly refused: Refusal | undefined
  /** The secret was sent to the registry. */
  readonly revealed: boolean
  /** `outcome`: the value at which its payer lets it end, or at which its payee wants it to. */
  readonly agreed: bigint | undefined
  // What follows is learned anew after every start, as is `disputed` of both sides, so it is not stored.
  readonly view: KeyView | undefined
}

export type Refusal =
  | 'MODE_REFUSED'
  | 'POINT_MISSING'
  | 'MARGIN_UNSAFE'
  | 'NOT_ONE_LEG'
  | 'PAYS_ANOTHER'
  | 'REFUNDS_ANOTHER'
  | 'ROUTE_BREAKS'
  | 'DEADLINES_CROSS'
  | 'DEADLINE_NEAR'
  | 'DEADLINE_FAR'
  | 'FEE_LOW'
  | 'AMOUNT_LOW'
  | 'NO_ROOM'
  | 'KEY_KNOWN'
  | 'LEDGER_DISPUTED'
  | 'LOCK_FAILED'
  | 'GIVEN_UP'

type Terms = Pick<Part, 'mode' | 'minimumMode' | 'scalar'>
type HopTerms = Terms & Pick<Part, 'fee'> & { readonly price?: Price }

/** A part at its payer, before anything is locked. */
export const payerPart = (terms: Terms, outgoing: Edge): Part => newPart({ ...terms, fee: 0n }, undefined, outgoing)
/** A part at its payee, when the last hop has offered it. */
export const payeePart = (terms: Terms, incoming: Edge): Part => newPart({ ...terms, fee: 0n }, incoming, undefined)
/** A part at a hop, when it was offered. */
export const hopPart = (terms: HopTerms, incoming: Edge, outgoing: Edge): Part => newPart(terms, incoming, outgoing)

function newPart(terms: HopTerms, incoming: Edge | undefined, outgoing: Edge | undefined): Part {
  const side = (edge: Edge) => ({
    edge,
    amount: edge.transfer.amount,
    disputed: false,
    paidAt: undefined,
    deal: undefined,
  })
  return {
    mode: terms.mode,
    minimumMode: terms.minimumMode,
    fee: terms.fee,
    price: terms.price,
    scalar: terms.scalar,
    incoming: incoming && { ...side(incoming), status: 'offered', asked: undefined },
    outgoing: outgoing && {
      ...side(outgoing),
      status: 'planned',
      cancelling: undefined,
      wanted: undefined,
      paying: false,
    },
    secret: undefined,
    shown: undefined,
    refused: undefined,
    revealed: false,
    agreed: undefined,
    view: undefined,
  }
}

export const keyOf = ({ transfer }: Edge): Hex => transfer.legs[0]!.key
export const deadlineOf = ({ edge }: Side): bigint => edge.transfer.deadline

/** What `amount` of the asset that goes out is worth in the one that comes in: what a hop must be sure of before it pays as much. */
export const worth = (price: Price | undefined, amount: bigint): bigint =>
  price ? (amount * price.from + price.to - 1n) / price.to : amount

/** Whether 32 bytes are the secret of an edge's key. */
export const opens = (edge: Edge, secret: Hex): boolean => secretKey(edge.registry, toBytes(secret, 32)) === keyOf(edge)

/** Whether a side is locked, wholly or as a residual. */
export const isLive = ({ status }: Incoming | Outgoing): boolean => status === 'locked' || status === 'residual'

/** What an incoming side is sure to pay once the outcome is whole. */
export function claimable(incoming: Incoming | undefined): bigint {
  if (!incoming || !isLive(incoming)) return 0n
  const { amount, asked } = incoming
  return asked !== undefined && asked < amount ? asked : amount
}

/** What an outgoing side may still cost. */
export function owed(outgoing: Outgoing | undefined): bigint {
  if (!outgoing || outgoing.paying) return 0n
  return isLive(outgoing) || outgoing.status === 'locking' ? outgoing.amount : 0n
}

/** The value that the chain has decided for a side, with all confirmations; undefined while it can still change. */
export const decided = (side: Side, view: KeyView | undefined): bigint | undefined =>
  view && wordOf(view.confirmedOutcome, deadlineOf(side), view)

const wordOf = (outcome: Outcome | undefined, deadline: bigint, { confirmed }: KeyView): bigint | undefined => {
  if (outcome && outcome.recordedAt <= deadline) return outcome.value
  return confirmed > deadline ? 0n : undefined
}

/** What the chain has decided for the pieces of a side that is split: the values of their legs. */
export function decidedPieces(side: Side, view: KeyView | undefined): Partial<Record<Piece, readonly bigint[]>> {
  const { deal } = side
  if (!deal || deal.stage === 'asked' || !view) return {}
  const value = decided(side, view)
  const secret = wordOf(view.secret?.confirmedOutcome, deadlineOf(side), view)
  // What the secret's leg takes leaves nothing to those behind it.
  const behind = secret === WHOLE ? [WHOLE, 0n] : secret === 0n && value !== undefined ? [0n, value] : undefined
  const alone = value === undefined ? undefined : [value]
  const kept = deal.stage === 'led' ? behind : alone
  return { ...(kept && { kept }), ...(behind && { rest: behind }) }
}

/** What the chain has decided that a side still pays; undefined while it can change. */
export function yieldOf(side: Incoming | Outgoing, view: KeyView | undefined): bigint | undefined {
  const { deal, amount } = side
  const value = decided(side, view)
  if (!deal || deal.stage === 'asked') return value === undefined ? undefined : (amount * value) / WHOLE
  const { kept, rest } = decidedPieces(side, view)
  if (!kept || !rest) return undefined
  const last = (values: readonly bigint[]) => values.at(-1)!
  const paid = deal.stage === 'led' && kept[0] === WHOLE ? amount : (amount * last(kept)) / WHOLE
  return (isLive(side) ? paid : 0n) + (deal.rest * last(rest)) / WHOLE
}

/** Whether the chain has decided that a side pays nothing: nothing can be lost through it any more, whatever its other end does. */
export const isVoid = (side: Incoming | Outgoing, view: KeyView | undefined): boolean =>
  side.deal ? yieldOf(side, view) === 0n : decided(side, view) === 0n

/** Whether a part can still cost or bring anything. If not, it only waits for peers to tidy up, and a peer may never do that. */
export const isAtStake = ({ incoming, outgoing, view }: Part): boolean =>
  [incoming, outgoing].some((side) => side && !isEnded(side) && !isVoid(side, view))

const isEnded = ({ status, deal }: Incoming | Outgoing): boolean =>
  (status === 'paid' || status === 'gone') && (deal?.rest ?? 0n) === 0n

/** Whether the one side of a payer's or a payee's part was paid: unlocked, or decided on chain while a dispute keeps the lane as it is. */
export function wasPaid({ incoming, outgoing, view }: Part): boolean {
  const side = incoming ?? outgoing!
  return side.status === 'paid' || (side.status === 'locked' && (decided(side, view) ?? 0n) > 0n)
}

/** Whether nothing is left to do for a part: it can be archived. */
export function isOver({ incoming, outgoing, refused, view }: Part): boolean {
  const over = (side: Incoming | Outgoing): boolean =>
    isEnded(side) || (side.disputed && yieldOf(side, view) !== undefined)
  const unused = outgoing?.status === 'planned' && refused !== undefined
  return (!incoming || over(incoming)) && (!outgoing || unused || over(outgoing))
}

/** A side that only a dispute about its ledger brings to its end, and what it would bring. */
export interface Late {
  readonly side: 'incoming' | 'outgoing'
  readonly amount: bigint
}

/** What the other end of a side has not handed over `grace` seconds after the deadline, though the chain has decided it in this node's favour. */
export function overdue({ incoming, outgoing, view }: Part, grace: bigint): Late | undefined {
  /** What a late side pays by the chain's word; undefined: it is not late. */
  const paidBy = (side: Incoming | Outgoing): bigint | undefined => {
    const isLate =
      !isEnded(side) && lockedIn(side) > 0n && !side.disputed && view && view.confirmed > deadlineOf(side) + grace
    return isLate ? yieldOf(side, view) : undefined
  }
  const [gain, cost] = [incoming && paidBy(incoming), outgoing && paidBy(outgoing)]
  if (gain !== undefined && gain > 0n) return { side: 'incoming', amount: gain }
  const back = cost === undefined ? 0n : lockedIn(outgoing!) - cost
  return back > 0n ? { side: 'outgoing', amount: back } : undefined
}

/** All that a side has locked. */
const lockedIn = (side: Incoming | Outgoing): bigint => (isLive(side) ? side.amount : 0n) + (side.deal?.rest ?? 0n)

/** What is pending with one peer, or may be. */
export interface Room {
  readonly parts: number
  readonly value: bigint
  /** Residuals are counted apart: they pay for one failure each and can wait long. */
  readonly residuals: bigint
}

/** What the limits for one peer leave, given the sides shared with it that are not void. */
export function roomOf(limits: Room, sides: readonly (Incoming | Outgoing)[]): Room {
  let { parts, value, residuals } = limits
  for (const { status, amount, deal } of sides) {
    const rest = deal?.rest ?? 0n
    if (status === 'residual') residuals -= amount
    value -= rest
    if (status === 'locked' || status === 'locking') value -= amount
    else if (rest === 0n) continue
    parts--
  }
  return { parts, value, residuals }
}
