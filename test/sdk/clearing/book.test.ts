import { expect } from 'chai'
import fc from 'fast-check'
import { amountRow, type HouseLock, lockHash, paymentHash } from '../../../sdk/clearing/account.ts'
import {
  type Act,
  accountOf,
  act,
  type Book,
  credit,
  type Entry,
  entryRow,
  HouseActError,
  type Income,
  MAX_LOCKS,
  newBook,
  newIncome,
  nextBook,
  nextIncome,
} from '../../../sdk/clearing/book.ts'
import { leafOf, linesOf, type Outcome, type Standing, statusOf } from '../../../sdk/clearing/closing.ts'
import { availableOf, balanceOf, liveOf } from '../../../sdk/clearing/epoch.ts'
import { buildTally, tallyHash, topOf } from '../../../sdk/clearing/tally.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import type { Hex } from '../../../sdk/core/types.ts'

const id = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const pay = (to: number, amount: bigint, asset = 0): Act => ({
  kind: 'pay',
  to: id(to),
  asset,
  amount,
  group: ZERO_HASH,
  leg: 0,
})
const lockTo = (to: number, amount: bigint, key: number, epoch = 1n): HouseLock => ({
  to: id(to),
  asset: 0,
  amount,
  key: id(key),
  deadline: 1_000n,
  epoch,
})
const nothing = { value: 0n, recordedAt: 0n }

function refused(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof HouseActError) return error.reason
    throw error
  }
  return 'taken'
}

describe('A member’s book in a house', () => {
  it('signs one account for many acts, whose trees are those of all payments and locks', () => {
    const first = act(newBook(id(1), 7, 1n, 2), [pay(2, 5n), pay(3, 6n, 1)])
    const second = act(first.book, [pay(2, 1n), { kind: 'lock', lock: lockTo(2, 9n, 4) }])
    const payments = [...first.payments, ...second.payments]
    const rows = payments.map((one) => amountRow(paymentHash(one), one.asset, one.amount, 2))
    const lock = lockTo(2, 9n, 4)
    const locks = buildTally([amountRow(lockHash(lock), 0, 9n, 2)], 2)
    expect(payments.map(({ position }) => position)).to.deep.equal([0, 1, 2])
    expect(accountOf(second.book)).to.deep.equal({
      member: id(1),
      index: 7,
      epoch: 1n,
      seq: 2n,
      debits: [6n, 6n],
      locked: [9n, 0n],
      locks: toHex(tallyHash(topOf(locks))),
      payments: toHex(tallyHash(topOf(buildTally(rows, 2)))),
    })
  })

  it('counts positions from the start in each epoch, and debits for life', () => {
    const { book } = act(newBook(id(1), 0, 1n, 1), [pay(2, 5n)])
    const { book: next, payments } = act(nextBook(book, 2n), [pay(2, 1n)])
    expect(payments[0]).to.include({ position: 0, epoch: 2n })
    expect(next.debits).to.deep.equal([6n])
  })

  it('has the same to spend before and after a lock is folded in', () => {
    const { book } = act(newBook(id(1), 0, 1n, 1), [{ kind: 'lock', lock: lockTo(2, 10n, 4) }])
    const standing: Standing = { deposited: [50n], requested: [0n], withdrawn: [0n] }
    const half = { value: 5n * 10n ** 17n, recordedAt: 10n }
    const status = statusOf(book.locks[0]!, half, 20n)
    expect(status).to.deep.equal({ paid: 5n, refunded: 5n, live: 0n })
    const [line] = linesOf(book, newIncome(1n, 1), standing, [status])
    const folded = act(book, [{ kind: 'fold', position: 0, paid: status.paid }]).book
    const [after] = linesOf(folded, newIncome(1n, 1), standing, [undefined])
    expect([availableOf(line!), availableOf(after!), liveOf(after!)]).to.deep.equal([45n, 45n, 0n])
  })

  it('refuses what it does not allow, and is as it was', () => {
    const book = newBook(id(1), 0, 1n, 1)
    const full = act(
      book,
      Array.from({ length: MAX_LOCKS }, (_, i): Act => ({ kind: 'lock', lock: lockTo(2, 1n, i) })),
    ).book
    expect([
      refused(() => act(book, [pay(2, 0n)])),
      refused(() => act(book, [pay(2, 1n << 128n)])),
      refused(() => act(book, [pay(2, 1n, 1)])),
      refused(() => act(book, [{ kind: 'lock', lock: lockTo(2, 1n, 4, 2n) }])),
      refused(() => act(book, [{ kind: 'drop', position: 0 }])),
      refused(() => act(full, [{ kind: 'fold', position: 0, paid: 2n }])),
      refused(() => act(full, [{ kind: 'lock', lock: lockTo(2, 1n, 4) }])),
    ]).to.deep.equal(['AMOUNT', 'AMOUNT', 'ASSET', 'EPOCH', 'POSITION', 'AMOUNT', 'TOO_MANY'])
    expect(book).to.deep.equal(newBook(id(1), 0, 1n, 1))
  })
})

