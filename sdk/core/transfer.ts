import { concatBytes } from '@noble/hashes/utils.js'
import { fromUint, toHex, writeHex } from './bytes.ts'
import { isIndex } from './channel.ts'
import { TallystickError } from './errors.ts'
import { keccak256 } from './keccak.ts'
import { type Outcome, WHOLE } from './outcome.ts'
import { AMOUNT_BOUND, ZERO_HASH } from './state.ts'
import type { Hex, Transfer } from './types.ts'

/** Transfers of one lane at most. */
export const MAX_TRANSFERS = 512
/** Legs of one lane's transfers at most. */
export const MAX_LEGS = 1_536
/** Legs of one transfer at most: calldata counts them in a byte. */
export const MAX_LEGS_EACH = 255

const HEAD = 25
const LEG = 33

/** A transfer, or a lane's list of them, breaks a bound that the adjudicator checks. */
export class InvalidTransferError extends TallystickError {
  readonly code = 'INVALID_TRANSFER'
  readonly field: 'amount' | 'deadline' | 'refundTo' | 'legs' | 'list'

  constructor(field: InvalidTransferError['field'], message: string) {
    super(message)
    this.field = field
  }
}

/** The transfers locked in one lane with what a signature needs of them, kept up to date one transfer at a time. */
export interface TransferList {
  readonly transfers: readonly Transfer[]
  /** The leaf of each. */
  readonly leaves: readonly Uint8Array[]
  /** Sum of all amounts. */
  readonly locked: bigint
  /** Legs of all transfers. */
  readonly legs: number
}

export const NO_TRANSFERS: TransferList = { transfers: [], leaves: [], locked: 0n, legs: 0 }

/** Throws {@link InvalidTransferError} unless this transfer can stand in a channel of `members`. */
export function validateTransfer(transfer: Transfer, members: number): void {
  const fail = (field: InvalidTransferError['field'], fact: string) => {
    throw new InvalidTransferError(field, `${fact} Reject this transfer.`)
  }
  if (transfer.amount <= 0n || transfer.amount >= AMOUNT_BOUND)
    fail('amount', `An amount of ${transfer.amount} is not within 1 to 2^106 - 1.`)
  if (transfer.deadline < 0n || transfer.deadline >= 1n << 64n)
    fail('deadline', `The deadline ${transfer.deadline} does not fit in 64 bits.`)
  if (!isIndex(transfer.refundTo, members)) fail('refundTo', `There is no member ${transfer.refundTo} to refund to.`)
  if (transfer.legs.length < 1 || transfer.legs.length > MAX_LEGS_EACH)
    fail('legs', `${transfer.legs.length} legs are not within 1 to ${MAX_LEGS_EACH}.`)
  for (const leg of transfer.legs) if (!isIndex(leg.to, members)) fail('legs', `There is no member ${leg.to} to pay.`)
}

/** The leaf of a transfer in its lane's list, 32 bytes. */
export function transferLeaf(transfer: Transfer): Uint8Array {
  const bytes = new Uint8Array(HEAD + LEG * transfer.legs.length)
  bytes.set(fromUint(transfer.amount, 16))
  new DataView(bytes.buffer).setBigUint64(16, transfer.deadline)
  bytes[24] = transfer.refundTo
  for (const [index, leg] of transfer.legs.entries()) {
    bytes[HEAD + LEG * index] = leg.to
    writeHex(bytes, HEAD + LEG * index + 1, leg.key, 32)
  }
  return keccak256(bytes)
}

/** The root over leaves in order: zero for none. */
export const leavesRoot = (leaves: readonly Uint8Array[]): Hex =>
  leaves.length === 0 ? ZERO_HASH : toHex(keccak256(concatBytes(...leaves)))

/** The `transfersRoot` of a state that locks exactly these transfers. */
export const transfersRoot = (transfers: readonly Transfer[]): Hex => leavesRoot(transfers.map(transferLeaf))

