import { decodeChannel, encodeChannel, memberCount } from '../core/channel.ts'
import { MalformedBytesError, Reader, Writer } from '../core/codec.ts'
import { leavesRoot, MAX_LEGS_EACH, MAX_TRANSFERS } from '../core/transfer.ts'
import type { Address, Channel, ChannelId, LedgerRef, State, Withdrawal, WithdrawalPart } from '../core/types.ts'
import {
  type CompleteRound,
  type Joint,
  type JointLock,
  type JointMessage,
  type JointPayment,
  type JointResolution,
  newJoint,
  type Order,
  type Round,
  type SignedRound,
  type Wish,
} from './joint.ts'
import { isFitLock, MAX_JOINT_NOTE, withLock } from './joint-acts.ts'
import { MAX_WISHES } from './joint-said.ts'
import { putTransfer, readTransfer } from './operations.ts'
import { NOTHING_LOCKED, type Pending } from './pending.ts'

// What members of a group say to each other, and what each stores, byte by byte. What the reader knows anyway is left out: of a state
// only its version and credits are written, and what is locked.

/** Bytes of one message. */
export const MAX_GROUP_BYTES = 1 << 20
const MAX_MEMBERS = 32
const MAX_PAYMENTS = MAX_MEMBERS * MAX_WISHES
const MAX_REASON = 200
/** Bytes of an address to dial. */
const MAX_DIAL = 512

/** How long a member waits; milliseconds. */
export interface Pace {
  readonly patience: number
  readonly limit: number
}

/** Proposes a group to one of its members. */
export interface Invite {
  readonly kind: 'invite'
  readonly channel: Channel
  readonly asset: Address
  readonly pace: Pace
  /** Where members can be dialled, in their order; empty: not known. */
  readonly addresses: readonly string[]
  /** The group that ended, if its members go on here; zero: none. */
  readonly follows: ChannelId
}

export type GroupMessage =
  | Invite
  | { readonly kind: 'joined'; readonly channelId: ChannelId }
  | { readonly kind: 'declined'; readonly channelId: ChannelId; readonly code: string; readonly reason: string }
  | {
      readonly kind: 'joint'
      readonly channelId: ChannelId
      readonly generation: number
      readonly message: JointMessage
    }

const TAGS = {
  invite: 1,
  joined: 2,
  declined: 3,
  ready: 10,
  propose: 11,
  vote: 12,
  echo: 16,
  complete: 13,
  order: 14,
  agree: 15,
} as const

/** The body of one `group` frame. */
export function encodeGroupMessage(message: GroupMessage): Uint8Array {
  const writer = new Writer()
  if (message.kind !== 'joint') {
    writer.u8(TAGS[message.kind])
    if (message.kind === 'invite') putInvite(writer, message)
    else writer.hex(message.channelId, 32)
    if (message.kind === 'declined') writer.text(message.code, MAX_REASON).text(message.reason, MAX_REASON)
    return writer.finish()
  }
  writer.u8(TAGS[message.message.kind]).hex(message.channelId, 32).u16(message.generation)
  putJoint(writer, message.message)
  return writer.finish()
}

/** Parses what {@link encodeGroupMessage} wrote. `assetOf` names the asset of a group; undefined: it is not known here. Throws `MalformedBytesError`. */
export function decodeGroupMessage(
  body: Uint8Array,
  assetOf: (channelId: ChannelId) => Address | undefined,
): GroupMessage | undefined {
  const reader = new Reader(body)
  const tag = reader.u8()
  if (tag === TAGS.invite) return ended(reader, readInvite(reader))
  const channelId = reader.hex(32)
  if (tag === TAGS.joined) return ended(reader, { kind: 'joined', channelId })
  if (tag === TAGS.declined)
    return ended(reader, {
      kind: 'declined',
      channelId,
      code: reader.text(MAX_REASON),
      reason: reader.text(MAX_REASON),
    })
  const asset = assetOf(channelId)
  if (asset === undefined) return undefined
  const generation = reader.u16()
  const message = readJoint(reader, tag, { channelId, asset }, generation)
  return ended(reader, { kind: 'joint', channelId, generation, message })
}

function ended<T>(reader: Reader, message: T): T {
  reader.end()
  return message
}

