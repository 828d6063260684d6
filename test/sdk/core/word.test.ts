import { expect } from 'chai'
import { keccak256, solidityPacked } from 'ethers'
import fc from 'fast-check'
import { commitmentOf, decodeWord, encodeWord, newestLaneWord } from '../../../sdk/core/word.ts'
import { ledgerWord } from './arbitraries.ts'

const anyWord = fc.bigInt(0n, 2n ** 256n - 1n)

describe('Ledger word', () => {
  it('S16 says the same after it was written and read', () => {
    fc.assert(
      fc.property(ledgerWord, (ledger) => {
        expect(decodeWord(encodeWord(ledger))).to.deep.equal(ledger)
      }),
    )
  })

  it('S16 is read without loss, whatever its 256 bits are', () => {
    fc.assert(
      fc.property(anyWord, (word) => {
        expect(encodeWord(decodeWord(word))).to.equal(word)
      }),
    )
  })

  it('of a ledger that was never used is zero', () => {
    expect(decodeWord(0n)).to.deep.equal({ phase: 'open', recorded: false, generation: 0, seq: 0, balances: [0n, 0n] })
  })

  it('C41 holds negative balances and both ends of their range', () => {
    for (const balance of [-1n, -(2n ** 111n), 2n ** 111n - 1n, -(2n ** 64n)]) {
      const ledger = { phase: 'open', recorded: false, generation: 0, seq: 0, balances: [balance, 5n] } as const
      expect(decodeWord(encodeWord(ledger))).to.deep.equal(ledger)
      const mirrored = { ...ledger, balances: [5n, balance] } as const
      expect(decodeWord(encodeWord(mirrored))).to.deep.equal(mirrored)
    }
  })

  it('commits to the low 199 bits of the hash of the words before the dispute', () => {
    fc.assert(
      fc.property(fc.array(anyWord, { minLength: 1, maxLength: 3 }), (base) => {
        const hash = keccak256(
          solidityPacked(
            base.map(() => 'uint256'),
            base,
          ),
        )
        expect(commitmentOf(base)).to.equal(BigInt(hash) & ((1n << 199n) - 1n))
      }),
    )
  })

  it('C2 lets the higher version of a lane count, and the disputed one if both are equal', () => {
    const word = (version: bigint, hash: bigint) => (version << 192n) | hash
    expect(newestLaneWord(word(5n, 1n), word(6n, 0n))).to.equal(word(6n, 0n))
    expect(newestLaneWord(word(5n, 1n), word(4n, 9n))).to.equal(word(5n, 1n))
    expect(newestLaneWord(word(5n, 1n), word(5n, 9n))).to.equal(word(5n, 1n))
    expect(newestLaneWord(0n, word(1n, 9n))).to.equal(word(1n, 9n))
    expect(newestLaneWord(word(1n, 9n), 0n)).to.equal(word(1n, 9n))
  })
})
