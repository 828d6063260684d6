import { execFile } from 'node:child_process'
import { inspect, promisify } from 'node:util'
import { expect } from 'chai'
import { computeAddress, recoverAddress, Signature, SigningKey } from 'ethers'
import fc from 'fast-check'
import { InvalidBatchError } from '../../../sdk/core/batch.ts'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'
import { decodeEnvelope, encodeEnvelope } from '../../../sdk/core/envelope.ts'
import type { Domain } from '../../../sdk/core/types.ts'
import {
  InvalidDigestError,
  InvalidPrivateKeyError,
  sessionSigner,
  signBatch,
  signDirect,
  toLongSignature,
} from '../../../sdk/signing/session.ts'
import { recoverSigner, verifyEnvelope, verifySignature } from '../../../sdk/signing/signature.ts'
import { bytes32 } from '../core/arbitraries.ts'

const run = promisify(execFile)
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const domain: Domain = { chainId: 1n, adjudicator: `0x${'ad'.repeat(20)}` }
const keyHex = `0x${'4b'.repeat(32)}`
const alice = sessionSigner(toBytes(keyHex))
const bob = sessionSigner(new Uint8Array(32).fill(7))
const digest = new Uint8Array(32).fill(9)
const privateKey = fc.bigInt(1n, ORDER - 1n).map((value) => toBytes(`0x${value.toString(16).padStart(64, '0')}`))

