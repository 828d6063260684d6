import { expect } from 'chai'
import { Transaction } from 'ethers'
import { toHex } from '../../sdk/core/bytes.ts'
import { encodeChannel } from '../../sdk/core/channel.ts'
import { type Channel, COIN } from '../../sdk/core/types.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import { brokenPromises } from '../../sdk/watchtower/receipt.ts'
import { Subscriptions } from '../../sdk/watchtower/subscriptions.ts'
import { faultyRpc, NodeError } from '../sdk/chain/faulty-rpc.ts'
import { signerOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import { ETHER, pause, Stage } from './stage.ts'
import { dump, type Guard, type GuardOptions, Watch } from './watch.ts'

const CONFIRMATIONS = 4

describe('a watchtower', () => {
  let stage: Stage
  let watch: Watch
  before(async () => {
    stage = await Stage.build()
    watch = new Watch(stage)
  })
  afterEach(async () => {
    await automine(true)
    await stage.stopAll()
    await watch.stopAll()
  })
  after(() => stage.close())

  const automine = (isOn: boolean) => stage.chain.rpc('evm_setAutomine', isOn)
  const waiting = async () => Number(((await stage.chain.rpc('txpool_status')) as { pending: string }).pending)
  /** A second later: blocks come no faster than a tower, on a busy machine as well, can follow them within a challenge period. */
  async function nextBlock(): Promise<void> {
    await stage.chain.rpc('anvil_mine', 1, 1)
    await pause(20)
  }

  const spent = (account: string) => stage.chain.provider.getTransactionCount(account)
  const codes = ({ events }: Guard) =>
    events.flatMap((event) => (event.kind === 'alarm' ? [(event.error as { code?: string }).code] : []))
  const kinds = ({ events }: Guard) => events.map(({ kind }) => kind)

  it('S7 S24 answers for a node that is offline, with what that gave it, and settles', async () => {
    const guard = await watch.start('tower', { tower: { policy: { settle: true } } })
    const { channelId, lane } = await watch.cheat('nodes', [guard.spec])
    const before = await stage.balanceOf('alice')
    const mallory = await watch.cheated('nodes', channelId)
    await stage.stop(mallory)
    await until(async () => (await watch.recorded(channelId))[lane] === 2n)
    await stage.later(700)
    // The chain may show the settlement before its receipt is here.
    await until(() => kinds(guard).includes('closed') && kinds(guard).includes('settled'))
    expect((await stage.balanceOf('alice')) - before).to.equal(ETHER + ETHER / 2n + 1n)
    expect(kinds(guard)).to.include.members(['appointed', 'disputed', 'answered', 'settled'])
    expect(codes(guard)).to.deep.equal([])
  })

  it('learns which channel it watches no sooner than somebody starts a dispute', async () => {
    const guard = await watch.start('tower')
    const channel = await watch.channel()
    const { channelId } = watch.ledger(channel)
    await watch.appoint([guard.spec], [watch.evidence(channel, [5n, 7n])])
    const parts = [channelId, toHex(encodeChannel(channel)), ...channel.members.map(({ signer }) => signer)]
    const held = await dump(guard.store)
    expect(held).to.include('tower/appointment/')
    for (const part of parts) expect(held).to.not.include(part.slice(2))
    await watch.challenge(channel, [2n, 0n])
    await watch.answered(channel, [5n, 7n])
    expect(await dump(guard.store)).to.include(channelId.slice(2))
  })

  describe('of which a challenger hides the channel behind a contract', () => {
    /** A contract that holds the call in its code and makes it when it is called without any data. */
    async function hide(channel: Channel): Promise<string> {
      const call = watch.submission(channel, [2n, 0n]).slice(2)
      const [size, adjudicator] = [(call.length / 2).toString(16).padStart(4, '0'), stage.chain.adjudicator.slice(2)]
      // CODECOPY the call to memory, CALL, and revert if that failed.
      const copy = `61${size}6033600039`
      const run = `6000600061${size}6000600073${adjudicator}5af1`
      const body = `${copy}${run}603157600080fd5b00`
      const code = `${body}${call}`
      const length = (code.length / 2).toString(16).padStart(4, '0')
      const data = `0x61${length}80600a3d393df3${code}`
      const sent = await stage.wallet('mallory').sendTransaction({ data })
      return (await sent.wait())!.contractAddress!
    }

    const start = async (to: string) =>
      (await stage.wallet('mallory').sendTransaction({ to, gasLimit: 1_000_000n })).wait()

    it('answers, since it reads the calls between contracts', async () => {
      const guard = await watch.start('tower')
      expect((await guard.tower.status()).traces).to.equal(true)
      const channel = await watch.channel()
      const { told } = await watch.appoint([guard.spec], [watch.evidence(channel, [5n, 7n])])
      expect(told.map(({ kind }) => kind)).to.not.include('untraced')
      await start(await hide(channel))
      await watch.answered(channel, [5n, 7n])
    })

    it('warns its client beforehand and alarms if its RPC shows no such calls, but answers for what is clear', async () => {
      const rpc = await faultyRpc(stage.chain.url)
      rpc.answer = (call) =>
        /trace/.test(call.method)
          ? Promise.reject(new NodeError(`the method ${call.method} does not exist/is not available`))
          : call.forward()
      try {
        const guard = await watch.start('tower', { chain: { rpc: rpc.url } })
        expect((await guard.tower.status()).traces).to.equal(false)
        const [sealed, clear] = [await watch.channel(), await watch.channel()]
        const { told } = await watch.appoint([guard.spec], [watch.evidence(sealed, [5n, 7n])])
        expect(told.map(({ kind }) => kind)).to.include('untraced')
        await watch.appoint([{ ...guard.spec, privacy: 'clear' }], [watch.evidence(clear, [5n, 7n])])
        for (const channel of [sealed, clear]) await start(await hide(channel))
        await watch.answered(clear, [5n, 7n])
        await until(() => codes(guard).includes('HIDDEN_CHANNEL'))
        expect(await watch.recorded(watch.ledger(sealed).channelId)).to.deep.equal([0n, 0n])
      } finally {
        await watch.stopAll()
        await rpc.stop()
      }
    })
  })

  describe('under a reorganisation', () => {
    const start = (options: GuardOptions = {}) =>
      watch.start('tower', { ...options, chain: { confirmations: CONFIRMATIONS, ...options.chain } })

    async function reorg(depth: number, ...kept: string[]): Promise<void> {
      const blocks = kept.map((raw) => [raw, 0])
      await stage.chain.rpc('anvil_reorg', depth, blocks)
      await stage.chain.rpc('anvil_dropAllTransactions')
      await stage.chain.mine()
    }

    /** A transfer with the nonce of `challenge`, which can never be mined after it. */
    async function instead(challenge: string): Promise<string> {
      const wallet = stage.wallet('mallory')
      const { nonce } = Transaction.from(challenge)
      return wallet.signTransaction(await wallet.populateTransaction({ to: wallet.address, nonce }))
    }

    const raw = async (hash: string) => (await stage.chain.rpc('eth_getRawTransactionByHash', hash)) as string

    /** A challenge and its answer, each in a block of its own. */
    async function disputed(guard: Guard): Promise<{ channel: Channel; challenge: string }> {
      const channel = await watch.channel()
      await watch.appoint([guard.spec], [watch.evidence(channel, [5n, 7n])])
      await automine(false)
      const { hash } = await watch.challenge(channel, [2n, 0n])
      await stage.chain.mine()
      const challenge = await raw(hash)
      await until(async () => (await waiting()) === 1)
      await stage.chain.mine()
      expect(await watch.recorded(watch.ledger(channel).channelId)).to.deep.equal([5n, 7n])
      return { channel, challenge }
    }

    async function again(channel: Channel): Promise<void> {
      await automine(true)
      await until(async () => {
        await nextBlock()
        return `${await watch.counted(channel)}` === '5,7'
      })
    }

    it('S23 answers again when the answer was taken away', async () => {
      const { channel } = await disputed(await start())
      await reorg(1)
      expect(await watch.recorded(watch.ledger(channel).channelId)).to.deep.equal([0n, 0n])
      await again(channel)
    })

    it('S23 answers again when the challenge came back in another block and the answer did not', async () => {
      const { channel, challenge } = await disputed(await start())
      await stage.later(30)
      await reorg(3, challenge)
      expect(await watch.recorded(watch.ledger(channel).channelId)).to.deep.equal([0n, 0n])
      await again(channel)
    })

    it('S23 S24 answers again when it was down while the answer was taken away', async () => {
      const guard = await start()
      const { channel } = await disputed(guard)
      await watch.stop(guard)
      await reorg(1)
      await start({ store: guard.store })
      await again(channel)
    })

    it('S23 answers the next challenge when the first never came back', async () => {
      const guard = await start()
      const { channel, challenge } = await disputed(guard)
      await reorg(2, await instead(challenge))
      await automine(true)
      // The first answer may be mined before; then it is a challenge itself, and this one comes too late.
      await watch.challenge(channel, [3n, 0n]).catch(() => {})
      await again(channel)
    })
  })

  describe('that is one of two', () => {
    const both = async (delay: bigint) =>
      [await watch.start('tower'), await watch.start('hana', { account: 5, tower: { policy: { delay } } })] as const

    it('leaves an answer alone that the other gave', async () => {
      const [first, second] = await both(200n)
      const channel = await watch.channel()
      await watch.appoint([first.spec, second.spec], [watch.evidence(channel, [5n, 7n])])
      const before = await spent(second.account)
      await watch.challenge(channel, [2n, 0n])
      await watch.answered(channel, [5n, 7n])
      await stage.later(250)
      await until(async () => (await second.tower.status()).disputes === 1)
      await pause(300)
      expect(await spent(second.account)).to.equal(before)
      expect(codes(second)).to.deep.equal([])
    })

    it('answers when the other does not', async () => {
      const [first, second] = await both(200n)
      const channel = await watch.channel()
      await watch.appoint([first.spec, second.spec], [watch.evidence(channel, [5n, 7n])])
      await watch.stop(first)
      await watch.challenge(channel, [2n, 0n])
      await pause(200)
      expect(await watch.recorded(watch.ledger(channel).channelId)).to.deep.equal([0n, 0n])
      await stage.later(200)
      await watch.answered(channel, [5n, 7n])
    })

    it('S33 does not hurt the other when both answer at once, nor alarms for it', async () => {
      const guards = await both(0n)
      const channel = await watch.channel()
      await watch.appoint(
        guards.map(({ spec }) => spec),
        [watch.evidence(channel, [5n, 7n])],
      )
      await automine(false)
      await watch.challenge(channel, [2n, 0n])
      await stage.chain.mine()
      await until(async () => (await waiting()) === 2)
      await stage.chain.mine()
      await automine(true)
      await watch.answered(channel, [5n, 7n])
      await until(() => guards.some((guard) => kinds(guard).includes('answered')))
      await pause(300)
      for (const guard of guards) expect(codes(guard)).to.deep.equal([])
    })
  })

  it('S1 S24 takes up an answer in the middle of which it was restarted, with the same transaction', async () => {
    const guard = await watch.start('tower')
    const channel = await watch.channel()
    await watch.appoint([guard.spec], [watch.evidence(channel, [5n, 7n])])
    const before = await spent(guard.account)
    await automine(false)
    await watch.challenge(channel, [2n, 0n])
    await stage.chain.mine()
    await until(async () => (await waiting()) === 1)
    await watch.stop(guard)
    await stage.chain.rpc('anvil_dropAllTransactions')
    await automine(true)
    await watch.start('tower', { store: guard.store })
    await until(async () => {
      await nextBlock()
      return `${await watch.recorded(watch.ledger(channel).channelId)}` === '5,7'
    })
    expect(await spent(guard.account)).to.equal(before + 1)
  })

  it('S28 S29 answers with one nonce while the fees run away from the answer', async () => {
    const guard = await watch.start('tower')
    const channel = await watch.channel(3_600)
    await watch.appoint([guard.spec], [watch.evidence(channel, [5n, 7n])])
    const nonce = await spent(guard.account)
    await watch.challenge(channel, [2n, 0n])
    await watch.answered(channel, [5n, 7n])
    expect(await spent(guard.account)).to.equal(nonce + 1)

    const other = await watch.channel(3_600)
    await watch.appoint([guard.spec], [watch.evidence(other, [5n, 7n])])
    await automine(false)
    await watch.challenge(other, [2n, 0n])
    await stage.chain.mine()
    await until(async () => (await waiting()) === 1)
    let baseFee = 10n ** 11n
    const { channelId } = watch.ledger(other)
    for (let blocks = 0; (await watch.recorded(channelId))[0] !== 5n; blocks++) {
      expect(blocks).to.be.lessThan(12)
      baseFee *= 2n
      await stage.chain.rpc('anvil_setNextBlockBaseFeePerGas', `0x${baseFee.toString(16)}`)
      await stage.chain.mine()
      const number = await stage.chain.provider.getBlockNumber()
      await until(async () => (await guard.tower.status()).head.number >= number)
      await pause(150)
    }
    expect(await spent(guard.account)).to.equal(nonce + 2)
    await stage.chain.rpc('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
    await stage.chain.mine()
  })

  describe('whose account is empty', () => {
    const balance = (account: string, wei: bigint) =>
      stage.chain.rpc('anvil_setBalance', account, `0x${wei.toString(16)}`)
    const poor = 6

    it('S31 alarms before there is any dispute, and answers once it has money', async () => {
      const account = stage.chain.wallet(poor).address
      await balance(account, 10n ** 13n)
      const guard = await watch.start('tower', { account: poor })
      await until(() => codes(guard).includes('INSUFFICIENT_GAS_MONEY'))
      const channel = await watch.channel()
      await watch.appoint([guard.spec], [watch.evidence(channel, [5n, 7n])])
      await watch.challenge(channel, [2n, 0n])
      await until(() => codes(guard).length >= 2)
      await balance(account, ETHER)
      await watch.answered(channel, [5n, 7n])
    })

    it('S34 answers from the spare account, also when its own was delegated to code', async () => {
      const account = stage.chain.wallet(poor).address
      await balance(account, 1n)
      const chain = { spareSigner: stage.chain.wallet(7) }
      const spare = stage.chain.wallet(7).address
      const guard = await watch.start('tower', { account: poor, chain })
      const [first, second] = [await watch.channel(), await watch.channel()]
      await watch.appoint([guard.spec], [watch.evidence(first, [5n, 7n]), watch.evidence(second, [5n, 7n])])
      const before = await spent(spare)
      await watch.challenge(first, [2n, 0n])
      await watch.answered(first, [5n, 7n])
      await balance(account, ETHER)
      await stage.chain.rpc('anvil_setCode', account, `0xef0100${'11'.repeat(20)}`)
      await watch.challenge(second, [2n, 0n])
      await watch.answered(second, [5n, 7n])
      expect(await spent(spare)).to.equal(before + 2)
      await stage.chain.rpc('anvil_setCode', account, '0x')
    })
  })

  it('C49 S30 S32 answers a mass exit in time, what is most at stake first', async () => {
    const count = 40
    const store = memoryStore()
    const guard = await watch.start('tower', { store })
    const channels: Channel[] = []
    for (let i = 0; i < count; i++) channels.push(await watch.channel(3_600))
    // Steps of a thousand, in no order.
    const worth = channels.map((_, index) => 10 * ((index * 7) % 11))
    await watch.appoint(
      [guard.spec],
      channels.map((channel) => watch.evidence(channel, [5n, 7n])),
      { worth },
    )
    await watch.stop(guard)
    await automine(false)
    const nonce = await stage.chain.provider.getTransactionCount(stage.wallet('mallory').address)
    for (const [index, channel] of channels.entries())
      await stage.wallet('mallory').sendTransaction({
        to: stage.chain.adjudicator,
        data: watch.submission(channel, [2n, 0n]),
        nonce: nonce + index,
        gasLimit: 300_000n,
      })
    await stage.chain.mine()
    expect(await waiting()).to.equal(0)

    const again = await watch.start('tower', { store })
    const from = await stage.chain.provider.getBlockNumber()
    const order: number[] = []
    await until(async () => {
      await pause(100)
      await stage.chain.mine()
      return (await Promise.all(channels.map((one) => watch.recorded(watch.ledger(one).channelId)))).every(
        ([first]) => first === 5n,
      )
    }, 50_000)
    const to = await stage.chain.provider.getBlockNumber()
    for (let number = from + 1; number <= to; number++) {
      const block = await stage.chain.provider.getBlock(number, true)
      for (const { data, from } of block!.prefetchedTransactions) {
        if (from.toLowerCase() !== again.account) continue
        const index = channels.findIndex((one) => data.includes(toHex(encodeChannel(one)).slice(2)))
        order.push(worth[index]!)
      }
    }
    expect(order).to.have.length(count)
    // What left before all were known has no say in the order of the rest.
    const rest = order.slice(16)
    expect(rest).to.deep.equal([...rest].sort((a, b) => b - a))
    expect(codes(again)).to.deep.equal([])
  })

  it('is convicted by its receipt and the chain if it did not answer', async () => {
    const guard = await watch.start('tower')
    const channel = await watch.channel()
    const evidence = watch.evidence(channel, [5n, 7n])
    const { client } = await watch.appoint([guard.spec], [evidence])
    const { appointment, receipt } = client.kept(guard.spec.tower, evidence)!
    await watch.stop(guard)
    await watch.challenge(channel, [2n, 0n])
    await stage.later(700)
    const hand = await stage.hand('alice')
    const view = await hand.view(evidence)
    const { encodeProof } = await import('../../sdk/core/calldata.ts')
    const proof = encodeProof(
      view.base,
      watch.evidence(channel, [2n, 0n]).states.map(({ state }) => state),
    )
    const args = [toHex(encodeChannel(channel)), COIN, toHex(proof)]
    await hand.send({ to: 'adjudicator', functionName: 'settle', args }, { intent: 'settle' })
    const events = await hand.history(evidence)
    const about = { appointment, channel, asset: COIN, events }
    const broken = brokenPromises(stage.domain, guard.spec.tower, receipt, about)
    expect(broken.map(({ lane, promised, settled }) => [lane, promised, settled])).to.deep.equal([
      [0, 5n, 2n],
      [1, 7n, 0n],
    ])
  })

  it('is paid through a channel, by a payment whose id it recognises', async () => {
    const hana = await stage.start('carol')
    const alice = await stage.start('alice', { file: 'alice-pays' })
    const channelId = await stage.pair(alice, hana)
    const terms = { price: 1_000n, asset: COIN, payTo: hana.node.address }
    const store = memoryStore()
    const subscriptions = await Subscriptions.open(store, terms)
    hana.node.on('payment', async ({ direction, asset, payments }) => {
      if (direction !== 'in') return
      const { timestamp } = await hana.chain.head()
      for (const { id, amount } of payments()) await subscriptions.credit({ id, amount, asset }, timestamp)
    })
    const { isPaid, quote } = subscriptions
    const guard = await watch.start('tower', { store, tower: { terms, isPaid, quote } })
    await stage.stop(alice)

    const payer = await stage.start('alice', {
      file: 'alice-pays',
      node: {
        towers: [
          {
            ...guard.spec,
            pay: async ({ id, amount }) => {
              await payer.node.pay(channelId, amount, { id })
            },
          },
        ],
      },
    })
    await payer.node.connect(hana.address)
    await payer.node.pay(channelId, 5n)
    await until(() => payer.node.towers().every(({ connected, behind }) => connected && behind === 0))
    await until(() => kinds(guard).includes('appointed'))
    await until(() => hana.node.balances(channelId).entitlement === ETHER + 1_005n)
  })

  it('is told to a node that it lags, and to its user', async () => {
    const guard = await watch.start('tower')
    await watch.stop(guard)
    const alice = await stage.start('alice', { file: 'alice-lags', node: { towers: [guard.spec] } })
    const events: string[] = []
    alice.node.on('tower', ({ event }) => events.push(event.kind))
    await until(() => events.includes('disconnected'))
    expect(alice.node.towers()).to.deep.equal([{ tower: guard.spec.tower, connected: false, behind: 0 }])
  })

  it('needs transports that can be given another key', async () => {
    const transports = [tcpTransport({ signer: signerOf('alice') })]
    const towers = [{ tower: signerOf('tower').address, address: 'tcp://127.0.0.1:1' }]
    const refused = await stage.start('alice', { file: 'alice-fixed', node: { towers, transports } }).then(
      () => undefined,
      (error: Error) => error,
    )
    expect(refused).to.have.property('code', 'INVALID_OPTION')
  })
})
