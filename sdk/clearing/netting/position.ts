import { least } from '../../core/transfer.ts'
import type { Address } from '../../core/types.ts'
import type { Round } from './round.ts'

/** What a round comes to for one member in one asset, if it has anything to do with it. */
export interface NetPosition {
  readonly member: string
  readonly asset: Address
  /** Discharged of what it owes, and of what others owe to it. */
  readonly pays: bigint
  readonly receives: bigint
  /** `receives - pays`: credited if positive, debited if negative. */
  readonly net: bigint
}

/** A payment that settles the round, for `from` to sign. All of them settle together or none. */
export interface Debit {
  readonly from: string
  readonly to: string
  readonly asset: Address
  readonly amount: bigint
}

/** By asset, then by member. `paid`: by market and pair, what is discharged. */
export function positionsOf(round: Round, paid: readonly (readonly bigint[])[]): NetPosition[] {
  return round.markets.flatMap(({ asset, from, to }, at) => {
    const pays = new Array<bigint>(round.members.length).fill(0n)
    const receives = [...pays]
    for (const [pair, amount] of paid[at]!.entries()) {
      pays[from[pair]!]! += amount
      receives[to[pair]!]! += amount
    }
    return round.members
      .map((member, at) => ({
        member,
        asset,
        pays: pays[at]!,
        receives: receives[at]!,
        net: receives[at]! - pays[at]!,
      }))
      .filter(({ pays, receives }) => pays + receives > 0n)
  })
}

/** Payments from those who are debited to those who are credited: the largest to the largest, fewer than there are members in each asset. */
export function debitsOf(positions: readonly NetPosition[]): Debit[] {
  return [...new Set(positions.map(({ asset }) => asset))].flatMap((asset) => {
    const own = positions.filter((position) => position.asset === asset)
    const payers = own
      .filter(({ net }) => net < 0n)
      .map(({ member, net }) => ({ member, left: -net }))
      .sort(bySize)
    const payees = own
      .filter(({ net }) => net > 0n)
      .map(({ member, net }) => ({ member, left: net }))
      .sort(bySize)
    return matched(payers, payees).map((debit) => ({ ...debit, asset }))
  })
}

interface Side {
  readonly member: string
  left: bigint
}

const bySize = (a: Side, b: Side): number =>
  a.left === b.left ? (a.member < b.member ? -1 : 1) : a.left > b.left ? -1 : 1

function matched(payers: readonly Side[], payees: readonly Side[]): Omit<Debit, 'asset'>[] {
  const debits: Omit<Debit, 'asset'>[] = []
  for (let [i, j] = [0, 0]; i < payers.length; ) {
    const [payer, payee] = [payers[i]!, payees[j]!]
    const amount = least(payer.left, payee.left)
    debits.push({ from: payer.member, to: payee.member, amount })
    payer.left -= amount
    payee.left -= amount
    if (payer.left === 0n) i++
    if (payee.left === 0n) j++
  }
  return debits
}
