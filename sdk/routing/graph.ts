import { equalBytes } from '@noble/ciphers/utils.js'
import { channelIdOf } from '../core/channel.ts'
import type { Address, ChannelId, Domain, Hex } from '../core/types.ts'
import { type ChannelNews, isAuthentic, type News, type NodeNews, type PolicyNews } from './gossip.ts'
import { parseNews } from './gossip-wire.ts'
import { CLOSED, Network } from './network.ts'
import { UNTOLD } from './policy.ts'

/** How much gossip is kept and how often it may change. */
export interface GraphLimits {
  readonly maxChannels: number
  readonly maxNodes: number
  /** Channels of one node. */
  readonly maxPerNode: number
  /** Seconds after which news disappears unless it is renewed. */
  readonly maxAge: number
  /** Seconds that must lie between two pieces of news about the same thing, by their own times: delays on the way change nothing. */
  readonly interval: number
  /** Seconds that a time may lie ahead of this node's. */
  readonly ahead: number
}

export const DEFAULT_LIMITS: GraphLimits = {
  maxChannels: 100_000,
  maxNodes: 50_000,
  maxPerNode: 4_096,
  maxAge: 1_209_600,
  interval: 60,
  ahead: 600,
}

/** Why a piece of news does not count; only the first three are a fault of whoever sent it. */
export type DropReason =
  | 'malformed'
  | 'forged'
  /** Dated further ahead than clocks differ. */
  | 'early'
  | 'other asset'
  /** The very same bytes. */
  | 'known'
  /** Not newer than what is known, or beyond the age at which news disappears. */
  | 'old'
  | 'too often'
  | 'unknown channel'
  | 'unknown node'
  | 'full'

/** What became of a piece of news: `taken` is to be passed on to other peers. */
export type Hearing =
  | { readonly kind: 'taken'; readonly news: News }
  | { readonly kind: 'dropped'; readonly reason: DropReason }

interface Kept<T extends News> {
  readonly news: T
  readonly frame: Uint8Array
}

interface Entry {
  channel: Kept<ChannelNews>
  /** Undefined: its members closed it. It is remembered, so that older news does not open it again. */
  slot: number | undefined
  readonly policies: [Kept<PolicyNews> | undefined, Kept<PolicyNews> | undefined]
}

/** A piece of news as it was heard. */
export type KeptNews = Kept<News>

function* entryNews({ channel, policies }: Entry): Generator<KeptNews> {
  yield channel
  for (const policy of policies) if (policy) yield policy
}

const WRITERS = [0, 1] as const
const dropped = (reason: DropReason): Hearing => ({ kind: 'dropped', reason })

/**
 * What a node has heard of the channels of one asset, checked, bounded and ready for path finding.
 *
 * Capacities are what members say of themselves. Whoever can ask the chain lets only those channels be heard that hold as much: then each one in
 * the store has cost its makers real money, and the smallest give way when it is full.
 *
 * @example
 * ```ts
 * const graph = new Graph(domain, COIN)
 * const heard = graph.hear(frame, now)
 * if (heard.kind === 'taken') passOn(frame)
 * findPath(graph.network, query)
 * ```
 */
export class Graph {
  readonly network = new Network()
  readonly #domain: Domain
  readonly #asset: Address
  readonly #limits: GraphLimits
  readonly #channels = new Map<ChannelId, Entry>()
  readonly #nodes = new Map<Address, Kept<NodeNews>>()
  /** Channels that hold no more than this do not get in while the store is full. */
  #threshold = -1n

  constructor(domain: Domain, asset: Address, limits: Partial<GraphLimits> = {}) {
    this.#domain = domain
    this.#asset = asset
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
  }

  /** The edge of a member's lane, or undefined: the channel is unknown or closed. */
  edgeOf(channelId: ChannelId, writer: 0 | 1): number | undefined {
    const slot = this.#channels.get(channelId)?.slot
    return slot === undefined ? undefined : 2 * slot + writer
  }

  /** What a node says of itself. */
  nodeNews(node: Address): NodeNews | undefined {
    return this.#nodes.get(node)?.news
  }