describe('Session signer', () => {
  it('S16 signs what ethers recovers, as ethers would sign it', () => {
    fc.assert(
      fc.property(privateKey, bytes32, (key, message) => {
        const signer = sessionSigner(key)
        const signature = signer.sign(toBytes(message))
        const ethersKey = new SigningKey(toHex(key))
        expect(signer.address).to.equal(computeAddress(ethersKey.publicKey).toLowerCase())
        expect(toHex(signature)).to.equal(ethersKey.sign(message).compactSerialized)
        expect(toHex(toLongSignature(signature))).to.equal(ethersKey.sign(message).serialized)
        expect(recoverAddress(message, Signature.from(toHex(signature))).toLowerCase()).to.equal(signer.address)
      }),
      { numRuns: 50 },
    )
  })

  it('refuses keys that are none, and says nothing of them', () => {
    const bad = [
      new Uint8Array(32),
      new Uint8Array(31).fill(0x77),
      new Uint8Array(33).fill(0x77),
      new Uint8Array(32).fill(0xff),
    ]
    for (const key of bad) {
      try {
        sessionSigner(key)
        expect.fail('accepted')
      } catch (error) {
        expect(error).to.be.instanceOf(InvalidPrivateKeyError).with.property('code', 'INVALID_PRIVATE_KEY')
        expect(inspect(error, { depth: null, showHidden: true })).to.not.match(/7777|119,|ffff|255,/)
      }
    }
  })

  it('signs digests of 32 bytes and nothing else', () => {
    for (const size of [0, 31, 33])
      expect(() => alice.sign(new Uint8Array(size)))
        .to.throw(InvalidDigestError)
        .with.property('code', 'INVALID_DIGEST')
  })

  it('shows its address and never its key', () => {
    const shown = [
      inspect(alice, { depth: null, showHidden: true }),
      JSON.stringify(alice),
      String(alice),
      Object.keys(alice).join(),
    ]
    for (const text of shown) expect(text).to.not.match(/4b4b|75, 75|75,75/i)
    expect(JSON.parse(JSON.stringify(alice))).to.deep.equal({ address: alice.address })
  })

  it('keeps signing with its key after the caller has wiped the array', () => {
    const key = toBytes(keyHex)
    const signer = sessionSigner(key)
    key.fill(0)
    expect(signer.sign(digest)).to.deep.equal(alice.sign(digest))
  })

  it('signs and recovers the same where WebAssembly is forbidden', async () => {
    const script = `
      WebAssembly.compile = () => Promise.reject(new Error('forbidden'))
      const { sessionSigner } = await import('./sdk/signing/session.ts')
      const { recoverSigner } = await import('./sdk/signing/signature.ts')
      const signer = sessionSigner(new Uint8Array(32).fill(0x4b))
      const digest = new Uint8Array(32).fill(9)
      const signature = signer.sign(digest)
      console.log(JSON.stringify([signer.address, Buffer.from(signature).toString('hex'), recoverSigner(digest, signature)]))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script])
    expect(JSON.parse(stdout)).to.deep.equal([alice.address, toHex(alice.sign(digest)).slice(2), alice.address])
  })
})

describe('Signature', () => {
  const compact = alice.sign(digest)
  const long = toLongSignature(compact)

  it('counts in both its forms, for its digest and signer alone', () => {
    for (const signature of [compact, long]) {
      expect(verifySignature(digest, signature, alice.address)).to.equal(true)
      expect(verifySignature(digest, signature, bob.address)).to.equal(false)
      expect(verifySignature(digest.with(0, 1), signature, alice.address)).to.equal(false)
    }
    expect(
      verifySignature(digest, compact, alice.address.toUpperCase().replace('0X', '0x') as typeof alice.address),
    ).to.equal(true)
  })

  it('C8 is refused with high s', () => {
    const { r, s, v } = Signature.from(toHex(long))
    const high = (ORDER - BigInt(s)).toString(16).padStart(64, '0')
    const flipped = toBytes(`${r}${high}${v === 27 ? '1c' : '1b'}`)
    // The very same point, so that only the rule keeps it out.
    expect(recoverSigner(digest, flipped)).to.equal(undefined)
  })

  it('C8 is refused with an s of half the order plus one, and only then', () => {
    const withS = (s: bigint) => toBytes(`${toHex(compact.slice(0, 32))}${s.toString(16).padStart(64, '0')}1b`)
    expect(recoverSigner(digest, withS(ORDER / 2n))).to.not.equal(undefined)
    expect(recoverSigner(digest, withS(ORDER / 2n + 1n))).to.equal(undefined)
  })

  it('C8 is refused with a bad v, a wrong length, or empty', () => {
    for (const v of [0, 1, 26, 29, 255]) expect(recoverSigner(digest, long.with(64, v)), `${v}`).to.equal(undefined)
    for (const bytes of [new Uint8Array(), compact.slice(1), Uint8Array.of(...long, 0), long.slice(0, 63)])
      expect(recoverSigner(digest, bytes)).to.equal(undefined)
    expect(recoverSigner(digest.slice(1), compact)).to.equal(undefined)
  })

  it('C9 is refused if r or s is zero', () => {
    expect(recoverSigner(digest, new Uint8Array(64))).to.equal(undefined)
    expect(recoverSigner(digest, Uint8Array.of(...compact.slice(0, 32), ...new Uint8Array(32)))).to.equal(undefined)
    expect(recoverSigner(digest, Uint8Array.of(...new Uint8Array(32).fill(0xff), ...compact.slice(32)))).to.equal(
      undefined,
    )
  })

  it('S11 is refused with its parity flipped, though it is still a signature by that key', () => {
    // A verification against the public key would pass, and the chain would see a stranger.
    expect(verifySignature(digest, compact.with(32, compact[32]! ^ 0x80), alice.address)).to.equal(false)
    expect(verifySignature(digest, long.with(64, long[64]! === 27 ? 28 : 27), alice.address)).to.equal(false)
  })

  it('S15 of arbitrary bytes is refused or recovers as ethers does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (bytes) => {
        let expected: string | undefined
        try {
          expected = recoverAddress(toHex(digest), Signature.from(toHex(bytes))).toLowerCase()
        } catch {
          expected = undefined
        }
        expect(recoverSigner(digest, bytes)).to.equal(expected)
      }),
      { numRuns: 50 },
    )
  })
})

describe('Signature over many digests', () => {
  const digests = (count: number) => Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(i + 1))

  it('counts for each digest, and for none of the others', () => {
    for (const count of [1, 2, 3, 7, 64]) {
      const all = digests(count)
      const envelopes = signBatch(alice, domain, all)
      for (const [index, envelope] of envelopes.entries()) {
        expect(verifyEnvelope(domain, all[index]!, envelope, alice.address)).to.equal(true)
        expect(verifyEnvelope(domain, new Uint8Array(32), envelope, alice.address)).to.equal(false)
        expect(verifyEnvelope(domain, all[index]!, envelope, bob.address)).to.equal(false)
      }
    }
  })

  it('C4 counts in its own domain alone', () => {
    const [envelope] = signBatch(alice, domain, digests(2))
    expect(verifyEnvelope({ ...domain, chainId: 2n }, digests(2)[0]!, envelope!, alice.address)).to.equal(false)
  })

  it('C14 counts directly or through a batch, as it was made', () => {
    const [envelope] = signBatch(alice, domain, digests(2))
    const { signature } = decodeEnvelope(envelope!)
    expect(
      verifyEnvelope(domain, digests(2)[0]!, encodeEnvelope({ kind: 'direct', signature }), alice.address),
    ).to.equal(false)
    const direct = decodeEnvelope(signDirect(alice, digest)).signature
    const batched = encodeEnvelope({ kind: 'batched', signature: direct, proof: { path: 0, siblings: [] } })
    expect(verifyEnvelope(domain, digest, batched, alice.address)).to.equal(false)
  })

  it('C8 is nobody’s in an envelope that is malformed or an owner’s', () => {
    expect(verifyEnvelope(domain, digest, new Uint8Array(), alice.address)).to.equal(false)
    expect(verifyEnvelope(domain, digest, new Uint8Array(65).fill(9), alice.address)).to.equal(false)
    const owner = encodeEnvelope({ kind: 'owner', signature: toLongSignature(alice.sign(digest)) })
    expect(verifyEnvelope(domain, digest, owner, alice.address)).to.equal(false)
    expect(verifyEnvelope(domain, digest, signDirect(alice, digest), alice.address)).to.equal(true)
  })

  it('is not made over nothing', () => {
    expect(() => signBatch(alice, domain, [])).to.throw(InvalidBatchError)
  })
})
