import type { ChildProcess } from 'node:child_process'

/** Resolves when `child` has ended. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    // A program that never started has no exit.
    child.once('error', () => resolve())
  })
}

/** Ends `child` at once. Everything of value is on disk before it counts, so nothing has to be said first. */
export async function endProcess(child: ChildProcess): Promise<void> {
  const gone = ended(child)
  child.kill('SIGKILL')
  await gone
}
