/** Waits until `condition` holds: long enough for a slow and busy machine, for a test that passes never waits that long. */
export async function until(condition: () => boolean | Promise<boolean>, timeout = 40_000): Promise<void> {
  const end = performance.now() + timeout
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`This never came true: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
