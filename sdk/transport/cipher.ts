/** An ephemeral x25519 key; `agree` throws if the other side's key makes the shared secret all zero. */
export interface EphemeralKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  agree(otherPublicKey: Uint8Array): Uint8Array
}

/** One direction of ChaCha20-Poly1305 (RFC 8439) under one key. The nonce is 4 zero bytes and a 64-bit little-endian counter, as in Noise. */
export interface Aead {
  /** Ciphertext and 16-byte tag, to be sent in this order; `plain` is not kept. */
  seal(counter: number, plain: Uint8Array, context: Uint8Array): readonly [Uint8Array, Uint8Array]
  /** The plain text in memory of its own; throws if `sealed` (ciphertext ‖ tag) was not sealed with this key, counter and context. */
  open(counter: number, sealed: Uint8Array, context: Uint8Array): Uint8Array
}

/** The two primitives that are worth a native implementation. */
export interface Cipher {
  ephemeral(): EphemeralKey
  aead(key: Uint8Array): Aead
}

export const TAG_LENGTH = 16
