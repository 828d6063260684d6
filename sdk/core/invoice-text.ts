import { decode, encode } from 'ox/Bech32m'
import { toHex } from './bytes.ts'
import { MalformedBytesError, Reader, Writer } from './codec.ts'
import { TallystickError } from './errors.ts'
import {
  type Hint,
  InvalidInvoiceError,
  type Invoice,
  MAX_HINTS,
  MAX_SPLITS,
  MAX_URI,
  memoHashOf,
  NOTHING_WANTED,
  type SignedInvoice,
  type Split,
  validateInvoice,
  type Want,
} from './invoice.ts'
import { ZERO_HASH } from './state.ts'
import { COIN, type Domain, type Hex } from './types.ts'

// A signed invoice as bytes, and as a text for QR codes: bech32m (BIP-350) in capitals, the characters of which a QR code packs two
// into eleven bits. Its checksum catches typing errors; the signature catches everything.
//
//   invoice = version 1 ‖ chainId ‖ adjudicator ‖ uri ‖ payee ‖ [payer] ‖ asset ‖ amount ‖ partial ‖ key ‖ point ‖ deadline
//             ‖ memo (0 | 1 hash | 2 text) ‖ n × split ‖ [want] ‖ [onionKey ‖ n × hint] ‖ nonce ‖ signature
//   text    = bech32m("tally", invoice)

const VERSION = 1
const PREFIX = 'tally'
/** What one QR code holds at most in its alphanumeric mode. */
export const MAX_INVOICE_TEXT = 4_296
/** Bytes of UTF-8. */
const MAX_MEMO = 256

/** A text that had to be an invoice for this network and is not; `found` is the network it is for, if that could be read. */
export class InvoiceTextError extends TallystickError {
  readonly code: 'INVOICE_UNREADABLE' | 'INVOICE_OF_ANOTHER_NETWORK'
  readonly found: Domain | undefined

  constructor(code: InvoiceTextError['code'], message: string, found?: Domain) {
    super(message)
    this.code = code
    this.found = found
  }
}

const unreadable = (fact: string): InvoiceTextError =>
  new InvoiceTextError('INVOICE_UNREADABLE', `${fact} Copy or scan the invoice again, completely.`)

/** The text of a signed invoice, in capitals. Throws {@link InvalidInvoiceError} for what {@link decodeInvoice} would refuse. */
export function encodeInvoice(domain: Domain, signed: SignedInvoice): string {
  return encode(PREFIX, packInvoice(domain, signed), { limit: MAX_INVOICE_TEXT }).toUpperCase()
}

/**
 * Reads an invoice, in capitals or small letters. Whether it is signed is for `verifyInvoice` to say.
 * Throws {@link InvoiceTextError}, or {@link InvalidInvoiceError} for fields that break a rule.
 */
export function decodeInvoice(domain: Domain, text: string): SignedInvoice {
  const bytes = bytesOf(text)
  try {
    return unpackInvoice(domain, bytes)
  } catch (error) {
    if (error instanceof MalformedBytesError) throw unreadable(`This is no invoice: ${error.message}`)
    throw error
  }
}

function bytesOf(text: string): Uint8Array {
  if (typeof text !== 'string' || text.length > MAX_INVOICE_TEXT || !/^(tally1[a-z0-9]+|TALLY1[A-Z0-9]+)$/.test(text))
    throw unreadable('An invoice is TALLY1 and more letters and digits, all capitals or all small.')
  try {
    const { hrp, data } = decode(text, { limit: MAX_INVOICE_TEXT })
    // A second "1" would make the prefix a longer one.
    if (hrp === PREFIX) return data
  } catch {
    // Said below: the checksum is wrong, or a character that bech32 does not have.
  }
  throw unreadable('The checksum of this invoice is wrong.')
}

/** The canonical bytes of a signed invoice. Throws {@link InvalidInvoiceError}. */
export function packInvoice({ chainId, adjudicator }: Domain, { invoice, signature, memo }: SignedInvoice): Uint8Array {
  validateInvoice(invoice)
  validateExtras(invoice, signature, memo)
  const writer = new Writer().u8(VERSION).uint(chainId, 32).hex(adjudicator, 20)
  writer.text(invoice.uri, MAX_URI).hex(invoice.payee, 20)
  putOptional(writer, invoice.payer !== COIN, () => writer.hex(invoice.payer, 20))
  writer.hex(invoice.asset, 20).uint(invoice.amount, 14).bool(invoice.partial)
  writer.hex(invoice.key, 32).hex(invoice.point, 33).uint(invoice.deadline, 8)
  if (memo !== undefined) writer.u8(2).text(memo, MAX_MEMO)
  else if (invoice.memoHash !== ZERO_HASH) writer.u8(1).hex(invoice.memoHash, 32)
  else writer.u8(0)
  writer.varuint(invoice.splits.length)
  for (const { to, share } of invoice.splits) writer.hex(to, 20).uint(share, 8)
  putOptional(writer, invoice.want.amount !== 0n, () =>
    writer.hex(invoice.want.asset, 20).uint(invoice.want.amount, 14),
  )
  putOptional(writer, invoice.onionKey !== ZERO_HASH, () => {
    writer.hex(invoice.onionKey, 32).varuint(invoice.hints.length)
    for (const { onionKey, channelId } of invoice.hints) writer.hex(onionKey, 32).hex(channelId, 32)
  })
  return writer.uint(invoice.nonce, 16).bytes(signature, 65).finish()
}

