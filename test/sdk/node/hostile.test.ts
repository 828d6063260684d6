import { expect } from 'chai'
import { toHex } from '../../../sdk/core/bytes.ts'
import { encodeStates } from '../../../sdk/core/calldata.ts'
import { channelIdOf, encodeChannel, sortMembers } from '../../../sdk/core/channel.ts'
import { encodeEnvelope } from '../../../sdk/core/envelope.ts'
import { COIN, type Hex } from '../../../sdk/core/types.ts'
import { type Clock, systemClock } from '../../../sdk/node/clock.ts'
import { parseExitFile } from '../../../sdk/node/leaving/exit.ts'
import type { Node } from '../../../sdk/node/node.ts'
import { blankLane } from '../../../sdk/protocols/ledger.ts'
import type { Message, Sync } from '../../../sdk/protocols/messages.ts'
import { decodeMessage } from '../../../sdk/protocols/wire.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { memoryTransport } from '../../../sdk/transport/memory.ts'
import { until } from '../../until.ts'
import { ownerOf, rejection, signerOf, World } from './actors.ts'
import { Mallory } from './mallory.ts'
import type { ModelView } from './model-chain.ts'

describe('a node and a hostile peer', () => {
  let world: World
  let alice: Node
  let alarms: { code?: string }[]
  beforeEach(async () => {
    world = new World()
    alice = await world.start('alice', { policy: { minPeriod: 60 } })
    alarms = []
    alice.on('alarm', ({ error }) => alarms.push(error as { code?: string }))
  })
  afterEach(() => world.stop())

  const channelOf = (nonce: bigint) => ({
    period: 600,
    nonce,
    members: sortMembers(
      ['alice', 'mallory'].map((name) => ({ signer: signerOf(name).address, owner: ownerOf(name) })),
    ),
  })

  /** Mallory in a channel with alice, greeted and in step. */
  async function inChannel() {
    const mallory = (await Mallory.dial(world, 'alice')).greet(world)
    mallory.send({ kind: 'open', channel: channelOf(1n), assets: [COIN] })
    await until(() => mallory.of('opened').length === 1)
    const { channelId } = mallory.of('opened')[0]!
    await alice.deposit(channelId, 1_000n)
    const me = channelOf(1n).members.findIndex(({ signer }) => signer === signerOf('mallory').address)
    const ref = { channelId, asset: COIN }
    const sync: Sync = {
      kind: 'sync',
      ...ref,
      generation: 0,
      own: blankLane(ref, 0, me),
      peer: blankLane(ref, 0, 1 - me),
      want: false,
    }
    mallory.send(sync)
    await until(() => alice.balances(channelId).blocked === undefined)
    return { mallory, channelId, sync }
  }

  it('S17 refuses one of another protocol version', async () => {
    const mallory = await Mallory.dial(world, 'alice')
    const reasons: unknown[] = []
    alice.on('disconnected', ({ reason }) => reasons.push(reason))
    mallory.send({ kind: 'hello', protocol: 2, domain: world.chain.domain, owner: ownerOf('mallory') })
    await until(() => mallory.closed && reasons.length > 0)
    expect(reasons[0]).to.have.property('code', 'UNKNOWN_PROTOCOL_VERSION')
  })

  it('S21 refuses one of another chain', async () => {
    const mallory = await Mallory.dial(world, 'alice')
    const reasons: unknown[] = []
    alice.on('disconnected', ({ reason }) => reasons.push(reason))
    mallory.send({
      kind: 'hello',
      protocol: 1,
      domain: { ...world.chain.domain, chainId: 1n },
      owner: ownerOf('mallory'),
    })
    await until(() => mallory.closed && reasons.length > 0)
    expect(reasons[0]).to.have.property('code', 'PEER_ON_OTHER_CHAIN')
  })

  it('S20 tells of a channel once, however often its peer opens it', async () => {
    const told: unknown[] = []
    alice.on('opened', (event) => told.push(event))
    const { mallory } = await inChannel()
    const open: Message = { kind: 'open', channel: channelOf(1n), assets: [COIN] }
    mallory.send(open, open, open)
    await until(() => mallory.of('opened').length === 4)
    expect(told).to.have.length(1)
  })

  it('S19 refuses a channel while the chain does not answer', async () => {
    const chain = world.chain.connect(ownerOf('carol'))
    await world.start('carol', { chain, policy: { minPeriod: 60 } })
    const mallory = (await Mallory.dial(world, 'carol')).greet(world)
    chain.silent = true
    const members = ['carol', 'mallory'].map((name) => ({ signer: signerOf(name).address, owner: ownerOf(name) }))
    mallory.send({ kind: 'open', channel: { period: 600, nonce: 1n, members: sortMembers(members) }, assets: [COIN] })
    await until(() => mallory.of('refused').length === 1)
    expect(mallory.of('refused')[0]).to.have.property('code', 'CHAIN_VIEW_STALE')
  })

  it('hangs up on one that speaks before it greets, greets twice or never', async () => {
    const early = await Mallory.dial(world, 'alice')
    early.send({ kind: 'open', channel: channelOf(1n), assets: [COIN] })
    await until(() => early.closed)
    const twice = (await Mallory.dial(world, 'alice')).greet(world).greet(world)
    await until(() => twice.closed)
    let now = 0
    const ticks: (() => void)[] = []
    const every: Clock['every'] = (_, task) => {
      ticks.push(task)
      return () => {}
    }
    const clock: Clock = { now: () => now, elapsed: () => now, every }
    await world.start('bob', { clock })
    const never = await Mallory.dial(world, 'bob')
    await until(() => never.heard.length > 0)
    now = 10_001
    for (const tick of ticks) tick()
    await until(() => never.closed)
  })

  it('is connected to one that dialled at the same moment and keeps that connection', async () => {
    const transport = memoryTransport({ signer: signerOf('mallory'), network: world.network })
    const listener = await transport.listen('memory:mallory', async (connection) => {
      connection.close()
      const guest = await Mallory.dial(world, 'alice')
      guest.greet(world)
    })
    expect(await alice.connect('memory:mallory')).to.equal(signerOf('mallory').address)
    await listener.close()
  })

  it('S15 hangs up on what cannot be read, and raises an alarm', async () => {
    const mallory = (await Mallory.dial(world, 'alice')).greet(world)
    await until(() => mallory.heard.length > 0)
    mallory.connection.send(Uint8Array.of(99, 1, 2, 3))
    await until(() => mallory.closed)
    expect(alarms[0]).to.have.property('code', 'PEER_VIOLATION')
  })

  it('S19 agrees to a bounded number of channels without money', async () => {
    const mallory = (await Mallory.dial(world, 'alice')).greet(world)
    for (let nonce = 1n; nonce <= 20n; nonce++)
      mallory.send({ kind: 'open', channel: channelOf(nonce), assets: [COIN] })
    await until(() => mallory.of('opened').length + mallory.of('refused').length === 20)
    expect(mallory.of('opened')).to.have.length(16)
    expect(mallory.of('refused')[0]).to.include({ code: 'TOO_MANY_UNFUNDED_CHANNELS' })
  })

  it('S20 cuts off one that floods it, while others pay on', async () => {
    const bob = await world.start('bob')
    const channelId = await bob.open('memory:alice', { period: 3_600 })
    await bob.deposit(channelId, 1_000n)
    const { mallory, sync } = await inChannel()
    const paying = (async () => {
      for (let i = 0; i < 50; i++) await bob.pay(channelId, 1n)
    })()
    for (let i = 0; i < 3_000 && !mallory.closed; i++) mallory.send({ ...sync, want: true })
    await until(() => mallory.closed)
    await paying
    expect(alarms[0])
      .to.have.property('message')
      .that.matches(/floods/)
  })

  it('S21 hangs up on one that speaks about a channel of others', async () => {
    const bob = await world.start('bob')
    const channelId = await bob.open('memory:alice', { period: 3_600 })
    const { mallory, sync } = await inChannel()
    mallory.send({ ...sync, channelId })
    await until(() => mallory.closed)
    expect(bob.channel(channelId).connected).to.equal(true)
  })

  it('ignores talk about a channel that it does not know', async () => {
    const { mallory, sync } = await inChannel()
    mallory.send({ ...sync, channelId: `0x${'12'.repeat(31)}02` as Hex })
    mallory.send({ ...sync, want: true })
    await until(() => mallory.of('sync').length > 1)
    expect(mallory.closed).to.equal(false)
  })

  it('S12 shows what is not acknowledged, lets the caller go, and exposes no more than its window', async () => {
    const { channelId } = await inChannel()
    const given = new AbortController()
    const waiting = rejection(alice.pay(channelId, 3n, { signal: given.signal }))
    await until(() => alice.balances(channelId).unacknowledged === 3n)
    given.abort()
    expect(await waiting).to.include({ code: 'PAYMENT_PENDING', version: 1n })
    const rest = Array.from({ length: 400 }, () => alice.payMany(channelId, [1n], { wait: 'signed' }))
    for (const payment of rest) payment.catch(() => {})
    await until(() => alice.balances(channelId).unacknowledged > 3n)
    expect(alice.balances(channelId).unacknowledged < 1_000n).to.equal(true)
  })

  it('S13 S11 hangs up on updates that its peer did not sign, and keeps what it had', async () => {
    const { mallory, channelId } = await inChannel()
    mallory.send({
      kind: 'updates',
      channelId,
      asset: COIN,
      generation: 0,
      updates: [{ version: 1n, signature: new Uint8Array(64), operations: Uint8Array.of(1, 1, 0) }],
      ack: undefined,
    })
    await until(() => mallory.closed)
    expect(alice.balances(channelId).receivable).to.equal(0n)
  })

  it('S18 shows what the peer wrote with control characters escaped', async () => {
    const transport = memoryTransport({ signer: signerOf('mallory'), network: world.network })
    await transport.listen('memory:mallory', (connection) => {
      const mallory = new Mallory(connection).greet(world)
      connection.onFrame = (frame) => {
        const message = decodeMessage(frame)
        if (message.kind !== 'open') return
        const about = channelIdOf(world.chain.domain, message.channel)
        mallory.send({ kind: 'refused', about, code: 'NO\u0007', reason: 'a\u001b[31m\u202eb\n' })
      }
    })
    const refused = (await rejection(alice.open('memory:mallory', { period: 600 }))) as {
      message: string
      peerCode: string
    }
    expect(refused.message).to.contain('a\\u{1b}[31m\\u{202e}b\\u{a}')
    expect(refused.peerCode).to.equal('NO\\u{7}')
  })
})

