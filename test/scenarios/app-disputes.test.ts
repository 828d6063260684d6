import { expect } from 'chai'
import { Contract } from 'ethers'
import { arbiterAbi } from '../../sdk/chain/apps/abi.ts'
import { RpcFailedError } from '../../sdk/chain/errors.ts'
import type { ChainOptions } from '../../sdk/chain/options.ts'
import { encodeInstance, packStanding } from '../../sdk/core/app.ts'
import type { AppInstance } from '../../sdk/node/apps/app-instance.ts'
import { until } from '../until.ts'
import { type Actor, ETHER } from './stage.ts'
import { type Board, type Cell, EMPTY, joined, play, Table, ticTacToe } from './table.ts'

const STAKE = ETHER / 10n
const stakes = [
  { from: 0, to: 1, amount: STAKE },
  { from: 1, to: 0, amount: STAKE },
]

describe('disputes about apps', () => {
  let table: Table
  beforeEach(async () => {
    table = await Table.build()
  })
  afterEach(async () => {
    await table.stage.stopAll()
    await table.close()
  })

  /** Mines until `promise` is settled: what has to be final becomes so. */
  async function mined<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    const watched = promise.finally(() => {
      isDone = true
    })
    watched.catch(() => {})
    while (!isDone) await table.stage.chain.mine()
    return watched
  }

  /** Alice and bob have made these moves. */
  async function begun(cells: readonly number[], over: object = {}, chain: Partial<ChainOptions> = {}) {
    const [alice, bob] = [await table.player('alice', { chain }), await table.player('bob')]
    const channelId = await mined(table.channel(alice, bob))
    const seats = [alice.node.address, bob.node.address]
    const game = await alice.node.startApp(ticTacToe, { seats, opening: EMPTY, stakes, budget: 120, ...over })
    const other = await joined(bob, game.id)
    await play([game, other], cells)
    return { alice, bob, channelId, game, other }
  }

  /** Bob is away while alice moves by force and the chain gives her all. */
  async function decidedWithout(bob: Actor, game: AppInstance<Board, Cell>): Promise<void> {
    await table.stage.stop(bob)
    await game.dispute()
    await until(() => game.isMyTurn)
    await game.move({ cell: 1 })
    await table.stage.later(200)
    await until(() => game.decided)
  }

  it('that began and ended while a player was away end for it as the registry says', async () => {
    const { alice, bob, channelId, game } = await begun([0, 3])
    await decidedWithout(bob, game)
    const again = await table.player('bob')
    const over = new Promise((resolve) => again.node.on('app-over', ({ values }) => resolve(values)))
    const missed = again.node.app(ticTacToe, game.id)
    const end = missed.finish()
    await until(() => missed.values !== undefined)
    expect(missed.values).to.deep.equal([ETHER, 0n])
    await again.node.connect(alice.address)
    expect((await end).values).to.deep.equal([ETHER, 0n])
    expect(await over).to.deep.equal([ETHER, 0n])
    expect((await game.finish()).values).to.deep.equal([ETHER, 0n])
    await until(() => again.node.balances(channelId).spendable === ETHER - STAKE)
  })

  const now = async () => (await table.stage.chain.provider.getBlock('latest'))!.timestamp
  const zero = [0n, 0n]
  const won = [ETHER, 0n]

  /** Lets chain time pass up to so many seconds before, or after, nobody may move any more. */
  const passTo = async (game: AppInstance<Board, Cell>, seconds: number) =>
    table.stage.later(Number(game.terms.instance.endBy) + seconds - (await now()))

  it('begin by themselves where a player is silent, before it is too late, and the channel pays without that player', async () => {
    const { alice, bob, channelId, game } = await begun([0])
    await table.stage.stop(bob)
    await passTo(game, -900)
    await until(() => game.disputed && game.version === 2)
    await table.stage.later(200)
    await until(() => game.decided)
    const end = game.finish()
    await alice.node.dispute(channelId)
    await table.stage.later(700)
    expect((await end).values).to.deep.equal(won)
    expect(alice.alarms).to.deep.equal([])
  })

  it('end when nobody may move any more, though a budget is left', async () => {
    const { alice, bob, channelId, game } = await begun([0], { budget: 3_600 })
    await table.stage.stop(bob)
    await passTo(game, -1_000)
    await until(() => game.disputed && game.version === 2)
    await passTo(game, 1)
    await until(() => game.decided)
    await (await table.player('bob')).node.connect(alice.address)
    expect((await game.finish()).values).to.deep.equal(won)
    await until(() => alice.node.balances(channelId).spendable === ETHER + STAKE)
    expect(alice.alarms).to.deep.equal([])
  })

  it('that nobody began in time leave each player its stakes, and every seat nothing', async () => {
    const { alice, bob, channelId, game } = await begun([0])
    await Promise.all([alice, bob].map((actor) => table.stage.stop(actor)))
    await passTo(game, 3_700)
    const [one, other] = [await table.player('alice'), await table.player('bob')]
    const ends = [one, other].map(({ node }) => node.app(ticTacToe, game.id).finish())
    await one.node.connect(other.address)
    expect((await Promise.all(ends)).map(({ values }) => values)).to.deep.equal([zero, zero])
    for (const { node } of [one, other]) await until(() => node.balances(channelId).spendable === ETHER)
  })

  it('that are concluded too late leave each player its stakes, and nobody pays for a conclusion', async () => {
    const { alice, bob, channelId, game } = await begun([0])
    await game.dispute()
    await Promise.all([alice, bob].map((actor) => table.stage.stop(actor)))
    await passTo(game, 3_700)
    const before = await table.stage.chain.provider.getBlockNumber()
    const [one, other] = [await table.player('alice'), await table.player('bob')]
    const ends = [one, other].map(({ node }) => node.app(ticTacToe, game.id).finish())
    await one.node.connect(other.address)
    expect((await Promise.all(ends)).map(({ values }) => values)).to.deep.equal([zero, zero])
    for (const { node } of [one, other]) await until(() => node.balances(channelId).spendable === ETHER)
    expect(await table.stage.chain.provider.getBlockNumber()).to.equal(before)
  })

  it('that a stranger concludes too late end as if nobody had', async () => {
    const { alice, bob, game } = await begun([0])
    await game.dispute()
    const { standing } = await alice.chain.apps!.status(game.terms.instance)
    await Promise.all([alice, bob].map((actor) => table.stage.stop(actor)))
    await passTo(game, 3_700)
    await new Contract(table.arbiter, arbiterAbi, table.stage.wallet('carol')).conclude!(
      encodeInstance(game.terms.instance),
      packStanding(standing!),
    )
    const [one, other] = [await table.player('alice'), await table.player('bob')]
    const ends = [one, other].map(({ node }) => node.app(ticTacToe, game.id).finish())
    await one.node.connect(other.address)
    expect((await Promise.all(ends)).map(({ values }) => values)).to.deep.equal([zero, zero])
  })

  /** Blocks in which something was submitted. */
  async function submittedIn(): Promise<{ block: number; hash: string }[]> {
    const topics = [arbiterAbi.getEvent('Submitted')!.topicHash]
    const logs = await table.stage.chain.provider.getLogs({ address: table.arbiter, topics, fromBlock: 0 })
    return logs.map(({ blockHash, blockNumber }) => ({ block: blockNumber, hash: blockHash }))
  }

  for (const confirmations of [1, 4])
    it(`that a reorganisation removes begin again (final after ${confirmations})`, async () => {
      const { bob, game } = await begun([0], {}, { confirmations })
      await table.stage.stop(bob)
      await mined(game.dispute())
      const [before] = await submittedIn()
      // If a block is as good as final, the app's deployment goes, too.
      const depth = (await table.stage.chain.provider.getBlockNumber()) - before!.block + 2
      await table.stage.chain.rpc('anvil_reorg', depth, [])
      await table.stage.chain.rpc('anvil_dropAllTransactions')
      const again = until(async () => {
        const found = await submittedIn()
        return found.length === 1 && found[0]!.hash !== before!.hash
      })
      await mined(again)
      await table.stage.later(200)
      await mined(until(() => game.decided))
      expect(game.values).to.deep.equal(won)
    })

  it('whose RPC fails are called out once for each time that it fails', async () => {
    const { alice, bob, game } = await begun([0])
    await table.stage.stop(bob)
    await game.dispute()
    const apps = alice.chain.apps!
    const status = apps.status.bind(apps)
    let [failures, answers] = [0, 0]
    const fail = () => Promise.reject(new RpcFailedError('eth_call', `failure ${++failures}`))
    const answer: typeof status = (instance) => status(instance).finally(() => answers++)
    for (const times of [1, 2]) {
      failures = 0
      apps.status = fail
      await until(() => failures > 5)
      expect(alice.alarms).to.have.lengthOf(times)
      answers = 0
      apps.status = answer
      await until(() => answers > 1)
    }
    for (const alarm of alice.alarms) expect(alarm).to.include({ code: 'RPC_FAILED' })
  })
})
