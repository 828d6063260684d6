import { chacha20 } from '@noble/ciphers/chacha.js'
import { equalBytes } from '@noble/ciphers/utils.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { Reader, UnencodableError, Writer } from '../core/codec.ts'
import { TallystickError } from '../core/errors.ts'
import { MAX_HOPS } from './onion.ts'

// Why a payment failed, told to its sender alone. The failing hop seals the reason with the reply key of its layer; every hop before it
// puts a mark over what it passes on and encrypts all of it once more. The sender takes the layers off again.
//
//   packet = 20 × mark ‖ body          512 bytes at every hop
//   body   = mac ‖ code ‖ data ‖ zeros
//
//   failing hop    no marks, body sealed                            ─ encrypt ─▶
//   hop before     marks move on by one, own mark over the body     ─ encrypt ─▶
//   sender         hop by hop: decrypt ─ sealed by this hop? ─▶ that is the reason
//                  sealed by none: spoilt at the first wrong mark: that hop or the one before it
//
// Whoever changes the body cannot mark it for hops behind itself, and hops before it mark what they get: the blame stays at its own
// link. Whoever changes marks alone changes nothing, since they only count where the body opens nowhere.

/** Bytes of a failure, whatever happened wherever. */
export const FAILURE_SIZE = 512
const MARK = 8
const MARKS = MARK * MAX_HOPS
const BODY = FAILURE_SIZE - MARKS
const MAC = 16
const KEY = 32
/** Bytes that may go with a code. */
export const MAX_FAILURE_DATA = BODY - MAC - 2 - 2

const SALT = utf8ToBytes('Tallystick failure 1')
const NONCE = new Uint8Array(12)

/** Codes by name. A number keeps its meaning for ever; the payee has few, so that nobody learns by trying what it knows. */
const CODES = {
  /** Too many or too large payments are on their way through this hop: try later or elsewhere. */
  NODE_BUSY: 1,
  /** The next channel cannot carry it now. */
  CHANNEL_UNAVAILABLE: 2,
  /** There is no such channel of this hop. */
  UNKNOWN_CHANNEL: 3,
  /** What stays with this hop is less than its policy says; data: the policy. */
  FEE_TOO_LOW: 4,
  /** Below the least or above the largest amount of the policy; data: the policy. */
  AMOUNT_OUT_OF_BOUNDS: 5,
  /** The deadline is too near for this hop to be safe. */
  DEADLINE_TOO_NEAR: 6,
  /** The deadline is further away than this hop locks money. */
  DEADLINE_TOO_FAR: 7,
  /** This hop does not offer the mode. */
  MODE_REFUSED: 8,
  /** This hop does not change the one asset for the other. */
  ASSET_REFUSED: 9,
  /** The next hop could not open its layer. */
  UNREADABLE_ONION: 10,
  /** The payload lacks something, or holds something that must be understood and is not. */
  INVALID_PAYLOAD: 11,
  /** The key was used before, or its outcome is known. */
  KEY_KNOWN: 12,
  /** The next hop is not connected now; what its channel holds is another question. */
  PEER_AWAY: 13,
  /** The payee does not take this payment. */
  PAYMENT_REFUSED: 32,
  /** The other parts did not reach the payee in time. */
  PAYMENT_INCOMPLETE: 33,
  /** No failure: the payee of an outcome lock holds it. */
  LOCK_HELD: 34,
} as const

export type FailureCode = keyof typeof CODES

/** The reason for a failure; `code` is `UNKNOWN` for one of a later version. */
export interface Failure {
  readonly code: FailureCode | 'UNKNOWN'
  /** Up to {@link MAX_FAILURE_DATA} bytes; what they mean depends on the code. */
  readonly data: Uint8Array
}

/** What a sender reads; hops count from 0, the first one after the sender. */
export type FailureReport =
  | { readonly kind: 'failed'; readonly hop: number; readonly failure: Failure }
  /** The packet opens nowhere, and the mark of `hop` is the first wrong one: it, or the hop before it, changed the packet or made it up. */
  | { readonly kind: 'spoilt'; readonly hop: number }

