import { MalformedBytesError, Reader, UnencodableError, Writer } from '../core/codec.ts'
import { leavesRoot, MAX_LEGS_EACH, validateTransfer } from '../core/transfer.ts'
import type { Hex, Transfer } from '../core/types.ts'
import { type PaymentBatch, parseBatch } from './payments.ts'
import {
  findLocked,
  type Locked,
  lockIn,
  MAX_NOTE,
  type Pending,
  type Resolution,
  resolveIn,
  type Snapshot,
} from './pending.ts'

/** What an update does to its lane. */
export type Operation =
  | { readonly kind: 'pay'; readonly batch: PaymentBatch }
  | { readonly kind: 'lock'; readonly id: Hex; readonly transfer: Transfer; readonly note: Uint8Array }
  | { readonly kind: 'resolve'; readonly id: Hex; readonly resolution: Resolution }

/** Operations that one update may hold. */
export const MAX_OPERATIONS = 1_024
/** Bytes of operations that one update may hold. */
export const MAX_OPERATION_BYTES = 1 << 20

const TAGS = { pay: 1, lock: 2, unlock: 3, cancel: 4, split: 5, lead: 6 } as const
const ID = 16

/** The operations as an update carries and stores them: `count ‖ count × (tag u8 ‖ body)`. */
export function encodeOperations(operations: readonly Operation[]): Uint8Array {
  if (operations.length > MAX_OPERATIONS)
    throw new UnencodableError(`${operations.length} operations are more than ${MAX_OPERATIONS}.`)
  const writer = new Writer(operations.reduce((sum, operation) => sum + sizeOf(operation), 8))
  writer.varuint(operations.length)
  for (const operation of operations) putOperation(writer, operation)
  return writer.finish()
}

/** Bytes that an operation takes at most. */
export function sizeOf(operation: Operation): number {
  switch (operation.kind) {
    case 'pay':
      return operation.batch.bytes.length + 8
    case 'lock':
      return 48 + 33 * operation.transfer.legs.length + operation.note.length
    case 'resolve':
      return 64 + (operation.resolution.kind === 'unlock' ? 8 * operation.resolution.values.length : 0)
  }
}

function putOperation(writer: Writer, operation: Operation): void {
  switch (operation.kind) {
    case 'pay':
      writer.u8(TAGS.pay).bytes(operation.batch.bytes, MAX_OPERATION_BYTES)
      return
    case 'lock':
      writer.u8(TAGS.lock).hex(operation.id, ID)
      putTransfer(writer, operation.transfer)
      writer.bytes(operation.note, MAX_NOTE)
      return
    case 'resolve':
      putResolution(writer.u8(TAGS[operation.resolution.kind]).hex(operation.id, ID), operation.resolution)
  }
}

/** Writes a transfer. */
export function putTransfer(writer: Writer, { amount, deadline, refundTo, legs }: Transfer): void {
  writer.u128(amount).u64(deadline).u8(refundTo).varuint(legs.length)
  for (const { to, key } of legs) writer.u8(to).hex(key, 32)
}

/** Reads what {@link putTransfer} wrote. */
export function readTransfer(reader: Reader): Transfer {
  const head = { amount: reader.u128(), deadline: reader.u64(), refundTo: reader.u8() }
  const legs = Array.from({ length: reader.varuint(MAX_LEGS_EACH) }, () => ({ to: reader.u8(), key: reader.hex(32) }))
  return { ...head, legs }
}

/** Writes what follows the kind of a resolution. */
export function putResolution(writer: Writer, resolution: Resolution): void {
  switch (resolution.kind) {
    case 'unlock':
      writer.varuint(resolution.values.length)
      for (const value of resolution.values) writer.u64(value)
      return
    case 'cancel':
      writer.u128(resolution.residual)
      return
    case 'split':
      writer.u64(resolution.value).hex(resolution.key, 32)
      return
    case 'lead':
      writer.hex(resolution.key, 32)
  }
}

/** Reads what {@link putResolution} wrote. */
export function readResolution(reader: Reader, kind: Resolution['kind']): Resolution {
  switch (kind) {
    case 'unlock':
      return { kind, values: Array.from({ length: reader.varuint(MAX_LEGS_EACH) }, () => reader.u64()) }
    case 'cancel':
      return { kind, residual: reader.u128() }
    case 'split':
      return { kind, value: reader.u64(), key: reader.hex(32) }
    case 'lead':
      return { kind, key: reader.hex(32) }
  }
}

/** Of a resolution outside of an operation. */
const KINDS = ['unlock', 'cancel', 'split', 'lead'] as const

