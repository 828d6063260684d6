import { expect } from 'chai'
import fc from 'fast-check'
import { fromUint, toHex } from '../../../sdk/core/bytes.ts'
import { UnencodableError, Writer } from '../../../sdk/core/codec.ts'
import { AMOUNT_BOUND } from '../../../sdk/core/state.ts'
import {
  decodeHopPayload,
  encodeHopPayload,
  type FinalPayload,
  type ForwardPayload,
  type HopPayload,
  InvalidHopPayloadError,
} from '../../../sdk/routing/hop-payload.ts'
import { asset, bytes32 } from '../core/arbitraries.ts'

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })
const scalar = fc.bigInt(1n, 2n ** 255n).map((value) => fromUint(value, 32))
const locking = fc.oneof(
  fc.record({ mode: fc.constant('sprites' as const), share: scalar }),
  fc.record({ mode: fc.constant('plain' as const) }),
)
const amount = fc.bigInt(1n, AMOUNT_BOUND - 10n)
const deadline = fc.bigInt(1n, 2n ** 64n - 1n)
const forward: fc.Arbitrary<ForwardPayload> = fc
  .tuple(
    fc.record({ kind: fc.constant('forward' as const), channelId: bytes32, asset, amount, deadline }),
    locking,
    fc.record({ invoice: bytes32 }, { requiredKeys: [] }),
  )
  .map(([rest, lock, purpose]) => ({ ...rest, ...lock, ...purpose }))
const purpose = fc.oneof(fc.record({ invoice: bytes32 }), fc.record({ secret: bytes(32) }))
const memo = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
const extras = fc.record({ memo, payerSignature: bytes(64) }, { requiredKeys: [] })
const final: fc.Arbitrary<FinalPayload> = fc
  .tuple(
    fc.record({ asset, deadline, paymentId: bytes(16).map(toHex) }),
    fc.tuple(amount, fc.bigInt(0n, 9n)),
    locking,
    purpose,
    extras,
  )
  .map(([rest, [part, others], ...more]) =>
    Object.assign({ kind: 'final' as const, ...rest, amount: part, total: part + others }, ...more),
  )
const payload: fc.Arbitrary<HopPayload> = fc.oneof(forward, final)

const example = fc.sample(forward, { numRuns: 1, seed: 5 })[0]!
const finalExample: FinalPayload = {
  kind: 'final',
  asset: example.asset,
  amount: 5n,
  deadline: 9n,
  mode: 'plain',
  invoice: `0x${'11'.repeat(32)}`,
  total: 7n,
  paymentId: `0x${'22'.repeat(16)}`,
}

/** The records of an encoded payload. */
function split(encoded: Uint8Array): [number, Uint8Array][] {
  const records: [number, Uint8Array][] = []
  for (let at = 0; at < encoded.length; at += 2 + encoded[at + 1]!)
    records.push([encoded[at]!, encoded.subarray(at + 2, at + 2 + encoded[at + 1]!)])
  return records
}
const join = (records: readonly (readonly [number, Uint8Array])[]) =>
  records.reduce((writer, [type, value]) => writer.varuint(type).bytes(value, 1_000), new Writer()).finish()
/** An encoded payload with a record replaced or added in order; undefined: taken away. */
function withRecord(of: HopPayload, type: number, value: Uint8Array | undefined): Uint8Array {
  const others = split(encodeHopPayload(of)).filter(([each]) => each !== type)
  const all = value ? [...others, [type, value] as [number, Uint8Array]] : others
  return join(all.sort(([a], [b]) => a - b))
}

const refuses = (encoded: Uint8Array, last: boolean, type?: number) =>
  expect(() => decodeHopPayload(encoded, last))
    .to.throw(InvalidHopPayloadError)
    .with.property('type', type)

