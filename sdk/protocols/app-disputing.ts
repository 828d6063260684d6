import type { Standing } from '../core/app.ts'
import { type Agreed, type AppSession, isClosed, isDone, isSameState, type Position, seatsOf } from './app.ts'

// What an honest player sends to the arbiter, and when.
//
//   dispute wanted, or time runs out ──▶ submit the newest agreed state, with this node's move after it
//   something older stands ──▶ submit ─▶ this node's turn? ─▶ move ─▶ nobody's turn, or a budget spent ─▶ conclude
//   all signed the final state, and somebody does not pay ──▶ agree

/** What stands on chain, and the time there. */
export interface AppView {
  /** Of the newest block, chain time in seconds. */
  readonly now: bigint
  readonly standing: ShownStanding | undefined
  /** The registry holds what the seats get: nothing is left to judge. */
  readonly recorded: boolean
}

export interface ShownStanding extends Standing, Position {
  /** Since when it stands, chain time in seconds. */
  readonly since: bigint
  readonly base: number
}

/** A move of this node that follows an agreed state or what stands; it is signed as a forced one when it is sent. */
export interface MoveShown {
  readonly move: Uint8Array
  /** After the move. */
  readonly version: number
  readonly state: Uint8Array
}

/** What is to be sent. Each may be sent twice: the arbiter refuses the second. */
export type AppDuty =
  | { readonly kind: 'submit'; readonly agreed: Agreed; readonly moves: readonly MoveShown[] }
  | { readonly kind: 'move'; readonly standing: ShownStanding; readonly moves: readonly MoveShown[] }
  | { readonly kind: 'conclude'; readonly standing: ShownStanding }
  | { readonly kind: 'agree'; readonly state: Uint8Array; readonly signatures: readonly Uint8Array[] }

/** Seconds that the chain may take to include what an honest player sends. */
const INCLUSION = 600n

/** Chain time from which on an honest player lets the chain decide what is not over: two rounds of all clocks before the end. */
export function disputeBy({ terms }: AppSession): bigint {
  const { endBy, budget, seats } = terms.instance
  return endBy - 2n * BigInt(budget) * BigInt(seats.length) - INCLUSION
}

/** What is due now; `wanted`: this node's user, or an unpaid stake, asks for the chain. */
export function dutyOf(session: AppSession, view: AppView, wanted: boolean): AppDuty | undefined {
  const { agreed, terms } = session
  const { standing, now, recorded } = view
  if (recorded) return undefined
  if (isClosed(session)) return wanted || standing ? agreement(session) : undefined
  if (!standing) {
    const isDue = wanted || now >= disputeBy(session)
    return agreed && isDue && now < terms.instance.endBy ? submission(session, agreed) : undefined
  }
  if (agreed && agreed.version > standing.base && now < terms.instance.endBy) {
    const isNews = agreed.version > standing.version || !isSameState(agreed.state, standing.state)
    if (isNews) return submission(session, agreed)
  }
  if (now >= terms.instance.endBy || now > until(session, standing)) return { kind: 'conclude', standing }
  const move = prepared(session, standing)
  return move && { kind: 'move', standing, moves: [move] }
}

function agreement({ agreed, closing }: AppSession): AppDuty {
  return { kind: 'agree', state: agreed!.state, signatures: closing as readonly Uint8Array[] }
}

function submission(session: AppSession, agreed: Agreed): AppDuty {
  const isNext = session.pending?.version === agreed.version + 1 && !isDone(session)
  const move = isNext ? ownMove(session) : undefined
  return { kind: 'submit', agreed, moves: move ? [move] : [] }
}

/** The move that this node has made last. */
function ownMove(session: AppSession): MoveShown | undefined {
  const { pending } = session
  if (!pending?.move || !seatsOf(session).includes(pending.move.seat)) return undefined
  return { move: pending.move.bytes, version: pending.version, state: pending.state }
}

/** A move that this node has made and that follows what stands. */
function prepared(session: AppSession, standing: ShownStanding): MoveShown | undefined {
  const { pending } = session
  const follows =
    pending?.version === standing.version + 1 && pending.move && isSameState(pending.move.before, standing.state)
  return follows ? ownMove(session) : undefined
}

/** The last second in which the seat on turn can move, or anybody show a newer state. */
export function until({ terms }: AppSession, { turn, clocks, since }: ShownStanding): bigint {
  const spent = turn === undefined ? 0 : clocks[turn]!.spent
  return since + BigInt(terms.instance.budget - spent)
}
