import { limitRow } from '../../clearing/limits.ts'
import { rowBytes } from '../../clearing/tally.ts'
import { TallystickError } from '../../core/errors.ts'
import { least } from '../../core/transfer.ts'
import type { Hex } from '../../core/types.ts'
import { patched } from './archive.ts'
import { type HouseSeat, isFunded } from './seat.ts'

/** What of members' net inflow in epochs that are not final is paid from the stake if the house halts. Amounts per asset, in their order. */
export interface Insurance {
  /** Of everybody for whom somebody has deposited; default: nothing. */
  readonly each?: readonly bigint[]
  /** Of single members, by id, in place of `each`. They come first if the stake is too small for all. */
  readonly members?: ReadonlyMap<Hex, readonly bigint[]>
}

/** The stake is too small for all limits: those who came last have less, or none. */
export class StakeTooSmallError extends TallystickError {
  readonly code = 'HOUSE_STAKE_TOO_SMALL'

  constructor(missing: readonly bigint[]) {
    super(`The stake lacks ${missing.join(', ')} for the limits of all members. Add to it, or lower the limits.`)
  }
}

export interface LimitLeaves {
  /** Packed, by index. */
  readonly leaves: Uint8Array
  /** What the stake lacks, per asset. */
  readonly missing: readonly bigint[]
}

/** Limits that add up to `backing` at most: the contract takes no epoch that promises more. */
export function limitLeaves(
  seats: readonly HouseSeat[],
  { each, members }: Insurance,
  backing: readonly bigint[],
): LimitLeaves {
  const left = [...backing]
  const missing = backing.map(() => 0n)
  const rows = new Map<number, Uint8Array>()
  const give = (seat: HouseSeat, wanted: readonly bigint[]) => {
    const amounts = backing.map((_, asset) => least(wanted[asset] ?? 0n, left[asset]!))
    for (const [asset, amount] of amounts.entries()) {
      left[asset] = left[asset]! - amount
      missing[asset] = missing[asset]! + (wanted[asset] ?? 0n) - amount
    }
    if (amounts.some((amount) => amount > 0n)) rows.set(seat.index, rowBytes(limitRow(seat.id, amounts)))
  }
  for (const seat of seats) {
    const wanted = members?.get(seat.id)
    if (wanted) give(seat, wanted)
  }
  if (each) for (const seat of seats) if (!members?.has(seat.id) && isFunded(seat)) give(seat, each)
  return { leaves: patched(new Uint8Array(), rows, backing.length), missing }
}