/** Writes a resolution. */
export function putWish(writer: Writer, resolution: Resolution): void {
  putResolution(writer.u8(KINDS.indexOf(resolution.kind)), resolution)
}

/** Reads what {@link putWish} wrote. Throws `MalformedBytesError`. */
export function readWish(reader: Reader): Resolution {
  const kind = KINDS[reader.u8()]
  if (!kind) throw new MalformedBytesError(0, 'This end of a transfer is unknown')
  return readResolution(reader, kind)
}

/** Parses operations that came from anywhere. Throws `MalformedBytesError`. */
export function decodeOperations(bytes: Uint8Array): Operation[] {
  const reader = new Reader(bytes)
  const operations: Operation[] = []
  for (let left = reader.varuint(MAX_OPERATIONS); left > 0; left--) operations.push(readOperation(reader, bytes.length))
  reader.end()
  if (operations.length === 0) throw new MalformedBytesError(0, 'An update does nothing')
  return operations
}

function readOperation(reader: Reader, length: number): Operation {
  const tag = reader.u8()
  switch (tag) {
    case TAGS.pay:
      return { kind: 'pay', batch: parseBatch(reader.bytes(MAX_OPERATION_BYTES)) }
    case TAGS.lock:
      return { kind: 'lock', id: reader.hex(ID), transfer: readTransfer(reader), note: reader.bytes(MAX_NOTE) }
    default: {
      const kind = kindOf(tag, length - reader.left)
      return { kind: 'resolve', id: reader.hex(ID), resolution: readResolution(reader, kind) }
    }
  }
}

function kindOf(tag: number, at: number): Resolution['kind'] {
  const kind = KINDS.find((name) => TAGS[name] === tag)
  if (!kind) throw new MalformedBytesError(at, `The operation ${tag} is unknown`)
  return kind
}

/** What is locked after `operations` of a version; transfers that were locked before the reading began are passed over. */
export function followPending(before: Pending, operations: readonly Operation[], version: bigint): Pending {
  let pending = before
  for (const operation of operations) {
    if (operation.kind === 'lock') pending = lockIn(pending, lockedBy(operation, version))
    if (operation.kind === 'resolve' && findLocked(pending, operation.id))
      pending = resolveIn(pending, operation.id, operation.resolution).pending
  }
  return pending
}

const lockedBy = ({ id, transfer, note }: Extract<Operation, { kind: 'lock' }>, since: bigint): Locked => ({
  id,
  transfer,
  note,
  since,
})

/** Told of each transfer that is resolved, before it is. */
export type OnResolve = (item: Locked, resolution: Resolution) => void

/** What operations change of a lane. */
export interface Draft {
  readonly credits: readonly bigint[]
  readonly pending: Pending
}

/**
 * A lane after one operation of its writer; `version` is the one that will hold it. Throws `InvalidOperationError` or
 * `InvalidTransferError` where it does not fit.
 */
export function applyOperation(
  { credits: before, pending }: Draft,
  operation: Operation,
  { lane, version }: { readonly lane: number; readonly version: bigint },
  onResolve?: OnResolve,
): Draft {
  const credits = [...before]
  switch (operation.kind) {
    case 'pay':
      credits[lane]! -= operation.batch.total
      credits[1 - lane]! += operation.batch.total
      return { credits, pending }
    case 'lock':
      validateTransfer(operation.transfer, credits.length)
      credits[lane]! -= operation.transfer.amount
      return { credits, pending: lockIn(pending, lockedBy(operation, version)) }
    case 'resolve': {
      const { id, resolution } = operation
      const item = onResolve && findLocked(pending, id)
      if (item) onResolve(item, resolution)
      const resolved = resolveIn(pending, id, resolution)
      for (const { to, amount } of resolved.shares) credits[to]! += amount
      return { credits, pending: resolved.pending }
    }
  }
}

/** The next version of a two-member lane after `operations`, which its writer chose. Throws as {@link applyOperation} does. */
export function applyOperations(
  { state, pending }: Snapshot,
  operations: readonly Operation[],
  onResolve?: OnResolve,
): Snapshot {
  const at = { lane: state.lane, version: state.version + 1n }
  let draft: Draft = { credits: state.credits, pending }
  for (const operation of operations) draft = applyOperation(draft, operation, at, onResolve)
  const next = { ...state, version: at.version, credits: draft.credits }
  if (draft.pending === pending) return { state: next, pending }
  const { locked, leaves } = draft.pending.list
  return { state: { ...next, locked, transfersRoot: leavesRoot(leaves) }, pending: draft.pending }
}
