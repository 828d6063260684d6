import type { Address } from '../../core/types.ts'
import type { PartPolicy } from '../../protocols/admission.ts'
import type { Room } from '../../protocols/part.ts'

/** What a node asks for a part in one asset, in its units. */
export interface CarriageTerms {
  /** For each part. */
  readonly baseFee: bigint
  /** Millionths of what goes out. */
  readonly feePpm: bigint
  /** What may go out in one part. */
  readonly least: bigint
  readonly most: bigint
  /** A channel carries payments of others only while it holds this much on chain, of both members together. */
  readonly minimumDeposit: bigint
  /** Least incoming amount that is released on a secret alone. Below the cost of a reveal it is lent to the peer. */
  readonly minimum: bigint
  /** What one reveal costs, in this asset. */
  readonly revealCost: bigint
}

/** What a node asks for carrying payments of others, and what it risks. */
export interface ForwardingPolicy extends Omit<PartPolicy, 'room' | 'points'>, CarriageTerms {
  /** Whether payments of others are carried at all. */
  readonly forwards: boolean
  /** What is different for an asset, by its address in lower case. */
  readonly assets: ReadonlyMap<Address, Partial<CarriageTerms>>
  /** What may be pending with one peer. */
  readonly limits: Room
  /** Parts on their way above which new ones are refused: each takes memory until it is over. */
  readonly maxParts: number
  /** Packets that are remembered until their deadlines, so that none is taken twice; above this many new parts are refused. */
  readonly maxPackets: number
  /** Milliseconds that a commit may take; while one takes longer, new parts are refused. */
  readonly maxStoreLag: number
}

export const DEFAULT_FORWARDING: ForwardingPolicy = {
  forwards: true,
  baseFee: 0n,
  feePpm: 1_000n,
  least: 1n,
  most: 1n << 105n,
  minimumDeposit: 0n,
  assets: new Map(),
  margin: 3_600n,
  responseTime: 1_800n,
  maxLock: 7n * 86_400n,
  minimum: 1n,
  revealCost: 0n,
  limits: { parts: 256, value: 1n << 105n, residuals: 1n << 105n },
  maxParts: 16_384,
  maxPackets: 1 << 22,
  maxStoreLag: 2_000,
}

/** The policy as it is for one asset. */
export const termsFor = (policy: ForwardingPolicy, asset: Address): ForwardingPolicy => ({
  ...policy,
  ...policy.assets.get(asset),
})

/** What is kept of a part of which `amount` goes out. */
export const feeFor = ({ baseFee, feePpm }: Pick<CarriageTerms, 'baseFee' | 'feePpm'>, amount: bigint): bigint =>
  baseFee + (amount * feePpm) / 1_000_000n
