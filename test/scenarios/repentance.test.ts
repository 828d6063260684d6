import { expect } from 'chai'
import { Contract } from 'ethers'
import { type ChannelId, COIN } from '../../sdk/core/types.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection, Stage } from './stage.ts'

const LANES = ['function laneOf(bytes32,address,uint256,uint256) view returns (uint256)']

describe('a dispute that ends by agreement', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  /** Mallory paid alice half an ether, and challenged with an older state; her newest store is there too. Alice had dialled. */
  async function cheat(name: string): Promise<{ alice: Actor; mallory: Actor; channelId: ChannelId }> {
    const alice = await stage.start('alice', { file: `alice-${name}` })
    let mallory = await stage.start('mallory', { file: `mallory-${name}` })
    const channelId = await stage.pair(alice, mallory)
    await mallory.node.pay(channelId, 1n)
    await stage.stop(mallory)
    stage.copy(`mallory-${name}`, `mallory-${name}-old`)
    mallory = await stage.start('mallory', { file: `mallory-${name}` })
    await mallory.node.connect(alice.address)
    await mallory.node.pay(channelId, ETHER / 2n)
    await stage.stop(mallory)
    mallory = await stage.start('mallory', { file: `mallory-${name}-old` })
    await mallory.node.dispute(channelId)
    await until(() => alice.node.balances(channelId).disputedUntil !== undefined)
    return { alice, mallory, channelId }
  }

  /** The version of mallory's lane that alice's answer recorded. */
  async function recorded({ node }: Actor, channelId: ChannelId): Promise<bigint> {
    const contract = new Contract(stage.chain.adjudicator, LANES, stage.chain.provider)
    return ((await contract.laneOf!(channelId, COIN, 0, node.channel(channelId).me)) as bigint) >> 192n
  }

  const gains = async (name: string, before: bigint) => (await stage.balanceOf(name)) - before
  const near = (value: bigint, expected: bigint) => value > expected - ETHER / 100n && value <= expected

  it('pays both by the newest states at once, as soon as mallory comes back with her newest store and closes', async () => {
    const { alice, mallory: cheating, channelId } = await cheat('returned')
    await until(async () => (await recorded(cheating, channelId)) === 2n)
    await stage.stop(cheating)
    const mallory = await stage.start('mallory', { file: 'mallory-returned' })
    expect((await rejection(mallory.node.withdraw(channelId, 1n))).code).to.equal('PEER_OFFLINE')
    await mallory.node.connect(alice.address)
    const [hers, his] = [await stage.balanceOf('alice'), await stage.balanceOf('mallory')]
    expect((await rejection(mallory.node.withdraw(channelId, 1n))).code).to.equal('LEDGER_DISPUTED')
    const { timestamp } = await mallory.chain.head()
    await mallory.node.close(channelId)
    // Long before anybody could have settled.
    expect((await mallory.chain.head()).timestamp - timestamp < 500n).to.equal(true)
    expect(await gains('alice', hers)).to.equal(ETHER + ETHER / 2n + 1n)
    expect(near(await gains('mallory', his), ETHER / 2n - 1n)).to.equal(true)
    expect(await stage.chain.provider.getBalance(stage.chain.adjudicator)).to.equal(0n)
    expect(mallory.node.balances(channelId)).to.include({ generation: 1, disputedUntil: undefined })
    // The channel goes on, in its next generation.
    await until(() => alice.node.balances(channelId).generation === 1)
    await mallory.node.deposit(channelId, 100n)
    await mallory.node.pay(channelId, 60n)
    await alice.node.close(channelId)
  })

  it('ends by the wish of a mallory that has only her old store, and by no wish of alice', async () => {
    const { alice, mallory, channelId } = await cheat('forgotten')
    const [hers, his] = [await stage.balanceOf('alice'), await stage.balanceOf('mallory')]
    await mallory.node.connect(alice.address)
    await until(() => mallory.node.balances(channelId).blocked === 'LEDGER_FROZEN')
    const expiry = alice.node.balances(channelId).disputedUntil
    // What she forgot alice may hide, so only mallory herself can give it up.
    expect((await rejection(alice.node.close(channelId))).message).to.match(/its own side has to ask/)
    const agreed = new Promise<{ withdrawal: { dispute: bigint } }>((resolve) => mallory.node.on('agreed', resolve))
    await mallory.node.close(channelId)
    expect((await agreed).withdrawal.dispute).to.equal(expiry)
    expect(near(await gains('mallory', his), ETHER / 2n - 1n)).to.equal(true)
    expect(near(await gains('alice', hers), ETHER + ETHER / 2n + 1n)).to.equal(true)
  })

  it('does not end if the other is silent: it is answered and settled as ever', async () => {
    const { alice, mallory, channelId } = await cheat('silent')
    await mallory.node.connect(alice.address)
    await until(() => alice.node.channel(channelId).connected)
    await stage.stop(mallory)
    const hers = await stage.balanceOf('alice')
    const closing = alice.node.close(channelId)
    await until(async () => (await recorded(mallory, channelId)) === 2n)
    await stage.later(700)
    await until(() => alice.node.balances(channelId).generation === 1)
    expect(near(await gains('alice', hers), ETHER + ETHER / 2n + 1n)).to.equal(true)
    // It waited for the peer, until there was nothing left to be paid.
    await closing
  })

  it('ends the same way for a dispute that nobody meant badly', async () => {
    const [alice, bob] = [await stage.start('alice', { file: 'alice-lonely' }), await stage.start('bob')]
    const channelId = await stage.pair(alice, bob)
    await alice.node.pay(channelId, ETHER / 4n)
    await stage.stop(bob)
    // Bob is gone for long, so alice leaves alone; then he comes back.
    await alice.node.dispute(channelId)
    const again = await stage.start('bob')
    await until(() => again.node.balances(channelId).disputedUntil !== undefined)
    await again.node.connect(alice.address)
    const before = await stage.balanceOf('bob')
    await alice.node.close(channelId)
    expect(await gains('bob', before)).to.equal(ETHER + ETHER / 4n)
    await until(() => again.node.balances(channelId).generation === 1)
    expect(again.alarms).to.deep.equal([])
  })
})
