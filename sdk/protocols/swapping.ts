import { MalformedBytesError, Reader, Writer } from '../core/codec.ts'
import type { Address, Hex } from '../core/types.ts'

// What a node is asked before one asset is given for another.
//
//   who swaps ── ask ──▶ hop ── price ──▶ the swap is locked, or not
//                         └──── refused
//
// An answer binds nobody: what counts is what the hop's policy says when the swap is locked to it, and a lock that it refuses comes back.

/** What the two say to each other; `nonce` is the asking one's, 16 bytes. */
export type SwapMessage =
  /** `amount` of `to` is to leave the hop, for how much of `from`? */
  | {
      readonly kind: 'ask'
      readonly nonce: Hex
      readonly from: Address
      readonly to: Address
      readonly amount: bigint
    }
  | {
      readonly kind: 'price'
      readonly nonce: Hex
      /** What must reach the hop, in units of `from`. */
      readonly amount: bigint
      /** The latest deadline that it takes, in chain time. */
      readonly deadline: bigint
      /** 32 bytes: what its layer of an onion is sealed for. */
      readonly onionKey: Hex
    }
  | { readonly kind: 'refused'; readonly nonce: Hex; readonly code: string }

const KINDS = ['ask', 'price', 'refused'] as const
/** Bytes of one message at most. */
export const MAX_SWAP = 100

export function encodeSwap(message: SwapMessage): Uint8Array {
  const writer = new Writer(MAX_SWAP).u8(KINDS.indexOf(message.kind)).hex(message.nonce, 16)
  switch (message.kind) {
    case 'ask':
      return writer.hex(message.from, 20).hex(message.to, 20).u128(message.amount).finish()
    case 'price':
      return writer.u128(message.amount).u64(message.deadline).hex(message.onionKey, 32).finish()
    case 'refused':
      return writer.text(message.code, 64).finish()
  }
}

/** Throws `MalformedBytesError`. */
export function decodeSwap(bytes: Uint8Array): SwapMessage {
  const reader = new Reader(bytes)
  const message = readSwap(reader)
  reader.end()
  return message
}

function readSwap(reader: Reader): SwapMessage {
  const kind = KINDS[reader.u8()]
  const nonce: Hex = reader.hex(16)
  switch (kind) {
    case 'ask':
      return { kind, nonce, from: reader.hex(20), to: reader.hex(20), amount: reader.u128() }
    case 'price':
      return { kind, nonce, amount: reader.u128(), deadline: reader.u64(), onionKey: reader.hex(32) }
    case 'refused':
      return { kind, nonce, code: reader.text(64) }
    default:
      throw new MalformedBytesError(0, 'This step of a swap is unknown')
  }
}
