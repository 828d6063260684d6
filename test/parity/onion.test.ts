import { hkdfSync } from 'node:crypto'
import { expect } from 'chai'
import { Mnemonic } from 'ethers'
import { decodeHopPayload } from '../../sdk/routing/hop-payload.ts'
import { bytes, openFailureByHand, peelByHand, publicKeyOf } from '../sdk/routing/by-hand.ts'
import keyrings from '../vectors/keyrings.json' with { type: 'json' }
import onions from '../vectors/onions.json' with { type: 'json' }

const hex = (buffer: Uint8Array) => `0x${Buffer.from(buffer).toString('hex')}`
const CODES: Record<string, number> = { FEE_TOO_LOW: 4, PAYMENT_REFUSED: 32, PAYMENT_INCOMPLETE: 33 }

describe('Onion vectors, opened by OpenSSL alone', () => {
  it('S16 hold for the onion keys of a seed', () => {
    for (const { mnemonic, passphrase, onionKeys } of keyrings) {
      const seed = bytes(Mnemonic.fromPhrase(mnemonic, passphrase).computeSeed())
      for (const { index, publicKey } of onionKeys)
        expect(publicKey).to.equal(
          hex(publicKeyOf(Buffer.from(hkdfSync('sha256', seed, 'Tallystick seed 1', `onion/${index}`, 32)))),
        )
    }
  })

  it('S16 hold at every hop', () => {
    for (const { packet, hops } of onions) {
      let at: Buffer | undefined = bytes(packet)
      for (const [index, { privateKey, publicKey, payload, context, tag, reply }] of hops.entries()) {
        expect(at?.length).to.equal(2_816)
        expect(publicKey).to.equal(hex(publicKeyOf(bytes(privateKey))))
        const peeled = peelByHand(bytes(privateKey), at!, context)
        expect(hex(peeled.payload)).to.equal(payload)
        expect(hex(peeled.layer.tag)).to.equal(tag)
        expect(hex(peeled.layer.reply)).to.equal(reply)
        expect(decodeHopPayload(peeled.payload, peeled.next === undefined).kind).to.equal(
          index === hops.length - 1 ? 'final' : 'forward',
        )
        at = peeled.next
      }
      expect(at).to.equal(undefined)
    }
  })

  it('S16 hold for failures on their way back', () => {
    for (const { hops, failure } of onions) {
      let at = bytes(failure.packet)
      for (const { reply } of hops.slice(0, failure.hop)) {
        const { marked, content, rest } = openFailureByHand(bytes(reply), at)
        expect([marked, content]).to.deep.equal([true, undefined])
        at = rest
      }
      const { content } = openFailureByHand(bytes(hops[failure.hop]!.reply), at)
      const data = bytes(failure.data)
      expect(content?.readUInt16BE(0)).to.equal(CODES[failure.code])
      const prefix = data.length < 128 ? [data.length] : [(data.length & 127) | 128, data.length >> 7]
      const expected = Buffer.alloc(334)
      Buffer.concat([Buffer.from(prefix), data]).copy(expected)
      expect(hex(content!.subarray(2))).to.equal(hex(expected))
    }
  })
})
