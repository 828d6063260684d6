/**
 * Gas of every operation beside the peers and the floor: `npm run bench:gas`, `-- --json FILE` for the bare figures,
 * `-- --peers FILE` for another copy of the peers' figures.
 *
 * The peers' rules: one transaction per figure, cold slots, two existing EOAs, Osaka rules, a plain OpenZeppelin ERC-20
 * with infinite allowance, gasUsed net of refunds. The submitting member is the owner and signs nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { ContractTransactionResponse, Signer } from 'ethers'
import { network } from 'hardhat'
import { toHex } from '../sdk/core/bytes.ts'
import { encodeProof, encodeStates, encodeWithdrawal } from '../sdk/core/calldata.ts'
import { channelIdOf, encodeChannel, sortMembers } from '../sdk/core/channel.ts'
import { secretKey } from '../sdk/core/outcome.ts'
import { laneWordOf, stateDigest, ZERO_HASH } from '../sdk/core/state.ts'
import { transfersRoot } from '../sdk/core/transfer.ts'
import {
  type Address,
  type Channel,
  COIN,
  type Domain,
  type State,
  type Transfer,
  type Withdrawal,
} from '../sdk/core/types.ts'
import { withdrawalDigest } from '../sdk/core/withdrawal.ts'
import { sessionSigner, signDirect } from '../sdk/signing/session.ts'
import { BUDGET, encode, nonceOf, standing, Table } from './app-gas.ts'
import { measureConditions } from './condition-gas.ts'

const PEERS = new URL('./peer-gas.json', import.meta.url)
const DAY = 86_400
const ONE = 10n ** 18n

interface Peers {
  readonly operations: Readonly<Record<string, Readonly<Record<string, number>>>>
}

const { values: options } = parseArgs({ options: { json: { type: 'string' }, peers: { type: 'string' } } })
const peers = JSON.parse(readFileSync(options.peers ?? PEERS, 'utf8')) as Peers

const { ethers, networkHelpers } = await network.create({ network: 'default' })
const figures: Record<string, number> = {}
/** Deposits by plain transfer to a deposit address, and sweeping one into its channel. */
const transfers: Record<string, { transfer: number; collect: number }> = {}
/** What else is done about apps: no peer is measured there. */
const apps: Record<string, number> = {}

/** Members 0 and 1 with session keys and owners; the owner of member 0 sends what "the submitting member" sends. */
async function setUp() {
  const accounts = await ethers.getSigners()
  const keys = [1, 2].map((byte) => sessionSigner(new Uint8Array(32).fill(byte)))
  const members = sortMembers(
    keys.map((key, i) => ({ signer: key.address, owner: accounts[i + 1]!.address.toLowerCase() as Address })),
  )
  const signers = members.map((member) => keys.find((key) => key.address === member.signer)!)
  const owners = members.map((member) => accounts.find((account) => account.address.toLowerCase() === member.owner)!)
  const registry = await ethers.deployContract('OutcomeRegistry', [], accounts[0]!)
  const secrets = await ethers.deployContract('SecretCondition', [], accounts[0]!)
  const adjudicator = await ethers.deployContract('Adjudicator', [await registry.getAddress()], accounts[0]!)
  const deployed = await Promise.all([registry, secrets, adjudicator].map((one) => gasOf(one.deploymentTransaction()!)))
  const token = await ethers.deployContract('DemoToken', [10n ** 30n], accounts[0]!)
  for (const owner of owners) {
    await token.getFunction('transfer')(owner.address, 10n ** 27n)
    await token.connect(owner as Signer).getFunction('approve')(await adjudicator.getAddress(), ethers.MaxUint256)
  }
  const domain: Domain = {
    chainId: (await ethers.provider.getNetwork()).chainId,
    adjudicator: (await adjudicator.getAddress()).toLowerCase() as Address,
  }
  return {
    adjudicator,
    registry,
    token,
    members,
    signers,
    owners,
    domain,
    deployed: deployed.reduce((a, b) => a + b, 0),
  }
}

async function gasOf(
  sent: ContractTransactionResponse | { wait(): Promise<{ gasUsed: bigint } | null> },
): Promise<number> {
  return Number((await sent.wait())!.gasUsed)
}

const world = await setUp()
const { adjudicator, registry, token, members, signers, owners, domain } = world
const tokenAddress = (await token.getAddress()).toLowerCase() as Address
let nonce = 0n

