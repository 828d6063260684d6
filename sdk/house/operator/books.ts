import { accountHash, type HouseLock, lockReceiptHash, memberId, receiptHash } from '../../clearing/account.ts'
import { credit, nextBook, nextIncome } from '../../clearing/book.ts'
import { leafOf, statusOf } from '../../clearing/closing.ts'
import type { Posting } from '../../clearing/posting.ts'
import type { Domain, Hex } from '../../core/types.ts'
import { type Around, checkSignature, type Draft, draftOf, lockReceiptOf, type Plan, planOf } from './acting.ts'
import { type Awaited, AwaitedLocks } from './awaited.ts'
import type { ClosedEpoch, ClosedSeat } from './closed.ts'
import type { Cut, Op, SignedActs } from './op.ts'
import { type KeptRelease, releaseKey } from './release.ts'
import { type HouseSeat, isFunded, newSeat, nextReceipt, statusesOf } from './seat.ts'
import type { Turn } from './turn.ts'

const NOTHING = { value: 0n, recordedAt: 0n }

/** All seats of a house in the open epoch. Only operations change them, and none of it depends on anything else: so a log makes them again. */
export class Books implements Around {
  readonly domain: Domain
  readonly assets: number
  readonly seats: HouseSeat[] = []
  open = 1n
  committed = 0n
  /** The last one that counts. */
  posting: Posting | undefined
  /** By {@link releaseKey}. */
  readonly releases = new Map<string, KeptRelease>()
  /** Whose leaf changes with this epoch. */
  readonly active = new Set<HouseSeat>()
  readonly locking = new Set<HouseSeat>()
  /** A cut asks the registry about the locks that are there: one more for each answer would put it off for ever. */
  locksWait = false
  /** Members for whom nobody has deposited. */
  unfunded = 0
  readonly #awaited: AwaitedLocks
  readonly #byId = new Map<Hex, HouseSeat>()
  /** Whose last leaf holds what only belongs to its epoch. */
  #restless = new Set<HouseSeat>()
  /** By payer, position: the epoch that first saw a lock decided. */
  readonly #decided = new Map<string, bigint>()

  constructor(domain: Domain, assets: number) {
    this.domain = domain
    this.assets = assets
    this.#awaited = new AwaitedLocks(assets)
  }

  seatOf(member: Hex): HouseSeat | undefined {
    const seat = this.#byId.get(member)
    return seat && this.#awake(seat)
  }

  seatAt(index: number): HouseSeat {
    return this.#awake(this.seats[index]!)
  }

