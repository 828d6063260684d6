import { concatBytes } from '@noble/hashes/utils.js'
import { type BatchProof, MAX_BATCH_DEPTH } from './batch.ts'
import { TallystickError } from './errors.ts'

/** A signature as a call or a message carries it. */
export type Envelope =
  /** `signature`: 64 or 65 bytes by a signer over the message's digest. */
  | { readonly kind: 'direct'; readonly signature: Uint8Array }
  /** `signature`: 64 bytes by a signer over a batch's root. */
  | { readonly kind: 'batched'; readonly signature: Uint8Array; readonly proof: BatchProof }
  /** `signature`: 65 bytes, or whatever an ERC-1271 owner accepts. */
  | { readonly kind: 'owner'; readonly signature: Uint8Array }

/** Longest owner signature that is passed on. */
export const MAX_OWNER_SIGNATURE = 8_192

/** Bytes that had to be an enveloped signature and are not. */
export class InvalidEnvelopeError extends TallystickError {
  readonly code = 'INVALID_ENVELOPE'

  constructor(fact: string) {
    super(`${fact} Ask the other side to sign again.`)
  }
}

/** Tag and rest, as the adjudicator takes it. Throws {@link InvalidEnvelopeError} for what {@link decodeEnvelope} would refuse. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  assertSizes(envelope)
  if (envelope.kind === 'direct') return concatBytes(Uint8Array.of(0), envelope.signature)
  if (envelope.kind === 'owner') return concatBytes(Uint8Array.of(2), envelope.signature)
  const path = new Uint8Array(4)
  new DataView(path.buffer).setUint32(0, envelope.proof.path)
  return concatBytes(Uint8Array.of(1), envelope.signature, path, ...envelope.proof.siblings)
}

/** Parses an enveloped signature from anywhere; one canonical form each. Throws {@link InvalidEnvelopeError}. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const rest = bytes.slice(1)
  const envelope =
    bytes[0] === 0
      ? { kind: 'direct' as const, signature: rest }
      : bytes[0] === 1
        ? batched(rest)
        : bytes[0] === 2
          ? { kind: 'owner' as const, signature: rest }
          : undefined
  if (!envelope)
    throw new InvalidEnvelopeError(
      bytes.length === 0 ? 'A signature is empty.' : `A signature has the unknown tag ${bytes[0]}.`,
    )
  assertSizes(envelope)
  return envelope
}

function batched(rest: Uint8Array): Envelope {
  const depth = (rest.length - 68) / 32
  if (!Number.isInteger(depth) || depth < 0)
    throw new InvalidEnvelopeError(`A batched signature of ${rest.length} bytes has a wrong size.`)
  const siblings = Array.from({ length: depth }, (_, level) => rest.slice(68 + 32 * level, 100 + 32 * level))
  const path = new DataView(rest.buffer, rest.byteOffset).getUint32(64)
  return { kind: 'batched', signature: rest.slice(0, 64), proof: { path, siblings } }
}

function assertSizes(envelope: Envelope): void {
  const size = envelope.signature.length
  if (envelope.kind === 'direct' && size !== 64 && size !== 65)
    throw new InvalidEnvelopeError(`A signature of ${size} bytes has not 64 or 65.`)
  if (envelope.kind === 'owner' && (size === 0 || size > MAX_OWNER_SIGNATURE))
    throw new InvalidEnvelopeError(`An owner's signature of ${size} bytes is not within 1 to ${MAX_OWNER_SIGNATURE}.`)
  if (envelope.kind !== 'batched') return
  const { path, siblings } = envelope.proof
  if (size !== 64) throw new InvalidEnvelopeError(`The signature of a batch has ${size} bytes, not 64.`)
  if (siblings.length > MAX_BATCH_DEPTH)
    throw new InvalidEnvelopeError(`A batch of depth ${siblings.length} is deeper than ${MAX_BATCH_DEPTH}.`)
  if (path >= 2 ** siblings.length)
    throw new InvalidEnvelopeError(`The path ${path} is longer than the ${siblings.length} levels of its batch.`)
}
