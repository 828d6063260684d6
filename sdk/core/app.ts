import { concatBytes } from '@noble/hashes/utils.js'
import { fromUint, toBytes, toHex } from './bytes.ts'
import { MalformedBytesError, Reader, Writer } from './codec.ts'
import { conditionKey } from './conditions.ts'
import { typedDigest, typeHash } from './eip712.ts'
import { TallystickError } from './errors.ts'
import { keccak256 } from './keccak.ts'
import type { OutcomeSource } from './outcome.ts'
import type { Address, Domain, Hex } from './types.ts'

// Instances of apps, and what their seats sign. Formats: docs/protocol.md, "Apps".

export const APP_STATE_TYPE = 'AppState(bytes32 instance,uint32 version,bytes state)'
/** Not the same as under an agreed state: else the others could sign a forced move too, and set the clocks back by it. */
export const APP_MOVE_TYPE = 'AppMove(bytes32 instance,uint32 version,bytes state)'
/** What a state of this version is followed by: nothing. */
export const FINAL_VERSION = 2 ** 32 - 1
/** Bounds of an instance, the same as the arbiter's. */
export const MIN_SEATS = 2
export const MAX_SEATS = 16
/** Bytes of a state or a move at most, the same as the arbiter's. */
export const MAX_APP_STATE = 8_192

const STATE_HASH = typeHash(APP_STATE_TYPE)
const MOVE_HASH = typeHash(APP_MOVE_TYPE)
const SEAT = 20

/** One game, auction or contract between some players, by the rules of an app. */
export interface Instance {
  /** Where the app's code stands, or will stand once somebody deploys it. */
  readonly app: Address
  /** Chain time in seconds from which on nobody moves any more. */
  readonly endBy: bigint
  /** Seconds of chain time that a seat has for all its forced moves together. */
  readonly budget: number
  /** What no other instance of these seats has: below 2^128. */
  readonly nonce: bigint
  /** The session key of each seat, 2 to 16; a player may hold several. */
  readonly seats: readonly Address[]
}

/** What makes an instance is out of bounds. */
export class InvalidInstanceError extends TallystickError {
  readonly code = 'INVALID_INSTANCE'

  constructor(fact: string) {
    super(`${fact} The arbiter would refuse it, or nobody could enforce it.`)
  }
}

/** Throws {@link InvalidInstanceError} unless the arbiter would take this instance. */
export function validateInstance({ endBy, budget, nonce, seats }: Instance): void {
  const check = (holds: boolean, fact: string) => {
    if (!holds) throw new InvalidInstanceError(fact)
  }
  check(
    seats.length >= MIN_SEATS && seats.length <= MAX_SEATS,
    `An instance has ${MIN_SEATS} to ${MAX_SEATS} seats, not ${seats.length}.`,
  )
  check(!seats.includes(toHex(new Uint8Array(SEAT))), 'A seat is the zero address.')
  check(Number.isInteger(budget) && budget > 0 && budget < 2 ** 32, `A budget of ${budget} s is not within 32 bits.`)
  check(endBy > 0n && endBy < 1n << 40n, `An end by ${endBy} is not within 40 bits.`)
  check(nonce >= 0n && nonce < 1n << 128n, 'The nonce does not fit in 128 bits.')
}

/** The packed instance, 45 + 20 N bytes. Throws {@link InvalidInstanceError}. */
export function encodeInstance(instance: Instance): Uint8Array {
  validateInstance(instance)
  const writer = new Writer(45 + SEAT * instance.seats.length)
    .hex(instance.app, 20)
    .raw(fromUint(instance.endBy, 5))
    .u32(instance.budget)
    .u128(instance.nonce)
  for (const seat of instance.seats) writer.hex(seat, SEAT)
  return writer.finish()
}

/** Throws a MalformedBytesError or {@link InvalidInstanceError}. */
export function decodeInstance(bytes: Uint8Array): Instance {
  const reader = new Reader(bytes)
  const app: Address = reader.hex(20)
  const endBy = BigInt(reader.hex(5))
  const [budget, nonce] = [reader.u32(), reader.u128()]
  const seats = Array.from({ length: Math.min(Math.ceil(reader.left / SEAT), MAX_SEATS + 1) }, () => reader.hex(SEAT))
  reader.end()
  const instance = { app, endBy, budget, nonce, seats }
  validateInstance(instance)
  return instance
}

