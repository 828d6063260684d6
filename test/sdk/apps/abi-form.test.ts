import { expect } from 'chai'
import fc from 'fast-check'
import { decode, encode, type Parameter } from 'ox/AbiParameters'
import { decodeForm, encodeForm, formOf } from '../../../sdk/apps/abi-form.ts'
import { NotCanonicalError } from '../../../sdk/apps/abi-tape.ts'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'

// Forms against ox, which is another reading of the same specification.

const SEED = 20_261_128
const RUNS = 150

interface Typed {
  readonly parameter: Parameter
  readonly values: fc.Arbitrary<unknown>
}

const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes): unknown => toHex(bytes))

const integerOf = (bits: number, isSigned: boolean): Typed => {
  const [least, most] = isSigned
    ? [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]
    : [0n, (1n << BigInt(bits)) - 1n]
  const values = fc.oneof(fc.bigInt(least, most), fc.constantFrom(least, most, 0n))
  return {
    parameter: { name: '', type: `${isSigned ? 'int' : 'uint'}${bits}` },
    values: bits <= 48 ? values.map(Number) : values,
  }
}

const words: fc.Arbitrary<Typed> = fc.oneof(
  fc
    .record({ bytes: fc.integer({ min: 1, max: 32 }), isSigned: fc.boolean() })
    .map(({ bytes, isSigned }) => integerOf(8 * bytes, isSigned)),
  fc.integer({ min: 1, max: 32 }).map((size) => ({ parameter: { name: '', type: `bytes${size}` }, values: hex(size) })),
  fc.constantFrom<Typed>(
    { parameter: { name: '', type: 'bool' }, values: fc.boolean() },
    { parameter: { name: '', type: 'address' }, values: hex(20) },
    { parameter: { name: '', type: 'bytes' }, values: fc.uint8Array({ maxLength: 70 }).map((bytes) => toHex(bytes)) },
    { parameter: { name: '', type: 'string' }, values: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  ),
)

const named = (name: string, { parameter }: Typed): Parameter => ({ ...parameter, name }) as Parameter

const { typed } = fc.letrec<{ typed: Typed }>((tie) => ({
  typed: fc.oneof(
    { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
    words,
    tie('typed').map((of) => ({
      parameter: { ...of.parameter, type: `${of.parameter.type}[]` } as Parameter,
      values: fc.array(of.values, { maxLength: 4 }),
    })),
    fc.tuple(tie('typed'), fc.integer({ min: 1, max: 3 })).map(([of, count]) => ({
      parameter: { ...of.parameter, type: `${of.parameter.type}[${count}]` } as Parameter,
      values: fc.array(of.values, { minLength: count, maxLength: count }),
    })),
    fc.array(tie('typed'), { minLength: 1, maxLength: 4 }).map((fields) => ({
      parameter: {
        name: '',
        type: 'tuple',
        components: fields.map((field, index) => named(`f${index}`, field)),
      } as Parameter,
      values: fc.record(Object.fromEntries(fields.map(({ values }, index) => [`f${index}`, values]))),
    })),
  ),
}))

const sample = typed.chain(({ parameter, values }) => fc.tuple(fc.constant(parameter), values))

/** What ox reads, if it would write just these bytes. */
function oxDecode(parameter: Parameter, bytes: Uint8Array): unknown {
  try {
    const [value] = decode([parameter], bytes, { checksumAddress: false }) as readonly unknown[]
    return encode([parameter], [value] as never) === toHex(bytes) ? value : undefined
  } catch {
    return undefined
  }
}

function formDecode(parameter: Parameter, bytes: Uint8Array): unknown {
  try {
    return decodeForm(formOf(parameter), bytes)
  } catch (error) {
    expect(error).to.be.instanceOf(NotCanonicalError)
    return undefined
  }
}

describe('Forms of an ABI', () => {
  it('are written as ox writes them, and read back', () => {
    fc.assert(
      fc.property(sample, ([parameter, value]) => {
        const bytes = encodeForm(formOf(parameter), value)
        expect(toHex(bytes)).to.equal(encode([parameter], [value] as never))
        expect(decodeForm(formOf(parameter), bytes)).to.deep.equal(value)
      }),
      { seed: SEED, numRuns: RUNS },
    )
  })

  it('are read only from the one canonical form', () => {
    const damage = fc.record({
      at: fc.nat(),
      to: fc.constantFrom(0, 1, 2, 31, 32, 64, 96, 127, 128, 255),
      tail: fc.constantFrom(-1, 0, 0, 0, 32),
    })
    fc.assert(
      fc.property(sample, fc.array(damage, { maxLength: 2 }), ([parameter, value], damages) => {
        let bytes = toBytes(encode([parameter], [value] as never))
        for (const { at, to, tail } of damages) {
          if (bytes.length > 0) bytes = bytes.with(at % bytes.length, to)
          if (tail !== 0) bytes = Uint8Array.from({ length: Math.max(0, bytes.length + tail) }, (_, i) => bytes[i] ?? 0)
        }
        expect(formDecode(parameter, bytes)).to.deep.equal(oxDecode(parameter, bytes))
      }),
      { seed: SEED, numRuns: 3 * RUNS },
    )
  })

  it('refuse values that do not fit', () => {
    const wrong: [string, unknown][] = [
      ['uint8', 256],
      ['uint8', -1],
      ['uint8', 0.5],
      ['uint8', '1'],
      ['int8', 128],
      ['int256', 1n << 255n],
      ['uint256', -1n],
      ['uint64', undefined],
      ['bool', 1],
      ['bytes4', '0x00'],
      ['bytes', 'text'],
      ['address', '0x00'],
      ['string', 1],
      ['uint8[2]', [1]],
      ['uint8[]', 'text'],
    ]
    for (const [type, value] of wrong)
      expect(() => encodeForm(formOf({ name: '', type } as Parameter), value), type).to.throw()
    const struct = { name: '', type: 'tuple', components: [{ name: 'a', type: 'uint8' }] } as Parameter
    for (const value of [undefined, null, 1, {}]) expect(() => encodeForm(formOf(struct), value)).to.throw()
  })

  it('are those of types that an ABI has', () => {
    for (const type of ['uint7', 'uint264', 'bytes33', 'bytes0', 'fixed', 'function', ''])
      expect(() => formOf({ name: '', type } as Parameter), type).to.throw(TypeError)
  })

  it('make nothing of a length that no bytes follow', () => {
    const bytes = toBytes(`0x${'20'.padStart(64, '0')}${'ffffffff'.padStart(64, '0')}`)
    for (const type of ['uint8[]', 'bytes', 'string', 'uint8[][]'])
      expect(formDecode({ name: '', type } as Parameter, bytes), type).to.equal(undefined)
  })
})
