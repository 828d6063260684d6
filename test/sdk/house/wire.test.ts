import { expect } from 'chai'
import fc from 'fast-check'
import type { Account, HouseLock, Payment, Receipt } from '../../../sdk/clearing/account.ts'
import type { Act, Entry } from '../../../sdk/clearing/book.ts'
import type { Leaf, Line } from '../../../sdk/clearing/epoch.ts'
import { MalformedBytesError, Writer } from '../../../sdk/core/codec.ts'
import type { Address, Hex } from '../../../sdk/core/types.ts'
import { framesOf, HouseFrames } from '../../../sdk/house/frames.ts'
import {
  type EpochProof,
  HOUSE_REFUSALS,
  type HouseMessage,
  HouseProtocolError,
  type Seat,
} from '../../../sdk/house/messages.ts'
import { decodeHouseMessage, encodeHouseMessage, MAX_LEGS } from '../../../sdk/house/wire.ts'
import { MAX_ACTS } from '../../../sdk/house/wire-parts.ts'
import '../core/arbitraries.ts'

const hash = (byte: number): Hex => `0x${byte.toString(16).padStart(2, '0').repeat(32)}`
const address = (byte: number): Address => `0x${byte.toString(16).padStart(2, '0').repeat(20)}`
const signature = new Uint8Array(65).fill(7)
const domain = { chainId: 31_337n, adjudicator: address(9) }

const lock: HouseLock = { to: hash(1), asset: 1, amount: 5n, key: hash(2), deadline: 1_000n, epoch: 4n }
const payment: Payment = {
  from: hash(3),
  to: hash(1),
  epoch: 4n,
  position: 17,
  asset: 0,
  amount: (1n << 128n) - 1n,
  group: hash(4),
  leg: 3,
}
const entries: readonly Entry[] = [
  { kind: 'payment', payment },
  { kind: 'lock', payer: hash(5), position: 2, lock, paid: 4n },
]
const acts: readonly Act[] = [
  { kind: 'pay', to: hash(1), asset: 0, amount: 1n, group: hash(0), leg: 0 },
  { kind: 'lock', lock },
  { kind: 'drop', position: 3 },
  { kind: 'fold', position: 4, paid: 0n },
]
const receipt: Receipt = { member: hash(1), index: 8, epoch: 4n, seq: 9n, credits: [1n, 2n], income: hash(6) }
const account: Account = {
  member: hash(1),
  index: 8,
  epoch: 4n,
  seq: 3n,
  debits: [1n],
  locked: [2n],
  locks: hash(2),
  payments: hash(3),
}
const lockReceipt = { payer: hash(5), index: 1, position: 2, lock: hash(7) }
const line: Line = {
  deposited: 1n,
  credits: 2n,
  debits: 3n,
  locked: 4n,
  paid: 5n,
  refunded: 6n,
  withdrawn: 7n,
  leaving: 8n,
}
const leaf: Leaf = {
  member: hash(1),
  seq: 3n,
  locks: hash(2),
  statuses: hash(3),
  payments: hash(4),
  income: hash(5),
  lines: [line, line],
}
const seat: Seat = {
  index: 8,
  seq: 3n,
  signature: new Uint8Array(),
  countersignature: signature,
  epoch: 4n,
  paid: hash(6),
  payments: [payment],
  locks: [undefined, lock, undefined],
  debits: [1n, 2n],
  entries,
  receipt: { receipt, signature },
}
const proof: EpochProof = {
  epoch: 4n,
  index: 8,
  leaf,
  path: [hash(1), hash(2)],
  entries,
  statuses: { depth: 2, node: hash(3), sums: [1n, 1n << 200n] },
  limits: { amounts: [5n, 0n], path: [hash(4), hash(5)] },
}
const legs = [{ from: hash(1), to: hash(2), asset: 1, amount: 3n }]
const settings = { open: 5n, committed: 3n, nextCut: 1_790_000_000_123 }
const release = { payer: hash(1), position: 2, lock: hash(3), payment: hash(0), secret: undefined, signature }

/** One message of each kind. */
const examples: readonly HouseMessage[] = [
  { kind: 'greet', protocol: 1, domain },
  { kind: 'join', id: 1, owner: address(2), account: undefined, receipt: undefined },
  { kind: 'join', id: 1, owner: address(2), account: { account, signature }, receipt: { receipt, signature } },
  { kind: 'seated', id: 1, settings, seat },
  { kind: 'act', id: 2, epoch: 5n, seq: 6n, acts, signature },
  { kind: 'acted', id: 2, signature, locks: [{ receipt: lockReceipt, signature }] },
  ...HOUSE_REFUSALS.map((code) => ({ kind: 'refused', id: 3, code, reason: 'so' }) as const),
  { kind: 'credited', entries, receipt: { receipt, signature } },
  {
    kind: 'locked',
    lock: { payer: { signer: address(1), owner: address(2) }, lock, receipt: lockReceipt, signature },
  },
  { kind: 'release', id: 4, release },
  { kind: 'instead', instead: { payer: hash(1), position: 2, lock: hash(3), payment } },
  { kind: 'askLock', id: 7, epoch: 4n, payer: hash(1), position: 2 },
  { kind: 'lockProven', id: 7, stand: { proof: { index: 8, leaf, path: [hash(1)] }, statusPath: [hash(2)] } },
  { kind: 'instead', instead: { payer: hash(1), position: 2, lock: hash(3), payment: undefined } },
  { kind: 'released', release: { ...release, secret: hash(8) } },
  { kind: 'done', id: 4 },
  { kind: 'ask', id: 5, epoch: 4n },
  { kind: 'look', id: 5, epoch: 4n, member: hash(1), permit: signature },
  { kind: 'proven', id: 5, proof },
  { kind: 'proven', id: 5, proof: { ...proof, limits: undefined } },
  { kind: 'settings', settings },
  { kind: 'offer', id: 6, legs, seconds: 30 },
  { kind: 'proposed', group: hash(1), legs, seconds: 1 },
  { kind: 'ended', group: hash(1), isDone: true },
]

