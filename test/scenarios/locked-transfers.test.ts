import { expect } from 'chai'
import { RpcFailedError } from '../../sdk/chain/errors.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { secretKey, WHOLE } from '../../sdk/core/outcome.ts'
import { type ChannelId, COIN, type Hex } from '../../sdk/core/types.ts'
import { Node } from '../../sdk/node/node.ts'
import { keyOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection, Stage } from './stage.ts'

const PERIOD = 600

describe('locked transfers on a real chain', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const secret = keyOf('a secret')
  const registry = () => ({ chainId: stage.domain.chainId, condition: stage.chain.registry })
  const now = async () => BigInt((await stage.chain.provider.getBlock('latest'))!.timestamp)

  /** Alice and bob with an ether each in a channel. */
  async function pair(name: string): Promise<{ alice: Actor; bob: Actor; channelId: ChannelId }> {
    const [alice, bob] = [
      await stage.start('alice', { file: `alice-${name}` }),
      await stage.start('bob', { file: `bob-${name}` }),
    ]
    const channelId = await alice.node.open(bob.address, { period: PERIOD })
    await Promise.all([alice, bob].map(({ node }) => node.deposit(channelId, ETHER)))
    await until(() => alice.node.balances(channelId).receivable === ETHER)
    await until(() => bob.node.balances(channelId).receivable === ETHER)
    return { alice, bob, channelId }
  }

  const spendable = ({ node }: Actor, channelId: ChannelId) => node.balances(channelId).spendable

  it('are unlocked, cancelled when asked, and still there after a restart', async () => {
    const { alice, bob, channelId } = await pair('agreed')
    const deadline = (await now()) + 3_600n
    const key = secretKey(registry(), secret)
    const [first, second] = await Promise.all(
      [100n, 30n].map((amount) => alice.node.lock(channelId, { amount, deadline, key })),
    )
    expect(spendable(alice, channelId)).to.equal(ETHER - 130n)
    expect(await rejection(alice.node.close(channelId))).to.have.property('code', 'TRANSFERS_PENDING')
    await Promise.all([stage.stop(alice), stage.stop(bob)])

    const [again, his] = [
      await stage.start('alice', { file: 'alice-agreed' }),
      await stage.start('bob', { file: 'bob-agreed' }),
    ]
    expect(again.node.transfers(channelId)).to.deep.equal(
      his.node.transfers(channelId).map((one) => ({ ...one, direction: 'out' })),
    )
    expect(again.node.transfers(channelId)).to.have.length(2)
    await again.node.connect(his.address)
    again.node.on('asked', ({ id, resolution }) => {
      if (resolution.kind === 'cancel') void again.node.cancel(channelId, id)
      else if (resolution.kind === 'unlock') void again.node.unlock(channelId, id, { values: resolution.values })
    })
    his.node.askCancel(channelId, second!)
    his.node.askUnlock(channelId, first!, { values: [WHOLE / 4n] })
    await until(() => again.node.transfers(channelId).length === 0)
    await until(() => spendable(again, channelId) === ETHER - 25n && spendable(his, channelId) === ETHER + 25n)
    await again.node.close(channelId)
  })

  it('S13 are not taken back unasked: that would be signed for ever, and the peer would hang up on it', async () => {
    const { alice, bob, channelId } = await pair('unasked')
    const terms = { deadline: (await now()) + 3_600n, key: secretKey(registry(), secret) }
    const id = await alice.node.lock(channelId, { ...terms, amount: 100n })
    expect(await rejection(alice.node.cancel(channelId, id))).to.have.property('code', 'INVALID_OPERATION')
    const half = alice.node.unlock(channelId, id, { values: [WHOLE / 2n] })
    expect(await rejection(half)).to.have.property('code', 'INVALID_OPERATION')
    const asked = new Promise((resolve) => alice.node.on('asked', resolve))
    bob.node.askCancel(channelId, id, { residual: 40n })
    await asked
    expect(await rejection(alice.node.cancel(channelId, id))).to.have.property('code', 'INVALID_OPERATION')
    await alice.node.cancel(channelId, id, { residual: 40n })
    expect(await rejection(alice.node.cancel(channelId, id))).to.have.property('code', 'INVALID_OPERATION')
    // They go on paying.
    await alice.node.pay(channelId, 1n)
    expect(alice.node.transfers(channelId)).to.have.length(1)
  })

  it('C47 are divided by the chain: what was revealed in time is paid, what is undecided waits and is redeemed', async () => {
    const { alice, bob, channelId } = await pair('judged')
    const start = await now()
    const deadline = start + 86_400n
    const unknown: Hex = `0x${'99'.repeat(32)}`
    await alice.node.lock(channelId, { amount: 100n, deadline, key: secretKey(registry(), secret) })
    await alice.node.lock(channelId, { amount: 7n, deadline, key: unknown })
    await until(() => bob.node.transfers(channelId).length === 2)
    const before = await stage.balanceOf('bob')
    const held = () => stage.chain.provider.getBalance(stage.chain.adjudicator)
    const others = (await held()) - 2n * ETHER
    const hand = await stage.hand('carol')
    await hand.send({ to: 'registry', functionName: 'reveal', args: [toHex(secret)] }, { intent: 'reveal' })
    await until(async () => (await hand.secretOf(secretKey(registry(), secret))) === toHex(secret))
    expect(await hand.secretOf(unknown)).to.equal(undefined)
    await stage.stop(bob)
    // Alice settles; bob comes back when the generation is over.
    await alice.node.dispute(channelId)
    await until(() => alice.node.balances(channelId).disputedUntil !== undefined)
    await stage.later(PERIOD + 1)
    await until(() => alice.node.balances(channelId).generation === 1)
    expect((await stage.balanceOf('bob')) - before).to.equal(ETHER + 100n)
    expect(await held()).to.equal(others + 7n)

    // While its RPC fails, alice says so once.
    const { history } = alice.chain
    let failures = 0
    alice.chain.history = () => Promise.reject(new RpcFailedError('eth_call', `failure ${++failures}`))
    await until(() => failures > 2)
    expect(alice.alarms.map((alarm) => (alarm as RpcFailedError).code)).to.deep.equal(['RPC_FAILED'])
    alice.chain.history = history

    const late = await stage.start('bob', { file: 'bob-judged' })
    await stage.later(90_000)
    let redeemed = 0
    for (const { node } of [alice, late]) node.on('redeemed', () => redeemed++)
    await until(() => redeemed > 0)
    expect(await held()).to.equal(others)
  })

  it('S35 are paid by an exit file alone, with what the chain knows by then', async () => {
    const { alice, bob, channelId } = await pair('exit')
    const deadline = (await now()) + 86_400n
    await alice.node.lock(channelId, { amount: 100n, deadline, key: secretKey(registry(), keyOf('another')) })
    await until(() => bob.node.transfers(channelId).length === 1)
    const before = await stage.balanceOf('bob')
    const file = bob.node.exportExit()
    await stage.stop(bob)
    await stage.stop(alice)
    const hand = await stage.hand('carol')
    await hand.send({ to: 'registry', functionName: 'reveal', args: [toHex(keyOf('another'))] }, { intent: 'reveal 2' })
    const exiting = Node.exit(file, hand, { pollMs: 20 })
    await until(async () => (await hand.view({ channelId, asset: COIN })).latest.phase === 'disputed')
    await stage.later(PERIOD + 1)
    await exiting
    expect((await stage.balanceOf('bob')) - before).to.equal(ETHER + 100n)
  })

  it('S35 are redeemed by an exit file alone, after their settlement had reserved them, and when it is run again', async () => {
    const { alice, bob, channelId } = await pair('reserved')
    const deadline = (await now()) + 86_400n
    const key: Hex = `0x${'98'.repeat(32)}`
    await alice.node.lock(channelId, { amount: 100n, deadline, key })
    await until(() => bob.node.transfers(channelId).length === 1)
    const file = alice.node.exportExit()
    await stage.stop(bob)
    await stage.stop(alice)
    const before = await stage.balanceOf('alice')
    const hand = await stage.hand('carol')
    const stages: string[] = []
    const exit = (signal?: AbortSignal) =>
      Node.exit(file, hand, {
        pollMs: 20,
        onProgress: ({ stage }) => stages.push(stage),
        ...(signal && { signal }),
      })
    const stop = new AbortController()
    const exiting = rejection(exit(stop.signal))
    await until(() => stages.includes('waiting'))
    await stage.later(PERIOD + 1)
    await until(() => stages.includes('reserved'))
    expect((await stage.balanceOf('alice')) - before).to.equal(ETHER - 100n)
    stop.abort(new Error('The user went to bed.'))
    expect((await exiting).message).to.equal('The user went to bed.')
    await stage.later(86_400)
    await exit()
    expect((await stage.balanceOf('alice')) - before).to.equal(ETHER)
  })
})
