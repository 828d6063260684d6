import type { Hex } from '../core/types.ts'
import type { NonceUse } from './by-nonce.ts'
import type { Entry } from './journal.ts'

/** What a nonce that is used up, by none of the attempts as far as their receipts tell, means for a transaction. */
export type NonceVerdict =
  /** Nothing yet: the RPC does not show everything. */
  | { readonly kind: 'wait' }
  /** The same call stands there under another hash. */
  | { readonly kind: 'sent'; readonly hash: Hex }
  /** A wallet was asked, and may have sent it with another nonce: only its user can tell. */
  | { readonly kind: 'unknown' }
  /** The user of a wallet replaced it there. */
  | { readonly kind: 'replaced' }
  /** Something else used it for good: none of the attempts can be mined any more, so another nonce is safe. */
  | { readonly kind: 'outrun' }

/** @param use What used the nonce, as far as it is final. */
export function verdictOf(
  { attempts, request }: Pick<Entry, 'attempts' | 'request'>,
  use: NonceUse | undefined,
): NonceVerdict {
  if (!use || attempts.some(({ hash }) => hash === use.hash)) return { kind: 'wait' }
  const isSame = use.to === request.to && use.data === request.data && use.value === request.value
  if (use.hash && isSame) return { kind: 'sent', hash: use.hash }
  if (attempts.length === 0) return { kind: 'unknown' }
  return { kind: attempts[0]!.raw ? 'outrun' : 'replaced' }
}
