import { expect } from 'chai'
import fc from 'fast-check'
import type { HouseLock, LockStatus, Payment } from '../../../sdk/clearing/account.ts'
import {
  type Act,
  act,
  type Book,
  credit,
  type Entry,
  type Income,
  newBook,
  newIncome,
  nextBook,
  nextIncome,
} from '../../../sdk/clearing/book.ts'
import { checkLeaf, covers, type Finding, type Known, type ShownLeaf } from '../../../sdk/clearing/checking.ts'
import { leafOf, type Standing, type Statuses, statusOf } from '../../../sdk/clearing/closing.ts'
import { type Epoch, type Leaf, type Line, leafRow } from '../../../sdk/clearing/epoch.ts'
import { buildTally, type Row, sumWord, tallyPath, topOf } from '../../../sdk/clearing/tally.ts'
import { hashWords } from '../../../sdk/clearing/words.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import type { Hex } from '../../../sdk/core/types.ts'

const WHOLE = 10n ** 18n
const CUT = 1_000n
const ASSETS = 2
const INDEX = 2
const EPOCH = 5n
const id = (name: number): Hex => toHex(hashWords([BigInt(name)]))
const [ALICE, BOB] = [id(1), id(2)]

const stranger = (i: number): Row => ({
  hash: hashWords([BigInt(100 + i)]),
  sums: new Array<bigint>(ASSETS).fill(sumWord(7n, 1n)),
})

/** Paid by half before the cut, if its amount is even; live otherwise. */
const statusesOf = ({ locks }: Book): Statuses =>
  locks.map(
    (lock): LockStatus | undefined =>
      lock && statusOf(lock, { value: WHOLE / 2n, recordedAt: lock.amount % 2n === 0n ? CUT - 1n : 0n }, CUT),
  )

const payment = (amount: bigint, asset: number, position: number): Payment => ({
  from: BOB,
  to: ALICE,
  epoch: EPOCH,
  position,
  asset,
  amount,
  group: id(0),
  leg: 0,
})

const income = (amount: bigint, asset = 0, position = 0): Entry => ({
  kind: 'payment',
  payment: payment(amount, asset, position),
})

const pay = (amount: bigint, asset = 0): Act => ({ kind: 'pay', to: BOB, asset, amount, group: id(0), leg: 0 })
const lock = (amount: bigint, asset = 0): Act => {
  const one: HouseLock = { to: BOB, asset, amount, key: id(9), deadline: 2_000n, epoch: EPOCH }
  return { kind: 'lock', lock: one }
}

interface Case {
  readonly epoch: Epoch
  readonly shown: ShownLeaf
  readonly known: Known
}

const STANDING: Standing = { deposited: [1_000n, 500n], requested: [60n, 0n], withdrawn: [10n, 0n] }

/** What an honest operator shows alice, and what she knows. */
function honest(acts: readonly Act[], entries: readonly Entry[], tamper: (leaf: Leaf) => Leaf = (leaf) => leaf): Case {
  const start = nextBook(newBook(ALICE, INDEX, 4n, ASSETS), EPOCH)
  const book = acts.length === 0 ? start : act(start, acts).book
  const before: Income = { ...newIncome(4n, ASSETS), credits: [3n, 4n] }
  const after = credit(nextIncome(before, EPOCH), entries)
  const leaf = tamper(leafOf(book, after, STANDING, statusesOf(book)))
  const members = buildTally([stranger(0), stranger(1), leafRow(leaf), stranger(3), stranger(4)], ASSETS)
  const receipt = { member: ALICE, index: INDEX, epoch: EPOCH, seq: 1n, credits: after.credits, income: id(0) }
  return {
    epoch: {
      number: EPOCH,
      cutTime: CUT,
      cut: 9n,
      cutHash: id(0),
      members: topOf(members),
      left: [0n, 0n],
      limits: topOf(buildTally([], ASSETS)),
    },
    shown: { index: INDEX, leaf, path: tallyPath(members, INDEX), entries },
    known: { books: [book], income: before, receipts: [receipt], owed: entries, standing: STANDING, statusesOf },
  }
}

const check = ({ epoch, shown, known }: Case): Finding[] => checkLeaf(epoch, shown, known)
const rules = (found: readonly Finding[]): string[] => [...new Set(found.map(({ rule }) => rule))].sort()

const ACTS: readonly Act[] = [pay(40n), lock(20n), lock(31n, 1)]
const ENTRIES: readonly Entry[] = [income(8n), income(5n, 1, 1)]

