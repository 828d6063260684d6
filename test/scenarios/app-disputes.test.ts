import { expect } from 'chai'
import { RpcFailedError } from '../../sdk/chain/errors.ts'
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

  /** Alice and bob have made these moves. */
  async function begun(cells: readonly number[], over: object = {}) {
    const [alice, bob] = [await table.player('alice'), await table.player('bob')]
    const channelId = await table.channel(alice, bob)
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