/** A fresh channel, so that every slot is cold and empty. */
function open() {
  // 128 bits, as derived ones are: no figure profits from zero bytes.
  const channel: Channel = {
    period: DAY,
    nonce: ((0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a0000n << 16n) >> 16n) + ++nonce,
    members,
  }
  return { channel, bytes: toHex(encodeChannel(channel)), channelId: channelIdOf(domain, channel) }
}
type Opened = ReturnType<typeof open>

const as = (member: number, name: string) => adjudicator.connect(owners[member] as Signer).getFunction(name)
const deposit = (at: Opened, member: number, asset: Address, amount = ONE) =>
  asset === COIN
    ? as(member, 'depositCoin')(at.channelId, member, { value: amount })
    : as(member, 'deposit')(at.channelId, member, asset, amount)

async function fund(asset: Address): Promise<Opened> {
  const at = open()
  for (const member of [0, 1]) await deposit(at, member, asset)
  return at
}

const state = (
  at: Opened,
  asset: Address,
  lane: number,
  version: bigint,
  paid: bigint,
  transfers: readonly Transfer[] = [],
): State => {
  const locked = transfers.reduce((sum, transfer) => sum + transfer.amount, 0n)
  const credits = [0n, 0n]
  credits[lane] = -paid - locked
  credits[1 - lane] = paid
  return {
    channelId: at.channelId,
    asset,
    generation: 0,
    lane,
    version,
    credits,
    locked,
    transfersRoot: locked ? transfersRoot(transfers) : ZERO_HASH,
  }
}

/** `sender` shows a state that the other member has signed. */
function submit(at: Opened, asset: Address, sender: number, shown: State) {
  const other = signDirect(signers[1 - sender]!, stateDigest(domain, shown))
  const signatures = sender === 0 ? [undefined, other] : [other, undefined]
  return as(sender, 'submit')(at.bytes, asset, encodeStates([{ state: shown, signatures }]))
}
const openWord = async (at: Opened, asset: Address): Promise<bigint> =>
  adjudicator.getFunction('wordOf')(at.channelId, asset, 0)

function withdraw(at: Opened, asset: Address, amounts: readonly bigint[], closing: boolean) {
  const withdrawal: Withdrawal = {
    channelId: at.channelId,
    asset,
    generation: 0,
    seq: 0,
    parts: amounts.flatMap((amount, member) =>
      amount ? [{ member, amount, to: COIN, toChannel: ZERO_HASH, toMember: 0 }] : [],
    ),
    closing,
    validUntil: 2n ** 32n,
    dispute: 0n,
  }
  const signature = signDirect(signers[1]!, withdrawalDigest(domain, withdrawal))
  return as(0, 'withdraw')(at.bytes, asset, encodeWithdrawal(withdrawal, [undefined, signature]))
}

async function deposits(asset: Address, name: string) {
  const at = open()
  figures[`first deposit, ${name}`] = await gasOf(await deposit(at, 0, asset))
  figures[`second member's deposit, ${name}`] = await gasOf(await deposit(at, 1, asset))
  figures[`top-up, ${name}`] = await gasOf(await deposit(at, 0, asset))
}

/** Peers whose deposit is a plain transfer to a contract of the channel's own are compared with a deposit address. */
async function depositAddresses(asset: Address, name: string) {
  const at = await fund(asset)
  const address = await adjudicator.getFunction('depositAddress')(at.channelId, 0)
  const collect = () => as(0, 'collect')([{ channel: at.bytes, member: 0, asset, toOwner: false }])
  const transfer = () =>
    asset === COIN
      ? owners[0]!.sendTransaction({ to: address, value: ONE })
      : token.connect(owners[0]!).getFunction('transfer')(address, ONE)
  await transfer()
  transfers[name] = { transfer: 0, collect: await gasOf(await collect()) }
  // ERC-20: a deposit address that holds some already, as the peers' contracts did.
  await transfer()
  transfers[name].transfer = await gasOf(await transfer())
}

async function withdrawals(asset: Address, name: string) {
  figures[`co-operative close paying both, ${name}`] = await gasOf(
    await withdraw(await fund(asset), asset, [ONE / 2n, (ONE * 3n) / 2n], true),
  )
  figures[`partial withdrawal, ${name}`] = await gasOf(await withdraw(await fund(asset), asset, [ONE / 2n, 0n], false))
}

async function disputes(asset: Address, name: string) {
  const at = await fund(asset)
  const stale = state(at, asset, 1, 7n, ONE / 10n)
  const word = await openWord(at, asset)
  const challenged = await gasOf(await submit(at, asset, 0, stale))
  if (asset === COIN) figures.challenge = challenged
  await networkHelpers.time.increase(DAY)
  figures[`finalise and pay both, ${name}`] = await gasOf(
    await as(0, 'settle')(at.bytes, asset, encodeProof([word, 0n, laneWordOf(stale)], [stale])),
  )
}

