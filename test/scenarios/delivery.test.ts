import { expect } from 'chai'
import { toHex } from '../../sdk/core/bytes.ts'
import { invoiceDigest, type SignedInvoice } from '../../sdk/core/invoice.ts'
import { encodeInvoice } from '../../sdk/core/invoice-text.ts'
import { type Address, COIN } from '../../sdk/core/types.ts'
import { wrap } from '../../sdk/node/hops/wrapping.ts'
import { until } from '../until.ts'
import { FEE, GOLD, LAG, LOCK, MARGIN, Market, nothingLocked, PERIOD, USD } from './market.ts'
import { type Actor, rejection, type Stage } from './stage.ts'

const PRICE = 30n * USD
const PIECES = 3n * GOLD

describe('delivery against payment on a real chain', () => {
  let market: Market
  let stage: Stage
  let usd: Address
  let gold: Address
  before(async () => {
    market = await Market.build()
    ;({ stage, usd, gold } = market)
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const sells = ({ node }: Actor, terms: object = {}): Promise<SignedInvoice> =>
    node.invoice({ asset: usd, amount: PRICE, want: { asset: gold, amount: PIECES }, memo: 'gold', ...terms })

  /** Alice buys, bob sells; he carries nothing for others and swaps nothing by rates. */
  async function shop(scene: string) {
    const [alice, bob] = [await market.start('alice', scene), await market.start('bob', scene, { forwards: false })]
    return { alice, bob, channelId: await market.pair(alice, bob, [usd, gold]) }
  }
  const changes = (actor: Actor) => [usd, gold].map((asset) => market.change(actor, asset))

  it('gives what an invoice promises for what it asks, once', async () => {
    const { alice, bob } = await shop('once')
    const invoice = await sells(bob)
    const text = encodeInvoice(stage.domain, invoice)
    expect(await rejection(alice.node.payInvoice(text))).to.have.property('code', 'INVOICE_WANTS_DELIVERY')
    const told = new Promise<bigint>((resolve) => void bob.node.on('invoice-paid', ({ amount }) => resolve(amount)))
    const [first, second] = await Promise.allSettled([alice.node.swapInvoice(text), alice.node.swapInvoice(text)])
    expect([first.status, second.status].sort()).to.deep.equal(['fulfilled', 'rejected'])
    expect(await told).to.equal(PRICE)
    await nothingLocked(alice, bob)
    expect([changes(alice), changes(bob)]).to.deep.equal([
      [-PRICE, PIECES],
      [PRICE, -PIECES],
    ])
    expect((await rejection(alice.node.swapInvoice(text))).message).to.match(/hop 1 says PAYMENT_REFUSED/)
    expect(() => bob.node.cancelInvoice(toHex(invoiceDigest(stage.domain, invoice.invoice)))).to.throw(/is paid/)
  })

  it('goes over hops, which keep their fee of what is paid and, where the payer lets them, of what is delivered', async () => {
    const [alice, hana, bob] = [
      await market.start('alice', 'hops'),
      await market.start('mallory', 'hops'),
      await market.start('bob', 'hops'),
    ]
    await market.pair(alice, hana, [usd, gold])
    await market.pair(hana, bob, [usd, gold])
    const invoice = await sells(bob)
    const least = PIECES - FEE
    const tooDear = async (options: Parameters<typeof alice.node.swapInvoice>[1]) => {
      const { code, price } = (await rejection(alice.node.swapInvoice(invoice, options))) as {
        code?: string
        price?: bigint
      }
      return code === 'SWAP_TOO_DEAR' && { price }
    }
    // Both ways are known once the news of channels has come.
    await until(async () => (await tooDear({ least, maxFee: 0n })) !== false)
    expect(await tooDear({ least, maxFee: FEE - 1n })).to.deep.equal({ price: PRICE + FEE })
    expect(await tooDear({})).to.deep.equal({ price: undefined })
    const { gave, got } = await alice.node.swapInvoice(invoice, { least })
    expect([gave.amount, got.amount]).to.deep.equal([PRICE + FEE, least])
    await nothingLocked(alice, hana, bob)
    expect([changes(alice), changes(hana), changes(bob)]).to.deep.equal([
      [-PRICE - FEE, least],
      [FEE, FEE],
      [PRICE, -PIECES],
    ])
  })

  it('S14 is refused for an invoice of others, an old one, one without a promise, and never half made', async () => {
    const { alice, bob } = await shop('wrong')
    const codeOf = async (invoice: Promise<SignedInvoice>) =>
      (await rejection(alice.node.swapInvoice(await invoice))).code
    expect(await codeOf(sells(bob, { payer: bob.node.address }))).to.equal('INVOICE_OF_ANOTHER_PAYER')
    expect(await codeOf(bob.node.invoice({ amount: 1n }))).to.equal('INVOICE_WANTS_NOTHING')
    const old = await sells(bob, { seconds: 60n })
    const older = await bob.node.invoice({ asset: usd, amount: 1n, seconds: 60n })
    await stage.later(61)
    // Nothing is sent for a quote: it shows what alice has seen of the chain.
    await until(async () => (await rejection(alice.node.quote(older))).code === 'INVOICE_EXPIRED')
    expect(await codeOf(Promise.resolve(old))).to.equal('INVOICE_EXPIRED')
    for (const terms of [{ amount: 0n }, { partial: true }, { want: { asset: usd, amount: 1n } }])
      expect(await rejection(sells(bob, terms))).to.have.property('code', 'INVALID_OPTION')
    expect([changes(alice), changes(bob)]).to.deep.equal([
      [0n, 0n],
      [0n, 0n],
    ])
  })

  it('S46 S47 is refused where it is taken by hand for less, for more, for longer, or for what nobody promised', async () => {
    const { alice, bob, channelId } = await shop('by-hand')
    const invoice = await sells(bob)
    const id = toHex(invoiceDigest(stage.domain, invoice.invoice))
    const reasons: string[] = []
    bob.node.on('turned-back', ({ reason }) => reasons.push(reason))
    alice.node.on('asked', ({ id: transfer, asset }) => void alice.node.cancel(channelId, transfer, { asset }))
    const me = alice.node.address
    const take = async ({ amount = PRICE, out = PIECES, lock = LOCK - LAG, named = id }) => {
      const signed = await alice.node.invoice({ asset: gold, amount: out })
      const deadline = (await bob.chain.head()).timestamp + lock
      const there = { channelId, from: me, to: bob.node.address, amount, deadline, fee: 0n, asset: usd }
      const home = { ...there, from: bob.node.address, to: me, amount: out, asset: gold, invoice: named }
      const way = { hops: [there, home], onionKeys: [bob.node.onionKey!, alice.node.onionKey!], amount: out, fee: 0n }
      const paymentId = toHex(new Uint8Array(16).fill(7))
      const own = toHex(invoiceDigest(stage.domain, signed.invoice))
      const terms = { signed, id: own, total: out, mode: 'sprites', paymentId, payerSignature: undefined } as const
      const { note } = wrap(way, terms)
      const count = reasons.length
      await alice.node.lock(channelId, { asset: usd, amount, deadline, key: signed.invoice.key, note })
      await until(() => reasons.length > count)
    }
    await take({ amount: PRICE - 1n })
    await take({ out: PIECES + 1n })
    await take({ lock: LOCK + LAG })
    await take({ named: toHex(new Uint8Array(32).fill(7)) })
    // Less may go out, for hops on the way, but never for less.
    await take({ amount: PRICE - 1n, out: PIECES / 2n })
    expect(reasons).to.deep.equal([
      'FEE_TOO_LOW',
      'PAYMENT_REFUSED',
      'DEADLINE_TOO_FAR',
      'PAYMENT_REFUSED',
      'FEE_TOO_LOW',
    ])
    expect(changes(bob)).to.deep.equal([0n, 0n])
  })

  it('C47 is brought to its end by the chain if the payee falls silent after it has delivered into the lock', async () => {
    const { alice, bob, channelId } = await shop('silent')
    const invoice = await sells(bob)
    alice.node.on('locked', ({ direction }) => {
      if (direction !== 'in') return
      alice.node.disconnect(bob.node.address)
      void stage.stop(bob)
    })
    const shown = new Promise<void>((resolve) => void alice.node.on('invoice-paid', () => resolve()))
    const taking = alice.node.swapInvoice(invoice)
    taking.catch(() => {})
    await shown
    const before = await stage.chain.provider.getBlockNumber()
    await stage.later(Number(LOCK - MARGIN))
    await until(async () => (await stage.chain.provider.getBlockNumber()) > before + 1)
    const [dollars, pieces] = [await market.balanceOf('bob', usd), await market.balanceOf('alice', gold)]
    for (const asset of [usd, gold]) await alice.node.dispute(channelId, { asset })
    await stage.later(PERIOD + 1)
    await taking
    await until(() => [usd, gold].every((asset) => alice.node.balances(channelId, asset).generation === 1))
    expect((await market.balanceOf('bob', usd)) - dollars).to.equal(market.holding(usd) + PRICE)
    expect((await market.balanceOf('alice', gold)) - pieces).to.equal(market.holding(gold) + PIECES)
  })

  it('S1 S35 is finished by a payee that is stopped between the two, which then does not deliver again', async () => {
    const { alice, bob } = await shop('stopped')
    const invoice = await sells(bob)
    let stopped: Promise<void> | undefined
    bob.node.on('locked', ({ direction }) => {
      if (direction === 'out') stopped ??= stage.stop(bob)
    })
    const taking = alice.node.swapInvoice(invoice)
    await until(() => stopped !== undefined)
    await stopped
    const again = await market.start('bob', 'stopped', { forwards: false })
    await again.node.connect(alice.address)
    await taking
    await nothingLocked(alice, again)
    expect((await rejection(alice.node.swapInvoice(invoice))).message).to.match(/PAYMENT_REFUSED/)
    expect(changes(again)).to.deep.equal([PRICE, -PIECES])
    expect(market.change(alice, COIN)).to.equal(0n)
  })
})
