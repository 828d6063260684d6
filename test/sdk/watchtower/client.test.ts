import { expect } from 'chai'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { type MemoryNetwork, memoryTransport } from '../../../sdk/transport/memory.ts'
import { openAppointment } from '../../../sdk/watchtower/appointment.ts'
import { TowerClient, type TowerClientOptions, towerIdentity } from '../../../sdk/watchtower/client.ts'
import type { TowerEvent } from '../../../sdk/watchtower/events.ts'
import type { Quote, TowerMessage } from '../../../sdk/watchtower/messages.ts'
import { contentOf, verifyReceipt } from '../../../sdk/watchtower/receipt.ts'
import type { TowerClientEvent, TowerSpec } from '../../../sdk/watchtower/spec.ts'
import { Subscriptions } from '../../../sdk/watchtower/subscriptions.ts'
import { Watchtower, type WatchtowerOptions } from '../../../sdk/watchtower/tower.ts'
import { decodeTowerMessage, encodeTowerMessage } from '../../../sdk/watchtower/wire.ts'
import { until } from '../../until.ts'
import { signerOf } from '../node/actors.ts'
import { ModelChain } from '../node/model-chain.ts'
import { channelOf, DOMAIN, evidenceOf } from './evidence.ts'
import { HandClock, TowerView } from './model-feed.ts'

const SPEC: TowerSpec = { tower: signerOf('tower').address, address: 'memory:tower' }
const channel = channelOf()
const of = (version: bigint, nonce = 7n, generation = 0) =>
  evidenceOf(nonce === 7n ? channel : channelOf('alice', 'mallory', nonce), [version, 0n], { generation })

