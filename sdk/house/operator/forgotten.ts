import { type Account, accountHash, type Receipt, receiptHash } from '../../clearing/account.ts'
import { toHex } from '../../core/bytes.ts'
import type { SignedAccount, SignedReceipt } from '../messages.ts'
import type { HouseSeat } from './seat.ts'

// What an operator signed and does not know shows that its memory is an old copy, or one that went another way.

/** Whether a member holds more than its seat has, or something else under the same number; if it is signed, memory is lost. */
export const isAccountForgotten = (seat: HouseSeat | undefined, shown: SignedAccount): boolean =>
  isForgotten(shown.account, seat?.account, ({ debits }) => debits, accountHash)

/** The same of a receipt. */
export const isReceiptForgotten = (seat: HouseSeat | undefined, shown: SignedReceipt): boolean =>
  isForgotten(shown.receipt, seat?.receipt?.receipt, ({ credits }) => credits, receiptHash)

/** Totals only rise: a lower number with a higher total is none of this memory's either. */
function isForgotten<T extends Account | Receipt>(
  shown: T,
  known: T | undefined,
  totals: (one: T) => readonly bigint[],
  hash: (one: T) => Uint8Array,
): boolean {
  if (!known || shown.seq > known.seq || shown.index !== known.index) return true
  if (shown.seq === known.seq) return toHex(hash(shown)) !== toHex(hash(known))
  return totals(shown).some((total, asset) => total > (totals(known)[asset] ?? 0n))
}
