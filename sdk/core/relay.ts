import { from as abiFunction, decodeData, encodeData, getSelector } from 'ox/AbiFunction'
import { toBytes, toHex, toUint } from './bytes.ts'
import { encodeStates, encodeWithdrawal, type SignedState } from './calldata.ts'
import { encodeChannel } from './channel.ts'
import type { Claim } from './claim.ts'
import { Reader } from './codec.ts'
import { decodeEnvelope } from './envelope.ts'
import { TallystickError } from './errors.ts'
import { laneCount, ZERO_HASH } from './state.ts'
import { least } from './transfer.ts'
import type { Address, Channel, Domain, Hex, Withdrawal } from './types.ts'

// Whoever has no gas money signs, and a relayer sends. What any account may send is a call with every signature in it; the
// relayer is named and paid by what was signed, so nobody can take more, and whoever sends first changes nothing. ADR 0024.

/** What a relayer earns. */
export interface Tip {
  readonly asset: Address
  readonly amount: bigint
  /** The relayer's own address. */
  readonly to: Address
}

/** Calls that any account may send as they are, and what the one named gets by them. */
export interface RelayRequest {
  /** The adjudicator. */
  readonly to: Address
  /** Calldata, to be sent in this order; a multicall sends them all or none. */
  readonly data: readonly Hex[]
  readonly tip: Tip
  /** Chain time in seconds up to which they can be executed. */
  readonly validUntil: bigint
}

/** What should be relayed cannot be, or does not pay what it says. */
export class InvalidRelayError extends TallystickError {
  readonly code = 'INVALID_RELAY'
}

/** Calldata of one call at most: what nodes pass on. */
const MAX_CALL = 131_072

const WITHDRAW = abiFunction('function withdraw(bytes channel, address asset, bytes withdrawal)')
const SUBMIT = abiFunction('function submit(bytes channel, address asset, bytes states)')
const CLAIM_FOR = abiFunction(
  'function claimFor(address asset, address owner, address to, uint256 amount, uint64 validUntil, bytes signature)',
)

/**
 * `withdrawal` with `tip` taken out of what `member` gets, in a part of its own. Do it before anybody signs.
 * Throws {@link InvalidRelayError} unless one part of the member holds more than the tip.
 */
export function withTip(withdrawal: Withdrawal, member: number, tip: Pick<Tip, 'amount' | 'to'>): Withdrawal {
  const position = withdrawal.parts.findIndex((part) => part.member === member && part.amount > tip.amount)
  const source = withdrawal.parts[position]
  if (!source || tip.amount <= 0n)
    throw new InvalidRelayError(
      `No part of member ${member} can spare a tip of ${tip.amount}. Withdraw more, or tip less.`,
    )
  const rest = { ...source, amount: source.amount - tip.amount }
  const paid = { member, amount: tip.amount, to: tip.to, toChannel: ZERO_HASH, toMember: 0 }
  return { ...withdrawal, parts: [...withdrawal.parts.with(position, rest), paid] }
}

/**
 * A withdrawal that pays `relayer` in a part of its own (see {@link withTip}).
 *
 * @param signatures Every member's envelope, in member order. Whose money the tip is consents as owner, or is its own signer.
 * @param base Of the dispute that the withdrawal ends, if it names one.
 * @param targets Channels that are paid into and shown, by their ids.
 * @throws {@link InvalidRelayError}
 */
export function relayWithdrawal(
  domain: Domain,
  {
    channel,
    withdrawal,
    signatures,
    relayer,
    base,
    targets,
  }: {
    readonly channel: Channel
    readonly withdrawal: Withdrawal
    readonly signatures: readonly Uint8Array[]
    readonly relayer: Address
    readonly base?: readonly bigint[]
    readonly targets?: ReadonlyMap<string, Channel>
  },
): RelayRequest {
  assertSigned(channel, signatures)
  for (const { member, to } of withdrawal.parts) if (to === relayer) assertOwnerConsents(channel, member, signatures)
  const packed = encodeWithdrawal(withdrawal, signatures, base, targets)
  const tip = { asset: withdrawal.asset, amount: paidTo(packed, channel.members.length, relayer), to: relayer }
  if (tip.amount === 0n)
    throw new InvalidRelayError(`Nothing is paid to ${relayer}. Add a part with withTip, then sign.`)
  const data = encodeData(WITHDRAW, [toHex(encodeChannel(channel)), withdrawal.asset, toHex(packed)])
  return { to: domain.adjudicator, data: [data], tip, validUntil: withdrawal.validUntil }
}

/** A claim of what a failed payout left for its owner, paid to a relayer by the owner's `signature` over `claimDigest`. */
export function relayClaim(domain: Domain, claim: Claim, signature: Uint8Array): RelayRequest {
  const { asset, owner, to, amount, validUntil } = claim
  const data = encodeData(CLAIM_FOR, [asset, owner, to, amount, validUntil, toHex(signature)])
  return { to: domain.adjudicator, data: [data], tip: { asset, amount, to }, validUntil }
}

