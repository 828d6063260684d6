import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromUint, toBytes, toHex } from './bytes.ts'
import { keccak256 } from './keccak.ts'
import type { Address, Hex } from './types.ts'

const TAG = keccak256(utf8ToBytes('Tallystick outcome'))

/** The value that stands for "all of the amount". */
export const WHOLE = 1_000_000_000_000_000_000n

/** What the registry holds under a key: `value` is 0 to 1e18, `recordedAt` the chain's time in seconds. */
export interface Outcome {
  readonly value: bigint
  readonly recordedAt: bigint
}

/** What an outcome key binds; `chainId` is the id when the registry was deployed, `condition` the registry itself for a secret. */
export interface OutcomeSource {
  readonly chainId: bigint
  readonly condition: Address
}

/** The key of a condition's answer about data with this 32-byte hash. */
export function outcomeKey({ chainId, condition }: OutcomeSource, dataHash: Uint8Array): Hex {
  return toHex(keccak256(concatBytes(TAG, fromUint(chainId, 32), new Uint8Array(12), toBytes(condition, 20), dataHash)))
}

/** The key of a 32-byte secret under the registry `condition`. */
export const secretKey = (registry: OutcomeSource, secret: Uint8Array): Hex => outcomeKey(registry, keccak256(secret))
