// Delivery versus payment: alice and bob trade coins for a token by limit orders, and one outcome moves both assets or neither.

import { appOf, COIN, ether, join, money, play, tell } from '../table.mjs'
import * as rules from './rules.ts'

const exchange = appOf('LimitOrderExchange', rules)
const { ACTION } = rules
const move = (action, about = {}) => ({ action, order: 0, sells: false, base: 0n, quote: 0n, ...about })
/** Orders are in parts of what is locked: with 10 of each, a tenth is one. */
const locked = ether('10')
const parts = (amount) => ether(amount) / 10n

await tell(async (table) => {
  const [alice, bob] = [await table.player('alice', exchange), await table.player('bob', exchange)]
  const token = await table.token()
  const channel = await table.channel(alice, bob, ether('20'), [COIN, token])
  const before = await table.blocks()

  // A seat gets one asset: each of the two holds one for coins (the base) and one for the token (the quote).
  const hers = await alice.startApp(exchange, {
    seats: [alice.address, alice.address, bob.address, bob.address],
    opening: rules.opening,
    stakes: [
      { from: 0, to: 2, amount: locked, asset: COIN },
      { from: 1, to: 3, amount: locked, asset: token },
      { from: 2, to: 0, amount: locked, asset: COIN },
      { from: 3, to: 1, amount: locked, asset: token },
    ],
  })
  const games = [hers, await join(bob, exchange, hers.id)]
  console.log(`alice and bob lock ${money(locked)} and ${money(locked, 'DEMO')} each, to trade up to half of it`)

  await play(games, [move(ACTION.place, { sells: true, base: parts('2'), quote: parts('3') }), move(ACTION.pass)])
  console.log('alice offers 2 ETH for 3 DEMO')
  await play(games, [move(ACTION.fill, { base: parts('1') })])
  console.log('bob takes 1 ETH of it, for 1.5 DEMO')
  await play(games, [move(ACTION.place, { base: parts('0.5'), quote: parts('1') }), move(ACTION.pass)])
  console.log('bob asks for another 0.5 ETH, and would pay 1 DEMO')
  await play(games, [move(ACTION.fill, { order: 1, base: parts('0.5') }), move(ACTION.close)])
  console.log('alice sells him that, and closes')

  await Promise.all(games.map((game) => game.finish()))
  for (const [name, node] of [
    ['alice', alice],
    ['bob', bob],
  ]) {
    const [coins, tokens] = [COIN, token].map((asset) => node.balances(channel, asset).spendable)
    console.log(`${name} has ${money(coins)} and ${money(tokens, 'DEMO')}`)
  }
  console.log(`transactions since trading began: ${(await table.blocks()) - before}`)
})
