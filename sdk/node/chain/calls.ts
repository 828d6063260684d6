import type { Chain, ChainCall, SendOptions } from '../../chain/chain.ts'
import { toHex } from '../../core/bytes.ts'
import { encodeProof, encodeStates, encodeWithdrawal, type LaneList } from '../../core/calldata.ts'
import { encodeChannel } from '../../core/channel.ts'
import { encodeEnvelope } from '../../core/envelope.ts'
import { TallystickError } from '../../core/errors.ts'
import { hashState, stateDigest, ZERO_HASH } from '../../core/state.ts'
import { type Address, type Channel, COIN, type Withdrawal, type WithdrawalPart } from '../../core/types.ts'
import { withdrawalDigest } from '../../core/withdrawal.ts'
import type { Snapshot } from '../../protocols/pending.ts'
import { keysOf, settlementList } from '../../protocols/redeeming.ts'
import { entitlement } from '../../protocols/solvency.ts'
import type { LedgerEffect } from '../../protocols/step.ts'
import type { SessionSigner } from '../../signing/signer.ts'
import { withdrawalMessage } from '../../signing/typed-data.ts'
import type { OwnerWallet } from '../../signing/wallet.ts'
import type { Slot } from '../ledgers/slot.ts'

/** What a protocol wants from the chain. */
export type ChainEffect = Extract<LedgerEffect, { kind: 'execute' | 'submit' | 'settle' }>

/** A transaction and under which name it is sent once. */
export interface PlannedCall {
  readonly call: ChainCall
  readonly options: SendOptions
}

/** Who sends, and who signs what the sender does not consent to by sending. */
export interface Caller {
  /** Throws if there is none. */
  readonly sender: () => Address
  readonly signer: SessionSigner
  readonly wallet: OwnerWallet | undefined
  /** What the registry holds under these keys. */
  readonly outcomes: Chain['outcomes']
  /** The channel with this id, if it is one of this node's. */
  readonly channel: (channelId: string) => Channel | undefined
}

/** Money can leave for others than the owner only with the owner's consent. */
export class OwnerNeededError extends TallystickError {
  readonly code = 'OWNER_NEEDED'
  readonly owner: Address

  constructor(owner: Address) {
    super(`Only ${owner} itself can send money elsewhere. Pass its wallet to Node.start, or send transactions from it.`)
    this.owner = owner
  }
}

/** Throws {@link OwnerNeededError} if the owner would have to consent and cannot. */
export function assertOwnerReachable(
  { entry }: Slot,
  part: Pick<WithdrawalPart, 'to' | 'toChannel' | 'toMember'>,
  caller: Caller,
): void {
  const { owner } = entry.channel.members[entry.me]!
  if (isOwn(part, owner, caller) || caller.wallet || caller.sender() === owner) return
  throw new OwnerNeededError(owner)
}

/** Whether the owner itself is paid, directly or in another channel that shows so. */
function isOwn(
  { to, toChannel, toMember }: Pick<WithdrawalPart, 'to' | 'toChannel' | 'toMember'>,
  owner: Address,
  caller: Caller,
): boolean {
  if (toChannel !== ZERO_HASH) return caller.channel(toChannel)?.members[toMember]?.owner === owner
  return to === COIN || to === owner
}

/**
 * The transaction for `effect`. `anyone`: with all signatures, so that any account can send it; otherwise a member that sends
 * it itself leaves its own out, which is cheaper.
 */
export async function plan(slot: Slot, effect: ChainEffect, caller: Caller, anyone = false): Promise<PlannedCall> {
  const weight = entitlement(slot.ledger, slot.ledger.me)
  if (effect.kind === 'execute') return execution(slot, effect, caller, { weight, anyone })
  if (effect.kind === 'submit') return submission(slot, effect, caller, { weight, anyone })
  const states = effect.states.map(({ state }) => state)
  const lists = await decidedLists(effect.states, slot.ledger.facts!.head.timestamp, caller.outcomes)
  return {
    call: call(slot, 'settle', encodeProof(effect.base, states, lists)),
    options: { intent: `settle/${slot.ledgerId}/${slot.ledger.generation}`, weight, anySender: true },
  }
}

