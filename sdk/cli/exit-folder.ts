import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Domain, Hex } from '../core/types.ts'
import { parseHouseExit } from '../house/member/exit-file.ts'
import { UsageError } from './files.ts'

/**
 * Keeps a member's exit file as `<chain>-<house>-<member>.json`, readable by its user alone. One that holds a later epoch stays: the tower that wrote it may
 * have lost its store since. Throws {@link UsageError}.
 */
export function keepExit(folder: string, { chainId, adjudicator }: Domain, member: Hex, text: string): void {
  const path = join(folder, `${chainId}-${adjudicator}-${member}.json`)
  try {
    const kept = existsSync(path) ? readFileSync(path, 'utf8') : undefined
    if (kept === text || (kept !== undefined && lastEpoch(kept) > lastEpoch(text))) return
    // A crash leaves the old one or the new one, never half of one.
    writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true })
    renameSync(`${path}.new`, path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new UsageError(`The exit file ${path} cannot be written (${code}). Check --exits.`, { cause })
  }
}

/** Below all others: what is no exit file gives way. */
function lastEpoch(text: string): bigint {
  try {
    return parseHouseExit(text).epochs.at(-1)?.epoch.number ?? 0n
  } catch {
    return -1n
  }
}
