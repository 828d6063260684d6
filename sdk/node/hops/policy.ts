import type { PartPolicy } from '../../protocols/admission.ts'
import type { Room } from '../../protocols/part.ts'

/** What a node asks for carrying payments of others, and what it risks. */
export interface ForwardingPolicy extends Omit<PartPolicy, 'room' | 'points'> {
  /** Whether payments of others are carried at all. */
  readonly forwards: boolean
  /** In the asset's units, for each part. */
  readonly baseFee: bigint
  /** Millionths of what goes out. */
  readonly feePpm: bigint
  /** What may be pending with one peer. */
  readonly limits: Room
}

export const DEFAULT_FORWARDING: ForwardingPolicy = {
  forwards: true,
  baseFee: 0n,
  feePpm: 1_000n,
  margin: 3_600n,
  responseTime: 1_800n,
  maxLock: 7n * 86_400n,
  minimum: 1n,
  revealCost: 0n,
  limits: { parts: 256, value: 1n << 105n, residuals: 1n << 105n },
}
