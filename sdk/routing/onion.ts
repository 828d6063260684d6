import { chacha20 } from '@noble/ciphers/chacha.js'
import { equalBytes } from '@noble/ciphers/utils.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { MalformedBytesError, Reader, UnencodableError, Writer } from '../core/codec.ts'
import { TallystickError } from '../core/errors.ts'
import type { Address, Hex } from '../core/types.ts'
import type { OnionKey } from '../signing/onion-key.ts'
import { x25519 } from '../signing/x25519.ts'

// A packet that tells each hop of a route what it must know, and nothing else: Sphinx (Danezis and Goldberg, IEEE S&P 2009) with
// X25519, payloads of any length within a constant total, and a context that binds the packet to the payment it travels with.
//
//   packet = version ‖ ephemeral key ‖ route ‖ mac                 2,816 bytes at every hop
//   route  = n × (payload ‖ mac of the next layer) ‖ filler        each layer encrypted to its hop
//
//   hop     shared = X25519(own key, ephemeral) ─ keys ─ mac right? ─ decrypt ─ cut its payload off the front ─▶ next packet:
//           ephemeral key times `blind`, the rest of the route, filled up with what zeros decrypt to
//   sender  knows all of that beforehand, and so the filler over which each mac must be right

/** Bytes of a packet, whatever its route and wherever on it. */
export const ONION_SIZE = 2_816
/** Hops of a route at most, the payee counted: so many payloads with all fields fit into a packet. */
export const MAX_HOPS = 20

const VERSION = 1
const KEY = 32
const MAC = 16
const ROUTE_AT = 1 + KEY
const MAC_AT = ONION_SIZE - MAC
/** Bytes for payloads, each with its length and a mac. */
const ROUTE = MAC_AT - ROUTE_AT

const SALT = utf8ToBytes('Tallystick onion 1')
const PADDING = utf8ToBytes('padding')
/** Each stream key encrypts one message. */
const NONCE = new Uint8Array(12)
/** In place of the next layer's mac: there is no next layer. */
const LAST = new Uint8Array(MAC)

/** A packet is not meant for this node or this payment, or was damaged; `reason` says where that showed. */
export class InvalidOnionError extends TallystickError {
  readonly code = 'INVALID_ONION'
  readonly reason: 'size' | 'version' | 'key' | 'mac' | 'layout'

  constructor(reason: InvalidOnionError['reason'], fact: string) {
    super(`${fact} Fail the payment; nothing of the packet can be trusted.`)
    this.reason = reason
  }
}

/** What a packet is bound to: at each hop, the transfer that comes in with it. */
export interface OnionContext {
  /** 32-byte outcome key. */
  readonly key: Hex
  readonly asset: Address
  readonly deadline: bigint
}

/** One layer, from the sender's point of view. */
export interface OnionHop {
  /** The node's onion key, 32 bytes. */
  readonly publicKey: Uint8Array
  readonly payload: Uint8Array
  /** The transfer that this hop will see coming in. */
  readonly context: OnionContext
}

/** A new packet, and what its sender keeps: per hop the 32-byte key under which a failure comes back. */
export interface Onion {
  readonly packet: Uint8Array
  readonly replies: readonly Uint8Array[]
}

/** What a hop finds. */
export interface PeeledOnion {
  readonly payload: Uint8Array
  /** The packet for the next hop; undefined at the last one. */
  readonly next: Uint8Array | undefined
  /** 16 bytes, to be remembered until the deadline: a packet with a known tag is a replay and must be refused without a reply. */
  readonly tag: Uint8Array
  /** 32 bytes with which this hop answers a failure, once. */
  readonly reply: Uint8Array
}

interface LayerKeys {
  readonly mac: Uint8Array
  readonly stream: Uint8Array
  readonly blind: Uint8Array
  readonly reply: Uint8Array
  readonly tag: Uint8Array
}

/** Everything a layer needs, from the secret that sender and hop share; other ephemeral or node keys make other layer keys. */
function layerKeys(shared: Uint8Array, ephemeral: Uint8Array, node: Uint8Array): LayerKeys {
  const bytes = hkdf(sha256, shared, SALT, concatBytes(ephemeral, node), 4 * KEY + 16)
  const [mac, stream, blind, reply] = [0, 1, 2, 3].map((i) => bytes.slice(KEY * i, KEY * (i + 1)))
  return { mac: mac!, stream: stream!, blind: blind!, reply: reply!, tag: bytes.slice(4 * KEY) }
}

/** Everything here has a fixed size, so no two contexts look alike. */
function macOf(key: Uint8Array, route: Uint8Array, { key: outcome, asset, deadline }: OnionContext): Uint8Array {
  const bound = new Writer().u8(VERSION).hex(outcome, 32).hex(asset, 20).u64(deadline).finish()
  return hmac.create(sha256, key).update(bound).update(route).digest().subarray(0, MAC)
}

const streamOf = (key: Uint8Array, size: number): Uint8Array => chacha20(key, NONCE, new Uint8Array(size))

/**
 * Wraps payloads for a route, first hop first.
 *
 * @param sessionKey 32 random bytes, used once: with the same ones again, two packets could be linked.
 * @throws `UnencodableError` for no or too many hops, payloads that do not fit together, or a node's key that is none.
 */
