import { expect } from 'chai'
import type { EthersChain } from '../../sdk/chain/adapter.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { encodeStates } from '../../sdk/core/calldata.ts'
import { encodeChannel } from '../../sdk/core/channel.ts'
import { conditionKey, type Vouched, vouchDigest, vouchedData, vouchedWitness } from '../../sdk/core/conditions.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import { secretKey, WHOLE } from '../../sdk/core/outcome.ts'
import type { Address, ChannelId, Hex } from '../../sdk/core/types.ts'
import type { Group } from '../../sdk/node/groups/group.ts'
import { readGroup } from '../../sdk/node/groups/group-slot.ts'
import { groupKey } from '../../sdk/node/keys.ts'
import { Node } from '../../sdk/node/node.ts'
import type { CompleteRound } from '../../sdk/protocols/joint.ts'
import { verifySignature } from '../../sdk/signing/signature.ts'
import type { TowerSpec } from '../../sdk/watchtower/spec.ts'
import { deploy } from '../sdk/chain/anvil.ts'
import { keyOf, ownerOf, signerOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection, Stage } from './stage.ts'
import { Watch } from './watch.ts'

const NAMES = ['alice', 'bob', 'carol'] as const
type Name = (typeof NAMES)[number]

const PERIOD = 600
const DAY = 86_400

