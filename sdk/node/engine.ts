import type { Chain } from '../chain/chain.ts'
import type { Address, Channel, ChannelId, Domain, State } from '../core/types.ts'
import { blankLane, type ChainFacts, type Ledger } from '../protocols/ledger.ts'
import { stepLedger } from '../protocols/machine.ts'
import { type LedgerMessage, type Message, PeerViolationError, type Updates } from '../protocols/messages.ts'
import type { OpeningPolicy } from '../protocols/opening.ts'
import { encodeEntry } from '../protocols/record.ts'
import {
  type BlockedCode,
  BlockedError,
  blocked,
  InsufficientBalanceError,
  MAX_UNACKED,
  MAX_UNACKED_BYTES,
  spendable,
  unackedBytes,
} from '../protocols/solvency.ts'
import type { LedgerEffect, LedgerEvent } from '../protocols/step.ts'
import { decodeMessage } from '../protocols/wire.ts'
import { verifySignature } from '../signing/signature.ts'
import type { SessionSigner } from '../signing/signer.ts'
import type { OwnerWallet } from '../signing/wallet.ts'
import type { Store } from '../storage/store.ts'
import type { Transport } from '../transport/transport.ts'
import { onAbort } from './abort.ts'
import { Book, channelRecord, idRecord, ledgerRecord } from './book.ts'
import type { Caller } from './calls.ts'
import { ChainDesk } from './chain-desk.ts'
import type { Clock } from './clock.ts'
import { NodeStoppedError, StoreFailedError } from './errors.ts'
import { Emitter } from './events.ts'
import { readLane, stateAt } from './history.ts'
import { Journal } from './journal.ts'
import { historyKey, idKey } from './keys.ts'
import { News } from './news.ts'
import { Openings } from './openings.ts'
import { FRAME_BYTES, FRAME_UPDATES, Outbox } from './outbox.ts'
import { type Peer, Peers } from './peers.ts'
import type { Order } from './queue.ts'
import type { ChannelEntry, Slot } from './slot.ts'

export interface EngineOptions {
  readonly domain: Domain
  readonly signer: SessionSigner
  readonly owner: Address
  readonly wallet: OwnerWallet | undefined
  readonly chain: Chain
  readonly store: Store
  readonly transports: readonly Transport[]
  readonly clock: Clock
  readonly policy: OpeningPolicy
  /** Most payments under one signature. */
  readonly maxPerSignature: number
}

/** Updates of one ledger that one commit holds: enough to share its fsync, few enough that the peer can begin. */
const UPDATES_PER_TURN = 32
/** Bytes of operations in one update. */
const UPDATE_BYTES = 1 << 17
/** Below this the window counts as full, rather than being filled with ever smaller updates. */
const LEAST_BYTES = 1 << 12

/** Views in a row that may be older than the newest one and are left aside. */
const LATE_VIEWS = 3

/** Codes that pass by themselves: orders wait for it. */
const PASSING: ReadonlySet<BlockedCode> = new Set(['PEER_NOT_SYNCED', 'CHAIN_VIEW_STALE', 'WINDOW_FULL'])

/**
 * event → step → persist → effects, for all ledgers of a node. Everything happens in turns: take what arrived, sign what
 * may be signed, commit, then let it leave. While a commit runs, what arrives waits for the next turn, so that the
 * slower the disk the larger the groups.
 */
export class Engine {
  readonly book: Book
  readonly peers: Peers
  readonly openings: Openings
  readonly emitter = new Emitter()
  readonly news: News
  readonly desk: ChainDesk
  readonly caller: Caller
  readonly options: EngineOptions
  readonly #journal: Journal
  readonly #outbox: Outbox
  /** Peers with frames to read. */
  readonly #loud = new Set<Peer>()
  /** Ledgers that may have something to sign. */
  readonly #touched = new Set<Slot>()
  /** Ledgers to write with the next commit; and those that may wait for one that is needed anyway. */
  readonly #dirty = new Set<Slot>()
  readonly #lazy = new Set<Slot>()
  #scheduled = false
  #fresh = false
  #halted: Error | undefined
  #ticks = 0
  /** Rejections of those who wait for the chain. */
  readonly #waiting = new Set<(error: unknown) => void>()

