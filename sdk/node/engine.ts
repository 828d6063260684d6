import { toHex } from '../core/bytes.ts'
import { ZERO_HASH } from '../core/state.ts'
import type { Address, ChannelId } from '../core/types.ts'
import type { Ledger } from '../protocols/ledger.ts'
import { stepLedger } from '../protocols/machine.ts'
import { PeerViolationError } from '../protocols/messages.ts'
import { encodeEntry } from '../protocols/record.ts'
import type { LedgerEffect, LedgerEvent, LedgerNews } from '../protocols/step.ts'
import { verifySignature } from '../signing/signature.ts'
import { Apps } from './apps/apps.ts'
import type { Caller } from './chain/calls.ts'
import { ChainDesk } from './chain/chain-desk.ts'
import { Lookout } from './chain/lookout.ts'
import { Redeemer } from './chain/redeemer.ts'
import type { EngineOptions } from './engine-options.ts'
import { NodeStoppedError, StoreFailedError } from './errors.ts'
import { Emitter } from './events.ts'
import { Groups } from './groups/groups.ts'
import type { Carried } from './hops/carried.ts'
import { Intake } from './hops/intake.ts'
import { Outcomes } from './hops/outcomes.ts'
import { Payee } from './hops/payee.ts'
import { Payer } from './hops/payer.ts'
import { Swaps } from './hops/swaps.ts'
import { Switch } from './hops/switch.ts'
import { Journal } from './journal.ts'
import { historyKey } from './keys.ts'
import { Book, channelRecord, ledgerRecord } from './ledgers/book.ts'
import { Cashier } from './ledgers/cashier.ts'
import type { ChannelEntry, Slot } from './ledgers/slot.ts'
import { News } from './news.ts'
import { Hearing } from './peers/hearing.ts'
import { Inbound } from './peers/inbound.ts'
import { Openings } from './peers/openings.ts'
import { Outbox } from './peers/outbox.ts'
import { type Peer, Peers } from './peers/peers.ts'
import { Replay } from './peers/replay.ts'
import { Revoking } from './peers/revoking.ts'
import { Sales } from './peers/sales.ts'
import { Gossip } from './routes/gossip.ts'
import { Rebalancer } from './routes/rebalancer.ts'

/**
 * event → step → persist → effects, for all ledgers of a node. Everything happens in turns: take what arrived, sign what
 * may be signed, commit, then let it leave. While a commit runs, what arrives waits for the next turn, so that the
 * slower the disk the larger the groups.
 */
export class Engine {
  readonly options: EngineOptions
  readonly book: Book
  readonly peers: Peers
  readonly journal: Journal
  readonly caller: Caller
  readonly desk: ChainDesk
  readonly emitter = new Emitter()
  readonly news: News
  readonly openings = new Openings(this)
  readonly lookout = new Lookout(this)
  readonly redeemer = new Redeemer(this)
  readonly revoking = new Revoking(this)
  readonly switch: Switch
  readonly payee: Payee
  readonly payer = new Payer(this)
  readonly swaps = new Swaps(this)
  readonly outcomes = new Outcomes(this)
  readonly groups = new Groups(this)
  readonly apps = new Apps(this)
  readonly gossip: Gossip
  readonly inbound = new Inbound(this)
  readonly sales: Sales
  readonly rebalancer: Rebalancer
  readonly #hearing = new Hearing(this)
  readonly #cashier = new Cashier(this)
  readonly #replay = new Replay(this)
  readonly #outbox: Outbox
  /** Peers with frames to read. */
  readonly #loud = new Set<Peer>()
  /** Ledgers that may have something to sign. */
  readonly #touched = new Set<Slot>()
  /** Ledgers to write with the next commit; and those that may wait for one that is needed anyway. */
  readonly #dirty = new Set<Slot>()
  readonly #lazy = new Set<Slot>()
  #scheduled = false
  /** Why nothing more is done. */
  halted: Error | undefined