describe('transfers locked in a group of three', () => {
  let stage: Stage
  let watch: Watch
  let condition: Address
  before(async () => {
    stage = await Stage.build()
    watch = new Watch(stage)
    condition = await deploy(stage.chain.wallet(9), 'contracts/conditions/VouchedCondition.sol/VouchedCondition')
  })
  afterEach(async () => {
    await stage.stopAll()
    await watch.stopAll()
  })
  after(() => stage.close())

  const purse = (name: string, scene: string): Address => ownerOf(`${name} in ${scene}`)
  const held = (name: string, scene: string): Promise<bigint> => stage.chain.provider.getBalance(purse(name, scene))
  const paid = (scene: string) => Promise.all(NAMES.map((name) => held(name, scene)))
  const signer = (name: string): Address => signerOf(name).address
  const inChain = () => stage.chain.provider.getBalance(stage.chain.adjudicator)
  const now = async () => BigInt((await stage.chain.provider.getBlock('latest'))!.timestamp)
  const source = () => ({ chainId: stage.domain.chainId, condition })
  const registry = () => ({ chainId: stage.domain.chainId, condition: stage.chain.registry })

  /** What alice and another one vouch for, as a question of one scene. */
  const question = (payee: string, scene: string): Vouched => ({
    payer: signer('alice'),
    payee: signer(payee),
    about: toHex(keyOf(`${payee} in ${scene}`)),
  })
  const vouchedKey = (payee: string, scene: string): Hex => conditionKey(source(), vouchedData(question(payee, scene)))

  /** Both sign a value, and anybody records it. */
  async function vouch(payee: string, scene: string, value: bigint): Promise<void> {
    const vouched = question(payee, scene)
    const digest = vouchDigest(source(), vouched, value)
    const witness = vouchedWitness(value, signerOf('alice').sign(digest), signerOf(payee).sign(digest))
    const hand = await stage.hand('dave')
    const args = [condition, toHex(vouchedData(vouched)), toHex(witness)]
    await hand.send({ to: 'registry', functionName: 'record', args }, { intent: `vouch/${payee}/${scene}` })
  }

  async function reveal(name: string): Promise<void> {
    const hand = await stage.hand('dave')
    const args = [toHex(keyOf(name))]
    await hand.send({ to: 'registry', functionName: 'reveal', args }, { intent: `reveal/${name}` })
  }

  const start = (name: string, scene: string, towers: readonly TowerSpec[] = []): Promise<Actor> =>
    stage.start(name, {
      file: `${name}-${scene}`,
      node: { owner: purse(name, scene), policy: { minPeriod: 60, minRoundLimit: 1_000 }, towers },
    })

  interface Scene {
    readonly actors: Record<Name, Actor>
    readonly groups: Record<Name, Group>
    readonly channelId: ChannelId
    /** What the adjudicator held for others. */
    readonly others: bigint
  }

  async function gather(scene: string, towers: readonly TowerSpec[] = []): Promise<Scene> {
    const others = await inChain()
    const entries = await Promise.all(NAMES.map(async (name) => [name, await start(name, scene, towers)] as const))
    const actors = Object.fromEntries(entries) as Record<Name, Actor>
    const members = NAMES.slice(1).map((name) => actors[name].address)
    const opened = { members, period: PERIOD, limit: 20_000, patience: 300 }
    const { channelId } = await actors.alice.node.openGroup(opened)
    const groups = Object.fromEntries(
      NAMES.map((name) => [name, actors[name].node.group(channelId)]),
    ) as Scene['groups']
    await Promise.all(Object.values(groups).map((group) => group.deposit(ETHER)))
    await until(() =>
      Object.values(groups).every((group) => group.status().balances.every((balance) => balance === ETHER)),
    )
    return { actors, groups, channelId, others }
  }

  /** A pot of alice: two legs for bob and one for carol. */
  async function pot({ groups }: Scene, scene: string, amount = 1_001n): Promise<Hex> {
    const legs = [
      { to: signer('bob'), key: vouchedKey('bob', scene) },
      { to: signer('carol'), key: vouchedKey('carol', scene) },
      { to: signer('bob'), key: secretKey(registry(), keyOf(`a secret of ${scene}`)) },
    ]
    const id = await groups.alice.lock({ amount, legs, deadline: (await now()) + BigInt(DAY) })
    await until(() => NAMES.every((name) => groups[name].transfers().length > 0))
    return id
  }

  it('are divided as all agree, and nothing of it touches the chain, to the wei', async () => {
    const name = 'agreed'
    const scene = await gather(name)
    const { groups, actors } = scene
    const told: string[] = []
    for (const kind of ['locked', 'asked', 'resolved'] as const)
      actors.bob.node.on(kind, ({ id }) => told.push(`${kind} ${id}`))
    const id = await pot(scene, name)
    expect(groups.bob.status()).to.include({ locked: 1_001n, spendable: ETHER })
    expect(groups.alice.status().spendable).to.equal(ETHER - 1_001n)
    expect(groups.carol.transfers()[0]).to.include({ id, from: signer('alice') })
    expect(await rejection(groups.bob.close())).to.have.property('code', 'TRANSFERS_PENDING')
    expect(await rejection(groups.bob.resolve(id))).to.have.property('code', 'INVALID_OPERATION')
    // A third of it to bob, half to carol, and what is left to bob: 333, 500 and 168 wei.
    const values = [WHOLE / 3n, WHOLE / 2n, WHOLE]
    const others = [groups.alice.resolve(id, values), groups.carol.resolve(id, values)]
    await until(() => told.includes(`asked ${id}`))
    // They go on paying meanwhile.
    await groups.carol.pay(signer('alice'), 1n)
    expect(groups.alice.transfers()).to.have.length(1)
    const { version } = await groups.bob.resolve(id, values)
    expect((await Promise.all(others)).map((one) => one.version)).to.deep.equal([version, version])
    await until(() => NAMES.every((one) => groups[one].transfers().length === 0))
    expect(told[0]).to.equal(`locked ${id}`)
    expect(told.at(-1)).to.equal(`resolved ${id}`)
    await groups.alice.close()
    expect(await paid(name)).to.deep.equal([ETHER - 1_000n, ETHER + 501n, ETHER + 499n])
    expect(await inChain()).to.equal(scene.others)
  })

  it('end as the registry has decided by the word of one member, to the wei', async () => {
    const name = 'decided'
    const scene = await gather(name)
    const { groups, actors } = scene
    const id = await pot(scene, name)
    await vouch('bob', name, WHOLE / 10n)
    await vouch('carol', name, WHOLE / 5n)
    await reveal(`a secret of ${name}`)
    const key = secretKey(registry(), keyOf(`a secret of ${name}`))
    await until(async () => (await actors.carol.chain.survey([key])).confirmed[0]!.recordedAt > 0n)
    // Somebody asks for other values, and waits in vain.
    const other = rejection(groups.alice.resolve(id, [0n, 0n, 0n]))
    await groups.carol.resolve(id)
    expect(await other).to.deep.include({ code: 'ENDED_OTHERWISE', values: [WHOLE / 10n, WHOLE / 5n, WHOLE] })
    await groups.bob.close()
    expect(await paid(name)).to.deep.equal([ETHER - 1_001n, ETHER + 801n, ETHER + 200n])
    expect(await inChain()).to.equal(scene.others)
  })

  it('come back to the payer after the deadline, and are there after a restart of all', async () => {
    const name = 'late'
    const scene = await gather(name)
    const id = await pot(scene, name)
    const before = scene.groups.alice.transfers()
    for (const one of NAMES) await stage.stop(scene.actors[one])
    const again = await Promise.all(NAMES.map((one) => start(one, name)))
    for (const [index, { node }] of again.entries())
      for (const { address } of again.slice(index + 1)) await node.connect(address)
    const [alice, bob] = again.map(({ node }) => node.group(scene.channelId)) as [Group, Group]
    expect(alice.transfers()).to.deep.equal(before)
    const early = new AbortController()
    const waiting = rejection(alice.resolve(id, [0n, 0n, 0n], { signal: early.signal }))
    early.abort(new Error('It changed its mind.'))
    expect((await waiting).message).to.equal('It changed its mind.')
    await stage.later(DAY + 60)
    await until(async () => (await again[0]!.chain.head()).timestamp > before[0]!.transfer.deadline)
    await alice.resolve(id)
    // Nothing of it happened on chain for a day, and all take an order that is good for minutes.
    await bob.close()
    expect(await paid(name)).to.deep.equal([ETHER, ETHER, ETHER])
  })

  it('are divided by a settlement as far as they are decided, and redeemed later, to the wei', async () => {
    const name = 'disputed'
    const scene = await gather(name)
    const { groups, actors } = scene
    await pot(scene, name)
    const key = secretKey(registry(), keyOf(`another secret of ${name}`))
    const legs = [{ to: signer('carol'), key }]
    await groups.bob.lock({ amount: 77n, legs, deadline: (await now()) + BigInt(DAY) })
    await until(() => groups.carol.transfers().length === 2)
    await reveal(`another secret of ${name}`)
    await vouch('bob', name, WHOLE / 2n)
    await stage.stop(actors.alice)
    const redeemed: number[] = []
    for (const one of ['bob', 'carol'] as const)
      actors[one].node.on('redeemed', ({ generation }) => redeemed.push(generation))
    await groups.carol.dispute()
    await stage.later(PERIOD + 1)
    await until(async () => (await held('bob', name)) > 0n)
    expect(await paid(name)).to.deep.equal([ETHER - 1_001n, ETHER - 77n, ETHER + 77n])
    expect(await inChain()).to.equal(scene.others + 1_001n)
    expect(redeemed).to.deep.equal([])
    // What is decided after the settlement is paid: half to bob, a quarter to carol; the secret comes too late.
    await vouch('carol', name, WHOLE / 4n)
    await stage.later(DAY)
    await until(async () => (await inChain()) === scene.others)
    await until(() => redeemed.length > 0)
    expect(redeemed[0]).to.equal(0)
    expect(await paid(name)).to.deep.equal([ETHER - 1_001n + 251n, ETHER - 77n + 500n, ETHER + 77n + 250n])
  })

  /** What bob holds complete. */
  async function newestOf({ actors, groups, channelId }: Scene): Promise<CompleteRound> {
    const stored = async () => {
      const bytes = await actors.bob.store.get(groupKey(channelId))
      return readGroup(bytes!, signer('bob'), stage.domain, verifySignature).ledger.complete
    }
    await until(async () => (await stored()).state.version === groups.bob.status().version)
    return stored()
  }

  /** Somebody shows the chain a state. */
  async function show({ groups, channelId }: Scene, { state, signatures }: CompleteRound): Promise<EthersChain> {
    const { channel, asset } = groups.alice
    const enveloped = signatures.map((signature) => encodeEnvelope({ kind: 'direct', signature }))
    const packed = toHex(encodeStates([{ state, signatures: enveloped }]))
    const hand = await stage.hand('mallory')
    const args = [toHex(encodeChannel(channel)), asset, packed]
    await hand.send({ to: 'adjudicator', functionName: 'submit', args }, { intent: `cheat/${channelId}` })
    return hand
  }

  it('S55 are settled and redeemed by a stale state that nobody answered, from what a member remembers', async () => {
    const name = 'stale'
    const scene = await gather(name)
    const id = await pot(scene, name)
    const stale = await newestOf(scene)
    const whole = [WHOLE, 0n, 0n]
    await Promise.all([scene.groups.alice.resolve(id, whole), scene.groups.carol.resolve(id, whole)])
    await scene.groups.bob.pay(signer('carol'), 9n)
    for (const one of NAMES) await stage.stop(scene.actors[one])
    await show(scene, stale)
    await stage.later(PERIOD + 1)
    const bob = await start('bob', name)
    await until(async () => (await held('bob', name)) > 0n)
    expect(await paid(name)).to.deep.equal([ETHER - 1_001n, ETHER, ETHER])
    await vouch('carol', name, WHOLE / 7n)
    await stage.later(DAY)
    await new Promise((resolve) => bob.node.on('redeemed', resolve))
    expect(await paid(name)).to.deep.equal([ETHER - 1_001n + 859n, ETHER, ETHER + 142n])
    expect(await inChain()).to.equal(scene.others)
  })

  it('are redeemed by a member whose store had forgotten them, as the others showed it', async () => {
    const name = 'forgotten'
    const scene = await gather(name)
    const { actors, groups, channelId } = scene
    // Its turn comes at once: what the pace of the group was it does not know any more.
    const lost = NAMES.find((one) => groups[one].me === 0)!
    const others = NAMES.filter((one) => one !== lost).map((one) => actors[one])
    await groups[lost].deposit(1n, { announce: true })
    await pot(scene, name)
    await stage.stop(actors[lost])
    const node = { owner: purse(lost, name), policy: { minPeriod: 60 } }
    const again = await stage.start(lost, { file: `${lost}-${name}-again`, node })
    expect(await again.node.recover()).to.deep.equal([channelId])
    await Promise.all(others.map(({ address }) => again.node.connect(address)))
    const group = again.node.group(channelId)
    await until(() => group.transfers().length === 1)
    for (const one of others) await stage.stop(one)
    await group.dispute()
    await stage.later(PERIOD + 1)
    await until(async () => (await held('bob', name)) > 0n)
    expect(await inChain()).to.equal(scene.others + 1_001n)
    await reveal(`a secret of ${name}`)
    await stage.later(DAY)
    await new Promise((resolve) => again.node.on('redeemed', resolve))
    const due = { alice: ETHER - 1_001n, bob: ETHER + 1_001n, carol: ETHER }
    due[lost] += 1n
    expect(await paid(name)).to.deep.equal(NAMES.map((one) => due[one]))
  })

  it('S55 are settled by a tower while everybody is offline, and redeemed by whoever comes back', async () => {
    const name = 'tower'
    const guard = await watch.start('tower', { account: 8, tower: { policy: { settle: true } } })
    const scene = await gather(name, [guard.spec])
    const { groups, actors, channelId } = scene
    await groups.bob.pay(signer('alice'), 5n)
    const stale = await newestOf(scene)
    await pot(scene, name)
    const newest = groups.alice.status().version
    const { asset } = groups.alice
    for (const one of NAMES) await stage.stop(actors[one])
    const hand = await show(scene, stale)
    await until(async () => (await hand.view({ channelId, asset })).lanes[0]! >> 192n === newest)
    await stage.later(PERIOD + 1)
    await until(async () => (await held('bob', name)) > 0n)
    expect(await paid(name)).to.deep.equal([ETHER + 5n - 1_001n, ETHER - 5n, ETHER])
    // A tower knows no transfers: all is reserved.
    await reveal(`a secret of ${name}`)
    await stage.later(DAY)
    const carol = await start('carol', name)
    const redeemed = new Promise((resolve) => carol.node.on('redeemed', resolve))
    await redeemed
    expect(await paid(name)).to.deep.equal([ETHER + 5n - 1_001n, ETHER - 5n + 1_001n, ETHER])
    expect(await inChain()).to.equal(scene.others)
  })

  it('are redeemed by an exit file alone', async () => {
    const name = 'exit'
    const scene = await gather(name)
    await pot(scene, name)
    const file = scene.actors.carol.node.exportExit()
    for (const one of NAMES) await stage.stop(scene.actors[one])
    const stages: string[] = []
    const hand = await stage.hand('tower')
    const exit = Node.exit(file, hand, { pollMs: 20, onProgress: ({ stage: at }) => stages.push(at) })
    await until(() => stages.includes('waiting'))
    await vouch('carol', name, WHOLE)
    await stage.later(PERIOD + 1)
    await until(() => stages.includes('reserved'))
    expect(await paid(name)).to.deep.equal([ETHER - 1_001n, ETHER, ETHER])
    await stage.later(DAY)
    await exit
    expect(await paid(name)).to.deep.equal([ETHER - 1_001n, ETHER, ETHER + 1_001n])
    expect(await inChain()).to.equal(scene.others)
  })
})
