import { expect } from 'chai'
import fc from 'fast-check'
import { channelIdOf } from '../../../sdk/core/channel.ts'
import { COIN } from '../../../sdk/core/types.ts'
import { chance } from '../../../sdk/routing/belief.ts'
import type { News } from '../../../sdk/routing/gossip.ts'
import { encodeNews } from '../../../sdk/routing/gossip-wire.ts'
import { DEFAULT_LIMITS, Graph, type GraphLimits } from '../../../sdk/routing/graph.ts'
import { findPath } from '../../../sdk/routing/paths.ts'
import { FREE } from './networks.ts'
import { actor, channelNews, channelOf, DOMAIN, NOW, nodeNews, policyNews } from './news.ts'

const [alice, hana, bob, mallory] = [actor(1), actor(2), actor(3), actor(4)]
const [NEAR, FAR] = [channelOf(alice, hana), channelOf(hana, bob)]
const TOKEN = '0x00000000000000000000000000000000000000aa'

function hearing(limits: Partial<GraphLimits> = {}) {
  const graph = new Graph(DOMAIN, COIN, limits)
  const hear = (news: News, now = NOW) => {
    const heard = graph.hear(encodeNews(news), now)
    return heard.kind === 'dropped' ? heard.reason : heard.kind
  }
  return { graph, hear }
}

/** Both channels, open in both directions. */
function village(limits: Partial<GraphLimits> = {}) {
  const { graph, hear } = hearing(limits)
  for (const channel of [NEAR, FAR]) {
    expect(hear(channelNews(channel))).to.equal('taken')
    for (const writer of [0, 1] as const) expect(hear(policyNews(channel, writer))).to.equal('taken')
  }
  return { graph, hear }
}

const query = { from: alice.address, to: bob.address, amount: 1_000n, maxFee: 100n, now: NOW, lock: 3_600 }
const id = (channel: typeof NEAR) => channelIdOf(DOMAIN, channel)