  constructor(options: EngineOptions) {
    const { store, domain, signer, owner, transports, clock, chain, wallet } = options
    this.options = options
    this.book = new Book({ store, domain, signer: signer.address, verify: verifySignature })
    this.journal = new Journal(
      store,
      clock,
      () => this.#durable(),
      (error) => this.halt(new StoreFailedError(error)),
    )
    const handler = {
      online: (peer: Peer) => this.#online(peer),
      offline: (peer: Peer, reason: Error | undefined) => this.#offline(peer, reason),
      frames: (peer: Peer) => this.#frames(peer),
      knows: (peer: Peer) =>
        this.book.shares(peer.signer) || this.groups.shares(peer.signer) || this.apps.shares(peer.signer),
    }
    this.peers = new Peers({ domain, signer: signer.address, owner, transports, clock, handler })
    this.#outbox = new Outbox(this.peers)
    this.switch = new Switch(this, options.forwarding)
    this.sales = new Sales(this, options.inbound)
    this.rebalancer = new Rebalancer(this, options.rebalance)
    this.payee = new Payee(this, options.onionKey ? toHex(options.onionKey.publicKey) : ZERO_HASH)
    if (options.onionKey) this.switch.intake = new Intake(this, this.switch, options.onionKey, this.payee.scalarFor)
    this.switch.owner = {
      failed: (carried) => {
        this.payer.failed(carried)
        this.swaps.over(carried)
      },
      over: (carried) => this.#over(carried),
      offered: (carried) => this.outcomes.offered(carried),
      isHeld: (carried, word) => this.outcomes.isHeld(carried, word),
      wished: (carried, value) => this.outcomes.wished(carried, value),
    }
    this.gossip = new Gossip(this, options.gossip)
    this.news = new News(this.emitter, clock)
    const channel = (channelId: string) =>
      (this.book.channels.get(channelId as ChannelId) ?? this.groups.entry(channelId as ChannelId))?.channel
    this.caller = { sender: () => chain.sender, outcomes: (keys) => chain.outcomes(keys), signer, wallet, channel }
    this.desk = new ChainDesk(chain, this.caller, clock, {
      facts: (slot, facts) => this.lookout.observe(slot, facts),
      failed: (slot, effect, error) => this.news.chainFailed(slot, effect, error),
    })
  }

  /** Reads the store and follows the chain; disputes that began meanwhile are answered before any peer is heard. */
  async start(): Promise<void> {
    await this.book.load()
    for (const { peer, address } of this.book.channels.values())
      if (address !== undefined) this.peers.peer(peer).address = address
    await this.groups.load()
    await this.redeemer.load()
    await this.switch.load()
    await this.payee.load()
    await this.payer.load()
    await this.swaps.load()
    this.outcomes.load()
    await this.apps.load()
    await this.sales.load()
    await this.inbound.orders.load()
    await this.lookout.start()
    await this.switch.look()
    await this.sales.resume()
  }

  /** Makes everything durable, hangs up and leaves the chain. */
  async stop(reason: Error): Promise<void> {
    this.#hurry()
    await this.journal.idle()
    this.#turn()
    await this.journal.idle()
    this.halt(reason)
    this.emitter.close()
    await this.options.chain.stop()
  }

  /** Throws why this node does nothing any more. */
  assertRunning(): void {
    if (this.halted) throw this.halted
  }

  /** Feeds one event to a ledger and takes down what follows. Throws for a caller's misuse. */
  dispatch(slot: Slot, event: LedgerEvent): void {
    this.assertRunning()
    const before = slot.ledger
    const { next, effects } = stepLedger(before, event, slot.terms)
    slot.ledger = next
    this.#note(slot, before, next)
    for (const effect of effects) this.#take(slot, effect)
    this.touch(slot)
  }

