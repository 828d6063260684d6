import { expect } from 'chai'
import { instanceIdOf, seatKey } from '../../sdk/core/app.ts'
import { toBytes } from '../../sdk/core/bytes.ts'
import type { Hex } from '../../sdk/core/types.ts'
import type { AppInstance } from '../../sdk/node/apps/app-instance.ts'
import type { AppTerms } from '../../sdk/protocols/app.ts'
import type { AppStepMessage } from '../../sdk/protocols/app-wire.ts'
import { until } from '../until.ts'
import { Cheat, SILENT, Watch } from './cheat.ts'
import { type Actor, ETHER, pause, rejection } from './stage.ts'
import { type Board, type Cell, EMPTY, joined, play, Table, ticTacToe, WON } from './table.ts'

const STAKE = ETHER / 10n
const stakes = [
  { from: 0, to: 1, amount: STAKE },
  { from: 1, to: 0, amount: STAKE },
]
const MINUTES = 60_000

describe('apps against players that cheat', () => {
  let table: Table
  beforeEach(async () => {
    table = await Table.build()
  })
  afterEach(async () => {
    await table.stage.stopAll()
    await table.close()
  })

  const emptyBoard = () => ticTacToe.encodeState(EMPTY)
  const begin = (one: Actor, other: Actor, over: object = {}) =>
    one.node.startApp(ticTacToe, {
      seats: [one.node.address, other.node.address],
      opening: EMPTY,
      stakes,
      budget: 120,
      ...over,
    })

  async function pair() {
    const [alice, mallory] = [await table.player('alice'), await Cheat.join(table)]
    const channelId = await table.channel(alice, mallory.actor)
    return { alice, mallory, channelId }
  }

  /** The first move of alice is agreed, her next one is not: mallory's node falls silent after its own. */
  async function half(): Promise<{ alice: Actor; mallory: Cheat; game: AppInstance<Board, Cell> }> {
    const { alice, mallory } = await pair()
    mallory.silent = []
    const game = await begin(alice, mallory.actor)
    const other = await joined(mallory.actor, game.id)
    await play([game, other], [0, 3])
    return { alice, mallory, game }
  }

  it('S12 an older state on chain does not make a player move twice', async () => {
    const { alice, mallory, game } = await half()
    const turns: number[] = []
    mallory.silent = SILENT
    const moved = game.move({ cell: 1 })
    await until(() => mallory.of('moved').some(({ version }) => version === 4))
    game.onTurn(({ version }) => turns.push(version))
    const opening = mallory.of('signed').find(({ version }) => version === 1)!
    await mallory.submit(game.id, game.terms, 1, emptyBoard(), opening.signature)
    await moved
    expect(game.version).to.equal(4)
    expect(game.state.board.slice(0, 4)).to.deep.equal([1, 1, 0, 2])
    expect(turns).to.deep.equal([])
    expect(alice.alarms).to.deep.equal([])
  })

  it('S26 a dispute is seen although the RPC fails when it is told', async () => {
    const { alice, mallory, game } = await half()
    const apps = alice.chain.apps!
    const status = apps.status.bind(apps)
    let failures = 0
    apps.status = () => (++failures <= 3 ? Promise.reject(new Error('the RPC fails')) : status(game.terms.instance))
    const opening = mallory.of('signed').find(({ version }) => version === 1)!
    await mallory.submit(game.id, game.terms, 1, emptyBoard(), opening.signature)
    await until(() => game.disputed && game.version === 3)
    expect(failures).to.be.greaterThan(3)
    expect(game.isMyTurn).to.equal(true)
  })

  it('a player that declines while it is staked for is answered all the same, after a restart, too', async () => {
    const { alice, mallory, channelId } = await pair()
    const oneSided = { stakes: [stakes[0]] }
    const refused = rejection(begin(alice, mallory.actor, oneSided))
    await until(() => mallory.of('propose').length > 0)
    const { terms } = mallory.of('propose')[0]!
    const id = mallory.actor.node.apps()[0]! as Hex
    mallory.say({ kind: 'accept', id, onionKey: mallory.onionKey, heard: true }, mallory.staked(), {
      kind: 'decline',
      id,
      code: 'APP_DECLINED',
    })
    expect(await refused).to.include({ code: 'APP_REFUSED' })
    await until(() => mallory.actor.node.outcomeLocks().some(({ held }) => held))
    expect(alice.node.apps()).to.deep.equal([id])
    expect(alice.node.balances(channelId).spendable).to.equal(ETHER - STAKE)
    await table.stage.stop(alice)
    const again = await table.player('alice')
    const opening = mallory.of('signed').find(({ version }) => version === 1)!
    await mallory.submit(id, terms, 1, emptyBoard(), opening.signature)
    const game = again.node.app(ticTacToe, id)
    await until(() => game.isMyTurn)
    await game.move({ cell: 4 })
    await table.stage.later(200)
    await until(() => game.decided)
    expect((await game.finish()).values).to.deep.equal([ETHER, 0n])
    await until(() => again.node.balances(channelId).spendable === ETHER)
  })

  it('S24 a dispute about an app that is not registered any more is called out', async () => {
    const { alice, mallory, game } = await half()
    const { id, terms } = game
    const watch = new Watch()
    await table.stage.stop(alice)
    const deployment = { adjudicator: table.stage.chain.adjudicator, arbiter: table.arbiter, block: 0 }
    const again = await table.stage.start('alice', { chain: { deployment }, node: { clock: watch } })
    const opening = mallory.of('signed').find(({ version }) => version === 1)!
    await mallory.submit(id, terms, 1, emptyBoard(), opening.signature)
    await until(() => again.alarms.length > 0)
    expect(again.alarms[0]).to.include({ code: 'APP_MISSING', instanceId: id })
    watch.forward(2 * MINUTES)
    await until(() => again.alarms.length > 1)
    expect(again.node.registerApp(ticTacToe)).to.equal(terms.instance.app)
    await until(() => again.node.app(ticTacToe, id).version === 3)
  })

  it('S20 proposals without end are judged up to a bound', async () => {
    const judged: unknown[] = []
    const judge = (terms: AppTerms) => judged.push(terms) > 0 && new Promise<boolean>(() => {})
    const alice = await table.player('alice', { judge })
    const mallory = await Cheat.join(table)
    await table.channel(alice, mallory.actor)
    const opening = emptyBoard()
    const endBy = BigInt(Math.ceil(Date.now() / 1_000)) + 1_000_000n
    for (let nonce = 0n; nonce < 40n; nonce++) {
      const app = alice.node.registerApp(ticTacToe, judge)
      const instance = { app, endBy, budget: 120, nonce, seats: [mallory.address, alice.node.address] }
      const terms = { instance, opening, stakes: [], deadline: endBy + 3_600n, group: undefined }
      mallory.say(
        { kind: 'propose', terms, addresses: [], onionKey: mallory.onionKey },
        { kind: 'propose', terms, addresses: [], onionKey: mallory.onionKey },
      )
    }
    await until(() => mallory.of('decline').length > 0)
    await pause(100)
    expect(judged.length).to.be.within(1, 17)
  })

  it('players greet each other once, however often one says that it plays', async () => {
    const { alice, mallory } = await pair()
    const refused = rejection(begin(alice, mallory.actor, { signal: AbortSignal.timeout(600) }))
    await until(() => mallory.of('propose').length > 0)
    const id = mallory.actor.node.apps()[0]! as Hex
    for (let i = 0; i < 5; i++) mallory.say({ kind: 'accept', id, onionKey: `0x${'00'.repeat(32)}`, heard: true })
    await refused
    expect(mallory.of('propose').length).to.be.at.most(2)
    await until(() => alice.node.apps().length === 0)
  })

  it('a game that took longer than the patience at its end ends without a transaction', async () => {
    const watch = new Watch()
    const [alice, bob] = [await table.player('alice', { node: { clock: watch } }), await table.player('bob')]
    await table.channel(alice, bob)
    const game = await begin(alice, bob)
    const other = await joined(bob, game.id)
    const before = await table.stage.chain.provider.getBlockNumber()
    await play([game, other], WON.slice(0, 4))
    watch.forward(10 * MINUTES)
    const ends = [game.finish(), other.finish()]
    await play([game, other], WON.slice(4))
    await Promise.all(ends)
    expect(await table.stage.chain.provider.getBlockNumber()).to.equal(before)
    expect(alice.alarms.concat(bob.alarms)).to.deep.equal([])
  })

  it('two may stake for the seat of a third', async () => {
    const [alice, bob, carol] = [await table.player('alice'), await table.player('bob'), await table.player('carol')]
    const left = await table.channel(alice, bob)
    await table.channel(carol, bob)
    await carol.node.connect(alice.address)
    const three = await carol.node
      .startApp(ticTacToe, {
        seats: [alice, bob, carol].map(({ node }) => node.address),
        opening: EMPTY,
        stakes: [
          { from: 0, to: 1, amount: STAKE },
          { from: 2, to: 1, amount: STAKE },
        ],
      })
      .catch((error: Error) => error)
    expect(three).to.not.be.instanceOf(Error)
    expect(bob.node.outcomeLocks().filter(({ held }) => held)).to.have.lengthOf(2)
    expect(alice.node.balances(left).spendable).to.equal(ETHER - STAKE)
  })

  /** Alice has proposed, and mallory's node, which plays by hand, knows what. */
  async function proposed() {
    const [alice, mallory] = [await table.player('alice'), await Cheat.join(table, () => false)]
    const channelId = await table.channel(alice, mallory.actor)
    mallory.actor.node.expectLocks(() => true)
    const begun = begin(alice, mallory.actor)
    begun.catch(() => {})
    await until(() => mallory.of('propose').length > 0)
    const { terms } = mallory.of('propose')[0]!
    const { source } = mallory.actor.chain.apps!
    const id = instanceIdOf(source, terms.instance)
    const note = (index: number) => Uint8Array.of(...toBytes(id), index)
    const { deadline } = terms
    const right = { to: alice.node.address, amount: STAKE, key: seatKey(source, id, 0), deadline, note: note(1) }
    return { alice, mallory, channelId, begun, id, note, right, other: seatKey(source, id, 1) }
  }

  it('S14 stakes of another amount, key, deadline or note come back, and no second one is held', async () => {
    const { alice, mallory, channelId, begun, id, note, right, other } = await proposed()
    const { node } = mallory.actor
    mallory.say({ kind: 'accept', id, onionKey: mallory.onionKey, heard: true }, mallory.staked())
    const { deadline } = right
    const wrong = [
      { amount: STAKE - 1n },
      { key: other },
      { deadline: deadline - 1n },
      { deadline: deadline + 1n },
      { note: note(0) },
      { note: note(2) },
      { note: note(1).slice(1) },
    ]
    for (const one of wrong)
      expect(await rejection(node.lockTo({ ...right, ...one }))).to.include({ code: 'PAYMENT_FAILED' })
    expect(mallory.of('signed')).to.deep.equal([])
    await node.lockTo(right)
    expect(await rejection(node.lockTo(right))).to.include({ code: 'PAYMENT_FAILED' })
    await until(() => mallory.of('signed').length > 0)
    expect(alice.node.outcomeLocks().filter(({ direction }) => direction === 'in')).to.have.lengthOf(1)
    mallory.say({ kind: 'signed', id, version: 1, signature: mallory.sign(id, 1, emptyBoard()) })
    expect((await begun).version).to.equal(1)
    expect(alice.node.balances(channelId).spendable).to.equal(ETHER - STAKE)
  })

  it('a player that was told of other terms is not played with, and what it staked comes back', async () => {
    const { alice, mallory, begun, id, right } = await proposed()
    await mallory.actor.node.lockTo(right)
    const { terms } = mallory.of('propose')[0]!
    mallory.say(
      { kind: 'accept', id, onionKey: mallory.onionKey, heard: true },
      mallory.staked({ ...terms, opening: Uint8Array.of(1) }),
    )
    expect(await rejection(begun)).to.include({ code: 'APP_REFUSED', reason: 'APP_DECLINED' })
    await until(() => mallory.actor.node.outcomeLocks().every(({ direction }) => direction === 'in'))
    expect(mallory.of('signed')).to.deep.equal([])
    expect(alice.node.outcomeLocks().filter(({ direction, held }) => direction === 'in' && held)).to.deep.equal([])
  })

  it('a lock that is on its way back is no stake, after a restart, either', async () => {
    const { alice, mallory, begun, id, right } = await proposed()
    const { node } = mallory.actor
    await node.lockTo(right)
    mallory.isFrozen = true
    mallory.say(
      { kind: 'decline', id, code: 'APP_DECLINED' },
      { kind: 'accept', id, onionKey: mallory.onionKey, heard: true },
      mallory.staked(),
    )
    expect(await rejection(begun)).to.include({ code: 'APP_REFUSED' })
    await pause(100)
    expect(alice.node.outcomeLocks().filter(({ held, asked }) => held && asked !== 0n)).to.deep.equal([])
    await table.stage.stop(alice)
    const again = await table.player('alice')
    await node.connect(again.address)
    mallory.say({ kind: 'accept', id, onionKey: mallory.onionKey, heard: true }, mallory.staked())
    await pause(100)
    expect(mallory.of('signed')).to.deep.equal([])
    expect(again.node.apps()).to.deep.equal([id])
    expect(mallory.of('propose')).to.have.lengthOf(1)
    mallory.isFrozen = false
    await node.connect(again.address)
    await until(() => again.node.apps().length === 0)
  })

  it('a move out of turn, an illegal one and a wrong signature cut a player off, and change nothing', async () => {
    const { alice, mallory, game } = await half()
    mallory.silent = SILENT
    const { id } = game
    const signature = new Uint8Array(64).fill(9)
    const violates = async (step: AppStepMessage) => {
      const { length } = alice.alarms
      let isCutOff = false
      const forget = mallory.actor.node.on('disconnected', () => {
        isCutOff = true
      })
      mallory.say(step)
      await until(() => alice.alarms.length > length)
      expect(alice.alarms.at(-1)).to.include({ code: 'PEER_VIOLATION' })
      await until(() => isCutOff)
      forget()
      await mallory.actor.node.connect(alice.address)
    }
    await violates({ kind: 'moved', id, version: 4, move: ticTacToe.encodeMove({ cell: 8 }), signature, base: [] })
    const moved = game.move({ cell: 1 })
    await until(() => mallory.of('moved').some(({ version }) => version === 4))
    await violates({ kind: 'signed', id, version: 4, signature })
    expect(game.version).to.equal(3)
    const state = ticTacToe.encodeState({ board: [1, 1, 0, 2, 0, 0, 0, 0, 0] })
    // Of two connections that cross one is closed, and with it goes what was said there.
    await until(() => {
      mallory.say({ kind: 'signed', id, version: 4, signature: mallory.sign(id, 4, state) })
      return game.version === 4
    })
    await moved
    await violates({ kind: 'moved', id, version: 5, move: ticTacToe.encodeMove({ cell: 0 }), signature, base: [] })
    expect(game.version).to.equal(4)
  })
})
