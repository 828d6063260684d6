import { type HouseLock, type LockReceipt, lockHash, lockReceiptHash } from '../../clearing/account.ts'
import type { Act, Book } from '../../clearing/book.ts'
import { toHex } from '../../core/bytes.ts'
import { type Desk, isOperators, standingAt, withdrawnBefore } from './desk.ts'
import { HouseMemberError } from './errors.ts'

export const placeOf = ({ locks }: Book, lock: HouseLock) => ({ lock, position: locks.lastIndexOf(lock) })

/** Whether the operator signed that these locks stand in this book. */
export function areReceipts(
  desk: Desk,
  book: Book,
  locks: readonly { readonly receipt: LockReceipt; readonly signature: Uint8Array }[],
): boolean {
  return locks.every(({ receipt, signature }) => {
    const lock = book.locks[receipt.position]
    return (
      lock !== undefined &&
      receipt.payer === book.member &&
      receipt.index === book.index &&
      receipt.lock === toHex(lockHash(lock)) &&
      isOperators(desk, lockReceiptHash(receipt), signature)
    )
  })
}

/** Locks that a committed epoch has seen decided. */
export function foldsOf({ memory }: Desk, base: Book): Act[] {
  const seen = [...memory.epochs.values()].filter(({ statuses }) => statuses)
  const last = seen.sort((a, b) => (a.epoch.number < b.epoch.number ? -1 : 1)).at(-1)
  return base.locks.flatMap((lock, position): Act[] => {
    const then = last?.book?.locks[position]
    const status = last?.statuses?.[position]
    if (!lock || !then || !status || status.live > 0n) return []
    return toHex(lockHash(then)) === toHex(lockHash(lock)) ? [{ kind: 'fold', position, paid: status.paid }] : []
  })
}

/** Throws unless the member has what it spends, as far as it knows. */
export function assertCovered(desk: Desk, { debits, locked }: Book): void {
  const { deposited } = standingAt(desk)
  const withdrawn = withdrawnBefore(desk)
  const { credits } = desk.memory.state.income
  for (const [asset, spent] of debits.entries()) {
    const has = deposited[asset]! + credits[asset]! - withdrawn[asset]!
    if (spent + locked[asset]! > has)
      throw new HouseMemberError(
        'HOUSE_BALANCE',
        `This takes ${spent + locked[asset]!} of ${has} in asset number ${asset}, for life. Pay less, or deposit more.`,
      )
  }
}
