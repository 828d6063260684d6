import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { connectChain } from '../../sdk/chain/connect.ts'
import type { ChainOptions } from '../../sdk/chain/options.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { TallystickError } from '../../sdk/core/errors.ts'
import type { ChannelId } from '../../sdk/core/types.ts'
import { Node, type NodeOptions } from '../../sdk/node/node.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { keyOf, World } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { rejection, Stage } from './stage.ts'

/** One sentence of fact and one of remedy at least, for people; a code for programs; no stack and no machine words. */
function expectHelpful(what: string, error: unknown, code: string): void {
  expect(error, what).to.be.instanceOf(TallystickError).and.to.have.property('code', code)
  const { message } = error as Error
  expect(message, what).to.match(/^[^\n]+[.] *\S[^\n]*[.)]$/)
  expect(message, what).to.not.match(/\bat .*:\d+:\d+|undefined is not|\[object|TypeError/)
}

describe('a careless user', () => {
  it('is told what is wrong with a call, and the node goes on', async () => {
    const world = new World()
    const { alice, channelId } = await world.pair(1_000n)
    const elsewhere = `0x${'11'.repeat(32)}` as ChannelId
    const bad = (value: unknown) => value as never
    const calls: Record<string, [() => Promise<unknown>, string]> = {
      'a number for an amount': [() => alice.pay(channelId, bad(5)), 'INVALID_AMOUNT'],
      'no amount': [() => alice.pay(channelId, bad(undefined)), 'INVALID_AMOUNT'],
      'less than nothing': [() => alice.pay(channelId, -1n), 'INVALID_AMOUNT'],
      'more than anybody has': [() => alice.pay(channelId, 1n << 106n), 'INVALID_AMOUNT'],
      'a number for a memo': [() => alice.pay(channelId, 1n, { memo: bad(5) }), 'INVALID_MEMO'],
      'half a character': [() => alice.pay(channelId, 1n, { memo: '\ud800' }), 'INVALID_MEMO'],
      'a short id': [() => alice.pay(channelId, 1n, { id: '0x12' }), 'INVALID_HEX'],
      'no channel': [() => alice.pay(bad(undefined), 1n), 'UNKNOWN_CHANNEL'],
      'another channel': [() => alice.pay(elsewhere, 1n), 'UNKNOWN_CHANNEL'],
      'an asset that is none': [() => alice.pay(channelId, 1n, { asset: bad('USDC') }), 'INVALID_ADDRESS'],
      'no payments': [() => alice.payMany(channelId, []), 'INVALID_AMOUNT'],
      'numbers for payments': [() => alice.payMany(channelId, bad([1, 2])), 'INVALID_AMOUNT'],
      'too much': [() => alice.pay(channelId, 1_001n), 'INSUFFICIENT_BALANCE'],
      'a deposit of nothing': [() => alice.deposit(channelId, 0n), 'INVALID_AMOUNT'],
      'a withdrawal for no time': [() => alice.withdraw(channelId, 1n, { validFor: 0 }), 'INVALID_WITHDRAWAL'],
      'for half a second': [() => alice.withdraw(channelId, 1n, { validFor: 0.5 }), 'INVALID_WITHDRAWAL'],
      'for ever': [() => alice.withdraw(channelId, 1n, { validFor: 1e30 }), 'INVALID_WITHDRAWAL'],
      'to nobody': [() => alice.withdraw(channelId, 1n, { to: bad(null) }), 'INVALID_ADDRESS'],
      'into half a channel': [() => alice.withdraw(channelId, 1n, { toChannel: '0x12' }), 'INVALID_HEX'],
      'for a member who is none': [
        () => alice.withdraw(channelId, 1n, { toChannel: elsewhere, toMember: 300 }),
        'INVALID_WITHDRAWAL',
      ],
      'for a member of no channel': [() => alice.withdraw(channelId, 1n, { toMember: 1 }), 'INVALID_WITHDRAWAL'],
      'too much out': [() => alice.withdraw(channelId, 1_001n), 'INSUFFICIENT_BALANCE'],
      'a peer without a scheme': [() => alice.open('bob.example:7000'), 'UNKNOWN_SCHEME'],
      'an endless address': [() => alice.open(`memory:${'x'.repeat(600)}`), 'INVALID_OPTION'],
      'a peer who is not there': [() => alice.open('memory:nobody'), 'CLOSED_PORT'],
      'no period': [() => alice.open('memory:bob', { period: 0 }), 'INVALID_CHANNEL'],
      'no assets': [() => alice.open('memory:bob', { assets: [] }), 'INVALID_OPTION'],
      'too many assets': [
        () => alice.open('memory:bob', { assets: new Array<string>(17).fill(alice.owner) }),
        'INVALID_OPTION',
      ],
      'another peer than expected': [() => alice.connect('memory:bob', { peer: alice.owner }), 'WRONG_PEER'],
      'an address in use': [() => alice.listen('memory:bob'), 'ADDRESS_IN_USE'],
      'no password': [() => alice.exportBackup(''), 'INVALID_OPTION'],
      'a backup that is none': [() => Node.importBackup(memoryStore(), new Uint8Array(9), 'x'), 'NOT_A_BACKUP'],
    }
    for (const [what, [call, code]] of Object.entries(calls)) {
      expectHelpful(what, await rejection(Promise.race([call(), late(what)])), code)
      expect(alice.balances(channelId).withdrawing, what).to.equal(0n)
    }
    await alice.pay(channelId, 1_000n)
    await world.stop()
    expectHelpful('after the end', await rejection(alice.pay(channelId, 1n)), 'NODE_STOPPED')
    await alice.stop()
  })

  it('is told what is wrong with the options of a node', async () => {
    const world = new World()
    const options: [Omit<Partial<NodeOptions>, 'chain' | 'store'>, string][] = [
      [{ key: '0x12' }, 'INVALID_HEX'],
      [{ key: new Uint8Array(32) }, 'INVALID_PRIVATE_KEY'],
      [{ key: toHex(new Uint8Array(32).fill(255)) }, 'INVALID_PRIVATE_KEY'],
      [{ seed: 'correct horse battery staple' }, 'MISSING_KEY'],
      [{ owner: 'alice' }, 'INVALID_ADDRESS'],
      [{ maxPerSignature: 0 }, 'INVALID_OPTION'],
      [{ maxPerSignature: Number.NaN }, 'INVALID_OPTION'],
      [{ maxPerSignature: 65_537 }, 'INVALID_OPTION'],
      [{ tick: 0 }, 'INVALID_OPTION'],
      [{ listen: ['gopher://x'] }, 'UNKNOWN_SCHEME'],
    ]
    for (const [option, code] of options)
      expectHelpful(inspect(option), await rejection(world.start('alice', option)), code)
    await world.stop()
  })

  it('may go on with an array that is being paid', async () => {
    const world = new World()
    const { alice, bob, channelId } = await world.pair(1_000n)
    const [columns, list] = [new BigUint64Array([5n, 6n]), [7n, 8n]]
    const paying = [alice.payMany(channelId, columns), alice.payMany(channelId, list)]
    columns.fill(0n)
    list.fill(1_000_000n)
    await Promise.all(paying)
    expect(bob.balances(channelId).entitlement).to.equal(1_026n)
    await world.stop()
  })

  it('S1 pays once for one id, although the waiting was given up before the disk was done', async () => {
    const world = new World()
    const store = memoryStore()
    let isSlow = false
    let finish: (() => void) | undefined
    const commit: typeof store.commit = (writes) =>
      isSlow
        ? new Promise((resolve) => {
            finish = () => store.commit(writes).then(resolve)
          })
        : store.commit(writes)
    const alice = await world.start('alice', { store: { ...store, commit } })
    const bob = await world.start('bob')
    const channelId = await alice.open('memory:bob')
    await alice.deposit(channelId, 100n)
    await until(() => bob.balances(channelId).receivable === 100n)
    const id = '0x000102030405060708090a0b0c0d0e0f'
    const giveUp = new AbortController()
    isSlow = true
    const first = rejection(alice.pay(channelId, 7n, { id, signal: giveUp.signal }))
    await until(() => finish !== undefined)
    giveUp.abort()
    expect(await first).to.have.property('code', 'PAYMENT_PENDING')
    const second = rejection(alice.pay(channelId, 7n, { id }))
    isSlow = false
    finish!()
    expect(await second).to.have.property('code', 'PAYMENT_PENDING')
    await until(() => bob.balances(channelId).entitlement === 7n)
    expect(await alice.pay(channelId, 7n, { id })).to.include({ version: 1n })
    expect(alice.balances(channelId).spendable).to.equal(93n)
    await world.stop()
  })
})

