/** Waits until the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>, milliseconds = 4_000): Promise<void> {
  const end = performance.now() + milliseconds
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('The condition was not met in time.')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
