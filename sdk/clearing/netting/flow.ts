import { least } from '../../core/transfer.ts'
import type { Graph } from './graph.ts'

const UNREACHED = 2 ** 31 - 1

/**
 * The flow of least total that takes `excess[v]` out of each node where it is positive, and brings at most `-excess[v]` into each where it
 * is negative. `capacities` bound the arcs of the graph as they were given, and so is the result. Undefined if there is none.
 *
 * The primal-dual algorithm of Ford and Fulkerson ("A primal-dual algorithm for the capacitated Hitchcock problem", 1957): the price of a
 * node is its distance from what has excess, and all that can be sent over arcs of no reduced cost is sent before prices rise. Each of
 * those maximum flows is Dinic's (1970). A unit costs 1 on every arc, so prices are whole numbers below the number of nodes. Searches read
 * typed arrays only; the amounts, exact at any size, are touched where something is sent.
 */
export function leastFlow(
  graph: Graph,
  capacities: readonly bigint[],
  excess: readonly bigint[],
): bigint[] | undefined {
  const search = new Search(graph, capacities, excess)
  while (search.sources.length > 0) {
    if (search.level()) search.send()
    else if (!search.raise()) return undefined
  }
  return search.flow()
}

class Search {
  readonly #graph: Graph
  readonly #excess: bigint[]
  /** What each arc can still carry, and whether that is anything. */
  readonly #room: bigint[]
  readonly #open: Uint8Array
  readonly #prices: Int32Array
  /** Arcs from the nearest source along arcs of no reduced cost; -1 if there is no such way. */
  readonly #levels: Int32Array
  readonly #queue: Int32Array
  #reached = 0
  /** The next arc of each node to try. */
  readonly #next: Int32Array
  /** The arcs on the way to the node that `send` is at. */
  readonly #path: Int32Array
  /** 1 for nodes that can still take something in. */
  readonly #sinks: Uint8Array
  /** Nodes with excess left. */
  sources: number[] = []

  constructor(graph: Graph, capacities: readonly bigint[], excess: readonly bigint[]) {
    const { size, heads, places } = graph
    this.#graph = graph
    this.#excess = [...excess]
    this.#room = new Array<bigint>(heads.length).fill(0n)
    this.#open = new Uint8Array(heads.length)
    this.#prices = new Int32Array(size)
    this.#levels = new Int32Array(size)
    this.#queue = new Int32Array(size)
    this.#next = new Int32Array(size)
    this.#path = new Int32Array(size)
    this.#sinks = Uint8Array.from(excess, (amount) => (amount < 0n ? 1 : 0))
    for (const [arc, capacity] of capacities.entries()) this.#set(places[arc]!, capacity)
    for (let node = 0; node < size; node++) if (excess[node]! > 0n) this.sources.push(node)
  }

