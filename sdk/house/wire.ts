import { MAX_PAYMENTS } from '../clearing/book.ts'
import { MalformedBytesError, Reader, Writer } from '../core/codec.ts'
import { HOUSE_PROTOCOL_VERSION, HOUSE_REFUSALS, type HouseMessage, HouseProtocolError } from './messages.ts'
import {
  MAX_ACTS,
  putAct,
  putEntry,
  putLeaf,
  putLeg,
  putList,
  putLock,
  putLockReceipt,
  putMaybe,
  putMember,
  putPath,
  putSignature,
  readAct,
  readEntry,
  readLeaf,
  readLeg,
  readList,
  readLock,
  readLockReceipt,
  readMaybe,
  readMember,
  readPath,
  readSignature,
} from './wire-parts.ts'
import {
  putCountersigned,
  putInstead,
  putProof,
  putRelease,
  putSeat,
  putSettings,
  putSigned,
  readCountersigned,
  readInstead,
  readProof,
  readRelease,
  readSeat,
  readSettings,
  readSigned,
} from './wire-seat.ts'

// Frames between a member and a house: `tag u8 ‖ body`. The tags are none of those between peers or with towers, so that whoever
// dials the wrong port is told so at the first frame. What is longer than a frame goes in parts, see frames.ts.

const TAGS = {
  greet: 96,
  join: 97,
  seated: 98,
  act: 99,
  acted: 100,
  refused: 101,
  credited: 102,
  locked: 103,
  release: 104,
  released: 105,
  done: 106,
  ask: 107,
  proven: 108,
  settings: 109,
  offer: 110,
  proposed: 111,
  ended: 112,
  instead: 113,
  askLock: 114,
  lockProven: 115,
  look: 116,
} as const

/** Legs of one group. */
export const MAX_LEGS = 4_096
/** Seconds that a group may wait for its signatures. */
export const MAX_GROUP_SECONDS = 30
const MAX_REASON = 200

/** One message, of any length. */
export function encodeHouseMessage(message: HouseMessage): Uint8Array {
  const writer = new Writer(512).u8(TAGS[message.kind])
  switch (message.kind) {
    case 'greet':
      writer.u16(message.protocol).u256(message.domain.chainId).hex(message.domain.adjudicator, 20)
      break
    case 'join':
      writer.u32(message.id).hex(message.owner, 20)
      putMaybe(putMaybe(writer, message.account, putCountersigned), message.receipt, putSigned)
      break
    case 'seated':
      putSeat(putSettings(writer.u32(message.id), message.settings), message.seat)
      break
    case 'act':
      putList(writer.u32(message.id).u64(message.epoch).u64(message.seq), message.acts, putAct)
      putSignature(writer, message.signature)
      break
    case 'acted':
      putList(putSignature(writer.u32(message.id), message.signature), message.locks, (out, { receipt, signature }) =>
        putSignature(putLockReceipt(out, receipt), signature),
      )
      break
    case 'refused':
      writer.u32(message.id).u8(HOUSE_REFUSALS.indexOf(message.code)).text(message.reason, MAX_REASON)
      break
    case 'credited':
      putSigned(putList(writer, message.entries, putEntry), message.receipt)
      break
    case 'locked': {
      const { payer, lock, receipt, signature } = message.lock
      putSignature(putLockReceipt(putLock(putMember(writer, payer), lock), receipt), signature)
      break
    }
    case 'release':
      putRelease(writer.u32(message.id), message.release)
      break
    case 'released':
      putRelease(writer, message.release)
      break
    case 'instead':
      putInstead(writer, message.instead)
      break
    case 'done':
      writer.u32(message.id)
      break
    case 'ask':
      writer.u32(message.id).u64(message.epoch)
      break
    case 'look':
      putSignature(writer.u32(message.id).u64(message.epoch).hex(message.member, 32), message.permit)
      break
    case 'proven':
      putProof(writer.u32(message.id), message.proof)
      break
    case 'askLock':
      writer.u32(message.id).u64(message.epoch).hex(message.payer, 32).u32(message.position)
      break
    case 'lockProven': {
      const { proof, statusPath } = message.stand
      putPath(putLeaf(writer.u32(message.id).u32(proof.index), proof.leaf), proof.path)
      putPath(writer, statusPath)
      break
    }
    case 'settings':
      putSettings(writer, message.settings)
      break
    case 'offer':
      putList(writer.u32(message.id), message.legs, putLeg).u8(message.seconds)
      break
    case 'proposed':
      putList(writer.hex(message.group, 32), message.legs, putLeg).u8(message.seconds)
      break
    case 'ended':
      writer.hex(message.group, 32).bool(message.isDone)
  }
  return writer.finish()
}

