import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { connectHouse } from '../../sdk/chain/house/connect-house.ts'
import { type FoundedHouse, foundHouse } from '../../sdk/chain/house/deploy.ts'
import type { EthersHouse } from '../../sdk/chain/house/ethers-house.ts'
import type { Challenge } from '../../sdk/clearing/dispute.ts'
import { balanceOf } from '../../sdk/clearing/epoch.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { type Address, COIN, type Domain, type Hex } from '../../sdk/core/types.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import { artifact, startAnvil, type TestChain } from '../sdk/chain/anvil.ts'
import { RawMember } from '../sdk/house/raw-member.ts'
import { until } from '../until.ts'
import { Daemon, metric } from './daemon.ts'

const TERMS = { interval: 86_400n, window: 40_000n, answerTime: 500n, answerTimeEach: 10n, answerTimeMost: 900n }
const WHOLE = 10n ** 18n
const code = {
  house: artifact('contracts/ClearingHouse.sol/ClearingHouse').bytecode as Hex,
  court: artifact('contracts/HouseCourt.sol/HouseCourt').bytecode as Hex,
}

describe('tallystick house', () => {
  const folder = mkdtempSync(join(tmpdir(), 'house-'))
  const daemons: Daemon[] = []
  const hands: EthersHouse[] = []
  const members: RawMember[] = []
  let chain: TestChain
  let founded: FoundedHouse
  let domain: Domain
  let operator: Address

  before(async () => {
    chain = await startAnvil()
    operator = chain.wallet(0).address.toLowerCase() as Address
    founded = await foundHouse(chain.wallet(9), code, { ...TERMS, operator, registry: chain.registry, assets: [COIN] })
    domain = { chainId: 31_337n, adjudicator: founded.house }
  })
  afterEach(async () => {
    for (const member of members.splice(0)) member.close()
    await Promise.all(daemons.splice(0).map((daemon) => daemon.stop('SIGKILL')))
    for (const hand of hands.splice(0)) await hand.stop()
  })
  after(async () => {
    await chain.stop()
    rmSync(folder, { recursive: true })
  })

  function launch(changes: Readonly<Record<string, string>> = {}): Daemon {
    writeFileSync(join(folder, 'key'), chain.wallet(0).privateKey)
    const options = {
      rpc: chain.url,
      house: founded.house,
      'from-block': String(founded.fromBlock),
      confirmations: '1',
      'key-file': join(folder, 'key'),
      store: join(folder, 'house.sqlite'),
      listen: 'tcp://127.0.0.1:0',
      metrics: '127.0.0.1:0',
      'epoch-seconds': '2',
      ...changes,
    }
    const daemon = new Daemon(['house', ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])])
    daemons.push(daemon)
    return daemon
  }

  /** A member's own connection to the chain. */
  async function hand(account: number): Promise<EthersHouse> {
    const { house, fromBlock } = founded
    const signer = chain.wallet(account)
    const one = await connectHouse({ rpc: chain.url, store: memoryStore(), house, fromBlock, signer, pollMs: 20 })
    hands.push(one)
    await one.start()
    return one
  }

  async function member(seed: number, daemon: Daemon): Promise<RawMember> {
    const one = new RawMember(seed, domain, operator)
    members.push(one)
    await rejoin(one, daemon)
    return one
  }

  async function rejoin(one: RawMember, daemon: Daemon) {
    const { houses } = (await daemon.said('clearing')) as unknown as { houses: { address: string }[] }
    return one.join(tcpTransport({ signer: one.signer }), houses[0]!.address)
  }

  /** Lets blocks come until the house has committed to an epoch that this member has seen. */
  async function committed(one: RawMember, epoch: bigint): Promise<void> {
    await until(async () => {
      await chain.rpc('anvil_mine', 1, 2)
      return one.committed >= epoch
    })
  }

  it('is founded from a command line', async () => {
    writeFileSync(join(folder, 'payer'), chain.wallet(8).privateKey)
    const options = {
      rpc: chain.url,
      'key-file': join(folder, 'payer'),
      operator,
      registry: chain.registry,
      asset: COIN,
      interval: '5000',
    }
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    const daemon = new Daemon(['found', ...args, '--json'])
    expect(await daemon.ended(), daemon.errors).to.equal(0)
    const { house, fromBlock } = daemon.lines[0] as unknown as { house: Address; fromBlock: number }
    const one = await connectHouse({ rpc: chain.url, store: memoryStore(), house, fromBlock })
    expect(one.terms).to.deep.include({ operator, interval: 5_000n, assets: [COIN] })
    await one.stop()
  })

  it('clears payments, commits to them, goes on after a kill, and answers in the court', async () => {
    const first = launch()
    const alice = await member(1, first)
    const bob = await member(2, first)
    const account = await hand(1)
    await account.deposit(alice.identity, 0, WHOLE, { intent: 'alice' })
    await chain.mine(2)
    await until(async () => {
      await chain.rpc('anvil_mine', 1, 1)
      return (await alice.pay(bob, 5n)).kind === 'acted'
    })
    const epoch = alice.account!.account.epoch
    await committed(bob, epoch)
    const { proof } = await bob.heard('proven', ({ proof }) => proof.epoch === epoch)
    expect(balanceOf(proof.leaf.lines[0]!)).to.equal(5n)

    alice.close()
    await first.stop('SIGKILL')
    const second = launch()
    await rejoin(alice, second)
    await rejoin(bob, second)
    expect(bob.receipt!.receipt.credits).to.deep.equal([5n])
    const again = await pays(alice, bob, 7n)
    await committed(bob, again)

    const { receipt, signature } = bob.receipt!
    const { epoch: header } = (await account.epoch(again))!
    const evidence = { member: bob.id, accounts: [], receipts: [receipt], postings: [], signatures: [toHex(signature)] }
    const challenge: Challenge = { kind: 'leaf', epoch: header, evidence }
    await account.challenge(challenge, { intent: 'demand' })
    await until(async () => {
      await chain.mine()
      return (await account.openDemands(again)).length === 0
    })
    await second.said('answered')
    const url = (await second.said('metrics')).metrics as string
    expect(await metric(url, 'tallystick_house_members')).to.equal(2)
    expect(await metric(url, 'tallystick_house_events_total{kind="answered"}')).to.equal(1)
    expect((await fetch(url.replace('metrics', 'healthz'))).status).to.equal(200)
    expect(await second.stop()).to.equal(0)
    expect(second.errors).to.equal('')
  })

  /** Pays in whatever epoch is open; returns it. */
  async function pays(from: RawMember, to: RawMember, amount: bigint): Promise<bigint> {
    await until(async () => {
      await chain.rpc('anvil_mine', 1, 1)
      return (await from.pay(to, amount)).kind === 'acted'
    })
    return from.account!.account.epoch
  }
})
