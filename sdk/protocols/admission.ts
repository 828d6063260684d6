import type { Hex } from '../core/types.ts'
import { deadlineOf, type Edge, keyOf, type Part, type Refusal, type Room, worth } from './part.ts'

// Whether a part may be sent, forwarded or received. Nothing was promised downstream yet, so a refusal costs nothing.
//
//   mode ─ margin ─ key unknown ─ ledgers open ─ shape ─ same key on both sides ─ deadlines ─ fee ─ amount ─ room ─▶ lock
//     └──────┴───────────┴─────────────┴───────────┴──────────────┴────────────────┴─────────┴───────┴───────┴─▶ refused

/** Arithmetic on secp256k1; scalars are 32 bytes, points 33. */
export interface Points {
  /** Whether `point` is `scalar`·G. */
  readonly verifyScalar: (point: Hex, scalar: Hex) => boolean
  /** `a - b` modulo the order. */
  readonly subtract: (a: Hex, b: Hex) => Hex
}

/** What a node asks of the parts it carries. Amounts are in units of what comes in, times in seconds of the chain. */
export interface PartPolicy {
  /** This long before a deadline nothing is released any more but on an entry of the registry. */
  readonly margin: bigint
  /** The longest in which a reveal of this node was shown to be recorded: an outage, a rising fee and a reorganisation included. */
  readonly responseTime: bigint
  /** Furthest that a deadline may be away. */
  readonly maxLock: bigint
  /** Least incoming amount that is released on a secret alone. Below the cost of a reveal it is lent to the peer. */
  readonly minimum: bigint
  /** What one reveal costs. A smaller residual is not kept, a smaller stake not defended. */
  readonly revealCost: bigint
  /** What the limits for the two peers still leave. */
  readonly room: { readonly incoming: Room; readonly outgoing: Room }
  readonly points: Points
}

/** Why a part may not be locked towards the payee, apart from limits; undefined if it may. */
export function objection(part: Part, policy: PartPolicy): Refusal | undefined {
  return (
    objectionToMode(part, policy) ??
    objectionToNow(part) ??
    objectionToShape(part) ??
    objectionToTime(part, policy) ??
    objectionToAmount(part, policy)
  )
}

/** Why the limits for its peers leave no room for a part. */
export function crowded({ incoming, outgoing }: Part, { room }: PartPolicy): Refusal | undefined {
  const fits = (amount: bigint, { parts, value }: Room): boolean => parts > 0 && amount <= value
  const fitsIn = !incoming || fits(incoming.amount, room.incoming)
  return fitsIn && (!outgoing || fits(outgoing.amount, room.outgoing)) ? undefined : 'NO_ROOM'
}

function objectionToMode(part: Part, { points }: PartPolicy): Refusal | undefined {
  const { mode, minimumMode, scalar, incoming, outgoing } = part
  // Never downgraded silently: who asked for the dual lock must not get a route whose hops can be skipped.
  if (mode !== 'sprites') return minimumMode === mode ? undefined : 'MODE_REFUSED'
  if (edgesOf(part).some(({ point }) => point === undefined)) return 'POINT_MISSING'
  // The payer learns its k when it pays, as part of the proof.
  if (!incoming) return undefined
  if (scalar === undefined) return 'POINT_MISSING'
  // A payee whose k does not fit could be paid on chain alone.
  return outgoing || points.verifyScalar(incoming.edge.point!, scalar) ? undefined : 'POINT_MISSING'
}

function objectionToNow({ secret, view, incoming, outgoing }: Part): Refusal | undefined {
  // Whoever knows the secret already takes the money, and the payer learns nothing for it.
  if (secret !== undefined || view?.outcome) return 'KEY_KNOWN'
  return incoming?.disputed || outgoing?.disputed ? 'LEDGER_DISPUTED' : undefined
}

function objectionToShape(part: Part): Refusal | undefined {
  const { incoming, outgoing } = part
  if (edgesOf(part).some(({ transfer }) => transfer.legs.length !== 1)) return 'NOT_ONE_LEG'
  if (incoming && incoming.edge.transfer.legs[0]!.to !== incoming.edge.me) return 'PAYS_ANOTHER'
  if (outgoing && outgoing.edge.transfer.legs[0]!.to === outgoing.edge.me) return 'PAYS_ANOTHER'
  if (outgoing && outgoing.edge.transfer.refundTo !== outgoing.edge.me) return 'REFUNDS_ANOTHER'
  return incoming && outgoing && !isSameQuestion(part, incoming.edge, outgoing.edge) ? 'ROUTE_BREAKS' : undefined
}

/** Whether one entry of one registry decides both edges, in one asset or in two that have a price. */
const isSameQuestion = ({ price }: Part, a: Edge, b: Edge): boolean =>
  a.registry.chainId === b.registry.chainId &&
  a.registry.condition === b.registry.condition &&
  (a.asset === b.asset) === (price === undefined) &&
  keyOf(a) === keyOf(b)

function objectionToTime(part: Part, policy: PartPolicy): Refusal | undefined {
  const { mode, incoming, outgoing, view } = part
  // A node that cannot show to be faster than its margin would release what it then fails to claim.
  if (policy.margin < policy.responseTime) return 'MARGIN_UNSAFE'
  if (!view) return 'DEADLINE_NEAR'
  const lengths = edgesOf(part).map(({ transfer }) => transfer.deadline - view.now)
  if (lengths.some((length) => length < policy.margin)) return 'DEADLINE_NEAR'
  if (lengths.some((length) => length > policy.maxLock)) return 'DEADLINE_FAR'
  if (!incoming || !outgoing) return undefined
  // Without a common registry the secret shows at the outgoing deadline, and must still be carried to the incoming one.
  const apart = mode === 'plain' ? policy.margin : 0n
  return deadlineOf(incoming) - deadlineOf(outgoing) < apart ? 'DEADLINES_CROSS' : undefined
}

function objectionToAmount({ incoming, outgoing, fee, price }: Part, { minimum }: PartPolicy): Refusal | undefined {
  if (!incoming) return undefined
  if (outgoing && incoming.amount - fee < worth(price, outgoing.amount)) return 'FEE_LOW'
  return incoming.amount < minimum ? 'AMOUNT_LOW' : undefined
}

const edgesOf = ({ incoming, outgoing }: Part): Edge[] =>
  [incoming, outgoing].flatMap((side) => (side ? [side.edge] : []))
