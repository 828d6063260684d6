import { toBytes } from '../core/bytes.ts'
import { secretKey, WHOLE } from '../core/outcome.ts'
import type { Hex } from '../core/types.ts'
import type { PartPolicy } from './admission.ts'
import {
  type Deal,
  deadlineOf,
  decided,
  decidedPieces,
  type Edge,
  type Incoming,
  isLive,
  type Outgoing,
  type Part,
  type Piece,
} from './part.ts'
import { keptOf } from './pending.ts'

// How both ends of an outcome lock let it end at a value v between nothing and all, over hops that trust neither (ADR 0030). If a hop's
// two sides ended one after the other, the ends could record another value between them. So each side is first bent, step by step, into
// "v if the payee's secret is recorded, else what the outcome says"; whatever may be recorded, a hop's incoming side pays no less than
// its outgoing one at every moment.
//
//   payee asks v ─▶ split, from the payee up: the rest, 1 - v of it, goes back under the secret     a loss of who is paid: below first
//   payer agrees ─▶ led, from the payer down: what is kept, v of it, is paid under the secret        a gain of who is paid: above first
//   payee shows the secret ─▶ upwards: what is kept is paid, and what is not goes back
//
// A payer that refuses does not lead: the secret stays where it is, and the outcome decides.

export type DealEvent =
  /** Payee: it wants this value; the secret is its own. */
  | { readonly kind: 'propose'; readonly value: bigint; readonly secret: Hex }
  /** The other end of the outgoing side wants it to be split. */
  | { readonly kind: 'splitAsked'; readonly value: bigint; readonly key: Hex }
  /** The outgoing side was split, and its other end has acknowledged that; or the incoming one. */
  | { readonly kind: 'splitOut' | 'splitIn' }
  /** This node has signed it; or the other end has. */
  | { readonly kind: 'ledOut' }
  | { readonly kind: 'ledIn'; readonly key: Hex }
  /** The other end of the outgoing side wants a piece to end by these values. */
  | {
      readonly kind: 'endAsked'
      readonly piece: Piece
      readonly values: readonly bigint[]
      readonly secret: Hex | undefined
    }
  /** A piece has ended: what is paid once it is signed, what goes back once it is acknowledged. */
  | { readonly kind: 'endedIn' | 'endedOut'; readonly piece: Piece; readonly values: readonly bigint[] }

export type DealEffect =
  | { readonly kind: 'splitOut' | 'askSplit'; readonly value: bigint; readonly key: Hex }
  | { readonly kind: 'leadOut'; readonly key: Hex }
  | { readonly kind: 'endOut'; readonly piece: Piece; readonly values: readonly bigint[] }
  | {
      readonly kind: 'askEnd'
      readonly piece: Piece
      readonly values: readonly bigint[]
      readonly secret: Hex | undefined
    }
  | { readonly kind: 'reveal'; readonly secret: Hex }

const PIECES = ['kept', 'rest'] as const
/** By the secret: who is in front of the outcome gets all. */
const BY_SECRET = [WHOLE, 0n] as const

/** What is known after an event. */
export function absorbDeal(part: Part, event: DealEvent): Part {
  switch (event.kind) {
    case 'propose':
      return propose(part, event.value, event.secret)
    case 'splitAsked':
      return canSplit(part, event.value) ? withDeal(part, 'outgoing', newDeal(event.value, event.key)) : part
    case 'splitOut':
      return split(part, 'outgoing')
    case 'splitIn':
      return split(part, 'incoming')
    case 'ledOut':
      return led(part, 'outgoing')
    case 'ledIn':
      return part.incoming?.deal?.key === event.key ? led(part, 'incoming') : part
    case 'endAsked':
      return hearEnd(part, event.piece, event.values, event.secret)
    case 'endedIn':
      return ended(part, 'incoming', event.piece, event.values)
    case 'endedOut':
      return ended(part, 'outgoing', event.piece, event.values)
  }
}

type Which = 'incoming' | 'outgoing'

const newDeal = (value: bigint, key: Hex): Deal => ({ value, key, stage: 'asked', rest: 0n, wanted: {} })

const withSide = (part: Part, which: Which, change: Partial<Incoming & Outgoing>): Part =>
  part[which] ? { ...part, [which]: { ...part[which], ...change } } : part
const withDeal = (part: Part, which: Which, deal: Deal): Part => withSide(part, which, { deal })

const opensKey = ({ registry }: Edge, key: Hex, secret: Hex): boolean =>
  secretKey(registry, toBytes(secret, 32)) === key

