import { expect } from 'chai'
import { Contract, concat, keccak256, Signature, ZeroHash, zeroPadValue } from 'ethers'
import { TOKEN_ABI } from '../../../sdk/chain/abi.ts'
import { bondAt } from '../../../sdk/chain/house/bond.ts'
import { connectHouse } from '../../../sdk/chain/house/connect-house.ts'
import { type FoundedHouse, foundHouse } from '../../../sdk/chain/house/deploy.ts'
import type { EthersHouse } from '../../../sdk/chain/house/ethers-house.ts'
import type { HouseEvent } from '../../../sdk/chain/house/house-chain.ts'
import type { HouseOptions } from '../../../sdk/chain/house/options.ts'
import { emptyTally, memberId, paymentHash, receiptHash } from '../../../sdk/clearing/account.ts'
import { type DebitDemand, demandHash, type LeafDemand, type Statement } from '../../../sdk/clearing/dispute.ts'
import { postingHash } from '../../../sdk/clearing/posting.ts'
import { tallyPath } from '../../../sdk/clearing/tally.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import { typedDigest } from '../../../sdk/core/eip712.ts'
import { secretKey } from '../../../sdk/core/outcome.ts'
import { type Address, COIN, type Hex, type Member } from '../../../sdk/core/types.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { until } from '../../until.ts'
import { artifact, deploy, startAnvil, type TestChain } from './anvil.ts'
import { faultyRpc, truth } from './faulty-rpc.ts'
import { SmallHouse } from './small-house.ts'

const [INTERVAL, WINDOW] = [100_000n, 1_000n]
const TIMES = { interval: INTERVAL, window: WINDOW, answerTime: 500n, answerTimeEach: 10n, answerTimeMost: 900n }
const SUPPLY = 10n ** 24n
const code = {
  house: artifact('contracts/ClearingHouse.sol/ClearingHouse').bytecode as Hex,
  court: artifact('contracts/HouseCourt.sol/HouseCourt').bytecode as Hex,
}

