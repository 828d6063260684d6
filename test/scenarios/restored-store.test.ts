import { expect } from 'chai'
import { toHex } from '../../sdk/core/bytes.ts'
import { channelIdOf, encodeChannel, sortMembers } from '../../sdk/core/channel.ts'
import { COIN, type State } from '../../sdk/core/types.ts'
import { Node } from '../../sdk/node/node.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { signerOf } from '../sdk/node/actors.ts'
import { type Ledger, Mallory } from './mallory.ts'
import { type Actor, ETHER, rejection, Stage, until } from './stage.ts'

describe('a node that comes back with less than it knew', () => {
  let stage: Stage
  before(async function () {
    this.timeout(30_000)
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
    const backup = await alice.node.exportBackup('a password')
    await bob.node.close(channelId)
    await alice.node.deposit(channelId, ETHER)
    await alice.node.pay(channelId, 5n)
    await stage.stop(alice)
    await stage.stop(bob)

    const store = memoryStore()
    await Node.importBackup(store, backup, 'a password')
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
      await hand.deposit(ledger, 0, 1n, { intent: `lure ${nonce}`, channel })
    }

    const again = await stage.start('alice', { store: memoryStore() })
    const found = await again.node.recover()
    expect(found).to.include(mine)
    for (const { channel } of again.node.channels()) expect(channel.members).to.have.length(2)
    const refused = await rejection(again.node.dispute(mine))
    expect(refused).to.have.property('code', 'RESTORED_NOT_COMPARED')
  })
})
