import { channelIdOf } from '../../core/channel.ts'
import type { Address, ChannelId, Hex } from '../../core/types.ts'
import type { GossipMessage, More, NewsBatch } from '../../protocols/messages.ts'
import { MAX_NEWS } from '../../protocols/wire.ts'
import type { News, PolicyNews } from '../../routing/gossip.ts'
import { encodeNews, parseNews } from '../../routing/gossip-wire.ts'
import { DEFAULT_LIMITS, type GraphLimits, type KeptNews } from '../../routing/graph.ts'
import type { Engine } from '../engine.ts'
import type { Slot } from '../ledgers/slot.ts'
import type { Peer } from '../peers/peers.ts'
import { Announcer } from './announcer.ts'
import { capacityOf, RoutingTable } from './table.ts'

// Gossip runs beside payments and gives way to them. A peer is sent one small batch for each one that it asks for, and asks for the next
// when it has checked the last: whoever is slow is told less, and nothing piles up but the newest news about each thing. What one's own
// channels say is signed at ticks, at most once an interval each.

/** What a node tells of itself, and how much it listens to. */
export interface GossipOptions {
  /** Whether its channels are announced, if the peer's node agrees, so that strangers pay over them. Default: if it forwards. */
  readonly announces: boolean
  /** Where strangers can dial it, the best first. */
  readonly addresses: readonly string[]
  readonly limits: GraphLimits
}

/** How much is known of the channels of an asset. */
export interface NetworkSummary {
  readonly nodes: number
  readonly channels: number
  /** Those of the channels that are announced. */
  readonly announced: number
}

/** As users give them; see {@link GossipOptions}. */
export type GossipSettings = Partial<Omit<GossipOptions, 'limits'>> & { readonly limits?: Partial<GraphLimits> }

/** Bytes of one batch. */
const BATCH_BYTES = 8_192
/** Milliseconds until a peer is asked again for what the chain did not show, at first and at last. */
const FIRST_PAUSE = 1_000
const LAST_PAUSE = 3_600_000
/** Pieces that are looked up at once, and checked at a stretch. */
const SLICE = 8
/** Pieces that may wait for a peer before it is told everything anew. */
const MAX_PENDING = 8_192
/** Seconds that news may take through the network. */
const SLACK = 3_600
/** What a forged piece of news costs of a peer's allowance. */
const FORGERY = 100
/** What one costs that the chain does not bear out: the RPC was asked in vain. An honest peer may have heard of a channel earlier, or late. */
const UNBACKED = 10

/** What one connected peer was told and asked for. */
interface Ear {
  /** The rest of what was known when it first asked. */
  past: Iterator<KeptNews> | undefined
  /** The newest news since, by what it is about. */
  readonly pending: Map<string, Uint8Array>
  /** It waits for a batch. */
  waits: boolean
  /** Batches that this node asked for and did not get. */
  asked: number
  /** Assets that this node had when it asked from the beginning. */
  assets: number
  /** Whether the last batch was one of few news: it has told all that it knew. */
  caughtUp: boolean
  /** How often it told of channels that the chain did not show, and when it is asked for them again, in milliseconds. */
  doubts: number
  askAt: number | undefined
}

/** Tells peers about channels and nodes, and listens to them. */
export class Gossip {
  readonly #engine: Engine
  readonly #options: GossipOptions
  readonly #tables = new Map<Address, RoutingTable>()
  readonly #ears = new Map<Peer, Ear>()
  readonly #announcer: Announcer
  /** When a peer was lost, in seconds. */
  readonly #lost = new Map<Address, number>()
  #ticks = 0

