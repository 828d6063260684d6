import { expect } from 'chai'
import fc from 'fast-check'
import { ByteQueue } from '../../../sdk/transport/byte-queue.ts'

describe('Byte queue', () => {
  it('gives out what was put in, whatever the sizes', () => {
    const step = fc.oneof(
      fc.record({ push: fc.uint8Array({ maxLength: 20 }) }),
      fc.record({ push: fc.uint8Array({ minLength: 1020, maxLength: 1030 }) }),
      fc.record({ take: fc.integer({ min: 0, max: 30 }) }),
      fc.record({ skip: fc.integer({ min: 0, max: 1500 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new ByteQueue()
        let model = Buffer.alloc(0)
        const taken: [Uint8Array, Buffer][] = []
        for (const action of steps) {
          if ('push' in action) {
            queue.push(action.push)
            model = Buffer.concat([model, action.push])
          } else if ('take' in action) {
            const bytes = queue.take(action.take)
            if (model.length < action.take) expect(bytes).to.equal(undefined)
            else taken.push([bytes!, model.subarray(0, action.take)])
            if (bytes) model = model.subarray(action.take)
          } else {
            const size = Math.min(action.skip, model.length)
            queue.skip(size)
            model = model.subarray(size)
          }
          expect(queue.length).to.equal(model.length)
          expect(queue.peekUint32()).to.equal(model.length < 4 ? undefined : model.readUInt32BE())
        }
        // Also later: what was given out does not change when more comes in.
        for (const [bytes, expected] of taken) expect(Buffer.compare(bytes, expected)).to.equal(0)
      }),
      { seed: 7 },
    )
  })

  it('S15 keeps few objects for many single bytes, and takes linear time', () => {
    const queue = new ByteQueue()
    const started = performance.now()
    for (let n = 0; n < 1_000_000; n++) queue.push(Uint8Array.of(n % 256))
    for (let n = 0; n < 1000; n++) expect(queue.take(1000)?.[1]).to.equal((n * 1000 + 1) % 256)
    expect(queue.length).to.equal(0)
    expect(performance.now() - started).to.be.below(5000)
  })
})