  #set(place: number, room: bigint): void {
    this.#room[place] = room
    this.#open[place] = room > 0n ? 1 : 0
  }

  /** Levels of all nodes up to the nearest sink; whether there is one. */
  level(): boolean {
    const { starts, heads, costs } = this.#graph
    const [open, prices, levels, queue, sinks] = [this.#open, this.#prices, this.#levels, this.#queue, this.#sinks]
    levels.fill(-1)
    this.#reached = 0
    for (const source of this.sources) this.#reach(source, 0)
    let last = Number.POSITIVE_INFINITY
    for (let at = 0; at < this.#reached; at++) {
      const node = queue[at]!
      const [level, price] = [levels[node]! + 1, prices[node]!]
      if (level > last) break
      for (let place = starts[node]!, end = starts[node + 1]!; place < end; place++) {
        const head = heads[place]!
        if (open[place] === 0 || levels[head]! >= 0 || price + costs[place]! !== prices[head]!) continue
        this.#reach(head, level)
        if (sinks[head] === 1) last = level
      }
    }
    return last < Number.POSITIVE_INFINITY
  }

  #reach(node: number, level: number): void {
    this.#levels[node] = level
    this.#queue[this.#reached++] = node
  }

  /** After a search in vain: raises prices until arcs of no reduced cost lead to a sink; false if no arcs do. Buckets after Dial (1969). */
  raise(): boolean {
    const distances = new Int32Array(this.#prices.length).fill(UNREACHED)
    const buckets: (number[] | undefined)[] = [Array.from(this.#queue.subarray(0, this.#reached))]
    for (const node of buckets[0]!) distances[node] = 0
    for (let distance = 0; distance < buckets.length; distance++) {
      const bucket = buckets[distance] ?? []
      // It grows while it is read.
      for (const node of bucket) {
        if (distances[node] !== distance) continue
        if (this.#sinks[node] === 1) return this.#raiseBy(distances, distance)
        this.#relax(node, distances, buckets)
      }
      buckets[distance] = undefined
    }
    return false
  }

  #relax(node: number, distances: Int32Array, buckets: (number[] | undefined)[]): void {
    const { starts, heads, costs } = this.#graph
    const [open, prices] = [this.#open, this.#prices]
    const start = distances[node]! + prices[node]!
    for (let place = starts[node]!, end = starts[node + 1]!; place < end; place++) {
      if (open[place] === 0) continue
      const head = heads[place]!
      const distance = start + costs[place]! - prices[head]!
      if (distance >= distances[head]!) continue
      distances[head] = distance
      const bucket = buckets[distance]
      if (bucket === undefined) buckets[distance] = [head]
      else bucket.push(head)
    }
  }

  #raiseBy(distances: Int32Array, most: number): true {
    const prices = this.#prices
    for (let node = 0; node < prices.length; node++) prices[node]! += Math.min(distances[node]!, most)
    return true
  }

  /** Sends from the sources what arcs from level to level can carry. */
  send(): void {
    this.#next.set(this.#graph.starts.subarray(0, this.#next.length))
    for (const source of this.sources) this.#sendFrom(source)
    this.sources = this.sources.filter((source) => this.#excess[source]! > 0n)
  }

  #sendFrom(source: number): void {
    const { heads, reverses } = this.#graph
    const [path, next] = [this.#path, this.#next]
    let [node, depth] = [source, 0]
    for (;;) {
      if (this.#sinks[node] === 1) {
        depth = this.#push(source, node, depth)
        if (this.#excess[source] === 0n) return
        node = depth === 0 ? source : heads[path[depth - 1]!]!
        continue
      }
      const place = this.#advance(node)
      if (place >= 0) {
        path[depth++] = place
        node = heads[place]!
      } else {
        if (depth === 0) return
        node = heads[reverses[path[--depth]!]!]!
        next[node]!++
      }
    }
  }

  /** The next arc from a node to the next level; -1 if there is none. */
  #advance(node: number): number {
    const { starts, heads, costs } = this.#graph
    const [open, prices, levels, next] = [this.#open, this.#prices, this.#levels, this.#next]
    const [level, price] = [levels[node]! + 1, prices[node]!]
    for (let place = next[node]!, end = starts[node + 1]!; place < end; place++) {
      const head = heads[place]!
      if (open[place] === 0 || levels[head] !== level || price + costs[place]! !== prices[head]!) continue
      next[node] = place
      return place
    }
    next[node] = starts[node + 1]!
    return -1
  }

  /** Sends over the path what all of it can carry; how many arcs of it are still open, up to the first that is not. */
  #push(source: number, sink: number, depth: number): number {
    const [path, room, excess] = [this.#path, this.#room, this.#excess]
    let amount = least(excess[source]!, -excess[sink]!)
    for (let at = 0; at < depth; at++) amount = least(amount, room[path[at]!]!)
    excess[source]! -= amount
    excess[sink]! += amount
    if (excess[sink] === 0n) this.#sinks[sink] = 0
    let first = depth
    for (let at = depth - 1; at >= 0; at--) {
      const [place, back] = [path[at]!, this.#graph.reverses[path[at]!]!]
      this.#set(place, room[place]! - amount)
      this.#set(back, room[back]! + amount)
      if (this.#open[place] === 0) first = at
    }
    return first
  }

  /** What was sent over each arc that was given. */
  flow(): bigint[] {
    const { places, reverses } = this.#graph
    return Array.from(places, (place) => this.#room[reverses[place]!]!)
  }
}
