import { fromUint, writeHex } from './bytes.ts'
import { isIndex, memberCount } from './channel.ts'
import { typedDigest, typeHash } from './eip712.ts'
import { TallystickError } from './errors.ts'
import { keccak256 } from './keccak.ts'
import { MAX_GENERATION, ZERO_HASH } from './state.ts'
import { COIN, type Domain, type Withdrawal, type WithdrawalPart } from './types.ts'

export const PART_TYPE = 'Part(uint8 member,uint256 amount,address to,bytes32 toChannel,uint8 toMember)'
export const WITHDRAWAL_TYPE = `Withdrawal(bytes32 channelId,address asset,uint16 generation,uint16 seq,Part[] parts,bool closing,uint64 validUntil,uint64 dispute)${PART_TYPE}`

/** The word has 15 bits for it. */
export const MAX_SEQ = 32_767

const PART_TYPE_HASH = typeHash(PART_TYPE)
const WITHDRAWAL_TYPE_HASH = typeHash(WITHDRAWAL_TYPE)

/** A withdrawal breaks a rule that the adjudicator checks. */
export class InvalidWithdrawalError extends TallystickError {
  readonly code = 'INVALID_WITHDRAWAL'
  readonly field: keyof Withdrawal

  constructor(field: keyof Withdrawal, message: string) {
    super(message)
    this.field = field
  }
}

/** Throws {@link InvalidWithdrawalError} unless the adjudicator could execute it (balances, signatures and time aside). */
export function validateWithdrawal(withdrawal: Withdrawal): void {
  const members = memberCount(withdrawal.channelId)
  const fail = (field: keyof Withdrawal, fact: string) => {
    throw new InvalidWithdrawalError(field, `${fact} Reject this withdrawal and ask for a valid one.`)
  }
  const { generation, seq, validUntil, dispute } = withdrawal
  if (!isIndex(generation, MAX_GENERATION + 1))
    fail('generation', `Generation ${generation} is not within 0 to ${MAX_GENERATION}.`)
  if (!isIndex(seq, MAX_SEQ + 1)) fail('seq', `Sequence number ${seq} is not within 0 to ${MAX_SEQ}.`)
  if (validUntil < 0n || validUntil >= 1n << 64n) fail('validUntil', `The time ${validUntil} does not fit in 64 bits.`)
  if (dispute < 0n || dispute >= 1n << 40n) fail('dispute', `The expiry ${dispute} does not fit in 40 bits.`)
  for (const part of withdrawal.parts) {
    if (!isIndex(part.member, members)) fail('parts', `There is no member ${part.member}.`)
    if (part.amount <= 0n || part.amount >= 1n << 111n)
      fail('parts', `An amount of ${part.amount} is not within 1 to 2^111 - 1.`)
    if (part.toChannel === ZERO_HASH) {
      if (part.toMember !== 0) fail('parts', 'A part names a member of another channel, but no channel.')
    } else {
      if (part.to !== COIN) fail('parts', 'A part names both an address and a channel to pay to.')
      if (!isIndex(part.toMember, memberCount(part.toChannel)))
        fail('parts', `The channel ${part.toChannel} has no member ${part.toMember}.`)
    }
  }
}

function hashPart(part: WithdrawalPart): Uint8Array {
  const bytes = new Uint8Array(192)
  bytes.set(PART_TYPE_HASH)
  bytes[63] = part.member
  bytes.set(fromUint(part.amount, 32), 64)
  writeHex(bytes, 108, part.to, 20)
  writeHex(bytes, 128, part.toChannel, 32)
  bytes[191] = part.toMember
  return keccak256(bytes)
}

/** EIP-712 `hashStruct` of a withdrawal, 32 bytes. */
export function hashWithdrawal(withdrawal: Withdrawal): Uint8Array {
  const parts = new Uint8Array(32 * withdrawal.parts.length)
  for (const [index, part] of withdrawal.parts.entries()) parts.set(hashPart(part), 32 * index)
  const bytes = new Uint8Array(288)
  const view = new DataView(bytes.buffer)
  bytes.set(WITHDRAWAL_TYPE_HASH)
  writeHex(bytes, 32, withdrawal.channelId, 32)
  writeHex(bytes, 76, withdrawal.asset, 20)
  view.setUint16(126, withdrawal.generation)
  view.setUint16(158, withdrawal.seq)
  bytes.set(keccak256(parts), 160)
  bytes[223] = withdrawal.closing ? 1 : 0
  view.setBigUint64(248, withdrawal.validUntil)
  view.setBigUint64(280, withdrawal.dispute)
  return keccak256(bytes)
}

/** What members and owners sign to consent to a withdrawal: 32 bytes. */
export const withdrawalDigest = (domain: Domain, withdrawal: Withdrawal): Uint8Array =>
  typedDigest(domain, hashWithdrawal(withdrawal))
