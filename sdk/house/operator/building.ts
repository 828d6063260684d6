import { leafOf } from '../../clearing/closing.ts'
import { type Epoch, type Leaf, leafRow } from '../../clearing/epoch.ts'
import { postingHash } from '../../clearing/posting.ts'
import { raiseSteps, rowBytes, type TallyTree, topOf } from '../../clearing/tally.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Store, Write } from '../../storage/store.ts'
import { type Archive, pageKey, patched } from './archive.ts'
import type { Books } from './books.ts'
import type { ClosedEpoch, ClosedSeat } from './closed.ts'
import { encodePage } from './page.ts'

/** Pages that are made without a pause. */
const SLICE = 64

/** Makes leaves, tree and header of a closed epoch, a slice at a time: payments go on meanwhile. */
export async function buildEpoch(closed: ClosedEpoch, books: Books, archive: Archive, store: Store): Promise<Epoch> {
  const rows = new Map<number, Uint8Array>()
  const left = [...archive.last.epoch.left]
  for (let at = 0; at < closed.seats.length; at += SLICE) {
    const writes: Write[] = []
    for (const seat of closed.seats.slice(at, at + SLICE)) {
      const leaf = seat.leaf ?? leafOf(seat.book, seat.income, seat, seat.statuses)
      for (const [asset, { leaving }] of leaf.lines.entries()) left[asset] = left[asset]! + leaving
      rows.set(seat.index, rowBytes(leafRow(leaf)))
      writes.push({ key: pageKey(seat.index, closed.epoch), value: pageOf(seat, leaf, closed) })
    }
    await store.commit(writes)
    await pause()
  }
  const before = archive.trees.get(archive.last.epoch.number)!.levels[0]!
  const tree = await raised(patched(before, rows, books.assets), books.assets)
  const epoch = epochOf(closed, tree, left, archive)
  const header = { epoch, posting: closed.posting, committed: closed.committed }
  await archive.close(header, tree, [...rows.keys()], await logOf(store, closed.epoch))
  return epoch
}

function pageOf(seat: ClosedSeat, leaf: Leaf, { decided }: ClosedEpoch): Uint8Array {
  return encodePage({ ...seat, leaf, locks: seat.book.locks, decided: decided.get(seat.index) ?? [] })
}

/** The tree of nobody's limits: this operator insures no receipts. */
function epochOf({ epoch, cutTime, posting }: ClosedEpoch, tree: TallyTree, left: bigint[], archive: Archive): Epoch {
  const cutHash = posting ? postingHash(posting) : ZERO_HASH
  const { limits } = archive.last.epoch
  return { number: epoch, cutTime, cut: posting?.number ?? 0n, cutHash, members: topOf(tree), left, limits }
}

async function raised(leaves: Uint8Array, assets: number): Promise<TallyTree> {
  const steps = raiseSteps(leaves, assets)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    await pause()
  }
}

/** What of the log the pages have made superfluous. */
async function logOf(store: Store, epoch: bigint): Promise<Write[]> {
  const writes: Write[] = []
  for await (const [key] of store.list('house/log/'))
    if (BigInt(`0x${key.split('/')[2]}`) <= epoch) writes.push({ key, value: null })
    else break
  return writes
}

const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