async function answered() {
  const at = await fund(COIN)
  const stale = state(at, COIN, 1, 7n, ONE / 10n)
  const newer = state(at, COIN, 0, 9n, ONE / 5n)
  const word = await openWord(at, COIN)
  const first = await gasOf(await submit(at, COIN, 0, stale))
  figures.respond = await gasOf(await submit(at, COIN, 1, newer))
  await networkHelpers.time.increase(DAY)
  const last = await gasOf(
    await as(0, 'settle')(at.bytes, COIN, encodeProof([word, 0n, laneWordOf(stale)], [newer, stale])),
  )
  figures['path: challenge, respond, finalise'] = first + figures.respond + last
}

/** All transactions: challenge with the locks, reveal every secret in one batch, settle. */
async function hashLocks(count: number) {
  const at = await fund(COIN)
  const source = { chainId: domain.chainId, condition: (await registry.getAddress()).toLowerCase() as Address }
  const secrets = Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(count).with(0, i + 1))
  const deadline = BigInt(await networkHelpers.time.latest()) + BigInt(2 * DAY)
  const transfers = secrets.map(
    (secret): Transfer => ({
      amount: ONE / 1000n,
      deadline,
      refundTo: 1,
      legs: [{ to: 0, key: secretKey(source, secret) }],
    }),
  )
  const locked = state(at, COIN, 1, 7n, ONE / 10n, transfers)
  const word = await openWord(at, COIN)
  let gas = await gasOf(await submit(at, COIN, 0, locked))
  gas += await gasOf(await registry.getFunction('revealBatch')(secrets.map(toHex)))
  await networkHelpers.time.increase(DAY)
  gas += await gasOf(
    await as(0, 'settle')(
      at.bytes,
      COIN,
      encodeProof([word, 0n, laneWordOf(locked)], [locked], [{ lane: 1, entries: transfers }]),
    ),
  )
  figures[`settle ${count} hash locks, all transactions`] = gas
}

/** An app and an arbiter; `next` gives an instance of the app. */
async function appAt(name: string, args: unknown[] = []) {
  const arbiter = await ethers.deployContract('AppArbiter', [await registry.getAddress()])
  apps['arbiter: deploy, once a chain'] = await gasOf(arbiter.deploymentTransaction()!)
  const app = (await (await ethers.deployContract(name, args)).getAddress()).toLowerCase() as Address
  const address = (await arbiter.getAddress()).toLowerCase() as Address
  const endBy = BigInt(await networkHelpers.time.latest()) + BigInt(30 * DAY)
  return { next: () => new Table(arbiter, address, domain.chainId, { app, endBy, nonce: nonceOf(++tables) }) }
}
let tables = 0

/** Shown, moved on by force, and timed out or agreed; the second time each slot and key is new again. */
async function appCalls(name: string, app: Awaited<ReturnType<typeof appAt>>, play: Play) {
  const at = app.next()
  const first = standing(7, play.states[0])
  const shown = await gasOf(await at.submit(7, play.states[0]))
  await networkHelpers.time.increase(60)
  const moved = await gasOf(await at.move(first, play.seat, play.move, play.states[1]))
  const other = app.next()
  await other.submit(7, play.states[0])
  await networkHelpers.time.increase(BUDGET + 1)
  apps[`${name}: conclude`] = await gasOf(await other.conclude(first))
  apps[`${name}: agree on the end`] = await gasOf(await app.next().agree(play.states[1]))
  return { shown, moved }
}
interface Play {
  readonly states: readonly [Uint8Array, Uint8Array]
  readonly seat: number
  readonly move: Uint8Array
}

async function playedApps() {
  const nim = '(uint16,uint8,uint32)'
  const heap: Play = {
    states: [encode(nim, [12, 1, 5]), encode(nim, [9, 0, 6])],
    seat: 1,
    move: encode('(uint16)', [3]),
  }
  const { shown, moved } = await appCalls('nim, states of 96 bytes', await appAt('Nim', [3]), heap)
  figures['app: register state on chain'] = shown
  figures['app: one forced move'] = moved
  const board = (cells: readonly number[]) => encode('(uint8[9])', [cells])
  const rows: Play = {
    states: [board([1, 0, 0, 0, 2, 0, 0, 0, 0]), board([1, 0, 0, 0, 2, 0, 0, 0, 1])],
    seat: 0,
    move: encode('(uint8)', [8]),
  }
  const name = 'tic-tac-toe, states of 288 bytes'
  const bigger = await appCalls(name, await appAt('TicTacToe'), rows)
  apps[`${name}: register`] = bigger.shown
  apps[`${name}: one forced move`] = bigger.moved
}

