import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Contract } from 'ethers'
import type { EthersChain } from '../../../sdk/chain/adapter.ts'
import { connectChain } from '../../../sdk/chain/connect.ts'
import { type Address, type ChannelId, COIN } from '../../../sdk/core/types.ts'
import { Node, type NodeOptions } from '../../../sdk/node/node.ts'
import { ethersWallet } from '../../../sdk/signing/wallet.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { openSqlite } from '../../../sdk/storage/sqlite.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { tcpTransport } from '../../../sdk/transport/tcp.ts'
import { until } from '../../until.ts'
import { startAnvil, type TestChain } from '../chain/anvil.ts'
import { keyOf, rejection, signerOf } from './actors.ts'

const ETHER = 10n ** 18n

interface Actor {
  readonly node: Node
  readonly store: Store
  readonly address: string
}

describe('two nodes on a real chain, over TCP, with SQLite', () => {
  let anvil: TestChain
  let folder: string
  const running = new Set<Actor>()

  before(async () => {
    anvil = await startAnvil()
    folder = mkdtempSync(join(tmpdir(), 'tallystick-node-'))
  })
  afterEach(async () => {
    for (const actor of [...running]) await stop(actor)
  })
  after(async () => {
    await anvil.stop()
    rmSync(folder, { recursive: true })
  })

  const wallets: Record<string, number> = { alice: 0, bob: 1, mallory: 2 }

  async function start(name: string, file = name, options: Partial<NodeOptions> = {}): Promise<Actor> {
    const { adjudicator, url } = anvil
    const signer = anvil.wallet(wallets[name]!)
    const identity = { chainId: 31337n, adjudicator, signer: signerOf(name).address }
    const store = openSqlite(join(folder, `${file}.sqlite`), { identity })
    const chain: EthersChain = await connectChain({
      rpc: url,
      store,
      signer,
      deployment: { adjudicator, block: 0 },
      pollMs: 20,
    })
    const node = await Node.start({
      key: keyOf(name),
      owner: signer.address,
      chain,
      store,
      transports: (session) => [tcpTransport({ signer: session })],
      policy: { minPeriod: 60 },
      tick: 50,
      ...options,
    })
    const actor = { node, store, address: await node.listen('tcp://127.0.0.1:0') }
    running.add(actor)
    return actor
  }

  async function stop(actor: Actor): Promise<void> {
    running.delete(actor)
    await actor.node.stop()
    await actor.store.close()
  }

  const balanceOf = (address: string) => anvil.provider.getBalance(address)

  it('deposits, pays both ways, withdraws a part and closes, to the wei', async () => {
    const [alice, bob] = [await start('alice'), await start('bob')]
    const channelId = await alice.node.open(bob.address, { period: 600 })
    await Promise.all([alice.node.deposit(channelId, ETHER), bob.node.deposit(channelId, 2n * ETHER)])
    await until(() => bob.node.balances(channelId).receivable === ETHER)
    await alice.node.payMany(channelId, new Array<bigint>(100).fill(ETHER / 200n))
    await bob.node.pay(channelId, ETHER / 4n)
    const before = await balanceOf(alice.node.owner)
    await alice.node.withdraw(channelId, ETHER / 2n)
    expect((await balanceOf(alice.node.owner)) - before > (ETHER * 4n) / 10n).to.equal(true)
    await until(() => alice.node.balances(channelId).spendable === ETHER / 4n)
    const bobs = await balanceOf(bob.node.owner)
    await alice.node.close(channelId)
    expect((await balanceOf(bob.node.owner)) - bobs).to.equal(2n * ETHER + ETHER / 4n)
    expect(await balanceOf(anvil.adjudicator)).to.equal(0n)
    expect(alice.node.balances(channelId).generation).to.equal(1)
    // The amount of the earlier withdrawal was once seen here for a moment; why is not known yet.
    await until(() => alice.node.balances(channelId).spendable === 0n)
  })

  async function later(seconds: number): Promise<void> {
    await anvil.rpc('evm_increaseTime', seconds)
    await anvil.mine()
  }

  /** A channel of alice and mallory in which mallory paid a lot after she had kept a copy of her store. */
  async function cheated(name: string): Promise<{ alice: Actor; channelId: ChannelId }> {
    const alice = await start('alice', `alice-${name}`)
    let mallory = await start('mallory', `mallory-${name}`)
    const channelId = await mallory.node.open(alice.address, { period: 600 })
    await Promise.all([alice.node.deposit(channelId, ETHER), mallory.node.deposit(channelId, ETHER)])
    await until(() => alice.node.balances(channelId).receivable === ETHER)
    await mallory.node.pay(channelId, 1n)
    await alice.node.pay(channelId, 2n)
    await stop(mallory)
    copyFileSync(join(folder, `mallory-${name}.sqlite`), join(folder, `mallory-${name}-old.sqlite`))
    mallory = await start('mallory', `mallory-${name}`)
    await mallory.node.connect(alice.address)
    await mallory.node.payMany(channelId, [ETHER / 4n, ETHER / 4n])
    await alice.node.pay(channelId, 3n)
    await stop(mallory)
    return { alice, channelId }
  }

  it('answers a stale challenge by itself, settles it and goes on in the next generation', async () => {
    const { alice, channelId } = await cheated('answered')
    const mallory = await start('mallory', 'mallory-answered-old')
    const [before, hers] = [await balanceOf(alice.node.owner), await balanceOf(mallory.node.owner)]
    const answered = new Promise((resolve) => alice.node.on('disputed', resolve))
    await mallory.node.dispute(channelId)
    await answered
    await until(() => alice.node.balances(channelId).blocked === 'LEDGER_DISPUTED')
    await expectRejection(alice.node.pay(channelId, 1n), 'LEDGER_DISPUTED')
    await answerMined(alice.node, channelId)
    await later(700)
    await until(() => alice.node.balances(channelId).generation === 1)
    // What gas took is far less than what the old state would have taken.
    const gained = (await balanceOf(alice.node.owner)) - before
    expect(gained > ETHER + ETHER / 2n - ETHER / 100n, `alice gained ${gained}`).to.equal(true)
    expect((await balanceOf(mallory.node.owner)) - hers < ETHER / 2n + 10n).to.equal(true)
    expect(await balanceOf(anvil.adjudicator)).to.equal(0n)
    await alice.node.connect(mallory.address)
    await alice.node.deposit(channelId, 100n)
    await alice.node.pay(channelId, 100n)
    await mallory.node.close(channelId)
    await until(() => alice.node.balances(channelId).generation === 2)
  })

  it('S24 finds a dispute that began while it was offline, before it hears any peer', async () => {
    const { alice, channelId } = await cheated('offline')
    await stop(alice)
    const mallory = await start('mallory', 'mallory-offline-old')
    await mallory.node.dispute(channelId)
    await stop(mallory)
    const again = await start('alice', 'alice-offline')
    await answerMined(again.node, channelId)
    await later(700)
    await until(() => again.node.balances(channelId).generation === 1)
    expect(await balanceOf(anvil.adjudicator)).to.equal(0n)
  })

  it('S3 detects that its store is an old copy: signs nothing, starts no dispute, and can still be closed by both', async () => {
    const { alice, channelId } = await cheated('restored')
    const mallory = await start('mallory', 'mallory-restored-old')
    const frozen = new Promise((resolve) => mallory.node.on('frozen', resolve))
    await mallory.node.connect(alice.address)
    expect(await frozen).to.include({ known: 1n, proved: 2n })
    await expectRejection(mallory.node.pay(channelId, 1n), 'LEDGER_FROZEN')
    await expectRejection(mallory.node.dispute(channelId), 'LEDGER_FROZEN')
    const before = await balanceOf(alice.node.owner)
    await mallory.node.close(channelId)
    expect((await balanceOf(alice.node.owner)) - before).to.equal(ETHER + ETHER / 2n + 1n - 5n)
    // The next generation starts clean.
    await mallory.node.deposit(channelId, 10n)
    await mallory.node.pay(channelId, 10n)
    await alice.node.close(channelId)
  })

  it('leaves with an exit file, any funded account and the chain alone', async () => {
    const [alice, bob] = [await start('alice', 'alice-exit'), await start('bob', 'bob-exit')]
    const channelId = await alice.node.open(bob.address, { period: 600 })
    await Promise.all([alice.node.deposit(channelId, ETHER), bob.node.deposit(channelId, ETHER)])
    await until(() => alice.node.balances(channelId).receivable === ETHER)
    await alice.node.pay(channelId, ETHER / 4n)
    await bob.node.pay(channelId, 5n)
    const file = alice.node.exportExit()
    expect(file).to.not.contain(Buffer.from(keyOf('alice')).toString('hex'))
    await Promise.all([stop(alice), stop(bob)])
    const before = await Promise.all([balanceOf(alice.node.owner), balanceOf(bob.node.owner)])

    // A stranger, who has nothing but the file.
    const chain = await connectChain({
      rpc: anvil.url,
      store: memoryStore(),
      signer: anvil.wallet(5),
      deployment: { adjudicator: anvil.adjudicator, block: 0 },
      pollMs: 20,
    })
    await chain.start()
    const stages: string[] = []
    const exiting = Node.exit(file, chain, { pollMs: 20, onProgress: ({ stage }) => stages.push(stage) })
    await until(() => stages.includes('waiting'))
    await later(700)
    await exiting
    expect(stages).to.deep.equal(['disputing', 'waiting', 'settling', 'done'])
    const after = await Promise.all([balanceOf(alice.node.owner), balanceOf(bob.node.owner)])
    expect(after.map((balance, i) => balance - before[i]!)).to.deep.equal([
      (ETHER * 3n) / 4n + 5n,
      (ETHER * 5n) / 4n - 5n,
    ])
    // Again, and for a ledger that is empty: nothing is left to do.
    await Node.exit(file, chain, { pollMs: 20 })
    const code = async (text: string) => expectRejectionOf(Node.exit(text, chain))
    expect(await code('{}')).to.equal('NOT_AN_EXIT_FILE')
    expect(await code(file.replace('"31337"', '"1"'))).to.equal('EXIT_FILE_OF_ANOTHER_CHAIN')
    expect(await code(file.replace(/"-\d+"/, '"-1"').replace(/"\d{17,}"/, '"1"'))).to.equal('NOT_AN_EXIT_FILE')
    await chain.stop()
  })

  it('finds its channels again from key and chain alone, and leaves them with what the peer shows', async () => {
    let alice = await start('alice', 'alice-lost')
    const bob = await start('bob', 'bob-lost')
    const channelId = await alice.node.open(bob.address, { period: 600 })
    await alice.node.deposit(channelId, ETHER, { announce: true })
    await alice.node.pay(channelId, ETHER / 4n)
    await stop(alice)
    alice = await start('alice', 'alice-found')
    expect(await alice.node.recover()).to.deep.equal([channelId])
    expect(await alice.node.recover()).to.deep.equal([])
    await until(() => alice.node.balances(channelId).entitlement === ETHER)
    await expectRejection(alice.node.dispute(channelId), 'RESTORED_NOT_COMPARED')
    await alice.node.connect(bob.address)
    await until(() => alice.node.balances(channelId).blocked === 'LEDGER_FROZEN')
    await alice.node.close(channelId)
    await alice.node.deposit(channelId, 10n)
    await alice.node.pay(channelId, 10n)
  })

  it('S5 deposits once for one id', async () => {
    const [alice, bob] = [await start('alice', 'alice-once'), await start('bob', 'bob-once')]
    const channelId = await alice.node.open(bob.address, { period: 600 })
    const [first, second] = await Promise.all([1, 2].map(() => alice.node.deposit(channelId, 100n, { id: 'salary' })))
    expect(first!.transaction).to.equal(second!.transaction)
    await alice.node.deposit(channelId, 100n, { id: 'salary' })
    expect(alice.node.balances(channelId).spendable).to.equal(100n)
    await alice.node.close(channelId)
  })

  it('sends money elsewhere only with the owner’s consent', async () => {
    const stranger = anvil.wallet(6)
    const session = await start('alice', 'alice-elsewhere', { owner: stranger.address })
    const bob = await start('bob', 'bob-elsewhere')
    const channelId = await session.node.open(bob.address, { period: 600 })
    await session.node.deposit(channelId, ETHER)
    const to = `0x${'99'.repeat(20)}`
    await expectRejection(session.node.withdraw(channelId, 5n, { to: to as Address }), 'OWNER_NEEDED')
    await stop(session)
    const wallet = await ethersWallet(stranger)
    const alice = await start('alice', 'alice-elsewhere', { owner: stranger.address, wallet })
    await alice.node.connect(bob.address)
    await alice.node.withdraw(channelId, 5n, { to: to as Address })
    expect(await balanceOf(to)).to.equal(5n)
    await alice.node.close(channelId)
  })

  /** Waits until the chain holds both newest lanes. */
  async function answerMined(node: Node, channelId: ChannelId): Promise<void> {
    const contract = new Contract(
      anvil.adjudicator,
      ['function laneOf(bytes32,address,uint256,uint256) view returns (uint256)'],
      anvil.provider,
    )
    const malloryLane = 1 - node.channel(channelId).me
    await until(async () => ((await contract.laneOf!(channelId, COIN, 0, malloryLane)) as bigint) >> 192n === 2n)
  }
})

async function expectRejection(promise: Promise<unknown>, code: string): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).to.have.property('code', code)
}

async function expectRejectionOf(promise: Promise<unknown>): Promise<string | undefined> {
  return ((await rejection(promise)) as { code?: string }).code
}
