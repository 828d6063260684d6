import { expect } from 'chai'
import fc from 'fast-check'
import { decodeEnvelope, type Envelope, encodeEnvelope, InvalidEnvelopeError } from '../../../sdk/core/envelope.ts'
import './arbitraries.ts'

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })
const proof = fc
  .array(bytes(32), { maxLength: 20 })
  .chain((siblings) => fc.record({ siblings: fc.constant(siblings), path: fc.nat(2 ** siblings.length - 1) }))
const envelope: fc.Arbitrary<Envelope> = fc.oneof(
  fc.record({ kind: fc.constant('direct' as const), signature: fc.oneof(bytes(64), bytes(65)) }),
  fc.record({ kind: fc.constant('batched' as const), signature: bytes(64), proof }),
  fc.record({ kind: fc.constant('owner' as const), signature: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
)
const refuses = (action: () => unknown, fact: string) =>
  expect(action).to.throw(InvalidEnvelopeError, fact).with.property('code', 'INVALID_ENVELOPE')

describe('Envelope', () => {
  it('S16 says the same after it was written and read', () => {
    fc.assert(
      fc.property(envelope, (any) => {
        expect(decodeEnvelope(encodeEnvelope(any))).to.deep.equal(any)
      }),
    )
  })

  it('S15 is refused, or has the one form that writing it gives', () => {
    const damaged = fc.tuple(envelope, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([any, at, value]) => {
      const good = encodeEnvelope(any)
      return good.with(at % good.length, value).slice(0, at % 3 === 0 ? at % good.length : undefined)
    })
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 300 })), (any) => {
        try {
          expect(encodeEnvelope(decodeEnvelope(any))).to.deep.equal(any)
        } catch (error) {
          expect(error).to.be.instanceOf(InvalidEnvelopeError)
        }
      }),
    )
  })

  it('C8 is refused empty, with an unknown tag, or with a signature of a wrong size', () => {
    refuses(() => decodeEnvelope(new Uint8Array()), 'empty')
    refuses(() => decodeEnvelope(new Uint8Array(65).fill(3)), 'unknown tag 3')
    for (const size of [0, 63, 66]) refuses(() => decodeEnvelope(new Uint8Array(1 + size)), `${size} bytes`)
    refuses(() => decodeEnvelope(Uint8Array.of(2)), '0 bytes')
    refuses(() => decodeEnvelope(new Uint8Array(8_194).fill(2)), '8193 bytes')
    refuses(
      () => encodeEnvelope({ kind: 'batched', signature: new Uint8Array(65), proof: { path: 0, siblings: [] } }),
      '65 bytes',
    )
  })

  it('C8 is refused with a path of a wrong size, too deep, or with bits beyond its depth', () => {
    const batched = (rest: number) => Uint8Array.of(1, ...new Uint8Array(rest))
    for (const rest of [0, 67, 69, 99]) refuses(() => decodeEnvelope(batched(rest)), 'wrong size')
    refuses(() => decodeEnvelope(batched(68 + 32 * 21)), 'depth 21')
    refuses(() => decodeEnvelope(batched(68 + 32).with(68, 2)), 'path 2')
    expect(decodeEnvelope(batched(68 + 32).with(68, 1))).to.have.nested.property('proof.path', 1)
  })
})
