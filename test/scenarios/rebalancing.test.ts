import { expect } from 'chai'
import type { ChannelId } from '../../sdk/core/types.ts'
import type { NodeOptions } from '../../sdk/node/node.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection, Stage } from './stage.ts'

const FEE = 1_000n

describe('rebalancing between hubs', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const start = (name: string, scene: string, options: Partial<NodeOptions> = {}) =>
    stage.start(name, {
      file: `${name}-${scene}`,
      node: {
        forwarding: { baseFee: FEE, feePpm: 0n, margin: 600n, responseTime: 300n },
        gossip: { limits: { interval: 0 } },
        ...options,
      },
    })

  interface Triangle {
    readonly alice: Actor
    readonly hana: Actor
    readonly bob: Actor
    /** Alice's channels: with hana she has too little, with bob too much. */
    readonly low: ChannelId
    readonly high: ChannelId
  }

  async function triangle(scene: string, options: Partial<NodeOptions> = {}): Promise<Triangle> {
    const alice = await start('alice', scene, options)
    const [hana, bob] = [await start('mallory', scene), await start('bob', scene)]
    const low = await stage.pair(alice, hana, 3_600)
    const high = await stage.pair(alice, bob, 3_600)
    await stage.pair(hana, bob, 3_600)
    await alice.node.pay(low, (3n * ETHER) / 4n)
    await bob.node.pay(high, (3n * ETHER) / 4n)
    const known = ({ node }: Actor) => node.network().announced === 3 && node.network().nodes === 3
    await until(() => [alice, hana, bob].every(known))
    return { alice, hana, bob, low, high }
  }

  const spendable = ({ node }: Actor, channelId: ChannelId) => node.balances(channelId).spendable

  it('moves what one channel has too much of to the one that lacks it, by a payment to oneself', async () => {
    const { alice, hana, bob, low, high } = await triangle('once')
    const before = spendable(alice, low) + spendable(alice, high)
    let told = 0n
    alice.node.on('rebalanced', ({ moved }) => {
      told += moved
    })
    let done = { moved: 0n, fee: 0n, payments: 0 }
    // What the others ask may be told after their channels.
    await until(async () => {
      done = await alice.node.rebalance({ maxFeePpm: 10, minAmount: ETHER / 100n })
      return done.payments > 0
    }, 15_000)
    const { moved, fee, payments } = done
    expect(moved >= ETHER / 4n && moved <= (3n * ETHER) / 4n, `${moved}`).to.equal(true)
    expect(fee).to.equal(BigInt(payments) * 2n * FEE)
    expect(told).to.equal(moved)
    await until(() => spendable(alice, low) === ETHER / 4n + moved)
    await until(() => spendable(alice, high) === (7n * ETHER) / 4n - moved - fee)
    expect(spendable(alice, low) + spendable(alice, high)).to.equal(before - fee)
    const nothingLocked = ({ node }: Actor) =>
      node.channels().every(({ channelId }) => node.transfers(channelId).length === 0)
    await until(() => [alice, hana, bob].every(nothingLocked))
  })

  it('leaves it where others want more for it than allowed', async () => {
    const { alice, low } = await triangle('dear')
    expect(await alice.node.rebalance({ maxFeePpm: 0 })).to.deep.equal({ moved: 0n, fee: 0n, payments: 0 })
    expect(spendable(alice, low)).to.equal(ETHER / 4n)
    expect(await rejection(alice.node.rebalance({ maxFeePpm: -1 }))).to.have.property('code', 'INVALID_OPTION')
  })

  it('is done by itself, again and again', async () => {
    const { alice, low } = await triangle('itself', {
      rebalance: { maxFeePpm: 10, every: 0.2, minAmount: ETHER / 100n },
    })
    await until(() => spendable(alice, low) >= (3n * ETHER) / 4n)
  })
})
