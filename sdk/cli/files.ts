import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Wallet } from 'ethers'
import { toBytes, toHex } from '../core/bytes.ts'
import { TallystickError } from '../core/errors.ts'

/** An option of the command line makes no sense, or its file does not. */
export class UsageError extends TallystickError {
  readonly code = 'USAGE'
}

const READ_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read',
  EISDIR: 'is a folder',
}

/** A text file named by an option. Throws {@link UsageError}. */
export function readText(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = READ_FAILURES[(cause as NodeJS.ErrnoException).code ?? ''] ?? 'cannot be read'
    throw new UsageError(`The file ${path} ${reason}. Check --${option}.`, { cause })
  }
}

/** Writes a new file; an existing one stays as it is. Throws {@link UsageError}. */
export function writeNew(path: string, text: string, option: string, mode = 0o666): void {
  try {
    writeFileSync(path, text, { flag: 'wx', mode })
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST'
    throw new UsageError(
      `The file ${path} ${exists ? 'exists already' : 'cannot be written'}. Choose another --${option}.`,
      { cause },
    )
  }
}

/** The account of a key file: a private key in hex, or an encrypted keystore. Nothing of it appears in errors. */
export async function readKey(path: string, passwordPath: string | undefined): Promise<Wallet> {
  const text = readText(path, 'key-file').trim()
  const hex = /^(0x)?([0-9a-fA-F]{64})$/.exec(text)?.[2]
  try {
    if (hex) return new Wallet(`0x${hex}`)
    if (!text.startsWith('{')) throw new Error('neither')
  } catch {
    throw new UsageError(`The file ${path} holds neither a private key in hex nor a keystore. Check --key-file.`)
  }
  if (passwordPath === undefined)
    throw new UsageError(`The keystore ${path} is encrypted. Name the file with its password by --password-file.`)
  const password = readText(passwordPath, 'password-file').replace(/\r?\n$/, '')
  try {
    return new Wallet((await Wallet.fromEncryptedJson(text, password)).privateKey)
  } catch {
    throw new UsageError(`The keystore ${path} does not open with this password. Check --password-file and --key-file.`)
  }
}

/**
 * The key by which a daemon is known, of 32 bytes: made at the first start, readable by its user alone. Throws {@link UsageError}.
 */
export function identityKey(path: string): Uint8Array {
  if (!existsSync(path)) {
    const key = randomBytes(32)
    writeNew(path, `${toHex(key)}\n`, 'identity-file', 0o600)
    return key
  }
  const text = readText(path, 'identity-file').trim()
  if (!/^0x[0-9a-f]{64}$/.test(text))
    throw new UsageError(`The file ${path} holds no key of 32 bytes in hex. Check --identity-file.`)
  return toBytes(text)
}

/** A whole number from the command line. Throws {@link UsageError}. */
export function wholeNumber(text: string, option: string, least: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least) return value
  throw new UsageError(`"${text.slice(0, 40)}" is not a whole number from ${least} on. Check --${option}.`)
}
