import type { Address } from '../core/types.ts'
import { StoreError } from './errors.ts'

/** What a store belongs to: states of another chain, adjudicator or session key must never mix with it. */
export interface StoreIdentity {
  readonly chainId: bigint
  readonly adjudicator: Address
  /** The session key (or the first of a keyring). */
  readonly signer: Address
}

/** As adapters keep it beside the entries. */
export const fieldsOf = (identity: StoreIdentity): [string, string][] => [
  ['chainId', identity.chainId.toString()],
  ['adjudicator', identity.adjudicator.toLowerCase()],
  ['signer', identity.signer.toLowerCase()],
]

/** Throws `STORE_IDENTITY` if what was kept is not `identity`. */
export function checkIdentity(stored: ReadonlyMap<unknown, unknown>, identity: StoreIdentity, location: string): void {
  for (const [field, value] of fieldsOf(identity))
    if (stored.get(field) !== value)
      throw new StoreError(
        'STORE_IDENTITY',
        location,
        `${location} belongs to ${field} ${stored.get(field)}, not ${value}. Open the store of this ${field}, or name a new one.`,
      )
}
