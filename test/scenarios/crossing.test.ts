import { expect } from 'chai'
import { fromChannel, intoChannel, lockForSecret } from '../../sdk/connecting/channel-side.ts'
import { Connector } from '../../sdk/connecting/connector.ts'
import { fastWithdraw } from '../../sdk/connecting/fast-withdraw.ts'
import { fromHouse, intoHouse } from '../../sdk/connecting/house-side.ts'
import { fromUint, toBytes, toHex } from '../../sdk/core/bytes.ts'
import { secretKey } from '../../sdk/core/outcome.ts'
import { type ChannelId, COIN, type Hex } from '../../sdk/core/types.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { type Citizen, Town } from '../house/town.ts'
import { rejection } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { Stage } from './stage.ts'

const CREDIT = { credit: 10_000n }
const HOURS = 6n * 3_600n

describe('payments between houses and channels', () => {
  let gold: Town
  let silver: Town
  let stage: Stage

  before(async () => {
    gold = await Town.found({ account: 5 })
    silver = await Town.found({ on: gold.chain, account: 6 })
    stage = await Stage.on(gold.chain)
  })
  after(async () => {
    await stage.stopAll()
    await silver.stop()
    await gold.stop()
    stage.clear()
  })

  const secretOf = (n: number): Hex => toHex(new Uint8Array(32).fill(n))
  const registry = () => ({ chainId: 31_337n, condition: gold.chain.registry })
  const keyOf = (secret: Hex) => secretKey(registry(), toBytes(secret))
  const deadline = async () => BigInt((await gold.chain.provider.getBlock('latest'))!.timestamp) + HOURS
  const connectorOf = ({ chain }: Citizen, store = memoryStore()) =>
    new Connector({ chain, store, fee: (amount) => amount / 100n, poll: 20 })
  const inbound = ({ house }: Citizen) => house.locks().find(({ direction }) => direction === 'in')

  /** alice in the gold house, bob in the silver one, carol in both. */
  async function people(from: number) {
    const alice = await gold.join(from)
    const [here, there] = [await gold.join(from + 1), await silver.join(from + 2)]
    const bob = await silver.join(from + 3)
    for (const one of [alice, here, there, bob]) {
      await gold.chain.rpc('anvil_setBalance', one.owner, toHex(fromUint(10n ** 18n, 8)))
      await one.house.deposit(10_000n)
    }
    return { alice, bob, here, there }
  }

  /** At once if the payers answer; else the chain is shown the secret, and the next epochs pay. */
  async function untilTheyHave(citizens: readonly Citizen[], available: readonly bigint[]): Promise<void> {
    const have = () => citizens.map(({ house }) => house.balance().available)
    const isSo = () => have().every((amount, i) => amount === available[i])
    for (let cuts = 0; cuts < 3 && !isSo(); cuts++) await Promise.all([gold.cut(), silver.cut()])
    await until(isSo).catch(() => expect(have()).to.deep.equal(available))
  }

  it('C16 go from one house to another under one key and one deadline', async () => {
    const { alice, bob, here, there } = await people(10)
    const secret = secretOf(1)
    const crossing = {
      key: keyOf(secret),
      amount: 1_000n,
      from: fromHouse(here.house, CREDIT),
      to: intoHouse(there.house, bob.house.id),
    }
    const { price, done } = connectorOf(here).carry(crossing)
    expect(price).to.equal(1_010n)
    await alice.house.lock(here.house.id, price, {
      key: crossing.key,
      deadline: await deadline(),
      shown: async () => {},
    })
    await until(() => inbound(bob) !== undefined)
    await bob.house.release(inbound(bob)!, { secret })
    expect(await done).to.equal(secret)
    expect(await here.chain.secretOf(crossing.key)).to.equal(undefined)
    await untilTheyHave([alice, here, there, bob], [8_990n, 11_010n, 9_000n, 11_000n])
  })

  it('C16 are carried once, though the connector is asked again after a crash', async () => {
    const { alice, bob, here, there } = await people(14)
    const secret = secretOf(2)
    const stop = new AbortController()
    const store = memoryStore()
    const crossing = {
      key: keyOf(secret),
      amount: 500n,
      from: fromHouse(here.house, CREDIT),
      to: intoHouse(there.house, bob.house.id),
    }
    const first = connectorOf(here, store).carry({ ...crossing, signal: stop.signal })
    const ended = rejection(first.done)
    await alice.house.lock(here.house.id, first.price, { key: crossing.key, deadline: await deadline() })
    await until(() => inbound(bob) !== undefined)
    stop.abort(new Error('stopped'))
    expect(await ended).to.have.property('message', 'stopped')
    const { done } = connectorOf(here, store).carry(crossing)
    await bob.house.release(inbound(bob)!, { secret })
    expect(await done).to.equal(secret)
    await untilTheyHave([alice, here, there, bob], [9_495n, 10_505n, 9_500n, 10_500n])
  })

  it('go back at once if too little is locked, or too late', async () => {
    const { alice, bob, here, there } = await people(18)
    const now = (await deadline()) - HOURS
    const tries = [
      { price: 1_009n, deadline: now + HOURS, reason: 'AMOUNT' },
      { price: 1_010n, deadline: now + 3_000n, reason: 'DEADLINE' },
    ]
    for (const [i, { price, deadline: until, reason }] of tries.entries()) {
      const key = keyOf(secretOf(10 + i))
      const to = intoHouse(there.house, bob.house.id)
      const { done } = connectorOf(here).carry({ key, amount: 1_000n, from: fromHouse(here.house, CREDIT), to })
      const refused = rejection(done)
      await alice.house.lock(here.house.id, price, { key, deadline: until })
      expect(await refused).to.include({ code: 'NOT_CARRIED', reason })
    }
    await until(() => alice.house.balance().available === 10_000n)
    expect(bob.house.locks()).to.deep.equal([])
  })

  it('wait until the operator has answered for a lock above its credit, in an epoch that is final', async () => {
    const { alice, bob, here, there } = await people(22)
    const secret = secretOf(3)
    const crossing = {
      key: keyOf(secret),
      amount: 1_000n,
      from: fromHouse(here.house),
      to: intoHouse(there.house, bob.house.id),
    }
    const { price, done } = connectorOf(here).carry(crossing)
    await alice.house.lock(here.house.id, price, { key: crossing.key, deadline: await deadline() })
    const epoch = await gold.cut(alice, here)
    await until(() => here.events.some(({ kind }) => kind === 'disputed'))
    await until(async () => (await here.chain.openDemands(epoch)).length === 0)
    expect(there.house.locks()).to.deep.equal([])
    await gold.pass(1_001n)
    await until(() => inbound(bob) !== undefined)
    await bob.house.release(inbound(bob)!, { secret })
    expect(await done).to.equal(secret)
  })

  /** A channel of carol, who has money in it, with dave. */
  async function channel(name: string): Promise<{ carol: Actor; dave: Actor; channelId: ChannelId }> {
    const [carol, dave] = [
      await stage.start('carol', { file: `carol-${name}` }),
      await stage.start('bob', { file: `bob-${name}` }),
    ]
    const channelId = await carol.node.open(dave.address)
    await carol.node.deposit(channelId, 5_000n)
    await dave.node.deposit(channelId, 5_000n)
    await until(
      () => carol.node.balances(channelId).spendable === 5_000n && dave.node.balances(channelId).spendable === 5_000n,
    )
    return { carol, dave, channelId }
  }
  type Actor = Awaited<ReturnType<Stage['start']>>

  it('C16 go from a house into a channel, and out of one into a house', async () => {
    const { alice, here } = await people(26)
    const { carol, dave, channelId } = await channel('crossing')
    const [there, back] = [secretOf(4), secretOf(5)]
    const into = {
      key: keyOf(there),
      amount: 300n,
      from: fromHouse(here.house, CREDIT),
      to: intoChannel(carol.node, registry(), channelId),
    }
    const one = connectorOf(here).carry(into)
    dave.node.on('locked', ({ direction, id }) => {
      if (direction === 'in') dave.node.askUnlock(channelId, id, { proof: toBytes(there) })
    })
    await alice.house.lock(here.house.id, one.price, { key: into.key, deadline: await deadline() })
    expect(await one.done).to.equal(there)
    await until(() => dave.node.balances(channelId).spendable === 5_300n)

    const out = {
      key: keyOf(back),
      amount: 200n,
      from: fromChannel(carol.node, channelId),
      to: intoHouse(here.house, alice.house.id),
    }
    const two = connectorOf(here).carry(out)
    const terms = { channelId, amount: two.price, key: out.key, deadline: await deadline() }
    await lockForSecret(dave.node, registry(), terms)
    await until(() => inbound(alice) !== undefined)
    await alice.house.release(inbound(alice)!, { secret: back })
    expect(await two.done).to.equal(back)
    await until(() => carol.node.balances(channelId).spendable === 4_902n)
    await untilTheyHave([alice, here], [9_897n, 10_103n])
    await Promise.all([stage.stop(carol), stage.stop(dave)])
  })

  it('leave a house at once through a liquidity provider’s channel', async () => {
    const { alice, here } = await people(30)
    const { carol, dave, channelId } = await channel('leaving')
    const held = () => gold.chain.provider.getBalance(gold.chain.adjudicator)
    const before = await held()
    await fastWithdraw(
      { house: alice.house, node: dave.node, chain: alice.chain },
      {
        amount: 1_000n,
        asset: COIN,
        channelId,
        most: 1_010n,
        ask: async (key) => {
          const { price, done } = connectorOf(here).carry({
            key,
            amount: 1_000n,
            from: fromHouse(here.house, CREDIT),
            to: intoChannel(carol.node, registry(), channelId),
          })
          done.catch(() => {})
          return { to: here.house.id, price }
        },
      },
    )
    expect(before - (await held())).to.equal(1_000n)
    expect(dave.node.balances(channelId).spendable).to.equal(5_000n)
    await untilTheyHave([alice, here], [8_990n, 11_010n])
  })
})
