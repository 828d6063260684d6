import type { Address, ChannelId } from '../core/types.ts'
import { type Policy, roundDown, roundUp, UNTOLD } from './policy.ts'

// The channels of one asset as path finding reads them: typed arrays alone, changed in place one message at a time.
//
//   channel  slot s of two edges: 2s from its first member to the second, 2s + 1 back; the other direction of edge e is e ^ 1
//   line     each node has a block of lines, dense and one after the other, one line for every channel that it has
//   record   what a search asks about an edge: 8 doubles, one line of a processor's cache
//
// Line l of node v names the edge that leaves v and the node at its other end. Every edge has two copies of its record, `ahead` in the line
// of the node that it leaves and `back` in the line of the node that it enters: searches of either direction read memory in order, which on a
// large network makes them five times as fast.

/** Doubles of an edge's record, and where each of them stands. */
export const RECORD = 8
export const BASE = 0
export const RATE = 1
export const MIN = 2
export const MAX = 3
/** What the edge can carry is believed to lie within LOWER <= x < UPPER, as learned at second SINCE. */
export const LOWER = 4
export const UPPER = 5
export const SINCE = 6
/** The eighth double holds two numbers of 32 bits instead; these are their places among `ints`. */
export const MARGIN = 14
export const MAX_LOCK = 15

/** A SINCE that never fades: a prior, or what a node knows of its own channels. */
export const ALWAYS = Number.POSITIVE_INFINITY

/** Records by line; `ints` are the same bytes. */
export interface Records {
  readonly floats: Float64Array<ArrayBuffer>
  readonly ints: Uint32Array<ArrayBuffer>
}

/** A channel of two nodes, named by their signers in the order of the channel's members. */
export interface NetworkChannel {
  readonly channelId: ChannelId
  readonly members: readonly [Address, Address]
  /** What both can hold together at most; rounded down to what a double holds. */
  readonly capacity: bigint
}

/**
 * Nodes, channels and policies of one asset. Indices of nodes and edges are used again after they were removed: what is kept for longer is
 * kept by address and channel id.
 *
 * @example
 * ```ts
 * const network = new Network()
 * const slot = network.addChannel({ channelId, members: [alice, hana], capacity: 1_000_000n })
 * network.setPolicy(2 * slot, { base: 1n, rate: 100, min: 1n, max: 500_000n, margin: 3_600, maxLock: 86_400 })
 * ```
 */
export class Network {
  /** Per line, the records of the edge that leaves the line's node and of its other direction. Replaced when they grow. */
  ahead = recordsOf(0)
  back = recordsOf(0)
  /** Per line, the edge that leaves the line's node, and where it leads. */
  links = new Int32Array(0)
  /** Per node, the first of its lines and how many there are. */
  starts = new Int32Array(0)
  degrees = new Int32Array(0)
  /** Per edge, the line of the node that it leaves, and the node that it enters. */
  lines = new Int32Array(0)
  heads = new Int32Array(0)
  /** Per channel. */
  capacities = new Float64Array(0)
  /** Per edge, in which bucket its writer says that the amount lies which it can carry. */
  buckets = new Uint8Array(0)

  /** Per node, how many lines its block has room for. */
  #rooms = new Int32Array(0)
  /** Where the last block ends. */
  #end = 0
  readonly #names: (Address | undefined)[] = []
  readonly #indices = new Map<Address, number>()
  readonly #channelIds: (ChannelId | undefined)[] = []
  readonly #freeNodes: number[] = []
  readonly #freeSlots: number[] = []

  /** Indices of nodes are below it. */
  get nodeBound(): number {
    return this.#names.length
  }

  /** Edges are below it. */
  get edgeBound(): number {
    return 2 * this.#channelIds.length
  }

  get nodeCount(): number {
    return this.#indices.size
  }

  get channelCount(): number {
    return this.#channelIds.length - this.#freeSlots.length
  }

  /** The index of a node, or undefined: it has no channel here. */
  indexOf(node: Address): number | undefined {
    return this.#indices.get(node)
  }

  /** The node with an index that is in use. */
  nameOf(index: number): Address {
    return this.#names[index]!
  }

  /** The channel of an edge that is in use. */
  channelIdOf(edge: number): ChannelId {
    return this.#channelIds[edge >> 1]!
  }

