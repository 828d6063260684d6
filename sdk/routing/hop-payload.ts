import { shortestUint, toBytes, toHex, toUint } from '../core/bytes.ts'
import { MalformedBytesError, Reader, UnencodableError, Writer } from '../core/codec.ts'
import { TallystickError } from '../core/errors.ts'
import { assertScalar } from '../core/points.ts'
import { AMOUNT_BOUND } from '../core/state.ts'
import type { Address, ChannelId, Hex } from '../core/types.ts'

// What a layer of an onion says: records `type ‖ length ‖ value`, both numbers in LEB128, types ascending. An unknown odd type may be
// ignored; an unknown even one must be understood, so the payment is refused.

/**
 * How a payment is locked: `sprites`, one key and deadline on every hop and lock points; `plain`, the key alone and staggered deadlines;
 * `outcome`, one key and deadline, and nobody on the way knows what the key stands for.
 */
export type LockMode = 'sprites' | 'plain' | 'outcome'

/** The transfer that goes out of a hop, or that arrives at the payee. */
interface Locked {
  readonly asset: Address
  readonly amount: bigint
  readonly deadline: bigint
  readonly mode: LockMode
  /** In mode `sprites`, a scalar of 32 bytes: what this hop adds to the point it is paid for; for the payee, the sum of all of them. */
  readonly share?: Uint8Array
}

/** For a hop: lock this for the next one. */
export interface ForwardPayload extends Locked {
  readonly kind: 'forward'
  /** The channel with the next hop. */
  readonly channelId: ChannelId
  /** An invoice's digest, 32 bytes: this goes out as what the hop's own invoice promises for what comes in. */
  readonly invoice?: Hex
}

/** For the payee. Exactly one of `invoice` and `secret` is there, but in mode `outcome` neither. */
export interface FinalPayload extends Locked {
  readonly kind: 'final'
  /** The invoice's digest, 32 bytes. */
  readonly invoice?: Hex
  /** 32 bytes: a payment without an invoice, which carries its own secret. */
  readonly secret?: Uint8Array
  /** What all parts of the payment come to. */
  readonly total: bigint
  /** 16 bytes, chosen by the payer: parts with the same one belong together. */
  readonly paymentId: Hex
  /** At most 256 bytes of UTF-8; whoever shows it escapes control characters. */
  readonly memo?: string
  /** Mode `outcome`: at most {@link MAX_LOCK_NOTE} bytes that tell the payee what this is for. */
  readonly note?: Uint8Array
  /** 64 bytes over `payerDigest`: shows who pays, where the invoice names somebody. */
  readonly payerSignature?: Uint8Array
}

export type HopPayload = ForwardPayload | FinalPayload

/** A payload cannot be acted on; `type` is the record at fault, if it is one. */
export class InvalidHopPayloadError extends TallystickError {
  readonly code = 'INVALID_HOP_PAYLOAD'
  readonly type: number | undefined
  readonly fact: string

  constructor(type: number | undefined, fact: string) {
    super(`${fact} Fail the payment with INVALID_PAYLOAD.`)
    this.type = type
    this.fact = fact
  }
}

const MEMO = 1
const PAYER_SIGNATURE = 3
const CHANNEL_ID = 2
const ASSET = 4
const AMOUNT = 6
const DEADLINE = 8
const MODE = 10
const SHARE = 12
const INVOICE = 14
const TOTAL = 16
const PAYMENT_ID = 18
const SECRET = 20
const NOTE = 22

const LOCKED = [ASSET, AMOUNT, DEADLINE, MODE, SHARE]
const FORWARD = new Set([CHANNEL_ID, ...LOCKED, INVOICE])
const FINAL = new Set([MEMO, PAYER_SIGNATURE, ...LOCKED, INVOICE, TOTAL, PAYMENT_ID, SECRET, NOTE])
const MODES: readonly LockMode[] = ['sprites', 'plain', 'outcome']
const MAX_MEMO = 256
/** Bytes that the note of an outcome lock may have. */
export const MAX_LOCK_NOTE = 512
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The payload as an onion carries it. Throws `UnencodableError` for what {@link decodeHopPayload} would refuse. */
export function encodeHopPayload(payload: HopPayload): Uint8Array {
  const records = payload.kind === 'forward' ? forwardRecords(payload) : finalRecords(payload)
  const writer = new Writer()
  for (const [type, value] of [...records].sort(([a], [b]) => a - b)) writer.varuint(type).bytes(value, value.length)
  const bytes = writer.finish()
  try {
    decodeHopPayload(bytes, payload.kind === 'final')
  } catch (error) {
    throw error instanceof InvalidHopPayloadError ? new UnencodableError(error.fact) : error
  }
  return bytes
}

function forwardRecords(payload: ForwardPayload): Map<number, Uint8Array> {
  const records = lockedRecords(payload).set(CHANNEL_ID, toBytes(payload.channelId, 32))
  return payload.invoice === undefined ? records : records.set(INVOICE, toBytes(payload.invoice, 32))
}

function finalRecords({
  invoice,
  secret,
  memo,
  note,
  payerSignature,
  ...payload
}: FinalPayload): Map<number, Uint8Array> {
  const records = lockedRecords(payload)
    .set(TOTAL, positive(payload.total))
    .set(PAYMENT_ID, toBytes(payload.paymentId, 16))
  if (invoice !== undefined) records.set(INVOICE, toBytes(invoice, 32))
  if (secret !== undefined) records.set(SECRET, secret)
  if (memo !== undefined) records.set(MEMO, utf8Of(memo))
  if (note !== undefined) records.set(NOTE, note)
  if (payerSignature !== undefined) records.set(PAYER_SIGNATURE, payerSignature)
  return records
}

