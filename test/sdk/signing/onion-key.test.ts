import { inspect } from 'node:util'
import { expect } from 'chai'
import fc from 'fast-check'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'
import { keyring } from '../../../sdk/signing/keyring.ts'
import { onionKey } from '../../../sdk/signing/onion-key.ts'
import { InvalidPrivateKeyError } from '../../../sdk/signing/session.ts'
import { x25519 } from '../../../sdk/signing/x25519.ts'
import '../core/arbitraries.ts'
import { x25519 as openssl, publicKeyOf } from '../routing/by-hand.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

describe('Onion key', () => {
  it('agrees with OpenSSL on public keys and shared secrets', () => {
    fc.assert(
      fc.property(bytes32, bytes32, (mine, theirs) => {
        const key = onionKey(mine)
        expect(toHex(key.publicKey)).to.equal(toHex(publicKeyOf(mine)))
        expect(toHex(key.agree(x25519.publicKey(theirs)))).to.equal(toHex(openssl(theirs, key.publicKey)))
      }),
      { numRuns: 20 },
    )
  })

  it('agrees with the test vector of RFC 7748', () => {
    const alice = toBytes('0x77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a')
    const bob = toBytes('0x5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')
    expect(toHex(onionKey(alice).agree(onionKey(bob).publicKey))).to.equal(
      '0x4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
    )
  })

  it('follows from the seed, another one for every index', () => {
    const [ring, same] = [keyring(new Uint8Array(32).fill(7)), keyring(new Uint8Array(32).fill(7))]
    const keys = [0, 1, 2].map((index) => toHex(ring.onionKey(index).publicKey))
    expect(keys).to.deep.equal([0, 1, 2].map((index) => toHex(same.onionKey(index).publicKey)))
    expect(new Set(keys).size).to.equal(3)
    expect(toHex(ring.onionKey().publicKey)).to.equal(keys[0])
  })

  it('throws for keys of low order, which would make the secret zero', () => {
    for (const low of [new Uint8Array(32), new Uint8Array(32).with(0, 1)])
      expect(() => onionKey(new Uint8Array(32).fill(7)).agree(low)).to.throw()
  })

  it('refuses a key of another size, keeps its own copy and shows nothing of it', () => {
    for (const size of [0, 31, 33]) expect(() => onionKey(new Uint8Array(size))).to.throw(InvalidPrivateKeyError)
    const bytes = new Uint8Array(32).fill(0x77)
    const key = onionKey(bytes)
    bytes.fill(0)
    const other = x25519.publicKey(new Uint8Array(32).fill(5))
    expect(toHex(key.agree(other))).to.equal(toHex(onionKey(new Uint8Array(32).fill(0x77)).agree(other)))
    expect(inspect(key, { depth: null, showHidden: true }) + JSON.stringify(key)).to.not.match(/7777|119, 119/)
  })
})