/** The lists of all lanes of which some transfer is decided. */
export async function decidedLists(
  states: readonly Snapshot[],
  now: bigint,
  outcomes: Chain['outcomes'],
): Promise<LaneList[]> {
  const keys = keysOf(states.flatMap(({ pending }) => pending.list.transfers))
  if (keys.length === 0) return []
  const found = await outcomes(keys)
  const known = new Map(keys.map((key, index) => [key, found[index]!]))
  return states.flatMap(
    ({ state, pending }) => settlementList(state.lane, pending.list.transfers, (key) => known.get(key), now) ?? [],
  )
}

const call = (slot: Slot, functionName: string, packed: Uint8Array): ChainCall => ({
  to: 'adjudicator',
  functionName,
  args: [toHex(encodeChannel(slot.entry.channel)), slot.ledger.asset, toHex(packed)],
})

interface How {
  readonly weight: bigint
  readonly anyone: boolean
}

function submission(
  slot: Slot,
  { states, expiry }: Extract<ChainEffect, { kind: 'submit' }>,
  caller: Caller,
  { weight, anyone }: How,
): PlannedCall {
  const { ledger, terms } = slot
  const signed = states.map(({ state, signature }) => {
    const own = sendsItself(slot, caller, anyone)
      ? undefined
      : direct(caller.signer.sign(stateDigest(terms.domain, state)))
    return { state, signatures: inOrder(slot, own, direct(signature)) }
  })
  const hashes = states.map(({ state }) => toHex(hashState(state)).slice(2, 18)).join('-')
  // A dispute that a withdrawal ended may be started again with the same states, at another seq.
  const round = expiry > 0n ? expiry : ledger.facts?.latest.phase === 'open' ? ledger.facts.latest.seq : 0
  const intent = `submit/${slot.ledgerId}/${ledger.generation}/${round}/${hashes}${anyone ? '/anyone' : ''}`
  const options = { intent, weight, anySender: anyone, ...(expiry > 0n ? { before: expiry } : {}) }
  return { call: call(slot, 'submit', encodeStates(signed)), options }
}

async function execution(
  slot: Slot,
  { withdrawal, consent }: Extract<ChainEffect, { kind: 'execute' }>,
  caller: Caller,
  { weight, anyone }: How,
): Promise<PlannedCall> {
  const digest = withdrawalDigest(slot.terms.domain, withdrawal)
  const { owner } = slot.entry.channel.members[slot.entry.me]!
  const elsewhere = withdrawal.parts.some((part) => part.member === slot.entry.me && !isOwn(part, owner, caller))
  const byOwner = elsewhere && caller.sender() !== owner
  const own = byOwner
    ? await ownerConsent(slot, withdrawal, caller)
    : sendsItself(slot, caller, anyone)
      ? undefined
      : direct(caller.signer.sign(digest))
  const targets = new Map<string, Channel>()
  for (const { toChannel } of withdrawal.parts) {
    const target = caller.channel(toChannel)
    if (target && !elsewhere) targets.set(toChannel, target)
  }
  const signatures = inOrder(slot, own, direct(consent))
  const intent = `withdraw/${slot.ledgerId}/${toHex(digest).slice(2, 18)}${anyone ? '/anyone' : ''}`
  const options = { intent, weight, before: withdrawal.validUntil, anySender: anyone }
  // One that ends a dispute shows what the dispute committed to.
  const base = withdrawal.dispute > 0n ? (slot.ledger.facts?.base ?? []) : []
  return { call: call(slot, 'withdraw', encodeWithdrawal(withdrawal, signatures, base, targets)), options }
}

async function ownerConsent({ entry, terms }: Slot, withdrawal: Withdrawal, { wallet }: Caller): Promise<Uint8Array> {
  if (!wallet) throw new OwnerNeededError(entry.channel.members[entry.me]!.owner)
  const signature = await wallet.signTypedData(withdrawalMessage(terms.domain, withdrawal))
  return encodeEnvelope({ kind: 'owner', signature })
}

const direct = (signature: Uint8Array): Uint8Array => encodeEnvelope({ kind: 'direct', signature })

/** Whether this member consents by sending. One account behind both members cannot tell the contract which of them it is. */
function sendsItself({ entry }: Slot, caller: Caller, anyone: boolean): boolean {
  if (anyone) return false
  const sender = caller.sender()
  const [mine, other] = [entry.channel.members[entry.me]!, entry.channel.members[1 - entry.me]!]
  return [mine.signer, mine.owner].includes(sender) && ![other.signer, other.owner].includes(sender)
}

const inOrder = ({ entry }: Slot, own: Uint8Array | undefined, peer: Uint8Array): (Uint8Array | undefined)[] =>
  entry.me === 0 ? [own, peer] : [peer, own]
