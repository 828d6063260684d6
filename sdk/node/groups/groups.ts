import { memberBySigner } from '../../core/channel.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Address, Channel, ChannelId, Hex, LedgerRef } from '../../core/types.ts'
import type { Joint, JointEffect, JointEvent, JointNews, Round, Wish } from '../../protocols/joint.ts'
import { stepJoint } from '../../protocols/joint-machine.ts'
import {
  decodeGroupMessage,
  decodeRecorded,
  encodeGroupMessage,
  encodeRecorded,
  type GroupMessage,
  type Pace,
  type RecordedRound,
} from '../../protocols/joint-wire.ts'
import type { ChainFacts } from '../../protocols/ledger.ts'
import { PeerViolationError } from '../../protocols/messages.ts'
import { verifySignature } from '../../signing/signature.ts'
import { wasUsed } from '../chain/lookout.ts'
import type { Engine } from '../engine.ts'
import { GroupStalledError } from '../errors.ts'
import { GROUPS, generationOf, roundKey, roundsOf } from '../keys.ts'
import { UnknownChannelError } from '../ledgers/book.ts'
import type { Peer } from '../peers/peers.ts'
import { goOn } from './going-on.ts'
import { planGroup } from './group-calls.ts'
import { type GroupEntry, GroupSlot, groupRecord, holdsMoney, readGroup } from './group-slot.ts'
import { Joining } from './joining.ts'
import { judgedOf, tellTransfers } from './locking.ts'

/** The groups of a node: their protocol, what they send and store, and who joins them. */
export class Groups {
  readonly #engine: Engine
  readonly joining: Joining
  readonly #slots = new Map<ChannelId, GroupSlot>()
  /** To write with the next commit. */
  readonly #dirty = new Set<GroupSlot>()
  /** With wishes that no round was asked for yet. */
  readonly #eager = new Set<GroupSlot>()

  constructor(engine: Engine) {
    this.#engine = engine
    this.joining = new Joining(engine, this)
  }

  get slots(): IterableIterator<GroupSlot> {
    return this.#slots.values()
  }

  slot({ channelId, asset }: LedgerRef): GroupSlot | undefined {
    const slot = this.#slots.get(channelId)
    return slot?.entry.asset === asset ? slot : undefined
  }

  /** Throws `UnknownChannelError`. */
  group(channelId: ChannelId): GroupSlot {
    const slot = this.#slots.get(`${channelId}`.toLowerCase() as ChannelId)
    if (!slot) throw new UnknownChannelError(channelId)
    return slot
  }

  find(channelId: ChannelId): GroupSlot | undefined {
    return this.#slots.get(channelId)
  }

  entry(channelId: ChannelId): GroupEntry | undefined {
    return this.#slots.get(channelId)?.entry
  }

  has(channelId: ChannelId): boolean {
    return this.#slots.has(channelId)
  }

  /** Whether a peer is a member of any group here. */
  shares(peer: Address): boolean {
    return [...this.slots].some(({ entry }) => memberBySigner(entry.channel, peer) !== undefined)
  }

  async load(): Promise<void> {
    const { store, signer, domain } = this.#engine.options
    for await (const [, bytes] of store.list(GROUPS)) {
      const slot = readGroup(bytes, signer.address, domain, verifySignature)
      this.#slots.set(slot.entry.channelId, slot)
      this.#dialMembers(slot)
    }
  }

