import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromUint, toBytes, toHex } from '../core/bytes.ts'
import { channelIdOf, decodeChannel, encodeChannel, ledgerIdOf } from '../core/channel.ts'
import { MalformedBytesError, Reader, Writer } from '../core/codec.ts'
import { domainSeparator } from '../core/eip712.ts'
import { TallystickError } from '../core/errors.ts'
import { laneCount, stateDigest, validateState } from '../core/state.ts'
import type { Address, Channel, Domain, Hex, LedgerRef, State } from '../core/types.ts'
import { verifySignature } from '../signing/signature.ts'

// What a client leaves with a tower: the newest states of one ledger that the chain would take from anybody, in a body of one
// size (another one for groups), so that nobody learns from it how much a ledger is used. Sealed, the tower cannot read it before it sees the packed
// channel, which whoever starts a dispute has to show to the adjudicator (ADR 0023).

/** A state and the signatures of all members over it, 64 bytes each, in member order. */
export interface EnforceableState {
  readonly state: State
  readonly signatures: readonly Uint8Array[]
}

/** All that is needed to answer for one ledger: at most one state a lane. */
export interface Evidence extends LedgerRef {
  readonly channel: Channel
  readonly generation: number
  readonly states: readonly EnforceableState[]
}

/** What a tower keeps under a locator; `body` has {@link BODY_SIZE} bytes, or {@link GROUP_BODY_SIZE} for a channel of more than two. */
export interface Appointment {
  /** Names the ledger: to everybody if the appointment is clear, else only to who knows the packed channel. */
  readonly locator: Hex
  /** Rises from appointment to appointment of one client under one locator. */
  readonly sequence: bigint
  /** At most 2^worth wei are at stake, as the client says; coarse, so that it tells little. */
  readonly worth: number
  readonly sealed: boolean
  readonly body: Uint8Array
}

/** An appointment is of no use; whoever made it must make another. */
export class InvalidAppointmentError extends TallystickError {
  readonly code = 'INVALID_APPOINTMENT'

  constructor(fact: string, options?: ErrorOptions) {
    super(`${fact} Appoint the newest states that all members signed.`, options)
  }
}

const PLAIN_SIZE = 560
const NONCE_SIZE = 24
const TAG_SIZE = 16
/** Bytes of every body, sealed or clear, whatever the ledger holds. */
export const BODY_SIZE = NONCE_SIZE + PLAIN_SIZE + TAG_SIZE
/** Room for 32 members: packed channel, one state, and a signature each. */
const GROUP_PLAIN_SIZE = 4_056
export const GROUP_BODY_SIZE = NONCE_SIZE + GROUP_PLAIN_SIZE + TAG_SIZE
export const MAX_WORTH = 112

/** The locator of a clear appointment: the ledger's id, which the chain knows. */
export const clearLocator = (ledger: LedgerRef): Hex => ledgerIdOf(ledger)

/** Locator and key of a sealed appointment; both follow from the packed channel, whose nonce is 128 random bits, and nothing else. */
export function sealOf(domain: Domain, channel: Channel, asset: Address): { locator: Hex; key: Uint8Array } {
  const packed = encodeChannel(channel)
  const derive = (purpose: string) =>
    hkdf(sha256, packed, domainSeparator(domain), concatBytes(utf8ToBytes(purpose), toBytes(asset, 20)), 32)
  return { locator: toHex(derive('Tallystick tower locator')), key: derive('Tallystick tower key') }
}

/** Makes an appointment of this evidence. The same evidence gives the same bytes. */
export function appointmentOf(
  domain: Domain,
  evidence: Evidence,
  { sequence, worth, sealed }: Pick<Appointment, 'sequence' | 'worth' | 'sealed'>,
): Appointment {
  const plain = encodeEvidence(evidence)
  if (!sealed) {
    const body = new Uint8Array(plain.length + NONCE_SIZE + TAG_SIZE)
    body.set(plain)
    return { locator: clearLocator(evidence), sequence, worth, sealed, body }
  }
  const { locator, key } = sealOf(domain, evidence.channel, evidence.asset)
  // Made from the key and all that is sealed, so a nonce returns only with the very same bytes under it.
  const nonce = sha256(concatBytes(key, fromUint(sequence, 8), plain)).subarray(0, NONCE_SIZE)
  const sealing = xchacha20poly1305(key, nonce, context(locator, sequence))
  return { locator, sequence, worth, sealed, body: concatBytes(nonce, sealing.encrypt(plain)) }
}

/**
 * Opens and checks an appointment, signatures included; `channel` is needed for a sealed one. Throws {@link InvalidAppointmentError}.
 */
