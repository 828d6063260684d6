import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { expect } from 'chai'
import fc from 'fast-check'
import type { Cipher } from '../../../sdk/transport/cipher.ts'
import { nobleCipher } from '../../../sdk/transport/cipher-noble.ts'
import { nodeCipher } from '../../../sdk/transport/cipher-node.ts'

const ciphers: readonly (readonly [string, Cipher])[] = [
  ['node:crypto', nodeCipher()!],
  ['noble', nobleCipher],
]
const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

describe('Cipher', () => {
  for (const [name, cipher] of ciphers) {
    it(`opens nothing that was altered, or sealed under another key, counter or context, with ${name}`, () => {
      const aead = cipher.aead(new Uint8Array(32).fill(1))
      const context = Uint8Array.of(1)
      const sealed = Buffer.concat(aead.seal(3, Buffer.from('pay'), context))
      expect(Buffer.from(aead.open(3, sealed, context)).toString()).to.equal('pay')
      expect(() => aead.open(4, sealed, context)).to.throw()
      expect(() => aead.open(3, sealed, Uint8Array.of(2))).to.throw()
      expect(() => aead.open(3, sealed, new Uint8Array(0))).to.throw()
      expect(() => cipher.aead(new Uint8Array(32)).open(3, sealed, context)).to.throw()
      for (let at = 0; at < sealed.length; at++) {
        const altered = Buffer.from(sealed)
        altered[at]! ^= 1
        expect(() => aead.open(3, altered, context)).to.throw()
      }
    })

    it(`agrees on no secret with a key of low order, with ${name}`, () => {
      for (const point of [
        new Uint8Array(32),
        Uint8Array.of(1, ...new Uint8Array(31)),
        hex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'),
        hex('ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'),
      ])
        expect(() => cipher.ephemeral().agree(point)).to.throw()
    })

    it(`uses a key once, with ${name}`, () => {
      expect(cipher.ephemeral().publicKey).to.not.deep.equal(cipher.ephemeral().publicKey)
    })
  }

  it('is the same with node:crypto and with noble', () => {
    const [node, noble] = [nodeCipher()!, nobleCipher]
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const bytes = fc.uint8Array({ maxLength: 300 })
    fc.assert(
      fc.property(key, fc.nat({ max: Number.MAX_SAFE_INTEGER }), bytes, bytes, (secret, counter, plain, context) => {
        const sealed = Buffer.concat(node.aead(secret).seal(counter, plain, context))
        expect(Buffer.concat(noble.aead(secret).seal(counter, plain, context)).equals(sealed)).to.equal(true)
        expect(Buffer.compare(noble.aead(secret).open(counter, sealed, context), plain)).to.equal(0)
        expect(Buffer.compare(node.aead(secret).open(counter, sealed, context), plain)).to.equal(0)
      }),
      { seed: 5 },
    )
    // The nonce's form is Noise's: four zero bytes, then the counter, little-endian.
    const nonce = hex('00000000 0102000000000000')
    const expected = chacha20poly1305(new Uint8Array(32), nonce).encrypt(Uint8Array.of(1, 2, 3))
    const sealed = Buffer.concat(node.aead(new Uint8Array(32)).seal(0x0201, Uint8Array.of(1, 2, 3), new Uint8Array(0)))
    expect(sealed.equals(expected)).to.equal(true)
    for (let n = 0; n < 10; n++) {
      const a = node.ephemeral()
      const b = noble.ephemeral()
      expect(a.agree(b.publicKey)).to.deep.equal(b.agree(a.publicKey))
    }
  })
})
