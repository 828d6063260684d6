import { expect } from 'chai'
import { Contract } from 'ethers'
import { adjudicatorAbi } from '../../sdk/chain/abi.ts'
import { toBytes, toHex } from '../../sdk/core/bytes.ts'
import { encodeStates } from '../../sdk/core/calldata.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import { type ChannelId, COIN } from '../../sdk/core/types.ts'
import { Node } from '../../sdk/node/node.ts'
import { type Call, faultyRpc, NodeError } from '../sdk/chain/faulty-rpc.ts'
import { until } from '../until.ts'
import { Mallory } from './mallory.ts'
import { type Actor, ETHER, pause, rejection, Stage } from './stage.ts'

const LANES = ['function laneOf(bytes32,address,uint256,uint256) view returns (uint256)']

describe('a stale challenge', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  /**
   * Mallory paid alice a wei, half an ether and a wei again; copies of her store were made after the first (`-old`) and the second
   * (`-newer`). Both are offline now. Alice had dialled, so that the copies do not look for her and learn that they are old.
   */
  async function cheat(name: string): Promise<{ channelId: ChannelId; lane: number }> {
    const alice = await stage.start('alice', { file: `alice-${name}` })
    let mallory = await stage.start('mallory', { file: `mallory-${name}` })
    const channelId = await stage.pair(alice, mallory)
    const lane = mallory.node.channel(channelId).me
    for (const [amount, copy] of [
      [1n, 'old'],
      [ETHER / 2n, 'newer'],
      [1n, 'newest'],
    ] as const) {
      await mallory.node.pay(channelId, amount)
      await stage.stop(mallory)
      stage.copy(`mallory-${name}`, `mallory-${name}-${copy}`)
      mallory = await stage.start('mallory', { file: `mallory-${name}` })
      await mallory.node.connect(alice.address)
    }
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
      await until(async () => (await recorded(channelId, lane)) === 3n)
      expect(alice.node.balances(channelId).disputedUntil).to.be.a('bigint')
      const late = await rejection(alice.node.pay(channelId, 1n))
      expect(late).to.have.property('code')
    } finally {
      await stage.stopAll()
      await rpc.stop()
    }
  })

  const automine = (isOn: boolean) => stage.chain.rpc('evm_setAutomine', isOn)
  const waiting = async () => Number(((await stage.chain.rpc('txpool_status')) as { pending: string }).pending)

  /** Alice is paid what the newest states say. */
  async function settled(alice: Actor, channelId: ChannelId, before: bigint): Promise<void> {
    await stage.later(700)
    await until(() => alice.node.balances(channelId).generation === 1)
    const gained = (await stage.balanceOf('alice')) - before
    expect(gained > ETHER + ETHER / 2n - ETHER / 100n, `alice gained ${gained}`).to.equal(true)
  }

  it('C21 S24 is answered although the challenger raises its lane right in front of the answer', async () => {
    const { channelId, lane } = await cheat('front')
    const newer = await stage.start('mallory', { file: 'mallory-front-newer' })
    const raise = submission(newer.node.exportExit())
    await stage.stop(newer)
    await stage.stop(await challenge('front', channelId))
    expect(await recorded(channelId, lane)).to.equal(0n)

    await automine(false)
    const before = await stage.balanceOf('alice')
    const alice = await stage.start('alice', { file: 'alice-front' })
    await until(async () => (await waiting()) === 1)
    // A higher tip, and so the first in the block.
    await stage.wallet('mallory').sendTransaction({
      to: stage.chain.adjudicator,
      data: raise,
      gasLimit: 500_000n,
      maxPriorityFeePerGas: 10n ** 11n,
      maxFeePerGas: 10n ** 12n,
    })
    expect(await waiting()).to.equal(2)
    await stage.chain.mine()
    const block = await stage.chain.provider.getBlock('latest', true)
    expect(block!.prefetchedTransactions.map(({ from }) => from.toLowerCase())).to.deep.equal([
      stage.ownerOf('mallory'),
      stage.ownerOf('alice'),
    ])
    expect(await recorded(channelId, lane)).to.equal(3n)
    await automine(true)
    await settled(alice, channelId, before)
  })

  it('S28 S29 is answered with one nonce while the fees run away from the answer', async () => {
    const { channelId, lane } = await cheat('fees')
    await stage.stop(await challenge('fees', channelId))
    const nonce = await stage.chain.provider.getTransactionCount(stage.ownerOf('alice'))
    await automine(false)
    const alice = await stage.start('alice', { file: 'alice-fees' })
    await until(async () => (await waiting()) === 1)
    let baseFee = 10n ** 11n
    for (let blocks = 0; (await recorded(channelId, lane)) !== 3n; blocks++) {
      expect(blocks).to.be.lessThan(12)
      baseFee *= 2n
      await stage.chain.rpc('anvil_setNextBlockBaseFeePerGas', `0x${baseFee.toString(16)}`)
      await stage.chain.mine()
      await pause(100)
    }
    expect(await stage.chain.provider.getTransactionCount(stage.ownerOf('alice'))).to.equal(nonce + 1)
    // What the answer itself cost is not the point here.
    const before = await stage.balanceOf('alice')
    await stage.chain.rpc('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
    await automine(true)
    await settled(alice, channelId, before)
  })

  it('S5 S29 is answered after a restart when the answer was lost on its way', async () => {
    const { channelId, lane } = await cheat('lost')
    await stage.stop(await challenge('lost', channelId))
    await automine(false)
    const before = await stage.balanceOf('alice')
    const alice = await stage.start('alice', { file: 'alice-lost' })
    await until(async () => (await waiting()) === 1)
    await stage.stop(alice)
    await stage.chain.rpc('anvil_dropAllTransactions')
    await automine(true)
    const again = await stage.start('alice', { file: 'alice-lost' })
    await until(async () => {
      await stage.chain.mine()
      return (await recorded(channelId, lane)) === 3n
    })
    await settled(again, channelId, before)
  })

  it('S7 is answered by a tower that has only the exit file, when the member lost its key', async () => {
    const { channelId, lane } = await cheat('tower')
    const alice = await stage.start('alice', { file: 'alice-tower' })
    const file = alice.node.exportExit()
    await stage.stop(alice)
    await stage.stop(await challenge('tower', channelId))

    const before = await stage.balanceOf('alice')
    const tower = await stage.hand('tower')
    const stages: string[] = []
    const exiting = Node.exit(file, tower, {
      pollMs: 20,
      onProgress: (progress) => {
        if (progress.channelId === channelId) stages.push(progress.stage)
      },
    })
    await until(async () => (await recorded(channelId, lane)) === 3n)
    await stage.later(700)
    await exiting
    expect(stages).to.deep.equal(['answering', 'waiting', 'settling', 'done'])
    expect((await stage.balanceOf('alice')) - before).to.equal(ETHER + ETHER / 2n + 2n)
  })

  it('S4 is answered by one process: a second one with the same store does not start', async () => {
    const alice = await stage.start('alice', { file: 'alice-once' })
    expect(await rejection(stage.start('alice', { file: 'alice-once' }))).to.have.property('code', 'STORE_IN_USE')
    expect(alice.node.channels()).to.deep.equal([])
  })
})

/** The call that shows the states of an exit file. */
function submission(exit: string): string {
  const [ledger] = JSON.parse(exit).ledgers
  const states = ledger.states.map((state: Record<string, unknown> & { signatures: string[]; credits: string[] }) => ({
    state: {
      ...state,
      version: BigInt(state.version as string),
      locked: 0n,
      credits: state.credits.map(BigInt),
    },
    signatures: state.signatures.map((hex) => encodeEnvelope({ kind: 'direct', signature: toBytes(hex) })),
  }))
  return adjudicatorAbi.encodeFunctionData('submit', [ledger.channel, ledger.asset, toHex(encodeStates(states))])
}
