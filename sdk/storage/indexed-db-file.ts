import { inUse, reasonOf, StoreError } from './errors.ts'
import { checkIdentity, fieldsOf, type StoreIdentity } from './identity.ts'

/** Version of the object stores below; a database of a higher one is refused. */
const FORMAT = 1
/** Milliseconds to wait for the page before this one to let go: a reload begins before the old page is quite gone. */
const PATIENCE = 1_000

/** Answers how to let go. Whoever holds it keeps other pages out until it is released or its page is gone. */
export function lockDatabase(name: string, location: string): Promise<() => void> {
  const { locks } = globalThis.navigator ?? {}
  if (!locks || !globalThis.indexedDB)
    throw unavailable(location, new Error('it needs a browser, and a page from https or localhost'))
  return new Promise((resolve, reject) => {
    const hold = () => new Promise<void>((release) => resolve(release))
    locks
      .request(`tallystick/${name}`, { signal: AbortSignal.timeout(PATIENCE) }, hold)
      .catch((cause) => reject(cause?.name === 'TimeoutError' ? inUse(location, cause) : unavailable(location, cause)))
  })
}

/** Opens, checks and if new creates the database. Throws {@link StoreError}; nothing is changed in one that is refused. */
export async function openDatabase(name: string, location: string, identity: StoreIdentity): Promise<IDBDatabase> {
  const request = indexedDB.open(name, FORMAT)
  request.onupgradeneeded = () => create(request.result, identity)
  const db = await done(request).catch((cause) => {
    if (cause?.name !== 'VersionError') throw unavailable(location, cause)
    const fact = `${location} has a newer format than ${FORMAT}. Upgrade tallystick to open it.`
    throw new StoreError('STORE_NEWER', location, fact, cause)
  })
  try {
    if (!db.objectStoreNames.contains('entries') || !db.objectStoreNames.contains('identity'))
      throw new StoreError('STORE_FOREIGN', location, `${location} is not a Tallystick store. Name another one.`)
    const stored = db.transaction('identity').objectStore('identity')
    const [fields, values] = await Promise.all([done(stored.getAllKeys()), done(stored.getAll())])
    checkIdentity(new Map(fields.map((field, index) => [field, values[index]])), identity, location)
    return db
  } catch (error) {
    db.close()
    throw error instanceof StoreError ? error : unavailable(location, error)
  }
}

function create(db: IDBDatabase, identity: StoreIdentity): void {
  db.createObjectStore('entries')
  const fields = db.createObjectStore('identity')
  for (const [field, value] of fieldsOf(identity)) fields.add(value, field)
}

export const unavailable = (location: string, cause: unknown): StoreError =>
  new StoreError(
    'STORE_UNAVAILABLE',
    location,
    `${location} cannot be used (${reasonOf(cause)}). Reload the page, and check that the browser lets this site keep data.`,
    cause,
  )

/** The result of a request. */
export function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
