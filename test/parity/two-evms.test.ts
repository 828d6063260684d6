import { secp256k1 } from '@noble/curves/secp256k1.js'
import { expect } from 'chai'
import { type BaseContract, sha256 } from 'ethers'
import { network } from 'hardhat'
import { toHex } from '../../sdk/core/bytes.ts'
import { encodeProof, encodeRedemption, encodeStates, encodeWithdrawal, laneList } from '../../sdk/core/calldata.ts'
import { channelIdOf, encodeChannel, sortMembers } from '../../sdk/core/channel.ts'
import { logicData, pointData, secretData } from '../../sdk/core/conditions.ts'
import { keccak256 } from '../../sdk/core/keccak.ts'
import { secretKey } from '../../sdk/core/outcome.ts'
import { laneWordOf, stateDigest, ZERO_HASH } from '../../sdk/core/state.ts'
import { leavesRoot, transferLeaf, transfersRoot } from '../../sdk/core/transfer.ts'
import {
  type Address,
  type Channel,
  COIN,
  type Domain,
  type Hex,
  type State,
  type Transfer,
  type Withdrawal,
} from '../../sdk/core/types.ts'
import { withdrawalDigest } from '../../sdk/core/withdrawal.ts'
import { sessionSigner, signBatch, signDirect } from '../../sdk/signing/session.ts'
import { type Executed, type Kept, logLine, type RpcBlock, SecondEvm } from './second-evm.ts'

const { ethers, provider } = await network.create()
const [alice, bob, carol] = await ethers.getSigners()
const lower = (address: string): Address => address.toLowerCase() as Address

const registry = await ethers.deployContract('OutcomeRegistry')
const adjudicator = await ethers.deployContract('Adjudicator', [registry])
const secrets = await ethers.deployContract('SecretCondition')
const points = await ethers.deployContract('PointCondition')
const logic = await ethers.deployContract('LogicCondition', [registry])
const token = await ethers.deployContract('DemoToken', [10n ** 24n])
const at = async (contract: BaseContract): Promise<Address> => lower(await contract.getAddress())
const domain: Domain = { chainId: 31_337n, adjudicator: await at(adjudicator) }
const source = { chainId: 31_337n, condition: await at(registry) }
const asset = await at(token)

// ---------------------------------------------------------------- the story

const keys = [1, 2, 3].map((byte) => sessionSigner(new Uint8Array(32).fill(byte)))
const sealed = { gasLimit: 3_000_000n }

/** Sends it, refused or not: both are part of the trace. */
async function send(contract: BaseContract, name: string, args: readonly unknown[], { by = alice!, value = 0n } = {}) {
  const sent = contract.connect(by) as BaseContract
  await sent
    .getFunction(name)
    .send(...args, { ...sealed, value })
    .catch((error: Error) => {
      if (!/revert/.test(error.message)) throw error
    })
}
const judge = (name: string, ...args: readonly unknown[]) => send(adjudicator, name, args)

function newChannel(owners: readonly Address[], nonce: bigint) {
  const members = sortMembers(owners.map((owner, i) => ({ signer: keys[i]!.address, owner })))
  const channel: Channel = { period: 600, nonce, members }
  return { channel, packed: toHex(encodeChannel(channel)), channelId: channelIdOf(domain, channel) }
}
type Opened = ReturnType<typeof newChannel>

const signerOf = (address: Address) => keys.find((key) => key.address === address)!
const everybody = ({ channel }: Opened, digest: Uint8Array) =>
  channel.members.map(({ signer }) => signDirect(signerOf(signer), digest))
const batched = ({ channel }: Opened, digest: Uint8Array) =>
  channel.members.map(({ signer }) => signBatch(signerOf(signer), domain, [keccak256(digest), digest])[1]!)

const stateOf = ({ channelId }: Opened, change: Partial<State>): State => ({
  ...{ channelId, asset: COIN, generation: 0, lane: 0, version: 1n },
  ...{ credits: [-5n, 5n], locked: 0n, transfersRoot: ZERO_HASH, ...change },
})
const shown = (opened: Opened, states: readonly State[], sign = everybody) =>
  encodeStates(states.map((state) => ({ state, signatures: sign(opened, stateDigest(domain, state)) })))

function withdraw(opened: Opened, change: Partial<Withdrawal>, targets: readonly Opened[] = [], base: bigint[] = []) {
  const order: Withdrawal = {
    ...{ channelId: opened.channelId, asset: COIN, generation: 0, seq: 0, parts: [], closing: false },
    ...{ validUntil: 1n << 40n, dispute: 0n, ...change },
  }
  const signatures = batched(opened, withdrawalDigest(domain, order))
  const shown = new Map(targets.map(({ channelId, channel }) => [channelId, channel]))
  return judge('withdraw', opened.packed, order.asset, encodeWithdrawal(order, signatures, base, shown))
}
const part = (member: number, amount: bigint, more = {}) => ({
  ...{ member, amount, to: COIN, toChannel: ZERO_HASH, toMember: 0 },
  ...more,
})