function putInvite(writer: Writer, { channel, asset, pace, addresses, follows }: Invite): void {
  writer.bytes(encodeChannel(channel), 1_300).hex(asset, 20).u32(pace.patience).u32(pace.limit).hex(follows, 32)
  for (const address of addresses) writer.text(address, MAX_DIAL)
}

function readInvite(reader: Reader): Invite {
  const channel = decodeChannel(reader.bytes(1_300))
  const asset = reader.hex(20)
  const pace = { patience: reader.u32(), limit: reader.u32() }
  const follows = reader.hex(32)
  return { kind: 'invite', channel, asset, pace, follows, addresses: channel.members.map(() => reader.text(MAX_DIAL)) }
}

function putJoint(writer: Writer, message: JointMessage): void {
  switch (message.kind) {
    case 'ready':
      writer.u64(message.attempt).u64(message.complete).bool(message.wants)
      putWishes(writer, message.wishes)
      putResolutions(writer, message.resolutions)
      return
    case 'propose':
      writer.u64(message.version).u64(message.base).raw(message.signature)
      putPayments(writer, message.payments)
      putLocks(writer, message.locks)
      putResolutions(writer, message.resolutions)
      return
    case 'vote':
      writer.u64(message.version).hex(message.digest, 32).raw(message.signature).raw(message.proposed)
      return
    case 'echo':
      writer.u64(message.version).hex(message.digest, 32).raw(message.signature)
      return
    case 'complete':
      putComplete(writer, message.round)
      return
    case 'order':
      putWithdrawal(writer, message.withdrawal)
      writer.raw(message.signature)
      return
    case 'agree':
      writer.hex(message.digest, 32).raw(message.signature)
  }
}

function readJoint(reader: Reader, tag: number, ref: LedgerRef, generation: number): JointMessage {
  switch (tag) {
    case TAGS.ready: {
      const head = { attempt: reader.u64(), complete: reader.u64(), wants: reader.bool() }
      return { kind: 'ready', ...head, wishes: readWishes(reader), resolutions: readResolutions(reader) }
    }
    case TAGS.propose: {
      const head = { version: reader.u64(), base: reader.u64(), signature: reader.raw(64) }
      const payments = readPayments(reader)
      return { kind: 'propose', ...head, payments, locks: readLocks(reader), resolutions: readResolutions(reader) }
    }
    case TAGS.vote:
      return {
        kind: 'vote',
        version: reader.u64(),
        digest: reader.hex(32),
        signature: reader.raw(64),
        proposed: reader.raw(64),
      }
    case TAGS.echo:
      return { kind: 'echo', version: reader.u64(), digest: reader.hex(32), signature: reader.raw(64) }
    case TAGS.complete:
      return { kind: 'complete', round: readComplete(reader, ref, generation) }
    case TAGS.order:
      return { kind: 'order', withdrawal: readWithdrawal(reader, ref, generation), signature: reader.raw(64) }
    case TAGS.agree:
      return { kind: 'agree', digest: reader.hex(32), signature: reader.raw(64) }
    default:
      throw new MalformedBytesError(0, `The message kind ${tag} of a group is unknown`)
  }
}

function putWishes(writer: Writer, wishes: readonly Wish[]): void {
  writer.varuint(wishes.length)
  for (const { id, to, amount, divisible, lock } of wishes) {
    writer.u8(lock ? WISHES.lock : divisible ? WISHES.divisible : WISHES.whole)
    if (lock) putLock(writer, { id, ...lock })
    else writer.hex(id, 16).u8(to).u128(amount)
  }
}

const WISHES = { whole: 0, divisible: 1, lock: 2 } as const

const readWishes = (reader: Reader): Wish[] =>
  Array.from({ length: reader.varuint(MAX_WISHES) }, () => {
    const kind = reader.u8()
    if (kind > WISHES.lock) throw new MalformedBytesError(0, `The wish kind ${kind} is unknown`)
    if (kind === WISHES.lock) return lockWish(readLock(reader))
    return { id: reader.hex(16), to: reader.u8(), amount: reader.u128(), divisible: kind === WISHES.divisible }
  })

