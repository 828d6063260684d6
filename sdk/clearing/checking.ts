import { toHex } from '../core/bytes.ts'
import type { Hex } from '../core/types.ts'
import type { Receipt } from './account.ts'
import { type Book, credit, type Entry, entryHash, type Income, incomeHash, nextBook, nextIncome } from './book.ts'
import { leafOf, linesOf, type Standing, type Statuses } from './closing.ts'
import { availableOf, balanceOf, type Epoch, type Leaf, leafRow, liveOf } from './epoch.ts'
import { climbTally, tallyHash } from './tally.ts'

// Whether a committed leaf is the one that a member should have: it is made again from what the member itself knows.

/** A leaf as the operator shows it to its member. */
export interface ShownLeaf {
  readonly index: number
  readonly leaf: Leaf
  /** To the tree of members. */
  readonly path: readonly Hex[]
  /** The member's income in that epoch, in order. */
  readonly entries: readonly Entry[]
}

/** What a member knows of itself in one epoch. */
export interface Known {
  /**
   * What the leaf may be taken from, oldest first: the newest book that the operator countersigned, and then all that the member signed
   * for this epoch without an answer. Never empty.
   */
  readonly books: readonly Book[]
  /** Of the epoch before. */
  readonly income: Income
  /** The newest receipts of this epoch and of earlier ones. */
  readonly receipts: readonly Receipt[]
  /** What has to stand in the income: what the operator told of, and locks that have paid by the cut. */
  readonly owed: readonly Entry[]
  /** The member's postings up to the cut; what was withdrawn before this epoch. */
  readonly standing: Standing
  /** What has become of a book's locks by the cut. */
  readonly statusesOf: (book: Book) => Statuses
}

/** What a check compares. */
export type CheckRule =
  | 'index'
  | 'path'
  | 'member'
  | 'seq'
  | 'locks'
  | 'statuses'
  | 'payments'
  | 'income'
  | 'owed'
  | 'receipt'
  | 'balance'
  | keyof Leaf['lines'][number]

/** A difference between the leaf and what its member knows. */
export interface Finding {
  readonly rule: CheckRule
  readonly expected: string
  readonly found: string
  /** The asset's number in the house, where amounts differ. */
  readonly asset?: number
}

/** All differences; none: the leaf is right. `epoch`: as the chain has it. */
export function checkLeaf(epoch: Epoch, shown: ShownLeaf, known: Known): Finding[] {
  const book = chosen(epoch, shown.leaf, known)
  const after = incomeAfter(epoch, shown.entries, known)
  if (!after) return [finding('credits', 'amounts above zero', 'entries without')]
  const statuses = known.statusesOf(book)
  return [
    ...checkPlace(epoch, shown, book),
    ...compare(leafOf(book, after, known.standing, statuses), shown.leaf),
    ...checkIncome(shown, known, after),
    ...checkCover(book, after, known, statuses),
  ]
}

/** The book that the leaf says it was taken from; the newest one that counts if there is no such. */
function chosen({ number }: Epoch, leaf: Leaf, { books }: Known): Book {
  const book = books.find(({ seq }) => seq === leaf.seq) ?? books[0]!
  return book.epoch === number ? book : nextBook(book, number)
}

function incomeAfter({ number }: Epoch, entries: readonly Entry[], { income }: Known): Income | undefined {
  try {
    return credit(nextIncome(income, number), entries)
  } catch {
    // An amount that nobody can be credited with: whatever the sums are, they are wrong.
    return undefined
  }
}

/** Whether this leaf is the one that the epoch has at that index. */
export const standsIn = (
  { members }: Epoch,
  { index, leaf, path }: Pick<ShownLeaf, 'index' | 'leaf' | 'path'>,
): boolean => reachedBy(index, leaf, path) === toHex(tallyHash(members))

function reachedBy(index: number, leaf: Leaf, path: readonly Hex[]): Hex | undefined {
  const top = isCounted(leaf) ? climbTally(leafRow(leaf), index, path) : undefined
  return top && toHex(tallyHash(top))
}

function checkPlace(epoch: Epoch, { index, leaf, path }: ShownLeaf, book: Book): Finding[] {
  const found: Finding[] = []
  if (index !== book.index) found.push(finding('index', book.index, index))
  const [expected, reached] = [toHex(tallyHash(epoch.members)), reachedBy(index, leaf, path)]
  if (expected !== reached) found.push(finding('path', expected, reached ?? 'no tree'))
  return found
}

/** Whether the sums of a leaf can be committed to at all. */
const isCounted = ({ lines }: Leaf): boolean =>
  lines.every((line) => {
    const [balance, live] = [balanceOf(line), liveOf(line)]
    return balance >= 0n && live >= 0n && balance + live < 1n << 128n
  })

const HASHES = ['member', 'seq', 'locks', 'statuses', 'payments', 'income'] as const
const AMOUNTS = ['deposited', 'credits', 'debits', 'locked', 'paid', 'refunded', 'withdrawn', 'leaving'] as const

function compare(expected: Leaf, found: Leaf): Finding[] {
  const names = HASHES.filter((field) => expected[field] !== found[field]).map((field) =>
    finding(field, expected[field], found[field]),
  )
  const amounts = expected.lines.flatMap((line, asset) =>
    AMOUNTS.filter((field) => line[field] !== found.lines[asset]?.[field]).map((field) =>
      finding(field, line[field], found.lines[asset]?.[field] ?? 'nothing', asset),
    ),
  )
  return [...names, ...amounts]
}

/** Everything that was told stands in the income, and no receipt is above it. */
function checkIncome({ entries }: ShownLeaf, { owed, receipts }: Known, after: Income): Finding[] {
  const there = new Set(entries.map((entry) => toHex(entryHash(entry))))
  const missing = owed.map((entry) => toHex(entryHash(entry))).filter((hash) => !there.has(hash))
  const below = receipts.flatMap(({ credits }) =>
    credits.flatMap((amount, asset) =>
      after.credits[asset]! < amount ? [finding('receipt', amount, after.credits[asset]!, asset)] : [],
    ),
  )
  return [...missing.map((hash) => finding('owed', hash, 'nothing')), ...below]
}

/** Nobody's leaf counts whose balance is below zero, its own member's neither. */
function checkCover(book: Book, after: Income, { standing }: Known, statuses: Statuses): Finding[] {
  return linesOf(book, after, standing, statuses).flatMap((line, asset) => {
    const available = availableOf(line)
    return available < 0n ? [finding('balance', 'at least 0', available, asset)] : []
  })
}

const finding = (
  rule: CheckRule,
  expected: string | number | bigint,
  found: string | number | bigint,
  asset?: number,
): Finding => ({ rule, expected: `${expected}`, found: `${found}`, ...(asset !== undefined && { asset }) })

/** Whether a receipt is of these entries: some first part of them hashes to it and adds up. */
export function covers(receipt: Receipt, income: Income): boolean {
  return (
    receipt.epoch === income.epoch &&
    receipt.income === incomeHash(income) &&
    receipt.credits.length === income.credits.length &&
    receipt.credits.every((amount, asset) => amount === income.credits[asset])
  )
}
