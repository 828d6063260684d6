import { TallystickError } from '../../core/errors.ts'

/** A table cannot be set, or cannot do what was asked of it. */
export class TableError extends TallystickError {
  readonly code = 'TABLE'
}

/** Waits until `condition` holds. Throws {@link TableError} that names `what` did not come. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = 'What the test waits for',
  patience = 20_000,
): Promise<void> {
  const end = performance.now() + patience
  while (!(await condition())) {
    if (performance.now() > end)
      throw new TableError(`${what} did not come within ${patience / 1_000} s. Look at the players' alarms.`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
