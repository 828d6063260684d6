import type { ChainCall, SendOptions } from '../chain/chain.ts'
import { toHex } from '../core/bytes.ts'
import { encodeProof, encodeStates, encodeWithdrawal } from '../core/calldata.ts'
import { encodeChannel } from '../core/channel.ts'
import { encodeEnvelope } from '../core/envelope.ts'
import { hashState, stateDigest } from '../core/state.ts'
import type { Address, Withdrawal } from '../core/types.ts'
import { withdrawalDigest } from '../core/withdrawal.ts'
import { entitlement } from '../protocols/solvency.ts'
import type { LedgerEffect } from '../protocols/step.ts'
import type { SessionSigner } from '../signing/signer.ts'
import type { Slot } from './slot.ts'

/** What a protocol wants from the chain. */
export type ChainEffect = Extract<LedgerEffect, { kind: 'execute' | 'submit' | 'settle' }>

/** A transaction and under which name it is sent once. */
export interface PlannedCall {
  readonly call: ChainCall
  readonly options: SendOptions
}

/** Who sends, and who signs where the sender is no member. */
export interface Caller {
  /** Throws if there is none. */
  readonly sender: () => Address
  readonly signer: SessionSigner
}

/** The transaction for `effect`. */
export function plan(slot: Slot, effect: ChainEffect, caller: Caller): PlannedCall {
  const weight = entitlement(slot.ledger, slot.ledger.me)
  switch (effect.kind) {
    case 'submit':
      return submission(slot, effect, caller, weight)
    case 'settle':
      return {
        call: call(slot, 'settle', encodeProof(effect.base, effect.states)),
        options: { intent: `settle/${slot.ledgerId}/${slot.ledger.generation}`, weight, anySender: true },
      }
    case 'execute':
      return execution(slot, effect.withdrawal, effect.consent, caller, weight)
  }
}

const call = (slot: Slot, functionName: string, packed: Uint8Array): ChainCall => ({
  to: 'adjudicator',
  functionName,
  args: [toHex(encodeChannel(slot.entry.channel)), slot.ledger.asset, toHex(packed)],
})

function submission(
  slot: Slot,
  { states, expiry }: Extract<ChainEffect, { kind: 'submit' }>,
  caller: Caller,
  weight: bigint,
): PlannedCall {
  const { ledger, terms } = slot
  const signed = states.map(({ state, signature }) => ({
    state,
    signatures: consents(slot, signature, caller, () => caller.signer.sign(stateDigest(terms.domain, state))),
  }))
  const versions = states.map((state) => toHex(hashState(state.state)).slice(2, 18)).join('-')
  return {
    call: call(slot, 'submit', encodeStates(signed)),
    options: {
      intent: `submit/${slot.ledgerId}/${ledger.generation}/${expiry}/${versions}`,
      weight,
      ...(expiry > 0n ? { before: expiry } : {}),
    },
  }
}

function execution(
  slot: Slot,
  withdrawal: Withdrawal,
  consent: Uint8Array,
  caller: Caller,
  weight: bigint,
): PlannedCall {
  const digest = withdrawalDigest(slot.terms.domain, withdrawal)
  const signatures = consents(slot, consent, caller, () => caller.signer.sign(digest))
  return {
    call: call(slot, 'withdraw', encodeWithdrawal(withdrawal, signatures)),
    options: {
      intent: `withdraw/${slot.ledgerId}/${toHex(digest).slice(2, 18)}`,
      before: withdrawal.validUntil,
      weight,
    },
  }
}

/** Both members' consent, in order; a member that sends the call itself signs nothing. */
function consents(
  { entry }: Slot,
  theirs: Uint8Array,
  caller: Caller,
  sign: () => Uint8Array,
): (Uint8Array | undefined)[] {
  const sender = caller.sender()
  const { signer, owner } = entry.channel.members[entry.me]!
  const other = entry.channel.members[1 - entry.me]!
  const mine = sender === signer || sender === owner
  // One account behind both members cannot tell the contract which of them it is.
  const both = sender === other.signer || sender === other.owner
  const own = mine && !both ? undefined : encodeEnvelope({ kind: 'direct', signature: sign() })
  const peer = encodeEnvelope({ kind: 'direct', signature: theirs })
  return entry.me === 0 ? [own, peer] : [peer, own]
}
