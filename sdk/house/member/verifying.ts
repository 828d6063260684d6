import type { HouseState } from '../../chain/house/house-chain.ts'
import { amountOf, type Book, type Entry, entryHash, newIncome, nextIncome } from '../../clearing/book.ts'
import { checkLeaf, type Finding, type Known, standsIn } from '../../clearing/checking.ts'
import { type Outcome, type Statuses, statusOf } from '../../clearing/closing.ts'
import { toHex } from '../../core/bytes.ts'
import type { Hex } from '../../core/types.ts'
import type { EpochProof } from '../messages.ts'
import { type Desk, standingAt, zeros } from './desk.ts'
import { RefusedByHouseError } from './errors.ts'
import { withoutFalseLimits } from './insured.ts'
import { LinkLostError, type OperatorLink } from './link.ts'
import { type Changes, heldKey } from './memory.ts'
import { booksAt, type HeldLock, locksIn, type SeenEpoch } from './state.ts'
import { isOwed } from './unlocking.ts'

/** Milliseconds until an operator that did not show an epoch is asked again. */
const AGAIN = 1_000

/** What a memory that was lost knows all the same. */
const ADOPTED: ReadonlySet<Finding['rule']> = new Set(['path', 'member', 'index', 'deposited'])

/** What it takes to check: a member, or a tower that has no key of one. */
export interface CheckingDesk extends Pick<Desk, 'chain' | 'memory' | 'id' | 'assets' | 'tell'> {
  readonly link: Pick<OperatorLink, 'isUp'> & { ask(question: AskEpoch): ReturnType<OperatorLink['ask']> }
}

interface AskEpoch {
  readonly kind: 'ask'
  readonly epoch: bigint
}

/** Checks every committed epoch, one after the other. */
export class Verifying {
  readonly #desk: CheckingDesk
  /** Shown unasked, and not looked at yet. */
  readonly #shown = new Map<bigint, EpochProof>()
  readonly #missing = new Set<bigint>()
  readonly #onChecked: (number: bigint, findings: readonly Finding[]) => void
  #isRunning = false
  #isWoken = false
  #notBefore = 0

  constructor(desk: CheckingDesk, onChecked: (number: bigint, findings: readonly Finding[]) => void) {
    this.#desk = desk
    this.#onChecked = onChecked
  }

  /** Other epochs have taken the place of those from this one on. */
  replaced(from: bigint): void {
    for (const number of this.#missing) if (number >= from) this.#missing.delete(number)
    for (const number of this.#shown.keys()) if (number >= from) this.#shown.delete(number)
  }

  shown(proof: EpochProof): void {
    this.#shown.set(proof.epoch, proof)
    this.kick()
  }

  kick(): void {
    this.#isWoken = true
    if (this.#isRunning) return
    this.#isRunning = true
    this.#work().catch((error) => this.#desk.tell({ kind: 'alarm', error }))
  }

  /** What comes while it ends is not overlooked. */
  async #work(): Promise<void> {
    try {
      while (this.#isWoken) {
        this.#isWoken = false
        await this.#run()
      }
    } finally {
      this.#isRunning = false
    }
  }

  /** At each block: half of the window is what an operator has to show an epoch. */
  look({ latest: { head } }: HouseState): void {
    const { chain, memory } = this.#desk
    for (const { epoch, committedAt, findings } of memory.epochs.values()) {
      const isLate = head.timestamp >= committedAt + chain.terms.window / 2n
      if (findings || !isLate || this.#missing.has(epoch.number) || !this.#isMemberAt(epoch.number, epoch.cut)) continue
      if (head.timestamp >= committedAt + chain.terms.window) continue
      this.#missing.add(epoch.number)
      this.#onChecked(epoch.number, [{ rule: 'path', expected: 'a proof by half of the window', found: 'none' }])
    }
    this.kick()
  }

  async #run(): Promise<void> {
    for (;;) {
      const next = this.#next()
      if (!next || !(await this.#check(next))) return
    }
  }

  #next(): SeenEpoch | undefined {
    const open = [...this.#desk.memory.epochs.values()].filter(({ findings }) => !findings)
    return open.sort((a, b) => (a.epoch.number < b.epoch.number ? -1 : 1))[0]
  }

  /** False: it cannot be checked yet. */
  async #check(seen: SeenEpoch): Promise<boolean> {
    const { memory, tell } = this.#desk
    const { number, cut } = seen.epoch
    if (!this.#isMemberAt(number, cut)) {
      await memory.change(() => this.#unlessReplaced(seen, () => ({ epochs: [{ ...seen, findings: [] }] })))
      return true
    }
    const proof = await this.#proof(number)
    if (!proof) return false
    const checked = await this.check(seen, proof)
    const { length: from } = memory.told.get(number) ?? []
    const told = { epoch: number, from, entries: freshIn(checked, memory.told.get(number) ?? []) }
    const held = await this.#decided(checked)
    let isStill = false
    await memory.change(() =>
      this.#unlessReplaced(seen, () => {
        isStill = true
        return {
          epochs: [checked],
          told,
          // What changed meanwhile stays: a secret may have come.
          held: held.map((one) => ({ ...memory.held.get(heldKey(one))!, decidedIn: number })),
          ...this.#creditsAfter(checked),
        }
      }),
    )
    if (!isStill) return true
    if (told.entries.length > 0) tell({ kind: 'received', entries: told.entries, epoch: number })
    tell({ kind: 'epoch', number, findings: checked.findings! })
    this.#onChecked(number, checked.findings!)
    return true
  }

  /** A reorganisation may have put another epoch in its place while it was checked. */
  #unlessReplaced(seen: SeenEpoch, make: () => Changes): Changes | undefined {
    return this.#desk.memory.epochs.get(seen.epoch.number) === seen ? make() : undefined
  }

  /** Locks in this member's favour that this epoch has seen decided. */
  async #decided({ epoch }: SeenEpoch): Promise<HeldLock[]> {
    const { memory, chain } = this.#desk
    const held = [...memory.held.values()].filter(
      (one) => one.decidedIn === undefined && one.lock.epoch <= epoch.number,
    )
    const outcomes = held.length > 0 ? await chain.outcomes(held.map(({ lock }) => lock.key)) : []
    return held.flatMap((one, i): HeldLock[] => {
      const isDecided =
        !isOwed(memory, one, epoch.number) || statusOf(one.lock, outcomes[i]!, epoch.cutTime).live === 0n
      return isDecided ? [one] : []
    })
  }

