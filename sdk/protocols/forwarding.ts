import { WHOLE } from '../core/outcome.ts'
import type { Hex } from '../core/types.ts'
import { crowded, objection, type PartPolicy } from './admission.ts'
import { absorbDeal, type DealEffect, type DealEvent, dealDue, markDeal } from './dealing.ts'
import {
  claimable,
  deadlineOf,
  decided,
  type Incoming,
  isLive,
  type KeyView,
  type Outgoing,
  opens,
  owed,
  type Part,
  worth,
} from './part.ts'

// One part of a multi-hop payment at one node: payer, hop or payee. A hop commits last. docs/multi-hop.md has the whole protocol.
//
//   offered ─ lockedIn ─ objection? ──no──▶ lockOut ─▶ locked on both sides (payee: until `complete`)
//                            │yes                         │
//                            ▼                            ├─ secret and k shown, before the margin ─▶ unlockOut, askUnlock
//                       askCancel 0                       ├─ entry confirmed ─▶ unlockOut, askUnlock
//                                                         ├─ cancelAsked r ─▶ cancelOut r ─ cancelledOut ─▶ askCancel r + fee
//                                                         ├─ secret known, at the margin not paid ─▶ reveal
//                                                         └─ deadline passed, confirmed ─▶ askCancel 0
//
// How to drive it. A part is made by `payerPart`, `hopPart` or `payeePart`, gets a `view` and then `lockedIn` (payer: `send`).
// Store `next`, then perform the effects: each may be performed twice, and one that cannot be performed now (peer away, ledger
// blocked) is dropped, for `crank` names all that are due. Crank when a ledger becomes usable. After a restart tell first what
// the ledgers hold (`lockedOut` or `lockFailed` for a `locking` part), then the view, then crank. A secret that any part, any
// message or any transaction shows, mined or not, goes to all parts of its key as `secretSeen`.

/** What can happen to a part. `In` is the side that pays this node, `Out` the one it pays. */
export type PartEvent =
  | DealEvent
  /** Payer: pay it. */
  | { readonly kind: 'send' }
  /** The incoming transfer is enforceable: signed, solvent, its ledger open. */
  | { readonly kind: 'lockedIn' }
  | { readonly kind: 'unlockedIn'; readonly value: bigint }
  | { readonly kind: 'cancelledIn'; readonly residual: bigint }
  /** The outgoing transfer stands in a state that this node signed. */
  | { readonly kind: 'lockedOut' }
  /** It stands in none and never will. */
  | { readonly kind: 'lockFailed' }
  | { readonly kind: 'unlockedOut'; readonly value: bigint }
  /** The other end acknowledged the cancel. */
  | { readonly kind: 'cancelledOut'; readonly residual: bigint }
  /** The other end of the outgoing side wants to be paid. */
  | {
      readonly kind: 'unlockAsked'
      readonly value: bigint
      readonly secret: Hex | undefined
      readonly scalar: Hex | undefined
    }
  /** It gives up its claim, but for a residual. */
  | { readonly kind: 'cancelAsked'; readonly residual: bigint }
  | { readonly kind: 'secretSeen'; readonly secret: Hex }
  | { readonly kind: 'view'; readonly view: KeyView }
  | { readonly kind: 'disputed'; readonly side: 'incoming' | 'outgoing'; readonly disputed: boolean }
  /** Payee: all parts are locked to it. */
  | { readonly kind: 'complete'; readonly secret: Hex }
  /** Payee: it will not be. */
  | { readonly kind: 'giveUp' }
  /** Payer or payee of an outcome lock: it is to end at this value, above zero. */
  | { readonly kind: 'agree'; readonly value: bigint }
  /** Name all effects that are due, not only new ones. */
  | { readonly kind: 'crank' }

/** What is to be done, after `next` is durable. */
export type PartEffect =
  | DealEffect
  | { readonly kind: 'lockOut' }
  /** Outgoing ledger: give the other end this value of what is locked. */
  | { readonly kind: 'unlockOut'; readonly value: bigint }
  /** Outgoing ledger: take back what is locked but for the residual, as the other end asked. */
  | { readonly kind: 'cancelOut'; readonly residual: bigint }
  /** Ask the incoming ledger's other end to pay; secret and scalar are for its eyes alone. */
  | {
      readonly kind: 'askUnlock'
      readonly value: bigint
      readonly secret: Hex | undefined
      readonly scalar: Hex | undefined
    }
  /** Give the incoming ledger's other end back what is locked but for the residual. */
  | { readonly kind: 'askCancel'; readonly residual: bigint }

