import { inspect } from 'node:util'
import { expect } from 'chai'
import { Mnemonic } from 'ethers'
import fc from 'fast-check'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'
import type { Domain } from '../../../sdk/core/types.ts'
import { InvalidSeedError, keyring, newMnemonic } from '../../../sdk/signing/keyring.ts'
import '../core/arbitraries.ts'

const words = 'test test test test test test test test test test test junk'
const domain: Domain = { chainId: 1n, adjudicator: `0x${'ad'.repeat(20)}` }

describe('Keyring', () => {
  it('finds the same keys and nonces again from the same words', () => {
    const [first, second] = [keyring(words), keyring(`  ${words.toUpperCase().replaceAll(' ', ' \n ')} `)]
    for (const index of [0, 1, 1_000]) {
      expect(second.signer(index).address).to.equal(first.signer(index).address)
      expect(second.channelNonce(domain, index)).to.equal(first.channelNonce(domain, index))
    }
    expect(first.signer().address).to.equal(first.signer(0).address)
  })

  it('takes words and their BIP-39 seed for the same', () => {
    for (const passphrase of ['', 'pass phrase é']) {
      const seed = toBytes(Mnemonic.fromPhrase(words, passphrase).computeSeed())
      expect(keyring(seed).signer().address).to.equal(keyring(words, passphrase).signer().address)
    }
  })

  it('derives different things for different indexes, chains, contracts, labels and passphrases', () => {
    const [ring, other] = [keyring(words), keyring(words, 'x')]
    const derived = [
      ring.signer(0).address,
      ring.signer(1).address,
      other.signer(0).address,
      ring.channelNonce(domain, 0),
      ring.channelNonce(domain, 1),
      ring.channelNonce({ ...domain, chainId: 2n }, 0),
      ring.channelNonce({ ...domain, adjudicator: `0x${'ae'.repeat(20)}` }, 0),
      other.channelNonce(domain, 0),
      toHex(ring.secret('storage')),
      toHex(ring.secret('backup')),
      toHex(other.secret('storage')),
    ]
    expect(new Set(derived).size).to.equal(derived.length)
    expect(ring.secret('storage', 5).length).to.equal(5)
  })

  it('derives nonces of 128 bits from any seed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 64 }), fc.nat(), (seed, index) => {
        const nonce = keyring(seed).channelNonce(domain, index)
        expect(nonce >= 0n && nonce < 2n ** 128n).to.equal(true)
      }),
    )
  })

  it('makes twelve new words each time', () => {
    const [one, other] = [newMnemonic(), newMnemonic()]
    expect(one.split(' ').length).to.equal(12)
    expect(one).to.not.equal(other)
    expect(Mnemonic.isValidMnemonic(one)).to.equal(true)
  })

  it('refuses words that are no mnemonic and seeds of a wrong size, and repeats neither', () => {
    for (const source of [
      '',
      'zebra zebra',
      words.replace('junk', 'test'),
      `${words} junk`,
      new Uint8Array(15).fill(0x77),
      new Uint8Array(65),
    ]) {
      try {
        keyring(source)
        expect.fail('accepted')
      } catch (error) {
        expect(error).to.be.instanceOf(InvalidSeedError).with.property('code', 'INVALID_SEED')
        expect(inspect(error, { depth: null, showHidden: true })).to.not.match(/zebra|junk|7777|119,/)
      }
    }
  })

  it('shows nothing of its seed', () => {
    const ring = keyring(new Uint8Array(32).fill(0x77))
    for (const text of [inspect(ring, { depth: null, showHidden: true }), JSON.stringify(ring)])
      expect(text).to.not.match(/7777|119/)
  })

  it('keeps its seed after the caller has wiped the array', () => {
    const seed = new Uint8Array(32).fill(5)
    const ring = keyring(seed)
    seed.fill(0)
    expect(ring.signer().address).to.equal(keyring(new Uint8Array(32).fill(5)).signer().address)
  })
})
