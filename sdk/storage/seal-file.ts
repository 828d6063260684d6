import type { FileHandle } from 'node:fs/promises'
import { StoreError } from './errors.ts'
import type { Seal } from './seal.ts'

const SIZE = 17

/** A seal in a file of its own; best on another disk than the store. Throws `STORE_UNAVAILABLE`, or `STORE_CORRUPT` for a file that is none. */
export function sealFile(path: string): Seal & { close(): Promise<void> } {
  let file: Promise<FileHandle> | undefined
  // Not imported, so that a bundle for browsers that holds this file still loads.
  const { open } = globalThis.process.getBuiltinModule('node:fs/promises')
  const opened = () => {
    file ??= open(path, 'r+')
      .catch((error) => {
        if (error.code === 'ENOENT') return open(path, 'wx+', 0o600)
        throw error
      })
      .catch((error) => {
        throw new StoreError(
          'STORE_UNAVAILABLE',
          path,
          `The seal ${path} cannot be opened (${error.code}). Check its folder and rights, or name another file.`,
          error,
        )
      })
    return file
  }
  return {
    async read() {
      const bytes = Buffer.alloc(SIZE)
      const { bytesRead } = await (await opened()).read(bytes, 0, SIZE, 0)
      if (bytesRead === 0) return undefined
      const text = bytes.subarray(0, bytesRead).toString('latin1')
      if (/^[0-9a-f]{16}\n$/.test(text)) return BigInt(`0x${text.trim()}`)
      throw new StoreError('STORE_CORRUPT', path, `${path} is no seal of a house. Name another file, or a new one.`)
    },
    async write(turn) {
      const handle = await opened()
      // In place and within one sector: there is no moment at which half of it is old.
      await handle.write(`${turn.toString(16).padStart(16, '0')}\n`, 0, 'latin1')
      await handle.datasync()
    },
    async close() {
      await (await file)?.close()
    },
  }
}
