import { MalformedBytesError, Reader, Writer } from '../core/codec.ts'
import { type Appointment, MAX_WORTH, putBody, readBody } from './appointment.ts'
import {
  REFUSAL_CODES,
  TOWER_PROTOCOL_VERSION,
  type TowerMessage,
  TowerProtocolError,
  type TowerTerms,
} from './messages.ts'

// Frames between client and tower, byte by byte: `tag u8 ‖ body`. The tags are none of those between peers, so that whoever
// dials the wrong port is told so at the first frame.

const TAGS = {
  greet: 64,
  offer: 65,
  appoint: 66,
  receipts: 67,
  refused: 68,
  forget: 69,
  recall: 70,
  recalled: 71,
  quote: 72,
  quoted: 73,
} as const
/** Appointments in one frame. */
export const MAX_APPOINTMENTS = 64
export const MAX_MONTHS = 120
const MAX_REASON = 200

/** One frame. */
export function encodeTowerMessage(message: TowerMessage): Uint8Array {
  const writer = new Writer(message.kind === 'appoint' ? message.appointments.length * 710 + 8 : 256)
  writer.u8(TAGS[message.kind])
  switch (message.kind) {
    case 'greet':
      writer.u16(message.protocol).u256(message.domain.chainId).hex(message.domain.adjudicator, 20)
      break
    case 'offer': {
      const { ledgers, traces, paid } = message.offer
      putTerms(writer, message.offer).u32(ledgers).bool(traces).bool(paid)
      break
    }
    case 'appoint':
      writer.varuint(message.appointments.length)
      for (const appointment of message.appointments) putAppointment(writer, appointment).raw(appointment.signature)
      break
    case 'receipts':
      writer.varuint(message.receipts.length)
      for (const { locator, sequence, content, from, until, signature } of message.receipts)
        writer.hex(locator, 32).u64(sequence).hex(content, 32).u64(from).u64(until).raw(signature)
      break
    case 'refused':
      writer.hex(message.locator, 32).u64(message.sequence).u64(message.held)
      writer.u8(REFUSAL_CODES.indexOf(message.code)).text(message.reason, MAX_REASON)
      break
    case 'forget':
      writer.hex(message.locator, 32).u64(message.sequence).raw(message.signature)
      break
    case 'recall':
      writer.hex(message.locator, 32)
      break
    case 'recalled':
      putAppointment(writer, message.appointment)
      break
    case 'quote':
      writer.u8(message.months)
      break
    case 'quoted': {
      const { id, months, amount } = message.quote
      putTerms(writer, message.quote).hex(id, 16).u8(months).u128(amount)
    }
  }
  return writer.finish()
}

/** Parses a frame. Throws `MalformedBytesError` or {@link TowerProtocolError}. */
export function decodeTowerMessage(frame: Uint8Array): TowerMessage {
  const reader = new Reader(frame)
  const message = readMessage(reader, reader.u8())
  reader.end()
  return message
}

function readMessage(reader: Reader, tag: number): TowerMessage {
  switch (tag) {
    case TAGS.greet: {
      const protocol = reader.u16()
      // Another version may have another layout, so nothing after this is read.
      if (protocol !== TOWER_PROTOCOL_VERSION)
        throw new TowerProtocolError(
          'TOWER_VERSION',
          `The other side speaks tower protocol version ${protocol}, this one ${TOWER_PROTOCOL_VERSION}. Update the older of the two.`,
        )
      return { kind: 'greet', protocol, domain: { chainId: reader.u256(), adjudicator: reader.hex(20) } }
    }
    case TAGS.offer: {
      const terms = readTerms(reader)
      return { kind: 'offer', offer: { ...terms, ledgers: reader.u32(), traces: reader.bool(), paid: reader.bool() } }
    }
    case TAGS.appoint:
      return { kind: 'appoint', appointments: listOf(reader, readSigned) }
    case TAGS.receipts:
      return { kind: 'receipts', receipts: listOf(reader, readReceipt) }
    case TAGS.refused: {
      const about = { locator: reader.hex(32), sequence: reader.u64(), held: reader.u64() }
      const code = REFUSAL_CODES[reader.u8()]
      if (code === undefined) throw new MalformedBytesError(0, 'The reason of a refusal is unknown')
      return { kind: 'refused', ...about, code, reason: reader.text(MAX_REASON) }
    }
    case TAGS.forget:
      return { kind: 'forget', locator: reader.hex(32), sequence: reader.u64(), signature: reader.raw(64) }
    case TAGS.recall:
      return { kind: 'recall', locator: reader.hex(32) }
    case TAGS.recalled:
      return { kind: 'recalled', appointment: readAppointment(reader) }
    case TAGS.quote:
      return { kind: 'quote', months: monthsOf(reader) }
    case TAGS.quoted: {
      const terms = readTerms(reader)
      return {
        kind: 'quoted',
        quote: { ...terms, id: reader.hex(16), months: monthsOf(reader), amount: reader.u128() },
      }
    }
    default:
      throw new MalformedBytesError(0, `The message kind ${tag} is none between client and tower`)
  }
}

const listOf = <T>(reader: Reader, read: (reader: Reader) => T): T[] =>
  Array.from({ length: reader.varuint(MAX_APPOINTMENTS) }, () => read(reader))

function monthsOf(reader: Reader): number {
  const months = reader.u8()
  if (months < 1 || months > MAX_MONTHS) throw new MalformedBytesError(0, `${months} months are not 1 to ${MAX_MONTHS}`)
  return months
}

const putTerms = (writer: Writer, { price, asset, payTo }: TowerTerms): Writer =>
  writer.u128(price).hex(asset, 20).hex(payTo, 20)

const readTerms = (reader: Reader): TowerTerms => ({
  price: reader.u128(),
  asset: reader.hex(20),
  payTo: reader.hex(20),
})

const putAppointment = (writer: Writer, { locator, sequence, worth, sealed, body }: Appointment): Writer =>
  putBody(writer.hex(locator, 32).u64(sequence).u8(worth), { sealed, body })

function readAppointment(reader: Reader): Appointment {
  const head = { locator: reader.hex(32), sequence: reader.u64(), worth: reader.u8() }
  if (head.worth > MAX_WORTH) throw new MalformedBytesError(0, `A worth of 2^${head.worth} is beyond all money`)
  return { ...head, ...readBody(reader) }
}

const readSigned = (reader: Reader) => ({ ...readAppointment(reader), signature: reader.raw(64) })

const readReceipt = (reader: Reader) => ({
  locator: reader.hex(32),
  sequence: reader.u64(),
  content: reader.hex(32),
  from: reader.u64(),
  until: reader.u64(),
  signature: reader.raw(64),
})
