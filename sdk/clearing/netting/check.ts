import { TallystickError } from '../../core/errors.ts'
import type { Funds, NettingObligation } from './obligation.ts'

type NettingCode =
  | 'NETTING_UNKNOWN_MEMBER'
  | 'NETTING_DUPLICATE_ID'
  | 'NETTING_DUPLICATE_FUNDS'
  | 'NETTING_SELF_OBLIGATION'
  | 'NETTING_INVALID_AMOUNT'
  | 'NETTING_INVALID_KIND'
  | 'NETTING_INVALID_GROUP'

/** What was given to `netObligations` makes no round. Nothing was computed. */
export class NettingError extends TallystickError {
  readonly code: NettingCode
  /** The obligation's id, or the member whose funds are meant. */
  readonly subject: string

  constructor(code: NettingCode, subject: string, fact: string) {
    super(fact)
    this.code = code
    this.subject = subject
  }
}

/** Throws `NettingError` unless each member has at most one line an asset, of zero or more. */
export function checkFunds(funds: readonly Funds[]): void {
  const seen = new Set<string>()
  for (const { member, asset, amount } of funds) {
    const line = JSON.stringify([member, asset])
    if (!isAmount(amount))
      throw new NettingError(
        'NETTING_INVALID_AMOUNT',
        member,
        `The funds of ${member} are no bigint from 0 to 2^256 - 1. Pass the smallest unit as a bigint.`,
      )
    if (seen.has(line))
      throw new NettingError(
        'NETTING_DUPLICATE_FUNDS',
        member,
        `${member} has two lines of ${asset}. Add them up first.`,
      )
    seen.add(line)
  }
}

/** Throws `NettingError` unless all obligations are well-formed, between members, and of different ids. */
export function checkObligations(
  obligations: readonly NettingObligation[],
  members: ReadonlyMap<string, unknown>,
): void {
  const ids = new Set<string>()
  for (const obligation of obligations) {
    const problem = problemOf(obligation, members)
    if (problem !== undefined) throw new NettingError(problem[0], obligation.id, problem[1])
    ids.add(obligation.id)
  }
  if (ids.size < obligations.length) throw duplicate(obligations)
}

function problemOf(
  obligation: NettingObligation,
  members: ReadonlyMap<string, unknown>,
): [NettingCode, string] | undefined {
  const { id, from, to, amount, kind, group, maxNetDebit = 0n } = obligation
  const stranger = [from, to].find((member) => !members.has(member))
  if (stranger !== undefined)
    return [
      'NETTING_UNKNOWN_MEMBER',
      `Obligation ${id} names ${stranger}, who has no line of funds. Give one, of 0n if need be.`,
    ]
  if (from === to) return ['NETTING_SELF_OBLIGATION', `Obligation ${id} is from ${from} to itself. Leave it out.`]
  if (!isAmount(amount) || amount === 0n)
    return [
      'NETTING_INVALID_AMOUNT',
      `The amount of obligation ${id} is no bigint from 1 to 2^256 - 1. Pass the smallest unit as a bigint.`,
    ]
  if (!isAmount(maxNetDebit))
    return [
      'NETTING_INVALID_AMOUNT',
      `maxNetDebit of obligation ${id} is no bigint from 0 to 2^256 - 1. Leave it out for no limit.`,
    ]
  if (kind !== 'divisible' && kind !== 'all-or-nothing')
    return ['NETTING_INVALID_KIND', `Obligation ${id} is neither divisible nor all-or-nothing. Say which.`]
  // Two spellings of one group would settle apart.
  if (group !== undefined && !/^0x[0-9a-f]+$/.test(group))
    return [
      'NETTING_INVALID_GROUP',
      `The group of obligation ${id} is no lower-case hex. Write it as 0x and digits 0 to f.`,
    ]
  return undefined
}

/** No chain counts further, and sums stay within what a float can hold. */
const ABOVE_ALL = 1n << 256n

const isAmount = (value: unknown): boolean => typeof value === 'bigint' && value >= 0n && value < ABOVE_ALL

function duplicate(obligations: readonly NettingObligation[]): NettingError {
  const seen = new Set<string>()
  const { id } = obligations.find(({ id }) => seen.size === seen.add(id).size)!
  return new NettingError('NETTING_DUPLICATE_ID', id, `Two obligations have the id ${id}. Give each its own.`)
}