describe('the port to a clearing house', () => {
  let chain: TestChain
  let snapshot: unknown
  let token: Address
  let founded: FoundedHouse
  let operator: EthersHouse
  let books: SmallHouse
  let alice: Member
  const connected: EthersHouse[] = []
  const lower = (address: string) => address.toLowerCase() as Address

  before(async () => {
    chain = await startAnvil()
    token = await deploy(chain.wallet(1), 'contracts/demo/DemoToken.sol/DemoToken', SUPPLY)
    founded = await foundHouse(chain.wallet(9), code, {
      ...TIMES,
      operator: lower(chain.wallet(0).address),
      registry: chain.registry,
      assets: [COIN, token],
    })
  })
  beforeEach(async () => {
    snapshot = await chain.rpc('evm_snapshot')
    alice = { signer: `0x${'a1'.repeat(20)}`, owner: lower(chain.wallet(1).address) }
    books = new SmallHouse(2)
  })
  afterEach(async () => {
    for (const one of connected.splice(0)) await one.stop()
    await chain.rpc('evm_revert', snapshot)
  })
  after(() => chain.stop())

  async function open(options: Partial<HouseOptions> = {}): Promise<{ one: EthersHouse; events: HouseEvent[] }> {
    const { house, fromBlock } = founded
    const one = await connectHouse({ rpc: chain.url, store: memoryStore(), house, fromBlock, pollMs: 20, ...options })
    connected.push(one)
    const events: HouseEvent[] = []
    one.onEvent = (event) => void events.push(event)
    return { one, events }
  }
  async function connect(account: number, options: Partial<HouseOptions> = {}) {
    const opened = await open({ signer: chain.wallet(account), ...options })
    await opened.one.start()
    return opened
  }
  /** Commits to everything that was posted. */
  async function commit(): Promise<void> {
    await chain.mine()
    const { timestamp } = (await chain.provider.getBlock('latest'))!
    await chain.mine()
    await until(async () => (await operator.state()).latest.head.timestamp > BigInt(timestamp))
    const postings = await operator.postings()
    const previous = books.epochs.at(-1)!.epoch
    const { epoch } = books.next(postings, BigInt(timestamp))
    await operator.commit(previous, epoch, postings.at(-1)?.posting, { intent: `commit ${epoch.number}` })
  }
  /** As the operator. */
  const sign = ({ domain }: EthersHouse, structHash: Uint8Array): Hex => {
    const { compactSerialized } = Signature.from(chain.wallet(0).signingKey.sign(typedDigest(domain, structHash)))
    return concat(['0x00', compactSerialized]) as Hex
  }
  const pass = async (seconds: bigint) => {
    await chain.rpc('evm_increaseTime', Number(seconds))
    await chain.mine()
  }
  const kinds = (events: readonly HouseEvent[]) => events.map(({ kind }) => kind)
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => 'taken',
      (error) => error.revert?.name ?? error.code,
    )

  it('says on what the house was founded', async () => {
    const { one } = await open()
    expect(one.terms).to.deep.equal({
      ...TIMES,
      operator: lower(chain.wallet(0).address),
      court: founded.court,
      registry: chain.registry,
      assets: [COIN, token],
    })
    expect(one.domain).to.deep.equal({ chainId: 31_337n, adjudicator: founded.house })
  })

  it('refuses what is no house, and terms that name no contracts', async () => {
    const none = await refusal(open({ house: chain.adjudicator }))
    expect(none).to.equal('MISSING_CONTRACTS')
    const wrong = { ...TIMES, operator: alice.owner, registry: alice.signer, assets: [COIN] }
    expect(await refusal(foundHouse(chain.wallet(9), code, wrong))).to.equal('MISSING_CONTRACTS')
  })

  it('deposits coins and tokens, asks for them, and tells each posting once with the hash that the chain keeps', async () => {
    const { one, events } = await connect(1)
    await one.deposit(alice, 0, 70n, { intent: 'coin' })
    await one.deposit(alice, 1, 500n, { intent: 'token' })
    await one.deposit(alice, 1, 500n, { intent: 'token' })
    await one.request(alice.signer, 1, 200n, { intent: 'request' })
    await until(() => events.length === 3)
    const posted = events.flatMap((event) => (event.kind === 'posted' ? [event.posting] : []))
    expect(
      posted.map(({ number, amount, deposited, requested }) => [number, amount, deposited, requested]),
    ).to.deep.equal([
      [1n, 70n, 70n, 0n],
      [2n, 500n, 500n, 0n],
      [3n, 0n, 500n, 200n],
    ])
    expect(posted[2]!.previous).to.equal(postingHash(posted[1]!))
    expect(posted[2]!.totals).to.deep.equal([70n, 500n])
    expect(await one.standing(memberId(alice), 1)).to.deep.equal({ deposited: 500n, requested: 200n })
    const allowed = new Contract(token, TOKEN_ABI, chain.provider).getFunction('allowance')
    expect(await allowed(alice.owner, founded.house)).to.equal(0n)
    expect((await one.postings(2n)).map(({ posting }) => posting)).to.deep.equal(posted.slice(1))
  })

  it('deposits a token that has permits in one transaction, and allows nothing else', async () => {
    const permitted = await deploy(chain.wallet(1), 'test/mocks/PermitToken.sol/PermitToken', SUPPLY)
    const { house } = await foundHouse(chain.wallet(9), code, {
      ...TIMES,
      operator: lower(chain.wallet(0).address),
      registry: chain.registry,
      assets: [permitted],
    })
    const { one } = await connect(1, { house })
    const before = await chain.provider.getTransactionCount(alice.owner)
    await one.deposit(alice, 0, 500n, { intent: 'token' })
    expect((await chain.provider.getTransactionCount(alice.owner)) - before).to.equal(1)
    expect(await one.standing(memberId(alice), 0)).to.deep.equal({ deposited: 500n, requested: 0n })
    const allowed = new Contract(permitted, TOKEN_ABI, chain.provider).getFunction('allowance')
    expect(await allowed(alice.owner, house)).to.equal(0n)
  })

  it('names what the contract refuses with', async () => {
    const { one } = await connect(1)
    await one.request(alice.signer, 0, 5n, { intent: 'a' })
    expect(await refusal(one.request(alice.signer, 0, 5n, { intent: 'b' }))).to.equal('StaleTarget')
    expect(await refusal(one.deposit(alice, 7, 5n, { intent: 'c' }))).to.equal('NoSuchAsset')
    expect(await refusal(one.advance(1, { intent: 'd' }))).to.equal('taken')
    const genesis = (await one.epoch(0n))!.epoch
    expect(await refusal(one.commit(genesis, genesis, undefined, { intent: 'e' }))).to.equal('NotOperator')
    const { one: reader } = await connect(1, { store: memoryStore() })
    expect(reader.confirmations).to.equal(1)
    const { one: none } = await open()
    expect(await refusal(none.advance(1, { intent: 'f' }).catch((error) => Promise.reject(error)))).to.equal(
      'NO_SENDER',
    )
  })

  it('commits, notes what is final, and collects what leaves', async () => {
    const member = await connect(1)
    const { one, events } = await connect(0)
    operator = one
    await member.one.deposit(alice, 0, 1_000n, { intent: 'deposit' })
    await member.one.request(alice.signer, 0, 400n, { intent: 'request' })
    await commit()
    await until(() => events.some(({ kind }) => kind === 'committed'))
    const { epoch } = books.epochs[1]!
    expect(events.find((event) => event.kind === 'committed')).to.deep.include({ epoch })
    const status = (await one.epochStatus(1n))!
    expect(await one.epoch(1n)).to.deep.equal({ epoch, committedAt: status.committedAt })
    expect(await one.epoch(2n)).to.equal(undefined)
    expect(status.challengeUntil).to.equal(status.committedAt + WINDOW)
    await pass(WINDOW)
    await until(async () => (await one.state()).latest.final === 1n)
    expect((await one.state()).latest.finalized).to.equal(0n)
    const before = await chain.provider.getBalance(alice.owner)
    const { claims, path } = books.claims(1)
    await one.collect(epoch, claims, path, { intent: 'collect' })
    expect(await chain.provider.getBalance(alice.owner)).to.equal(before + 400n)
    expect(await refusal(one.collect(epoch, claims, path, { intent: 'again' }))).to.equal('AlreadyPaid')
    await until(() => kinds(events).at(-1) === 'collected')
    expect(kinds(events).at(-2)).to.equal('finalized')
    expect(events.at(-1)).to.deep.include({ epoch: 1n, indices: claims.map(({ index }) => index) })
  })

  it('tells a demand as soon as it is seen, and answers it from its bond', async () => {
    const member = await connect(1)
    const { one, events } = await connect(0, { confirmations: 4 })
    operator = one
    await member.one.deposit(alice, 0, 1_000n, { intent: 'deposit' })
    await chain.mine(4)
    await until(() => events.length === 1)
    await commit()
    const { posting } = (await member.one.postings())[0]!
    const evidence = { member: posting.member, accounts: [], receipts: [], postings: [posting], signatures: [] }
    const challenge = { kind: 'leaf', epoch: books.epochs[1]!.epoch, evidence } as const
    const bond = await member.one.bondFor(1n)
    const { baseFeePerGas } = (await chain.provider.getBlock('latest'))!
    expect(bondAt(baseFeePerGas!, 0, member.one.terms)).to.equal(bond)
    const held = await chain.provider.getBalance(founded.court)
    await member.one.challenge(challenge, { intent: 'challenge' })
    const paid = (await chain.provider.getBalance(founded.court)) - held
    expect(paid > 0n && paid < 2n * bond).to.equal(true)
    await until(() => kinds(events).includes('demanded'))
    expect(kinds(events)).to.not.include('committed')
    const demanded = events.find((event) => event.kind === 'demanded')!
    expect(await one.openDemands(1n)).to.deep.equal([{ id: demanded.id, demand: demanded.demand }])
    expect(demanded.demand).to.deep.include({
      about: 'leaf',
      member: posting.member,
      since: 1n,
      deposited: [1_000n, 0n],
    })
    await one.answer(books.leafAnswer(demanded.demand as LeafDemand), { intent: 'answer' })
    expect(await one.openDemands(1n)).to.deep.equal([])
    const rest = await one.claimable('court', COIN, member.one.sender)
    expect(rest > 0n && rest < paid).to.equal(true)
    await member.one.claim('court', COIN, alice.owner, { intent: 'claim' })
    expect(await one.claimable('court', COIN, member.one.sender)).to.equal(0n)
    await chain.mine(4)
    await until(() => kinds(events).at(-1) === 'answered')
    expect(kinds(events)).to.deep.equal(['posted', 'demanded', 'committed', 'answered'])
  })

  it('ends at an epoch that nobody answered for: the bond comes back, and everybody exits', async () => {
    const member = await connect(1)
    const { one, events } = await connect(0)
    operator = one
    await member.one.deposit(alice, 0, 1_000n, { intent: 'deposit' })
    await commit()
    await pass(WINDOW)
    await commit()
    await one.advance(4, { intent: 'advance' })
    await member.one.deposit(alice, 0, 30n, { intent: 'late' })
    const postings = await member.one.postings()
    const { posting } = postings[0]!
    const evidence = { member: posting.member, accounts: [], receipts: [], postings: [posting], signatures: [] }
    await member.one.challenge({ kind: 'leaf', epoch: books.epochs[2]!.epoch, evidence }, { intent: 'challenge' })
    const [demanded] = await member.one.openDemands(2n)
    await pass(WINDOW + 900n)
    await until(() => kinds(events).includes('settled'))
    // The late deposit is told when it is deep enough, the demand at once: either may come first.
    expect(kinds(events)).to.include('demanded')
    expect(kinds(events).slice(-2)).to.deep.equal(['halted', 'settled'])
    expect(await one.isFailed(2n)).to.equal(true)
    await member.one.reclaim(demanded!.demand, { intent: 'reclaim' })
    expect(await chain.provider.getBalance(founded.court)).to.equal(0n)
    const before = await chain.provider.getBalance(alice.owner)
    const { claims, path } = books.claims(1)
    await one.exit(books.epochs[1]!.epoch, claims, path, { intent: 'exit' })
    await one.refund(books.epochs[1]!.epoch, postings[1]!, { intent: 'refund' })
    expect(await chain.provider.getBalance(alice.owner)).to.equal(before + 1_030n)
    expect(await refusal(one.deposit(alice, 0, 1n, { intent: 'none' }))).to.equal('Halted')
  })

  it('tells no posting that a reorganisation took back', async () => {
    const { one, events } = await connect(0, { confirmations: 5 })
    const member = await connect(1)
    await chain.mine(5)
    await member.one.deposit(alice, 0, 11n, { intent: 'lost' })
    await until(async () => (await one.state()).latest.postingCount === 1n)
    await member.one.stop()
    await chain.rpc('anvil_reorg', 2, [])
    const again = await connect(1)
    await again.one.deposit(alice, 0, 22n, { intent: 'kept' })
    await chain.mine(5)
    await until(() => events.length > 0)
    const posted = events.flatMap((event) => (event.kind === 'posted' ? [event.posting.amount] : []))
    expect(posted.at(-1)).to.equal(22n)
    expect(kinds(events)).to.not.include('rewound')
    const kept = (await one.postings()).map(({ posting }) => posting.amount)
    expect(posted).to.deep.equal(kept)
  })

  it('tells everything anew after a reorganisation that was deeper than it waits for', async () => {
    const { one, events } = await connect(1)
    await one.deposit(alice, 0, 11n, { intent: 'a' })
    await until(() => events.length === 1)
    await chain.mine(3)
    await until(async () => (await one.state()).latest.head.number === (await chain.provider.getBlockNumber()))
    await chain.rpc('anvil_reorg', 3, [])
    await until(() => events.length >= 3)
    expect(kinds(events).slice(0, 3)).to.deep.equal(['posted', 'rewound', 'posted'])
  })

  it('tells nothing past what an RPC leaves out, counts as stale, and tells all of it when it is there', async () => {
    const proxy = await faultyRpc(chain.url)
    const { one, events } = await open({ rpc: proxy.url, staleMs: 100 })
    const health: boolean[] = []
    one.onHealth = (healthy) => void health.push(healthy)
    await one.start()
    const member = await connect(1)
    proxy.answer = async (call) => {
      const answer = await truth(call)
      return call.method === 'eth_getLogs' ? (answer as unknown[]).slice(0, -1) : answer
    }
    await member.one.deposit(alice, 0, 1n, { intent: 'a' })
    await member.one.deposit(alice, 0, 2n, { intent: 'b' })
    await until(() => health.includes(false))
    const before = events.length
    proxy.answer = truth
    await until(() => health.at(-1) === true && events.length === 2)
    expect(before).to.be.lessThan(2)
    await one.stop()
    await proxy.stop()
  })

  it('asks for the credit of a payment by the very demand that the court knows', async () => {
    const { one, events } = await connect(0)
    operator = one
    const member = await connect(1)
    await member.one.deposit(alice, 0, 9n, { intent: 'deposit' })
    await commit()
    const from = memberId(alice)
    const none = ZeroHash as Hex
    const receipt = { member: from, index: 0, epoch: 1n, seq: 0n, credits: [0n, 0n], income: emptyTally(2) }
    const payer = { receipt, signature: sign(one, receiptHash(receipt)) }
    const payment = { from, to: none, epoch: 1n, position: 3, asset: 0, amount: 5n, group: none, leg: 0 }
    await member.one.challenge({ kind: 'credit', payment, payer }, { intent: 'challenge' })
    await until(() => kinds(events).includes('demanded'))
    const { id, demand } = events.find((event) => event.kind === 'demanded')!
    expect(demand).to.deep.equal({
      about: 'credit',
      epoch: 1n,
      from,
      to: none,
      isLock: false,
      position: 3,
      entry: toHex(paymentHash(payment)),
      leg: 0,
      fromIndex: 1,
      toIndex: 0,
      proven: false,
    })
    expect(id).to.equal(keccak256(concat([zeroPadValue(founded.house, 32), demandHash(demand)])))
    const { epoch, leaves, members } = books.epochs[1]!
    const proof = { index: 0, leaf: leaves[0]!, path: tallyPath(members, 0) }
    // A tree without leaves has no such place.
    const absence = { epoch, proof, entry: none, sums: [0n, 0n], path: [] }
    await one.answer({ kind: 'absence', demand: demand as DebitDemand, absence }, { intent: 'answer' })
    await until(() => kinds(events).at(-1) === 'answered')
  })

  it('takes up after a restart where it ended, tells again what was not taken, and from an earlier block if asked', async () => {
    const store = memoryStore()
    const first = await connect(1, { store })
    await first.one.deposit(alice, 0, 1n, { intent: 'a' })
    await until(() => first.events.length === 1)
    first.one.onEvent = () => Promise.reject(new Error('not now'))
    await first.one.deposit(alice, 0, 2n, { intent: 'b' })
    await first.one.stop()
    const amounts = (events: readonly HouseEvent[]) =>
      events.flatMap((event) => (event.kind === 'posted' ? [event.posting.deposited] : []))
    const second = await connect(1, { store })
    await until(() => second.events.length === 1)
    expect(amounts(second.events)).to.deep.equal([3n])
    await second.one.deposit(alice, 0, 2n, { intent: 'b' })
    await second.one.stop()
    const third = await open({ store })
    await third.one.start(founded.fromBlock)
    expect(amounts(third.events)).to.deep.equal([1n, 3n])
  })

  it('says what the house is before it is started, and tells and counts nothing by that', async () => {
    const store = memoryStore()
    const first = await connect(1, { store })
    await first.one.deposit(alice, 0, 1n, { intent: 'a' })
    await until(() => first.events.length === 1)
    await first.one.deposit(alice, 0, 2n, { intent: 'b' })
    await until(() => first.events.length === 2)
    await first.one.stop()
    const second = await open({ store })
    expect((await second.one.state()).latest.postingCount).to.equal(2n)
    expect(second.events).to.deep.equal([])
    await second.one.start()
    const { one } = await connect(2)
    await one.deposit(alice, 0, 4n, { intent: 'c' })
    await until(() => second.events.length === 1)
    expect(second.events[0]).to.deep.nested.include({ 'posting.number': 3n, 'posting.deposited': 7n })
  })

  it('halts when the operator contradicts itself', async () => {
    const { one, events } = await connect(0)
    const member = await connect(1)
    const said = (credits: bigint): Statement => {
      const about = {
        member: memberId(alice),
        index: 0,
        epoch: 1n,
        seq: 1n,
        credits: [credits, 0n],
        income: ZeroHash as Hex,
      }
      return { receipt: about, signature: sign(one, receiptHash(about)) }
    }
    expect(await refusal(member.one.convict(said(1n), said(1n), { intent: 'a' }))).to.equal('NoContradiction')
    await member.one.convict(said(1n), said(2n), { intent: 'b' })
    await until(() => kinds(events).includes('settled'))
    expect(kinds(events)).to.deep.equal(['convicted', 'halted', 'settled'])
    expect(events[0]).to.deep.include({ by: member.one.sender })
  })

  it('knows outcomes, their secrets and the stake', async () => {
    const { one } = await connect(0)
    await one.addStake(0, 90n, { intent: 'stake' })
    expect(await one.staked(0)).to.equal(90n)
    expect(await one.backing(0)).to.equal(90n)
    const stake = new Contract(one.stake, ['function giveNotice(uint256,uint128)'], chain.wallet(0))
    await (await stake.getFunction('giveNotice')(0, 60n)).wait()
    expect([await one.staked(0), await one.backing(0)], 'notice is given').to.deep.equal([90n, 30n])
    const secret = new Uint8Array(32).fill(7)
    const registry = new Contract(chain.registry, ['function reveal(bytes32)'], chain.wallet(2))
    await (await registry.getFunction('reveal')(secret)).wait()
    const key = secretKey({ chainId: 31_337n, condition: chain.registry }, secret)
    await until(async () => (await one.outcomes([key]))[0]!.recordedAt !== 0n)
    expect(await one.secretOf(key)).to.equal(toHex(secret))
  })
})
