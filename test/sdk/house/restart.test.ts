import { expect } from 'chai'
import fc from 'fast-check'
import type { HouseLock } from '../../../sdk/clearing/account.ts'
import { accountHash, memberId } from '../../../sdk/clearing/account.ts'
import type { Act } from '../../../sdk/clearing/book.ts'
import { accountOf, act } from '../../../sdk/clearing/book.ts'
import { postingHash } from '../../../sdk/clearing/posting.ts'
import { typedDigest } from '../../../sdk/core/eip712.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import type { Domain, Hex, Member } from '../../../sdk/core/types.ts'
import { planOf } from '../../../sdk/house/operator/acting.ts'
import { Archive } from '../../../sdk/house/operator/archive.ts'
import { Books } from '../../../sdk/house/operator/books.ts'
import { buildEpoch } from '../../../sdk/house/operator/building.ts'
import { HouseRefusedError } from '../../../sdk/house/operator/refusal.ts'
import { restoreBooks } from '../../../sdk/house/operator/restoring.ts'
import { Turns } from '../../../sdk/house/operator/turns.ts'
import { sessionSigner, signDirect } from '../../../sdk/signing/session.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { memorySeal } from '../../../sdk/storage/seal.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import '../core/arbitraries.ts'

const domain: Domain = { chainId: 1n, adjudicator: `0x${'a1'.repeat(20)}` }
const operator = sessionSigner(new Uint8Array(32).fill(99))
const keys = [1, 2, 3].map((seed) => sessionSigner(new Uint8Array(32).fill(seed)))
const people: readonly Member[] = keys.map(({ address }) => ({ signer: address, owner: address }))
const ids = people.map(memberId)
const OUTCOMES: readonly Hex[] = [`0x${'01'.repeat(32)}`, `0x${'02'.repeat(32)}`]

/** What happens in a house. */
type Step =
  | { readonly kind: 'post'; readonly who: number; readonly amount: number; readonly target: number }
  | { readonly kind: 'pay'; readonly who: number; readonly to: number; readonly amount: number }
  | { readonly kind: 'lock'; readonly who: number; readonly to: number; readonly amount: number; readonly key: number }
  | { readonly kind: 'fold'; readonly who: number }
  | { readonly kind: 'cut'; readonly isBuilt: boolean }
  | { readonly kind: 'restart' }

/** An operator without a chain and without members' connections: only what its store makes of it. */
class Bench {
  readonly store: Store
  readonly seal = memorySeal()
  books!: Books
  archive!: Archive
  turns!: Turns
  time = 1_000
  cutTime = 100n
  number = 0n

  constructor(store = memoryStore()) {
    this.store = store
  }

  async start(): Promise<this> {
    this.books = new Books(domain, 1)
    this.archive = new Archive(this.store, 1)
    await restoreBooks(this.books, this.archive)
    this.turns = new Turns(this.books, {
      store: this.store,
      seal: this.seal,
      signer: operator,
      now: () => this.time,
      onFailure: () => {},
      onTurn: () => {},
      onUntold: () => {},
    })
    const closed = await this.turns.replay()
    if (closed) await buildEpoch(closed, this.books, this.archive, this.store)
    return this
  }

  async do(step: Step): Promise<void> {
    this.time += 7
    if (step.kind === 'post') await this.#post(step)
    else if (step.kind === 'cut') await this.#cut(step.isBuilt)
    else if (step.kind !== 'restart') await this.#act(step).catch(ignoreRefusals)
  }

