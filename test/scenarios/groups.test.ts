import { expect } from 'chai'
import type { EthersChain } from '../../sdk/chain/adapter.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { encodeStates } from '../../sdk/core/calldata.ts'
import { encodeChannel } from '../../sdk/core/channel.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import type { Address, ChannelId } from '../../sdk/core/types.ts'
import type { Group } from '../../sdk/node/groups/group.ts'
import { readGroup } from '../../sdk/node/groups/group-slot.ts'
import { groupKey } from '../../sdk/node/keys.ts'
import { Node } from '../../sdk/node/node.ts'
import type { CompleteRound } from '../../sdk/protocols/joint.ts'
import { verifySignature } from '../../sdk/signing/signature.ts'
import type { TowerSpec } from '../../sdk/watchtower/spec.ts'
import { ownerOf, signerOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection, Stage } from './stage.ts'
import { Watch } from './watch.ts'

const NAMES = ['alice', 'bob', 'carol', 'dave', 'mallory'] as const
type Name = (typeof NAMES)[number]

describe('a group of five', () => {
  let stage: Stage
  let watch: Watch
  before(async () => {
    stage = await Stage.build()
    watch = new Watch(stage)
  })
  afterEach(async () => {
    await stage.stopAll()
    await watch.stopAll()
  })
  after(() => stage.close())

  /** Owners that send nothing, so that what they are paid shows to the wei. */
  const purse = (name: string, scene: string): Address => ownerOf(`${name} in ${scene}`)
  const held = (name: string, scene: string): Promise<bigint> => stage.chain.provider.getBalance(purse(name, scene))
  const signer = (name: string): Address => signerOf(name).address

  const start = (name: string, scene: string, towers: readonly TowerSpec[] = []): Promise<Actor> =>
    stage.start(name, {
      file: `${name}-${scene}`,
      node: { owner: purse(name, scene), policy: { minPeriod: 60, minRoundLimit: 1_000 }, towers },
    })

  interface Scene {
    readonly actors: Record<Name, Actor>
    readonly groups: Record<Name, Group>
    readonly channelId: ChannelId
  }

  async function gather(
    scene: string,
    options: { limit?: number; patience?: number; goOn?: bigint; towers?: readonly TowerSpec[] } = {},
  ): Promise<Scene> {
    const { limit = 20_000, patience = 500, goOn } = options
    const entries = await Promise.all(
      NAMES.map(async (name) => [name, await start(name, scene, options.towers)] as const),
    )
    const actors = Object.fromEntries(entries) as Record<Name, Actor>
    const members = NAMES.slice(1).map((name) => actors[name].address)
    const { channelId } = await actors.alice.node.openGroup({ members, period: 600, limit, patience })
    const groups = Object.fromEntries(
      NAMES.map((name) => [name, actors[name].node.group(channelId)]),
    ) as Scene['groups']
    for (const group of Object.values(groups)) if (goOn) group.goOn(goOn)
    await Promise.all(Object.values(groups).map((group) => group.deposit(ETHER)))
    await until(() =>
      Object.values(groups).every((group) => group.status().balances.every((balance) => balance === ETHER)),
    )
    return { actors, groups, channelId }
  }

  const balanceOf = (group: Group, name: string): bigint =>
    group.status().balances[group.channel.members.findIndex((member) => member.signer === signer(name))]!

  it('pays in all directions in rounds, nets a circle, withdraws and closes, to the wei', async () => {
    const scene = 'peace'
    const { groups, actors } = await gather(scene)
    const rounds: bigint[] = []
    actors.bob.node.on('round', ({ payments }) => {
      for (const { to, amount } of payments) if (to === signer('bob')) rounds.push(amount)
    })
    await Promise.all([
      groups.alice.pay(signer('bob'), 10n),
      groups.bob.pay(signer('carol'), 20n),
      groups.carol.pay(signer('dave'), 30n),
      groups.dave.pay(signer('mallory'), 40n),
      groups.mallory.pay(signer('alice'), 50n),
    ])
    await until(() => NAMES.every((name) => balanceOf(groups[name], 'alice') === ETHER + 40n))
    expect(rounds).to.deep.equal([10n])
    expect(await rejection(groups.alice.pay(signer('bob'), 2n * ETHER))).to.include({ code: 'INSUFFICIENT_BALANCE' })
    // Each owes the next three times what all of it has.
    const owed = 3n * ETHER
    const netted = await Promise.all(
      NAMES.map((name, index) => groups[name].net([{ to: signer(NAMES[(index + 1) % 5]!), amount: owed }])),
    )
    expect(netted.flat().map(({ paid }) => paid)).to.deep.equal(NAMES.map(() => owed))
    await groups.bob.withdraw(ETHER / 2n)
    expect(await held('bob', scene)).to.equal(ETHER / 2n)
    await groups.alice.pay(signer('dave'), 1n)
    await groups.dave.close()
    const paid = await Promise.all(NAMES.map((name) => held(name, scene)))
    expect(paid).to.deep.equal([ETHER + 39n, ETHER - 10n, ETHER - 10n, ETHER - 9n, ETHER - 10n])
    expect(await stage.chain.provider.getBalance(stage.chain.adjudicator)).to.equal(0n)
  })

  it('lets a member move money into another group while both go on', async () => {
    const scene = 'move'
    const { groups, actors } = await gather(scene)
    const members = [actors.bob.address, actors.carol.address]
    const other = await actors.alice.node.openGroup({ members, period: 600, limit: 20_000, patience: 500 })
    await groups.alice.withdraw(ETHER / 4n, { toChannel: other.channelId })
    await until(() => other.status().spendable === ETHER / 4n)
    await other.pay(signer('carol'), 9n)
    await groups.alice.pay(signer('bob'), 1n)
    await until(() => balanceOf(groups.bob, 'alice') === ETHER - ETHER / 4n - 1n)
    await Promise.all([other.close(), groups.dave.close()])
    expect(await held('alice', scene)).to.equal(ETHER - 10n)
    expect(await held('carol', scene)).to.equal(ETHER + 9n)
  })

  it('S50 names the silent one, settles without it, and the four go on in a new group, to the wei', async () => {
    const scene = 'silence'
    const { groups, actors, channelId } = await gather(scene, { limit: 2_000, patience: 300, goOn: ETHER / 2n })
    await groups.alice.pay(signer('mallory'), 7n)
    await until(() => balanceOf(groups.bob, 'alice') === ETHER - 7n)
    const four = NAMES.slice(0, 4)
    const told = new Map<string, readonly Address[]>()
    const moved = new Map<string, { to: ChannelId; amount: bigint }>()
    for (const name of four) {
      actors[name].node.on('stalled', ({ missing }) => told.set(name, missing))
      actors[name].node.on('went-on', ({ to, amount }) => moved.set(name, { to, amount }))
    }
    await stage.stop(actors.mallory)
    const failed = await rejection(groups.bob.pay(signer('carol'), 5n))
    expect(failed).to.deep.include({ code: 'ROUND_STALLED', missing: [signer('mallory')] })
    await until(() => told.size === 4)
    for (const name of four) expect(told.get(name)).to.deep.equal([signer('mallory')])
    await until(
      async () => (await actors.alice.chain.view({ channelId, asset: groups.alice.asset })).latest.phase === 'disputed',
    )
    await stage.later(600)
    await until(() => moved.size === 4)
    const paid = await Promise.all(NAMES.map((name) => held(name, scene)))
    expect(paid).to.deep.equal([ETHER - 7n, ETHER, ETHER, ETHER, ETHER + 7n])
    const { to } = moved.get('alice')!
    for (const { amount, to: there } of moved.values()) expect([amount, there]).to.deep.equal([ETHER / 2n, to])
    const next = four.map((name) => actors[name].node.group(to))
    await until(() => next.every((group) => group.status().balances.every((balance) => balance === ETHER / 2n)))
    expect(next[0]!.channel.members.map((member) => member.signer).sort()).to.deep.equal(four.map(signer).sort())
    await next[1]!.pay(signer('carol'), 5n)
    await next[0]!.close()
    expect(await held('carol', scene)).to.equal(ETHER + ETHER / 2n + 5n)
  })

  it('goes on without a member that allowed nothing, as without the silent one', async () => {
    const scene = 'three'
    const { groups, actors, channelId } = await gather(scene, { limit: 1_000, patience: 200, goOn: ETHER })
    groups.dave.goOn(0n)
    const three = NAMES.slice(0, 3)
    const moved = new Map<string, bigint>()
    for (const name of three) actors[name].node.on('went-on', ({ amount }) => moved.set(name, amount))
    await groups.alice.pay(signer('bob'), 1n)
    await stage.stop(actors.mallory)
    expect(await rejection(groups.bob.pay(signer('carol'), 5n))).to.include({ code: 'ROUND_STALLED' })
    const { asset } = groups.alice
    await until(async () => (await actors.alice.chain.view({ channelId, asset })).latest.phase === 'disputed')
    await stage.later(600)
    await until(() => moved.size === 3)
    expect(three.map((name) => moved.get(name))).to.deep.equal([ETHER - 1n, ETHER, ETHER])
    const next = actors.bob.node.group(groups.bob.status().successor!)
    expect(next.channel.members).to.have.length(3)
    await until(() => next.status().spendable === ETHER)
    await next.pay(signer('carol'), 5n)
  })

  it('goes on as an ordinary channel when two of three are left', async () => {
    const scene = 'two'
    const names = ['alice', 'bob', 'mallory'] as const
    const [alice, bob, mallory] = (await Promise.all(names.map((name) => start(name, scene)))) as [Actor, Actor, Actor]
    const members = [bob.address, mallory.address]
    const { channelId, asset } = await alice.node.openGroup({ members, period: 600, limit: 1_000, patience: 200 })
    const groups = [alice, bob, mallory].map(({ node }) => node.group(channelId))
    for (const group of groups) group.goOn(ETHER)
    await Promise.all(groups.map((group) => group.deposit(ETHER / 2n)))
    await groups[2]!.pay(signer('bob'), 3n)
    await stage.stop(mallory)
    const moved = new Map<string, ChannelId>()
    for (const { name, node } of [alice, bob]) node.on('went-on', ({ to }) => moved.set(name, to))
    expect(await rejection(groups[0]!.pay(signer('bob'), 1n))).to.include({ code: 'ROUND_STALLED' })
    await until(async () => (await alice.chain.view({ channelId, asset })).latest.phase === 'disputed')
    await stage.later(600)
    await until(() => moved.size === 2)
    const to = moved.get('alice')!
    expect(moved.get('bob')).to.equal(to)
    await until(
      () => alice.node.balances(to).spendable === ETHER / 2n && bob.node.balances(to).spendable === ETHER / 2n + 3n,
    )
    await alice.node.pay(to, 1n)
    await bob.node.close(to)
    expect(await held('bob', scene)).to.equal(ETHER + 7n)
  })

  it('S55 answers a stale state of a member that kept it, and settles by the newest', async () => {
    const scene = 'stale'
    const { groups, actors, channelId } = await gather(scene)
    await groups.mallory.pay(signer('alice'), 1n)
    const stale = (await stored(actors.mallory, channelId)).ledger.complete
    await groups.mallory.pay(signer('bob'), ETHER / 2n)
    await until(() => balanceOf(groups.bob, 'bob') === ETHER + ETHER / 2n)
    await challenge(groups.mallory, stale)
    const newest = groups.bob.status().version
    const { asset } = groups.bob
    await until(async () => (await actors.bob.chain.view({ channelId, asset })).lanes[0]! >> 192n === newest)
    await stage.later(600)
    await until(async () => (await held('bob', scene)) > 0n)
    expect(await held('bob', scene)).to.equal(ETHER + ETHER / 2n)
    expect(await held('mallory', scene)).to.equal(ETHER / 2n - 1n)
  })

  it('S53 goes on where it was after every member was stopped and started again', async () => {
    const scene = 'restart'
    const { groups, actors, channelId } = await gather(scene)
    await groups.alice.pay(signer('bob'), 5n)
    for (const name of NAMES) await stage.stop(actors[name])
    const again = await Promise.all(NAMES.map((name) => start(name, scene)))
    const addresses = again.map(({ address }) => address)
    for (const [index, { node }] of again.entries())
      for (const address of addresses.slice(index + 1)) await node.connect(address)
    await again[1]!.node.group(channelId).pay(signer('carol'), 6n)
    await until(() => again.every(({ node }) => balanceOf(node.group(channelId), 'bob') === ETHER - 1n))
  })

  it('S55 S7 has a tower answer a stale state while everybody else is offline', async () => {
    const scene = 'tower'
    const guard = await watch.start('tower', { account: 9, tower: { policy: { settle: true } } })
    const { groups, actors, channelId } = await gather(scene, { towers: [guard.spec] })
    await groups.mallory.pay(signer('alice'), 1n)
    const stale = (await stored(actors.mallory, channelId)).ledger.complete
    await groups.mallory.pay(signer('bob'), ETHER / 2n)
    const newest = groups.mallory.status().version
    const { channel, asset } = groups.mallory
    // A node gives a tower what is newest before it stops.
    for (const name of NAMES) await stage.stop(actors[name])
    const hand = await challenge(groups.mallory, stale)
    await until(async () => (await hand.view({ channelId, asset })).lanes[0]! >> 192n === newest)
    await stage.later(600)
    await until(async () => (await held('bob', scene)) > 0n)
    expect(await held('bob', scene)).to.equal(ETHER + ETHER / 2n)
    expect(channel.members).to.have.length(5)
  })

  it('S55 is settled by a member that comes back too late to answer a stale state', async () => {
    const scene = 'late'
    const { groups, actors, channelId } = await gather(scene)
    await groups.mallory.pay(signer('alice'), 1n)
    const stale = (await stored(actors.mallory, channelId)).ledger.complete
    await groups.mallory.pay(signer('bob'), 2n)
    await groups.alice.pay(signer('bob'), 3n)
    for (const name of NAMES) await stage.stop(actors[name])
    await challenge(groups.mallory, stale)
    await stage.later(600)
    await start('bob', scene)
    await until(async () => (await held('bob', scene)) > 0n)
    const paid = await Promise.all(NAMES.map((name) => held(name, scene)))
    expect(paid).to.deep.equal([ETHER + 1n, ETHER, ETHER, ETHER, ETHER - 1n])
  })

  it('is left with an exit file by anybody, whoever else is there', async () => {
    const scene = 'exit'
    const { groups, actors } = await gather(scene)
    await groups.mallory.pay(signer('alice'), 3n)
    const file = actors.carol.node.exportExit()
    for (const name of NAMES) await stage.stop(actors[name])
    const stages: string[] = []
    const exit = Node.exit(file, await stage.hand('tower'), {
      pollMs: 20,
      onProgress: ({ stage: at }) => stages.push(at),
    })
    await until(() => stages.includes('waiting'))
    await stage.later(600)
    await exit
    const paid = await Promise.all(NAMES.map((name) => held(name, scene)))
    expect(paid).to.deep.equal([ETHER + 3n, ETHER, ETHER, ETHER, ETHER - 3n])
  })

  it('is found again from the chain by a member that lost its store, which learns what counts and signs nothing', async () => {
    const scene = 'lost'
    const { groups, actors, channelId } = await gather(scene)
    await groups.alice.deposit(1n, { announce: true })
    await groups.bob.pay(signer('alice'), 5n)
    await stage.stop(actors.alice)
    const alice = await stage.start('alice', {
      file: 'alice-lost-again',
      node: { owner: purse('alice', scene), policy: { minPeriod: 60 } },
    })
    expect(await alice.node.recover()).to.deep.equal([channelId])
    for (const name of NAMES.slice(1)) await alice.node.connect(actors[name as Name].address)
    const group = alice.node.group(channelId)
    await until(() => group.status().version === groups.bob.status().version)
    expect(await rejection(group.pay(signer('bob'), 1n))).to.include({ code: 'GROUP_RESTORED' })
    await group.dispute()
    await stage.later(600)
    await until(async () => (await held('alice', scene)) > 0n)
    expect(await held('alice', scene)).to.equal(ETHER + 6n)
  })

  it('signs nothing after it was restored from a backup, and is settled by what others hold', async () => {
    const scene = 'backup'
    const { groups, actors, channelId } = await gather(scene)
    await groups.alice.pay(signer('bob'), 1n)
    const backup = await actors.alice.node.exportBackup('a long password')
    await groups.alice.pay(signer('bob'), 1n)
    await stage.stop(actors.alice)
    const store = stage.openStore('alice', 'alice-restored')
    await Node.importBackup(store, backup, 'a long password')
    const alice = await stage.start('alice', {
      store,
      node: { owner: purse('alice', scene), policy: { minPeriod: 60 } },
    })
    const restored = alice.node.group(channelId)
    await Promise.all([...NAMES.slice(1)].map((name) => alice.node.connect(actors[name].address)))
    expect(await rejection(restored.pay(signer('bob'), 1n))).to.include({ code: 'GROUP_RESTORED' })
    // What the others hold it learns, and it counts.
    await until(() => restored.status().version === groups.bob.status().version)
    await restored.dispute()
    await stage.later(600)
    await until(async () => (await held('bob', scene)) > 0n)
    expect(await held('bob', scene)).to.equal(ETHER + 2n)
  })

  /** Mallory shows the chain a state that it kept. */
  async function challenge(
    { channel, asset }: Group,
    { state, signatures: bare }: CompleteRound,
  ): Promise<EthersChain> {
    const signatures = bare.map((signature) => encodeEnvelope({ kind: 'direct', signature }))
    const packed = toHex(encodeStates([{ state, signatures }]))
    const hand = await stage.hand('mallory')
    await hand.send(
      { to: 'adjudicator', functionName: 'submit', args: [toHex(encodeChannel(channel)), asset, packed] },
      { intent: `cheat/${state.channelId}` },
    )
    return hand
  }

  async function stored({ store, node }: Actor, channelId: ChannelId) {
    const bytes = await store.get(groupKey(channelId))
    return readGroup(bytes!, node.address, stage.domain, verifySignature)
  }
})
