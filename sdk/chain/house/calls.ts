import { ZeroHash } from 'ethers'
import type { Account } from '../../clearing/account.ts'
import {
  ABOUT,
  type Answer,
  type Challenge,
  type Demand,
  type Membership,
  type Release,
  type Statement,
} from '../../clearing/dispute.ts'
import type { Posting } from '../../clearing/posting.ts'
import type { Address, Hex } from '../../core/types.ts'

// Arguments in the order of the contracts' functions.

const NONE = ZeroHash as Hex

/** A function with its arguments. */
export interface Call {
  readonly functionName: string
  readonly args: readonly unknown[]
}

/** What stands for a posting where none counts. */
export const noPosting = (assets: number): Posting => ({
  number: 0n,
  previous: NONE,
  member: NONE,
  asset: 0,
  amount: 0n,
  deposited: 0n,
  requested: 0n,
  totals: new Array<bigint>(assets).fill(0n),
})

const NO_MEMBERSHIP: Membership = {
  receipt: { member: NONE, index: 0, epoch: 0n, seq: 0n, credits: [], income: NONE },
  signature: '0x',
}

/** A demand as the court's functions take it. */
const demandArgument = (demand: Demand): unknown =>
  demand.about === 'leaf' ? demand : { ...demand, about: ABOUT.indexOf(demand.about) }

export function challengeCall(house: Address, one: Challenge): Call {
  switch (one.kind) {
    case 'leaf':
      return { functionName: 'challengeLeaf', args: [house, one.epoch, one.evidence] }
    case 'credit':
      return { functionName: 'challengeCredit', args: [house, one.payment, one.payer, one.payee ?? NO_MEMBERSHIP] }
    case 'leg':
      return {
        functionName: 'challengeLeg',
        args: [house, one.payment, one.leg, one.payer, one.other ?? NO_MEMBERSHIP],
      }
    case 'lock': {
      const { epoch, receipt, lock, signature, payer = NO_MEMBERSHIP, payee = NO_MEMBERSHIP } = one
      return { functionName: 'challengeLock', args: [house, epoch, receipt, lock, signature, payer, payee] }
    }
    case 'lockCredit': {
      const { previous, epoch, receipt, lock, signature, payer = NO_MEMBERSHIP, payee = NO_MEMBERSHIP } = one
      const args = [house, previous, epoch, receipt, lock, signature, payer, payee]
      return { functionName: 'challengeLockCredit', args }
    }
  }
}

/** The epoch that a challenge is about. */
export const challengedEpoch = (one: Challenge): bigint =>
  one.kind === 'credit' || one.kind === 'leg' ? one.payment.epoch : one.epoch.number

export function answerCall(house: Address, one: Answer): Call {
  const call = (functionName: string, ...args: readonly unknown[]): Call => ({
    functionName,
    args: [house, demandArgument(one.demand), ...args],
  })
  switch (one.kind) {
    case 'leaf': {
      const { identity, epochs, proofs, account, signature, statuses, income } = one
      return call('answerLeaf', identity, epochs, proofs, account, signature, statuses, income)
    }
    case 'credit':
      return call('answerCredit', one.payment, one.epoch, one.proof, one.position, one.path)
    case 'lockCredit':
      return call('answerLockCredit', one.lock, one.epoch, one.proof, one.position, one.path)
    case 'leg':
      return call('answerLeg', one.payment, one.leg, one.epoch, one.proof, one.path, one.legPath)
    case 'noLeg':
      return call('answerNoLeg', one.payment, one.entry, one.sums, one.path)
    case 'lock':
      return call('answerLock', one.lock, one.epoch, one.proof, one.path, one.statusPath)
    case 'absence':
      return call('answerByAbsence', one.absence)
    case 'release':
      return call('answerByRelease', releaseArgument(one.release))
  }
}

function releaseArgument({ payee, signature, paid }: Release): unknown {
  if (!paid) return { payee, signature, payments: [], epochs: [], proofs: [], position: 0, path: [] }
  const { payment, epoch, proof, position, path } = paid
  return { payee, signature, payments: [payment], epochs: [epoch], proofs: [proof], position, path }
}

/** A statement as the stake's function takes it. */
export function statementArgument(one: Statement): unknown {
  const none = { accounts: [] as readonly Account[], receipts: [], signature: '0x', epochs: [], leaves: [] }
  if ('account' in one) return { ...none, accounts: [one.account], signature: one.signature }
  if ('receipt' in one) return { ...none, receipts: [one.receipt], signature: one.signature }
  return { ...none, epochs: [one.epoch], leaves: [one.proof] }
}