function propose(part: Part, value: bigint, secret: Hex): Part {
  const { incoming, outgoing, agreed, refused } = part
  const isOpen = !outgoing && incoming?.status === 'locked' && !incoming.deal
  if (part.mode !== 'outcome' || !isOpen || refused || agreed !== undefined || !isSplit(incoming.amount, value))
    return part
  const key = secretKey(incoming.edge.registry, toBytes(secret, 32))
  return withDeal({ ...part, agreed: value, secret }, 'incoming', newDeal(value, key))
}

/** Whether something is kept of an amount, and something goes back. */
export function isSplit(amount: bigint, value: bigint): boolean {
  const kept = keptOf(amount, value)
  return kept > 0n && kept < amount
}

function canSplit({ mode, outgoing }: Part, value: bigint): boolean {
  if (mode !== 'outcome' || outgoing?.status !== 'locked' || outgoing.deal) return false
  return !outgoing.paying && outgoing.cancelling === undefined && isSplit(outgoing.amount, value)
}

function split(part: Part, which: Which): Part {
  const side = part[which]
  if (side?.deal?.stage !== 'asked') return part
  const { amount: all } = side.edge.transfer
  const amount = keptOf(all, side.deal.value)
  return withSide(part, which, { amount, deal: { ...side.deal, stage: 'split', rest: all - amount } })
}

function led(part: Part, which: Which): Part {
  const deal = part[which]?.deal
  return deal?.stage === 'split' ? withDeal(part, which, { ...deal, stage: 'led' }) : part
}

function hearEnd(part: Part, piece: Piece, values: readonly bigint[], secret: Hex | undefined): Part {
  const { outgoing } = part
  if (!outgoing?.deal || outgoing.deal.stage === 'asked') return part
  const { deal, edge } = outgoing
  const next = withDeal(part, 'outgoing', { ...deal, wanted: { ...deal.wanted, [piece]: String(values) } })
  const isNew = secret !== undefined && part.secret === undefined && opensKey(edge, deal.key, secret)
  // Kept before anything else is done with it: what was shown once may never be shown again.
  return isNew ? { ...next, secret } : next
}

function ended(part: Part, which: Which, piece: Piece, values: readonly bigint[]): Part {
  const deal = part[which]?.deal
  if (!deal || deal.stage === 'asked') return part
  if (piece === 'rest') return withDeal(part, which, { ...deal, rest: 0n })
  const value = deal.stage === 'led' && values[0] === WHOLE ? deal.value : values.at(-1)!
  return withSide(part, which, { status: value > 0n ? 'paid' : 'gone', amount: 0n, paidAt: value })
}

/** All that should be on its way now for the deal of a part. */
export function dealDue(part: Part, policy: PartPolicy): DealEffect[] {
  const { incoming, outgoing, secret } = part
  const effects: DealEffect[] = []
  if (outgoing?.deal && !outgoing.disputed) effects.push(...outgoingDue(part, outgoing, outgoing.deal, policy))
  if (incoming && !incoming.disputed) effects.push(...incomingDue(part, incoming, policy))
  if (secret !== undefined && mustRecord(part, policy)) effects.push({ kind: 'reveal', secret })
  return effects
}

function outgoingDue(part: Part, outgoing: Outgoing, deal: Deal, policy: PartPolicy): DealEffect[] {
  const { key, value } = deal
  if (deal.stage === 'asked') return isLive(outgoing) ? [{ kind: 'splitOut', value, key }] : []
  const effects: DealEffect[] = mayLead(part, deal, policy) ? [{ kind: 'leadOut', key }] : []
  for (const piece of PIECES) {
    const values = isLocked(outgoing, deal, piece) ? outgoingEnd(part, outgoing, deal, piece, policy) : undefined
    if (values) effects.push({ kind: 'endOut', piece, values })
  }
  return effects
}

const isLocked = (side: Incoming | Outgoing, deal: Deal, piece: Piece): boolean =>
  piece === 'kept' ? isLive(side) : deal.rest > 0n

/** Whether what is kept may be promised: the payer agrees, or a hop was promised it itself. */
function mayLead(part: Part, { stage, value, key }: Deal, policy: PartPolicy): boolean {
  const { incoming, outgoing, agreed } = part
  if (stage !== 'split' || !isLive(outgoing!) || !isEarly(part, policy)) return false
  if (!incoming) return agreed === value
  const above = incoming.deal
  return above?.stage === 'led' && above.key === key && isLive(incoming) && incoming.amount >= policy.minimum
}

/** Whether a secret that is shown now can still be recorded in time, by this node if need be. */
function isEarly({ incoming, outgoing, view }: Part, { margin }: PartPolicy): boolean {
  return view !== undefined && view.now < deadlineOf((incoming ?? outgoing)!) - margin && !incoming?.disputed
}

