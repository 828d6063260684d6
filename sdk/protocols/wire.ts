import { decodeChannel, encodeChannel } from '../core/channel.ts'
import { MalformedBytesError, Reader, Writer } from '../core/codec.ts'
import { ZERO_HASH } from '../core/state.ts'
import type { LedgerRef, State } from '../core/types.ts'
import { MAX_APP_STEP } from './app-wire.ts'
import { MAX_INBOUND } from './inbound.ts'
import { MAX_GROUP_BYTES } from './joint-wire.ts'
import { blankLane, type ShownLane } from './ledger.ts'
import {
  type Ack,
  type Hello,
  IncompatiblePeerError,
  type LedgerMessage,
  type Message,
  PROTOCOL_VERSION,
  type Updates,
} from './messages.ts'
import { MAX_OPERATION_BYTES, putWish, readWish } from './operations.ts'
import { MAX_NOTE } from './pending.ts'
import { MAX_UNACKED } from './solvency.ts'
import { MAX_SWAP } from './swapping.ts'

// Frames between peers, byte by byte: `tag u8 ‖ body`, as docs/protocol.md says of every format here.

const TAGS = {
  hello: 1,
  open: 2,
  opened: 3,
  refused: 4,
  updates: 5,
  sync: 6,
  propose: 7,
  consent: 8,
  refuse: 9,
  ask: 10,
  inbound: 20,
  swap: 21,
  group: 22,
  app: 23,
  revoke: 11,
  more: 12,
  news: 13,
  announce: 14,
} as const
const MAX_TEXT = 200
/** Assets that one message may name. */
export const MAX_ASSETS = 16
/** Bytes of an owner's signature; a contract wallet of many signers has a long one. */
export const MAX_OWNER_SIGNATURE = 4_096
/** Pieces of news in one batch, and bytes of each. */
export const MAX_NEWS = 256
const MAX_NEWS_BYTES = 2_048

/** One frame. */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new Writer(message.kind === 'updates' ? sizeOf(message) : 512).u8(TAGS[message.kind])
  switch (message.kind) {
    case 'hello':
      writer.u16(message.protocol).u256(message.domain.chainId)
      return writer.hex(message.domain.adjudicator, 20).hex(message.owner, 20).finish()
    case 'open':
      writer.bytes(encodeChannel(message.channel), 100).varuint(message.assets.length)
      for (const asset of message.assets) writer.hex(asset, 20)
      return writer.finish()
    case 'opened':
      return writer.hex(message.channelId, 32).finish()
    case 'revoke':
      return writer.hex(message.channelId, 32).bytes(message.signature, MAX_OWNER_SIGNATURE).finish()
    case 'refused':
      return writer.hex(message.about, 32).text(message.code, MAX_TEXT).text(message.reason, MAX_TEXT).finish()
    case 'more':
      writer.bool(message.since !== undefined)
      if (message.since !== undefined) writer.varuint(message.since)
      return writer.finish()
    case 'news':
      writer.varuint(message.frames.length)
      for (const frame of message.frames) writer.bytes(frame, MAX_NEWS_BYTES)
      return writer.finish()
    case 'announce':
      writer.hex(message.channelId, 32).hex(message.asset, 20).u128(message.capacity)
      return writer.varuint(message.time).raw(message.signature).finish()
    case 'inbound':
      return writer.bytes(message.body, MAX_INBOUND).finish()
    case 'group':
      return writer.bytes(message.body, MAX_GROUP_BYTES).finish()
    case 'swap':
      return writer.bytes(message.body, MAX_SWAP).finish()
    case 'app':
      return writer.bytes(message.body, MAX_APP_STEP).finish()
    default:
      writer.hex(message.channelId, 32).hex(message.asset, 20).u16(message.generation)
      putLedgerMessage(writer, message)
      return writer.finish()
  }
}

const sizeOf = ({ updates }: Updates): number =>
  updates.reduce((sum, { operations }) => sum + operations.length + 80, 160)

