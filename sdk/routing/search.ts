import { Heap } from './heap.ts'
import type { Network } from './network.ts'
import { type Terms, weight } from './path.ts'

// Bidirectional Dijkstra. Every edge is weighed with the amount that arrives, fees on fees left out: so weights do not depend on the way
// that an edge is reached by, and none is above what the edge will cost. What it finds is the best way under these weights.

/** Whose search: from the payer along edges, or from the payee against them. */
type Direction = 0 | 1
const AHEAD = 0
const BACK = 1

/** What both searches know, kept with the network: filling arrays for every node would take longer than most searches. */
class Frontier {
  readonly heaps = [new Heap(), new Heap()] as const
  /** Per node and direction, the cost of the best way so far; Infinity if there is none. */
  costs = new Float64Array(0)
  /** Per node and direction, the edge by which that way arrives; -1 at its beginning. */
  edges = new Int32Array(0)
  /** What the best way through both searches costs, and where they meet on it. */
  best = Number.POSITIVE_INFINITY
  meeting = -1
  readonly #touched: number[] = []

  start(nodes: number, from: number, to: number): void {
    if (this.costs.length < 2 * nodes) {
      this.costs = new Float64Array(4 * nodes).fill(Number.POSITIVE_INFINITY)
      this.edges = new Int32Array(4 * nodes)
    }
    for (const at of this.#touched) this.costs[at] = Number.POSITIVE_INFINITY
    this.#touched.length = 0
    this.heaps[AHEAD].clear()
    this.heaps[BACK].clear()
    this.best = Number.POSITIVE_INFINITY
    this.meeting = -1
    this.reach(2 * from + AHEAD, 0, -1)
    this.reach(2 * to + BACK, 0, -1)
  }

  /** `at` is twice the node plus the direction. */
  reach(at: number, cost: number, edge: number): void {
    if (this.costs[at] === Number.POSITIVE_INFINITY) this.#touched.push(at)
    this.costs[at] = cost
    this.edges[at] = edge
    this.heaps[(at & 1) as Direction].push(cost, at >> 1)
  }
}

const frontiers = new WeakMap<Network, Frontier>()

function frontierOf(network: Network): Frontier {
  const known = frontiers.get(network)
  if (known) return known
  const made = new Frontier()
  frontiers.set(network, made)
  return made
}

/** The edges of the best way under `terms`, the limits on the whole path aside; undefined if there is none at all. */
export function search(network: Network, terms: Terms): number[] | undefined {
  const frontier = frontierOf(network)
  const [ahead, back] = frontier.heaps
  frontier.start(network.nodeBound, terms.from, terms.to)
  // Ways back to their beginning: neither search arrives where the other one began, so one may end before they meet.
  const end = terms.from === terms.to ? 0 : Number.POSITIVE_INFINITY
  const least = (heap: Heap): number => (heap.size === 0 ? end : heap.least)
  // No way that is still unknown costs less than what both searches have reached together.
  while (least(ahead) + least(back) < frontier.best && ahead.size + back.size > 0)
    expand(network, terms, frontier, easier(network, ahead, back))
  return frontier.meeting === -1 ? undefined : joined(network, frontier)
}

/** Whose turn it is: the smaller search goes on, but past a hub with its many edges only if the other one has nothing easier to do. */
function easier({ degrees }: Network, ahead: Heap, back: Heap): Direction {
  if (ahead.size === 0) return BACK
  if (back.size === 0) return AHEAD
  return ahead.size * degrees[ahead.first]! <= back.size * degrees[back.first]! ? AHEAD : BACK
}

/** Settles the nearest node of one search and weighs its edges. */
function expand(network: Network, terms: Terms, frontier: Frontier, direction: Direction): void {
  const { links, starts, degrees } = network
  const { costs } = frontier
  const cost = frontier.heaps[direction].least
  const node = frontier.heaps[direction].pop()
  // Reached again at less since it was pushed.
  if (cost > costs[2 * node + direction]!) return
  const records = direction === AHEAD ? network.ahead : network.back
  const own = direction === AHEAD && node === terms.from
  const beyond = frontier.heaps[1 - direction]!.least
  const end = starts[node]! + degrees[node]!
  for (let line = starts[node]!; line < end; line++) {
    const next = links[2 * line + 1]!
    const place = 2 * next + direction
    const known = costs[place]!
    if (known <= cost) continue
    const edge = links[2 * line]! ^ direction
    const leaves = own || (direction === BACK && next === terms.from)
    const reached = cost + weight(network, terms, records, line, edge, terms.amount, leaves)
    if (reached >= known) continue
    const rest = costs[place ^ 1]!
    if (rest !== Number.POSITIVE_INFINITY) {
      if (reached + rest < frontier.best) {
        frontier.best = reached + rest
        frontier.meeting = next
      }
    } else if (reached + beyond >= frontier.best) continue // It is at least as far from the other end as what is settled next there.
    frontier.reach(place, reached, edge)
  }
}

/** From the payer to where the searches met, and on to the payee. */
function joined(network: Network, { edges, meeting }: Frontier): number[] {
  const path: number[] = []
  let at = meeting
  for (let edge = edges[2 * at + AHEAD]!; edge !== -1; edge = edges[2 * at + AHEAD]!) {
    path.push(edge)
    at = network.heads[edge ^ 1]!
  }
  path.reverse()
  at = meeting
  for (let edge = edges[2 * at + BACK]!; edge !== -1; edge = edges[2 * at + BACK]!) {
    path.push(edge)
    at = network.heads[edge]!
  }
  return path
}
