import type { Act } from '../../clearing/book.ts'
import type { Outcome } from '../../clearing/closing.ts'
import type { Posting } from '../../clearing/posting.ts'
import { MalformedBytesError, Reader, Writer } from '../../core/codec.ts'
import type { Hex, Member } from '../../core/types.ts'
import {
  MAX_ACTS,
  putAct,
  putAmounts,
  putList,
  putMember,
  putSignature,
  readAct,
  readAmounts,
  readList,
  readMember,
  readSignature,
} from '../wire-parts.ts'

// What changes the books, as the operator keeps it in its log: the same operations in the same order make the same books.

/** A member's acts under one account. */
export interface SignedActs {
  readonly index: number
  readonly seq: bigint
  readonly acts: readonly Act[]
  /** The member's envelope over the account. */
  readonly signature: Uint8Array
}

/** What an epoch is cut by. */
export interface Cut {
  readonly epoch: bigint
  readonly cutTime: bigint
  /** What the registry holds under the keys of live locks. */
  readonly outcomes: ReadonlyMap<Hex, Outcome>
}

export type Op =
  | { readonly kind: 'seat'; readonly identity: Member }
  /** The member needs a receipt of this epoch. */
  | { readonly kind: 'receipt'; readonly index: number }
  | { readonly kind: 'posted'; readonly identity: Member; readonly posting: Posting }
  /** Several members' acts happen together or not at all. */
  | { readonly kind: 'acts'; readonly parts: readonly SignedActs[] }
  | { readonly kind: 'committed'; readonly epoch: bigint }
  | ({ readonly kind: 'cut' } & Cut)

/** What is written at once: some operations, and the one signature over all that the operator said in them. */
export interface LoggedTurn {
  /** Unix milliseconds. */
  readonly time: number
  readonly ops: readonly Op[]
  /** Over the batch's root, 64 bytes; empty: nothing was said. */
  readonly signature: Uint8Array
}

const KINDS = ['seat', 'receipt', 'posted', 'acts', 'committed', 'cut'] as const
const MOST = 2 ** 24

export const encodeTurn = ({ time, ops, signature }: LoggedTurn): Uint8Array =>
  putList(new Writer(4_096).varuint(time).bytes(signature, 64), ops, putOp).finish()

/** Throws `MalformedBytesError`. */
export function decodeTurn(bytes: Uint8Array): LoggedTurn {
  const reader = new Reader(bytes)
  const turn = { time: reader.varuint(), signature: reader.bytes(64), ops: readList(reader, MOST, readOp) }
  reader.end()
  return turn
}

function putOp(writer: Writer, op: Op): void {
  writer.u8(KINDS.indexOf(op.kind))
  switch (op.kind) {
    case 'seat':
      putMember(writer, op.identity)
      break
    case 'receipt':
      writer.u32(op.index)
      break
    case 'posted':
      putPosting(putMember(writer, op.identity), op.posting)
      break
    case 'acts':
      putList(writer, op.parts, putActs)
      break
    case 'committed':
      writer.u64(op.epoch)
      break
    case 'cut':
      putList(writer.u64(op.epoch).u64(op.cutTime), [...op.outcomes], (out, [key, { value, recordedAt }]) =>
        out.hex(key, 32).u128(value).u64(recordedAt),
      )
  }
}

function readOp(reader: Reader): Op {
  const kind = KINDS[reader.u8()]
  switch (kind) {
    case 'seat':
      return { kind, identity: readMember(reader) }
    case 'receipt':
      return { kind, index: reader.u32() }
    case 'posted':
      return { kind, identity: readMember(reader), posting: readPosting(reader) }
    case 'acts':
      return { kind, parts: readList(reader, MAX_ACTS, readActs) }
    case 'committed':
      return { kind, epoch: reader.u64() }
    case 'cut': {
      const head = { epoch: reader.u64(), cutTime: reader.u64() }
      const outcome = () => [reader.hex(32), { value: reader.u128(), recordedAt: reader.u64() }] as const
      return { kind, ...head, outcomes: new Map(readList(reader, MOST, outcome)) }
    }
    default:
      throw new MalformedBytesError(0, 'The kind of an operation is unknown')
  }
}

export const putPosting = (writer: Writer, one: Posting): Writer =>
  putAmounts(
    writer
      .u64(one.number)
      .hex(one.previous, 32)
      .hex(one.member, 32)
      .u8(one.asset)
      .u128(one.amount)
      .u128(one.deposited)
      .u128(one.requested),
    one.totals,
  )

export const readPosting = (reader: Reader): Posting => ({
  number: reader.u64(),
  previous: reader.hex(32),
  member: reader.hex(32),
  asset: reader.u8(),
  amount: reader.u128(),
  deposited: reader.u128(),
  requested: reader.u128(),
  totals: readAmounts(reader),
})

function putActs(writer: Writer, { index, seq, acts, signature }: SignedActs): void {
  putSignature(putList(writer.u32(index).u64(seq), acts, putAct), signature)
}

const readActs = (reader: Reader): SignedActs => ({
  index: reader.u32(),
  seq: reader.u64(),
  acts: readList(reader, MAX_ACTS, readAct),
  signature: readSignature(reader),
})
