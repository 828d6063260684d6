import { expect } from 'chai'
import fc from 'fast-check'
import { MalformedBytesError, Reader, UnencodableError, Writer } from '../../../sdk/core/codec.ts'
import './arbitraries.ts'

const uint = (bits: bigint) => fc.bigInt(0n, (1n << bits) - 1n)

/** Each field's values, and how it is written and read. */
const fields = {
  u8: {
    values: fc.integer({ min: 0, max: 0xff }),
    write: (w: Writer, v: number) => w.u8(v),
    read: (r: Reader) => r.u8(),
  },
  u16: {
    values: fc.integer({ min: 0, max: 0xffff }),
    write: (w: Writer, v: number) => w.u16(v),
    read: (r: Reader) => r.u16(),
  },
  u32: {
    values: fc.integer({ min: 0, max: 0xffff_ffff }),
    write: (w: Writer, v: number) => w.u32(v),
    read: (r: Reader) => r.u32(),
  },
  u64: { values: uint(64n), write: (w: Writer, v: bigint) => w.u64(v), read: (r: Reader) => r.u64() },
  u128: { values: uint(128n), write: (w: Writer, v: bigint) => w.u128(v), read: (r: Reader) => r.u128() },
  i128: {
    values: fc.bigInt(-(1n << 127n), (1n << 127n) - 1n),
    write: (w: Writer, v: bigint) => w.i128(v),
    read: (r: Reader) => r.i128(),
  },
  u256: { values: uint(256n), write: (w: Writer, v: bigint) => w.u256(v), read: (r: Reader) => r.u256() },
  bool: { values: fc.boolean(), write: (w: Writer, v: boolean) => w.bool(v), read: (r: Reader) => r.bool() },
  varuint: { values: fc.maxSafeNat(), write: (w: Writer, v: number) => w.varuint(v), read: (r: Reader) => r.varuint() },
  uint: {
    values: fc.oneof(uint(112n), uint(9n), fc.constant(0n)),
    write: (w: Writer, v: bigint) => w.uint(v, 14),
    read: (r: Reader) => r.uint(14),
  },
  raw: {
    values: fc.uint8Array({ minLength: 5, maxLength: 5 }),
    write: (w: Writer, v: Uint8Array) => w.raw(v),
    read: (r: Reader) => r.raw(5),
  },
  bytes: {
    values: fc.uint8Array({ maxLength: 300 }),
    write: (w: Writer, v: Uint8Array) => w.bytes(v, 300),
    read: (r: Reader) => r.bytes(300),
  },
  text: {
    values: fc.string({ unit: 'grapheme', maxLength: 40 }),
    write: (w: Writer, v: string) => w.text(v, 4_000),
    read: (r: Reader) => r.text(4_000),
  },
  hex: {
    values: fc.uint8Array({ minLength: 3, maxLength: 3 }).map((b) => `0x${Buffer.from(b).toString('hex')}`),
    write: (w: Writer, v: string) => w.hex(v, 3),
    read: (r: Reader) => r.hex(3),
  },
}
type Field = { name: string; value: unknown; write: (w: Writer, v: never) => Writer; read: (r: Reader) => unknown }

const field: fc.Arbitrary<Field> = fc.oneof(
  ...Object.entries(fields).map(([name, { values, write, read }]) =>
    (values as fc.Arbitrary<unknown>).map((value) => ({ name, value, write: write as Field['write'], read })),
  ),
)
const frame = fc.array(field, { minLength: 1, maxLength: 12 })
const written = (all: readonly Field[]) =>
  all.reduce((writer, { value, write }) => write(writer, value as never), new Writer(1)).finish()

const malformed = (action: () => unknown, fact: string) =>
  expect(action).to.throw(MalformedBytesError, fact).with.property('code', 'MALFORMED_BYTES')
const unencodable = (action: () => unknown) =>
  expect(action).to.throw(UnencodableError).with.property('code', 'UNENCODABLE')

