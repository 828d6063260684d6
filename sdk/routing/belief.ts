import { ALWAYS, LOWER, type Network, RECORD, SINCE, UPPER } from './network.ts'
import { roundDown } from './policy.ts'

// What a node believes an edge can carry now: x with LOWER <= x < UPPER, every value as likely as another. Without anything learned the
// bounds are those of the bucket that the writer told, else nothing and the capacity. Every attempt narrows them, time widens them again.

/** Seconds after which half of what was learned is forgotten. */
export const HALF_LIFE = 3_600

/** The bounds as they are believed at second `now`: on their way back to where they would be if nothing had been learned. */
export const boundsAt = (network: Network, edge: number, now: number): readonly [number, number] =>
  faded(network, network.ahead.floats, RECORD * network.lines[edge]!, edge, now)

function faded(network: Network, floats: Float64Array, at: number, edge: number, now: number): [number, number] {
  const [lower, upper, since] = [floats[at + LOWER]!, floats[at + UPPER]!, floats[at + SINCE]!]
  if (now <= since) return [lower, upper]
  const left = 2 ** ((since - now) / HALF_LIFE)
  const [least, most] = network.prior(edge)
  return [least + (lower - least) * left, most + (upper - most) * left]
}

/** An amount on top of what the same payment uses of an edge already, at second `now`. */
export interface Demand {
  readonly used: number
  readonly amount: number
  readonly now: number
}

/**
 * How doubtful it is that an edge carries `amount` if it carries `used`: minus the natural logarithm of the probability. 0 is certain,
 * Infinity impossible; doubts of several edges add up.
 */
export const doubt = (network: Network, edge: number, { used, amount, now }: Demand): number =>
  doubtAt(network, network.ahead.floats, RECORD * network.lines[edge]!, edge, used, amount, now)

/** The same where the edge's record begins at `at` of `floats`: for searches, which ask it of every edge. */
export function doubtAt(
  network: Network,
  floats: Float64Array,
  at: number,
  edge: number,
  used: number,
  amount: number,
  now: number,
): number {
  let lower = floats[at + LOWER]!
  let upper = floats[at + UPPER]!
  if (now > floats[at + SINCE]!) [lower, upper] = faded(network, floats, at, edge, now)
  const needed = used + amount
  if (needed <= lower) return 0
  if (needed >= upper) return Number.POSITIVE_INFINITY
  return Math.log((upper - Math.max(used, lower)) / (upper - needed))
}

/** The probability that an edge carries `amount`, from 0 to 1. */
export const chance = (network: Network, edge: number, amount: bigint, now: number): number =>
  Math.exp(-doubt(network, edge, { used: 0, amount: Number(amount), now }))

/** Narrows the bounds to what was learned; where that contradicts them they were wrong, and the newest counts. */
function narrow(network: Network, edge: number, least: number, most: number, now: number): void {
  const [lower, upper] = boundsAt(network, edge, now)
  const [from, to] = [Math.max(lower, least), Math.min(upper, most)]
  if (from < to) network.believe(edge, from, to, now)
  else network.believe(edge, least, most, now)
}

/** One above the most that an edge can ever carry. */
const ceiling = (network: Network, edge: number): number => network.capacities[edge >> 1]! + 1

/** The edge carried `amount` in all, which came back since: it can carry that much again, and its other direction no more than the rest. */
export function carried(network: Network, edge: number, amount: bigint, now: number): void {
  const most = ceiling(network, edge)
  const value = Math.min(Number(amount), most - 1)
  narrow(network, edge, value, most, now)
  narrow(network, edge ^ 1, 0, most - value, now)
}

/** The edge did not carry `amount` in all: it can carry less than that, and its other direction at least the rest. */
export function refused(network: Network, edge: number, amount: bigint, now: number): void {
  const most = ceiling(network, edge)
  const value = Math.min(Number(amount), most)
  narrow(network, edge, 0, value, now)
  narrow(network, edge ^ 1, Math.max(0, most - 1 - value), most, now)
}

/** `amount` was paid over the edge for good: so much less can follow, and so much more can come back. */
export function moved(network: Network, edge: number, amount: bigint, now: number): void {
  carried(network, edge, amount, now)
  const value = Number(amount)
  const most = ceiling(network, edge)
  const [lower, upper] = boundsAt(network, edge, now)
  network.believe(edge, Math.max(0, lower - value), Math.max(1, upper - value), now)
  const [least, top] = boundsAt(network, edge ^ 1, now)
  network.believe(edge ^ 1, Math.min(most - 1, least + value), Math.min(most, top + value), now)
}

/** A node knows what its own edge can carry; that does not fade and counts until it is told otherwise. */
export function observe(network: Network, edge: number, spendable: bigint): void {
  const value = Number(roundDown(spendable))
  network.believe(edge, value, value + 1, ALWAYS)
}
