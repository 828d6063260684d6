import { utf8ToBytes } from '@noble/hashes/utils.js'
import { fromUint, writeHex } from './bytes.ts'
import { keccak256 } from './keccak.ts'
import type { Domain } from './types.ts'

/** What both sides call the domain; a change of `version` voids every older signature. */
export const DOMAIN_NAME = 'Tallystick'
export const DOMAIN_VERSION = '1'

/** A typed message in the shape that wallets take; `types` is without `EIP712Domain`, as ethers wants it. */
export interface TypedMessage {
  /** Not every contract's domain has a version. */
  readonly domain: { name: string; version?: string; chainId: bigint; verifyingContract: string }
  readonly types: Record<string, { name: string; type: string }[]>
  readonly primaryType: string
  readonly message: Record<string, unknown>
}

/** keccak-256 of a type string such as `Batch(bytes32 root)`. */
export const typeHash = (type: string): Uint8Array => keccak256(utf8ToBytes(type))

const DOMAIN_TYPE = typeHash('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)')
const NAME = keccak256(utf8ToBytes(DOMAIN_NAME))
const VERSION = keccak256(utf8ToBytes(DOMAIN_VERSION))

// Domains are few and long-lived objects; the cache goes with them.
const separators = new WeakMap<Domain, Uint8Array>()

/** The EIP-712 domain separator, 32 bytes; cached per domain object. */
export function domainSeparator(domain: Domain): Uint8Array {
  const known = separators.get(domain)
  if (known) return known
  const bytes = new Uint8Array(160)
  bytes.set(DOMAIN_TYPE)
  bytes.set(NAME, 32)
  bytes.set(VERSION, 64)
  bytes.set(fromUint(domain.chainId, 32), 96)
  writeHex(bytes, 140, domain.adjudicator, 20)
  const separator = keccak256(bytes)
  separators.set(domain, separator)
  return separator
}

const scratch = new Uint8Array(66)
scratch[0] = 0x19
scratch[1] = 0x01

/** What a key signs for a struct with this hash: 32 bytes. */
export function typedDigest(domain: Domain, structHash: Uint8Array): Uint8Array {
  scratch.set(domainSeparator(domain), 2)
  scratch.set(structHash, 34)
  return keccak256(scratch)
}
