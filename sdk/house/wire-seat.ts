import { MAX_PAYMENTS } from '../clearing/book.ts'
import type { Reader, Writer } from '../core/codec.ts'
import type { EpochProof, HouseSettings, Instead, Seat, SignedAccount, SignedReceipt, ToldRelease } from './messages.ts'
import {
  putAccount,
  putAmounts,
  putEntry,
  putLeaf,
  putList,
  putLocks,
  putMaybe,
  putPath,
  putPayment,
  putReceipt,
  putSignature,
  putTally,
  readAccount,
  readAmounts,
  readEntry,
  readLeaf,
  readList,
  readLocks,
  readMaybe,
  readPath,
  readPayment,
  readReceipt,
  readSignature,
  readTally,
} from './wire-parts.ts'

// What the operator tells of a member's books, byte by byte.

export const putSettings = (writer: Writer, { open, committed, nextCut }: HouseSettings): Writer =>
  writer.u64(open).u64(committed).varuint(nextCut)
export const readSettings = (reader: Reader): HouseSettings => ({
  open: reader.u64(),
  committed: reader.u64(),
  nextCut: reader.varuint(),
})

export const putCountersigned = (writer: Writer, { account, signature }: SignedAccount): Writer =>
  putSignature(putAccount(writer, account), signature)
export const readCountersigned = (reader: Reader): SignedAccount => ({
  account: readAccount(reader),
  signature: readSignature(reader),
})

export const putSigned = (writer: Writer, { receipt, signature }: SignedReceipt): Writer =>
  putSignature(putReceipt(writer, receipt), signature)
export const readSigned = (reader: Reader): SignedReceipt => ({
  receipt: readReceipt(reader),
  signature: readSignature(reader),
})

export function putSeat(writer: Writer, seat: Seat): Writer {
  putSignature(putSignature(writer.u32(seat.index).u64(seat.seq), seat.signature), seat.countersignature)
  writer.u64(seat.epoch).hex(seat.paid, 32)
  putLocks(putList(writer, seat.payments, putPayment), seat.locks)
  return putSigned(putList(putAmounts(writer, seat.debits), seat.entries, putEntry), seat.receipt)
}

export const readSeat = (reader: Reader): Seat => ({
  index: reader.u32(),
  seq: reader.u64(),
  signature: readSignature(reader),
  countersignature: readSignature(reader),
  epoch: reader.u64(),
  paid: reader.hex(32),
  payments: readList(reader, MAX_PAYMENTS, readPayment),
  locks: readLocks(reader),
  debits: readAmounts(reader),
  entries: readList(reader, MAX_PAYMENTS, readEntry),
  receipt: readSigned(reader),
})

export function putRelease(writer: Writer, release: ToldRelease): Writer {
  const { payer, position, lock, payment, secret, signature } = release
  writer
    .hex(payer, 32)
    .u32(position)
    .hex(lock, 32)
    .hex(payment, 32)
    .bool(secret !== undefined)
  if (secret !== undefined) writer.hex(secret, 32)
  return putSignature(writer, signature)
}

export const readRelease = (reader: Reader): ToldRelease => ({
  payer: reader.hex(32),
  position: reader.u32(),
  lock: reader.hex(32),
  payment: reader.hex(32),
  secret: reader.bool() ? reader.hex(32) : undefined,
  signature: readSignature(reader),
})

export const putInstead = (writer: Writer, { payer, position, lock, payment }: Instead): Writer =>
  putMaybe(writer.hex(payer, 32).u32(position).hex(lock, 32), payment, putPayment)

export const readInstead = (reader: Reader): Instead => ({
  payer: reader.hex(32),
  position: reader.u32(),
  lock: reader.hex(32),
  payment: readMaybe(reader, readPayment),
})

export function putProof(writer: Writer, { epoch, index, leaf, path, entries, statuses, limits }: EpochProof): Writer {
  putPath(putLeaf(writer.u64(epoch).u32(index), leaf), path)
  putTally(putList(writer, entries, putEntry), statuses)
  return putMaybe(writer, limits, (out, one) => putPath(putAmounts(out, one.amounts), one.path))
}

export const readProof = (reader: Reader): EpochProof => ({
  epoch: reader.u64(),
  index: reader.u32(),
  leaf: readLeaf(reader),
  path: readPath(reader),
  entries: readList(reader, MAX_PAYMENTS, readEntry),
  statuses: readTally(reader),
  limits: readMaybe(reader, (from) => ({ amounts: readAmounts(from), path: readPath(from) })),
})
