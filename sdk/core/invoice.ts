import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromUint, toBytes, writeHex } from './bytes.ts'
import { typedDigest, typeHash } from './eip712.ts'
import { TallystickError } from './errors.ts'
import { keccak256 } from './keccak.ts'
import { WHOLE } from './outcome.ts'
import { assertPoint } from './points.ts'
import { AMOUNT_BOUND, ZERO_HASH } from './state.ts'
import { type Address, COIN, type Domain, type Hex } from './types.ts'

export const SPLIT_TYPE = 'Split(address to,uint64 share)'
export const WANT_TYPE = 'Want(address asset,uint256 amount)'
export const HINT_TYPE = 'Hint(bytes32 onionKey,bytes32 channelId)'
export const INVOICE_TYPE = `Invoice(string uri,address payee,address payer,address asset,uint256 amount,bool partial,bytes32 key,bytes point,uint64 deadline,bytes32 memoHash,Split[] splits,Want want,bytes32 onionKey,Hint[] hints,uint128 nonce)${HINT_TYPE}${SPLIT_TYPE}${WANT_TYPE}`
export const PAYER_TYPE = 'Payer(bytes32 invoice,bytes16 payment)'

const SPLIT_TYPE_HASH = typeHash(SPLIT_TYPE)
const WANT_TYPE_HASH = typeHash(WANT_TYPE)
const HINT_TYPE_HASH = typeHash(HINT_TYPE)
const INVOICE_TYPE_HASH = typeHash(INVOICE_TYPE)
const PAYER_TYPE_HASH = typeHash(PAYER_TYPE)

/** Characters of a payment address. */
export const MAX_URI = 255
export const MAX_SPLITS = 16
export const MAX_HINTS = 4

/** Somebody whom the payee passes a part of the money on to. */
export interface Split {
  readonly to: Address
  /** Of {@link WHOLE}, 1e18. */
  readonly share: bigint
}

/** What the payer gets in return by the same key: the other leg of a delivery against payment. */
export interface Want {
  readonly asset: Address
  readonly amount: bigint
}

/** A channel to the payee that is not announced, and the onion key of the hop that has it with the next. */
export interface Hint {
  readonly onionKey: Hex
  readonly channelId: Hex
}

/** What a payee asks for. Its digest is the invoice's id; chain and adjudicator are in the domain of the signature. */
export interface Invoice {
  /** The payment address that was asked to be paid: `pay://...`. */
  readonly uri: string
  /** Who signs: the payee's session key or its owner. */
  readonly payee: Address
  /** Who alone may pay; zero: anyone. */
  readonly payer: Address
  readonly asset: Address
  /** Zero: the payer decides. */
  readonly amount: bigint
  /** Whether less than `amount` is taken too, once. */
  readonly partial: boolean
  /** The outcome key of a secret that the payee alone knows, used for this invoice alone. */
  readonly key: Hex
  /** z·G, 33 bytes, for a scalar z that the payee alone knows (sdk/core/points.ts). */
  readonly point: Hex
  /** Chain time in seconds up to which payments are taken. */
  readonly deadline: bigint
  /** keccak-256 of the memo's UTF-8; zero: none. */
  readonly memoHash: Hex
  /** Ascending by `to`; what they leave is the payee's. */
  readonly splits: readonly Split[]
  /** Asset and amount zero: nothing. */
  readonly want: Want
  /** The payee's onion key; zero: only its own peers can pay. */
  readonly onionKey: Hex
  /** Outermost first. */
  readonly hints: readonly Hint[]
  /** 128 random bits. */
  readonly nonce: bigint
}

/** An invoice as it is handed over. */
export interface SignedInvoice {
  readonly invoice: Invoice
  /** 64 or 65 bytes by `invoice.payee`. */
  readonly signature: Uint8Array
  /** The text under `memoHash`; whoever shows it escapes control characters. */
  readonly memo?: string
}