export interface PartStep {
  readonly next: Part
  readonly effects: readonly PartEffect[]
}

/** What a part becomes after `event`, and what is to be done. Pure and total: what does not fit changes nothing. */
export function stepPart(part: Part, event: PartEvent, policy: PartPolicy): PartStep {
  const next = absorb(part, event, policy)
  const all = due(next, policy)
  const before = event.kind === 'crank' ? [] : due(part, policy)
  const effects = all.filter((effect) => !before.some((known) => isSame(known, effect)))
  return { next: all.reduce(mark, next), effects }
}

/** What is known after an event. */
function absorb(part: Part, event: PartEvent, policy: PartPolicy): Part {
  switch (event.kind) {
    case 'send':
      return part.incoming ? part : judge(part, policy)
    case 'lockedIn':
      return part.incoming?.status === 'offered' ? judge(withIn(part, { status: 'locked' }), policy) : part
    case 'unlockedIn':
      return withIn(part, { status: 'paid', amount: 0n, paidAt: event.value })
    case 'cancelledIn':
      return withIn(part, { ...leftOf(event.residual), asked: undefined })
    case 'lockedOut':
      return part.outgoing?.status === 'locking' ? withOut(part, { status: 'locked' }) : part
    case 'lockFailed':
      return part.outgoing?.status === 'locking'
        ? { ...withOut(part, { status: 'planned' }), refused: 'LOCK_FAILED' }
        : part
    case 'unlockedOut':
      return withOut(part, { status: 'paid', amount: 0n, paying: false, paidAt: event.value })
    case 'cancelledOut':
      return withOut(part, { ...leftOf(event.residual), cancelling: undefined })
    case 'unlockAsked':
      return hearSecret(withOut(part, { wanted: event.value }), event, policy)
    case 'cancelAsked':
      return canCancel(part, event.residual, policy) ? withOut(part, { cancelling: event.residual }) : part
    case 'secretSeen':
      return learn(part, event.secret)
    case 'view':
      return { ...part, view: event.view }
    case 'disputed':
      return event.side === 'incoming'
        ? withIn(part, { disputed: event.disputed })
        : withOut(part, { disputed: event.disputed })
    case 'complete':
      return canRelease(part, policy) ? learn(part, event.secret) : part
    case 'giveUp':
      // After the secret has left, only the registry can say that it was for nothing.
      return part.outgoing || part.secret !== undefined ? part : { ...part, refused: part.refused ?? 'GIVEN_UP' }
    case 'agree':
      return canAgree(part) ? { ...part, agreed: event.value } : part
    case 'crank':
      return part
    default:
      return absorbDeal(part, event)
  }
}

const withIn = (part: Part, change: Partial<Incoming>): Part =>
  part.incoming ? { ...part, incoming: { ...part.incoming, ...change } } : part
const withOut = (part: Part, change: Partial<Outgoing>): Part =>
  part.outgoing ? { ...part, outgoing: { ...part.outgoing, ...change } } : part
const leftOf = (residual: bigint) => ({ amount: residual, status: residual > 0n ? 'residual' : 'gone' }) as const

/** Forward, receive, or refuse: once, before anything is promised. */
function judge(part: Part, policy: PartPolicy): Part {
  if (part.refused || (part.outgoing && part.outgoing.status !== 'planned')) return part
  const refused = objection(part, policy) ?? crowded(part, policy)
  // From here on the lock may be signed, whatever happens.
  return refused ? { ...part, refused } : withOut(part, { status: 'locking' })
}

/** Kept before anything else is done with it: what was shown once may never be shown again. */
function learn(part: Part, secret: Hex): Part {
  const edge = part.outgoing?.edge ?? part.incoming?.edge
  // Of an outcome lock only the registry's word counts, though its key may be a secret's.
  if (part.mode === 'outcome') return part
  return part.secret === undefined && edge && opens(edge, secret) ? { ...part, secret } : part
}

type Shown = { readonly secret: Hex | undefined; readonly scalar: Hex | undefined }

