import { expect } from 'chai'
import {
  type HDNodeWallet,
  hexlify,
  type Provider,
  randomBytes,
  type Signer,
  type TransactionRequest,
  Wallet,
} from 'ethers'
import { adjudicatorAbi } from '../../../sdk/chain/abi.ts'
import type { Head } from '../../../sdk/chain/chain.ts'
import {
  CallRefusedError,
  type ChainError,
  InsufficientGasMoneyError,
  RpcUnreachableError,
  TransactionRevertedError,
} from '../../../sdk/chain/errors.ts'
import { priceCap } from '../../../sdk/chain/fees.ts'
import { Journal } from '../../../sdk/chain/journal.ts'
import type { Request } from '../../../sdk/chain/preflight.ts'
import { openRpc, type Rpc } from '../../../sdk/chain/rpc.ts'
import { Sender } from '../../../sdk/chain/sender.ts'
import type { Address, Hex } from '../../../sdk/core/types.ts'
import { decodeWord } from '../../../sdk/core/word.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { until } from '../../until.ts'
import { startAnvil, type TestChain } from './anvil.ts'

describe('sender', () => {
  let chain: TestChain
  let rpc: Rpc
  let snapshot: unknown
  let nonceAtSnapshot: number
  const alarms: Error[] = []
  const started: Sender[] = []

  before(async () => {
    chain = await startAnvil()
    rpc = await openRpc(chain.url)
  })
  beforeEach(async () => {
    snapshot = await chain.rpc('evm_snapshot')
    nonceAtSnapshot = await chain.provider.getTransactionCount(chain.wallet(0).address)
    alarms.length = 0
  })
  afterEach(async () => {
    for (const sender of started.splice(0)) await sender.stop()
    await chain.rpc('evm_setAutomine', true)
    await chain.rpc('anvil_dropAllTransactions')
    await roomyBlocks()
    await chain.rpc('evm_revert', snapshot)
    await chain.rpc('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
    await chain.mine()
  })
  after(async () => {
    rpc.close()
    await chain.stop()
  })

  async function head(): Promise<Head> {
    const block = (await chain.provider.getBlock('latest'))!
    return { number: block.number, hash: block.hash as Hex, timestamp: BigInt(block.timestamp) }
  }

  async function start(
    signer: Signer,
    store: Store,
    confirmations = 1,
    through = rpc,
    maxFeePerGas?: bigint,
  ): Promise<Sender> {
    const sender = new Sender({
      rpc: through,
      signer,
      account: (await signer.getAddress()).toLowerCase() as Address,
      journal: new Journal(store),
      confirmations,
      allowDelegated: false,
      reserveGas: 500_000n,
      maxFeePerGas,
      onAlarm: (error) => alarms.push(error),
    })
    await sender.start(await head())
    started.push(sender)
    return sender
  }

  const channelId = (): Hex => `${hexlify(randomBytes(31))}02` as Hex

  function deposit(id: Hex, value: bigint): Request {
    const data = adjudicatorAbi.encodeFunctionData('depositCoin', [id, 0]) as Hex
    return { functionName: 'depositCoin', to: chain.adjudicator, data, value }
  }

  async function held(id: Hex): Promise<bigint> {
    const data = adjudicatorAbi.encodeFunctionData('wordOf', [id, `0x${'00'.repeat(20)}`, 0])
    const word = decodeWord(BigInt(await chain.provider.call({ to: chain.adjudicator, data })))
    return word.phase === 'open' ? word.balances[0] : -1n
  }

  const manual = () => chain.rpc('evm_setAutomine', false)
  /** Mines one block and lets the sender see it. */
  async function block(sender: Sender): Promise<void> {
    await chain.mine()
    await sender.onHead(await head())
  }
  /** Until the transaction pool holds `count` transactions. */
  async function pooled(count: number): Promise<void> {
    await until(async () => {
      const { pending } = (await chain.rpc('txpool_status')) as { pending: string }
      return Number(pending) === count
    })
  }
  /** Anvil mines by itself, though not before it answers: new heads are shown until `work` is done, as a watcher would. */
  async function mined<T>(sender: Sender, work: Promise<T>): Promise<T> {
    let done = false
    const end = () => {
      done = true
    }
    work.then(end, end)
    await until(async () => {
      if (!done) await sender.onHead(await head())
      return done
    })
    return work
  }
  const nonce = (account: string) => chain.provider.getTransactionCount(account, 'latest')

  it('sends a transaction and returns its receipt', async () => {
    const sender = await start(chain.wallet(0), memoryStore())
    const id = channelId()
    const receipt = await mined(sender, sender.send(deposit(id, 5n), { intent: 'deposit 1' }))
    expect(await held(id)).to.equal(5n)
    expect((await chain.provider.getTransactionReceipt(receipt.transaction))!.blockHash).to.equal(receipt.block.hash)
  })

  it('sends one intent once, however often it is asked for', async () => {
    const store = memoryStore()
    const sender = await start(chain.wallet(0), store)
    const id = channelId()
    const ask = () => sender.send(deposit(id, 5n), { intent: 'deposit 1' })
    const receipts = await mined(sender, Promise.all([ask(), ask()]))
    await sender.onHead(await head())
    receipts.push(await mined(sender, ask()))
    await sender.stop()
    const again = await start(chain.wallet(0), store)
    receipts.push(await mined(again, again.send(deposit(id, 5n), { intent: 'deposit 1' })))
    expect(new Set(receipts.map(({ transaction }) => transaction)).size).to.equal(1)
    expect(await held(id)).to.equal(5n)
  })

  it('S5 a crash before the broadcast: the same bytes leave at the next start', async () => {
    const { wallet, store } = { wallet: chain.wallet(0), store: memoryStore() }
    const deaf: Rpc = { ...rpc, call: (use) => rpc.call((provider) => use(withoutBroadcast(provider))) }
    const id = channelId()
    const first = await start(wallet, store, 1, deaf)
    const lost = first.send(deposit(id, 5n), { intent: 'deposit 1' }).catch((error: Error) => error)
    await until(async () => (await new Journal(store).open(first.account)).length === 1)
    await first.stop()
    expect(await lost).to.have.property('code', 'CHAIN_STOPPED')
    expect(await held(id)).to.equal(0n)

    const [entry] = await new Journal(store).open(first.account)
    const second = await start(wallet, store)
    await second.onHead(await head())
    await second.onHead(await head())
    expect(await held(id)).to.equal(5n)
    const receipt = await mined(second, second.send(deposit(id, 5n), { intent: 'deposit 1' }))
    expect(receipt.transaction).to.equal(entry!.attempts[0]!.hash)
    expect(await held(id)).to.equal(5n)
  })

  it('S5 a crash after the broadcast: the mined transaction is found, no second one is sent', async () => {
    const { wallet, store } = { wallet: chain.wallet(0), store: memoryStore() }
    await manual()
    const id = channelId()
    const first = await start(wallet, store)
    const lost = first.send(deposit(id, 5n), { intent: 'deposit 1' }).catch((error: Error) => error)
    await pooled(1)
    await first.stop()
    await lost
    await chain.mine()

    const second = await start(wallet, store)
    const receipt = second.send(deposit(id, 5n), { intent: 'deposit 1' })
    await second.onHead(await head())
    expect((await receipt).block.number).to.equal((await head()).number)
    await block(second)
    expect(await held(id)).to.equal(5n)
    expect(await new Journal(store).open(second.account)).to.deep.equal([])
  })

  it('S22 a reorganisation that drops a transaction: it is broadcast again with the same nonce', async () => {
    const sender = await start(chain.wallet(0), memoryStore(), 6)
    const id = channelId()
    const receipt = await mined(sender, sender.send(deposit(id, 5n), { intent: 'deposit 1' }))
    await chain.mine(2)
    await sender.onHead(await head())
    await manual()
    await chain.rpc('anvil_reorg', 3, [])
    // Anvil puts dropped transactions back into its pool; a real network may not.
    await chain.rpc('anvil_dropAllTransactions')
    expect(await held(id)).to.equal(0n)
    await sender.onHead(await head())
    await block(sender)
    expect(await held(id)).to.equal(5n)
    await chain.mine(6)
    await sender.onHead(await head())
    const final = await mined(sender, sender.send(deposit(id, 5n), { intent: 'deposit 1' }))
    expect(await nonceOf(final.transaction)).to.equal(nonceAtSnapshot)
    expect(await nonce(sender.account)).to.equal(nonceAtSnapshot + 1)
    expect(final.block.hash).to.not.equal(receipt.block.hash)
  })

  it('S23 an answer that was final and fell out of the chain is sent again when it is asked for again', async () => {
    const sender = await start(chain.wallet(0), memoryStore())
    const id = channelId()
    const first = await mined(sender, sender.send(deposit(id, 5n), { intent: 'answer' }))
    await sender.onHead(await head())
    expect(sender.has('answer')).to.equal(false)
    await manual()
    await chain.rpc('anvil_reorg', 1, [])
    await chain.rpc('anvil_dropAllTransactions')
    expect(await held(id)).to.equal(0n)
    const again = sender.send(deposit(id, 5n), { intent: 'answer' })
    await until(() => sender.has('answer'))
    await sender.onHead(await head())
    await pooled(1)
    await block(sender)
    expect((await again).transaction).to.equal(first.transaction)
    expect(await held(id)).to.equal(5n)
  })

  it('S28 an answer is mined with margin while the base fee rises', async () => {
    await chain.rpc('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
    await chain.mine()
    await manual()
    const sender = await start(chain.wallet(0), memoryStore())
    const { timestamp } = await head()
    const id = channelId()
    const before = timestamp + 12n * 20n
    const sent = sender.send(deposit(id, 5n), { intent: 'answer', before })
    await pooled(1)
    // Every block doubles the base fee, four times faster than the protocol allows.
    let baseFee = 4_000_000_000n
    for (let mined = 0; mined < 12 && (await held(id)) === 0n; mined++) {
      baseFee *= 2n
      await chain.rpc('anvil_setNextBlockBaseFeePerGas', `0x${baseFee.toString(16)}`)
      await block(sender)
    }
    const receipt = await sent
    expect(await held(id)).to.equal(5n)
    expect(receipt.block.timestamp < before - 60n).to.equal(true)
    expect(await nonce(sender.account)).to.equal(nonceAtSnapshot + 1)
  })

  it('S28 an answer never offers more than the ceiling, says once that it waits, and is mined when the base fee falls', async () => {
    await manual()
    const [store, ceiling] = [memoryStore(), 10n ** 10n]
    const sender = await start(chain.wallet(0), store, 1, rpc, ceiling)
    const { timestamp } = await head()
    const [id, other] = [channelId(), channelId()]
    const sent = sender.send(deposit(id, 5n), { intent: 'answer', before: timestamp + 10_000n })
    const calm = sender.send(deposit(other, 5n), { intent: 'deposit' })
    await pooled(2)
    for (let baseFee = 4n * 10n ** 9n; baseFee < 10n ** 13n; baseFee *= 4n) {
      await chain.rpc('anvil_setNextBlockBaseFeePerGas', `0x${baseFee.toString(16)}`)
      await block(sender)
    }
    const entries = await new Journal(store).open(sender.account)
    const caps = entries.flatMap(({ attempts }) => attempts.map(({ fees }) => priceCap(fees)))
    expect(entries).to.have.length(2)
    for (const cap of caps) expect(cap <= ceiling, `${cap}`).to.equal(true)
    expect(alarms.map((error) => (error as ChainError & { code: string }).code)).to.deep.equal(['FEE_CEILING'])
    expect(alarms[0]).to.include({ ceiling, before: timestamp + 10_000n })
    while ((await held(id)) + (await held(other)) < 10n) {
      await chain.rpc('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
      await block(sender)
    }
    await Promise.all([sent, calm])
  })

  it('S29 a stuck transaction is bumped on the same nonce, by an eighth at least, and mined once', async () => {
    await manual()
    const store = memoryStore()
    const sender = await start(chain.wallet(0), store)
    const id = channelId()
    const sent = sender.send(deposit(id, 5n), { intent: 'deposit 1' })
    await pooled(1)
    // The base fee always outruns the offer of twice as much.
    for (let baseFee = 10n ** 11n; baseFee < 10n ** 14n; baseFee *= 4n) {
      await chain.rpc('anvil_setNextBlockBaseFeePerGas', `0x${baseFee.toString(16)}`)
      await block(sender)
    }
    const [entry] = await new Journal(store).open(sender.account)
    const caps = entry!.attempts.map(({ fees }) => ('gasPrice' in fees ? 0n : fees.maxFeePerGas))
    const tips = entry!.attempts.map(({ fees }) => ('gasPrice' in fees ? 0n : fees.maxPriorityFeePerGas))
    expect(caps.length).to.be.greaterThan(1)
    for (const list of [caps, tips])
      for (const [index, fee] of list.slice(1).entries()) expect(fee * 8n >= list[index]! * 9n).to.equal(true)
    await block(sender)
    await sent
    expect(await held(id)).to.equal(5n)
  })

  /** Blocks too small for a deposit: it stays in the pool, and the RPC has nothing to complain about. */
  const tinyBlocks = () => chain.rpc('evm_setBlockGasLimit', '0x7530')
  const roomyBlocks = () => chain.rpc('evm_setBlockGasLimit', '0x1c9c380')

  it('S29 a transaction that nobody mines is bumped after three blocks', async () => {
    await manual()
    const store = memoryStore()
    const sender = await start(chain.wallet(0), store)
    const attempts = async () => (await new Journal(store).open(sender.account))[0]!.attempts.length
    const sent = sender.send(deposit(channelId(), 5n), { intent: 'deposit 1' })
    await pooled(1)
    await tinyBlocks()
    for (const expected of [1, 1, 2, 2, 2, 3]) {
      await block(sender)
      expect(await attempts()).to.equal(expected)
    }
    await roomyBlocks()
    await block(sender)
    await sent
  })

  it('S28 an urgent answer hurries along what stands before it', async () => {
    await manual()
    const store = memoryStore()
    const sender = await start(chain.wallet(0), store)
    const calm = sender.send(deposit(channelId(), 5n), { intent: 'calm' })
    await pooled(1)
    const { timestamp } = await head()
    const urgent = sender.send(deposit(channelId(), 5n), { intent: 'urgent', before: timestamp + 30n })
    await pooled(2)
    await tinyBlocks()
    for (let blocks = 0; blocks < 2; blocks++) await block(sender)
    // Blocks are twelve seconds apart, so six are left of thirty.
    const [first] = await new Journal(store).open(sender.account)
    expect([first!.intent, first!.attempts.length]).to.deep.equal(['calm', 2])
    await roomyBlocks()
    await chain.rpc('evm_mine')
    await sender.onHead(await head())
    await Promise.all([calm, urgent])
  })

  it('S29 a transaction of another program took the nonce: the call is sent with a new one, once', async () => {
    await manual()
    const wallet = chain.wallet(0)
    const sender = await start(wallet, memoryStore(), 2)
    const id = channelId()
    const sent = sender.send(deposit(id, 5n), { intent: 'deposit 1' })
    await pooled(1)
    const gasPrice = 10n ** 12n
    await wallet.sendTransaction({ to: wallet.address, nonce: await nonce(wallet.address), gasPrice, type: 0 })
    await block(sender)
    // Not final yet: a reorganisation could still bring back the deposit, so it must not be sent anew.
    expect((await chain.rpc('txpool_status')) as object).to.have.property('pending', '0x0')
    await block(sender)
    await pooled(1)
    await block(sender)
    await sent
    expect(await held(id)).to.equal(5n)
    expect(await nonce(wallet.address)).to.equal(nonceAtSnapshot + 2)
  })

  it('S30 C49 of a hundred answers at once those due soon and the heaviest go first, whenever the others are due', async () => {
    await manual()
    const sender = await start(chain.wallet(0), memoryStore())
    const { timestamp } = await head()
    const answers = Array.from({ length: 100 }, (_, index) => ({
      id: channelId(),
      before: timestamp + ([3_600n, 1_800n, 300n, 250n] as const)[index % 4]!,
      weight: BigInt((index * 37) % 100),
    }))
    const mined = answers.map(({ id, before, weight }, index) =>
      sender.send(deposit(id, 1n), { intent: `answer ${index}`, before, weight }),
    )
    for (let left = 100; left > 0; left -= 16) {
      await pooled(Math.min(16, left))
      await block(sender)
    }
    await Promise.all(mined)
    const nonces = await Promise.all(mined.map(async (receipt) => nonceOf((await receipt).transaction)))
    const order = answers
      .map((answer, index) => ({ ...answer, nonce: nonces[index]! }))
      .sort((a, b) => a.nonce - b.nonce)
    const isLater = ({ before }: { before: bigint }) => (before > timestamp + 1_000n ? 1 : 0)
    const wanted = [...answers].sort((a, b) => isLater(a) - isLater(b) || Number(b.weight - a.weight))
    expect(order.map(({ id }) => id)).to.deep.equal(wanted.map(({ id }) => id))
  })

  it('S31 no gas money: a typed error before anything is sent, and an alarm before it matters', async () => {
    const poor = Wallet.createRandom()
    await chain.rpc('anvil_setBalance', poor.address, '0x5af3107a4000')
    const store = memoryStore()
    const sender = await start(poor, store)
    await sender.onHead(await head())
    expect(alarms.map((alarm) => (alarm as ChainError).code)).to.deep.equal(['INSUFFICIENT_GAS_MONEY'])
    await chain.rpc('anvil_setBalance', poor.address, '0x2710')
    const error = await sender.send(deposit(channelId(), 10n), { intent: 'deposit 1' }).catch((error) => error)
    expect(error).to.be.instanceOf(InsufficientGasMoneyError)
    expect(error).to.include({ account: sender.account, held: 10_000n })
    expect(await nonce(poor.address)).to.equal(0)
    expect(await new Journal(store).open(sender.account)).to.deep.equal([])
  })

  it('refuses a deposit of more money than there is, before anything is sent', async () => {
    const poor = Wallet.createRandom()
    await chain.rpc('anvil_setBalance', poor.address, '0xde0b6b3a7640000')
    const sender = await start(poor, memoryStore())
    const error = await sender.send(deposit(channelId(), 10n ** 19n), { intent: 'x' }).catch((error) => error)
    expect(error).to.include({ code: 'INSUFFICIENT_MONEY', held: 10n ** 18n, needed: 10n ** 19n })
    expect(await nonce(poor.address)).to.equal(0)
  })

  it('S32 parallel sends get one nonce each, without gaps', async () => {
    const sender = await start(chain.wallet(0), memoryStore())
    const first = await nonce(sender.account)
    const ids = Array.from({ length: 20 }, channelId)
    const sent = ids.map((id, index) => sender.send(deposit(id, 1n), { intent: `${index}` }))
    const receipts = await mined(sender, Promise.all(sent))
    const nonces = await Promise.all(receipts.map(({ transaction }) => nonceOf(transaction)))
    expect(nonces.sort((a, b) => a - b)).to.deep.equal(ids.map((_, index) => first + index))
    for (const id of ids) expect(await held(id)).to.equal(1n)
  })

  it('S32 nonces stay apart when the RPC forgets what is pending', async () => {
    await manual()
    const forgetful: Rpc = { ...rpc, call: (use) => rpc.call((provider) => use(withoutPending(provider))) }
    const sender = await start(chain.wallet(0), memoryStore(), 1, forgetful)
    const ids = [channelId(), channelId(), channelId()]
    const sent = ids.map((id, index) => sender.send(deposit(id, 1n), { intent: `${index}` }))
    await pooled(3)
    await block(sender)
    await Promise.all(sent)
    for (const id of ids) expect(await held(id)).to.equal(1n)
  })

  it('S33 a call that the contract refuses is not sent, and the error says why', async () => {
    const sender = await start(chain.wallet(0), memoryStore())
    const data = adjudicatorAbi.encodeFunctionData('depositCoin', [channelId(), 7]) as Hex
    const request = { ...deposit(channelId(), 5n), data }
    const error = await sender.send(request, { intent: 'deposit 1' }).catch((error) => error)
    expect(error).to.be.instanceOf(CallRefusedError)
    expect(error.revert).to.deep.include({ name: 'NoSuchMember', args: { member: 7n, count: 2n } })
    expect(error.message).to.match(/NoSuchMember.*member 7.*count 2/)
  })

  it('S33 mined but reverted: a typed error with the reason, and the intent can be sent again', async () => {
    await manual()
    const sender = await start(chain.wallet(0), memoryStore())
    const id = channelId()
    const code = await chain.provider.getCode(chain.adjudicator)
    const sent = sender.send(deposit(id, 5n), { intent: 'claim' }).catch((error) => error)
    await pooled(1)
    // The contract changes its mind between the estimate and the block, as after a transaction that came first.
    await chain.rpc('anvil_setCode', chain.adjudicator, NOT_DISPUTED)
    await block(sender)
    const error = await sent
    expect(error).to.be.instanceOf(TransactionRevertedError)
    expect(error.revert).to.deep.include({ name: 'NotDisputed' })
    expect(error.message).to.match(/^depositCoin was mined in 0x[0-9a-f]{64} and refused: NotDisputed\(\)/)
    await chain.rpc('anvil_setCode', chain.adjudicator, code)
    const again = sender.send(deposit(id, 5n), { intent: 'claim' })
    await pooled(1)
    await block(sender)
    await again
    expect(await held(id)).to.equal(5n)
  })

  it('S34 a delegated sender is refused with a clear error, unless it is allowed', async () => {
    const sender = await start(chain.wallet(0), memoryStore())
    await chain.rpc('anvil_setCode', sender.account, `0xef0100${'ab'.repeat(20)}`)
    const error = await sender.send(deposit(channelId(), 5n), { intent: 'deposit 1' }).catch((error) => error)
    expect(error).to.include({ code: 'DELEGATED_SENDER', account: sender.account, delegate: `0x${'ab'.repeat(20)}` })
  })

  it('S34 a sender that is drained while its answer waits raises the alarm and lets another sender take over', async () => {
    await manual()
    const sender = await start(chain.wallet(0), memoryStore())
    const { timestamp } = await head()
    const options = { intent: 'answer', before: timestamp + 60n, anySender: true }
    const sent = sender.send(deposit(channelId(), 5n), options).catch((error) => error)
    await pooled(1)
    await chain.rpc('anvil_setBalance', sender.account, '0x0')
    for (let blocks = 0; blocks < 3; blocks++) await block(sender)
    expect(await sent).to.be.instanceOf(InsufficientGasMoneyError)
    expect(alarms.some((alarm) => alarm instanceof InsufficientGasMoneyError)).to.equal(true)
  })

  it('ends the waiting when the signal says so, and sends nothing if nothing was sent', async () => {
    await manual()
    const sender = await start(chain.wallet(0), memoryStore())
    const stop = new AbortController()
    const sent = sender.send(deposit(channelId(), 5n), { intent: 'deposit 1', signal: stop.signal })
    stop.abort(new Error('changed my mind'))
    expect(await sent.catch((error: Error) => error.message)).to.equal('changed my mind')
    await until(async () => !sender.busy)
    await pooled(0)
  })

  it('refuses an answer whose deadline has passed on the chain', async () => {
    const sender = await start(chain.wallet(0), memoryStore())
    const { timestamp } = await head()
    const error = await sender
      .send(deposit(channelId(), 5n), { intent: 'answer', before: timestamp - 1n })
      .catch((error) => error)
    expect(error).to.include({ code: 'DEADLINE_PASSED', before: timestamp - 1n, now: timestamp })
  })

  it('works through a wallet that only sends, and finds what it sent after a crash', async () => {
    const wallet = sendingOnly(chain.wallet(0))
    const store = memoryStore()
    const sender = await start(wallet, store)
    const id = channelId()
    const receipt = await mined(sender, sender.send(deposit(id, 5n), { intent: 'deposit 1' }))
    expect(await held(id)).to.equal(5n)
    expect(receipt.gasUsed > 0n).to.equal(true)
    await sender.stop()

    // The wallet sends, but this process ends before it hears of it.
    const deafened = sendingOnly(chain.wallet(0), () => new Promise<never>(() => {}))
    const second = await start(deafened, store)
    const other = channelId()
    const lost = second.send(deposit(other, 7n), { intent: 'deposit 2' }).catch((error: Error) => error)
    await until(async () => (await held(other)) === 7n)
    await second.stop()
    await lost
    const third = await start(wallet, store)
    const found = third.send(deposit(other, 7n), { intent: 'deposit 2' })
    expect((await mined(third, found)).gasUsed > 0n).to.equal(true)
    expect(await held(other)).to.equal(7n)
  })

  it('says so when nobody can know whether a wallet has sent, and goes on when the user does', async () => {
    const wallet = chain.wallet(0)
    const store = memoryStore()
    const never = () => new Promise<never>(() => {})
    const first = await start(sendingOnly(wallet, never, false), store)
    const id = channelId()
    const lost = first.send(deposit(id, 5n), { intent: 'deposit 1' }).catch((error: Error) => error)
    await until(async () => (await new Journal(store).open(first.account)).length === 1)
    await first.stop()
    await lost
    // Meanwhile the nonce was used for something else.
    await (await wallet.sendTransaction({ to: wallet.address })).wait()
    const second = await start(sendingOnly(wallet), store)
    const asked = second.send(deposit(id, 5n), { intent: 'deposit 1' }).catch((error) => error)
    expect(await mined(second, asked)).to.include({ code: 'UNKNOWN_OUTCOME', intent: 'deposit 1' })
    expect(await held(id)).to.equal(0n)
    await second.forget('deposit 1')
    await mined(second, second.send(deposit(id, 5n), { intent: 'deposit 1' }))
    expect(await held(id)).to.equal(5n)
  })

  it('asks a wallet again when it was interrupted before anything was sent', async () => {
    const wallet = chain.wallet(0)
    const store = memoryStore()
    const first = await start(
      sendingOnly(wallet, () => new Promise<never>(() => {}), false),
      store,
    )
    const id = channelId()
    const lost = first.send(deposit(id, 5n), { intent: 'deposit 1' }).catch((error: Error) => error)
    await until(async () => (await new Journal(store).open(first.account)).length === 1)
    await first.stop()
    await lost
    const second = await start(sendingOnly(wallet), store)
    const asked = second.send(deposit(id, 5n), { intent: 'deposit 1' })
    await mined(second, asked)
    expect(await held(id)).to.equal(5n)
    expect(await nonce(wallet.address)).to.equal(nonceAtSnapshot + 1)
  })

  it('does not ask again for what the user of a wallet replaced there', async () => {
    await manual()
    const wallet = chain.wallet(0)
    const sender = await start(sendingOnly(wallet), memoryStore())
    const sent = sender.send(deposit(channelId(), 5n), { intent: 'deposit 1' }).catch((error) => error)
    await pooled(1)
    const gasPrice = 10n ** 12n
    await wallet.sendTransaction({ to: wallet.address, nonce: nonceAtSnapshot, gasPrice, type: 0 })
    await block(sender)
    expect(await sent).to.have.property('code', 'USER_REJECTED')
    await pooled(0)
  })

  it('reports that the user of a wallet said no', async () => {
    const no = Object.assign(new Error('User rejected the request.'), { code: 4001 })
    const sender = await start(
      sendingOnly(chain.wallet(0), () => Promise.reject(no), false),
      memoryStore(),
    )
    const error = await sender.send(deposit(channelId(), 5n), { intent: 'deposit 1' }).catch((error) => error)
    expect(error).to.have.property('code', 'USER_REJECTED')
    expect(sender.busy).to.equal(false)
  })

  async function nonceOf(hash: Hex): Promise<number> {
    return (await chain.provider.getTransaction(hash))!.nonce
  }
})

/** Code that reverts with `NotDisputed()`, whatever it is asked. */
const NOT_DISPUTED = `0x63${adjudicatorAbi.getError('NotDisputed')!.selector.slice(2)}60e01b60005260046000fd`

/** A provider with some of its methods replaced. */
function changed(provider: Provider, methods: Record<string, (...args: unknown[]) => unknown>): Provider {
  return new Proxy(provider, {
    get(target, key) {
      const value = methods[String(key)] ?? (Reflect.get(target, key) as unknown)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A provider whose broadcasts never arrive. */
const withoutBroadcast = (provider: Provider): Provider =>
  changed(provider, { broadcastTransaction: () => Promise.reject(new RpcUnreachableError('test', 'unplugged')) })

/** A provider that does not count pending transactions. */
const withoutPending = (provider: Provider): Provider =>
  changed(provider, { getTransactionCount: (account) => provider.getTransactionCount(String(account), 'latest') })

/** A browser wallet: it sends and does not sign; `answer` replaces what it answers after sending (or instead of it). */
function sendingOnly(wallet: HDNodeWallet, answer?: () => Promise<never>, sends = true): Signer {
  return new Proxy(wallet as Signer, {
    get(target, key) {
      if (key === 'signTransaction')
        return () => Promise.reject(new Error('the method eth_signTransaction is not supported'))
      if (key === 'sendTransaction')
        return async (transaction: TransactionRequest) => {
          const sent = sends ? await target.sendTransaction(transaction) : undefined
          return answer ? answer() : sent
        }
      const value = Reflect.get(target, key) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