  /** Decides whether a change must be durable before anything else happens. */
  #note(slot: Slot, before: Ledger, next: Ledger): void {
    const isUrgent =
      before.own.newest !== next.own.newest ||
      before.peer !== next.peer ||
      before.asks !== next.asks ||
      before.generation !== next.generation ||
      before.inFlight !== next.inFlight ||
      before.frozen !== next.frozen ||
      before.doubtful !== next.doubtful
    if (isUrgent) this.#dirty.add(slot)
    // A peer shows its acknowledgement again at the next sync, and an older one never costs this side anything.
    else if (before.own !== next.own) this.#lazy.add(slot)
  }

  #take(slot: Slot, effect: LedgerEffect): void {
    switch (effect.kind) {
      case 'sign': {
        // At once: a signature leaves only after the commit that holds what was signed.
        const signature = this.options.signer.sign(effect.digest)
        this.dispatch(slot, { kind: 'signed', what: effect.what, signature })
        return
      }
      case 'record': {
        const { lane, version, signature, operations } = effect
        const key = historyKey(slot.number, slot.ledger.generation, lane, version)
        this.journal.write(key, encodeEntry({ time: this.options.clock.now(), signature, operations }))
        return
      }
      case 'reserve':
        this.redeemer.begin(slot, effect.generation)
        return
      case 'violation':
        this.peers.fail(this.peers.peer(slot.entry.peer), effect.error)
        return
      case 'notify':
        // At once, so that what follows from it for other ledgers is in the same commit.
        this.#tellSwitch(slot, effect.news)
        this.journal.after(() => this.#perform(slot, effect))
        return
      default:
        this.journal.after(() => this.#perform(slot, effect))
    }
  }

  /** Whatever goes wrong with a part, the ledger goes on. */
  #tellSwitch(slot: Slot, news: LedgerNews): void {
    slot.hear(news)
    if (news.kind === 'disputed') this.sales.disputed(slot)
    try {
      this.switch.hear(slot, news)
    } catch (error) {
      this.emitter.emit({ kind: 'alarm', error: error as Error })
    }
  }

  #perform(slot: Slot, effect: Exclude<LedgerEffect, { kind: 'sign' | 'record' | 'reserve' | 'violation' }>): void {
    switch (effect.kind) {
      case 'send': {
        const peer = this.peers.all.get(slot.entry.peer)
        // Whoever is offline is told at the next sync.
        if (peer?.online) this.#outbox.push(peer, effect.message, slot)
        return
      }
      case 'notify':
        this.news.tell(slot, effect.news)
        return
      case 'resend':
        void this.#replay.resend(slot, effect.from)
        return
      case 'lookup':
        void this.#replay.lookup(slot, effect.versions)
        return
      default:
        void this.desk.perform(slot, effect)
    }
  }

  /** Calls back once everything written so far is durable. */
  whenDurable(slot: Slot, action: () => void): void {
    this.journal.after(action)
    this.touch(slot)
  }

  /** Calls back once everything written so far is durable. */
  durably(action: () => void): void {
    this.journal.after(action)
    this.wake()
  }

  #over(carried: Carried): void {
    if (carried.part.mode === 'outcome') this.outcomes.over(carried)
    else if (carried.outgoing && !carried.incoming) this.payer.over(carried)
    else if (carried.incoming && !carried.outgoing) this.payee.gone(carried)
    else this.payee.delivered(carried)
    if (!carried.incoming || !carried.outgoing) this.swaps.over(carried)
    this.wake()
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
    if (this.journal.busy || this.halted) return
    for (const peer of this.#loud) {
      this.#loud.delete(peer)
      this.#hearing.hear(peer)
    }
    for (const slot of [...this.#touched]) {
      const more = this.#cashier.serve(slot)
      if (!more) this.#touched.delete(slot)
    }
    this.#commit()
  }

  #commit(): void {
    if (this.#dirty.size > 0) this.#hurry()
    for (const slot of this.#dirty) {
      const { key, value } = ledgerRecord(slot)
      this.journal.write(key, value)
    }
    this.#dirty.clear()
    this.groups.store()
    this.journal.flush()
  }

  /** What was put off goes with the next commit. */
  #hurry(): void {
    for (const slot of this.#lazy) this.#dirty.add(slot)
    this.#lazy.clear()
  }

  #durable(): void {
    this.#outbox.flush()
    if (this.#loud.size > 0 || this.#touched.size > 0 || this.#dirty.size > 0 || !this.journal.isEmpty) this.wake()
  }

  /** Takes these assets of a channel to work, some of them in doubt; `done` once they are durable. */
  addLedgers(entry: ChannelEntry, assets: readonly Address[], doubtful: readonly Address[], done: () => void): void {
    const { key, value } = channelRecord(entry)
    this.journal.write(key, value)
    for (const asset of assets) {
      if (this.book.slot({ channelId: entry.channelId, asset })) continue
      const slot = this.book.place(entry, asset)
      slot.ledger = { ...slot.ledger, doubtful: doubtful.includes(asset) }
      this.#dirty.add(slot)
      this.options.chain.watch(slot.ledger)
      this.dispatch(slot, { kind: 'fresh', fresh: this.lookout.fresh })
      void this.desk.refresh(slot)
      if (this.peers.all.get(entry.peer)?.online) this.dispatch(slot, { kind: 'connected' })
    }
    this.journal.after(done)
    this.wake()
  }

  #frames(peer: Peer): void {
    if (peer.inbox.length > 0) this.#loud.add(peer)
    // A connection that has drained may carry what its ledgers wait to sign.
    else for (const slot of this.book.slotsOf(peer.signer)) this.#touched.add(slot)
    this.wake()
  }

  #online(peer: Peer): void {
    if (this.halted) return
    for (const slot of this.book.slotsOf(peer.signer)) this.dispatch(slot, { kind: 'connected' })
    this.groups.met(peer)
    this.apps.met(peer)
    this.revoking.met(peer)
    this.emitter.emit({ kind: 'connected', peer: peer.signer })
  }

  #offline(peer: Peer, reason: Error | undefined): void {
    if (this.halted) return
    for (const slot of this.book.slotsOf(peer.signer)) this.dispatch(slot, { kind: 'disconnected' })
    this.openings.lost(peer, reason)
    this.gossip.lost(peer)
    this.inbound.questions.lost(peer, reason)
    this.swaps.questions.lost(peer, reason)
    this.groups.joining.lost(peer, reason)
    if (reason instanceof PeerViolationError) this.emitter.emit({ kind: 'alarm', error: reason })
    this.emitter.emit({ kind: 'disconnected', peer: peer.signer, reason })
  }

  /** A moment has passed: look at the chain where time matters, remind peers, dial again, write what was put off. */
  tick(): void {
    if (this.halted) return
    this.lookout.tick()
    this.groups.tick()
    this.redeemer.tick()
    this.switch.tick()
    this.payee.tick()
    this.payer.tick()
    this.outcomes.tick()
    this.apps.tick()
    this.gossip.tick()
    this.rebalancer.tick()
    if (this.switch.view) {
      this.sales.tick(this.switch.view.confirmed)
      this.inbound.orders.tick(this.switch.view.confirmed)
    }
    for (const slot of this.book.slots)
      if (this.peers.all.get(slot.entry.peer)?.online && slot.isQuiet()) this.dispatch(slot, { kind: 'remind' })
    this.#hurry()
    this.peers.tick()
    this.wake()
  }

  /** Nothing more is signed or sent: the store has failed, or the node is stopped. */
  halt(error: Error): void {
    if (this.halted) return
    this.halted = error
    this.desk.stop()
    this.peers.stop(error)
    for (const slot of this.book.slots) slot.giveUp(error)
    this.openings.stop(error)
    this.inbound.questions.stop(error)
    this.news.stop(error)
    this.payer.stop(error)
    this.swaps.stop(error)
    this.outcomes.stop(error)
    this.apps.stop(error)
    this.groups.stop(error)
    this.lookout.stop(error)
    if (!(error instanceof NodeStoppedError)) this.emitter.emit({ kind: 'alarm', error })
  }
}
