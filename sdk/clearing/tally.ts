import { toHex, toUint } from '../core/bytes.ts'
import { keccak256 } from '../core/keccak.ts'
import type { Hex } from '../core/types.ts'
import { hashWords, packWords } from './words.ts'

// Merkle sum trees, docs/clearing.md §2. A row is a hash and its sums, 32 bytes each; a sum is `high uint128 | low uint128`.

const WORD = 32
const HALF = (1n << 128n) - 1n

/** The top of a tree: all that a contract needs to check paths. */
export interface Tally {
  readonly depth: number
  readonly node: Hex
  readonly sums: readonly bigint[]
}

/** One leaf: its hash and a word of sums for each asset. */
export interface Row {
  readonly hash: Uint8Array
  readonly sums: readonly bigint[]
}

/** A whole tree. `levels[k]` holds the rows of level k, leaves first; what is not there is empty. */
export interface TallyTree {
  /** Words of a row. */
  readonly stride: number
  readonly levels: readonly Uint8Array[]
  /** What stands for an empty subtree on each level. */
  readonly empty: readonly Uint8Array[]
}

/** Two totals in a word. */
export const sumWord = (high: bigint, low = 0n): bigint => (high << 128n) | low

/** The high total of a sum word. */
export const highOf = (word: bigint): bigint => word >> 128n
/** The low total of a sum word. */
export const lowOf = (word: bigint): bigint => word & HALF

/** The tree over `rows`, by position; undefined leaves are empty. `width`: words of sums. */
export function buildTally(rows: readonly (Row | undefined)[], width: number): TallyTree {
  const size = WORD * (1 + width)
  const leaves = new Uint8Array(size * rows.length)
  for (const [i, row] of rows.entries()) if (row) leaves.set(rowBytes(row), size * i)
  return raiseTally(leaves, width)
}

