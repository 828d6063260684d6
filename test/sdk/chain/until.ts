/** Waits until the condition holds, at most four seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 4_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('The condition was not met in time.')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
