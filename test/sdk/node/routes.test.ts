import { expect } from 'chai'
import type { ChannelId } from '../../../sdk/core/types.ts'
import type { Node, NodeOptions } from '../../../sdk/node/node.ts'
import { rejection, until, World } from './actors.ts'

const FORWARDING = { baseFee: 10n, feePpm: 0n, margin: 600n, responseTime: 300n, revealCost: 0n }

describe('ways that a node finds', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.stop())

  const start = (name: string, forwarding: NodeOptions['forwarding'] = {}) =>
    world.start(name, { gossip: { limits: { interval: 1 } }, forwarding: { ...FORWARDING, ...forwarding } })

  async function channel(one: Node, other: Node, name: string, amounts: readonly [bigint, bigint]): Promise<ChannelId> {
    const channelId = await one.open(`memory:${name}`)
    const [mine, theirs] = amounts
    await Promise.all([mine && one.deposit(channelId, mine), theirs && other.deposit(channelId, theirs)])
    await until(() => one.balances(channelId).spendable === mine && one.balances(channelId).receivable === theirs)
    return channelId
  }

  /** alice - hana - carol and alice - bob - carol; hubs hold `held` towards carol, who holds as much. */
  async function diamond(held: bigint, hub: NodeOptions['forwarding'] = {}) {
    const alice = await start('alice')
    const [hana, bob, carol] = [await start('hana', hub), await start('bob', hub), await start('carol')]
    await channel(alice, hana, 'hana', [2_000_000n, 0n])
    await channel(alice, bob, 'bob', [2_000_000n, 0n])
    await channel(hana, carol, 'carol', [held, held])
    await channel(bob, carol, 'carol', [held, held])
    await until(() => alice.network().announced === 4)
    const invoice = await carol.invoice({ amount: 2n * held - 50_000n })
    // More than one hub carries: alice knows both.
    const isKnown = () =>
      alice.quote(invoice, { maxFee: 1_000n }).then(
        () => true,
        () => false,
      )
    while (!(await isKnown())) await new Promise((resolve) => setTimeout(resolve, 20))
    return { alice, hana, bob, carol }
  }

  it('lead around a channel that turns out to carry less, in parts, and are paid for once', async () => {
    const { alice, carol } = await diamond(600_000n, { baseFee: 200n })
    // The bucket of each hub allows 620,000; neither has it.
    const invoice = await carol.invoice({ amount: 620_000n })
    expect(await alice.quote(invoice)).to.include({ parts: 1 })
    const paid = await alice.payInvoice(invoice)
    expect(paid.parts).to.be.greaterThan(1)
    expect(paid.fee).to.equal(200n * BigInt(paid.parts))
    await until(() => carol.channels().reduce((sum, { ledgers }) => sum + ledgers[0]!.spendable, 0n) === 1_820_000n)
  })

  it('end when attempts, money or fees are used up, and leave the invoice payable', async () => {
    const { alice, carol } = await diamond(600_000n)
    const invoice = await carol.invoice({ amount: 900_000n })
    const gone = await rejection(alice.payInvoice(invoice, { attempts: 0, maxParts: 1 }))
    expect(gone).to.have.property('code', 'PAYMENT_FAILED')
    expect(await rejection(alice.quote(await carol.invoice({ amount: 1_300_000n }), { maxFee: 0n }))).to.include({
      reason: 'TOO_DEAR',
    })
    expect(await rejection(alice.quote(await carol.invoice({ amount: 5_000_000n })))).to.include({
      reason: 'BALANCE_TOO_SMALL',
    })
    expect(await rejection(alice.quote(await carol.invoice({ amount: 3_000_000n })))).to.include({
      reason: 'TOO_LARGE',
    })
    const stranger = await start('dave')
    expect(await rejection(stranger.quote(invoice))).to.include({ code: 'NO_ROUTE', reason: 'NO_PATH' })
    expect((await alice.payInvoice(invoice, { maxFee: 1_000n })).parts).to.be.greaterThan(1)
  })

  it('are not looked for twice for one invoice at a time', async () => {
    const { alice, carol } = await diamond(600_000n)
    const invoice = await carol.invoice({ amount: 400_000n })
    const both = await Promise.allSettled([alice.payInvoice(invoice), alice.payInvoice(invoice)])
    expect(both.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected'])
    expect(await rejection(alice.payInvoice(invoice))).to.have.property('code', 'INVOICE_PAID')
  })

  it('stay as they are when the waiting ends, and no other is tried', async () => {
    const { alice, carol } = await diamond(600_000n)
    const invoice = await carol.invoice({ amount: 400_000n })
    const ending = new AbortController()
    const ends: boolean[] = []
    alice.on('invoice-sent', ({ paid }) => ends.push(paid))
    const paying = rejection(alice.payInvoice(invoice, { signal: ending.signal }))
    alice.on('locked', () => ending.abort(new Error('enough')))
    expect(await paying).to.have.property('message', 'enough')
    await until(() => ends.length === 1)
    expect(ends).to.deep.equal([true])
  })

  it('lead with staggered deadlines in mode plain', async () => {
    const { alice, carol } = await diamond(600_000n)
    const paid = await alice.payInvoice(await carol.invoice({ amount: 400_000n }), { mode: 'plain' })
    expect(paid.fee).to.equal(10n)
    expect(paid.opening).to.equal(undefined)
  })

  it('are told with fee and chance before anything is sent', async () => {
    const { alice, carol } = await diamond(600_000n)
    const quote = await alice.quote(await carol.invoice({ amount: 400_000n }))
    expect(quote).to.include({ amount: 400_000n, fee: 10n, parts: 1 })
    expect(quote.chance).to.be.within(0.9, 1)
    expect(alice.channels().every(({ channelId }) => alice.transfers(channelId).length === 0)).to.equal(true)
  })
})
