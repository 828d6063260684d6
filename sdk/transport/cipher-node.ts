import type { Cipher } from './cipher.ts'

/** DER of an x25519 public key up to the key itself (RFC 8410): OpenSSL takes no bare keys. */
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00)
const ALGORITHM = 'chacha20-poly1305'
const OPTIONS = { authTagLength: 16 } as const

/** OpenSSL through node:crypto; undefined where there is none (browsers). Fetched at run time so that bundlers do not look for it. */
export function nodeCipher(): Cipher | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (!crypto?.getCiphers().includes(ALGORITHM)) return undefined

  return {
    ephemeral() {
      const { privateKey, publicKey } = crypto.generateKeyPairSync('x25519')
      return {
        publicKey: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)),
        agree(other) {
          const key = Buffer.concat([SPKI_PREFIX, other])
          return new Uint8Array(
            crypto.diffieHellman({
              privateKey,
              publicKey: crypto.createPublicKey({ key, type: 'spki', format: 'der' }),
            }),
          )
        },
      }
    },

    aead(key) {
      // Once: handed over as bytes, the key would cost three times as much as sealing a small record.
      const secret = crypto.createSecretKey(key)
      const nonce = new Uint8Array(12)
      const counterOf = new DataView(nonce.buffer)
      const length = (plaintextLength: number) => ({ plaintextLength })
      return {
        seal(counter, plain, context) {
          counterOf.setBigUint64(4, BigInt(counter), true)
          const aead = crypto.createCipheriv(ALGORITHM, secret, nonce, OPTIONS)
          if (context.length > 0) aead.setAAD(context, length(plain.length))
          const sealed = aead.update(plain)
          aead.final()
          return [sealed, aead.getAuthTag()]
        },
        open(counter, sealed, context) {
          counterOf.setBigUint64(4, BigInt(counter), true)
          const aead = crypto.createDecipheriv(ALGORITHM, secret, nonce, OPTIONS)
          aead.setAuthTag(sealed.subarray(-16))
          if (context.length > 0) aead.setAAD(context, length(sealed.length - 16))
          const plain = aead.update(sealed.subarray(0, -16))
          aead.final()
          return plain
        },
      }
    },
  }
}
