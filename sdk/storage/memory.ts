import { closed } from './errors.ts'
import { checkKeys, compareKeys } from './keys.ts'
import type { Store, Write } from './store.ts'

/** A store that forgets everything with its process: for tests, examples and throw-away nodes. */
export function memoryStore(): Store {
  const entries = new Map<string, Uint8Array>()
  let sorted: string[] | undefined = []
  let open = true

  function assertOpen(): void {
    if (!open) throw closed('memory')
  }

  return {
    async get(key) {
      assertOpen()
      return entries.get(key)?.slice()
    },

    async *list(prefix, after) {
      assertOpen()
      sorted ??= [...entries.keys()].sort(compareKeys)
      for (const key of sorted) {
        if (!key.startsWith(prefix) || (after !== undefined && compareKeys(key, after) <= 0)) continue
        const value = entries.get(key)
        if (value) yield [key, value.slice()]
      }
    },

    async commit(writes: readonly Write[]) {
      assertOpen()
      checkKeys(writes, 'memory')
      for (const { key, value } of writes) {
        if (entries.has(key) !== (value !== null)) sorted = undefined
        if (value === null) entries.delete(key)
        // A copy: the caller may reuse its buffer.
        else entries.set(key, value.slice())
      }
    },

    async close() {
      open = false
      entries.clear()
    },
  }
}
