import { InvalidPrivateKeyError } from './session.ts'
import { x25519 } from './x25519.ts'

/** The key with which a node opens its layer of an onion. It signs nothing and moves no money. */
export interface OnionKey {
  /** 32 bytes: what senders must know of a node. */
  readonly publicKey: Uint8Array
  /** What the node shares with the sender of a packet that shows this ephemeral key, 32 bytes. Throws for a key of low order. */
  agree(ephemeral: Uint8Array): Uint8Array
}

/**
 * An onion key in memory. Like a session key it lives in a closure, so that nothing prints it.
 *
 * @param privateKey 32 bytes; copied, so that the caller may wipe its own.
 * @throws {@link InvalidPrivateKeyError}
 */
export function onionKey(privateKey: Uint8Array): OnionKey {
  if (privateKey.length !== 32) throw new InvalidPrivateKeyError()
  const key = privateKey.slice()
  return Object.freeze({
    publicKey: x25519.publicKey(key),
    agree: (ephemeral: Uint8Array) => x25519.agree(key, ephemeral),
  })
}