/** What a member asks for that wants to lock this. */
export function lockWish({ id, transfer, note }: JointLock): Wish {
  const { amount, legs, refundTo } = transfer
  return { id, to: legs[0]?.to ?? refundTo, amount, divisible: false, lock: { transfer, note } }
}

function putLock(writer: Writer, { id, transfer, note }: JointLock): void {
  writer.hex(id, 16)
  putTransfer(writer, transfer)
  writer.bytes(note, MAX_JOINT_NOTE)
}

const readLock = (reader: Reader): JointLock => ({
  id: reader.hex(16),
  transfer: readTransfer(reader),
  note: reader.bytes(MAX_JOINT_NOTE),
})

function putLocks(writer: Writer, locks: readonly JointLock[]): void {
  writer.varuint(locks.length)
  for (const lock of locks) putLock(writer, lock)
}

const readLocks = (reader: Reader): JointLock[] =>
  Array.from({ length: reader.varuint(MAX_TRANSFERS) }, () => readLock(reader))

function putResolutions(writer: Writer, resolutions: readonly JointResolution[]): void {
  writer.varuint(resolutions.length)
  for (const { from, id, values } of resolutions) {
    writer.u8(from).hex(id, 16).varuint(values.length)
    for (const value of values) writer.u64(value)
  }
}

const readResolutions = (reader: Reader): JointResolution[] =>
  Array.from({ length: reader.varuint(2 * MAX_TRANSFERS) }, () => ({
    from: reader.u8(),
    id: reader.hex(16),
    values: Array.from({ length: reader.varuint(MAX_LEGS_EACH) }, () => reader.u64()),
  }))

/** Everything that is locked, and since when; what this version locked is among it. */
function putPending(writer: Writer, { items }: Pending): void {
  writer.varuint(items.length)
  for (const item of items) putLock(writer.u64(item.since), item)
}

function readPending(reader: Reader, members: number): Pending {
  let pending = NOTHING_LOCKED
  for (let left = reader.varuint(MAX_TRANSFERS); left > 0; left--) {
    const since = reader.u64()
    const lock = readLock(reader)
    const next = isFitLock(lock, lock.transfer.refundTo, members) ? withLock(pending, lock, since) : undefined
    if (!next) throw new MalformedBytesError(0, 'What is locked in a round cannot be locked')
    pending = next
  }
  return pending
}

function putPayments(writer: Writer, payments: readonly JointPayment[]): void {
  writer.varuint(payments.length)
  for (const { from, id, to, amount } of payments) writer.u8(from).hex(id, 16).u8(to).u128(amount)
}

const readPayments = (reader: Reader): JointPayment[] =>
  Array.from({ length: reader.varuint(MAX_PAYMENTS) }, () => ({
    from: reader.u8(),
    id: reader.hex(16),
    to: reader.u8(),
    amount: reader.u128(),
  }))

function putRound(writer: Writer, { base, payments, resolutions, state, pending }: Round): void {
  writer.u64(state.version).u64(base)
  for (const credit of state.credits) writer.i128(credit)
  putPayments(writer, payments)
  putResolutions(writer, resolutions)
  putPending(writer, pending)
}

function readRound(reader: Reader, { channelId, asset }: LedgerRef, generation: number): Round {
  const [version, base] = [reader.u64(), reader.u64()]
  const credits = Array.from({ length: memberCount(channelId) }, () => reader.i128())
  const [payments, resolutions] = [readPayments(reader), readResolutions(reader)]
  const pending = readPending(reader, credits.length)
  const { locked, leaves } = pending.list
  const place = { channelId, asset, generation, lane: 0, version }
  const state: State = { ...place, credits, locked, transfersRoot: leavesRoot(leaves) }
  const locks = pending.items.filter(({ since }) => since === version).map(({ since: _, ...lock }) => lock)
  return { base, payments, locks, resolutions, state, pending }
}

/** A round that this member signed, as it stays in the history: when, and whether it became final. */
export interface RecordedRound {
  readonly round: Round
  /** Milliseconds since 1970. */
  readonly time: number
  readonly final: boolean
}

export function encodeRecorded({ round, time, final }: RecordedRound): Uint8Array {
  const writer = new Writer().bool(final).varuint(time)
  putRound(writer, round)
  return writer.finish()
}

