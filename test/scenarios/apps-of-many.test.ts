import { expect } from 'chai'
import { type App, defineApp } from '../../sdk/apps/define-app.ts'
import { fromUint, toHex } from '../../sdk/core/bytes.ts'
import { keccak256 } from '../../sdk/core/keccak.ts'
import { WHOLE } from '../../sdk/core/outcome.ts'
import type { ChannelId, Hex } from '../../sdk/core/types.ts'
import type { AppInstance } from '../../sdk/node/apps/app-instance.ts'
import { artifact } from '../sdk/chain/anvil.ts'
import { keyOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection } from './stage.ts'
import { Table } from './table.ts'

interface Sale {
  readonly turn: number
  readonly toSeller: bigint
  readonly fallbackToSeller: bigint
}

interface Decision {
  readonly action: number
  readonly toSeller: bigint
}

interface Auction {
  readonly bidders: number
  readonly secondPrice: boolean
  readonly lot: bigint
  readonly reserve: bigint
  readonly commitments: readonly Hex[]
  readonly bids: readonly bigint[]
}

interface Bid {
  readonly commitment: Hex
  readonly bid: bigint
  readonly salt: Hex
}

const escrow = defineApp(artifact('contracts/apps/Escrow.sol/Escrow') as never) as App<Sale, Decision>
const auction = defineApp(artifact('contracts/apps/SealedBidAuction.sol/SealedBidAuction') as never) as App<
  Auction,
  Bid
>

const CALL: Decision = { action: 3, toSeller: 0n }
const divide = (toSeller: bigint): Decision => ({ action: 4, toSeller })
/** A silent referee leaves three quarters to the seller. */
const OFFERED: Sale = { turn: 0, toSeller: 0n, fallbackToSeller: (3n * WHOLE) / 4n }
const PRICE = ETHER / 10n
const BOND = ETHER / 100n
/** Of the buyer for the seller, and of the seller for the buyer; the referee stakes nothing. */
const stakes = [
  { from: 0, to: 1, amount: PRICE },
  { from: 1, to: 0, amount: BOND },
]

