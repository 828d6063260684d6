import type { DatabaseSync } from 'node:sqlite'
import { corrupt, inUse, reasonOf, StoreError } from './errors.ts'
import { checkIdentity, fieldsOf, type StoreIdentity } from './identity.ts'
import { hasLostCommits } from './wal.ts'

/** Version of the tables below; a file of a higher one is refused. */
const FORMAT = 1
/** "TALY": marks the file as ours. */
const APPLICATION = 0x54414c59

// `process.getBuiltinModule` instead of `import`, so that a bundle for browsers that holds this file still loads.
function builtin<T>(name: string): T {
  const module = globalThis.process?.getBuiltinModule?.(name)
  if (module !== undefined) return module as T
  throw new StoreError(
    'STORE_UNAVAILABLE',
    name,
    `${name} is not here. Use Node.js 22.13 or newer; in a browser use indexedDbStore().`,
  )
}

let crc32: typeof import('node:zlib').crc32 | undefined

/** CRC-32 of key and value: SQLite checks its pages' structure, not what stands in them. */
export function checksum(key: string, value: Uint8Array): number {
  crc32 ??= builtin<typeof import('node:zlib')>('node:zlib').crc32
  return crc32(value, crc32(key))
}

/** Opens, locks, checks and if new creates the file. Throws {@link StoreError}; nothing is changed in a file that is refused. */
export function openFile(path: string, identity: StoreIdentity): DatabaseSync {
  checkLog(path)
  const db = connect(path)
  try {
    lock(db)
    if (isEmpty(db)) create(db, path, identity)
    else {
      checkFormat(db, path)
      checkContent(db, path)
      checkIdentity(readIdentity(db), identity, path)
      // An empty log from here on, so that `checkLog` never sees the remains of two crashes at once.
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    }
    return db
  } catch (error) {
    db.close()
    throw error instanceof StoreError ? error : translate(path, error)
  }
}

/** Before SQLite sees the file: it would drop what it cannot read of its log, and delete the log when it closes. */
function checkLog(path: string): void {
  const { existsSync, readFileSync } = builtin<typeof import('node:fs')>('node:fs')
  const log = `${path}-wal`
  if (!existsSync(log) || !hasLostCommits(readFileSync(log))) return
  // The log of a running process is being written to: what looks damaged then is only unfinished.
  if (isLocked(path)) throw inUse(path)
  throw corrupt(path, `its log ${log} holds acknowledged commits that no longer match their checksums`)
}

function isLocked(path: string): boolean {
  const { DatabaseSync } = builtin<typeof import('node:sqlite')>('node:sqlite')
  const db = new DatabaseSync(path, { readOnly: true, timeout: 0 })
  try {
    db.prepare('PRAGMA schema_version').get()
    return false
  } catch (error) {
    return isBusy(error)
  } finally {
    db.close()
  }
}

function connect(path: string): DatabaseSync {
  const { existsSync, openSync, closeSync } = builtin<typeof import('node:fs')>('node:fs')
  const { DatabaseSync } = builtin<typeof import('node:sqlite')>('node:sqlite')
  try {
    // Private to this user from its first byte on; SQLite gives its journals the same mode. A file that exists is opened by SQLite
    // alone: on POSIX systems closing any other handle would drop the lock that a store of this process holds.
    if (!existsSync(path)) closeSync(openSync(path, 'ax', 0o600))
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    throw translate(path, error)
  }
}

function lock(db: DatabaseSync): void {
  // SQLite's own OS lock: held until the process ends, however it ends.
  db.exec('PRAGMA locking_mode = EXCLUSIVE')
  db.exec('BEGIN EXCLUSIVE; COMMIT')
  db.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000')
}

const number = (db: DatabaseSync, pragma: string): number =>
  Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] as number

const isEmpty = (db: DatabaseSync): boolean =>
  number(db, 'application_id') === 0 && db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined

function create(db: DatabaseSync, path: string, identity: StoreIdentity): void {
  db.exec('PRAGMA journal_mode = WAL')
  db.exec(`
    BEGIN EXCLUSIVE;
    CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE identity (field TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    PRAGMA application_id = ${APPLICATION};
    PRAGMA user_version = ${FORMAT};
  `)
  const insert = db.prepare('INSERT INTO identity (field, value) VALUES (?, ?)')
  for (const [field, value] of fieldsOf(identity)) insert.run(field, value)
  db.exec('COMMIT')
  syncDirectory(path)
}

function checkFormat(db: DatabaseSync, path: string): void {
  if (number(db, 'application_id') !== APPLICATION)
    throw new StoreError('STORE_FOREIGN', path, `${path} is not a Tallystick store. Name another file, or a new one.`)
  const format = number(db, 'user_version')
  if (format > FORMAT)
    throw new StoreError(
      'STORE_NEWER',
      path,
      `${path} has format ${format}, this version knows up to ${FORMAT}. Upgrade tallystick to open it.`,
    )
}

function checkContent(db: DatabaseSync, path: string): void {
  const finding = Object.values(db.prepare('PRAGMA quick_check(1)').get() ?? {})[0]
  if (finding !== 'ok') throw corrupt(path, String(finding))
  // Every entry, not only those asked for: a flipped key would otherwise read as "nothing is stored here".
  for (const row of db.prepare('SELECT key, value, sum FROM entries').iterate())
    if (checksum(row.key as string, row.value as Uint8Array) !== row.sum)
      throw corrupt(path, `the entry ${JSON.stringify(row.key)} does not match its checksum`)
}

function readIdentity(db: DatabaseSync): Map<unknown, unknown> {
  const rows = db.prepare('SELECT field, value FROM identity').all()
  return new Map(rows.map(({ field, value }) => [field, value]))
}

/** A file is durable only once its name is. */
function syncDirectory(path: string): void {
  const { openSync, closeSync, fsyncSync } = builtin<typeof import('node:fs')>('node:fs')
  const { dirname } = builtin<typeof import('node:path')>('node:path')
  if (globalThis.process.platform === 'win32') return
  const directory = openSync(dirname(path), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

/** SQLite's primary result code; the extended ones add higher bytes. */
const codeOf = (error: unknown): number => ((error as { errcode?: number }).errcode ?? 0) & 0xff

const isBusy = (error: unknown): boolean => codeOf(error) === 5 || codeOf(error) === 6

/** None (an error of the file system itself), PERM, READONLY, IOERR, FULL, CANTOPEN: the file may be sound, it just cannot be used. */
const SYSTEM_CODES = new Set([0, 3, 8, 10, 13, 14])

/** What SQLite or the file system says, in this port's words. */
function translate(path: string, error: unknown): StoreError {
  if (isBusy(error)) return inUse(path, error)
  if (!SYSTEM_CODES.has(codeOf(error))) return corrupt(path, reasonOf(error), error)
  return new StoreError(
    'STORE_UNAVAILABLE',
    path,
    `${path} cannot be opened (${reasonOf(error)}). Check that its directory exists and may be written.`,
    error,
  )
}
