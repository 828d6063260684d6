import { expect } from 'chai'
import fc from 'fast-check'
import { network } from 'hardhat'
import { IllegalMoveError } from 'tallystick'
import { checkTwin, type Table, table } from 'tallystick/testing'
import { app, opening } from '../app.ts'
import type { Move, State } from '../rules.ts'

const ETHER = 10n ** 18n
const STAKE = ETHER / 10n
const stakes = [
  { from: 0, to: 1, amount: STAKE },
  { from: 1, to: 0, amount: STAKE },
]

describe('The rules of Nim', () => {
  const rules = app.codeRules(2)
  const moved = (state: State, take: number) => rules.advance(app.encodeState(state), app.encodeMove({ take }))

  it('let the seats take turns', () => {
    expect(app.decodeState(moved(opening, 3))).to.deep.equal({ heap: 7, seat: 1 })
  })

  it('end when nothing is left, and whoever took the last one gets everything', () => {
    const end = moved({ heap: 2, seat: 1 }, 2)
    expect(rules.turn(end)).to.equal(undefined)
    expect(rules.outcome(end)).to.deep.equal([0n, ETHER])
  })

  it('refuse to take nothing, too much, or what is not there', () => {
    for (const [heap, take] of [
      [10, 0],
      [10, 4],
      [2, 3],
    ] as const)
      expect(() => moved({ heap, seat: 0 }, take)).to.throw(IllegalMoveError, `CannotTake(${take}, ${heap})`)
  })

  it('are the same in TypeScript', () => {
    checkTwin(app, {
      seats: 2,
      openings: fc.record({ heap: fc.nat(20), seat: fc.nat(1) }),
      moves: () => fc.record({ take: fc.nat(4) }),
    })
  })
})

describe('A game of Nim', () => {
  let at: Table<State, Move>
  beforeEach(async () => {
    const { provider } = await network.create()
    at = await table({ app, players: ['alice', 'bob'], chain: provider })
  })
  afterEach(() => at.close())

  it('is played to its end and paid', async () => {
    const game = await at.begin({ opening, stakes })
    await game.play({ take: 2 }, { take: 3 }, { take: 1 }, { take: 3 }, { take: 1 })
    expect((await game.finish()).values).to.deep.equal([ETHER, 0n])
    await at.until(() => at.player('alice').balance === ETHER + STAKE)
  })

  it('is won against a player who falls silent on its turn', async () => {
    const game = await at.begin({ opening, stakes, budget: 120 })
    await game.play({ take: 2 })
    await at.silence('bob')
    await game.of('alice').dispute()
    await at.later(200)
    await at.until(() => game.of('alice').decided)
    await at.wake('bob')
    expect((await game.finish()).values).to.deep.equal([ETHER, 0n])
    await at.until(() => at.player('alice').balance === ETHER + STAKE)
  })
})
