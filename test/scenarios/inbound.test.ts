import { expect } from 'chai'
import { TypedDataEncoder } from 'ethers'
import { toHex } from '../../sdk/core/bytes.ts'
import {
  INBOUND_QUOTE_TYPE,
  type InboundQuote,
  inboundQuoteDigest,
  type SignedInboundQuote,
} from '../../sdk/core/inbound-quote.ts'
import { invoiceDigest } from '../../sdk/core/invoice.ts'
import { type Address, type ChannelId, COIN, type Hex } from '../../sdk/core/types.ts'
import type { Route } from '../../sdk/node/hops/quote.ts'
import { wrap } from '../../sdk/node/hops/wrapping.ts'
import { type InboundTerms, inboundFee } from '../../sdk/protocols/inbound.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection, Stage } from './stage.ts'

const TERMS: InboundTerms = {
  baseFee: 1_000n,
  monthlyPpm: 0n,
  least: 10_000n,
  most: ETHER,
  perClient: ETHER,
  total: 2n * ETHER,
  maxDuration: 90n * 86_400n,
}
const FORWARDING = { baseFee: 10n, feePpm: 0n, margin: 600n, responseTime: 300n }

describe('inbound money of a hub', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const start = (name: string, scene: string) =>
    stage.start(name, { file: `${name}-${scene}`, node: { forwarding: FORWARDING } })
  const hubOf = (scene: string, listen: readonly string[] = [], terms: Partial<InboundTerms> = {}) =>
    stage.start('mallory', {
      file: `hub-${scene}`,
      node: {
        forwarding: FORWARDING,
        inbound: new Map<Address, InboundTerms>([[COIN, { ...TERMS, ...terms }]]),
        listen,
      },
    })
  const spendable = ({ node }: Actor, channelId: ChannelId) => node.balances(channelId).spendable

  it('is sold to a newcomer, whose first payments pay the fee', async () => {
    const [alice, hub, bob] = [await start('alice', 'first'), await hubOf('first'), await start('bob', 'first')]
    const first = await stage.pair(alice, hub, 3_600)
    const quote = await bob.node.quoteInbound(hub.address, { amount: ETHER / 2n })
    expect(quote.quote).to.include({ amount: ETHER / 2n, fee: 1_000n, client: bob.node.address, hub: hub.node.address })
    const channelId = await bob.node.buyInbound(quote, { period: 3_600 })
    expect(bob.node.balances(channelId)).to.include({ receivable: ETHER / 2n, spendable: 0n })
    expect(bob.node.inboundDebt(channelId)).to.equal(1_000n)
    const route: Route = { channelId: first, hops: [{ onionKey: hub.node.onionKey!, channelId, fee: 10n }] }
    await until(() => spendable(hub, channelId) === ETHER / 2n)
    const held = spendable(alice, first)
    // Half of the first payment, what is left of the second, nothing of the third.
    const received = [600n, 600n, 1_400n]
    for (const [index, sum] of [300n, 600n, 1_600n].entries()) {
      await alice.node.payInvoice(await bob.node.invoice({ amount: received[index]! }), { route })
      await until(() => spendable(bob, channelId) === sum)
    }
    await until(() => bob.node.inboundDebt(channelId) === 0n)
    await until(() => spendable(alice, first) === held - 2_600n - 30n)
    await until(() => spendable(hub, first) === ETHER + 2_630n && spendable(hub, channelId) === ETHER / 2n - 1_600n)
    await alice.node.payInvoice(await bob.node.invoice({ amount: 500n }), { route })
    await until(() => spendable(bob, channelId) === 2_100n)
  })

  it('S39 lets no payer keep the fee for itself while the hub has set it aside for another part', async () => {
    const [alice, hub, bob] = [await start('alice', 'aside'), await hubOf('aside'), await start('bob', 'aside')]
    const first = await stage.pair(alice, hub, 3_600)
    const channelId = await bob.node.buyInbound(await bob.node.quoteInbound(hub.address, { amount: ETHER / 2n }), {
      period: 3_600,
    })
    await until(() => spendable(hub, channelId) === ETHER / 2n)
    const deadline = BigInt((await stage.chain.provider.getBlock('latest'))!.timestamp) + 7_200n
    const asked = new Map<Hex, string>()
    alice.node.on('asked', ({ id, resolution }) => asked.set(id, resolution.kind))
    /** Alice says that `claimed` arrives, and never takes back what is returned. */
    const send = async ([sent, forwarded]: readonly [bigint, bigint], claimed: bigint) => {
      const signed = await bob.node.invoice({ amount: claimed })
      const id = toHex(invoiceDigest(stage.domain, signed.invoice))
      const hop = { asset: COIN, from: alice.node.address, to: hub.node.address, deadline, fee: 0n }
      const hops = [
        { ...hop, channelId: first, amount: sent },
        { ...hop, channelId, amount: forwarded },
      ]
      const way = { hops, onionKeys: [hub.node.onionKey!, bob.node.onionKey!], amount: claimed, fee: 0n }
      const payment = { signed, id, total: claimed, mode: 'sprites', paymentId: `0x${'77'.repeat(16)}` } as const
      const { note } = wrap(way, { ...payment, payerSignature: undefined })
      return alice.node.lock(first, { amount: sent, deadline, key: signed.invoice.key as Hex, note })
    }
    // Too low a fee: the hub gives it back, and its part of bob's debt is aside until alice takes it.
    const held = await send([2_000n, 2_000n], 2_000n)
    await until(() => asked.has(held))
    const short = await send([3_010n, 3_000n], 4_000n)
    await until(() => asked.has(short))
    expect(asked.get(short)).to.equal('cancel')
    expect(bob.node.inboundDebt(channelId)).to.equal(1_000n)
    expect(spendable(bob, channelId)).to.equal(0n)
  })

  it('is paid at once by whoever holds money with the hub, and deposited once however often it is bought', async () => {
    const [alice, hub] = [await start('alice', 'upfront'), await hubOf('upfront')]
    const channelId = await stage.pair(alice, hub, 3_600)
    const quote = await alice.node.quoteInbound(hub.node.address, { amount: ETHER / 4n })
    expect(await alice.node.buyInbound(quote)).to.equal(channelId)
    expect(alice.node.inboundDebt(channelId)).to.equal(0n)
    expect(spendable(alice, channelId)).to.equal(ETHER - 1_000n)
    expect(alice.node.balances(channelId).receivable).to.equal(ETHER + ETHER / 4n + 1_000n)
    expect(await alice.node.buyInbound(quote)).to.equal(channelId)
    await stage.later(60)
    await stage.chain.mine(3)
    expect(alice.node.balances(channelId)).to.include({ spendable: ETHER - 1_000n })
    expect(alice.node.balances(channelId).receivable).to.equal(ETHER + ETHER / 4n + 1_000n)
  })

  it('is owed for once, though its purchase was ended and begun again, by another process too', async () => {
    const [hub, bob] = [await hubOf('ended'), await start('bob', 'ended')]
    const quote = await bob.node.quoteInbound(hub.address, { amount: ETHER / 2n })
    await stage.chain.rpc('evm_setAutomine', false)
    const ending = new AbortController()
    const buying = rejection(bob.node.buyInbound(quote, { period: 3_600, signal: ending.signal }))
    const debt = ({ node }: Actor) => node.channels().map(({ channelId }) => node.inboundDebt(channelId))
    await until(() => debt(bob)[0] === 1_000n)
    ending.abort(new Error('enough'))
    expect((await buying).message).to.equal('enough')
    await stage.stop(bob)
    const again = await start('bob', 'ended')
    await again.node.connect(hub.address)
    const buyingAgain = again.node.buyInbound(quote)
    await stage.chain.rpc('evm_setAutomine', true)
    await stage.chain.mine(3)
    await buyingAgain
    expect(debt(again)).to.deep.equal([1_000n])
  })

  it('is sold for a fee that comes late if there is room, else the fee goes back', async () => {
    const [alice, hub] = [await start('alice', 'late'), await hubOf('late')]
    const channelId = await stage.pair(alice, hub, 3_600)
    const quoted = async (amount: bigint) => alice.node.quoteInbound(hub.node.address, { amount })
    /** Alice buys, does not pay, and the quote expires before the hub's eyes. */
    const forget = async (quote: SignedInboundQuote) => {
      alice.node.pay = () => Promise.reject(new Error('not now'))
      expect((await rejection(alice.node.buyInbound(quote))).message).to.equal('not now')
      Reflect.deleteProperty(alice.node, 'pay')
      const { invoice } = await hub.node.invoice({ amount: 1n, seconds: 1n })
      await stage.later(700)
      // An invoice is forgotten a margin after its deadline.
      const isPast = () =>
        rejection((async () => hub.node.cancelInvoice(toHex(invoiceDigest(stage.domain, invoice))))())
      await until(async () => (await isPast()).name === 'InvoiceUnknownError')
    }
    const pay = ({ quote: { fee, nonce } }: SignedInboundQuote) => alice.node.pay(channelId, fee, { id: nonce })
    const first: SignedInboundQuote = await quoted(ETHER / 4n)
    await forget(first)
    await pay(first)
    await until(() => alice.node.balances(channelId).receivable === ETHER + ETHER / 4n + 1_000n)
    const second: SignedInboundQuote = await quoted(ETHER / 2n)
    await forget(second)
    await alice.node.buyInbound(await quoted(ETHER / 2n))
    await pay(second)
    await until(() => spendable(alice, channelId) === ETHER - 2_000n)
    expect(alice.node.balances(channelId).receivable).to.equal(ETHER + (3n * ETHER) / 4n + 2_000n)
    const returned = async () => {
      for await (const { direction, id } of alice.node.payments()) if (direction === 'in') return id
      return undefined
    }
    await until(async () => (await returned()) === second.quote.nonce)
  })

  it('is deposited after a restart by a hub that was stopped after the fee had come', async () => {
    const [alice, hub] = [await start('alice', 'restart'), await hubOf('restart')]
    const channelId = await stage.pair(alice, hub, 3_600)
    const quote = await alice.node.quoteInbound(hub.node.address, { amount: ETHER / 4n })
    await stage.chain.rpc('evm_setAutomine', false)
    const buying = alice.node.buyInbound(quote)
    await until(() => hub.node.balances(channelId).entitlement === ETHER + 1_000n)
    await stage.stop(hub)
    await stage.chain.rpc('evm_setAutomine', true)
    await stage.chain.mine()
    await hubOf('restart', [hub.address])
    await buying
    await stage.chain.mine(3)
    await until(() => alice.node.balances(channelId).receivable === ETHER + ETHER / 4n + 1_000n)
  })

  it('is withdrawn when its time is over, but for what was paid out of it and what is still sold', async () => {
    const [hub, bob] = [await hubOf('reclaim', [], { reclaimAfter: 500n }), await start('bob', 'reclaim')]
    const buy = async (seconds: bigint) =>
      bob.node.buyInbound(await bob.node.quoteInbound(hub.node.address, { amount: ETHER / 4n, seconds }))
    await bob.node.connect(hub.address)
    const channelId = await buy(1_000n)
    await buy(1_000_000n)
    await until(() => spendable(hub, channelId) === ETHER / 2n)
    await hub.node.pay(channelId, 5_000n)
    const withdrawn: bigint[] = []
    hub.node.on('withdrawn', ({ withdrawal }) => withdrawn.push(...withdrawal!.parts.map(({ amount }) => amount)))
    await stage.later(600 + 1_000 + 501)
    await until(() => withdrawn.length > 0)
    expect(spendable(hub, channelId)).to.equal(ETHER / 4n)
    expect(withdrawn).to.deep.equal([ETHER / 4n - 5_000n])
  })

  it('S39 is bounded for each client and in all, not sold to whom the hub had a dispute with, and never on a changed quote', async () => {
    const [alice, hub, bob] = [await start('alice', 'bounds'), await hubOf('bounds'), await start('bob', 'bounds')]
    const order = (node: Actor['node'], amount: bigint, seconds?: bigint) =>
      rejection(node.quoteInbound(hub.address, { amount, ...(seconds && { seconds }) }))
    expect(await order(alice.node, 9_999n)).to.have.property('peerCode', 'INBOUND_OUT_OF_BOUNDS')
    expect(await order(alice.node, ETHER, 91n * 86_400n)).to.have.property('peerCode', 'INBOUND_OUT_OF_BOUNDS')
    expect(await rejection(hub.node.quoteInbound(alice.node.address, { amount: ETHER }))).to.have.property(
      'peerCode',
      'INBOUND_NOT_SOLD',
    )
    const first = await alice.node.quoteInbound(hub.address, { amount: ETHER })
    const second = await alice.node.quoteInbound(hub.address, { amount: ETHER })
    const changed = { ...first, quote: { ...first.quote, fee: 1n } }
    expect(await rejection(alice.node.buyInbound(changed))).to.have.property('code', 'INVALID_QUOTE')
    const foreign = await rejection(bob.node.connect(hub.address).then(() => bob.node.buyInbound(first)))
    expect(foreign).to.have.property('code', 'INVALID_QUOTE')
    expect(alice.node.channels(), 'nothing is opened for what cannot be bought').to.deep.equal([])
    const channelId = await alice.node.buyInbound(first, { period: 3_600 })
    // The second was quoted while there was room; now there is none.
    expect(await rejection(alice.node.buyInbound(second))).to.have.property('peerCode', 'INBOUND_SOLD_OUT')
    expect(alice.node.inboundDebt(channelId)).to.equal(1_000n)
    await bob.node.buyInbound(await bob.node.quoteInbound(hub.address, { amount: ETHER }), { period: 3_600 })
    const carol = await start('carol', 'bounds')
    expect(await order(carol.node, ETHER)).to.have.property('peerCode', 'INBOUND_SOLD_OUT')
    await alice.node.dispute(channelId)
    await until(() => hub.node.balances(channelId).disputedUntil !== undefined)
    await stage.later(3_700)
    await until(() => hub.node.balances(channelId).generation === 1)
    expect(await order(alice.node, 10_000n)).to.have.property('peerCode', 'INBOUND_DISPUTED')
  })

  it('is quoted under a digest that ethers computes as well, and its fee grows with amount and time', () => {
    const quote: InboundQuote = {
      hub: `0x${'11'.repeat(20)}`,
      client: `0x${'22'.repeat(20)}`,
      asset: COIN,
      amount: 5n,
      fee: 7n,
      duration: 11n,
      expiry: 13n,
      nonce: `0x${'33'.repeat(16)}`,
    }
    const fields = /\((.*)\)/
      .exec(INBOUND_QUOTE_TYPE)![1]!
      .split(',')
      .map((field) => field.split(' '))
    const types = { InboundQuote: fields.map(([type, name]) => ({ type: type!, name: name! })) }
    const { chainId, adjudicator } = stage.domain
    const domain = { name: 'Tallystick', version: '1', chainId, verifyingContract: adjudicator }
    expect(toHex(inboundQuoteDigest(stage.domain, quote))).to.equal(TypedDataEncoder.hash(domain, types, { ...quote }))
    const terms = { ...TERMS, monthlyPpm: 1_000n }
    expect(inboundFee(terms, 1_000_000n, 30n * 86_400n)).to.equal(2_000n)
    expect(inboundFee(terms, 1_000_000n, 1n)).to.equal(1_001n)
  })
})