  constructor(options: EngineOptions) {
    const { store, domain, signer, owner, transports, clock, chain } = options
    this.options = options
    this.book = new Book({ store, domain, signer: signer.address, verify: verifySignature })
    this.#journal = new Journal(
      store,
      () => this.#durable(),
      (error) => this.halt(new StoreFailedError(error)),
    )
    const handler = {
      online: (peer: Peer) => this.#online(peer),
      offline: (peer: Peer, reason: Error | undefined) => this.#offline(peer, reason),
      frames: (peer: Peer) => this.#frames(peer),
      knows: (peer: Peer) => [...this.book.slotsOf(peer.signer)].length > 0,
    }
    this.peers = new Peers({ domain, signer: signer.address, owner, transports, clock, handler })
    this.openings = new Openings(this)
    this.news = new News(this.emitter, clock)
    this.#outbox = new Outbox(this.peers)
    const caller = {
      sender: () => chain.sender,
      signer,
      wallet: options.wallet,
      channel: (channelId: string) => this.book.channels.get(channelId as ChannelId)?.channel,
    }
    this.caller = caller
    this.desk = new ChainDesk(chain, caller, clock, {
      facts: (slot, facts) => this.observe(slot, facts),
      failed: (slot, effect, error) => this.news.chainFailed(slot, effect, error),
    })
  }

  /** Reads the store and follows the chain; disputes that began meanwhile are answered before any peer is heard. */
  async start(): Promise<void> {
    const { chain } = this.options
    await this.book.load()
    chain.onView = (view) => {
      const slot = this.book.slot(view)
      if (slot) this.observe(slot, view)
    }
    chain.onHealth = (healthy, reason) => this.healthy(healthy, reason)
    chain.onAlarm = (error) => this.emitter.emit({ kind: 'alarm', error })
    for (const slot of this.book.slots) {
      chain.watch(slot.ledger)
      const { peer, address } = slot.entry
      if (address !== undefined) this.peers.peer(peer).address = address
    }
    await chain.start()
    this.healthy(true, undefined)
    await Promise.all([...this.book.slots].map((slot) => this.desk.refresh(slot)))
  }

  /** Hangs up, makes everything durable and leaves the chain. */
  async stop(reason: Error): Promise<void> {
    await this.settle()
    this.halt(reason)
    this.emitter.close()
    await this.options.chain.stop()
  }

  /** Starts a dispute and waits until it runs. */
  async dispute(slot: Slot, signal?: AbortSignal): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      slot.onDisputeFailed = reject
    })
    try {
      this.dispatch(slot, { kind: 'dispute' })
      const { generation } = slot.ledger
      const runs = ({ latest }: ChainFacts) => latest.phase === 'disputed' || latest.generation > generation
      await Promise.race([failed, this.until(slot, runs, signal)])
    } finally {
      slot.onDisputeFailed = undefined
    }
  }

  /** Throws why this node does nothing any more. */
  assertRunning(): void {
    if (this.#halted) throw this.#halted
  }

  /** Feeds one event to a ledger and takes down what follows. Throws for a caller's misuse. */
  dispatch(slot: Slot, event: LedgerEvent): void {
    this.assertRunning()
    const before = slot.ledger
    const { next, effects } = stepLedger(before, event, slot.terms)
    slot.ledger = next
    this.#note(slot, before, next)
    for (const effect of effects) this.#take(slot, effect)
    this.#touched.add(slot)
    this.wake()
  }

  /** Decides whether a change must be durable before anything else happens. */
  #note(slot: Slot, before: Ledger, next: Ledger): void {
    if (
      before.own.newest !== next.own.newest ||
      before.peer !== next.peer ||
      before.generation !== next.generation ||
      before.inFlight !== next.inFlight ||
      before.frozen !== next.frozen ||
      before.doubtful !== next.doubtful
    )
      this.#dirty.add(slot)
    // A peer shows its acknowledgement again at the next sync, and an older one never costs this side anything.
    else if (before.own !== next.own) this.#lazy.add(slot)
  }

  #take(slot: Slot, effect: LedgerEffect): void {
    switch (effect.kind) {
      case 'sign':
        // At once: a signature leaves only after the commit that holds what was signed.
        this.dispatch(slot, {
          kind: 'signed',
          what: effect.what,
          signature: this.options.signer.sign(effect.digest),
        })
        return
      case 'record': {
        const key = historyKey(slot.number, slot.ledger.generation, effect.lane, effect.version)
        const { signature, operations } = effect
        this.#journal.write(key, encodeEntry({ time: this.options.clock.now(), signature, operations }))
        return
      }
      case 'violation':
        this.peers.fail(this.peers.peer(slot.entry.peer), effect.error)
        return
      default:
        this.#journal.after(() => this.#perform(slot, effect))
    }
  }

  #perform(slot: Slot, effect: Exclude<LedgerEffect, { kind: 'sign' | 'record' | 'violation' }>): void {
    switch (effect.kind) {
      case 'send': {
        const peer = this.peers.all.get(slot.entry.peer)
        // Whoever is offline is told at the next sync.
        if (peer?.online) this.#outbox.push(peer, effect.message, slot)
        return
      }
      case 'resend':
        void this.#resend(slot, effect.from)
        return
      case 'notify':
        this.news.tell(slot, effect.news)
        return
      case 'lookup':
        void this.#lookup(slot, effect.versions)
        return
      default:
        void this.desk.perform(slot, effect)
    }
  }

  /** A ledger may have something to sign. */
  touch(slot: Slot): void {
    this.#touched.add(slot)
    this.wake()
  }

  /** Asks for a turn. */
  wake(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#turn()
    })
  }

  #turn(): void {
    if (this.#journal.busy || this.#halted) return
    this.#hear()
    this.#sign()
    this.#commit()
  }

  #commit(): void {
    if (this.#dirty.size > 0) {
      for (const slot of this.#lazy) this.#dirty.add(slot)
      this.#lazy.clear()
      for (const slot of this.#dirty) {
        const { key, value } = ledgerRecord(slot)
        this.#journal.write(key, value)
      }
      this.#dirty.clear()
    }
    this.#journal.flush()
  }

  #durable(): void {
    this.#outbox.flush()
    if (this.#loud.size > 0 || this.#touched.size > 0 || this.#dirty.size > 0 || !this.#journal.isEmpty) this.wake()
  }

  /** Writes records that do not belong to a ledger with the next commit, and calls back once they are durable. */
  persist(writes: readonly { readonly key: string; readonly value: Uint8Array | null }[], after: () => void): void {
    for (const { key, value } of writes) this.#journal.write(key, value)
    this.#journal.after(after)
    this.wake()
  }

  #frames(peer: Peer): void {
    if (peer.inbox.length > 0) this.#loud.add(peer)
    // A connection that has drained may carry what its ledgers wait to sign.
    else for (const slot of this.book.slotsOf(peer.signer)) this.#touched.add(slot)
    this.wake()
  }

  #hear(): void {
    const loud = [...this.#loud]
    this.#loud.clear()
    for (const peer of loud) {
      try {
        for (const message of merged(this.peers.take(peer).map(decodeMessage))) {
          if (!peer.online) break
          this.#answer(peer, message)
        }
      } catch (error) {
        const cause =
          error instanceof PeerViolationError
            ? error
            : new PeerViolationError('it sent what cannot be read', { cause: error })
        this.peers.fail(peer, cause)
      }
    }
  }

  #answer(peer: Peer, message: Message): void {
    switch (message.kind) {
      case 'hello':
        throw new PeerViolationError('it greets twice')
      case 'open':
      case 'opened':
      case 'refused':
        this.peers.spend(peer)
        this.openings.hear(peer, message)
        return
      default:
        this.#answerLedger(peer, message)
        return
    }
  }

  #answerLedger(peer: Peer, message: LedgerMessage): void {
    const slot = this.book.slot(message)
    // It may know a channel that was never confirmed to be open here.
    if (!slot) {
      this.peers.spend(peer)
      return
    }
    if (slot.entry.peer !== peer.signer) throw new PeerViolationError('it speaks about a channel of others')
    // Judged by the newest block: what is known of the chain may be old where nothing happened.
    if (message.kind === 'propose') {
      this.peers.spend(peer)
      const { connection } = peer
      void this.desk.refresh(slot).then(() => {
        if (peer.connection === connection && !this.#halted) this.dispatch(slot, { kind: 'message', message })
      })
      return
    }
    const before = slot.ledger
    this.dispatch(slot, { kind: 'message', message })
    const { own, peer: theirs } = slot.ledger
    if (before.peer.newest === theirs.newest && before.own.acked === own.acked) this.peers.spend(peer)
  }

  #sign(): void {
    const touched = [...this.#touched]
    this.#touched.clear()
    for (const slot of touched) {
      if (slot.ledger.peer.newest !== slot.ledger.peer.acked) this.dispatch(slot, { kind: 'acknowledge' })
      if (slot.queue.first) this.#pay(slot)
      this.#touched.delete(slot)
      if (slot.queue.first && this.#mayPay(slot)) this.#touched.add(slot)
    }
  }

  #mayPay(slot: Slot): boolean {
    const { ledger } = slot
    const room = MAX_UNACKED_BYTES - unackedBytes(ledger)
    if (blocked(ledger) || slot.resending || ledger.unacked.length >= MAX_UNACKED || room < LEAST_BYTES) return false
    return this.peers.all.get(slot.entry.peer)?.full === false
  }

  #pay(slot: Slot): void {
    const code = blocked(slot.ledger)
    if (code && !PASSING.has(code)) {
      for (const order of slot.queue.clear()) order.reject(new BlockedError(code))
      return
    }
    for (let updates = 0; updates < UPDATES_PER_TURN && slot.queue.first && this.#mayPay(slot); updates++) {
      const bytes = Math.min(UPDATE_BYTES, MAX_UNACKED_BYTES - unackedBytes(slot.ledger))
      const available = spendable(slot.ledger, slot.ledger.me)
      const taken = slot.queue.take({ payments: this.options.maxPerSignature, bytes }, available)
      if (!taken) {
        const order = slot.queue.first
        if (order.total - order.paid <= available) return
        slot.queue.shift()
        order.reject(new InsufficientBalanceError(available, order.total - order.paid))
        continue
      }
      try {
        this.dispatch(slot, { kind: 'pay', operations: taken.operations })
      } catch (error) {
        for (const order of taken.orders) order.reject(error)
        return
      }
      this.#enter(slot, taken.orders)
    }
  }

  #enter(slot: Slot, orders: readonly Order[]): void {
    const { version } = slot.ledger.own.newest
    for (const order of orders) {
      if (order.first === 0n) order.first = version
      order.last = version
      order.generation = slot.ledger.generation
      if (order.index) this.#journal.write(idKey(slot.number, order.index), idRecord(slot.ledger.generation, order))
      if (order.taken < order.amounts.length) continue
      slot.await(order)
      this.#journal.after(() => order.resolve('signed'))
    }
  }

  /** Sends recorded updates again, from version `from` on. */
  async #resend(slot: Slot, from: bigint): Promise<void> {
    if (slot.resending) return
    slot.resending = true
    try {
      const { generation, me } = slot.ledger
      const peer = this.peers.all.get(slot.entry.peer)
      const connection = peer?.connection
      const here = () => peer?.connection === connection && peer?.online && slot.ledger.generation === generation
      let updates: Updates['updates'][number][] = []
      let bytes = 0
      const send = async () => {
        if (!peer || !here()) return false
        const { channelId, asset } = slot.ledger
        this.peers.send(peer, { kind: 'updates', channelId, asset, generation, updates, ack: undefined })
        updates = []
        bytes = 0
        if (peer.full) await connection?.drained()
        return here()
      }
      for await (const { version, entry } of readLane(
        this.options.store,
        { number: slot.number, generation, lane: me },
        from,
      )) {
        const { operations, signature } = entry
        if (!signature) break
        if (updates.length >= FRAME_UPDATES || bytes + operations.length > FRAME_BYTES) if (!(await send())) return
        updates.push({ version, signature, operations })
        bytes += operations.length
      }
      if (updates.length > 0) await send()
    } catch (error) {
      this.#readFailed(error)
    } finally {
      slot.resending = false
      this.#touched.add(slot)
      this.wake()
    }
  }

  async #lookup(slot: Slot, versions: readonly [bigint, bigint]): Promise<void> {
    const { generation } = slot.ledger
    const states: State[] = []
    try {
      for (const lane of [0, 1] as const) {
        if (versions[lane] === 0n) continue
        const blank = blankLane(slot.ledger, generation, lane).newest
        const state = await stateAt(
          this.options.store,
          { number: slot.number, generation, lane },
          blank,
          versions[lane],
        )
        if (state) states.push(state)
      }
      if (slot.ledger.generation === generation) this.dispatch(slot, { kind: 'shown', states })
    } catch (error) {
      this.#readFailed(error)
    }
  }

  #readFailed(error: unknown): void {
    if (!this.#halted) this.halt(new StoreFailedError(error))
  }

  /** Takes these assets of a channel to work; `done` once they are durable. */
  addLedgers(entry: ChannelEntry, assets: readonly Address[], done: () => void, doubtful = false): void {
    this.#journal.write(channelRecord(entry).key, channelRecord(entry).value)
    for (const asset of assets) {
      if (this.book.slot({ channelId: entry.channelId, asset })) continue
      const slot = this.book.place(entry, asset)
      slot.ledger = { ...slot.ledger, doubtful }
      this.#dirty.add(slot)
      this.options.chain.watch(slot.ledger)
      this.dispatch(slot, { kind: 'fresh', fresh: this.#fresh })
      void this.desk.refresh(slot)
      if (this.peers.all.get(entry.peer)?.online) this.dispatch(slot, { kind: 'connected' })
    }
    this.#journal.after(done)
    this.wake()
  }

  /** Takes a channel that only the chain remembers to work, with those of `assets` that were ever used in it. */
  async restore(channelId: ChannelId, channel: Channel, assets: readonly Address[]): Promise<boolean> {
    const views = await Promise.all(assets.map((asset) => this.options.chain.view({ channelId, asset })))
    const used = views.filter(
      ({ latest, latestBalances }) =>
        latest.generation > 0 || latest.phase !== 'open' || latestBalances.some((each) => each !== 0n),
    )
    if (used.length === 0) return false
    const entry = this.book.enter(channelId, channel, undefined)
    const found = used.map(({ asset }) => asset)
    await new Promise<void>((resolve) => this.addLedgers(entry, found, resolve, true))
    this.emitter.emit({ kind: 'opened', channelId, peer: entry.peer, assets: found })
    return true
  }

  /** A new view of the chain. */
  observe(slot: Slot, facts: ChainFacts): void {
    if (this.#halted) return
    const before = slot.ledger.facts
    // Looks overlap, so an older one may arrive late. One that insists is a chain that was rolled back.
    const isLate = before !== undefined && facts.head.number < before.head.number
    slot.lateViews = isLate ? slot.lateViews + 1 : 0
    if (isLate && slot.lateViews <= LATE_VIEWS) return
    slot.lateViews = 0
    this.dispatch(slot, { kind: 'facts', facts })
    this.news.observed(slot, before, facts)
    for (const watcher of slot.watchers) watcher(facts)
  }

  /** Waits for a view of the chain that satisfies `isDone`. */
  async until(slot: Slot, isDone: (facts: ChainFacts) => boolean, signal?: AbortSignal): Promise<void> {
    this.assertRunning()
    signal?.throwIfAborted()
    if (slot.ledger.facts && isDone(slot.ledger.facts)) return
    await new Promise<void>((resolve, reject) => {
      const settle = (outcome: () => void) => {
        slot.watchers.delete(watcher)
        this.#waiting.delete(fail)
        forget()
        outcome()
      }
      const watcher = (facts: ChainFacts) => {
        if (isDone(facts)) settle(resolve)
      }
      const fail = (error: unknown) => settle(() => reject(error))
      const forget = onAbort(signal, fail)
      slot.watchers.add(watcher)
      this.#waiting.add(fail)
    })
  }

  /** Waits for the next tick, or sooner for news about this ledger's chain view. */
  async pause(slot: Slot, signal?: AbortSignal): Promise<void> {
    const { facts } = slot.ledger
    const ticks = this.#ticks
    await this.until(slot, (seen) => seen !== facts || this.#ticks !== ticks, signal)
  }

  /** The view of the chain became stale or fresh. */
  healthy(fresh: boolean, reason: string | undefined): void {
    if (this.#halted || this.#fresh === fresh) return
    this.#fresh = fresh
    for (const slot of this.book.slots) this.dispatch(slot, { kind: 'fresh', fresh })
    this.emitter.emit({ kind: 'chain', healthy: fresh, reason })
  }

  #online(peer: Peer): void {
    if (this.#halted) return
    for (const slot of this.book.slotsOf(peer.signer)) this.dispatch(slot, { kind: 'connected' })
    this.emitter.emit({ kind: 'connected', peer: peer.signer })
  }

  #offline(peer: Peer, reason: Error | undefined): void {
    if (this.#halted) return
    for (const slot of this.book.slotsOf(peer.signer)) this.dispatch(slot, { kind: 'disconnected' })
    this.openings.lost(peer, reason)
    if (reason instanceof PeerViolationError) this.emitter.emit({ kind: 'alarm', error: reason })
    this.emitter.emit({ kind: 'disconnected', peer: peer.signer, reason })
  }

  /** A moment has passed: remind peers, look at the chain where time matters, dial again, write what was put off. */
  tick(): void {
    if (this.#halted) return
    this.#ticks++
    for (const slot of this.book.slots) {
      if (this.#waitsForTime(slot)) void this.desk.refresh(slot)
      if (this.peers.all.get(slot.entry.peer)?.online && isDue(slot)) this.dispatch(slot, { kind: 'remind' })
    }
    for (const slot of this.#lazy) this.#dirty.add(slot)
    this.#lazy.clear()
    this.peers.tick()
    this.wake()
  }

  #waitsForTime({ ledger, watchers }: Slot): boolean {
    const { facts, inFlight } = ledger
    if (!facts || inFlight || watchers.size > 0) return true
    return facts.latest.phase === 'disputed' || facts.latest.generation !== ledger.generation
  }

  /** Nothing more is signed or sent: the store has failed, or the node is stopped. */
  halt(error: Error): void {
    if (this.#halted) return
    this.#halted = error
    this.desk.stop()
    this.peers.stop()
    for (const slot of this.book.slots) slot.giveUp(error)
    this.openings.stop(error)
    this.news.stop(error)
    for (const fail of this.#waiting) fail(error)
    if (!(error instanceof NodeStoppedError)) this.emitter.emit({ kind: 'alarm', error })
  }

  /** Waits until what was promised is durable. */
  async settle(): Promise<void> {
    for (const slot of this.#lazy) this.#dirty.add(slot)
    this.#lazy.clear()
    await this.#journal.idle()
    if (this.#halted) return
    this.#turn()
    await this.#journal.idle()
  }
}

/** Reminders: after one quiet tick, then ever more seldom. */
function isDue(slot: Slot): boolean {
  const { linked, missed, unacked, inFlight, own } = slot.ledger
  const waits = !linked || missed || unacked.length > 0 || inFlight?.stage === 'proposed'
  if (!waits || slot.pace.version !== own.acked.version) {
    slot.pace = { version: own.acked.version, quiet: 0 }
    return false
  }
  slot.pace.quiet++
  // 1, 2, 4, 8, ... ticks, at most 32 apart.
  return Number.isInteger(Math.log2(slot.pace.quiet)) || slot.pace.quiet % 32 === 0
}

/** Joins updates of one ledger that stand side by side, so that only the newest signature of all is checked. */
function merged(messages: readonly Message[]): Message[] {
  const joined: Message[] = []
  for (const message of messages) {
    const last = joined.at(-1)
    if (message.kind !== 'updates' || last?.kind !== 'updates' || !sameLedger(last, message)) joined.push(message)
    else joined[joined.length - 1] = join(last, message)
  }
  return joined
}

const sameLedger = (a: Updates, b: Updates): boolean =>
  a.channelId === b.channelId && a.asset === b.asset && a.generation === b.generation

const join = (first: Updates, second: Updates): Updates => ({
  ...second,
  updates: [...first.updates, ...second.updates],
  ack: second.ack ?? first.ack,
})
