// Two programs play Nim for money on a chain of this process: npx hardhat run play.ts

import { network } from 'hardhat'
import { table } from 'tallystick/testing'
import { app, opening } from './app.ts'
import type { Move, State } from './rules.ts'

const ETHER = 10n ** 18n
const stakes = [
  { from: 0, to: 1, amount: ETHER / 10n },
  { from: 1, to: 0, amount: ETHER / 10n },
]

/** Leaves a multiple of four if it can: from there the other one loses. */
const choose = ({ heap }: State): Move => ({ take: heap % 4 || 1 })

const { provider } = await network.create()
const at = await table({ app, players: ['alice', 'bob'], chain: provider })
const game = await at.begin({ opening, stakes })
for (const { name } of at.players) {
  const mine = game.of(name)
  mine.onTurn(({ state }) => {
    const move = choose(state)
    console.log(`${name} takes ${move.take} of ${state.heap}`)
    mine.move(move).catch(console.error)
  })
}
const { values } = await game.finish()
const winner = at.players[values.indexOf(ETHER)]
console.log(`${winner?.name} wins. Everybody has been paid without a transaction.`)
await at.close()