function putLedgerMessage(writer: Writer, message: LedgerMessage): void {
  switch (message.kind) {
    case 'updates':
      writer.varuint(message.updates.length)
      for (const { version, signature, operations } of message.updates)
        writer.u64(version).raw(signature).bytes(operations, MAX_OPERATION_BYTES)
      writer.bool(message.ack !== undefined)
      if (message.ack) writer.u64(message.ack.version).raw(message.ack.signature)
      return
    case 'sync':
      putLane(writer, message.own)
      putLane(writer, message.peer)
      writer.u8(message.own.newest.lane).bool(message.want)
      return
    case 'ask':
      putWish(writer.hex(message.id, 16), message.resolution)
      writer.bytes(message.proof, MAX_NOTE)
      return
    case 'propose':
      writer.u16(message.seq).bool(message.closing).u128(message.amount).hex(message.to, 20)
      writer.hex(message.toChannel, 32).u8(message.toMember).u64(message.validUntil).u64(message.dispute)
      writer.i128(message.balances[0]).i128(message.balances[1]).u64(message.version)
      return
    case 'consent':
      writer.u16(message.seq).u64(message.version).raw(message.signature)
      return
    case 'refuse':
      writer.u16(message.seq).bool(message.again).text(message.reason, MAX_TEXT)
  }
}

/** Parses a frame from a peer. Throws `MalformedBytesError` or {@link IncompatiblePeerError}. */
export function decodeMessage(frame: Uint8Array): Message {
  const reader = new Reader(frame)
  const tag = reader.u8()
  const message = readMessage(reader, tag)
  reader.end()
  return message
}

function readMessage(reader: Reader, tag: number): Message {
  switch (tag) {
    case TAGS.hello:
      return readHello(reader)
    case TAGS.open: {
      const channel = decodeChannel(reader.bytes(100))
      const assets = Array.from({ length: reader.varuint(MAX_ASSETS) }, () => reader.hex(20))
      return { kind: 'open', channel, assets }
    }
    case TAGS.opened:
      return { kind: 'opened', channelId: reader.hex(32) }
    case TAGS.revoke:
      return { kind: 'revoke', channelId: reader.hex(32), signature: reader.bytes(MAX_OWNER_SIGNATURE) }
    case TAGS.refused:
      return { kind: 'refused', about: reader.hex(32), code: reader.text(MAX_TEXT), reason: reader.text(MAX_TEXT) }
    case TAGS.more:
      return { kind: 'more', since: reader.bool() ? reader.varuint() : undefined }
    case TAGS.news:
      return {
        kind: 'news',
        frames: Array.from({ length: reader.varuint(MAX_NEWS) }, () => reader.bytes(MAX_NEWS_BYTES)),
      }
    case TAGS.announce: {
      const names = { channelId: reader.hex(32), asset: reader.hex(20), capacity: reader.u128() }
      return { kind: 'announce', ...names, time: reader.varuint(), signature: reader.raw(64) }
    }
    case TAGS.inbound:
      return { kind: 'inbound', body: reader.bytes(MAX_INBOUND) }
    case TAGS.group:
      return { kind: 'group', body: reader.bytes(MAX_GROUP_BYTES) }
    case TAGS.swap:
      return { kind: 'swap', body: reader.bytes(MAX_SWAP) }
    case TAGS.app:
      return { kind: 'app', body: reader.bytes(MAX_APP_STEP) }
    case TAGS.updates:
    case TAGS.sync:
    case TAGS.propose:
    case TAGS.consent:
    case TAGS.refuse:
    case TAGS.ask:
      return readLedgerMessage(reader, tag)
    default:
      throw new MalformedBytesError(0, `The message kind ${tag} is unknown`)
  }
}

function readHello(reader: Reader): Hello {
  const protocol = reader.u16()
  // Another version may have another layout, so nothing after this is read.
  if (protocol !== PROTOCOL_VERSION)
    throw new IncompatiblePeerError(
      'UNKNOWN_PROTOCOL_VERSION',
      `The peer speaks protocol version ${protocol}, this node ${PROTOCOL_VERSION}. Update the older of the two.`,
    )
  const domain = { chainId: reader.u256(), adjudicator: reader.hex(20) }
  return { kind: 'hello', protocol, domain, owner: reader.hex(20) }
}