  /** Edges that leave a node. */
  edgesOf(node: Address): number[] {
    const index = this.#indices.get(node)
    if (index === undefined) return []
    const start = this.starts[index]!
    return Array.from({ length: this.degrees[index]! }, (_, i) => this.links[2 * (start + i)]!)
  }

  /** Adds a channel, closed in both directions until their policies are set; returns its slot. */
  addChannel({ channelId, members, capacity }: NetworkChannel): number {
    const slot = this.#freeSlots.pop() ?? this.#newSlot()
    const [first, second] = [this.#nodeFor(members[0]), this.#nodeFor(members[1])]
    this.#channelIds[slot] = channelId
    this.buckets.fill(UNTOLD, 2 * slot, 2 * slot + 2)
    this.heads[2 * slot] = second
    this.heads[2 * slot + 1] = first
    this.#link(first, 2 * slot)
    this.#link(second, 2 * slot + 1)
    this.setCapacity(slot, capacity)
    for (const edge of [2 * slot, 2 * slot + 1]) this.setPolicy(edge, CLOSED)
    return slot
  }

  /** Takes a channel away; a node goes with its last one. */
  removeChannel(slot: number): void {
    this.#channelIds[slot] = undefined
    this.#freeSlots.push(slot)
    this.#unlink(this.heads[2 * slot + 1]!, 2 * slot)
    this.#unlink(this.heads[2 * slot]!, 2 * slot + 1)
  }

  /** Sets what a channel can hold, and forgets what was learned of its directions. */
  setCapacity(slot: number, capacity: bigint): void {
    this.capacities[slot] = Number(roundDown(capacity))
    this.forget(2 * slot)
    this.forget(2 * slot + 1)
  }

  /** Sets the bucket that an edge's writer told. Another one than before is news: what was learned earlier is forgotten. */
  setBucket(edge: number, bucket: number): void {
    if (this.buckets[edge] === bucket) return
    this.buckets[edge] = bucket
    this.forget(edge)
  }

  /** Sets a direction's policy; one that a double does not hold is rounded towards the dearer and the narrower. */
  setPolicy(edge: number, policy: Policy): void {
    const values = [
      Number(roundUp(policy.base)),
      policy.rate,
      Number(roundUp(policy.min)),
      Number(roundDown(policy.max)),
    ]
    for (const [{ floats, ints }, line] of this.#copies(edge)) {
      floats.set(values, RECORD * line)
      ints[2 * RECORD * line + MARGIN] = policy.margin
      ints[2 * RECORD * line + MAX_LOCK] = policy.maxLock
    }
  }

  /** A direction's policy, to the unit; `max` is 0n while it is closed. */
  policyOf(edge: number): Policy {
    const { floats, ints } = this.ahead
    const at = RECORD * this.lines[edge]!
    return {
      base: BigInt(floats[at + BASE]!),
      rate: floats[at + RATE]!,
      min: BigInt(floats[at + MIN]!),
      max: BigInt(floats[at + MAX]!),
      margin: ints[2 * at + MARGIN]!,
      maxLock: ints[2 * at + MAX_LOCK]!,
    }
  }

  /** Sets between which amounts lies what an edge can carry, as learned at second `since`. */
  believe(edge: number, lower: number, upper: number, since: number): void {
    for (const [{ floats }, line] of this.#copies(edge)) {
      floats[RECORD * line + LOWER] = lower
      floats[RECORD * line + UPPER] = upper
      floats[RECORD * line + SINCE] = since
    }
  }

  /** The least that an edge was last believed to carry. */
  sureOf(edge: number): number {
    return this.ahead.floats[RECORD * this.lines[edge]! + LOWER]!
  }

  /** What is believed of an edge that nothing was learned of: the least amount it can carry, and one above the most. */
  prior(edge: number): readonly [number, number] {
    const capacity = this.capacities[edge >> 1]!
    const bucket = this.buckets[edge]!
    if (bucket === UNTOLD) return [0, capacity + 1]
    return [bucket === 0 ? 0 : Math.min(2 ** (bucket - 1), capacity), Math.min(2 ** bucket, capacity + 1)]
  }

  /** Forgets what was learned of an edge. */
  forget(edge: number): void {
    const [lower, upper] = this.prior(edge)
    this.believe(edge, lower, upper, ALWAYS)
  }

  #copies(edge: number): readonly (readonly [Records, number])[] {
    return [
      [this.ahead, this.lines[edge]!],
      [this.back, this.lines[edge ^ 1]!],
    ]
  }

