import type { Address } from '../../sdk/core/types.ts'
import { Heap } from '../../sdk/routing/heap.ts'
import { BASE, type Network, RATE, RECORD } from '../../sdk/routing/network.ts'
import { feeOf } from '../../sdk/routing/policy.ts'
import type { Way } from './world.ts'

/** What a plain search goes by. */
export type Weight = 'hops' | 'fee'

/** Who wants to pay whom, and what was found out. */
export interface PlainQuery {
  readonly from: Address
  readonly to: Address
  readonly amount: bigint
  /** Edges that have failed. */
  readonly excluded: ReadonlySet<number>
}

/**
 * Dijkstra's algorithm from the payee back, as every text book has it: by hops, or by the fees of the amount that arrives. It minds capacities,
 * which are public, and knows nothing of balances.
 */
export function plainPath(
  network: Network,
  { from, to, amount, excluded }: PlainQuery,
  weight: Weight,
): Way | undefined {
  const [source, target] = [network.indexOf(from), network.indexOf(to)]
  if (source === undefined || target === undefined) return undefined
  const [floats, total] = [network.ahead.floats, Number(amount)]
  const feeOn = (edge: number) => {
    const at = RECORD * network.lines[edge]!
    return floats[at + BASE]! + (total * floats[at + RATE]!) / 1e6 + 1e-6
  }
  const far = new Float64Array(network.nodeBound).fill(Number.POSITIVE_INFINITY)
  const next = new Int32Array(network.nodeBound).fill(-1)
  const done = new Uint8Array(network.nodeBound)
  const heap = new Heap()
  far[target] = 0
  heap.push(0, target)
  while (heap.size > 0) {
    const node = heap.pop()
    if (node === source) break
    if (done[node]) continue
    done[node] = 1
    const first = network.starts[node]!
    for (let line = first; line < first + network.degrees[node]!; line++) {
      const edge = network.links[2 * line]! ^ 1
      const before = network.links[2 * line + 1]!
      if (network.capacities[edge >> 1]! < total || excluded.has(edge)) continue
      // The payer takes no fee of itself.
      const cost = far[node]! + (weight === 'hops' ? 1 : before === source ? 0 : feeOn(edge))
      if (cost >= far[before]!) continue
      far[before] = cost
      next[before] = edge
      heap.push(cost, before)
    }
  }
  return next[source] === -1 ? undefined : wayOf(network, { source, target, amount }, next)
}

function wayOf(
  network: Network,
  { source, target, amount }: { readonly source: number; readonly target: number; readonly amount: bigint },
  next: Int32Array,
): Way {
  const edges: number[] = []
  for (let node = source; node !== target; node = network.heads[edges.at(-1)!]!) edges.push(next[node]!)
  const amounts = edges.map(() => amount)
  for (let i = edges.length - 2; i >= 0; i--)
    amounts[i] = amounts[i + 1]! + feeOf(network.policyOf(edges[i + 1]!), amounts[i + 1]!)
  return { edges, amounts }
}