describe('messages between a member and a house', () => {
  it('read back as they were written, and are written in one form only', () => {
    for (const message of examples) {
      const bytes = encodeHouseMessage(message)
      expect(decodeHouseMessage(bytes), message.kind).to.deep.equal(message)
      expect(encodeHouseMessage(decodeHouseMessage(bytes)), message.kind).to.deep.equal(bytes)
    }
  })

  it('S15 are refused with a typed error when they are truncated, longer or arbitrary', () => {
    for (const message of examples) {
      const bytes = encodeHouseMessage(message)
      for (let size = 0; size < bytes.length; size += Math.max(1, Math.floor(bytes.length / 40)))
        expect(() => decodeHouseMessage(bytes.subarray(0, size)), `${message.kind} ${size}`).to.throw(
          MalformedBytesError,
        )
      expect(() => decodeHouseMessage(Uint8Array.from([...bytes, 0])), message.kind).to.throw(MalformedBytesError)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 90, max: 130 }), (bytes, tag) => {
        try {
          decodeHouseMessage(Uint8Array.from([tag, ...bytes]))
        } catch (error) {
          expect((error as { code?: string }).code).to.be.oneOf(['MALFORMED_BYTES', 'HOUSE_VERSION'])
        }
      }),
      { numRuns: 500 },
    )
  })

  it('S15 that were changed anywhere read as something in its one form, or not at all', () => {
    const change = fc.tuple(fc.constantFrom(...examples), fc.nat(), fc.integer({ min: 1, max: 255 }))
    fc.assert(
      fc.property(change, ([message, place, by]) => {
        const bytes = encodeHouseMessage(message)
        bytes[place % bytes.length]! ^= by
        try {
          expect(encodeHouseMessage(decodeHouseMessage(bytes))).to.deep.equal(bytes)
        } catch (error) {
          expect((error as { code?: string }).code).to.be.oneOf(['MALFORMED_BYTES', 'HOUSE_VERSION'])
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('are none of those between nodes or with towers, and say so', () => {
    for (let tag = 0; tag < 96; tag++)
      expect(() => decodeHouseMessage(Uint8Array.of(tag))).to.throw(/none between a member and a house/)
  })

  it('S17 of another protocol version are not read any further', () => {
    const other = new Writer().u8(96).u16(2).u8(1).finish()
    expect(() => decodeHouseMessage(other)).to.throw(HouseProtocolError, /speaks house protocol version 2/)
  })

  it('S15 carry no more acts and legs than one message may', () => {
    const many = { kind: 'act', id: 1, epoch: 1n, seq: 1n, signature } as const
    const tooMany = encodeHouseMessage({ ...many, acts: new Array<Act>(MAX_ACTS + 1).fill(acts[2]!) })
    expect(() => decodeHouseMessage(tooMany)).to.throw(/above its limit/)
    const tooLong = encodeHouseMessage({
      kind: 'offer',
      id: 1,
      legs: new Array(MAX_LEGS + 1).fill(legs[0]),
      seconds: 9,
    })
    expect(() => decodeHouseMessage(tooLong)).to.throw(/above its limit/)
    expect(() => decodeHouseMessage(encodeHouseMessage({ kind: 'offer', id: 1, legs, seconds: 31 }))).to.throw(/31 sec/)
  })
})

describe('frames of a house', () => {
  const long: HouseMessage = {
    kind: 'seated',
    id: 1,
    settings,
    seat: { ...seat, payments: new Array<Payment>(9_000).fill(payment) },
  }

  it('carry what is too long for one of them in several', () => {
    const frames = framesOf(long)
    expect(frames.length).to.equal(2)
    const reader = new HouseFrames(8 * 2 ** 20)
    expect(frames.slice(0, -1).map((frame) => reader.take(frame))).to.deep.equal([undefined])
    expect(reader.take(frames.at(-1)!)).to.deep.equal(long)
    for (const message of examples) expect(framesOf(message).map((one) => reader.take(one))).to.deep.equal([message])
  })

  it('S15 are refused where they add up to too much, or mix two messages', () => {
    const frames = framesOf(long)
    const small = new HouseFrames(2 ** 20)
    expect(() => small.take(frames[0]!)).to.throw(/more than 1048576 bytes/)
    const reader = new HouseFrames(8 * 2 ** 20)
    reader.take(frames[0]!)
    expect(() => reader.take(framesOf(examples[0]!)[0]!)).to.throw(/begins within another/)
  })
})
