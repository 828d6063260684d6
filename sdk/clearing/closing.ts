import { toHex } from '../core/bytes.ts'
import { least } from '../core/transfer.ts'
import type { Hex } from '../core/types.ts'
import { emptyTally, type HouseLock, type LockStatus, statusRow } from './account.ts'
import { accountOf, type Book, type Income, incomeHash } from './book.ts'
import { availableOf, type Leaf, type Line } from './epoch.ts'
import { buildTally, type TallyTree, tallyHash, topOf } from './tally.ts'

// How a member's open books become its leaf when the epoch is cut. The operator makes leaves so, and a member checks its own by making
// it again.

/** What the registry says under a key; `recordedAt` 0n: nothing. `value`: 0 to 10^18. */
export interface Outcome {
  readonly value: bigint
  readonly recordedAt: bigint
}

const WHOLE = 10n ** 18n

/** What has become of a lock by `time`, in seconds: a function of the registry and the time alone. */
export function statusOf(lock: HouseLock, { value, recordedAt }: Outcome, time: bigint): LockStatus {
  if (recordedAt > 0n && recordedAt <= lock.deadline && recordedAt <= time) {
    const paid = (lock.amount * value) / WHOLE
    return { paid, refunded: lock.amount - paid, live: 0n }
  }
  if (time > lock.deadline) return { paid: 0n, refunded: lock.amount, live: 0n }
  return { paid: 0n, refunded: 0n, live: lock.amount }
}

/** What the chain says of a member at a cut, and what has left so far. Per asset, for life. */
export interface Standing {
  readonly deposited: readonly bigint[]
  readonly requested: readonly bigint[]
  /** Up to the epoch before. */
  readonly withdrawn: readonly bigint[]
}

/** By position, as the locks of the book. */
export type Statuses = readonly (LockStatus | undefined)[]

/** The tree of what has become of a member's locks. */
export const statusesTree = (locks: Book['locks'], statuses: Statuses, assets: number): TallyTree =>
  buildTally(
    locks.map((lock, i) => lock && statusRow(lock, statuses[i]!, assets)),
    2 * assets,
  )

const statusesHash = (locks: Book['locks'], statuses: Statuses, assets: number): Hex =>
  locks.length === 0 ? emptyTally(2 * assets) : toHex(tallyHash(topOf(statusesTree(locks, statuses, assets))))

/** The member's lines before anything leaves. Negative `availableOf`: more was spent than there is. */
export function linesOf(book: Book, income: Income, standing: Standing, statuses: Statuses): Line[] {
  return book.debits.map((debits, asset) => {
    const sum = (field: 'paid' | 'refunded') =>
      book.locks.reduce((total, lock, i) => (lock?.asset === asset ? total + statuses[i]![field] : total), 0n)
    return {
      deposited: standing.deposited[asset]!,
      credits: income.credits[asset]!,
      debits,
      locked: book.locked[asset]!,
      paid: sum('paid'),
      refunded: sum('refunded'),
      withdrawn: standing.withdrawn[asset]!,
      leaving: 0n,
    }
  })
}

/** The member's leaf in the epoch that its books are of. */
export function leafOf(book: Book, income: Income, standing: Standing, statuses: Statuses): Leaf {
  return {
    member: book.member,
    seq: book.seq,
    locks: book.locksHash,
    statuses: statusesHash(book.locks, statuses, book.debits.length),
    payments: accountOf(book).payments,
    income: incomeHash(income),
    lines: linesOf(book, income, standing, statuses).map((line, i) => leave(line, standing.requested[i]!)),
  }
}

/** What was requested leaves, as far as it is there. */
function leave(line: Line, requested: bigint): Line {
  const available = availableOf(line)
  const wanted = requested - line.withdrawn
  const leaving = wanted <= 0n ? 0n : least(wanted, available)
  return { ...line, withdrawn: line.withdrawn + leaving, leaving }
}