function hearSecret(part: Part, { secret, scalar }: Shown, policy: PartPolicy): Part {
  const next = secret === undefined ? part : learn(part, secret)
  return scalar !== undefined && fits(next, scalar, policy) ? { ...next, shown: scalar } : next
}

/** Whether a scalar releases the outgoing edge, and what follows from it the incoming one. */
function fits({ outgoing, incoming, scalar: own }: Part, scalar: Hex, { points }: PartPolicy): boolean {
  const point = outgoing?.edge.point
  if (point === undefined || !points.verifyScalar(point, scalar)) return false
  const above = incoming?.edge.point
  return above === undefined || (own !== undefined && points.verifyScalar(above, points.subtract(scalar, own)))
}

function canCancel({ outgoing, mode }: Part, residual: bigint, { room }: PartPolicy): boolean {
  if (!outgoing || !isLive(outgoing) || outgoing.paying || outgoing.cancelling !== undefined || outgoing.deal)
    return false
  const isFree = residual === 0n || outgoing.status === 'residual'
  return residual < outgoing.amount && (isFree || (mode === 'sprites' && residual <= room.outgoing.residuals))
}

/** Whether an end of an outcome lock may still say what it is worth. */
const canAgree = ({ mode, refused, incoming, outgoing }: Part): boolean =>
  mode === 'outcome' && !refused && !(incoming && outgoing)

/** Whether the payee may show its secret: later it could not be sure to get it recorded in time. */
function canRelease({ incoming, outgoing, refused, view }: Part, { margin }: PartPolicy): boolean {
  if (outgoing || refused || !view || !incoming || incoming.status !== 'locked') return false
  return !incoming.disputed && view.now < deadlineOf(incoming) - margin
}

/** All that should be on its way now. */
function due(part: Part, policy: PartPolicy): PartEffect[] {
  const effects: PartEffect[] = []
  if (part.outgoing?.status === 'locking' && objection(part, policy) === undefined) effects.push({ kind: 'lockOut' })
  const { outgoing } = part
  if (outgoing?.cancelling !== undefined && isOpen(outgoing))
    effects.push({ kind: 'cancelOut', residual: outgoing.cancelling })
  const value = payable(part, policy)
  if (value !== undefined) effects.push({ kind: 'unlockOut', value })
  const claim = claimOf(part, policy)
  if (claim) effects.push(claim)
  const residual = surplus(part, policy)
  if (residual !== undefined) effects.push({ kind: 'askCancel', residual })
  if (part.mode === 'outcome') return [...effects, ...dealDue(part, policy)]
  if (part.secret !== undefined && mustReveal(part, policy)) effects.push({ kind: 'reveal', secret: part.secret })
  return effects
}

/** Whether a locked side can be changed off chain. */
const isOpen = (side: Incoming | Outgoing): boolean => isLive(side) && !side.disputed

/** The value at which the outgoing side is paid now. */
function payable(part: Part, policy: PartPolicy): bigint | undefined {
  const { incoming, outgoing, view } = part
  if (!outgoing || !isOpen(outgoing) || outgoing.cancelling !== undefined || outgoing.deal) return undefined
  const value = decided(outgoing, view)
  // What gives this node something back is written only if the other end asked for it.
  if (value !== undefined) return value === WHOLE || (value > 0n && value === outgoing.wanted) ? value : undefined
  if (incoming?.status === 'paid' && incoming.paidAt === WHOLE) return WHOLE
  if (!incoming && part.agreed === WHOLE) return WHOLE
  const isProven = part.secret !== undefined && (part.mode === 'plain' || part.shown !== undefined)
  return isProven && isTimely(part, outgoing, policy) ? WHOLE : undefined
}

/** Whether what is paid on a secret now can be claimed in time, on chain if need be. */
function isTimely({ incoming, view, price }: Part, outgoing: Outgoing, { margin, minimum }: PartPolicy): boolean {
  if (!view || view.now >= deadlineOf(incoming ?? outgoing) - margin) return false
  if (!incoming) return true
  const sure = claimable(incoming)
  return !incoming.disputed && sure >= worth(price, outgoing.amount) && sure >= minimum
}

