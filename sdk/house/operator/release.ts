import { Reader, Writer } from '../../core/codec.ts'
import type { Store } from '../../storage/store.ts'
import type { ToldRelease } from '../messages.ts'
import { putRelease, readRelease } from '../wire-seat.ts'
import { releaseKey } from './acting.ts'

// Releases are evidence: the operator answers with them for locks that their payees gave up.

export const releaseStoreKey = (key: string): string => `house/release/${key}`

export function encodeRelease(release: ToldRelease): Uint8Array {
  const writer = new Writer()
  putRelease(writer, release)
  return writer.finish()
}

/** All that the store holds, by {@link releaseKey}. */
export async function loadReleases(store: Store): Promise<Map<string, ToldRelease>> {
  const releases = new Map<string, ToldRelease>()
  for await (const [, bytes] of store.list('house/release/')) {
    const reader = new Reader(bytes)
    const release = readRelease(reader)
    reader.end()
    releases.set(releaseKey(release.payer, release.position, release.lock), release)
  }
  return releases
}
