import { expect } from 'chai'
import fc from 'fast-check'
import { MalformedBytesError, Writer } from '../../../sdk/core/codec.ts'
import { COIN, type Hex } from '../../../sdk/core/types.ts'
import { appointmentOf } from '../../../sdk/watchtower/appointment.ts'
import { REFUSAL_CODES, type TowerMessage, TowerProtocolError } from '../../../sdk/watchtower/messages.ts'
import { decodeTowerMessage, encodeTowerMessage, MAX_APPOINTMENTS } from '../../../sdk/watchtower/wire.ts'
import '../core/arbitraries.ts'
import { channelOf, DOMAIN, evidenceOf } from './evidence.ts'

const locator: Hex = `0x${'1c'.repeat(32)}`
const signature = new Uint8Array(64).fill(7)
const evidence = evidenceOf(channelOf(), [3n, 4n])
const appointments = [true, false].map((sealed) => appointmentOf(DOMAIN, evidence, { sequence: 9n, worth: 60, sealed }))
const terms = { price: 10n ** 15n, asset: COIN, payTo: evidence.channel.members[0]!.signer }

/** One message of each kind. */
const examples: readonly TowerMessage[] = [
  { kind: 'greet', protocol: 1, domain: DOMAIN },
  { kind: 'offer', offer: { ...terms, ledgers: 1_000, traces: true, paid: false } },
  { kind: 'appoint', appointments: appointments.map((one) => ({ ...one, signature })) },
  { kind: 'receipts', receipts: [{ locator, sequence: 9n, content: locator, from: 1n, until: 2n, signature }] },
  ...REFUSAL_CODES.map((code) => ({ kind: 'refused', locator, sequence: 9n, held: 8n, code, reason: 'so' }) as const),
  { kind: 'forget', locator, sequence: 10n, signature },
  { kind: 'recall', locator },
  { kind: 'recalled', appointment: appointments[0]! },
  { kind: 'quote', months: 12 },
  { kind: 'quoted', quote: { ...terms, id: `0x${'1d'.repeat(16)}`, months: 12, amount: 12n * terms.price } },
]

describe('frames between client and tower', () => {
  it('read back as they were written, and are written in one form only', () => {
    for (const message of examples) {
      const frame = encodeTowerMessage(message)
      expect(decodeTowerMessage(frame), message.kind).to.deep.equal(message)
      expect(encodeTowerMessage(decodeTowerMessage(frame)), message.kind).to.deep.equal(frame)
    }
  })

  it('S15 are refused with a typed error when they are truncated, longer or arbitrary', () => {
    for (const message of examples) {
      const frame = encodeTowerMessage(message)
      for (let size = 0; size < frame.length; size += Math.max(1, Math.floor(frame.length / 40)))
        expect(() => decodeTowerMessage(frame.subarray(0, size)), `${message.kind} ${size}`).to.throw(
          MalformedBytesError,
        )
      expect(() => decodeTowerMessage(Uint8Array.from([...frame, 0])), message.kind).to.throw(MalformedBytesError)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 60, max: 80 }), (bytes, tag) => {
        try {
          decodeTowerMessage(Uint8Array.from([tag, ...bytes]))
        } catch (error) {
          expect((error as { code?: string }).code).to.be.oneOf(['MALFORMED_BYTES', 'TOWER_VERSION'])
        }
      }),
      { numRuns: 500 },
    )
  })

  it('are none of those between nodes, and say so', () => {
    for (let tag = 0; tag < 64; tag++)
      expect(() => decodeTowerMessage(Uint8Array.of(tag))).to.throw(/none between client/)
  })

  it('S17 of another protocol version are not read any further', () => {
    const other = new Writer().u8(64).u16(2).u8(1).finish()
    expect(() => decodeTowerMessage(other)).to.throw(TowerProtocolError, /speaks tower protocol version 2/)
  })

  it('S15 carry no more appointments than one frame may', () => {
    const many = Array.from({ length: MAX_APPOINTMENTS + 1 }, () => ({ ...appointments[0]!, signature }))
    expect(() => decodeTowerMessage(encodeTowerMessage({ kind: 'appoint', appointments: many }))).to.throw(
      /above its limit/,
    )
    const full = encodeTowerMessage({ kind: 'appoint', appointments: many.slice(1) })
    expect(decodeTowerMessage(full)).to.have.property('appointments').with.length(MAX_APPOINTMENTS)
    expect(full.length < 64 * 1_024).to.equal(true)
  })
})