describe('a node and its store', () => {
  it('S2 signs and sends nothing more when the store fails', async () => {
    const world = new World()
    const store = memoryStore()
    let broken = false
    const failing = {
      ...store,
      commit: (writes: Parameters<typeof store.commit>[0]) =>
        broken ? Promise.reject(new Error('no space left')) : store.commit(writes),
    }
    const alice = await world.start('alice', { store: failing })
    const bob = await world.start('bob')
    const channelId = await alice.open('memory:bob')
    await alice.deposit(channelId, 100n)
    await until(() => bob.balances(channelId).receivable === 100n)
    const alarms: unknown[] = []
    alice.on('alarm', ({ error }) => alarms.push(error))
    broken = true
    const failed = (await rejection(alice.pay(channelId, 1n))) as { code: string }
    expect(['STORE_FAILED', 'PAYMENT_PENDING']).to.include(failed.code)
    expect(await rejection(alice.pay(channelId, 1n))).to.have.property('code', 'STORE_FAILED')
    expect(alarms[0]).to.have.property('code', 'STORE_FAILED')
    await until(() => !bob.channel(channelId).connected)
    expect(bob.balances(channelId).entitlement).to.equal(0n)
    await world.stop()
  })

  it('refuses the store of another key or chain', async () => {
    const world = new World()
    const store = memoryStore()
    await world.start('alice', { store })
    expect(await rejection(world.start('bob', { store }))).to.have.property('code', 'STORE_OF_ANOTHER_NODE')
    await world.stop()
  })

  it('S6 refuses a store of a newer layout', async () => {
    const world = new World()
    const store = memoryStore()
    const alice = await world.start('alice', { store })
    const mark = (await store.get('node'))!
    await alice.stop()
    mark[1]! += 1
    await store.commit([{ key: 'node', value: mark }])
    expect(await rejection(world.start('alice', { store }))).to.have.property('code', 'STORE_OF_NEWER_VERSION')
    await world.stop()
  })

  it('needs exactly one key', async () => {
    const world = new World()
    expect(await rejection(world.start('alice', { seed: new Uint8Array(16) }))).to.have.property('code', 'MISSING_KEY')
  })
})

