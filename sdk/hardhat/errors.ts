import { TallystickError } from '../core/errors.ts'

/** A task was called in a way that makes no sense. */
export class TaskUsageError extends TallystickError {
  readonly code = 'TASK_USAGE'
}

/** An option that the task cannot do without. */
export function required(value: string | undefined, option: string, example: string): string {
  if (value === undefined || value === '')
    throw new TaskUsageError(`--${option} is missing. Add it, e.g. --${option} ${example}.`)
  return value
}
