import { expect } from 'chai'
import { toHex } from '../../sdk/core/bytes.ts'
import { invoiceDigest } from '../../sdk/core/invoice.ts'
import { type Address, COIN } from '../../sdk/core/types.ts'
import type { EventOf } from '../../sdk/node/events.ts'
import { wrap } from '../../sdk/node/hops/wrapping.ts'
import { until } from '../until.ts'
import { ended, FEE, GOLD, LAG, LOCK, locked, MARGIN, Market, nothingLocked, PERIOD, TENTH, USD } from './market.ts'
import { ETHER, rejection, type Stage } from './stage.ts'

describe('swaps on a real chain', () => {
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

  it('change hands within a channel, without a transaction', async () => {
    const { alice, hana, give, get } = await market.direct('together')
    const told = new Promise<EventOf<'swapped'>>((resolve) => void hana.node.on('swapped', (event) => resolve(event)))
    const over = ended(alice)
    const before = await stage.chain.provider.getBlockNumber()
    const quote = await alice.node.quoteSwap({ give: {}, get })
    expect(quote.give).to.deep.equal({ asset: COIN, amount: TENTH })
    expect(quote.with).to.equal(hana.node.address)
    const swapped = await alice.node.swap({ give, get })
    expect(swapped.gave).to.deep.equal({ asset: COIN, amount: TENTH })
    expect(swapped.got).to.deep.equal(get)
    expect(await over).to.deep.include({ ...swapped, done: true })
    const { gave, got, from, to } = await told
    expect([gave, got]).to.deep.equal([swapped.got, swapped.gave])
    expect([from, to]).to.deep.equal([alice.node.address, alice.node.address])
    expect([market.change(alice, COIN), market.change(alice, usd)]).to.deep.equal([-TENTH, get.amount])
    expect([market.change(hana, COIN), market.change(hana, usd)]).to.deep.equal([TENTH, -get.amount])
    // And the other way, with a price that is not a whole number.
    await alice.node.swap({ give: { asset: usd, amount: 1n }, get: { amount: 7n } })
    expect(market.change(alice, COIN)).to.equal(7n - TENTH)
    await nothingLocked(alice, hana)
    expect(await stage.chain.provider.getBlockNumber()).to.equal(before)
  })

  it('change hands over hops that carry both assets', async () => {
    const [alice, bob, hana] = [
      await market.start('alice', 'line'),
      await market.start('bob', 'line'),
      await market.trader('line'),
    ]
    await market.pair(alice, bob, [gold, usd])
    await market.pair(bob, hana, [gold, usd])
    const get = { asset: gold, amount: 3n * GOLD }
    const limit = { asset: usd, amount: 31n * USD }
    // Ways are known once the news of channels has come.
    const options = { give: limit, get, with: hana.address }
    await until(async () => !((await rejection(alice.node.quoteSwap(options))) as { code?: string }).code)
    const { gave } = await alice.node.swap(options)
    // Bob keeps his fee of either asset; hana is paid for what leaves her, rounded in her favour.
    expect(gave.amount).to.equal(30n * USD + 1n + FEE)
    await nothingLocked(alice, bob, hana)
    expect([market.change(alice, usd), market.change(alice, gold)]).to.deep.equal([-gave.amount, 3n * GOLD])
    expect([market.change(bob, usd), market.change(bob, gold)]).to.deep.equal([FEE, FEE])
    expect([market.change(hana, usd), market.change(hana, gold)]).to.deep.equal([30n * USD + 1n, -3n * GOLD - FEE])
  })

  it('change hands round a circle, of which each channel holds one asset', async () => {
    const [alice, bob, hana] = [
      await market.start('alice', 'round'),
      await market.start('bob', 'round'),
      await market.trader('round'),
    ]
    await market.pair(alice, hana, [COIN])
    await market.pair(hana, bob, [usd])
    await market.pair(bob, alice, [usd])
    const options = { give: { amount: 2n * TENTH }, get: { asset: usd, amount: 250n * USD }, with: hana.node.address }
    await until(async () => !((await rejection(alice.node.quoteSwap(options))) as { code?: string }).code)
    const { gave } = await alice.node.swap(options)
    await nothingLocked(alice, bob, hana)
    expect([market.change(alice, COIN), market.change(alice, usd)]).to.deep.equal([-gave.amount, 250n * USD])
    expect([market.change(hana, COIN), market.change(hana, usd)]).to.deep.equal([gave.amount, -250n * USD - FEE])
    expect([market.change(bob, COIN), market.change(bob, usd)]).to.deep.equal([0n, FEE])
  })

  it('change hands with the peer that asks least, if none is named', async () => {
    const [alice, hana] = [await market.start('alice', 'market'), await market.trader('market')]
    const [first] = market.rates()
    const bob = await market.start('bob', 'market', {
      rates: [{ ...first!, price: { from: ETHER - 10n, to: 2_500n * USD } }],
    })
    await market.pair(alice, hana, [COIN, usd])
    await market.pair(alice, bob, [COIN, usd])
    const get = { asset: usd, amount: 250n * USD }
    const { gave } = await alice.node.swap({ give: { amount: TENTH }, get })
    expect(gave.amount).to.equal(TENTH - 1n)
    await nothingLocked(alice, bob, hana)
    expect([market.change(bob, COIN), market.change(hana, COIN)]).to.deep.equal([gave.amount, 0n])
  })

  it('are given up where the waiting ends before the secret was shown', async () => {
    const { alice, hana, give, get } = await market.direct('aborted')
    const ending = new AbortController()
    alice.node.on('locked', ({ direction }) => {
      if (direction === 'out') ending.abort(new Error('enough'))
    })
    const over = ended(alice)
    const reason = await rejection(alice.node.swap({ give, get, signal: ending.signal }))
    expect(reason.message).to.equal('enough')
    expect(await over).to.deep.include({ done: false })
    await nothingLocked(alice, hana)
    expect([market.change(alice, COIN), market.change(alice, usd)]).to.deep.equal([0n, 0n])
  })

  it('S46 are not begun where nobody swaps so, or for more than may be given', async () => {
    const { alice, hana, give, get } = await market.direct('refused', { rates: market.rates().slice(0, 1) })
    const codeOf = async (options: Parameters<typeof alice.node.swap>[0]) => {
      const { code, peerCode } = (await rejection(alice.node.swap(options))) as { code?: string; peerCode?: string }
      return peerCode ?? code
    }
    expect(await codeOf({ give: { asset: usd, amount: USD }, get: { amount: 1n } })).to.equal('ASSET_REFUSED')
    expect(await codeOf({ give, get: { ...get, amount: USD - 1n } })).to.equal('AMOUNT_OUT_OF_BOUNDS')
    expect(await codeOf({ give: { amount: TENTH - 1n }, get })).to.equal('SWAP_TOO_DEAR')
    expect(await codeOf({ give, get, seconds: MARGIN })).to.equal('SWAP_TOO_SHORT')
    expect(await codeOf({ give, get: { amount: 1n } })).to.equal('INVALID_OPTION')
    expect(await codeOf({ give: { amount: 2n * ETHER }, get: { asset: usd, amount: 3_000n * USD } })).to.match(/BOUNDS/)
    await stage.stop(hana)
    await until(() => !alice.node.channels()[0]!.connected)
    expect(await codeOf({ give, get })).to.equal('NOBODY_SWAPS')
    expect([market.change(alice, COIN), locked(alice)]).to.deep.equal([0n, 0])
  })

  it('S46 come back whole where the price has moved between the question and the swap, or its function throws', async () => {
    const price = { from: ETHER, to: 2_500n * USD }
    let asked = 0
    const onSwap = () => {
      asked++
      if (asked === 4) throw new Error('no price now')
      return asked % 2 === 1 ? price : { ...price, from: price.from + 1n }
    }
    const { alice, hana, give, get } = await market.direct('moved', { onSwap })
    const moved = await rejection(alice.node.swap({ give, get }))
    expect(moved.message).to.match(/came back: hop 1 says FEE_TOO_LOW/)
    expect((await rejection(alice.node.swap({ give, get }))).message).to.match(/hop 1 says ASSET_REFUSED/)
    expect(hana.alarms.map(({ message }) => message)).to.deep.equal(['no price now'])
    await nothingLocked(alice, hana)
    expect([market.change(alice, COIN), market.change(alice, usd)]).to.deep.equal([0n, 0n])
  })

  interface Offer {
    readonly amount?: bigint
    readonly lock?: bigint
    readonly asset?: Address
    readonly total?: bigint
  }

  /** Alice locks a swap as no node does. What is to come back to her is a part of `total`, so she waits for the others. */
  async function offer(
    { alice, hana, channelId, get }: Awaited<ReturnType<Market['direct']>>,
    { amount = TENTH, lock = LOCK - LAG, asset = usd, total = get.amount }: Offer,
  ): Promise<void> {
    const signed = await alice.node.invoice({ asset, amount: total })
    const deadline = (await hana.chain.head()).timestamp + lock
    const me = alice.node.address
    const hop = { channelId, from: me, to: hana.node.address, amount, deadline, fee: 0n, asset: COIN }
    const home = { ...hop, from: hana.node.address, to: me, amount: get.amount, asset }
    const way = { hops: [hop, home], onionKeys: [hana.node.onionKey!, alice.node.onionKey!], ...get, fee: 0n }
    const id = toHex(invoiceDigest(stage.domain, signed.invoice))
    const paymentId = toHex(new Uint8Array(16).fill(7))
    const terms = { signed, id, total, mode: 'sprites', paymentId, payerSignature: undefined } as const
    const { note } = wrap(way, terms)
    await alice.node.lock(channelId, { amount, deadline, key: signed.invoice.key, note })
  }

  it('S46 S47 are refused where a swap is made by hand for less, for longer, or for what is not there', async () => {
    const scene = await market.direct('by-hand')
    const { alice, hana, channelId } = scene
    const reasons: string[] = []
    hana.node.on('turned-back', ({ reason }) => reasons.push(reason))
    alice.node.on('asked', ({ id }) => void alice.node.cancel(channelId, id))
    const offers = [{ amount: TENTH - 1n }, { lock: LOCK + LAG }, { lock: MARGIN - 60n }, { asset: gold }]
    for (const [index, terms] of offers.entries()) {
      await offer(scene, terms)
      await until(() => reasons.length > index)
    }
    expect(reasons).to.deep.equal(['FEE_TOO_LOW', 'DEADLINE_TOO_FAR', 'DEADLINE_TOO_NEAR', 'UNKNOWN_CHANNEL'])
    expect([market.change(hana, usd), market.change(hana, COIN)]).to.deep.equal([0n, 0n])
  })

  it('C47 are divided alike by the chain if the hop falls silent after the secret was shown', async () => {
    const { alice, hana, channelId, give, get } = await market.direct('silent')
    // Alice is locked dollars, and hana is gone before she is shown the secret.
    alice.node.on('locked', ({ direction }) => {
      if (direction !== 'in') return
      alice.node.disconnect(hana.node.address)
      void stage.stop(hana)
    })
    const shown = new Promise<void>((resolve) => void alice.node.on('invoice-paid', () => resolve()))
    const swapping = alice.node.swap({ give, get })
    // It ends when the stage is left at the latest.
    swapping.catch(() => {})
    await shown
    // At the margin alice sends the secret to the registry by herself.
    const before = await stage.chain.provider.getBlockNumber()
    await stage.later(Number(LOCK - MARGIN) + 60)
    await until(async () => (await stage.chain.provider.getBlockNumber()) > before + 1)
    const [coins, dollars] = [await market.balanceOf('mallory', COIN), await market.balanceOf('alice', usd)]
    for (const asset of [COIN, usd]) await alice.node.dispute(channelId, { asset })
    await stage.later(PERIOD + 1)
    const { gave, got } = await swapping
    expect([gave.amount, got.amount]).to.deep.equal([TENTH, get.amount])
    await until(() => [COIN, usd].every((asset) => alice.node.balances(channelId, asset).generation === 1))
    expect((await market.balanceOf('mallory', COIN)) - coins).to.equal(ETHER + TENTH)
    expect((await market.balanceOf('alice', usd)) - dollars).to.equal(market.holding(usd) + get.amount)
  })

  it('C47 are brought to their end by the chain where a hop that carries one of the assets falls silent', async () => {
    const [alice, bob, hana] = [
      await market.start('alice', 'gone'),
      await market.start('bob', 'gone'),
      await market.trader('gone'),
    ]
    await market.pair(alice, hana, [COIN])
    await market.pair(hana, bob, [usd])
    const last = await market.pair(bob, alice, [usd])
    const get = { asset: usd, amount: 250n * USD }
    const options = { give: { amount: 2n * TENTH }, get, with: hana.node.address }
    await until(async () => !((await rejection(alice.node.quoteSwap(options))) as { code?: string }).code)
    alice.node.on('locked', ({ direction }) => {
      if (direction !== 'in') return
      alice.node.disconnect(bob.node.address)
      void stage.stop(bob)
    })
    const shown = new Promise<void>((resolve) => void alice.node.on('invoice-paid', () => resolve()))
    const swapping = alice.node.swap(options)
    swapping.catch(() => {})
    await shown
    const before = await stage.chain.provider.getBlockNumber()
    await stage.later(Number(LOCK - MARGIN) + 60)
    await until(async () => (await stage.chain.provider.getBlockNumber()) > before + 1)
    await stage.chain.mine(20)
    // Hana reads the secret on chain, and is paid her coins without a dispute.
    await until(() => market.change(hana, COIN) > 0n)
    const dollars = await market.balanceOf('alice', usd)
    await alice.node.dispute(last, { asset: usd })
    await stage.later(PERIOD + 1)
    const { gave, got } = await swapping
    await until(() => alice.node.balances(last, usd).generation === 1)
    expect([got.amount, market.change(hana, COIN)]).to.deep.equal([get.amount, gave.amount])
    expect((await market.balanceOf('alice', usd)) - dollars).to.equal(market.holding(usd) + get.amount)
  })

  it('C47 S47 go back alike by the chain if the secret is never shown', async () => {
    const scene = await market.direct('unshown')
    const { alice, hana, channelId, get } = scene
    await offer(scene, { total: 2n * get.amount })
    await until(() => hana.node.balances(channelId, usd).spendable === market.holding(usd) - get.amount)
    await until(() => alice.node.transfers(channelId, usd).length === 1)
    await stage.stop(alice)
    await stage.later(Number(LOCK) + 60)
    const [coins, dollars] = [await market.balanceOf('alice', COIN), await market.balanceOf('mallory', usd)]
    for (const asset of [COIN, usd]) await hana.node.dispute(channelId, { asset })
    await stage.later(PERIOD + 1)
    await until(() => [COIN, usd].every((asset) => hana.node.balances(channelId, asset).generation === 1))
    expect((await market.balanceOf('alice', COIN)) - coins).to.equal(ETHER)
    expect((await market.balanceOf('mallory', usd)) - dollars).to.equal(market.holding(usd))
  })

  it('S1 come back where who began them is stopped before it has shown the secret, and starts again', async () => {
    const { alice, hana, give, get } = await market.direct('given-up')
    let stopped: Promise<void> | undefined
    alice.node.on('locked', ({ direction }) => {
      if (direction === 'out') stopped = stage.stop(alice)
    })
    expect(await rejection(alice.node.swap({ give, get }))).to.have.property('code', 'NODE_STOPPED')
    await stopped
    const again = await market.start('alice', 'given-up')
    const over = ended(again)
    await again.node.connect(hana.address)
    const { done, gave, got } = await over
    await nothingLocked(again, hana)
    // What had gathered is not known after a restart, so it goes back; or it came only then, and both change hands.
    expect([gave.amount, got.amount]).to.deep.equal(done ? [TENTH, get.amount] : [0n, 0n])
    expect([market.change(again, COIN), market.change(again, usd)]).to.deep.equal(
      done ? [-TENTH, get.amount] : [0n, 0n],
    )
    expect([market.change(hana, COIN), market.change(hana, usd)]).to.deep.equal(done ? [TENTH, -get.amount] : [0n, 0n])
  })

  it('S1 S35 are finished by who began them after a restart, once the secret was shown', async () => {
    const { alice, hana, give, get } = await market.direct('resumed')
    let stopped: Promise<void> | undefined
    alice.node.on('invoice-paid', () => {
      stopped = stage.stop(alice)
    })
    expect(await rejection(alice.node.swap({ give, get }))).to.have.property('code', 'NODE_STOPPED')
    await stopped
    const again = await market.start('alice', 'resumed')
    const over = ended(again)
    await again.node.connect(hana.address)
    expect(await over).to.deep.include({ done: true, got: get })
    await nothingLocked(again, hana)
    expect([market.change(again, COIN), market.change(again, usd)]).to.deep.equal([-TENTH, get.amount])
  })

  it('S1 S35 are finished by a hop that is stopped between its two assets', async () => {
    const { alice, hana, give, get } = await market.direct('hop-stopped')
    let stopped: Promise<void> | undefined
    hana.node.on('locked', ({ direction }) => {
      if (direction === 'out') stopped ??= stage.stop(hana)
    })
    const swapping = alice.node.swap({ give, get })
    await until(() => stopped !== undefined)
    await stopped
    const again = await market.trader('hop-stopped')
    await again.node.connect(alice.address)
    await swapping
    await nothingLocked(alice, again)
    expect([market.change(again, COIN), market.change(again, usd)]).to.deep.equal([TENTH, -get.amount])
  })
})
