import { expect } from 'chai'
import type { Hex } from '../../sdk/core/types.ts'
import { APPS } from '../../sdk/node/keys.ts'
import type { Store, Write } from '../../sdk/storage/store.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection } from './stage.ts'
import { EMPTY, joined, play, Table, ticTacToe, WON } from './table.ts'

const STAKE = ETHER / 100n
const stakes = [
  { from: 0, to: 1, amount: STAKE },
  { from: 1, to: 0, amount: STAKE },
]

/** A store whose process ends once so many steps are on the disk: what would have followed never happens. */
class DyingStore implements Store {
  readonly #inner: Store
  readonly #isStep: (writes: readonly Write[]) => boolean
  #left = Number.POSITIVE_INFINITY

  constructor(inner: Store, isStep: (writes: readonly Write[]) => boolean) {
    this.#inner = inner
    this.#isStep = isStep
  }

  get isDead(): boolean {
    return this.#left <= 0
  }

  dieAfter(steps: number): void {
    this.#left = steps
  }

  get = (key: string) => this.#inner.get(key)
  list = (prefix: string, after?: string) => this.#inner.list(prefix, after)
  close = () => this.#inner.close()

  async commit(writes: readonly Write[]): Promise<void> {
    const wasDead = this.isDead
    if (!wasDead && this.#isStep(writes)) this.#left--
    if (!wasDead) await this.#inner.commit(writes)
    if (this.isDead) throw new Error('The process has ended.')
  }
}

const isOfApps = (writes: readonly Write[]): boolean => writes.some(({ key }) => key.startsWith(APPS))

describe('a crash of a player of apps', () => {
  let table: Table
  before(async () => {
    table = await Table.build()
  })
  afterEach(() => table.stage.stopAll())
  after(() => table.close())

  /** A player whose process can be made to end. */
  async function mortal(name: string, isStep = isOfApps): Promise<{ actor: Actor; store: DyingStore }> {
    const store = new DyingStore(table.stage.openStore(name), isStep)
    return { actor: await table.player(name, { store }), store }
  }

  /** Plays every instance as both have agreed to, and tells what became of each. */
  function playAll({ node }: Actor): (readonly bigint[] | undefined)[] {
    const ends: (readonly bigint[] | undefined)[] = []
    const known = new Set<Hex>()
    const follow = (id: Hex) => {
      if (known.has(id)) return
      known.add(id)
      const game = node.app(ticTacToe, id)
      game.onTurn(({ state }) => void rejection(game.move({ cell: WON[state.board.filter(Boolean).length]! })))
    }
    for (const id of node.apps()) follow(id)
    node.on('app-started', ({ id }) => follow(id))
    node.on('app-over', ({ values }) => ends.push(values))
    return ends
  }

  const spendable = ({ node }: Actor) => node.balances(node.channels()[0]!.channelId).spendable
  const isReady = ({ node }: Actor) => node.channels()[0]!.ledgers[0]!.blocked === undefined

  /** Both are connected, and may pay each other; alice is the first. */
  async function meet(one: Actor, other: Actor): Promise<[Actor, Actor]> {
    const [alice, bob] = one.name === 'alice' ? [one, other] : [other, one]
    await alice.node.connect(bob.address)
    if (alice.node.channels().length === 0) await table.channel(alice, bob)
    await until(() => isReady(alice) && isReady(bob))
    return [alice, bob]
  }

  const begin = (alice: Actor, bob: Actor) => {
    const seats = [alice.node.address, bob.node.address]
    return alice.node.startApp(ticTacToe, { seats, opening: EMPTY, stakes, budget: 120 })
  }

  const stop = (...actors: Actor[]) => Promise.all(actors.map((actor) => table.stage.stop(actor)))

  const parts = { alice: 'of the player who proposed', bob: 'of the player who was asked' }
  for (const [name, part] of Object.entries(parts))
    it(`${part} changes nothing, after whatever step of a game it comes`, async () => {
      const other = await table.player(name === 'alice' ? 'bob' : 'alice')
      let steps = 0
      for (let isDead = true; isDead; ) {
        const { actor, store } = await mortal(name)
        const [alice, bob] = await meet(actor, other)
        const before = spendable(other)
        const ends = [actor, other].map(playAll)
        store.dieAfter(++steps)
        void rejection(begin(alice, bob))
        await until(() => store.isDead || ends.every(({ length }) => length === 1))
        isDead = store.isDead
        await stop(actor)
        const again = await table.player(name)
        playAll(again)
        await meet(again, other)
        await until(() => ends[1]!.length > 0 && again.node.apps().length + other.node.apps().length === 0)
        expect(ends[1], `after ${steps} steps`).to.deep.equal([[ETHER, 0n]])
        const won = other === alice ? STAKE : -STAKE
        await until(() => spendable(other) === before + won)
        await stop(again)
      }
      expect(steps).to.be.above(12)
    })

  /** The chain gives all to alice, whether she had asked it before the crash or asks it now. */
  async function judged({ node }: Actor, id: Hex, steps: number): Promise<void> {
    const game = node.app(ticTacToe, id)
    if (!game.disputed) void rejection(game.dispute())
    await until(() => game.decided || game.version === 4)
    await table.stage.later(200)
    await until(() => game.values !== undefined)
    expect(game.values, `after ${steps} steps`).to.deep.equal([ETHER, 0n])
  }

  it('changes nothing, after whatever is written down of a dispute it comes', async () => {
    let steps = 0
    for (let isDead = true; isDead; ) {
      const { actor, store } = await mortal('alice', () => true)
      const bob = await table.player('bob')
      const [alice] = await meet(actor, bob)
      const before = spendable(alice)
      const game = await begin(alice, bob)
      await play([game, await joined(bob, game.id)], WON.slice(0, 2))
      await stop(bob)
      store.dieAfter(++steps)
      void rejection(game.move({ cell: WON[2]! }))
      void rejection(game.dispute())
      await until(() => store.isDead || game.version === 4)
      if (!store.isDead) await table.stage.later(200)
      await until(() => store.isDead || game.decided)
      let other = await table.player('bob')
      void rejection(alice.node.connect(other.address))
      await until(() => store.isDead || alice.node.apps().length === 0)
      isDead = store.isDead
      await stop(alice, other)
      const again = await table.player('alice')
      if (again.node.apps().length > 0) await judged(again, game.id, steps)
      other = await table.player('bob')
      await meet(again, other)
      await until(() => again.node.apps().length + other.node.apps().length === 0)
      await until(() => spendable(again) === before + STAKE)
      await stop(again, other)
    }
    expect(steps).to.be.above(8)
  })
})
