import { keccak256, toBeHex } from 'ethers'
import { type Address, COIN, type Hex } from '../../sdk/core/types.ts'

export const ONE = 10n ** 18n
/** Seconds in which a challenge can be answered. */
export const PERIOD = 3_600

/** Payments in one direction and one asset of the channel between alice and bob. */
export interface Stream {
  /** Its place in the plan. */
  readonly number: number
  readonly from: 'alice' | 'bob'
  readonly asset: Address
  readonly count: number
}

/** `payments` or a few more, in equal parts in both directions and both assets. */
export function planStreams(payments: number, token: Address): Stream[] {
  const sides = [
    { from: 'alice', asset: COIN },
    { from: 'bob', asset: COIN },
    { from: 'alice', asset: token },
    { from: 'bob', asset: token },
  ] as const
  return sides.map((side, number) => ({ ...side, number, count: Math.ceil(payments / sides.length) }))
}

/** What payment `index` of a stream pays: no two neighbours pay the same, so that a lost or swapped one shows in the sum. */
export const amountOf = (stream: number, index: number): bigint =>
  10n ** 13n + BigInt((index * 7_919 + stream * 104_729) % 1_000_003)

/** Its id: who asks again, after a crash, names the same payment. */
export const idOf = (stream: number, index: number): Hex =>
  keccak256(toBeHex((BigInt(stream) << 64n) | BigInt(index), 16)).slice(0, 34) as Hex

/** What a whole stream pays. */
export function totalOf({ number, count }: Stream): bigint {
  let total = 0n
  for (let index = 0; index < count; index++) total += amountOf(number, index)
  return total
}
