import { lockHash, paymentHash } from '../../clearing/account.ts'
import { toHex } from '../../core/bytes.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Store, Write } from '../../storage/store.ts'
import { entryOf, type Known } from './answers.ts'
import { encodeRelease, type KeptRelease, type PaidRelease, releaseStoreKey } from './release.ts'

// What no demand can be about any more goes; before pages go, what answers still take from them is kept.

/** Forgets by the last final epoch; epochs before the one before it can be asked about no more. */
export async function forgetBefore(final: bigint, known: Known, store: Store): Promise<void> {
  const { archive, books } = known
  const from = final > 1n ? final - 1n : 0n
  const old = [...archive.headers.keys()].filter((epoch) => epoch < from)
  if (old.length === 0) return
  const { cutTime } = archive.headers.get(final)!.epoch
  for (const [key, release] of books.releases) {
    // From this cut on the lock is decided, and was so in the epoch before any that can be asked about.
    const isOver = release.deadline < cutTime
    const paid = isOver ? undefined : await paidIn(old, release, known)
    if (!isOver && !paid) continue
    const write: Write = { key: releaseStoreKey(key), value: paid ? encodeRelease({ ...release, paid }) : null }
    await store.commit([write])
    if (paid) books.releases.set(key, { ...release, paid })
    else books.releases.delete(key)
  }
  await archive.prune(from)
}

/** The payment that was made for a lock in one of these epochs: the one in which the lock is gone. */
async function paidIn(epochs: readonly bigint[], release: KeptRelease, known: Known): Promise<PaidRelease | undefined> {
  const { books, archive } = known
  const payer = books.seatOf(release.payer)
  if (release.payment === ZERO_HASH || release.paid || !payer) return undefined
  for (const epoch of epochs) {
    if (!archive.changedIn(epoch).includes(payer.index)) continue
    const page = await archive.page(payer.index, epoch)
    const lock = page?.locks[release.position]
    if (!page || (lock && toHex(lockHash(lock)) === release.lock)) continue
    const payment = page.payments.find((one) => one.epoch === epoch && toHex(paymentHash(one)) === release.payment)
    const entry = payment && (await entryOf(release.payment, payment.to, epoch, known))
    if (entry) return { payment, ...entry }
  }
  return undefined
}
