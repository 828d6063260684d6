import { expect } from 'chai'
import fc from 'fast-check'
import { Heap } from '../../../sdk/routing/heap.ts'
import './networks.ts'

describe('a heap', () => {
  it('gives items in the order of their keys, however they came', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(50)), { maxLength: 600 }), (steps) => {
        const heap = new Heap()
        const model: number[] = []
        for (const step of steps) {
          // Nothing: take one out.
          if (step !== null) {
            heap.push(step, step + 1_000)
            model.push(step)
            model.sort((a, b) => a - b)
          } else if (model.length > 0) {
            const least = model.shift()!
            expect([heap.least, heap.first]).to.deep.equal([least, least + 1_000])
            expect(heap.pop()).to.equal(least + 1_000)
          }
          expect(heap.size).to.equal(model.length)
        }
      }),
    )
  })

  it('has no least key when it is empty, and is empty when it is cleared', () => {
    const heap = new Heap()
    expect(heap.least).to.equal(Number.POSITIVE_INFINITY)
    for (let i = 0; i < 1_000; i++) heap.push(1_000 - i, i)
    expect(heap.least).to.equal(1)
    heap.clear()
    expect([heap.least, heap.size]).to.deep.equal([Number.POSITIVE_INFINITY, 0])
  })
})
