/** What a node asks for what it forwards over one of its channels; amounts are in the asset's smallest unit. */
export interface Policy {
  /** Per transfer. */
  readonly base: bigint
  /** Of the amount that leaves, in parts per million. */
  readonly rate: number
  /** The least and the largest amount of one transfer; a largest of zero closes the direction. */
  readonly min: bigint
  readonly max: bigint
  /** Seconds that must be left until the deadline of what leaves; in mode `plain` also how much later what comes in must end. */
  readonly margin: number
  /** Seconds that it locks its money at most. */
  readonly maxLock: number
}

/** Parts per million at most: the whole amount once more. */
export const MAX_RATE = 1_000_000
/** Seconds: the longest margin or lock that can be told, a little over two years. */
export const MAX_SECONDS = 2 ** 26 - 1

const MILLION = 1_000_000n

/**
 * What is kept for letting `amount` leave. Rounded up: then nobody pays less by sending the same amount in many small parts.
 *
 * @example
 * ```ts
 * feeOf({ base: 2n, rate: 100 }, 1_000_001n) // 103n
 * ```
 */
export const feeOf = ({ base, rate }: Pick<Policy, 'base' | 'rate'>, amount: bigint): bigint =>
  base + (amount * BigInt(rate) + MILLION - 1n) / MILLION

/**
 * Whether a double holds `amount` exactly, as everything told about channels must be: at most 53 binary digits between the first and the last
 * that is one. Path finding then reads the very numbers that were signed.
 */
export const isRound = (amount: bigint): boolean => BigInt(Number(amount)) === amount

/** The largest round amount that is not above `amount`: for capacities and upper limits. */
export function roundDown(amount: bigint): bigint {
  const excess = BigInt(Math.max(0, bitLength(amount) - 53))
  return (amount >> excess) << excess
}

/** The smallest round amount that is not below `amount`: for fees and lower limits. */
export function roundUp(amount: bigint): bigint {
  const below = roundDown(amount)
  if (below === amount) return amount
  return roundDown(below + (1n << BigInt(bitLength(amount) - 53)))
}

/** Binary digits of `amount`; none for zero. */
export const bitLength = (amount: bigint): number => (amount === 0n ? 0 : amount.toString(2).length)

/** The bucket of a writer who does not tell how much its direction can carry. */
export const UNTOLD = 255

/**
 * What gossip tells of the amount that a direction can carry now: its number of binary digits and nothing more, so that payments cannot be
 * read from its changes.
 */
export const bucketOf = (spendable: bigint): number => bitLength(spendable)
