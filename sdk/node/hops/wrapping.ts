import { secp256k1 } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { toBytes, toHex } from '../../core/bytes.ts'
import type { SignedInvoice } from '../../core/invoice.ts'
import { addScalars, lockPoints } from '../../core/points.ts'
import type { Hex } from '../../core/types.ts'
import type { Mode } from '../../protocols/part.ts'
import { encodeHopPayload, type FinalPayload } from '../../routing/hop-payload.ts'
import { createOnion, type OnionHop } from '../../routing/onion.ts'
import type { Way } from '../routes/finder.ts'
import { encodeParcel } from './parcel.ts'

/** What all parts of a payment share. */
export interface Wrapping {
  readonly signed: SignedInvoice
  /** The invoice's id. */
  readonly id: Hex
  readonly total: bigint
  readonly mode: Mode
  readonly paymentId: Hex
  readonly payerSignature: Uint8Array | undefined
}

/** A part as it is locked, and what the payer keeps of it. */
export interface Wrapped {
  /** 33 bytes in mode `sprites`. */
  readonly point: Hex | undefined
  readonly note: Uint8Array
  /** y_0, of the payer's own edge. */
  readonly share: Uint8Array
  /** Keys of failures, hop by hop. */
  readonly replies: readonly Uint8Array[]
}

/** Seals what each hop of a part is told, with shares of its own: parts of one payment have nothing in common but the key. */
export function wrap({ hops, onionKeys, amount }: Way, payment: Wrapping): Wrapped {
  const { signed, mode } = payment
  const { key, point: target } = signed.invoice
  const shares = hops.map(() => secp256k1.utils.randomSecretKey())
  const isDual = mode === 'sprites'
  const layers = hops.map(({ asset, deadline }, index): OnionHop => {
    const next = hops[index + 1]
    const payload = next
      ? encodeHopPayload({
          kind: 'forward',
          channelId: next.channelId,
          asset: next.asset,
          amount: next.amount,
          deadline: next.deadline,
          mode,
          ...(next.invoice !== undefined && { invoice: next.invoice }),
          ...(isDual && { share: shares[index + 1]! }),
        })
      : encodeHopPayload(finalOf(payment, amount, deadline, isDual ? addScalars(...shares) : undefined))
    return { publicKey: toBytes(onionKeys[index]!, 32), payload, context: { key, asset, deadline } }
  })
  const { packet, replies } = createOnion(randomBytes(32), layers)
  const point = isDual ? toHex(lockPoints(toBytes(target, 33), shares)[0]!) : undefined
  return { point, note: encodeParcel({ mode, point, onion: packet, taken: 0n }), share: shares[0]!, replies }
}

function finalOf(
  { signed, id, total, mode, paymentId, payerSignature }: Wrapping,
  amount: bigint,
  deadline: bigint,
  share: Uint8Array | undefined,
): FinalPayload {
  return {
    kind: 'final',
    asset: signed.invoice.asset,
    amount,
    deadline,
    mode,
    invoice: id,
    total,
    paymentId,
    ...(share && { share }),
    ...(signed.memo !== undefined && { memo: signed.memo }),
    ...(payerSignature && { payerSignature }),
  }
}
