import { expect } from 'chai'
import fc from 'fast-check'
import { netDivisible } from '../../../sdk/node/groups/netting.ts'
import type { OwnedWish } from '../../../sdk/protocols/joint.ts'
import { cutLast } from '../../../sdk/protocols/joint-wishes.ts'
import { wishOf } from '../protocols/joint-sides.ts'

const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n)

describe('netting in a group', () => {
  it('leaves nobody below zero, and pays no less than cutting the last does', () => {
    const edge = fc.record({ from: fc.nat(4), step: fc.integer({ min: 1, max: 4 }), amount: fc.bigInt(1n, 100n) })
    fc.assert(
      fc.property(fc.array(fc.bigInt(0n, 50n), { minLength: 5, maxLength: 5 }), fc.array(edge), (owned, edges) => {
        const wishes: OwnedWish[] = edges.map(({ from, step, amount }, index) => {
          return { from, wish: wishOf(index, (from + step) % 5, amount, true) }
        })
        const paid = netDivisible(owned, wishes)
        const left = [...owned]
        for (const [index, { from, wish }] of wishes.entries()) {
          expect(paid[index]! >= 0n && paid[index]! <= wish.amount).to.equal(true)
          left[from]! -= paid[index]!
          left[wish.to]! += paid[index]!
        }
        expect(left.every((amount) => amount >= 0n)).to.equal(true)
        expect(sum(paid) >= sum(cutLast(owned, wishes))).to.equal(true)
      }),
      { seed: 20_261_126, numRuns: 300 },
    )
  })
})
