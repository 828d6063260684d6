import { secp256k1 } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { toBytes, toHex } from '../../core/bytes.ts'
import type { SignedInvoice } from '../../core/invoice.ts'
import { addScalars, lockPoints } from '../../core/points.ts'
import type { Hex } from '../../core/types.ts'
import type { Mode } from '../../protocols/part.ts'
import { encodeHopPayload, type FinalPayload, type ForwardPayload } from '../../routing/hop-payload.ts'
import { createOnion, type Onion, type OnionHop } from '../../routing/onion.ts'
import type { DeadlineMode } from '../../routing/path.ts'
import type { Way, WayHop } from '../routes/finder.ts'
import { encodeParcel } from './parcel.ts'

/** What all parts of a payment share. */
export interface Wrapping {
  readonly signed: SignedInvoice
  /** The invoice's id. */
  readonly id: Hex
  readonly total: bigint
  readonly mode: DeadlineMode
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
export function wrap(way: Way, payment: Wrapping): Wrapped {
  const { signed, mode } = payment
  const { key, point: target } = signed.invoice
  const shares = way.hops.map(() => secp256k1.utils.randomSecretKey())
  const isDual = mode === 'sprites'
  const { deadline } = way.hops.at(-1)!
  const final = finalOf(payment, way.amount, deadline, isDual ? addScalars(...shares) : undefined)
  const { packet, replies } = seal(way, { key, mode, final, shares: isDual ? shares : [] })
  const point = isDual ? toHex(lockPoints(toBytes(target, 33), shares)[0]!) : undefined
  return { point, note: encodeParcel({ mode, point, onion: packet, taken: 0n }), share: shares[0]!, replies }
}

/** What an outcome lock is sealed for: the payee alone is told more than the key. */
export interface OutcomeWrapping {
  readonly key: Hex
  /** 16 bytes. */
  readonly id: Hex
  readonly note: Uint8Array
}

/** Seals an outcome lock: there is nothing to open it with, so nothing that a hop could add to. */
export function wrapOutcome(way: Way, { key, id, note }: OutcomeWrapping): Omit<Wrapped, 'share' | 'point'> {
  const mode = 'outcome'
  const { asset, deadline } = way.hops.at(-1)!
  const { amount } = way
  const about = { asset, amount, deadline, mode, total: amount, paymentId: id } as const
  const final: FinalPayload = { kind: 'final', ...about, ...(note.length > 0 && { note }) }
  const { packet, replies } = seal(way, { key, mode, final, shares: [] })
  return { note: encodeParcel({ mode, point: undefined, onion: packet, taken: 0n }), replies }
}

interface Sealing {
  readonly key: Hex
  readonly mode: Mode
  readonly final: FinalPayload
  /** One a hop, or none. */
  readonly shares: readonly Uint8Array[]
}

function seal({ hops, onionKeys }: Way, { key, mode, final, shares }: Sealing): Onion {
  const layers = hops.map(({ asset, deadline }, index): OnionHop => {
    const [next, share] = [hops[index + 1], shares[index + 1]]
    const payload = next ? encodeHopPayload(forwardOf(next, mode, share)) : encodeHopPayload(final)
    return { publicKey: toBytes(onionKeys[index]!, 32), payload, context: { key, asset, deadline } }
  })
  return createOnion(randomBytes(32), layers)
}

const forwardOf = (next: WayHop, mode: Mode, share: Uint8Array | undefined): ForwardPayload => ({
  kind: 'forward',
  channelId: next.channelId,
  asset: next.asset,
  amount: next.amount,
  deadline: next.deadline,
  mode,
  ...(next.invoice !== undefined && { invoice: next.invoice }),
  ...(share && { share }),
})

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
