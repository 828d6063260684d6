import { memberId } from '../../sdk/clearing/account.ts'
import { tallyPath } from '../../sdk/clearing/tally.ts'
import { ZERO_HASH } from '../../sdk/core/state.ts'
import type { Address, Domain } from '../../sdk/core/types.ts'
import { Archive } from '../../sdk/house/operator/archive.ts'
import { Books } from '../../sdk/house/operator/books.ts'
import { buildEpoch } from '../../sdk/house/operator/building.ts'
import { Turn } from '../../sdk/house/operator/turn.ts'
import type { Store } from '../../sdk/storage/store.ts'
import { serve } from '../hub/ipc.ts'

// How long the operator's own code takes to cut an epoch and to make leaves, tree and pages: members that have deposited, one asset, no
// payments. Pages go nowhere: what a disk takes is in the payments.

export interface Built {
  readonly members: number
  /** Milliseconds: between two turns; then beside payments, for all members, and for one in a hundred. */
  readonly cut: number
  readonly all: number
  readonly few: number
  /** The longest time that nothing else could be done, beside payments. */
  readonly pause: number
  readonly pathsPerSecond: number
  readonly bytesPerMember: number
}

const domain: Domain = { chainId: 1n, adjudicator: `0x${'a1'.repeat(20)}` }
const nowhere: Store = {
  get: async () => undefined,
  list: async function* () {},
  commit: async () => {},
  close: async () => {},
}

function deposit(books: Books, index: number, deposited: bigint): void {
  const account: Address = `0x${(index + 1).toString(16).padStart(40, '0')}`
  const identity = { signer: account, owner: account }
  const posting = {
    number: BigInt(index + 1),
    previous: ZERO_HASH,
    member: memberId(identity),
    asset: 0,
    amount: 1n,
    deposited,
    requested: 0n,
    totals: [deposited],
  }
  books.apply({ kind: 'posted', identity, posting }, new Turn(domain, 1))
}

async function timed<T>(work: () => T | Promise<T>): Promise<[number, T]> {
  const began = performance.now()
  const value = await work()
  return [performance.now() - began, value]
}

/** Runs work beside a clock that should tick every millisecond. */
async function watched(work: () => Promise<unknown>): Promise<{ took: number; pause: number }> {
  let [at, pause] = [performance.now(), 0]
  const timer = setInterval(() => {
    const now = performance.now()
    pause = Math.max(pause, now - at)
    at = now
  }, 1)
  const [took] = await timed(work)
  clearInterval(timer)
  return { took, pause }
}

serve({
  async build(members: number): Promise<Built> {
    globalThis.gc?.()
    const before = process.memoryUsage().rss
    const books = new Books(domain, 1)
    for (let i = 0; i < members; i++) deposit(books, i, 5n)
    const bytesPerMember = (process.memoryUsage().rss - before) / members
    const archive = new Archive(nowhere, 1)
    const close = (epoch: bigint) => {
      const cut = { epoch, cutTime: epoch, outcomes: new Map() }
      books.cut(cut, new Turn(domain, 1))
      return books.roll(cut)
    }
    const [cut, first] = await timed(() => close(1n))
    const all = await watched(() => buildEpoch(first, books, archive, nowhere))
    for (let i = 0; i < members; i += 100) deposit(books, i, 6n)
    const second = close(2n)
    const few = await watched(() => buildEpoch(second, books, archive, nowhere))
    const tree = archive.trees.get(2n)!
    const [paths] = await timed(() => {
      for (let i = 0; i < 1_000; i++) tallyPath(tree, (i * 7_919) % members)
    })
    const pause = Math.max(all.pause, few.pause)
    return { members, cut, all: all.took, few: few.took, pause, pathsPerSecond: 1e6 / paths, bytesPerMember }
  },
})
