import type { Instance } from '../core/app.ts'
import type { Address, ChannelId, Hex } from '../core/types.ts'

// What one node knows of an instance of an app: a game between seats, each the session key of a player (docs/apps.md).
//
//   all say that what is staked for them is locked ─▶ sign version 1 ─ all signed ─▶ agreed ─ my turn ─▶ move: sign the next version ─▶ tell all
//                                                         ▲                                                  │
//                                                         └────── all signed ◀── each checks by the rules, signs
//   nobody's turn ─▶ sign the same state as the final version ─ all signed ─▶ everybody is paid by its outcome
//   somebody silent ─▶ show the newest agreed state to the arbiter, and the move that follows it (app-disputing.ts)

/** A state, and what the rules say of it. */
export interface Position {
  readonly state: Uint8Array
  /** The seat whose move it is; undefined: nobody moves any more. */
  readonly turn: number | undefined
}

/** Of each seat, over one state: 64 bytes, or undefined as long as it is not held. */
export type Signatures = readonly (Uint8Array | undefined)[]

/** A version that all seats have signed. */
export interface Agreed extends Position {
  readonly version: number
  readonly signatures: readonly Uint8Array[]
}

/** The version after the agreed one, or the first: signed by some. */
export interface Pending extends Position {
  readonly version: number
  /** Who made the move, which, and from which state; undefined for the opening. */
  readonly move: { readonly seat: number; readonly bytes: Uint8Array; readonly before: Uint8Array } | undefined
  readonly signatures: Signatures
}

/** Money of a seat that another gets as far as the app's outcome for it says. */
export interface Stake {
  readonly from: number
  readonly to: number
  readonly asset: Address
  readonly amount: bigint
}

/** A group in which stakes are locked. */
export interface StakeGroup {
  readonly channelId: ChannelId
  /** A settlement begins another one, and takes the locks of this one with it. */
  readonly generation: number
}

/** What all seats agree on before anything is locked. */
export interface AppTerms {
  readonly instance: Instance
  readonly opening: Uint8Array
  readonly stakes: readonly Stake[]
  /** Of the transfers that hold the stakes: chain time in seconds. */
  readonly deadline: bigint
  /** undefined: each stake is locked over the channels of its payer. */
  readonly group: StakeGroup | undefined
}

/** An instance as one node holds it. */
export interface AppSession {
  readonly id: Hex
  readonly terms: AppTerms
  /** This node's session key. */
  readonly me: Address
  readonly agreed: Agreed | undefined
  readonly pending: Pending | undefined
  /** Over the agreed state as the final one; undefined before this node has signed it, too. */
  readonly closing: Signatures | undefined
  /** The chain judges: nothing more is signed but a final state. */
  readonly disputed: boolean
}

export const seatsOf = ({ terms, me }: AppSession): number[] => seatsHeldBy(terms.instance, me)

/** The seats of a player, ascending. */
export const seatsHeldBy = ({ seats }: Instance, player: Address): number[] =>
  seats.flatMap((signer, seat) => (signer === player ? [seat] : []))

/** The players of an instance, each once. */
export const playersOf = ({ seats }: Instance): Address[] => [...new Set(seats)]

/** Whether the app is over by agreement: no move can follow. */
export const isDone = ({ agreed }: AppSession): boolean => agreed !== undefined && agreed.turn === undefined

/** Whether all have signed the final state. */
export const isClosed = ({ closing }: AppSession): boolean =>
  closing?.every((signature) => signature !== undefined) ?? false

/** Whether this node may move now, off chain. */
export const isMyTurn = (session: AppSession): boolean => {
  const { agreed, pending, disputed, closing } = session
  if (!agreed || pending || disputed || closing || agreed.turn === undefined) return false
  return seatsOf(session).includes(agreed.turn)
}

/** Whether two states are the same bytes. */
export const isSameState = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index])
