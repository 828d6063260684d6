import { bytesToHex } from '@noble/hashes/utils.js'
import { toHex } from '../../../sdk/core/bytes.ts'
import { encodeStates } from '../../../sdk/core/calldata.ts'
import { encodeChannel } from '../../../sdk/core/channel.ts'
import { encodeEnvelope } from '../../../sdk/core/envelope.ts'
import { type Address, type ChannelId, COIN, type Domain } from '../../../sdk/core/types.ts'
import type { Clock } from '../../../sdk/node/clock.ts'
import { type ExitLedger, parseExitFile } from '../../../sdk/node/leaving/exit.ts'
import type { ListedPayment } from '../../../sdk/node/ledgers/history.ts'
import { Node } from '../../../sdk/node/node.ts'
import { decodeMessage } from '../../../sdk/protocols/wire.ts'
import type { Store, Write } from '../../../sdk/storage/store.ts'
import type { Connection, Listener, Transport } from '../../../sdk/transport/transport.ts'
import { keyOf, ownerOf, signerOf } from './actors.ts'
import { Refused } from './model-adjudicator.ts'
import { ModelChain, type ModelView } from './model-chain.ts'

/** Lets everything run that needs neither disk, network nor clock. */
export const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What a disk holds across crashes. */
export type Disk = Map<string, Uint8Array>

/** A store whose commits finish when the scheduler says so, and which a crash cuts off before or after it wrote. */
export class SimStore implements Store {
  readonly #disk: Disk
  readonly pending: { readonly writes: readonly Write[]; readonly resolve: () => void }[] = []
  dead = false

  constructor(disk: Disk) {
    this.#disk = disk
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#disk.get(key)
  }