const later = (seconds: number) => provider.request({ method: 'evm_increaseTime', params: [seconds] })
const wordOf = (opened: Opened): Promise<bigint> =>
  adjudicator.getFunction('wordOf').staticCall(opened.channelId, COIN, 0)

const pair = newChannel([lower(alice!.address), lower(bob!.address)], 1n)
const other = newChannel([lower(alice!.address), lower(bob!.address)], 2n)
/** Its second owner takes no coins. */
const group = newChannel([lower(alice!.address), asset, lower(carol!.address)], 3n)

async function moneyComesIn(): Promise<void> {
  for (const { channelId, channel } of [pair, other, group])
    for (const member of channel.members.keys())
      await send(adjudicator, 'depositCoin', [channelId, member], { value: 1_000n, by: bob! })
  await judge('depositCoin', pair.channelId, 2)
  await send(token, 'approve', [adjudicator, 10_000n])
  await judge('deposit', pair.channelId, 1, asset, 500n)
  await judge('depositAnnounced', group.packed, 2, asset, 500n)
  const both = [
    { channelId: pair.channelId, member: 0, asset: COIN, amount: 7n },
    { channelId: group.channelId, member: 1, asset, amount: 8n },
  ]
  await send(adjudicator, 'depositBatch', [both], { value: 7n })
  await send(adjudicator, 'depositBatch', [both], { value: 6n })
  for (const amount of [11n, 12n]) {
    const to = await adjudicator.getFunction('depositAddress').staticCall(pair.channelId, 0)
    await carol!.sendTransaction({ to, value: amount })
    await send(token, 'transfer', [to, amount])
    await judge('collect', [{ channel: pair.packed, member: 0, asset, toOwner: false }])
  }
}

async function moneyGoesOut(): Promise<void> {
  await withdraw(pair, { parts: [part(0, 30n), part(1, 20n)] })
  await withdraw(pair, { parts: [part(0, 30n)] })
  await withdraw(pair, { seq: 1, parts: [part(0, 9n, { toChannel: other.channelId })] }, [other])
  await withdraw(pair, { seq: 2, parts: [part(0, 1n, { to: lower(carol!.address) })] })
  await withdraw(pair, { parts: [part(1, 520n)], asset })
  await withdraw(pair, { seq: 1, parts: [part(0, 3n)], asset, closing: true })
}

const secret = keccak256(Uint8Array.of(7))
const lock = (amount: bigint, key: Hex): Transfer => ({
  amount,
  deadline: 1n << 40n,
  refundTo: 0,
  legs: [{ to: 1, key }],
})
const transfers = [lock(40n, secretKey(source, secret)), lock(50n, secretKey(source, keccak256(secret)))]

/** An old state is shown, answered, and settled with a transfer that is decided and one that is not. */
async function theyFight(): Promise<void> {
  const old = stateOf(pair, {})
  const root = transfersRoot(transfers)
  const newest = stateOf(pair, { version: 9n, credits: [-190n, 100n], locked: 90n, transfersRoot: root })
  const back = stateOf(pair, { lane: 1, version: 3n, credits: [60n, -60n] })
  await judge('checkpoint', pair.packed, COIN, shown(pair, [old], batched))
  const openWord = await wordOf(pair)
  await judge('submit', pair.packed, COIN, shown(pair, [old]))
  await judge('depositCoin', pair.channelId, 0)
  await judge('submit', pair.packed, COIN, shown(pair, [newest, back]))
  await judge('submit', pair.packed, COIN, shown(pair, [newest, back]))
  // Into a ledger that is disputed: alice can claim it.
  await withdraw(other, { parts: [part(0, 44n, { toChannel: pair.channelId })] }, [pair])
  await judge('claim', COIN, carol!.address)
  await judge('claim', COIN, carol!.address)
  const base = [openWord, laneWordOf(old), 0n]
  const list = laneList(0, transfers, () => true)
  const proof = encodeProof(base, [newest, back], [list])
  await judge('settle', pair.packed, COIN, proof)
  await send(registry, 'reveal', [secret])
  await later(700)
  await judge('submit', pair.packed, COIN, shown(pair, [newest]))
  await judge('settle', pair.packed, COIN, encodeProof(base, [old, back], [list]))
  await judge('settle', pair.packed, COIN, proof)
  await send(registry, 'revealBatch', [[keccak256(secret), keccak256(keccak256(secret))]])
  const left = laneList(0, transfers, () => true, new Set([0]))
  const reserve = {
    lane: 0,
    locked: 50n,
    reserved: 50n,
    root: leavesRoot([new Uint8Array(32), transferLeaf(transfers[1]!)]),
  }
  for (let twice = 0; twice < 2; twice++)
    await judge('redeem', pair.packed, COIN, 0, encodeRedemption([reserve], [left]))
}

