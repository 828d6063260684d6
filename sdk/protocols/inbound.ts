import { MalformedBytesError, Reader, Writer } from '../core/codec.ts'
import type { InboundQuote, SignedInboundQuote } from '../core/inbound-quote.ts'
import type { Address, ChannelId, Hex } from '../core/types.ts'

// How a client buys a hub's money in a channel.
//
//   client ── ask ──▶ hub ── quote (signed) ──▶ client ── buy ──▶ hub ── sold ──▶ the hub deposits
//                      └──────────── refused ◀──────────────────┘
//
// The fee is paid from the client's balance with the hub before the deposit, or taken from what the hub forwards to it afterwards.

/** What a hub asks for its money in one asset, and how much of it. */
export interface InboundTerms {
  /** In the asset's units. */
  readonly baseFee: bigint
  /** Millionths of the amount for each 30 days. */
  readonly monthlyPpm: bigint
  /** Of one sale. */
  readonly least: bigint
  readonly most: bigint
  /** Sold to one client at a time, and to all. */
  readonly perClient: bigint
  readonly total: bigint
  /** Seconds. */
  readonly maxDuration: bigint
  /** Seconds after the time that was paid for from which what is left of it is withdrawn; default: it stays. */
  readonly reclaimAfter?: bigint | undefined
}

/** Seconds that a quote holds. */
export const QUOTE_SECONDS = 600n
const MONTH = 30n * 86_400n

export type InboundRefusal =
  | 'INBOUND_NOT_SOLD'
  | 'INBOUND_OUT_OF_BOUNDS'
  | 'INBOUND_SOLD_OUT'
  | 'INBOUND_DISPUTED'
  | 'INBOUND_QUOTE_UNKNOWN'
  | 'INBOUND_QUOTE_EXPIRED'

/** What a hub has sold already. */
export interface InboundExposure {
  readonly toClient: bigint
  readonly toAll: bigint
  /** There was a dispute with the client. */
  readonly disputed: boolean
}

/** The fee of a sale. */
export const inboundFee = ({ baseFee, monthlyPpm }: InboundTerms, amount: bigint, duration: bigint): bigint => {
  const share = 1_000_000n * MONTH
  return baseFee + (amount * monthlyPpm * duration + share - 1n) / share
}

/** Why a hub does not sell this; undefined: it does. */
export function inboundRefusal(
  terms: InboundTerms | undefined,
  { amount, duration }: Pick<InboundQuote, 'amount' | 'duration'>,
  { toClient, toAll, disputed }: InboundExposure,
): InboundRefusal | undefined {
  if (!terms) return 'INBOUND_NOT_SOLD'
  if (disputed) return 'INBOUND_DISPUTED'
  const isWithin = amount >= terms.least && amount <= terms.most && duration >= 1n && duration <= terms.maxDuration
  if (!isWithin) return 'INBOUND_OUT_OF_BOUNDS'
  const fits = toClient + amount <= terms.perClient && toAll + amount <= terms.total
  return fits ? undefined : 'INBOUND_SOLD_OUT'
}

/** What the two say to each other; `nonce` is the client's, 16 bytes. */
export type InboundMessage =
  | {
      readonly kind: 'ask'
      readonly nonce: Hex
      readonly asset: Address
      readonly amount: bigint
      readonly duration: bigint
    }
  | ({ readonly kind: 'quote' } & SignedInboundQuote)
  /** `upfront`: the fee comes as a payment with the quote's nonce as its id. */
  | ({ readonly kind: 'buy'; readonly channelId: ChannelId; readonly upfront: boolean } & SignedInboundQuote)
  | { readonly kind: 'sold'; readonly nonce: Hex }
  | { readonly kind: 'refused'; readonly nonce: Hex; readonly code: string }

const KINDS = ['ask', 'quote', 'buy', 'sold', 'refused'] as const
/** Bytes of one message at most. */
export const MAX_INBOUND = 300