/**
 * Alice pays bob through a hub, then is silent: bob shows what is owed to him and records it, so that the hub pays him; the hub
 * challenges alice's ledger, where her lock waits for the same key, and settles it.
 */
async function virtualChannel() {
  const at = await fund(COIN)
  const app = await appAt('VirtualChannel')
  const table = app.next()
  const owed = encode('(int64,uint8)', [ONE / 2n, 0])
  const deadline = BigInt(await networkHelpers.time.latest()) + BigInt(40 * DAY)
  const lock: Transfer = { amount: ONE / 10n, deadline, refundTo: 1, legs: [{ to: 0, key: table.key(1) }] }
  const locked = state(at, COIN, 1, 7n, 0n, [lock])
  const word = await openWord(at, COIN)
  const shown = await gasOf(await table.submit(7, owed))
  const challenged = await gasOf(await submit(at, COIN, 0, locked))
  await networkHelpers.time.increase(BUDGET + 1)
  const concluded = await gasOf(await table.conclude(standing(7, owed)))
  const proof = encodeProof([word, 0n, laneWordOf(locked)], [locked], [{ lane: 1, entries: [lock] }])
  const settled = await gasOf(await as(0, 'settle')(at.bytes, COIN, proof))
  figures['virtual channel in dispute, all transactions'] = shown + concluded + challenged + settled
  apps['virtual channel: bob shows, and concludes'] = shown + concluded
  apps['virtual channel: the hub challenges, and settles'] = challenged + settled
}

figures['deploy shared contracts'] = world.deployed
// The contract holds some of the token before, as it would on any chain where it is in use.
await deposit(open(), 0, tokenAddress, 1n)
for (const [asset, name] of [
  [COIN, 'native'],
  [tokenAddress, 'ERC-20'],
] as const) {
  await deposits(asset, name)
  await depositAddresses(asset, name)
  await withdrawals(asset, name)
  await disputes(asset, name)
}
await answered()
for (const count of [10, 100]) await hashLocks(count)
figures['path: open, both deposit, co-operative close'] =
  figures['first deposit, native']! +
  figures["second member's deposit, native"]! +
  figures['co-operative close paying both, native']!

await virtualChannel()
await playedApps()
const conditions = await measureConditions()

report()
if (options.json) writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`)

function report() {
  const columns = ['nitro', 'nitrolite', 'perun', 'celer', 'raiden', 'vector', 'counterfactual', 'sprites']
  const cells: string[][] = []
  for (const [name, row] of Object.entries(peers.operations)) {
    const ours = figures[name]
    if (ours === undefined) continue
    const rivals = columns.filter((column) => row[column] !== undefined)
    const best = rivals.reduce((a, b) => (row[a]! <= row[b]! ? a : b))
    const winner = ours < row[best]! ? 'tallystick' : `${best} by ${ours - row[best]!}`
    const peerCells = columns.map((column) => String(row[column] ?? ''))
    cells.push([name, String(ours), String(row.floor), (ours / row.floor!).toFixed(3), ...peerCells, winner])
  }
  printTable(['operation', 'ours', 'floor', 'ours/floor', ...columns, 'wins'], cells)
  console.log('\nWhere a peer is paid by plain transfer (vector, counterfactual), compare a deposit address:')
  const rows = Object.entries(transfers).map(([name, { transfer, collect }]) => [
    name,
    String(transfer),
    String(collect),
  ])
  printTable(['deposit address', 'top-up by plain transfer', 'collect into the channel, first'], rows)
  console.log('\nApps:')
  printTable(
    ['call', 'gas'],
    Object.entries(apps).map(([name, gas]) => [name, String(gas)]),
  )
  console.log('\nWhat a transfer may wait for beside a plain secret:')
  const questions = conditions.map(({ name, deploy, evaluate, record }) => [
    name,
    ...[deploy, evaluate, record].map(String),
  ])
  printTable(['condition', 'deploy, once a chain', 'evaluate alone', 'record, the whole transaction'], questions)
}

function printTable(head: readonly string[], rows: readonly (readonly string[])[]) {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  console.log(line(head))
  console.log(
    `|---|${head
      .slice(1)
      .map(() => '--:')
      .join('|')}|`,
  )
  for (const row of rows) console.log(line(row))
}
