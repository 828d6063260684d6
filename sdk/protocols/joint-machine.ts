import type { Joint, JointEvent, JointMessage, JointStep, JointTerms } from './joint.ts'
import { rest, then } from './joint.ts'
import {
  disputeJoint,
  hearConsent,
  hearOrder,
  observeJoint,
  order,
  orderSigned,
  remindOrder,
  retryOrder,
  shownJoint,
  tickJointChain,
} from './joint-chain.ts'
import { judge, recant, resolve } from './joint-locks.ts'
import {
  hearComplete,
  hearEcho,
  hearJudged,
  hearProposal,
  hearReady,
  hearVote,
  met,
  roundSigned,
  tellWishes,
  tickRound,
} from './joint-round.ts'
import { forget, wish } from './joint-wishes.ts'

/**
 * What a group's ledger becomes after `event`, and what is to be done. Pure. Throws for a caller's misuse (the ledger is then unchanged);
 * what another member sends and does not fit is left aside, and the member is named if its part stays away.
 */
export function stepJoint(joint: Joint, event: JointEvent, terms: JointTerms): JointStep {
  switch (event.kind) {
    case 'wish':
      return wish(joint, event)
    case 'declare':
      return tellWishes(joint, terms)
    case 'forget':
      return forget(joint, event.id)
    case 'resolve':
      return resolve(joint, event)
    case 'recant':
      return recant(joint, event.id)
    case 'judged':
      return hearJudged(joint, event.judged, terms)
    case 'message':
      return hear(joint, event.from, event.message, terms)
    case 'signed':
      return event.what === 'round'
        ? roundSigned(joint, event.signature, terms)
        : orderSigned(joint, event.signature, terms)
    case 'connected':
      return met(joint, event.member, terms)
    case 'tick':
      return tick({ ...joint, now: event.now }, terms)
    case 'facts':
      return observeJoint(joint, event.facts, terms)
    case 'fresh':
      return rest({ ...joint, fresh: event.fresh })
    case 'shown':
      return shownJoint(joint, event.rounds)
    case 'order':
      return order(joint, event.withdrawal, terms)
    case 'dispute':
      return disputeJoint(joint)
  }
}

function tick(joint: Joint, terms: JointTerms): JointStep {
  const first = then(tickRound(joint, terms), (next) => tickJointChain(next, terms))
  const reminded = then(first, (next) => remindOrder(next, terms))
  return then(
    then(reminded, (next) => retryOrder(next, terms)),
    (next) => judge(next, terms),
  )
}

function hear(joint: Joint, from: number, message: JointMessage, terms: JointTerms): JointStep {
  switch (message.kind) {
    case 'ready':
      return hearReady(joint, from, message, terms)
    case 'propose':
      return hearProposal(joint, from, message, terms)
    case 'vote':
      return hearVote(joint, from, message, terms)
    case 'echo':
      return hearEcho(joint, message, terms)
    case 'complete':
      return hearComplete(joint, message.round, terms)
    case 'order':
      return hearOrder(joint, from, message, terms)
    case 'agree':
      return hearConsent(joint, from, message, terms)
  }
}