describe('Hop payload', () => {
  it('S16 says the same after it was written and read', () => {
    fc.assert(
      fc.property(payload, (any) => {
        expect(decodeHopPayload(encodeHopPayload(any), any.kind === 'final')).to.deep.equal(any)
      }),
    )
  })

  it('S15 is refused, or has the one form that writing it gives', () => {
    const damaged = fc.tuple(payload, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([any, at, value]) => {
      const good = encodeHopPayload(any)
      return good.with(at % good.length, value).slice(0, at % 3 === 0 ? at % good.length : undefined)
    })
    let read = 0
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), fc.boolean(), (any, last) => {
        let decoded: HopPayload
        try {
          decoded = decodeHopPayload(any, last)
        } catch (error) {
          expect(error).to.be.instanceOf(InvalidHopPayloadError)
          return
        }
        read++
        // What was not understood and could be ignored is gone; the rest has one form.
        const known = split(any).filter(([type]) => split(encodeHopPayload(decoded)).some(([each]) => each === type))
        expect(toHex(encodeHopPayload(decoded))).to.equal(toHex(join(known)))
      }),
      { numRuns: 1_000 },
    )
    expect(read).to.be.greaterThan(50)
  })

  it('is refused with an unknown even record, and read without an unknown odd one', () => {
    for (const [any, last] of [
      [example, false],
      [finalExample, true],
    ] as const) {
      for (const type of [22, 100, 1_000]) refuses(withRecord(any, type, Uint8Array.of(1)), last, type)
      for (const type of [5, 23, 101, 1_001])
        expect(decodeHopPayload(withRecord(any, type, Uint8Array.of(1)), last)).to.deep.equal(any)
    }
  })

  it('is for a hop or for the payee, never for both', () => {
    refuses(encodeHopPayload(example), true, 2)
    refuses(encodeHopPayload(finalExample), false, 16)
    refuses(withRecord(finalExample, 2, new Uint8Array(32)), true, 2)
    refuses(withRecord(example, 16, Uint8Array.of(1)), false, 16)
    // A hop has no use for a memo: odd, so ignored.
    expect(decodeHopPayload(withRecord(example, 1, Uint8Array.of(65)), false)).to.deep.equal(example)
  })

  it('is refused without any of the records it needs, or with one of another size', () => {
    for (const type of [2, 4, 6, 8, 10]) refuses(withRecord(example, type, undefined), false, type)
    for (const type of [4, 6, 8, 10, 14, 16, 18]) refuses(withRecord(finalExample, type, undefined), true, type)
    for (const type of [2, 4, 6, 8, 10, 12]) {
      refuses(withRecord(example, type, new Uint8Array(70).fill(1)), false, type)
      refuses(withRecord(example, type, new Uint8Array()), false, type)
    }
    for (const type of [1, 3, 14, 16, 18]) refuses(withRecord(finalExample, type, new Uint8Array()), true, type)
    refuses(withRecord(finalExample, 1, new Uint8Array(257).fill(65)), true, 1)
  })

  it('has its records in order, each once', () => {
    const records = split(encodeHopPayload(finalExample))
    refuses(join([...records].reverse()), true, records.at(-2)![0])
    refuses(join([records[0]!, ...records]), true, records[0]![0])
    refuses(Uint8Array.of(...encodeHopPayload(finalExample), 0x81), true)
    refuses(Uint8Array.of(0x82, 0x00, 0), true)
  })

  it('refuses numbers of zero, above their bound or with leading zeros', () => {
    for (const type of [6, 8, 16])
      for (const value of [Uint8Array.of(0), Uint8Array.of(0, 5), new Uint8Array(16).fill(0xff)])
        refuses(withRecord(finalExample, type, value), true, type)
    refuses(withRecord(finalExample, 6, fromUint(AMOUNT_BOUND, 14)), true, 6)
    refuses(withRecord(finalExample, 8, fromUint(1n << 64n, 9)), true, 8)
  })

  it('S14 refuses a part that is more than the whole payment', () => {
    refuses(withRecord(finalExample, 6, Uint8Array.of(8)), true, 16)
    expect(decodeHopPayload(withRecord(finalExample, 6, Uint8Array.of(7)), true)).to.have.property('amount', 7n)
  })

  it('has a share exactly in mode sprites, and one that is a scalar', () => {
    refuses(withRecord(finalExample, 10, Uint8Array.of(0)), true, 12)
    refuses(withRecord(finalExample, 12, new Uint8Array(32).fill(1)), true, 12)
    refuses(withRecord(finalExample, 10, Uint8Array.of(3)), true, 10)
    const sprites = { ...finalExample, mode: 'sprites', share: new Uint8Array(32).fill(1) } as const
    for (const bad of [new Uint8Array(32), new Uint8Array(32).fill(0xff)])
      refuses(withRecord(sprites, 12, bad), true, 12)
  })

  it('names an invoice or carries a secret, not both and not neither', () => {
    refuses(withRecord(finalExample, 20, new Uint8Array(32)), true, 14)
    refuses(withRecord(finalExample, 14, undefined), true, 14)
  })

  it('names neither for an outcome lock, which alone has a note', () => {
    const { invoice: _, memo: __, payerSignature: ___, ...rest } = finalExample
    const lock = { ...rest, mode: 'outcome', note: Uint8Array.of(1, 2) } as const
    expect(decodeHopPayload(encodeHopPayload(lock), true)).to.deep.equal(lock)
    refuses(withRecord(lock, 14, new Uint8Array(32)), true, 14)
    refuses(withRecord(lock, 20, new Uint8Array(32)), true, 14)
    refuses(withRecord(lock, 22, new Uint8Array(513)), true, 22)
    refuses(withRecord(finalExample, 22, Uint8Array.of(1)), true, 22)
  })

  it('S15 refuses a memo that is not UTF-8', () => {
    refuses(withRecord(finalExample, 1, Uint8Array.of(0xff)), true, 1)
  })

  it('is not written with what reading would refuse', () => {
    for (const bad of [
      { ...finalExample, amount: 0n },
      { ...finalExample, amount: AMOUNT_BOUND },
      { ...finalExample, total: 4n },
      { ...finalExample, deadline: 0n },
      { ...finalExample, memo: '' },
      { ...finalExample, memo: '\ud800' },
      { ...finalExample, memo: 'é'.repeat(129) },
      { ...finalExample, mode: 'sprites' as const },
      { ...finalExample, mode: 'fast' as 'plain' },
      { ...finalExample, secret: new Uint8Array(32) },
      { ...finalExample, payerSignature: new Uint8Array(65) },
    ])
      expect(() => encodeHopPayload(bad)).to.throw(UnencodableError)
  })
})