describe('a client of towers', () => {
  let network: MemoryNetwork
  let clock: HandClock
  let chain: ModelChain
  const running: { stop(): Promise<void> }[] = []
  const told: TowerClientEvent[] = []
  const seen: TowerEvent[] = []

  beforeEach(() => {
    network = new Map()
    clock = new HandClock()
    chain = new ModelChain()
    told.length = 0
    seen.length = 0
  })
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop()
  })

  async function tower(options: Partial<WatchtowerOptions> = {}, name = 'tower'): Promise<Watchtower> {
    const signer = signerOf(name)
    const started = await Watchtower.start({
      chain: new TowerView(chain, signerOf('gas').address),
      store: memoryStore(),
      signer,
      transports: [memoryTransport({ signer, network })],
      listen: [`memory:${name}`],
      clock,
      onEvent: (event) => seen.push(event),
      ...options,
    })
    running.push(started)
    return started
  }

  async function client(options: Partial<TowerClientOptions> = {}): Promise<TowerClient> {
    const started = await TowerClient.start({
      domain: DOMAIN,
      signer: signerOf('alice'),
      store: memoryStore(),
      towers: [SPEC],
      transports: (signer) => [memoryTransport({ signer, network })],
      onEvent: (event) => told.push(event),
      clock,
      ...options,
    })
    running.push(started)
    return started
  }

  const end = async (one: { stop(): Promise<void> }) => {
    running.splice(running.indexOf(one), 1)
    await one.stop()
  }

  /** Lets turns pass until every tower has confirmed everything. */
  const current = (one: TowerClient, ms = 1_000) =>
    until(() => {
      clock.pass(ms)
      return one.lag().every(({ connected, behind }) => connected && behind === 0)
    })

  const kinds = () => told.map(({ kind }) => kind)
  const appointed = () => seen.reduce((sum, event) => sum + (event.kind === 'appointed' ? event.count : 0), 0)
  const held = (one: TowerClient) => {
    const { appointment, receipt } = one.kept(SPEC.tower, of(1n))!
    expect(receipt.content).to.equal(contentOf(appointment))
    expect(verifyReceipt(DOMAIN, SPEC.tower, receipt)).to.equal(true)
    return openAppointment(DOMAIN, appointment, of(1n))
  }

  it('brings a tower up to date with the newest of each ledger alone, and keeps its receipt', async () => {
    await tower()
    const alice = await client()
    for (let version = 1n; version <= 50n; version++) alice.update(of(version), 60)
    alice.update(of(3n, 8n), 10)
    await current(alice)
    expect(appointed()).to.equal(2)
    expect(held(alice)).to.deep.equal(of(50n))
    for (let version = 51n; version <= 60n; version++) alice.update(of(version), 60)
    await current(alice)
    expect(held(alice)).to.deep.equal(of(60n))
    expect(alice.kept(SPEC.tower, of(1n))!.appointment.sequence).to.equal(2n)
    expect(appointed()).to.equal(3)
  })

  it('brings more ledgers than one frame takes', async () => {
    await tower()
    const alice = await client()
    for (let nonce = 100n; nonce < 250n; nonce++) alice.update(of(1n, nonce), 0)
    await current(alice)
    expect(appointed()).to.equal(150)
  })

  it('sends after a restart only what a tower has not confirmed', async () => {
    await tower()
    const store = memoryStore()
    const first = await client({ store })
    first.update(of(1n), 0)
    first.update(of(1n, 8n), 0)
    await current(first)
    await end(first)

    const again = await client({ store })
    again.update(of(1n), 0)
    again.update(of(2n, 8n), 0)
    await current(again)
    expect(appointed()).to.equal(3)
    expect(again.kept(SPEC.tower, of(1n, 8n))!.appointment.sequence).to.equal(2n)
  })

  it('sends what changed last before it stops', async () => {
    const one = await tower()
    const alice = await client()
    alice.update(of(1n), 0)
    await current(alice)
    alice.update(of(2n), 0)
    const before = appointed()
    const stopping = end(alice)
    await stopping
    expect(appointed()).to.equal(before + 1)
    expect((await one.status()).appointments).to.equal(1)
  })

  it('S3 overwrites nothing newer with an old copy of its store, and goes on when it has caught up', async () => {
    await tower()
    const store = memoryStore()
    const first = await client({ store })
    first.update(of(1n), 0)
    await current(first)
    const copy = await copyOf(store)
    for (const version of [2n, 3n]) {
      first.update(of(version), 0)
      await current(first)
    }
    await end(first)

    const old = await client({ store: copy })
    old.update(of(2n), 0)
    await until(() => {
      clock.pass(1_000)
      return kinds().includes('ahead')
    })
    expect(old.lag()).to.deep.equal([{ tower: SPEC.tower, connected: true, behind: 1 }])
    expect(kinds().filter((kind) => kind === 'ahead')).to.have.length(1)
    old.update(of(4n), 0)
    await current(old, 30_000)
    expect(held(old)).to.deep.equal(of(4n))
    expect(kinds().filter((kind) => kind === 'ahead')).to.have.length(1)
  })

  it('S7 makes good what it forgot, with an empty store', async () => {
    await tower()
    const first = await client()
    first.update(of(5n), 0)
    await current(first)
    await end(first)
    const again = await client()
    again.update(of(5n), 0)
    await current(again)
    again.update(of(1n, 7n, 1), 0)
    await current(again)
    expect(held(again)).to.deep.equal(of(1n, 7n, 1))
    expect(kinds()).to.not.include('ahead')
  })

  it('has a tower forget what holds nothing any more, and can appoint again', async () => {
    const one = await tower()
    const alice = await client()
    alice.update(of(5n), 0)
    await current(alice)
    alice.update({ ...of(0n, 7n, 1), states: [] }, 0)
    await current(alice)
    expect(alice.kept(SPEC.tower, of(1n))).to.equal(undefined)
    alice.update(of(1n, 7n, 1), 0)
    await current(alice)
    expect(held(alice)).to.deep.equal(of(1n, 7n, 1))
    expect((await one.status()).appointments).to.equal(1)
  })

  it('says which tower lags, and when it has caught up', async () => {
    const hana = { tower: signerOf('hana').address, address: 'memory:hana' }
    await tower()
    const alice = await client({ towers: [SPEC, hana], patience: 5_000 })
    alice.update(of(1n), 0)
    await until(() => {
      clock.pass(1_000)
      return kinds().includes('lagging')
    })
    expect(told.find(({ kind }) => kind === 'lagging')).to.deep.equal({
      kind: 'lagging',
      tower: hana.tower,
      ledgers: 1,
    })
    expect(alice.lag()).to.deep.include({ tower: hana.tower, connected: false, behind: 1 })
    await tower({}, 'hana')
    await current(alice, 60_000)
    expect(told.at(-1)).to.deep.equal({ kind: 'current', tower: hana.tower })
  })

  it('dials again when a tower comes back, which knows everything', async () => {
    const store = memoryStore()
    const first = await tower({ store })
    const alice = await client()
    alice.update(of(1n), 0)
    await current(alice)
    await end(first)
    await until(() => kinds().includes('disconnected'))
    alice.update(of(2n), 0)
    await tower({ store })
    await current(alice, 60_000)
    expect(held(alice)).to.deep.equal(of(2n))
  })

  it('renews its receipts at half of their term', async () => {
    clock.round = Number(chain.tip.head.timestamp) * 1_000
    await tower({ term: 10_000n })
    const alice = await client()
    alice.update(of(1n), 0)
    await current(alice)
    const { receipt } = alice.kept(SPEC.tower, of(1n))!
    chain.advance(6_000n)
    clock.pass(6_000_000)
    await until(() => {
      clock.pass(1_000)
      return alice.kept(SPEC.tower, of(1n))!.receipt.until > receipt.until
    })
    expect(alice.kept(SPEC.tower, of(1n))!.receipt.sequence).to.equal(receipt.sequence)
  })

  it('is somebody else to each tower, and to none its session key', async () => {
    const signer = signerOf('alice')
    const [one, other] = ['tower', 'hana'].map((name) => towerIdentity(signer, signerOf(name).address))
    expect(new Set([signer.address, one!.address, other!.address])).to.have.property('size', 3)
    expect(towerIdentity(signer, SPEC.tower).address).to.equal(one!.address)
  })

  it('warns that a tower without traces can be kept from opening what is sealed, not what is clear', async () => {
    const view = new TowerView(chain, signerOf('gas').address)
    view.traces = false
    await tower({ chain: view })
    const alice = await client()
    alice.update(of(1n), 0)
    await current(alice)
    expect(kinds()).to.include('untraced')
    told.length = 0
    const bob = await client({ signer: signerOf('bob'), towers: [{ ...SPEC, privacy: 'clear' }] })
    bob.update(of(1n), 0)
    await current(bob)
    expect(kinds()).to.not.include('untraced')
    expect(bob.kept(SPEC.tower, of(1n))!.appointment.sealed).to.equal(false)
  })

  describe('of towers that are paid', () => {
    const terms = { price: 5n, asset: DOMAIN.adjudicator, payTo: signerOf('hana').address }

    async function paidTower(): Promise<Subscriptions> {
      const subscriptions = await Subscriptions.open(memoryStore(), terms)
      await tower({ terms, isPaid: subscriptions.isPaid, quote: subscriptions.quote })
      return subscriptions
    }

    it('pays what was quoted once, and is watched', async () => {
      const subscriptions = await paidTower()
      const paid: Quote[] = []
      const pay = async (quote: Quote) => {
        paid.push(quote)
        const { id, amount, asset } = quote
        expect(await subscriptions.credit({ id, amount, asset }, chain.tip.head.timestamp)).to.equal(true)
      }
      const alice = await client({ towers: [{ ...SPEC, pay, months: 2 }] })
      alice.update(of(1n), 0)
      await current(alice)
      expect(paid.map(({ amount, payTo }) => [amount, payTo])).to.deep.equal([[10n, terms.payTo]])
      expect(appointed()).to.equal(1)
    })

    it('pays not again when a tower denies that it was paid', async () => {
      await paidTower()
      let payments = 0
      const pay = async () => {
        payments++
      }
      const alice = await client({ towers: [{ ...SPEC, pay }] })
      alice.update(of(1n), 0)
      const refused = () => told.filter((event) => event.kind === 'refused' && event.code === 'UNPAID').length
      await until(() => {
        clock.pass(61_000)
        return refused() >= 3
      })
      expect(payments).to.equal(1)
      expect(alice.lag()[0]).to.include({ behind: 1 })
    })

    it('tells the quote where it may not pay by itself, and why a payment failed', async () => {
      await paidTower()
      await client()
      await until(() => {
        clock.pass(1_000)
        return kinds().includes('unpaid')
      })
      const [unpaid] = told.filter((event) => event.kind === 'unpaid')
      expect(unpaid!.quote).to.include({ amount: 5n, months: 1 })
      told.length = 0
      const poor = { ...SPEC, pay: () => Promise.reject(new Error('no money')) }
      await client({ signer: signerOf('bob'), towers: [poor] })
      await until(() => {
        clock.pass(1_000)
        return kinds().includes('unpaid')
      })
      expect(told.filter((event) => event.kind === 'unpaid')[0]!.error).to.have.property('message', 'no money')
    })
  })

  describe('S15 hangs up on a tower that', () => {
    const offences: [string, (message: TowerMessage) => TowerMessage[]][] = [
      ['is on another chain', () => [{ kind: 'greet', protocol: 1, domain: { ...DOMAIN, chainId: 1n } }]],
      ['says what only a client says', () => [{ kind: 'recall', locator: `0x${'00'.repeat(32)}` }]],
      [
        'gives a receipt that it did not sign',
        (message) => {
          const offer = {
            price: 0n,
            asset: DOMAIN.adjudicator,
            payTo: SPEC.tower,
            ledgers: 9,
            traces: true,
            paid: true,
          }
          if (message.kind === 'greet')
            return [
              { kind: 'greet', protocol: 1, domain: DOMAIN },
              { kind: 'offer', offer },
            ]
          if (message.kind !== 'appoint') return []
          const [{ locator, sequence, body }] = message.appointments as [(typeof message.appointments)[number]]
          const promise = { locator, sequence, content: contentOf({ body }), from: 0n, until: 9n }
          return [{ kind: 'receipts', receipts: [{ ...promise, signature: new Uint8Array(64) }] }]
        },
      ],
      [
        'quotes more than it offered',
        (message) => {
          const terms = { price: 1n, asset: DOMAIN.adjudicator, payTo: SPEC.tower }
          const offer = { ...terms, ledgers: 9, traces: true, paid: false }
          if (message.kind === 'greet')
            return [
              { kind: 'greet', protocol: 1, domain: DOMAIN },
              { kind: 'offer', offer },
            ]
          if (message.kind !== 'quote') return []
          return [{ kind: 'quoted', quote: { ...terms, id: `0x${'00'.repeat(16)}`, months: 1, amount: 2n } }]
        },
      ],
    ]

    for (const [offence, answer] of offences)
      it(offence, async () => {
        const signer = signerOf('tower')
        const listener = await memoryTransport({ signer, network }).listen('memory:tower', (connection) => {
          connection.onFrame = (frame) => {
            for (const message of answer(decodeTowerMessage(frame))) connection.send(encodeTowerMessage(message))
          }
        })
        running.push({ stop: () => listener.close() })
        const alice = await client({
          towers: [{ ...SPEC, pay: () => Promise.reject(new Error('it pays a liar')) }],
        })
        alice.update(of(1n), 0)
        await until(() => {
          clock.pass(100)
          return kinds().includes('disconnected')
        })
        const reason = told.flatMap((event) => (event.kind === 'disconnected' ? [event.reason] : []))[0]
        expect((reason as { code?: string }).code).to.be.oneOf(['TOWER_PROTOCOL', 'TOWER_OF_ANOTHER_CHAIN'])
        expect(kinds()).to.not.include('unpaid')
        expect(alice.kept(SPEC.tower, of(1n))).to.equal(undefined)
      })
  })

  it('refuses a tower that no transport reaches', async () => {
    const refused = await client({ towers: [{ ...SPEC, address: 'tcp://tower.example:1' }] }).then(
      () => undefined,
      (error: Error) => error,
    )
    expect(refused).to.have.property('code', 'INVALID_OPTION')
  })
})

async function copyOf(store: Store): Promise<Store> {
  const copy = memoryStore()
  for await (const [key, value] of store.list('')) await copy.commit([{ key, value }])
  return copy
}