  /** What locks paid at the cut is told by no receipt, but stands in the leaf. */
  #creditsAfter({ epoch, proof, findings }: SeenEpoch) {
    const { state } = this.#desk.memory
    if (!proof || findings!.length > 0 || state.income.epoch > epoch.number) return {}
    const credits = proof.leaf.lines.map((line) => line.credits)
    return { state: { ...state, income: { ...newIncome(epoch.number, credits.length), credits } } }
  }

  /** What an operator shows to the court alone stands in the chain: an exit needs it. It may still be asked for all that belongs to it. */
  async answered(number: bigint, transaction: Hex): Promise<void> {
    const { memory, chain, id } = this.#desk
    const lacking = () => {
      const seen = memory.epochs.get(number)
      return seen?.proof && standsIn(seen.epoch, seen.proof) ? undefined : seen
    }
    const seen = lacking()
    const leaf = seen && (await chain.leafShownIn(transaction))
    if (!leaf || leaf.leaf.member !== id || !standsIn(seen.epoch, leaf)) return
    const { proof, book, statuses } = await this.check(seen, { ...leaf, epoch: number, entries: [], limits: undefined })
    await memory.change(() => {
      const now = lacking()
      return now && { epochs: [{ ...now, proof: proof!, book: book!, statuses: statuses! }] }
    })
  }

  /** An epoch with its proof and what is wrong with it. */
  async check(seen: SeenEpoch, proof: EpochProof): Promise<SeenEpoch> {
    const { memory, id, assets } = this.#desk
    const { epoch } = seen
    const books = booksAt(memory.state, epoch.number, id, assets)
    const outcomes = await this.#outcomes(books)
    const findings = checkLeaf(epoch, proof, await this.#known(seen, proof, books, outcomes))
    const book = books.find(({ seq }) => seq === proof.leaf.seq) ?? books[0]!
    // A memory that was lost knows nothing of earlier epochs but what the chain says, and that the leaf is its own.
    const isAdopted = epoch.number < memory.state.since
    const counted = isAdopted ? findings.filter(({ rule }) => ADOPTED.has(rule)) : findings
    // What stands in the epoch is kept: an exit needs it.
    const isLess = seen.proof && standsIn(epoch, seen.proof) && !standsIn(epoch, proof)
    const shown = isLess ? seen.proof! : withoutFalseLimits(seen, id, proof)
    return { ...seen, proof: shown, findings: counted, book, statuses: statusesOf(book, outcomes, epoch.cutTime) }
  }

  async #known({ epoch }: SeenEpoch, proof: EpochProof, books: readonly Book[], outcomes: Outcomes): Promise<Known> {
    const { memory, assets } = this.#desk
    const { credits, withdrawn } = this.#before(epoch.number, proof)
    const income = { ...newIncome(epoch.number, assets), credits }
    return {
      books,
      income: nextIncome(income, epoch.number),
      receipts: memory.state.receipts.map(({ receipt }) => receipt).filter((one) => one.epoch <= epoch.number),
      owed: [...(memory.told.get(epoch.number) ?? []), ...(await this.#paidLocks(epoch.number, epoch.cutTime))],
      standing: { ...standingAt(this.#desk, epoch.cut), withdrawn },
      statusesOf: (book) => statusesOf(book, outcomes, epoch.cutTime),
    }
  }

  /** What was credited and withdrawn before an epoch. */
  #before(number: bigint, { leaf, entries }: EpochProof) {
    const { memory, assets } = this.#desk
    const before = memory.epochs.get(number - 1n)
    const lines = before?.proof?.leaf.lines
    if (lines) return { credits: lines.map((line) => line.credits), withdrawn: lines.map((line) => line.withdrawn) }
    if (before || number === 1n) return { credits: zeros(assets), withdrawn: zeros(assets) }
    // This member was away until the one before was forgotten, so this one is final: no step is left to check, only what it holds.
    const here = (asset: number) =>
      entries.reduce((sum, entry) => (amountOf(entry).asset === asset ? sum + amountOf(entry).amount : sum), 0n)
    return {
      credits: leaf.lines.map((line, asset) => line.credits - here(asset)),
      withdrawn: leaf.lines.map((line) => line.withdrawn - line.leaving),
    }
  }

  /** What locks in this member's favour have paid in this epoch, which is the first one that sees them decided. */
  async #paidLocks(number: bigint, cutTime: bigint): Promise<Entry[]> {
    const { memory, chain } = this.#desk
    const held = [...memory.held.values()].filter((one) => isOwed(memory, one, number))
    if (held.length === 0) return []
    const outcomes = await chain.outcomes(held.map(({ lock }) => lock.key))
    const before = memory.epochs.get(number - 1n)?.epoch.cutTime ?? 0n
    return held.flatMap(({ lock, receipt }, i): Entry[] => {
      const { paid } = statusOf(lock, outcomes[i]!, cutTime)
      const wasLive = lock.epoch === number || statusOf(lock, outcomes[i]!, before).live > 0n
      const { payer, position } = receipt
      return paid > 0n && wasLive ? [{ kind: 'lock', payer, position, lock, paid }] : []
    })
  }

  async #outcomes(books: readonly Book[]): Promise<Outcomes> {
    const keys = [...new Set(books.flatMap((book) => locksIn(book).map(({ lock }) => lock.key)))]
    if (keys.length === 0) return new Map()
    const found = await this.#desk.chain.outcomes(keys)
    return new Map(keys.map((key, i) => [key, found[i]!]))
  }

  async #proof(number: bigint): Promise<EpochProof | undefined> {
    const shown = this.#shown.get(number)
    this.#shown.delete(number)
    if (shown) return shown
    const { link } = this.#desk
    if (!link.isUp || performance.now() < this.#notBefore) return undefined
    this.#notBefore = performance.now() + AGAIN
    try {
      const answer = await link.ask({ kind: 'ask', epoch: number })
      this.#notBefore = 0
      return answer.kind === 'proven' && answer.proof.epoch === number ? answer.proof : undefined
    } catch (error) {
      if (error instanceof LinkLostError || error instanceof RefusedByHouseError) return undefined
      throw error
    }
  }

  /** Whether there must be a leaf: by deposits up to the cut, or by what the operator signed. */
  #isMemberAt(number: bigint, cut: bigint): boolean {
    const { memory } = this.#desk
    const hasDeposited = [...memory.postings.values()].some((one) => one.number <= cut && one.amount > 0n)
    const { receipts, books } = memory.state
    const isSigned = books.some(({ book, countersignature }) => countersignature && book.epoch <= number)
    return hasDeposited || isSigned || receipts.some(({ receipt }) => receipt.epoch <= number)
  }
}

/** Income that nobody told of: this member was away, or a lock has paid. */
function freshIn({ proof, findings }: SeenEpoch, told: readonly Entry[]): Entry[] {
  if (!proof || findings!.length > 0) return []
  const known = new Set(told.map((entry) => toHex(entryHash(entry))))
  return proof.entries.filter((entry) => !known.has(toHex(entryHash(entry))))
}

type Outcomes = ReadonlyMap<Hex, Outcome>

const NOTHING: Outcome = { value: 0n, recordedAt: 0n }

const statusesOf = (book: Book, outcomes: Outcomes, time: bigint): Statuses =>
  book.locks.map((lock) => lock && statusOf(lock, outcomes.get(lock.key) ?? NOTHING, time))