/** Bytes that had to be a failure and are not. */
export class InvalidFailureError extends TallystickError {
  readonly code = 'INVALID_FAILURE'
  readonly size: number

  constructor(size: number) {
    super(`A failure has ${FAILURE_SIZE} bytes, not ${size}. Fail the payment with one of your own.`)
    this.size = size
  }
}

interface ReplyKeys {
  readonly stream: Uint8Array
  readonly seal: Uint8Array
  readonly mark: Uint8Array
}

function replyKeys(reply: Uint8Array): ReplyKeys {
  const bytes = hkdf(sha256, reply, SALT, undefined, 3 * KEY)
  return { stream: bytes.slice(0, KEY), seal: bytes.slice(KEY, 2 * KEY), mark: bytes.slice(2 * KEY) }
}

const crypt = ({ stream }: ReplyKeys, packet: Uint8Array): Uint8Array => chacha20(stream, NONCE, packet)
const markOf = ({ mark }: ReplyKeys, body: Uint8Array): Uint8Array => hmac(sha256, mark, body).subarray(0, MARK)
const sealOf = ({ seal }: ReplyKeys, content: Uint8Array): Uint8Array => hmac(sha256, seal, content).subarray(0, MAC)

function assertSize(packet: Uint8Array): void {
  if (packet.length !== FAILURE_SIZE) throw new InvalidFailureError(packet.length)
}

/**
 * The failing hop's packet for the hop before it.
 *
 * @param reply From this hop's layer of the onion. Use it once: two different failures under one key would show their difference.
 * @throws `UnencodableError` if `data` is too long.
 */
export function createFailure(reply: Uint8Array, code: FailureCode, data: Uint8Array = new Uint8Array()): Uint8Array {
  const keys = replyKeys(reply)
  const content = new Uint8Array(BODY - MAC)
  content.set(new Writer().u16(CODES[code]).bytes(data, MAX_FAILURE_DATA).finish())
  return crypt(keys, concatBytes(new Uint8Array(MARKS), sealOf(keys, content), content))
}

/** A failure that came back from the next hop, for the hop before. Throws {@link InvalidFailureError} for a wrong size. */
export function relayFailure(reply: Uint8Array, packet: Uint8Array): Uint8Array {
  assertSize(packet)
  const keys = replyKeys(reply)
  const body = packet.subarray(MARKS)
  return crypt(keys, concatBytes(markOf(keys, body), packet.subarray(0, MARKS - MARK), body))
}

/**
 * Who failed and why, or where the packet was spoilt.
 *
 * @param replies The reply keys of the whole route, as `createOnion` gave them.
 * @throws {@link InvalidFailureError} for a wrong size: the first hop's fault.
 */
export function readFailure(replies: readonly Uint8Array[], packet: Uint8Array): FailureReport {
  assertSize(packet)
  if (replies.length === 0) throw new UnencodableError('A failure came back from a route without hops.')
  let left = packet
  let spoilt: number | undefined
  for (const [hop, reply] of replies.entries()) {
    const keys = replyKeys(reply)
    const plain = crypt(keys, left)
    const body = plain.subarray(MARKS)
    const content = body.subarray(MAC)
    if (equalBytes(sealOf(keys, content), body.subarray(0, MAC)))
      return { kind: 'failed', hop, failure: failureOf(content) }
    if (!equalBytes(markOf(keys, body), plain.subarray(0, MARK))) spoilt ??= hop
    left = concatBytes(plain.subarray(MARK, MARKS), new Uint8Array(MARK), body)
  }
  // With every mark right it is the last hop, which has nobody to pass anything on from.
  return { kind: 'spoilt', hop: spoilt ?? replies.length - 1 }
}

/** What a hop sealed; one that breaks the format has still failed. */
function failureOf(content: Uint8Array): Failure {
  const reader = new Reader(content)
  const number = reader.u16()
  const [code] = Object.entries(CODES).find(([, value]) => value === number) ?? ['UNKNOWN']
  try {
    return { code: code as Failure['code'], data: reader.bytes(MAX_FAILURE_DATA) }
  } catch {
    return { code: 'UNKNOWN', data: new Uint8Array() }
  }
}
