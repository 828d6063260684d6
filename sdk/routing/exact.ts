import { Heap } from './heap.ts'
import { BASE, MARGIN, MAX_LOCK, type Network, RATE, RECORD } from './network.ts'
import { type Terms, weight } from './path.ts'

// Dijkstra from the payee with the amounts that edges really carry, and with limits on fee, length and time. A node is settled several
// times: a dearer way counts too while it carries less, is shorter or locks money for a shorter time than every cheaper one.

/** Ways that are looked at before the search gives up, within some ten milliseconds: what it would find later is hardly ever there. */
const MAX_WAYS = 20_000

/** One way from a node to the payee. */
interface Way {
  readonly node: number
  readonly cost: number
  readonly amount: number
  readonly hops: number
  readonly lock: number
  readonly edge: number
  /** The rest of it. */
  readonly next: Way | undefined
}

/** The edges of the best way that keeps every limit; undefined if there is none, or if looking for it takes too long. */
export function exactSearch(network: Network, terms: Terms): number[] | undefined {
  const heap = new Heap()
  const ways: Way[] = [
    { node: terms.to, cost: 0, amount: terms.amount, hops: 0, lock: terms.lock, edge: -1, next: undefined },
  ]
  const settled = new Map<number, Way[]>()
  heap.push(0, 0)
  while (heap.size > 0) {
    const way = ways[heap.pop()]!
    if (way.node === terms.from && way.hops > 0) return edgesOf(way)
    if (!settle(settled, way, terms)) continue
    const end = network.starts[way.node]! + network.degrees[way.node]!
    for (let line = network.starts[way.node]!; line < end; line++) {
      const longer = extend(network, terms, way, line)
      if (longer === undefined) continue
      if (ways.length === MAX_WAYS) return undefined
      heap.push(longer.cost, ways.push(longer) - 1)
    }
  }
  return undefined
}

/** Keeps a way unless a cheaper one from its node is better in every respect. */
function settle(settled: Map<number, Way[]>, way: Way, terms: Terms): boolean {
  // The beginning of a cycle must not hide its end, which is at the same node.
  if (way.hops === 0 && terms.from === terms.to) return true
  const before = settled.get(way.node)
  if (before === undefined) settled.set(way.node, [way])
  // Not `<=` for the locks: where time does not matter they are NaN, and none is longer than another.
  else if (before.some(({ amount, hops, lock }) => amount <= way.amount && hops <= way.hops && !(lock > way.lock)))
    return false
  else before.push(way)
  return true
}

/** The way that enters the node of `way` by the channel at one of its lines and goes on as `way`, if it keeps the limits. */
function extend(network: Network, terms: Terms, way: Way, line: number): Way | undefined {
  if (way.hops === terms.maxHops) return undefined
  const { links, back } = network
  const [edge, node, at] = [links[2 * line]! ^ 1, links[2 * line + 1]!, RECORD * line]
  const own = node === terms.from
  const added = weight(network, terms, back, line, edge, way.amount, own)
  if (added === Number.POSITIVE_INFINITY) return undefined
  const lock = way.lock + (terms.staggered && !own ? back.ints[2 * at + MARGIN]! : 0)
  if (lock > (own ? terms.maxLock : back.ints[2 * at + MAX_LOCK]!)) return undefined
  const fee = own ? 0 : back.floats[at + BASE]! + Math.ceil((way.amount * back.floats[at + RATE]!) / 1e6)
  const amount = way.amount + fee
  if (amount - terms.amount > terms.maxFee) return undefined
  return { node, cost: way.cost + added, amount, hops: way.hops + 1, lock, edge, next: way }
}

function edgesOf(way: Way): number[] {
  const edges: number[] = []
  for (let at: Way | undefined = way; at?.next !== undefined; at = at.next) edges.push(at.edge)
  return edges
}