describe('a graph', () => {
  it('finds routes over what it was told', () => {
    const { graph } = village()
    const path = findPath(graph.network, query)!
    expect(path.edges.map((edge) => graph.network.channelIdOf(edge))).to.deep.equal([id(NEAR), id(FAR)])
    expect(path.fee).to.equal(5n)
  })

  it('hands a new peer all it knows in an order in which the peer takes it', () => {
    const { graph, hear } = village()
    hear(nodeNews(hana))
    const copy = new Graph(DOMAIN, COIN)
    const frames = [...graph.frames()]
    expect(frames).to.have.length(7)
    for (const frame of frames) expect(copy.hear(frame, NOW).kind).to.equal('taken')
    expect([...copy.frames()]).to.deep.equal(frames)
    for (const frame of frames) expect(copy.hear(frame, NOW)).to.deep.equal({ kind: 'dropped', reason: 'known' })
    expect(copy.nodeNews(hana.address)?.addresses).to.deep.equal(['tcp://hub.example:9735'])
  })

  it('drops what is forged', () => {
    const { graph, hear } = hearing()
    expect(hear(channelNews(NEAR, { by: mallory }))).to.equal('forged')
    expect(graph.network.channelCount).to.equal(0)
    hear(channelNews(NEAR))
    expect(hear(policyNews(NEAR, 0, { by: mallory }))).to.equal('forged')
    const other = NEAR.members[0]!.signer === alice.address ? hana : alice
    expect(hear(policyNews(NEAR, 0, { by: other })), "the other member's").to.equal('forged')
    expect(hear(nodeNews(hana, { by: mallory }))).to.equal('forged')
    expect(graph.nodeNews(hana.address)).to.equal(undefined)
  })

  it('S15 drops frames that are no news, and keeps nothing of them', () => {
    const { graph } = village()
    const before = [...graph.frames()]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.constantFrom(64, 65, 66), (body, tag) => {
        for (const frame of [body, Uint8Array.from([tag, ...body])])
          expect(graph.hear(frame, NOW)).to.deep.equal({ kind: 'dropped', reason: 'malformed' })
      }),
    )
    expect(graph.hear(new Uint8Array(1 << 20).fill(66), NOW)).to.deep.equal({ kind: 'dropped', reason: 'malformed' })
    expect([...graph.frames()]).to.deep.equal(before)
  })

  it('is not changed by whoever keeps the buffer of a frame', () => {
    const { graph } = hearing()
    const frame = encodeNews(channelNews(NEAR))
    graph.hear(frame, NOW)
    const kept = frame.slice()
    frame.fill(0)
    expect([...graph.frames()]).to.deep.equal([kept])
  })

  it('drops policies of channels and news of nodes that it does not know', () => {
    const { hear } = village()
    expect(hear(policyNews(channelOf(alice, bob), 0))).to.equal('unknown channel')
    expect(hear(channelNews(channelOf(alice, bob), { capacity: 0n }))).to.equal('unknown channel')
    expect(hear(nodeNews(mallory))).to.equal('unknown node')
  })

  it('drops news of other assets, from the future and from too long ago', () => {
    const { hear } = hearing()
    expect(hear(channelNews(NEAR, { asset: TOKEN }))).to.equal('other asset')
    expect(hear(channelNews(NEAR, { time: NOW + DEFAULT_LIMITS.ahead + 1 }))).to.equal('early')
    expect(hear(channelNews(NEAR, { time: NOW - DEFAULT_LIMITS.maxAge - 1 }))).to.equal('old')
    expect(hear(channelNews(NEAR, { time: NOW - DEFAULT_LIMITS.maxAge }))).to.equal('taken')
  })

  it('takes newer news and drops older and more frequent ones, by their own times', () => {
    const { graph, hear } = village()
    const price = (base: bigint, time: number) => policyNews(FAR, 1, { policy: { ...FREE, base, max: 9_999n }, time })
    const base = () => graph.network.policyOf(graph.edgeOf(id(FAR), 1)!).base
    expect(hear(price(6n, NOW + 59))).to.equal('too often')
    expect(hear(price(7n, NOW + 60))).to.equal('taken')
    expect(hear(price(8n, NOW + 30))).to.equal('old')
    expect(hear(price(7n, NOW + 60))).to.equal('known')
    expect(hear(price(9n, NOW + 60)), 'another one of the same time').to.equal('old')
    expect(base()).to.equal(7n)
    expect(hear(nodeNews(hana))).to.equal('taken')
    expect(hear(nodeNews(hana, { time: NOW + 10 }))).to.equal('too often')
    expect(hear(channelNews(NEAR, { time: NOW + 10 }))).to.equal('too often')
  })

  it('believes the bucket of the newest policy', () => {
    const { graph, hear } = village()
    const edge = graph.edgeOf(id(FAR), 0)!
    expect(Math.abs(chance(graph.network, edge, 700_000n, NOW) - 0.3)).to.be.below(0.01)
    hear(policyNews(FAR, 0, { bucket: 11, time: NOW + 60 }))
    expect([1_024n, 2_048n].map((amount) => chance(graph.network, edge, amount, NOW))).to.deep.equal([1, 0])
  })

  it('follows the capacity, forgets closed channels and opens none by older news', () => {
    const { graph, hear } = village()
    const count = () => graph.network.channelCount
    hear(nodeNews(bob))
    expect(hear(channelNews(FAR, { capacity: 500n, time: NOW + 60 }))).to.equal('taken')
    expect(findPath(graph.network, query)).to.equal(undefined)
    expect(hear(channelNews(FAR, { capacity: 0n, time: NOW + 120 }))).to.equal('taken')
    expect([count(), graph.edgeOf(id(FAR), 0), graph.nodeNews(bob.address)]).to.deep.equal([1, undefined, undefined])
    expect(hear(policyNews(FAR, 0, { time: NOW + 180 }))).to.equal('unknown channel')
    expect(hear(channelNews(FAR, { time: NOW + 60 }))).to.equal('old')
    expect(count()).to.equal(1)
    expect(hear(channelNews(FAR, { time: NOW + 180 }))).to.equal('taken')
    expect(count()).to.equal(2)
    expect(findPath(graph.network, query), 'no policy yet').to.equal(undefined)
    hear(policyNews(FAR, 0, { time: NOW + 180 }))
    hear(policyNews(FAR, 1, { time: NOW + 180 }))
    expect(findPath(graph.network, query)!.fee).to.equal(5n)
  })

  it('lets news disappear that nobody renews', () => {
    const { graph, hear } = village()
    const late = NOW + DEFAULT_LIMITS.maxAge
    hear(nodeNews(hana))
    hear(channelNews(NEAR, { time: late }), late)
    hear(policyNews(NEAR, 0, { time: late }), late)
    expect(graph.prune(late)).to.equal(0)
    expect(graph.prune(late + 1)).to.equal(1)
    expect([...graph.frames()]).to.have.length(2)
    const [kept, lost] = [0, 1].map((writer) => graph.network.policyOf(graph.edgeOf(id(NEAR), writer as 0 | 1)!).max)
    expect([kept! > 0n, lost]).to.deep.equal([true, 0n])
    expect(graph.nodeNews(hana.address)).to.equal(undefined)
    expect(graph.prune(late + DEFAULT_LIMITS.maxAge + 1)).to.equal(1)
    expect([graph.network.nodeCount, [...graph.frames()].length]).to.deep.equal([0, 0])
  })

  it('S19 stays within its bounds, and lets the smallest channels give way', () => {
    const { graph, hear } = hearing({ maxChannels: 8 })
    const open = (index: number, capacity: bigint) =>
      hear(channelNews(channelOf(actor(100 + index), actor(200 + index)), { capacity }))
    for (let i = 0; i < 8; i++) expect(open(i, 100n + BigInt(i))).to.equal('taken')
    expect(open(8, 100n), 'as small as the smallest').to.equal('full')
    expect(open(9, 50n)).to.equal('full')
    expect(open(10, 101n)).to.equal('taken')
    expect(graph.network.channelCount).to.equal(8)
    expect(open(0, 100n), 'what gave way stays outside').to.equal('full')
    for (let i = 20; i < 60; i++) open(i, BigInt(i))
    expect([graph.network.channelCount, [...graph.frames()].length]).to.deep.equal([8, 8])
  })

  it('S19 bounds the channels of a node and the number of nodes', () => {
    const { graph, hear } = hearing({ maxPerNode: 3, maxNodes: 6, maxChannels: 100 })
    for (let i = 0; i < 3; i++)
      expect(hear(channelNews(channelOf(mallory, actor(10 + i)), { capacity: 5n }))).to.equal('taken')
    expect(hear(channelNews(channelOf(mallory, actor(13)), { capacity: 1_000n }))).to.equal('full')
    expect(graph.network.channelCount, 'nothing gave way').to.equal(3)
    expect(hear(channelNews(channelOf(actor(20), actor(21)), { capacity: 4n })), 'six nodes').to.equal('taken')
    expect(hear(channelNews(channelOf(actor(22), actor(23)), { capacity: 3n }))).to.equal('full')
    expect(hear(channelNews(channelOf(actor(22), actor(23)), { capacity: 6n }))).to.equal('taken')
    expect(graph.network.nodeCount).to.be.at.most(6)
    expect(graph.edgeOf(channelIdOf(DOMAIN, channelOf(actor(20), actor(21))), 0)).to.equal(undefined)
  })

  it('comes to the same whatever the order in which news arrives', () => {
    const news = [NEAR, FAR].flatMap((channel) => [
      channelNews(channel),
      ...([0, 1] as const).map((writer) => policyNews(channel, writer)),
      policyNews(channel, 0, { policy: { ...FREE, base: 2n, max: 50_000n }, time: NOW + 90 }),
    ])
    const sorted = (graph: Graph) => [...graph.frames()].map((frame) => Buffer.from(frame).toString('hex')).sort()
    fc.assert(
      fc.property(fc.shuffledSubarray(news, { minLength: news.length }), (shuffled) => {
        const { graph, hear } = hearing()
        // Policies that came before their channels come again from other peers.
        for (let round = 0; round < 2; round++) for (const one of shuffled) hear(one)
        const again = hearing()
        for (const one of news) again.hear(one)
        expect(sorted(graph)).to.deep.equal(sorted(again.graph))
        expect(findPath(graph.network, query)?.amounts).to.deep.equal(findPath(again.graph.network, query)?.amounts)
      }),
      { numRuns: 20 },
    )
  })
})
