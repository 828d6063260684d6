/**
 * The main job, `npm start`: actors in processes of their own pay each other on a local chain through top-ups, withdrawals, a crash and a
 * cheat, and are paid out to the wei; then the members of a clearing house do, through an operator that is killed. `-- --payments N`,
 * `--members N` and `--house-payments N` change its size.
 */
import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import { TallystickError } from '../sdk/core/errors.ts'
import { JobError } from './main-job/errors.ts'
import { render } from './main-job/report.ts'
import { run, type Size } from './main-job/run.ts'
import { openScreen } from './main-job/screen.ts'

const MOST_PAYMENTS = 2_000_000
const DEFAULTS = { payments: '100000', members: '1000', 'house-payments': '100000' } as const

process.exitCode = await main()

async function main(): Promise<number> {
  const began = performance.now()
  const screen = openScreen(began)
  const stack = new AsyncDisposableStack()
  let interrupted: NodeJS.Signals | undefined
  let closing: Promise<void> | undefined
  // A second call of disposeAsync would not wait for the first, and the chain's process would be left behind.
  const close = () => {
    closing ??= stack.disposeAsync()
    return closing
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      interrupted = signal
      void close()
    })
  process.once('uncaughtException', (error) => {
    console.error(explain(error))
    void close().finally(() => process.exit(1))
  })
  try {
    const outcome = await run(sizeAsked(), screen, stack)
    console.log(render(outcome))
    return outcome.checks.every(({ fault }) => fault === undefined) ? 0 : 1
  } catch (error) {
    screen.close()
    // Another process may have heard of Ctrl-C, and failed, a moment before this one.
    await new Promise((resolve) => setTimeout(resolve, 50))
    if (!interrupted) console.error(`\n${explain(error)}`)
    return 1
  } finally {
    screen.close()
    await close()
    if (interrupted) {
      console.error(`\nStopped by ${interrupted}; nothing is left behind.`)
      process.exit(128 + constants.signals[interrupted])
    }
  }
}

function sizeAsked(): Size {
  const asked = parse()
  return {
    payments: numberOf(asked, 'payments', 4, MOST_PAYMENTS),
    members: numberOf(asked, 'members', 10, 5_000),
    housePayments: numberOf(asked, 'house-payments', 10, MOST_PAYMENTS),
  }
}

function numberOf(asked: ReturnType<typeof parse>, name: keyof typeof DEFAULTS, least: number, most: number): number {
  const value = Number(asked[name])
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new JobError(`--${name} takes a whole number from ${least} to ${most}, not ${JSON.stringify(asked[name])}.`)
}

function parse() {
  const option = (name: keyof typeof DEFAULTS) => ({ type: 'string', default: DEFAULTS[name] }) as const
  const options = {
    payments: option('payments'),
    members: option('members'),
    'house-payments': option('house-payments'),
  }
  try {
    return parseArgs({ options }).values
  } catch (error) {
    throw new JobError((error as Error).message)
  }
}

/** A sentence for what was to be expected; the stack of anything else, which is a mistake in this program. */
function explain(error: unknown): string {
  if (error instanceof JobError || error instanceof TallystickError) return `The main job failed: ${error.message}`
  return `The main job failed by a mistake of its own: ${error instanceof Error ? error.stack : String(error)}`
}
