import { Reader, UnencodableError, Writer } from '../core/codec.ts'
import { MAX_TRANSFERS } from '../core/transfer.ts'
import type { Hex, LedgerRef, Withdrawal, WithdrawalPart } from '../core/types.ts'
import {
  type Freeze,
  type InFlight,
  type Lane,
  type Ledger,
  newLedger,
  type ShownLane,
  type Unacked,
  type WithdrawalRequest,
} from './ledger.ts'
import {
  applyOperations,
  decodeOperations,
  followPending,
  MAX_OPERATION_BYTES,
  putWish,
  readWish,
} from './operations.ts'
import { NOTHING_LOCKED, type Resolution } from './pending.ts'
import { placeLane, putLane, readLane } from './wire.ts'

// How a ledger and its history are stored. A ledger is rewritten with every commit, so it is small: what grows (operations)
// is in the history; versions that wait for an acknowledgement and transfers that are locked are read back from there.

/** Layout of stored ledgers and history; a store with another one is migrated or refused. */
export const RECORD_VERSION = 1

const STAGES = ['proposed', 'agreed', 'granted'] as const
const FREEZES = ['OLD_BACKUP', 'EQUIVOCATION', 'RESTORED'] as const

/** What must survive of a ledger, about 700 bytes. */
export function encodeLedger({ me, generation, own, peer, asks, inFlight, frozen, doubtful }: Ledger): Uint8Array {
  const writer = new Writer(1_024).u8(me).u16(generation)
  for (const lane of [own, peer]) {
    putLane(writer, lane)
    writer.u64(firstLock(lane))
  }
  writer.varuint(asks.size)
  for (const [id, resolution] of asks) {
    putWish(writer.hex(id, 16), resolution)
  }
  writer.u8(inFlight ? 1 + STAGES.indexOf(inFlight.stage) : 0)
  if (inFlight) putInFlight(writer, inFlight)
  writer.u8(frozen ? 1 + FREEZES.indexOf(frozen.code) : 0)
  if (frozen) writer.u64(frozen.known).u64(frozen.proved)
  return writer.bool(doubtful).finish()
}

/** The same stored ledger, restored from a backup and not compared with the peer since. */
export const doubted = (stored: Uint8Array): Uint8Array => stored.with(-1, 1)

/** The version that the history must be read from to know what is locked in a lane; 0n: nothing is. */
const firstLock = ({ pending, ackedPending }: Lane): bigint =>
  [...pending.items, ...ackedPending.items].reduce(
    (first, { since }) => (first === 0n || since < first ? since : first),
    0n,
  )

/** A lane as stored; {@link readBack} completes it from the history. */
export interface StoredLane extends Lane {
  /** The version from which the history has to be read; undefined: nothing is missing. */
  readonly from: bigint | undefined
  readonly unacked: readonly Unacked[]
}

/** A ledger as stored. */
export type StoredLedger = Omit<Ledger, 'own' | 'peer' | 'unacked'> & {
  readonly own: StoredLane
  readonly peer: StoredLane
}

/** Reads what {@link encodeLedger} wrote. */
export function decodeLedger(bytes: Uint8Array, ref: LedgerRef): StoredLedger {
  const reader = new Reader(bytes)
  const me = reader.u8()
  const at = { ...ref, generation: reader.u16() }
  const own = storedLane(placeLane(readLane(reader), at, me), reader.u64())
  const peer = storedLane(placeLane(readLane(reader), at, 1 - me), reader.u64())
  const asks = new Map(
    Array.from({ length: reader.varuint(MAX_TRANSFERS) }, (): [Hex, Resolution] => {
      const id = reader.hex(16)
      return [id, readWish(reader)]
    }),
  )
  const stage = STAGES[reader.u8() - 1]
  const inFlight = stage ? readInFlight(reader, stage, at) : undefined
  const code = FREEZES[reader.u8() - 1]
  const frozen: Freeze | undefined = code ? { code, known: reader.u64(), proved: reader.u64() } : undefined
  const doubtful = reader.bool()
  reader.end()
  return { ...newLedger(ref, me), generation: at.generation, own, peer, asks, inFlight, frozen, doubtful }
}

function putInFlight(writer: Writer, inFlight: InFlight): void {
  if (inFlight.stage === 'granted') {
    putWithdrawal(writer, inFlight.withdrawal)
    if (!inFlight.consent) throw new UnencodableError('A withdrawal is stored before it is signed.')
    writer.raw(inFlight.consent)
    return
  }
  const { id, closing, amount, to, toChannel, toMember, validUntil } = inFlight.request
  writer.text(id, 64).bool(closing).u128(amount).hex(to, 20).hex(toChannel, 32).u8(toMember).u64(validUntil)
  if (inFlight.stage === 'proposed') {
    writer.u16(inFlight.seq).u64(inFlight.dispute).i128(inFlight.balances[0]).i128(inFlight.balances[1])
    return
  }
  putWithdrawal(writer, inFlight.withdrawal)
  writer.raw(inFlight.consent)
}

