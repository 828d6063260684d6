import { expect } from 'chai'
import { Contract } from 'ethers'
import { connectHouse } from '../../sdk/chain/house/connect-house.ts'
import { type FoundedHouse, foundHouse } from '../../sdk/chain/house/deploy.ts'
import type { EthersHouse } from '../../sdk/chain/house/ethers-house.ts'
import { type HouseLock, lockHash, type Payment, paymentHash } from '../../sdk/clearing/account.ts'
import type { Challenge, LockChallenge, Membership } from '../../sdk/clearing/dispute.ts'
import type { Epoch } from '../../sdk/clearing/epoch.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { secretKey } from '../../sdk/core/outcome.ts'
import { ZERO_HASH } from '../../sdk/core/state.ts'
import { type Address, COIN, type Hex } from '../../sdk/core/types.ts'
import type { ToldLock } from '../../sdk/house/messages.ts'
import type { OperatorEvent } from '../../sdk/house/operator/events.ts'
import { HouseOperator } from '../../sdk/house/operator/operator.ts'
import { sessionSigner } from '../../sdk/signing/session.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { type MemoryNetwork, memoryTransport } from '../../sdk/transport/memory.ts'
import { artifact, startAnvil, type TestChain } from '../sdk/chain/anvil.ts'
import { RawMember } from '../sdk/house/raw-member.ts'
import { until } from '../until.ts'

const TERMS = { interval: 86_400n, window: 40_000n, answerTime: 5_000n, answerTimeEach: 10n, answerTimeMost: 9_000n }
const WHOLE = 10n ** 18n
const code = {
  house: artifact('contracts/ClearingHouse.sol/ClearingHouse').bytecode as Hex,
  court: artifact('contracts/HouseCourt.sol/HouseCourt').bytecode as Hex,
}
const bytes = (value: string): Uint8Array => Buffer.from(value.slice(2), 'hex')

