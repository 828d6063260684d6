import { expect } from 'chai'
import { encodeInvoice } from '../../sdk/core/invoice-text.ts'
import { type ChannelId, COIN } from '../../sdk/core/types.ts'
import type { NodeOptions } from '../../sdk/node/node.ts'
import { channelNewsDigest, signNodeNews } from '../../sdk/routing/gossip.ts'
import { encodeNews } from '../../sdk/routing/gossip-wire.ts'
import { verifyReceipt } from '../../sdk/signing/invoice.ts'
import { signerOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { Mallory } from './mallory.ts'
import { type Actor, ETHER, pause, rejection, Stage } from './stage.ts'

const FEE = 1_000n
const FORWARDING: NonNullable<NodeOptions['forwarding']> = {
  baseFee: FEE,
  feePpm: 0n,
  margin: 600n,
  responseTime: 300n,
  revealCost: 10n * FEE,
}

describe('payments whose routes the node finds, on a real chain', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const start = (name: string, scene: string, forwarding: NodeOptions['forwarding'] = {}) =>
    stage.start(name, {
      file: `${name}-${scene}`,
      node: { forwarding: { ...FORWARDING, ...forwarding }, gossip: { limits: { interval: 1 } } },
    })

  /** A channel with money on the side that will pay in it. */
  async function channel(payer: Actor, other: Actor, amount = ETHER): Promise<ChannelId> {
    const channelId = await payer.node.open(other.address, { period: 3_600 })
    await payer.node.deposit(channelId, amount)
    await until(() => payer.node.balances(channelId).spendable === amount)
    return channelId
  }

  const registry = () => ({ chainId: stage.domain.chainId, condition: stage.chain.registry })
  const received = ({ node }: Actor) =>
    node.channels().reduce((sum, { ledgers }) => sum + ledgers.reduce((all, ledger) => all + ledger.spendable, 0n), 0n)
  const nothingLocked = (...actors: Actor[]) =>
    until(() =>
      actors.every(({ node }) => node.channels().every(({ channelId }) => node.transfers(channelId).length === 0)),
    )
  /** Waits until `payer` sees a way for an invoice, and answers what it says of it. */
  async function quoted(payer: Actor, text: string, options = {}) {
    await until(async () => (await payer.node.quote(text, options).catch(() => undefined)) !== undefined)
    return payer.node.quote(text, options)
  }
  const ask = async ({ node }: Actor, amount: bigint) => encodeInvoice(stage.domain, await node.invoice({ amount }))

  it('reach a payee that the payer never heard of, over two hubs', async () => {
    const [alice, hana, bob, carol] = [
      await start('alice', 'far'),
      await start('mallory', 'far'),
      await start('bob', 'far'),
      await start('carol', 'far'),
    ]
    await channel(alice, hana)
    await channel(hana, bob)
    await channel(bob, carol)
    const text = await ask(carol, 500_000n)
    const quote = await quoted(alice, text)
    expect(quote).to.include({ amount: 500_000n, fee: 2n * FEE, parts: 1 })
    expect(quote.chance).to.be.within(0.5, 1)
    const paid = await alice.node.payInvoice(text)
    expect(paid).to.include({ fee: 2n * FEE, parts: 1 })
    expect(verifyReceipt(stage.domain, registry(), paid)).to.equal(true)
    expect(paid.opening).to.be.instanceOf(Uint8Array)
    await nothingLocked(alice, hana, bob, carol)
    await until(() => received(carol) === 500_000n)
    expect(await rejection(alice.node.payInvoice(text))).to.have.property('code', 'INVOICE_PAID')
    const dear = await ask(carol, 500_000n)
    expect(await rejection(alice.node.payInvoice(dear, { maxFee: FEE }))).to.include({
      reason: 'TOO_DEAR',
      fee: 2n * FEE,
    })
    const huge = await ask(carol, 2n * ETHER)
    expect(await rejection(alice.node.payInvoice(huge))).to.include({ reason: 'BALANCE_TOO_SMALL' })
  })

  it('reach a payee with a channel that is not announced, by the hint in its invoice', async () => {
    const [alice, hana] = [await start('alice', 'hint', { forwards: false }), await start('mallory', 'hint')]
    const bob = await start('bob', 'hint', { forwards: false })
    await channel(alice, hana)
    await channel(hana, bob)
    await until(() => bob.node.network().nodes === 2)
    await until(async () => (await bob.node.invoice({ amount: 500_000n })).invoice.hints.length === 1)
    const text = await ask(bob, 500_000n)
    expect(await quoted(alice, text)).to.include({ fee: FEE, parts: 1 })
    expect(await alice.node.payInvoice(text)).to.include({ fee: FEE, parts: 1 })
    expect(alice.node.network()).to.deep.equal({ nodes: 2, channels: 1, announced: 0 })
    await until(() => received(bob) === 500_000n)
  })

  /** alice - hana - carol and alice - bob - carol. */
  async function diamond(scene: string, hubs: NodeOptions['forwarding'] = {}) {
    const [alice, hana, bob, carol] = [
      await start('alice', scene),
      await start('mallory', scene, hubs),
      await start('bob', scene),
      await start('carol', scene),
    ]
    const channels = [
      await channel(alice, hana),
      await channel(alice, bob),
      await channel(hana, carol),
      await channel(bob, carol),
    ] as const
    return { alice, hana, bob, carol, channels }
  }

  it('go in parts over two hubs when no channel carries the whole', async () => {
    const { alice, hana, bob, carol } = await diamond('parts')
    const amount = (3n * ETHER) / 2n
    const text = await ask(carol, amount)
    const quote = await quoted(alice, text)
    expect(quote.parts).to.be.within(2, 16)
    const paid = await alice.node.payInvoice(text)
    expect(paid.parts).to.equal(quote.parts)
    expect(paid.fee).to.equal(BigInt(paid.parts) * FEE)
    expect(verifyReceipt(stage.domain, registry(), paid)).to.equal(true)
    await nothingLocked(alice, hana, bob, carol)
    await until(() => received(carol) === amount)
    expect(received(alice)).to.equal(2n * ETHER - amount - paid.fee)
  })

  it('go another way when a hub turns them back', async () => {
    const { alice, hana, bob, carol } = await diamond('another', { baseFee: 0n })
    const text = await ask(carol, 500_000n)
    // More than one hub carries: alice knows both.
    await quoted(alice, await ask(carol, (3n * ETHER) / 2n))
    expect(await alice.node.quote(text)).to.include({ fee: 0n, parts: 1 })
    const hub = hana.node
    hub.disconnect(carol.node.address)
    carol.node.disconnect(hub.address)
    await until(() => !hub.channels().at(-1)!.connected)
    const paid = await alice.node.payInvoice(text)
    expect(paid).to.include({ fee: FEE, parts: 1 })
    await nothingLocked(alice, bob, carol)
    await until(() => received(carol) === 500_000n)
  })

  it('S35 are not made twice after the payer was stopped in the middle', async () => {
    const { alice, hana, bob, carol } = await diamond('stopped')
    const amount = (3n * ETHER) / 2n
    const text = await ask(carol, amount)
    await quoted(alice, text)
    let stopped: Promise<void> | undefined
    alice.node.on('locked', ({ direction }) => {
      if (direction === 'out') stopped ??= stage.stop(alice)
    })
    const lost = rejection(alice.node.payInvoice(text))
    await until(() => stopped !== undefined)
    await stopped
    expect(await lost).to.have.property('code', 'NODE_STOPPED')
    await pause(100)
    const again = await start('alice', 'stopped')
    const ends: boolean[] = []
    again.node.on('invoice-sent', ({ paid }) => ends.push(paid))
    expect(await rejection(again.node.payInvoice(text))).to.have.property('code', 'INVOICE_PAID')
    for (const { address } of [hana, bob]) await again.node.connect(address)
    await until(() => ends.length === 1)
    if (ends[0]) expect(await rejection(again.node.payInvoice(text))).to.have.property('code', 'INVOICE_PAID')
    else {
      await quoted(again, text)
      expect(verifyReceipt(stage.domain, registry(), await again.node.payInvoice(text))).to.equal(true)
    }
    await nothingLocked(again, hana, bob, carol)
    await until(() => received(carol) === amount)
  })

  it('are not looked for in what a member forges', async () => {
    const [alice, bob] = [await start('alice', 'forged'), await start('bob', 'forged')]
    await channel(alice, bob)
    await until(() => alice.node.network().announced === 1)
    const mallory = await Mallory.dial(stage, alice)
    await mallory.open(alice, 7n)
    const time = Math.floor(Date.now() / 1_000)
    // In bob's name: another key for his onions; and of a channel that holds nothing on chain.
    const body = { kind: 'node', node: bob.node.address, onionKey: `0x${'66'.repeat(32)}` } as const
    const node = signNodeNews(signerOf('mallory'), stage.domain, {
      ...body,
      addresses: [],
      features: 0n,
      time: time + 60,
    })
    const claim = { kind: 'channel', channel: stage.channelOf('mallory', 'ghost', 1n), asset: COIN } as const
    const digest = channelNewsDigest(stage.domain, { ...claim, capacity: ETHER, time })
    const names = claim.channel.members.map(({ signer }) =>
      signer === signerOf('ghost').address ? 'ghost' : 'mallory',
    )
    const [first, second] = names.map((name) => signerOf(name).sign(digest))
    const empty = { ...claim, capacity: ETHER, time, signatures: [first!, second!] as const }
    await mallory.hears('more')
    mallory.send({ kind: 'news', frames: [node, empty].map(encodeNews) })
    await mallory.hears('more', 2)
    expect(alice.node.network().announced).to.equal(1)
    const paid = await alice.node.payInvoice(await ask(bob, 1_000n))
    expect(paid).to.include({ fee: 0n, parts: 1 })
  })
})
