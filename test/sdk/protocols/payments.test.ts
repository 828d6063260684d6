import { expect } from 'chai'
import fc from 'fast-check'
import { AMOUNT_BOUND } from '../../../sdk/core/state.ts'
import {
  assertAmount,
  idAfter,
  MAX_BATCH,
  packAmounts,
  packPayments,
  parseBatch,
  paymentId,
  paymentsOf,
} from '../../../sdk/protocols/payments.ts'

const amount = fc.oneof(
  fc.bigInt({ min: 1n, max: (1n << 32n) - 1n }),
  fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 1n, max: (1n << 100n) - 1n }),
)
const memo = fc.option(
  fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => text.isWellFormed()),
  { nil: undefined },
)
const id = fc.uint8Array({ minLength: 16, maxLength: 16 })

const hexOf = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}`

fc.configureGlobal({ seed: 42 })

describe('a batch of payments', () => {
  it('reads back as it was packed, with ids of its own', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ id, amount, memo }), { minLength: 1, maxLength: 50 }), (list) => {
        const given = list.map(({ memo: text, ...rest }) => (text ? { ...rest, memo: text } : rest))
        const batch = parseBatch(packPayments(given).bytes)
        expect([...paymentsOf(batch)]).to.deep.equal(given.map((each) => ({ ...each, id: hexOf(each.id) })))
        expect(batch.total).to.equal(given.reduce((sum, each) => sum + each.amount, 0n))
        expect(batch.count).to.equal(given.length)
      }),
    )
  })

  it('reads back as it was packed, with ids that count on', () => {
    fc.assert(
      fc.property(fc.array(amount, { minLength: 1, maxLength: 50 }), id, (amounts, base) => {
        const batch = parseBatch(packAmounts(amounts, base, new Map([[amounts.length - 1, 'last']])).bytes)
        const listed = [...paymentsOf(batch)]
        expect(listed.map((each) => each.amount)).to.deep.equal(amounts)
        expect(listed.map((each) => each.id)).to.deep.equal(amounts.map((_, i) => hexOf(idAfter(base, i))))
        expect(listed.at(-1)!.memo).to.equal('last')
      }),
    )
  })

  it('S15 S16 takes no bytes but those that packing makes', () => {
    fc.assert(
      fc.property(
        fc.array(amount, { minLength: 1, maxLength: 5 }),
        id,
        fc.nat(),
        fc.nat(255),
        (amounts, base, at, flip) => {
          const { bytes } = packAmounts(amounts, base, new Map([[0, 'memo']]))
          const broken = bytes.slice()
          broken[at % bytes.length]! ^= flip
          let parsed: ReturnType<typeof parseBatch> | undefined
          try {
            parsed = parseBatch(broken)
          } catch (error) {
            expect(error).to.have.property('code', 'MALFORMED_BYTES')
            return
          }
          // What still parses is another batch in its one canonical form.
          const list = [...paymentsOf(parsed)]
          const again = packPayments(list.map((each) => ({ ...each, id: paymentId(each.id) })))
          expect(again.bytes).to.deep.equal(broken)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('S16 names ids in one form: none that follow from the first are listed', () => {
    const base = new Uint8Array(16).fill(9)
    const listed = packPayments([
      { id: base, amount: 5n },
      { id: idAfter(base, 1), amount: 6n },
    ])
    expect(listed.bytes).to.deep.equal(packAmounts([5n, 6n], base).bytes)
    const other = packPayments([
      { id: base, amount: 5n },
      { id: idAfter(base, 2), amount: 6n },
    ]).bytes
    expect([...paymentsOf(parseBatch(other))]).to.have.length(2)
    const second = other.slice()
    second[2 + 31]! -= 1
    expect(() => parseBatch(second))
      .to.throw()
      .with.property('code', 'MALFORMED_BYTES')
  })

  it('S15 refuses truncated bytes and bytes that follow', () => {
    const { bytes } = packAmounts([1n, 2n], new Uint8Array(16), new Map([[1, 'x']]))
    for (let size = 0; size < bytes.length; size++) expect(() => parseBatch(bytes.slice(0, size))).to.throw()
    expect(() => parseBatch(Uint8Array.from([...bytes, 0]))).to.throw()
  })

  it('refuses a zero amount, in every width', () => {
    for (const other of [1n, 1n << 40n, 1n << 70n]) {
      const { bytes } = packAmounts([7n, other], new Uint8Array(16))
      const width = other === 1n ? 4 : other === 1n << 40n ? 8 : 16
      const zeroed = bytes.slice()
      zeroed.fill(0, 19, 19 + width)
      expect(() => parseBatch(zeroed))
        .to.throw()
        .with.property('code', 'MALFORMED_BYTES')
    }
  })

  it('refuses a column that is wider than it needs', () => {
    const { bytes } = packAmounts([1n << 40n], new Uint8Array(16))
    const wide = bytes.slice()
    wide.fill(0, 19, 23)
    expect(() => parseBatch(wide))
      .to.throw()
      .with.property('code', 'MALFORMED_BYTES')
    const wider = packAmounts([1n << 70n], new Uint8Array(16)).bytes.slice()
    wider.fill(0, 19, 27)
    expect(() => parseBatch(wider))
      .to.throw()
      .with.property('code', 'MALFORMED_BYTES')
  })

  it('refuses amounts and sums from 2^106 on, and what is no amount', () => {
    for (const wrong of [0n, -1n, AMOUNT_BOUND, 1 as unknown as bigint, undefined as unknown as bigint])
      expect(() => assertAmount(wrong))
        .to.throw()
        .with.property('code', 'INVALID_AMOUNT')
    expect(() => packAmounts([AMOUNT_BOUND - 1n, 1n], new Uint8Array(16)))
      .to.throw()
      .with.property('code', 'INVALID_AMOUNT')
    const { bytes } = packAmounts([AMOUNT_BOUND - 1n], new Uint8Array(16))
    const over = bytes.slice()
    over[19 + 2]! = 4
    expect(() => parseBatch(over))
      .to.throw()
      .with.property('code', 'MALFORMED_BYTES')
  })

  it('refuses memos that are too long, empty, out of order or not UTF-8', () => {
    const base = new Uint8Array(16)
    expect(() => packAmounts([1n], base, new Map([[0, 'x'.repeat(257)]])))
      .to.throw()
      .with.property('code', 'INVALID_MEMO')
    expect(() => packAmounts([1n], base, new Map([[0, '\ud800']])))
      .to.throw()
      .with.property('code', 'INVALID_MEMO')
    const { bytes } = packAmounts(
      [1n, 2n],
      base,
      new Map([
        [0, 'a'],
        [1, 'b'],
      ]),
    )
    const memos = bytes.length - 6
    const change = (at: number, value: number) => {
      const changed = bytes.slice()
      changed[memos + at] = value
      return () => parseBatch(changed)
    }
    expect(change(3, 0), 'the same index twice').to.throw()
    expect(change(0, 9), 'an index beyond the list').to.throw()
    expect(change(1, 0), 'an empty memo').to.throw()
    expect(change(2, 0xff), 'no UTF-8').to.throw()
  })

  it('holds at most 65,536 payments', () => {
    const amounts = new Array<bigint>(MAX_BATCH).fill(1n)
    expect(parseBatch(packAmounts(amounts, new Uint8Array(16)).bytes).total).to.equal(BigInt(MAX_BATCH))
    expect(() => packAmounts([...amounts, 1n], new Uint8Array(16))).to.throw()
    expect(() => packAmounts([], new Uint8Array(16))).to.throw()
  })
})
