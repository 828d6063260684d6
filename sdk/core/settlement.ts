import { toBytes } from './bytes.ts'
import { TallystickError } from './errors.ts'
import { ZERO_HASH } from './state.ts'
import { divideTransfer, least, leavesRoot, type Outcomes, transferLeaf } from './transfer.ts'
import type { Hex, State, Transfer } from './types.ts'

/** What a settled generation still holds back for the undecided transfers of a lane. */
export interface Reserve {
  readonly lane: number
  readonly locked: bigint
  readonly reserved: bigint
  /** Over the lane's leaves, those of paid positions zeroed. */
  readonly root: Hex
}

/** What a settlement pays to each member, and what it keeps. */
export interface Settlement {
  readonly payouts: readonly bigint[]
  readonly reserves: readonly Reserve[]
}

/** Transfers do not belong to the state or reserve they were shown for. */
export class WrongTransfersError extends TallystickError {
  readonly code = 'WRONG_TRANSFERS'
  readonly expected: Hex
  readonly actual: Hex

  constructor(expected: Hex, actual: Hex) {
    super(
      `These transfers have the root ${actual}, not ${expected}. Pass the complete list of that very state, in its order.`,
    )
    this.expected = expected
    this.actual = actual
  }
}

/** What each member owns: its balance plus its credits in every lane; money locked in transfers is nobody's yet. */
export function entitlements(balances: readonly bigint[], states: readonly State[]): bigint[] {
  return balances.map((balance, member) => states.reduce((sum, state) => sum + state.credits[member]!, balance))
}

/**
 * What `settle` does at chain time `now`: the same arithmetic, to the wei.
 *
 * @param balances The ledger's balance of each member.
 * @param states The newest state of each lane that has one, in lane order.
 * @param transfers Per lane the complete list of its state, to be divided as far as it is decided; a lane without one is reserved whole.
 * @throws {@link WrongTransfersError}
 */
export function settle({
  balances,
  states,
  transfers,
  outcomes,
  now,
}: {
  readonly balances: readonly bigint[]
  readonly states: readonly State[]
  readonly transfers: ReadonlyMap<number, readonly Transfer[]>
  readonly outcomes: Outcomes
  readonly now: bigint
}): Settlement {
  const held = sum(balances)
  const full = reserve(states, held)
  const payouts = entitle(entitlements(balances, states), held - sum(full.map(({ reserved }) => reserved)))
  const reserves = full.map((whole) => {
    const list = transfers.get(whole.lane)
    return list ? divideLane(whole, list, outcomes, now, payouts) : whole
  })
  return { payouts, reserves: reserves.filter(({ reserved }) => reserved !== 0n) }
}

/**
 * What `redeem` pays at chain time `now` of one lane's reserve.
 *
 * @param transfers The complete list of the settled state.
 * @param settled Positions that the settlement itself paid.
 * @param redeemed What earlier redemptions paid: their positions and the sum.
 */
export function redeem({
  reserve,
  members,
  transfers,
  settled,
  redeemed,
  outcomes,
  now,
}: {
  readonly reserve: Reserve
  readonly members: number
  readonly transfers: readonly Transfer[]
  readonly settled: ReadonlySet<number>
  readonly redeemed: { readonly positions: ReadonlySet<number>; readonly paid: bigint }
  readonly outcomes: Outcomes
  readonly now: bigint
}): { readonly payouts: readonly bigint[]; readonly positions: readonly number[] } {
  assertRoot(reserve.root, transfers, settled)
  const payouts: bigint[] = new Array(members).fill(0n)
  const positions: number[] = []
  let left = reserve.reserved - redeemed.paid
  for (const [position, transfer] of transfers.entries()) {
    if (settled.has(position) || redeemed.positions.has(position)) continue
    const amount = scaled(transfer.amount, reserve, left)
    if (!pay(transfer, amount, outcomes, now, payouts)) continue
    left -= amount
    positions.push(position)
  }
  return { payouts, positions }
}

/** Holds back what is locked, pro rata over the lanes if there is less than that. */
function reserve(states: readonly State[], held: bigint): Reserve[] {
  const total = sum(states.map(({ locked }) => locked))
  return states.map(({ lane, locked, transfersRoot }) => {
    const reserved = total <= held ? locked : (held * locked) / total
    return { lane, locked, reserved, root: transfersRoot }
  })
}

/** What each member may take of `available`: its entitlement, pro rata if the states promised more than there is. */
function entitle(owed: readonly bigint[], available: bigint): bigint[] {
  const claims = owed.map((amount) => (amount > 0n ? amount : 0n))
  const promised = sum(claims)
  if (promised === available) return claims
  const shares = claims.map((claim) => (claim === 0n ? 0n : (available * claim) / promised))
  // Rounding leaves less than a wei a member; the last of those who get something takes it.
  const last = Math.max(
    0,
    claims.findLastIndex((claim) => claim > 0n),
  )
  shares[last]! += available - sum(shares)
  return shares
}

/** Pays the decided transfers of a lane to `payouts`; what remains reserved comes back. */
function divideLane(
  whole: Reserve,
  transfers: readonly Transfer[],
  outcomes: Outcomes,
  now: bigint,
  payouts: bigint[],
): Reserve {
  assertRoot(whole.root, transfers, new Set())
  const paid = new Set<number>()
  let { locked, reserved } = whole
  for (const [position, transfer] of transfers.entries()) {
    const amount = scaled(transfer.amount, whole, reserved)
    if (!pay(transfer, amount, outcomes, now, payouts)) continue
    paid.add(position)
    reserved -= amount
    locked -= least(transfer.amount, locked)
  }
  return { lane: whole.lane, locked, reserved, root: rootWithout(transfers, paid) }
}

function pay(transfer: Transfer, amount: bigint, outcomes: Outcomes, now: bigint, payouts: bigint[]): boolean {
  const shares = divideTransfer(transfer, outcomes, now, amount)
  for (const share of shares ?? []) payouts[share.to]! += share.amount
  return shares !== undefined
}

/** `amount`'s part of what is reserved, at most `left`: a state that promised too much cannot take from others. */
function scaled(amount: bigint, { locked, reserved }: Reserve, left: bigint): bigint {
  const part = locked <= reserved ? amount : (amount * reserved) / locked
  return least(part, left)
}

const ZERO_LEAF = toBytes(ZERO_HASH)
const rootWithout = (transfers: readonly Transfer[], paid: ReadonlySet<number>): Hex =>
  leavesRoot(transfers.map((transfer, position) => (paid.has(position) ? ZERO_LEAF : transferLeaf(transfer))))

function assertRoot(expected: Hex, transfers: readonly Transfer[], paid: ReadonlySet<number>): void {
  const actual = rootWithout(transfers, paid)
  if (actual !== expected) throw new WrongTransfersError(expected, actual)
}

const sum = (values: readonly bigint[]): bigint => values.reduce((total, value) => total + value, 0n)
