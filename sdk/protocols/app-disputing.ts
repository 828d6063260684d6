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
  // After the deadline all stakes go back, whatever the chain says.
  if (recorded || now > terms.deadline) return undefined
  if (isClosed(session)) return wanted || standing ? agreement(session) : undefined
  if (!standing) {
    const isDue = wanted || now >= disputeBy(session)
    return agreed && isDue && now < terms.instance.endBy ? submission(session, agreed) : undefined
  }
  if (agreed && isOutdated(session, standing) && now < terms.instance.endBy) return submission(session, agreed)
  if (now >= terms.instance.endBy || now > until(session, standing)) return { kind: 'conclude', standing }
  const move = moveAfter(session, standing)
  return move && { kind: 'move', standing, moves: [move] }
}

/** Whether a state that all have signed takes the place of what stands. */
export function isOutdated({ agreed }: AppSession, { version, base, state }: ShownStanding): boolean {
  if (!agreed || agreed.version <= base) return false
  return agreed.version > version || !isSameState(agreed.state, state)
}

/** Whether the chain waits for a move that this node has still to make. */
export function awaitsMove(session: AppSession, standing: ShownStanding): boolean {
  const { turn, version } = standing
  if (turn === undefined || !seatsOf(session).includes(turn) || isOutdated(session, standing)) return false
  return !(session.pending && session.pending.version > version)
}

function agreement({ agreed, closing }: AppSession): AppDuty {
  return { kind: 'agree', state: agreed!.state, signatures: closing as readonly Uint8Array[] }
}

function submission(session: AppSession, agreed: Agreed): AppDuty {
  const move = isDone(session) ? undefined : moveAfter(session, agreed)
  return { kind: 'submit', agreed, moves: move ? [move] : [] }
}

/** A move that this node has made and that follows a state. */
function moveAfter(
  session: AppSession,
  { version, state }: { readonly version: number; readonly state: Uint8Array },
): MoveShown | undefined {
  const { pending } = session
  if (!pending?.move || !seatsOf(session).includes(pending.move.seat)) return undefined
  if (pending.version !== version + 1 || !isSameState(pending.move.before, state)) return undefined
  return { move: pending.move.bytes, version: pending.version, state: pending.state }
}

/** The last second in which the seat on turn can move, or anybody show a newer state. */
export function until({ terms }: AppSession, { turn, clocks, since }: ShownStanding): bigint {
  const spent = turn === undefined ? 0 : clocks[turn]!.spent
  return since + BigInt(terms.instance.budget - spent)
}
