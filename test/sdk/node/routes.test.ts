import { expect } from 'chai'
import type { ChannelId } from '../../../sdk/core/types.ts'
import { systemClock } from '../../../sdk/node/clock.ts'
import type { Node, NodeOptions } from '../../../sdk/node/node.ts'
import { GATHERING_TIME } from '../../../sdk/protocols/invoicing.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { until } from '../../until.ts'
import { rejection, World } from './actors.ts'

const FORWARDING = { baseFee: 10n, feePpm: 0n, margin: 600n, responseTime: 300n, revealCost: 0n }

describe('ways that a node finds', () => {
  let world: World
  /** While it is set, nothing of bob's becomes durable, so he neither answers nor carries anything. */
  let frozen: Promise<void> | undefined
  let thaw = () => {}
  /** Of those who start again. */
  let stores: Readonly<Record<string, Store>>
  /** Milliseconds that the nodes' clocks were moved by; the chain's stands still. */
  let leap = 0
  beforeEach(() => {
    world = new World()
    const bob = memoryStore()
    const commit: Store['commit'] = async (writes) => {
      await frozen
      await bob.commit(writes)
    }
    stores = { alice: memoryStore(), carol: memoryStore(), bob: { ...bob, commit } }
  })
  afterEach(async () => {
    thaw()
    await world.stop()
  })

  const freeze = () => {
    frozen = new Promise((resolve) => {
      thaw = () => {
        frozen = undefined
        resolve()
      }
    })
  }

  const start = (name: string, forwarding: NodeOptions['forwarding'] = {}) =>
    world.start(name, {
      clock: { ...systemClock, elapsed: () => performance.now() + leap },
      gossip: { limits: { interval: 1 } },
      forwarding: { ...FORWARDING, ...forwarding },
      ...(stores[name] && { store: stores[name] }),
    })

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

  const received = (node: Node) => node.channels().reduce((sum, { ledgers }) => sum + ledgers[0]!.spendable, 0n)
  const locked = (node: Node) =>
    node
      .channels()
      .flatMap(({ channelId }) => node.transfers(channelId))
      .filter(({ direction }) => direction === 'in')
  /** Alice's parts over bob are locked and go no further; those over hana have arrived. */
  async function halfway(options = {}) {
    const all = await diamond(600_000n)
    const invoice = await all.carol.invoice({ amount: 900_000n })
    freeze()
    const outcome = all.alice.payInvoice(invoice, { maxFee: 1_000n, ...options }).then(
      ({ parts }) => parts,
      (error: Error) => error.message,
    )
    await until(() => locked(all.carol).length > 0)
    return { ...all, invoice, outcome }
  }
  /** A minute later the payee gives back what waits. */
  async function inVain(carol: Node): Promise<void> {
    const vain = locked(carol).map(({ id }) => id)
    leap += GATHERING_TIME + 1
    // Others may have come in their place at once.
    await until(() => !locked(carol).some(({ id }) => vain.includes(id)))
  }

  it('are tried again for a part that the payee gave back as incomplete', async () => {
    const { carol, outcome } = await halfway()
    await inVain(carol)
    await until(() => locked(carol).length > 0)
    thaw()
    expect(await outcome).to.be.greaterThan(1)
    await until(() => received(carol) === 2_100_000n)
  })

  it('end with PAYMENT_INCOMPLETE if no attempt is left, and leave the invoice payable', async () => {
    const { alice, carol, invoice, outcome } = await halfway({ attempts: 0 })
    await inVain(carol)
    thaw()
    await until(() => locked(carol).length > 0)
    await inVain(carol)
    expect(await outcome).to.match(/hop 2 says PAYMENT_INCOMPLETE/)
    expect((await alice.payInvoice(invoice, { maxFee: 1_000n })).parts).to.be.greaterThan(1)
    await until(() => received(carol) === 2_100_000n)
  })

  it('S35 are gone to their end by parts that were locked when the payer stopped, after it started again', async () => {
    const { alice, carol, invoice, outcome } = await halfway()
    await alice.stop()
    expect(await outcome).to.match(/stopped/)
    const again = await start('alice')
    const ends: boolean[] = []
    again.on('invoice-sent', ({ paid }) => ends.push(paid))
    expect(await rejection(again.payInvoice(invoice))).to.have.property('code', 'INVOICE_PAID')
    thaw()
    for (const name of ['hana', 'bob']) await again.connect(`memory:${name}`)
    await until(() => ends.length === 1)
    expect(ends).to.deep.equal([true])
    expect(await rejection(again.payInvoice(invoice))).to.have.property('code', 'INVOICE_PAID')
    await until(() => received(carol) === 2_100_000n && received(again) <= 4_000_000n - 900_000n)
  })

  it('S35 are tried again for a part that the payee forgot when it started again', async () => {
    const { carol, hana, outcome } = await halfway()
    const back = new Promise<void>((resolve) => {
      hana.on(
        'resolved',
        ({ direction, resolution: { kind } }) => direction === 'out' && kind === 'cancel' && resolve(),
      )
    })
    await carol.stop()
    // Hana and bob dial her again.
    const again = await start('carol')
    await back
    thaw()
    expect(await outcome).to.be.greaterThan(1)
    await until(() => received(again) === 2_100_000n)
  })

  it('are as good as before when a peer that was away is back: what it could carry was never in question', async () => {
    const { alice, hana, bob, carol } = await diamond(600_000n)
    const [small, large] = [await carol.invoice({ amount: 100_000n }), await carol.invoice({ amount: 900_000n })]
    await carol.stop()
    const isBack = (hub: Node) => hub.channels().every(({ connected }) => connected)
    await until(() => !isBack(hana) && !isBack(bob))
    expect(await rejection(alice.payInvoice(small)))
      .to.have.property('message')
      .that.matches(/PEER_AWAY|no way/i)
    const again = await start('carol')
    await until(() => isBack(hana) && isBack(bob))
    expect(await alice.payInvoice(large)).to.include({ parts: 2 })
    await until(() => received(again) === 2_100_000n)
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
