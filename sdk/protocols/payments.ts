import { toBytes, toHex } from '../core/bytes.ts'
import { MalformedBytesError, Reader, UnencodableError, Writer } from '../core/codec.ts'
import { TallystickError } from '../core/errors.ts'
import { AMOUNT_BOUND } from '../core/state.ts'
import type { Hex } from '../core/types.ts'

/** One payment as both sides list it. */
export interface Payment {
  /** 16 bytes, chosen by the payer. */
  readonly id: Hex
  readonly amount: bigint
  /** At most 256 bytes of UTF-8; whoever shows it escapes control characters. */
  readonly memo?: string
}

/** A payment about to be packed. */
export interface NewPayment {
  /** 16 bytes. */
  readonly id: Uint8Array
  readonly amount: bigint
  readonly memo?: string
}

/**
 * Any number of payments as one run of bytes, which is at once the wire format, the stored form and the list:
 *
 * `count ‖ ids ‖ width u8 ‖ count × amount ‖ memos`, where ids is `0 ‖ base` (id i = base + i in its low 32 bits) or
 * `1 ‖ count × id` if they do not follow so, width is the least of 4, 8, 16 that holds every amount, and memos is `n ‖ n × (index ‖ text)`, ascending.
 */
export interface PaymentBatch {
  readonly bytes: Uint8Array
  readonly count: number
  readonly total: bigint
}

/** Most payments that one batch may hold. */
export const MAX_BATCH = 65_536
/** Bytes of UTF-8. */
export const MAX_MEMO = 256

const ID = 16
const U64 = 1n << 64n

/** An amount that no payment may have. */
export class InvalidAmountError extends TallystickError {
  readonly code = 'INVALID_AMOUNT'
  readonly amount: bigint

  constructor(amount: bigint) {
    super(`An amount of ${amount} cannot be paid. Pass a whole number of the smallest unit from 1 to 2^106 - 1.`)
    this.amount = amount
  }
}

/** A memo that is too long, or no text. */
export class InvalidMemoError extends TallystickError {
  readonly code = 'INVALID_MEMO'

  constructor(size: number | undefined) {
    super(
      size === undefined
        ? 'A memo is a well-formed text. Pass a string without half surrogate pairs.'
        : `A memo of ${size} bytes is longer than ${MAX_MEMO}. Shorten it, or send a hash of the long text.`,
    )
  }
}

/** Throws {@link InvalidAmountError} unless `amount` can be paid. */
export function assertAmount(amount: bigint): void {
  if (typeof amount !== 'bigint' || amount <= 0n || amount >= AMOUNT_BOUND) throw new InvalidAmountError(amount)
}

/** Throws {@link InvalidMemoError} if `memo` is too long. */
export function assertMemo(memo: string): void {
  if (typeof memo !== 'string' || !memo.isWellFormed()) throw new InvalidMemoError(undefined)
  const size = new TextEncoder().encode(memo).length
  if (size > MAX_MEMO) throw new InvalidMemoError(size)
}

/** Packs payments whose ids follow from `base`; `memos` maps an index to a text. */
export function packAmounts(
  amounts: ArrayLike<bigint>,
  base: Uint8Array,
  memos: ReadonlyMap<number, string> = new Map(),
): PaymentBatch {
  const writer = head(amounts.length).u8(0).raw(base)
  const total = putAmounts(writer, amounts)
  putMemos(writer, memos)
  return { bytes: writer.finish(), count: amounts.length, total }
}

/** Packs payments that carry their own ids. */
export function packPayments(payments: readonly NewPayment[]): PaymentBatch {
  const count = payments.length
  const ids = new Uint8Array(ID * count)
  for (const [index, { id }] of payments.entries()) ids.set(id, ID * index)
  const writer = head(count)
  if (countsOn(ids, count)) writer.u8(0).raw(ids.subarray(0, ID))
  else writer.u8(1).raw(ids)
  const total = putAmounts(
    writer,
    payments.map(({ amount }) => amount),
  )
  const memos = new Map<number, string>()
  for (const [index, { memo }] of payments.entries()) if (memo) memos.set(index, memo)
  putMemos(writer, memos)
  return { bytes: writer.finish(), count, total }
}

/** Whether the ids follow from the first one, so that it alone says them all; usually the second one tells. */
function countsOn(ids: Uint8Array, count: number): boolean {
  const first = ids.subarray(0, ID)
  for (let i = 1; i < count; i++) {
    const expected = idAfter(first, i)
    for (let byte = 0; byte < ID; byte++) if (ids[ID * i + byte] !== expected[byte]) return false
  }
  return true
}

function head(count: number): Writer {
  if (count < 1 || count > MAX_BATCH) throw new UnencodableError(`${count} payments are not within 1 to ${MAX_BATCH}.`)
  return new Writer(64 + 24 * count).varuint(count)
}

