// A dispute: bob is silent in the middle of a game. Alice takes it to the chain, where both go on by force until she has won.

import { appOf, ether, join, money, play, tell, until } from '../table.mjs'
import * as rules from './rules.ts'

const ticTacToe = appOf('TicTacToe', rules)
const stake = ether('0.1')

await tell(async (table) => {
  const alice = await table.player('alice', ticTacToe)
  let bob = await table.player('bob', ticTacToe)
  const channel = await table.channel(alice, bob, ether('1'))

  const game = await alice.startApp(ticTacToe, {
    seats: [alice.address, bob.address],
    opening: rules.opening,
    stakes: [
      { from: 0, to: 1, amount: stake },
      { from: 1, to: 0, amount: stake },
    ],
    budget: 600, // seconds that each has for all moves that the chain must force
  })
  console.log(`alice and bob stake ${money(stake)} each`)
  await play([game, await join(bob, ticTacToe, game.id)], [{ cell: 0 }, { cell: 3 }, { cell: 1 }])
  console.log(`three moves, each a message: ${drawn(game.state)}`)

  await table.leave(bob)
  await game.dispute()
  console.log('bob is silent, and alice shows the chain what both have signed last')

  await table.later(300)
  bob = await table.player('bob', ticTacToe)
  const his = await join(bob, ticTacToe, game.id)
  await until(() => his.disputed && his.isMyTurn)
  await his.move({ cell: 4 })
  console.log(`bob comes back after half of his time, and moves on chain: ${drawn(his.state)}`)

  await until(() => game.isMyTurn)
  await game.move({ cell: 2 })
  console.log(`alice answers there: ${drawn(game.state)}`)

  await bob.connect(await alice.listen('tcp://127.0.0.1:0'))
  await table.later(700)
  await until(() => game.decided)
  console.log('the chain records that alice has won')
  await Promise.all([game.finish(), his.finish()])
  console.log(`bob pays in the channel, which goes on: alice has ${money(alice.balances(channel).spendable)}`)
})

function drawn({ board }) {
  const marks = board.map((mark) => '.xo'[mark]).join('')
  return [0, 3, 6].map((row) => marks.slice(row, row + 3)).join(' / ')
}
