import { expect } from 'chai'
import { toHex } from '../../sdk/core/bytes.ts'
import { invoiceDigest } from '../../sdk/core/invoice.ts'
import type { ChannelId } from '../../sdk/core/types.ts'
import type { Route } from '../../sdk/node/hops/quote.ts'
import type { NodeOptions } from '../../sdk/node/node.ts'
import type { Store } from '../../sdk/storage/store.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, pause, rejection, Stage } from './stage.ts'

const FEE = 10n
const FORWARDING = { baseFee: FEE, feePpm: 0n, margin: 600n, responseTime: 300n }

/** A store whose commits take as long as `wait` says. */
const slowed = (store: Store, wait: () => Promise<unknown>): Store => ({
  get: (key) => store.get(key),
  list: (prefix, after) => store.list(prefix, after),
  close: () => store.close(),
  async commit(writes) {
    await wait()
    await store.commit(writes)
  },
})

describe('a hub that has enough to do', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  /** Lets a store that was frozen go on. */
  let thaw = () => {}
  afterEach(async () => {
    thaw()
    await stage.stopAll()
  })
  after(() => stage.close())

  interface Line {
    readonly alice: Actor
    readonly hub: Actor
    readonly bob: Actor
    readonly second: ChannelId
    readonly route: Route
  }

  /** alice - hub - bob. */
  async function line(
    scene: string,
    changes: NodeOptions['forwarding'],
    { hub: store, bob: others }: { readonly hub?: Store; readonly bob?: Store } = {},
  ): Promise<Line> {
    const start = (name: string, forwarding: NodeOptions['forwarding'], of?: Store) =>
      stage.start(name, {
        file: `${name}-${scene}`,
        node: { forwarding: { ...FORWARDING, ...forwarding } },
        ...(of && { store: of }),
      })
    const [alice, hub, bob] = [
      await start('alice', {}),
      await start('mallory', changes, store),
      await start('bob', {}, others),
    ]
    const first = await stage.pair(alice, hub, 3_600)
    const second = await stage.pair(hub, bob, 3_600)
    const route = { channelId: first, hops: [{ onionKey: hub.node.onionKey!, channelId: second, fee: FEE }] }
    return { alice, hub, bob, second, route }
  }

  async function payMany({ alice, bob, route }: Line, count: number): Promise<string[]> {
    const invoices = await Promise.all(Array.from({ length: count }, () => bob.node.invoice({ amount: 100n })))
    const outcomes = invoices.map((invoice) =>
      alice.node.payInvoice(invoice, { route }).then(
        () => 'paid',
        (error: Error) => error.message,
      ),
    )
    return Promise.all(outcomes)
  }

  it('S39 refuses what it has no room for at once, and carries the rest', async () => {
    const all = await line('full', { maxParts: 3 })
    const outcomes = await payMany(all, 40)
    const paid = outcomes.filter((outcome) => outcome === 'paid').length
    expect(paid).to.be.within(3, 39)
    for (const outcome of outcomes) expect(outcome).to.match(/^paid$|hop 1 says NODE_BUSY/)
    await until(() => all.bob.node.balances(all.second).spendable === ETHER + BigInt(paid) * 100n)
    await until(() => all.hub.node.load().carrying === 0)
    expect(await payMany(all, 1)).to.deep.equal(['paid'])
  })

  it('S39 counts no part any more that a payee refused and never acknowledged, once its deadline has passed', async () => {
    const lasting = { amount: 100n, seconds: 86_400n }
    let frozen = Promise.resolve()
    const store = slowed(stage.openStore('bob', 'bob-stuck'), () => frozen)
    const limits = { parts: 1, value: ETHER, residuals: ETHER }
    const all = await line('stuck', { maxParts: 1, limits }, { bob: store })
    const { alice, hub, bob, second, route } = all
    const [invoice, next] = [await bob.node.invoice({ amount: 100n }), await bob.node.invoice(lasting)]
    bob.node.cancelInvoice(toHex(invoiceDigest(stage.domain, invoice.invoice)))
    // What bob asked for is written, and he never signs that he has seen it.
    const asked = new Promise<void>((heard) => {
      const stop = hub.node.on('asked', () => {
        stop()
        frozen = new Promise((resolve) => {
          thaw = resolve
        })
        heard()
      })
    })
    const refused = rejection(alice.node.payInvoice(invoice, { route }))
    await asked
    await until(() => hub.node.transfers(second).length === 0)
    expect(hub.node.load()).to.include({ carrying: 1, busy: true })
    await stage.later(7 * 3_600)
    expect(await refused).to.have.property('code', 'PAYMENT_FAILED')
    await until(() => !hub.node.load().busy)
    expect(hub.node.load().carrying).to.equal(0)
    // Alice may not have seen yet how late it is.
    const paying = alice.node.payInvoice(next, { route, seconds: 43_200n })
    await until(() => hub.node.transfers(second).length === 1)
    thaw()
    await paying
  })

  it('S39 refuses what it could not remember until its deadline', async () => {
    const all = await line('forgetful', { maxPackets: 2 })
    expect(await payMany(all, 2)).to.deep.equal(['paid', 'paid'])
    const [third] = await payMany(all, 1)
    expect(third).to.match(/hop 1 says NODE_BUSY/)
    await stage.later(7 * 3_600)
    await until(async () => (await payMany(all, 1))[0] === 'paid')
  })

  it('refuses while its store takes too long, and carries again afterwards', async () => {
    let wait = 0
    const slow = slowed(stage.openStore('mallory', 'mallory-slow'), () => pause(wait))
    const all = await line('slow', { maxStoreLag: 150 }, { hub: slow })
    wait = 300
    // Its own commits show how slow the store has become.
    await payMany(all, 1)
    const [outcome] = await payMany(all, 1)
    expect(outcome).to.match(/hop 1 says NODE_BUSY/)
    wait = 0
    await until(() => !all.hub.node.load().busy)
    expect(await payMany(all, 1)).to.deep.equal(['paid'])
  })

  it('takes nothing new while it drains, and ends what is on its way', async () => {
    const all = await line('drain', {})
    let carried = 0
    all.hub.node.on('forwarded', () => carried++)
    const paying = payMany(all, 20)
    await until(() => all.hub.node.load().carrying > 0)
    await all.hub.node.drain()
    expect(all.hub.node.load()).to.include({ carrying: 0, busy: true })
    const outcomes = await paying
    for (const outcome of outcomes) expect(outcome).to.match(/^paid$|hop 1 says NODE_BUSY/)
    expect(outcomes.filter((outcome) => outcome === 'paid').length).to.equal(carried)
    const [late] = await payMany(all, 1)
    expect(late).to.match(/hop 1 says NODE_BUSY/)
  })

  it('carries nothing over a channel that holds less than its terms ask', async () => {
    const { alice, bob, route } = await line('poor', { minimumDeposit: 2n * ETHER + 1n })
    const refused = await rejection(alice.node.payInvoice(await bob.node.invoice({ amount: 100n }), { route }))
    expect(refused.message).to.match(/hop 1 says CHANNEL_UNAVAILABLE/)
  })
})
