// Four parties: sam sells a token to the highest of three bidders, who pays the second highest bid. Only sam has channels with all of them.

import { randomBytes } from 'node:crypto'
import { hexlify } from 'ethers'
import { appOf, COIN, ether, join, money, partOf, play, tell } from '../table.mjs'
import * as rules from './rules.ts'

const auction = appOf('SealedBidAuction', rules)
/** All bidders lock the same, so that it tells nothing of their bids. Half of 1e18 is for the lot, so bids go up to half of this. */
const locked = ether('2')
const lot = ether('10')
const BIDS = { ann: ether('0.4'), ben: ether('0.7'), cleo: ether('0.55') }
const names = Object.keys(BIDS)
const NONE = hexlify(new Uint8Array(32))

await tell(async (table) => {
  const sam = await table.player('sam', auction)
  const bidders = []
  for (const name of names) bidders.push(await table.player(name, auction))
  const token = await table.token()
  const channels = []
  for (const bidder of bidders) channels.push(await table.channel(sam, bidder, ether('25'), [COIN, token]))
  for (const [k, one] of bidders.entries()) for (const other of bidders.slice(k + 1)) await table.meet(one, other)
  const before = await table.blocks()

  // Sam holds a seat for each bidder, where that one pays; bidder k is seat 3 + k, where it gets the lot.
  const stakes = names.flatMap((_, k) => [
    { from: 3 + k, to: k, amount: locked, asset: COIN },
    { from: k, to: 3 + k, amount: 2n * lot, asset: token },
  ])
  const sale = await sam.startApp(auction, {
    seats: [...names.map(() => sam.address), ...bidders.map(({ address }) => address)],
    opening: rules.opening({ bidders: 3, secondPrice: true, lot: ether('0.5'), reserve: ether('0.1') }),
    stakes,
  })
  const games = [sale, ...(await Promise.all(bidders.map((bidder) => join(bidder, auction, sale.id))))]
  console.log(`sam sells ${money(lot, 'DEMO')}; every bidder has locked ${money(locked)}`)

  // A bid is a part of what is locked.
  const sealed = names.map((name, k) => ({ seat: 3 + k, bid: BIDS[name] / 2n, salt: hexlify(randomBytes(32)) }))
  const commitments = sealed.map(({ seat, bid, salt }) => rules.commitmentTo(seat, bid, salt))
  await play(
    games,
    commitments.map((commitment) => ({ commitment, bid: 0n, salt: NONE })),
  )
  console.log('all have committed to a bid that nobody else knows')
  const reveals = sealed.map(({ bid, salt }) => ({ commitment: NONE, bid, salt }))
  await play(games, reveals, (_, { bid }) => console.log(`a bid is shown: ${money(partOf(locked, bid))}`))

  await Promise.all(games.map((game) => game.finish()))
  for (const [k, name] of names.entries()) {
    const [coins, tokens] = [COIN, token].map((asset) => bidders[k].balances(channels[k], asset).spendable)
    console.log(`${name} has ${money(coins)} and ${money(tokens, 'DEMO')}`)
  }
  console.log(`transactions since the auction began: ${(await table.blocks()) - before}`)
})
