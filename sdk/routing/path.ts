import { InvalidOptionError } from '../core/errors.ts'
import type { Address } from '../core/types.ts'
import { doubt, doubtAt } from './belief.ts'
import { BASE, MARGIN, MAX, MAX_LOCK, MIN, type Network, RATE, RECORD, type Records } from './network.ts'
import { feeOf } from './policy.ts'

/** Edges of a path at most, as many as an onion has layers for. */
export const MAX_HOPS = 20
/** What a payer gives by default to be rid of one unit of doubt: this share of the amount. */
export const DEFAULT_RISK = 1 / 1_000
/** The doubt about every hop, whatever it carries: it may be gone. Of two equal paths it makes the shorter one the better. */
export const HOP_DOUBT = 0.01

/** `sprites`: one deadline for all hops. `plain`: each hop's is earlier than the one before it by its margin. */
export type DeadlineMode = 'sprites' | 'plain'

/** What is asked of a path. Amounts are in the asset's smallest unit, times in seconds. */
export interface PathQuery {
  readonly from: Address
  /** The payer itself asks for a cycle; then name `first` and `last`. */
  readonly to: Address
  /** What arrives. */
  readonly amount: bigint
  /** What all hops together may keep. */
  readonly maxFee: bigint
  /** Since 1970; only what was learned of edges depends on it. */
  readonly now: number
  /** From now until the deadline of what arrives; not given: what hops announce of their time does not matter. */
  readonly lock?: number
  /** From now until the deadline of what leaves the payer, at most; without a limit if not given. */
  readonly maxLock?: number
  /** `sprites` if not given. */
  readonly mode?: DeadlineMode
  /** {@link MAX_HOPS} if not given. */
  readonly maxHops?: number
  /**
   * What the payer would pay in fees to be rid of one unit of doubt, i.e. to try a path that succeeds for sure instead of one that succeeds in
   * one of 2.7 cases. 0: the cheapest path, however unlikely. {@link DEFAULT_RISK} of the amount if not given.
   */
  readonly risk?: number
  /** Edges that must not be used. */
  readonly excluded?: ReadonlySet<number>
  /** What other parts of the same payment take of edges. */
  readonly load?: ReadonlyMap<number, bigint>
  /** If given, the path leaves by one of these edges, and arrives by one of these. */
  readonly first?: ReadonlySet<number>
  readonly last?: ReadonlySet<number>
}

/** A way for an amount. */
export interface Path {
  /** From the payer on. */
  readonly edges: readonly number[]
  /** What each edge carries: what arrives and the fees of all hops behind it. */
  readonly amounts: readonly bigint[]
  /** What all hops together keep. */
  readonly fee: bigint
  /** Minus the natural logarithm of the probability that all edges carry their amounts. */
  readonly doubt: number
  /** What it was chosen by: fee and priced doubt. */
  readonly cost: number
}

/** A query as a search reads it: indices and doubles, every default in its place. */
export interface Terms {
  readonly from: number
  readonly to: number
  readonly amount: number
  readonly maxFee: number
  readonly now: number
  /** NaN, which nothing is above or below, if it does not matter. */
  readonly lock: number
  readonly maxLock: number
  readonly staggered: boolean
  readonly maxHops: number
  readonly risk: number
  /** Whether one of the next three says anything. */
  readonly picky: boolean
  readonly excluded: ReadonlySet<number>
  readonly first: ReadonlySet<number> | undefined
  readonly last: ReadonlySet<number> | undefined
  readonly load: ReadonlyMap<number, number>
}

/** Throws `InvalidOptionError` for an amount of nothing. */
export function assertAmount(amount: bigint): void {
  if (amount <= 0n)
    throw new InvalidOptionError('amount', `A path for ${amount} leads nowhere. Ask for a positive amount.`)
}

const NONE: ReadonlySet<number> = new Set()

