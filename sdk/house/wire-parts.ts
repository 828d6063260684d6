import type { Account, HouseLock, Leg, LockReceipt, Payment, Receipt } from '../clearing/account.ts'
import { type Act, type Entry, MAX_LOCKS, MAX_POSITIONS } from '../clearing/book.ts'
import type { Leaf, Line } from '../clearing/epoch.ts'
import type { Tally } from '../clearing/tally.ts'
import { MalformedBytesError, type Reader, type Writer } from '../core/codec.ts'
import type { Hex, Member } from '../core/types.ts'

// The nouns of a house byte by byte, as they travel and as an operator keeps them.

/** Assets of a house at most. */
export const MAX_ASSETS = 4
/** Acts in one message. */
export const MAX_ACTS = 4_096
/** Levels of any tree. */
const MAX_DEPTH = 32
/** A batched envelope of the greatest depth. */
const MAX_SIGNATURE = 709

export const putSignature = (writer: Writer, signature: Uint8Array): Writer => writer.bytes(signature, MAX_SIGNATURE)
export const readSignature = (reader: Reader): Uint8Array => reader.bytes(MAX_SIGNATURE)

export function putList<T>(writer: Writer, list: readonly T[], put: (writer: Writer, one: T) => void): Writer {
  writer.varuint(list.length)
  for (const one of list) put(writer, one)
  return writer
}

export function readList<T>(reader: Reader, most: number, read: (reader: Reader) => T): T[] {
  const count = reader.varuint(most)
  const list: T[] = []
  // Not Array.from({ length }): a lie about the count must not allocate.
  for (let i = 0; i < count; i++) list.push(read(reader))
  return list
}

export const putAmounts = (writer: Writer, amounts: readonly bigint[]): Writer =>
  putList(writer, amounts, (out, amount) => out.u128(amount))
export const readAmounts = (reader: Reader): bigint[] => readList(reader, MAX_ASSETS, (from) => from.u128())

export const putMember = (writer: Writer, { signer, owner }: Member): Writer => writer.hex(signer, 20).hex(owner, 20)
export const readMember = (reader: Reader): Member => ({ signer: reader.hex(20), owner: reader.hex(20) })

export const putPayment = (writer: Writer, one: Payment): Writer =>
  writer
    .hex(one.from, 32)
    .hex(one.to, 32)
    .u64(one.epoch)
    .u32(one.position)
    .u8(one.asset)
    .u128(one.amount)
    .hex(one.group, 32)
    .u32(one.leg)

export const readPayment = (reader: Reader): Payment => ({
  from: reader.hex(32),
  to: reader.hex(32),
  epoch: reader.u64(),
  position: reader.u32(),
  asset: reader.u8(),
  amount: reader.u128(),
  group: reader.hex(32),
  leg: reader.u32(),
})

export const putLeg = (writer: Writer, { from, to, asset, amount }: Leg): Writer =>
  writer.hex(from, 32).hex(to, 32).u8(asset).u128(amount)
export const readLeg = (reader: Reader): Leg => ({
  from: reader.hex(32),
  to: reader.hex(32),
  asset: reader.u8(),
  amount: reader.u128(),
})

export const putLock = (writer: Writer, { to, asset, amount, key, deadline, epoch }: HouseLock): Writer =>
  writer.hex(to, 32).u8(asset).u128(amount).hex(key, 32).u64(deadline).u64(epoch)
export const readLock = (reader: Reader): HouseLock => ({
  to: reader.hex(32),
  asset: reader.u8(),
  amount: reader.u128(),
  key: reader.hex(32),
  deadline: reader.u64(),
  epoch: reader.u64(),
})

/** How many positions there are, then those that hold a lock. */
export function putLocks(writer: Writer, locks: readonly (HouseLock | undefined)[]): Writer {
  const held = [...locks.entries()].flatMap(([position, lock]) => (lock ? [{ position, lock }] : []))
  return putList(writer.varuint(locks.length), held, (out, { position, lock }) => putLock(out.varuint(position), lock))
}

export function readLocks(reader: Reader): (HouseLock | undefined)[] {
  const locks = new Array<HouseLock | undefined>(reader.varuint(MAX_POSITIONS)).fill(undefined)
  let next = 0
  for (const { position, lock } of readList(reader, MAX_LOCKS, (from) => ({
    position: from.varuint(MAX_POSITIONS),
    lock: readLock(from),
  }))) {
    if (position < next || position >= locks.length)
      throw new MalformedBytesError(0, 'Positions of locks do not ascend within their count')
    locks[position] = lock
    next = position + 1
  }
  return locks
}

export const putLockReceipt = (writer: Writer, { payer, index, position, lock }: LockReceipt): Writer =>
  writer.hex(payer, 32).u32(index).u32(position).hex(lock, 32)
export const readLockReceipt = (reader: Reader): LockReceipt => ({
  payer: reader.hex(32),
  index: reader.u32(),
  position: reader.u32(),
  lock: reader.hex(32),
})

