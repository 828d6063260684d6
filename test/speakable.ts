import type { Context } from 'mocha'

/** What a failed test says, in words that a worker can send: mocha's channel between processes carries no bigints. */
export const mochaHooks = {
  afterEach(this: Context): void {
    const err = this.currentTest?.err as Record<string, unknown> | undefined
    for (const key of Object.keys(err ?? {})) err![key] = speakable(err![key])
  },
}

function speakable(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}n` : one)))
  } catch {
    return String(value)
  }
}
