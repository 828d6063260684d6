import type { Address } from '../../core/types.ts'
import { type Graph, graphOf } from './graph.ts'

/** What members have and can be net debited, by member. */
export interface Means {
  readonly asset: Address
  readonly balances: readonly bigint[]
  readonly limits: readonly bigint[]
}

/** One asset of a round: its obligations, those between the same payer and payee side by side. */
export interface Market extends Means {
  /**
   * Obligations, by their place in the round: what is divisible between pair p stands at `starts[p]` up to `middles[p]`, and legs of what
   * settles whole up to `starts[p + 1]`.
   */
  readonly lines: Int32Array
  readonly starts: Int32Array
  readonly middles: Int32Array
  /** The sum of what is divisible, by pair. */
  readonly divisible: readonly bigint[]
  readonly from: Int32Array
  readonly to: Int32Array
  /** An arc for each pair, in the same order. */
  readonly graph: Graph
}

/** All obligations of a round: between whom, how much, and whether they settle whole (1) or not (0). */
export interface Dues {
  readonly members: number
  readonly from: Int32Array
  readonly to: Int32Array
  readonly amounts: readonly bigint[]
  readonly whole: Uint8Array
}

export function marketOf(
  means: Means,
  { members, from, to, amounts, whole }: Dues,
  unsorted: readonly number[],
): Market {
  const lines = sortedBy(from, sortedBy(to, sortedBy(whole, unsorted, 2), members), members)
  const first: number[] = []
  for (let at = 0; at < lines.length; at++) {
    const [line, before] = [lines[at]!, lines[at - 1]]
    if (before === undefined || from[line] !== from[before] || to[line] !== to[before]) first.push(at)
  }
  const starts = Int32Array.from([...first, lines.length])
  const middles = new Int32Array(first.length)
  const divisible = first.map((start, pair) => {
    let [sum, at] = [0n, start]
    for (; at < starts[pair + 1]! && whole[lines[at]!] === 0; at++) sum += amounts[lines[at]!]!
    middles[pair] = at
    return sum
  })
  const payers = Int32Array.from(first, (at) => from[lines[at]!]!)
  const payees = Int32Array.from(first, (at) => to[lines[at]!]!)
  const graph = graphOf(members, payers, payees)
  return { ...means, lines, starts, middles, divisible, from: payers, to: payees, graph }
}

/** Counting sort: stable, so that sorting by payee and then by payer brings pairs together. */
function sortedBy(keys: Int32Array | Uint8Array, lines: readonly number[] | Int32Array, size: number): Int32Array {
  const next = new Int32Array(size + 1)
  for (const line of lines) next[keys[line]! + 1]!++
  for (let key = 0; key < size; key++) next[key + 1]! += next[key]!
  const sorted = new Int32Array(lines.length)
  for (const line of lines) sorted[next[keys[line]!]!++] = line
  return sorted
}
