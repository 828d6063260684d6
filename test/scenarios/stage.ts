import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EthersChain } from '../../sdk/chain/adapter.ts'
import { connectChain } from '../../sdk/chain/connect.ts'
import type { ChainOptions } from '../../sdk/chain/options.ts'
import { sortMembers } from '../../sdk/core/channel.ts'
import type { Address, Channel, ChannelId, Domain } from '../../sdk/core/types.ts'
import { Node, type NodeOptions } from '../../sdk/node/node.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { openSqlite } from '../../sdk/storage/sqlite.ts'
import type { Store } from '../../sdk/storage/store.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import { startAnvil, type TestChain } from '../sdk/chain/anvil.ts'
import { keyOf, signerOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'

export const ETHER = 10n ** 18n

/** Which of the funded accounts pays, and is paid, for whom. */
const ACCOUNTS: Readonly<Record<string, number>> = { alice: 0, bob: 1, mallory: 2, carol: 3, tower: 4, dave: 5 }

/** A node at work, with its own chain connection, SQLite file and TCP port. */
export interface Actor {
  readonly name: string
  readonly node: Node
  readonly chain: EthersChain
  readonly store: Store
  /** Where it can be dialled. */
  readonly address: string
  /** Alarms raised so far. */
  readonly alarms: Error[]
}

export interface ActorOptions {
  /** Name of the store's file; default: the actor's name. */
  readonly file?: string
  readonly store?: Store
  readonly chain?: Partial<ChainOptions>
  readonly node?: Partial<NodeOptions>
}

/** A real chain process, a folder for stores, and the actors that play there. */
export class Stage {
  readonly chain: TestChain
  readonly domain: Domain
  readonly folder = mkdtempSync(join(tmpdir(), 'tallystick-stage-'))
  readonly #actors = new Set<Actor>()
  readonly #connections = new Set<EthersChain>()

  private constructor(chain: TestChain, chainId: bigint) {
    this.chain = chain
    this.domain = { chainId, adjudicator: chain.adjudicator }
  }

  static async build(...args: string[]): Promise<Stage> {
    return Stage.on(await startAnvil(...args))
  }

  static async on(chain: TestChain): Promise<Stage> {
    return new Stage(chain, (await chain.provider.getNetwork()).chainId)
  }

  async start(name: string, options: ActorOptions = {}): Promise<Actor> {
    const store = options.store ?? this.openStore(name, options.file)
    try {
      const chain = await this.#connect(name, store, options.chain)
      const node = await Node.start({
        key: keyOf(name),
        owner: this.ownerOf(name),
        chain,
        store,
        transports: (signer) => [tcpTransport({ signer })],
        policy: { minPeriod: 60 },
        tick: 20,
        ...options.node,
      })
      const alarms: Error[] = []
      node.on('alarm', ({ error }) => alarms.push(error))
      const actor = { name, node, chain, store, address: await node.listen('tcp://127.0.0.1:0'), alarms }
      this.#actors.add(actor)
      return actor
    } catch (error) {
      await store.close()
      throw error
    }
  }

  openStore(name: string, file = name): Store {
    const identity = { ...this.domain, signer: signerOf(name).address }
    return openSqlite(this.fileOf(file), { identity })
  }

  fileOf = (file: string): string => join(this.folder, `${file}.sqlite`)

  /** A copy of a store that nobody uses, as an operator might keep one. */
  copy(from: string, to: string): void {
    for (const end of ['', '-wal']) {
      const source = `${this.fileOf(from)}${end}`
      if (existsSync(source)) copyFileSync(source, `${this.fileOf(to)}${end}`)
    }
  }

  async stop(actor: Actor): Promise<void> {
    this.#actors.delete(actor)
    await actor.node.stop()
    await actor.store.close()
  }

  async stopAll(): Promise<void> {
    for (const actor of [...this.#actors]) await this.stop(actor)
    for (const connection of this.#connections) await connection.stop()
    this.#connections.clear()
  }

  async close(): Promise<void> {
    await this.stopAll()
    await this.chain.stop()
    this.clear()
  }

  /** Removes its files. */
  clear(): void {
    rmSync(this.folder, { recursive: true })
  }

  /** A connection with which `name` acts on the chain without a node. */
  async hand(name: string): Promise<EthersChain> {
    const chain = await this.#connect(name, memoryStore())
    this.#connections.add(chain)
    await chain.start()
    return chain
  }

  #connect(name: string, store: Store, options: Partial<ChainOptions> = {}): Promise<EthersChain> {
    const { adjudicator, url } = this.chain
    const deployment = { adjudicator, block: 0 }
    return connectChain({ rpc: url, store, signer: this.wallet(name), deployment, pollMs: 20, ...options })
  }

  wallet = (name: string) => this.chain.wallet(ACCOUNTS[name]!)

  /** Where `name` is paid; strangers without an account of their own are paid like mallory. */
  ownerOf = (name: string): Address => this.wallet(name in ACCOUNTS ? name : 'mallory').address.toLowerCase() as Address

  /** The channel of two actors with this nonce. */
  channelOf(one: string, other: string, nonce: bigint, period = 600): Channel {
    const members = [one, other].map((name) => ({ signer: signerOf(name).address, owner: this.ownerOf(name) }))
    return { period, nonce, members: sortMembers(members) }
  }

  /** Two actors in one channel with an ether each. */
  async pair(one: Actor, other: Actor, period = 600): Promise<ChannelId> {
    const channelId = await one.node.open(other.address, { period })
    await Promise.all([one, other].map(({ node }) => node.deposit(channelId, ETHER)))
    await until(() => [one, other].every(({ node }) => node.balances(channelId).receivable === ETHER))
    return channelId
  }

  balanceOf = (name: string): Promise<bigint> => this.chain.provider.getBalance(this.ownerOf(name))

  async later(seconds: number): Promise<void> {
    await this.chain.rpc('evm_increaseTime', seconds)
    await this.chain.mine()
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Why a promise was rejected. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => new Error('It was not rejected.'),
    (reason: Error) => reason,
  )
}
