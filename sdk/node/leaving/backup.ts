import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { concatBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { MalformedBytesError, Reader, Writer } from '../../core/codec.ts'
import { TallystickError } from '../../core/errors.ts'
import { doubted } from '../../protocols/record.ts'
import type { Store, Write } from '../../storage/store.ts'
import {
  CHANNELS,
  GROUPS,
  HISTORY,
  IDS,
  INVOICES,
  LEDGERS,
  NODE_KEY,
  PARTS,
  RESERVES,
  ROUNDS,
  SENT,
  TAGS,
} from '../keys.ts'

// A backup is `magic ‖ log2 N u8 ‖ salt 16 ‖ nonce 24 ‖ sealed`, sealed with XChaCha20-Poly1305 under
// scrypt(password, salt, N, r = 8, p = 1); everything before `sealed` is authenticated with it.
// Inside: count × (key ‖ value), ledgers before their history, so that the history is never behind its ledger.

const MAGIC = utf8ToBytes('TALLYBK1')
const COST = 17
const HEAD = MAGIC.length + 1 + 16 + 24
/** Bytes of one entry at most: an update with its operations. */
const MAX_ENTRY = 4 << 20

/** A backup cannot be used. */
export class BackupError extends TallystickError {
  readonly code: 'NOT_A_BACKUP' | 'BACKUP_NOT_OPENED' | 'STORE_NOT_EMPTY'

  constructor(code: BackupError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}

/** Everything a node remembers, sealed with a password. */
export async function sealBackup(store: Store, password: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (const prefix of [
    NODE_KEY,
    CHANNELS,
    LEDGERS,
    GROUPS,
    ROUNDS,
    HISTORY,
    IDS,
    RESERVES,
    PARTS,
    TAGS,
    INVOICES,
    SENT,
  ])
    for await (const [key, value] of store.list(prefix))
      parts.push(new Writer(value.length + key.length + 16).text(key, 512).bytes(value, MAX_ENTRY).finish())
  const head = concatBytes(MAGIC, Uint8Array.of(COST), randomBytes(40))
  const key = await keyOf(password, head)
  return concatBytes(head, xchacha20poly1305(key, head.subarray(-24), head).encrypt(concatBytes(...parts)))
}

/**
 * Puts a backup into an empty store. Its ledgers are marked as doubtful: a backup is older than the newest state, so no dispute
 * is started from it before the peer has shown what it holds.
 * Throws {@link BackupError}.
 */
export async function openBackup(store: Store, backup: Uint8Array, password: string): Promise<void> {
  for await (const _ of store.list(''))
    throw new BackupError('STORE_NOT_EMPTY', 'The store holds something already. Restore into a new store.')
  const reader = new Reader(await openSeal(backup, password))
  const writes: Write[] = []
  try {
    while (reader.left > 0) writes.push(asRestored(reader.text(512), reader.bytes(MAX_ENTRY)))
  } catch (cause) {
    if (!(cause instanceof MalformedBytesError)) throw cause
    throw new BackupError('NOT_A_BACKUP', 'The backup was written by another version. Use the version that wrote it.')
  }
  await store.commit(writes)
}

async function openSeal(backup: Uint8Array, password: string): Promise<Uint8Array> {
  if (backup.length < HEAD || MAGIC.some((byte, i) => backup[i] !== byte))
    throw new BackupError('NOT_A_BACKUP', 'This is no Tallystick backup. Pass the bytes that exportBackup wrote.')
  const head = backup.subarray(0, HEAD)
  // A forged cost must not freeze or exhaust this machine.
  if (head[MAGIC.length]! !== COST)
    throw new BackupError('NOT_A_BACKUP', 'The backup was written by another version. Use the version that wrote it.')
  const key = await keyOf(password, head)
  try {
    return xchacha20poly1305(key, head.subarray(-24), head).decrypt(backup.subarray(HEAD))
  } catch {
    throw new BackupError(
      'BACKUP_NOT_OPENED',
      'The password is wrong or the backup is damaged. Try another password or copy.',
    )
  }
}

const keyOf = (password: string, head: Uint8Array): Promise<Uint8Array> =>
  scryptAsync(utf8ToBytes(password.normalize('NFKC')), head.slice(MAGIC.length + 1, MAGIC.length + 17), {
    N: 2 ** COST,
    r: 8,
    p: 1,
    dkLen: 32,
    maxmem: 2 ** 29,
  })

function asRestored(key: string, value: Uint8Array): Write {
  if (!key.startsWith(LEDGERS) && !key.startsWith(GROUPS)) return { key, value }
  return { key, value: doubted(value) }
}
