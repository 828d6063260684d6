import { type ErrorDescription, isError } from 'ethers'
import type { Hex } from '../core/types.ts'
import { adjudicatorAbi, registryAbi, tokenAbi } from './abi.ts'
import { arbiterAbi } from './apps/abi.ts'
import type { Revert } from './errors.ts'
import { houseErrorAbi } from './house/error-abi.ts'
import { lastSentence } from './rpc.ts'

/** What to do about a refusal; errors that are not listed are explained by their name and values alone. */
const REMEDIES: Readonly<Record<string, string>> = {
  AlreadyChallenged: 'Somebody demanded the same before: wait for the answer.',
  AlreadyDisputed: 'The ledger is disputed: submit the states as an answer.',
  AlreadyPaid: 'It was paid before: look at the account of the owner.',
  AnswerTimeOver: 'It is too late for an answer: the house has halted.',
  BadSignature: 'A signature is missing or not of this member: ask for it again.',
  BondTooSmall: 'The base fee has risen: send it again.',
  DepositRefused: 'The ledger is disputed or at its last generation: settle it first, or open a new channel.',
  DisputeOver: 'It is too late for an answer: settle.',
  DisputeRunning: 'Wait for the end of the challenge period, or agree on a closing withdrawal.',
  ERC20InsufficientAllowance: 'Approve the adjudicator for the amount.',
  ERC20InsufficientBalance: 'Send tokens to the account first.',
  Expired: 'Ask the members to sign again with a later time.',
  Halted: 'The house takes nothing any more: exit when it is settled.',
  LastSeq: 'Close the ledger with a withdrawal of everything; its next generation takes more.',
  NeedsOwner: 'Let the owner of the money sign this withdrawal.',
  IllegalMove: 'Decode the reason with the ABI of the app, and make another move.',
  NoApp: 'Deploy the app first.',
  NobodysTurn: 'The app is over: conclude it.',
  NotNewer: 'Something as new stands on chain: move on from there.',
  NoSuchMember: 'Check the number of the member.',
  NotAnAnswer: 'The condition has no answer yet: try again when it has.',
  NotDisputed: 'There is no dispute: nothing has to be settled.',
  NotFinal: 'Wait until the window of the epoch is over and its challenges are answered.',
  NotMember: "Send it from a member's account, or with the states that all members signed.",
  NotOperator: "Send it from the operator's account.",
  NotSettled: 'Wait until the house has halted and its last epochs are decided.',
  NothingRose: 'The chain holds these states or newer ones: nothing has to be done.',
  NothingToClaim: 'Check asset and owner; the money may have been claimed already.',
  Overdrawn: 'Withdraw less: the ledger holds not so much.',
  SafeERC20FailedOperation: 'The token refused the transfer: check balance and allowance.',
  StillRunning: 'Wait until the clock of the seat on turn has run out.',
  StaleTarget: 'Ask for more than before: a target is for life, and only rises.',
  StillLive: 'Wait for the outcome or the deadline of the lock.',
  TimeOver: 'The time for moves is over: conclude the app.',
  TooLittleGas: 'Send it with more gas.',
  WindowClosed: 'It is too late for a challenge to this epoch.',
  WrongBase: "Pass the preimage from the dispute's event.",
  WrongCutTime: 'Choose a cut between the time of the last commit and that of the newest block.',
  WrongDispute: 'A dispute began or ended meanwhile: agree on a withdrawal for the state as it is.',
  WrongRecord: 'Some of the reserves were redeemed or never existed: read the event anew.',
  WrongSeq: 'Another withdrawal was executed meanwhile: agree on a new one.',
  WrongStanding: 'Something else stands by now: look again.',
  WrongState: 'Pass the newest state of each lane.',
  WrongTransfers: 'Pass the transfers that the members signed.',
  WrongValue: 'Send exactly as many coins as the call says.',
}

/** Decodes what a contract of ours, a token, or Solidity itself reverted with. */
export function decodeRevert(data: Hex): Revert {
  for (const abi of [adjudicatorAbi, registryAbi, tokenAbi, houseErrorAbi, arbiterAbi]) {
    const parsed = parse(() => abi.parseError(data))
    if (parsed) return { name: parsed.name, args: named(parsed), data }
  }
  return { name: undefined, args: {}, data }
}

/** One sentence of fact and one of remedy. */
export function explainRevert({ name, args, data }: Revert): string {
  if (name === undefined) return data === '0x' ? 'it gave no reason.' : `its reason ${data.slice(0, 10)} is unknown.`
  const values = Object.entries(args).map(([key, value]) => (/^\d+$/.test(key) ? show(value) : `${key} ${show(value)}`))
  const fact = `${name}(${values.join(', ')})`
  const remedy = REMEDIES[name]
  return remedy ? `${fact}. ${remedy}` : `${fact}.`
}

/** The revert inside an error of `call` or `estimateGas`; undefined if it failed for another reason. */
export function revertOf(error: unknown): Revert | undefined {
  if (isError(error, 'CALL_EXCEPTION')) return decodeRevert((error.data ?? '0x') as Hex)
  return /revert/i.test(lastSentence(error)) ? { name: undefined, args: {}, data: '0x' } : undefined
}

const parse = (read: () => ErrorDescription | null): ErrorDescription | null => {
  try {
    return read()
  } catch {
    return null
  }
}

const named = (error: ErrorDescription): Record<string, unknown> =>
  Object.fromEntries(
    error.fragment.inputs.map((input, index) => [input.name || String(index), error.args[index] as unknown]),
  )

const show = (value: unknown): string => String(value).slice(0, 80)