/** The tree over leaves that are packed already, {@link rowBytes} each; zeros where there is none. */
export function raiseTally(leaves: Uint8Array, width: number): TallyTree {
  const steps = raiseSteps(leaves, width)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** Rows that are joined in one step. */
const STEP = 4_096

/** {@link raiseTally} in steps of a few milliseconds, for whoever has other things to do meanwhile. */
export function* raiseSteps(leaves: Uint8Array, width: number): Generator<void, TallyTree> {
  const stride = 1 + width
  const size = WORD * stride
  const levels = [leaves]
  for (let level = leaves; level.length > size; level = levels.at(-1)!) {
    const above = new Uint8Array(size * Math.ceil(level.length / size / 2))
    for (let from = 0; from * size < level.length; from += STEP) {
      joinSome(level, above, levels.length - 1, from, width)
      yield
    }
    levels.push(above)
  }
  return { stride, levels, empty: levels.map((_, level) => emptyRow(width, level)) }
}

/** A leaf as the tree hashes it: its hash and its sums, 32 bytes each. */
export const rowBytes = ({ hash, sums }: Row): Uint8Array => packWords([hash, ...sums])

/** By width and level; every tree of a width has the same. */
const emptyRows = new Map<number, Uint8Array[]>()

function emptyRow(width: number, level: number): Uint8Array {
  const rows = emptyRows.get(width) ?? [new Uint8Array(WORD * (1 + width))]
  emptyRows.set(width, rows)
  while (rows.length <= level) rows.push(join(rows.at(-1)!, rows.at(-1)!))
  return rows[level]!
}

/** A tree that only grows: enough of it to know its top after every leaf. */
export interface GrowingTally {
  readonly width: number
  readonly count: number
  /** By level: the full subtree that waits for its right half. */
  readonly halves: readonly (Uint8Array | undefined)[]
}

/** A tree without leaves; `width`: words of sums. */
export const newTally = (width: number): GrowingTally => ({ width, count: 0, halves: [] })

/** With more leaves behind the others. */
export function growTally({ width, count, halves }: GrowingTally, rows: readonly Row[]): GrowingTally {
  const grown = [...halves]
  for (const row of rows) {
    let node = rowBytes(row)
    let level = 0
    for (; grown[level]; level++) {
      node = join(grown[level]!, node)
      grown[level] = undefined
    }
    grown[level] = node
  }
  return { width, count: count + rows.length, halves: grown }
}

/** The top of a growing tree: that of {@link buildTally} over the same leaves. */
export function topOfGrowing({ width, count, halves }: GrowingTally): Tally {
  const depth = count <= 1 ? 0 : Math.ceil(Math.log2(count))
  let node: Uint8Array | undefined
  for (let level = 0; level < depth; level++) {
    const half = halves[level]
    if (half) node = join(half, node ?? emptyRow(width, level))
    else if (node) node = join(node, emptyRow(width, level))
  }
  return tallyOf(depth, node ?? halves[depth] ?? emptyRow(width, 0))
}

function joinSome(level: Uint8Array, above: Uint8Array, depth: number, from: number, width: number): void {
  const [empty, emptyAbove] = [emptyRow(width, depth), emptyRow(width, depth + 1)]
  const size = empty.length
  const count = level.length / size
  for (let i = from; i < count && i < from + STEP; i += 2) {
    const left = level.subarray(size * i, size * (i + 1))
    const right = i + 1 < count ? level.subarray(size * (i + 1), size * (i + 2)) : empty
    // Lists of locks are mostly empty after a while; what stands for nothing need not be hashed again.
    const isEmpty = isSame(left, empty) && isSame(right, empty)
    above.set(isEmpty ? emptyAbove : join(left, right), (size * i) / 2)
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const size = left.length
  const pair = new Uint8Array(2 * size)
  pair.set(left)
  pair.set(right, size)
  const row = new Uint8Array(size)
  row.set(keccak256(pair))
  for (let at = WORD; at < size; at += WORD) addWords(row, left, right, at)
  return row
}

// Sums are kept as bytes: adding two words by bytes costs less than two conversions to bigint and one back.
function addWords(target: Uint8Array, a: Uint8Array, b: Uint8Array, at: number): void {
  let carry = 0
  for (let i = at + WORD - 1; i >= at; i--) {
    const sum = a[i]! + b[i]! + carry
    target[i] = sum
    carry = sum >> 8
  }
}

/** The top of a tree; of no leaves too. */
export function topOf({ levels, empty }: TallyTree): Tally {
  return tallyOf(levels.length - 1, levels.at(-1)!.length === 0 ? empty[0]! : levels.at(-1)!)
}

function tallyOf(depth: number, row: Uint8Array): Tally {
  const sums = Array.from({ length: row.length / WORD - 1 }, (_, i) =>
    toUint(row.subarray(WORD * (i + 1), WORD * (i + 2))),
  )
  return { depth, node: toHex(row.subarray(0, WORD)), sums }
}

/** What commits to a tree. */
export const tallyHash = ({ depth, node, sums }: Tally): Uint8Array => hashWords([BigInt(depth), node, ...sums])

/** The top of the tree in which a row stands at `position`, by its path; undefined: there is none, or sums overflow on the way. */
export function climbTally(row: Row, position: number, path: readonly Hex[]): Tally | undefined {
  const stride = 1 + row.sums.length
  const depth = path.length / stride
  if (!Number.isInteger(depth) || depth > 32 || position >= 2 ** depth) return undefined
  let node = rowBytes(row)
  for (let level = 0; level < depth; level++) {
    const sibling = packWords(path.slice(stride * level, stride * (level + 1)))
    if (overflows(node, sibling)) return undefined
    node = Math.floor(position / 2 ** level) % 2 === 0 ? join(node, sibling) : join(sibling, node)
  }
  return tallyOf(depth, node)
}

function overflows(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = WORD; at < a.length; at += WORD) {
    const [one, other] = [toUint(a.subarray(at, at + WORD)), toUint(b.subarray(at, at + WORD))]
    if (highOf(one) + highOf(other) > HALF || lowOf(one) + lowOf(other) > HALF) return true
  }
  return false
}

/** The path of one leaf: words, level by level. */
export const tallyPath = (tree: TallyTree, position: number): Hex[] => tallyPaths(tree, [position])

/** The rows that are missing above several leaves, `positions` ascending: words, level by level, from the left. */
export function tallyPaths({ levels, stride, empty }: TallyTree, positions: readonly number[]): Hex[] {
  const size = WORD * stride
  const words: Hex[] = []
  let here = [...positions]
  for (let level = 0; level < levels.length - 1; level++) {
    const known = new Set(here)
    for (const position of here) {
      const sibling = position ^ 1
      if (known.has(sibling)) continue
      const found = levels[level]!.subarray(size * sibling, size * (sibling + 1))
      const row = found.length === size ? found : empty[level]!
      for (let at = 0; at < size; at += WORD) words.push(toHex(row.subarray(at, at + WORD)))
    }
    here = [...new Set(here.map((position) => position >> 1))]
  }
  return words
}
