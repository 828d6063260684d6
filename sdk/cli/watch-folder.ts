import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readText, UsageError } from './files.ts'

/** Milliseconds between looks. Notices of a file system differ by system, and are lost on shared disks. */
const LOOK = 2_000
/** Stands for the folder itself among its files. */
const WHOLE = '.'

export interface WatchFolderParts {
  readonly folder: string
  /** A file is new, or has changed. */
  readonly take: (file: string, text: string) => Promise<void>
  /** It could not be read or taken. True: the same file is tried again at the next look. */
  readonly onFailed: (file: string, error: Error) => boolean
  readonly onGone: (file: string) => void
}

/** A folder whose `*.json` are taken one after the other, and again whenever they have changed. */
export class WatchFolder {
  readonly #parts: WatchFolderParts
  /** By file: the version that was taken. */
  readonly #taken = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(parts: WatchFolderParts) {
    this.#parts = parts
  }

  /** Resolves when all that is there has been taken. */
  start(): Promise<void> {
    this.#looking = this.#look().then(() => {
      if (!this.#isStopped) this.#timer = setTimeout(() => void this.start(), LOOK)
    })
    return this.#looking
  }

  /** Resolves when nothing is being taken any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#looking
  }

  async #look(): Promise<void> {
    const files = this.#list()
    if (!files) return
    for (const file of this.#taken.keys()) if (!files.includes(file)) this.#gone(file)
    for (const file of files) if (!this.#isStopped) await this.#lookAt(file)
  }

  #list(): string[] | undefined {
    try {
      const files = readdirSync(this.#parts.folder).filter((name) => name.endsWith('.json'))
      this.#taken.delete(WHOLE)
      return files.sort()
    } catch {
      if (!this.#taken.has(WHOLE)) this.#parts.onFailed(WHOLE, noFolder(this.#parts.folder, 'watch'))
      this.#taken.set(WHOLE, '')
      return undefined
    }
  }

  #gone(file: string): void {
    this.#taken.delete(file)
    this.#parts.onGone(file)
  }

  async #lookAt(file: string): Promise<void> {
    const path = join(this.#parts.folder, file)
    const version = versionOf(path)
    if (version === undefined || this.#taken.get(file) === version) return
    // Before it is read: what changes meanwhile is seen at the next look.
    this.#taken.set(file, version)
    try {
      await this.#parts.take(file, readText(path, 'watch'))
    } catch (error) {
      if (this.#parts.onFailed(file, error as Error)) this.#taken.delete(file)
    }
  }
}

/** Throws {@link UsageError} if there is none. */
export function assertFolder(path: string, option: string): void {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw noFolder(path, option)
}

const noFolder = (path: string, option: string) =>
  new UsageError(`There is no folder ${path}, or it may not be read. Check --${option}.`)

/** Changes with each write, and with each file that takes its place; undefined: there is none. */
function versionOf(path: string): string | undefined {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    return found && `${found.ino}/${found.size}/${found.ctimeNs}`
  } catch {
    // Reading it says why.
    return 'unreadable'
  }
}