  #newSlot(): number {
    const slot = this.#channelIds.push(undefined) - 1
    if (slot >= this.capacities.length) {
      const size = Math.max(16, 2 * slot)
      this.capacities = grown(this.capacities, new Float64Array(size))
      this.buckets = grown(this.buckets, new Uint8Array(2 * size))
      this.heads = grown(this.heads, new Int32Array(2 * size))
      this.lines = grown(this.lines, new Int32Array(2 * size))
    }
    return slot
  }

  #nodeFor(name: Address): number {
    const known = this.#indices.get(name)
    if (known !== undefined) return known
    const index = this.#freeNodes.pop() ?? this.#names.length
    this.#names[index] = name
    this.#indices.set(name, index)
    if (index >= this.starts.length) {
      const size = Math.max(16, 2 * index)
      this.starts = grown(this.starts, new Int32Array(size))
      this.degrees = grown(this.degrees, new Int32Array(size))
      this.#rooms = grown(this.#rooms, new Int32Array(size))
    }
    return index
  }

  /** Adds a line to a node. */
  #link(node: number, edge: number): void {
    if (this.degrees[node] === this.#rooms[node]) this.#widen(node)
    const line = this.starts[node]! + this.degrees[node]!
    this.degrees[node]! += 1
    this.links[2 * line] = edge
    this.links[2 * line + 1] = this.heads[edge]!
    this.lines[edge] = line
  }

  /** Takes a line away; the last one of its block takes its place, so that the block stays dense. */
  #unlink(node: number, edge: number): void {
    this.degrees[node]! -= 1
    this.#move(this.starts[node]! + this.degrees[node]!, 1, this.lines[edge]!)
    if (this.degrees[node]! > 0) return
    this.#indices.delete(this.#names[node]!)
    this.#names[node] = undefined
    this.#freeNodes.push(node)
  }

  /** Gives a full block twice its room, at the end. */
  #widen(node: number): void {
    const room = Math.max(2, 2 * this.#rooms[node]!)
    if (2 * (this.#end + room) > this.links.length) this.#repack(room)
    this.#move(this.starts[node]!, this.degrees[node]!, this.#end)
    this.starts[node] = this.#end
    this.#rooms[node] = room
    this.#end += room
  }

  #move(from: number, count: number, to: number): void {
    this.links.copyWithin(2 * to, 2 * from, 2 * (from + count))
    for (const { floats } of [this.ahead, this.back])
      floats.copyWithin(RECORD * to, RECORD * from, RECORD * (from + count))
    for (let line = to; line < to + count; line++) this.lines[this.links[2 * line]!] = line
  }

  /** Moves all blocks into arrays with half as much room again and `extra`, without the gaps that blocks left behind when they moved. */
  #repack(extra: number): void {
    const { links, ahead, back, starts, degrees } = this
    let live = extra
    for (let node = 0; node < this.nodeBound; node++) live += this.#rooms[node]!
    const size = Math.ceil(1.5 * live)
    this.links = new Int32Array(2 * size)
    this.ahead = recordsOf(size)
    this.back = recordsOf(size)
    this.#end = 0
    for (let node = 0; node < this.nodeBound; node++) {
      const [from, to] = [starts[node]!, starts[node]! + degrees[node]!]
      this.links.set(links.subarray(2 * from, 2 * to), 2 * this.#end)
      this.ahead.floats.set(ahead.floats.subarray(RECORD * from, RECORD * to), RECORD * this.#end)
      this.back.floats.set(back.floats.subarray(RECORD * from, RECORD * to), RECORD * this.#end)
      starts[node] = this.#end
      for (let line = this.#end; line < this.#end + to - from; line++) this.lines[this.links[2 * line]!] = line
      this.#end += this.#rooms[node]!
    }
  }
}

/** The policy of a direction that carries nothing. */
export const CLOSED: Policy = { base: 0n, rate: 0, min: 0n, max: 0n, margin: 0, maxLock: 0 }

function recordsOf(lines: number): Records {
  const floats = new Float64Array(RECORD * lines)
  return { floats, ints: new Uint32Array(floats.buffer) }
}

/** `larger`, beginning with what `old` holds. */
function grown<T extends { set(values: T): void }>(old: T, larger: T): T {
  larger.set(old)
  return larger
}
