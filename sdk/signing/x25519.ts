import { x25519 as noble } from '@noble/curves/ed25519.js'
import { engine } from 'ox/wasm/X25519'

/** Diffie-Hellman on Curve25519 (RFC 7748); all keys are 32 bytes, and any 32 bytes are a private key. */
export interface X25519 {
  publicKey(privateKey: Uint8Array): Uint8Array
  /** Throws for the few public keys that make every shared secret zero. */
  agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array
}

// Compiled once while the module loads, as secp256k1. Twelve times as fast as noble, which takes over where WebAssembly is forbidden.
const wasm = await engine().catch(() => undefined)

export const x25519: X25519 = wasm
  ? { publicKey: wasm.getPublicKey, agree: wasm.getSharedSecret }
  : { publicKey: noble.getPublicKey, agree: noble.getSharedSecret }