/** By which values a piece of the outgoing side ends now. What gives this node something is written only as it was asked for. */
function outgoingEnd(part: Part, outgoing: Outgoing, deal: Deal, piece: Piece, policy: PartPolicy) {
  const word = decidedPieces(outgoing, part.view)[piece]
  const isWanted = (values: readonly bigint[]) => deal.wanted[piece] === String(values)
  if (word) return isWanted(word) || givesAll(piece, word) ? word : undefined
  // What who is paid gives up under its secret costs nobody but itself.
  if (piece === 'rest') return isWanted(BY_SECRET) ? BY_SECRET : undefined
  const { incoming, secret } = part
  if (secret === undefined || deal.stage !== 'led') return undefined
  const isPaid = incoming !== undefined && incoming.status === 'paid' && incoming.paidAt === deal.value
  return !incoming || isPaid || isEarly(part, policy) ? BY_SECRET : undefined
}

const givesAll = (piece: Piece, values: readonly bigint[]): boolean =>
  piece === 'kept' ? values.includes(WHOLE) : values[0] === 0n && values[1] === WHOLE

function incomingDue(part: Part, incoming: Incoming, policy: PartPolicy): DealEffect[] {
  const { deal } = incoming
  const wish = deal ?? askedBelow(part, incoming)
  if (!wish) return []
  const { value, key } = wish
  if (deal?.stage !== 'split' && deal?.stage !== 'led')
    return isLive(incoming) ? [{ kind: 'askSplit', value, key }] : []
  return PIECES.flatMap((piece): DealEffect[] => {
    const end = isLocked(incoming, deal, piece) ? incomingEnd(part, incoming, deal, piece, policy) : undefined
    return end ? [{ kind: 'askEnd', piece, ...end }] : []
  })
}

/** The deal that a hop carries upwards, once the removal below is final and nothing else was asked for above. */
function askedBelow({ outgoing, view }: Part, incoming: Incoming): Deal | undefined {
  const below = outgoing?.deal
  if (!below || below.stage === 'asked' || incoming.status !== 'locked' || incoming.asked !== undefined)
    return undefined
  return decided(incoming, view) === undefined ? below : undefined
}

/** By which values a piece of the incoming side is to end now, and what shows why. */
function incomingEnd(part: Part, incoming: Incoming, deal: Deal, piece: Piece, policy: PartPolicy) {
  const { secret, outgoing } = part
  const word = decidedPieces(incoming, part.view)[piece]
  if (word) return { values: word, secret: undefined }
  if (secret === undefined || deal.stage !== 'led') return undefined
  // The payee shows it in time or never; what it has shown, others may have recorded.
  if (!outgoing) return part.shown !== undefined || isEarly(part, policy) ? { values: BY_SECRET, secret } : undefined
  // Above goes back only what is back from below.
  return piece === 'kept' || outgoing.deal?.rest === 0n ? { values: BY_SECRET, secret } : undefined
}

/** Whether only the registry can still bring what the secret pays, and it is worth its cost. */
function mustRecord(part: Part, { margin, revealCost }: PartPolicy): boolean {
  const { incoming, outgoing, view } = part
  const side = (incoming ?? outgoing)!
  if (!view || view.secret?.outcome) return false
  const deadline = deadlineOf(side)
  // A block after this one would be too late.
  if (view.now >= deadline) return false
  const isTime = view.now >= deadline - margin || side.disputed
  return isTime && stakeOf(part) > revealCost
}

/** What would be lost if the secret were not recorded: it was acted upon at one end, and not yet at the other. */
function stakeOf({ incoming, outgoing, shown }: Part): bigint {
  if (!incoming) return outgoing?.deal?.rest ?? 0n
  if (incoming.deal?.stage !== 'led' || !isLive(incoming)) return 0n
  const isActedUpon = outgoing ? outgoing.status === 'paid' || outgoing.paying : shown !== undefined
  return isActedUpon ? incoming.amount : 0n
}

/** What an effect makes irrevocable counts from the moment it is named. */
export function markDeal(part: Part, effect: DealEffect): Part {
  switch (effect.kind) {
    case 'askSplit':
      return part.incoming?.deal ? part : withDeal(part, 'incoming', newDeal(effect.value, effect.key))
    case 'endOut':
      return effect.piece === 'kept' && effect.values[0] === WHOLE ? withSide(part, 'outgoing', { paying: true }) : part
    case 'askEnd':
      return effect.secret === undefined || part.outgoing ? part : { ...part, shown: effect.secret }
    case 'reveal':
      return { ...part, revealed: true }
    default:
      return part
  }
}
