import { Contract, type TransactionResponse } from 'ethers'
import { adjudicatorAbi } from '../../sdk/chain/abi.ts'
import type { EthersChain } from '../../sdk/chain/adapter.ts'
import { connectChain } from '../../sdk/chain/connect.ts'
import type { ChainOptions } from '../../sdk/chain/options.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { encodeStates } from '../../sdk/core/calldata.ts'
import { encodeChannel } from '../../sdk/core/channel.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import { type Address, type Channel, type ChannelId, COIN, type LedgerRef } from '../../sdk/core/types.ts'
import { counting } from '../../sdk/protocols/disputing.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import type { Store } from '../../sdk/storage/store.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import type { Evidence } from '../../sdk/watchtower/appointment.ts'
import { TowerClient } from '../../sdk/watchtower/client.ts'
import type { TowerEvent } from '../../sdk/watchtower/events.ts'
import type { TowerClientEvent, TowerSpec } from '../../sdk/watchtower/spec.ts'
import { Watchtower, type WatchtowerOptions } from '../../sdk/watchtower/tower.ts'
import { signerOf } from '../sdk/node/actors.ts'
import { channelOf, evidenceOf, ledgerOf } from '../sdk/watchtower/evidence.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, type Stage } from './stage.ts'

const LANES = ['function laneOf(bytes32,address,uint256,uint256) view returns (uint256)']

/** A tower at work, with its own chain connection, store and TCP port. */
export interface Guard {
  readonly tower: Watchtower
  readonly chain: EthersChain
  readonly store: Store
  readonly events: TowerEvent[]
  /** How clients use it; sealed. */
  readonly spec: TowerSpec
  readonly account: Address
}

export interface GuardOptions {
  /** Index of the funded account that pays for answers; default 4. */
  readonly account?: number
  readonly store?: Store
  readonly chain?: Partial<ChainOptions>
  readonly tower?: Partial<WatchtowerOptions>
}

/** Towers, their clients, and channels in which mallory cheats, on a stage. */
export class Watch {
  readonly stage: Stage
  readonly #guards = new Set<Guard>()
  #nonce = 1n

  constructor(stage: Stage) {
    this.stage = stage
  }

  async start(name: string, options: GuardOptions = {}): Promise<Guard> {
    const { account = 4, store = memoryStore() } = options
    const { adjudicator, url } = this.stage.chain
    const wallet = this.stage.chain.wallet(account)
    const deployment = { adjudicator, block: 0 }
    const chain = await connectChain({ rpc: url, store, signer: wallet, deployment, pollMs: 20, ...options.chain })
    const signer = signerOf(name)
    const events: TowerEvent[] = []
    const tower = await Watchtower.start({
      chain,
      store,
      signer,
      transports: [tcpTransport({ signer })],
      listen: ['tcp://127.0.0.1:0'],
      tick: 50,
      onEvent: (event) => events.push(event),
      ...options.tower,
    })
    const spec = { tower: tower.address, address: tower.listening[0]! }
    const guard = { tower, chain, store, events, spec, account: wallet.address.toLowerCase() as Address }
    this.#guards.add(guard)
    return guard
  }

  async stop(guard: Guard): Promise<void> {
    this.#guards.delete(guard)
    await guard.tower.stop()
  }

