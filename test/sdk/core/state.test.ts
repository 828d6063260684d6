import { expect } from 'chai'
import { TypedDataEncoder } from 'ethers'
import fc from 'fast-check'
import { toHex } from '../../../sdk/core/bytes.ts'
import { memberCount } from '../../../sdk/core/channel.ts'
import {
  AMOUNT_BOUND,
  hashState,
  InvalidStateError,
  laneCount,
  laneWordOf,
  MAX_GENERATION,
  MAX_VERSION,
  stateDigest,
  validateState,
  ZERO_HASH,
} from '../../../sdk/core/state.ts'
import { COIN, type Hex, type State } from '../../../sdk/core/types.ts'
import { stateMessage } from '../../../sdk/signing/typed-data.ts'
import { domain as anyDomain, state as anyState } from './arbitraries.ts'

const pairId: Hex = `0x${'11'.repeat(31)}02`
const trioId: Hex = `0x${'11'.repeat(31)}03`
const root: Hex = `0x${'22'.repeat(32)}`
const state: State = {
  channelId: pairId,
  asset: COIN,
  generation: 1,
  lane: 0,
  version: 1n,
  credits: [-5n, 5n],
  locked: 0n,
  transfersRoot: ZERO_HASH,
}

function complaint(change: Partial<State>): string {
  try {
    validateState({ ...state, ...change })
  } catch (error) {
    expect(error).to.be.instanceOf(InvalidStateError).with.property('code', 'INVALID_STATE')
    return (error as InvalidStateError).field
  }
  return 'none'
}

describe('State', () => {
  it('S16 has the digest that ethers computes', () => {
    fc.assert(
      fc.property(anyDomain, anyState(), (domain, any) => {
        const typed = stateMessage(domain, any)
        expect(toHex(hashState(any))).to.equal(TypedDataEncoder.hashStruct('State', typed.types, typed.message))
        expect(toHex(stateDigest(domain, any))).to.equal(
          TypedDataEncoder.hash(typed.domain, typed.types, typed.message),
        )
      }),
      { numRuns: 300 },
    )
  })

  it('hashes equal states alike, whatever was hashed in between', () => {
    fc.assert(
      fc.property(anyDomain, anyState(), anyState(), (domain, one, other) => {
        const before = toHex(stateDigest(domain, one))
        stateDigest(domain, other)
        expect(toHex(stateDigest(domain, one))).to.equal(before)
      }),
    )
  })

  it('C4 has another digest for another chain, contract, channel, asset, generation, lane or version', () => {
    const domain = { chainId: 1n, adjudicator: `0x${'ad'.repeat(20)}` } as const
    const digests = [
      stateDigest(domain, state),
      stateDigest({ ...domain, chainId: 2n }, state),
      stateDigest({ ...domain, adjudicator: `0x${'ae'.repeat(20)}` }, state),
      ...[
        { channelId: `0x${'12'.repeat(31)}02` as Hex },
        { asset: `0x${'00'.repeat(19)}01` as Hex },
        { generation: 2 },
        { lane: 1 },
        { version: 2n },
        { credits: [5n, -5n] },
        { locked: 1n },
        { transfersRoot: root },
      ].map((change) => stateDigest(domain, { ...state, ...change })),
    ].map(toHex)
    expect(new Set(digests).size).to.equal(digests.length)
  })

  it('is remembered by version and the low 192 bits of its hash', () => {
    fc.assert(
      fc.property(anyState(), (any) => {
        const word = laneWordOf(any)
        expect(word >> 192n).to.equal(any.version)
        expect(BigInt.asUintN(192, word)).to.equal(BigInt.asUintN(192, BigInt(toHex(hashState(any)))))
      }),
    )
  })

  it('is valid whenever its credits and locked sum balance within bounds', () => {
    fc.assert(fc.property(anyState(), (any) => validateState(any)))
  })

  it('C25 is refused if credits and locked do not sum to zero', () => {
    const unbalanced = anyState().chain((any) =>
      fc.tuple(fc.nat(memberCount(any.channelId) - 1), fc.bigInt(1n, 1000n)).map(([member, extra]) => ({
        ...any,
        credits: any.credits.map((credit, i) => (i === member ? credit + extra : credit)),
      })),
    )
    fc.assert(
      fc.property(unbalanced, (any) => {
        expect(complaint(any)).to.equal('credits')
      }),
    )
  })

  it('C25 is refused if a credit or the locked sum leaves its bound', () => {
    expect(complaint({ credits: [-AMOUNT_BOUND, AMOUNT_BOUND] })).to.equal('credits')
    expect(complaint({ credits: [AMOUNT_BOUND, -AMOUNT_BOUND] })).to.equal('credits')
    expect(complaint({ credits: [1n - AMOUNT_BOUND, AMOUNT_BOUND - 1n] })).to.equal('none')
    expect(complaint({ locked: AMOUNT_BOUND, transfersRoot: root })).to.equal('locked')
    expect(complaint({ locked: -1n, transfersRoot: root })).to.equal('locked')
    expect(complaint({ credits: [0n, 1n - AMOUNT_BOUND], locked: AMOUNT_BOUND - 1n, transfersRoot: root })).to.equal(
      'none',
    )
  })

  it('C3 is refused with version zero or above 64 bits, and accepted at the highest', () => {
    for (const version of [0n, -1n, MAX_VERSION + 1n]) expect(complaint({ version })).to.equal('version')
    expect(complaint({ version: MAX_VERSION })).to.equal('none')
  })

  it('is refused in a lane or generation that does not exist', () => {
    for (const lane of [-1, 2, 0.5, Number.NaN]) expect(complaint({ lane })).to.equal('lane')
    expect(complaint({ lane: 1 })).to.equal('none')
    expect(complaint({ channelId: trioId, credits: [-5n, 5n, 0n], lane: 1 })).to.equal('lane')
    for (const generation of [-1, MAX_GENERATION + 1, 1.5, Number.NaN])
      expect(complaint({ generation })).to.equal('generation')
    expect([2, 3, 32].map(laneCount)).to.deep.equal([2, 1, 1])
  })

  it('is refused with credits of more or fewer members than the channel has', () => {
    expect(complaint({ credits: [0n] })).to.equal('credits')
    expect(complaint({ credits: [0n, 0n, 0n] })).to.equal('credits')
  })

  it('is refused if it locks money without a root, or has a root without locked money', () => {
    expect(complaint({ transfersRoot: root })).to.equal('transfersRoot')
    expect(complaint({ credits: [-5n, 4n], locked: 1n })).to.equal('transfersRoot')
  })
})
