import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type ChannelId, COIN, type Hex } from '../../sdk/core/types.ts'
import type { Route } from '../../sdk/node/hops/quote.ts'
import { deploy } from '../sdk/chain/anvil.ts'
import { until } from '../until.ts'
import { Daemon, metric } from './daemon.ts'
import { type Actor, ETHER, rejection, Stage } from './stage.ts'

const FEE = 10n
const AMOUNT = 1_000n
const TOKEN = `0x${'70'.repeat(20)}`
const RATE = { from: 'coin', to: TOKEN, price: { from: '1', to: '3' }, most: '1000' }
const COIN_TERMS = { baseFee: `${FEE}`, feePpm: '0', least: '10', most: '5000' }

describe('tallystick hub', () => {
  let stage: Stage
  const daemons: Daemon[] = []

  before(async () => {
    stage = await Stage.build()
  })
  afterEach(async () => {
    await stage.stopAll()
    await Promise.all(daemons.splice(0).map((daemon) => daemon.stop('SIGKILL')))
  })
  after(() => stage.close())

  const path = (name: string) => join(stage.folder, name)

  function configure(name: string, changes: object = {}): string {
    writeFileSync(path('key'), stage.chain.wallet(4).privateKey)
    const config = {
      rpc: stage.chain.url,
      adjudicator: stage.chain.adjudicator,
      keyFile: path('key'),
      store: path(`${name}.sqlite`),
      listen: ['tcp://127.0.0.1:0'],
      metrics: '127.0.0.1:0',
      assets: { coin: COIN_TERMS },
      margin: 600,
      responseTime: 300,
      ...changes,
    }
    writeFileSync(path(`${name}.json`), JSON.stringify(config))
    return path(`${name}.json`)
  }

  function launch(config: string, ...more: string[]): Daemon {
    const daemon = new Daemon(['hub', '--config', config, ...more])
    daemons.push(daemon)
    return daemon
  }

  interface Served {
    readonly hub: string
    readonly onionKey: Hex
    readonly listening: string[]
  }
  const served = async (daemon: Daemon) => (await daemon.said('serving')) as unknown as Served

  const client = (name: string, scene: string) =>
    stage.start(name, { file: `${name}-${scene}`, node: { forwarding: { margin: 600n, responseTime: 300n } } })

  /** A channel with the hub and an ether on each side. */
  async function enter(actor: Actor, address: string): Promise<ChannelId> {
    const channelId = await actor.node.open(address, { period: 3_600 })
    const { me } = actor.node.channel(channelId)
    for (const member of [me, 1 - me])
      await actor.chain.deposit({ channelId, asset: COIN }, member, ETHER, { intent: `fund/${channelId}/${member}` })
    const { node } = actor
    await until(() => node.balances(channelId).receivable === ETHER && node.balances(channelId).spendable === ETHER)
    return channelId
  }

  /** alice - hub - bob. */
  async function line(daemon: Daemon, scene: string) {
    const { listening, onionKey } = await served(daemon)
    const [alice, bob] = [await client('alice', scene), await client('bob', scene)]
    const channelId = await enter(alice, listening[0]!)
    const second = await enter(bob, listening[0]!)
    const route: Route = { channelId, hops: [{ onionKey, channelId: second, fee: FEE }] }
    const funded = async () =>
      (await metric(await metricsOf(daemon), `tallystick_hub_capacity_out{asset="${COIN}"}`)) === 2e18
    await until(funded)
    return { alice, bob, channelId, second, route }
  }

  const metricsOf = async (daemon: Daemon) => (await daemon.said('metrics')).metrics as string
  const entitlement = ({ node }: Actor, channelId: ChannelId) => node.balances(channelId).entitlement

  it('S20 takes as many connections of one host as it is told to', async () => {
    const { listening } = await served(launch(configure('host', { maxConnectionsPerHost: 1 })))
    const [alice, bob] = [await client('alice', 'host'), await client('bob', 'host')]
    await alice.node.connect(listening[0]!)
    expect(await rejection(bob.node.connect(listening[0]!))).to.have.property('name', 'TransportError')
    await stage.stop(alice)
    const isLetIn = () => bob.node.connect(listening[0]!).then(Boolean, () => false)
    await until(isLetIn)
  })

  it('carries payments of its clients, counts them, refuses what its terms exclude, and ends in order', async () => {
    const daemon = launch(configure('plain'))
    const { alice, bob, channelId, second, route } = await line(daemon, 'plain')
    for (let i = 0; i < 3; i++) await alice.node.payInvoice(await bob.node.invoice({ amount: AMOUNT }), { route })
    const large = await bob.node.invoice({ amount: 5_001n })
    expect((await rejection(alice.node.payInvoice(large, { route }))).message).to.match(
      /hop 1 says AMOUNT_OUT_OF_BOUNDS/,
    )
    await until(() => entitlement(bob, second) === ETHER + 3n * AMOUNT)
    await until(() => entitlement(alice, channelId) === ETHER - 3n * (AMOUNT + FEE))
    const url = await metricsOf(daemon)
    const value = (name: string) => metric(url, `tallystick_hub_${name}`)
    await until(async () => (await value(`forwarded_total{asset="${COIN}"}`)) === 3)
    expect(await value(`forwarded_value_total{asset="${COIN}"}`)).to.equal(3_000)
    expect(await value(`fees_total{asset="${COIN}"}`)).to.equal(30)
    expect(await value(`turned_back_total{asset="${COIN}",reason="AMOUNT_OUT_OF_BOUNDS"}`)).to.equal(1)
    expect(await Promise.all([value('channels'), value('connected'), value('parts'), value('busy')])).to.deep.equal([
      2, 2, 0, 0,
    ])
    expect(await value(`capacity_out{asset="${COIN}"}`)).to.equal(2e18)
    expect(await value('gas_money')).to.be.within(9_000, 10_000)
    expect(await value('commit_seconds_count')).to.be.above(10)
    expect((await fetch(url.replace('metrics', 'healthz'))).status).to.equal(200)
    expect(await daemon.stop()).to.equal(0)
    expect(daemon.lines.at(-1)!.msg).to.equal('stopped')
    expect(daemon.errors).to.equal('')
  })

  it('swaps by its rates, counts what it took and gave, and refuses what it has no rate for', async () => {
    const owner = stage.chain.wallet(4)
    const token = await deploy(owner, 'test/mocks/Payers.sol/AuthorizedToken', 1_000_000n)
    const rate = { from: 'coin', to: token, price: { from: `${ETHER}`, to: '2500' }, most: '1000' }
    const config = { assets: { coin: COIN_TERMS, [token]: {} }, rates: [rate], maxSwapLock: 1_200 }
    const daemon = launch(configure('swaps', config))
    const { listening } = await served(daemon)
    const alice = await client('alice', 'swaps')
    const channelId = await alice.node.open(listening[0]!, { period: 3_600, assets: [COIN, token] })
    const { me } = alice.node.channel(channelId)
    await alice.node.deposit(channelId, ETHER)
    const bank = await stage.hand('tower')
    await bank.deposit({ channelId, asset: token }, 1 - me, 5_000n, { intent: 'stock' })
    await until(() => alice.node.balances(channelId, token).receivable === 5_000n)
    await until(() => alice.node.balances(channelId).spendable === ETHER)
    const url = await metricsOf(daemon)
    await until(async () => (await metric(url, `tallystick_hub_capacity_out{asset="${token}"}`)) === 5_000)
    const get = { asset: token, amount: 250n }
    const { gave } = await alice.node.swap({ give: { amount: ETHER }, get })
    expect(gave.amount).to.equal(ETHER / 10n)
    await until(() => alice.node.balances(channelId).receivable === ETHER / 10n)
    const back = { give: { asset: token, amount: 250n }, get: { amount: 1n }, with: listening[0]! }
    expect(await rejection(alice.node.swap(back))).to.have.property('peerCode', 'ASSET_REFUSED')
    const value = (name: string) => metric(url, `tallystick_hub_${name}{taken="${COIN}",given="${token}"}`)
    await until(async () => (await value('swapped_total')) === 1)
    expect([await value('swapped_taken_total'), await value('swapped_given_total')]).to.deep.equal([1e17, 250])
    await until(() => alice.node.balances(channelId, token).spendable === 250n)
    expect(await daemon.stop()).to.equal(0)
  })

  it('S1 S35 loses nothing when it is killed in the middle of payments and started again', async () => {
    const config = configure('killed')
    const first = launch(config)
    const { alice, bob, channelId, second, route } = await line(first, 'killed')
    const { listening } = await served(first)
    let received = 0
    bob.node.on('invoice-paid', () => received++)
    const invoices = await Promise.all(Array.from({ length: 60 }, () => bob.node.invoice({ amount: AMOUNT })))
    let paid = 0
    const payments = invoices.map((invoice) =>
      alice.node.payInvoice(invoice, { route }).then(
        () => void paid++,
        () => {},
      ),
    )
    await until(() => received > 5)
    await first.stop('SIGKILL')
    const again = launch(config, '--listen', listening[0]!)
    await served(again)
    await Promise.all(payments)
    const quiet = ({ node }: Actor, id: ChannelId) => node.transfers(id).length === 0
    await until(() => quiet(alice, channelId) && quiet(bob, second))
    await until(() => entitlement(alice, channelId) === ETHER - BigInt(paid) * (AMOUNT + FEE))
    expect(received).to.equal(paid)
    expect(entitlement(bob, second)).to.equal(ETHER + BigInt(paid) * AMOUNT)
    await alice.node.payInvoice(await bob.node.invoice({ amount: AMOUNT }), { route })
    expect(await again.stop()).to.equal(0)
  })

  it('opens channels for those alone whom its operator has named', async () => {
    writeFileSync(path('allowed'), `# nobody yet\n0x${'ab'.repeat(20)} # a friend\n`)
    const { listening } = await served(launch(configure('closed', { allowFile: path('allowed') })))
    const stranger = await client('alice', 'closed')
    expect(await rejection(stranger.node.open(listening[0]!))).to.have.property('peerCode', 'NOT_ADMITTED')
  })

  it('tells every mistake of its configuration in one sentence', async () => {
    const wrong: [object, RegExp][] = [
      [
        { assets: { coin: { limits: { parts: 'many' } } } },
        /^error: assets.coin.limits.parts must be a whole number from 1 to 512\. Check .*\.json\.\n$/,
      ],
      [{ fees: 3 }, /^error: fees is no setting of a hub\. Check .*\n$/],
      [
        { assets: { coin: { baseFee: 3 } } },
        /^error: assets.coin.baseFee must be an amount .* as a text, such as "1000"\. .*\n$/,
      ],
      [{ assets: { gold: {} } }, /^error: assets.gold is no asset\. Write "coin", or the address of a token\.\n$/],
      [
        { assets: { coin: {}, [TOKEN]: {} }, rates: [{ ...RATE, to: 'coin' }] },
        /^error: rates.0 is of one asset. Name two\.\n$/,
      ],
      [{ rates: [RATE] }, /^error: rates.0 names an asset that is not in assets\. .*\n$/],
      [
        { assets: { coin: {}, [TOKEN]: {} }, rates: [{ ...RATE, price: { from: '1', to: '0' } }] },
        /^error: rates.0.price has a zero\. .*\n$/,
      ],
      [
        { assets: { coin: {}, [TOKEN]: {} }, rates: [RATE], maxSwapLock: 600 },
        /^error: maxSwapLock of 600 is not above margin of 600: .*\n$/,
      ],
      [{ adjudicator: 'here' }, /^error: adjudicator must be an address: 0x and 40 hex digits\. .*\n$/],
      [{ margin: 10 }, /^error: responseTime of 300 is above margin of 10: .*\n$/],
      [{ rpc: undefined, keyFile: undefined }, /^error: rpc is missing\. .*\nkeyFile is missing\. .*\n$/],
      [{ allowFile: path('damaged') }, /^error: Line 1 of .*damaged is no session key: .*\n$/],
    ]
    writeFileSync(path('damaged'), 'alice')
    await Promise.all(
      wrong.map(async ([changes, expected], index) => {
        const daemon = launch(configure(`wrong-${index}`, changes))
        expect(await daemon.ended()).to.equal(1)
        expect(daemon.errors).to.match(expected)
      }),
    )
  })
})
