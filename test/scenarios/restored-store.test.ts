import { expect } from 'chai'
import { toHex } from '../../sdk/core/bytes.ts'
import { channelIdOf, encodeChannel, sortMembers } from '../../sdk/core/channel.ts'
import { COIN, type State } from '../../sdk/core/types.ts'
import { Node, type NodeOptions } from '../../sdk/node/node.ts'
import { doubted } from '../../sdk/protocols/record.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import type { Store, Write } from '../../sdk/storage/store.ts'
import { signerOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { type Ledger, Mallory } from './mallory.ts'
import { type Actor, ETHER, pause, rejection, Stage } from './stage.ts'

describe('a node that comes back with less than it knew', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  let nonce = 100n

  /** Alice paid mallory a wei after she had made a backup, and starts from that. */
  async function restored(): Promise<{ alice: Actor; ledger: Ledger; paid: State; signature: Uint8Array }> {
    const alice = await stage.start('alice', { store: memoryStore() })
    const before = await (await Mallory.dial(stage, alice)).open(alice, nonce++)
    const { channelId } = before.ref
    await alice.node.deposit(channelId, ETHER)
    before.sync()
    await until(() => alice.node.balances(channelId).blocked === undefined)
    const backup = await alice.node.exportBackup('a password')
    await alice.node.pay(channelId, 1n, { wait: 'signed' })
    const { updates } = await before.mallory.hears('updates')
    await stage.stop(alice)
    const store = memoryStore()
    await Node.importBackup(store, backup, 'a password')
    const again = await stage.start('alice', { store })
    const mallory = await Mallory.dial(stage, again)
    await mallory.hears('sync')
    const ledger = Object.assign(before, { mallory })
    return { alice: again, ledger, paid: before.state(before.peer, 1n, 1n), signature: updates[0]!.signature }
  }

  it('S3 S7 S13 signs away nothing for states that only its peer signed', async () => {
    const { alice, ledger, paid, signature } = await restored()
    const { channelId } = ledger.ref
    // Her own wei proves that her store is old; the other lane then takes all that she has.
    const theft = ledger.state(ledger.me, 1n, -(ETHER - 1n))
    const [before, his] = [await stage.balanceOf('alice'), await stage.balanceOf('mallory')]
    ledger.sync({ newest: theft, signature: ledger.sign(theft) }, { newest: paid, signature })
    await until(() => alice.node.balances(channelId).blocked === 'LEDGER_FROZEN')
    expect(alice.node.balances(channelId).entitlement >= ETHER - 1n).to.equal(true)

    const hand = await stage.hand('mallory')
    const args = [toHex(encodeChannel(ledger.channel)), COIN, '0x00']
    await hand.send({ to: 'adjudicator', functionName: 'submit', args }, { intent: 'an empty challenge' })
    await until(() => alice.node.balances(channelId).disputedUntil !== undefined)
    await stage.later(700)
    await until(() => alice.node.balances(channelId).generation === 1)
    expect((await stage.balanceOf('mallory')) - his < 2n).to.equal(true)
    expect((await stage.balanceOf('alice')) - before > ETHER - ETHER / 100n).to.equal(true)
  })

  it('S3 starts no dispute from a backup, also in a generation that began after it', async () => {
    const [alice, bob] = [await stage.start('alice', { store: memoryStore() }), await stage.start('bob')]
    const channelId = await stage.pair(alice, bob)
    const store = await backupOf(alice)
    await bob.node.close(channelId)
    await alice.node.deposit(channelId, ETHER)
    await alice.node.pay(channelId, 5n)
    await stage.stop(alice)
    await stage.stop(bob)

    const again = await stage.start('alice', { store })
    await until(() => again.node.balances(channelId).generation === 1)
    const refused = await rejection(again.node.dispute(channelId))
    expect(refused).to.have.property('code', 'RESTORED_NOT_COMPARED')
    expect(again.node.balances(channelId).disputedUntil).to.equal(undefined)
  })

  it('S7 recovers its own channels, whatever others announce in its name', async () => {
    const [alice, bob] = [await stage.start('alice', { store: memoryStore() }), await stage.start('bob')]
    const mine = await alice.node.open(bob.address, { period: 600 })
    await alice.node.deposit(mine, ETHER, { announce: true })
    await stage.stop(alice)
    const hand = await stage.hand('mallory')
    for (const nonce of [1n, 2n, 3n, 4n]) {
      const members = sortMembers(
        ['alice', 'mallory', `crony ${nonce}`].map((name) => ({
          signer: signerOf(name).address,
          owner: stage.ownerOf(name === 'alice' ? 'alice' : 'mallory'),
        })),
      )
      const channel = { period: 600, nonce, members }
      const ledger = { channelId: channelIdOf(hand.domain, channel), asset: COIN }
      await hand.deposit(ledger, 0, 1n, { intent: `lure ${nonce}`, channel, announce: true })
    }

    const again = await stage.start('alice', { store: memoryStore() })
    const found = await again.node.recover()
    expect(found).to.include(mine)
    for (const { channel } of again.node.channels()) expect(channel.members).to.have.length(2)
    const refused = await rejection(again.node.dispute(mine))
    expect(refused).to.have.property('code', 'RESTORED_NOT_COMPARED')
  })

  it('S3 S7 takes no payment in a channel that its peer opens again after the store was lost', async () => {
    const first = await stage.start('alice', { store: memoryStore() })
    const ledger = await (await Mallory.dial(stage, first)).open(first, nonce++)
    const { channelId } = ledger.ref
    const hand = await stage.hand('mallory')
    await hand.deposit(ledger.ref, ledger.me, ETHER, { intent: 'to be paid twice' })
    ledger.sync()
    await until(() => first.node.balances(channelId).receivable === ETHER)
    await stage.stop(first)

    // Mallory may hold states of higher versions that alice signed: whatever she pays now, those take back on chain.
    const alice = await stage.start('alice', { store: memoryStore() })
    const mallory = await Mallory.dial(stage, alice)
    const again = await mallory.openAs(ledger.channel)
    await mallory.hears('sync')
    again.sync()
    await until(() => alice.node.balances(channelId).blocked === 'LEDGER_FROZEN')
    again.pay(1n, ETHER)
    await pause(100)
    expect(alice.node.balances(channelId).entitlement).to.equal(0n)
  })

  it('S7 recovers the money of a channel of which its peer has opened another asset meanwhile', async () => {
    const first = await stage.start('alice', { store: memoryStore() })
    const ledger = await (await Mallory.dial(stage, first)).open(first, nonce++)
    const { channelId } = ledger.ref
    await first.node.deposit(channelId, ETHER, { announce: true })
    await stage.stop(first)
    const alice = await stage.start('alice', { store: memoryStore() })
    await (await Mallory.dial(stage, alice)).openAs(ledger.channel, [stage.ownerOf('bob')])
    expect(await alice.node.recover()).to.include(channelId)
    await until(() => alice.node.balances(channelId).entitlement === ETHER)
    expect(await alice.node.recover()).to.deep.equal([])
  })

  it('S3 opens another channel than the one that its seed opened before the store was lost', async () => {
    const bob = await stage.start('bob')
    const identity = { key: undefined, seed: new Uint8Array(32).fill(7) } as unknown as Partial<NodeOptions>
    const first = await stage.start('alice', { store: memoryStore(), node: identity })
    const lost = await first.node.open(bob.address, { period: 600 })
    await first.node.deposit(lost, ETHER)
    await stage.stop(first)
    const again = await stage.start('alice', { store: memoryStore(), node: identity })
    const peer = await again.node.connect(bob.address)
    const opened = await Promise.all([1, 2].map(() => again.node.open(peer, { period: 600 })))
    expect(new Set([lost, ...opened])).to.have.property('size', 3)
    await again.node.deposit(opened[0]!, ETHER)
    await again.node.pay(opened[0]!, 1n)
  })

  it('S3 spends no money twice that it forgot to have given away', async () => {
    const alice = await stage.start('alice', { store: memoryStore() })
    const ledger = await (await Mallory.dial(stage, alice)).open(alice, nonce++)
    const { channelId } = ledger.ref
    const hand = await stage.hand('mallory')
    await hand.deposit(ledger.ref, ledger.me, ETHER, { intent: 'to be withdrawn' })
    await alice.node.deposit(channelId, ETHER)
    ledger.sync()
    await until(() => alice.node.balances(channelId).receivable === ETHER)
    const store = await backupOf(alice)
    const { timestamp } = (await stage.chain.provider.getBlock('latest'))!
    ledger.propose({ amount: ETHER, validUntil: BigInt(timestamp + 3_600) })
    await ledger.mallory.hears('consent')
    await stage.stop(alice)

    const again = await stage.start('alice', { store })
    const mallory = await Mallory.dial(stage, again)
    await mallory.hears('sync')
    // Mallory hides the withdrawal, which she can still execute, and pays with the same money.
    Object.assign(ledger, { mallory }).sync()
    await until(() => again.node.balances(channelId).blocked === 'LEDGER_FROZEN')
    ledger.pay(1n, ETHER)
    await pause(100)
    expect(again.node.balances(channelId).entitlement).to.equal(ETHER)
    expect(mallory.of('updates')).to.deep.equal([])
  })

  it('S7 S10 closes a restored ledger with a peer that lacks what was signed last', async () => {
    const bob = await stage.start('bob')
    const alice = await stage.start('alice', { store: memoryStore() })
    const channelId = await stage.pair(alice, bob)
    await alice.node.pay(channelId, 1n)
    // Bob keeps the store from before the last payment, and loses nothing by it: alice shows what he lacks.
    await stage.stop(bob)
    stage.copy('bob', 'bob-before')
    const same = await stage.start('bob', { file: 'bob' })
    await same.node.connect(alice.address)
    await alice.node.pay(channelId, 2n)
    const copy = await backupOf(alice)
    await stage.stop(same)
    await stage.stop(alice)

    const again = await stage.start('alice', { store: copy })
    const before = await stage.start('bob', { file: 'bob-before' })
    const his = await stage.balanceOf('bob')
    await again.node.connect(before.address)
    await again.node.close(channelId)
    expect((await stage.balanceOf('bob')) - his).to.equal(ETHER + 3n)
  })
})

/** What a backup restores, without the slow sealing in between: everything but the chain's notes, every ledger in doubt. */
async function backupOf({ store }: Actor): Promise<Store> {
  const copy = memoryStore()
  const writes: Write[] = []
  for await (const [key, value] of store.list('')) {
    if (key.startsWith('chain/')) continue
    writes.push({ key, value: key.startsWith('ledger/') ? doubted(value) : value })
  }
  await copy.commit(writes)
  return copy
}