function putOptional(writer: Writer, present: boolean, write: () => void): void {
  writer.bool(present)
  if (present) write()
}

function validateExtras(invoice: Invoice, signature: Uint8Array, memo: string | undefined): void {
  if (signature.length !== 64 && signature.length !== 65)
    throw new InvalidInvoiceError('signature', `A signature of ${signature.length} bytes is not 64 or 65 bytes.`)
  if (memo === undefined) return
  if (!memo.isWellFormed() || new TextEncoder().encode(memo).length > MAX_MEMO)
    throw new InvalidInvoiceError('memo', `A memo is a well-formed text of at most ${MAX_MEMO} bytes.`)
  if (toHex(memoHashOf(memo)) !== invoice.memoHash)
    throw new InvalidInvoiceError('memo', 'The memo is not the one that was signed.')
}

/** Reads {@link packInvoice}'s bytes from anywhere. Throws `MalformedBytesError`, {@link InvoiceTextError} or {@link InvalidInvoiceError}. */
export function unpackInvoice(domain: Domain, bytes: Uint8Array): SignedInvoice {
  const reader = new Reader(bytes)
  const version = reader.u8()
  if (version !== VERSION) throw unreadable(`This invoice has version ${version}, not ${VERSION}.`)
  assertNetwork(domain, { chainId: reader.uint(32), adjudicator: reader.hex(20) })
  const head = {
    uri: reader.text(MAX_URI),
    payee: reader.hex(20),
    payer: optional(reader, () => reader.hex(20)) ?? COIN,
  }
  const price = { asset: reader.hex(20), amount: reader.uint(14), partial: reader.bool() }
  const lock = { key: reader.hex(32), point: reader.hex(33), deadline: reader.uint(8) }
  const { memo, memoHash } = readMemo(reader)
  const splits = list(reader, MAX_SPLITS, (): Split => ({ to: reader.hex(20), share: reader.uint(8) }))
  const want = optional(reader, (): Want => ({ asset: reader.hex(20), amount: reader.uint(14) })) ?? NOTHING_WANTED
  const route = optional(reader, () => readRoute(reader)) ?? { onionKey: ZERO_HASH, hints: [] }
  const invoice = { ...head, ...price, ...lock, memoHash, splits, want, ...route, nonce: reader.uint(16) }
  const signature = reader.bytes(65)
  reader.end()
  const signed = memo === undefined ? { invoice, signature } : { invoice, signature, memo }
  // Whatever has a second form is refused: what was read must be what would be written.
  if (!equal(packInvoice(domain, signed), bytes)) throw new MalformedBytesError(0, 'An invoice is not in its one form')
  return signed
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i])

function assertNetwork(expected: Domain, found: Domain): void {
  if (found.chainId === expected.chainId && found.adjudicator === expected.adjudicator.toLowerCase()) return
  throw new InvoiceTextError(
    'INVOICE_OF_ANOTHER_NETWORK',
    `This invoice is for chain ${found.chainId} and adjudicator ${found.adjudicator}, not for chain ${expected.chainId} and ${expected.adjudicator}. Pay it from a node there.`,
    found,
  )
}

const optional = <T>(reader: Reader, read: () => T): T | undefined => (reader.bool() ? read() : undefined)

function list<T>(reader: Reader, max: number, read: () => T): T[] {
  return Array.from({ length: reader.varuint(max) }, read)
}

function readRoute(reader: Reader): { onionKey: Hex; hints: Hint[] } {
  const onionKey = reader.hex(32)
  return { onionKey, hints: list(reader, MAX_HINTS, () => ({ onionKey: reader.hex(32), channelId: reader.hex(32) })) }
}

function readMemo(reader: Reader): { memo?: string; memoHash: Hex } {
  const kind = reader.u8()
  if (kind === 0) return { memoHash: ZERO_HASH }
  if (kind === 1) return { memoHash: reader.hex(32) }
  if (kind !== 2) throw new MalformedBytesError(0, `A memo of kind ${kind} is unknown`)
  const memo = reader.text(MAX_MEMO)
  return { memo, memoHash: toHex(memoHashOf(memo)) }
}
