import { TallystickError } from '../../core/errors.ts'
import type { HouseRefusal } from '../messages.ts'

/** What a member asked for is not done; it is told why. */
export class HouseRefusedError extends TallystickError {
  readonly code = 'HOUSE_REFUSED'
  readonly refusal: HouseRefusal

  constructor(refusal: HouseRefusal, fact: string) {
    super(fact)
    this.refusal = refusal
  }
}

/** The operator cannot go on safely. */
export class HouseStoppedError extends TallystickError {
  readonly code: 'STORE_IS_OLD' | 'HOUSE_MEMORY_LOST' | 'HOUSE_REORGANISED' | 'HOUSE_CONVICTED' | 'HOUSE_STOPPING'

  constructor(code: HouseStoppedError['code'], fact: string, options?: ErrorOptions) {
    super(fact, options)
    this.code = code
  }
}
