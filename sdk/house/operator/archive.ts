import { statusesTree } from '../../clearing/closing.ts'
import type { Proof } from '../../clearing/dispute.ts'
import { type Epoch, emptyLeaf, leafRow } from '../../clearing/epoch.ts'
import { buildTally, raiseTally, rowBytes, type TallyTree, tallyPath, topOf } from '../../clearing/tally.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Store, Write } from '../../storage/store.ts'
import type { EpochProof } from '../messages.ts'
import { LeftLeaves } from './left.ts'
import { LimitTrees } from './limit-trees.ts'
import { decodeHeader, decodePage, encodeHeader, type Header, type Page } from './page.ts'

const hex = (value: bigint | number): string => value.toString(16).padStart(16, '0')
export const pageKey = (index: number, epoch: bigint): string => `house/page/${hex(index)}/${hex(epoch)}`
const headerKey = (epoch: bigint): string => `house/epoch/${hex(epoch)}`
const epochOf = (key: string): bigint => BigInt(`0x${key.slice(-16)}`)

/** The epoch before the first. */
export function genesis(assets: number): Epoch {
  const empty = topOf(buildTally([], assets))
  const left = new Array<bigint>(assets).fill(0n)
  return { number: 0n, cutTime: 0n, cut: 0n, cutHash: ZERO_HASH, members: empty, left, limits: empty }
}

/** Closed epochs, from the one before the last final one on: headers and trees in memory, pages in the store. */
export class Archive {
  readonly assets: number
  readonly headers = new Map<bigint, Header>()
  readonly trees = new Map<bigint, TallyTree>()
  readonly limits: LimitTrees
  readonly left: LeftLeaves
  readonly #store: Store
  /** Whose pages are of an epoch. */
  readonly #changed = new Map<bigint, readonly number[]>()

  constructor(store: Store, assets: number) {
    this.#store = store
    this.assets = assets
    this.limits = new LimitTrees(assets)
    this.left = new LeftLeaves(store)
    this.headers.set(0n, { epoch: genesis(assets), posting: undefined, committed: 0n })
    this.trees.set(0n, buildTally([], assets))
  }

  /** The last closed epoch. */
  get last(): Header {
    return [...this.headers.values()].at(-1)!
  }

  /** Reads headers, grows the trees again, and tells the newest page of everybody. */
  async load(tell: (page: Page, epoch: bigint) => void): Promise<void> {
    for await (const [, bytes] of this.#store.list('house/epoch/')) {
      const header = decodeHeader(bytes)
      this.headers.set(header.epoch.number, header)
    }
    await this.limits.load(this.#store)
    const [first, last] = [[...this.headers.keys()][1], this.last.epoch.number]
    if (first === undefined) return
    if (first > 1n) this.#forget(0n)
    const kept = [...this.headers.keys()]
    const rows: Map<bigint, Map<number, Uint8Array>> = new Map(kept.map((epoch) => [epoch, new Map()]))
    let newest: { page: Page; epoch: bigint } | undefined
    for await (const [key, bytes] of this.#store.list('house/page/')) {
      const epoch = epochOf(key)
      // Of an epoch that was not finished: it is made again.
      if (epoch > last) continue
      const page = decodePage(bytes)
      if (newest && newest.page.index !== page.index) tell(newest.page, newest.epoch)
      newest = { page, epoch }
      const changed = rows.get(epoch) ?? rows.get(first)!
      changed.set(page.index, rowBytes(leafRow(page.leaf)))
    }
    if (newest) tell(newest.page, newest.epoch)
    this.#grow(rows)
  }

  #grow(rows: ReadonlyMap<bigint, ReadonlyMap<number, Uint8Array>>): void {
    let leaves: Uint8Array = new Uint8Array()
    for (const [epoch, changed] of rows) {
      this.#changed.set(epoch, [...changed.keys()])
      leaves = patched(leaves, changed, this.assets)
      this.trees.set(epoch, raiseTally(leaves, this.assets))
    }
  }

