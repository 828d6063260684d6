// A sale with a referee: alice refuses what bob has sent, bob calls rita, and rita divides the price. Rita has no channel and no money here.

import { appOf, ether, join, money, partOf, play, tell } from '../table.mjs'
import * as rules from './rules.ts'

const escrow = appOf('Escrow', rules)
const { ACTION } = rules
const [price, bond] = [ether('0.4'), ether('0.1')]

await tell(async (table) => {
  const [alice, bob, rita] = [
    await table.player('alice', escrow),
    await table.player('bob', escrow),
    await table.player('rita', escrow),
  ]
  const channel = await table.channel(alice, bob, ether('1'))
  await Promise.all([table.meet(alice, rita), table.meet(bob, rita)])
  const before = await table.blocks()

  const sale = await alice.startApp(escrow, {
    seats: [alice.address, bob.address, rita.address],
    opening: rules.opening(ether('0.5')), // half and half, should rita be silent
    stakes: [
      { from: 0, to: 1, amount: price },
      { from: 1, to: 0, amount: bond },
    ],
  })
  console.log(`alice locks the price of ${money(price)}, bob a bond of ${money(bond)}`)
  const games = [sale, await join(bob, escrow, sale.id), await join(rita, escrow, sale.id)]
  const names = ['alice refuses the price', 'bob calls rita', 'rita gives bob three quarters']
  const moves = [
    { action: ACTION.refuse, toSeller: 0n },
    { action: ACTION.call, toSeller: 0n },
    { action: ACTION.divide, toSeller: ether('0.75') },
  ]
  await play(games, moves, () => console.log(names.shift()))

  const [{ values }] = await Promise.all(games.map((game) => game.finish()))
  console.log(
    `of the price bob gets ${money(partOf(price, values[1]))}, of the bond alice ${money(partOf(bond, values[0]))}`,
  )
  const [hers, his] = [alice, bob].map((node) => money(node.balances(channel).spendable))
  console.log(`alice has ${hers}, bob ${his}; transactions since the sale began: ${(await table.blocks()) - before}`)
})
