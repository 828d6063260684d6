import type { Address, LedgerRef } from '../../core/types.ts'
import type { BlockedCode } from '../../protocols/solvency.ts'
import { blocked, entitlement, spendable, withdrawing } from '../../protocols/solvency.ts'
import type { Slot } from './slot.ts'

/** What a ledger holds for this node and for its peer, in the asset's smallest unit. */
export interface LedgerBalances extends LedgerRef {
  readonly peer: Address
  readonly generation: number
  /** Can be paid or withdrawn now: final deposits and acknowledged income, less what is promised. */
  readonly spendable: bigint
  /** What the peer can pay here now. */
  readonly receivable: bigint
  /** What a settlement of everything signed so far would pay out. */
  readonly entitlement: bigint
  /** Deposits of this node that are not final yet. */
  readonly unconfirmed: bigint
  /** On its way out. */
  readonly withdrawing: bigint
  /** Paid and not yet acknowledged by the peer. */
  readonly unacknowledged: bigint
  /** Why nothing can be paid now, if so. */
  readonly blocked: BlockedCode | undefined
  /** When the running dispute can be settled, in chain seconds. */
  readonly disputedUntil: bigint | undefined
}

/** Gas of one answer to a challenge, of starting a dispute and of settling it, with both lanes and rounded up; docs/gas.md has the figures. */
const GAS = { answer: 95_000n, dispute: 60_000n, settle: 70_000n } as const

/** What it would cost to leave without the peer, in wei at the present gas price. */
export interface ExitCost {
  readonly gasPrice: bigint
  /** Starting a dispute and settling it. */
  readonly exit: bigint
  /** One answer to a stale challenge. A balance worth less is not worth defending: that is the *protected minimum*. */
  readonly protectedMinimum: bigint
}

export function ledgerBalances({ entry, ledger }: Slot): LedgerBalances {
  const { me, facts } = ledger
  const { channelId, asset, generation, own } = ledger
  const [latest, confirmed] = [facts?.latestBalances[me] ?? 0n, facts?.confirmedBalances[me] ?? 0n]
  return {
    channelId,
    asset,
    peer: entry.peer,
    generation,
    spendable: spendable(ledger, me),
    receivable: spendable(ledger, 1 - me),
    entitlement: entitlement(ledger, me),
    unconfirmed: latest > confirmed ? latest - confirmed : 0n,
    withdrawing: withdrawing(ledger, me),
    unacknowledged: own.acked.credits[me]! - own.newest.credits[me]!,
    blocked: blocked(ledger),
    disputedUntil: facts?.latest.phase === 'disputed' ? facts.latest.expiry : undefined,
  }
}

export const exitCost = (gasPrice: bigint): ExitCost => ({
  gasPrice,
  exit: gasPrice * (GAS.dispute + GAS.settle),
  protectedMinimum: gasPrice * GAS.answer,
})