/** Parses one whole message. Throws `MalformedBytesError` or {@link HouseProtocolError}. */
export function decodeHouseMessage(bytes: Uint8Array): HouseMessage {
  const reader = new Reader(bytes)
  const message = readMessage(reader, reader.u8())
  reader.end()
  return message
}

function readMessage(reader: Reader, tag: number): HouseMessage {
  switch (tag) {
    case TAGS.greet:
      return {
        kind: 'greet',
        protocol: readProtocol(reader),
        domain: { chainId: reader.u256(), adjudicator: reader.hex(20) },
      }
    case TAGS.join:
      return {
        kind: 'join',
        id: reader.u32(),
        owner: reader.hex(20),
        account: readMaybe(reader, readCountersigned),
        receipt: readMaybe(reader, readSigned),
      }
    case TAGS.seated:
      return { kind: 'seated', id: reader.u32(), settings: readSettings(reader), seat: readSeat(reader) }
    case TAGS.act: {
      const head = { id: reader.u32(), epoch: reader.u64(), seq: reader.u64() }
      return { kind: 'act', ...head, acts: readList(reader, MAX_ACTS, readAct), signature: readSignature(reader) }
    }
    case TAGS.acted: {
      const head = { id: reader.u32(), signature: readSignature(reader) }
      const readOne = () => ({ receipt: readLockReceipt(reader), signature: readSignature(reader) })
      return { kind: 'acted', ...head, locks: readList(reader, MAX_ACTS, readOne) }
    }
    case TAGS.refused: {
      const [id, code] = [reader.u32(), HOUSE_REFUSALS[reader.u8()]]
      if (code === undefined) throw new MalformedBytesError(0, 'The reason of a refusal is unknown')
      return { kind: 'refused', id, code, reason: reader.text(MAX_REASON) }
    }
    case TAGS.credited:
      return { kind: 'credited', entries: readList(reader, MAX_PAYMENTS, readEntry), receipt: readSigned(reader) }
    case TAGS.locked: {
      const head = { payer: readMember(reader), lock: readLock(reader), receipt: readLockReceipt(reader) }
      return { kind: 'locked', lock: { ...head, signature: readSignature(reader) } }
    }
    case TAGS.release:
      return { kind: 'release', id: reader.u32(), release: readRelease(reader) }
    case TAGS.released:
      return { kind: 'released', release: readRelease(reader) }
    case TAGS.instead:
      return { kind: 'instead', instead: readInstead(reader) }
    case TAGS.done:
      return { kind: 'done', id: reader.u32() }
    case TAGS.ask:
      return { kind: 'ask', id: reader.u32(), epoch: reader.u64() }
    case TAGS.look: {
      const head = { id: reader.u32(), epoch: reader.u64(), member: reader.hex(32) }
      return { kind: 'look', ...head, permit: readSignature(reader) }
    }
    case TAGS.proven:
      return { kind: 'proven', id: reader.u32(), proof: readProof(reader) }
    case TAGS.askLock:
      return { kind: 'askLock', id: reader.u32(), epoch: reader.u64(), payer: reader.hex(32), position: reader.u32() }
    case TAGS.lockProven: {
      const id = reader.u32()
      const proof = { index: reader.u32(), leaf: readLeaf(reader), path: readPath(reader) }
      return { kind: 'lockProven', id, stand: { proof, statusPath: readPath(reader) } }
    }
    case TAGS.settings:
      return { kind: 'settings', settings: readSettings(reader) }
    case TAGS.offer:
      return {
        kind: 'offer',
        id: reader.u32(),
        legs: readList(reader, MAX_LEGS, readLeg),
        seconds: readSeconds(reader),
      }
    case TAGS.proposed: {
      const group = reader.hex(32)
      return { kind: 'proposed', group, legs: readList(reader, MAX_LEGS, readLeg), seconds: readSeconds(reader) }
    }
    case TAGS.ended:
      return { kind: 'ended', group: reader.hex(32), isDone: reader.bool() }
    default:
      throw new MalformedBytesError(0, `The message kind ${tag} is none between a member and a house`)
  }
}

function readProtocol(reader: Reader): number {
  const protocol = reader.u16()
  // Another version may have another layout, so nothing after this is read.
  if (protocol !== HOUSE_PROTOCOL_VERSION)
    throw new HouseProtocolError(
      'HOUSE_VERSION',
      `The other side speaks house protocol version ${protocol}, this one ${HOUSE_PROTOCOL_VERSION}. Update the older of the two.`,
    )
  return protocol
}

function readSeconds(reader: Reader): number {
  const seconds = reader.u8()
  if (seconds < 1 || seconds > MAX_GROUP_SECONDS)
    throw new MalformedBytesError(0, `${seconds} seconds are not 1 to ${MAX_GROUP_SECONDS}`)
  return seconds
}
