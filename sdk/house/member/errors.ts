import { TallystickError } from '../../core/errors.ts'
import type { HouseRefusal } from '../messages.ts'

/** The operator of a house does not do what its member asked for. */
export class RefusedByHouseError extends TallystickError {
  readonly code = 'REFUSED_BY_HOUSE'
  readonly refusal: HouseRefusal

  constructor(refusal: HouseRefusal, reason: string) {
    super(`The house refused (${refusal}): ${reason}`)
    this.refusal = refusal
  }
}

/** A member of a house cannot do this now. */
export class HouseMemberError extends TallystickError {
  readonly code: 'HOUSE_BALANCE' | 'HOUSE_HALTED' | 'HOUSE_CLOSED' | 'HOUSE_NOT_OWNER' | 'HOUSE_UNKNOWN'

  constructor(code: HouseMemberError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}

/** The operator said something that no honest operator says; `dispute` and `exit` are what is left. */
export class HouseFaultError extends TallystickError {
  readonly code = 'HOUSE_FAULT'

  constructor(fact: string) {
    super(`${fact} Nothing more is signed for this house; challenge its epoch, or wait until it halts and exit.`)
  }
}