  async *list(prefix: string, after?: string): AsyncGenerator<readonly [string, Uint8Array]> {
    for (const key of [...this.#disk.keys()].sort())
      if (key.startsWith(prefix) && (after === undefined || key > after)) yield [key, this.#disk.get(key)!]
  }

  commit(writes: readonly Write[]): Promise<void> {
    if (this.dead) return new Promise(() => {})
    return new Promise((resolve) => this.pending.push({ writes, resolve }))
  }

  /** Writes the oldest commit, and says so unless the machine dies in between. */
  finish(tell: boolean): void {
    const commit = this.pending.shift()
    if (!commit) return
    for (const { key, value } of commit.writes)
      if (value) this.#disk.set(key, value.slice())
      else this.#disk.delete(key)
    if (tell) commit.resolve()
  }

  has = (key: string): boolean => this.#disk.has(key)

  async close(): Promise<void> {}
}

/** One direction of a connection: what was sent and has not arrived. */
export class SimConnection implements Connection {
  readonly peer: Address
  readonly #onSend: (frame: Uint8Array) => void
  other: SimConnection | undefined
  readonly arriving: Uint8Array[] = []
  onFrame: (frame: Uint8Array) => void = () => {}
  onClose: (reason?: Error) => void = () => {}

  constructor(peer: Address, onSend: (frame: Uint8Array) => void) {
    this.peer = peer
    this.#onSend = onSend
  }

  send(frame: Uint8Array): boolean {
    this.#onSend(frame)
    this.other?.arriving.push(frame.slice())
    return true
  }

  drained = async (): Promise<void> => {}
  pause(): void {}
  resume(): void {}

  close(): void {
    const { other } = this
    this.other = undefined
    if (!other) return
    other.other = undefined
    other.arriving.length = 0
    this.arriving.length = 0
    queueMicrotask(() => other.onClose(new Error('The connection was cut.')))
  }

  /** Neither side wanted it. */
  cut(): void {
    if (!this.other) return
    this.close()
    queueMicrotask(() => this.onClose(new Error('The connection was cut.')))
  }
}

/** A machine of the simulation: it crashes and starts again from its disk. */
class Machine {
  readonly name: string
  readonly disk: Disk = new Map()
  readonly #sim: Simulation
  #chain: ModelView | undefined
  store!: SimStore
  node!: Node
  /** Those that are open, oldest first. */
  connections: SimConnection[] = []
  accept: ((connection: Connection) => void) | undefined
  /** How far somebody has moved its clock, in milliseconds. */
  skew = 0
  /** What it could leave with at some moment: by and by old states, with which a cheat would challenge. */
  remembered: ExitLedger | undefined
  #tick: () => void = () => {}
  #alive = { yes: false }

  constructor(sim: Simulation, name: string) {
    this.#sim = sim
    this.name = name
  }

  async boot(): Promise<void> {
    const alive = { yes: true }
    this.#alive = alive
    this.store = new SimStore(this.disk)
    this.#chain = this.#chain?.again() ?? this.#sim.chain.connect(ownerOf(this.name))
    const clock: Clock = {
      now: () => this.#sim.now + this.skew,
      elapsed: () => this.#sim.now,
      every: (_, task) => {
        this.#tick = task
        return () => {}
      },
    }
    const starting = Node.start({
      key: keyOf(this.name),
      owner: ownerOf(this.name),
      chain: this.#chain,
      store: this.store,
      transports: [this.#transport(alive)],
      listen: [`sim:${this.name}`],
      policy: { minPeriod: 60 },
      maxPerSignature: 3,
      clock,
    })
    for (let turns = 0; turns < 8; turns++) {
      await drain()
      this.store.finish(true)
    }
    this.node = await starting
  }

  /** The power goes: a commit on its way was written or not, what was to leave has left or not. */
  crash(written: boolean): void {
    if (written) this.store.finish(false)
    this.store.dead = true
    this.#alive.yes = false
    this.#tick = () => {}
    for (const connection of this.connections) connection.close()
    this.connections = []
    this.accept = undefined
  }

  tick(): void {
    this.#tick()
  }

  remember(): void {
    const [ledger] = parseExitFile(this.node.exportExit(), this.#sim.chain.domain)
    this.remembered = ledger
  }

  /** The connection on which the next frame arrives. */
  get busy(): SimConnection | undefined {
    this.connections = this.connections.filter(({ other, arriving }) => other || arriving.length > 0)
    return this.connections.find(({ arriving }) => arriving.length > 0)
  }

  #transport(alive: { yes: boolean }): Transport {
    const here = () => alive.yes
    return {
      schemes: ['sim:'],
      dial: async (address) => {
        const other = this.#sim.machines.find(({ name }) => address === `sim:${name}`)!
        if (!other.accept || !here()) throw new Error('Nobody listens.')
        const near = new SimConnection(
          signerOf(other.name).address,
          (frame) => here() && this.#sim.witness(this, frame),
        )
        const far = new SimConnection(signerOf(this.name).address, (frame) => this.#sim.witness(other, frame))
        near.other = far
        far.other = near
        this.connections.push(near)
        other.connections.push(far)
        other.accept(far)
        return near
      },
      listen: async (address, accept): Promise<Listener> => {
        this.accept = accept
        return { address, close: async () => {} }
      },
    }
  }
}

/** One thing that happens; `of` picks the machine. */
export type Action =
  | { readonly do: 'pay'; readonly of: 0 | 1; readonly amount: number }
  | { readonly do: 'payMany'; readonly of: 0 | 1; readonly count: number }
  | { readonly do: 'withdraw'; readonly of: 0 | 1; readonly amount: number }
  | { readonly do: 'close'; readonly of: 0 | 1 }
  | { readonly do: 'deposit'; readonly of: 0 | 1; readonly amount: number }
  | { readonly do: 'deliver' | 'drop' | 'duplicate' | 'swap'; readonly of: 0 | 1 }
  | { readonly do: 'write'; readonly of: 0 | 1 }
  | { readonly do: 'crash'; readonly of: 0 | 1; readonly written: boolean }
  | { readonly do: 'cut' }
  | { readonly do: 'dial'; readonly of: 0 | 1 }
  | { readonly do: 'tick'; readonly of: 0 | 1 }
  | { readonly do: 'clock'; readonly of: 0 | 1; readonly hours: number }
  | { readonly do: 'dispute' | 'remember' | 'cheat'; readonly of: 0 | 1 }
  | { readonly do: 'mine'; readonly seconds: number }
  | { readonly do: 'wait'; readonly seconds: number }

/** Two nodes, their disks, a chain and the network between them, all under one scheduler. */
export class Simulation {
  readonly chain: ModelChain
  readonly machines: [Machine, Machine]
  channelId!: ChannelId
  now = 1_800_000_000_000
  /** Payments whose caller was told that they are final for the peer. */
  readonly promised: { readonly from: number; readonly id: string; readonly amount: bigint }[] = []
  deposited = 0n
  /** First broken rule; a scheduler must not throw in the middle of a node's turn. */
  broken: string | undefined
  readonly #signed = new Map<string, string>()

  /** @param domain The adjudicator that its calls are meant for; by default none. */
  constructor(domain?: Domain) {
    this.chain = new ModelChain(2, domain)
    this.machines = [new Machine(this, 'alice'), new Machine(this, 'bob')]
  }

  async start(): Promise<void> {
    for (const machine of this.machines) await machine.boot()
    const opening = this.machines[0].node.open('sim:bob', { period: 600 })
    await this.settle()
    this.channelId = await opening
    for (const who of [0, 1] as const) await this.perform({ do: 'deposit', of: who, amount: 1_000 })
    await this.settle()
  }

  /** Sees every frame as it leaves `machine`: nothing may leave that is not on its disk, and no version twice. */
  witness({ name, store }: Machine, frame: Uint8Array): void {
    const message = decodeMessage(frame)
    if (message.kind !== 'updates' && message.kind !== 'sync') return
    const lane = signerOf(name).address < signerOf(name === 'alice' ? 'bob' : 'alice').address ? 0 : 1
    const states =
      message.kind === 'updates'
        ? message.updates
        : [{ version: message.own.newest.version, signature: message.own.signature }]
    for (const { version, signature } of states) {
      if (version === 0n) continue
      const place = `${message.generation.toString(16).padStart(4, '0')}/${lane}/${version.toString(16).padStart(16, '0')}`
      const hex = bytesToHex(signature)
      if ((this.#signed.get(place) ?? hex) !== hex) this.broken ??= `${name} signed two states for ${place}`
      this.#signed.set(place, hex)
      if (message.kind === 'updates' && !store.has(`history/00000000/${place}`))
        this.broken ??= `${name} sent ${place} before it was durable`
    }
  }

  async perform(action: Action): Promise<void> {
    this.now += 100
    // Long pauses: both are online once before, as members must be in each challenge period. The network need not be.
    if (action.do === 'wait') await this.#turnOver()
    this.#act(action)
    await drain()
  }

  async #turnOver(): Promise<void> {
    await this.boot()
    for (const machine of this.machines) {
      machine.tick()
      for (let step = 0; step < 8; step++) {
        machine.store.finish(true)
        await drain()
      }
    }
  }

  #act(action: Action): void {
    switch (action.do) {
      case 'cut':
        for (const connection of this.machines[0].connections) connection.cut()
        return
      case 'mine':
      case 'wait':
        this.chain.advance(BigInt(action.seconds), 1)
        return
      case 'crash': {
        const machine = this.machines[action.of]
        machine.crash(action.written)
        this.#booting.push(machine)
        return
      }
    }
    const machine = this.machines[action.of]
    if (this.#booting.includes(machine)) return
    this.#actOn(machine, action)
  }

  /** Machines that are down and start again with the next {@link boot}. */
  readonly #booting: Machine[] = []

  async boot(): Promise<void> {
    for (const machine of this.#booting.splice(0)) await machine.boot()
  }

  #actOn(machine: Machine, action: Exclude<Action, { do: 'cut' | 'mine' | 'wait' | 'crash' }>): void {
    const { node } = machine
    const ignore = () => {}
    switch (action.do) {
      case 'pay': {
        const paid = node.pay(this.channelId, BigInt(action.amount))
        paid.then(({ id, amount }) => this.promised.push({ from: action.of, id, amount }), ignore)
        return
      }
      case 'payMany': {
        const paid = node.payMany(this.channelId, new Array<bigint>(action.count).fill(1n))
        paid.then((receipt) => {
          for (let i = 0; i < action.count; i++) this.promised.push({ from: action.of, id: receipt.id(i), amount: 1n })
        }, ignore)
        return
      }
      case 'withdraw':
        node.withdraw(this.channelId, BigInt(action.amount), { validFor: 300 }).catch(ignore)
        return
      case 'close':
        node.close(this.channelId, { validFor: 300 }).catch(ignore)
        return
      case 'deposit':
        node.deposit(this.channelId, BigInt(action.amount), { wait: 'mined' }).then(() => {
          this.deposited += BigInt(action.amount)
        }, ignore)
        return
      case 'write':
        machine.store.finish(true)
        return
      case 'tick':
        machine.tick()
        return
      case 'clock':
        machine.skew = action.hours * 3_600_000
        return
      case 'dispute':
        node.dispute(this.channelId).catch(ignore)
        return
      case 'remember':
        machine.remember()
        return
      case 'cheat':
        this.#cheat(machine)
        return
      case 'dial':
        node.connect(`sim:${this.machines[1 - action.of]!.name}`).catch(ignore)
        return
      default:
        this.#transmit(machine.busy, action.do)
    }
  }

  /** Its owner challenges, or answers, with what it remembers, past its own node. */
  #cheat({ name, remembered }: Machine): void {
    if (!remembered) return
    const states = remembered.states.map(({ state, signatures }) => ({
      state,
      signatures: signatures.map((signature) => encodeEnvelope({ kind: 'direct', signature })),
    }))
    const args = [toHex(encodeChannel(remembered.channel)), COIN, toHex(encodeStates(states))]
    try {
      this.chain.call(ownerOf(name), { to: 'adjudicator', functionName: 'submit', args })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
    }
  }

  #transmit(connection: SimConnection | undefined, how: 'deliver' | 'drop' | 'duplicate' | 'swap'): void {
    const frame = connection?.arriving.shift()
    if (!connection || !frame) return
    if (how === 'drop') return
    const next = how === 'swap' ? connection.arriving.shift() : undefined
    if (next) connection.onFrame(next)
    connection.onFrame(frame)
    if (how === 'duplicate') connection.onFrame(frame.slice())
  }

  /** Calm: disks write, frames arrive in order, time passes, blocks are mined. */
  async settle(rounds = 60): Promise<void> {
    await this.boot()
    for (let round = 0; round < rounds; round++) {
      for (const who of [0, 1] as const) await this.perform({ do: 'tick', of: who })
      for (let step = 0; step < 12; step++)
        for (const who of [0, 1] as const) {
          this.machines[who].store.finish(true)
          await drain()
          while (this.machines[who].busy) await this.perform({ do: 'deliver', of: who })
        }
      // 10 s between reminders, so that whoever waits longest is dialled and reminded too.
      this.now += 10_000
      if (round % 4 === 3) await this.perform({ do: 'mine', seconds: 60 })
    }
  }

  async listed(of: 0 | 1): Promise<ListedPayment[]> {
    const payments: ListedPayment[] = []
    for await (const payment of this.machines[of].node.payments()) payments.push(payment)
    return payments
  }
}
