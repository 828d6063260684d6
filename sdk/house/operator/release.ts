import type { Release } from '../../clearing/dispute.ts'
import { Reader, Writer } from '../../core/codec.ts'
import type { Hex } from '../../core/types.ts'
import type { Store } from '../../storage/store.ts'
import type { ToldRelease } from '../messages.ts'
import { putLeaf, putMaybe, putPath, putPayment, readLeaf, readMaybe, readPath, readPayment } from '../wire-parts.ts'
import { putRelease, readRelease } from '../wire-seat.ts'
import { putEpoch, readEpoch } from './page.ts'

// Releases are evidence: the operator answers with them for locks that their payees gave up.

/** A payee's payment in place of a lock, as the court wants it shown. */
export type PaidRelease = NonNullable<Release['paid']>

/** A release as the operator keeps it, until the lock can be asked about no more. */
export interface KeptRelease extends ToldRelease {
  /** Of the lock. */
  readonly deadline: bigint
  /** Kept from when the pages that show it are forgotten. */
  readonly paid?: PaidRelease
}

/** By which a release is kept. */
export const releaseKey = (payer: Hex, position: number, lock: Hex): string => `${payer}/${position}/${lock}`

export const releaseStoreKey = (key: string): string => `house/release/${key}`

export function encodeRelease(release: KeptRelease): Uint8Array {
  const writer = new Writer()
  putRelease(writer, release).u64(release.deadline)
  return putMaybe(writer, release.paid, putPaid).finish()
}

/** Throws `MalformedBytesError`. */
function decodeRelease(bytes: Uint8Array): KeptRelease {
  const reader = new Reader(bytes)
  const release = { ...readRelease(reader), deadline: reader.u64() }
  const paid = readMaybe(reader, readPaid)
  reader.end()
  return { ...release, ...(paid && { paid }) }
}

function putPaid(writer: Writer, { payment, epoch, proof, position, path }: PaidRelease): void {
  putEpoch(putPayment(writer, payment), epoch)
  putPath(putLeaf(writer.u32(proof.index), proof.leaf), proof.path)
  putPath(writer.u32(position), path)
}

const readPaid = (reader: Reader): PaidRelease => ({
  payment: readPayment(reader),
  epoch: readEpoch(reader),
  proof: { index: reader.u32(), leaf: readLeaf(reader), path: readPath(reader) },
  position: reader.u32(),
  path: readPath(reader),
})

/** All that the store holds, by {@link releaseKey}. */
export async function loadReleases(store: Store, releases: Map<string, KeptRelease>): Promise<void> {
  for await (const [, bytes] of store.list('house/release/')) {
    const release = decodeRelease(bytes)
    releases.set(releaseKey(release.payer, release.position, release.lock), release)
  }
}
