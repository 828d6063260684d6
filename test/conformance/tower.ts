import { expect } from 'chai'
import type { Address, Hex } from '../../sdk/core/types.ts'
import type { SessionSigner } from '../../sdk/signing/signer.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import type { Connection, Transport } from '../../sdk/transport/transport.ts'
import { type Appointment, appointmentOf } from '../../sdk/watchtower/appointment.ts'
import type { TowerEvent } from '../../sdk/watchtower/events.ts'
import type { TowerMessage } from '../../sdk/watchtower/messages.ts'
import { contentOf, orderDigest, verifyReceipt } from '../../sdk/watchtower/receipt.ts'
import { Watchtower, type WatchtowerOptions } from '../../sdk/watchtower/tower.ts'
import { decodeTowerMessage, encodeTowerMessage } from '../../sdk/watchtower/wire.ts'
import { signerOf } from '../sdk/node/actors.ts'
import { ModelChain } from '../sdk/node/model-chain.ts'
import { channelOf, DOMAIN, evidenceOf } from '../sdk/watchtower/evidence.ts'
import { HandClock, TowerView } from '../sdk/watchtower/model-feed.ts'
import { until } from '../until.ts'

/** What an adapter of the transport port brings. */
export interface TowerFixture {
  transport(signer: SessionSigner): Transport
  /** To listen on. */
  readonly address: string
}

const NO_LOCATOR: Hex = `0x${'00'.repeat(32)}`

/** A client by hand: says what a test tells it to. */
class Client {
  readonly heard: TowerMessage[] = []
  readonly signer: SessionSigner
  readonly #tower: Address
  readonly #connection: Connection
  isCutOff = false

  private constructor(signer: SessionSigner, tower: Address, connection: Connection) {
    this.signer = signer
    this.#tower = tower
    this.#connection = connection
    connection.onFrame = (frame) => this.heard.push(decodeTowerMessage(frame))
    connection.onClose = () => {
      this.isCutOff = true
    }
  }

  static async dial(fixture: TowerFixture, tower: Watchtower, name = 'client'): Promise<Client> {
    const signer = signerOf(name)
    const connection = await fixture.transport(signer).dial(tower.listening[0]!, { peer: tower.address })
    return new Client(signer, tower.address, connection)
  }

  /** Dials and greets. */
  static async greeted(fixture: TowerFixture, tower: Watchtower, name?: string): Promise<Client> {
    const client = await Client.dial(fixture, tower, name)
    client.say({ kind: 'greet', protocol: 1, domain: DOMAIN })
    await client.hears('offer')
    return client
  }

  say(...messages: TowerMessage[]): this {
    for (const message of messages) this.#connection.send(encodeTowerMessage(message))
    return this
  }

  raw(frame: Uint8Array): void {
    this.#connection.send(frame)
  }

  hangUp(): void {
    this.#connection.close()
  }

