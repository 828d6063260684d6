import { secp256k1 } from '@noble/curves/secp256k1.js'
import { expect } from 'chai'
import { concat } from 'ethers'
import fc from 'fast-check'
import { batchDigest, batchTree, provenRoot, rootOf } from '../../sdk/core/batch.ts'
import { domainSeparator } from '../../sdk/core/eip712.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import { ZERO_HASH } from '../../sdk/core/state.ts'
import type { Address } from '../../sdk/core/types.ts'
import { sessionSigner, signBatch } from '../../sdk/signing/session.ts'
import { verifyEnvelope } from '../../sdk/signing/signature.ts'

import { ethers, harness } from './harness.ts'

describe('SDK and contracts on signatures', () => {
  const domain = { chainId: 31_337n, adjudicator: `0x${'ad'.repeat(20)}` } as const
  const separator = domainSeparator(domain)
  const alice = sessionSigner(new Uint8Array(32).fill(5))
  const digests = Array.from({ length: 5 }, (_, i) => new Uint8Array(32).fill(i + 1))
  const countsOnChain = async (envelope: Uint8Array, digest: Uint8Array, signer: Address) =>
    (await harness('signerOf', envelope, digest, separator)).toLowerCase() === signer

  it('C8 count and refuse the same envelopes, damaged in any byte', async () => {
    const good = [...signBatch(alice, domain, digests), ...signBatch(alice, domain, digests.slice(0, 1))]
    const damaged = fc.tuple(fc.constantFrom(...good.keys()), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(3))
    await fc.assert(
      fc.asyncProperty(damaged, async ([which, at, value, kind]) => {
        const envelope = good[which]!
        const index = at % envelope.length
        const bytes = [
          envelope,
          envelope.with(index, value),
          envelope.slice(0, index),
          Uint8Array.of(...envelope, value),
        ][kind]!
        const digest = digests[which % 5]!
        const here = verifyEnvelope(domain, digest, bytes, alice.address)
        const there = await countsOnChain(bytes, digest, alice.address)
        // The SDK may be stricter (path bits that nobody reads), never more lenient.
        if (here) expect(there).to.equal(true)
        if (there) expect(here || isPathOnly(envelope, bytes)).to.equal(true)
      }),
      { numRuns: 200 },
    )
  })

  const isPathOnly = (envelope: Uint8Array, bytes: Uint8Array) =>
    bytes.length === envelope.length && bytes.every((byte, i) => byte === envelope[i] || (i >= 65 && i < 69))

  it('C8 count nobody’s batch that is deeper than 20 levels, even one forged for a digest of zero', async () => {
    // Anyone can make r = (kP).x, s = r / k a signature of P over a digest of zero, so no such digest may reach ecrecover.
    const { Fn } = secp256k1.Point
    const nonce = secp256k1.Point.fromBytes(secp256k1.getPublicKey(new Uint8Array(32).fill(5)))
      .multiply(12_345n)
      .toAffine()
    const r = Fn.create(nonce.x)
    const s = Fn.div(r, 12_345n)
    const low = s > Fn.ORDER / 2n
    const yParityAndS = (low ? Fn.ORDER - s : s) | ((low ? nonce.y ^ 1n : nonce.y) & 1n ? 1n << 255n : 0n)
    const forged = concat([ethers.toBeHex(r, 32), ethers.toBeHex(yParityAndS, 32)])
    // The forgery itself is sound: over zero it recovers to alice.
    expect((await harness('signerOf', concat(['0x00', forged]), ZERO_HASH, separator)).toLowerCase()).to.equal(
      alice.address,
    )
    const envelope = concat(['0x01', forged, '0x00000000', new Uint8Array(32 * 21)])
    expect(await harness('signerOf', envelope, digests[0]!, separator)).to.equal(ethers.ZeroAddress)
  })

  it('C8 take a batch of exactly 20 levels', async () => {
    const siblings = Array.from({ length: 20 }, (_, level) => new Uint8Array(32).fill(level))
    const proof = { path: 0b1010_1100_1111_0000_1010, siblings }
    const signature = alice.sign(batchDigest(domain, provenRoot(digests[0]!, proof)))
    const envelope = encodeEnvelope({ kind: 'batched', signature, proof })
    expect(await countsOnChain(envelope, digests[0]!, alice.address)).to.equal(true)
    expect(verifyEnvelope(domain, digests[0]!, envelope, alice.address)).to.equal(true)
  })

  it('C14 take no signature over a batch’s root for one over the digest', async () => {
    const root = rootOf(batchTree(digests))
    const direct = encodeEnvelope({ kind: 'direct', signature: alice.sign(batchDigest(domain, root)) })
    expect(await countsOnChain(direct, root, alice.address)).to.equal(false)
  })
})
