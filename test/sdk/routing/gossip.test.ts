import { expect } from 'chai'
import { TypedDataEncoder } from 'ethers'
import fc from 'fast-check'
import { toHex } from '../../../sdk/core/bytes.ts'
import { channelIdOf } from '../../../sdk/core/channel.ts'
import { COIN } from '../../../sdk/core/types.ts'
import {
  CHANNEL_NEWS_TYPE,
  channelNewsDigest,
  isAuthentic,
  type News,
  NODE_NEWS_TYPE,
  newsDigest,
  nodeNewsDigest,
  POLICY_NEWS_TYPE,
  policyNewsDigest,
} from '../../../sdk/routing/gossip.ts'
import { decodeNews, encodeNews, MAX_ADDRESS, MAX_ADDRESSES } from '../../../sdk/routing/gossip-wire.ts'
import { MAX_SECONDS, roundDown, UNTOLD } from '../../../sdk/routing/policy.ts'
import { address, asset, bytes32, channel, channelId, domain } from '../core/arbitraries.ts'
import { FREE } from './networks.ts'
import { actor, channelNews, channelOf, DOMAIN, nodeNews, policyNews } from './news.ts'

const [hana, hugo, mallory] = [actor(1), actor(2), actor(3)]
const CHANNEL = channelOf(hana, hugo)

const typesOf = (text: string) => {
  const [, struct, fields] = /^(\w+)\((.*)\)$/.exec(text)!
  return { [struct!]: fields!.split(',').map((field) => ({ type: field.split(' ')[0]!, name: field.split(' ')[1]! })) }
}

const amount = fc.bigInt(1n, (1n << 106n) - 1n).map(roundDown)
const seconds = fc.integer({ min: 0, max: MAX_SECONDS })
const time = fc.nat(2 ** 31 - 1).map((half) => 2 * half)
const signature = fc.uint8Array({ minLength: 64, maxLength: 64 })
const policy = fc
  .record({
    base: amount,
    rate: fc.nat(1_000_000),
    limits: fc.tuple(amount, amount),
    times: fc.tuple(seconds, seconds),
  })
  .map(({ base, rate, limits, times }) => {
    const [min, max] = limits.sort((a, b) => (a < b ? -1 : 1)) as [bigint, bigint]
    const [margin, maxLock] = times.sort((a, b) => a - b) as [number, number]
    return { base, rate, min, max, margin, maxLock }
  })
const anyNews: fc.Arbitrary<News> = fc.oneof(
  fc.record({
    kind: fc.constant('channel' as const),
    channel: channel(2, 2),
    asset,
    capacity: amount,
    time,
    signatures: fc.tuple(signature, signature),
  }),
  fc.record({
    kind: fc.constant('policy' as const),
    channelId: channelId(2),
    asset,
    writer: fc.constantFrom(0 as const, 1 as const),
    policy,
    bucket: fc.oneof(fc.nat(106), fc.constant(UNTOLD)),
    time,
    signature,
  }),
  fc.record({
    kind: fc.constant('node' as const),
    node: address,
    onionKey: bytes32,
    addresses: fc.array(fc.stringMatching(/^[!-~]{1,128}$/), { maxLength: MAX_ADDRESSES }),
    features: fc.bigInt(0n, 2n ** 64n - 1n),
    time,
    signature,
  }),
)