/** Proof that an invoice was paid. */
export interface PaymentProof extends SignedInvoice {
  /** The 32 bytes behind the invoice's key. */
  readonly secret: Uint8Array
  /**
   * z, the scalar behind the invoice's point: what the first hop released less the payer's own share. Hops may learn the secret, z is
   * for the payer alone. Undefined after a payment in mode `plain`, or one that was decided on chain.
   */
  readonly opening?: Uint8Array
}

export const NOTHING_WANTED: Want = { asset: COIN, amount: 0n }

/** An invoice breaks a rule; `field` names it. */
export class InvalidInvoiceError extends TallystickError {
  readonly code = 'INVALID_INVOICE'
  readonly field: keyof Invoice | 'memo' | 'signature'

  constructor(field: InvalidInvoiceError['field'], fact: string) {
    super(`${fact} Ask the payee for a valid invoice.`)
    this.field = field
  }
}

const fail = (field: InvalidInvoiceError['field'], fact: string): never => {
  throw new InvalidInvoiceError(field, fact)
}
const isHex = (text: unknown, bytes: number): boolean =>
  typeof text === 'string' && text.length === 2 + 2 * bytes && /^0x[0-9a-f]*$/.test(text)
const isUint = (value: unknown, bound: bigint): boolean => typeof value === 'bigint' && value >= 0n && value < bound

/** Throws {@link InvalidInvoiceError} unless the invoice has a meaning, and the one form that its digest stands for. */
export function validateInvoice(invoice: Invoice): void {
  const { uri, amount, partial, point, splits, want, hints } = invoice
  // Visible ASCII: what two parsers, or two eyes, could read differently is no address.
  if (!/^pay:\/\/[!-~]+$/.test(uri) || uri.length > MAX_URI)
    fail('uri', `A payment address is "pay://" and visible ASCII, at most ${MAX_URI} characters.`)
  for (const field of ['payee', 'payer', 'asset'] as const)
    if (!isHex(invoice[field], 20)) fail(field, `The ${field} is not 0x and 40 lower-case hex digits.`)
  for (const field of ['key', 'memoHash', 'onionKey'] as const)
    if (!isHex(invoice[field], 32)) fail(field, `The ${field} is not 0x and 64 lower-case hex digits.`)
  if (invoice.payee === COIN) fail('payee', 'The payee is the zero address, which signs nothing.')
  if (invoice.key === ZERO_HASH) fail('key', 'The key is zero, which is no secret’s.')
  if (!isUint(amount, AMOUNT_BOUND)) fail('amount', `An amount of ${amount} is not within 0 to 2^106 - 1.`)
  if (typeof partial !== 'boolean' || (partial && amount === 0n))
    fail('partial', 'An invoice of which the payer decides the amount cannot be paid in part.')
  if (!isHex(point, 33) || !isPoint(point)) fail('point', 'The point is no compressed point of secp256k1.')
  if (!isUint(invoice.deadline, 1n << 64n) || invoice.deadline === 0n)
    fail('deadline', `The deadline ${invoice.deadline} is not within 1 to 2^64 - 1.`)
  validateSplits(splits)
  if (!isHex(want.asset, 20) || !isUint(want.amount, AMOUNT_BOUND) || (want.amount === 0n && want.asset !== COIN))
    fail('want', 'What is wanted is no asset with an amount; nothing has the zero asset.')
  if (hints.length > MAX_HINTS || hints.some((hint) => !isHex(hint.onionKey, 32) || !isHex(hint.channelId, 32)))
    fail('hints', `Hints are at most ${MAX_HINTS}, each an onion key and a channel id.`)
  if (hints.length > 0 && invoice.onionKey === ZERO_HASH) fail('hints', 'Hints lead to no onion key.')
  if (!isUint(invoice.nonce, 1n << 128n)) fail('nonce', 'The nonce does not fit in 128 bits.')
}

function isPoint(point: Hex): boolean {
  try {
    assertPoint(toBytes(point, 33))
    return true
  } catch {
    return false
  }
}

