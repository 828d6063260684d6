import { expect } from 'chai'
import { memberId } from '../../../sdk/clearing/account.ts'
import { type Act, MAX_PAYMENTS, MAX_TOTAL } from '../../../sdk/clearing/book.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import type { Hex } from '../../../sdk/core/types.ts'
import { Books } from '../../../sdk/house/operator/books.ts'
import { Turn } from '../../../sdk/house/operator/turn.ts'
import { sessionSigner } from '../../../sdk/signing/session.ts'

const domain = { chainId: 1n, adjudicator: `0x${'a1'.repeat(20)}` } as const
const people = [1, 2].map((seed) => {
  const { address } = sessionSigner(new Uint8Array(32).fill(seed))
  return { signer: address, owner: address }
})
const [alice, bob] = people.map(memberId) as [Hex, Hex]
const key: Hex = `0x${'01'.repeat(32)}`

describe('what locks may pay at a cut', () => {
  let books: Books
  let turn: Turn

  beforeEach(() => {
    books = new Books(domain, 1)
    turn = new Turn(domain, 1_000)
    for (const [i, identity] of people.entries()) {
      const totals = { deposited: MAX_TOTAL - 1n, requested: 0n, totals: [0n] }
      const posting = { number: BigInt(i + 1), previous: ZERO_HASH, member: memberId(identity), asset: 0, amount: 1n }
      books.apply({ kind: 'posted', identity, posting: { ...posting, ...totals } }, turn)
    }
  })

  const seat = () => books.seatOf(bob)!
  const pay = (amount = 1n): Act => ({ kind: 'pay', to: bob, asset: 0, amount, group: ZERO_HASH, leg: 0 })
  const lock = (amount = 1n): Act => ({
    kind: 'lock',
    lock: { to: bob, asset: 0, amount, key, deadline: 900n, epoch: books.open },
  })

  function act(...acts: Act[]): void {
    const { index, book } = books.seatOf(alice)!
    books.carryOut(books.plan([{ index, seq: book.seq + 1n, acts, signature: new Uint8Array() }]), turn)
  }

  function cut(): void {
    const now = {
      epoch: books.open,
      cutTime: 500n,
      outcomes: new Map([[key, { value: 10n ** 18n, recordedAt: 400n }]]),
    }
    books.cut(now, turn)
    books.receipts(turn)
    turn.sign({ sign: () => new Uint8Array(64) })
    books.roll(now)
  }

  it('keeps a place in the tree of the payee for each lock', () => {
    seat().income = { ...seat().income, entries: { ...seat().income.entries, count: MAX_PAYMENTS - 2 } }
    act(lock())
    expect(() => act(lock(), lock()))
      .to.throw()
      .with.property('refusal', 'LIMIT')
    act(lock())
    expect(() => act(lock()))
      .to.throw()
      .with.property('refusal', 'LIMIT')
    expect(() => act(pay()))
      .to.throw()
      .with.property('refusal', 'LIMIT')
    const { income } = seat()
    expect(income.entries.count).to.equal(MAX_PAYMENTS - 2)
    seat().income = { ...income, entries: { ...income.entries, count: 0, halves: [] } }
    cut()
    expect(seat().income.credits).to.deep.equal([2n])
    expect(books.awaitedBy(bob).count).to.equal(0)
  })

  it('refuses a lock that would lift the credits of its payee above 128 bits when it pays', () => {
    seat().income = { ...seat().income, credits: [MAX_TOTAL - 10n] }
    expect(() => act(lock(10n)))
      .to.throw()
      .with.property('refusal', 'LIMIT')
    act(lock(9n))
    expect(() => act(pay()))
      .to.throw()
      .with.property('refusal', 'LIMIT')
    cut()
    expect(seat().income.credits).to.deep.equal([MAX_TOTAL - 1n])
  })

  it('refuses debits and locks that would not fit 128 bits once the lock has paid', () => {
    act(pay(MAX_TOTAL / 2n))
    expect(() => act(lock(MAX_TOTAL / 2n)))
      .to.throw()
      .with.property('refusal', 'ACT_REFUSED')
  })
})
