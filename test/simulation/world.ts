import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { toHex } from '../../sdk/core/bytes.ts'
import { encodeStates } from '../../sdk/core/calldata.ts'
import { encodeChannel } from '../../sdk/core/channel.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import { invoiceDigest, type PaymentProof, type SignedInvoice } from '../../sdk/core/invoice.ts'
import { secretKey } from '../../sdk/core/outcome.ts'
import { type Address, type ChannelId, COIN, type Hex } from '../../sdk/core/types.ts'
import type { Route } from '../../sdk/node/hops/quote.ts'
import { historyKey, invoiceKey, PARTS } from '../../sdk/node/keys.ts'
import type { Node } from '../../sdk/node/node.ts'
import { decodeMessage } from '../../sdk/protocols/wire.ts'
import { drain, type SimConnection } from '../sdk/node/simulation.ts'
import { FaultyChain } from './faulty-chain.ts'
import { Machine, type Mutation, type Surroundings } from './machine.ts'
import type { Action, Hostility, Plan } from './plan.ts'

/** A channel between two machines. */
export interface Edge {
  readonly ends: readonly [Machine, Machine]
  readonly channelId: ChannelId
  /** Its number in the stores of the ends. */
  readonly numbers: readonly [number, number]
}

/** An invoice and what became of it. */
export interface Bill {
  readonly payer: Machine
  readonly payee: Machine
  readonly id: Hex
  readonly signed: SignedInvoice
  readonly amount: bigint
  /** With fees. */
  readonly cost: bigint
  proof: PaymentProof | undefined
  /** Code of the error that the payer was told. */
  failure: unknown
}

/** A transfer that a user locked. */
export interface Lock {
  readonly edge: Edge
  readonly payer: Machine
  readonly payee: Machine
  readonly amount: bigint
  readonly secret: Uint8Array
  readonly deadline: bigint
  id: Hex | undefined
  /** The payer may have given it away. */
  given: boolean
  /** The payee acknowledged that it has it. */
  taken: boolean
  returned: boolean
  /** The payee had it, durably, when the secret was revealed. */
  due: boolean
  /** The payer heard a wish of the payee. */
  asked: boolean
}

