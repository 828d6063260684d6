import { expect } from 'chai'
import { network } from 'hardhat'
import type { Table } from '../../../sdk/testing/index.ts'
import { table } from '../../../sdk/testing/index.ts'
import { type Board, type Cell, EMPTY, ticTacToe, WON } from '../../scenarios/table.ts'
import { startAnvil, type TestChain } from '../chain/anvil.ts'

const ETHER = 10n ** 18n
const STAKE = ETHER / 10n
const stakes = [
  { from: 0, to: 1, amount: STAKE },
  { from: 1, to: 0, amount: STAKE },
]
const begin = { opening: EMPTY, stakes, budget: 120 }
const WHOLE = [ETHER, 0n]

describe('A table to test apps at', () => {
  let chain: TestChain
  let games: Table<Board, Cell>

  before(async () => {
    chain = await startAnvil()
  })
  after(() => chain.stop())
  beforeEach(async () => {
    games = await table({ app: ticTacToe, players: ['alice', 'bob'], chain: chain.url })
  })
  afterEach(() => games.close())

  const cells = (...list: number[]) => list.map((cell) => ({ cell }))
  const wins = () => games.until(() => games.player('alice').balance === ETHER + STAKE)

  it('plays a game to its end and shows who has won', async () => {
    const game = await games.begin(begin)
    await game.play(...cells(...WON))
    expect((await game.finish()).values).to.deep.equal(WHOLE)
    await wins()
    expect(games.player('bob').balance).to.equal(ETHER - STAKE)
  })

  it('has players who fall silent, and come back', async () => {
    const game = await games.begin(begin)
    await game.play(...cells(0))
    await games.silence('bob')
    await game.of('alice').dispute()
    await games.later(200)
    await games.until(() => game.of('alice').decided)
    await games.wake('bob')
    expect((await game.finish()).values).to.deep.equal(WHOLE)
    await wins()
  })

  it('has a cheat who shows an old state, in vain', async () => {
    const game = await games.begin(begin)
    await game.play(...cells(...WON.slice(0, 4)))
    await game.showOld('bob', 2)
    await games.until(() => game.of('alice').disputed && game.of('alice').version === 5)
    await game.of('alice').move({ cell: 2 })
    await games.later(200)
    await games.until(() => game.of('alice').decided)
    await games.wake('bob')
    expect((await game.finish()).values).to.deep.equal(WHOLE)
    await wins()
  })

  it('has a cheat who moves twice, in vain', async () => {
    const game = await games.begin(begin)
    await game.play(...cells(...WON.slice(0, 4)))
    await game.moveAgain('bob', { cell: 2 })
    await games.until(() => game.of('alice').disputed && game.of('alice').state.board[4] === 2)
    await game.of('alice').move({ cell: 2 })
    await games.later(200)
    await games.until(() => game.of('alice').decided)
    await games.wake('bob')
    expect((await game.finish()).values).to.deep.equal(WHOLE)
    await wins()
  })

  it('has a player who asks for more than the outcome gives, in vain', async () => {
    games.player('bob').beGreedy()
    const game = await games.begin(begin)
    await game.play(...cells(...WON))
    await games.later(120)
    await game.finish()
    await wins()
  })
})

describe('A table on the chain of Hardhat', () => {
  it('is set in this process', async () => {
    const { provider } = await network.create()
    const games = await table({ app: ticTacToe, players: ['alice', 'bob'], chain: provider })
    try {
      const game = await games.begin(begin)
      await game.play(...WON.map((cell) => ({ cell })))
      expect((await game.finish()).values).to.deep.equal(WHOLE)
    } finally {
      await games.close()
    }
  })
})