type At = LedgerRef & { readonly generation: number }

function readInFlight(reader: Reader, stage: InFlight['stage'], at: At): InFlight {
  if (stage === 'granted') return { stage, withdrawal: readWithdrawal(reader, at), consent: reader.raw(64) }
  const request: WithdrawalRequest = {
    id: reader.text(64),
    closing: reader.bool(),
    amount: reader.u128(),
    to: reader.hex(20),
    toChannel: reader.hex(32),
    toMember: reader.u8(),
    validUntil: reader.u64(),
  }
  if (stage === 'proposed') {
    const [seq, dispute] = [reader.u16(), reader.u64()]
    return { stage, request, seq, dispute, balances: [reader.i128(), reader.i128()] }
  }
  return { stage, request, withdrawal: readWithdrawal(reader, at), consent: reader.raw(64) }
}

function putWithdrawal(writer: Writer, { seq, parts, closing, validUntil, dispute }: Withdrawal): void {
  writer.u16(seq).bool(closing).u64(validUntil).u64(dispute).varuint(parts.length)
  for (const { member, amount, to, toChannel, toMember } of parts)
    writer.u8(member).u128(amount).hex(to, 20).hex(toChannel, 32).u8(toMember)
}

function readWithdrawal(reader: Reader, { channelId, asset, generation }: At): Withdrawal {
  const head = { seq: reader.u16(), closing: reader.bool(), validUntil: reader.u64(), dispute: reader.u64() }
  const parts = Array.from(
    { length: reader.varuint(2) },
    (): WithdrawalPart => ({
      member: reader.u8(),
      amount: reader.u128(),
      to: reader.hex(20),
      toChannel: reader.hex(32),
      toMember: reader.u8(),
    }),
  )
  return { channelId, asset, generation, ...head, parts }
}

/** One version of a lane in the history. */
export interface HistoryEntry {
  /** Milliseconds since 1970 by the clock of the node that wrote it; for lists alone, nothing is decided by it. */
  readonly time: number
  /** The writer's signature; undefined where only a later one was checked. */
  readonly signature: Uint8Array | undefined
  readonly operations: Uint8Array
}

/** A history entry as stored: one run of bytes for any number of payments. */
export function encodeEntry({ time, signature, operations }: HistoryEntry): Uint8Array {
  const writer = new Writer(operations.length + 96).varuint(time).bool(signature !== undefined)
  if (signature) writer.raw(signature)
  return writer.bytes(operations, MAX_OPERATION_BYTES).finish()
}

export function decodeEntry(bytes: Uint8Array): HistoryEntry {
  const reader = new Reader(bytes)
  const time = reader.varuint()
  const signature = reader.bool() ? reader.raw(64) : undefined
  const entry = { time, signature, operations: reader.bytes(MAX_OPERATION_BYTES) }
  reader.end()
  return entry
}

function storedLane(shown: ShownLane, firstLock: bigint): StoredLane {
  const { newest, acked } = shown
  const unacked = newest.version > acked.version ? acked.version + 1n : undefined
  const from = firstLock > 0n && (unacked === undefined || firstLock < unacked) ? firstLock : unacked
  return { ...shown, pending: NOTHING_LOCKED, ackedPending: NOTHING_LOCKED, from, unacked: [] }
}

/** The lane with what one version's operations tell; they come in order, from `from` on. */
export function readBack(lane: StoredLane, version: bigint, { operations }: HistoryEntry): StoredLane {
  // A backup's history may be newer than its ledger.
  if (version > lane.newest.version) return lane
  const parsed = decodeOperations(operations)
  if (version <= lane.acked.version) {
    const pending = followPending(lane.pending, parsed, version)
    return { ...lane, pending, ackedPending: version === lane.acked.version ? pending : lane.ackedPending }
  }
  const before = lane.unacked.at(-1) ?? { state: lane.acked, pending: lane.ackedPending }
  const next = { ...applyOperations(before, parsed), bytes: operations.length }
  return { ...lane, pending: next.pending, unacked: [...lane.unacked, next] }
}

/** The ledger, its lanes read back. */
export function restoreLedger(stored: StoredLedger, own: StoredLane, peer: StoredLane): Ledger {
  return { ...stored, own: laneOf(own), peer: laneOf(peer), unacked: own.unacked }
}

const laneOf = ({ from, unacked, ...lane }: StoredLane): Lane => lane
