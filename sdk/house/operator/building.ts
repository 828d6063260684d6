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

/**
 * Makes leaves, trees and header of a closed epoch, a slice at a time: payments go on meanwhile.
 * @param limits Packed leaves of the tree of limits; default: nobody is insured.
 */
export async function buildEpoch(
  closed: ClosedEpoch,
  books: Books,
  archive: Archive,
  store: Store,
  limits: Uint8Array = new Uint8Array(),
): Promise<Epoch> {
  const rows = new Map<number, Uint8Array>()
  const left = [...archive.last.epoch.left]
  const leaving: number[] = []
  for (let at = 0; at < closed.seats.length; at += SLICE) {
    const writes: Write[] = []
    for (const seat of closed.seats.slice(at, at + SLICE)) {
      const leaf = seat.leaf ?? leafOf(seat.book, seat.income, seat, seat.statuses)
      for (const [asset, { leaving }] of leaf.lines.entries()) left[asset] = left[asset]! + leaving
      if (leaf.lines.some((line) => line.leaving > 0n)) leaving.push(seat.index)
      rows.set(seat.index, rowBytes(leafRow(leaf)))
      writes.push({ key: pageKey(seat.index, closed.epoch), value: pageOf(seat, leaf, closed) })
    }
    await store.commit(writes)
    await pause()
  }
  const before = archive.trees.get(archive.last.epoch.number)!.levels[0]!
  const tree = await raised(patched(before, rows, books.assets), books.assets)
  // Before the header: what was not finished is built again.
  for (let at = 0; at < leaving.length; at += SLICE) {
    await archive.keepLeft(closed.epoch, tree, leaving.slice(at, at + SLICE))
    await pause()
  }
  const limitTree = await limitsOf(limits, archive)
  const epoch = epochOf(closed, tree, left, limitTree)
  const header = { epoch, posting: closed.posting, committed: closed.committed }
  await archive.close(header, { tree, limits: limitTree }, [...rows.keys()], await logOf(store, closed.epoch))
  return epoch
}

function pageOf(seat: ClosedSeat, leaf: Leaf, { decided }: ClosedEpoch): Uint8Array {
  return encodePage({ ...seat, leaf, locks: seat.book.locks, decided: decided.get(seat.index) ?? [] })
}

/** The tree of the epoch before, if nothing has changed. */
async function limitsOf(leaves: Uint8Array, { limits, last, assets }: Archive): Promise<TallyTree> {
  const before = limits.of(last.epoch.number)
  const isSame = Buffer.compare(before.levels[0]!, leaves) === 0
  return isSame ? before : raised(leaves, assets)
}

function epochOf({ epoch, cutTime, posting }: ClosedEpoch, tree: TallyTree, left: bigint[], limits: TallyTree): Epoch {
  const cutHash = posting ? postingHash(posting) : ZERO_HASH
  const cut = posting?.number ?? 0n
  return { number: epoch, cutTime, cut, cutHash, members: topOf(tree), left, limits: topOf(limits) }
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