const PERIOD = 900
const FUNDS = 5_000n
/** Seconds that payments over hops may be locked for. */
const LOCKED = 3_600n

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
  readonly #signed = new Map<string, string>()
  readonly #cut = new Set<string>()
  /** The hostile machine plays its part. */
  #fighting = true

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

  isHonest = (machine: Machine): boolean => machine !== this.hostile

  #plays(hostility: Hostility, machine: Machine): boolean {
    return this.#fighting && machine === this.hostile && this.plan.hostile?.kind === hostility
  }

  // ---------------------------------------------------------------- what machines do to the world

  connected = (a: Machine, b: Machine): boolean => !this.#cut.has(linkOf(a, b))

  tells({ name }: Machine, kind: string, detail: string): void {
    this.count(`event ${kind}`)
    const lock = kind === 'asked' && this.locks.find(({ id }) => id === detail)
    if (lock) lock.asked = true
    this.note(`  ${name} tells: ${kind} ${detail}`)
  }

  /** Sees every frame as it leaves: nothing may leave that is not on disk, and no version twice. */
  sends(machine: Machine, to: Address, frame: Uint8Array): void {
    const message = decodeMessage(frame)
    this.#hash.update(frame)
    this.count(`message ${message.kind}`)
    if (message.kind !== 'updates' && message.kind !== 'sync') return
    const edge = this.edges.find(({ channelId }) => channelId === message.channelId)
    if (!edge) return
    const lane = machine.signer < to ? 0 : 1
    const states: { readonly version: bigint; readonly signature: Uint8Array; readonly lane: number }[] =
      message.kind === 'updates'
        ? message.updates.map(({ version, signature }) => ({ version, signature, lane }))
        : [{ version: message.own.newest.version, signature: message.own.signature, lane }]
    if (message.kind === 'updates' && message.ack) states.push({ ...message.ack, lane: 1 - lane })
    for (const state of states) this.#witness(machine, edge, message, state)
  }

  #witness(
    { name, store, index, restored }: Machine,
    { channelId, numbers, ends }: Edge,
    { kind, generation }: { readonly kind: string; readonly generation: number },
    { version, signature, lane }: { readonly version: bigint; readonly signature: Uint8Array; readonly lane: number },
  ): void {
    if (version === 0n) return
    const place = `${name}/${channelId}/${generation}/${lane}/${version}`
    const hex = bytesToHex(signature)
    if ((this.#signed.get(place) ?? hex) !== hex) this.broken.push(`${name} signed two states for ${place}`)
    this.#signed.set(place, hex)
    const number = numbers[ends[0].index === index ? 0 : 1]!
    // Who lost its store takes over what the peer shows, without its history.
    if (kind === 'updates' && !restored && !store.has(historyKey(number, generation, lane, version)))
      this.broken.push(`${name} sent ${place} before it was durable`)
  }

  /** What a machine signed and nobody has received is as if it was never signed, once its disk is lost. */
  #forget({ name, index }: Machine): void {
    for (const place of [...this.#signed.keys()]) {
      const [by, channelId, generation, lane, version] = place.split('/')
      const { ends, numbers } = this.edges.find((edge) => edge.channelId === channelId)!
      const other = ends[0].index === index ? 1 : 0
      const key = historyKey(numbers[other], Number(generation), Number(lane), BigInt(version!))
      if (by === name && !ends[other].disk.has(key)) this.#signed.delete(place)
    }
  }

  // ---------------------------------------------------------------- beginning

  async start(): Promise<void> {
    for (const machine of this.machines) await machine.boot()
    const opened = this.machines.map(() => 0)
    for (const [a, b] of this.plan.edges) {
      const ends = [this.machines[a]!, this.machines[b]!] as const
      const opening = ends[0].node.open(`sim:${ends[1].name}`, { period: PERIOD })
      await this.quiesce()
      this.edges.push({ ends, channelId: await opening, numbers: [opened[a]!++, opened[b]!++] })
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
          this.#deliver(machine, connection, 'deliver')
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
    if (this.#fighting && this.plan.hostile?.kind === 'last moment') this.#revealLate()
  }

  /** A payee that keeps its secret to itself until shortly before the deadline, and then shows it to the chain alone. */
  #revealLate(): void {
    const { timestamp } = this.chain.tip.head
    for (const { payee, signed, id } of this.bills) {
      if (payee !== this.hostile) continue
      const stored = payee.disk.get(invoiceKey(id))
      const locked = this.edges.some(
        ({ channelId, ends }) =>
          ends.includes(payee) &&
          !payee.down &&
          payee.node
            .transfers(channelId)
            .some(
              ({ direction, transfer }) =>
                direction === 'in' &&
                transfer.legs[0]?.key === signed.invoice.key &&
                transfer.deadline - timestamp < 320n,
            ),
      )
      if (stored && locked) this.#reveal(stored.slice(1, 33), 'revealed at the last moment')
    }
  }

  #reveal(secret: Uint8Array, as: string): void {
    const registry = { chainId: this.chain.domain.chainId, condition: REGISTRY }
    const [known] = this.chain.outcomes([secretKey(registry, secret)])
    if (known!.recordedAt > 0n) return
    this.count(as)
    this.note(`  ${as}`)
    this.chain.call(COIN, { to: 'registry', functionName: 'reveal', args: [toHex(secret)] })
  }

  // ---------------------------------------------------------------- the network

  #deliver(machine: Machine, connection: SimConnection, how: 'deliver' | 'drop' | 'duplicate' | 'swap'): void {
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
    const ignored = this.#plays('stubborn', to) || this.#plays('late', to) || this.#plays('last moment', sender)
    if (ignored) this.count('wish ignored')
    return ignored
  }

  // ---------------------------------------------------------------- actions

  async perform(action: Action): Promise<void> {
    this.now += 100
    const before = this.lines.length
    this.note('')
    const what = await this.#act(action)
    if (what === undefined) {
      this.lines.splice(before)
    } else {
      this.lines[before] = what
      this.#hash.update(utf8ToBytes(what))
      this.count(action.do)
    }
    await drain()
  }

  /** What was done, or undefined if it is not possible. */
  async #act({ do: kind, a, b, c }: Action): Promise<string | undefined> {
    const machine = this.machines[a % this.machines.length]!
    const edge = this.edges[b % this.edges.length]!
    switch (kind) {
      case 'time': {
        const seconds = 20 + (c % 100)
        await this.pass(seconds, a)
        return `${seconds} s pass`
      }
      case 'reorg': {
        const depth = this.plan.confirmations - 1
        if (depth === 0 || this.chain.tip.head.number < 12) return undefined
        this.chain.reorg(1 + (a % depth))
        this.chain.include(b)
        return `reorganisation of ${1 + (a % depth)} blocks`
      }
      case 'delay':
        this.chain.faults.delay = this.chain.faults.delay > 0 ? 0 : 1 + (a % 2)
        return `transactions wait ${this.chain.faults.delay} blocks`
      case 'late':
        this.chain.faults.late = !this.chain.faults.late
        return `late looks: ${this.chain.faults.late}`
      case 'include':
        this.chain.include(a)
        return 'block'
      case 'partition': {
        const link = linkOf(...edge.ends)
        if (!this.#cut.delete(link)) {
          this.#cut.add(link)
          return `no network: ${link}`
        }
        return `network again: ${link}`
      }
      case 'cut':
        for (const connection of machine.connections) connection.cut()
        return `${machine.name} is cut off`
      case 'invoice':
        return this.#invoice(a, b, c)
    }
    if (machine.down) return undefined
    return this.#actOn(machine, kind, b, c)
  }

  #actOn(machine: Machine, kind: Action['do'], b: number, c: number): string | undefined {
    const own = this.edges.filter(({ ends }) => ends.includes(machine))
    const edge = own[b % own.length]!
    const { channelId } = edge
    const peer = edge.ends[0] === machine ? edge.ends[1] : edge.ends[0]
    const { node, name } = machine
    const amount = BigInt(1 + (c % 900))
    const ignore = () => {}
    switch (kind) {
      case 'pay':
        node.pay(channelId, amount).then(({ id }) => {
          this.count('payment final')
          this.promised.push({ from: machine, to: peer, id, amount })
        }, ignore)
        return `${name} pays ${peer.name} ${amount}`
      case 'payMany': {
        const count = 2 + (c % 7)
        node.payMany(channelId, new Array<bigint>(count).fill(3n)).then((receipt) => {
          this.count('batch final')
          for (let i = 0; i < count; i++) this.promised.push({ from: machine, to: peer, id: receipt.id(i), amount: 3n })
        }, ignore)
        return `${name} pays ${peer.name} ${count} times 3`
      }
      case 'deposit':
        node.deposit(channelId, amount, { wait: 'mined' }).then(() => this.count('deposit mined'), ignore)
        return `${name} deposits ${amount} towards ${peer.name}`
      case 'withdraw':
        node.withdraw(channelId, amount, { validFor: 400 }).then(() => this.count('withdrawal final'), ignore)
        return `${name} withdraws ${amount} of what is with ${peer.name}`
      case 'close':
        node.close(channelId, { validFor: 400 }).then(() => this.count('closing final'), ignore)
        return `${name} closes with ${peer.name}`
      case 'dispute':
        node.dispute(channelId).catch(ignore)
        return `${name} disputes with ${peer.name}`
      case 'lock':
        return this.#lock(machine, peer, edge, amount)
      case 'unlock':
      case 'cancel':
      case 'askCancel':
      case 'askUnlock':
      case 'reveal':
        return this.#resolve(kind, c)
      case 'write':
        if (machine.store.pending.length === 0) return undefined
        machine.store.finish(true)
        return `${name} writes`
      case 'crash': {
        const busy = machine.store.pending.length > 0
        machine.crash(c % 2 === 1)
        if (busy) this.count(c % 2 === 1 ? 'crash after a write' : 'crash before a write')
        return `${name} crashes${busy ? ` ${c % 2 === 1 ? 'after' : 'before'} a write` : ''}`
      }
      case 'backup':
        machine.backup = new Map(machine.disk)
        return `${name} makes a backup`
      case 'restore':
        if (!this.plan.restores || machine.index !== this.plan.restores - 1 || machine.restored) return undefined
        machine.crash(false)
        machine.disk = new Map(machine.backup)
        machine.restored = true
        this.#forget(machine)
        return `${name} comes back with an old backup`
      case 'tick':
        machine.tick()
        return `${name} ticks`
      case 'clock':
        machine.skew = ((c % 60) - 30) * 3_600_000
        return `${name}'s clock is ${(c % 60) - 30} h off`
      case 'rpc':
        machine.view!.fail(1 + (c % 2))
        return `${name}'s RPC fails`
      case 'remember':
        machine.remember()
        return `${name} remembers its states`
      case 'cheat':
        if (!this.#plays('cheat', machine)) return undefined
        return this.#cheat(machine)
      case 'vanish':
        if (!this.#plays('silent', machine)) return undefined
        machine.crash(false)
        machine.gone = true
        return `${name} vanishes`
      case 'dial':
        node.connect(`sim:${peer.name}`).catch(ignore)
        return `${name} dials ${peer.name}`
      case 'deliver':
      case 'drop':
      case 'duplicate':
      case 'swap': {
        const busy = machine.busy()
        if (busy.length === 0) return undefined
        this.#deliver(machine, busy[c % busy.length]!, kind)
        return `${kind} at ${name}`
      }
      default:
        return undefined
    }
  }

  /** Its owner challenges, or answers, with what it remembers, past its own node. */
  #cheat(machine: Machine): string | undefined {
    let done: string | undefined
    for (const { channel, states, channelId } of machine.remembered) {
      const shown = states.map(({ state, signatures }) => ({
        state,
        signatures: signatures.map((signature) => encodeEnvelope({ kind: 'direct', signature })),
      }))
      const args = [toHex(encodeChannel(channel)), COIN, toHex(encodeStates(shown))]
      const intent = `cheat/${channelId}/${this.now}`
      this.chain.broadcast(intent, () =>
        this.chain.call(machine.owner, { to: 'adjudicator', functionName: 'submit', args }),
      )
      done = `${machine.name} submits old states`
    }
    return done
  }

  // ---------------------------------------------------------------- locks and invoices

  #lock(payer: Machine, payee: Machine, edge: Edge, amount: bigint): string {
    const secret = sha256(utf8ToBytes(`${this.plan.seed}/${this.locks.length}`))
    const key = secretKey({ chainId: this.chain.domain.chainId, condition: REGISTRY }, secret)
    const deadline = this.chain.tip.head.timestamp + 1_500n
    const states = { id: undefined, given: false, taken: false, returned: false, due: false, asked: false }
    const lock: Lock = { edge, payer, payee, amount, secret, deadline, ...states }
    this.locks.push(lock)
    payer.node.lock(edge.channelId, { amount, deadline, key }).then(
      (id) => {
        lock.id = id
        this.count('lock final')
      },
      () => {},
    )
    return `${payer.name} locks ${amount} for ${payee.name}`
  }

  #resolve(kind: 'unlock' | 'cancel' | 'askCancel' | 'askUnlock' | 'reveal', c: number): string | undefined {
    const lock = this.locks[c % Math.max(1, this.locks.length)]
    if (!lock?.id) return undefined
    const { payer, payee, edge, id } = lock
    const { channelId } = edge
    const ignore = () => {}
    if (kind === 'reveal') {
      lock.given = true
      lock.due = this.#has(payee, lock) && payee.store.pending.length === 0
      this.#reveal(lock.secret, 'secret revealed')
      return `secret of ${payer.name}'s lock revealed`
    }
    const ends = kind === 'unlock' || kind === 'cancel'
    if (!this.#has(ends ? payer : payee, lock)) return undefined
    try {
      if (kind === 'askCancel') {
        // Whoever has the money already does not give it up.
        if (lock.given) return undefined
        lock.returned = true
        payee.node.askCancel(channelId, id)
      } else if (kind === 'cancel' && !(lock.returned && lock.asked)) return undefined
      else if (kind === 'askUnlock') payee.node.askUnlock(channelId, id)
      else if (kind === 'cancel') payer.node.cancel(channelId, id).then(() => this.count('cancel final'), ignore)
      else {
        lock.given = true
        payer.node.unlock(channelId, id).then(() => {
          lock.taken = true
          this.count('unlock final')
        }, ignore)
      }
    } catch {
      return undefined
    }
    return `${ends ? payer.name : payee.name}: ${kind}`
  }

  /** Its secret was revealed in time. */
  isDecided({ secret, deadline }: Lock): boolean {
    const key = secretKey({ chainId: this.chain.domain.chainId, condition: REGISTRY }, secret)
    const { recordedAt } = this.chain.outcomes([key], this.chain.final)[0]!
    return recordedAt > 0n && recordedAt <= deadline
  }

  #has = ({ down, node }: Machine, { edge, id }: Lock): boolean =>
    !down && node.transfers(edge.channelId).some((one) => one.id === id)

  /** The way along the line between two machines. */
  #routeOf(from: number, to: number): Route | undefined {
    const step = from < to ? 1 : -1
    const edges: Edge[] = []
    for (let at = from; at !== to; at += step) {
      const edge = this.edges.find(
        ({ ends }) => ends.some((e) => e.index === at) && ends.some((e) => e.index === at + step),
      )
      if (!edge) return undefined
      edges.push(edge)
    }
    const hops = edges.slice(1).map(({ channelId }, i) => {
      const { node, down } = this.machines[from + step * (i + 1)]!
      return { onionKey: down ? undefined : node.onionKey, channelId, fee: 2n }
    })
    if (hops.some(({ onionKey }) => onionKey === undefined)) return undefined
    return { channelId: edges[0]!.channelId, hops: hops as Route['hops'] }
  }

  async #invoice(a: number, b: number, c: number): Promise<string | undefined> {
    const ends = c % 3 === 0 ? [a % this.machines.length, b % this.machines.length] : [0, this.machines.length - 1]
    const [from, to] = a % 5 === 0 ? ends.reverse() : ends
    const [payer, payee] = [this.machines[from!]!, this.machines[to!]!]
    const route = from === to ? undefined : this.#routeOf(from!, to!)
    if (!route || payer.down || payee.down) return undefined
    const amount = BigInt(1 + (c % 800))
    const asking = payee.node.invoice({ amount, seconds: 7_200n }).catch(() => undefined)
    for (let i = 0; i < 20; i++) {
      await drain()
      if (payee.store.pending.length > 0) payee.store.finish(true)
    }
    const signed = await Promise.race([asking, drain()])
    if (!signed || payer.down || payee.down) return undefined
    const mode = b % 3 === 0 ? 'plain' : 'sprites'
    const cost = amount + 2n * BigInt(route.hops.length)
    const id = toHex(invoiceDigest(this.chain.domain, signed.invoice))
    const bill: Bill = { payer, payee, id, signed, amount, cost, proof: undefined, failure: undefined }
    this.bills.push(bill)
    this.#pay(payer.node, bill, route, mode)
    this.count(`invoice ${mode}, ${route.hops.length} hops`)
    return `${payer.name} pays an invoice of ${payee.name} over ${amount}, ${mode}`
  }

  #pay(node: Node, bill: Bill, route: Route, mode: 'plain' | 'sprites'): void {
    node.payInvoice(bill.signed, { route, mode, seconds: LOCKED }).then(
      (proof) => {
        bill.proof = proof
        this.count('invoice paid')
      },
      (error: { readonly code?: unknown }) => {
        bill.failure = error.code
        this.count('invoice failed')
      },
    )
  }

  // ---------------------------------------------------------------- end

  /** Calm: everybody but who vanished is there, and stays until every deadline is over. */
  async calm(): Promise<void> {
    this.#cut.clear()
    this.chain.faults.delay = 0
    this.chain.faults.late = false
    const isPending = () =>
      this.machines.some((machine) => !machine.down && this.edges.some((edge) => this.#isPending(machine, edge)))
    for (let round = 0; round < 60; round++) {
      await this.pass(round < 4 ? 5 : 110)
      if (round === 3 && this.plan.hostile?.kind === 'late') this.#fighting = false
      this.#settleLocks()
      if (round > 4 && !isPending() && !this.#carries() && this.chain.pool.length === 0) break
    }
    this.#fighting = false
  }

  /** Somebody still carries a part of a payment. */
  #carries = (): boolean =>
    this.machines.some(({ down, disk }) => !down && [...disk.keys()].some((key) => key.startsWith(PARTS)))

  #isPending(machine: Machine, { channelId, ends }: Edge): boolean {
    if (!ends.includes(machine)) return false
    const { disputedUntil } = machine.node.balances(channelId)
    return machine.node.transfers(channelId).length > 0 || disputedUntil !== undefined
  }

  /** Users end what they locked: by its outcome, or when its time is over. */
  #settleLocks(): void {
    const { timestamp } = this.chain.final.head
    for (const lock of this.locks) {
      const { payer, payee, id, edge, deadline } = lock
      if (payer.down || !id || !payer.node.transfers(edge.channelId).some((one) => one.id === id)) continue
      const ignore = () => {}
      if (this.isDecided(lock)) payer.node.unlock(edge.channelId, id).catch(ignore)
      else if (lock.returned && lock.asked) payer.node.cancel(edge.channelId, id).catch(ignore)
      else if (timestamp > deadline && !payee.down && this.#has(payee, lock)) {
        lock.returned = true
        payee.node.askCancel(edge.channelId, id)
      }
    }
  }

  /** Everybody leaves: together, or by a dispute. */
  async leave(): Promise<void> {
    for (const { ends, channelId } of this.edges) {
      const [leaver] = this.#leavers(ends)
      leaver?.node.close(channelId, { validFor: 300 }).catch(() => {})
    }
    for (let round = 0; round < 8 && !this.isEmpty(); round++) await this.pass(60)
    for (let attempt = 0; attempt < 3 && !this.isEmpty(); attempt++) {
      for (const { ends, channelId } of this.edges)
        if (this.#left(channelId) > 0n)
          this.#leavers(ends)
            .at(-(attempt % 2))
            ?.node.dispute(channelId)
            .catch(() => {})
      for (let round = 0; round < 16 && !this.isEmpty(); round++) await this.pass(110)
    }
    for (let round = 0; round < 12 && this.reserved() > 0n; round++) await this.pass(400)
  }

  /** Who can leave, those first who know what they signed. */
  #leavers(ends: Edge['ends']): Machine[] {
    const rank = (machine: Machine) => Number(!this.isHonest(machine)) + Number(machine.restored)
    return ends.filter(({ down }) => !down).sort((a, b) => rank(a) - rank(b))
  }

  isEmpty = (): boolean => this.edges.every(({ channelId }) => this.#left(channelId) === 0n)

  #left(channelId: ChannelId): bigint {
    const { balances, dispute } = this.chain.entry({ channelId, asset: COIN })
    return balances[0] + balances[1] + (dispute ? 1n : 0n)
  }

  /** What the chain holds for members, in ledgers. */
  held(): bigint {
    return this.edges.reduce((sum, { channelId }) => {
      const { balances } = this.chain.entry({ channelId, asset: COIN })
      return sum + balances[0] + balances[1]
    }, 0n)
  }

  deposited(machine?: Machine): bigint {
    let sum = 0n
    for (const { ends, channelId } of this.edges)
      for (const end of ends) {
        const other = ends[0] === end ? ends[1] : ends[0]
        if (machine && machine !== end) continue
        sum += this.chain.tip.paidIn.get(`${channelId}/${end.signer < other.signer ? 0 : 1}`) ?? 0n
      }
    return sum
  }

  paidOut = (): bigint => this.machines.reduce((sum, { owner }) => sum + this.chain.paidTo(owner), 0n)

  /** What settlements keep for transfers. */
  reserved(): bigint {
    return this.deposited() - this.paidOut() - this.held()
  }
}

export const REGISTRY: Address = `0x${'4e'.repeat(20)}`
const linkOf = (a: { readonly name: string }, b: { readonly name: string }): string => [a.name, b.name].sort().join('-')