describe('apps of three and more players', () => {
  let table: Table
  beforeEach(async () => {
    table = await Table.build()
  })
  afterEach(async () => {
    await table.stage.stopAll()
    await table.close()
  })

  async function player(name: string, judge: () => boolean | Promise<boolean> = () => true): Promise<Actor> {
    const actor = await table.player(name)
    for (const app of [escrow, auction]) actor.node.registerApp(app as App<unknown, unknown>, judge)
    return actor
  }

  const seatsOf = (...players: Actor[]) => players.map(({ node }) => node.address)
  const height = () => table.stage.chain.provider.getBlockNumber()

  async function joined<State, Move>(actor: Actor, app: App<State, Move>, id: Hex): Promise<AppInstance<State, Move>> {
    await until(() => actor.node.apps().includes(id) && actor.node.app(app, id).version > 0)
    return actor.node.app(app, id)
  }

  const alarmsOf = (...players: Actor[]) => players.flatMap(({ alarms }) => alarms)

  it('are played by players who knew nobody but the proposer, one of whom made up its mind last', async () => {
    const [alice, bob] = [await player('alice'), await player('bob')]
    // What bob says to the referee comes before the referee has the proposal.
    const carol = await player('carol', async () => {
      await until(() => bob.node.apps().length > 0)
      return true
    })
    const channelId = await table.channel(alice, bob)
    await alice.node.connect(carol.address)
    const before = await height()
    const sale = await alice.node.startApp(escrow, { seats: seatsOf(alice, bob, carol), opening: OFFERED, stakes })
    const [sold, judged] = [await joined(bob, escrow, sale.id), await joined(carol, escrow, sale.id)]
    const ends = [sale, sold, judged].map((one) => one.finish())
    await sale.move(CALL)
    await until(() => judged.isMyTurn)
    await judged.move(divide(WHOLE / 4n))
    for (const { values } of await Promise.all(ends)) expect(values).to.deep.equal([(3n * WHOLE) / 4n, WHOLE / 4n, 0n])
    const paid = PRICE / 4n - (3n * BOND) / 4n
    await until(() => alice.node.balances(channelId).spendable === ETHER - paid)
    expect(bob.node.balances(channelId).spendable).to.equal(ETHER + paid)
    expect(await height()).to.equal(before)
    expect(alarmsOf(alice, bob, carol)).to.deep.equal([])
  })

  it('end as the opening says where the referee is silent', async () => {
    const [alice, bob, carol] = [await player('alice'), await player('bob'), await player('carol')]
    const channelId = await table.channel(alice, bob)
    await alice.node.connect(carol.address)
    const terms = { seats: seatsOf(alice, bob, carol), opening: OFFERED, stakes, budget: 120 }
    const sale = await alice.node.startApp(escrow, terms)
    const sold = await joined(bob, escrow, sale.id)
    await table.stage.stop(carol)
    const move = sale.move(CALL)
    await sale.dispute()
    await move
    await until(() => sold.disputed && sold.turn === 2)
    const ends = [sale.finish(), sold.finish()]
    await table.stage.later(200)
    for (const { values } of await Promise.all(ends)) expect(values).to.deep.equal([WHOLE / 4n, (3n * WHOLE) / 4n, 0n])
    const paid = (3n * PRICE) / 4n - BOND / 4n
    await until(() => alice.node.balances(channelId).spendable === ETHER - paid)
  })

  it('do not begin where one of three cannot stake, and what the others staked comes back', async () => {
    const [alice, bob, carol] = [await player('alice'), await player('bob'), await player('carol')]
    const [left, right] = [await table.channel(alice, bob), await table.channel(alice, carol)]
    const refused = await rejection(
      alice.node.startApp(escrow, {
        seats: seatsOf(alice, bob, carol),
        opening: OFFERED,
        stakes: [...stakes, { from: 2, to: 0, amount: 2n * ETHER }, { from: 0, to: 2, amount: BOND }],
      }),
    )
    expect(refused).to.include({ code: 'APP_REFUSED', reason: 'APP_NOT_STAKED' })
    await until(() => [alice, bob, carol].every(({ node }) => node.apps().length === 0))
    await until(() => [left, right].every((channelId) => alice.node.balances(channelId).spendable === ETHER))
  })

  it('take what two players stake for the same seat', async () => {
    const [alice, bob, carol] = [await player('alice'), await player('bob'), await player('carol')]
    const [left, right] = [await table.channel(alice, bob), await table.channel(bob, carol)]
    await alice.node.connect(carol.address)
    const sale = await alice.node.startApp(escrow, {
      seats: seatsOf(alice, bob, carol),
      opening: OFFERED,
      stakes: [stakes[0]!, { from: 2, to: 1, amount: BOND }],
    })
    const sold = await joined(bob, escrow, sale.id)
    const ends = [sale.finish(), sold.finish()]
    await sale.move({ action: 0, toSeller: 0n })
    await Promise.all(ends)
    await until(() => bob.node.balances(left).spendable === ETHER + PRICE)
    await until(() => bob.node.balances(right).spendable === ETHER + BOND)
  })

  it('C51 are played over a hub: a sealed-bid auction of three bidders, each with one channel', async () => {
    const seller = await player('alice')
    const bidders = [await player('bob'), await player('dave'), await player('mallory')]
    const hub = await table.hub('carol')
    const channels: ChannelId[] = []
    // The hub deposits first: what it announces of its side is not soon told again.
    for (const actor of [seller, ...bidders]) channels.push(await table.channel(hub, actor))
    for (const { address } of bidders) await seller.node.connect(address)
    await table.reach(bidders, seller, PRICE, 4)
    const before = await height()
    const sale = await seller.node.startApp(auction, {
      seats: seatsOf(seller, seller, seller, ...bidders),
      opening: { bidders: 3, secondPrice: true, lot: 0n, reserve: WHOLE / 100n, commitments: [], bids: [] },
      stakes: bidders.map((_, bidder) => ({ from: 3 + bidder, to: bidder, amount: PRICE })),
      // Hubs carry locks of outcomes for a day at most.
      budget: 600,
    })
    const games = await Promise.all(bidders.map((bidder) => joined(bidder, auction, sale.id)))
    const ends = [sale, ...games].map((one) => one.finish())
    const bids = [WHOLE / 2n, WHOLE / 5n, WHOLE / 4n]
    const saltOf = (bidder: number): Hex => toHex(keyOf(`salt ${bidder}`))
    for (const [bidder, game] of games.entries()) {
      const words = [fromUint(BigInt(3 + bidder), 32), fromUint(bids[bidder]!, 32), keyOf(`salt ${bidder}`)]
      const commitment = toHex(keccak256(Uint8Array.from(words.flatMap((word) => [...word]))))
      await until(() => game.isMyTurn)
      await game.move({ commitment, bid: 0n, salt: saltOf(9) })
    }
    for (const [bidder, game] of games.entries()) {
      await until(() => game.isMyTurn)
      await game.move({ commitment: saltOf(9), bid: bids[bidder]!, salt: saltOf(bidder) })
    }
    // The highest bidder pays the second highest bid.
    for (const { values } of await Promise.all(ends)) expect(values).to.deep.equal([WHOLE / 4n, 0n, 0n, 0n, 0n, 0n])
    await until(() => seller.node.balances(channels[0]!).spendable === ETHER + PRICE / 4n)
    for (const [bidder, { node }] of bidders.entries())
      if (bidder > 0) await until(() => node.balances(channels[1 + bidder]!).spendable === ETHER)
    expect(await height()).to.equal(before)
    expect(alarmsOf(seller, ...bidders, hub)).to.deep.equal([])
  })
})
