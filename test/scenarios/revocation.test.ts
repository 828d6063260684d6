import { expect } from 'chai'
import { toHex } from '../../sdk/core/bytes.ts'
import { revokeMessage } from '../../sdk/signing/typed-data.ts'
import { ethersWallet } from '../../sdk/signing/wallet.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection, Stage } from './stage.ts'

describe('a session key that its owner revoked', () => {
  let stage: Stage

  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const wallet = () => ethersWallet(stage.wallet('alice'))
  let run = 0
  async function channel() {
    run++
    const alice = await stage.start('alice', { file: `alice-${run}`, node: { wallet: await wallet() } })
    const bob = await stage.start('bob', { file: `bob-${run}` })
    const channelId = await stage.pair(alice, bob)
    await alice.node.pay(channelId, ETHER / 4n)
    return { alice, bob, channelId }
  }
  const paidOut = (...actors: Actor[]) =>
    until(() =>
      actors.every(({ node }) =>
        node.channels().every(({ ledgers }) => ledgers.every(({ entitlement }) => entitlement === 0n)),
      ),
    )

  it('signs nothing more but the closing, which the peer begins, and both are paid what they had', async () => {
    const { alice, bob, channelId } = await channel()
    const before = await Promise.all(['alice', 'bob'].map(stage.balanceOf))
    const told: number[] = []
    bob.node.on('revoked', ({ member }) => told.push(member))
    await alice.node.revoke(channelId)
    expect(await rejection(alice.node.pay(channelId, 1n))).to.have.property('code', 'SIGNER_REVOKED')
    await paidOut(alice, bob)
    expect(told).to.deep.equal([alice.node.channel(channelId).me])
    const after = await Promise.all(['alice', 'bob'].map(stage.balanceOf))
    expect(after[0]! - before[0]! + after[1]! - before[1]!).to.be.within(2n * ETHER - ETHER / 100n, 2n * ETHER)
    expect(after[0]! - before[0]!).to.be.within((3n * ETHER) / 4n - ETHER / 100n, (3n * ETHER) / 4n)
    expect(await rejection(bob.node.pay(channelId, 1n))).to.have.property('code', 'SIGNER_REVOKED')
    expect(alice.alarms.concat(bob.alarms)).to.deep.equal([])
  })

  it('cannot pay on in the hands of a thief that reaches the peer first', async () => {
    const { alice, bob, channelId } = await channel()
    await stage.stop(alice)
    stage.copy(`alice-${run}`, 'thief')
    const thief = await stage.start('alice', { file: 'thief' })
    const { domain } = bob.node
    const { signTypedData } = await wallet()
    const order = { channelId, signature: toHex(await signTypedData(revokeMessage(domain, channelId))) }
    await bob.node.acceptRevocation(JSON.stringify(order))
    const before = await stage.balanceOf('alice')
    const { entitlement } = bob.node.balances(channelId)
    await thief.node.connect(bob.address)
    const paid = await rejection(thief.node.pay(channelId, ETHER / 2n, { signal: AbortSignal.timeout(500) }))
    expect(paid).to.have.property('code', 'PAYMENT_PENDING')
    expect(bob.node.balances(channelId).entitlement).to.equal(entitlement)
    // What only the thief has signed keeps the two from closing, so the chain pays by what both had signed.
    await bob.node.dispute(channelId)
    await stage.later(700)
    await paidOut(bob)
    expect((await stage.balanceOf('alice')) - before).to.be.within((3n * ETHER) / 4n - ETHER / 100n, (3n * ETHER) / 4n)
  })

  it('stays revoked after a restart, and a peer that was away is told when it is back', async () => {
    const { alice, bob, channelId } = await channel()
    await stage.stop(bob)
    await alice.node.revoke(channelId)
    await stage.stop(alice)
    const again = await stage.start('alice', { file: `alice-${run}` })
    expect(await rejection(again.node.pay(channelId, 1n))).to.have.property('code', 'SIGNER_REVOKED')
    const bobAgain = await stage.start('bob', { file: `bob-${run}` })
    await again.node.connect(bobAgain.address)
    await paidOut(again, bobAgain)
  })

  it('is none by the word of others', async () => {
    const { alice, bob, channelId } = await channel()
    const message = revokeMessage(bob.node.domain, channelId)
    const { signTypedData } = await ethersWallet(stage.wallet('mallory'))
    const forged = JSON.stringify({ channelId, signature: toHex(await signTypedData(message)) })
    for (const order of [forged, '{}', 'words', JSON.stringify({ channelId, signature: '0x00' })])
      expect(await rejection(bob.node.acceptRevocation(order))).to.have.property('code', 'INVALID_REVOCATION')
    expect(await rejection(bob.node.revoke(channelId))).to.have.property('code', 'MISSING_WALLET')
    await alice.node.pay(channelId, 1n)
  })
})
