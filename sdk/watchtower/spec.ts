import type { Address, LedgerRef } from '../core/types.ts'
import type { Evidence } from './appointment.ts'
import type { Offer, Quote, RefusalCode } from './messages.ts'
import type { Unpaid } from './paying.ts'

/** A tower to use. */
export interface TowerSpec {
  /** The key that it proves to hold, and signs receipts with. */
  readonly tower: Address
  /** Where it is dialled. */
  readonly address: string
  /** `sealed` (default): it learns which channel it watches when somebody starts a dispute. `clear`: at once, so it needs no traces. */
  readonly privacy?: 'sealed' | 'clear'
  /** Pays a quote, if it is worth it; without it nothing is paid. */
  readonly pay?: (quote: Quote) => Promise<void>
  /** Months to pay for at a time; default 1. */
  readonly months?: number
}

/** What a client tells about its towers. */
export type TowerClientEvent =
  | { readonly kind: 'connected'; readonly tower: Address; readonly offer: Offer }
  | { readonly kind: 'disconnected'; readonly tower: Address; readonly reason: Error | undefined }
  /** It has not confirmed the newest states of so many ledgers for a while. */
  | { readonly kind: 'lagging'; readonly tower: Address; readonly ledgers: number }
  /** It caught up. */
  | { readonly kind: 'current'; readonly tower: Address }
  /** It takes something not; it is tried again later. */
  | { readonly kind: 'refused'; readonly tower: Address; readonly code: RefusalCode; readonly reason: string }
  /** It holds newer states than this store: the store is an old copy. Nothing there is overwritten. */
  | (LedgerRef & { readonly kind: 'ahead'; readonly tower: Address })
  /** It cannot read calls between contracts, so a challenger can keep a sealed appointment shut. */
  | { readonly kind: 'untraced'; readonly tower: Address }
  | Unpaid

/** The newest of one ledger; without states there is nothing to watch. */
export interface Wanted {
  readonly evidence: Evidence
  readonly worth: number
}
