import { FINAL_VERSION } from '../core/app.ts'

import { TallystickError } from '../core/errors.ts'
import type { Address, Hex } from '../core/types.ts'
import {
  type Agreed,
  type AppSession,
  isDone,
  isMyTurn,
  isSameState,
  type Pending,
  type Position,
  type Signatures,
  seatsOf,
} from './app.ts'
import { isOutdated, type ShownStanding } from './app-disputing.ts'

// One instance of an app at one of its players. What the rules say comes in with the events: they may be bytecode, and slow.

/** What players say to each other about an instance, after its terms. */
export type AppMessage =
  /** The sender's signature over a version. */
  | { readonly kind: 'signed'; readonly version: number; readonly signature: Uint8Array }
  /** The sender's move to a version, its signature over the state after it, and all signatures over the state before. */
  | {
      readonly kind: 'moved'
      readonly version: number
      readonly move: Uint8Array
      readonly signature: Uint8Array
      readonly base: readonly Uint8Array[]
    }

export type AppEvent =
  /** All stakes for this node are locked: the first version may be signed. */
  | { readonly kind: 'staked'; readonly opening: Position }
  /** This node moves; `after` by the rules. Throws {@link NotYourTurnError}. */
  | { readonly kind: 'move'; readonly move: Uint8Array; readonly after: Position }
  /** This node moves by force from what stands on chain, where it is its turn. Throws {@link NotYourTurnError}. */
  | { readonly kind: 'force'; readonly from: ShownStanding; readonly move: Uint8Array; readonly after: Position }
  /** This node's signature over a version was made. */
  | { readonly kind: 'own'; readonly version: number; readonly signature: Uint8Array }
  /** Heard from a player: its signature was checked over the state of the version, as far as that is known here. */
  | { readonly kind: 'signed'; readonly from: Address; readonly version: number; readonly signature: Uint8Array }
  /** A move that the rules allow from the agreed state, signed by the seat on turn. */
  | { readonly kind: 'moved'; readonly move: Uint8Array; readonly signature: Uint8Array; readonly after: Position }
  /** A dispute was seen on chain, at any depth. */
  | { readonly kind: 'disputed' }
  /** Tell everything that others may lack. */
  | { readonly kind: 'crank' }

export type AppEffect =
  /** Answered by `own`, before anything leaves. */
  | { readonly kind: 'sign'; readonly version: number; readonly state: Uint8Array }
  /** To all other players, once what was signed is durable. */
  | { readonly kind: 'send'; readonly message: AppMessage }
  | { readonly kind: 'agreed'; readonly agreed: Agreed }
  /** All have signed the final state. */
  | { readonly kind: 'closed' }

export interface AppStep {
  readonly next: AppSession
  readonly effects: readonly AppEffect[]
}

/** It is not this node's move now. */
export class NotYourTurnError extends TallystickError {
  readonly code = 'NOT_YOUR_TURN'
  readonly instanceId: Hex

  constructor(instanceId: Hex, reason: string) {
    super(`No move can be made in ${instanceId}: ${reason}. Wait for the event app-turn.`)
    this.instanceId = instanceId
  }
}

const stay = (session: AppSession): AppStep => ({ next: session, effects: [] })

/** What an instance becomes after `event`, and what is to be done once `next` is durable. Never signs two states of one version. */
export function stepApp(session: AppSession, event: AppEvent): AppStep {
  switch (event.kind) {
    case 'staked':
      return session.agreed || session.pending || session.disputed ? stay(session) : open(session, event.opening)
    case 'move':
      return move(session, event.move, event.after)
    case 'force':
      return force(session, event)
    case 'own':
      return own(session, event.version, event.signature)
    case 'signed':
      return event.version === FINAL_VERSION
        ? closing(session, event.from, event.signature)
        : settle(mark(session, event.version, event.from, event.signature))
    case 'moved':
      return moved(session, event)
    case 'disputed':
      return stay({ ...session, disputed: true })
    case 'crank':
      return { next: session, effects: due(session) }
  }
}

function open(session: AppSession, opening: Position): AppStep {
  const pending: Pending = { ...opening, version: 1, move: undefined, signatures: nobody(session) }
  return { next: { ...session, pending }, effects: [{ kind: 'sign', version: 1, state: opening.state }] }
}

const nobody = ({ terms }: AppSession): Signatures => terms.instance.seats.map(() => undefined)

function move(session: AppSession, bytes: Uint8Array, after: Position): AppStep {
  if (!isMyTurn(session)) throw new NotYourTurnError(session.id, reasonOf(session))
  return propose(session, session.agreed!.turn!, bytes, after)
}

function propose(session: AppSession, seat: number, bytes: Uint8Array, after: Position): AppStep {
  const next = pend(session, session.agreed!, seat, bytes, after)
  return { next, effects: [{ kind: 'sign', version: next.pending!.version, state: after.state }] }
}

function pend(
  session: AppSession,
  base: { readonly version: number; readonly state: Uint8Array },
  seat: number,
  bytes: Uint8Array,
  after: Position,
): AppSession {
  const move = { seat, bytes, before: base.state }
  return { ...session, pending: { ...after, version: base.version + 1, move, signatures: nobody(session) } }
}