describe('an honest operator in the court', () => {
  const network: MemoryNetwork = new Map()
  const events: OperatorEvent[] = []
  const secret: Hex = `0x${'5e'.repeat(32)}`
  let now = 1_000_000
  let chain: TestChain
  let founded: FoundedHouse
  let house: HouseOperator
  let port: EthersHouse
  let anybody: EthersHouse
  let alice: RawMember
  let bob: RawMember
  let epoch: Epoch
  let first: Epoch
  let payer: Membership
  /** Paid by its secret; undecided; given up by its payee; released for a payment. */
  let locks: ToldLock[]
  let grouped: Payment

  before(async () => {
    chain = await startAnvil()
    const operator = chain.wallet(0).address.toLowerCase() as Address
    founded = await foundHouse(chain.wallet(9), code, { ...TERMS, operator, registry: chain.registry, assets: [COIN] })
    const signer = sessionSigner(bytes(chain.wallet(0).privateKey))
    port = await connect(0)
    house = await HouseOperator.start({
      chain: port,
      store: memoryStore(),
      signer,
      transports: [memoryTransport({ signer, network })],
      listen: ['memory:house'],
      epochSeconds: 1_000,
      now: () => now,
      onEvent: (event) => events.push(event),
    })
    anybody = await connect(1)
    await anybody.start()
    alice = await member(1)
    bob = await member(2)
    await firstEpoch()
  })
  after(async () => {
    for (const one of [alice, bob]) one.close()
    await house.stop()
    await anybody.stop()
    await chain.stop()
    expect(events.filter(({ kind }) => kind === 'alarm')).to.deep.equal([])
  })

  function connect(account: number): Promise<EthersHouse> {
    const { house: address, fromBlock } = founded
    const [signer, store] = [chain.wallet(account), memoryStore()]
    return connectHouse({ rpc: chain.url, store, house: address, fromBlock, signer, pollMs: 20, confirmations: 1 })
  }

  async function member(seed: number): Promise<RawMember> {
    const one = new RawMember(seed, port.domain, house.address)
    await anybody.deposit(one.identity, 0, WHOLE, { intent: `deposit ${seed}` })
    await until(async () => {
      await chain.mine()
      return house.status().members >= seed
    })
    await one.join(memoryTransport({ signer: one.signer, network }), 'memory:house')
    return one
  }

  async function lock(amount: bigint, key: Hex): Promise<ToldLock> {
    const { timestamp } = (await chain.provider.getBlock('latest'))!
    await alice.lock({ to: bob.id, amount, key, deadline: BigInt(timestamp) + 1_000_000n })
    return (await bob.heard('locked', ({ lock }) => lock.lock.amount === amount)).lock
  }

  /** Everything that can be asked about happens in it. */
  async function firstEpoch(): Promise<void> {
    await alice.pay(bob, 5n)
    const legs = [
      { from: alice.id, to: bob.id, asset: 0, amount: 3n },
      { from: bob.id, to: alice.id, asset: 0, amount: 4n },
    ]
    await alice.ask({ kind: 'offer', legs, seconds: 10 })
    const { group } = await bob.heard('proposed')
    const waiting = alice.pay(bob, 3n, group, 0)
    await bob.pay(alice, 4n, group, 1)
    await waiting
    grouped = { from: alice.id, to: bob.id, epoch: 1n, position: 1, asset: 0, amount: 3n, group, leg: 0 }
    const source = { chainId: 31_337n, condition: chain.registry }
    const never: Hex = `0x${'66'.repeat(32)}`
    locks = [await lock(100n, secretKey(source, bytes(secret))), await lock(101n, never), await lock(102n, never)]
    await bob.release(alice.id, 2, toHex(lockHash(locks[2]!.lock)))
    await alice.act({ kind: 'drop', position: 2 })
    const registry = new Contract(chain.registry, ['function reveal(bytes32)'], chain.wallet(5))
    await (await registry.getFunction('reveal')(secret)).wait()
    payer = { receipt: alice.receipt!.receipt, signature: toHex(alice.receipt!.signature) }
    first = (await anybody.epoch(0n))!.epoch
    epoch = await commit(1n)
  }

  async function commit(number: bigint): Promise<Epoch> {
    await chain.mine(2)
    now += 1_000_000
    await until(async () => {
      await chain.mine()
      return house.status().committed >= number
    })
    return (await anybody.epoch(number))!.epoch
  }

  /** Challenges, and waits for the answer. */
  async function answered(challenge: Challenge, intent: string): Promise<void> {
    await anybody.challenge(challenge, { intent })
    expect((await anybody.openDemands(epoch.number)).length, 'demanded').to.equal(1)
    await until(async () => {
      await chain.mine()
      // A busy node shows a block before its logs; the port says so, and is asked again.
      return anybody.openDemands(epoch.number).then(
        ({ length }) => length === 0,
        (error) => error.code !== 'RPC_FAILED' && Promise.reject(error),
      )
    })
  }

  const ofLock = ({ lock, receipt, signature }: ToldLock, isProven = true): LockChallenge => ({
    epoch,
    receipt,
    lock,
    signature: isProven ? toHex(signature) : '0x',
    payer,
  })
  const payment = (): Payment => ({
    from: alice.id,
    to: bob.id,
    epoch: 1n,
    position: 0,
    asset: 0,
    amount: 5n,
    group: ZERO_HASH,
    leg: 0,
  })

  it('shows the leaf of a member that signed, paid, locked and was credited', async () => {
    const { account, signature } = alice.account!
    const evidence = {
      member: alice.id,
      accounts: [account],
      receipts: [],
      postings: [],
      signatures: [toHex(signature)],
    }
    await answered({ kind: 'leaf', epoch, evidence }, 'leaf')
  })

  it('shows the credit of a payment, and that another was never made', async () => {
    await answered({ kind: 'credit', payment: payment(), payer }, 'credit')
    await answered({ kind: 'credit', payment: { ...payment(), amount: 6n }, payer }, 'never')
    await answered({ kind: 'credit', payment: { ...payment(), position: 900_000 }, payer }, 'far')
  })

  it('shows another leg of a group, and that there is no more', async () => {
    await answered({ kind: 'leg', payment: grouped, leg: 1, payer }, 'leg')
    await answered({ kind: 'leg', payment: grouped, leg: 2, payer }, 'no leg')
    await answered({ kind: 'leg', payment: grouped, leg: 3_000_000_000, payer }, 'far leg')
  })

  it('shows what became of locks, and what they paid', async () => {
    await answered({ kind: 'lock', ...ofLock(locks[1]!) }, 'live')
    await answered({ kind: 'lock', ...ofLock(locks[0]!, false) }, 'decided')
    await answered({ kind: 'lockCredit', previous: first, ...ofLock(locks[0]!) }, 'paid')
  })

  it('shows that a lock was given up, or never stood', async () => {
    await answered({ kind: 'lock', ...ofLock(locks[2]!) }, 'released')
    await answered({ kind: 'lock', ...ofLock(locks[2]!, false) }, 'absent')
    const lock: HouseLock = { ...locks[1]!.lock, amount: 7n }
    const receipt = { ...locks[1]!.receipt, position: 77, lock: toHex(lockHash(lock)) }
    await answered({ kind: 'lock', epoch, receipt, lock, signature: '0x', payer }, 'never locked')
  })

  it('shows that a payment was made in place of a lock', async () => {
    await alice.act({ kind: 'fold', position: 0, paid: 100n })
    const told = await lock(103n, `0x${'67'.repeat(32)}`)
    const wanted = { ...payment(), epoch: 2n, amount: 9n }
    await bob.release(alice.id, 3, toHex(lockHash(told.lock)), toHex(paymentHash(wanted)))
    const pay = { kind: 'pay', to: bob.id, asset: 0, amount: 9n, group: ZERO_HASH, leg: 0 } as const
    expect(await alice.act(pay, { kind: 'drop', position: 3 })).to.include({ kind: 'acted' })
    epoch = await commit(2n)
    await answered({ kind: 'lock', ...ofLock(told) }, 'paid instead')
  })
})
