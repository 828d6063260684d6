import { toBytes, toHex } from '../core/bytes.ts'
import { TallystickError } from '../core/errors.ts'
import { WHOLE } from '../core/outcome.ts'
import {
  appendTransfer,
  divideBy,
  NO_TRANSFERS,
  removeTransfer,
  replaceTransfer,
  type Share,
  shrinkTransfer,
  type TransferList,
} from '../core/transfer.ts'
import type { Hex, State, Transfer } from '../core/types.ts'

/** A transfer that is locked in a lane. */
export interface Locked {
  /** 16 bytes, chosen by the writer; no two that are locked at once in a lane share it. */
  readonly id: Hex
  readonly transfer: Transfer
  /** What the writer tells the reader about it, at most {@link MAX_NOTE} bytes. */
  readonly note: Uint8Array
  /** Version of the lane that locked it. */
  readonly since: bigint
}

/** All transfers locked in a state, in the order of its root. */
export interface Pending {
  readonly items: readonly Locked[]
  readonly list: TransferList
}

/** A state of a lane with the transfers locked in it. */
export interface Snapshot {
  readonly state: State
  readonly pending: Pending
}

/** How a transfer ends before the chain divides it, or is changed: `split` and `lead` pay nobody. */
export type Resolution =
  /** Divided by these values, one a leg, from 0 to 1e18. */
  | { readonly kind: 'unlock'; readonly values: readonly bigint[] }
  /** Back to `refundTo`; `residual` of it stays locked under the same key until the deadline. */
  | { readonly kind: 'cancel'; readonly residual: bigint }
  /** `value` of it stays as it is. The rest becomes a transfer of its own, which goes back if a secret's `key` is recorded. */
  | { readonly kind: 'split'; readonly value: bigint; readonly key: Hex }
  /** All of it is paid if a secret's `key` is recorded; else it is divided as before. */
  | { readonly kind: 'lead'; readonly key: Hex }

export const NOTHING_LOCKED: Pending = { items: [], list: NO_TRANSFERS }
/** Bytes that a note may have. */
export const MAX_NOTE = 4_096
/** A hash lock that is paid in full. */
export const PAID_IN_FULL: Resolution = { kind: 'unlock', values: [WHOLE] }

/** An operation does not fit its lane. */
export class InvalidOperationError extends TallystickError {
  readonly code = 'INVALID_OPERATION'

  constructor(fact: string) {
    super(`${fact} Look at the transfers that are pending, then try again.`)
  }
}

export const findLocked = ({ items }: Pending, id: Hex): Locked | undefined => items.find((item) => item.id === id)

/** These transfers as a list, without what a lane says of them besides. */
export const pendingOf = (transfers: readonly Transfer[]): Pending =>
  transfers.reduce(
    (pending, transfer, index) => lockIn(pending, { id: `0x${index}`, transfer, note: NO_NOTE, since: 0n }),
    NOTHING_LOCKED,
  )

const NO_NOTE = new Uint8Array(0)

/** Names what a split leaves besides a transfer. */
export const restIdOf = (id: Hex): Hex => toHex(toBytes(id, 16).with(15, toBytes(id, 16)[15]! ^ 1))

/** What stays of an amount that is split at a value. */
export const keptOf = (amount: bigint, value: bigint): bigint => (amount * value) / WHOLE

/** Throws {@link InvalidOperationError} or `InvalidTransferError`. */
export function lockIn({ items, list }: Pending, item: Locked): Pending {
  if (items.some(({ id }) => id === item.id))
    throw new InvalidOperationError(`The transfer ${item.id} is locked already.`)
  return { list: appendTransfer(list, item.transfer), items: [...items, item] }
}