  constructor(engine: Engine, { announces, addresses = [], limits }: GossipSettings) {
    this.#engine = engine
    const { forwarding, onionKey } = engine.options
    this.#options = {
      // Nobody can pay over a node that opens no onions.
      announces: (announces ?? forwarding.forwards) && onionKey !== undefined,
      addresses,
      limits: { ...DEFAULT_LIMITS, ...limits },
    }
    this.#announcer = new Announcer(engine, this.#options, this)
  }

  /** The channels of an asset, with own ledgers as they are now; undefined: this node has no channel in it. */
  table(asset: Address): RoutingTable | undefined {
    this.#enterAll()
    return this.#tables.get(asset)
  }

  /** What a node's layers of onions are sealed with, as it says in whatever asset. */
  onionKeyOf(node: Address): Hex | undefined {
    for (const { graph } of this.#tables.values()) {
      const news = graph.nodeNews(node)
      if (news) return news.onionKey
    }
    return undefined
  }

  isAnnounced = (asset: Address, channelId: ChannelId): boolean =>
    this.#tables.get(asset)?.graph.edgeOf(channelId, 0) !== undefined

  /** The node with an onion key. */
  nodeWith(onionKey: Hex): Address | undefined {
    for (const { graph } of this.#tables.values()) {
      const node = graph.nodeWith(onionKey)
      if (node) return node
    }
    return undefined
  }

  summary(asset: Address): NetworkSummary {
    const table = this.table(asset)
    const { nodeCount: nodes = 0, channelCount: channels = 0 } = table?.network ?? {}
    return { nodes, channels, announced: channels - (table?.unannounced ?? 0) }
  }

  tableOf(asset: Address): RoutingTable {
    const known = this.#tables.get(asset)
    if (known) return known
    const table = new RoutingTable(this.#engine.options.domain, asset, this.#options.limits)
    this.#tables.set(asset, table)
    return table
  }

  /** An own ledger as it is now. */
  enter(slot: Slot): void {
    this.tableOf(slot.ledger.asset).enter(slot, capacityOf(slot), this.#engine.switch.available(slot))
  }

  #enterAll(): void {
    for (const slot of this.#engine.book.slots) this.enter(slot)
  }

  /** Seconds since 1970. */
  get now(): number {
    return Math.floor(this.#engine.options.clock.now() / 1_000)
  }

  #ear(peer: Peer): Ear {
    const known = this.#ears.get(peer)
    if (known) return known
    const ear: Ear = {
      past: undefined,
      pending: new Map(),
      waits: false,
      asked: 0,
      assets: 0,
      caughtUp: false,
      doubts: 0,
      askAt: undefined,
    }
    this.#ears.set(peer, ear)
    return ear
  }

  /** A connection is gone. */
  lost(peer: Peer): void {
    const ear = this.#ears.get(peer)
    this.#ears.delete(peer)
    if (ear?.caughtUp) this.#lost.set(peer.signer, this.now)
    this.#announcer.lost(peer)
  }

  /** A peer said something. What it says without a channel costs it its allowance: strangers are not listened to. */
  hear(peer: Peer, message: GossipMessage): void {
    const { book, peers } = this.#engine
    if (message.kind === 'more') {
      this.#begin(peer, message)
      return
    }
    const ear = this.#ear(peer)
    if (!book.shares(peer.signer) || (message.kind === 'news' && ear.asked === 0)) peers.spend(peer, FORGERY)
    else if (message.kind === 'announce') this.#announcer.cosign(peer, message)
    else void this.#take(peer, ear, message)
  }

  #begin(peer: Peer, { since }: More): void {
    const ear = this.#ear(peer)
    ear.waits = true
    this.#engine.peers.spend(peer, since === undefined ? 1 : FORGERY)
    if (since !== undefined) ear.past = this.#past(since)
    // What is new waits for others that are told with it.
    if (ear.past && peer.online) this.#serve(peer, ear)
  }

  *#past(since: number): Generator<KeptNews> {
    // Peers must know how to wrap an onion for this node even if nobody else does.
    if (this.#announcer.self) yield this.#announcer.self
    for (const table of this.#tables.values())
      for (const kept of table.graph.kept(since)) if (isTold(table, kept.news)) yield kept
  }

  /** Sends a peer the batch that it asked for, if there is anything to tell. */
  #serve(peer: Peer, ear: Ear): void {
    if (!ear.waits || peer.full || !this.#engine.book.shares(peer.signer)) return
    const frames: Uint8Array[] = []
    let bytes = 0
    const add = (frame: Uint8Array) => {
      frames.push(frame)
      bytes += frame.length
    }
    const fits = () => bytes < BATCH_BYTES && frames.length < MAX_NEWS
    while (ear.past && fits()) {
      const next = ear.past.next()
      if (next.done) ear.past = undefined
      else add(next.value.frame)
    }
    for (const [key, frame] of ear.pending) {
      if (!fits()) break
      ear.pending.delete(key)
      add(frame)
    }
    if (frames.length === 0) return
    ear.waits = false
    this.#engine.peers.send(peer, { kind: 'news', frames })
  }

  async #take(peer: Peer, ear: Ear, { frames }: NewsBatch): Promise<void> {
    ear.asked--
    ear.caughtUp = frames.reduce((sum, { length }) => sum + length, 0) < BATCH_BYTES / 2
    const { connection } = peer
    const isHere = () => !this.#engine.halted && peer.connection === connection
    for (let from = 0; from < frames.length; from += SLICE) {
      const some = frames.slice(from, from + SLICE)
      const backed = await Promise.all(some.map((frame) => this.#isBacked(frame)))
      if (!isHere()) return
      if (backed.some((each) => !each)) this.#doubt(ear)
      // Paid for before more is asked of the RPC.
      this.#engine.peers.spend(peer, UNBACKED * backed.filter((each) => each === false).length)
      for (const [index, frame] of some.entries()) if (backed[index] && isHere()) this.#hear(frame, peer)
      // Signatures take a third of a millisecond each on a small machine; payments come in between.
      await new Promise((resolve) => setTimeout(resolve, 0))
      if (!isHere()) return
    }
    this.#ask(peer, ear)
  }

  /** This node's view of the chain may only be late: it asks again, from the beginning, since all that depends on the channel is missing too. */
  #doubt(ear: Ear): void {
    if (ear.askAt !== undefined) return
    ear.askAt = this.#engine.options.clock.elapsed() + Math.min(LAST_PAUSE, FIRST_PAUSE * 2 ** ear.doubts++)
  }

  /** Whether a channel holds on chain what its members say: so that each one has cost its makers real money. Undefined: the RPC failed. */
  async #isBacked(frame: Uint8Array): Promise<boolean | undefined> {
    const { chain, domain } = this.#engine.options
    const news = parseNews(frame)
    if (news?.kind !== 'channel' || news.capacity === 0n) return true
    const channelId = channelIdOf(domain, news.channel)
    const table = this.#tables.get(news.asset)
    if (!table || (table.graph.channelNews(channelId)?.capacity ?? 0n) >= news.capacity) return true
    const ref = { channelId, asset: news.asset }
    if (this.#engine.book.slot(ref)) return true
    const view = await chain.view(ref).catch(() => undefined)
    return view && view.latestBalances.reduce((sum, balance) => sum + balance, 0n) >= news.capacity
  }

  /** Takes a piece of news in and passes it on. */
  #hear(frame: Uint8Array, from: Peer | undefined): void {
    for (const table of this.#tables.values()) {
      const before = table.network.channelCount
      const hearing = table.graph.hear(frame, this.now)
      if (hearing.kind === 'taken') {
        this.#passOn(table, { news: hearing.news, frame }, table.network.channelCount > before, from)
      } else if (hearing.reason === 'unknown channel') this.#hearTerms(table, frame)
      else if (from && (hearing.reason === 'forged' || hearing.reason === 'malformed')) {
        this.#engine.peers.spend(from, FORGERY)
        return
      }
    }
  }

  /** Takes in what this node says itself, and tells it to everybody. */
  publish(news: News): void {
    this.#hear(encodeNews(news), undefined)
  }

  /** Tells one peer alone. */
  tell(peer: Peer, news: News): void {
    if (this.#engine.book.shares(peer.signer)) this.#push(this.#ear(peer), this.#subject(news), encodeNews(news))
  }

  /** Terms for a channel that is not announced are for its other member alone. */
  #hearTerms(table: RoutingTable, frame: Uint8Array): void {
    const news = parseNews(frame) as PolicyNews
    const slot = this.#engine.book.slot({ channelId: news.channelId, asset: news.asset })
    if (slot) table.hearPeer(slot, news)
  }

  #passOn(table: RoutingTable, kept: KeptNews, isNew: boolean, from: Peer | undefined): void {
    const { news } = kept
    if (!isTold(table, news)) return
    const { domain } = this.#engine.options
    // Peers had no use for its terms and members before.
    const all = isNew && news.kind === 'channel' ? [...table.graph.about(channelIdOf(domain, news.channel))] : [kept]
    for (const [peer, ear] of this.#ears) {
      if (peer === from || !this.#engine.book.shares(peer.signer)) continue
      for (const each of all) this.#push(ear, this.#subject(each.news), each.frame)
    }
  }

  #push(ear: Ear, subject: string, frame: Uint8Array): void {
    ear.pending.set(subject, frame)
    if (ear.pending.size <= MAX_PENDING) return
    // So slow that telling it everything once more is less.
    ear.pending.clear()
    ear.past = this.#past(0)
  }

  #subject(news: News): string {
    if (news.kind === 'node') return `node/${news.node}`
    if (news.kind === 'policy') return `policy/${news.channelId}/${news.asset}/${news.writer}`
    return `channel/${channelIdOf(this.#engine.options.domain, news.channel)}/${news.asset}`
  }

  #ask(peer: Peer, ear: Ear): void {
    const { askAt } = ear
    const doubts = askAt !== undefined && this.#engine.options.clock.elapsed() >= askAt
    const isAnew = doubts || ear.assets < this.#tables.size
    if (ear.asked > 0 && !isAnew) return
    const lost = ear.assets === 0 ? this.#lost.get(peer.signer) : undefined
    const since = lost === undefined ? 0 : Math.max(0, lost - SLACK)
    if (doubts) ear.askAt = undefined
    ear.asked++
    ear.assets = this.#tables.size
    this.#engine.peers.send(peer, { kind: 'more', since: isAnew ? since : undefined })
  }

  /** A moment has passed: say what has changed, send what waits, ask who was not asked. */
  tick(): void {
    this.#ticks++
    this.#announcer.tick()
    for (const peer of this.#engine.peers.all.values()) {
      if (!peer.online || !this.#engine.book.shares(peer.signer)) continue
      const ear = this.#ear(peer)
      this.#serve(peer, ear)
      this.#ask(peer, ear)
    }
    if (this.#ticks % 600 === 0) for (const { graph } of this.#tables.values()) graph.prune(this.now)
  }
}

/** Whether everybody may hear it: nodes without a channel that is announced are known to their peers alone. */
const isTold = (table: RoutingTable, news: News): boolean => news.kind !== 'node' || table.isPublic(news.node)
