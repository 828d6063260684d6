import {
  createCipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'

// Onions and failures once more, from docs/routing-crypto.md alone and with OpenSSL instead of noble and ox: what the vectors are
// held against, and how tests make packets that the SDK itself would never make.

const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI = Buffer.from('302a300506032b656e032100', 'hex')

export const bytes = (hex: string): Buffer => Buffer.from(hex.slice(2), 'hex')
const privateKeyOf = (key: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8, key]), format: 'der', type: 'pkcs8' })

export const x25519 = (privateKey: Uint8Array, publicKey: Uint8Array): Buffer =>
  diffieHellman({
    privateKey: privateKeyOf(privateKey),
    publicKey: createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' }),
  })

export const publicKeyOf = (privateKey: Uint8Array): Buffer =>
  createPublicKey(privateKeyOf(privateKey)).export({ format: 'der', type: 'spki' }).subarray(-32)

const crypt = (key: Uint8Array, data: Uint8Array): Buffer =>
  createCipheriv('chacha20', key, Buffer.alloc(16)).update(data)
const mac = (key: Uint8Array, ...parts: Uint8Array[]): Buffer =>
  parts.reduce((hmac, part) => hmac.update(part), createHmac('sha256', key)).digest()

export interface Context {
  readonly key: string
  readonly asset: string
  readonly deadline: string | bigint
}

export interface LayerByHand {
  readonly mac: Buffer
  readonly stream: Buffer
  readonly blind: Buffer
  readonly reply: Buffer
  readonly tag: Buffer
}

export function layerByHand(shared: Uint8Array, ephemeral: Uint8Array, node: Uint8Array): LayerByHand {
  const all = Buffer.from(hkdfSync('sha256', shared, 'Tallystick onion 1', Buffer.concat([ephemeral, node]), 144))
  const part = (from: number, to: number) => all.subarray(from, to)
  return { mac: part(0, 32), stream: part(32, 64), blind: part(64, 96), reply: part(96, 128), tag: part(128, 144) }
}

export function onionMac(layer: LayerByHand, route: Uint8Array, { key, asset, deadline }: Context): Buffer {
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(deadline))
  return mac(layer.mac, Buffer.of(1), bytes(key), bytes(asset), time, route).subarray(0, 16)
}

/** Opens a layer; throws if its mac is wrong. `rest` is everything behind the payload's mac, decrypted. */
export function peelByHand(privateKey: Uint8Array, packet: Uint8Array, context: Context) {
  const [ephemeral, route, sealed] = [packet.subarray(1, 33), packet.subarray(33, 2_800), packet.subarray(2_800)]
  const layer = layerByHand(x25519(privateKey, ephemeral), ephemeral, publicKeyOf(privateKey))
  if (!onionMac(layer, route, context).equals(sealed)) throw new Error('wrong mac')
  const plain = crypt(layer.stream, Buffer.concat([route, Buffer.alloc(2_767)]))
  const wide = plain[0]! >= 128
  const size = wide ? (plain[0]! & 127) + 128 * plain[1]! : plain[0]!
  const from = wide ? 2 : 1
  const payload = plain.subarray(from, from + size)
  const nextMac = plain.subarray(from + size, from + size + 16)
  const rest = plain.subarray(from + size + 16, from + size + 16 + 2_767)
  const next = Buffer.concat([Buffer.of(1), x25519(layer.blind, ephemeral), rest, nextMac])
  return { layer, payload, rest, next: nextMac.equals(Buffer.alloc(16)) ? undefined : next }
}

/** A packet of one layer whose decrypted route is `plain`, whatever that says. */
export function wrapByHand(session: Uint8Array, node: Uint8Array, plain: Uint8Array, context: Context): Uint8Array {
  const ephemeral = publicKeyOf(session)
  const layer = layerByHand(x25519(session, node), ephemeral, node)
  const route = crypt(layer.stream, plain)
  return Uint8Array.from(Buffer.concat([Buffer.of(1), ephemeral, route, onionMac(layer, route, context)]))
}

/** Takes one layer off a failure: its 160 bytes of marks, its body, and whether mark and seal are this hop's. */
export function openFailureByHand(reply: Uint8Array, packet: Uint8Array) {
  const { stream, seal, mark } = replyByHand(reply)
  const plain = crypt(stream, packet)
  const [marks, body] = [plain.subarray(0, 160), plain.subarray(160)]
  return {
    marked: mac(mark, body).subarray(0, 8).equals(marks.subarray(0, 8)),
    content: mac(seal, body.subarray(16)).subarray(0, 16).equals(body.subarray(0, 16)) ? body.subarray(16) : undefined,
    rest: Buffer.concat([marks.subarray(8), Buffer.alloc(8), body]),
  }
}

/** A failure with this content of 336 bytes, which need not be one that the SDK writes. */
export function sealFailureByHand(reply: Uint8Array, content: Uint8Array): Uint8Array {
  const { stream, seal } = replyByHand(reply)
  const body = Buffer.concat([mac(seal, content).subarray(0, 16), content])
  return Uint8Array.from(crypt(stream, Buffer.concat([Buffer.alloc(160), body])))
}

function replyByHand(reply: Uint8Array) {
  const all = Buffer.from(hkdfSync('sha256', reply, 'Tallystick failure 1', Buffer.alloc(0), 96))
  return { stream: all.subarray(0, 32), seal: all.subarray(32, 64), mark: all.subarray(64) }
}