describe('news', () => {
  it('S16 has the digest that ethers computes', () => {
    fc.assert(
      fc.property(domain, anyNews, (where, news) => {
        const typed = { name: 'Tallystick', version: '1', chainId: where.chainId, verifyingContract: where.adjudicator }
        const type = { channel: CHANNEL_NEWS_TYPE, policy: POLICY_NEWS_TYPE, node: NODE_NEWS_TYPE }[news.kind]
        const message =
          news.kind === 'channel'
            ? { ...news, channelId: channelIdOf(where, news.channel) }
            : news.kind === 'policy'
              ? { ...news, ...news.policy }
              : news
        expect(toHex(newsDigest(where, news))).to.equal(TypedDataEncoder.hash(typed, typesOf(type), message))
      }),
    )
  })

  it('S16 reads back as it was written, and is written in one form only', () => {
    fc.assert(
      fc.property(anyNews, (news) => {
        const frame = encodeNews(news)
        expect(decodeNews(frame)).to.deep.equal(news)
        expect(encodeNews(decodeNews(frame))).to.deep.equal(frame)
      }),
    )
  })

  it('S15 is refused with a typed error when it is truncated, longer or made of chance', () => {
    const refused = (frame: Uint8Array) => {
      expect(() => decodeNews(frame))
        .to.throw()
        .with.property('code', 'MALFORMED_BYTES')
    }
    for (const news of [channelNews(CHANNEL), policyNews(CHANNEL, 0), nodeNews(hana)]) {
      const frame = encodeNews(news)
      for (let size = 0; size < frame.length; size++) refused(frame.subarray(0, size))
      refused(Uint8Array.from([...frame, 0]))
    }
    fc.assert(fc.property(fc.constantFrom(0, 64, 65, 66, 255), fc.uint8Array({ maxLength: 300 }), chance))
  })

  function chance(tag: number, body: Uint8Array): void {
    const frame = Uint8Array.from([tag, ...body])
    let news: News
    try {
      news = decodeNews(frame)
    } catch (error) {
      expect(error).to.have.property('code', 'MALFORMED_BYTES')
      return
    }
    expect(encodeNews(news)).to.deep.equal(frame)
  }

  it('S15 counts only with a flipped bit if that is written in the same form', () => {
    for (const news of [channelNews(CHANNEL), policyNews(CHANNEL, 1), nodeNews(hugo)]) {
      const frame = encodeNews(news)
      for (let bit = 0; bit < 8 * frame.length; bit++) {
        const flipped = frame.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        let read: News
        try {
          read = decodeNews(flipped)
        } catch {
          continue
        }
        expect(encodeNews(read)).to.deep.equal(flipped)
        const signers = CHANNEL.members.map(({ signer }) => signer)
        expect(isAuthentic(DOMAIN, read, signers[read.kind === 'policy' ? read.writer : 0]!), `bit ${bit}`).to.equal(
          false,
        )
      }
    }
  })

  it('is refused beyond its bounds, when it is written and when it is read', () => {
    const fine = policyNews(CHANNEL, 0)
    const broken: News[] = [
      { ...channelNews(CHANNEL), capacity: 1n << 106n },
      { ...channelNews(CHANNEL), capacity: (1n << 60n) + 1n },
      { ...fine, bucket: 107 },
      ...[
        { ...FREE, rate: 1_000_001 },
        { ...FREE, min: 0n },
        { ...FREE, min: 2n, max: 1n },
        { ...FREE, margin: 1_000_001 },
        { ...FREE, maxLock: MAX_SECONDS + 1 },
        { ...FREE, base: (1n << 53n) + 1n },
      ].map((policy) => ({ ...fine, policy })),
      nodeNews(hana, { addresses: ['tcp://evil\u001b[2J'] }),
      nodeNews(hana, { addresses: [''] }),
      nodeNews(hana, { addresses: ['ü'] }),
      nodeNews(hana, { addresses: ['x'.repeat(MAX_ADDRESS + 1)] }),
      nodeNews(hana, { addresses: Array(MAX_ADDRESSES + 1).fill('tcp://a:1') }),
      { ...fine, signature: new Uint8Array(65) },
    ]
    for (const [index, news] of broken.entries())
      expect(() => encodeNews(news), String(index))
        .to.throw()
        .with.property('code', 'UNENCODABLE')
    const frame = encodeNews(policyNews(CHANNEL, 0, { bucket: 3 }))
    const bucketAt = frame.length - 64 - 5 - 1
    expect(frame[bucketAt]).to.equal(3)
    frame[bucketAt] = 107
    expect(() => decodeNews(frame)).to.throw('There is no bucket 107')
  })

  it('C14 of one kind, or of another chain or contract, never passes as signed', () => {
    const other = { ...DOMAIN, chainId: 1n }
    for (const news of [channelNews(CHANNEL), policyNews(CHANNEL, 0), nodeNews(hana)]) {
      const writer = news.kind === 'node' ? news.node : CHANNEL.members[0]!.signer
      expect(isAuthentic(DOMAIN, news, writer)).to.equal(true)
      expect(isAuthentic(other, news, writer)).to.equal(false)
      expect(isAuthentic({ ...DOMAIN, adjudicator: COIN }, news, writer)).to.equal(false)
    }
    const digests = [
      channelNewsDigest(DOMAIN, channelNews(CHANNEL)),
      policyNewsDigest(DOMAIN, policyNews(CHANNEL, 0)),
      nodeNewsDigest(DOMAIN, nodeNews(hana)),
    ].map(toHex)
    expect(new Set(digests).size).to.equal(3)
  })

  it('needs the signatures of both members, of the writer, of the node', () => {
    const [first, second] = CHANNEL.members.map(({ signer }) => signer) as [typeof COIN, typeof COIN]
    const both = channelNews(CHANNEL)
    for (const signatures of [
      [both.signatures[0], both.signatures[0]],
      [both.signatures[1], both.signatures[0]],
      channelNews(CHANNEL, { by: mallory }).signatures,
    ] as const)
      expect(isAuthentic(DOMAIN, { ...both, signatures: [signatures[0]!, signatures[1]!] }, first)).to.equal(false)
    expect(isAuthentic(DOMAIN, policyNews(CHANNEL, 1), second)).to.equal(true)
    expect(isAuthentic(DOMAIN, policyNews(CHANNEL, 1), first)).to.equal(false)
    expect(isAuthentic(DOMAIN, nodeNews(hana, { by: mallory }), hana.address)).to.equal(false)
  })
})
