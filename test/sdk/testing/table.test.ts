import { expect } from 'chai'
import { network } from 'hardhat'
import * as twin from '../../../examples/apps/escrow/rules.ts'
import { type App, defineApp } from '../../../sdk/apps/define-app.ts'
import type { Table } from '../../../sdk/testing/index.ts'
import { table } from '../../../sdk/testing/index.ts'
import { rejection } from '../../scenarios/stage.ts'
import { type Board, type Cell, EMPTY, ticTacToe, WON } from '../../scenarios/table.ts'
import { artifact, startAnvil, type TestChain } from '../chain/anvil.ts'

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
    const ends = ['alice', 'bob'].map((name) => game.of(name).finish())
    // The chain has judged: both are told what it recorded, whatever one of them believes.
    expect((await Promise.all(ends)).map(({ values }) => values)).to.deep.equal([WHOLE, WHOLE])
    await wins()
  })

  it('says what it cannot do', async () => {
    const game = await games.begin(begin)
    await game.play(...cells(0))
    const says = async (action: () => unknown, fact: string) => {
      const error = await rejection((async () => action())())
      expect(error).to.include({ code: 'TABLE' })
      expect(error.message).to.include(fact)
    }
    await says(() => games.player('carol'), 'Nobody called carol sits here')
    await says(() => game.of('carol'), 'Nobody called carol plays')
    await says(() => games.later(0), 'Time goes forward')
    await says(() => game.showOld('bob', 7), 'bob holds no agreed version 7')
    await says(() => game.moveAgain('bob', { cell: 1 }), 'bob has made no move')
    await says(() => games.until(() => false, 'Rain', 10), 'Rain did not come')
    await games.silence('bob')
    await says(() => game.of('bob'), 'bob is silent')
    await says(() => game.play({ cell: 1 }), 'Nobody who answers is on turn')
  })
})

describe('A table of three', () => {
  it('plays a sale with a referee, who is silent', async () => {
    const escrow = defineApp({ ...artifact('contracts/apps/Escrow.sol/Escrow'), twin } as never) as App<
      twin.State,
      twin.Move
    >
    const chain = await startAnvil()
    const sales = await table({ app: escrow, players: ['alice', 'bob', 'rita'], chain: chain.url, amount: 1_000n })
    try {
      const opening = twin.opening(ETHER / 2n)
      const sale = await sales.begin({ opening, stakes: [{ from: 0, to: 1, amount: 400n }], budget: 120 })
      const { refuse, call } = twin.ACTION
      await sale.play({ action: refuse, toSeller: 0n }, { action: call, toSeller: 0n })
      await sales.silence('rita')
      await sale.of('alice').dispute()
      await sales.later(200)
      expect((await sale.finish()).values).to.deep.equal([ETHER / 2n, ETHER / 2n, 0n])
      // Either has another channel with rita.
      await sales.until(() => sales.player('alice').balance === 1_800n && sales.player('bob').balance === 2_200n)
    } finally {
      await sales.close()
      await chain.stop()
    }
  })
})

describe('A table that cannot be set', () => {
  const set = (options: object) =>
    rejection(table({ app: ticTacToe, players: ['alice', 'bob'], chain: '', ...options }))

  it('says what is wrong with its options', async () => {
    for (const players of [['alice'], ['alice', 'alice'], Array.from({ length: 10 }, (_, index) => `${index}`)])
      expect((await set({ players })).message).to.include('two to nine players')
    expect((await set({ amount: 0n })).message).to.include('A deposit of 0 wei is none')
  })

  it('says that a chain is not there, or nobody has accounts on it', async () => {
    expect((await set({ chain: 'http://127.0.0.1:9' })).message).to.include('The chain does not answer')
    const answers: Record<string, unknown> = { eth_chainId: '0x7a69', eth_accounts: [] }
    const chain = { request: async ({ method }: { method: string }) => answers[method] }
    expect(await set({ chain })).to.include({ code: 'TABLE' })
    expect((await set({ chain })).message).to.include('0 unlocked accounts')
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
