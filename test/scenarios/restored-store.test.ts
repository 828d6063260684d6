import { expect } from 'chai'
import { toHex } from '../../sdk/core/bytes.ts'
import { encodeChannel } from '../../sdk/core/channel.ts'
import { COIN, type State } from '../../sdk/core/types.ts'
import { Node } from '../../sdk/node/node.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { type Ledger, Mallory } from './mallory.ts'
import { type Actor, ETHER, Stage, until } from './stage.ts'

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
})
