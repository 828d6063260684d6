import { expect } from 'chai'
import fc from 'fast-check'
import {
  batchProof,
  batchTree,
  InvalidBatchError,
  MAX_BATCH_DEPTH,
  provenRoot,
  rootOf,
} from '../../../sdk/core/batch.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import { keccak256 } from '../../../sdk/core/keccak.ts'
import './arbitraries.ts'

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 })
const digests = fc.array(digest, { minLength: 1, maxLength: 70 })

describe('Batch', () => {
  it('proves every digest it holds', () => {
    fc.assert(
      fc.property(digests, (all) => {
        const tree = batchTree(all)
        for (const [index, one] of all.entries())
          expect(provenRoot(one, batchProof(tree, index))).to.deep.equal(rootOf(tree))
      }),
    )
  })

  it('C14 proves no other digest, and no node of its own', () => {
    fc.assert(
      fc.property(fc.uniqueArray(digest, { minLength: 2, maxLength: 20, selector: toHex }), digest, (all, stranger) => {
        fc.pre(!all.some((one) => toHex(one) === toHex(stranger)))
        const tree = batchTree(all)
        const proof = batchProof(tree, 0)
        expect(provenRoot(stranger, proof)).to.not.deep.equal(rootOf(tree))
        expect(provenRoot(all[1]!, proof)).to.not.deep.equal(rootOf(tree))
        // A node stands for 65 bytes that begin with 1, a digest for 66 that begin with 0x19.
        expect(provenRoot(all[0]!, { ...proof, path: proof.path ^ 1 })).to.not.deep.equal(rootOf(tree))
      }),
    )
  })

  it('of one digest is that digest', () => {
    const one = keccak256(new Uint8Array(1))
    expect(rootOf(batchTree([one]))).to.deep.equal(one)
    expect(batchProof(batchTree([one]), 0)).to.deep.equal({ path: 0, siblings: [] })
  })

  it('hashes a pair as 1, left, right', () => {
    const [left, right] = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(4)]
    expect(rootOf(batchTree([left, right]))).to.deep.equal(keccak256(Uint8Array.of(1, ...left, ...right)))
  })

  it('stays as deep as it must be', () => {
    for (const [size, depth] of [
      [1, 0],
      [2, 1],
      [3, 2],
      [64, 6],
      [65, 7],
    ] as const) {
      const tree = batchTree(Array.from({ length: size }, () => new Uint8Array(32)))
      expect(batchProof(tree, 0).siblings.length, `${size}`).to.equal(depth)
    }
  })

  it('is refused empty or above 2^20 digests', () => {
    expect(() => batchTree([]))
      .to.throw(InvalidBatchError)
      .with.property('code', 'INVALID_BATCH')
    expect(() => batchTree(new Array(2 ** MAX_BATCH_DEPTH + 1).fill(new Uint8Array(32))))
      .to.throw(InvalidBatchError)
      .with.property('size', 2 ** 20 + 1)
  })
})
