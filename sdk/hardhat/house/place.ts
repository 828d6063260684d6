import { TallystickError } from '../../core/errors.ts'
import type { HouseOperator } from '../../house/operator/operator.ts'
import { TaskUsageError } from '../errors.ts'
import type { Scene } from '../scene.ts'
import { OPERATOR_HERE, sayAlarm, startOperator } from './operator.ts'
import { isOperatedHere, type SavedHouse } from './scene.ts'

/** Where the operator of the house is, as long as a task runs. */
export interface Place {
  readonly address: string
  /** Undefined: it runs in another process. */
  readonly operator: HouseOperator | undefined
  stop(): Promise<void>
}

export const elsewhere = (address: string): Place => ({ address, operator: undefined, stop: async () => {} })

/**
 * The operator at `at`; else the one whose key is here, in this process unless `tally house operate` runs it; else the one that `join` or
 * `found` was told of. Throws {@link TaskUsageError}.
 */
export async function openPlace(scene: Scene, saved: SavedHouse, at: string | undefined): Promise<Place> {
  if (at !== undefined) return elsewhere(at)
  if (isOperatedHere(scene, saved.house)) {
    try {
      const { operator, stop } = await startOperator(scene, saved, { listen: OPERATOR_HERE, onEvent: sayAlarm })
      return { address: OPERATOR_HERE, operator, stop }
    } catch (error) {
      if (!(error instanceof TallystickError && error.code === 'STORE_IN_USE')) throw error
    }
    if (saved.at === undefined) throw new TaskUsageError('The operator runs in another task. Wait until that ends.')
  }
  return elsewhere(addressOf(saved))
}

/** Where the operator is said to be, without a look whether it is. Throws {@link TaskUsageError}. */
export function addressOf({ at, house }: SavedHouse): string {
  if (at !== undefined) return at
  throw new TaskUsageError(
    `Nobody said where the operator of ${house} is. Say it with --at, e.g. --at tcp://host:7200.`,
  )
}
