import { expect } from 'chai'
import { channelIdOf, sortMembers } from '../../../sdk/core/channel.ts'
import { type ChannelId, COIN } from '../../../sdk/core/types.ts'
import type { Node, NodeOptions } from '../../../sdk/node/node.ts'
import { MAX_NEWS } from '../../../sdk/protocols/wire.ts'
import { channelNewsDigest, type News, signNodeNews } from '../../../sdk/routing/gossip.ts'
import { decodeNews, encodeNews } from '../../../sdk/routing/gossip-wire.ts'
import { bucketOf } from '../../../sdk/routing/policy.ts'
import { until } from '../../until.ts'
import { ownerOf, signerOf, World } from './actors.ts'
import { Mallory } from './mallory.ts'
import type { ModelView } from './model-chain.ts'

const FAST: NonNullable<NodeOptions['gossip']> = { limits: { interval: 0 } }

describe('gossip between nodes', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.stop())

  const start = (
    name: string,
    options: Pick<NodeOptions, 'forwarding' | 'gossip' | 'tick'> & { chain?: ModelView } = {},
  ) => world.start(name, { gossip: FAST, ...options })

  /** A channel with `amount` on either side. */
  async function pair(one: Node, other: Node, name: string, amount = 1_000_000n): Promise<ChannelId> {
    const channelId = await one.open(`memory:${name}`)
    await Promise.all([one.deposit(channelId, amount), other.deposit(channelId, amount)])
    return channelId
  }

  it('tells everybody of the channels of everybody, also those who come later', async () => {
    const [alice, hana, bob, carol] = [
      await start('alice'),
      await start('hana'),
      await start('bob'),
      await start('carol'),
    ]
    await pair(hana, bob, 'bob')
    await pair(bob, carol, 'carol')
    await until(() => hana.network().announced === 2 && carol.network().announced === 2)
    await pair(alice, hana, 'hana')
    for (const node of [alice, hana, bob, carol])
      await until(() => node.network().announced === 3 && node.network().nodes === 4)
  })

  it('says nothing of channels that one of both does not announce', async () => {
    const [alice, hana, bob] = [await start('alice'), await start('hana'), await start('bob')]
    const carol = await start('carol', { forwarding: { forwards: false } })
    await pair(alice, hana, 'hana')
    await pair(bob, carol, 'carol')
    await pair(hana, bob, 'bob')
    await until(() => alice.network().announced === 2 && carol.network().announced === 2)
    expect(alice.network()).to.deep.equal({ nodes: 3, channels: 2, announced: 2 })
    expect(carol.network()).to.deep.equal({ nodes: 4, channels: 3, announced: 2 })
    expect(bob.network()).to.deep.equal({ nodes: 4, channels: 3, announced: 2 })
  })

  it('forgets a channel that both have closed', async () => {
    const [alice, hana, bob] = [await start('alice'), await start('hana'), await start('bob')]
    await pair(alice, hana, 'hana')
    const channelId = await pair(hana, bob, 'bob')
    await until(() => alice.network().announced === 2)
    await bob.close(channelId)
    await until(() => alice.network().announced === 1)
  })

  /** Mallory in a channel with alice that holds `amount`, listening to her. */
  async function mallory(alice: Node, amount = 1_000n) {
    const guest = (await Mallory.dial(world, 'alice')).greet(world)
    const names = ['alice', 'mallory']
    const members = sortMembers(names.map((name) => ({ signer: signerOf(name).address, owner: ownerOf(name) })))
    const channel = { period: 86_400, nonce: 1n, members }
    guest.send({ kind: 'open', channel, assets: [COIN] })
    await until(() => guest.of('opened').length === 1)
    const { channelId } = guest.of('opened')[0]!
    await alice.deposit(channelId, amount)
    await until(() => guest.of('more').length === 1)
    return { guest, channel, channelId }
  }

  const now = () => Math.floor(Date.now() / 1_000)
  const batch = (...news: News[]) => ({ kind: 'news' as const, frames: news.map(encodeNews) })

  /** A channel of mallory and nobody else, with what both ends say of it. */
  function invented(capacity: bigint, by = signerOf('ghost')) {
    const [one, two] = [signerOf('mallory'), signerOf('ghost')]
    const members = sortMembers([one, two].map(({ address }) => ({ signer: address, owner: address })))
    const body = { kind: 'channel', channel: { period: 600, nonce: 9n, members }, asset: COIN, capacity } as const
    const digest = channelNewsDigest(world.chain.domain, { ...body, time: now() })
    const sign = (signer: string) => (signer === one.address ? one : by).sign(digest)
    const [first, second] = members.map(({ signer }) => sign(signer))
    return { ...body, time: now(), signatures: [first!, second!] as const }
  }

  it('drops what is forged, and what the chain does not bear out', async () => {
    const alice = await start('alice')
    const { guest } = await mallory(alice)
    const before = alice.network()
    guest.send(batch(invented(1_000n)))
    await until(() => guest.of('more').length === 2)
    const node = { kind: 'node', node: alice.address, onionKey: `0x${'66'.repeat(32)}`, addresses: [] } as const
    const forged = signNodeNews(signerOf('mallory'), world.chain.domain, { ...node, features: 0n, time: now() + 90 })
    guest.send(batch(forged))
    await until(() => guest.of('more').length === 3)
    expect(alice.network()).to.deep.equal(before)
  })

  it('asks again for a channel that the chain shows only later', async () => {
    const alice = await start('alice')
    const { guest } = await mallory(alice)
    const news = invented(500n)
    guest.send(batch(news))
    await until(() => guest.of('more').length === 2)
    expect(alice.network().announced).to.equal(0)
    const channelId = channelIdOf(world.chain.domain, news.channel)
    await world.chain
      .connect(ownerOf('ghost'))
      .deposit({ channelId, asset: COIN }, 0, 500n, { intent: 'a deposit of the ghost' })
    await until(() => guest.of('more').length === 3)
    expect(guest.of('more').at(-1)).to.include({ since: 0 })
    guest.send(batch(news))
    await until(() => alice.network().announced === 1)
  })

  it('cuts off a peer that goes on forging', async () => {
    const alice = await start('alice')
    const { guest } = await mallory(alice)
    const node = { kind: 'node', node: alice.address, onionKey: `0x${'66'.repeat(32)}`, addresses: [] } as const
    for (let count = 0; !guest.closed; count++) {
      const forged = signNodeNews(signerOf('mallory'), world.chain.domain, {
        ...node,
        features: BigInt(count),
        time: now() + 90,
      })
      const asked = guest.of('more').length
      guest.send(batch(...Array.from({ length: 30 }, () => forged)))
      await until(() => guest.closed || guest.of('more').length > asked)
    }
    expect(guest.closed).to.equal(true)
  })

  it('S20 cuts off a peer that goes on telling of channels that do not exist, before the RPC is asked for many', async () => {
    const chain = world.chain.connect(ownerOf('alice'))
    const { view } = chain
    let [asking, most] = [0, 0]
    chain.view = async (ledger) => {
      most = Math.max(most, ++asking)
      await new Promise((resolve) => setImmediate(resolve))
      asking--
      return view.call(chain, ledger)
    }
    // At the pace of a real node: its allowance grows at each tick.
    const alice = await start('alice', { chain, tick: 500 })
    const { guest } = await mallory(alice)
    let told = 0
    while (!guest.closed && told < 3_000) {
      const asked = guest.of('more').length
      // The signatures need not even be right.
      const news = Array.from({ length: MAX_NEWS }, () => {
        const one = invented(1n)
        return { ...one, channel: { ...one.channel, nonce: BigInt(++told) } }
      })
      guest.send(batch(...news))
      await until(() => guest.closed || guest.of('more').length > asked)
    }
    expect(guest.closed).to.equal(true)
    expect(most, 'a few are paid for before the next are asked for').to.be.below(MAX_NEWS / 4)
  })

  it('does not listen to strangers, nor to batches that nobody asked for', async () => {
    const alice = await start('alice')
    const stranger = (await Mallory.dial(world, 'alice')).greet(world)
    for (let count = 0; count < 25; count++) stranger.send(batch(invented(1n)))
    await until(() => stranger.closed)
    expect(alice.network()).to.deep.equal({ nodes: 0, channels: 0, announced: 0 })
  })

  it('tells of what a channel can carry its binary digits alone', async () => {
    const alice = await start('alice')
    const { guest, channelId } = await mallory(alice, 1_000n)
    const listen = (since?: number) => guest.send({ kind: 'more', since })
    listen(0)
    const news = () => guest.of('news').flatMap(({ frames }) => frames.map(decodeNews))
    await until(() => {
      listen()
      return news().some(({ kind }) => kind === 'policy')
    })
    const [policy] = news().filter((each) => each.kind === 'policy')
    expect(policy).to.include({ bucket: bucketOf(1_000n), channelId })
  })
})
