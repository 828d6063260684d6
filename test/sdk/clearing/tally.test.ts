import { expect } from 'chai'
import fc from 'fast-check'
import { buildTally, growTally, newTally, type Row, sumWord, topOf, topOfGrowing } from '../../../sdk/clearing/tally.ts'

describe('A tally that grows', () => {
  const row: fc.Arbitrary<Row> = fc.record({
    hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    sums: fc.array(
      fc.bigInt(0n, 1n << 100n).map((high) => sumWord(high, high >> 3n)),
      { minLength: 2, maxLength: 2 },
    ),
  })

  it('has after every leaf the top of the whole tree', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), fc.nat(40), (rows, cut) => {
        const grown = growTally(growTally(newTally(2), rows.slice(0, cut)), rows.slice(cut))
        expect(topOfGrowing(grown)).to.deep.equal(topOf(buildTally(rows, 2)))
        expect(grown.count).to.equal(rows.length)
      }),
      { seed: 1 },
    )
  })

  it('leaves what it grew from as it was', () => {
    const one = growTally(newTally(1), [{ hash: new Uint8Array(32).fill(7), sums: [5n] }])
    const before = topOfGrowing(one)
    growTally(one, [{ hash: new Uint8Array(32).fill(8), sums: [6n] }])
    expect(topOfGrowing(one)).to.deep.equal(before)
  })
})
