import type { Leaf } from '../../clearing/epoch.ts'
import type { Posting } from '../../clearing/posting.ts'
import type { HouseSeat } from './seat.ts'

/** What a member's books were when an epoch was cut; `leaf`: where it was needed at once. */
export interface ClosedSeat extends Readonly<HouseSeat> {
  readonly leaf: Leaf | undefined
}

/** An epoch that was cut: all that its leaves are made of. Members that are not among `seats` keep their leaves. */
export interface ClosedEpoch {
  readonly epoch: bigint
  readonly cutTime: bigint
  /** The one at the cut; undefined: there is none. */
  readonly posting: Posting | undefined
  /** The last epoch whose commit was known by then. */
  readonly committed: bigint
  readonly seats: readonly ClosedSeat[]
  /** By index: positions of decided locks, and the epoch that first saw them so. */
  readonly decided: ReadonlyMap<number, readonly (readonly [number, bigint])[]>
}
