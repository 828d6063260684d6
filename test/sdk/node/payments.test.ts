import { expect } from 'chai'
import type { ChannelId, Hex } from '../../../sdk/core/types.ts'
import type { NodeEvent } from '../../../sdk/node/events.ts'
import type { Node } from '../../../sdk/node/node.ts'
import { until } from '../../until.ts'
import { rejection, World } from './actors.ts'

describe('payments between two nodes', () => {
  let world: World
  let alice: Node
  let bob: Node
  let channelId: ChannelId
  beforeEach(async () => {
    world = new World()
    ;({ alice, bob, channelId } = await world.pair(1_000_000n))
  })
  afterEach(() => world.stop())

  const listed = async (node: Node) => {
    const payments = []
    for await (const payment of node.payments()) payments.push(payment)
    return payments
  }

  it('move money to the payee, who can spend it on', async () => {
    const receipt = await alice.pay(channelId, 1_000_000n, { memo: 'all I have' })
    expect(receipt).to.include({ amount: 1_000_000n, version: 1n, generation: 0 })
    expect(alice.balances(channelId)).to.include({ spendable: 0n, receivable: 2_000_000n, unacknowledged: 0n })
    await bob.pay(channelId, 2_000_000n)
    await until(() => alice.balances(channelId).spendable === 2_000_000n)
  })

  it('are final for the payee when they are signed, and acknowledged a little later', async () => {
    await alice.pay(channelId, 5n, { wait: 'signed' })
    expect(alice.balances(channelId).spendable).to.equal(999_995n)
    await until(() => alice.balances(channelId).unacknowledged === 0n)
    expect(await listed(bob)).to.have.length(1)
  })

  it('share a signature when they come faster than they can be signed', async () => {
    await Promise.all(Array.from({ length: 500 }, (_, i) => alice.pay(channelId, BigInt(i + 1))))
    const payments = await listed(bob)
    expect(payments.map(({ amount }) => amount)).to.deep.equal(Array.from({ length: 500 }, (_, i) => BigInt(i + 1)))
    expect(new Set(payments.map(({ version }) => version)).size).to.be.lessThan(10)
    expect(new Set(payments.map(({ id }) => id)).size).to.equal(500)
  })

  it('cross each other in both directions', async () => {
    const each = (node: Node) => Array.from({ length: 50 }, () => node.pay(channelId, 10n))
    await Promise.all([...each(alice), ...each(bob), alice.payMany(channelId, new Array<bigint>(5_000).fill(1n))])
    await until(() => bob.balances(channelId).spendable === 1_005_000n)
    expect(await listed(alice)).to.have.length(5_100)
  })

  it('are listed on both sides with id, memo, direction, time and place', async () => {
    const id = '0x000102030405060708090a0b0c0d0e0f' as const
    await alice.pay(channelId, 7n, { id, memo: 'tea' })
    const [out] = await listed(alice)
    const [into] = await listed(bob)
    expect(out).to.deep.include({
      id,
      amount: 7n,
      memo: 'tea',
      direction: 'out',
      peer: bob.address,
      version: 1n,
      index: 0,
    })
    expect(into).to.deep.include({ id, amount: 7n, memo: 'tea', direction: 'in', peer: alice.address, generation: 0 })
    expect(Math.abs(into!.time - Date.now())).to.be.lessThan(60_000)
  })

  it('with memos for some of many keep them apart', async () => {
    const bulk = await alice.payMany(channelId, [{ amount: 1n }, { amount: 2n, memo: 'second' }, { amount: 3n }])
    expect(bulk).to.include({ count: 3, total: 6n })
    const payments = await listed(bob)
    expect(payments.map(({ memo }) => memo)).to.deep.equal([undefined, 'second', undefined])
    expect(payments.map(({ id }) => id)).to.deep.equal([bulk.id(0), bulk.id(1), bulk.id(2)])
  })

  it('are split over as many signatures as the bound per signature asks for', async () => {
    const carol = await world.start('carol', { maxPerSignature: 100 })
    const other = await carol.open('memory:bob')
    await carol.deposit(other, 1_000n)
    const bulk = await carol.payMany(other, new BigUint64Array(950).fill(1n))
    expect(bulk).to.include({ firstVersion: 1n, lastVersion: 10n })
  })

  it('with an id of the caller are made once', async () => {
    const id = '0x0102030405060708090a0b0c0d0e0f10' as const
    const [first, second] = await Promise.all([alice.pay(channelId, 7n, { id }), alice.pay(channelId, 7n, { id })])
    const third = await alice.pay(channelId, 7n, { id })
    expect([second, third]).to.deep.equal([first, first])
    expect(await listed(bob)).to.have.length(1)
    expect(await rejection(alice.pay(channelId, 8n, { id }))).to.have.property('code', 'DUPLICATE_PAYMENT')
  })

  it('tell events: one per update, unpacked as they are read', async () => {
    const events: NodeEvent[] = []
    bob.on('payment', (event) => events.push(event))
    await alice.payMany(channelId, [1n, 2n, 3n])
    const [event] = events
    if (event?.kind !== 'payment') throw new Error('No payment was told.')
    expect(event).to.include({ direction: 'in', count: 3, total: 6n, peer: alice.address })
    expect([...event.payments()].map(({ amount }) => amount)).to.deep.equal([1n, 2n, 3n])
  })

  it('can be followed by an async iterator, which ends with its signal and with the node', async () => {
    const stop = new AbortController()
    const seen: bigint[] = []
    const following = (async () => {
      for await (const event of bob.events({ signal: stop.signal }))
        if (event.kind === 'payment') seen.push(event.total)
    })()
    await alice.pay(channelId, 1n)
    await alice.pay(channelId, 2n)
    await until(() => seen.length === 2)
    stop.abort()
    await following
    const rest = (async () => {
      for await (const _ of bob.events());
    })()
    await bob.stop()
    await rest
  })

  it('go on when a handler throws, which raises an alarm', async () => {
    const alarms: Error[] = []
    bob.on('alarm', ({ error }) => alarms.push(error))
    bob.on('payment', () => {
      throw new Error('mine')
    })
    await alice.pay(channelId, 1n)
    expect(alarms[0]).to.have.property('code', 'HANDLER_FAILED')
  })

  describe('that cannot be made', () => {
    const codeOf = async (promise: Promise<unknown>) => ((await rejection(promise)) as { code?: string }).code

    it('say so: too much, nothing, a memo too long, an unknown channel or asset', async () => {
      expect(await codeOf(alice.pay(channelId, 1_000_001n))).to.equal('INSUFFICIENT_BALANCE')
      expect(await codeOf(alice.pay(channelId, 0n))).to.equal('INVALID_AMOUNT')
      expect(await codeOf(alice.pay(channelId, 5 as unknown as bigint))).to.equal('INVALID_AMOUNT')
      expect(await codeOf(alice.payMany(channelId, []))).to.equal('INVALID_AMOUNT')
      expect(await codeOf(alice.pay(channelId, 1n, { memo: 'x'.repeat(257) }))).to.equal('INVALID_MEMO')
      expect(await codeOf(alice.pay(channelId, 1n, { id: '0x01' }))).to.equal('INVALID_HEX')
      const unknown: ChannelId = `0x${'00'.repeat(31)}02` as Hex
      expect(await codeOf(alice.pay(unknown, 1n))).to.equal('UNKNOWN_CHANNEL')
      expect(await codeOf(alice.pay(channelId, 1n, { asset: bob.owner }))).to.equal('UNKNOWN_CHANNEL')
    })

    it('do not stand in the way of those that can', async () => {
      const outcomes = await Promise.allSettled([
        alice.pay(channelId, 2_000_000n),
        alice.pay(channelId, 5n),
        alice.payMany(channelId, [999_996n]),
        alice.payMany(channelId, [1n, 2n]),
      ])
      expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'fulfilled', 'rejected', 'fulfilled'])
      expect(alice.balances(channelId).spendable).to.equal(999_992n)
    })

    it('because the peer is gone wait for it, until the caller gives up', async () => {
      await bob.stop()
      await until(() => !alice.channel(channelId).connected)
      const given = new AbortController()
      const waiting = alice.pay(channelId, 1n, { signal: given.signal })
      given.abort(new Error('too slow'))
      expect(await rejection(waiting)).to.have.property('message', 'too slow')
      expect(alice.balances(channelId)).to.include({ spendable: 1_000_000n, blocked: 'PEER_NOT_SYNCED' })
      expect(
        await rejection(alice.pay(channelId, 1n, { signal: AbortSignal.abort(new Error('before')) })),
      ).to.have.property('message', 'before')
    })

    it('because the node stops say that it stopped', async () => {
      await bob.stop()
      await until(() => !alice.channel(channelId).connected)
      const waiting = rejection(alice.pay(channelId, 1n))
      await alice.stop()
      expect(await waiting).to.have.property('code', 'NODE_STOPPED')
      expect(await codeOf(alice.pay(channelId, 1n))).to.equal('NODE_STOPPED')
    })
  })
})
