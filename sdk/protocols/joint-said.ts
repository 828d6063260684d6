import { toHex } from '../core/bytes.ts'
import { stateDigest } from '../core/state.ts'
import type { Hex } from '../core/types.ts'
import type { Echo, Joint, JointEffect, JointTerms, Proposal, Ready, Round, SignedRound, Vote } from './joint.ts'
import { agreed } from './joint-locks.ts'
import { unanswered } from './joint-wishes.ts'

/** Wishes of one member in one round. */
export const MAX_WISHES = 256

export const send = (message: Extract<JointEffect, { kind: 'send' }>['message'], to?: number): JointEffect => ({
  kind: 'send',
  to,
  message,
})

/** What this member has to say before a round. */
export const readyOf = (joint: Joint): Ready => ({
  kind: 'ready',
  attempt: joint.attempt,
  complete: joint.complete.state.version,
  wants: joint.waiting !== undefined,
  wishes: unanswered(joint).slice(0, MAX_WISHES),
  resolutions: agreed(joint),
})

export const proposalOf = ({ state, base, payments, locks, resolutions, proposed }: SignedRound): Proposal => ({
  kind: 'propose',
  version: state.version,
  base,
  payments,
  locks,
  resolutions,
  signature: proposed,
})

export const voteOf = (round: SignedRound, terms: JointTerms): Vote => ({
  kind: 'vote',
  version: round.state.version,
  digest: digestOf(round, terms),
  signature: round.own,
  proposed: round.proposed,
})

export const echoOf = ({ version, digest, signature }: Vote): Echo => ({ kind: 'echo', version, digest, signature })

export const digestOf = ({ state }: Round, { domain }: JointTerms): Hex => toHex(stateDigest(domain, state))
