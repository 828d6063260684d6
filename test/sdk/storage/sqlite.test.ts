import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { StoreError } from '../../../sdk/storage/errors.ts'
import { openSqlite } from '../../../sdk/storage/sqlite.ts'
import { openFile } from '../../../sdk/storage/sqlite-file.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { bytes, entriesOf, storeConformance } from '../../conformance/store.ts'
import { identity } from './identity.ts'

const committer = fileURLToPath(new URL('committer.ts', import.meta.url))

storeConformance('SQLite', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallystick-'))
  const store = openSqlite(join(directory, 'a.sqlite'), { identity })
  return {
    store,
    async dispose() {
      await store.close()
      rmSync(directory, { recursive: true })
    },
  }
})

describe('SQLite store', () => {
  let directory: string
  let path: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tallystick-'))
    path = join(directory, 'alice.sqlite')
  })

  afterEach(() => rmSync(directory, { recursive: true }))

  const open = (): Store => openSqlite(path, { identity })

  /** The error that opening throws. */
  function refusal(opening: () => Store = open): StoreError {
    try {
      void opening().close()
    } catch (error) {
      if (error instanceof StoreError) return error
      throw error
    }
    throw new Error('The store was opened.')
  }

  async function filled(count = 200): Promise<void> {
    const store = open()
    for (let n = 0; n < count; n++)
      await store.commit([{ key: `entry/${String(n).padStart(4, '0')}`, value: new Uint8Array(60).fill(n) }])
    await store.close()
  }

  function flip(file: string, position: number, bit: number): void {
    const handle = openSync(file, 'r+')
    const byte = Buffer.alloc(1)
    readSync(handle, byte, 0, 1, position)
    byte[0]! ^= 1 << bit
    writeSync(handle, byte, 0, 1, position)
    closeSync(handle)
  }

  /** Runs a process that commits from `first` on, kills it after `enough` acknowledgements, and says what it acknowledged. */
  async function commitUntilKilled(
    first: number,
    enough: number,
  ): Promise<{ acknowledged: number[]; openings: number }> {
    const child = spawn(process.execPath, ['--no-warnings', committer, path, String(first)])
    const exited = once(child, 'exit')
    const lines: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line)
      if (lines.length === enough) child.kill('SIGKILL')
    }
    await exited
    const acknowledged = lines.filter((line) => /^\d+$/.test(line)).map(Number)
    return { acknowledged, openings: lines.filter((line) => line === 'open').length }
  }

  it('keeps everything over a restart', async () => {
    await filled()
    const store = open()
    expect((await entriesOf(store)).length).to.equal(200)
    await store.close()
  })

  it('syncs every commit, when it is new and when it is opened again', () => {
    for (const _ of ['new', 'again']) {
      const db = openFile(path, identity)
      const setting = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0]
      // 2 is FULL: in WAL mode anything less leaves the last commits to the operating system.
      expect([setting('journal_mode'), setting('synchronous'), setting('fullfsync')]).to.deep.equal(['wal', 2, 1])
      db.close()
    }
  })

  it('is readable by its owner alone', async () => {
    await filled(1)
    expect(statSync(path).mode & 0o077).to.equal(0)
  })

  it('writes what was asked for before it closes', async () => {
    const store = open()
    const commit = store.commit([{ key: 'a', value: bytes(1) }])
    await store.close()
    await commit
    const again = open()
    expect([...(await again.get('a'))!]).to.deep.equal([1])
    await again.close()
  })

  it('S1 keeps every acknowledged commit, each whole, of a process killed in the middle of committing', async () => {
    let next = 0
    for (const enough of [2, 150, 400, 900]) {
      const { acknowledged, openings } = await commitUntilKilled(next, enough)
      expect(openings).to.equal(1)
      const store = open()
      const log = await entriesOf(store, 'log/')
      // Each commit whole: no gap, the right content, and the three counters moved together with the log.
      for (const [at, [key, value]] of log.entries()) {
        expect(key).to.equal(`log/${String(at).padStart(8, '0')}`)
        expect(value).to.deep.equal(Array(500).fill(at % 256))
      }
      for (const key of ['a', 'b', 'c'])
        expect(Buffer.from((await store.get(key))!).toString()).to.equal(String(log.length - 1))
      expect(log.length - 1).to.be.at.least(Math.max(...acknowledged))
      await store.close()
      next = log.length
    }
  })

  it('S4 refuses to start beside another process, and starts at once when that one was killed', async () => {
    const child = spawn(process.execPath, ['--no-warnings', committer, path, '0'])
    const exited = once(child, 'exit')
    await once(child.stdout, 'data')
    child.stdout.resume()
    expect(refusal().code).to.equal('STORE_IN_USE')
    child.kill('SIGKILL')
    await exited
    await open().close()
  })

  it('S4 refuses to start twice within one process, and stays locked for others', async () => {
    const store = open()
    expect(refusal().code).to.equal('STORE_IN_USE')
    const other = spawnSync(process.execPath, ['--no-warnings', committer, path, '0'], {
      encoding: 'utf8',
      timeout: 10_000,
    })
    expect(other.stdout).to.equal('')
    expect(other.stderr).to.include('STORE_IN_USE')
    await store.commit([{ key: 'a', value: bytes(1) }])
    await store.close()
  })

  it('S4 calls a store in use even when its log looks damaged: it is being written to', async () => {
    const store = open()
    for (let n = 0; n < 10; n++) await store.commit([{ key: 'a', value: bytes(n) }])
    flip(`${path}-wal`, 100, 1)
    expect(refusal().code).to.equal('STORE_IN_USE')
    await store.close()
  })

  it('S2 refuses a file whose pages point to the wrong places, though every entry in it is sound', async () => {
    await filled(400)
    const db = new DatabaseSync(path)
    const { rootpage } = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'entries'").get() as {
      rootpage: number
    }
    db.close()
    const file = readFileSync(path)
    const root = (rootpage - 1) * 4096
    // An interior page: the pointers to its cells start at byte 12, each cell starts with the page left of it.
    expect(file[root]).to.equal(2)
    const [first, second] = [0, 1].map((n) => root + file.readUInt16BE(root + 12 + 2 * n))
    file.copy(file, second!, first!, first! + 4)
    writeFileSync(path, file)
    expect(refusal().code).to.equal('STORE_CORRUPT')
  })

  it('S2 refuses or reads back unharmed a file with any bit flipped', async () => {
    await filled()
    const original = readFileSync(path)
    const seen = new Map<string, number>()
    const positions = Array.from({ length: 300 }, (_, i) => Math.floor((i * original.length) / 300) + (i % 7))
    for (const [i, position] of positions.entries()) {
      writeFileSync(path, original)
      flip(path, position, i % 8)
      const outcome = await outcomeOf()
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
    }
    // Bytes that hold nothing exist in every file; most bytes here hold something.
    expect(seen.get('STORE_CORRUPT')).to.be.above(100)
    expect([...seen.keys()]).to.not.include('changed')
  })

  async function outcomeOf(): Promise<string> {
    let store: Store
    try {
      store = open()
    } catch (error) {
      if (error instanceof StoreError) return error.code
      throw error
    }
    const entries = await entriesOf(store)
    await store.close()
    const isUnharmed =
      entries.length === 200 &&
      entries.every(
        ([key, value], n) =>
          key === `entry/${String(n).padStart(4, '0')}` && value.length === 60 && value.every((byte) => byte === n),
      )
    return isUnharmed ? 'unharmed' : 'changed'
  }

  it('S2 refuses a log in which a bit flipped, instead of forgetting what came after it', async () => {
    const { acknowledged } = await commitUntilKilled(0, 100)
    const log = readFileSync(`${path}-wal`)
    const file = readFileSync(path)
    for (const share of [0, 0.0001, 0.1, 0.5, 0.8]) {
      writeFileSync(path, file)
      writeFileSync(`${path}-wal`, log)
      flip(`${path}-wal`, Math.floor(log.length * share), 3)
      const damaged = readFileSync(`${path}-wal`)
      expect(refusal().code).to.equal('STORE_CORRUPT')
      // What is left of the log must be there for whoever repairs it.
      expect(readFileSync(`${path}-wal`).equals(damaged)).to.equal(true)
    }
    writeFileSync(path, file)
    writeFileSync(`${path}-wal`, log)
    rmSync(`${path}-shm`, { force: true })
    const store = open()
    expect((await entriesOf(store, 'log/')).length).to.be.above(Math.max(...acknowledged))
    await store.close()
  })

  it('S2 opens after a power failure tore the last commit, without that commit', async () => {
    await commitUntilKilled(0, 100)
    const log = readFileSync(`${path}-wal`)
    writeFileSync(`${path}-wal`, log.subarray(0, log.length - 5000))
    const store = open()
    // What was torn is gone for good: with the remains of a second crash it could look like damage.
    expect(statSync(`${path}-wal`).size).to.equal(0)
    const entries = await entriesOf(store, 'log/')
    expect(entries.length).to.be.above(50)
    expect(Buffer.from((await store.get('a'))!).toString()).to.equal(String(entries.length - 1))
    await store.close()
  })

  it('S2 freezes when the disk is full: nothing half written, nothing written later', async () => {
    // The child may write files of 2 MiB; then the system refuses, as a full disk does.
    const script = fileURLToPath(new URL('fill-disk.ts', import.meta.url))
    const output = execFileSync(
      'bash',
      ['-c', `ulimit -f 2048; exec "$0" --no-warnings "$1" "$2"`, process.execPath, script, path],
      {
        encoding: 'utf8',
      },
    )
    const { acknowledged, first, second, message } = JSON.parse(output)
    expect([first, second]).to.deep.equal(['STORE_FROZEN', 'STORE_FROZEN'])
    expect(message).to.match(/Free disk space/)
    const store = open()
    const entries = await entriesOf(store)
    expect(entries.length).to.be.within(acknowledged, acknowledged + 1)
    for (const [, value] of entries) expect(value.length).to.equal(100_000)
    await store.close()
  })

  it('S6 refuses a file of a newer version and leaves it as it is', async () => {
    await filled(1)
    const db = new DatabaseSync(path)
    db.exec('PRAGMA user_version = 2; PRAGMA wal_checkpoint(TRUNCATE)')
    db.close()
    const before = readFileSync(path)
    const error = refusal()
    expect(error.code).to.equal('STORE_NEWER')
    expect(error.message).to.match(/format 2.*Upgrade/)
    expect(readFileSync(path).equals(before)).to.equal(true)
  })

  it("refuses another program's database and what is no database, and leaves both as they are", async () => {
    const db = new DatabaseSync(path)
    db.exec('CREATE TABLE notes (text)')
    db.close()
    const before = readFileSync(path)
    expect(refusal().code).to.equal('STORE_FOREIGN')
    expect(readFileSync(path).equals(before)).to.equal(true)
    writeFileSync(path, 'Dear diary, today I wrote more than sixteen bytes of text.')
    expect(refusal().code).to.equal('STORE_CORRUPT')
    expect(readFileSync(path, 'utf8')).to.match(/^Dear diary/)
  })

  it('S21 refuses a store of another chain, adjudicator or key', async () => {
    await filled(1)
    const other = '0x00000000000000000000000000000000000000ff'
    for (const [field, change] of [
      ['chainId', { chainId: 1n }],
      ['adjudicator', { adjudicator: other }],
      ['signer', { signer: other }],
    ] as const) {
      const error = refusal(() => openSqlite(path, { identity: { ...identity, ...change } }))
      expect(error.code).to.equal('STORE_IDENTITY')
      expect(error.message).to.include(`${field} ${identity[field]}`)
    }
    await open().close()
  })

  it('says what to do when the file cannot be opened', () => {
    path = join(directory, 'missing', 'alice.sqlite')
    const error = refusal()
    expect(error.code).to.equal('STORE_UNAVAILABLE')
    expect(error.message).to.match(/Check that its directory exists/)
    path = directory
    expect(refusal().code).to.equal('STORE_UNAVAILABLE')
  })

  it('starts anew over the empty file that a crash at the very first start left', async () => {
    writeFileSync(path, '')
    await filled(1)
    expect(existsSync(`${path}-wal`)).to.equal(false)
  })
})
