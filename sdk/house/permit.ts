import { memberId } from '../clearing/account.ts'
import { hashWords } from '../clearing/words.ts'
import { typedDigest, typeHash } from '../core/eip712.ts'
import type { Address, Domain, Hex, Member } from '../core/types.ts'
import { signDirect } from '../signing/session.ts'
import { verifyEnvelope } from '../signing/signature.ts'
import type { SessionSigner } from '../signing/signer.ts'

// A member's word to the operator that a tower may see its leaves. No contract knows it, and it lets nobody spend.

export const WATCH_TYPE = 'Watch(bytes32 member,address tower)'
const WATCH = typeHash(WATCH_TYPE)

const digestOf = (domain: Domain, member: Hex, tower: Address): Uint8Array =>
  typedDigest(domain, hashWords([WATCH, member, BigInt(tower)]))

/** For the key that the tower dials the operator with. */
export const permitFor = (domain: Domain, member: Hex, tower: Address, signer: SessionSigner): Uint8Array =>
  signDirect(signer, digestOf(domain, member, tower))

/** Whether the member lets this peer look. */
export const isPermitted = (domain: Domain, member: Member, tower: Address, permit: Uint8Array): boolean =>
  verifyEnvelope(domain, digestOf(domain, memberId(member), tower), permit, member.signer)
