import { expect } from 'chai'
import fc from 'fast-check'
import { toHex } from '../../../sdk/core/bytes.ts'
import { UnencodableError } from '../../../sdk/core/codec.ts'
import {
  createFailure,
  FAILURE_SIZE,
  type FailureCode,
  InvalidFailureError,
  MAX_FAILURE_DATA,
  readFailure,
  relayFailure,
} from '../../../sdk/routing/failure.ts'
import { MAX_HOPS } from '../../../sdk/routing/onion.ts'
import '../core/arbitraries.ts'
import { sealFailureByHand } from './by-hand.ts'

const replies = Array.from({ length: MAX_HOPS }, (_, hop) => new Uint8Array(32).fill(hop + 1))
const code = fc.constantFrom<FailureCode>('NODE_BUSY', 'FEE_TOO_LOW', 'PAYMENT_REFUSED', 'PAYMENT_INCOMPLETE')
const data = fc.uint8Array({ maxLength: MAX_FAILURE_DATA })

/** The packet that reaches the sender if every hop from `from` to the first passes it on. */
const relayed = (packet: Uint8Array, from: number) =>
  Array.from({ length: from + 1 }, (_, i) => from - i).reduce((each, hop) => relayFailure(replies[hop]!, each), packet)

/** A route of up to 20 hops and one that fails. */
const failing = fc
  .integer({ min: 1, max: MAX_HOPS })
  .chain((length) => fc.record({ length: fc.constant(length), hop: fc.integer({ min: 0, max: length - 1 }) }))

describe('Failure', () => {
  it('tells the sender which hop failed and why, whichever it is', () => {
    fc.assert(
      fc.property(failing, code, data, ({ length, hop }, reason, more) => {
        const packet = relayed(createFailure(replies[hop]!, reason, more), hop - 1)
        expect(readFailure(replies.slice(0, length), packet)).to.deep.equal({
          kind: 'failed',
          hop,
          failure: { code: reason, data: more },
        })
      }),
    )
  })

  it('has one size, and looks like another packet after each hop', () => {
    let packet = createFailure(replies[19]!, 'NODE_BUSY')
    const seen = [packet]
    for (let hop = 18; hop >= 0; hop--) {
      packet = relayFailure(replies[hop]!, packet)
      seen.push(packet)
    }
    for (const each of seen) expect(each.length).to.equal(FAILURE_SIZE)
    const windows = seen.flatMap((each) =>
      Array.from({ length: FAILURE_SIZE - 8 }, (_, at) => toHex(each.subarray(at, at + 8))),
    )
    expect(new Set(windows).size).to.equal(windows.length)
  })

  it('leaves the blame with whoever spoils it, or with the next hop on the same link', () => {
    const spoiling = failing.chain(({ length, hop }) =>
      fc.record({
        length: fc.constant(length),
        hop: fc.constant(hop),
        spoiler: fc.integer({ min: 0, max: hop }),
        before: fc.boolean(),
        noise: fc.array(fc.tuple(fc.nat(FAILURE_SIZE - 1), fc.integer({ min: 1, max: 255 })), {
          minLength: 1,
          maxLength: 20,
        }),
      }),
    )
    fc.assert(
      fc.property(spoiling, ({ length, hop, spoiler, before, noise }) => {
        const spoil = (packet: Uint8Array) =>
          noise.reduce((each, [at, mask]) => each.with(at, each[at]! ^ mask), packet)
        let packet = createFailure(replies[hop]!, 'NODE_BUSY')
        if (spoiler === hop) packet = spoil(packet)
        for (let i = hop - 1; i >= 0; i--) {
          if (i === spoiler && before) packet = spoil(packet)
          packet = relayFailure(replies[i]!, packet)
          if (i === spoiler && !before) packet = spoil(packet)
        }
        const report = readFailure(replies.slice(0, length), packet)
        // Noise may cancel itself out, or hit nothing but marks, which frames nobody: then the reason still counts.
        if (report.kind === 'failed') expect(report).to.have.property('hop', hop)
        else expect(report.hop === spoiler || report.hop === spoiler + 1, `${report.hop} for ${spoiler}`).to.equal(true)
      }),
      { numRuns: 300 },
    )
  })

  it('makes whoever invents one blame itself', () => {
    const invented = relayed(createFailure(replies[2]!, 'CHANNEL_UNAVAILABLE'), 1)
    expect(readFailure(replies.slice(0, 6), invented)).to.have.property('hop', 2)
    expect(readFailure(replies.slice(0, 6), relayed(new Uint8Array(FAILURE_SIZE).fill(7), 2))).to.deep.equal({
      kind: 'spoilt',
      hop: 3,
    })
  })

  it('blames the last hop for passing on what nobody sent it', () => {
    const packet = relayed(relayFailure(replies[3]!, new Uint8Array(FAILURE_SIZE)), 2)
    expect(readFailure(replies.slice(0, 4), packet)).to.deep.equal({ kind: 'spoilt', hop: 3 })
  })

  it('is for the sender alone: without the reply keys nothing of it is readable', () => {
    const [one, other] = ['NODE_BUSY', 'FEE_TOO_LOW'].map((reason) => createFailure(replies[0]!, reason as FailureCode))
    expect(readFailure([replies[1]!], one!).kind).to.equal('spoilt')
    expect(toHex(one!)).to.not.equal(toHex(other!))
  })

  it('reads a code of a later version as unknown, and so what breaks the format', () => {
    const content = (...start: number[]) => {
      const bytes = new Uint8Array(336)
      bytes.set(start)
      return bytes
    }
    const read = (bytes: Uint8Array) => readFailure(replies.slice(0, 1), sealFailureByHand(replies[0]!, bytes))
    const unknown = (more: number[]) => ({
      kind: 'failed',
      hop: 0,
      failure: { code: 'UNKNOWN', data: Uint8Array.from(more) },
    })
    expect(read(content(0x7f, 0xff, 2, 8, 9))).to.deep.equal(unknown([8, 9]))
    expect(read(content(0, 1, 0xff, 0xff, 0xff))).to.deep.equal(unknown([]))
    expect(read(content(0, 1, 0))).to.have.nested.property('failure.code', 'NODE_BUSY')
  })

  it('S15 is refused in any other size, and never made too large', () => {
    for (const size of [0, FAILURE_SIZE - 1, FAILURE_SIZE + 1]) {
      const bad = new Uint8Array(size)
      expect(() => relayFailure(replies[0]!, bad))
        .to.throw(InvalidFailureError)
        .with.property('code', 'INVALID_FAILURE')
      expect(() => readFailure(replies, bad)).to.throw(InvalidFailureError)
    }
    expect(() => createFailure(replies[0]!, 'NODE_BUSY', new Uint8Array(MAX_FAILURE_DATA + 1))).to.throw(
      UnencodableError,
    )
    expect(() => readFailure([], new Uint8Array(FAILURE_SIZE))).to.throw(UnencodableError)
  })
})
