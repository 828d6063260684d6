import { expect } from 'chai'
import { type HDNodeWallet, hexlify, randomBytes, type Wallet } from 'ethers'
import { adjudicatorAbi } from '../../../sdk/chain/abi.ts'
import type { Head } from '../../../sdk/chain/chain.ts'
import { Journal } from '../../../sdk/chain/journal.ts'
import type { Request } from '../../../sdk/chain/preflight.ts'
import { openRpc, type Rpc } from '../../../sdk/chain/rpc.ts'
import { Sender } from '../../../sdk/chain/sender.ts'
import type { Address, Hex } from '../../../sdk/core/types.ts'
import { decodeWord } from '../../../sdk/core/word.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { startAnvil, type TestChain } from './anvil.ts'

describe('sender', () => {
  let chain: TestChain
  let rpc: Rpc
  let snapshot: unknown
  const alarms: Error[] = []
  const started: Sender[] = []

  before(async () => {
    chain = await startAnvil()
    rpc = await openRpc(chain.url)
  })
  beforeEach(async () => {
    snapshot = await chain.rpc('evm_snapshot')
    alarms.length = 0
  })
  afterEach(async () => {
    for (const sender of started.splice(0)) await sender.stop()
    await chain.rpc('evm_setAutomine', true)
    await chain.rpc('evm_revert', snapshot)
  })
  after(async () => {
    rpc.close()
    await chain.stop()
  })

  async function head(): Promise<Head> {
    const block = (await chain.provider.getBlock('latest'))!
    return { number: block.number, hash: block.hash as Hex, timestamp: BigInt(block.timestamp) }
  }

  async function start(signer: HDNodeWallet | Wallet, store: Store, confirmations = 1): Promise<Sender> {
    const sender = new Sender({
      rpc,
      signer,
      account: signer.address.toLowerCase() as Address,
      journal: new Journal(store),
      confirmations,
      allowDelegated: false,
      reserveGas: 500_000n,
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

  it('sends a transaction and returns its receipt', async () => {
    const sender = await start(chain.wallet(0), memoryStore())
    const id = channelId()
    const receipt = await sender.send(deposit(id, 5n), { intent: 'deposit 1' })
    expect(await held(id)).to.equal(5n)
    expect((await chain.provider.getTransactionReceipt(receipt.transaction))!.blockHash).to.equal(receipt.block.hash)
  })
})
