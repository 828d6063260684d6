// A virtual channel over a hub: alice pays carol a thousand times. They have no channel, the hub sees one lock, the chain sees nothing.

import { appOf, ether, money, tell, until } from '../table.mjs'
import * as rules from './rules.ts'

const virtualChannel = appOf('VirtualChannel', rules)

await tell(async (table) => {
  const [alice, carol] = [await table.player('alice', virtualChannel), await table.player('carol', virtualChannel)]
  const hana = await table.hub('hana')
  const [first, second] = [await table.channel(alice, hana, ether('1')), await table.channel(hana, carol, ether('1'))]
  await table.meet(alice, carol)
  await until(() => [alice, carol].every((node) => node.network().announced >= 2))

  const before = await table.blocks()
  const channel = await alice.openVirtualChannel(virtualChannel, { to: carol.address, amount: ether('0.5') })
  console.log(`alice locks ${money(channel.capacity)} to carol over hana`)

  for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 100 }, () => channel.pay(ether('0.0002'))))
  console.log(`alice has paid 1000 times, ${money(channel.paid)} in all; hana has heard of none of it`)

  await channel.close()
  await until(() => carol.balances(second).spendable === ether('1.2'))
  await until(() => hana.outcomeLocks().length === 0 && hana.load().carrying === 0)
  const kept = hana.balances(first).spendable + hana.balances(second).spendable - ether('2')
  console.log(`carol has ${money(carol.balances(second).spendable)}, alice ${money(alice.balances(first).spendable)}`)
  console.log(`hana has kept ${money(kept)}; transactions since alice began: ${(await table.blocks()) - before}`)
})
