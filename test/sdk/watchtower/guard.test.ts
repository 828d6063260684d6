import { expect } from 'chai'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'
import { encodeProof, encodeStates } from '../../../sdk/core/calldata.ts'
import { encodeChannel, ledgerIdOf } from '../../../sdk/core/channel.ts'
import { Reader } from '../../../sdk/core/codec.ts'
import { encodeEnvelope } from '../../../sdk/core/envelope.ts'
import { type Channel, COIN } from '../../../sdk/core/types.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { type MemoryNetwork, memoryTransport } from '../../../sdk/transport/memory.ts'
import type { Evidence } from '../../../sdk/watchtower/appointment.ts'
import { TowerClient } from '../../../sdk/watchtower/client.ts'
import type { MissedAnswerError, TowerEvent } from '../../../sdk/watchtower/events.ts'
import { Watchtower, type WatchtowerOptions } from '../../../sdk/watchtower/tower.ts'
import { until } from '../../until.ts'
import { signerOf } from '../node/actors.ts'
import { ModelChain } from '../node/model-chain.ts'
import { channelOf, DOMAIN, evidenceOf, ledgerOf } from './evidence.ts'
import { HandClock, TowerView } from './model-feed.ts'

const PERIOD = 600n

describe('a tower on guard', () => {
  let network: MemoryNetwork
  let clock: HandClock
  let chain: ModelChain
  const running: { stop(): Promise<void> }[] = []
  const events: TowerEvent[] = []

  beforeEach(() => {
    network = new Map()
    clock = new HandClock()
    chain = new ModelChain()
    events.length = 0
  })
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop()
  })

  const feed = () => new TowerView(chain, signerOf('gas').address)

  async function tower(view: TowerView, options: Partial<WatchtowerOptions> = {}, name = 'tower'): Promise<Watchtower> {
    const signer = signerOf(name)
    const started = await Watchtower.start({
      chain: view,
      store: memoryStore(),
      signer,
      transports: [memoryTransport({ signer, network })],
      listen: [`memory:${name}`],
      clock,
      onEvent: (event) => events.push(event),
      ...options,
    })
    running.push(started)
    return started
  }

  /** Somebody appoints these. */
  async function appoint(
    evidence: readonly Evidence[],
    options: { clear?: boolean; worth?: number[]; name?: string } = {},
  ) {
    const { clear = false, worth = [], name = 'tower' } = options
    const client = await TowerClient.start({
      domain: DOMAIN,
      signer: signerOf('alice'),
      store: memoryStore(),
      towers: [{ tower: signerOf(name).address, address: `memory:${name}`, privacy: clear ? 'clear' : 'sealed' }],
      transports: (signer) => [memoryTransport({ signer, network })],
      clock,
    })
    for (const [index, one] of evidence.entries()) client.update(one, worth[index] ?? 0)
    await until(() => {
      clock.pass(10)
      return client.lag().every(({ connected, behind }) => connected && behind === 0)
    })
    await client.stop()
  }

  const channel = channelOf()
  const fund = (one: Channel) => {
    for (const member of [0, 1]) chain.deposit(ledgerOf(one), member, 1_000n)
  }

  /** Mallory shows these versions, or none. */
  function challenge(one: Channel, versions: readonly [bigint, bigint]): void {
    const states = evidenceOf(one, versions).states.map(({ state, signatures }) => ({
      state,
      signatures: signatures.map((signature) => encodeEnvelope({ kind: 'direct', signature })),
    }))
    const args = [toHex(encodeChannel(one)), COIN, toHex(encodeStates(states))]
    chain.call(signerOf('mallory').address, { to: 'adjudicator', functionName: 'submit', args })
  }

  const counted = (one: Channel): bigint[] => {
    const { base, lanes } = chain.viewOf(ledgerOf(one))
    return [0, 1].map((lane) => {
      const [shown, recorded] = [(base[1 + lane] ?? 0n) >> 192n, lanes[lane]! >> 192n]
      return shown > recorded ? shown : recorded
    })
  }
  const answered = (one: Channel, versions: readonly bigint[]) =>
    until(() => {
      clock.pass(10)
      return counted(one).every((version, lane) => version === versions[lane])
    })
  const kinds = () => events.map(({ kind }) => kind)
  const alarms = () => events.flatMap((event) => (event.kind === 'alarm' ? [event.error] : []))

  for (const clear of [false, true])
    it(`answers a stale challenge by a ${clear ? 'clear' : 'sealed'} appointment, once`, async () => {
      const view = feed()
      view.show(channel)
      await tower(view)
      fund(channel)
      await appoint([evidenceOf(channel, [5n, 7n])], { clear })
      challenge(channel, [2n, 0n])
      await answered(channel, [5n, 7n])
      expect(view.sent).to.have.length(1)
      expect(view.sent[0]!.options).to.include({
        before: chain.tip.head.timestamp - 1n + PERIOD - 150n,
        anySender: true,
      })
      for (let i = 0; i < 20; i++) clock.pass(10_000)
      await until(() => kinds().includes('answered'))
      expect(view.sent).to.have.length(1)
      expect(alarms()).to.deep.equal([])
    })

  it('leaves a challenge alone that shows the newest or newer', async () => {
    const view = feed()
    view.show(channel)
    await tower(view)
    fund(channel)
    await appoint([evidenceOf(channel, [5n, 7n])])
    challenge(channel, [5n, 8n])
    await until(() => kinds().includes('disputed'))
    for (let i = 0; i < 5; i++) clock.pass(1_000)
    expect(view.sent).to.deep.equal([])
  })

  it('C21 answers an empty challenge, which shows nothing but the channel', async () => {
    const view = feed()
    view.show(channel)
    await tower(view)
    fund(channel)
    await appoint([evidenceOf(channel, [5n, 0n])])
    challenge(channel, [0n, 0n])
    await answered(channel, [5n, 0n])
  })

  it('holds nothing by which a channel could be found before its dispute', async () => {
    const store = memoryStore()
    await tower(feed(), { store })
    fund(channel)
    await appoint([evidenceOf(channel, [5n, 7n])])
    const text = await dump(store)
    const secrets = [
      ledgerOf(channel).channelId,
      ledgerIdOf(ledgerOf(channel)),
      ...channel.members.map(({ signer }) => signer),
    ]
    for (const secret of secrets) expect(text).to.not.include(secret.slice(2))
    expect(text).to.include('tower/appointment/')
  })

  it('alarms while no transaction shows the channel, and answers as soon as one does', async () => {
    const view = feed()
    await tower(view)
    fund(channel)
    await appoint([evidenceOf(channel, [5n, 7n])])
    challenge(channel, [2n, 0n])
    await until(() => alarms().length > 0)
    expect(alarms()[0]).to.have.property('code', 'HIDDEN_CHANNEL')
    for (let i = 0; i < 130; i++) clock.pass(10)
    expect(view.sent).to.deep.equal([])
    view.show(channel)
    await answered(channel, [5n, 7n])
    expect(alarms()).to.have.length(1)
  })

  it('needs no channel shown for what is clear', async () => {
    await tower(feed())
    fund(channel)
    await appoint([evidenceOf(channel, [5n, 7n])], { clear: true })
    challenge(channel, [2n, 0n])
    await answered(channel, [5n, 7n])
    expect(alarms()).to.deep.equal([])
  })

  it('answers for what is appointed when the dispute runs already', async () => {
    const view = feed()
    view.show(channel)
    await tower(view)
    fund(channel)
    const other = channelOf('alice', 'mallory', 8n)
    await appoint([evidenceOf(other, [1n, 0n])])
    challenge(channel, [2n, 0n])
    await appoint([evidenceOf(channel, [5n, 7n])])
    await answered(channel, [5n, 7n])
  })

  it('finds a dispute that is older than itself when a ledger is appointed in clear', async () => {
    fund(channel)
    challenge(channel, [2n, 0n])
    const view = feed()
    view.changed()
    await tower(view)
    await appoint([evidenceOf(channel, [5n, 7n])], { clear: true })
    await answered(channel, [5n, 7n])
  })

  it('answers again with what was appointed since', async () => {
    const view = feed()
    view.show(channel)
    await tower(view)
    fund(channel)
    await appoint([evidenceOf(channel, [5n, 7n])])
    challenge(channel, [2n, 0n])
    await answered(channel, [5n, 7n])
    await appoint([evidenceOf(channel, [5n, 9n])], { clear: true })
    await answered(channel, [5n, 9n])
  })

  it('S1 S24 takes up after a restart what it had seen, and finds what began meanwhile', async () => {
    const store = memoryStore()
    const other = channelOf('alice', 'mallory', 8n)
    const first = feed()
    first.failure = new Error('no RPC')
    const one = await tower(first, { store })
    fund(channel)
    fund(other)
    await appoint([evidenceOf(channel, [5n, 7n]), evidenceOf(other, [6n, 0n])])
    first.show(channel)
    challenge(channel, [2n, 0n])
    await until(() => first.sent.length > 0)
    running.splice(running.indexOf(one), 1)
    await one.stop()
    challenge(other, [1n, 0n])

    const view = feed()
    view.show(channel)
    view.show(other)
    await tower(view, { store })
    await answered(channel, [5n, 7n])
    await answered(other, [6n, 0n])
  })

  it('alarms when an answer fails and is still needed, tries again, and says when it is late', async () => {
    const view = feed()
    view.show(channel)
    await tower(view)
    fund(channel)
    await appoint([evidenceOf(channel, [5n, 7n])])
    view.failure = Object.assign(new Error('out of gas money'), { code: 'INSUFFICIENT_GAS_MONEY' })
    challenge(channel, [2n, 0n])
    await until(() => alarms().length > 0)
    expect(alarms()[0]).to.have.property('code', 'INSUFFICIENT_GAS_MONEY')
    chain.advance(PERIOD - 100n)
    await until(() => {
      clock.pass(1_000)
      return alarms().some((error) => (error as { code?: string }).code === 'ANSWER_LATE')
    })
    view.failure = undefined
    await until(() => {
      clock.pass(5_000)
      return counted(channel)[0] === 5n
    })
    expect(alarms().filter((error) => (error as { code?: string }).code === 'ANSWER_LATE')).to.have.length(1)
  })

  it('alarms once when a dispute expired before it could answer, and never when it did answer', async () => {
    const view = feed()
    view.show(channel)
    await tower(view)
    fund(channel)
    await appoint([evidenceOf(channel, [5n, 7n])])
    const missed = () => alarms().filter((error) => (error as { code?: string }).code === 'ANSWER_MISSED')
    challenge(channel, [2n, 0n])
    await answered(channel, [5n, 7n])
    chain.advance(PERIOD + 1n)
    const other = channelOf('alice', 'mallory', 8n)
    view.show(other)
    fund(other)
    await appoint([evidenceOf(other, [5n, 7n])])
    view.failure = new Error('The account is empty.')
    challenge(other, [2n, 0n])
    chain.advance(PERIOD + 1n)
    await until(() => {
      clock.pass(1_000)
      return missed().length > 0
    })
    for (let ticks = 0; ticks < 5; ticks++) {
      clock.pass(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(missed().map((error) => (error as MissedAnswerError).ledger)).to.deep.equal([ledgerOf(other)])
  })

  it('S33 makes no noise when somebody else was faster', async () => {
    const view = feed()
    view.show(channel)
    const slow = await tower(view, { policy: { delay: 100n } })
    const quick = feed()
    quick.show(channel)
    await tower(quick, {}, 'quick')
    fund(channel)
    const evidence = [evidenceOf(channel, [5n, 7n])]
    await appoint(evidence)
    await appoint(evidence, { name: 'quick' })
    challenge(channel, [2n, 0n])
    await answered(channel, [5n, 7n])
    chain.advance(150n)
    for (let i = 0; i < 10; i++) clock.pass(1_000)
    expect([view.sent.length, quick.sent.length]).to.deep.equal([0, 1])
    expect((await slow.status()).disputes).to.equal(1)
    expect(alarms()).to.deep.equal([])
  })

  it('S30 sends the most at stake first, and asks for all at once', async () => {
    const view = feed()
    const channels = Array.from({ length: 20 }, (_, index) => channelOf('alice', 'mallory', BigInt(index)))
    const store = memoryStore()
    const first = await tower(view, { store })
    for (const one of channels) fund(one)
    const worth = channels.map((_, index) => ((index * 7) % 12) * 10)
    await appoint(
      channels.map((one) => evidenceOf(one, [5n, 0n])),
      { worth },
    )
    running.splice(running.indexOf(first), 1)
    await first.stop()
    for (const one of channels) challenge(one, [1n, 0n])

    const again = feed()
    for (const one of channels) again.show(one)
    await tower(again, { store })
    for (const one of channels) await answered(one, [5n, 0n])
    expect(again.sent).to.have.length(20)
    const weights = again.sent.map(({ options }) => options.weight)
    expect(new Set(weights)).to.deep.equal(new Set(worth.map((bits) => 1n << BigInt(bits))))
  })

  it('settles what it answered for, if it was told to', async () => {
    const view = feed()
    view.show(channel)
    await tower(view, { policy: { settle: true } })
    fund(channel)
    await appoint([evidenceOf(channel, [5n, 7n])])
    challenge(channel, [2n, 0n])
    await answered(channel, [5n, 7n])
    chain.advance(PERIOD)
    await until(() => {
      clock.pass(1_000)
      return kinds().includes('closed') && kinds().includes('settled')
    })
    // What lane 0 gave to member 1, and lane 1 to member 0.
    const paid = channel.members.map(({ owner }) => chain.paidTo(owner))
    expect(paid).to.deep.equal([1_002n, 998n])
  })

  it('forgets a dispute that is over, whoever settled, and those of strangers', async () => {
    const store = memoryStore()
    const view = feed()
    const stranger = channelOf('bob', 'mallory')
    view.show(channel)
    const one = await tower(view, { store })
    fund(channel)
    fund(stranger)
    await appoint([evidenceOf(channel, [5n, 7n])])
    challenge(stranger, [1n, 0n])
    challenge(channel, [5n, 7n])
    await until(async () => (await one.status()).disputes === 1)
    await until(async () => (await dump(store)).split('tower/dispute/').length === 3)
    chain.advance(PERIOD + 1n)
    const states = evidenceOf(channel, [5n, 7n]).states.map(({ state }) => state)
    const proof = toHex(encodeProof(chain.viewOf(ledgerOf(channel)).base, states))
    chain.call(signerOf('mallory').address, {
      to: 'adjudicator',
      functionName: 'settle',
      args: [toHex(encodeChannel(channel)), COIN, proof],
    })
    await until(async () => {
      clock.pass(1_000)
      return !(await dump(store)).includes('tower/dispute/')
    })
    expect(kinds()).to.include('closed')
    expect((await one.status()).disputes).to.equal(0)
  })

  it('S21 is not misled by what a co-member appoints under the same locator', async () => {
    const view = feed()
    view.show(channel)
    await tower(view)
    fund(channel)
    await appoint([evidenceOf(channel, [5n, 7n])])
    // Mallory knows the channel, and so where alice's appointment is kept and how it is sealed.
    const { states, ...rest } = evidenceOf(channel, [9n, 0n])
    const forged = { ...rest, states: [{ ...states[0]!, signatures: states[0]!.signatures.toReversed() }] }
    const client = await TowerClient.start({
      domain: DOMAIN,
      signer: signerOf('mallory'),
      store: memoryStore(),
      towers: [{ tower: signerOf('tower').address, address: 'memory:tower' }],
      transports: (signer) => [memoryTransport({ signer, network })],
      clock,
    })
    running.push(client)
    client.update(forged, 112)
    await until(() => {
      clock.pass(10)
      return client.lag()[0]!.connected && client.lag()[0]!.behind === 0
    })
    challenge(channel, [2n, 0n])
    await answered(channel, [5n, 7n])
    expect(alarms().map((error) => (error as { code?: string }).code)).to.deep.equal(['UNUSABLE_APPOINTMENT'])
    expect(view.sent[0]!.options.weight).to.equal(1n)
    const sent = new Reader(toBytes(view.sent[0]!.call.args[2] as string))
    expect(sent.u8()).to.equal(2)
  })
})

async function dump(store: Store): Promise<string> {
  let text = ''
  for await (const [key, value] of store.list('')) text += `${key}=${toHex(value)}\n`
  return text
}
