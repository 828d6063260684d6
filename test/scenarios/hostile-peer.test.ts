import { expect } from 'chai'
import { type Address, COIN } from '../../sdk/core/types.ts'
import { signerOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { type Ledger, Mallory } from './mallory.ts'
import { type Actor, ETHER, pause, rejection, Stage } from './stage.ts'

describe('a hostile member of a channel', () => {
  let stage: Stage
  /** What nobody caught: it would end the process. */
  const uncaught: unknown[] = []
  const note = (error: unknown) => uncaught.push(error)
  before(async () => {
    stage = await Stage.build()
    process.on('unhandledRejection', note)
  })
  afterEach(async () => {
    await stage.stopAll()
    expect(uncaught.splice(0)).to.deep.equal([])
  })
  after(async () => {
    process.off('unhandledRejection', note)
    await stage.close()
  })

  let nonce = 500n

  /** Mallory in step with alice, an ether each. */
  async function inStep(alice: Actor): Promise<Ledger> {
    return funded(alice, await (await Mallory.dial(stage, alice)).open(alice, nonce++))
  }

  async function funded(alice: Actor, ledger: Ledger): Promise<Ledger> {
    const hand = await stage.hand('mallory')
    await hand.deposit(ledger.ref, ledger.me, ETHER, { intent: `deposit ${nonce}` })
    await alice.node.deposit(ledger.ref.channelId, ETHER)
    ledger.sync()
    await until(() => alice.node.balances(ledger.ref.channelId).receivable === ETHER)
    await until(() => alice.node.balances(ledger.ref.channelId).blocked === undefined)
    return ledger
  }

  const soon = async () => (await stage.chain.provider.getBlock('latest'))!.timestamp

  it('S15 S11 cannot end the process with shares below zero', async () => {
    const alice = await stage.start('alice')
    const ledger = await inStep(alice)
    const validUntil = BigInt((await soon()) + 600)
    ledger.propose({ validUntil })
    await ledger.mallory.hears('consent')
    // While one is on its way a second one is compared with it.
    ledger.propose({ validUntil, closing: true, balances: [-ETHER, 0n] })
    await ledger.mallory.hears('refuse')
    const { channelId } = ledger.ref
    expect(alice.node.balances(channelId).withdrawing).to.equal(0n)
    await alice.node.pay(channelId, 1n, { wait: 'signed' })
  })

  it('S11 S15 cannot agree to a closing that leaves a member less than nothing', async () => {
    const alice = await stage.start('alice')
    const ledger = await inStep(alice)
    const { channelId } = ledger.ref
    const closing = rejection(alice.node.close(channelId, { signal: AbortSignal.timeout(1_500) }))
    const { balances, seq } = await ledger.mallory.hears('propose')
    // Money that came later pays for an update, which the proposed balances do not cover.
    const hand = await stage.hand('mallory')
    await hand.deposit(ledger.ref, ledger.me, ETHER, { intent: `more ${nonce}` })
    await until(() => alice.node.balances(channelId).receivable === 2n * ETHER)
    ledger.pay(1n, balances[ledger.me]! + 1n)
    await until(() => alice.node.balances(channelId).entitlement === 2n * ETHER + 1n)
    ledger.say({ kind: 'consent', seq, version: 1n, signature: new Uint8Array(64) })
    await pause(100)
    expect(await closing).to.have.property('name', 'TimeoutError')
    expect(alice.node.balances(channelId).withdrawing).to.equal(0n)
  })

  it('C31 C32 S33 cannot make a settlement run out of gas by taking more in the block than in the estimate', async () => {
    const owner: Address = `0x${'66'.repeat(20)}`
    // Takes nothing at a gas price of zero, as in an estimate; else `invalid` burns all that it is given.
    await stage.chain.rpc('anvil_setCode', owner, '0x3a15600657fe5b00')
    const alice = await stage.start('alice')
    const mallory = await Mallory.dial(stage, alice, 'mallory', owner)
    const { members, ...plain } = stage.channelOf('alice', 'mallory', nonce++)
    const greedy = members.map((member) =>
      member.signer === signerOf('mallory').address ? { ...member, owner } : member,
    )
    const ledger = await funded(alice, await mallory.openAs({ ...plain, members: greedy }))
    // Hers is the first of the two payments: what she takes, the second one lacks.
    expect(ledger.me).to.equal(0)
    const { channelId } = ledger.ref
    await alice.node.dispute(channelId)
    const before = await stage.balanceOf('alice')
    await stage.later(700)
    await until(() => alice.node.balances(channelId).generation === 1)
    expect((await stage.balanceOf('alice')) - before > ETHER - ETHER / 100n).to.equal(true)
    expect(await alice.chain.claimable(COIN, owner)).to.equal(ETHER)
    expect(alice.alarms).to.deep.equal([])
  })

  it('S21 cannot fill a channel of others with assets', async () => {
    const [alice, bob] = [await stage.start('alice'), await stage.start('bob')]
    const channelId = await stage.pair(alice, bob)
    const { channel } = alice.node.channel(channelId)
    const mallory = await Mallory.dial(stage, alice)
    const assets = Array.from({ length: 15 }, (_, i) => `0x${(i + 1).toString(16).padStart(40, '0')}` as const)
    mallory.send({ kind: 'open', channel, assets })
    await until(() => mallory.isCutOff)
    expect(alice.node.channel(channelId).ledgers.map(({ asset }) => asset)).to.deep.equal([COIN])
    expect(alice.alarms[0]).to.have.property('code', 'PEER_VIOLATION')
    await bob.node.pay(channelId, 1n)
  })

  it('S19 cannot have more assets watched than it may have channels', async () => {
    const alice = await stage.start('alice')
    const mallory = await Mallory.dial(stage, alice, 'stranger')
    const assets = Array.from({ length: 10 }, (_, i) => `0x${(i + 1).toString(16).padStart(40, '0')}` as const)
    await mallory.open(alice, 1n, assets)
    const channel = stage.channelOf('alice', 'stranger', 2n)
    mallory.send({ kind: 'open', channel, assets })
    expect(await mallory.hears('refused')).to.include({ code: 'TOO_MANY_UNFUNDED_CHANNELS' })
    const more: Address[] = [`0x${'ff'.repeat(20)}`]
    mallory.send({ kind: 'open', channel: stage.channelOf('alice', 'stranger', 1n), assets: more })
    await mallory.hears('opened', 2)
  })
})

describe('two honest members in a hurry', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  it('S16 sign no update that its reader refuses, however many payments come at once', async () => {
    const [alice, bob] = [await stage.start('alice'), await stage.start('bob')]
    const channelId = await stage.pair(alice, bob)
    await Promise.all(Array.from({ length: 1_500 }, () => alice.node.payMany(channelId, [1n, 1n])))
    expect(bob.node.balances(channelId).entitlement).to.equal(ETHER + 3_000n)
    expect([...alice.alarms, ...bob.alarms]).to.deep.equal([])
  })

  it('can open another channel by the address that they are connected at', async () => {
    const [alice, bob] = [await stage.start('alice'), await stage.start('bob')]
    const first = await alice.node.open(bob.address, { period: 600 })
    const second = await alice.node.open(bob.address, { period: 601 })
    expect(new Set([first, second, ...bob.node.channels().map(({ channelId }) => channelId)]).size).to.be.at.least(2)
    expect(bob.node.channel(second).connected).to.equal(true)
  })
})