  async stopAll(): Promise<void> {
    for (const guard of [...this.#guards]) await this.stop(guard)
  }

  /** A channel of alice and mallory with an ether each. */
  async channel(period = 600): Promise<Channel> {
    const channel = channelOf('alice', 'mallory', this.#nonce++, period)
    const { channelId } = this.ledger(channel)
    for (const member of [0, 1]) await this.#call('depositCoin', [channelId, member], ETHER)
    return channel
  }

  ledger = (channel: Channel): LedgerRef => ledgerOf(channel, COIN, this.stage.domain)

  /** Everything up to these versions of lane 0 and 1, in wei given. */
  evidence = (channel: Channel, versions: readonly [bigint, bigint]): Evidence =>
    evidenceOf(channel, versions, { domain: this.stage.domain })

  /** The calldata that shows these versions. */
  submission(channel: Channel, versions: readonly [bigint, bigint]): string {
    const states = this.evidence(channel, versions).states.map(({ state, signatures }) => ({
      state,
      signatures: signatures.map((signature) => encodeEnvelope({ kind: 'direct', signature })),
    }))
    return adjudicatorAbi.encodeFunctionData('submit', [
      toHex(encodeChannel(channel)),
      COIN,
      toHex(encodeStates(states)),
    ])
  }

  /** Mallory challenges with these versions. */
  async challenge(channel: Channel, versions: readonly [bigint, bigint]): Promise<TransactionResponse> {
    const data = this.submission(channel, versions)
    const sent = await this.stage.wallet('mallory').sendTransaction({ to: this.stage.chain.adjudicator, data })
    return sent
  }

  async #call(name: string, args: unknown[], value: bigint): Promise<void> {
    const data = adjudicatorAbi.encodeFunctionData(name, args)
    const sent = await this.stage.wallet('mallory').sendTransaction({ to: this.stage.chain.adjudicator, data, value })
    await sent.wait()
  }

  /**
   * Alice, who has these towers, was paid by mallory, and both are offline; mallory keeps a copy of her store from before. Answers the
   * channel, mallory's lane in it, and what alice knows the towers to hold.
   */
  async cheat(name: string, towers: readonly TowerSpec[]) {
    const { stage } = this
    const alice = await stage.start('alice', { file: `alice-${name}`, node: { towers } })
    let mallory = await stage.start('mallory', { file: `mallory-${name}` })
    // Alice dials, so that the old copy does not go looking for her and learn that it is old.
    const channelId = await stage.pair(alice, mallory)
    const lane = mallory.node.channel(channelId).me
    await mallory.node.pay(channelId, 1n)
    await stage.stop(mallory)
    stage.copy(`mallory-${name}`, `mallory-${name}-old`)
    mallory = await stage.start('mallory', { file: `mallory-${name}` })
    await mallory.node.connect(alice.address)
    await mallory.node.pay(channelId, ETHER / 2n)
    await until(() => alice.node.towers().every(({ connected }) => connected))
    await stage.stop(mallory)
    await stage.stop(alice)
    const { channel } = alice.node.channel(channelId)
    return { channelId, channel, lane, receipts: alice.node.towerReceipts(channelId) }
  }

  /** Mallory starts a dispute from her old copy. */
  async cheated(name: string, channelId: ChannelId): Promise<Actor> {
    const mallory = await this.stage.start('mallory', { file: `mallory-${name}-old` })
    await mallory.node.dispute(channelId)
    return mallory
  }

  /** The versions that answers recorded. */
  async recorded(channelId: ChannelId, generation = 0): Promise<bigint[]> {
    const contract = new Contract(this.stage.chain.adjudicator, LANES, this.stage.chain.provider)
    const words = await Promise.all(
      [0, 1].map((lane) => contract.laneOf!(channelId, COIN, generation, lane) as Promise<bigint>),
    )
    return words.map((word) => word >> 192n)
  }

  /** The versions that a settlement would count, wherever they were shown. */
  async counted(channel: Channel): Promise<bigint[]> {
    const [guard] = this.#guards
    const facts = await guard!.chain.view(this.ledger(channel))
    return [0, 1].map((lane) => counting(facts, lane) >> 192n)
  }

  async answered(channel: Channel, versions: readonly bigint[], timeout = 10_000): Promise<void> {
    const { channelId } = this.ledger(channel)
    await until(async () => `${await this.recorded(channelId)}` === `${versions}`, timeout)
  }

  /** Has a client bring these to towers and go offline. Returns what the client was told, and what it knows the towers to hold. */
  async appoint(
    specs: readonly TowerSpec[],
    evidence: readonly Evidence[],
    { worth = [], store = memoryStore() }: { readonly worth?: readonly number[]; readonly store?: Store } = {},
  ): Promise<{ client: TowerClient; told: TowerClientEvent[] }> {
    const told: TowerClientEvent[] = []
    const client = await TowerClient.start({
      domain: this.stage.domain,
      signer: signerOf('alice'),
      store,
      towers: specs,
      transports: (signer) => [tcpTransport({ signer })],
      onEvent: (event) => told.push(event),
      tick: 20,
    })
    for (const [index, one] of evidence.entries()) client.update(one, worth[index] ?? 0)
    await until(() => client.lag().every(({ connected, behind }) => connected && behind === 0))
    await client.stop()
    return { client, told }
  }
}

/** Everything in a store, as text. */
export async function dump(store: Store): Promise<string> {
  let text = ''
  for await (const [key, value] of store.list('')) text += `${key}=${toHex(value)}\n`
  return text
}
