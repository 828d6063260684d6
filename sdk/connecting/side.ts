import type { Address, Hex } from '../core/types.ts'

// A connector is a member on two sides, a house or a channel each, and locks on one what was locked to it on the other: one key, one
// deadline, one registry. So both sides come to the same, whoever falls silent; the connector has nothing to decide.

/** What is locked under a key until a deadline, in chain seconds. */
export interface LockTerms {
  readonly amount: bigint
  readonly key: Hex
  readonly deadline: bigint
}

/** A lock in the connector's favour. */
export interface Arrived extends LockTerms {
  readonly asset: Address
  /** Resolves when it no longer depends on somebody's word. Throws if it never will. */
  sure(): Promise<void>
  /** Keeps the secret for good, then takes the lock by it. */
  claim(secret: Hex): Promise<void>
  /** Gives it up, so that the payer need not wait for the deadline. */
  giveBack(): Promise<void>
}

/** Where locks come from. */
export interface Inlet {
  /** Hears of each lock once; also of those that are there already. */
  onLock(handler: (lock: Arrived) => void): () => void
}

/** Where locks go to. */
export interface Outlet {
  readonly asset: Address
  /** Locks; `shown` is called when the payee shows the secret off the chain, and done with before the payee is paid. */
  lock(terms: LockTerms, shown: (secret: Hex) => Promise<void>): Promise<void>
}