/** The list with `transfer` added at its end. Throws {@link InvalidTransferError} if a bound of the lane would break. */
export function appendTransfer(list: TransferList, transfer: Transfer): TransferList {
  const legs = list.legs + transfer.legs.length
  const locked = list.locked + transfer.amount
  if (list.transfers.length >= MAX_TRANSFERS || legs > MAX_LEGS || locked >= AMOUNT_BOUND)
    throw new InvalidTransferError(
      'list',
      `A lane holds at most ${MAX_TRANSFERS} transfers, ${MAX_LEGS} legs and 2^106 - 1 in all. Wait until some are resolved.`,
    )
  return { transfers: [...list.transfers, transfer], leaves: [...list.leaves, transferLeaf(transfer)], locked, legs }
}

/** The list without the transfer at `position`; those after it move up. */
export function removeTransfer(list: TransferList, position: number): TransferList {
  const transfer = list.transfers[position]
  if (!transfer)
    throw new InvalidTransferError(
      'list',
      `There is no transfer at position ${position}. Look it up in the newest list.`,
    )
  const without = <T>(items: readonly T[]) => [...items.slice(0, position), ...items.slice(position + 1)]
  return {
    transfers: without(list.transfers),
    leaves: without(list.leaves),
    locked: list.locked - transfer.amount,
    legs: list.legs - transfer.legs.length,
  }
}

/** The list with the transfer at `position` cut down to `amount`. */
export const shrinkTransfer = (list: TransferList, position: number, amount: bigint): TransferList =>
  replaceTransfer(list, position, { ...list.transfers[position]!, amount })

/** The list with another transfer at `position`. */
export function replaceTransfer(list: TransferList, position: number, after: Transfer): TransferList {
  const before = list.transfers[position]!
  return {
    transfers: list.transfers.with(position, after),
    leaves: list.leaves.with(position, transferLeaf(after)),
    locked: list.locked - before.amount + after.amount,
    legs: list.legs - before.legs.length + after.legs.length,
  }
}

/** The registry as far as it is known: the outcome under a key, or undefined. */
export type Outcomes = (key: Hex) => Outcome | undefined

/** What member `to` gets of a divided transfer. */
export interface Share {
  readonly to: number
  readonly amount: bigint
}

/** The smaller of two amounts. */
export function least(a: bigint, b: bigint): bigint {
  if (a < b) return a
  return b
}

/** The value that counts for a leg, or undefined while it may still change. */
function countedValue(key: Hex, deadline: bigint, outcomes: Outcomes, now: bigint): bigint | undefined {
  const outcome = outcomes(key)
  if (outcome && outcome.recordedAt > 0n && outcome.recordedAt <= deadline) return outcome.value
  return now > deadline ? 0n : undefined
}

/** The values that count for the legs of a decided transfer, in their order. Undefined while it is undecided. */
export function countedValues({ legs, deadline }: Transfer, outcomes: Outcomes, now: bigint): bigint[] | undefined {
  const values: bigint[] = []
  for (const { key } of legs) {
    const value = countedValue(key, deadline, outcomes, now)
    if (value === undefined) return undefined
    values.push(value)
  }
  return values
}

/** Whether the outcome of every leg counts, or the deadline has passed: then {@link divideTransfer} has the last word. */
export const isDecided = (transfer: Transfer, outcomes: Outcomes, now: bigint): boolean =>
  countedValues(transfer, outcomes, now) !== undefined

/**
 * Divides a decided transfer as the adjudicator does. Undefined while it is undecided.
 *
 * @param amount What there is to divide; less than the transfer's own only if the ledger was overdrawn.
 */
export function divideTransfer(
  transfer: Transfer,
  outcomes: Outcomes,
  now: bigint,
  amount: bigint = transfer.amount,
): Share[] | undefined {
  const values = countedValues(transfer, outcomes, now)
  return values && divideBy(transfer, values, amount)
}

/** Divides by the values of its legs, from 0 to 1e18: legs in order, each capped at what is left, the rest to `refundTo`. */
export function divideBy({ legs, refundTo }: Transfer, values: readonly bigint[], amount: bigint): Share[] {
  const shares: Share[] = []
  let left = amount
  for (const [index, { to }] of legs.entries()) {
    const part = least((amount * values[index]!) / WHOLE, left)
    shares.push({ to, amount: part })
    left -= part
  }
  return [...shares, { to: refundTo, amount: left }]
}
