import { expect } from 'chai'
import { toBeHex } from 'ethers'
import { adjudicatorAbi } from '../../../sdk/chain/abi.ts'
import type { EthersChain } from '../../../sdk/chain/adapter.ts'
import type { ChainEvent, LedgerView } from '../../../sdk/chain/chain.ts'
import { connectChain } from '../../../sdk/chain/connect.ts'
import type { ChainOptions } from '../../../sdk/chain/options.ts'
import { laneWordOf } from '../../../sdk/core/state.ts'
import { commitmentOf } from '../../../sdk/core/word.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { until } from '../../until.ts'
import { startAnvil, type TestChain } from './anvil.ts'
import { type Pair, pairOf } from './disputes.ts'
import { type Call, type FaultyRpc, faultyRpc, NodeError, silence, truth } from './faulty-rpc.ts'

const wordOf = adjudicatorAbi.getFunction('wordOf')!.selector

describe('watching the chain', () => {
  let chain: TestChain
  let proxy: FaultyRpc
  const connected: Watching[] = []

  beforeEach(async () => {
    chain = await startAnvil()
    proxy = await faultyRpc(chain.url)
  })
  afterEach(async () => {
    for (const { adapter } of connected.splice(0)) await adapter.stop()
    await proxy.stop()
    await chain.stop()
  })

  /** A chain connection and everything it said. */
  interface Watching {
    readonly adapter: EthersChain
    readonly views: LedgerView[]
    readonly events: ChainEvent[]
    readonly health: string[]
    readonly latest: () => LedgerView
  }

  async function watch(pair: Pair, options: Partial<ChainOptions> = {}): Promise<Watching> {
    const adapter = await connectChain({
      rpc: proxy.url,
      store: memoryStore(),
      deployment: { adjudicator: chain.adjudicator },
      pollMs: 20,
      ...options,
    })
    const views: LedgerView[] = []
    const watching = { adapter, views, events: [] as ChainEvent[], health: [] as string[], latest: () => views.at(-1)! }
    adapter.onView = (view) => views.push(view)
    adapter.onEvent = (event) => watching.events.push(event)
    adapter.onHealth = (healthy, reason) => watching.health.push(healthy ? 'fresh' : reason!)
    adapter.watch(pair.ledger)
    connected.push(watching)
    await adapter.start()
    return watching
  }

  const openBalances = (view: LedgerView) => [view.confirmedBalances[0], view.latestBalances[0]]
  const said = (events: readonly ChainEvent[]) =>
    events.map(({ kind, block, logIndex }) => [kind, block.hash, logIndex])
  const pure = ({ head: _, confirmedHead: __, ...view }: LedgerView) => view

  it('tells a deposit at once, and as confirmed when it is deep enough', async () => {
    const pair = pairOf(chain)
    const { views, events, latest } = await watch(pair, { confirmations: 3 })
    await pair.deposit(0, 5n)
    await until(() => latest().latestBalances[0] === 5n)
    expect(openBalances(latest())).to.deep.equal([0n, 5n])
    expect(events).to.have.lengthOf(1)
    expect(events[0]).to.deep.include({ kind: 'deposited', ...pair.ledger, word: 5n })
    await chain.mine(3)
    await until(() => latest().confirmedBalances[0] === 5n)
    expect(views.map(openBalances)).to.deep.equal([
      [0n, 0n],
      [0n, 5n],
      [5n, 5n],
    ])
    expect(latest().confirmedHead.number).to.equal(latest().head.number - 2)
  })

  it('S25 tells of every deposit as confirmed, however many there are and however many blocks come at once', async () => {
    const pairs = Array.from({ length: 20 }, () => pairOf(chain))
    const { adapter, views } = await watch(pairs[0]!, { confirmations: 60 })
    for (const { ledger } of pairs) adapter.watch(ledger)
    const held = ({ ledger }: Pair) => openBalances(views.findLast(({ channelId }) => channelId === ledger.channelId)!)
    await until(() => pairs.every(({ ledger }) => views.some(({ channelId }) => channelId === ledger.channelId)))
    for (const pair of pairs) await pair.deposit(0, 5n)
    await until(() => pairs.every((pair) => held(pair)[1] === 5n))
    expect(pairs.every((pair) => held(pair)[0] === 0n)).to.equal(true)
    await chain.mine(100)
    await until(() => pairs.every((pair) => held(pair)[0] === 5n))
  })

  it('S22 a reorganisation that removes a deposit: the credit is withdrawn, and it was never confirmed', async () => {
    const pair = pairOf(chain)
    const { views, latest } = await watch(pair, { confirmations: 6 })
    await chain.mine(6)
    await pair.deposit(0, 5n)
    await until(() => latest().latestBalances[0] === 5n)
    await chain.rpc('anvil_reorg', 2, [])
    await chain.rpc('anvil_dropAllTransactions')
    await chain.mine()
    await until(() => latest().latestBalances[0] === 0n)
    await chain.mine(8)
    expect(views.every(({ confirmedBalances }) => confirmedBalances[0] === 0n)).to.equal(true)
  })

  it('S23 a reorganisation that removes a dispute and brings it back in another block: both are told', async () => {
    const pair = pairOf(chain)
    await pair.deposit(0, 5n)
    const { views, events, latest } = await watch(pair)
    await chain.mine(2)
    await pair.challenge()
    await until(() => latest().latest.phase === 'disputed')
    const first = latest()
    await chain.rpc('anvil_reorg', 2, [])
    await chain.rpc('anvil_dropAllTransactions')
    await chain.mine()
    await until(() => latest().latest.phase === 'open')
    expect(latest().latestBalances[0]).to.equal(5n)
    expect(latest().base).to.deep.equal([])
    await chain.rpc('anvil_mine', '0x1', '0x64')
    await pair.challenge()
    await until(() => latest().latest.phase === 'disputed')
    const second = latest()
    expect(expiryOf(second)).to.not.equal(expiryOf(first))
    expect(events.filter(({ kind }) => kind === 'challenged')).to.have.lengthOf(2)
    expect(views.map(({ latest }) => latest.phase)).to.deep.equal(['open', 'disputed', 'open', 'disputed'])
  })

  it('S23 a deep reorganisation that moves a deposit to another block: it is told in both', async () => {
    const pair = pairOf(chain)
    const { adapter, events, latest } = await watch(pair)
    await chain.mine(2)
    await pair.deposit(0, 5n)
    const { transaction } = (await until(() => events.length === 1).then(() => events))[0]!
    const raw = await chain.rpc('eth_getRawTransactionByHash', transaction)
    await chain.mine(30)
    await until(async () => (await adapter.head()).number === (await chain.provider.getBlockNumber()))
    await chain.rpc('anvil_reorg', 32, [[raw, 3]])
    await until(() => events.length === 2)
    expect(events[1]!.transaction).to.equal(transaction)
    expect(events[1]!.block.hash).to.not.equal(events[0]!.block.hash)
    expect(latest().latestBalances[0]).to.equal(5n)
    expect(said(await adapter.history(pair.ledger))).to.deep.equal(said(events.slice(1)))
  })

  it('S24 a dispute that began while nobody looked is told before start is done', async () => {
    const pair = pairOf(chain)
    const store = memoryStore()
    await pair.deposit(0, 5n)
    const before = await watch(pair, { store })
    await before.adapter.stop()
    await pair.challenge()
    const state = await pair.raise(4n)
    const { views, events } = await watch(pair, { store })
    const view = views[0]!
    expect(view.latest.phase).to.equal('disputed')
    expect(view.latestBalances).to.deep.equal([5n, 0n])
    if (view.latest.phase === 'disputed') expect(commitmentOf(view.base)).to.equal(view.latest.commitment)
    expect(view.lanes).to.deep.equal([laneWordOf(state), 0n])
    expect(events.map(({ kind }) => kind)).to.include.members(['challenged', 'raised'])
    expect(events.find(({ kind }) => kind === 'challenged')!.args.base).to.deep.equal(view.base)
  })

  it('S24 a dispute is found without any memory of what was before', async () => {
    const pair = pairOf(chain)
    await pair.deposit(0, 5n)
    await pair.challenge()
    await chain.mine(50)
    proxy.answer = async (call) => {
      const answer = await call.forward()
      if (call.method !== 'eth_getLogs') return answer
      // A forged challenge after each true one: its preimage does not fit.
      const logs = answer as { data: string; logIndex: string }[]
      return logs.flatMap((log) => [log, { ...log, logIndex: '0x63', data: log.data.replace(/.$/, '7') }])
    }
    const { views } = await watch(pair)
    expect(views[0]!.latest.phase).to.equal('disputed')
    expect(views[0]!.latestBalances).to.deep.equal([5n, 0n])
  })

  it('S25 logs that come late, twice, or with those of others lead to the same view as a full rescan', async () => {
    const pair = pairOf(chain)
    const { adapter, events, latest } = await watch(pair)
    await pair.deposit(0, 1n)
    await until(() => events.length === 1)
    proxy.answer = (call) => (call.method === 'eth_getLogs' ? Promise.resolve([]) : truth(call))
    await pair.deposit(0, 2n)
    await pair.deposit(1, 4n)
    await pair.announce()
    // Words are read from the contract, so the view is right before any log comes.
    await until(() => latest().latestBalances[0] === 3n && latest().latestBalances[1] === 4n)
    proxy.answer = async (call) => {
      const answer = await call.forward()
      if (call.method !== 'eth_getLogs') return answer
      const logs = answer as { address: string }[]
      return [...logs, ...logs, ...logs.map((log) => ({ ...log, address: chain.registry }))]
    }
    await chain.mine()
    // One deposit before, two deposits, and an announcement for each member, which no word shows.
    await until(() => events.length === 5)
    proxy.answer = truth
    await chain.mine()
    const rescanned = await watch(pair)
    expect(pure(latest())).to.deep.equal(pure(rescanned.latest()))
    expect(said(events)).to.deep.equal(said(await adapter.history(pair.ledger)))
  })

  it('S25 ranges that the RPC refuses are halved, and every event is found', async () => {
    const pair = pairOf(chain)
    const store = memoryStore()
    const before = await watch(pair, { store })
    await before.adapter.stop()
    for (let round = 0; round < 5; round++) {
      await pair.deposit(0, 1n)
      await chain.mine(37)
    }
    const spans: number[] = []
    proxy.answer = (call) => {
      if (call.method !== 'eth_getLogs') return truth(call)
      const [{ fromBlock, toBlock }] = call.params as [{ fromBlock: string; toBlock: string }]
      const span = Number(toBlock) - Number(fromBlock) + 1
      spans.push(span)
      return span > 10 ? Promise.reject(new NodeError('query returned more than 10000 results')) : truth(call)
    }
    const { events, latest, adapter } = await watch(pair, { store })
    expect(latest().latestBalances[0]).to.equal(5n)
    expect(events.map(({ kind }) => kind)).to.deep.equal(Array(5).fill('deposited'))
    expect(said(await adapter.history(pair.ledger))).to.deep.equal(said(events))
    expect(Math.max(...spans)).to.be.greaterThan(10)
    // It settles on what works instead of asking for too much each time.
    expect(spans.filter((span) => span > 10).length).to.be.lessThan(spans.length / 2)
  })

  it('S26 an RPC that falls silent: the view counts as stale, and as fresh when it answers again', async () => {
    const pair = pairOf(chain)
    const { health, latest } = await watch(pair, { timeoutMs: 100, staleMs: 300 })
    proxy.answer = silence
    await until(() => health.length === 1)
    expect(health[0]).to.match(/does not answer/)
    await pair.deposit(0, 5n)
    expect(latest().latestBalances[0]).to.equal(0n)
    proxy.answer = truth
    await until(() => health.length === 2)
    await until(() => latest().latestBalances[0] === 5n)
    expect(health[1]).to.equal('fresh')
  })

  it('S26 an RPC that stops following the chain: the view counts as stale', async () => {
    const pair = pairOf(chain)
    const { health } = await watch(pair, { silentMs: 300 })
    const frozen = await chain.rpc('eth_getBlockByNumber', 'latest', false)
    proxy.answer = (call) =>
      call.method === 'eth_getBlockByNumber' && call.params[0] === 'latest' ? Promise.resolve(frozen) : truth(call)
    await until(() => health.length === 1)
    expect(health[0]).to.match(/no new block/)
    proxy.answer = truth
    await chain.mine()
    await until(() => health.length === 2)
  })

  it('S26 an RPC that lies about a final block, or lags, is found out by a witness', async () => {
    const pair = pairOf(chain)
    const { health, views } = await watch(pair, { witnesses: [chain.url], staleMs: 200, confirmations: 2 })
    await chain.mine(2)
    const known = views.length
    // It serves the words of another block under its own hash: a fork that nobody else has.
    proxy.answer = async (call) => {
      const answer = await call.forward()
      if (call.method !== 'eth_getBlockByNumber' || !answer) return answer
      return { ...answer, hash: `0x${'66'.repeat(32)}` }
    }
    await until(() => health.length === 1)
    expect(health[0]).to.match(/another RPC has another block/)
    expect(views.length).to.equal(known)
    proxy.answer = truth
    await until(() => health.length === 2)
    const frozen = await chain.rpc('eth_getBlockByNumber', 'latest', false)
    await chain.mine(20)
    proxy.answer = (call) =>
      call.method === 'eth_getBlockByNumber' && call.params[0] === 'latest' ? Promise.resolve(frozen) : truth(call)
    await until(() => health.length === 3)
    expect(health[2]).to.match(/blocks behind another RPC|went back/)
  })

  it('S26 an RPC that makes up money, or hides a dispute, is found out by a witness', async () => {
    const pair = pairOf(chain)
    await pair.deposit(0, 5n)
    const { adapter, health, views } = await watch(pair, { witnesses: [chain.url], staleMs: 200 })
    await until(() => views.length === 1)
    const lie = (word: bigint) => async (call: Call) => {
      const answer = await call.forward()
      const [asked] = call.params as [{ data?: string }]
      return call.method === 'eth_call' && asked.data?.startsWith(wordOf) ? toBeHex(word, 32) : answer
    }
    proxy.answer = lie(1_000n)
    const refused = await adapter.view(pair.ledger).catch((error: Error) => error.message)
    expect(refused).to.match(/another RPC says something else/)
    await chain.mine()
    await until(() => health.length === 1)
    proxy.answer = lie(5n)
    await until(() => health.length === 2)
    await pair.challenge()
    await until(() => health.length === 3)
    expect(views.every(({ latestBalances }) => latestBalances[0] === 5n)).to.equal(true)
    proxy.answer = truth
    await until(() => views.at(-1)!.latest.phase === 'disputed')
  })

  it('S26 a dispute whose event is withheld: no view is made up, and the view counts as stale', async () => {
    const pair = pairOf(chain)
    await pair.deposit(0, 5n)
    const { views, health, latest } = await watch(pair, { staleMs: 200 })
    proxy.answer = (call) => (call.method === 'eth_getLogs' ? Promise.resolve([]) : truth(call))
    await pair.challenge()
    await until(() => health.length === 1)
    expect(health[0]).to.match(/no event/)
    expect(views).to.have.lengthOf(1)
    proxy.answer = truth
    await until(() => latest().latest.phase === 'disputed')
    expect(latest().latestBalances).to.deep.equal([5n, 0n])
    await until(() => health.at(-1) === 'fresh')
  })

  it('S26 an RPC that is behind what this store has seen is not believed', async () => {
    const live = await startAnvil('--chain-id', '4242')
    const behind = await faultyRpc(live.url)
    const store = memoryStore()
    const deployment = { adjudicator: live.adjudicator }
    const connect = () => connectChain({ rpc: behind.url, store, deployment, confirmations: 1 })
    const frozen = await live.rpc('eth_getBlockByNumber', 'latest', false)
    await live.mine(30)
    const first = await connect()
    await first.start()
    await first.stop()
    behind.answer = (call) =>
      call.method === 'eth_getBlockByNumber' && call.params[0] === 'latest' ? Promise.resolve(frozen) : truth(call)
    const second = await connect()
    const error = await second.start().catch((error) => error)
    expect(error).to.have.property('code', 'RPC_FAILED')
    expect(error.message).to.match(/before block \d+ seen earlier/)
    await second.stop()
    await behind.stop()
    await live.stop()
  })

  it('S27 the chain says what time it is, however wrong the local clock', async () => {
    const pair = pairOf(chain)
    const now = Date.now
    Date.now = () => now() - 86_400_000
    try {
      const { adapter, latest } = await watch(pair, { signer: chain.wallet(0) })
      await chain.rpc('evm_increaseTime', 7_200)
      await chain.mine()
      const block = (await chain.provider.getBlock('latest'))!
      await until(async () => (await adapter.head()).number === block.number)
      expect((await adapter.head()).timestamp).to.equal(BigInt(block.timestamp))
      const before = BigInt(block.timestamp) + 60n
      await adapter.deposit(pair.ledger, 0, 5n, { intent: 'deposit', before })
      await until(() => latest().latestBalances[0] === 5n)
      const late = adapter.deposit(pair.ledger, 0, 5n, { intent: 'late', before: BigInt(block.timestamp) - 1n })
      expect(await late.catch((error) => error.code)).to.equal('DEADLINE_PASSED')
    } finally {
      Date.now = now
    }
  })

  it('finds announced channels by their owner, and believes no id that it did not compute', async () => {
    const pair = pairOf(chain)
    await pair.announce()
    const { adapter } = await watch(pair)
    const { channelId } = pair.ledger
    for (const { owner } of pair.channel.members)
      expect(await adapter.announced(owner)).to.deep.equal([{ channelId, channel: pair.channel }])
    expect(await adapter.announced(chain.registry)).to.deep.equal([])
    proxy.answer = async (call) => {
      const answer = await call.forward()
      if (call.method !== 'eth_getLogs') return answer
      return (answer as { topics: string[] }[]).map((log) => ({
        ...log,
        topics: log.topics.with(1, `0x${'66'.repeat(31)}02`),
      }))
    }
    expect(await adapter.announced(pair.channel.members[0]!.owner)).to.deep.equal([])
  })

  it('no longer tells about a ledger that is not watched', async () => {
    const pair = pairOf(chain)
    const { adapter, views, events } = await watch(pair)
    adapter.unwatch(pair.ledger)
    await pair.deposit(0, 5n)
    const head = await chain.provider.getBlockNumber()
    await until(async () => (await adapter.head()).number >= head)
    expect([views.length, events.length]).to.deep.equal([1, 0])
  })
})

const expiryOf = ({ latest }: LedgerView): bigint => (latest.phase === 'disputed' ? latest.expiry : 0n)
