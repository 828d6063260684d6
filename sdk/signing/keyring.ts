import { secp256k1 } from '@noble/curves/secp256k1.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { english, random, toSeed, validate } from 'ox/Mnemonic'
import { fromUint, toUint } from '../core/bytes.ts'
import { TallystickError } from '../core/errors.ts'
import type { Domain } from '../core/types.ts'
import { type OnionKey, onionKey } from './onion-key.ts'
import { sessionSigner } from './session.ts'
import type { SessionSigner } from './signer.ts'

const SALT = utf8ToBytes('Tallystick seed 1')

/** A seed or its words are not usable; neither is repeated. */
export class InvalidSeedError extends TallystickError {
  readonly code = 'INVALID_SEED'

  constructor(fact: string) {
    super(`${fact} Check each word and their order, or make new ones with newMnemonic().`)
  }
}

/**
 * Everything that follows from one seed. `HKDF-SHA256(seed, salt "Tallystick seed 1", info)` with the infos below, so that the
 * seed and the chain find every channel again: derive the signers, ask the chain for what their owner was announced in, and try
 * nonces 0, 1, 2, ... for channels that were never announced. Never equal to a wallet's keys from the same words.
 */
export interface Keyring {
  /** Session key `index`: info `signer/<index>`, 48 bytes `x` mapped to `x mod (n - 1) + 1`, n the curve's order. */
  signer(index?: number): SessionSigner
  /** The key that opens onions, X25519; a node replaces it by raising `index`. Info `onion/<index>`, 32 bytes. */
  onionKey(index?: number): OnionKey
  /** The nonce of the `index`-th channel that this seed opens: info `nonce/<chainId>/<adjudicator>/<index>`, 16 bytes. */
  channelNonce(domain: Domain, index: number): bigint
  /** Other secrets, e.g. a storage key: info `secret/<label>`. */
  secret(label: string, length?: number): Uint8Array
}

/** Twelve fresh English words (BIP-39). */
export const newMnemonic = (): string => random(english)

/** The keyring of BIP-39 words, an optional passphrase, or of a raw seed of 16 to 64 bytes. Throws {@link InvalidSeedError}. */
export function keyring(source: string | Uint8Array, passphrase = ''): Keyring {
  const seed = typeof source === 'string' ? seedOf(source, passphrase) : source.slice()
  if (seed.length < 16 || seed.length > 64)
    throw new InvalidSeedError(`A seed of ${seed.length} bytes is not within 16 to 64.`)
  const derive = (info: string, length: number) => hkdf(sha256, seed, SALT, utf8ToBytes(info), length)
  return Object.freeze({
    signer: (index = 0) => sessionSigner(toScalar(derive(`signer/${index}`, 48))),
    onionKey: (index = 0) => onionKey(derive(`onion/${index}`, 32)),
    channelNonce: ({ chainId, adjudicator }: Domain, index: number) =>
      toUint(derive(`nonce/${chainId}/${adjudicator.toLowerCase()}/${index}`, 16)),
    secret: (label: string, length = 32) => derive(`secret/${label}`, length),
  })
}

// 16 bytes more than the order has, so that no key is more likely than another by more than 2^-128.
const toScalar = (bytes: Uint8Array): Uint8Array => fromUint((toUint(bytes) % (secp256k1.Point.Fn.ORDER - 1n)) + 1n, 32)

function seedOf(words: string, passphrase: string): Uint8Array {
  const mnemonic = words.normalize('NFKD').trim().toLowerCase().split(/\s+/).join(' ')
  if (!validate(mnemonic, english)) throw new InvalidSeedError('These words are not a BIP-39 mnemonic in English.')
  return toSeed(mnemonic, { as: 'Bytes', passphrase })
}
