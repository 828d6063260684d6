/** Runs all of it: the titles that passed, and why others did not. */
export function runSuite(): Promise<{ passed: string[]; failed: string[] }> {
  const passed: string[] = []
  const failed: string[] = []
  return new Promise((resolve) => {
    mocha
      .run(() => resolve({ passed, failed }))
      .on('pass', (test) => passed.push(test.title))
      .on('fail', (test, error) => failed.push(`${test.fullTitle()}: ${error.message}`))
  })
}
