import { expect } from 'chai'
import { toHex } from '../../sdk/core/bytes.ts'
import { invoiceDigest } from '../../sdk/core/invoice.ts'
import { encodeInvoice } from '../../sdk/core/invoice-text.ts'
import { type ChannelId, COIN, type Hex } from '../../sdk/core/types.ts'
import type { Route } from '../../sdk/node/hops/quote.ts'
import { wrap } from '../../sdk/node/hops/wrapping.ts'
import type { NodeOptions } from '../../sdk/node/node.ts'
import { verifyReceipt } from '../../sdk/signing/invoice.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, pause, rejection, Stage } from './stage.ts'

const FEE = 1_000n
const FORWARDING: NonNullable<NodeOptions['forwarding']> = {
  baseFee: FEE,
  feePpm: 0n,
  margin: 600n,
  responseTime: 300n,
}

describe('payments over hops on a real chain', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const start = (name: string, scene: string, revealCost = 10n * FEE) =>
    stage.start(name, { file: `${name}-${scene}`, node: { forwarding: { ...FORWARDING, revealCost } } })

  interface Line {
    readonly alice: Actor
    readonly hana: Actor
    readonly bob: Actor
    readonly carol: Actor
    readonly first: ChannelId
    readonly route: Route
  }

  /** alice - hana - bob - carol, with an ether on each side of each channel. */
  async function line(scene: string, revealCost?: bigint): Promise<Line> {
    const [alice, hana, bob, carol] = [
      await start('alice', scene, revealCost),
      await start('mallory', scene, revealCost),
      await start('bob', scene, revealCost),
      await start('carol', scene, revealCost),
    ]
    const first = await stage.pair(alice, hana, 3_600)
    const second = await stage.pair(hana, bob, 3_600)
    const third = await stage.pair(bob, carol, 3_600)
    const hops = [
      { onionKey: hana.node.onionKey!, channelId: second, fee: FEE },
      { onionKey: bob.node.onionKey!, channelId: third, fee: FEE },
    ]
    return { alice, hana, bob, carol, first, route: { channelId: first, hops } }
  }

  const spendable = ({ node }: Actor) =>
    node.channels().reduce((sum, { ledgers }) => sum + ledgers.reduce((all, ledger) => all + ledger.spendable, 0n), 0n)
  const registry = () => ({ chainId: stage.domain.chainId, condition: stage.chain.registry })
  const nothingLocked = (...actors: Actor[]) =>
    until(() =>
      actors.every(({ node }) => node.channels().every(({ channelId }) => node.transfers(channelId).length === 0)),
    )

  it('C47 are revealed on chain by a payee that shows its secret for one part while another is in dispute', async () => {
    const [alice, bob] = [await start('alice', 'torn', 1n), await start('bob', 'torn', 1n)]
    const [first, second] = [await stage.pair(alice, bob, 3_600), await stage.pair(alice, bob, 3_600)]
    const total = 30_000n
    const signed = await bob.node.invoice({ amount: total })
    const { key } = signed.invoice
    const id = toHex(invoiceDigest(stage.domain, signed.invoice))
    const payment = { signed, id, total, mode: 'sprites', payerSignature: undefined } as const
    const deadline = BigInt((await stage.chain.provider.getBlock('latest'))!.timestamp) + 7_200n
    /** Alice gives no part by the book, so that she can keep one back until bob can see the dispute. */
    const send = (channelId: ChannelId, amount: bigint) => {
      const hop = { channelId, asset: COIN, from: alice.node.address, to: bob.node.address, amount, deadline, fee: 0n }
      const way = { hops: [hop], onionKeys: [bob.node.onionKey!], amount, fee: 0n }
      const { note } = wrap(way, { ...payment, paymentId: `0x${'77'.repeat(16)}` })
      return alice.node.lock(channelId, { amount, deadline, key: key as Hex, note })
    }
    const seen = await stage.hand('carol')
    await send(first, 20_000n)
    await alice.node.dispute(first)
    await until(() => bob.node.balances(first).disputedUntil !== undefined)
    const asked = new Promise((resolve) => alice.node.on('asked', resolve))
    await send(second, 10_000n)
    await asked
    await until(async () => (await seen.outcomes([key as Hex]))[0]!.value > 0n)
  })

  it('pay the payee and every hop its fee, and give the payer a proof', async () => {
    const { alice, hana, bob, carol, route } = await line('paid')
    const invoice = await carol.node.invoice({ amount: 50_000n, memo: 'tea' })
    const text = encodeInvoice(stage.domain, invoice)
    const proof = await alice.node.payInvoice(text, { route })
    expect(verifyReceipt(stage.domain, registry(), proof)).to.equal(true)
    expect(proof.opening).to.be.instanceOf(Uint8Array)
    await nothingLocked(alice, hana, bob, carol)
    await until(() => spendable(carol) === ETHER + 50_000n)
    await until(() => spendable(bob) === 2n * ETHER + FEE && spendable(hana) === 2n * ETHER + FEE)
    expect(spendable(alice)).to.equal(ETHER - 50_000n - 2n * FEE)
    expect(await rejection(alice.node.payInvoice(text, { route }))).to.have.property('code', 'INVOICE_PAID')
  })

  it('S14 S36 come back whole when the payee or a hop refuses, and say who did', async () => {
    const { alice, hana, bob, carol, route } = await line('refused')
    const invoice = await carol.node.invoice({ amount: 50_000n })
    carol.node.cancelInvoice(toHex(invoiceDigest(stage.domain, invoice.invoice)))
    const refused = await rejection(alice.node.payInvoice(invoice, { route }))
    expect(refused.message).to.match(/came back: hop 3 says PAYMENT_REFUSED/)
    const other = await carol.node.invoice({ amount: 50_000n })
    const cheap = { ...route, hops: [{ ...route.hops[0]!, fee: FEE - 1n }, route.hops[1]!] }
    expect((await rejection(alice.node.payInvoice(other, { route: cheap }))).message).to.match(/hop 1 says FEE_TOO_LOW/)
    await stage.stop(carol)
    await until(() => !bob.node.channels().at(-1)!.connected)
    expect((await rejection(alice.node.payInvoice(other, { route }))).message).to.match(/hop 2 says PEER_AWAY/)
    await nothingLocked(alice, hana, bob)
    await until(() => spendable(alice) === ETHER)
  })

  it('S40 leave a residual for the hops that could be skipped, when a payment fails', async () => {
    const { alice, hana, bob, carol, route, first } = await line('residual', FEE / 2n)
    const invoice = await carol.node.invoice({ amount: 50_000n })
    carol.node.cancelInvoice(toHex(invoiceDigest(stage.domain, invoice.invoice)))
    expect(await rejection(alice.node.payInvoice(invoice, { route }))).to.have.property('code', 'PAYMENT_FAILED')
    const locked = ({ node }: Actor, channelId: ChannelId) =>
      node.transfers(channelId).map(({ transfer }) => transfer.amount)
    const [second, third] = route.hops.map(({ channelId }) => channelId)
    await until(() => locked(hana, first)[0] === 2n * FEE && locked(hana, second!)[0] === FEE)
    expect(locked(bob, third!)).to.deep.equal([])
    // After the deadline the residuals go back as well.
    await stage.later(7 * 3_600)
    await nothingLocked(alice, hana, bob, carol)
    await until(() => spendable(alice) === ETHER)
  })

  it('S1 S35 are finished by a hop that was stopped in the middle', async () => {
    const { alice, hana, carol, bob, route } = await line('stopped')
    const invoice = await carol.node.invoice({ amount: 50_000n })
    let stopped: Promise<void> | undefined
    // Hana goes away as soon as she has locked towards bob, and comes back after carol has shown the secret.
    hana.node.on('locked', ({ direction }) => {
      if (direction === 'out') stopped ??= stage.stop(hana)
    })
    const paying = alice.node.payInvoice(invoice, { route })
    await until(() => stopped !== undefined)
    await stopped
    await pause(300)
    const again = await start('mallory', 'stopped')
    for (const { address } of [alice, bob]) await again.node.connect(address)
    const proof = await paying
    expect(verifyReceipt(stage.domain, registry(), proof)).to.equal(true)
    await nothingLocked(alice, again, bob, carol)
    await until(() => spendable(again) === 2n * ETHER + FEE)
  })

  it('S35 are claimed on chain by a hop whose payer does not answer', async () => {
    const { alice, hana, bob, carol, first, route } = await line('claimed')
    const invoice = await carol.node.invoice({ amount: 50_000n })
    // Alice locks and falls silent: hana pays bob on the secret and must get her money from the chain.
    hana.node.on('locked', ({ direction }) => {
      if (direction === 'out') return
      hana.node.disconnect(alice.node.address)
      void stage.stop(alice)
    })
    const paying = rejection(alice.node.payInvoice(invoice, { route, seconds: 3_000n }))
    await until(() => spendable(carol) === ETHER + 50_000n)
    await paying
    await stage.later(2_500)
    await until(() => hana.node.transfers(first).length === 1)
    const { chain: seen } = hana
    await until(async () => (await seen.outcomes([invoice.invoice.key]))[0]!.recordedAt > 0n)
    const overdue = () => hana.alarms.filter((error) => 'code' in error && error.code === 'PART_OVERDUE')
    expect(overdue(), 'alice still has time').to.deep.equal([])
    await stage.later(1_500)
    await until(() => overdue().length > 0)
    const told = { peer: alice.node.address, channelId: first, amount: 50_000n + 2n * FEE }
    expect(overdue()[0]).to.include(told)
    const before = await stage.balanceOf('mallory')
    await hana.node.dispute(first)
    await stage.later(3_700)
    await until(() => hana.node.balances(first).generation === 1)
    const paid = ETHER + 50_000n + 2n * FEE
    expect((await stage.balanceOf('mallory')) - before).to.be.within(paid - ETHER / 100n, paid)
    await until(() => spendable(bob) === 2n * ETHER + FEE)
    expect(overdue()).to.have.length(1)
  })
})