  #post({ who, amount, target }: Extract<Step, { kind: 'post' }>): Promise<void> {
    const seat = this.books.seatOf(ids[who]!)
    const previous = this.books.posting ? postingHash(this.books.posting) : ZERO_HASH
    const posting = {
      number: (this.books.posting?.number ?? 0n) + 1n,
      previous,
      member: ids[who]!,
      asset: 0,
      amount: BigInt(amount),
      deposited: (seat?.deposited[0] ?? 0n) + BigInt(amount),
      requested: (seat?.requested[0] ?? 0n) + BigInt(target),
      totals: [0n],
    }
    const identity = people[who]!
    return this.turns.do((turn) => void this.books.apply({ kind: 'posted', identity, posting }, turn))
  }

  #act(step: Extract<Step, { kind: 'pay' | 'lock' | 'fold' }>): Promise<void> {
    return this.turns.do((turn) => {
      const seat = this.books.seatOf(ids[step.who]!)
      if (!seat) return undefined
      const acts = this.#acts(step)
      const seq = seat.book.seq + 1n
      const account = accountOf(act(seat.book, acts, seq).book)
      const signature = signDirect(keys[step.who]!, typedDigest(domain, accountHash(account)))
      const draft = this.books.draft({ index: seat.index, seq, acts, signature })
      const plan = planOf([draft], this.books)
      this.books.check(draft)
      this.books.carryOut(plan, turn)
      return undefined
    })
  }

  #acts(step: Extract<Step, { kind: 'pay' | 'lock' | 'fold' }>): Act[] {
    const seat = this.books.seatOf(ids[step.who]!)!
    if (step.kind === 'pay')
      return [{ kind: 'pay', to: ids[step.to]!, asset: 0, amount: BigInt(step.amount), group: ZERO_HASH, leg: 0 }]
    if (step.kind === 'fold') {
      const position = seat.statuses.findIndex((status) => status?.live === 0n)
      return position < 0 ? [] : [{ kind: 'fold', position, paid: seat.statuses[position]!.paid }]
    }
    const key = OUTCOMES[step.key]!
    const deadline = this.cutTime + 25n
    const lock: HouseLock = {
      to: ids[step.to]!,
      asset: 0,
      amount: BigInt(step.amount),
      key,
      deadline,
      epoch: this.books.open,
    }
    return [{ kind: 'lock', lock }]
  }

  async #cut(isBuilt: boolean): Promise<void> {
    this.cutTime += 10n
    // The first key is recorded early on, the second never.
    const outcomes = new Map([[OUTCOMES[0]!, { value: 3n * 10n ** 17n, recordedAt: 115n }]])
    const { open: epoch, committed } = this.books
    if (committed < epoch - 1n)
      await this.turns.do((turn) => void this.books.apply({ kind: 'committed', epoch: epoch - 1n }, turn))
    const closed = await this.turns.cut({ epoch, cutTime: this.cutTime, outcomes }, new Set(OUTCOMES))
    // A crash between the cut and the end of building leaves the store so.
    if (isBuilt) await buildEpoch(closed!, this.books, this.archive, this.store)
    else await this.restart()
  }

  async restart(): Promise<void> {
    await this.turns.stop(new Error('stopped'))
    await this.start()
  }

  /** All that members could be told, and all that was committed to. */
  state() {
    const { seats, open, committed, posting } = this.books
    for (const { id } of seats) this.books.seatOf(id)
    const epochs = [...this.archive.headers.values()].map(({ epoch }) => epoch)
    const awaited = ids.map((id) => this.books.awaitedBy(id))
    return { awaited, seats: structuredClone(seats), open, committed, posting, epochs, turn: this.turns.number }
  }
}

function ignoreRefusals(error: unknown): void {
  if (!(error instanceof HouseRefusedError)) throw error
}

const who = fc.nat(2)
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('post' as const),
      who,
      amount: fc.integer({ min: 1, max: 900 }),
      target: fc.nat(90),
    }),
    fc.record({ kind: fc.constant('pay' as const), who, to: who, amount: fc.integer({ min: 1, max: 200 }) }),
    fc.record({
      kind: fc.constant('lock' as const),
      who,
      to: who,
      amount: fc.integer({ min: 1, max: 200 }),
      key: fc.nat(1),
    }),
    fc.record({ kind: fc.constant('fold' as const), who }),
    fc.record({ kind: fc.constant('cut' as const), isBuilt: fc.boolean() }),
    fc.record({ kind: fc.constant('restart' as const) }),
  ),
  { minLength: 5, maxLength: 40 },
)

describe('a house that was killed', () => {
  it('has the same books, signatures and epochs as one that never was, wherever it was killed', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const [killed, calm] = [await new Bench().start(), await new Bench().start()]
        for (const step of all) {
          await killed.do(step)
          if (step.kind === 'restart') await killed.restart()
          await calm.do(step.kind === 'cut' ? { ...step, isBuilt: true } : step)
          expect(killed.state()).to.deep.equal(calm.state())
        }
        await killed.restart()
        expect(killed.state()).to.deep.equal(calm.state())
      }),
      { numRuns: 40 },
    )
  }).timeout(20_000)

  it('keeps what members have: no leaf is below zero, and together they have what was deposited and has not left', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const bench = await new Bench().start()
        for (const step of [...all, { kind: 'cut', isBuilt: true } as const]) await bench.do(step)
        const { members, left } = bench.archive.last.epoch
        const deposited = bench.books.seats.reduce((sum, seat) => sum + seat.deposited[0]!, 0n)
        const has = (members.sums[0] ?? 0n) >> 128n
        // What locks have paid and the payer has not folded is counted as paid, and what is credited as credited.
        expect(has + left[0]!).to.equal(deposited)
      }),
      { numRuns: 40 },
    )
  }).timeout(20_000)

  it('refuses to start from an old copy of its store', async () => {
    const old = memoryStore()
    const bench = await new Bench().start()
    await bench.do({ kind: 'post', who: 0, amount: 5, target: 0 })
    await copy(bench.store, old)
    await bench.do({ kind: 'post', who: 1, amount: 5, target: 0 })
    const stale = new Bench(old)
    await stale.seal.write((await bench.seal.read())!)
    await expectCode(stale.start(), 'STORE_IS_OLD')
    const unsealed = new Bench(old)
    await expectCode(unsealed.start(), 'STORE_IS_OLD')
  })

  it('starts when it was killed between the store and the seal', async () => {
    const bench = await new Bench().start()
    await bench.do({ kind: 'post', who: 0, amount: 5, target: 0 })
    await bench.seal.write(bench.turns.number - 1n)
    await bench.restart()
    expect(bench.books.seats).to.have.length(1)
  })
})

async function copy(from: Store, to: Store): Promise<void> {
  for await (const [key, value] of from.list('')) await to.commit([{ key, value }])
}

async function expectCode(promise: Promise<unknown>, code: string): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  )
  expect(error).to.include({ code })
}
