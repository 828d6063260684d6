import type { Address, Hex } from '../../core/types.ts'

/** What one member owes another in one round. */
export interface NettingObligation {
  /** Unique in the round. */
  readonly id: string
  readonly from: string
  readonly to: string
  readonly asset: Address
  /** Smallest units, above zero. */
  readonly amount: bigint
  /** Whether a part of it may be discharged. */
  readonly kind: 'divisible' | 'all-or-nothing'
  /** All obligations of a group, in whatever assets, are discharged whole or not at all. Lower-case hex. */
  readonly group?: Hex
  /** The most that `from` agrees to be net debited in this round in this asset. The least of all that a member says counts. */
  readonly maxNetDebit?: bigint
}

/** What a member of the round can pay with. Who has no line for any asset is no member; who has none for an asset has nothing of it. */
export interface Funds {
  readonly member: string
  readonly asset: Address
  readonly amount: bigint
}

/** Why an obligation is not discharged, or not whole. */
export type LeftOut =
  /** With everything else as it is, `member` is `short` of discharging the rest. */
  | { readonly reason: 'lacks-funds'; readonly member: string; readonly short: bigint }
  /** Its balance would do, but the rest exceeds what it agreed to be net debited. */
  | { readonly reason: 'over-limit'; readonly member: string; readonly over: bigint }
  /** The leg with this id cannot be discharged, and nothing of the group settles without it. */
  | { readonly reason: 'group-incomplete'; readonly group: Hex; readonly leg: string }

/** What became of one obligation. */
export interface Discharge {
  readonly id: string
  readonly amount: bigint
  /** Present unless it is discharged whole. */
  readonly leftOut?: LeftOut
}
