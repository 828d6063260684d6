import { expect } from 'chai'
import { type ChannelId, COIN } from '../../sdk/core/types.ts'
import { drain } from '../sdk/node/simulation.ts'
import { type Machine, type Mutation, TOKEN } from './machine.ts'
import { repeatably } from './random.ts'
import { World } from './world.ts'

const GET = { asset: TOKEN, amount: 700n }
const GIVEN = 300n
const HELD = 5_000n
const PLAN = {
  seed: 1,
  nodes: 2,
  edges: [[0, 1]],
  confirmations: 1,
  hostile: undefined,
  restores: 0,
  actions: [],
} as const

interface Scene {
  readonly world: World
  readonly alice: Machine
  readonly hana: Machine
  readonly channelId: ChannelId
}

/** Two machines with coins and tokens in one channel; the first swaps coins for tokens of the second. */
async function begin(world = new World(PLAN)): Promise<Scene> {
  await world.start()
  const [alice, hana] = world.machines as [Machine, Machine]
  const { channelId } = world.edges[0]!
  const adding = alice.node.addAsset(channelId, TOKEN)
  await world.quiesce()
  await adding
  world.edges.push({ ends: [alice, hana], channelId, asset: TOKEN, numbers: [1, 1] })
  for (const { node } of [alice, hana]) node.deposit(channelId, HELD, { asset: TOKEN, wait: 'mined' }).catch(() => {})
  await drain()
  for (let i = 0; i < 3; i++) await world.pass(1)
  alice.node.swap({ give: { amount: GIVEN }, get: GET, with: hana.signer }).catch(() => {})
  await drain()
  return { world, alice, hana, channelId }
}

/** One commit is written, or one frame arrives; false: nothing moves any more. */
async function step(world: World): Promise<boolean> {
  for (const machine of world.machines) {
    if (machine.down) continue
    const [connection] = machine.busy()
    if (machine.store.pending.length > 0) machine.store.finish(true)
    else if (connection) world.deliver(machine, connection, 'deliver')
    else continue
    await drain()
    return true
  }
  return false
}

/** How many steps a swap takes while nothing fails. */
async function count(): Promise<number> {
  const { world, alice, channelId } = await begin()
  let steps = 0
  while (await step(world)) steps++
  expect(alice.node.balances(channelId, TOKEN).spendable).to.equal(HELD + GET.amount)
  return steps
}

const isLocked = ({ node }: Machine, channelId: ChannelId): boolean =>
  [COIN, TOKEN].some((asset) => node.transfers(channelId, asset).length > 0)

/** Coins and tokens of one side. */
type Sums = readonly [coins: bigint, tokens: bigint]
const BEFORE: Sums = [HELD, HELD]
const AFTER = { alice: [HELD - GIVEN, HELD + GET.amount], hana: [HELD + GIVEN, HELD - GET.amount] } as const

/** Plays the swap until `at`, where one of the two crashes; what each has in the end. */
async function crash(at: number, who: 'alice' | 'hana', written: boolean): Promise<{ alice: Sums; hana: Sums }> {
  const { world, channelId, ...both } = await begin()
  for (let i = 0; i < at; i++) await step(world)
  both[who].crash(written)
  for (let round = 0; round < 12; round++) {
    await world.pass(round < 4 ? 5 : 600)
    if (round >= 4 && !isLocked(both.alice, channelId) && !isLocked(both.hana, channelId)) break
  }
  expect(world.broken).to.deep.equal([])
  const of = ({ node }: Machine): Sums => [
    node.balances(channelId).entitlement,
    node.balances(channelId, TOKEN).entitlement,
  ]
  expect([isLocked(both.alice, channelId), isLocked(both.hana, channelId)]).to.deep.equal([false, false])
  return { alice: of(both.alice), hana: of(both.hana) }
}

/** As {@link crash}, but it never comes back: the other one leaves by disputes. What the chain has paid each. */
async function vanish(at: number, who: 'alice' | 'hana'): Promise<{ alice: Sums; hana: Sums }> {
  const scene = await begin()
  for (let i = 0; i < at; i++) await step(scene.world)
  scene[who].crash(true)
  scene[who].gone = true
  return leave(scene, who === 'alice' ? 'hana' : 'alice')
}