function validateSplits(splits: readonly Split[]): void {
  if (splits.length > MAX_SPLITS) fail('splits', `${splits.length} splits are more than ${MAX_SPLITS}.`)
  let [before, sum]: [string, bigint] = [COIN, 0n]
  for (const { to, share } of splits) {
    // Strictly ascending: nobody zero, nobody twice, one order only.
    if (!isHex(to, 20) || to <= before) fail('splits', 'Splits do not ascend by address, each one once and none zero.')
    if (!isUint(share, WHOLE + 1n) || share === 0n) fail('splits', `A share of ${share} is not within 1 to 1e18.`)
    before = to
    sum += share
  }
  if (sum > WHOLE) fail('splits', `Shares of ${sum} are more than the whole.`)
}

/** The hash under which an invoice carries a memo; zero for none. */
export const memoHashOf = (memo: string | undefined): Uint8Array =>
  memo === undefined ? new Uint8Array(32) : keccak256(utf8ToBytes(memo))

/** What each split, and at the end the payee, gets of `amount`: floors, the rest to the payee. Sums up to `amount`. */
export function divideInvoice({ payee, splits }: Invoice, amount: bigint): { to: Address; amount: bigint }[] {
  const parts = splits.map(({ to, share }) => ({ to, amount: (amount * share) / WHOLE }))
  const rest = parts.reduce((left, part) => left - part.amount, amount)
  return [...parts, { to: payee, amount: rest }]
}

function hashSplit({ to, share }: Split): Uint8Array {
  const bytes = new Uint8Array(96)
  bytes.set(SPLIT_TYPE_HASH)
  writeHex(bytes, 44, to, 20)
  bytes.set(fromUint(share, 32), 64)
  return keccak256(bytes)
}

function hashWant({ asset, amount }: Want): Uint8Array {
  const bytes = new Uint8Array(96)
  bytes.set(WANT_TYPE_HASH)
  writeHex(bytes, 44, asset, 20)
  bytes.set(fromUint(amount, 32), 64)
  return keccak256(bytes)
}

function hashHint({ onionKey, channelId }: Hint): Uint8Array {
  const bytes = new Uint8Array(96)
  bytes.set(HINT_TYPE_HASH)
  writeHex(bytes, 32, onionKey, 32)
  writeHex(bytes, 64, channelId, 32)
  return keccak256(bytes)
}

const hashList = (hashes: readonly Uint8Array[]): Uint8Array => keccak256(concatBytes(...hashes))

/** EIP-712 `hashStruct` of an invoice, 32 bytes. */
export function hashInvoice(invoice: Invoice): Uint8Array {
  const bytes = new Uint8Array(512)
  bytes.set(INVOICE_TYPE_HASH)
  bytes.set(keccak256(utf8ToBytes(invoice.uri)), 32)
  writeHex(bytes, 76, invoice.payee, 20)
  writeHex(bytes, 108, invoice.payer, 20)
  writeHex(bytes, 140, invoice.asset, 20)
  bytes.set(fromUint(invoice.amount, 32), 160)
  bytes[223] = invoice.partial ? 1 : 0
  writeHex(bytes, 224, invoice.key, 32)
  bytes.set(keccak256(toBytes(invoice.point, 33)), 256)
  bytes.set(fromUint(invoice.deadline, 32), 288)
  writeHex(bytes, 320, invoice.memoHash, 32)
  bytes.set(hashList(invoice.splits.map(hashSplit)), 352)
  bytes.set(hashWant(invoice.want), 384)
  writeHex(bytes, 416, invoice.onionKey, 32)
  bytes.set(hashList(invoice.hints.map(hashHint)), 448)
  bytes.set(fromUint(invoice.nonce, 32), 480)
  return keccak256(bytes)
}

/** What the payee signs, and the invoice's id: 32 bytes. */
export const invoiceDigest = (domain: Domain, invoice: Invoice): Uint8Array => typedDigest(domain, hashInvoice(invoice))

/** What a payer signs to show the payee who pays: an invoice's id and its own 16-byte payment id. 32 bytes. */
export function payerDigest(domain: Domain, invoice: Hex, payment: Hex): Uint8Array {
  const bytes = new Uint8Array(96)
  bytes.set(PAYER_TYPE_HASH)
  writeHex(bytes, 32, invoice, 32)
  writeHex(bytes, 64, payment, 16)
  return typedDigest(domain, keccak256(bytes))
}
