import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromUint, toBytes, toHex } from '../core/bytes.ts'
import { channelIdOf, decodeChannel, encodeChannel, ledgerIdOf } from '../core/channel.ts'
import { Reader, Writer } from '../core/codec.ts'
import { domainSeparator } from '../core/eip712.ts'
import { TallystickError } from '../core/errors.ts'
import { stateDigest, validateState } from '../core/state.ts'
import type { Address, Channel, Domain, Hex, LedgerRef, State } from '../core/types.ts'
import { verifySignature } from '../signing/signature.ts'

// What a client leaves with a tower: the newest states of one ledger that the chain would take from anybody, in a body of one
// size, so that nobody learns from it how much a ledger is used. Sealed, the tower cannot read it before it sees the packed
// channel, which whoever starts a dispute has to show to the adjudicator (ADR 0023).

/** A state and the signatures of all members over it, 64 bytes each, in member order. */
export interface EnforceableState {
  readonly state: State
  readonly signatures: readonly Uint8Array[]
}

/** All that is needed to answer for one ledger of a channel of two: at most one state a lane. */
export interface Evidence extends LedgerRef {
  readonly channel: Channel
  readonly generation: number
  readonly states: readonly EnforceableState[]
}

/** What a tower keeps under a locator; `body` has {@link BODY_SIZE} bytes. */
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
    super(`${fact} Appoint the newest states that both members signed.`, options)
  }
}

const PLAIN_SIZE = 560
const NONCE_SIZE = 24
const TAG_SIZE = 16
/** Bytes of every body, sealed or clear, whatever the ledger holds. */
export const BODY_SIZE = NONCE_SIZE + PLAIN_SIZE + TAG_SIZE
/** Packed channel of two. */
const CHANNEL_SIZE = 100
const LANES = [0, 1] as const
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
    const body = new Uint8Array(BODY_SIZE)
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

/** `channel 100 ‖ asset ‖ generation u16 ‖ 2 × lane`, zeros up to {@link PLAIN_SIZE}; lane = `version u64 ‖ [if > 0: locked ‖ root ‖ 2 × credit ‖ 2 × signature]`. */
function encodeEvidence({ channel, asset, generation, states }: Evidence): Uint8Array {
  const packed = encodeChannel(channel)
  if (packed.length !== CHANNEL_SIZE) throw new InvalidAppointmentError('Towers watch channels of two members.')
  const writer = new Writer(PLAIN_SIZE).raw(packed).hex(asset, 20).u16(generation)
  for (const lane of LANES) {
    const found = states.find(({ state }) => state.lane === lane)
    writer.u64(found?.state.version ?? 0n)
    if (!found) continue
    const { locked, transfersRoot, credits } = found.state
    writer.u128(locked).hex(transfersRoot, 32).i128(credits[0]!).i128(credits[1]!)
    for (const signature of found.signatures) writer.raw(signature)
  }
  const plain = new Uint8Array(PLAIN_SIZE)
  plain.set(writer.finish())
  return plain
}

function decodeEvidence(domain: Domain, bytes: Uint8Array): Evidence {
  const reader = new Reader(bytes)
  const channel = decodeChannel(reader.raw(CHANNEL_SIZE))
  const ref = { channelId: channelIdOf(domain, channel), asset: reader.hex(20) }
  const generation = reader.u16()
  const states = LANES.flatMap((lane) => readState(reader, { ...ref, generation, lane }) ?? [])
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
): EnforceableState | undefined {
  const version = reader.u64()
  if (version === 0n) return undefined
  const [locked, transfersRoot] = [reader.u128(), reader.hex(32)]
  const credits = [reader.i128(), reader.i128()]
  return { state: { ...place, version, credits, locked, transfersRoot }, signatures: [reader.raw(64), reader.raw(64)] }
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