describe('Codec', () => {
  it('S16 reads back every field it wrote', () => {
    fc.assert(
      fc.property(frame, (all) => {
        const reader = new Reader(written(all))
        for (const { name, value, read } of all) expect(read(reader), name).to.deep.equal(value)
        reader.end()
      }),
    )
  })

  it('S15 refuses every frame that is cut short, and every one that goes on', () => {
    fc.assert(
      fc.property(frame, fc.nat(), (all, cut) => {
        const bytes = written(all)
        const readAll = (from: Uint8Array) => {
          const reader = new Reader(from)
          for (const { read } of all) read(reader)
          reader.end()
        }
        expect(() => readAll(bytes.slice(0, cut % bytes.length))).to.throw(MalformedBytesError)
        expect(() => readAll(Uint8Array.of(...bytes, 0))).to.throw(MalformedBytesError, '1 bytes follow the end')
      }),
    )
  })

  it('S15 answers arbitrary bytes with values or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), frame, (bytes, all) => {
        const reader = new Reader(bytes)
        try {
          for (const { read } of all) read(reader)
        } catch (error) {
          expect(error).to.be.instanceOf(MalformedBytesError)
        }
      }),
    )
  })

  it('reads from the middle of a larger buffer, and hands out copies', () => {
    const buffer = Uint8Array.of(9, 9, 1, 2, 3, 9)
    const reader = new Reader(buffer.subarray(2, 5))
    const copy = reader.raw(2)
    buffer[2] = 7
    expect([...copy]).to.deep.equal([1, 2])
    expect(reader.left).to.equal(1)
    malformed(() => reader.u16(), '2 bytes are needed and 1 are left (at byte 2)')
  })

  it('S16 takes a number in its shortest form only', () => {
    expect([...new Writer().varuint(300).finish()]).to.deep.equal([0xac, 0x02])
    malformed(() => new Reader(Uint8Array.of(0x80, 0x00)).varuint(), 'shortest form')
    malformed(() => new Reader(Uint8Array.of(0xac, 0x82, 0x00)).varuint(), 'shortest form')
    expect(new Reader(Uint8Array.of(0)).varuint()).to.equal(0)
  })

  it('S16 takes a number of any size without leading zeros only, and within its bound', () => {
    expect([...new Writer().uint(258n, 4).uint(0n, 4).finish()]).to.deep.equal([2, 1, 2, 0])
    malformed(() => new Reader(Uint8Array.of(2, 0, 5)).uint(4), 'leading zeros')
    malformed(() => new Reader(Uint8Array.of(1, 0)).uint(4), 'leading zeros')
    malformed(() => new Reader(Uint8Array.of(5, 1, 1, 1, 1, 1)).uint(4), 'above its limit 4')
  })

  it('S15 stops at numbers above their limit, endless ones included', () => {
    malformed(() => new Reader(new Writer().varuint(301).finish()).varuint(300), 'above its limit 300')
    malformed(() => new Reader(new Uint8Array(1_000).fill(0x80)).varuint(), 'above its limit')
    malformed(() => new Reader(new Uint8Array(1_000).fill(0xff)).varuint(), 'above its limit')
    expect(new Reader(new Writer().varuint(Number.MAX_SAFE_INTEGER).finish()).varuint()).to.equal(
      Number.MAX_SAFE_INTEGER,
    )
  })

  it('S15 allocates nothing for a length that is not there', () => {
    const lie = new Writer().varuint(2 ** 40).finish()
    malformed(() => new Reader(lie).bytes(100), 'above its limit 100')
    malformed(() => new Reader(lie).bytes(Number.MAX_SAFE_INTEGER), 'bytes are needed')
  })

  it('S15 refuses text that is not UTF-8', () => {
    for (const bad of [[0xc3], [0xff], [0xed, 0xa0, 0x80], [0xc0, 0x80]])
      malformed(() => new Reader(Uint8Array.of(bad.length, ...bad)).text(10), 'not valid UTF-8')
  })

  it('S16 keeps a byte order mark that a text begins with', () => {
    expect(new Reader(new Writer().text('\ufeffa', 10).finish()).text(10)).to.equal('\ufeffa')
  })

  it('S15 takes only 0 and 1 for a truth value', () => {
    malformed(() => new Reader(Uint8Array.of(2)).bool(), 'neither true nor false')
  })

  it('refuses to write what does not fit', () => {
    unencodable(() => new Writer().u8(256))
    unencodable(() => new Writer().u8(-1))
    unencodable(() => new Writer().u16(0.5))
    unencodable(() => new Writer().u32(Number.NaN))
    for (const value of [-1n, 1n << 256n]) {
      unencodable(() => new Writer().u64(value))
      unencodable(() => new Writer().u128(value))
      unencodable(() => new Writer().u256(value))
    }
    unencodable(() => new Writer().i128(1n << 127n))
    unencodable(() => new Writer().i128(-(1n << 127n) - 1n))
    for (const value of [-1n, 1n << 32n]) unencodable(() => new Writer().uint(value, 4))
    unencodable(() => new Writer().varuint(2 ** 53))
    unencodable(() => new Writer().varuint(-1))
    unencodable(() => new Writer().bytes(new Uint8Array(3), 2))
    unencodable(() => new Writer().text('\ud800', 10))
    unencodable(() => new Writer().text('é', 1))
  })
})
