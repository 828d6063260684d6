// A hidden hand: alice commits to hers before bob shows his. She loses, would rather not reveal it, and never comes back.

import { randomBytes } from 'node:crypto'
import { formatEther, hexlify } from 'ethers'
import { appOf, ether, join, money, play, tell, until } from '../table.mjs'
import * as rules from './rules.ts'

const rockPaperScissors = appOf('RockPaperScissors', rules)
const stake = ether('0.1')
const [ROCK, PAPER] = [1, 2]
const salt = hexlify(randomBytes(32))
const commit = { commitment: rules.commitmentTo(ROCK, salt), hand: 0, salt: rules.NONE }
const show = (hand) => ({ commitment: rules.NONE, hand, salt: rules.NONE })
const reveal = { commitment: rules.NONE, hand: ROCK, salt }

await tell(async (table) => {
  const [alice, bob] = [await table.player('alice', rockPaperScissors), await table.player('bob', rockPaperScissors)]
  const channel = await table.channel(alice, bob, ether('1'))
  const begin = async () => {
    const game = await alice.startApp(rockPaperScissors, {
      seats: [alice.address, bob.address],
      opening: rules.opening,
      stakes: [
        { from: 0, to: 1, amount: stake },
        { from: 1, to: 0, amount: stake },
      ],
      budget: 600,
    })
    return [game, await join(bob, rockPaperScissors, game.id)]
  }

  const first = await begin()
  await play(first, [commit, show(ROCK), reveal])
  await Promise.all(first.map((game) => game.finish()))
  console.log(`rock and rock: all stakes are back, alice has ${money(alice.balances(channel).spendable)}`)

  const [game, his] = await begin()
  await play([game, his], [commit, show(PAPER)])
  console.log('alice has committed to a hand, bob shows paper, and alice, who has rock, is never seen again')

  await table.leave(alice)
  await his.dispute()
  await table.later(700)
  await until(() => his.decided)
  console.log('bob asks the chain; her time runs out, and it records that he has won')

  const before = await table.purse('bob')
  await bob.dispute(channel)
  await table.later(700)
  await until(async () => (await table.purse('bob')) > before)
  const paid = Number(formatEther((await table.purse('bob')) - before)).toFixed(2)
  console.log(`bob closes the channel without her, and is ${paid} ETH richer on chain`)
})