export function openAppointment(
  domain: Domain,
  { locator, sequence, sealed, body }: Omit<Appointment, 'worth'>,
  ledger?: { readonly channel: Channel; readonly asset: Address },
): Evidence {
  let evidence: Evidence
  try {
    if (sealed && !ledger) throw new InvalidAppointmentError('A sealed appointment cannot be read without its channel.')
    const key = sealed ? sealOf(domain, ledger!.channel, ledger!.asset).key : undefined
    const plain = key
      ? xchacha20poly1305(key, body.subarray(0, NONCE_SIZE), context(locator, sequence)).decrypt(
          body.subarray(NONCE_SIZE),
        )
      : body
    evidence = decodeEvidence(domain, plain)
  } catch (cause) {
    if (cause instanceof InvalidAppointmentError) throw cause
    throw new InvalidAppointmentError('An appointment cannot be read.', { cause })
  }
  const expected = sealed ? sealOf(domain, evidence.channel, evidence.asset).locator : clearLocator(evidence)
  if (expected !== locator) throw new InvalidAppointmentError('An appointment is about another ledger than it says.')
  return evidence
}

const context = (locator: Hex, sequence: bigint): Uint8Array => concatBytes(toBytes(locator, 32), fromUint(sequence, 8))

/** How a body starts in a record or message: whether it is sealed, and whether it is that of a group. */
export const putBody = (writer: Writer, { sealed, body }: Pick<Appointment, 'sealed' | 'body'>): Writer =>
  writer.u8((sealed ? 1 : 0) + (body.length === GROUP_BODY_SIZE ? 2 : 0)).raw(body)

/** Reads what {@link putBody} wrote. Throws a `MalformedBytesError`. */
export function readBody(reader: Reader): Pick<Appointment, 'sealed' | 'body'> {
  const mark = reader.u8()
  if (mark > 3) throw new MalformedBytesError(0, `The mark ${mark} of a body is unknown`)
  return { sealed: mark % 2 === 1, body: reader.raw(mark >= 2 ? GROUP_BODY_SIZE : BODY_SIZE) }
}

/**
 * `channel ‖ asset ‖ generation u16 ‖ lanes`, for a group with the number of members as a byte before it, and zeros up to its size;
 * lane = `version u64 ‖ [if > 0: locked ‖ root ‖ N × credit ‖ N × signature]`.
 */
function encodeEvidence({ channel, asset, generation, states }: Evidence): Uint8Array {
  const { length } = channel.members
  const plain = new Uint8Array(length === 2 ? PLAIN_SIZE : GROUP_PLAIN_SIZE)
  const writer = new Writer(plain.length)
  if (length > 2) writer.u8(length)
  writer.raw(encodeChannel(channel)).hex(asset, 20).u16(generation)
  for (let lane = 0; lane < laneCount(length); lane++) {
    const found = states.find(({ state }) => state.lane === lane)
    writer.u64(found?.state.version ?? 0n)
    if (!found) continue
    const { locked, transfersRoot, credits } = found.state
    writer.u128(locked).hex(transfersRoot, 32)
    for (const credit of credits) writer.i128(credit)
    for (const signature of found.signatures) writer.raw(signature)
  }
  plain.set(writer.finish())
  return plain
}

function decodeEvidence(domain: Domain, bytes: Uint8Array): Evidence {
  const reader = new Reader(bytes)
  const length = bytes.length < GROUP_PLAIN_SIZE ? 2 : reader.u8()
  const channel = decodeChannel(reader.raw(20 + 40 * length))
  const ref = { channelId: channelIdOf(domain, channel), asset: reader.hex(20) }
  const generation = reader.u16()
  const lanes = Array.from({ length: laneCount(length) }, (_, lane) => lane)
  const states = lanes.flatMap((lane) => readState(reader, { ...ref, generation, lane }, length) ?? [])
  if (reader.raw(reader.left).some((byte) => byte !== 0))
    throw new InvalidAppointmentError('An appointment holds more than states.')
  for (const { state, signatures } of states) {
    validateState(state)
    const digest = stateDigest(domain, state)
    if (!channel.members.every(({ signer }, member) => verifySignature(digest, signatures[member]!, signer)))
      throw new InvalidAppointmentError(`A signature over version ${state.version} in an appointment is wrong.`)
  }
  return { ...ref, channel, generation, states }
}

function readState(
  reader: Reader,
  place: Pick<State, 'channelId' | 'asset' | 'generation' | 'lane'>,
  length: number,
): EnforceableState | undefined {
  const version = reader.u64()
  if (version === 0n) return undefined
  const [locked, transfersRoot] = [reader.u128(), reader.hex(32)]
  const credits = Array.from({ length }, () => reader.i128())
  const signatures = Array.from({ length }, () => reader.raw(64))
  return { state: { ...place, version, credits, locked, transfersRoot }, signatures }
}

/** The bucket of an amount of wei, whose bounds lie a thousandfold apart: 0, 10, 20, ... */
export function worthOf(amount: bigint): number {
  if (amount <= 0n) return 0
  const bits = (amount - 1n).toString(2).length
  return Math.min(MAX_WORTH, Math.ceil(bits / 10) * 10)
}

/** How two collections of a ledger's states compare: whether `a` is `b`, or at least as new in every lane and generation. */
export function isAtLeast(a: Evidence, b: Evidence): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation
  return b.states.every(({ state }) =>
    a.states.some(({ state: mine }) => mine.lane === state.lane && mine.version >= state.version),
  )
}
