import { expect } from 'chai'
import { TypedDataEncoder } from 'ethers'
import fc from 'fast-check'
import { toHex } from '../../../sdk/core/bytes.ts'
import { claimDigest, revokeDigest } from '../../../sdk/core/claim.ts'
import type { TypedMessage } from '../../../sdk/core/eip712.ts'
import { MAX_GENERATION, ZERO_HASH } from '../../../sdk/core/state.ts'
import { COIN, type Hex, type Withdrawal, type WithdrawalPart } from '../../../sdk/core/types.ts'
import {
  hashWithdrawal,
  InvalidWithdrawalError,
  MAX_SEQ,
  validateWithdrawal,
  withdrawalDigest,
} from '../../../sdk/core/withdrawal.ts'
import { claimMessage, revokeMessage, withdrawalMessage } from '../../../sdk/signing/typed-data.ts'
import { address, domain as anyDomain, withdrawal as anyWithdrawal, asset, bytes32 } from './arbitraries.ts'

const part: WithdrawalPart = { member: 0, amount: 1n, to: COIN, toChannel: ZERO_HASH, toMember: 0 }
const pairId: Hex = `0x${'11'.repeat(31)}02`
const withdrawal: Withdrawal = {
  channelId: pairId,
  asset: COIN,
  generation: 0,
  seq: 0,
  parts: [part],
  closing: false,
  validUntil: 0n,
  dispute: 0n,
}
const elsewhere: Hex = `0x${'22'.repeat(31)}03`

const ethersDigest = ({ domain, types, message }: TypedMessage) => TypedDataEncoder.hash(domain, types, message)

function complaint(change: Partial<Withdrawal>): string {
  try {
    validateWithdrawal({ ...withdrawal, ...change })
  } catch (error) {
    expect(error).to.be.instanceOf(InvalidWithdrawalError).with.property('code', 'INVALID_WITHDRAWAL')
    return (error as InvalidWithdrawalError).field
  }
  return 'none'
}

describe('Withdrawal', () => {
  it('S16 has the digest that ethers computes', () => {
    fc.assert(
      fc.property(anyDomain, anyWithdrawal, (domain, any) => {
        const typed = withdrawalMessage(domain, any)
        expect(toHex(hashWithdrawal(any))).to.equal(
          TypedDataEncoder.hashStruct('Withdrawal', typed.types, typed.message),
        )
        expect(toHex(withdrawalDigest(domain, any))).to.equal(ethersDigest(typed))
      }),
      { numRuns: 200 },
    )
  })

  it('is valid with parts to addresses and into channels', () => {
    fc.assert(fc.property(anyWithdrawal, (any) => validateWithdrawal(any)))
  })

  it('is refused outside the bounds of the ledger word', () => {
    for (const generation of [-1, MAX_GENERATION + 1, 0.5]) expect(complaint({ generation })).to.equal('generation')
    for (const seq of [-1, MAX_SEQ + 1, 0.5]) expect(complaint({ seq })).to.equal('seq')
    for (const validUntil of [-1n, 2n ** 64n]) expect(complaint({ validUntil })).to.equal('validUntil')
    for (const dispute of [-1n, 2n ** 40n]) expect(complaint({ dispute })).to.equal('dispute')
  })

  it('is refused with a part that nobody could be paid by', () => {
    for (const change of [
      { member: 2 },
      { member: -1 },
      { member: 0.5 },
      { amount: 0n },
      { amount: -1n },
      { amount: 2n ** 111n },
      { toMember: 1 },
      { toChannel: elsewhere, to: `0x${'33'.repeat(20)}` as const },
      { toChannel: elsewhere, toMember: 3 },
      { toChannel: elsewhere, toMember: -1 },
    ])
      expect(complaint({ parts: [part, { ...part, ...change }] }), JSON.stringify(Object.keys(change))).to.equal(
        'parts',
      )
    expect(complaint({ parts: [{ ...part, toChannel: elsewhere, toMember: 2 }] })).to.equal('none')
  })
})

describe('Claim and revocation', () => {
  const uint256 = fc.bigInt(0n, 2n ** 256n - 1n)
  const claim = fc.record({
    asset,
    owner: address,
    to: address,
    amount: uint256,
    nonce: uint256,
    validUntil: fc.bigInt(0n, 2n ** 64n - 1n),
  })

  it('S16 have the digests that ethers computes', () => {
    fc.assert(
      fc.property(anyDomain, claim, bytes32, (domain, any, channelId) => {
        expect(toHex(claimDigest(domain, any))).to.equal(ethersDigest(claimMessage(domain, any)))
        expect(toHex(revokeDigest(domain, channelId))).to.equal(ethersDigest(revokeMessage(domain, channelId)))
      }),
    )
  })
})
