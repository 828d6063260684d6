import type { Joint } from './joint.ts'
import type { BlockedCode } from './solvency.ts'

/** Why no round may be signed now, if so. */
export function jointBlocked({ restored, named, facts, fresh, generation, order }: Joint): BlockedCode | undefined {
  if (restored) return 'GROUP_RESTORED'
  if (named) return 'GROUP_STALLED'
  if (!facts || !fresh) return 'CHAIN_VIEW_STALE'
  if (facts.latest.phase === 'disputed') return 'LEDGER_DISPUTED'
  if (facts.latest.generation !== generation || facts.confirmed.generation !== generation) return 'GENERATION_CHANGING'
  if (order?.withdrawal.closing) return 'LEDGER_CLOSING'
  return undefined
}