function force(session: AppSession, { from, move: bytes, after }: Extract<AppEvent, { kind: 'force' }>): AppStep {
  const { pending, id } = session
  if (from.turn === undefined || !seatsOf(session).includes(from.turn))
    throw new NotYourTurnError(id, 'on chain it is another seat on turn')
  // What stands goes: a move from it would take the place of the one that was signed after the newer state.
  if (isOutdated(session, from)) throw new NotYourTurnError(id, 'a newer state is on its way to the chain')
  // It is signed when it is sent, as a forced move: a signature as under agreed states would let the others set the clocks back.
  const isOther = pending && pending.version > from.version && !isSameState(pending.state, after.state)
  if (isOther) throw new NotYourTurnError(id, `another state of version ${pending.version} was signed already`)
  return { next: pend(session, from, from.turn, bytes, after), effects: [] }
}

function reasonOf(session: AppSession): string {
  const { agreed, pending, disputed } = session
  if (disputed) return 'the chain judges it now'
  if (!agreed) return 'not all have agreed on the opening'
  if (pending) return `not all have signed version ${pending.version}`
  return isDone(session) ? 'it is over' : `it is the turn of seat ${agreed.turn}`
}

/** Takes in one's own signature, and tells it. */
function own(session: AppSession, version: number, signature: Uint8Array): AppStep {
  const step =
    version === FINAL_VERSION
      ? closing(session, session.me, signature)
      : settle(mark(session, version, session.me, signature))
  const told = sendOf(step.next, version, signature)
  return { ...step, effects: [...(told ? [told] : []), ...step.effects] }
}

/** How others are told of this node's signature: with the move, if it was this node's. */
function sendOf(session: AppSession, version: number, signature: Uint8Array): AppEffect {
  const { pending, agreed } = session
  const mine = pending?.version === version && pending.move && seatsOf(session).includes(pending.move.seat)
  if (!mine) return { kind: 'send', message: { kind: 'signed', version, signature } }
  return {
    kind: 'send',
    message: { kind: 'moved', version, move: pending.move!.bytes, signature, base: agreed!.signatures },
  }
}

/** Puts a player's signature beside those over the pending version. */
function mark(session: AppSession, version: number, player: Address, signature: Uint8Array): AppSession {
  const { pending } = session
  if (pending?.version !== version) return session
  return { ...session, pending: { ...pending, signatures: signed(session, pending.signatures, player, signature) } }
}

const signed = ({ terms }: AppSession, held: Signatures, player: Address, signature: Uint8Array): Signatures =>
  terms.instance.seats.map((signer, seat) => (signer === player ? signature : held[seat]))

/** The pending version becomes the agreed one when all have signed; what is over is signed as final. */
function settle(session: AppSession): AppStep {
  const { pending } = session
  const signatures = pending?.signatures.filter((signature) => signature !== undefined)
  if (!pending || signatures?.length !== pending.signatures.length) return stay(session)
  const { state, turn, version } = pending
  const agreed: Agreed = { state, turn, version, signatures }
  const next: AppSession = { ...session, agreed, pending: undefined }
  const effects: AppEffect[] = [{ kind: 'agreed', agreed }]
  if (turn === undefined) effects.push({ kind: 'sign', version: FINAL_VERSION, state })
  return { next: turn === undefined ? { ...next, closing: session.closing ?? nobody(next) } : next, effects }
}

function closing(session: AppSession, player: Address, signature: Uint8Array): AppStep {
  const { pending } = session
  const isEnd = isDone(session) || (pending !== undefined && pending.turn === undefined)
  const held = session.closing ?? (isEnd ? nobody(session) : undefined)
  if (!held) return stay(session)
  const next = { ...session, closing: signed(session, held, player, signature) }
  const isComplete = next.closing.every((one) => one !== undefined)
  return { next, effects: isComplete ? [{ kind: 'closed' }] : [] }
}

/** Another player's move: signed here only if nothing else was at this version. */
function moved(session: AppSession, { move: bytes, signature, after }: Extract<AppEvent, { kind: 'moved' }>): AppStep {
  const { agreed, pending, disputed } = session
  if (!agreed || agreed.turn === undefined || pending || disputed) return stay(session)
  const step = propose(session, agreed.turn, bytes, after)
  const mover = session.terms.instance.seats[agreed.turn]!
  return { ...step, next: mark(step.next, agreed.version + 1, mover, signature) }
}

/** What others may lack: this node's newest signatures. */
function due(session: AppSession): AppEffect[] {
  const { agreed, pending, closing: final } = session
  const [seat] = seatsOf(session)
  const effects: AppEffect[] = []
  const tell = (version: number, signature: Uint8Array | undefined) => {
    if (signature) effects.push(sendOf(session, version, signature))
  }
  if (agreed) tell(agreed.version, agreed.signatures[seat!])
  if (pending) tell(pending.version, pending.signatures[seat!])
  if (final) tell(FINAL_VERSION, final[seat!])
  return effects
}
