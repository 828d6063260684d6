import { expect } from 'chai'
import fc from 'fast-check'
import { bucketOf, feeOf, isRound, roundDown, roundUp } from '../../../sdk/routing/policy.ts'
import './networks.ts'

const amount = fc.bigInt(0n, 1n << 106n)
const rate = fc.integer({ min: 0, max: 1_000_000 })

describe('a fee', () => {
  it('is the base and the share of the amount, rounded up', () => {
    expect(feeOf({ base: 2n, rate: 100 }, 1_000_000n)).to.equal(102n)
    expect(feeOf({ base: 2n, rate: 100 }, 1_000_001n)).to.equal(103n)
    expect(feeOf({ base: 0n, rate: 1 }, 1n)).to.equal(1n)
    expect(feeOf({ base: 5n, rate: 0 }, 1n << 100n)).to.equal(5n)
  })

  it('S41 is never less for many parts than for the whole', () => {
    fc.assert(
      fc.property(amount, amount, rate, fc.bigInt(0n, 1_000n), (a, b, part, base) => {
        const fee = (value: bigint) => feeOf({ base, rate: part }, value)
        expect(fee(a) + fee(b) >= fee(a + b)).to.equal(true)
      }),
    )
  })
})

describe('a round amount', () => {
  it('is what a double holds, and the nearest one on either side', () => {
    fc.assert(
      fc.property(amount, (any) => {
        const [below, above] = [roundDown(any), roundUp(any)]
        expect(isRound(below) && isRound(above)).to.equal(true)
        expect(below <= any && any <= above).to.equal(true)
        expect(isRound(any)).to.equal(below === any && above === any)
        expect(above - below <= 1n << 53n).to.equal(true)
      }),
    )
    expect(roundDown((1n << 53n) + 1n)).to.equal(1n << 53n)
    expect(roundUp((1n << 54n) - 1n)).to.equal(1n << 54n)
    expect(isRound((1n << 53n) + 1n)).to.equal(false)
    expect(isRound(10n ** 22n)).to.equal(true)
  })
})

describe('a bucket', () => {
  it('is the number of binary digits', () => {
    expect([0n, 1n, 2n, 3n, 4n, 1_023n, 1_024n, 1n << 105n].map(bucketOf)).to.deep.equal([0, 1, 2, 2, 3, 10, 11, 106])
  })
})
