import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { curve } from '../sdk/signing/secp256k1.ts'

// The least that one durable, signed and acknowledged round trip costs on this machine at this moment: sign, commit,
// send; check, commit, sign, send back; check. No protocol, no encryption, no record of anything: what a node is measured against.

const key = new Uint8Array(32).fill(3)
const digest = new Uint8Array(32).fill(5)

function floorSide(folder: string) {
  const db = new DatabaseSync(join(folder, 'floor.sqlite'))
  db.exec(
    'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID',
  )
  const put = db.prepare('INSERT OR REPLACE INTO kv VALUES (?, ?)')
  const [ledger, update] = [new Uint8Array(600), new Uint8Array(150)]
  let count = 0
  const signature = curve.sign(digest, key)
  return {
    sign: () => curve.sign(digest, key),
    check: () => curve.recover(signature, digest),
    commit() {
      db.exec('BEGIN')
      put.run('ledger', ledger)
      put.run(`history/${String(count++).padStart(12, '0')}`, update)
      db.exec('COMMIT')
    },
  }
}

function answer(folder: string): void {
  const side = floorSide(folder)
  const reply = new Uint8Array(100)
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('data', () => {
      side.check()
      side.commit()
      side.sign()
      socket.write(reply)
    })
  })
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as { port: number }).port))
}

/** Round trips a second, one after the other, for `seconds`. */
export async function floorRate(seconds: number): Promise<number> {
  const [mine, theirs] = [mkdtempSync(join(tmpdir(), 'floor-')), mkdtempSync(join(tmpdir(), 'floor-'))]
  const child = fork(fileURLToPath(import.meta.url), [theirs])
  let socket: Socket | undefined
  try {
    const [port] = (await once(child, 'message')) as [number]
    socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const side = floorSide(mine)
    const update = new Uint8Array(250)
    const trip = async () => {
      side.sign()
      side.commit()
      const answered = once(socket!, 'data')
      socket!.write(update)
      await answered
      side.check()
    }
    for (let i = 0; i < 100; i++) await trip()
    const start = performance.now()
    let count = 0
    for (; performance.now() < start + 1_000 * seconds; count++) await trip()
    return (1_000 * count) / (performance.now() - start)
  } finally {
    socket?.destroy()
    child.kill()
    for (const folder of [mine, theirs]) rmSync(folder, { recursive: true, force: true })
  }
}

// As a child: the answering side.
if (process.argv[1] === fileURLToPath(import.meta.url)) answer(process.argv[2]!)
