import { secp256k1 } from '@noble/curves/secp256k1.js'
import { engine } from 'ox/wasm/Secp256k1'

/** What signing needs of the curve; recoverable signatures are `recovery byte ‖ r ‖ s`, digests 32 bytes. */
export interface Curve {
  /** Throws for a key that is not one; the error holds nothing of it. */
  sign(digest: Uint8Array, privateKey: Uint8Array): Uint8Array
  /** 65 bytes, uncompressed; throws if there is no such point. */
  recover(signature: Uint8Array, digest: Uint8Array): Uint8Array
  /** 65 bytes, uncompressed. */
  publicKey(privateKey: Uint8Array): Uint8Array
}

/** The same curve without WebAssembly, for pages that forbid it: about a tenth of the speed. */
const noble: Curve = {
  sign: (digest, privateKey) => secp256k1.sign(digest, privateKey, { prehash: false, format: 'recovered' }),
  recover: (signature, digest) =>
    secp256k1.Point.fromBytes(secp256k1.recoverPublicKey(signature, digest, { prehash: false })).toBytes(false),
  publicKey: (privateKey) => secp256k1.getPublicKey(privateKey, false),
}

// Compiled once while the module loads, as in core's keccak.
const wasm = await engine().catch(() => undefined)

const options = { prehash: false, lowS: true, extraEntropy: false } as const

/** libsecp256k1 in WebAssembly, or noble where WebAssembly is forbidden. Nonces are deterministic (RFC 6979), s is low. */
export const curve: Curve = wasm
  ? {
      sign: (digest, privateKey) => wasm.sign(digest, privateKey, options),
      recover: (signature, digest) => wasm.recoverPublicKey(signature, digest),
      publicKey: (privateKey) => wasm.getPublicKey(privateKey),
    }
  : noble
