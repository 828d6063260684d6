import type { PartEvent } from '../../protocols/forwarding.ts'
import type { Resolution } from '../../protocols/pending.ts'
import type { Found } from './parts.ts'

export const LOCKED_OUT: PartEvent = { kind: 'lockedOut' }

/** What a resolution in the peer's lane is to the part. */
export function resolvedIn({ piece }: Found, resolution: Resolution): PartEvent {
  switch (resolution.kind) {
    case 'cancel':
      return { kind: 'cancelledIn', residual: resolution.residual }
    case 'split':
      return { kind: 'splitIn' }
    case 'lead':
      return { kind: 'ledIn', key: resolution.key }
    case 'unlock':
      return piece
        ? { kind: 'endedIn', piece, values: resolution.values }
        : { kind: 'unlockedIn', value: resolution.values[0]! }
  }
}

/** What one in one's own lane is, if it counts as soon as it is signed. */
export function resolvedOut({ piece }: Found, resolution: Resolution): PartEvent | undefined {
  if (resolution.kind === 'lead') return { kind: 'ledOut' }
  if (resolution.kind !== 'unlock' || piece === 'rest') return undefined
  const { values } = resolution
  return piece ? { kind: 'endedOut', piece, values } : { kind: 'unlockedOut', value: values[0]! }
}
