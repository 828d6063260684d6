import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import type { Cipher } from './cipher.ts'

function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setBigUint64(4, BigInt(counter), true)
  return nonce
}

/** Pure JavaScript: runs everywhere. */
export const nobleCipher: Cipher = {
  ephemeral() {
    const { secretKey, publicKey } = x25519.keygen()
    return { publicKey, agree: (other) => x25519.getSharedSecret(secretKey, other) }
  },

  aead(key) {
    return {
      seal(counter, plain, context) {
        const sealed = chacha20poly1305(key, nonceOf(counter), context).encrypt(plain)
        return [sealed.subarray(0, -16), sealed.subarray(-16)]
      },
      open: (counter, sealed, context) => chacha20poly1305(key, nonceOf(counter), context).decrypt(sealed),
    }
  },
}