export const putReceipt = (writer: Writer, { member, index, epoch, seq, credits, income }: Receipt): Writer =>
  putAmounts(writer.hex(member, 32).u32(index).u64(epoch).u64(seq), credits).hex(income, 32)
export const readReceipt = (reader: Reader): Receipt => ({
  member: reader.hex(32),
  index: reader.u32(),
  epoch: reader.u64(),
  seq: reader.u64(),
  credits: readAmounts(reader),
  income: reader.hex(32),
})

export const putAccount = (writer: Writer, one: Account): Writer =>
  putAmounts(putAmounts(writer.hex(one.member, 32).u32(one.index).u64(one.epoch).u64(one.seq), one.debits), one.locked)
    .hex(one.locks, 32)
    .hex(one.payments, 32)
export const readAccount = (reader: Reader): Account => ({
  member: reader.hex(32),
  index: reader.u32(),
  epoch: reader.u64(),
  seq: reader.u64(),
  debits: readAmounts(reader),
  locked: readAmounts(reader),
  locks: reader.hex(32),
  payments: reader.hex(32),
})

/** Something, or a zero where there is nothing. */
export function putMaybe<T>(writer: Writer, one: T | undefined, put: (writer: Writer, one: T) => void): Writer {
  writer.bool(one !== undefined)
  if (one !== undefined) put(writer, one)
  return writer
}
export const readMaybe = <T>(reader: Reader, read: (reader: Reader) => T): T | undefined =>
  reader.bool() ? read(reader) : undefined

const ACTS = ['pay', 'lock', 'drop', 'fold'] as const

export function putAct(writer: Writer, act: Act): void {
  writer.u8(ACTS.indexOf(act.kind))
  if (act.kind === 'pay') writer.hex(act.to, 32).u8(act.asset).u128(act.amount).hex(act.group, 32).u32(act.leg)
  else if (act.kind === 'lock') putLock(writer, act.lock)
  else if (act.kind === 'drop') writer.u32(act.position)
  else writer.u32(act.position).u128(act.paid)
}

export function readAct(reader: Reader): Act {
  const kind = ACTS[reader.u8()]
  if (kind === 'pay')
    return {
      kind,
      to: reader.hex(32),
      asset: reader.u8(),
      amount: reader.u128(),
      group: reader.hex(32),
      leg: reader.u32(),
    }
  if (kind === 'lock') return { kind, lock: readLock(reader) }
  if (kind === 'drop') return { kind, position: reader.u32() }
  if (kind === 'fold') return { kind, position: reader.u32(), paid: reader.u128() }
  throw new MalformedBytesError(0, 'The kind of an act is unknown')
}

export function putEntry(writer: Writer, entry: Entry): void {
  if (entry.kind === 'payment') putPayment(writer.bool(false), entry.payment)
  else putLock(writer.bool(true).hex(entry.payer, 32).u32(entry.position), entry.lock).u128(entry.paid)
}

export function readEntry(reader: Reader): Entry {
  if (!reader.bool()) return { kind: 'payment', payment: readPayment(reader) }
  return {
    kind: 'lock',
    payer: reader.hex(32),
    position: reader.u32(),
    lock: readLock(reader),
    paid: reader.u128(),
  }
}

export const putTally = (writer: Writer, { depth, node, sums }: Tally): Writer =>
  putList(writer.u8(depth).hex(node, 32), sums, (out, sum) => out.u256(sum))

export function readTally(reader: Reader): Tally {
  const depth = reader.u8()
  if (depth > MAX_DEPTH) throw new MalformedBytesError(0, `A tree of ${depth} levels is deeper than ${MAX_DEPTH}`)
  return { depth, node: reader.hex(32), sums: readList(reader, 2 * MAX_ASSETS, (from) => from.u256()) }
}

const LINE = ['deposited', 'credits', 'debits', 'locked', 'paid', 'refunded', 'withdrawn', 'leaving'] as const

function putLine(writer: Writer, line: Line): void {
  for (const field of LINE) writer.u128(line[field])
}

function readLine(reader: Reader): Line {
  const line: Record<string, bigint> = {}
  for (const field of LINE) line[field] = reader.u128()
  return line as unknown as Line
}

export const putLeaf = (writer: Writer, { member, seq, locks, statuses, payments, income, lines }: Leaf): Writer =>
  putList(
    writer.hex(member, 32).u64(seq).hex(locks, 32).hex(statuses, 32).hex(payments, 32).hex(income, 32),
    lines,
    putLine,
  )

export const readLeaf = (reader: Reader): Leaf => ({
  member: reader.hex(32),
  seq: reader.u64(),
  locks: reader.hex(32),
  statuses: reader.hex(32),
  payments: reader.hex(32),
  income: reader.hex(32),
  lines: readList(reader, MAX_ASSETS, readLine),
})

/** Words of a path; a tree of statuses has two sums for each asset. */
export const putPath = (writer: Writer, path: readonly Hex[]): Writer =>
  putList(writer, path, (out, word) => out.hex(word, 32))
export const readPath = (reader: Reader): Hex[] =>
  readList(reader, MAX_DEPTH * (1 + 2 * MAX_ASSETS), (from) => from.hex(32))
