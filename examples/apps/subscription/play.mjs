// A subscription: alice pays bob for each song before she hears it, a message a song, and stops when she has heard enough.

import { appOf, ether, join, money, play, tell } from '../table.mjs'
import * as rules from './rules.ts'

const subscription = appOf('Subscription', rules)
const [whole, songs] = [ether('0.1'), 100]

await tell(async (table) => {
  const [alice, bob] = [await table.player('alice', subscription), await table.player('bob', subscription)]
  const channel = await table.channel(alice, bob, ether('1'))
  const before = await table.blocks()

  const hers = await alice.startApp(subscription, {
    seats: [alice.address, bob.address],
    opening: rules.opening(10n ** 18n / BigInt(songs), songs),
    stakes: [{ from: 0, to: 1, amount: whole }],
  })
  const his = await join(bob, subscription, hers.id)
  console.log(`alice locks ${money(whole)} for ${songs} songs at most`)

  for (let song = 1; song <= 42; song++) {
    await play([hers, his], [{ paid: song, last: false }])
    if (song % 14 === 0) console.log(`bob has been paid for ${his.state.paid} songs, and plays song ${song}`)
  }
  await hers.move({ paid: 42, last: true })
  console.log('alice has heard enough')

  await Promise.all([hers.finish(), his.finish()])
  const [left, paid] = [alice, bob].map((node) => money(node.balances(channel).spendable))
  console.log(`alice has ${left}, bob ${paid}; transactions since alice began: ${(await table.blocks()) - before}`)
})
