import { batchDigest, provenRoot } from '../core/batch.ts'
import { toHex } from '../core/bytes.ts'
import { decodeEnvelope, type Envelope } from '../core/envelope.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Address, Domain } from '../core/types.ts'
import { curve } from './secp256k1.ts'

/** Half the order of the curve: above it stands the second form of the same signature, which the contract refuses. */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

const halfOrder = Uint8Array.from({ length: 32 }, (_, i) => Number((HALF_ORDER >> BigInt(8 * (31 - i))) & 0xffn))

function isLow(s: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) if (s[i] !== halfOrder[i]) return s[i]! < halfOrder[i]!
  return true
}

/** `recovery byte ‖ r ‖ s` of a signature in one of the two forms the contract takes, or undefined. */
function recoverable(signature: Uint8Array): Uint8Array | undefined {
  const bytes = new Uint8Array(65)
  bytes.set(signature.subarray(0, 64), 1)
  if (signature.length === 64) {
    bytes[0] = bytes[33]! >> 7
    bytes[33]! &= 0x7f
  } else if (signature.length === 65 && (signature[64] === 27 || signature[64] === 28)) bytes[0] = signature[64] - 27
  else return undefined
  return isLow(bytes.subarray(33)) ? bytes : undefined
}

/** The address of an uncompressed public key of 65 bytes. */
export const addressOf = (publicKey: Uint8Array): Address => toHex(keccak256(publicKey.subarray(1)).subarray(12))

/** The address that signed `digest`, exactly as the contract's `ecrecover` sees it; undefined if it would see none. */
export function recoverSigner(digest: Uint8Array, signature: Uint8Array): Address | undefined {
  const bytes = recoverable(signature)
  if (!bytes || digest.length !== 32) return undefined
  try {
    return addressOf(curve.recover(bytes, digest))
  } catch {
    return undefined
  }
}

/**
 * Whether the contract would count `signature` (64 or 65 bytes) over `digest` as that of `signer`.
 *
 * Recovers instead of verifying against a known key: a plain verification ignores the parity, so a peer could flip it and hand
 * over a state that looks signed and that the chain refuses. It costs an eighth of the speed.
 */
export function verifySignature(digest: Uint8Array, signature: Uint8Array, signer: Address): boolean {
  return recoverSigner(digest, signature) === signer.toLowerCase()
}

/** Whether an enveloped signature is `signer`'s over `digest`, directly or through a batch. Owners are for the chain to judge. */
export function verifyEnvelope(domain: Domain, digest: Uint8Array, bytes: Uint8Array, signer: Address): boolean {
  const envelope = parsed(bytes)
  if (envelope === undefined || envelope.kind === 'owner') return false
  const signed = envelope.kind === 'direct' ? digest : batchDigest(domain, provenRoot(digest, envelope.proof))
  return verifySignature(signed, envelope.signature, signer)
}

function parsed(bytes: Uint8Array): Envelope | undefined {
  try {
    return decodeEnvelope(bytes)
  } catch {
    // A malformed envelope is an answer here, not a failure: it is nobody's signature.
    return undefined
  }
}