/** The id of an instance at an arbiter: 32 bytes. `chainId` is the chain's when the arbiter was deployed. */
export function instanceIdOf({ chainId, condition }: OutcomeSource, instance: Instance): Hex {
  const writer = new Writer(96).raw(fromUint(chainId, 32)).raw(new Uint8Array(12)).hex(condition, 20)
  return toHex(keccak256(writer.raw(keccak256(encodeInstance(instance))).finish()))
}

/** The outcome key of what a seat gets: a transfer's leg that pays this seat waits for it. */
export const seatKey = (arbiter: OutcomeSource, instanceId: Hex, seat: number): Hex =>
  conditionKey(arbiter, concatBytes(toBytes(instanceId, 32), fromUint(BigInt(seat), 32)))

/** What a seat signs under a state: 32 bytes. The domain's contract is the arbiter; `version` from 1 to {@link FINAL_VERSION}. */
export const appStateDigest = (arbiter: Domain, instanceId: Hex, version: number, state: Uint8Array): Uint8Array =>
  digest(STATE_HASH, arbiter, instanceId, version, state)

/** What a seat signs for a forced move: 32 bytes. `version` and `state` are those after the move. */
export const appMoveDigest = (arbiter: Domain, instanceId: Hex, version: number, state: Uint8Array): Uint8Array =>
  digest(MOVE_HASH, arbiter, instanceId, version, state)

function digest(kind: Uint8Array, arbiter: Domain, instanceId: Hex, version: number, state: Uint8Array): Uint8Array {
  const struct = new Writer(128).raw(kind).hex(instanceId, 32).u256(BigInt(version)).raw(keccak256(state)).finish()
  return typedDigest(arbiter, keccak256(struct))
}

/** Where a disputed instance stands on chain. */
export interface Standing {
  readonly version: number
  readonly clocks: readonly Clock[]
  readonly state: Uint8Array
}

/** Of one seat. */
export interface Clock {
  /** Seconds of its budget. */
  readonly spent: number
  /** The version of its last forced move or, if that is higher, of the agreed state. */
  readonly moved: number
}

/** What the arbiter hashes: `version uint32 | N x (spent uint32 | moved uint32) | state`. */
export function packStanding({ version, clocks, state }: Standing): Uint8Array {
  const writer = new Writer(4 + 8 * clocks.length + state.length).u32(version)
  for (const { spent, moved } of clocks) writer.u32(spent).u32(moved)
  return writer.raw(state).finish()
}

/** Throws a MalformedBytesError. */
export function parseStanding(bytes: Uint8Array, seats: number): Standing {
  const reader = new Reader(bytes)
  const version = reader.u32()
  const clocks = Array.from({ length: seats }, () => ({ spent: reader.u32(), moved: reader.u32() }))
  if (reader.left > MAX_APP_STATE) throw new MalformedBytesError(4 + 8 * seats, 'A state is too long')
  return { version, clocks, state: reader.raw(reader.left) }
}

/** What the arbiter keeps of an instance. */
export interface AppWord {
  /** Chain time of the last change in seconds; 0n: nothing stands. */
  readonly since: bigint
  /** An agreed state counts only if it is newer. */
  readonly base: number
  /** The low 184 bits of the standing's hash. */
  readonly hash: bigint
}

export const decodeAppWord = (word: bigint): AppWord => ({
  since: word >> 216n,
  base: Number((word >> 184n) & 0xffff_ffffn),
  hash: word & ((1n << 184n) - 1n),
})

/** Signatures of all seats in order as the arbiter takes them: an envelope each; undefined: the sender's own. */
export const packAppSignatures = (envelopes: readonly (Uint8Array | undefined)[]): Uint8Array =>
  concatBytes(...envelopes.map((envelope) => sized(envelope ?? new Uint8Array(0))))

/** A forced move, and the envelope of its seat's signature over {@link appMoveDigest}; undefined: the sender's own. */
export interface SignedMove {
  readonly move: Uint8Array
  readonly envelope: Uint8Array | undefined
}

/** Moves as the arbiter takes them. */
export const packMoves = (moves: readonly SignedMove[]): Uint8Array =>
  concatBytes(...moves.flatMap(({ move, envelope }) => [sized(move), sized(envelope ?? new Uint8Array(0))]))

const sized = (bytes: Uint8Array): Uint8Array => new Writer(2 + bytes.length).u16(bytes.length).raw(bytes).finish()