describe('A member that checks its leaf', () => {
  it('finds nothing wrong with an honest one, whatever happened in the epoch', () => {
    const amounts = fc.bigInt({ min: 1n, max: 40n })
    const assets = fc.integer({ min: 0, max: ASSETS - 1 })
    const acts = fc.array(
      fc.tuple(fc.boolean(), amounts, assets).map(([isPay, amount, asset]) => (isPay ? pay : lock)(amount, asset)),
      { maxLength: 8 },
    )
    const entries = fc
      .array(fc.tuple(amounts, assets), { maxLength: 8 })
      .map((all) => all.map(([amount, asset], i) => income(amount, asset, i)))
    const run = fc.property(acts, entries, (some, others) => {
      expect(check(honest(some, others))).to.deep.equal([])
    })
    fc.assert(run, { numRuns: 200, seed: 20261126 })
  })

  describe('finds', () => {
    const changed = (change: (leaf: Leaf) => Leaf) => rules(check(honest(ACTS, ENTRIES, change)))
    const line = (change: (line: Line) => Partial<Line>) => (leaf: Leaf) => ({
      ...leaf,
      lines: leaf.lines.map((one, i) => (i === 0 ? { ...one, ...change(one) } : one)),
    })

    for (const field of ['member', 'locks', 'statuses', 'payments', 'income'] as const)
      it(`another hash of ${field}`, () => {
        expect(changed((leaf) => ({ ...leaf, [field]: id(77) }))).to.deep.equal([field])
      })

    for (const field of [
      'deposited',
      'credits',
      'debits',
      'locked',
      'paid',
      'refunded',
      'withdrawn',
      'leaving',
    ] as const)
      for (const by of [1n, -1n])
        it(`${field} that is ${by > 0n ? 'higher' : 'lower'}`, () => {
          // Where a total falls below zero, there is no path either.
          const found = changed(line((one) => ({ [field]: one[field] + by })))
          expect(found.filter((rule) => rule !== 'path')).to.deep.equal([field])
        })

    it('the number of an account that it never signed', () => {
      expect(changed((leaf) => ({ ...leaf, seq: leaf.seq + 1n }))).to.deep.equal(['seq'])
    })

    it('a leaf at an index that is not its own', () => {
      const one = honest(ACTS, ENTRIES)
      const [book] = one.known.books
      const moved = { ...one, known: { ...one.known, books: [{ ...book!, index: 3 }] } }
      expect(rules(check(moved))).to.deep.equal(['index'])
    })

    it('a path that does not lead to what was committed, too short, too long, or false anywhere', () => {
      const one = honest(ACTS, ENTRIES)
      const { path } = one.shown
      const paths = [path.slice(1), path.slice(3), [...path, ...path.slice(0, 3)]]
      for (let at = 0; at < path.length; at++) paths.push(path.with(at, id(78)))
      for (const other of paths)
        expect(rules(check({ ...one, shown: { ...one.shown, path: other } }))).to.deep.equal(['path'])
    })

    it('a leaf whose sums nobody can commit to', () => {
      const found = changed(line(({ debits }) => ({ debits: debits + 1n })))
      expect(found).to.deep.equal(['debits'])
      const one = honest(ACTS, ENTRIES)
      const [first, second] = one.shown.leaf.lines
      const leaf = { ...one.shown.leaf, lines: [{ ...first!, debits: 10n ** 30n }, second!] }
      expect(rules(check({ ...one, shown: { ...one.shown, leaf } }))).to.deep.equal(['debits', 'path'])
    })

    it('income that is not there although it was told, even in place of as much from elsewhere', () => {
      const one = honest(ACTS, ENTRIES)
      const owed = [...ENTRIES, income(1n, 0, 2)]
      expect(rules(check({ ...one, known: { ...one.known, owed } }))).to.deep.equal(['owed'])
    })

    it('entries that are not those of the leaf', () => {
      const one = honest(ACTS, ENTRIES)
      const shown = { ...one.shown, entries: [income(9n), ENTRIES[1]!] }
      expect(rules(check({ ...one, shown }))).to.deep.equal(['credits', 'income', 'owed'])
      const empty = { ...one.shown, entries: [income(0n)] }
      expect(rules(check({ ...one, shown: empty }))).to.deep.equal(['credits'])
    })

    it('a receipt that is above the leaf', () => {
      const one = honest(ACTS, ENTRIES)
      const receipts = one.known.receipts.map((receipt) => ({ ...receipt, credits: [12n, 9n] }))
      expect(rules(check({ ...one, known: { ...one.known, receipts } }))).to.deep.equal(['receipt'])
    })

    it('that it has spent more than it had', () => {
      const free = (leaf: Leaf) => ({
        ...leaf,
        lines: leaf.lines.map((one) => ({ ...one, debits: 0n, leaving: 0n, withdrawn: 10n })),
      })
      const one = honest([pay(2_000n)], [], free)
      expect(rules(check(one))).to.include.members(['balance', 'debits'])
    })
  })

  it('takes a leaf from an account that it signed for the epoch and heard nothing about, and from none for another', () => {
    const { epoch, shown, known } = honest(ACTS, ENTRIES)
    const [last] = known.books
    const first = newBook(ALICE, INDEX, 4n, ASSETS)
    expect(checkLeaf(epoch, shown, { ...known, books: [first, last!] })).to.deep.equal([])
    const older = honest([], ENTRIES)
    expect(checkLeaf(older.epoch, older.shown, { ...older.known, books: [first, last!] })).to.deep.equal([])
    expect(rules(checkLeaf(epoch, shown, { ...known, books: [first] }))).to.include.members(['seq', 'payments'])
  })

  it('knows a receipt of its income from one of another', () => {
    const after = credit(newIncome(EPOCH, ASSETS), ENTRIES)
    const receipt = { member: ALICE, index: INDEX, epoch: EPOCH, seq: 1n, credits: after.credits }
    const { shown } = honest([], ENTRIES)
    const right = { ...receipt, income: shown.leaf.income }
    expect(covers(right, after)).to.equal(true)
    expect(covers({ ...right, epoch: 4n }, after)).to.equal(false)
    expect(covers({ ...right, income: id(5) }, after)).to.equal(false)
    expect(covers({ ...right, credits: [8n, 6n] }, after)).to.equal(false)
  })
})
