import type { DepositForm } from '../chain/chain.ts'
import { TaskUsageError } from './errors.ts'

/** The forms that can be chosen with `--by`. */
export const DEPOSIT_FORMS: readonly DepositForm[] = ['allowance', 'permit', 'permit2', 'authorization', 'address']

/** The form meant by `--by`; undefined: the best one. Throws {@link TaskUsageError}. */
export function parseForm(text: string | undefined): DepositForm | undefined {
  const form = DEPOSIT_FORMS.find((one) => one === text)
  if (form === undefined && text !== undefined)
    throw new TaskUsageError(`"${text.slice(0, 40)}" is no form of deposit. Choose one of ${DEPOSIT_FORMS.join(', ')}.`)
  return form
}