/**
 * A challenge or an answer with every signature, and `payment` for it: a withdrawal of another ledger, or of this one while it is
 * open, or a claim. Nothing on chain ties the two together: risk no more than the tip, and hand the states to another relayer if
 * this one only took it.
 *
 * @param expiry Of the running dispute, for an answer.
 * @throws {@link InvalidRelayError}
 */
export function relaySubmit(
  domain: Domain,
  {
    channel,
    asset,
    states,
    payment,
    expiry,
  }: {
    readonly channel: Channel
    readonly asset: Address
    readonly states: readonly SignedState[]
    readonly payment: RelayRequest
    readonly expiry?: bigint
  },
): RelayRequest {
  if (states.length === 0)
    throw new InvalidRelayError('Only a member can send a challenge without states. Show the newest states.')
  for (const { signatures } of states) assertSigned(channel, signatures)
  const data = encodeData(SUBMIT, [toHex(encodeChannel(channel)), asset, toHex(encodeStates(states))])
  const validUntil = expiry === undefined ? payment.validUntil : least(payment.validUntil, expiry - 1n)
  return { to: domain.adjudicator, data: [...payment.data, data], tip: payment.tip, validUntil }
}

/**
 * What a relayer checks before it simulates and sends: that the calls go to its adjudicator, are calls that this module makes, and
 * by themselves pay `relayer` what `request.tip` says. Whether they succeed is for the chain to say. Throws {@link InvalidRelayError}
 * for anything else, a MalformedBytesError included.
 */
export function assertTip(domain: Domain, request: RelayRequest, relayer: Address): void {
  const fail = (fact: string): never => {
    throw new InvalidRelayError(`${fact} Do not send it.`)
  }
  const { to, data, tip } = request
  if (to !== domain.adjudicator) fail(`${to} is not the adjudicator.`)
  if (tip.to !== relayer) fail(`The tip goes to ${tip.to}.`)
  if (data.length === 0 || data.length > 2) fail(`${data.length} calls are not one or two.`)
  const paid = data.reduce((sum, call) => sum + paidBy(call, tip), 0n)
  if (paid !== tip.amount) fail(`The calls pay ${paid} of ${tip.asset}, not ${tip.amount}.`)
}

/** What one call pays to `tip.to` in `tip.asset`. */
function paidBy(call: Hex, { asset, to }: Tip): bigint {
  if (call.length > 2 + 2 * MAX_CALL)
    throw new InvalidRelayError(`A call of ${call.length / 2} bytes is too long. Do not send it.`)
  try {
    const selector = call.slice(0, 10)
    if (selector === getSelector(SUBMIT)) return 0n
    if (selector === getSelector(WITHDRAW)) {
      const [channel, paidAsset, packed] = decodeData(WITHDRAW, call)
      const members = (toBytes(channel).length - 20) / 40
      return paidAsset.toLowerCase() === asset ? paidTo(toBytes(packed), members, to) : 0n
    }
    if (selector === getSelector(CLAIM_FOR)) {
      const [claimed, , payee, amount] = decodeData(CLAIM_FOR, call)
      return claimed.toLowerCase() === asset && payee.toLowerCase() === to ? amount : 0n
    }
  } catch (cause) {
    throw new InvalidRelayError('A call is malformed. Do not send it.', { cause })
  }
  throw new InvalidRelayError('A call is none that can be relayed. Do not send it.')
}

/** What a packed withdrawal pays to `account`, in parts of kind 1. */
function paidTo(packed: Uint8Array, members: number, account: Address): bigint {
  const reader = new Reader(packed)
  // Closing, sequence number, validity.
  reader.raw(11)
  if (reader.u64() > 0n) reader.raw(32 * (1 + laneCount(members)))
  let sum = 0n
  for (let left = reader.u8(); left > 0; left--) {
    reader.u8()
    const amount = toUint(reader.raw(14))
    const kind = reader.u8()
    if (kind === 1 && reader.hex(20) === account) sum += amount
    if (kind === 2) reader.raw(33)
    if (kind === 3) reader.raw(20 + 40 * reader.raw(2)[1]!)
    if (kind > 3) throw new InvalidRelayError(`There is no part of kind ${kind}. Do not send it.`)
  }
  return sum
}

/** A signature that is missing stands for the sender, and a relayer is nobody's member. */
function assertSigned(channel: Channel, signatures: readonly (Uint8Array | undefined)[]): void {
  const count = channel.members.length
  const missing = channel.members.findIndex((_, member) => signatures[member] === undefined)
  if (missing !== -1)
    throw new InvalidRelayError(`The signature of member ${missing} is missing. Collect every member's, then relay it.`)
  if (signatures.length > count)
    throw new InvalidRelayError(`There are ${signatures.length} signatures of ${count} members. Pass one of each.`)
}

/** Money goes elsewhere than to the owner with the owner's own consent alone. */
function assertOwnerConsents(channel: Channel, member: number, signatures: readonly Uint8Array[]): void {
  const { signer, owner } = channel.members[member]!
  if (signer === owner || decodeEnvelope(signatures[member]!).kind === 'owner') return
  throw new InvalidRelayError(`Only ${owner} can allow a tip out of its money. Let the owner sign the withdrawal.`)
}
