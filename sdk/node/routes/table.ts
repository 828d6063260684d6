import { least } from '../../core/transfer.ts'
import type { Address, ChannelId, Domain } from '../../core/types.ts'
import { blocked, spendable } from '../../protocols/solvency.ts'
import { observe } from '../../routing/belief.ts'
import { isAuthentic, type PolicyNews } from '../../routing/gossip.ts'
import { Graph, type GraphLimits } from '../../routing/graph.ts'
import { CLOSED, type Network } from '../../routing/network.ts'
import { bucketOf, MAX_SECONDS, type Policy, roundDown, roundUp } from '../../routing/policy.ts'
import type { Slot } from '../ledgers/slot.ts'

/** What both members of a ledger have in it, as confirmed on chain; 0n while it is disputed or unknown. */
export function capacityOf({ ledger }: Slot): bigint {
  const { facts } = ledger
  if (!facts || facts.latest.phase === 'disputed') return 0n
  return facts.confirmedBalances.reduce((sum, balance) => sum + balance, 0n)
}

/** What this node can send over a ledger now: its exact balance, which never leaves the node. */
export const sendable = ({ ledger }: Slot): bigint =>
  blocked(ledger) === undefined ? nonNegative(spendable(ledger, ledger.me)) : 0n

/** In which bucket that lies, for others. */
export const bucketFor = (slot: Slot): number =>
  bucketOf(least(nonNegative(spendable(slot.ledger, slot.ledger.me)), capacityOf(slot)))

const nonNegative = (amount: bigint): bigint => (amount > 0n ? amount : 0n)

/**
 * The channels of one asset as this node sees them: those that were announced, and its own, whose balances it knows to the unit. Own
 * channels that are not announced are in the network as well, in no news.
 */
export class RoutingTable {
  readonly graph: Graph
  readonly #domain: Domain
  /** Slots in the network of own channels that are not announced. */
  readonly #own = new Map<ChannelId, number>()
  /** The same slots, to be asked for each piece of news. */
  readonly #ownSlots = new Set<number>()
  /** Those of channels that an invoice names, while a way is searched. */
  readonly #hinted = new Map<ChannelId, number>()

  constructor(domain: Domain, asset: Address, limits: Partial<GraphLimits>) {
    this.#domain = domain
    this.graph = new Graph(domain, asset, limits)
  }

  get network(): Network {
    return this.graph.network
  }

  /** The edge of a member's lane; undefined: the channel is unknown. */
  edgeOf(channelId: ChannelId, writer: 0 | 1): number | undefined {
    const announced = this.graph.edgeOf(channelId, writer)
    const slot = this.#own.get(channelId) ?? this.#hinted.get(channelId)
    return announced ?? (slot === undefined ? undefined : 2 * slot + writer)
  }

  /** How many own channels are not announced. */
  get unannounced(): number {
    return this.#own.size
  }

  /** Whether two nodes share a channel. */
  isEdge(from: Address, to: Address): boolean {
    const { network } = this
    return network.edgesOf(from).some((edge) => network.nameOf(network.heads[edge]!) === to)
  }

  /** Whether a node has a channel that everybody may know of. */
  isPublic(node: Address): boolean {
    return this.network.edgesOf(node).some((edge) => !this.#ownSlots.has(edge >> 1))
  }

  /** Enters an own ledger as it is now; `available` is what this node can send over it. */
  enter({ entry, ledger }: Slot, capacity: bigint, available: bigint): void {
    const { network } = this
    const { channelId, channel } = entry
    const announced = this.graph.edgeOf(channelId, 0)
    const before = this.#own.get(channelId)
    if (announced !== undefined && before !== undefined) {
      network.removeChannel(before)
      this.#own.delete(channelId)
      this.#ownSlots.delete(before)
    }
    const [first, second] = channel.members.map(({ signer }) => signer)
    const slot =
      announced === undefined
        ? (before ?? network.addChannel({ channelId, members: [first!, second!], capacity }))
        : announced >> 1
    if (announced === undefined) {
      this.#own.set(channelId, slot)
      this.#ownSlots.add(slot)
    }
    if (network.capacities[slot] !== Number(roundDown(capacity))) network.setCapacity(slot, capacity)
    const edge = 2 * slot + ledger.me
    // Announced a moment ago, and closed for others until its own news is out: never for this node itself.
    const isClosed = announced !== undefined && network.policyOf(edge).max === 0n
    if (announced === undefined || isClosed) network.setPolicy(edge, { ...OWN, max: capacity })
    observe(network, edge, available)
  }

  /** Adds a channel that an invoice names, for one search. The invoice is believed: it can carry `amount` from `from` on. */
  hint(channelId: ChannelId, from: Address, to: Address, amount: bigint): void {
    const terms = this.termsOf(from)
    if (!terms || from === to || this.edgeOf(channelId, 0) !== undefined) return
    const capacity = roundUp(amount)
    const slot = this.network.addChannel({ channelId, members: from < to ? [from, to] : [to, from], capacity })
    this.#hinted.set(channelId, slot)
    const edge = 2 * slot + (from < to ? 0 : 1)
    this.network.setPolicy(edge, { ...terms, max: capacity })
    observe(this.network, edge, capacity)
  }

  /** Takes away what invoices have named. */
  forgetHints(): void {
    for (const slot of this.#hinted.values()) this.network.removeChannel(slot)
    this.#hinted.clear()
  }

  /** The peer of an own channel that is not announced says on what terms it forwards. Returns whether that counts. */
  hearPeer(slot: Slot, news: PolicyNews): boolean {
    const own = this.#own.get(news.channelId)
    if (own === undefined || news.writer !== 1 - slot.ledger.me) return false
    if (!isAuthentic(this.#domain, news, slot.entry.peer)) return false
    const edge = 2 * own + news.writer
    this.network.setPolicy(edge, news.policy)
    this.network.setBucket(edge, news.bucket)
    return true
  }

  /**
   * On what terms a node forwards, by the channel that it asks most for: what it asks on one that it did not announce, nobody but its peer
   * is told. Undefined if nothing is known of it.
   */
  termsOf(node: Address): Policy | undefined {
    const open = this.network
      .edgesOf(node)
      .map((edge) => this.network.policyOf(edge))
      .filter(({ max }) => max > 0n)
    return open.reduce<Policy | undefined>(
      (most, policy) => (most && asks(most) >= asks(policy) ? most : policy),
      undefined,
    )
  }
}

const asks = ({ base, rate }: Policy): number => Number(base) + rate

/** Nobody asks himself for anything. */
const OWN: Policy = { ...CLOSED, min: 1n, maxLock: MAX_SECONDS }