/** The list after a transfer was resolved, and who gets what of it. Throws {@link InvalidOperationError}. */
export function resolveIn(pending: Pending, id: Hex, resolution: Resolution): { pending: Pending; shares: Share[] } {
  const { items, list } = pending
  const position = items.findIndex((item) => item.id === id)
  if (position === -1) throw new InvalidOperationError(`No transfer ${id} is locked here.`)
  const item = items[position]!
  const shares = sharesOf(item.transfer, resolution)
  if (resolution.kind === 'split') return { pending: splitIn(pending, position, resolution), shares }
  if (resolution.kind === 'lead')
    return { pending: changeIn(pending, position, ledBy(item.transfer, resolution.key)), shares }
  const residual = resolution.kind === 'cancel' ? resolution.residual : 0n
  if (residual === 0n)
    return { pending: { items: items.toSpliced(position, 1), list: removeTransfer(list, position) }, shares }
  const rest = { ...item, transfer: { ...item.transfer, amount: residual } }
  return { pending: { items: items.with(position, rest), list: shrinkTransfer(list, position, residual) }, shares }
}

function changeIn({ items, list }: Pending, position: number, transfer: Transfer): Pending {
  const changed = { ...items[position]!, transfer }
  return { items: items.with(position, changed), list: replaceTransfer(list, position, transfer) }
}

/** The transfer with a leg in front for whom it pays. */
const ledBy = (transfer: Transfer, key: Hex): Transfer => ({
  ...transfer,
  legs: [{ to: transfer.legs[0]!.to, key }, ...transfer.legs],
})

function splitIn(pending: Pending, position: number, { value, key }: Extract<Resolution, { kind: 'split' }>): Pending {
  const item = pending.items[position]!
  const { transfer } = item
  const amount = keptOf(transfer.amount, value)
  const legs = [{ to: transfer.refundTo, key }, ...transfer.legs]
  const rest = { ...transfer, amount: transfer.amount - amount, legs }
  const kept = changeIn(pending, position, { ...transfer, amount })
  return lockIn(kept, { id: restIdOf(item.id), transfer: rest, note: NO_NOTE, since: item.since })
}

/** Who gets what of a transfer that ends so. Throws {@link InvalidOperationError}. */
export function sharesOf(transfer: Transfer, resolution: Resolution): Share[] {
  if (resolution.kind === 'split' || resolution.kind === 'lead') {
    assertChanges(transfer, resolution)
    return []
  }
  if (resolution.kind === 'cancel') {
    const { residual } = resolution
    if (residual < 0n || residual >= transfer.amount)
      throw new InvalidOperationError(`A residual of ${residual} is not below the amount ${transfer.amount}.`)
    return [{ to: transfer.refundTo, amount: transfer.amount - residual }]
  }
  const { values } = resolution
  if (values.length !== transfer.legs.length || values.some((value) => value < 0n || value > WHOLE))
    throw new InvalidOperationError(`The values ${values.join(', ')} do not fit ${transfer.legs.length} legs.`)
  return divideBy(transfer, values, transfer.amount)
}

/** Only a transfer as it was locked is split, and led once. Throws {@link InvalidOperationError}. */
function assertChanges({ amount, legs }: Transfer, resolution: Extract<Resolution, { kind: 'split' | 'lead' }>): void {
  if (legs.length !== 1) throw new InvalidOperationError(`A transfer of ${legs.length} legs is not changed.`)
  if (resolution.kind === 'lead') return
  const kept = keptOf(amount, resolution.value)
  if (kept <= 0n || kept >= amount) throw new InvalidOperationError(`A split leaves ${kept} of ${amount}.`)
}

/** What `member` gets if a transfer ends so; of one that is changed, what it can get more than before. */
export function gainOf(member: number, transfer: Transfer, resolution: Resolution): bigint {
  if (resolution.kind === 'split')
    return member === transfer.refundTo ? transfer.amount - keptOf(transfer.amount, resolution.value) : 0n
  if (resolution.kind === 'lead') return member === transfer.legs[0]!.to ? transfer.amount : 0n
  let gain = 0n
  for (const { to, amount } of sharesOf(transfer, resolution)) if (to === member) gain += amount
  return gain
}

/** Whether a reader that asked for `asked` has no objection to `done`. */
export function satisfies(done: Resolution, asked: Resolution): boolean {
  switch (done.kind) {
    case 'unlock':
      return asked.kind === 'unlock' && done.values.every((value, leg) => value === asked.values[leg])
    case 'cancel':
      return asked.kind === 'cancel' && done.residual >= asked.residual
    case 'split':
      return asked.kind === 'split' && done.key === asked.key && done.value === asked.value
    case 'lead':
      return asked.kind === 'lead' && done.key === asked.key
  }
}