  /** Writes a header; its pages must have been written. `writes`: what goes with it. */
  async close(
    header: Header,
    { tree, limits }: { readonly tree: TallyTree; readonly limits: TallyTree },
    changed: readonly number[],
    writes: readonly Write[],
  ): Promise<void> {
    const { number } = header.epoch
    const own = { key: headerKey(number), value: encodeHeader(header) }
    await this.#store.commit([own, ...this.limits.writes(number, limits), ...writes])
    this.headers.set(number, header)
    this.limits.keep(number, limits)
    this.trees.set(number, tree)
    this.#changed.set(number, changed)
  }

  /** A member's page as of an epoch: the newest up to it. */
  async page(index: number, epoch: bigint): Promise<Page | undefined> {
    let found: Uint8Array | undefined
    for await (const [key, bytes] of this.#store.list(`house/page/${hex(index)}/`)) {
      if (epochOf(key) > epoch) break
      found = bytes
      if (epochOf(key) === epoch) break
    }
    return found && decodePage(found)
  }

  /** Who has a page of this very epoch. */
  changedIn(epoch: bigint): readonly number[] {
    return this.#changed.get(epoch) ?? []
  }

  /** Where a leaf stands; the empty leaf where the epoch has none there. */
  proof(epoch: bigint, index: number, page: Page | undefined): Proof {
    const tree = this.trees.get(epoch)!
    const path = index < 2 ** topOf(tree).depth ? tallyPath(tree, index) : []
    return { index, leaf: page?.leaf ?? emptyLeaf(this.assets), path }
  }

  /** What a member is shown; undefined: the epoch or the member is not here. */
  async shown(epoch: bigint, index: number): Promise<EpochProof | undefined> {
    const tree = this.trees.get(epoch)
    if (!tree) return this.left.at(index, epoch)
    const page = await this.page(index, epoch)
    return page && { ...this.#shownIn(tree, epoch, page), limits: this.limits.limits(epoch, index) }
  }

  #shownIn(tree: TallyTree, epoch: bigint, { index, leaf, locks, statuses, entries }: Page): EpochProof {
    const top = topOf(statusesTree(locks, statuses, this.assets))
    return { epoch, index, leaf, path: tallyPath(tree, index), entries, statuses: top, limits: undefined }
  }

  /** Keeps what some members will be paid by; their pages must have been written, and the epoch is not closed yet. */
  async keepLeft(epoch: bigint, tree: TallyTree, indices: readonly number[]): Promise<void> {
    const pages = await Promise.all(indices.map((index) => this.page(index, epoch)))
    await this.left.keep(pages.map((page) => this.#shownIn(tree, epoch, page!)))
  }

  /** Forgets what is older than `from`, but for the newest page of everybody. */
  async prune(from: bigint): Promise<void> {
    const old = [...this.headers.keys()].filter((epoch) => epoch < from)
    if (old.length === 0) return
    const writes: Write[] = old.map((epoch) => ({ key: headerKey(epoch), value: null }))
    // Whoever has no newer page is still the same.
    for (const epoch of [...old, from])
      for (const index of this.#changed.get(epoch) ?? []) writes.push(...(await this.#olderPages(index, from)))
    await this.#store.commit([...writes, ...this.limits.forget(from)])
    for (const epoch of old) this.#forget(epoch)
  }

  async #olderPages(index: number, from: bigint): Promise<Write[]> {
    const keys: string[] = []
    for await (const [key] of this.#store.list(`house/page/${hex(index)}/`)) if (epochOf(key) <= from) keys.push(key)
    return keys.slice(0, -1).map((key) => ({ key, value: null }))
  }

  #forget(epoch: bigint): void {
    this.headers.delete(epoch)
    this.trees.delete(epoch)
    this.#changed.delete(epoch)
  }
}

/** Packed leaves with some of them changed, or more of them. */
export function patched(leaves: Uint8Array, changed: ReadonlyMap<number, Uint8Array>, assets: number): Uint8Array {
  const size = 32 * (1 + assets)
  let count = leaves.length / size
  for (const index of changed.keys()) if (index >= count) count = index + 1
  const next = new Uint8Array(size * count)
  next.set(leaves)
  for (const [index, row] of changed) next.set(row, size * index)
  return next
}