function lockedRecords({ asset, amount, deadline, mode, share }: Locked): Map<number, Uint8Array> {
  const records = new Map([
    [ASSET, toBytes(asset, 20)],
    [AMOUNT, positive(amount)],
    [DEADLINE, positive(deadline)],
    [MODE, Uint8Array.of(MODES.indexOf(mode))],
  ])
  return share === undefined ? records : records.set(SHARE, share)
}

function utf8Of(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new UnencodableError('A memo holds half a surrogate pair, which UTF-8 cannot say.')
  return new TextEncoder().encode(text)
}

function positive(value: bigint): Uint8Array {
  if (value <= 0n) throw new UnencodableError(`${value} is not above zero.`)
  return shortestUint(value)
}

/**
 * Parses the payload of a peeled onion, which its sender may have made of anything. Throws {@link InvalidHopPayloadError}.
 *
 * @param last Whether the onion ended here: only then it may speak to a payee, and only then it must.
 */
export function decodeHopPayload(bytes: Uint8Array, last: boolean): HopPayload {
  const records = readRecords(bytes, last ? FINAL : FORWARD)
  return last ? finalOf(records) : forwardOf(records)
}

type Records = ReadonlyMap<number, Uint8Array>

const fail = (type: number, fact: string): never => {
  throw new InvalidHopPayloadError(type, `Record ${type} of a hop's payload ${fact}.`)
}

function readRecords(bytes: Uint8Array, known: ReadonlySet<number>): Records {
  const records = new Map<number, Uint8Array>()
  const reader = new Reader(bytes)
  let before = -1
  try {
    while (reader.left > 0) {
      const type = reader.varuint()
      // Ascending: one order, so one form, and no type twice.
      if (type <= before) fail(type, `stands after record ${before}`)
      if (!known.has(type) && type % 2 === 0) fail(type, 'must be understood and is unknown here')
      const value = reader.bytes(reader.left)
      if (known.has(type)) records.set(type, value)
      before = type
    }
  } catch (error) {
    if (error instanceof MalformedBytesError)
      throw new InvalidHopPayloadError(undefined, `A hop's payload is malformed: ${error.message}`)
    throw error
  }
  return records
}

function lockedOf(records: Records): Locked {
  const mode = MODES[fixed(records, MODE, 1)[0]!] ?? fail(MODE, 'names an unknown mode')
  if ((mode === 'sprites') !== records.has(SHARE)) fail(SHARE, 'belongs to mode sprites, which always has it')
  return {
    asset: fixedHex(records, ASSET, 20),
    amount: uint(records, AMOUNT, AMOUNT_BOUND),
    deadline: uint(records, DEADLINE, 1n << 64n),
    mode,
    ...(mode === 'sprites' && { share: shareOf(records) }),
  }
}

const forwardOf = (records: Records): ForwardPayload => ({
  kind: 'forward',
  channelId: fixedHex(records, CHANNEL_ID, 32),
  ...lockedOf(records),
  ...(records.has(INVOICE) && { invoice: fixedHex(records, INVOICE, 32) }),
})

function finalOf(records: Records): FinalPayload {
  const payload = { kind: 'final', ...lockedOf(records), total: uint(records, TOTAL, AMOUNT_BOUND) } as const
  const isOutcome = payload.mode === 'outcome'
  const named = [INVOICE, SECRET].filter((type) => records.has(type)).length
  if (named !== (isOutcome ? 0 : 1))
    fail(INVOICE, 'or a secret must be there, and not both, but for an outcome neither')
  if (records.has(NOTE) && !isOutcome) fail(NOTE, 'belongs to mode outcome')
  if (payload.total < payload.amount) fail(TOTAL, 'is less than the amount of this part')
  return {
    ...payload,
    paymentId: fixedHex(records, PAYMENT_ID, 16),
    ...(records.has(INVOICE) && { invoice: fixedHex(records, INVOICE, 32) }),
    ...(records.has(SECRET) && { secret: fixed(records, SECRET, 32) }),
    ...(records.has(NOTE) && { note: noteOf(value(records, NOTE)) }),
    ...(records.has(MEMO) && { memo: memoOf(value(records, MEMO)) }),
    ...(records.has(PAYER_SIGNATURE) && { payerSignature: fixed(records, PAYER_SIGNATURE, 64) }),
  }
}

const value = (records: Records, type: number): Uint8Array => records.get(type) ?? fail(type, 'is missing')

function fixed(records: Records, type: number, size: number): Uint8Array {
  const bytes = value(records, type)
  return bytes.length === size ? bytes : fail(type, `has ${bytes.length} bytes instead of ${size}`)
}

const fixedHex = (records: Records, type: number, size: number): Hex => toHex(fixed(records, type, size))

/** A number from 1 to `bound` - 1. */
function uint(records: Records, type: number, bound: bigint): bigint {
  const digits = value(records, type)
  if (digits.length === 0 || digits.length > 16 || digits[0] === 0) fail(type, 'is not a number in its shortest form')
  const number = toUint(digits)
  return number < bound ? number : fail(type, 'is a number out of bounds')
}

function shareOf(records: Records): Uint8Array {
  const share = fixed(records, SHARE, 32)
  try {
    assertScalar(share)
  } catch {
    fail(SHARE, 'is no scalar')
  }
  return share
}

const noteOf = (bytes: Uint8Array): Uint8Array =>
  bytes.length <= MAX_LOCK_NOTE ? bytes : fail(NOTE, `has ${bytes.length} bytes, more than ${MAX_LOCK_NOTE}`)

function memoOf(bytes: Uint8Array): string {
  if (bytes.length === 0 || bytes.length > MAX_MEMO) fail(MEMO, `has ${bytes.length} bytes, not 1 to ${MAX_MEMO}`)
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return fail(MEMO, 'is not valid UTF-8')
  }
}
