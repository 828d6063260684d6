import { expect } from 'chai'
import { Contract } from 'ethers'
import { type ChannelId, COIN } from '../../sdk/core/types.ts'
import { type Call, faultyRpc, NodeError } from '../sdk/chain/faulty-rpc.ts'
import { Mallory } from './mallory.ts'
import { type Actor, ETHER, rejection, Stage, until } from './stage.ts'

const LANES = ['function laneOf(bytes32,address,uint256,uint256) view returns (uint256)']

describe('a stale challenge', () => {
  let stage: Stage
  before(async function () {
    this.timeout(30_000)
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  /** Mallory paid alice half an ether after a copy of mallory's store was made; both are offline now. */
  async function cheat(name: string): Promise<{ channelId: ChannelId; lane: number }> {
    const alice = await stage.start('alice', { file: `alice-${name}` })
    let mallory = await stage.start('mallory', { file: `mallory-${name}` })
    const channelId = await stage.pair(mallory, alice)
    await mallory.node.pay(channelId, 1n)
    await stage.stop(mallory)
    stage.copy(`mallory-${name}`, `mallory-${name}-old`)
    mallory = await stage.start('mallory', { file: `mallory-${name}` })
    await mallory.node.connect(alice.address)
    await mallory.node.pay(channelId, ETHER / 2n)
    const lane = mallory.node.channel(channelId).me
    await stage.stop(mallory)
    await stage.stop(alice)
    return { channelId, lane }
  }

  /** Mallory challenges with the old copy. */
  async function challenge(name: string, channelId: ChannelId): Promise<Actor> {
    const mallory = await stage.start('mallory', { file: `mallory-${name}-old` })
    await mallory.node.dispute(channelId)
    return mallory
  }

  /** The version of mallory's lane that an answer recorded. */
  async function recorded(channelId: ChannelId, lane: number, generation = 0): Promise<bigint> {
    const contract = new Contract(stage.chain.adjudicator, LANES, stage.chain.provider)
    return ((await contract.laneOf!(channelId, COIN, generation, lane)) as bigint) >> 192n
  }

  it('S19 S24 is answered at start-up before anything is asked about the channels of strangers', async () => {
    const { channelId, lane } = await cheat('crowd')
    const open = await stage.start('alice', { file: 'alice-crowd' })
    const strangers = new Set<string>()
    for (let i = 0; i < 8; i++) {
      const stranger = await Mallory.dial(stage, open, `stranger ${i}`)
      for (const nonce of [1n, 2n]) strangers.add((await stranger.open(open, nonce)).ref.channelId.slice(2))
    }
    await stage.stop(open)
    const mallory = await challenge('crowd', channelId)
    await stage.stop(mallory)

    // An RPC that gives up on so many questions.
    const rpc = await faultyRpc(stage.chain.url)
    rpc.answer = (call: Call) => {
      const text = JSON.stringify(call.params)
      if (call.method === 'eth_call' && [...strangers].some((id) => text.includes(id)))
        return Promise.reject(new NodeError('too many requests'))
      return call.forward()
    }
    try {
      const alice = await stage.start('alice', { file: 'alice-crowd', chain: { rpc: rpc.url } })
      await until(async () => (await recorded(channelId, lane)) === 2n)
      expect(alice.node.balances(channelId).disputedUntil).to.not.equal(undefined)
      const late = await rejection(alice.node.pay(channelId, 1n))
      expect(late).to.have.property('code')
    } finally {
      await stage.stopAll()
      await rpc.stop()
    }
  })
})
