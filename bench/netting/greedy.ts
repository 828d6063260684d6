import type { NettingObligation } from '../../sdk/clearing/netting/obligation.ts'
import { least } from '../../sdk/core/transfer.ts'

interface Arc {
  readonly to: string
  left: bigint
}

/**
 * What cycles alone discharge as a plain canceller finds them, without funds: each pair cancels what both owe, then walks along the largest
 * debts cancel each cycle that they close. Divisible obligations of one asset.
 */
export function greedyCleared(obligations: readonly NettingObligation[]): bigint {
  const sums = sumsOf(obligations)
  let cleared = cancelPairs(sums)
  const arcs = new Map([...sums].map(([from, row]) => [from, arcsOf(row)]))
  for (const member of arcs.keys()) cleared += cancelFrom(member, arcs)
  return cleared
}

type Sums = Map<string, Map<string, bigint>>

function sumsOf(obligations: readonly NettingObligation[]): Sums {
  const sums: Sums = new Map()
  for (const { from, to, amount } of obligations) {
    const row = sums.get(from) ?? new Map<string, bigint>()
    sums.set(from, row.set(to, (row.get(to) ?? 0n) + amount))
  }
  return sums
}

function cancelPairs(sums: Sums): bigint {
  let cleared = 0n
  for (const [from, row] of sums)
    for (const [to, there] of row) {
      const back = sums.get(to)?.get(from) ?? 0n
      const both = least(there, back)
      if (both === 0n) continue
      row.set(to, there - both)
      sums.get(to)!.set(from, back - both)
      cleared += 2n * both
    }
  return cleared
}

/** The largest last, where it is cheap to take away. */
const arcsOf = (row: ReadonlyMap<string, bigint>): Arc[] =>
  [...row]
    .filter(([, left]) => left > 0n)
    .sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([to, left]) => ({ to, left }))

/** Walks on until nothing leads on from the member any more. */
function cancelFrom(member: string, arcs: ReadonlyMap<string, Arc[]>): bigint {
  const path: Arc[] = []
  const places = new Map([[member, 0]])
  let [at, cleared] = [member, 0n]
  for (;;) {
    const arc = arcs.get(at)?.at(-1)
    if (arc === undefined) {
      // No cycle leads through here: neither does one over the arc that came here.
      places.delete(at)
      if (path.pop() === undefined) return cleared
      at = path.at(-1)?.to ?? member
      arcs.get(at)!.pop()
      continue
    }
    path.push(arc)
    at = arc.to
    const start = places.get(at)
    if (start === undefined) places.set(at, path.length)
    else {
      cleared += cancel(path.slice(start), arcs, at)
      for (const { to } of path.splice(start)) if (to !== at) places.delete(to)
    }
  }
}

/** Takes the smallest debt of a cycle from each of its debts, and away those that are nothing then. */
function cancel(cycle: readonly Arc[], arcs: ReadonlyMap<string, Arc[]>, start: string): bigint {
  const smallest = cycle.reduce((low, arc) => least(low, arc.left), cycle[0]!.left)
  let from = start
  for (const arc of cycle) {
    arc.left -= smallest
    if (arc.left === 0n) arcs.get(from)!.pop()
    from = arc.to
  }
  return smallest * BigInt(cycle.length)
}