function putAmounts(writer: Writer, amounts: ArrayLike<bigint>): bigint {
  const count = amounts.length
  let total = 0n
  let largest = 0n
  for (let i = 0; i < count; i++) {
    const amount = amounts[i]!
    assertAmount(amount)
    if (amount > largest) largest = amount
    total += amount
  }
  if (total >= AMOUNT_BOUND) throw new InvalidAmountError(total)
  const width = largest < 0x1_0000_0000n ? 4 : largest < U64 ? 8 : 16
  const column = new Uint8Array(width * count)
  const view = new DataView(column.buffer)
  for (let i = 0; i < count; i++) {
    const amount = amounts[i]!
    if (width === 4) view.setUint32(4 * i, Number(amount))
    else if (width === 8) view.setBigUint64(8 * i, amount)
    else {
      view.setBigUint64(16 * i, amount >> 64n)
      view.setBigUint64(16 * i + 8, BigInt.asUintN(64, amount))
    }
  }
  writer.u8(width).raw(column)
  return total
}

function putMemos(writer: Writer, memos: ReadonlyMap<number, string>): void {
  writer.varuint(memos.size)
  for (const [index, memo] of [...memos].sort(([a], [b]) => a - b)) {
    assertMemo(memo)
    writer.varuint(index).text(memo, MAX_MEMO)
  }
}

interface Layout {
  readonly count: number
  readonly ids: Uint8Array
  readonly explicit: boolean
  readonly width: number
  readonly column: DataView
  readonly memos: ReadonlyMap<number, string>
}

function layoutOf(bytes: Uint8Array): Layout {
  const reader = new Reader(bytes)
  const count = reader.varuint(MAX_BATCH)
  const explicit = reader.bool()
  const ids = reader.raw(explicit ? ID * count : ID)
  const width = reader.u8()
  const column = reader.raw(width * count)
  const memos = new Map<number, string>()
  let after = -1
  for (let left = reader.varuint(count); left > 0; left--) {
    const index = reader.varuint(count - 1)
    const memo = reader.text(MAX_MEMO)
    // Ascending and never empty: one form for one list.
    if (index <= after || memo === '') throw new MalformedBytesError(bytes.length - reader.left, 'A memo is misplaced')
    memos.set(index, memo)
    after = index
  }
  reader.end()
  return { count, explicit, ids, width, column: new DataView(column.buffer), memos }
}

/** Parses and checks a batch that came from anywhere. Throws `MalformedBytesError`. */
export function parseBatch(bytes: Uint8Array): PaymentBatch {
  const { count, ids, explicit, width, column } = layoutOf(bytes)
  if (count === 0 || (width !== 4 && width !== 8 && width !== 16))
    throw new MalformedBytesError(0, 'A batch of payments is empty or of unknown width')
  if (explicit && countsOn(ids, count))
    throw new MalformedBytesError(0, 'A batch lists ids that follow from its first one')
  const total = width === 4 ? sum4(column, count) : width === 8 ? sum8(column, count) : sum16(column, count)
  if (total === undefined || total >= AMOUNT_BOUND)
    throw new MalformedBytesError(0, 'A batch holds an amount that cannot be paid, or a wider column than it needs')
  return { bytes, count, total }
}

// Sums in doubles: 65,536 numbers below 2^32 stay exact. Undefined for a zero amount or a column that is too wide.
function sum4(column: DataView, count: number): bigint | undefined {
  let sum = 0
  for (let i = 0; i < count; i++) {
    const amount = column.getUint32(4 * i)
    if (amount === 0) return undefined
    sum += amount
  }
  return BigInt(sum)
}

function sum8(column: DataView, count: number): bigint | undefined {
  let high = 0
  let low = 0
  for (let i = 0; i < count; i++) {
    const upper = column.getUint32(8 * i)
    const lower = column.getUint32(8 * i + 4)
    if ((upper | lower) === 0) return undefined
    high += upper
    low += lower
  }
  return high === 0 ? undefined : (BigInt(high) << 32n) + BigInt(low)
}

function sum16(column: DataView, count: number): bigint | undefined {
  let sum = 0n
  let wide = false
  for (let i = 0; i < count; i++) {
    const amount = (column.getBigUint64(16 * i) << 64n) | column.getBigUint64(16 * i + 8)
    if (amount === 0n || amount >= AMOUNT_BOUND) return undefined
    wide ||= amount >= U64
    sum += amount
  }
  return wide ? sum : undefined
}

/** The id of payment `index` of a batch whose ids follow from `base`. */
export function idAfter(base: Uint8Array, index: number): Uint8Array {
  const id = base.slice()
  const view = new DataView(id.buffer)
  view.setUint32(12, view.getUint32(12) + index)
  return id
}

/** The payments of a batch, in order. */
export function* paymentsOf({ bytes }: PaymentBatch): Generator<Payment> {
  const { count, explicit, ids, width, column, memos } = layoutOf(bytes)
  for (let i = 0; i < count; i++) {
    const id = toHex(explicit ? ids.subarray(ID * i, ID * (i + 1)) : idAfter(ids, i))
    const amount =
      width === 4
        ? BigInt(column.getUint32(4 * i))
        : width === 8
          ? column.getBigUint64(8 * i)
          : (column.getBigUint64(16 * i) << 64n) | column.getBigUint64(16 * i + 8)
    const memo = memos.get(i)
    yield memo === undefined ? { id, amount } : { id, amount, memo }
  }
}

/** The 16 bytes of a payment id given as hex. Throws `InvalidHexError`. */
export const paymentId = (id: string): Uint8Array => toBytes(id, ID)