  /** Seats that did not change have the books of an earlier epoch until they are needed. */
  #awake(seat: HouseSeat): HouseSeat {
    if (seat.book.epoch === this.open) return seat
    seat.book = nextBook(seat.book, this.open)
    seat.income = nextIncome(seat.income, this.open)
    return seat
  }

  wantedFor(payer: Hex, position: number, lock: Hex): Hex | undefined {
    return this.releases.get(releaseKey(payer, position, lock))?.payment
  }

  awaitedBy(payee: Hex): Awaited {
    return this.#awaited.of(payee)
  }

  isCommitted({ index }: HouseSeat, position: number): boolean {
    const epoch = this.#decided.get(`${index}/${position}`)
    return epoch !== undefined && epoch <= this.committed
  }

  /** A seat as a page has kept it; `last`: the last epoch that was cut. */
  restore(seat: HouseSeat, isRestless: boolean, decided: readonly (readonly [number, bigint])[]): void {
    this.seats[seat.index] = seat
    this.#byId.set(seat.id, seat)
    if (!isFunded(seat)) this.unfunded++
    if (isRestless) this.#restless.add(seat)
    if (seat.book.locks.some((lock) => lock)) this.locking.add(seat)
    for (const [position, epoch] of decided) this.#decided.set(`${seat.index}/${position}`, epoch)
    for (const [position, lock] of seat.book.locks.entries())
      if (lock && seat.statuses[position]!.live > 0n) this.#awaited.add(lock)
  }

  /** What acts would come to. Throws `HouseRefusedError`. */
  plan(parts: readonly SignedActs[]): Plan {
    return planOf(
      parts.map((part) => this.draft(part)),
      this,
    )
  }

  draft(part: SignedActs): Draft {
    return draftOf(this.seatAt(part.index), part, this)
  }

  check(draft: Draft): void {
    checkSignature(draft, this.domain)
  }

  /** Takes over what {@link plan} came to. */
  carryOut({ drafts, incomes }: Plan, turn: Turn): void {
    turn.ops.push({ kind: 'acts', parts: drafts.map(({ signed }) => signed) })
    for (const draft of drafts) this.#spend(draft, turn)
    for (const [seat, { income, entries }] of incomes) {
      if (!turn.credited.has(seat)) turn.credited.set(seat, seat.entries.length)
      seat.income = income
      for (const entry of entries) seat.entries.push(entry)
      this.active.add(seat)
    }
  }

  #spend(draft: Draft, turn: Turn): void {
    const { seat, signed, book, account, payments } = draft
    const positions = seat.book.locks.length
    for (const one of signed.acts)
      if (one.kind === 'lock') this.#awaited.add(one.lock)
      else if (one.kind === 'drop') this.#awaited.remove(seat.book.locks[one.position]!)
    seat.book = book
    seat.account = account
    seat.signature = signed.signature
    seat.statuses = statusesOf(book, seat.statuses)
    for (const payment of payments) seat.payments.push(payment)
    for (const one of signed.acts) if ('position' in one) this.#decided.delete(`${seat.index}/${one.position}`)
    this.active.add(seat)
    this.locking[book.locks.some((lock) => lock) ? 'add' : 'delete'](seat)
    turn.say(accountHash(account), (envelope) => {
      seat.countersignature = envelope
      turn.countersigned.set(draft, envelope)
    })
    for (let position = positions; position < book.locks.length; position++)
      if (book.locks[position]) this.#receive(draft, position, turn)
  }

  /** Any operation but a cut; acts must have been planned on these same books. */
  apply(op: Exclude<Op, { kind: 'cut' }>, turn: Turn): void {
    if (op.kind === 'acts') {
      this.carryOut(this.plan(op.parts), turn)
      return
    }
    turn.ops.push(op)
    if (op.kind === 'seat') this.#seat(op.identity)
    else if (op.kind === 'receipt') {
      const seat = this.seatAt(op.index)
      if (!turn.credited.has(seat)) turn.credited.set(seat, seat.entries.length)
    } else if (op.kind === 'posted') this.#post(op)
    else this.committed = op.epoch
  }

  #seat(identity: HouseSeat['identity']): HouseSeat {
    const seat = newSeat(identity, memberId(identity), this.seats.length, this.open, this.assets)
    this.seats.push(seat)
    this.unfunded++
    this.#byId.set(seat.id, seat)
    this.active.add(seat)
    return seat
  }

  #post({ identity, posting }: Extract<Op, { kind: 'posted' }>): void {
    this.posting = posting
    const { member, asset, deposited, requested } = posting
    const known = this.seatOf(member)
    // A request alone makes nobody a member; a deposit later tells of it again.
    if (!known && deposited === 0n) return
    const seat = known ?? this.#seat(identity)
    if (deposited > 0n && !isFunded(seat)) this.unfunded--
    seat.deposited = seat.deposited.with(asset, deposited)
    seat.requested = seat.requested.with(asset, requested)
    this.active.add(seat)
  }

  /** Decides locks and credits what they paid; {@link roll} follows once that is signed. */
  cut(cut: Cut, turn: Turn): void {
    turn.ops.push({ kind: 'cut', ...cut })
    for (const seat of [...this.locking].sort((a, b) => a.index - b.index)) {
      const statuses = [...seat.statuses]
      for (const [position, lock] of seat.book.locks.entries()) {
        if (!lock || statuses[position]!.live === 0n) continue
        const status = statusOf(lock, cut.outcomes.get(lock.key) ?? NOTHING, cut.cutTime)
        if (status.live !== 0n) continue
        statuses[position] = status
        this.#awaited.remove(lock)
        this.#decided.set(`${seat.index}/${position}`, cut.epoch)
        if (status.paid > 0n) this.#payOut(seat, position, lock, status.paid, turn)
      }
      seat.statuses = statuses
    }
  }

  #payOut(payer: HouseSeat, position: number, lock: HouseLock, paid: bigint, turn: Turn): void {
    const payee = this.seatOf(lock.to)!
    if (!turn.credited.has(payee)) turn.credited.set(payee, payee.entries.length)
    const entry = { kind: 'lock', payer: payer.id, position, lock, paid } as const
    payee.income = credit(payee.income, [entry])
    payee.entries.push(entry)
    this.active.add(payee)
  }

  /** A receipt for everybody who was credited. */
  receipts(turn: Turn): void {
    for (const seat of turn.credited.keys()) {
      const receipt = nextReceipt(seat, this.open, turn.time)
      const entries = seat.entries.slice(turn.credited.get(seat))
      turn.say(receiptHash(receipt), (signature) => {
        seat.receipt = { receipt, signature }
        turn.told.push({ seat, entries, receipt: seat.receipt })
      })
    }
  }

  /** Begins the next epoch; what the last one came to is for its leaves. */
  roll({ epoch, cutTime }: Cut): ClosedEpoch {
    const changed = new Set([...this.active, ...this.#restless, ...this.locking])
    this.#restless = new Set()
    this.active.clear()
    const seats = [...changed].sort((a, b) => a.index - b.index).map((seat) => this.#close(this.#awake(seat)))
    this.open = epoch + 1n
    const decided = new Map<number, readonly (readonly [number, bigint])[]>()
    for (const seat of seats) if (seat.book.locks.length > 0) decided.set(seat.index, this.#decidedOf(seat))
    const { posting, committed } = this
    return { epoch, cutTime, posting, committed, seats, decided }
  }

  #decidedOf({ index, book }: ClosedSeat): (readonly [number, bigint])[] {
    return [...book.locks.keys()].flatMap((position) => {
      const epoch = this.#decided.get(`${index}/${position}`)
      return epoch === undefined ? [] : [[position, epoch] as const]
    })
  }

  #close(seat: HouseSeat): ClosedSeat {
    const asks = seat.requested.some((target, asset) => target > seat.withdrawn[asset]!)
    const leaf = asks ? leafOf(seat.book, seat.income, seat, seat.statuses) : undefined
    const closed: ClosedSeat = { ...seat, leaf }
    const leaves = leaf?.lines.some(({ leaving }) => leaving > 0n) ?? false
    if (leaves || seat.payments.length > 0 || seat.entries.length > 0) this.#restless.add(seat)
    if (leaf) seat.withdrawn = leaf.lines.map(({ withdrawn }) => withdrawn)
    // Its books of the next epoch are begun when they are needed: of a million members few are, and all wait for this.
    seat.payments = []
    seat.entries = []
    return closed
  }

  #receive(draft: Draft, position: number, turn: Turn): void {
    const receipt = lockReceiptOf(draft.seat, position)
    const told = turn.locked.get(draft) ?? []
    turn.locked.set(draft, told)
    const lock = draft.book.locks[position]!
    turn.say(lockReceiptHash(receipt), (signature) =>
      told.push({ payer: draft.seat.identity, lock, receipt, signature }),
    )
  }
}
