import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { type Address, COIN, type LedgerRef } from '../../sdk/core/types.ts'
import { decodeMessage } from '../../sdk/protocols/wire.ts'
import { drain, type SimConnection } from '../sdk/node/simulation.ts'
import { FaultyChain } from './faulty-chain.ts'
import { type Bill, revealLate } from './invoices.ts'
import type { Lock } from './locks.ts'
import { Machine, type Mutation, type Surroundings } from './machine.ts'
import type { Hostility, Plan } from './plan.ts'
import { Witness } from './witness.ts'

/** A ledger between two machines. */
export interface Edge extends LedgerRef {
  readonly ends: readonly [Machine, Machine]
  /** Its number in the stores of the ends. */
  readonly numbers: readonly [number, number]
}

const PERIOD = 900
const FUNDS = 5_000n

/** Several nodes, their disks, a chain and the network between them, all under one scheduler. */
export class World implements Surroundings {
  readonly chain: FaultyChain
  readonly machines: Machine[]
  readonly edges: Edge[] = []
  readonly plan: Plan
  readonly hostile: Machine | undefined
  readonly counts = new Map<string, number>()
  readonly lines: string[] = []
  readonly bills: Bill[] = []
  readonly locks: Lock[] = []
  /** Payments whose caller was told that they are final for the peer. */
  readonly promised: { readonly from: Machine; readonly to: Machine; readonly id: string; readonly amount: bigint }[] =
    []
  /** Rules that were broken, the first one first. */
  readonly broken: string[] = []
  now = 1_800_000_000_000
  #hash = sha256.create()
  readonly witness = new Witness(this.edges, this.broken)
  /** Links without network. */
  readonly cuts = new Set<string>()
  /** The hostile machine plays its part. */
  fighting = true

  constructor(plan: Plan, mutate: (index: number) => Mutation = () => ({})) {
    this.plan = plan
    this.chain = new FaultyChain(plan.confirmations, (what) => this.count(what))
    const { nodes, hostile } = plan
    this.machines = Array.from({ length: nodes }, (_, index) => {
      const mutation = mutate(index)
      // It reveals when it wants to, not when its node would.
      const late = hostile?.index === index && hostile.kind === 'last moment'
      return new Machine(
        this,
        index,
        late ? { ...mutation, chain: { ...mutation.chain, neverReveals: true } } : mutation,
      )
    })
    this.hostile = hostile && this.machines[hostile.index]
  }

  get digest(): string {
    return bytesToHex(this.#hash.clone().digest()).slice(0, 16)
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  note(line: string): void {
    this.lines.push(line)
    this.#hash.update(utf8ToBytes(`${line}\n`))
  }

  /** Gives the lines from `at` on their title; without one they are as if nothing had happened. */
  entitle(at: number, title: string | undefined): void {
    if (title === undefined) {
      this.lines.splice(at)
      return
    }
    this.lines[at] = title
    this.#hash.update(utf8ToBytes(title))
  }

  isHonest = (machine: Machine): boolean => machine !== this.hostile

  plays(hostility: Hostility, machine: Machine): boolean {
    return this.fighting && machine === this.hostile && this.plan.hostile?.kind === hostility
  }

  // ---------------------------------------------------------------- what machines do to the world

  connected = (a: Machine, b: Machine): boolean => !this.cuts.has(linkOf(a, b))

  tells({ name }: Machine, kind: string, detail: string): void {
    this.count(`event ${kind}`)
    const lock = kind === 'asked' && this.locks.find(({ id }) => id === detail)
    if (lock) lock.asked = true
    this.note(`  ${name} tells: ${kind} ${detail}`)
  }

  sends(machine: Machine, to: Address, frame: Uint8Array): void {
    const message = decodeMessage(frame)
    this.#hash.update(frame)
    this.count(`message ${message.kind}`)
    this.witness.see(machine, to, message)
  }

  // ---------------------------------------------------------------- beginning

  async start(): Promise<void> {
    for (const machine of this.machines) await machine.boot()
    const opened = this.machines.map(() => 0)
    for (const [a, b] of this.plan.edges) {
      const ends = [this.machines[a]!, this.machines[b]!] as const
      const opening = ends[0].node.open(`sim:${ends[1].name}`, { period: PERIOD })
      await this.quiesce()
      this.edges.push({ ends, channelId: await opening, asset: COIN, numbers: [opened[a]!++, opened[b]!++] })
    }
    for (const { ends, channelId } of this.edges)
      for (const { node } of ends) node.deposit(channelId, FUNDS, { wait: 'mined' }).catch(() => {})
    await drain()
    for (let i = 0; i < 3; i++) await this.pass(1)
    for (const machine of this.machines) {
      machine.backup = new Map(machine.disk)
      machine.remember()
    }
  }

  // ---------------------------------------------------------------- time

  /** Disks write and frames arrive until nothing is on its way. */
  async quiesce(): Promise<void> {
    await drain()
    for (let turn = 0; turn < 3_000; turn++) {
      let moved = false
      for (const machine of this.machines) {
        if (!machine.down && machine.store.pending.length > 0) {
          machine.store.finish(true)
          moved = true
        }
        for (const connection of machine.busy()) {
          this.deliver(machine, connection, 'deliver')
          moved = true
        }
      }
      await drain()
      if (!moved) return
    }
    this.broken.push('The nodes never stop talking')
  }

  async boot(): Promise<void> {
    for (const machine of this.machines) if (machine.down && !machine.gone) await machine.boot()
  }

  /**
   * A pause of `seconds`: everybody is online once before, as members must be in each challenge period, and what was sent
   * is mined. The network need not be there.
   */
  async pass(seconds: number, first = 0): Promise<void> {
    await this.boot()
    this.now += 10_000
    for (const machine of this.machines) machine.tick()
    await this.quiesce()
    this.chain.include(first)
    await drain()
    this.chain.advance(BigInt(seconds), 1)
    this.now += 1_000 * seconds
    await this.quiesce()
    if (this.fighting && this.plan.hostile?.kind === 'last moment') revealLate(this)
  }

  // ---------------------------------------------------------------- the network

  deliver(machine: Machine, connection: SimConnection, how: 'deliver' | 'drop' | 'duplicate' | 'swap'): void {
    const frame = connection.arriving.shift()
    if (!frame) return
    const next = how === 'swap' ? connection.arriving.shift() : undefined
    // A connection is a stream: what loses or reorders frames breaks it soon after.
    if (how === 'drop' || this.#isIgnored(machine, connection.peer, frame)) return
    if (next) connection.onFrame(next)
    connection.onFrame(frame)
    if (how === 'duplicate') connection.onFrame(frame.slice())
  }

  /** Hostile machines hear no wishes, or say none. */
  #isIgnored(to: Machine, from: Address, frame: Uint8Array): boolean {
    const sender = this.machines.find(({ signer }) => signer === from)!
    const { kind } = decodeMessage(frame)
    if (kind !== 'ask') return false
    const ignored = this.plays('stubborn', to) || this.plays('late', to) || this.plays('last moment', sender)
    if (ignored) this.count('wish ignored')
    return ignored
  }
}

export const linkOf = (a: { readonly name: string }, b: { readonly name: string }): string =>
  [a.name, b.name].sort().join('-')
