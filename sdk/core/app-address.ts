import { concatBytes } from '@noble/hashes/utils.js'
import { toBytes, toHex } from './bytes.ts'
import { keccak256 } from './keccak.ts'
import type { Address, Hex } from './types.ts'

/**
 * Where an arbiter's `deploy(initCode)` puts an app: its address is known before anybody deploys it (CREATE2, salt zero).
 *
 * @example
 * ```ts
 * const app = appAddress({ arbiter, initCode: artifact.bytecode })
 * ```
 */
export function appAddress({ arbiter, initCode }: { readonly arbiter: Address; readonly initCode: Hex }): Address {
  const salt = new Uint8Array(32)
  const made = keccak256(concatBytes(Uint8Array.of(0xff), toBytes(arbiter, 20), salt, keccak256(toBytes(initCode))))
  return toHex(made.subarray(12))
}
