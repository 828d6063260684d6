import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { App } from '../../apps/define-app.ts'
import type { EthersChain } from '../../chain/adapter.ts'
import { connectChain } from '../../chain/connect.ts'
import { keccak256 } from '../../core/keccak.ts'
import { WHOLE } from '../../core/outcome.ts'
import type { Address } from '../../core/types.ts'
import { type Clock, systemClock } from '../../node/clock.ts'
import { Node } from '../../node/node.ts'
import { sessionSigner } from '../../signing/session.ts'
import type { SessionSigner } from '../../signing/signer.ts'
import { memoryStore } from '../../storage/memory.ts'
import type { Store } from '../../storage/store.ts'
import { type MemoryNetwork, memoryTransport } from '../../transport/memory.ts'
import { TableError } from './errors.ts'
import type { Ground } from './ground.ts'
import { History } from './history.ts'

/** What all players of a table share. */
export interface Room<State, Move> {
  readonly app: App<State, Move>
  readonly ground: Ground
  readonly network: MemoryNetwork
  /** Milliseconds by which the table's clock is ahead of the machine's. */
  readonly ahead: () => number
}

/** Milliseconds between a player's looks at chain and clock. */
const LOOK = 20

/** Somebody at the table, with a real node, store and account. */
export class Player<State, Move> {
  readonly name: string
  /** Pays for this player's transactions and receives payouts. */
  readonly account: Address
  readonly signer: SessionSigner
  /** What this player could cheat with. */
  readonly history = new History()
  /** Alarms raised so far. */
  readonly alarms: Error[] = []
  readonly #key: Uint8Array
  readonly #room: Room<State, Move>
  readonly #store: Store
  #node: Node | undefined
  #isGreedy = false

  constructor(name: string, account: Address, room: Room<State, Move>) {
    this.name = name
    this.account = account
    this.#key = keccak256(utf8ToBytes(`tallystick table: ${name}`))
    this.signer = sessionSigner(this.#key)
    this.#room = room
    this.#store = this.history.of(memoryStore())
  }

  /** Throws {@link TableError} while the player is silent. */
  get node(): Node {
    if (!this.#node) throw new TableError(`${this.name} is silent. Call wake of the table first.`)
    return this.#node
  }

  get isSilent(): boolean {
    return this.#node === undefined
  }

  /** Where others dial it. */
  get address(): string {
    return `memory:${this.name}`
  }

  /** Money it can use in all its channels, of the chain's coin. */
  get balance(): bigint {
    return this.node.channels().reduce((sum, { channelId }) => sum + this.node.balances(channelId).spendable, 0n)
  }

  /** Stops answering, as a program that crashed or a player who walked away. What it has signed stays in its store. */
  async silence(): Promise<void> {
    const node = this.node
    this.#node = undefined
    await node.stop()
  }

  /** Starts a node with this player's store; `wake` of the table also connects it to the others. */
  async start(): Promise<void> {
    if (this.#node) return
    const { network, ahead } = this.#room
    this.#node = await Node.start({
      key: this.#key,
      owner: this.account,
      chain: await this.connect(this.#store),
      store: this.#store,
      transports: (signer) => [memoryTransport({ signer, network })],
      listen: [this.address],
      policy: { minPeriod: 60 },
      clock: clockAhead(ahead),
      tick: LOOK,
    })
    this.#node.on('alarm', ({ error }) => this.alarms.push(error))
    this.#register()
  }

  /** From the next game on it asks for everything, whatever the outcome gives. */
  beGreedy(): void {
    this.#isGreedy = true
    this.#register()
  }

  #register(): void {
    const { app } = this.#room
    this.node.registerApp(this.#isGreedy ? greedy(app) : app, () => true)
  }

  /** A connection of its own to the chain, from its account; nothing is watched before `start`. */
  async connect(store = memoryStore()): Promise<EthersChain> {
    const { rpc, provider, deployment } = this.#room.ground
    return connectChain({ rpc, store, deployment, signer: await provider.getSigner(this.account), pollMs: LOOK })
  }

  async close(): Promise<void> {
    await this.#node?.stop()
    await this.#store.close()
  }
}

/** Goes on as the machine's clock does, but for what was skipped. */
const clockAhead = (ahead: () => number): Clock => ({
  now: () => systemClock.now() + ahead(),
  elapsed: () => systemClock.elapsed() + ahead(),
  every: systemClock.every,
})

/** The same code, played by somebody who believes to have won in any case. */
function greedy<State, Move>(app: App<State, Move>): App<State, Move> {
  const rules = (seats: number) => ({ ...app.rules(seats), outcome: () => Array<bigint>(seats).fill(WHOLE) })
  return { ...app, rules }
}
