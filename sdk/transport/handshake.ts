/**
 * How two nodes meet. The protocol is SIGMA-I (Krawczyk, "SIGMA: the 'SIGn-and-MAc' approach to authenticated
 * Diffie-Hellman", CRYPTO 2003), with the running transcript hash of the Noise framework (rev. 34) and of TLS 1.3:
 *
 *   dialer   → listener   magic ‖ version ‖ x                        x, y: fresh x25519 keys
 *   listener → dialer     magic ‖ version ‖ y ‖ { address ‖ signature }
 *   dialer   → listener                           { address ‖ signature }
 *
 * { } is ChaCha20-Poly1305 under a key that HKDF-SHA256 derives from the shared secret x·y and the transcript so far.
 *
 * What each step proves:
 * - x and y are fresh, used once and forgotten: a stolen session key opens no recorded conversation (forward secrecy), and a
 *   replayed message meets another x or y and so another transcript.
 * - The signature covers the transcript (both versions, x, y and all that was said) and the signer's role and address: its
 *   holder takes part in *this* conversation. Nobody can relay it into another one, reflect it back or strike a version out.
 * - The seal under a key of x·y is SIGMA's MAC: who signed also knows the shared secret. Without it, Mallory could pass off
 *   Bob's conversation with Alice as his own (identity misbinding).
 * - Nobody who only listens sees an address. The dialer shows its own last, and only to the peer that it expected; a listener shows
 *   its own to whoever asks, as it must to be found (that is the "I" of SIGMA-I: the initiator is protected against active attackers).
 *
 * The digest that session keys sign here is SHA-256 of text beginning with 0x80. Money is signed as keccak-256 of 0x19 0x01 ...;
 * 0x80 begins no EIP-191 message, no typed transaction (below 0x80) and no legacy transaction (0xc0 and above) either.
 */
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { toBytes, toHex } from '../core/bytes.ts'
import type { Address } from '../core/types.ts'
import { recoverSigner } from '../signing/signature.ts'
import type { SessionSigner } from '../signing/signer.ts'
import { type Aead, TAG_LENGTH } from './cipher.ts'
import { TransportError } from './errors.ts'
import { cipher } from './fastest-cipher.ts'

export const MAGIC = utf8ToBytes('TALLYSTICK')
export const VERSION = 1

const PROTOCOL = utf8ToBytes('Tallystick transport, SIGMA-I x25519 HKDF-SHA256 ChaCha20-Poly1305 secp256k1')
const SIGNED = concatBytes(Uint8Array.of(0x80), PROTOCOL)
const IDENTITY_LENGTH = 20 + 64 + TAG_LENGTH

export type Role = 'dialer' | 'listener'

/** The bytes of a handshake: `read` waits for exactly `size` of them. */
export interface Exchange {
  /** Names the other end in errors. */
  readonly address: string
  read(size: number): Promise<Uint8Array>
  write(bytes: Uint8Array): void
}

/** What two peers share afterwards. */
export interface Session {
  readonly peer: Address
  readonly sending: Aead
  readonly receiving: Aead
}

/** Runs the dialer's side. Throws {@link TransportError}; `expected` is checked before this side says who it is. */
export async function greet(exchange: Exchange, signer: SessionSigner, expected?: Address): Promise<Session> {
  const ephemeral = cipher.ephemeral()
  const hello = helloOf(ephemeral.publicKey)
  exchange.write(hello)
  const answer = await readHello(exchange)
  let transcript = hash(hash(sha256(PROTOCOL), hello), helloOf(answer))
  const secret = agree(exchange, ephemeral.agree, answer)

  const theirs = await exchange.read(IDENTITY_LENGTH)
  const peer = openIdentity(exchange, secret, transcript, 'listener', theirs)
  if (expected !== undefined && peer !== expected.toLowerCase()) throw wrongPeer(exchange.address, expected, peer)
  transcript = hash(transcript, theirs)

  const ours = sealIdentity(secret, transcript, 'dialer', signer)
  exchange.write(ours)
  return sessionOf(secret, hash(transcript, ours), 'dialer', peer)
}

