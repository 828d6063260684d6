import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { type AddressInfo, connect as connectSocket, createServer as createSocketServer, type Socket } from 'node:net'
import { expect } from 'chai'
import { Contract, JsonRpcProvider, Network, Wallet } from 'ethers'
import { TOKEN_ABI } from '../../../sdk/chain/abi.ts'
import type { EthersChain } from '../../../sdk/chain/adapter.ts'
import { connectChain } from '../../../sdk/chain/connect.ts'
import type { ChainOptions } from '../../../sdk/chain/options.ts'
import { secretKey } from '../../../sdk/core/outcome.ts'
import { type Address, COIN, type Hex, type LedgerRef } from '../../../sdk/core/types.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { until } from '../../until.ts'
import { deploy, startAnvil, type TestChain } from './anvil.ts'
import { type Pair, pairOf } from './disputes.ts'
import { faultyRpc } from './faulty-rpc.ts'

const SUPPLY = 10n ** 24n

describe('connecting to a chain', () => {
  let chain: TestChain
  let snapshot: unknown
  let deployment: { adjudicator: Address }
  const connected: EthersChain[] = []

  before(async () => {
    chain = await startAnvil()
    deployment = { adjudicator: chain.adjudicator }
  })
  beforeEach(async () => {
    snapshot = await chain.rpc('evm_snapshot')
  })
  afterEach(async () => {
    for (const one of connected.splice(0)) await one.stop()
    await chain.rpc('evm_revert', snapshot)
  })
  after(() => chain.stop())

  async function connect(options: Partial<ChainOptions> = {}): Promise<EthersChain> {
    const adapter = await connectChain({ rpc: chain.url, store: memoryStore(), deployment, pollMs: 20, ...options })
    connected.push(adapter)
    await adapter.start()
    return adapter
  }
  const failure = (options: Partial<ChainOptions>): Promise<Error & { code: string }> =>
    connectChain({ rpc: chain.url, store: memoryStore(), deployment, ...options }).then(
      (adapter) => {
        connected.push(adapter)
        throw new Error('It connected.')
      },
      (error) => error,
    )
  const held = async (adapter: EthersChain, ledger: LedgerRef) => (await adapter.view(ledger)).latestBalances[0]

  describe('with bad input', () => {
    it('refuses what is no RPC URL', async () => {
      for (const rpc of ['', 'localhost:8545', 'ftp://example.org', 'http//x'])
        expect(await failure({ rpc })).to.have.property('code', 'INVALID_RPC_URL')
    })

    it('says that nobody answers at a closed port, for HTTP and WebSocket', async () => {
      const port = await freePort()
      for (const scheme of ['http', 'ws']) {
        const error = await failure({ rpc: `${scheme}://127.0.0.1:${port}/secret-key` })
        expect(error).to.include({ code: 'RPC_UNREACHABLE', endpoint: `127.0.0.1:${port}` })
        expect(error.message).to.match(/does not answer .* Check the URL/)
        expect(error.message).to.not.include('secret')
      }
    })

    it('says that something else than a node answers', async () => {
      const server = createServer((_, response) => response.end('<html>hello</html>'))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const rpc = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      expect(await failure({ rpc })).to.have.property('code', 'NOT_AN_RPC')
      server.closeAllConnections()
      server.close()
    })

    it('says that an RPC which accepts and stays silent does not answer', async () => {
      const proxy = await faultyRpc(chain.url)
      proxy.answer = () => new Promise(() => {})
      expect(await failure({ rpc: proxy.url, timeoutMs: 100 })).to.have.property('code', 'RPC_UNREACHABLE')
      await proxy.stop()
    })

    it('refuses another network than the one asked for', async () => {
      const error = await failure({ chainId: 1n })
      expect(error).to.include({ code: 'WRONG_NETWORK', expected: 1n, actual: 31_337n })
    })

    it('refuses a chain without the contracts, and addresses with other code', async () => {
      expect(await failure({ deployment: { adjudicator: `0x${'12'.repeat(20)}` } })).to.include({
        code: 'MISSING_CONTRACTS',
        contract: 'adjudicator',
      })
      expect(await failure({ deployment: { adjudicator: chain.registry } })).to.have.property(
        'code',
        'MISSING_CONTRACTS',
      )
      const { deployment: _, ...rest } = { deployment, rpc: chain.url, store: memoryStore() }
      const unknown = await connectChain(rest).catch((error) => error)
      expect(unknown).to.have.property('code', 'UNKNOWN_DEPLOYMENT')
    })

    it('refuses the store of another chain', async () => {
      const store = memoryStore()
      await (await connect({ store })).stop()
      const other = await startAnvil('--timestamp', '1700000000')
      const error = await failure({ store, rpc: other.url, deployment: { adjudicator: other.adjudicator } })
      expect(error).to.have.property('code', 'STORE_OF_ANOTHER_CHAIN')
      await other.stop()
    })

    it('can read without a signer, and says so when it should send', async () => {
      const adapter = await connect()
      expect(await held(adapter, pairOf(chain).ledger)).to.equal(0n)
      const error = await adapter
        .send({ to: 'adjudicator', functionName: 'claim', args: [COIN, COIN] }, { intent: 'x' })
        .catch((error) => error)
      expect(error).to.have.property('code', 'NO_SENDER')
    })
  })

  describe('and depositing', () => {
    let pair: Pair
    beforeEach(() => {
      pair = pairOf(chain)
    })

    it('deposits coins, and announces the channel in the same transaction where asked', async () => {
      const adapter = await connect({ signer: chain.wallet(0) })
      await adapter.deposit(pair.ledger, 0, 5n, { intent: 'a', channel: pair.channel, announce: true })
      await adapter.deposit(pair.ledger, 0, 6n, { intent: 'b' })
      expect(await held(adapter, pair.ledger)).to.equal(11n)
      expect(await adapter.announced(pair.channel.members[0]!.owner)).to.have.lengthOf(1)
    })

    for (const [name, path, transactions] of [
      ['a plain token with an exact allowance', 'contracts/demo/DemoToken.sol/DemoToken', 2],
      ['a token with permits, in one transaction', 'test/mocks/PermitToken.sol/PermitToken', 1],
      ['a token that wants its allowance reset', 'test/mocks/PermitToken.sol/StubbornToken', 3],
    ] as const) {
      it(`deposits ${name}`, async () => {
        const wallet = chain.wallet(0)
        const asset = await deploy(wallet, path, SUPPLY)
        const token = new Contract(asset, TOKEN_ABI, wallet)
        await (await token.getFunction('approve')(chain.adjudicator, 1n)).wait()
        const ledger = { ...pair.ledger, asset }
        const adapter = await connect({ signer: wallet })
        const nonce = await wallet.getNonce()
        await adapter.deposit(ledger, 0, 500n, { intent: 'deposit' })
        expect(await wallet.getNonce()).to.equal(nonce + transactions)
        expect(await held(adapter, ledger)).to.equal(500n)
        expect(await adapter.balance(asset)).to.equal(SUPPLY - 500n)
        // The permit replaces the old allowance as well: nothing is left that a thief could use.
        expect(await token.getFunction('allowance')(wallet.address, chain.adjudicator)).to.equal(0n)
      })
    }

    it('S5 deposits a token once, however often the same deposit is asked for and the process restarts', async () => {
      const wallet = chain.wallet(0)
      const asset = await deploy(wallet, 'contracts/demo/DemoToken.sol/DemoToken', 700n)
      const ledger = { ...pair.ledger, asset }
      const store = memoryStore()
      const first = await connect({ signer: wallet, store })
      await first.deposit(ledger, 0, 500n, { intent: 'deposit' })
      await first.stop()
      const second = await connect({ signer: wallet, store })
      await second.deposit(ledger, 0, 500n, { intent: 'deposit' })
      expect(await held(second, ledger)).to.equal(500n)
      expect(await second.balance(asset)).to.equal(200n)
    })

    it('refuses a deposit of more tokens than there are, and of what is no token', async () => {
      const adapter = await connect({ signer: chain.wallet(0) })
      const asset = await deploy(chain.wallet(0), 'contracts/demo/DemoToken.sol/DemoToken', 10n)
      const much = await adapter.deposit({ ...pair.ledger, asset }, 0, 11n, { intent: 'a' }).catch((error) => error)
      expect(much).to.include({ code: 'INSUFFICIENT_MONEY', asset, held: 10n, needed: 11n })
      for (const none of [chain.adjudicator, `0x${'12'.repeat(20)}`] as Address[]) {
        const error = await adapter
          .deposit({ ...pair.ledger, asset: none }, 0, 1n, { intent: none })
          .catch((error) => error)
        expect(error).to.include({ code: 'NOT_A_TOKEN', asset: none })
      }
    })

    it('says why the adjudicator refuses a deposit, before anything is sent', async () => {
      const adapter = await connect({ signer: chain.wallet(0) })
      await pair.challenge()
      const error = await adapter.deposit(pair.ledger, 0, 5n, { intent: 'a' }).catch((error) => error)
      expect(error).to.include({ code: 'CALL_REFUSED', functionName: 'depositCoin' })
      expect(error.message).to.match(/DepositRefused.*disputed/s)
    })
  })

  it('S34 lets the spare sender step in where anybody may send, and only there', async () => {
    const pair = pairOf(chain)
    const signer = Wallet.createRandom()
    const adapter = await connect({ signer, spareSigner: chain.wallet(3) })
    const alarms: string[] = []
    adapter.onAlarm = (error) => alarms.push((error as Error & { code: string }).code)
    const call = {
      to: 'adjudicator',
      functionName: 'depositCoin',
      args: [pair.ledger.channelId, 0],
      value: 5n,
    } as const
    const refused = await adapter.send(call, { intent: 'mine' }).catch((error) => error)
    expect(refused).to.have.property('code', 'INSUFFICIENT_MONEY')
    const { transaction } = await adapter.send(call, { intent: 'anybody', anySender: true })
    expect((await chain.provider.getTransaction(transaction))!.from).to.equal(chain.wallet(3).address)
    expect(alarms).to.include('INSUFFICIENT_MONEY')
    expect(await held(adapter, pair.ledger)).to.equal(5n)
  })

  it('reads outcomes, claims and the price of gas', async () => {
    const adapter = await connect({ signer: chain.wallet(0) })
    const secret = `0x${'07'.repeat(32)}` as Hex
    const { block } = await adapter.send(
      { to: 'registry', functionName: 'reveal', args: [secret] },
      { intent: 'reveal' },
    )
    const key = secretKey(
      { chainId: 31_337n, condition: chain.registry },
      Uint8Array.from({ length: 32 }, () => 7),
    )
    await until(async () => (await adapter.head()).number >= block.number)
    expect(await adapter.outcomes([key, `0x${'01'.repeat(32)}`])).to.deep.equal([
      { value: 10n ** 18n, recordedAt: block.timestamp },
      { value: 0n, recordedAt: 0n },
    ])
    expect(await adapter.claimable(COIN, adapter.sender)).to.equal(0n)
    expect((await adapter.gasPrice()) > 0n).to.equal(true)
  })

  it('works through an EIP-1193 wallet and any ethers provider', async () => {
    const pair = pairOf(chain)
    const wallet = {
      request: ({ method, params }: { method: string; params?: unknown[] }) => chain.rpc(method, ...(params ?? [])),
    }
    const byWallet = await connect({ rpc: wallet as never, signer: await chain.provider.getSigner(4) })
    await byWallet.deposit(pair.ledger, 0, 5n, { intent: 'a' })
    const byProvider = await connect({ rpc: chain.provider, signer: chain.wallet(0) })
    await byProvider.deposit(pair.ledger, 0, 6n, { intent: 'a' })
    expect(await held(byProvider, pair.ledger)).to.equal(11n)
  })

  it('hears of blocks at once over a WebSocket', async () => {
    const pair = pairOf(chain)
    const adapter = await connect({ rpc: chain.url.replace('http', 'ws'), pollMs: 60_000, signer: chain.wallet(0) })
    const balances: unknown[] = []
    adapter.onView = (view) => balances.push(view.latestBalances[0])
    adapter.watch(pair.ledger)
    await until(() => balances.length === 1)
    await pair.deposit(0, 5n)
    await until(() => balances.includes(5n))
  })

  it('connects again when a WebSocket breaks', async () => {
    const pair = pairOf(chain)
    const cable = await cableTo(Number(new URL(chain.url).port))
    const adapter = await connect({ rpc: `ws://127.0.0.1:${cable.port}`, pollMs: 50, timeoutMs: 500 })
    const balances: unknown[] = []
    adapter.onView = (view) => balances.push(view.latestBalances[0])
    adapter.watch(pair.ledger)
    await until(() => balances.length === 1)
    cable.cut()
    await pair.deposit(0, 5n)
    await until(() => balances.includes(5n))
    await adapter.stop()
    await cable.stop()
  })

  it('leaves nothing running when it is stopped', async () => {
    const script = `
      import { connectChain } from ${JSON.stringify(new URL('../../../sdk/chain/connect.ts', import.meta.url).href)}
      import { memoryStore } from ${JSON.stringify(new URL('../../../sdk/storage/memory.ts', import.meta.url).href)}
      for (const rpc of ${JSON.stringify([chain.url, chain.url.replace('http', 'ws')])}) {
        const chain = await connectChain({ rpc, store: memoryStore(), deployment: ${JSON.stringify(deployment)} })
        await chain.start()
        await chain.stop()
      }
      console.log('stopped')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    const began = performance.now()
    expect(await exitOf(child)).to.equal(0)
    expect(output).to.equal('stopped\n')
    // ethers' own timers would hold it for up to five minutes.
    expect(performance.now() - began).to.be.lessThan(10_000)
  })
})

describe('connecting to a Hardhat node', () => {
  it('deposits, watches, explains a refusal and stops', async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const hardhat = spawn(process.execPath, ['node_modules/hardhat/dist/src/cli.js', 'node', '--port', `${port}`], {
      stdio: 'ignore',
    })
    const network = Network.from(31_337)
    const provider = new JsonRpcProvider(url, network, { staticNetwork: network, cacheTimeout: -1 })
    try {
      await until(
        () =>
          provider.getBlockNumber().then(
            () => true,
            () => false,
          ),
        30_000,
      )
      const wallet = new Wallet('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80', provider)
      const registry = await deploy(wallet, 'contracts/OutcomeRegistry.sol/OutcomeRegistry')
      const adjudicator = await deploy(wallet, 'contracts/Adjudicator.sol/Adjudicator', registry)
      const adapter = await connectChain({
        rpc: url,
        store: memoryStore(),
        signer: wallet,
        deployment: { adjudicator },
        pollMs: 20,
      })
      const ledger: LedgerRef = { channelId: `0x${'ab'.repeat(31)}02` as Hex, asset: COIN }
      const views: unknown[] = []
      adapter.onView = (view) => views.push(view.confirmedBalances)
      adapter.watch(ledger)
      await adapter.start()
      await Promise.all([1n, 2n, 4n].map((amount) => adapter.deposit(ledger, 1, amount, { intent: `${amount}` })))
      await until(() => JSON.stringify(views.at(-1), (_, value) => `${value}`) === '"0,7"')
      const error = await adapter.deposit(ledger, 5, 1n, { intent: 'no such member' }).catch((error) => error)
      expect(error.message).to.match(/NoSuchMember.*member 5/)
      const poor = await adapter.deposit(ledger, 0, 10n ** 30n, { intent: 'much' }).catch((error) => error)
      expect(poor).to.have.property('code', 'INSUFFICIENT_MONEY')
      await adapter.stop()
    } finally {
      provider.destroy()
      hardhat.kill()
      await exitOf(hardhat)
    }
  })
})

const exitOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) =>
    child.exitCode === null && child.signalCode === null ? child.once('exit', resolve) : resolve(child.exitCode),
  )

/** A cable between the program and a chain that can be cut. */
async function cableTo(target: number): Promise<{ port: number; cut(): void; stop(): Promise<void> }> {
  const ends = new Set<Socket>()
  const server = createSocketServer((near) => {
    const far = connectSocket(target, '127.0.0.1')
    for (const end of [near, far]) {
      ends.add(end)
      end.on('error', () => end.destroy())
      end.once('close', () => ends.delete(end))
    }
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    for (const end of ends) end.destroy()
  }
  const stop = async () => {
    cut()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port: (server.address() as AddressInfo).port, cut, stop }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