/** The terms of a query, or undefined if one of the two nodes has no channel, or if they are one and its edges are not named. Throws `InvalidOptionError` for an amount of nothing. */
export function termsOf(network: Network, query: PathQuery): Terms | undefined {
  assertAmount(query.amount)
  const [from, to] = [network.indexOf(query.from), network.indexOf(query.to)]
  if (from === undefined || to === undefined) return undefined
  if (from === to && (query.first === undefined || query.last === undefined)) return undefined
  const amount = Number(query.amount)
  const excluded = query.excluded ?? NONE
  return {
    from,
    to,
    amount,
    maxFee: Number(query.maxFee),
    now: query.now,
    lock: query.lock ?? Number.NaN,
    maxLock: query.maxLock ?? Number.POSITIVE_INFINITY,
    staggered: query.mode === 'plain',
    maxHops: query.maxHops ?? MAX_HOPS,
    risk: query.risk ?? DEFAULT_RISK * amount,
    picky: excluded.size > 0 || query.first !== undefined || query.last !== undefined,
    excluded,
    first: query.first,
    last: query.last,
    load: new Map([...(query.load ?? [])].map(([edge, carried]) => [edge, Number(carried)])),
  }
}

/**
 * What sending `amount` over an edge adds to a path's cost; Infinity where it is not possible. It grows with the amount, so that with less
 * than the edge will carry it is a lower bound. `line` is where the edge stands in `records`, `own` whether it leaves the payer.
 */
export function weight(
  network: Network,
  terms: Terms,
  { floats, ints }: Records,
  line: number,
  edge: number,
  amount: number,
  own: boolean,
): number {
  const at = RECORD * line
  // The least is held against what arrives, not against that and fees: then less is always better, here and on all edges before.
  if (amount > floats[at + MAX]! || terms.amount < floats[at + MIN]!) return Number.POSITIVE_INFINITY
  // So is the margin against the payee's lock, the shortest of all. Nobody asks himself for time to react, or for a fee.
  if (!own && (ints[2 * at + MARGIN]! > terms.lock || ints[2 * at + MAX_LOCK]! < terms.lock))
    return Number.POSITIVE_INFINITY
  if (terms.picky && !allowed(network, terms, edge, own)) return Number.POSITIVE_INFINITY
  const used = terms.load.size === 0 ? 0 : (terms.load.get(edge) ?? 0)
  const doubtful = doubtAt(network, floats, at, edge, used, amount, terms.now)
  // Even where doubt costs nothing: what is impossible stays so.
  if (doubtful === Number.POSITIVE_INFINITY) return doubtful
  const fee = own ? 0 : floats[at + BASE]! + Math.ceil((amount * floats[at + RATE]!) / 1e6)
  return fee + terms.risk * (doubtful + HOP_DOUBT)
}

function allowed(network: Network, { excluded, first, last, to }: Terms, edge: number, own: boolean): boolean {
  if (excluded.has(edge) || (own && first?.has(edge) === false)) return false
  return last === undefined || network.heads[edge] !== to || last.has(edge)
}

/** A path breaks a limit as a whole: its fee, its length or the time that the payer's money is locked. */
export const TOO_MUCH = -1

/**
 * Walks a way back from the payee and counts to the unit what each edge must carry.
 * Returns the path, an edge that cannot be part of it, or {@link TOO_MUCH}.
 */
export function pathOf(network: Network, query: PathQuery, edges: readonly number[]): Path | number {
  const { mode = 'sprites', now, lock: shortest = Number.NaN } = query
  const amounts: bigint[] = []
  let amount = query.amount
  let lock = shortest
  let doubts = 0
  for (let i = edges.length - 1; i >= 0; i--) {
    const edge = edges[i]!
    const policy = network.policyOf(edge)
    const used = query.load?.get(edge) ?? 0n
    const doubtful = doubt(network, edge, { used: Number(used), amount: Number(amount), now })
    if (query.amount < policy.min || amount > policy.max || doubtful === Number.POSITIVE_INFINITY) return edge
    if (used + amount > BigInt(network.capacities[edge >> 1]!)) return edge
    amounts.unshift(amount)
    doubts += doubtful + HOP_DOUBT
    // Nobody asks himself for a fee, or for time to react.
    if (i === 0) break
    if (policy.margin > shortest) return edge
    if (mode === 'plain') lock += policy.margin
    if (policy.maxLock < lock) return edge
    amount += feeOf(policy, amount)
  }
  const fee = amount - query.amount
  if (fee > query.maxFee || lock > (query.maxLock ?? lock) || edges.length > (query.maxHops ?? MAX_HOPS))
    return TOO_MUCH
  const risk = query.risk ?? DEFAULT_RISK * Number(query.amount)
  return { edges, amounts, fee, doubt: doubts, cost: Number(fee) + risk * doubts }
}
