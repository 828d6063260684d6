import { fromUint, writeHex } from './bytes.ts'
import { typedDigest, typeHash } from './eip712.ts'
import { keccak256 } from './keccak.ts'
import type { Address, ChannelId, Domain } from './types.ts'

export const CLAIM_TYPE = 'Claim(address asset,address owner,address to,uint256 amount,uint256 nonce,uint64 validUntil)'
export const REVOKE_TYPE = 'Revoke(bytes32 channelId)'

const CLAIM_TYPE_HASH = typeHash(CLAIM_TYPE)
const REVOKE_TYPE_HASH = typeHash(REVOKE_TYPE)

/** An owner's order to pay what it may claim of `asset` to `to`. */
export interface Claim {
  readonly asset: Address
  readonly owner: Address
  readonly to: Address
  readonly amount: bigint
  readonly nonce: bigint
  /** Chain time in seconds up to which it may be executed. */
  readonly validUntil: bigint
}

/** What an owner signs to have a claim executed by anyone: 32 bytes. */
export function claimDigest(domain: Domain, claim: Claim): Uint8Array {
  const bytes = new Uint8Array(224)
  bytes.set(CLAIM_TYPE_HASH)
  writeHex(bytes, 44, claim.asset, 20)
  writeHex(bytes, 76, claim.owner, 20)
  writeHex(bytes, 108, claim.to, 20)
  bytes.set(fromUint(claim.amount, 32), 128)
  bytes.set(fromUint(claim.nonce, 32), 160)
  bytes.set(fromUint(claim.validUntil, 32), 192)
  return typedDigest(domain, keccak256(bytes))
}

/** What an owner signs to revoke its signer in a channel: 32 bytes. */
export function revokeDigest(domain: Domain, channelId: ChannelId): Uint8Array {
  const bytes = new Uint8Array(64)
  bytes.set(REVOKE_TYPE_HASH)
  writeHex(bytes, 32, channelId, 32)
  return typedDigest(domain, keccak256(bytes))
}