describe('What has become of a lock', () => {
  const lock = lockTo(2, 10n, 4)
  it('is what the registry says by its deadline and by the time asked for, and nothing else', () => {
    const whole = { value: 10n ** 18n, recordedAt: 1_000n }
    const statuses: [Outcome, bigint, bigint[]][] = [
      [nothing, 1_000n, [0n, 0n, 10n]],
      [nothing, 1_001n, [0n, 10n, 0n]],
      [whole, 999n, [0n, 0n, 10n]],
      [whole, 1_000n, [10n, 0n, 0n]],
      [{ ...whole, recordedAt: 1_001n }, 1_000n, [0n, 0n, 10n]],
      [{ ...whole, recordedAt: 1_001n }, 2_000n, [0n, 10n, 0n]],
      [{ value: 3n * 10n ** 17n, recordedAt: 1n }, 1n, [3n, 7n, 0n]],
    ]
    for (const [outcome, time, [paid, refunded, live]] of statuses)
      expect(statusOf(lock, outcome, time)).to.deep.equal({ paid, refunded, live })
  })
})

/** Members of a house and what the registry says, without operator and chain. */
class Members {
  readonly #outcomes = new Map<Hex, Outcome>()
  #epoch = 1n
  #time = 10n
  left = 0n
  readonly people: { book: Book; income: Income; entries: Entry[]; standing: Standing }[]

  constructor(size: number) {
    this.people = Array.from({ length: size }, (_, i) => ({
      book: newBook(id(i), i, 1n, 1),
      income: newIncome(1n, 1),
      entries: [],
      standing: { deposited: [100n], requested: [0n], withdrawn: [0n] },
    }))
  }

  #statuses({ locks }: Book, time: bigint) {
    return locks.map((lock) => lock && this.#status(lock, time))
  }

  #status(lock: HouseLock, time: bigint) {
    return statusOf(lock, this.#outcomes.get(lock.key) ?? nothing, time)
  }

  #give(to: Hex, entry: Entry): void {
    const payee = this.people[Number(to)]!
    payee.income = credit(payee.income, [entry])
    payee.entries.push(entry)
  }

  request(of: number, amount: bigint): void {
    const { standing } = this.people[of]!
    this.people[of]!.standing = { ...standing, requested: [standing.requested[0]! + amount] }
  }

  spend(from: number, to: number, amount: bigint, locked: boolean): void {
    const payer = this.people[from]!
    const [line] = linesOf(payer.book, payer.income, payer.standing, this.#statuses(payer.book, this.#time))
    if (availableOf(line!) < amount) return
    const lock = lockTo(to, amount, payer.book.locks.length, this.#epoch)
    const { book, payments } = act(payer.book, [locked ? { kind: 'lock', lock } : pay(to, amount)])
    payer.book = book
    for (const payment of payments) this.#give(payment.to, { kind: 'payment', payment })
  }

  /** The leaves of the epoch; the next one begins. */
  cut(decided: readonly number[]) {
    this.#time += 10n
    for (const key of decided)
      if (!this.#outcomes.has(id(key))) this.#outcomes.set(id(key), { value: 10n ** 18n, recordedAt: this.#time })
    for (const { book } of this.people)
      for (const [position, lock] of book.locks.entries()) if (lock) this.#creditLock(book.member, position, lock)
    const leaves = this.people.map((one) =>
      leafOf(one.book, one.income, one.standing, this.#statuses(one.book, this.#time)),
    )
    this.left += leaves.reduce((sum, { lines }) => sum + lines[0]!.leaving, 0n)
    const entries = this.people.map((one) => one.entries)
    this.#epoch++
    for (const [i, one] of this.people.entries()) {
      one.book = nextBook(one.book, this.#epoch)
      one.income = nextIncome(one.income, this.#epoch)
      one.entries = []
      one.standing = { ...one.standing, withdrawn: [leaves[i]!.lines[0]!.withdrawn] }
    }
    return leaves.map((leaf, i) => ({ leaf, line: leaf.lines[0]!, entries: entries[i]! }))
  }

  #creditLock(payer: Hex, position: number, lock: HouseLock): void {
    const { paid } = this.#status(lock, this.#time)
    const isNew = lock.epoch === this.#epoch || this.#status(lock, this.#time - 10n).live > 0n
    if (paid > 0n && isNew) this.#give(lock.to, { kind: 'lock', payer, position, lock, paid })
  }
}

describe('Leaves of an epoch', () => {
  const size = 3
  const one = fc.nat(size - 1)
  const amount = fc.bigInt(1n, 40n)
  const step = fc.oneof(
    fc.record({ do: fc.constant('spend' as const), from: one, to: one, amount, locked: fc.boolean() }),
    fc.record({ do: fc.constant('request' as const), from: one, amount }),
    fc.record({ do: fc.constant('cut' as const), decided: fc.array(fc.nat(10), { maxLength: 3 }) }),
  )

  it('never hold more or less than was deposited and has not left, whatever members do', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const members = new Members(size)
        for (const each of steps) {
          if (each.do === 'request') members.request(each.from, each.amount)
          else if (each.do === 'spend') members.spend(each.from, each.to, each.amount, each.locked)
          else {
            const all = members.cut(each.decided)
            const held = all.reduce((sum, { line }) => sum + balanceOf(line) + liveOf(line), 0n)
            expect(held + members.left).to.equal(100n * BigInt(size))
            for (const { leaf, line, entries } of all) {
              expect([balanceOf(line), liveOf(line), line.leaving].every((sum) => sum >= 0n)).to.equal(true)
              const rows = entries.map((entry) => entryRow(entry, 1))
              expect(leaf.income).to.equal(toHex(tallyHash(topOf(buildTally(rows, 1)))))
            }
          }
        }
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})
