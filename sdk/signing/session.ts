import { batchDigest, batchProof, batchTree, rootOf } from '../core/batch.ts'
import { encodeEnvelope } from '../core/envelope.ts'
import { TallystickError } from '../core/errors.ts'
import type { Domain } from '../core/types.ts'
import { curve } from './secp256k1.ts'
import { addressOf } from './signature.ts'
import type { SessionSigner } from './signer.ts'

/** Bytes that had to be a private key and are not; nothing of them is kept. */
export class InvalidPrivateKeyError extends TallystickError {
  readonly code = 'INVALID_PRIVATE_KEY'

  constructor() {
    super(
      'A private key is 32 bytes, that of a session key below the order of secp256k1 and not zero. Derive one with keyring().',
    )
  }
}

/** A digest has 32 bytes; anything else would sign what nobody meant. */
export class InvalidDigestError extends TallystickError {
  readonly code = 'INVALID_DIGEST'
  readonly size: number

  constructor(size: number) {
    super(`A digest has 32 bytes, not ${size}. Compute it with stateDigest, withdrawalDigest or batchDigest.`)
    this.size = size
  }
}

/**
 * A session key in memory. The key lives in a closure: printing, cloning or serialising the signer shows the address alone.
 *
 * @param privateKey 32 bytes; copied, so that the caller may wipe its own.
 * @throws {@link InvalidPrivateKeyError}
 */
export function sessionSigner(privateKey: Uint8Array): SessionSigner {
  const key = privateKey.slice()
  const address = addressOf(publicKeyOf(key))
  return Object.freeze({
    address,
    sign(digest: Uint8Array): Uint8Array {
      if (digest.length !== 32) throw new InvalidDigestError(digest.length)
      const signature = curve.sign(digest, key)
      const compact = signature.slice(1)
      // EIP-2098: the parity stands in the top bit of s, which is free because s is low.
      compact[32]! |= signature[0]! << 7
      return compact
    },
  })
}

function publicKeyOf(key: Uint8Array): Uint8Array {
  try {
    return curve.publicKey(key)
  } catch {
    throw new InvalidPrivateKeyError()
  }
}

/** `r ‖ s ‖ v`, 65 bytes, of an EIP-2098 signature: for contracts that know only that form. */
export function toLongSignature(compact: Uint8Array): Uint8Array {
  const long = new Uint8Array(65)
  long.set(compact)
  long[64] = 27 + (long[32]! >> 7)
  long[32]! &= 0x7f
  return long
}

/** `signer`'s consent to one digest, enveloped. */
export const signDirect = (signer: SessionSigner, digest: Uint8Array): Uint8Array =>
  encodeEnvelope({ kind: 'direct', signature: signer.sign(digest) })

/**
 * `signer`'s consent to each of many digests with one signature, enveloped, in their order.
 * Each counts alone: a batch saves signatures, it is not atomic. Pass only digests that you computed yourself.
 */
export function signBatch(signer: SessionSigner, domain: Domain, digests: readonly Uint8Array[]): Uint8Array[] {
  if (digests.length === 1) return [signDirect(signer, digests[0]!)]
  const tree = batchTree(digests)
  const signature = signer.sign(batchDigest(domain, rootOf(tree)))
  return digests.map((_, index) => encodeEnvelope({ kind: 'batched', signature, proof: batchProof(tree, index) }))
}