/** Asks to be paid: on the registry's entry, or on the secret with the incoming edge's own scalar. */
function claimOf(part: Part, { points }: PartPolicy): PartEffect | undefined {
  const { incoming, outgoing, mode, secret, shown, scalar: own, view } = part
  if (!incoming || !isOpen(incoming) || part.refused || incoming.deal) return undefined
  const known = outgoing ? shown !== undefined && own !== undefined && points.subtract(shown, own) : own
  const scalar = secret !== undefined && known ? known : undefined
  const value = decided(incoming, view)
  if (value !== undefined) {
    // A wish to be cancelled stands already and cannot be turned into another.
    const contradicts = value < WHOLE && incoming.asked !== undefined
    return value === 0n || contradicts ? undefined : { kind: 'askUnlock', value, secret, scalar }
  }
  if (wantsWhole(part)) return { kind: 'askUnlock', value: WHOLE, secret: undefined, scalar: undefined }
  // With nothing to gain, the scalar stays here: it would let somebody above be paid.
  const isProven = secret !== undefined && (mode === 'plain' || scalar !== undefined)
  return isProven && claimable(incoming) > 0n ? { kind: 'askUnlock', value: WHOLE, secret, scalar } : undefined
}

/** Whether the payee of an outcome lock wants all of it: whoever pays may do that at any time, and a hop is paid before it pays. */
const wantsWhole = ({ mode, outgoing, agreed }: Part): boolean =>
  mode === 'outcome' && (outgoing ? isLive(outgoing) && outgoing.wanted === WHOLE : agreed === WHOLE)

/** What of the incoming side is to be left when all else goes back; undefined: nothing goes back now. */
function surplus(part: Part, policy: PartPolicy): bigint | undefined {
  const { incoming } = part
  if (!incoming || !isOpen(incoming) || incoming.deal) return undefined
  const wish = residualOf(part, incoming, policy)
  if (wish === undefined) return undefined
  // A wish can be fulfilled at any time from then on, so it can only be widened.
  const residual = incoming.asked !== undefined && incoming.asked < wish ? incoming.asked : wish
  return residual < incoming.amount ? residual : undefined
}

function residualOf(part: Part, incoming: Incoming, { revealCost }: PartPolicy): bigint | undefined {
  const { outgoing, view, mode, price } = part
  const value = decided(incoming, view)
  if (value === 0n || part.refused) return 0n
  // Whoever can claim does not give back.
  if (value !== undefined || part.secret !== undefined || view?.outcome || !outgoing) return undefined
  const left = remainder(outgoing, view)
  // Upstream fails only after downstream is final.
  if (left === undefined) return undefined
  if (mode !== 'sprites') return 0n
  const earned = incoming.edge.transfer.amount - worth(price, outgoing.edge.transfer.amount)
  // A residual that was granted must be covered, whatever it is worth.
  return left > 0n || earned > revealCost ? worth(price, left) + earned : 0n
}

/** What a side that was given up can still cost: its residual; undefined while it is not given up for good. */
function remainder(outgoing: Outgoing, view: KeyView | undefined): bigint | undefined {
  if (outgoing.status === 'gone' || decided(outgoing, view) === 0n) return 0n
  return outgoing.status === 'residual' ? outgoing.amount : undefined
}

/** Whether only the registry can still bring what is due, and it is worth its cost. */
function mustReveal(part: Part, { margin, revealCost }: PartPolicy): boolean {
  const { incoming, outgoing, refused, view, price } = part
  if (!incoming || refused || !view || view.outcome) return false
  const deadline = deadlineOf(incoming)
  // A block after this one would be too late.
  if (view.now >= deadline) return false
  const isTime = view.now >= deadline - margin || incoming.disputed
  return isTime && claimable(incoming) - worth(price, owed(outgoing)) > revealCost
}

/** What an effect makes irrevocable counts from the moment it is named. */
function mark(part: Part, effect: PartEffect): Part {
  switch (effect.kind) {
    case 'unlockOut':
      return withOut(part, { paying: true })
    case 'askCancel':
      return withIn(part, { asked: effect.residual })
    case 'lockOut':
    case 'cancelOut':
    case 'askUnlock':
      return part
    default:
      return markDeal(part, effect)
  }
}

function isSame(a: PartEffect, b: PartEffect): boolean {
  const fields = Object.keys(a) as (keyof PartEffect)[]
  return fields.every((field) => String(a[field]) === String(b[field]))
}
