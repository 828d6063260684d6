import { type Address, COIN } from '../../sdk/core/types.ts'
import type { Clock } from '../../sdk/node/clock.ts'
import { type ExitLedger, parseExitFile } from '../../sdk/node/leaving/exit.ts'
import { Node } from '../../sdk/node/node.ts'
import type { Transport } from '../../sdk/transport/transport.ts'
import { keyOf, ownerOf, signerOf } from '../sdk/node/actors.ts'
import { type Disk, drain, SimConnection, SimStore } from '../sdk/node/simulation.ts'
import type { ChainMutation, FaultyChain, FaultyView } from './faulty-chain.ts'

/** What a machine needs of the world around it. */
export interface Surroundings {
  readonly chain: FaultyChain
  readonly machines: readonly Machine[]
  readonly now: number
  sends(machine: Machine, to: Address, frame: Uint8Array): void
  tells(machine: Machine, kind: string, detail: string): void
  connected(a: Machine, b: Machine): boolean
}

/** Ways to break one machine on purpose. */
export interface Mutation {
  readonly chain?: ChainMutation
  /** Says that a write is durable before it is. */
  readonly earlyCommits?: boolean
  /** Comes back from a crash with what it had at its start. */
  readonly forgets?: boolean
}

/** Events that are of interest. */
const TOLD = [
  'alarm',
  'frozen',
  'refused',
  'expired',
  'ended',
  'invoice-paid',
  'redeemed',
  'disputed',
  'asked',
] as const

/** What machines swap coins for. */
export const TOKEN: Address = `0x${'7a'.repeat(20)}`

const RATE = { from: COIN, to: TOKEN, price: { from: 3n, to: 7n }, least: 1n, most: 5_000n }
const MARGINS = { baseFee: 2n, feePpm: 0n, margin: 1_200n, responseTime: 600n, revealCost: 0n, rates: [RATE] }

/** Says at once that everything is written. */
class EarlyStore extends SimStore {
  override async commit(writes: Parameters<SimStore['commit']>[0]): Promise<void> {
    void super.commit(writes)
  }
}

/** A machine of the world: it crashes and starts again from its disk. */
export class Machine {
  readonly name: string
  readonly index: number
  readonly owner: Address
  readonly signer: Address
  disk: Disk = new Map()
  readonly #world: Surroundings
  readonly #mutation: Mutation
  view: FaultyView | undefined
  store!: SimStore
  node!: Node
  connections: SimConnection[] = []
  accept: ((connection: SimConnection) => void) | undefined
  /** How far somebody has moved its clock, in milliseconds. */
  skew = 0
  down = true
  /** Never comes back. */
  gone = false
  /** Old states with which its owner could challenge. */
  remembered: ExitLedger[] = []
  /** What its disk held once. */
  backup: Disk | undefined
  /** It came back with a backup. */
  restored = false
  #tick: () => void = () => {}
  #alive = { yes: false }

  constructor(world: Surroundings, index: number, mutation: Mutation = {}) {
    this.#world = world
    this.#mutation = mutation
    this.index = index
    this.name = `n${index}`
    this.owner = ownerOf(this.name)
    this.signer = signerOf(this.name).address
  }

  async boot(): Promise<void> {
    const alive = { yes: true }
    this.#alive = alive
    this.store = this.#mutation.earlyCommits ? new EarlyStore(this.disk) : new SimStore(this.disk)
    this.view = this.view?.again() ?? this.#world.chain.join(this.owner, this.#mutation.chain)
    let started = false
    const starting = Node.start({
      key: keyOf(this.name),
      owner: this.owner,
      chain: this.view,
      store: this.store,
      transports: [this.#transport(alive)],
      listen: [`sim:${this.name}`],
      policy: { minPeriod: 60 },
      forwarding: MARGINS,
      maxPerSignature: 3,
      clock: this.#clock(),
    }).then((node) => {
      started = true
      return node
    })
    for (let turns = 0; !started && turns < 200; turns++) {
      await drain()
      this.store.finish(true)
    }
    this.node = await starting
    this.down = false
    for (const kind of TOLD)
      this.node.on(kind, (event) => {
        if (!alive.yes) return
        if (event.kind === 'alarm') this.#world.tells(this, `alarm ${event.error.name}`, event.error.message)
        else this.#world.tells(this, kind, event.kind === 'asked' ? event.id : '')
      })
  }

  #clock(): Clock {
    return {
      now: () => this.#world.now + this.skew,
      elapsed: () => this.#world.now,
      every: (_, task) => {
        this.#tick = task
        return () => {}
      },
    }
  }

  /** The power goes: a commit on its way was written or not, what was to leave has left or not. */
  crash(written: boolean): void {
    if (this.down) return
    if (written) this.store.finish(false)
    this.store.dead = true
    this.#alive.yes = false
    this.#tick = () => {}
    for (const connection of this.connections) connection.close()
    this.connections = []
    this.accept = undefined
    this.down = true
    if (this.view) this.#world.chain.views.delete(this.view)
    if (this.#mutation.forgets && this.backup) this.disk = new Map(this.backup)
  }

  tick(): void {
    if (!this.down) this.#tick()
  }

  /** What it could leave with now: by and by old states. */
  remember(): void {
    if (!this.down) this.remembered = [...parseExitFile(this.node.exportExit(), this.#world.chain.domain)]
  }

  /** The connections on which something arrives. */
  busy(): SimConnection[] {
    this.connections = this.connections.filter(({ other, arriving }) => other || arriving.length > 0)
    return this.connections.filter(({ arriving, peer }) => arriving.length > 0 && this.#hears(peer))
  }

  #hears(peer: Address): boolean {
    const other = this.#world.machines.find(({ signer }) => signer === peer)
    return !other || this.#world.connected(this, other)
  }

  #transport(alive: { yes: boolean }): Transport {
    return {
      schemes: ['sim:'],
      dial: async (address) => {
        const other = this.#world.machines.find(({ name }) => address === `sim:${name}`)
        if (!other?.accept || !alive.yes || !this.#world.connected(this, other)) throw new Error('Nobody listens.')
        const near = new SimConnection(other.signer, (frame) => {
          if (alive.yes) this.#world.sends(this, other.signer, frame)
        })
        const far = new SimConnection(this.signer, (frame) => this.#world.sends(other, this.signer, frame))
        near.other = far
        far.other = near
        this.connections.push(near)
        other.connections.push(far)
        other.accept(far)
        return near
      },
      listen: async (address, accept) => {
        this.accept = accept
        return { address, close: async () => {} }
      },
    }
  }
}
