import { expect } from 'chai'
import { Contract, keccak256 } from 'ethers'
import { type ChannelId, COIN } from '../../sdk/core/types.ts'
import { faultyRpc, truth } from '../sdk/chain/faulty-rpc.ts'
import { until } from '../until.ts'
import { Mallory } from './mallory.ts'
import { type Actor, ETHER, rejection, Stage } from './stage.ts'

const LANES = ['function laneOf(bytes32,address,uint256,uint256) view returns (uint256)']
const CONFIRMATIONS = 4

interface Cheat {
  readonly alice: Actor
  readonly mallory: Actor
  readonly channelId: ChannelId
  /** Mallory's. */
  readonly lane: number
}

describe('a reorganisation under two nodes', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const start = (name: string, file = name) => stage.start(name, { file, chain: { confirmations: CONFIRMATIONS } })

  /** Mines until `promise` is settled: what has to be final becomes so. */
  async function mined<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    const watched = promise.finally(() => {
      isDone = true
    })
    watched.catch(() => {})
    while (!isDone) await stage.chain.mine()
    return watched
  }

  /** Takes the newest blocks away, with what was in them; `kept` are mined again at once. */
  async function reorg(depth: number, ...kept: string[]): Promise<void> {
    await stage.chain.rpc(
      'anvil_reorg',
      depth,
      kept.map((raw) => [raw, 0]),
    )
    await stage.chain.rpc('anvil_dropAllTransactions')
    await stage.chain.mine()
  }

  const automine = (isOn: boolean) => stage.chain.rpc('evm_setAutomine', isOn)

  async function recorded(channelId: ChannelId, lane: number): Promise<bigint> {
    const contract = new Contract(stage.chain.adjudicator, LANES, stage.chain.provider)
    return ((await contract.laneOf!(channelId, COIN, 0, lane)) as bigint) >> 192n
  }

  it('S22 counts a deposit only when it is final, and deposits once although it was taken away', async () => {
    // Alice's RPC will lose what she sends again, or her deposit could stand in the very block that replaces its first one.
    const rpc = await faultyRpc(stage.chain.url)
    const chain = { confirmations: CONFIRMATIONS, rpc: rpc.url }
    const [alice, bob] = [await stage.start('alice', { file: 'alice', chain }), await start('bob')]
    const channelId = await alice.node.open(bob.address, { period: 600 })
    await alice.node.deposit(channelId, ETHER, { wait: 'mined' })
    await until(() => bob.node.channel(channelId).ledgers[0]!.blocked === undefined)
    expect(alice.node.balances(channelId)).to.include({ spendable: 0n, unconfirmed: ETHER })
    expect(await rejection(alice.node.pay(channelId, 1n))).to.have.property('code', 'INSUFFICIENT_BALANCE')

    await automine(false)
    rpc.answer = async (call) =>
      call.method === 'eth_sendRawTransaction' ? keccak256(call.params[0] as string) : call.forward()
    await reorg(1)
    await until(() => alice.node.balances(channelId).unconfirmed === 0n)
    rpc.answer = truth
    for (const { node } of [alice, bob])
      expect(node.balances(channelId)).to.include({ spendable: 0n, receivable: 0n, entitlement: 0n })

    // The very same transaction comes back by itself, and counts once it is deep enough.
    await automine(true)
    await until(async () => {
      await stage.chain.mine()
      return alice.node.balances(channelId).spendable === ETHER && bob.node.balances(channelId).receivable === ETHER
    })
    await alice.node.pay(channelId, ETHER)
    await until(() => bob.node.balances(channelId).spendable === ETHER)
    expect(await stage.chain.provider.getBalance(stage.chain.adjudicator)).to.equal(ETHER)
    await mined(alice.node.close(channelId))
    await stage.stop(alice)
    await rpc.stop()
  })

  it('S22 takes no payment from a deposit that a reorganisation can still remove', async () => {
    const bob = await start('bob', 'bob-again')
    const mallory = await Mallory.dial(stage, bob)
    const ledger = await mallory.open(bob, 22n)
    const { channelId } = ledger.ref
    const hand = await stage.hand('mallory')
    await hand.deposit(ledger.ref, ledger.me, ETHER, { intent: 'a deposit to take back' })
    ledger.sync()
    await until(() => bob.node.balances(channelId).blocked === undefined)
    let told = 0
    bob.node.on('payment', () => told++)
    ledger.pay(1n, ETHER)
    await mallory.hears('sync', 2)
    expect(bob.node.balances(channelId)).to.include({ entitlement: 0n, spendable: 0n, receivable: 0n })
    await hand.stop()
    await reorg(1)
    await stage.chain.mine(CONFIRMATIONS)
    ledger.pay(1n, ETHER)
    await until(async () => (await bob.chain.view(ledger.ref)).latestBalances[ledger.me] === 0n)
    expect(told).to.equal(0)
    expect(bob.node.balances(channelId)).to.include({ entitlement: 0n, spendable: 0n })
    expect(mallory.of('updates')).to.deep.equal([])
  })

  /** Mallory has a copy of her store from before she paid alice half an ether. */
  async function cheated(name: string): Promise<Cheat> {
    const alice = await start('alice', `alice-${name}`)
    let mallory = await start('mallory', `mallory-${name}`)
    // Alice dials, so that the old copy does not go looking for her and learn that it is old.
    const channelId = await mined(stage.pair(alice, mallory))
    await mallory.node.pay(channelId, 1n)
    await stage.stop(mallory)
    stage.copy(`mallory-${name}`, `mallory-${name}-old`)
    mallory = await start('mallory', `mallory-${name}`)
    await mallory.node.connect(alice.address)
    await mallory.node.pay(channelId, ETHER / 2n)
    await stage.stop(mallory)
    mallory = await start('mallory', `mallory-${name}-old`)
    return { alice, mallory, channelId, lane: mallory.node.channel(channelId).me }
  }

  async function settled({ alice, channelId }: Cheat, before: bigint): Promise<void> {
    await stage.later(700)
    await until(async () => {
      await stage.chain.mine()
      return alice.node.balances(channelId).generation === 1
    })
    const gained = (await stage.balanceOf('alice')) - before
    // What gas took is far less than what the old state would have taken.
    expect(gained > ETHER + ETHER / 2n - ETHER / 100n, `alice gained ${gained}`).to.equal(true)
  }

  const pooled = () => until(async () => (await stage.chain.provider.send('txpool_status', [])).pending === '0x1')

  /** The raw transaction in the newest block. */
  async function newest(): Promise<string> {
    const [hash] = (await stage.chain.provider.getBlock('latest'))!.transactions
    return (await stage.chain.rpc('eth_getRawTransactionByHash', hash)) as string
  }

  /** Mallory challenges and alice answers, each in a block of its own; the raw transactions of both. */
  async function disputed({ mallory, channelId, lane }: Cheat): Promise<{ challenge: string; answer: string }> {
    await automine(false)
    const disputing = mallory.node.dispute(channelId)
    await pooled()
    await stage.chain.mine()
    const challenge = await newest()
    await disputing
    await stage.stop(mallory)
    await pooled()
    await stage.chain.mine()
    const answer = await newest()
    expect(await recorded(channelId, lane)).to.equal(2n)
    return { challenge, answer }
  }

  async function answered({ channelId, lane }: Cheat): Promise<void> {
    await automine(true)
    await until(async () => {
      await stage.chain.mine()
      return (await recorded(channelId, lane)) === 2n
    })
  }

  it('S23 answers again when the answer was taken away', async () => {
    const cheat = await cheated('answer')
    const before = await stage.balanceOf('alice')
    await disputed(cheat)
    await reorg(1)
    expect(await recorded(cheat.channelId, cheat.lane)).to.equal(0n)
    await answered(cheat)
    await settled(cheat, before)
  })

  it('S23 answers again when the challenge came back in another block and the answer did not', async () => {
    const cheat = await cheated('both')
    const before = await stage.balanceOf('alice')
    const { challenge } = await disputed(cheat)
    const { disputedUntil } = cheat.alice.node.balances(cheat.channelId)
    await stage.later(30)
    await reorg(3, challenge)
    expect(await recorded(cheat.channelId, cheat.lane)).to.equal(0n)
    await until(() => ![undefined, disputedUntil].includes(cheat.alice.node.balances(cheat.channelId).disputedUntil))
    await answered(cheat)
    await settled(cheat, before)
  })

  it('S23 loses nothing when the answer came back without the challenge', async () => {
    const cheat = await cheated('alone')
    const before = await stage.balanceOf('alice')
    const { answer } = await disputed(cheat)
    // Without anything to answer it is a challenge itself, with the newest states.
    await reorg(2, answer)
    await until(() => cheat.alice.node.balances(cheat.channelId).disputedUntil !== undefined)
    await automine(true)
    await settled(cheat, before)
  })
})
