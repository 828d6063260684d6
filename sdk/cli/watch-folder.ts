import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readText, UsageError } from './files.ts'

/** Milliseconds between looks. Notices of a file system differ by system, and are lost on shared disks. */
const LOOK = 2_000

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
  /** By file: the version that was looked at, and whether it or an earlier one was taken. */
  readonly #seen = new Map<string, { readonly version: string; isTaken: boolean }>()
  #isUnreadable = false
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
    const there = new Set(files)
    for (const file of this.#seen.keys()) if (!there.has(file)) this.#gone(file)
    for (const file of files) if (!this.#isStopped) await this.#lookAt(file)
  }

  #list(): string[] | undefined {
    try {
      const files = readdirSync(this.#parts.folder).filter((name) => name.endsWith('.json'))
      this.#isUnreadable = false
      return files.sort()
    } catch {
      if (!this.#isUnreadable) this.#parts.onFailed('.', noFolder(this.#parts.folder, 'watch'))
      this.#isUnreadable = true
      return undefined
    }
  }

  #gone(file: string): void {
    const isTaken = this.#seen.get(file)?.isTaken
    this.#seen.delete(file)
    if (isTaken) this.#parts.onGone(file)
  }

  async #lookAt(file: string): Promise<void> {
    const path = join(this.#parts.folder, file)
    const version = versionOf(path)
    const before = this.#seen.get(file)
    if (version === undefined || before?.version === version) return
    // Before it is read: what changes meanwhile is seen at the next look.
    const seen = { version, isTaken: before?.isTaken ?? false }
    this.#seen.set(file, seen)
    try {
      await this.#parts.take(file, readText(path, 'watch'))
      seen.isTaken = true
    } catch (error) {
      if (this.#parts.onFailed(file, error as Error)) this.#seen.set(file, { ...seen, version: '' })
    }
  }
}

/** Throws {@link UsageError} if there is none. */
export function assertFolder(path: string, option: string): void {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw noFolder(path, option)
}

const noFolder = (path: string, option: string) =>
  new UsageError(`There is no folder ${path}, or it may not be read. Check --${option}.`)

/** Changes with each write, and with each file that takes its place; undefined: there is no file. */
function versionOf(path: string): string | undefined {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    // A pipe would hold the program up.
    return found?.isFile() ? `${found.ino}/${found.size}/${found.ctimeNs}` : undefined
  } catch {
    // Reading it says why.
    return 'unreadable'
  }
}
