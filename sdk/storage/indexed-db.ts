import { closed, frozen, type StoreError } from './errors.ts'
import type { StoreIdentity } from './identity.ts'
import { done, lockDatabase, openDatabase, unavailable } from './indexed-db-file.ts'
import { checkKeys, compareKeys } from './keys.ts'
import type { Store, Write } from './store.ts'

/** Entries read at once by `list`. */
const PAGE = 256

/**
 * A durable store in a database of the browser (IndexedDB, `durability: 'strict'`), held by one page at a time (Web Locks).
 * Commits asked for while another one is being written share the next transaction.
 *
 * Browsers may clear all data of a site that they think little used: ask for `navigator.storage.persist()`, and keep the seed elsewhere.
 *
 * @param name the database; it is created where there is none.
 * @param options.identity what the store belongs to; opening it as anything else throws.
 * @throws {@link StoreError} `STORE_IN_USE`, `STORE_NEWER`, `STORE_FOREIGN`, `STORE_IDENTITY`, `STORE_UNAVAILABLE`
 *
 * @example
 * ```ts
 * const store = await indexedDbStore('alice', { identity: { chainId: 1n, adjudicator, signer } })
 * ```
 */
export async function indexedDbStore(name: string, options: { readonly identity: StoreIdentity }): Promise<Store> {
  const location = `the database ${name}`
  const release = await lockDatabase(name, location)
  try {
    const db = await openDatabase(name, location, options.identity)
    return storeOf(db, location, release)
  } catch (error) {
    release()
    throw error
  }
}

interface Waiting {
  readonly writes: readonly Write[]
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

function storeOf(db: IDBDatabase, location: string, release: () => void): Store {
  let waiting: Waiting[] = []
  let writing: Promise<void> | undefined
  let refusal: StoreError | undefined
  let isOpen = true
  // The user cleared the site's data, or the disk failed.
  db.onclose = () => {
    refusal ??= frozen(location, new Error('the browser closed it'))
  }

  function assertOpen(): void {
    if (!isOpen) throw closed(location)
  }

  async function read<T>(use: (entries: IDBObjectStore) => Promise<T>): Promise<T> {
    assertOpen()
    try {
      return await use(db.transaction('entries').objectStore('entries'))
    } catch (cause) {
      throw unavailable(location, cause)
    }
  }

  /** Writes group after group until nobody waits. */
  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      try {
        if (refusal) throw refusal
        await write(db, group)
        for (const { resolve } of group) resolve()
      } catch (cause) {
        refusal ??= frozen(location, cause)
        for (const { reject } of group) reject(refusal)
      }
    }
    writing = undefined
  }

  return {
    get: (key) => read((entries) => done<Uint8Array | undefined>(entries.get(encode(key)))),

    async *list(prefix, after) {
      let from = after
      for (;;) {
        const range = rangeOf(prefix, from)
        if (range === undefined) return assertOpen()
        const [keys, values] = await read((entries) =>
          Promise.all([done(entries.getAllKeys(range, PAGE)), done(entries.getAll(range, PAGE))]),
        )
        for (const [index, bytes] of keys.entries()) {
          from = decoder.decode(bytes as ArrayBuffer)
          yield [from, values[index] as Uint8Array] as const
        }
        if (keys.length < PAGE) return
      }
    },

    commit(writes) {
      return new Promise((resolve, reject) => {
        assertOpen()
        if (refusal) throw refusal
        checkKeys(writes, location)
        waiting.push({ writes, resolve, reject })
        // Later in this turn, so that the commits of one turn go together.
        writing ??= Promise.resolve().then(flush)
      })
    },

    async close() {
      if (!isOpen) return
      isOpen = false
      await writing
      db.close()
      release()
    },
  }
}

function write(db: IDBDatabase, group: readonly Waiting[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = db.transaction('entries', 'readwrite', { durability: 'strict' })
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error ?? new Error('the browser gave the transaction up'))
    const entries = transaction.objectStore('entries')
    try {
      for (const { writes } of group)
        for (const { key, value } of writes)
          if (value === null) entries.delete(encode(key))
          // A copy, since a view would be stored with all of its buffer.
          else entries.put(value.slice(), encode(key))
    } catch (error) {
      // Or what was put before would be committed.
      transaction.abort()
      reject(error)
    }
  })
}

/** Keys are bytes, since IndexedDB orders text by UTF-16 units. Undefined if no key can be within. */
function rangeOf(prefix: string, after: string | undefined): IDBKeyRange | undefined {
  const isBehind = after !== undefined && compareKeys(after, prefix) >= 0
  if (isBehind && !after.startsWith(prefix)) return undefined
  const lower = encode(isBehind ? after : prefix)
  if (prefix === '') return IDBKeyRange.lowerBound(lower, isBehind)
  const upper = encode(prefix)
  // No byte of UTF-8 is 0xff.
  upper[upper.length - 1]! += 1
  return IDBKeyRange.bound(lower, upper, isBehind, true)
}

const encoder = new TextEncoder()
const encode = (key: string): Uint8Array<ArrayBuffer> => encoder.encode(key)
// A key may begin with U+FEFF, which is no mark of an order here.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
