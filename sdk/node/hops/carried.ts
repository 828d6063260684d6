import { toBytes, toHex } from '../../core/bytes.ts'
import type { Hex } from '../../core/types.ts'
import type { Part } from '../../protocols/part.ts'
import type { Connection } from '../../transport/transport.ts'
import type { Slot } from '../ledgers/slot.ts'

/** A transfer in a ledger of this node. */
export interface Place {
  readonly slot: Slot
  /** Of the transfer. */
  readonly id: Hex
}

/** A part of a multi-hop payment that this node carries: what the protocol says of it, and where it is. */
export interface Carried {
  /** Names it in the store, 16 bytes. */
  readonly id: Hex
  part: Part
  readonly incoming: Place | undefined
  /** `note` goes with its lock, which is ordered as soon as the part is admitted or never; so it is stored only before that. */
  readonly outgoing: (Place & { readonly note: Uint8Array }) | undefined
  /** Seals a failure for whoever sent this part. */
  readonly reply: Uint8Array | undefined
  /** What came back from downstream instead of money, or what this node has to say. */
  failure: Uint8Array | undefined
  /** Payer and payee: the payment that this part belongs to. */
  readonly payment: Hex | undefined
  /** What of it is kept for a fee that is owed in a ledger; see Dues. */
  readonly taken: bigint
  /** Payee of an outcome lock: what its payer says of it. */
  readonly said: Uint8Array | undefined
  /** Outcome lock: the payee's word that it holds it, sealed for whoever sent it. */
  held: Uint8Array | undefined
  /** The connection over which the hop before was told so. */
  told: Connection | undefined
  /** As it was stored last. */
  stored: string
  /** Operations that wait to be signed. */
  readonly queued: Set<string>
}

interface StoredPart {
  readonly part: Part
  readonly incoming: { readonly number: number; readonly id: Hex } | undefined
  readonly outgoing: { readonly number: number; readonly id: Hex; readonly note?: Hex } | undefined
  readonly reply: Hex | undefined
  readonly failure: Hex | undefined
  readonly payment: Hex | undefined
  readonly taken: bigint
  readonly said: Hex | undefined
  readonly held: Hex | undefined
}

// Amounts are marked, since JSON has no bigint; no text of a part begins so.
const BIGINT = 'n:'
const write = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${BIGINT}${value}` : value)
const read = (_: string, value: unknown): unknown =>
  typeof value === 'string' && value.startsWith(BIGINT) ? BigInt(value.slice(BIGINT.length)) : value

/** What must survive of a part; the same text as long as nothing of that changes. */
export function encodeCarried(carried: Carried): string {
  const { part, incoming, outgoing, reply, failure, payment, taken, said, held } = carried
  const { view, ...kept } = part
  const place = ({ slot, id }: Place) => ({ number: slot.number, id })
  const isOffered = part.incoming?.status === 'offered'
  return JSON.stringify(
    {
      part: kept,
      incoming: incoming && place(incoming),
      outgoing: outgoing && { ...place(outgoing), ...(isOffered && { note: toHex(outgoing.note) }) },
      reply: reply && toHex(reply),
      failure: failure && toHex(failure),
      payment,
      taken,
      said: said && toHex(said),
      held: held && toHex(held),
    },
    write,
  )
}

/** Reads what {@link encodeCarried} wrote; undefined if a ledger of it is gone. */
export function decodeCarried(id: Hex, text: string, slots: ReadonlyMap<number, Slot>): Carried | undefined {
  const stored = JSON.parse(text, read) as StoredPart
  const place = (at: { number: number; id: Hex } | undefined): Place | undefined => {
    const slot = at && slots.get(at.number)
    return slot && { slot, id: at.id }
  }
  const [incoming, outgoing] = [place(stored.incoming), place(stored.outgoing)]
  if ((stored.incoming && !incoming) || (stored.outgoing && !outgoing)) return undefined
  return {
    id,
    part: { ...stored.part, view: undefined },
    incoming,
    outgoing: outgoing && { ...outgoing, note: toBytes(stored.outgoing?.note ?? '0x') },
    reply: stored.reply && toBytes(stored.reply),
    failure: stored.failure && toBytes(stored.failure),
    payment: stored.payment,
    taken: stored.taken,
    said: stored.said && toBytes(stored.said),
    held: stored.held && toBytes(stored.held),
    told: undefined,
    stored: text,
    queued: new Set(),
  }
}
