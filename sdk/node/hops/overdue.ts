import { overdue } from '../../protocols/part.ts'
import { PartOverdueError } from '../errors.ts'
import type { Slot } from '../ledgers/slot.ts'
import type { Carried } from './carried.ts'

/**
 * Names each ledger once in which the peer does not hand over what the chain has decided. There is no deadline for the dispute that
 * brings it: the registry's answer stays, and the peer takes back nothing unasked. So it is left to the operator, who may rather wait
 * for a peer that is offline than pay for the end of a channel.
 */
export class Overdue {
  #told: ReadonlySet<Slot> = new Set()

  /** What to tell after a look at the chain; peers have `grace` seconds from the deadline. */
  look(parts: Iterable<Carried>, grace: bigint): PartOverdueError[] {
    const held = new Map<Slot, bigint>()
    for (const { part, incoming, outgoing } of parts) {
      const late = overdue(part, grace)
      if (!late) continue
      const { slot } = (late.side === 'incoming' ? incoming : outgoing)!
      held.set(slot, (held.get(slot) ?? 0n) + late.amount)
    }
    const untold = [...held].filter(([slot]) => !this.#told.has(slot))
    this.#told = new Set(held.keys())
    return untold.map(([{ ledger, entry }, amount]) => new PartOverdueError(ledger, entry.peer, amount))
  }
}
