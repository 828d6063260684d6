import { fromUint, writeHex } from './bytes.ts'
import { typedDigest, typeHash } from './eip712.ts'
import { keccak256 } from './keccak.ts'
import type { Address, Domain, Hex } from './types.ts'

export const INBOUND_QUOTE_TYPE =
  'InboundQuote(address hub,address client,address asset,uint256 amount,uint64 duration,uint256 fee,uint64 expiry,bytes16 nonce)'
const TYPE_HASH = typeHash(INBOUND_QUOTE_TYPE)

/** What a hub asks for money of its own in a channel, so that the client can be paid there. */
export interface InboundQuote {
  /** Session keys of the two. */
  readonly hub: Address
  readonly client: Address
  readonly asset: Address
  /** What the hub will deposit, and what it wants for that, in the asset's units. */
  readonly amount: bigint
  readonly fee: bigint
  /** Seconds for which the hub leaves it there. */
  readonly duration: bigint
  /** Chain time in seconds until which it can be bought. */
  readonly expiry: bigint
  /** 16 bytes, chosen by the client. */
  readonly nonce: Hex
}

/** A quote and its hub's signature, 64 bytes. */
export interface SignedInboundQuote {
  readonly quote: InboundQuote
  readonly signature: Uint8Array
}

/** What the hub signs; also what names the sale. 32 bytes. */
export function inboundQuoteDigest(domain: Domain, quote: InboundQuote): Uint8Array {
  const bytes = new Uint8Array(288)
  bytes.set(TYPE_HASH)
  writeHex(bytes, 44, quote.hub, 20)
  writeHex(bytes, 76, quote.client, 20)
  writeHex(bytes, 108, quote.asset, 20)
  const numbers = [quote.amount, quote.duration, quote.fee, quote.expiry]
  for (const [index, value] of numbers.entries()) bytes.set(fromUint(value, 32), 128 + 32 * index)
  writeHex(bytes, 256, quote.nonce, 16)
  return typedDigest(domain, keccak256(bytes))
}
