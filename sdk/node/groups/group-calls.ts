import type { ChainCall } from '../../chain/chain.ts'
import { toHex } from '../../core/bytes.ts'
import { encodeProof, encodeStates, encodeWithdrawal } from '../../core/calldata.ts'
import { encodeChannel } from '../../core/channel.ts'
import { encodeEnvelope } from '../../core/envelope.ts'
import { hashState } from '../../core/state.ts'
import type { Channel } from '../../core/types.ts'
import { withdrawalDigest } from '../../core/withdrawal.ts'
import { type JointEffect, standing } from '../../protocols/joint.ts'
import { type Caller, decidedLists, type PlannedCall } from '../chain/calls.ts'
import type { GroupSlot } from './group-slot.ts'

/** What a group wants from the chain. */
export type GroupChainEffect = Extract<JointEffect, { kind: 'submit' | 'settle' | 'execute' }>

const enveloped = (signatures: readonly Uint8Array[]): Uint8Array[] =>
  signatures.map((signature) => encodeEnvelope({ kind: 'direct', signature }))

/** The transaction for `effect`. All signatures are in it, so anybody may send it; only a dispute without a state has to come from a member. */
export async function planGroup(
  slot: GroupSlot,
  effect: GroupChainEffect,
  caller: Pick<Caller, 'channel' | 'outcomes'>,
): Promise<PlannedCall> {
  const { entry, ledger, ledgerId, terms } = slot
  const { generation, facts, me, complete } = ledger
  const weight = standing(ledger, complete.state)[me]!
  const call = (functionName: string, packed: Uint8Array): ChainCall => ({
    to: 'adjudicator',
    functionName,
    args: [toHex(encodeChannel(entry.channel)), entry.asset, toHex(packed)],
  })
  const place = `${ledgerId}/${generation}`
  switch (effect.kind) {
    case 'submit': {
      const { round, expiry } = effect
      const states = round ? [{ state: round.state, signatures: enveloped(round.signatures) }] : []
      const seq = facts?.latest.phase === 'open' ? facts.latest.seq : 0
      const name = round ? toHex(hashState(round.state)).slice(2, 18) : 'none'
      const intent = `submit/${place}/${expiry > 0n ? expiry : seq}/${name}`
      const timely = expiry > 0n ? { before: expiry } : {}
      return { call: call('submit', encodeStates(states)), options: { intent, weight, anySender: !!round, ...timely } }
    }
    case 'settle': {
      const states = effect.counted ? [effect.counted] : []
      const lists = await decidedLists(states, facts!.head.timestamp, caller.outcomes)
      const packed = encodeProof(
        effect.base,
        states.map(({ state }) => state),
        lists,
      )
      return { call: call('settle', packed), options: { intent: `settle/${place}`, weight, anySender: true } }
    }
    case 'execute': {
      const { withdrawal, signatures } = effect
      const digest = toHex(withdrawalDigest(terms.domain, withdrawal)).slice(2, 18)
      const targets = new Map<string, Channel>()
      for (const { toChannel } of withdrawal.parts) {
        const target = caller.channel(toChannel)
        if (target) targets.set(toChannel, target)
      }
      const options = {
        intent: `withdraw/${ledgerId}/${digest}`,
        weight,
        before: withdrawal.validUntil,
        anySender: true,
      }
      return { call: call('withdraw', encodeWithdrawal(withdrawal, enveloped(signatures), [], targets)), options }
    }
  }
}
