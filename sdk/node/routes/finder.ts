import type { Invoice } from '../../core/invoice.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Address, ChannelId, Hex } from '../../core/types.ts'
import { carried, moved, refused } from '../../routing/belief.ts'
import { type DeadlineMode, MAX_HOPS } from '../../routing/path.ts'
import { findPath } from '../../routing/paths.ts'
import { type Route, type RouteHop, routeOf } from '../../routing/route.ts'
import { findSplit, type Split, type SplitQuery } from '../../routing/split.ts'
import type { Engine } from '../engine.ts'
import { NoRouteError } from '../errors.ts'
import type { RoutingTable } from './table.ts'

// From an invoice to the parts that pay it, each with its hops by name: what is learned of a hop later must find it again in a network
// that has changed meanwhile.

/** One transfer of a way, in an asset of its own. */
export interface WayHop extends RouteHop {
  readonly asset: Address
  /** The invoice of `from` for which it delivers this. */
  readonly invoice?: Hex
}

/** A part of a payment: its transfers from the payer on, and whom each layer of its onion is sealed for. */
export interface Way {
  readonly hops: readonly WayHop[]
  readonly onionKeys: readonly Hex[]
  /** What arrives. */
  readonly amount: bigint
  readonly fee: bigint
}

/** What to pay and within which limits. */
export interface WayQuery {
  /** Whom to pay. */
  readonly invoice: Pick<Invoice, 'payee' | 'asset' | 'onionKey' | 'hints'>
  readonly amount: bigint
  readonly maxFee: bigint
  /** Chain seconds: of the newest block, and until when the payee's part is locked. */
  readonly now: bigint
  readonly deadline: bigint
  readonly mode: DeadlineMode
  /** For an outcome lock, not for a payment. */
  readonly isOutcome?: boolean
  readonly maxParts: number
  /** Directions that failed, by {@link directionOf}. */
  readonly excluded: ReadonlySet<string>
  /** Parts of the same payment that are on their way. */
  readonly underWay: readonly Way[]
}

/** Ways that together pay a query. */
export interface Plan {
  readonly ways: readonly Way[]
  readonly fee: bigint
  /** Of all parts arriving, from 0 to 1. */
  readonly chance: number
}

/** What to find one way for. */
export interface LegQuery {
  readonly asset: Address
  readonly from: Address
  readonly to: Address
  readonly amount: bigint
  /** Chain seconds, as of {@link WayQuery}. */
  readonly now: bigint
  readonly deadline: bigint
}

export type Leg = Pick<Way, 'hops' | 'onionKeys'>

const inAsset = ({ hops }: Route, asset: Address): WayHop[] => hops.map((hop) => ({ ...hop, asset }))

/** A member's lane of a channel, by name. */
export const directionOf = ({ channelId, from }: RouteHop): string => `${channelId}/${from}`

/** A swap is one onion for its two ways. */
const HALF = { maxParts: 1, maxHops: MAX_HOPS / 2 }
/** How often nodes may turn up on ways whose onion keys are unknown. */
const MAX_DETOURS = 8