/** Three members, one lane, and an owner that takes no coins. */
async function theGroupParts(): Promise<void> {
  const lane = stateOf(group, { version: 4n, credits: [-100n, 70n, 30n] })
  const openWord = await wordOf(group)
  await judge('submit', group.packed, COIN, '0x00')
  await judge('submit', group.packed, COIN, shown(group, [lane], batched))
  await later(600)
  await judge('settle', group.packed, COIN, encodeProof([openWord, 0n], [lane]))
  await judge('collect', [{ channel: group.packed, member: 0, asset: COIN, toOwner: true }])
}

async function outcomesAreRecorded(): Promise<void> {
  const record = async (condition: BaseContract, data: Uint8Array, witness: Uint8Array) =>
    send(registry, 'record', [condition, data, witness])
  const image = ethers.getBytes(sha256(secret))
  await record(secrets, secretData('sha256', image), image)
  await record(secrets, secretData('sha256', image), secret)
  await record(points, pointData(secp256k1.getPublicKey(secret)), secret)
  await record(points, pointData(secp256k1.getPublicKey(secret)), image)
  const parts = [secretKey(source, secret), secretKey(source, image)]
  await record(logic, logicData({ operation: 'and', parts }), new Uint8Array())
  await record(logic, logicData({ operation: 'or', parts }), new Uint8Array())
}

// ---------------------------------------------------------------- both EVMs

const rpc = <T>(method: string, ...params: unknown[]) => provider.request({ method, params }) as Promise<T>
const hex = (value: number): Hex => `0x${value.toString(16)}`

async function blocks(): Promise<RpcBlock[]> {
  const count = await ethers.provider.getBlockNumber()
  const numbers = Array.from({ length: count }, (_, index) => hex(index + 1))
  return Promise.all(numbers.map((number) => rpc<RpcBlock>('eth_getBlockByNumber', number, true)))
}

async function executed(transaction: Readonly<Record<string, Hex>>): Promise<Executed & { created: Hex | null }> {
  const receipt = (await ethers.provider.getTransactionReceipt(transaction.hash!))!
  return {
    ok: receipt.status === 1,
    gasUsed: receipt.gasUsed,
    logs: receipt.logs.map(({ address, topics, data }) => logLine(address, topics, data)),
    created: receipt.contractAddress as Hex | null,
  }
}

async function kept(address: string): Promise<Kept> {
  const proof = await rpc<Record<'nonce' | 'balance' | 'storageHash' | 'codeHash', Hex>>(
    'eth_getProof',
    address,
    [],
    'latest',
  )
  const { nonce, balance, storageHash: storage, codeHash: code } = proof
  return { nonce: BigInt(nonce), balance: BigInt(balance), storage, code }
}

describe('Two independent EVMs', () => {
  it('S43 execute one story alike: receipts, events, gas, and every slot of storage', async function () {
    this.timeout(120_000)
    for (const act of [moneyComesIn, moneyGoesOut, theyFight, theGroupParts, outcomesAreRecorded]) await act()
    const trace = await blocks()
    const senders = trace.flatMap(({ transactions }) => transactions.map(({ from }) => from!))
    const rich = await Promise.all(
      [...new Set(senders)].map(async (from) => [from, BigInt(await rpc<Hex>('eth_getBalance', from, '0x0'))] as const),
    )
    const second = await SecondEvm.create(31_337, new Map(rich))
    const touched = new Set<string>([alice, bob, carol].map((account) => lower(account!.address)))
    let refused = 0
    for (const block of trace) {
      touched.add(block.miner)
      const there = await second.execute(block)
      for (const [index, transaction] of block.transactions.entries()) {
        const { created, ...here } = await executed(transaction)
        expect(there[index], transaction.hash).to.deep.equal(here)
        for (const address of [transaction.from, transaction.to, created]) if (address) touched.add(lower(address))
        if (!here.ok) refused++
      }
    }
    for (const address of touched) expect(await second.kept(address), address).to.deep.equal(await kept(address))
    // Of all that the story asks for so many things are refused: a story that stops early would prove little.
    expect([trace.length, refused]).to.deep.equal([57, 12])
  })
})