  /** A new group, or one that is known already; `done` once it is durable. */
  enter(entry: GroupEntry, done: (slot: GroupSlot) => void): GroupSlot {
    const { domain, chain } = this.#engine.options
    const known = this.#slots.get(entry.channelId)
    const slot = known ?? new GroupSlot(entry, domain, verifySignature)
    this.#slots.set(entry.channelId, slot)
    this.#dirty.add(slot)
    if (!known) {
      chain.watch(slot.ledger)
      this.#dialMembers(slot)
      this.dispatch(slot, { kind: 'fresh', fresh: this.#engine.lookout.fresh })
      void this.#engine.desk.refresh(slot)
      for (const member of entry.channel.members.keys())
        if (member !== entry.me && this.#peerOf(slot, member)?.online)
          this.dispatch(slot, { kind: 'connected', member })
    }
    this.#engine.durably(() => {
      if (!known) this.#tellOpened(slot)
      done(slot)
    })
    return slot
  }

  #tellOpened({ entry }: GroupSlot): void {
    const { channelId, asset, channel } = entry
    const members = channel.members.map(({ signer }) => signer)
    this.#engine.emitter.emit({ kind: 'group-opened', channelId, asset, members, follows: entry.follows })
  }

  #dialMembers({ entry }: GroupSlot): void {
    for (const [member, { signer }] of entry.channel.members.entries()) {
      const address = entry.addresses[member]
      if (member === entry.me || !address) continue
      const peer = this.#engine.peers.peer(signer)
      peer.address ??= address
    }
  }

  #peerOf(slot: GroupSlot, member: number): Peer | undefined {
    return this.#engine.peers.all.get(slot.signerOf(member))
  }

  /** Marks what the user or going on changed to be stored. */
  keep(slot: GroupSlot): void {
    this.#dirty.add(slot)
    this.#engine.wake()
  }

  /** Takes what a user asks for; a round is asked for once for all that is asked for in one turn. Throws as `dispatch` does. */
  wish(slot: GroupSlot, wishes: readonly Wish[]): void {
    this.dispatch(slot, { kind: 'wish', wishes })
    this.#eager.add(slot)
  }

  /** Takes how a user agrees that a transfer ends, and says so to all. Throws as `dispatch` does. */
  resolve(slot: GroupSlot, id: Hex, values: readonly bigint[]): void {
    this.dispatch(slot, { kind: 'resolve', id, values })
    this.#eager.add(slot)
  }

  /** Writes what changed into the commit that gathers. */
  store(): void {
    for (const slot of this.#eager) this.dispatch(slot, { kind: 'declare' })
    this.#eager.clear()
    for (const slot of this.#dirty) {
      const { key, value } = groupRecord(slot)
      this.#engine.journal.write(key, value)
    }
    this.#dirty.clear()
  }

  /** Feeds one event to a group and takes down what follows. Throws for a caller's misuse. */
  dispatch(slot: GroupSlot, event: JointEvent): void {
    this.#engine.assertRunning()
    const before = slot.ledger
    const { next, effects } = stepJoint({ ...before, now: this.#engine.options.clock.elapsed() }, event, slot.terms)
    slot.ledger = next
    if (isChanged(before, next)) this.#dirty.add(slot)
    for (const effect of effects) this.#take(slot, effect)
    this.#engine.wake()
  }

  #take(slot: GroupSlot, effect: JointEffect): void {
    switch (effect.kind) {
      case 'sign': {
        // At once: a signature leaves only after the commit that holds what was signed.
        const signature = this.#engine.options.signer.sign(effect.digest)
        this.dispatch(slot, { kind: 'signed', what: effect.what, signature })
        return
      }
      case 'record':
        this.#record(effect.round, false)
        return
      case 'reserve':
        this.#engine.redeemer.begin(slot, effect.generation)
        return
      case 'notify':
        if (effect.news.kind === 'final') this.#record(effect.news.round, true)
        this.#engine.journal.after(() => this.#tell(slot, effect.news))
        return
      default:
        this.#engine.journal.after(() => this.#perform(slot, effect))
    }
  }

  #record(round: Round, final: boolean): void {
    const { channelId, generation, version } = round.state
    const time = this.#engine.options.clock.now()
    this.#engine.journal.write(roundKey(channelId, generation, version), encodeRecorded({ round, time, final }))
  }

  /** What became final in a group, oldest first. */
  async *rounds({ entry }: GroupSlot): AsyncGenerator<RecordedRound> {
    for await (const [key, bytes] of this.#engine.options.store.list(roundsOf(entry.channelId))) {
      const recorded = decodeRecorded(bytes, entry, generationOf(key))
      if (recorded.final) yield recorded
    }
  }

  /** What this member signed, or was shown complete. */
  async recorded({ entry }: GroupSlot, generation: number, version: bigint): Promise<Round | undefined> {
    const bytes = await this.#engine.options.store.get(roundKey(entry.channelId, generation, version))
    return bytes && decodeRecorded(bytes, entry, generation).round
  }

  async #lookup(slot: GroupSlot, version: bigint): Promise<void> {
    const found = await this.recorded(slot, slot.ledger.generation, version)
    if (found && !this.#engine.halted) this.dispatch(slot, { kind: 'shown', rounds: [found] })
  }

  /** Asks the registry; what it does not answer now is asked again. */
  async #judge(slot: GroupSlot, keys: readonly Hex[]): Promise<void> {
    const judged = await judgedOf(this.#engine.options.chain, keys).catch(() => undefined)
    if (judged && !this.#engine.halted) this.dispatch(slot, { kind: 'judged', judged })
  }

  #perform(slot: GroupSlot, effect: Exclude<JointEffect, { kind: 'sign' | 'record' | 'reserve' | 'notify' }>): void {
    switch (effect.kind) {
      case 'send': {
        const { channelId, generation } = slot.ledger
        const body = encodeGroupMessage({ kind: 'joint', channelId, generation, message: effect.message })
        const { me, channel } = slot.entry
        for (const member of channel.members.keys())
          if (member !== me && (effect.to ?? member) === member) this.#sendTo(this.#peerOf(slot, member), body)
        return
      }
      case 'lookup':
        void this.#lookup(slot, effect.version)
        return
      case 'judge':
        void this.#judge(slot, effect.keys)
        return
      default:
        void this.#onChain(slot, effect)
    }
  }

  async #onChain(
    slot: GroupSlot,
    effect: Extract<JointEffect, { kind: 'submit' | 'settle' | 'execute' }>,
  ): Promise<void> {
    const { chain } = this.#engine.options
    try {
      const { call, options } = await planGroup(slot, effect, this.#engine.caller)
      await this.#engine.desk.once(options.intent, slot, (signal) => chain.send(call, { ...options, signal }))
    } catch (error) {
      // Another member may have been faster; if not, it is tried again.
      if (!this.#engine.halted) this.#engine.emitter.emit({ kind: 'alarm', error: error as Error })
    }
  }

  #sendTo(peer: Peer | undefined, body: Uint8Array): void {
    if (peer?.online) this.#engine.peers.send(peer, { kind: 'group', body })
  }

  say(peer: Peer | undefined, message: GroupMessage): void {
    this.#sendTo(peer, encodeGroupMessage(message))
  }

  #tell(slot: GroupSlot, news: JointNews): void {
    const { channelId, asset } = slot.ledger
    const { emitter } = this.#engine
    const ref = { channelId, asset }
    switch (news.kind) {
      case 'final':
        this.#tellRound(slot, news.round)
        return
      case 'void':
        // What was asked for is asked for again by itself.
        return
      case 'stalled': {
        const missing = news.missing.map((member) => slot.signerOf(member))
        emitter.emit({ kind: 'stalled', ...ref, missing })
        slot.giveUp(new GroupStalledError(missing))
        return
      }
      case 'asked':
        emitter.emit({
          kind: 'asked',
          ...ref,
          id: news.id,
          resolution: { kind: 'unlock', values: news.values },
          proof: NO_PROOF,
        })
        return
      case 'frozen':
        emitter.emit({ kind: 'frozen', ...ref, known: news.known, proved: news.proved })
        return
      case 'disputed':
        emitter.emit({ kind: 'disputed', ...ref, expiry: news.expiry })
        return
      case 'withdrawn':
      case 'expired':
        for (const { resolve } of slot.ordering) resolve(news.kind === 'withdrawn')
        slot.ordering.clear()
        if (news.kind === 'expired') emitter.emit({ kind: 'expired', ...ref })
        else emitter.emit({ kind: 'withdrawn', ...ref, withdrawal: news.withdrawal })
        return
      case 'ended':
        this.#ended(slot, news)
    }
  }

  #tellRound(slot: GroupSlot, round: Round): void {
    const { payments, state } = round
    const { channelId, asset } = slot.ledger
    const told = payments.map(({ from, id, to, amount }) => {
      return { from: slot.signerOf(from), to: slot.signerOf(to), id, amount }
    })
    this.#engine.emitter.emit({ kind: 'round', channelId, asset, version: state.version, payments: told })
    tellTransfers(this.#engine, slot, round)
    for (const { from, id, amount } of payments)
      if (from === slot.entry.me) this.#decided(slot, id, amount, state.version)
    for (const { id, transfer } of round.locks)
      if (transfer.refundTo === slot.entry.me) this.#decided(slot, id, transfer.amount, state.version)
    for (const resolution of round.resolutions) slot.resolved(resolution, state.version)
  }

  #decided(slot: GroupSlot, id: Hex, amount: bigint, version: bigint): void {
    const waiter = slot.wishing.get(id)
    slot.wishing.delete(id)
    waiter?.resolve(amount, version)
  }

  #ended(slot: GroupSlot, { generation, disputed, paid }: Extract<JointNews, { kind: 'ended' }>): void {
    const { channelId, asset, named, generation: next } = slot.ledger
    this.#engine.emitter.emit({ kind: 'ended', channelId, asset, generation, next })
    slot.giveUp(new GroupStalledError((named ?? []).map((member) => slot.signerOf(member))))
    slot.endedAt = this.#engine.options.clock.elapsed()
    if (!disputed || !named || slot.goOn === 0n) return
    slot.funds = paid < slot.goOn ? paid : slot.goOn
    this.keep(slot)
  }

  /** What a member says. */
  hear(peer: Peer, body: Uint8Array): void {
    const message = decodeGroupMessage(body, (channelId) => this.#slots.get(channelId)?.entry.asset)
    if (!message) {
      this.#engine.peers.spend(peer)
      return
    }
    if (message.kind === 'joint') this.#hearJoint(peer, message)
    else {
      this.#engine.peers.spend(peer, INVITATION)
      if (message.kind === 'invite') this.joining.invited(peer, message)
      else this.joining.answered(peer, message)
    }
  }

  #hearJoint(peer: Peer, { channelId, generation, message }: Extract<GroupMessage, { kind: 'joint' }>): void {
    const slot = this.#slots.get(channelId)!
    const from = memberBySigner(slot.entry.channel, peer.signer)
    if (from === undefined || from === slot.entry.me) throw new PeerViolationError('it speaks about a group of others')
    const before = slot.ledger
    // What an ended generation was about is void.
    if (generation !== before.generation) {
      this.#engine.peers.spend(peer)
      return
    }
    this.dispatch(slot, { kind: 'message', from, message })
    // It may have joined later than this node, and what was said before is lost.
    if (!before.readies.has(from) && slot.ledger.readies.has(from))
      this.dispatch(slot, { kind: 'connected', member: from })
    if (isIdle(before, slot.ledger, from)) this.#engine.peers.spend(peer)
    // Views come when something changes, and an order is judged by the time of the newest: it is said again.
    if (message.kind === 'order' && !slot.ledger.order) void this.#engine.desk.refresh(slot)
    this.#gather(slot)
  }

  /** Speaks to whoever was not heard yet. */
  #call(slot: GroupSlot): void {
    const { channel, me } = slot.entry
    for (const member of channel.members.keys())
      if (member !== me && !slot.ledger.readies.has(member) && this.#peerOf(slot, member)?.online)
        this.dispatch(slot, { kind: 'connected', member })
  }

  #gather(slot: GroupSlot): void {
    const { ledger, entry } = slot
    if (slot.gathered || ledger.readies.size < entry.channel.members.length - 1) return
    const isHeard = [...entry.channel.members.keys()].every(
      (member) => member === entry.me || ledger.readies.has(member),
    )
    if (!isHeard) return
    slot.gathered = true
    this.keep(slot)
  }

  /** Takes a group that only the chain remembers to work, with the first of `assets` that was ever used in it; false: none that is new here. */
  async restore(channelId: ChannelId, channel: Channel, assets: readonly Address[]): Promise<boolean> {
    if (this.#slots.has(channelId)) return false
    const { chain, signer } = this.#engine.options
    const views = await Promise.all(assets.map((asset) => chain.view({ channelId, asset })))
    const asset = views.find(wasUsed)?.asset
    if (asset === undefined) return false
    const me = memberBySigner(channel, signer.address)!
    const addresses = channel.members.map(({ signer: peer }) => this.#engine.peers.all.get(peer)?.address ?? '')
    const entry = { channelId, channel, asset, me, pace: DEFAULT_PACE, addresses, follows: ZERO_HASH }
    await new Promise<void>((resolve) => {
      const slot = this.enter(entry, () => resolve())
      slot.ledger = { ...slot.ledger, restored: true }
    })
    return true
  }

  observe(slot: GroupSlot, facts: ChainFacts): void {
    this.dispatch(slot, { kind: 'facts', facts })
  }

  fresh(fresh: boolean): void {
    for (const slot of this.slots) this.dispatch(slot, { kind: 'fresh', fresh })
  }

  /** A peer is there again. */
  met(peer: Peer): void {
    for (const slot of this.slots) {
      const member = memberBySigner(slot.entry.channel, peer.signer)
      if (member !== undefined) this.dispatch(slot, { kind: 'connected', member })
    }
  }

  tick(): void {
    const now = this.#engine.options.clock.elapsed()
    for (const slot of this.slots) {
      this.dispatch(slot, { kind: 'tick', now })
      if (!slot.gathered) this.#call(slot)
      if (waitsForTime(slot)) void this.#engine.desk.refresh(slot)
      goOn(this.#engine, slot)
    }
  }

  stop(error: Error): void {
    for (const slot of this.slots) slot.giveUp(error)
    this.joining.stop(error)
  }
}

/** Of a group whose own pace is forgotten. */
export const DEFAULT_PACE: Pace = { patience: 5_000, limit: 120_000 }

/** What an invitation, or an answer to one, costs of a peer's allowance. */
const INVITATION = 10

const NO_PROOF = new Uint8Array(0)

/** Whether anything that is stored has changed. */
const isChanged = (before: Joint, after: Joint): boolean =>
  before.complete !== after.complete ||
  before.signed !== after.signed ||
  before.untold !== after.untold ||
  before.order !== after.order ||
  before.restored !== after.restored ||
  before.named !== after.named ||
  before.generation !== after.generation

/** Whether a message of a member brought nothing new. */
const isIdle = (before: Joint, after: Joint, from: number): boolean =>
  before.complete === after.complete &&
  before.signed === after.signed &&
  before.votes === after.votes &&
  before.order === after.order &&
  before.readies.get(from)?.attempt === after.readies.get(from)?.attempt

/** Views come when something changes; disputes and withdrawals also have to hear that time has passed. */
function waitsForTime({ ledger, watchers }: GroupSlot): boolean {
  const { facts, order, named } = ledger
  if (!facts || order || watchers.size > 0 || (named && holdsMoney(facts))) return true
  return facts.latest.phase === 'disputed' || facts.latest.generation !== ledger.generation
}
