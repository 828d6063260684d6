import type { Path, PathQuery } from '../../../sdk/routing/path.ts'
import { FREE, name, type Plan } from './networks.ts'

// What path finding should find, by trying everything: the rules once more, in bigints and without any of its code.

/** What a way costs: as it is, or as a search sees it that leaves fees on fees and limits on the whole way out. */
export interface Verdict {
  readonly edges: readonly number[]
  /** Undefined where a limit forbids the way. */
  readonly cost: number | undefined
  /** Infinity where an edge forbids it even so. */
  readonly estimate: number
}

const million = 1_000_000n
const share = (amount: bigint, rate: number): bigint => {
  const exact = amount * BigInt(rate)
  return exact / million + (exact % million === 0n ? 0n : 1n)
}

/** Minus the logarithm of the chance that an amount passes: any balance from 0 to the capacity is as likely, a known one is certain. */
function doubtOf(plan: Plan, side: 0 | 1, used: bigint, amount: bigint): number {
  const known = plan.known?.[side]
  if (known !== undefined) return used + amount <= known ? 0 : Number.POSITIVE_INFINITY
  const values = (least: bigint): number => Math.max(0, Number(plan.capacity - least + 1n))
  const left = values(used + amount)
  return left === 0 ? Number.POSITIVE_INFINITY : -Math.log(left / values(used))
}

/** Judges one way of edges from payer to payee. */
export function judge(plans: readonly Plan[], query: PathQuery, edges: readonly number[]): Verdict {
  const shortest = query.lock ?? Number.NaN
  let [amount, cost, estimate, lock] = [query.amount, 0, 0, shortest]
  let allowed = edges.length <= (query.maxHops ?? 20)
  const risk = query.risk ?? Number(query.amount) / 1_000
  for (const [back, edge] of [...edges].reverse().entries()) {
    const plan = plans[edge >> 1]!
    const side = (edge & 1) as 0 | 1
    const own = back === edges.length - 1
    const policy = { ...FREE, ...plan.policies[side] }
    const used = query.load?.get(edge) ?? 0n
    if (query.excluded?.has(edge)) allowed = false
    if (amount > policy.max || query.amount < policy.min) allowed = false
    if (doubtOf(plan, side, used, amount) === Number.POSITIVE_INFINITY) allowed = false
    if (query.excluded?.has(edge) || query.amount > policy.max || query.amount < policy.min)
      estimate = Number.POSITIVE_INFINITY
    if (doubtOf(plan, side, used, query.amount) === Number.POSITIVE_INFINITY) estimate = Number.POSITIVE_INFINITY
    cost += risk * (doubtOf(plan, side, used, amount) + 0.01)
    estimate += risk * (doubtOf(plan, side, used, query.amount) + 0.01)
    if (own) continue
    if (shortest < policy.margin) allowed = false
    if (shortest < policy.margin || shortest > policy.maxLock) estimate = Number.POSITIVE_INFINITY
    if (query.mode === 'plain') lock += policy.margin
    if (lock > policy.maxLock) allowed = false
    estimate += Number(policy.base + share(query.amount, policy.rate))
    const fee = policy.base + share(amount, policy.rate)
    cost += Number(fee)
    amount += fee
  }
  if (amount - query.amount > query.maxFee || lock > (query.maxLock ?? lock)) allowed = false
  return {
    edges,
    cost: allowed ? cost : undefined,
    estimate: Number.isNaN(estimate) ? Number.POSITIVE_INFINITY : estimate,
  }
}

/** Every way without loops, judged. */
export function everyWay(plans: readonly Plan[], query: PathQuery): Verdict[] {
  const found: Verdict[] = []
  const visit = (node: string, path: readonly number[], visited: readonly string[]): void => {
    if (node === query.to && path.length > 0) {
      found.push(judge(plans, query, path))
      return
    }
    for (const [index, { between }] of plans.entries())
      for (const side of [0, 1] as const) {
        const [tail, head] = [name(between[side]), name(between[1 - side]!)]
        if (tail === node && !visited.includes(head)) visit(head, [...path, 2 * index + side], [...visited, head])
      }
  }
  visit(query.from, [], [query.from])
  return found
}

/** The best allowed way, if there is one. */
export const bestWay = (ways: readonly Verdict[]): Verdict | undefined =>
  ways.filter(({ cost }) => cost !== undefined).sort((a, b) => a.cost! - b.cost!)[0]

/** What each edge of several paths carries in all. */
export function sumsOf(paths: readonly Pick<Path, 'edges' | 'amounts'>[]): Map<number, bigint> {
  const sums = new Map<number, bigint>()
  for (const { edges, amounts } of paths)
    for (const [i, edge] of edges.entries()) sums.set(edge, (sums.get(edge) ?? 0n) + amounts[i]!)
  return sums
}
