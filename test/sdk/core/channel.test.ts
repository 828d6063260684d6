import { expect } from 'chai'
import fc from 'fast-check'
import {
  channelIdOf,
  decodeChannel,
  encodeChannel,
  InvalidChannelError,
  ledgerIdOf,
  MAX_PERIOD,
  memberBySigner,
  memberCount,
  memberOf,
  sortMembers,
  validateChannel,
} from '../../../sdk/core/channel.ts'
import { type Address, type Channel, COIN, type Member } from '../../../sdk/core/types.ts'
import { channel as anyChannel, asset, domain } from './arbitraries.ts'

const at = (byte: string) => `0x${byte.repeat(20)}` as Address
const alice: Member = { signer: at('a1'), owner: at('0a') }
const bob: Member = { signer: at('b0'), owner: at('0b') }
const hana: Member = { signer: at('c4'), owner: at('0c') }
const channel: Channel = { period: 3_600, nonce: 7n, members: [alice, bob] }

/** The field that `action` complains about. */
function complaint(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    expect(error).to.be.instanceOf(InvalidChannelError).with.property('code', 'INVALID_CHANNEL')
    return (error as InvalidChannelError).field
  }
  return 'none'
}

describe('Channel', () => {
  it('packs period, nonce and members into 20 + 40 N bytes', () => {
    const hex = Buffer.from(encodeChannel(channel)).toString('hex')
    expect(hex).to.equal(
      `00000e10${'7'.padStart(32, '0')}${'a1'.repeat(20)}${'0a'.repeat(20)}${'b0'.repeat(20)}${'0b'.repeat(20)}`,
    )
  })

  it('S16 reads back every channel it packs', () => {
    fc.assert(
      fc.property(anyChannel(), (any) => {
        expect(decodeChannel(encodeChannel(any))).to.deep.equal(any)
      }),
    )
  })

  it('S15 refuses arbitrary bytes, or reads the one channel that packs to them', () => {
    const packed = anyChannel(2, 4).chain((any) => {
      const bytes = encodeChannel(any)
      return fc
        .tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }))
        .map(([index, value]) => bytes.with(index, value))
    })
    fc.assert(
      fc.property(fc.oneof(packed, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        try {
          expect(encodeChannel(decodeChannel(bytes))).to.deep.equal(bytes)
        } catch (error) {
          expect(error).to.be.instanceOf(InvalidChannelError)
        }
      }),
    )
  })

  it('C10 refuses one member and 33 members', () => {
    const crowd = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ ...alice, signer: at((i + 1).toString(16).padStart(2, '0')) }))
    expect(complaint(() => validateChannel({ ...channel, members: [alice] }))).to.equal('members')
    expect(complaint(() => validateChannel({ ...channel, members: crowd(33) }))).to.equal('members')
    expect(complaint(() => validateChannel({ ...channel, members: crowd(32) }))).to.equal('none')
    expect(complaint(() => decodeChannel(new Uint8Array(60)))).to.equal('size')
    expect(complaint(() => decodeChannel(new Uint8Array(20 + 40 * 33)))).to.equal('size')
    expect(complaint(() => decodeChannel(encodeChannel(channel).slice(1)))).to.equal('size')
    expect(complaint(() => decodeChannel(new Uint8Array()))).to.equal('size')
  })

  it('C10 refuses a zero signer, the same signer twice, members out of order and a zero owner', () => {
    for (const members of [
      [{ ...alice, signer: COIN }, bob],
      [alice, { ...bob, signer: alice.signer }],
      [bob, alice],
      [alice, { ...bob, owner: COIN }],
    ])
      expect(complaint(() => validateChannel({ ...channel, members }))).to.equal('members')
  })

  it('refuses addresses that are not in the one canonical form', () => {
    for (const signer of [at('A1'), '0xa1', `${alice.signer}00`] as Address[])
      expect(complaint(() => validateChannel({ ...channel, members: [{ ...alice, signer }, bob] }))).to.equal('members')
  })

  it('C17 refuses a period below one minute, above 30 days, or not in whole seconds', () => {
    for (const period of [0, 59, 60.5, MAX_PERIOD + 1, Number.NaN])
      expect(complaint(() => validateChannel({ ...channel, period }))).to.equal('period')
    for (const period of [60, MAX_PERIOD])
      expect(complaint(() => validateChannel({ ...channel, period }))).to.equal('none')
  })

  it('refuses a nonce that does not fit in 128 bits', () => {
    for (const nonce of [-1n, 2n ** 128n])
      expect(complaint(() => validateChannel({ ...channel, nonce }))).to.equal('nonce')
  })

  it('names a channel by everything that makes it, and says how many members it has', () => {
    fc.assert(
      fc.property(domain, anyChannel(), (where, any) => {
        const id = channelIdOf(where, any)
        expect(memberCount(id)).to.equal(any.members.length)
        expect(channelIdOf({ ...where, chainId: where.chainId - 1n }, any)).to.not.equal(id)
        expect(channelIdOf(where, { ...any, nonce: any.nonce ^ 1n })).to.not.equal(id)
        expect(channelIdOf(where, { ...any, period: any.period === 60 ? 61 : 60 })).to.not.equal(
          any.period === 60 ? id : '',
        )
      }),
    )
  })

  it('names a ledger by channel and asset', () => {
    const channelId = channelIdOf({ chainId: 1n, adjudicator: at('ad') }, channel)
    fc.assert(
      fc.property(fc.uniqueArray(asset, { minLength: 2, maxLength: 2 }), ([one, other]) => {
        expect(ledgerIdOf({ channelId, asset: one! })).to.not.equal(ledgerIdOf({ channelId, asset: other! }))
      }),
    )
  })

  it('sorts members by signer', () => {
    fc.assert(
      fc.property(anyChannel(), fc.infiniteStream(fc.boolean()), (any, coins) => {
        const shuffled = [...any.members].sort(() => (coins.next().value ? 1 : -1))
        expect(sortMembers(shuffled)).to.deep.equal(any.members)
      }),
    )
  })

  it('finds a member by its signer', () => {
    expect(memberBySigner(channel, bob.signer)).to.equal(1)
    expect(memberBySigner(channel, at('B0'))).to.equal(1)
    expect(memberBySigner(channel, bob.owner)).to.equal(undefined)
  })

  it('takes an account for a member only if it is exactly one', () => {
    const shared: Channel = { ...channel, members: [alice, { ...bob, owner: alice.owner }, hana] }
    expect(memberOf(shared, hana.owner)).to.equal(2)
    expect(memberOf(shared, bob.signer)).to.equal(1)
    expect(memberOf(shared, alice.owner)).to.equal(undefined)
    expect(memberOf(shared, at('ee'))).to.equal(undefined)
  })
})
