import type { Limits } from '../../clearing/limits.ts'
import { highOf, raiseTally, type TallyTree, tallyPath, topOf } from '../../clearing/tally.ts'
import { toUint } from '../../core/bytes.ts'
import type { Store, Write } from '../../storage/store.ts'

const hex = (value: bigint): string => value.toString(16).padStart(16, '0')
const limitsKey = (epoch: bigint): string => `house/limits/${hex(epoch)}`

/** Trees of limits by the epoch that they came with; epochs after it have the same until the next. */
export class LimitTrees {
  readonly #assets: number
  readonly #trees = new Map<bigint, TallyTree>()

  constructor(assets: number) {
    this.#assets = assets
    this.#trees.set(0n, raiseTally(new Uint8Array(), assets))
  }

  of(epoch: bigint): TallyTree {
    return this.#trees.get(this.#since(epoch))!
  }

  #since(epoch: bigint): bigint {
    return [...this.#trees.keys()].findLast((one) => one <= epoch) ?? 0n
  }

  /** A member's limits; undefined: it has none. */
  limits(epoch: bigint, index: number): Limits | undefined {
    const tree = this.of(epoch)
    const size = 32 * tree.stride
    const row = tree.levels[0]!.subarray(size * index, size * (index + 1))
    if (row.every((byte) => byte === 0)) return undefined
    const word = (asset: number) => toUint(row.subarray(32 * (asset + 1), 32 * (asset + 2)))
    const amounts = Array.from({ length: this.#assets }, (_, asset) => highOf(word(asset)))
    return { amounts, path: index < 2 ** topOf(tree).depth ? tallyPath(tree, index) : [] }
  }

  /** What to write for an epoch with such a tree. */
  writes(epoch: bigint, tree: TallyTree): Write[] {
    return tree === this.of(epoch) ? [] : [{ key: limitsKey(epoch), value: tree.levels[0]! }]
  }

  keep(epoch: bigint, tree: TallyTree): void {
    if (tree !== this.of(epoch)) this.#trees.set(epoch, tree)
  }

  async load(store: Store): Promise<void> {
    for await (const [key, leaves] of store.list('house/limits/'))
      this.#trees.set(BigInt(`0x${key.slice(-16)}`), raiseTally(leaves, this.#assets))
  }

  /** Forgets what no epoch from `from` on has. */
  forget(from: bigint): Write[] {
    const first = this.#since(from)
    const old = [...this.#trees.keys()].filter((epoch) => epoch < first)
    for (const epoch of old) this.#trees.delete(epoch)
    return old.map((epoch) => ({ key: limitsKey(epoch), value: null }))
  }
}