/** Runs the listener's side. Throws {@link TransportError}. */
export async function welcome(exchange: Exchange, signer: SessionSigner): Promise<Session> {
  const ephemeral = cipher.ephemeral()
  const reply = helloOf(ephemeral.publicKey)
  // A caller of another version still learns ours, to be able to say what is wrong.
  const asked = await readHello(exchange, () => exchange.write(reply))
  let transcript = hash(hash(sha256(PROTOCOL), helloOf(asked)), reply)
  const secret = agree(exchange, ephemeral.agree, asked)

  const ours = sealIdentity(secret, transcript, 'listener', signer)
  exchange.write(concatBytes(reply, ours))
  transcript = hash(transcript, ours)

  const theirs = await exchange.read(IDENTITY_LENGTH)
  const peer = openIdentity(exchange, secret, transcript, 'dialer', theirs)
  return sessionOf(secret, hash(transcript, theirs), 'listener', peer)
}

/** What a session key signs to prove its part in a conversation; see the top of this file. */
export const identityDigest = (transcript: Uint8Array, role: Role, address: Address): Uint8Array =>
  sha256(concatBytes(SIGNED, utf8ToBytes(`, ${role}`), transcript, toBytes(address, 20)))

const hash = (transcript: Uint8Array, message: Uint8Array): Uint8Array => sha256(concatBytes(transcript, message))

const helloOf = (publicKey: Uint8Array): Uint8Array => concatBytes(MAGIC, Uint8Array.of(VERSION), publicKey)

async function readHello(exchange: Exchange, onMismatch?: () => void): Promise<Uint8Array> {
  const start = await exchange.read(MAGIC.length + 1)
  if (MAGIC.some((byte, i) => start[i] !== byte))
    throw new TransportError(
      'NOT_TALLYSTICK',
      exchange.address,
      `What answers at ${exchange.address} is not a Tallystick node. Check host and port.`,
    )
  const version = start[MAGIC.length]
  if (version !== VERSION) {
    onMismatch?.()
    throw new TransportError(
      'VERSION_MISMATCH',
      exchange.address,
      `The peer at ${exchange.address} speaks transport version ${version}, this node ${VERSION}. Upgrade the older of the two.`,
    )
  }
  return exchange.read(32)
}

function agree(exchange: Exchange, by: (other: Uint8Array) => Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return by(publicKey)
  } catch (cause) {
    throw failed(exchange, 'its ephemeral key is of low order', cause)
  }
}

const keyOf = (secret: Uint8Array, transcript: Uint8Array, purpose: string): Aead =>
  cipher.aead(hkdf(sha256, secret, transcript, utf8ToBytes(purpose), 32))

function sealIdentity(secret: Uint8Array, transcript: Uint8Array, role: Role, signer: SessionSigner): Uint8Array {
  const signature = signer.sign(identityDigest(transcript, role, signer.address))
  const identity = concatBytes(toBytes(signer.address, 20), signature)
  return concatBytes(...keyOf(secret, transcript, `identity of ${role}`).seal(0, identity, transcript))
}

function openIdentity(
  exchange: Exchange,
  secret: Uint8Array,
  transcript: Uint8Array,
  role: Role,
  sealed: Uint8Array,
): Address {
  let identity: Uint8Array
  try {
    identity = keyOf(secret, transcript, `identity of ${role}`).open(0, sealed, transcript)
  } catch (cause) {
    throw failed(exchange, 'its identity does not open', cause)
  }
  const peer = toHex(identity.subarray(0, 20)) as Address
  if (recoverSigner(identityDigest(transcript, role, peer), identity.subarray(20)) !== peer)
    throw failed(exchange, `its signature is not that of ${peer}`)
  return peer
}

function sessionOf(secret: Uint8Array, transcript: Uint8Array, role: Role, peer: Address): Session {
  const fromDialer = keyOf(secret, transcript, 'records of dialer')
  const fromListener = keyOf(secret, transcript, 'records of listener')
  return role === 'dialer'
    ? { peer, sending: fromDialer, receiving: fromListener }
    : { peer, sending: fromListener, receiving: fromDialer }
}

const failed = (exchange: Exchange, fact: string, cause?: unknown): TransportError =>
  new TransportError(
    'HANDSHAKE_FAILED',
    exchange.address,
    `The peer at ${exchange.address} could not prove who it is: ${fact}. Somebody may stand between; check the address.`,
    cause,
  )

const wrongPeer = (address: string, expected: Address, found: Address): TransportError =>
  new TransportError(
    'WRONG_PEER',
    address,
    `${address} is ${found}, not ${expected.toLowerCase()}. Ask the peer for its current address.`,
  )