const late = (what: string) =>
  new Promise<never>((_, reject) => setTimeout(() => reject(new Error(`${what}: nothing was said`)), 2_000).unref())

describe('a careless operator', () => {
  const KEY = 'an-api-key'
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  after(() => stage.close())

  const connect = (options: Partial<ChainOptions>) => {
    const { adjudicator } = stage.chain
    const plain = { rpc: stage.chain.url, store: memoryStore(), deployment: { adjudicator }, timeoutMs: 2_000 }
    return rejection(connectChain({ ...plain, ...options }).then((chain) => chain.stop()))
  }

  it('is told what is wrong with the chain', async () => {
    const { adjudicator, registry } = stage.chain
    const cases: [Partial<ChainOptions>, string][] = [
      [{ rpc: '' }, 'INVALID_RPC_URL'],
      [{ rpc: undefined as never }, 'INVALID_RPC_URL'],
      [{ rpc: 'localhost:8545' }, 'INVALID_RPC_URL'],
      [{ rpc: 'http://127.0.0.1:1' }, 'RPC_UNREACHABLE'],
      [{ rpc: 'ws://127.0.0.1:1' }, 'RPC_UNREACHABLE'],
      [{ chainId: 1n }, 'WRONG_NETWORK'],
      [{ deployment: { adjudicator: stage.ownerOf('alice') } }, 'MISSING_CONTRACTS'],
      [{ deployment: { adjudicator: registry } }, 'MISSING_CONTRACTS'],
      [{ deployment: { adjudicator: 'here' as never } }, 'INVALID_ADDRESS'],
      [{ deployment: { adjudicator, block: -1 } }, 'INVALID_OPTION'],
      [{ deployment: undefined as never }, 'UNKNOWN_DEPLOYMENT'],
      [{ confirmations: 0 }, 'INVALID_OPTION'],
      [{ confirmations: Number.NaN }, 'INVALID_OPTION'],
      [{ pollMs: -1 }, 'INVALID_OPTION'],
    ]
    for (const [options, code] of cases) expectHelpful(inspect(options), await connect(options), code)
  })

  it('finds no key of its RPC in an error, however deep a logger looks', async () => {
    for (const status of [401, 403, 429, 500]) {
      const server = createServer((_, response) => response.writeHead(status).end(KEY))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      for (const rpc of [`http://127.0.0.1:${port}/v3/${KEY}`, `http://user:${KEY}@127.0.0.1:${port}`]) {
        const error = await connect({ rpc })
        expectHelpful(rpc, error, 'NOT_AN_RPC')
        expect(inspect(error, { depth: null, showHidden: true }) + JSON.stringify(error)).to.not.contain(KEY)
      }
      server.closeAllConnections()
      server.close()
    }
  })

  it('finds no secret in what a node, its options or its errors print', async () => {
    const key = keyOf('alice')
    const secret = toHex(key).slice(2)
    const alice = await stage.start('alice', { node: { key } })
    const { privateKey } = stage.wallet('alice')
    const failed = await rejection(
      Node.start({ key: `0x${secret}00`, owner: 'x', chain: alice.chain, store: alice.store }),
    )
    const seedless = await rejection(stage.start('bob', { node: { key: undefined as never, seed: `${secret} words` } }))
    const printed = [alice.node, alice.chain, alice.store, failed, seedless].map(
      (each) => inspect(each, { depth: null, showHidden: true }) + String(each),
    )
    const exit = alice.node.exportExit()
    for (const text of [...printed, exit, JSON.stringify(failed)])
      for (const hidden of [secret, privateKey.slice(2)]) expect(text.toLowerCase()).to.not.contain(hidden)
    await stage.stop(alice)
  })
})