/** Alice takes what she gets and hears nobody who wants what she gives; hana leaves in the end. */
async function take(mutation: Mutation): Promise<{ alice: Sums; hana: Sums }> {
  const world = new World({ ...PLAN, hostile: { index: 0, kind: 'stubborn' } }, (index) =>
    index === 1 ? mutation : {},
  )
  const scene = await begin(world)
  while (await step(world));
  return leave(scene, 'hana')
}

/** One of the two leaves once the deadline is over, with looks at the chain in its margin. */
async function leave(
  { world, channelId, ...both }: Scene,
  who: 'alice' | 'hana',
): Promise<{ alice: Sums; hana: Sums }> {
  for (let round = 0; round < 9; round++) await world.pass(600)
  const paid = ({ owner }: Machine): Sums => [world.chain.paidTo(owner), world.chain.paidTo(owner, TOKEN)]
  const total = () =>
    [COIN, TOKEN].reduce(
      (sum, asset) =>
        sum + [both.alice, both.hana].reduce((all, { owner }) => all + world.chain.paidTo(owner, asset), 0n),
      0n,
    )
  for (const asset of [COIN, TOKEN]) both[who].node.dispute(channelId, { asset }).catch(() => {})
  for (let round = 0; round < 20 && total() < 4n * HELD; round++) await world.pass(400)
  expect(world.broken).to.deep.equal([])
  expect(total()).to.equal(4n * HELD)
  return { alice: paid(both.alice), hana: paid(both.hana) }
}

const isSame = (a: Sums, b: Sums): boolean => a[0] === b[0] && a[1] === b[1]
/** Whoever vanishes may lose what it is owed; the other has one of the two ends at least. */
const isWhole = (end: Sums, after: Sums): boolean =>
  [BEFORE, after].some(([coins, tokens]) => end[0] >= coins && end[1] >= tokens)

describe('S42 a swap on simulated machines', () => {
  let steps = 0
  before(async () => {
    steps = await repeatably(1, count)
  })

  const whoIs = { alice: 'who began it', hana: 'who swaps' } as const
  for (const who of ['alice', 'hana'] as const) {
    const other = who === 'alice' ? 'hana' : 'alice'

    it(`S1 changes hands or not, for both alike, wherever ${whoIs[who]} crashes`, async function () {
      this.timeout(120_000)
      const met = { before: 0, after: 0 }
      for (let at = 0; at <= steps; at++)
        for (const written of [false, true]) {
          const end = await repeatably(1, () => crash(at, who, written))
          const isBefore = isSame(end.alice, BEFORE)
          const expected = isBefore ? { alice: BEFORE, hana: BEFORE } : AFTER
          expect(end, `step ${at}, ${written ? 'written' : 'not written'}`).to.deep.equal(expected)
          met[isBefore ? 'before' : 'after']++
        }
      expect(met.before, 'neither').to.be.greaterThan(0)
      expect(met.after, 'both').to.be.greaterThan(0)
    })

    it(`C47 S47 leaves ${whoIs[other]} whole by the chain alone, wherever ${whoIs[who]} vanishes`, async function () {
      this.timeout(120_000)
      const met = { before: 0, after: 0 }
      for (let at = 0; at <= steps; at++) {
        const end = (await repeatably(1, () => vanish(at, who)))[other]
        expect(isWhole(end, AFTER[other]), `step ${at}: ${end}`).to.equal(true)
        if (isSame(end, BEFORE)) met.before++
        if (isSame(end, AFTER[other])) met.after++
      }
      expect(met.before, 'neither').to.be.greaterThan(0)
      expect(met.after, 'both').to.be.greaterThan(0)
    })
  }

  it('C47 pays who swaps by the chain if who began it takes and does not give, and finds a node that does not reveal', async () => {
    const { alice, hana } = await repeatably(1, () => take({}))
    expect({ alice, hana }).to.deep.equal(AFTER)
    const silent = await repeatably(1, () => take({ chain: { neverReveals: true } }))
    expect(isWhole(silent.hana, AFTER.hana)).to.equal(false)
  })
})