export function createOnion(sessionKey: Uint8Array, hops: readonly OnionHop[]): Onion {
  if (sessionKey.length !== KEY) throw new UnencodableError(`A session key has ${KEY} bytes, not ${sessionKey.length}.`)
  if (hops.length < 1 || hops.length > MAX_HOPS)
    throw new UnencodableError(`A route of ${hops.length} hops is not within 1 to ${MAX_HOPS}.`)
  const sizes = hops.map(({ payload }) => headOf(payload, LAST).length)
  const used = sizes.reduce((sum, size) => sum + size, 0)
  if (used > ROUTE) throw new UnencodableError(`Payloads of ${used} bytes with macs are more than ${ROUTE}.`)

  const { ephemeral, layers } = sharedKeys(sessionKey, hops)
  const filler = fillerOf(layers, sizes)
  // Random from the start: zeros behind the last payload would tell the payee how long its route was.
  let route: Uint8Array = streamOf(hkdf(sha256, sessionKey, SALT, PADDING, KEY), ROUTE)
  let mac: Uint8Array = LAST
  for (const [index, layer] of [...layers.entries()].reverse()) {
    const { payload, context } = hops[index]!
    const head = headOf(payload, mac)
    route = chacha20(layer.stream, NONCE, concatBytes(head, route.subarray(0, ROUTE - head.length)))
    if (index === layers.length - 1) route.set(filler, ROUTE - filler.length)
    mac = macOf(layer.mac, route, context)
  }
  return { packet: packetOf(ephemeral, route, mac), replies: layers.map(({ reply }) => reply) }
}

const headOf = (payload: Uint8Array, mac: Uint8Array): Uint8Array =>
  new Writer().bytes(payload, ROUTE).raw(mac).finish()

const packetOf = (ephemeral: Uint8Array, route: Uint8Array, mac: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(VERSION), ephemeral, route, mac)

/**
 * The first ephemeral key and every layer's keys. Hop i sees `session·blind_0·...·blind_(i-1)` times the base point; X25519 clamps each
 * factor, so they are applied one after the other here too.
 */
function sharedKeys(sessionKey: Uint8Array, hops: readonly OnionHop[]): { ephemeral: Uint8Array; layers: LayerKeys[] } {
  const first = x25519.publicKey(sessionKey)
  const factors = [sessionKey]
  const layers: LayerKeys[] = []
  let ephemeral = first
  for (const { publicKey } of hops) {
    const layer = layerKeys(
      factors.reduce((point, factor) => agree(factor, point), publicKey),
      ephemeral,
      publicKey,
    )
    layers.push(layer)
    factors.push(layer.blind)
    ephemeral = x25519.agree(layer.blind, ephemeral)
  }
  return { ephemeral: first, layers }
}

function agree(factor: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return x25519.agree(factor, publicKey)
  } catch {
    throw new UnencodableError('The onion key of a hop is no key.')
  }
}

/** What stands at the end of the last hop's route: zeros that each hop before it shifted in and decrypted. */
function fillerOf(layers: readonly LayerKeys[], sizes: readonly number[]): Uint8Array {
  let filler: Uint8Array = new Uint8Array()
  for (const [index, layer] of layers.slice(0, -1).entries()) {
    const size = sizes[index]!
    const stream = streamOf(layer.stream, ROUTE + size).subarray(ROUTE - filler.length)
    filler = concatBytes(filler, new Uint8Array(size)).map((byte, i) => byte ^ stream[i]!)
  }
  return filler
}

/**
 * Opens the outer layer of a packet that came with the transfer `context`.
 * Throws {@link InvalidOnionError}: then there is no key for a reply, and the hop before reports an unreadable packet.
 */
export function peelOnion(key: OnionKey, packet: Uint8Array, context: OnionContext): PeeledOnion {
  if (packet.length !== ONION_SIZE)
    throw new InvalidOnionError('size', `An onion has ${ONION_SIZE} bytes, not ${packet.length}.`)
  if (packet[0] !== VERSION)
    throw new InvalidOnionError('version', `This is an onion of version ${packet[0]}, not ${VERSION}.`)
  const ephemeral = packet.slice(1, ROUTE_AT)
  const layer = layerKeys(sharedSecret(key, ephemeral), ephemeral, key.publicKey)
  const route = packet.subarray(ROUTE_AT, MAC_AT)
  if (!equalBytes(macOf(layer.mac, route, context), packet.subarray(MAC_AT)))
    throw new InvalidOnionError('mac', 'This onion is for another node or payment, or was damaged.')

  const plain = chacha20(layer.stream, NONCE, concatBytes(route, new Uint8Array(ROUTE)))
  const { payload, mac, size } = cut(plain.subarray(0, ROUTE))
  const next = equalBytes(mac, LAST)
    ? undefined
    : packetOf(x25519.agree(layer.blind, ephemeral), plain.subarray(size, size + ROUTE), mac)
  return { payload, next, tag: layer.tag, reply: layer.reply }
}

function sharedSecret(key: OnionKey, ephemeral: Uint8Array): Uint8Array {
  try {
    return key.agree(ephemeral)
  } catch {
    throw new InvalidOnionError('key', 'The ephemeral key of an onion is of low order.')
  }
}

/** The payload at the front of a decrypted route and the mac after it; only a sender that breaks the rules makes this fail. */
function cut(route: Uint8Array): { payload: Uint8Array; mac: Uint8Array; size: number } {
  const reader = new Reader(route)
  try {
    return { payload: reader.bytes(ROUTE), mac: reader.raw(MAC), size: ROUTE - reader.left }
  } catch (error) {
    if (error instanceof MalformedBytesError)
      throw new InvalidOnionError('layout', `A payload is malformed: ${error.message}`)
    throw error
  }
}