/** Finds ways for payments, and learns from what became of them. */
export class Finder {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** The ways that are likely and cheap. Throws {@link NoRouteError}. */
  find(query: WayQuery): Plan {
    const { payee, asset, onionKey } = query.invoice
    const table = this.#engine.gossip.table(asset)
    if (!table || onionKey === ZERO_HASH) throw new NoRouteError('NO_PATH')
    try {
      this.#hint(table, query)
      const asked = this.#queryOf(table, query, payee)
      const split = this.#openable(table, asked, payee)
      if (!split) throw this.#reason(table, asked)
      const ways = split.parts.map((path) => {
        const route = routeOf(table.network, path, { asset, deadline: query.deadline, mode: query.mode })
        const keys = route.hops.map(({ to }) => (to === payee ? onionKey : this.#engine.gossip.onionKeyOf(to)!))
        return { hops: inAsset(route, asset), onionKeys: keys, amount: path.amounts.at(-1)!, fee: path.fee }
      })
      return { ways, fee: split.fee, chance: Math.exp(-split.doubt) }
    } finally {
      table.forgetHints()
    }
  }

  /**
   * One way in one asset between this node and another, or from that one back, for a swap; no fee is too high, since its price is bounded
   * as a whole. `keys`: onion keys that are known otherwise. Throws {@link NoRouteError}.
   */
  leg({ asset, from, to, amount, deadline, now }: LegQuery, keys: ReadonlyMap<Address, Hex>): Leg {
    const table = this.#engine.gossip.table(asset)
    if (!table) throw new NoRouteError('NO_PATH')
    const lock = { lock: Number(deadline - now), maxLock: Number(this.#engine.options.forwarding.maxLock) }
    const query: SplitQuery = { from, to, amount, maxFee: 1n << 100n, now: this.#now, ...lock, ...HALF }
    const path = this.#openable(table, query, to)?.parts[0]
    if (!path) throw this.#reason(table, query)
    const hops = inAsset(routeOf(table.network, path, { asset, deadline }), asset)
    return { hops, onionKeys: hops.map((hop) => keys.get(hop.to) ?? this.#engine.gossip.onionKeyOf(hop.to)!) }
  }

  /** Enters the channels that the invoice names: they lead from hop to hop, and at last to the payee. */
  #hint(table: RoutingTable, { invoice, amount }: WayQuery): void {
    const nodes = invoice.hints.map((hint) => this.#engine.gossip.nodeWith(hint.onionKey))
    for (const [index, { channelId }] of invoice.hints.entries()) {
      const [from, to] = [nodes[index], index + 1 < nodes.length ? nodes[index + 1] : invoice.payee]
      // A whole payment goes over it, so what later hops keep fits as well.
      if (from && to) table.hint(channelId as ChannelId, from, to, 2n * amount)
    }
  }

  #queryOf(table: RoutingTable, query: WayQuery, to: Address): SplitQuery {
    const { forwarding, signer } = this.#engine.options
    const edge = (hop: RouteHop) => table.edgeOf(hop.channelId, hop.from < hop.to ? 0 : 1)
    const load = new Map<number, bigint>()
    for (const { hops } of query.underWay) {
      // What one's own channels carry is missing from their balances already.
      for (const hop of hops.slice(1)) {
        const at = edge(hop)
        if (at !== undefined) load.set(at, (load.get(at) ?? 0n) + hop.amount)
      }
    }
    const excluded = new Set<number>()
    for (const name of query.excluded) {
      const [channelId, from] = name.split('/') as [ChannelId, Address]
      for (const writer of [0, 1] as const) {
        const at = table.edgeOf(channelId, writer)
        if (at !== undefined && table.network.nameOf(table.network.heads[at ^ 1]!) === from) excluded.add(at)
      }
    }
    return {
      from: signer.address,
      to,
      amount: query.amount,
      maxFee: query.maxFee,
      now: this.#now,
      // How long hops take locks of outcomes is not announced: they say so when they refuse one. Its deadline leaves room for every margin.
      ...(query.isOutcome ? {} : { lock: Number(query.deadline - query.now) }),
      maxLock: Number(forwarding.maxLock),
      mode: query.mode,
      maxParts: query.maxParts,
      excluded,
      load,
    }
  }

  get #now(): number {
    return Math.floor(this.#engine.options.clock.now() / 1_000)
  }

  /** A split over nodes alone for which onions can be sealed. */
  #openable(table: RoutingTable, query: SplitQuery, payee: Address): Split | undefined {
    const { network } = table
    const excluded = new Set(query.excluded)
    for (let detours = 0; detours < MAX_DETOURS; detours++) {
      const split = findSplit(network, { ...query, excluded })
      const heads = new Set(
        split?.parts.flatMap(({ edges }) => edges.map((edge) => network.nameOf(network.heads[edge]!))),
      )
      const mute = [...heads].filter((node) => node !== payee && !this.#engine.gossip.onionKeyOf(node))
      if (!split || mute.length === 0) return split
      for (const node of mute) for (const edge of network.edgesOf(node)) excluded.add(edge ^ 1)
    }
    return undefined
  }

  /** Which limit bound. */
  #reason({ network }: RoutingTable, query: SplitQuery): NoRouteError {
    const isOwn = query.from === this.#engine.options.signer.address
    const sent = network.edgesOf(query.from).reduce((sum, edge) => sum + network.sureOf(edge), 0)
    const free = { ...query, maxFee: 1n << 100n }
    const dear = findSplit(network, free)
    if (dear) return new NoRouteError('TOO_DEAR', dear.fee)
    for (let amount = query.amount; amount > 0n; amount /= 4n)
      if (findPath(network, { ...free, amount }))
        return new NoRouteError(isOwn && sent < Number(query.amount) ? 'BALANCE_TOO_SMALL' : 'TOO_LARGE')
    return new NoRouteError(
      isOwn && sent < Number(query.amount) && network.indexOf(query.to) !== undefined ? 'BALANCE_TOO_SMALL' : 'NO_PATH',
    )
  }

  #each({ hops }: Way, learn: (table: RoutingTable, edge: number, hop: RouteHop, index: number) => void): void {
    for (const [index, hop] of hops.entries()) {
      const table = this.#engine.gossip.tableOf(hop.asset)
      // One's own balances are known to the unit.
      const edge = index === 0 ? undefined : table.edgeOf(hop.channelId, hop.from < hop.to ? 0 : 1)
      if (edge !== undefined) learn(table, edge, hop, index)
    }
  }

  /** A part came back from the hop `reached`, counted from 0 for the first after the payer; `spent`: its next channel did not carry it. */
  returned(way: Way, reached: number, spent: boolean): void {
    this.#each(way, ({ network }, edge, { amount }, index) => {
      if (index <= reached) carried(network, edge, amount, this.#now)
      else if (index === reached + 1 && spent) refused(network, edge, amount, this.#now)
    })
  }

  /** A part was paid. */
  paid(way: Way): void {
    this.#each(way, ({ network }, edge, { amount }) => moved(network, edge, amount, this.#now))
  }
}
