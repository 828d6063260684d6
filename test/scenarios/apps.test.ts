import { expect } from 'chai'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection } from './stage.ts'
import { EMPTY, joined, play, Table, ticTacToe, WON } from './table.ts'

const STAKE = ETHER / 10n
const stakes = [
  { from: 0, to: 1, amount: STAKE },
  { from: 1, to: 0, amount: STAKE },
]

describe('apps on a real chain', () => {
  let table: Table
  beforeEach(async () => {
    table = await Table.build()
  })
  afterEach(async () => {
    await table.stage.stopAll()
    await table.close()
  })

  const seatsOf = (...players: Actor[]) => players.map(({ node }) => node.address)

  it('are played to the end and paid, without a transaction', async () => {
    const [alice, bob] = [await table.player('alice'), await table.player('bob')]
    const channelId = await table.channel(alice, bob)
    const before = await table.stage.chain.provider.getBlockNumber()
    const game = await alice.node.startApp(ticTacToe, { seats: seatsOf(alice, bob), opening: EMPTY, stakes })
    const other = await joined(bob, game.id)
    const ends = [game.finish(), other.finish()]
    await play([game, other], WON)
    const [end] = await Promise.all(ends)
    expect(end!.values).to.deep.equal([10n ** 18n, 0n])
    await until(() => alice.node.balances(channelId).spendable === ETHER + STAKE)
    expect(await table.stage.chain.provider.getBlockNumber()).to.equal(before)
    expect(alice.alarms.concat(bob.alarms)).to.deep.equal([])
  })

  it('are judged by the chain when the loser is silent on its turn', async () => {
    const [alice, bob] = [await table.player('alice'), await table.player('bob')]
    const channelId = await table.channel(alice, bob)
    const game = await alice.node.startApp(ticTacToe, {
      seats: seatsOf(alice, bob),
      opening: EMPTY,
      stakes,
      budget: 120,
    })
    await joined(bob, game.id)
    await game.move({ cell: 0 })
    await table.stage.stop(bob)
    await game.dispute()
    await table.stage.later(200)
    await until(() => game.decided)
    await (await table.player('bob')).node.connect(alice.address)
    const { values } = await game.finish()
    expect(values).to.deep.equal([10n ** 18n, 0n])
    await until(() => alice.node.balances(channelId).spendable === ETHER + STAKE)
  })

  it('go on by force where a player signs nothing, and end by the rules', async () => {
    const [alice, bob] = [await table.player('alice'), await table.player('bob')]
    const channelId = await table.channel(alice, bob)
    const game = await alice.node.startApp(ticTacToe, {
      seats: seatsOf(alice, bob),
      opening: EMPTY,
      stakes,
      budget: 120,
    })
    const other = await joined(bob, game.id)
    await play([game, other], WON.slice(0, 2))
    await game.dispute()
    await until(() => other.disputed)
    const ends = [game.finish(), other.finish()]
    await play([game, other], WON.slice(2))
    await table.stage.later(200)
    const [end] = await Promise.all(ends)
    expect(end!.values).to.deep.equal([10n ** 18n, 0n])
    await until(() => alice.node.balances(channelId).spendable === ETHER + STAKE)
  })

  it('go on after a restart in the middle', async () => {
    const [alice, bob] = [await table.player('alice'), await table.player('bob')]
    const channelId = await table.channel(alice, bob)
    const game = await alice.node.startApp(ticTacToe, { seats: seatsOf(alice, bob), opening: EMPTY, stakes })
    const other = await joined(bob, game.id)
    await play([game, other], WON.slice(0, 3))
    await table.stage.stop(bob)
    const again = await table.player('bob')
    await again.node.connect(alice.address)
    const resumed = await joined(again, game.id)
    expect(resumed.version).to.equal(game.version)
    const ends = [game.finish(), resumed.finish()]
    await play([game, resumed], WON.slice(3))
    await Promise.all(ends)
    await until(() => alice.node.balances(channelId).spendable === ETHER + STAKE)
  })

  it('are declined by whoever does not accept the terms, and nothing is staked', async () => {
    const [alice, bob] = [await table.player('alice'), await table.player('bob', { judge: () => false })]
    const channelId = await table.channel(alice, bob)
    const refused = await rejection(
      alice.node.startApp(ticTacToe, { seats: seatsOf(alice, bob), opening: EMPTY, stakes }),
    )
    expect(refused).to.include({ code: 'APP_REFUSED', reason: 'APP_DECLINED' })
    expect(alice.node.apps()).to.deep.equal([])
    expect(alice.node.balances(channelId).spendable).to.equal(ETHER)
  })

  it('do not begin where a player cannot stake, and what the other staked comes back', async () => {
    const [alice, bob] = [await table.player('alice'), await table.player('bob')]
    const channelId = await table.channel(alice, bob)
    const tooMuch = [stakes[0]!, { from: 1, to: 0, amount: 2n * ETHER }]
    const refused = await rejection(
      alice.node.startApp(ticTacToe, { seats: seatsOf(alice, bob), opening: EMPTY, stakes: tooMuch }),
    )
    expect(refused).to.include({ code: 'APP_REFUSED', reason: 'APP_NOT_STAKED' })
    await until(() => alice.node.apps().length + bob.node.apps().length === 0)
    await until(() => alice.node.balances(channelId).spendable === ETHER)
  })

  it('refuse illegal moves and moves out of turn at their own player', async () => {
    const [alice, bob] = [await table.player('alice'), await table.player('bob')]
    await table.channel(alice, bob)
    const game = await alice.node.startApp(ticTacToe, { seats: seatsOf(alice, bob), opening: EMPTY, stakes })
    const other = await joined(bob, game.id)
    await game.move({ cell: 4 })
    expect(await rejection(game.move({ cell: 0 }))).to.include({ code: 'NOT_YOUR_TURN' })
    await until(() => other.isMyTurn)
    expect(await rejection(other.move({ cell: 4 }))).to.include({ code: 'ILLEGAL_MOVE' })
    await other.move({ cell: 0 })
    expect(game.state.board.slice(0, 5)).to.deep.equal([2, 0, 0, 0, 1])
  })

  it('refuse terms that no honest player could keep', async () => {
    const alice = await table.player('alice')
    const seats = [alice.node.address, table.stage.ownerOf('bob')]
    const begin = (options: object) =>
      rejection(alice.node.startApp(ticTacToe, { seats, opening: EMPTY, stakes, ...options }))
    expect(await begin({ stakes: [{ from: 0, to: 0, amount: 1n }] })).to.include({ code: 'INVALID_APP_TERMS' })
    expect(await begin({ stakes: [{ from: 0, to: 1, amount: 0n }] })).to.include({ code: 'INVALID_APP_TERMS' })
    expect(await begin({ stakes: [stakes[0], stakes[0]] })).to.include({ code: 'INVALID_APP_TERMS' })
    expect(await begin({ endBy: 1n })).to.include({ code: 'INVALID_APP_TERMS' })
    expect(await begin({ seats: [seats[1], seats[1]] })).to.include({ code: 'INVALID_APP_TERMS' })
    expect(await begin({ seats: [seats[0]] })).to.include({ code: 'INVALID_INSTANCE' })
    expect(await begin({})).to.include({ code: 'PEER_OFFLINE' })
  })

  it('are not proposed where hubs would not lock their stakes long enough, unless the budget fits', async () => {
    const proposals: unknown[] = []
    const judge = (terms: unknown) => proposals.push(terms) > 0
    const [alice, bob, hana] = [
      await table.player('alice'),
      await table.player('bob', { judge }),
      await table.hub('carol'),
    ]
    await table.channel(hana, alice)
    await table.channel(hana, bob)
    await alice.node.connect(bob.address)
    await table.reach([alice], bob, STAKE, 2)
    await table.reach([bob], alice, STAKE, 2)
    const [one, two] = seatsOf(alice, bob)
    const begin = (over: object) =>
      alice.node.startApp(ticTacToe, { seats: [one!, two!, one!, two!, one!, two!], opening: EMPTY, stakes, ...over })
    const refused = await rejection(begin({}))
    expect(refused).to.include({ code: 'APP_LOCK_TOO_LONG', budget: 3_250 })
    expect(refused.message).to.include('3250 s')
    expect(proposals).to.deep.equal([])
    expect(alice.node.apps().concat(bob.node.apps())).to.deep.equal([])
    const game = await begin({ budget: 3_250 })
    expect(game.version).to.equal(1)
    expect(proposals).to.have.lengthOf(1)
  })

  it('may last longer between players who share a channel', async () => {
    const [alice, bob] = [await table.player('alice'), await table.player('bob')]
    await table.channel(alice, bob)
    const [one, two] = seatsOf(alice, bob)
    const seats = [one!, two!, one!, two!, one!, two!]
    const game = await alice.node.startApp(ticTacToe, { seats, opening: EMPTY, stakes })
    expect(game.version).to.equal(1)
  })

  it('C50 are played over a hub that sees nothing but two locks', async () => {
    const [alice, bob, hana] = [await table.player('alice'), await table.player('bob'), await table.hub('carol')]
    // The hub deposits first: what it announces of its side is not soon told again.
    const [left, right] = [await table.channel(hana, alice), await table.channel(hana, bob)]
    await alice.node.connect(bob.address)
    await table.reach([alice], bob, STAKE, 2)
    await table.reach([bob], alice, STAKE, 2)
    const before = await table.stage.chain.provider.getBlockNumber()
    const game = await alice.node.startApp(ticTacToe, { seats: seatsOf(alice, bob), opening: EMPTY, stakes })
    const other = await joined(bob, game.id)
    const ends = [game.finish(), other.finish()]
    await play([game, other], [0, 1, 2, 3, 5, 4, 6, 8, 7])
    const [end] = await Promise.all(ends)
    expect(end!.values).to.deep.equal([10n ** 18n / 2n, 10n ** 18n / 2n])
    await until(() => hana.node.outcomeLocks().length === 0 && hana.node.load().carrying === 0)
    // A draw: what the two locks pay is the same, but for what the hub keeps of either.
    const kept = hana.node.balances(left).spendable + hana.node.balances(right).spendable - 2n * ETHER
    expect(kept >= 0n).to.equal(true)
    expect(await table.stage.chain.provider.getBlockNumber()).to.equal(before)
  })
})