  /** What both members say of a channel, closed or not. */
  channelNews(channelId: ChannelId): ChannelNews | undefined {
    return this.#channels.get(channelId)?.channel.news
  }

  /** The node whose layers of onions are sealed with this key. */
  nodeWith(onionKey: Hex): Address | undefined {
    for (const [node, { news }] of this.#nodes) if (news.onionKey === onionKey) return node
    return undefined
  }

  /** Every piece of news that counts, channels before their policies. */
  *frames(): Generator<Uint8Array> {
    for (const { frame } of this.kept(0)) yield frame
  }

  /** What a peer is sent that knows everything before `since`, in seconds. */
  *kept(since: number): Generator<KeptNews> {
    for (const entry of this.#channels.values())
      for (const each of entryNews(entry)) if (each.news.time >= since) yield each
    for (const each of this.#nodes.values()) if (each.news.time >= since) yield each
  }

  /** What is known of one channel, and of its members: whoever hears of it for the first time had no use for that before. */
  *about(channelId: ChannelId): Generator<KeptNews> {
    const entry = this.#channels.get(channelId)
    if (!entry) return
    yield* entryNews(entry)
    for (const { signer } of entry.channel.news.channel.members) {
      const node = this.#nodes.get(signer)
      if (node) yield node
    }
  }

  /** Takes a piece of news in, or says why not. Never throws for what a peer sends. `now` is in seconds. */
  hear(frame: Uint8Array, now: number): Hearing {
    const news = parseNews(frame)
    if (news === undefined) return dropped('malformed')
    if (news.time > now + this.#limits.ahead) return dropped('early')
    if (news.time + this.#limits.maxAge < now) return dropped('old')
    if (news.kind !== 'node' && news.asset !== this.#asset) return dropped('other asset')
    const kept = { news, frame: frame.slice() }
    if (news.kind === 'channel') return this.#hearChannel({ ...kept, news })
    return news.kind === 'policy' ? this.#hearPolicy({ ...kept, news }) : this.#hearNode({ ...kept, news })
  }

  /** Removes what was not renewed in time; to be called now and then. Returns how many channels went. */
  prune(now: number): number {
    const gone = ({ news }: Kept<News>): boolean => news.time + this.#limits.maxAge < now
    const before = this.#channels.size
    for (const [channelId, entry] of this.#channels) {
      for (const writer of WRITERS)
        if (entry.policies[writer] && gone(entry.policies[writer])) this.#silence(entry, writer)
      if (gone(entry.channel)) this.#remove(channelId, entry)
    }
    for (const [node, kept] of this.#nodes) if (gone(kept)) this.#nodes.delete(node)
    this.#threshold = -1n
    return before - this.#channels.size
  }

  /** Why news adds nothing to what is known of the same thing, if so. */
  #stale({ news, frame }: Kept<News>, known: Kept<News> | undefined): DropReason | undefined {
    if (known === undefined || news.time >= known.news.time + this.#limits.interval) return undefined
    if (equalBytes(frame, known.frame)) return 'known'
    return news.time > known.news.time ? 'too often' : 'old'
  }

  #hearChannel(kept: Kept<ChannelNews>): Hearing {
    const { channel, capacity } = kept.news
    const channelId = channelIdOf(this.#domain, channel)
    const entry = this.#channels.get(channelId)
    const stale = this.#stale(kept, entry?.channel)
    if (stale) return dropped(stale)
    if (!entry && capacity === 0n) return dropped('unknown channel')
    // Cheap questions first: a signature costs as much as a thousand of them.
    if (!entry && capacity <= this.#threshold) return dropped('full')
    if (!isAuthentic(this.#domain, kept.news, channel.members[0]!.signer)) return dropped('forged')
    if (capacity === 0n) this.#close(entry!)
    else if (entry?.slot !== undefined) this.#resize(entry.slot, kept.news, entry.channel.news)
    else if (!this.#admits(kept.news, entry)) return dropped('full')
    else
      this.#channels.set(channelId, {
        channel: kept,
        slot: this.#open(channelId, kept.news),
        policies: [undefined, undefined],
      })
    this.#channels.get(channelId)!.channel = kept
    return { kind: 'taken', news: kept.news }
  }

  #hearPolicy(kept: Kept<PolicyNews>): Hearing {
    const { channelId, writer, policy, bucket } = kept.news
    const entry = this.#channels.get(channelId)
    if (entry?.slot === undefined) return dropped('unknown channel')
    const stale = this.#stale(kept, entry.policies[writer])
    if (stale) return dropped(stale)
    if (!isAuthentic(this.#domain, kept.news, entry.channel.news.channel.members[writer]!.signer))
      return dropped('forged')
    entry.policies[writer] = kept
    this.network.setPolicy(2 * entry.slot + writer, policy)
    this.network.setBucket(2 * entry.slot + writer, bucket)
    return { kind: 'taken', news: kept.news }
  }

  #hearNode(kept: Kept<NodeNews>): Hearing {
    const { node } = kept.news
    // Nodes cost nothing to make up, channels do.
    if (this.network.indexOf(node) === undefined) return dropped('unknown node')
    const stale = this.#stale(kept, this.#nodes.get(node))
    if (stale) return dropped(stale)
    if (!isAuthentic(this.#domain, kept.news, node)) return dropped('forged')
    this.#nodes.set(node, kept)
    return { kind: 'taken', news: kept.news }
  }

  /** Whether another open channel finds a place, if need be that of smaller ones; `entry` if it is in the list already. */
  #admits({ channel, capacity }: ChannelNews, entry: Entry | undefined): boolean {
    const { maxChannels, maxNodes, maxPerNode } = this.#limits
    const indices = () => channel.members.map(({ signer }) => this.network.indexOf(signer))
    if (indices().some((index) => index !== undefined && this.network.degrees[index]! >= maxPerNode)) return false
    const fits = () =>
      (entry !== undefined || this.#channels.size < maxChannels) &&
      this.network.nodeCount + indices().filter((index) => index === undefined).length <= maxNodes
    return fits() || (this.#evict(capacity) && fits())
  }

  /**
   * Makes room in a full store for a channel that holds `capacity`: the smallest 64th goes, unless the channel would be one of it.
   * Many at once, so that a flood of newcomers does not sort the store anew for each.
   */
  #evict(capacity: bigint): boolean {
    const entries = [...this.#channels].sort(([, a], [, b]) =>
      a.channel.news.capacity < b.channel.news.capacity ? -1 : 1,
    )
    const smallest = entries.slice(0, Math.ceil(entries.length / 64))
    this.#threshold = smallest.at(-1)?.[1].channel.news.capacity ?? -1n
    if (capacity <= this.#threshold) return false
    for (const [channelId, entry] of smallest) this.#remove(channelId, entry)
    return true
  }

  #open(channelId: ChannelId, { channel, capacity }: ChannelNews): number {
    const [first, second] = channel.members
    return this.network.addChannel({ channelId, members: [first!.signer, second!.signer], capacity })
  }

  #resize(slot: number, { capacity }: ChannelNews, before: ChannelNews): void {
    if (capacity !== before.capacity) this.network.setCapacity(slot, capacity)
  }

  #silence(entry: Entry, writer: 0 | 1): void {
    entry.policies[writer] = undefined
    if (entry.slot === undefined) return
    this.network.setPolicy(2 * entry.slot + writer, CLOSED)
    this.network.setBucket(2 * entry.slot + writer, UNTOLD)
  }

  #close(entry: Entry): void {
    for (const writer of WRITERS) this.#silence(entry, writer)
    if (entry.slot === undefined) return
    this.network.removeChannel(entry.slot)
    entry.slot = undefined
    for (const { signer } of entry.channel.news.channel.members)
      if (this.network.indexOf(signer) === undefined) this.#nodes.delete(signer)
  }

  #remove(channelId: ChannelId, entry: Entry): void {
    this.#close(entry)
    this.#channels.delete(channelId)
  }
}