  order(locator: Hex, sequence: bigint, content: Hex): Uint8Array {
    return this.signer.sign(orderDigest(DOMAIN, this.#tower, { locator, sequence, content }))
  }

  appoint(...appointments: Appointment[]): this {
    const signed = appointments.map((one) => ({
      ...one,
      signature: this.order(one.locator, one.sequence, contentOf(one)),
    }))
    return this.say({ kind: 'appoint', appointments: signed })
  }

  forget(locator: Hex, sequence: bigint): this {
    return this.say({ kind: 'forget', locator, sequence, signature: this.order(locator, sequence, NO_LOCATOR) })
  }

  of<K extends TowerMessage['kind']>(kind: K): Extract<TowerMessage, { kind: K }>[] {
    return this.heard.filter((message) => message.kind === kind) as Extract<TowerMessage, { kind: K }>[]
  }

  async hears<K extends TowerMessage['kind']>(kind: K, count = 1): Promise<Extract<TowerMessage, { kind: K }>> {
    await until(() => this.of(kind).length >= count || this.isCutOff)
    return this.of(kind)[count - 1]!
  }
}

/** What a tower must do for its clients over every transport. */
export function towerConformance(name: string, open: () => TowerFixture): void {
  describe(`a tower over ${name}`, () => {
    let fixture: TowerFixture
    let clock: HandClock
    let chain: ModelChain
    const towers: Watchtower[] = []
    const clients: Client[] = []
    const events: TowerEvent[] = []

    beforeEach(() => {
      fixture = open()
      clock = new HandClock()
      chain = new ModelChain()
      events.length = 0
    })
    afterEach(async () => {
      for (const client of clients.splice(0)) client.hangUp()
      for (const tower of towers.splice(0)) await tower.stop()
    })

    const feed = () => new TowerView(chain, signerOf('gas').address)

    async function start(options: Partial<WatchtowerOptions> = {}): Promise<Watchtower> {
      const signer = signerOf('tower')
      const tower = await Watchtower.start({
        chain: feed(),
        store: memoryStore(),
        signer,
        transports: [fixture.transport(signer)],
        listen: [fixture.address],
        clock,
        onEvent: (event) => events.push(event),
        ...options,
      })
      towers.push(tower)
      return tower
    }

    async function greeted(tower: Watchtower, who?: string): Promise<Client> {
      const client = await Client.greeted(fixture, tower, who)
      clients.push(client)
      return client
    }

    const channel = channelOf()
    const of = (version: bigint, sequence: bigint, sealed = true, nonce = 7n) =>
      appointmentOf(DOMAIN, evidenceOf(nonce === 7n ? channel : channelOf('alice', 'mallory', nonce), [version, 0n]), {
        sequence,
        worth: 0,
        sealed,
      })

    it('says what it offers, takes appointments, and promises to keep them', async () => {
      const tower = await start({ limits: { perClient: 5 }, term: 1_000n })
      const client = await greeted(tower)
      expect(client.of('offer')[0]!.offer).to.include({ ledgers: 5, traces: true, paid: true, price: 0n })
      const appointments = [of(1n, 1n), of(2n, 1n, false)]
      client.appoint(...appointments)
      const { receipts } = await client.hears('receipts')
      const { timestamp } = chain.tip.head
      for (const [index, said] of receipts.entries()) {
        const receipt = { ...said, client: client.signer.address }
        expect(verifyReceipt(DOMAIN, tower.address, receipt)).to.equal(true)
        const { locator, sequence } = appointments[index]!
        const content = contentOf(appointments[index]!)
        expect(receipt).to.include({ locator, sequence, content, from: timestamp, until: timestamp + 1_000n })
      }
      expect(await tower.status()).to.include({ appointments: 2, clients: 1, connected: 1, disputes: 0 })
    })

    it('keeps the newest and refuses what is older, whatever the order of arrival', async () => {
      const client = await greeted(await start())
      client.appoint(of(5n, 5n)).appoint(of(4n, 4n)).appoint(of(9n, 5n))
      await client.hears('refused', 2)
      for (const refusal of client.of('refused')) expect(refusal).to.include({ code: 'STALE', held: 5n })
      client.say({ kind: 'recall', locator: of(5n, 5n).locator })
      expect((await client.hears('recalled')).appointment).to.deep.equal(of(5n, 5n))
      // Two of one ledger in one frame are judged in their order.
      client.appoint(of(7n, 7n), of(6n, 6n))
      await client.hears('refused', 3)
      expect(
        client
          .of('receipts')
          .at(-1)!
          .receipts.map(({ sequence }) => sequence),
      ).to.deep.equal([7n])
    })

    it('gives the receipt again for the very same appointment, with a new term', async () => {
      const client = await greeted(await start())
      client.appoint(of(5n, 5n))
      await client.hears('receipts')
      chain.advance(1_000n)
      client.appoint(of(5n, 5n))
      const { receipts } = await client.hears('receipts', 2)
      expect(receipts[0]!.from - client.of('receipts')[0]!.receipts[0]!.from >= 1_000n).to.equal(true)
    })

    it('forgets on its client’s order, and takes nothing older afterwards', async () => {
      const tower = await start()
      const client = await greeted(tower)
      const { locator } = of(5n, 5n)
      client.appoint(of(5n, 5n)).forget(locator, 5n)
      expect(await client.hears('refused')).to.include({ code: 'STALE', held: 5n })
      client.forget(locator, 6n)
      expect(await client.hears('forget')).to.include({ locator, sequence: 6n })
      client.say({ kind: 'recall', locator })
      expect(await client.hears('refused', 2)).to.include({ code: 'NOT_HELD' })
      client.appoint(of(5n, 6n))
      expect(await client.hears('refused', 3)).to.include({ code: 'STALE', held: 6n })
      client.appoint(of(5n, 7n))
      expect((await client.hears('receipts', 2)).receipts[0]).to.include({ sequence: 7n })
    })

    it('shows and changes for a client nothing of another one', async () => {
      const tower = await start()
      const [client, other] = [await greeted(tower), await greeted(tower, 'other')]
      client.appoint(of(5n, 5n))
      await client.hears('receipts')
      const { locator } = of(5n, 5n)
      other.say({ kind: 'recall', locator }).forget(locator, 9n).appoint(of(1n, 9n))
      await other.hears('receipts')
      expect(other.of('refused').map(({ code }) => code)).to.deep.equal(['NOT_HELD', 'NOT_HELD'])
      client.say({ kind: 'recall', locator })
      expect((await client.hears('recalled')).appointment.sequence).to.equal(5n)
    })

    it('S21 takes no clear appointment that the chain would not, and none that its client did not sign', async () => {
      const client = await greeted(await start())
      const clear = of(5n, 1n, false)
      client.appoint({ ...clear, body: clear.body.with(300, clear.body[300]! ^ 1) })
      expect(await client.hears('refused')).to.include({ code: 'INVALID', locator: clear.locator })
      client.appoint({ ...clear, locator: of(5n, 1n, false, 8n).locator })
      expect(await client.hears('refused', 2)).to.include({ code: 'INVALID' })
      const signature = signerOf('other').sign(new Uint8Array(32))
      client.say({ kind: 'appoint', appointments: [{ ...of(5n, 1n), signature }] })
      expect(await client.hears('refused', 3)).to.include({ code: 'INVALID' })
      expect(client.of('receipts')).to.deep.equal([])
    })

    it('S19 S20 keeps and serves within bounds, for each client and for all', async () => {
      const tower = await start({ limits: { perClient: 2, total: 3 }, perMinute: 6 })
      const [client, other] = [await greeted(tower), await greeted(tower, 'other')]
      client.appoint(of(1n, 1n, true, 1n), of(1n, 1n, true, 2n), of(1n, 1n, true, 3n))
      expect(await client.hears('refused')).to.include({ code: 'FULL' })
      // What it has already may be renewed.
      client.appoint(of(2n, 2n, true, 1n))
      await client.hears('receipts', 2)
      other.appoint(of(1n, 1n, true, 4n), of(1n, 1n, true, 5n))
      expect(await other.hears('refused')).to.include({ code: 'FULL' })
      client.appoint(of(3n, 3n, true, 1n), of(3n, 3n, true, 2n), of(3n, 3n, true, 3n))
      expect(await client.hears('refused', 2)).to.include({ code: 'SLOW_DOWN' })
      client.say({ kind: 'recall', locator: of(1n, 1n, true, 1n).locator })
      await client.hears('recalled')
      clock.pass(60_000)
      client.appoint(of(3n, 3n, true, 1n))
      await client.hears('receipts', 3)
      expect(await tower.status()).to.include({ appointments: 3, clients: 2 })
    })

    it('serves only who has paid', async () => {
      const paid = new Set<Address>()
      const quote = async (_client: Address, months: number) => ({
        price: 5n,
        asset: DOMAIN.adjudicator,
        payTo: signerOf('hana').address,
        id: `0x${'1d'.repeat(16)}` as const,
        months,
        amount: 5n * BigInt(months),
      })
      const tower = await start({ isPaid: (client) => paid.has(client), quote })
      const client = await greeted(tower)
      expect(client.of('offer')[0]!.offer.paid).to.equal(false)
      client.appoint(of(1n, 1n))
      expect(await client.hears('refused')).to.include({ code: 'UNPAID' })
      client.say({ kind: 'quote', months: 3 })
      expect((await client.hears('quoted')).quote).to.include({ months: 3, amount: 15n })
      paid.add(client.signer.address)
      client.appoint(of(1n, 1n))
      await client.hears('receipts')
    })

    it('quotes nothing where nothing is asked for', async () => {
      const client = await greeted(await start())
      client.say({ kind: 'quote', months: 1 })
      expect(await client.hears('refused')).to.include({ code: 'UNAVAILABLE', locator: NO_LOCATOR })
    })

    it('S15 S17 S20 hangs up on whoever breaks the rules, and serves the others', async () => {
      const tower = await start()
      const good = await greeted(tower)
      const other = { chainId: 1n, adjudicator: DOMAIN.adjudicator }
      const offences: [string, Uint8Array, boolean][] = [
        ['TOWER_PROTOCOL', encodeTowerMessage({ kind: 'recall', locator: NO_LOCATOR }), false],
        ['TOWER_OF_ANOTHER_CHAIN', encodeTowerMessage({ kind: 'greet', protocol: 1, domain: other }), false],
        ['TOWER_VERSION', encodeTowerMessage({ kind: 'greet', protocol: 9, domain: DOMAIN }), false],
        ['MALFORMED_BYTES', new Uint8Array(1_000).fill(66), true],
        ['MALFORMED_BYTES', Uint8Array.of(1, 2, 3), true],
        ['TOWER_PROTOCOL', encodeTowerMessage({ kind: 'greet', protocol: 1, domain: DOMAIN }), true],
      ]
      for (const [code, frame, isGreeted] of offences) {
        const bad = isGreeted ? await greeted(tower, 'bad') : await Client.dial(fixture, tower, 'bad')
        bad.raw(frame)
        await until(() => bad.isCutOff)
        const rejected = events.filter((event) => event.kind === 'rejected').at(-1)!
        expect(rejected.reason).to.have.property('code', code)
      }
      const silent = await Client.dial(fixture, tower, 'silent')
      await until(async () => (await tower.status()).connected === 2)
      clock.pass(10_001)
      await until(() => silent.isCutOff)
      good.appoint(of(1n, 1n))
      await good.hears('receipts')
    })

    it('takes a client’s newer connection for the living one', async () => {
      const tower = await start()
      const first = await greeted(tower)
      const second = await greeted(tower)
      await until(() => first.isCutOff)
      second.appoint(of(1n, 1n))
      await second.hears('receipts')
      expect((await tower.status()).connected).to.equal(1)
    })

    it('remembers across restarts, and drops what no receipt binds it to any more', async () => {
      const store = memoryStore()
      const first = await start({ store, term: 1_000n })
      const client = await greeted(first)
      client.appoint(of(5n, 5n), of(6n, 6n, true, 8n))
      await client.hears('receipts')
      towers.splice(towers.indexOf(first), 1)
      await first.stop()

      const again = await start({ store, term: 1_000n })
      expect(await again.status()).to.include({ appointments: 2, clients: 1 })
      const back = await greeted(again)
      back.appoint(of(4n, 4n))
      expect(await back.hears('refused')).to.include({ code: 'STALE', held: 5n })
      chain.advance(600n)
      back.appoint(of(6n, 6n))
      await back.hears('receipts')
      chain.advance(600n)
      clock.pass(3_600_001)
      await until(async () => (await again.status()).appointments === 1)
      back.say({ kind: 'recall', locator: of(6n, 6n).locator })
      expect((await back.hears('recalled')).appointment.sequence).to.equal(6n)
    })
  })
}
