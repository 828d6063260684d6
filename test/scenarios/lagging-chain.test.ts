import { expect } from 'chai'
import { type Call, type FaultyRpc, faultyRpc, truth } from '../sdk/chain/faulty-rpc.ts'
import { until } from '../until.ts'
import { Ledger, Mallory } from './mallory.ts'
import { ETHER, pause, Stage } from './stage.ts'

/** The chain as it was at `block`, for whoever asks for the newest. */
const behind = (block: number) => (call: Call) =>
  call.method === 'eth_getBlockByNumber' && call.params[0] === 'latest'
    ? call.at('eth_getBlockByNumber', [`0x${block.toString(16)}`, false])
    : call.forward()

describe('a node whose RPC falls behind', () => {
  let stage: Stage
  let rpc: FaultyRpc
  before(async () => {
    // No development chain: there blocks may be rolled back.
    stage = await Stage.build('--chain-id', '777', '--block-time', '1')
    rpc = await faultyRpc(stage.chain.url)
  })
  afterEach(() => stage.stopAll())
  after(async () => {
    await rpc.stop()
    await stage.close()
  })

  it('S26 does not count money again that was withdrawn', async () => {
    const chain = { confirmations: 1, pollMs: 20 }
    const bob = await stage.start('bob', { chain: { ...chain, rpc: rpc.url } })
    const alice = await stage.start('alice', { chain })
    const channelId = await stage.pair(alice, bob)
    const before = await stage.chain.provider.getBlockNumber()
    await alice.node.withdraw(channelId, (ETHER * 6n) / 10n)
    await until(() => bob.node.balances(channelId).receivable === (ETHER * 4n) / 10n)
    await stage.stop(alice)

    const mallory = await Mallory.dial(stage, bob, 'alice')
    const { channel } = bob.node.channel(channelId)
    const ledger = new Ledger(mallory, channel).sync()
    await until(() => bob.node.balances(channelId).blocked === undefined)
    rpc.answer = behind(before)
    // Each proposal makes bob look at the chain.
    for (let look = 0; look < 6; look++) {
      ledger.propose({ amount: 0n })
      await pause(30)
    }
    ledger.pay(1n, (ETHER * 9n) / 10n)
    await pause(200)
    rpc.answer = truth
    expect(bob.node.balances(channelId).entitlement).to.equal(ETHER)
  })
})
