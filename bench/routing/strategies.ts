import type { Address } from '../../sdk/core/types.ts'
import { findPath } from '../../sdk/routing/paths.ts'
import { findSplit, MAX_PARTS } from '../../sdk/routing/split.ts'
import { plainPath, type Weight } from './plain.ts'
import type { Way, World } from './world.ts'

/** One payment to try; amounts in thousandths of a satoshi. */
export interface Attempted {
  readonly from: Address
  readonly to: Address
  readonly amount: bigint
  readonly maxFee: bigint
}

/** What became of it. */
export interface Verdict {
  readonly paid: boolean
  /** Paths or parts that were sent. */
  readonly sent: number
  /** Rounds of sending: 1 if nothing had to be tried again. */
  readonly rounds: number
  readonly parts: number
  readonly fee: bigint
}

export type Strategy = (world: World, payment: Attempted) => Verdict

/** Rounds in which a payer tries, for every strategy. */
export const ROUNDS = 10
const NOW = 1_800_000_000
/** Seconds that all hops lock their money. */
const LOCK = 86_400

const feeOf = ({ amounts }: Way): bigint => amounts[0]! - amounts.at(-1)!
const failedAfter = (rounds: number, sent: number): Verdict => ({ paid: false, sent, rounds, parts: 0, fee: 0n })

/** A plain search, which leaves out next time what failed. */
export const plain =
  (weight: Weight): Strategy =>
  (world, { from, to, amount }) => {
    const excluded = new Set<number>()
    for (const edge of world.network.edgesOf(from)) if (world.balances[edge]! < Number(amount)) excluded.add(edge)
    for (let round = 1; round <= ROUNDS; round++) {
      const way = plainPath(world.network, { from, to, amount, excluded }, weight)
      if (!way) return failedAfter(round, round - 1)
      const failed = world.hold(way)
      if (failed === undefined) {
        world.settle(way)
        return { paid: true, sent: round, rounds: round, parts: 1, fee: feeOf(way) }
      }
      excluded.add(way.edges[failed]!)
    }
    return failedAfter(ROUNDS, ROUNDS)
  }

/** One path by fee and probability, which learns from what failed. */
export const single: Strategy = (world, payment) => {
  for (let round = 1; round <= ROUNDS; round++) {
    const way = findPath(world.network, { ...payment, now: NOW, lock: LOCK })
    if (!way) return failedAfter(round, round - 1)
    const failed = world.hold(way)
    world.learn(way, failed, new Map(), NOW)
    if (failed !== undefined) continue
    world.settle(way)
    return { paid: true, sent: round, rounds: round, parts: 1, fee: way.fee }
  }
  return failedAfter(ROUNDS, ROUNDS)
}

/** Up to 16 parts at once; those that failed are split anew while the others wait. */
export const multi: Strategy = (world, { from, to, amount, maxFee }) => {
  const waiting: Way[] = []
  let [left, budget, sent] = [amount, maxFee, 0]
  for (let round = 1; round <= ROUNDS; round++) {
    const load = loadOf(waiting)
    const maxParts = MAX_PARTS - waiting.length
    const query = { from, to, amount: left, maxFee: budget, now: NOW, lock: LOCK, load, maxParts }
    const split = maxParts > 0 ? findSplit(world.network, query) : undefined
    if (!split) return giveUp(world, waiting, round, sent)
    for (const part of split.parts) {
      sent++
      const failed = world.hold(part)
      world.learn(part, failed, loadOf(waiting), NOW)
      if (failed !== undefined) continue
      waiting.push(part)
      left -= part.amounts.at(-1)!
      budget -= part.fee
    }
    if (left > 0n) continue
    for (const part of waiting) world.settle(part)
    const fee = waiting.reduce((sum, part) => sum + feeOf(part), 0n)
    return { paid: true, sent, rounds: round, parts: waiting.length, fee }
  }
  return giveUp(world, waiting, ROUNDS, sent)
}

function giveUp(world: World, waiting: readonly Way[], rounds: number, sent: number): Verdict {
  for (const part of waiting) world.release(part)
  return failedAfter(rounds, sent)
}

function loadOf(ways: readonly Way[]): Map<number, bigint> {
  const load = new Map<number, bigint>()
  for (const { edges, amounts } of ways)
    for (const [i, edge] of edges.entries()) load.set(edge, (load.get(edge) ?? 0n) + amounts[i]!)
  return load
}
