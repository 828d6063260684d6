/** Prints facts as JSON, or the lines for people. */
export function print(facts: unknown, json: boolean, lines: readonly string[]): void {
  const text = (_: string, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)
  console.log(json ? JSON.stringify(facts, text, 2) : lines.join('\n'))
}
