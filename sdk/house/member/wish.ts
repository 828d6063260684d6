import type { HouseLock, Payment } from '../../clearing/account.ts'
import type { Act } from '../../clearing/book.ts'
import type { HouseRefusal } from '../messages.ts'

/** What the operator took of one wish. */
export interface Taken {
  readonly seq: bigint
  readonly epoch: bigint
  readonly payments: readonly Payment[]
  /** Of its locks, in order; `signature` undefined: the operator's receipt was lost with a connection. */
  readonly locks: readonly { readonly position: number; readonly lock: HouseLock }[]
}

export type Agree = (payments: readonly Payment[]) => Promise<boolean>

/** Acts that are to be signed together. */
export interface Wish {
  readonly make: (epoch: bigint) => readonly Act[]
  readonly resolve: (taken: Taken) => void
  readonly reject: (error: Error) => void
  /** Not together with others: a group, or one that the operator refused among others. */
  isAlone: boolean
  /** Its account holds nothing else at all. */
  readonly isGroup: boolean
  /** What has to be agreed to before it is sent: nothing else is signed meanwhile. */
  readonly agree?: Agree
  /** When the operator first said that the balance is too low. */
  lowSince?: number
}

/** Milliseconds that an operator may take to see a deposit that this member has seen. */
const PATIENCE = 5_000
/** Refusals after which the same is asked again. */
export const LATER: ReadonlySet<HouseRefusal> = new Set(['EPOCH_CLOSED', 'SLOW_DOWN', 'UNAVAILABLE'])

/** What this member has by its own view, the operator may not have seen yet; a group does not wait for that. */
export function isEarly(wishes: readonly Wish[]): boolean {
  const now = performance.now()
  for (const wish of wishes) wish.lowSince ??= now
  return wishes.every(({ isGroup, lowSince }) => !isGroup && now - lowSince! < PATIENCE)
}