export function encodeInbound(message: InboundMessage): Uint8Array {
  const writer = new Writer(MAX_INBOUND).u8(KINDS.indexOf(message.kind))
  switch (message.kind) {
    case 'ask':
      return writer.hex(message.nonce, 16).hex(message.asset, 20).u128(message.amount).u64(message.duration).finish()
    case 'quote':
      return putQuote(writer, message).finish()
    case 'buy':
      return putQuote(writer, message).hex(message.channelId, 32).bool(message.upfront).finish()
    case 'sold':
      return writer.hex(message.nonce, 16).finish()
    case 'refused':
      return writer.hex(message.nonce, 16).text(message.code, 64).finish()
  }
}

/** Throws `MalformedBytesError`. */
export function decodeInbound(bytes: Uint8Array): InboundMessage {
  const reader = new Reader(bytes)
  const message = readInbound(reader)
  reader.end()
  return message
}

function readInbound(reader: Reader): InboundMessage {
  const kind = KINDS[reader.u8()]
  switch (kind) {
    case 'ask':
      return { kind, nonce: reader.hex(16), asset: reader.hex(20), amount: reader.u128(), duration: reader.u64() }
    case 'quote':
      return { kind, ...readQuote(reader) }
    case 'buy':
      return { kind, ...readQuote(reader), channelId: reader.hex(32), upfront: reader.bool() }
    case 'sold':
      return { kind, nonce: reader.hex(16) }
    case 'refused':
      return { kind, nonce: reader.hex(16), code: reader.text(64) }
    default:
      throw new MalformedBytesError(0, 'This step of a sale is unknown')
  }
}

function putQuote(writer: Writer, { quote, signature }: SignedInboundQuote): Writer {
  const { hub, client, asset, amount, fee, duration, expiry, nonce } = quote
  writer.hex(hub, 20).hex(client, 20).hex(asset, 20).u128(amount).u128(fee).u64(duration).u64(expiry).hex(nonce, 16)
  return writer.raw(signature)
}

function readQuote(reader: Reader): SignedInboundQuote {
  const [hub, client, asset]: Hex[] = [reader.hex(20), reader.hex(20), reader.hex(20)]
  const [amount, fee] = [reader.u128(), reader.u128()]
  const [duration, expiry] = [reader.u64(), reader.u64()]
  const quote = { hub: hub!, client: client!, asset: asset!, amount, fee, duration, expiry, nonce: reader.hex(16) }
  return { quote, signature: reader.raw(64) }
}

/** A sale as the hub keeps it. */
export interface Sale extends SignedInboundQuote {
  readonly channelId: ChannelId
  /** `unpaid`: the fee is to come first; `paid`: the deposit is due; `funded`: it was made; `late`: the fee is due back. */
  readonly status: 'unpaid' | 'paid' | 'funded' | 'late'
}

const STATUSES = ['unpaid', 'paid', 'funded', 'late'] as const

export const encodeSale = (sale: Sale): Uint8Array =>
  putQuote(new Writer(MAX_INBOUND).u8(STATUSES.indexOf(sale.status)), sale)
    .hex(sale.channelId, 32)
    .finish()

export function decodeSale(bytes: Uint8Array): Sale {
  const reader = new Reader(bytes)
  const status = STATUSES[reader.u8()]!
  return { status, ...readQuote(reader), channelId: reader.hex(32) }
}

/** Whether a sale binds the hub's money at this time of the chain. */
export function binds({ status, quote: { expiry, duration } }: Sale, now: bigint): boolean {
  if (status === 'late') return false
  return status === 'unpaid' ? now <= expiry : now <= expiry + duration
}

/** From which chain time on what is left of a sale is withdrawn. */
export const reclaimTime = ({ quote: { expiry, duration } }: Sale, reclaimAfter: bigint): bigint =>
  expiry + duration + reclaimAfter

/** Seconds after the expiry of its quote in which a fee is still known for what it is. */
const LATE_SECONDS = 7n * 86_400n

/** Whether nothing can follow from a sale any more. */
export const isOver = (sale: Sale, now: bigint): boolean =>
  sale.status === 'unpaid' ? now > sale.quote.expiry + LATE_SECONDS : sale.status === 'funded' && !binds(sale, now)
