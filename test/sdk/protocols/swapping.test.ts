import { expect } from 'chai'
import fc from 'fast-check'
import type { Address, Hex } from '../../../sdk/core/types.ts'
import { decodeSwap, encodeSwap, MAX_SWAP, type SwapMessage } from '../../../sdk/protocols/swapping.ts'

const hex = (byte: string, size: number): Hex => `0x${byte.repeat(size)}`
const nonce = hex('07', 16)
const MESSAGES: readonly SwapMessage[] = [
  { kind: 'ask', nonce, from: hex('00', 20) as Address, to: hex('70', 20) as Address, amount: (1n << 128n) - 1n },
  { kind: 'price', nonce, amount: 7n, deadline: 1_800_000_000n, onionKey: hex('6f', 32) },
  { kind: 'refused', nonce, code: 'A'.repeat(64) },
]

describe('questions about swaps', () => {
  it('read back as they were written, within their bound', () => {
    for (const message of MESSAGES) {
      const bytes = encodeSwap(message)
      expect(decodeSwap(bytes)).to.deep.equal(message)
      expect(bytes.length).to.be.at.most(MAX_SWAP)
    }
  })

  it('S15 are refused when they are truncated, longer, or bytes of chance', () => {
    for (const message of MESSAGES) {
      const bytes = encodeSwap(message)
      for (let size = 0; size < bytes.length; size++) expect(() => decodeSwap(bytes.subarray(0, size))).to.throw()
      expect(() => decodeSwap(Uint8Array.of(...bytes, 0))).to.throw()
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: MAX_SWAP }), (bytes) => {
        try {
          expect(encodeSwap(decodeSwap(bytes))).to.deep.equal(bytes)
        } catch (error) {
          expect((error as { code?: string }).code).to.equal('MALFORMED_BYTES')
        }
      }),
    )
  })
})
