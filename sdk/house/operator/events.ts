import type { Hex } from '../../core/types.ts'

/** What an operator's house tells whoever runs it. */
export type OperatorEvent =
  /** A turn is durable; `milliseconds`: from its first job to its last byte on disk. */
  | { readonly kind: 'turn'; readonly jobs: number; readonly milliseconds: number }
  | { readonly kind: 'cut'; readonly epoch: bigint; readonly members: number }
  | { readonly kind: 'built'; readonly epoch: bigint; readonly milliseconds: number }
  | { readonly kind: 'sent'; readonly epoch: bigint; readonly gasUsed: bigint }
  | { readonly kind: 'committed'; readonly epoch: bigint }
  | { readonly kind: 'demanded'; readonly id: Hex; readonly epoch: bigint; readonly about: string }
  | { readonly kind: 'answered'; readonly id: Hex; readonly gasUsed: bigint }
  | { readonly kind: 'halted' }
  /** A member broke the rules of the protocol and was hung up on. */
  | { readonly kind: 'rejected'; readonly member: Hex; readonly reason: Error }
  /** The view of the chain is stale, or fresh again. */
  | { readonly kind: 'chain'; readonly healthy: boolean; readonly reason: string | undefined }
  /** Somebody has to look. `isFatal`: nothing is signed any more. */
  | { readonly kind: 'alarm'; readonly error: Error; readonly isFatal: boolean }
