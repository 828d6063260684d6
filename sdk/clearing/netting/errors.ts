import { TallystickError } from '../../core/errors.ts'

export type NettingCode =
  | 'NETTING_UNKNOWN_MEMBER'
  | 'NETTING_DUPLICATE_ID'
  | 'NETTING_DUPLICATE_FUNDS'
  | 'NETTING_SELF_OBLIGATION'
  | 'NETTING_INVALID_AMOUNT'
  | 'NETTING_INVALID_KIND'
  | 'NETTING_INVALID_GROUP'

/** What was given to `net` makes no round. Nothing was computed. */
export class NettingError extends TallystickError {
  readonly code: NettingCode
  /** The obligation's id, or the member whose funds are meant. */
  readonly subject: string

  constructor(code: NettingCode, subject: string, fact: string) {
    super(fact)
    this.code = code
    this.subject = subject
  }
}