function readLedgerMessage(reader: Reader, tag: number): LedgerMessage {
  const ref = { channelId: reader.hex(32), asset: reader.hex(20), generation: reader.u16() }
  switch (tag) {
    case TAGS.updates: {
      const updates = Array.from({ length: reader.varuint(MAX_UNACKED) }, () => ({
        version: reader.u64(),
        signature: reader.raw(64),
        operations: reader.bytes(MAX_OPERATION_BYTES),
      }))
      return { kind: 'updates', ...ref, updates, ack: reader.bool() ? readAck(reader) : undefined }
    }
    case TAGS.sync: {
      const [first, second] = [readLane(reader), readLane(reader)]
      const writer = reader.bool() ? 1 : 0
      const own = placeLane(first, ref, writer)
      return { kind: 'sync', ...ref, own, peer: placeLane(second, ref, 1 - writer), want: reader.bool() }
    }
    case TAGS.ask: {
      const id = reader.hex(16)
      const resolution = readWish(reader)
      return { kind: 'ask', ...ref, id, resolution, proof: reader.bytes(MAX_NOTE) }
    }
    case TAGS.propose:
      return {
        kind: 'propose',
        ...ref,
        seq: reader.u16(),
        closing: reader.bool(),
        amount: reader.u128(),
        to: reader.hex(20),
        toChannel: reader.hex(32),
        toMember: reader.u8(),
        validUntil: reader.u64(),
        dispute: reader.u64(),
        balances: [reader.i128(), reader.i128()],
        version: reader.u64(),
      }
    case TAGS.consent:
      return { kind: 'consent', ...ref, seq: reader.u16(), version: reader.u64(), signature: reader.raw(64) }
    default:
      return { kind: 'refuse', ...ref, seq: reader.u16(), again: reader.bool(), reason: reader.text(MAX_TEXT) }
  }
}

const readAck = (reader: Reader): Ack => ({ version: reader.u64(), signature: reader.raw(64) })

type Bare = Pick<State, 'version' | 'credits' | 'locked' | 'transfersRoot'>
interface BareLane {
  readonly newest: Bare
  readonly signature: Uint8Array
  readonly acked: Bare
  readonly ack: Uint8Array
}

/** Writes a two-member lane without what the ledger says anyway. */
export function putLane(writer: Writer, lane: ShownLane): void {
  putSigned(writer, lane.newest, lane.signature)
  putSigned(writer, lane.acked, lane.ack)
}

function putSigned(writer: Writer, state: State, signature: Uint8Array): void {
  writer.u64(state.version)
  if (state.version === 0n) return
  writer.i128(state.credits[0]!).i128(state.credits[1]!).u128(state.locked).hex(state.transfersRoot, 32).raw(signature)
}

/** Reads what {@link putLane} wrote. */
export function readLane(reader: Reader): BareLane {
  const [newest, signature] = readSigned(reader)
  const [acked, ack] = readSigned(reader)
  return { newest, signature, acked, ack }
}

function readSigned(reader: Reader): [Bare, Uint8Array] {
  const version = reader.u64()
  if (version === 0n) return [{ version, credits: [0n, 0n], locked: 0n, transfersRoot: ZERO_HASH }, new Uint8Array(0)]
  const credits = [reader.i128(), reader.i128()]
  return [{ version, credits, locked: reader.u128(), transfersRoot: reader.hex(32) }, reader.raw(64)]
}

/** Puts a lane that was read back into its ledger. */
export function placeLane(bare: BareLane, ref: LedgerRef & { readonly generation: number }, lane: number): ShownLane {
  const blank = blankLane(ref, ref.generation, lane).newest
  return { ...bare, newest: { ...blank, ...bare.newest }, acked: { ...blank, ...bare.acked } }
}