/** Reads what {@link encodeRecorded} wrote. */
export function decodeRecorded(bytes: Uint8Array, ref: LedgerRef, generation: number): RecordedRound {
  const reader = new Reader(bytes)
  const [final, time] = [reader.bool(), reader.varuint()]
  const round = readRound(reader, ref, generation)
  reader.end()
  return { round, time, final }
}

function putComplete(writer: Writer, round: CompleteRound): void {
  putRound(writer, round)
  writer.varuint(round.signatures.length)
  for (const signature of round.signatures) writer.raw(signature)
}

function readComplete(reader: Reader, ref: LedgerRef, generation: number): CompleteRound {
  const round = readRound(reader, ref, generation)
  return { ...round, signatures: Array.from({ length: reader.varuint(MAX_MEMBERS) }, () => reader.raw(64)) }
}

function putWithdrawal(writer: Writer, { seq, parts, closing, validUntil }: Withdrawal): void {
  writer.u16(seq).bool(closing).u64(validUntil).varuint(parts.length)
  for (const { member, amount, to, toChannel, toMember } of parts)
    writer.u8(member).u128(amount).hex(to, 20).hex(toChannel, 32).u8(toMember)
}

function readWithdrawal(reader: Reader, { channelId, asset }: LedgerRef, generation: number): Withdrawal {
  const head = { seq: reader.u16(), closing: reader.bool(), validUntil: reader.u64() }
  const parts: WithdrawalPart[] = Array.from({ length: reader.varuint(MAX_MEMBERS) }, () => ({
    member: reader.u8(),
    amount: reader.u128(),
    to: reader.hex(20),
    toChannel: reader.hex(32),
    toMember: reader.u8(),
  }))
  return { channelId, asset, generation, ...head, parts, dispute: 0n }
}

/** What is stored of a group's ledger. */
export function putJointRecord(writer: Writer, joint: Joint): void {
  const { generation, complete, signed, untold, restored, order, named } = joint
  writer.u16(generation)
  putComplete(writer, complete)
  writer.varuint(signed.length)
  for (const round of signed) {
    putRound(writer, round)
    writer.raw(round.proposed).raw(round.own)
  }
  writer.varuint(untold.length)
  for (const round of untold) putRound(writer, round)
  writer.bool(named !== undefined)
  if (named) {
    writer.varuint(named.length)
    for (const member of named) writer.u8(member)
  }
  writer.bool(order !== undefined)
  if (order) putOrder(writer, order)
  // Last, where a backup sets it.
  writer.bool(restored)
}

function putOrder(writer: Writer, { withdrawal, own, mine, consents }: Order): void {
  putWithdrawal(writer, withdrawal)
  writer.raw(own).bool(mine).varuint(consents.size)
  for (const [member, signature] of consents) writer.u8(member).raw(signature)
}

/** Reads what {@link putJointRecord} wrote. */
export function readJointRecord(reader: Reader, ref: LedgerRef, me: number): Joint {
  const generation = reader.u16()
  const blank = newJoint(ref, me, memberCount(ref.channelId), generation)
  const complete = readComplete(reader, ref, generation)
  const signed: SignedRound[] = Array.from({ length: reader.varuint() }, () => ({
    ...readRound(reader, ref, generation),
    proposed: reader.raw(64),
    own: reader.raw(64),
  }))
  const untold = Array.from({ length: reader.varuint() }, () => readRound(reader, ref, generation))
  const named = reader.bool() ? Array.from({ length: reader.varuint(MAX_MEMBERS) }, () => reader.u8()) : undefined
  const order = reader.bool() ? readOrder(reader, ref, generation) : undefined
  const restored = reader.bool()
  const attempt = (signed.at(-1)?.state.version ?? complete.state.version) + 1n
  return { ...blank, restored, complete, signed, untold, named, order, attempt }
}

function readOrder(reader: Reader, ref: LedgerRef, generation: number): Order {
  const withdrawal = readWithdrawal(reader, ref, generation)
  const [own, mine] = [reader.raw(64), reader.bool()]
  const consents = new Map<number, Uint8Array>()
  for (let left = reader.varuint(MAX_MEMBERS); left > 0; left--) {
    const member = reader.u8()
    consents.set(member, reader.raw(64))
  }
  return { withdrawal, own, mine, consents }
}