describe('a node and its chain', () => {
  let world: World
  beforeEach(() => {
    world = new World(3)
  })
  afterEach(() => world.stop())

  const start = async (options: { chain?: ModelView; store?: Store } = {}) => {
    const { chain = world.chain.connect(ownerOf('alice')) } = options
    const alice = await world.start('alice', { ...options, chain })
    const bob = await world.start('bob')
    const channelId = await alice.open('memory:bob')
    const deposit = alice.deposit(channelId, 1_000n)
    await until(() => alice.balances(channelId).unconfirmed === 1_000n)
    world.chain.advance(1n)
    await deposit
    await until(() => bob.balances(channelId).receivable === 1_000n)
    return { alice, bob, channelId, chain }
  }

  it('counts a deposit once it is deep enough, and S22 not after a reorganisation removed it', async () => {
    const { alice, bob, channelId } = await start()
    const more = alice.deposit(channelId, 500n, { wait: 'mined' })
    await more
    expect(alice.balances(channelId)).to.include({ spendable: 1_000n, unconfirmed: 500n })
    expect(await rejection(alice.pay(channelId, 1_001n))).to.have.property('code', 'INSUFFICIENT_BALANCE')
    world.chain.reorg(1)
    await until(() => alice.balances(channelId).unconfirmed === 0n)
    world.chain.advance(1n)
    await alice.pay(channelId, 1_000n)
    expect(bob.balances(channelId).spendable).to.equal(1_000n)
  })

  it('S26 signs nothing while the view of the chain is stale, says so, and goes on afterwards', async () => {
    const { alice, channelId, chain } = await start()
    const told: unknown[] = []
    alice.on('chain', ({ healthy, reason }) => told.push([healthy, reason]))
    chain.onHealth(false, 'it lags')
    expect(alice.balances(channelId).blocked).to.equal('CHAIN_VIEW_STALE')
    let paid = false
    const waiting = alice.pay(channelId, 1n).then(() => {
      paid = true
    })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(paid).to.equal(false)
    chain.onHealth(true)
    await waiting
    expect(told).to.deep.equal([
      [false, 'it lags'],
      [true, undefined],
    ])
  })

  it('S27 decides by chain time, whatever the clock of the machine says', async () => {
    const day = 86_400_000
    const clock: Clock = { now: () => Date.now() + day, elapsed: () => performance.now(), every: systemClock.every }
    const alice = await world.start('alice', { clock })
    const bob = await world.start('bob')
    const channelId = await alice.open('memory:bob')
    const deposit = alice.deposit(channelId, 1_000n)
    await until(() => alice.balances(channelId).unconfirmed === 1_000n)
    world.chain.advance(1n)
    await deposit
    const withdrawal = alice.withdraw(channelId, 400n, { validFor: 60 })
    await until(() => world.chain.paidTo(ownerOf('alice')) === 400n)
    world.chain.advance(1n)
    await withdrawal
    expect(bob.balances(channelId).receivable).to.equal(600n)
  })

  it('frees money again that was not withdrawn in time', async () => {
    const { alice, bob, channelId, chain } = await start()
    chain.send = () => Promise.reject(new Error('no gas'))
    expect(await rejection(alice.withdraw(channelId, 400n, { validFor: 60 }))).to.have.property('message', 'no gas')
    expect(bob.balances(channelId)).to.include({ receivable: 600n })
    expect(alice.balances(channelId)).to.include({ spendable: 600n, withdrawing: 400n })
    const expired: unknown[] = []
    bob.on('expired', (event) => expired.push(event))
    world.chain.advance(61n)
    await until(() => alice.balances(channelId).spendable === 1_000n && expired.length === 1)
  })

  it('S20 looks into its history once for an old challenge, however long that takes', async () => {
    const store = memoryStore()
    /** By where they begin: a reminder of the peer has another part read. */
    const looks = new Map<string, number>()
    let isSlow = false
    let read = () => {}
    const disk = new Promise<void>((resolve) => {
      read = resolve
    })
    const slow: Store = {
      ...store,
      async *list(prefix, after) {
        if (isSlow && prefix.startsWith('history/')) {
          const from = `${prefix} ${after}`
          looks.set(from, (looks.get(from) ?? 0) + 1)
          await disk
        }
        yield* store.list(prefix, after)
      },
    }
    const chain = world.chain.connect(ownerOf('alice'))
    const { send } = chain
    chain.send = (call, options) =>
      call.functionName === 'submit' ? Promise.reject(new Error('no gas')) : send.call(chain, call, options)
    const { alice, channelId } = await start({ chain, store: slow })
    await alice.pay(channelId, 1n)
    const [old] = parseExitFile(alice.exportExit(), world.chain.domain)
    await alice.pay(channelId, 1n)
    const envelope = (signature: Uint8Array) => encodeEnvelope({ kind: 'direct', signature })
    const states = encodeStates(
      old!.states.map(({ state, signatures }) => ({ state, signatures: signatures.map(envelope) })),
    )
    const args = [toHex(encodeChannel(old!.channel)), COIN, toHex(states)]
    // Before, a reminder may have it read for bob.
    isSlow = true
    world.chain.call(ownerOf('bob'), { to: 'adjudicator', functionName: 'submit', args })
    world.chain.advance(90_000n)
    await until(() => looks.size > 0)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect([...new Set(looks.values())]).to.deep.equal([1])
    read()
    await until(() => world.chain.paidTo(ownerOf('alice')) === 999n)
  })

  it('S31 hands on what the chain connection is alarmed about', async () => {
    const { alice, chain } = await start()
    const alarms: Error[] = []
    alice.on('alarm', ({ error }) => alarms.push(error))
    chain.onAlarm(new Error('The sender runs out of gas money.'))
    expect(alarms).to.have.length(1)
  })
})
