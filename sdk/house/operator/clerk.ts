import { accountHash, lockReceiptHash, memberId, receiptHash } from '../../clearing/account.ts'
import { statusesTree } from '../../clearing/closing.ts'
import { tallyPath } from '../../clearing/tally.ts'
import { typedDigest } from '../../core/eip712.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Hex } from '../../core/types.ts'
import { signDirect } from '../../signing/session.ts'
import { verifyEnvelope } from '../../signing/signature.ts'
import type { SessionSigner } from '../../signing/signer.ts'
import type { HouseMessage, HouseSettings, Seat, ToldLock } from '../messages.ts'
import { isPermitted } from '../permit.ts'
import { lockIdOf, lockReceiptOf, planOf, releaseDigest } from './acting.ts'
import type { Archive } from './archive.ts'
import type { Books } from './books.ts'
import { isAccountForgotten, isReceiptForgotten } from './forgotten.ts'
import { type Group, Groups, groupOf } from './groups.ts'
import { HouseRefusedError, HouseStoppedError } from './refusal.ts'
import { encodeRelease, releaseKey, releaseStoreKey } from './release.ts'
import type { HouseSeat } from './seat.ts'
import type { Turn } from './turn.ts'
import type { Turns } from './turns.ts'
import type { Visit } from './visit.ts'

type Message<Kind extends HouseMessage['kind']> = Extract<HouseMessage, { kind: Kind }>

export interface ClerkOptions {
  readonly books: Books
  readonly turns: Turns
  readonly archive: Archive
  readonly signer: SessionSigner
  /** Members without a deposit that are taken. */
  readonly unfunded: number
  readonly now: () => number
  readonly settings: () => HouseSettings
  /** Why nothing is signed at the moment; undefined: it is. */
  readonly closed: () => string | undefined
  /** The house knows less than it has signed. */
  readonly onLost: (error: Error) => void
}

/** Does what members ask for. */
export class Clerk {
  readonly groups: Groups
  /** Payments since the start. */
  payments = 0
  readonly #options: ClerkOptions
  readonly #visits = new Map<HouseSeat, Visit>()

  constructor(options: ClerkOptions) {
    this.#options = options
    this.groups = new Groups(options.books, (group, isDone) => this.#endGroup(group, isDone))
  }

  get connected(): Iterable<readonly [HouseSeat, Visit]> {
    return this.#visits
  }

  leave(visit: Visit): void {
    if (visit.seat && this.#visits.get(visit.seat) === visit) this.#visits.delete(visit.seat)
  }

  /** Tells who is here of new income. Part of each turn, once it is durable. */
  told({ told }: Turn): void {
    for (const { seat, entries, receipt } of told)
      if (entries.length > 0) this.#visits.get(seat)?.tell({ kind: 'credited', entries, receipt })
  }

  async join(visit: Visit, { id, owner, account, receipt }: Message<'join'>): Promise<void> {
    const { books, turns, unfunded } = this.#options
    const identity = { signer: visit.connection.peer, owner }
    const member = memberId(identity)
    this.#checkMemory(member, account, receipt)
    await turns.do((turn) => {
      if (!books.seatOf(member)) {
        if (books.unfunded >= unfunded)
          throw new HouseRefusedError(
            'NOT_A_MEMBER',
            'No deposit of this member is confirmed. Deposit, wait, join again.',
          )
        books.apply({ kind: 'seat', identity }, turn)
      }
      const seat = books.seatOf(member)!
      if (seat.receipt?.receipt.epoch !== books.open) books.apply({ kind: 'receipt', index: seat.index }, turn)
      turn.after.push(() => this.#seat(visit, seat, id))
      return undefined
    })
    await this.#showLeft(visit)
  }

  /** What left while a member was away, and was not paid: it may have forgotten the epoch. */
  async #showLeft(visit: Visit): Promise<void> {
    const { archive, books } = this.#options
    const { index } = this.#seatOf(visit)
    for (const epoch of await archive.left.epochsOf(index)) {
      const proof = epoch <= books.committed ? await archive.shown(epoch, index) : undefined
      if (proof) visit.tell({ kind: 'proven', id: 0, proof })
    }
  }

  /** What the operator has signed and does not know shows that its memory is an old copy. */
  #checkMemory(member: Hex, account: Message<'join'>['account'], receipt: Message<'join'>['receipt']): void {
    const { books, signer, onLost } = this.#options
    const seat = books.seatOf(member)
    const isOurs = (hash: Uint8Array, signature: Uint8Array) =>
      verifyEnvelope(books.domain, typedDigest(books.domain, hash), signature, signer.address)
    const lost =
      (account?.account.member === member &&
        isAccountForgotten(seat, account) &&
        isOurs(accountHash(account.account), account.signature)) ||
      (receipt?.receipt.member === member &&
        isReceiptForgotten(seat, receipt) &&
        isOurs(receiptHash(receipt.receipt), receipt.signature))
    if (!lost) return
    const error = new HouseStoppedError(
      'HOUSE_MEMORY_LOST',
      `The member ${member} shows what this operator signed and does not know. The store is an old copy, or went another way: start from the newest.`,
    )
    onLost(error)
    throw new HouseRefusedError('UNAVAILABLE', 'The house has stopped. Keep what you hold.')
  }

  #seat(visit: Visit, seat: HouseSeat, id: number): void {
    const { settings, books } = this.#options
    this.leave(visit)
    this.#visits.get(seat)?.connection.close()
    visit.seat = seat
    this.#visits.set(seat, visit)
    visit.tell({ kind: 'seated', id, settings: settings(), seat: seatedOf(seat) })
    for (const lock of this.#locksFor(seat)) visit.tell({ kind: 'locked', lock })
    for (const [position, lock] of seat.book.locks.entries()) {
      const release = lock && books.releases.get(releaseKey(seat.id, position, lockIdOf(lock)))
      if (release) visit.tell({ kind: 'released', release })
    }
    for (const { hash, legs, seconds } of this.groups.of(seat))
      visit.tell({ kind: 'proposed', group: hash, legs, seconds })
  }

  /** Locks in favour of a member that came; the same words may be signed again. */
  *#locksFor(payee: HouseSeat): Iterable<ToldLock> {
    const { books, signer } = this.#options
    for (const payer of books.locking)
      for (const [position, lock] of payer.book.locks.entries()) {
        if (lock?.to !== payee.id || payer.statuses[position]!.live === 0n) continue
        const receipt = lockReceiptOf(payer, position)
        const signature = signDirect(signer, typedDigest(books.domain, lockReceiptHash(receipt)))
        yield { payer: payer.identity, lock, receipt, signature }
      }
  }

  async act(visit: Visit, { id, epoch, seq, acts, signature }: Message<'act'>): Promise<void> {
    const { books, turns } = this.#options
    const { index } = this.#seatOf(visit)
    await turns.do((turn) => {
      this.#checkOpen(epoch)
      const seat = books.seatAt(index)
      // Its balance and its tree of locks are made anew from all positions that it ever had.
      visit.budget.spend(seat.book.locks.length / 1_024)
      if (this.groups.isWaiting(seat))
        throw new HouseRefusedError('SLOW_DOWN', 'An act of this member waits for its group. Wait for the end of that.')
      if (books.locksWait && acts.some(({ kind }) => kind === 'lock'))
        throw new HouseRefusedError('SLOW_DOWN', 'An epoch is being cut. Lock in a moment.')
      const draft = books.draft({ index, seq, acts, signature })
      const done = (at: Turn) => at.after.push(() => this.#acted(visit, id, draft, at))
      const group = groupOf(acts)
      if (group !== undefined) {
        const refuse = (code: HouseRefusedError['refusal'], reason: string) =>
          visit.tell({ kind: 'refused', id, code, reason: reason.slice(0, 200) })
        this.groups.hold(group, { draft, done, refuse }, turn)
        return undefined
      }
      const plan = planOf([draft], books)
      books.check(draft)
      books.carryOut(plan, turn)
      done(turn)
      return undefined
    })
  }

  #acted(visit: Visit, id: number, draft: Parameters<Books['check']>[0], turn: Turn): void {
    const locks = turn.locked.get(draft) ?? []
    this.payments += draft.payments.length
    // Of this turn, though a later act of the same turn may have a newer account.
    visit.tell({ kind: 'acted', id, signature: turn.countersigned.get(draft)!, locks })
    for (const lock of locks) {
      const payee = this.#options.books.seatOf(lock.lock.to)
      if (payee) this.#visits.get(payee)?.tell({ kind: 'locked', lock })
    }
  }

  #checkOpen(epoch: bigint): void {
    const { books, closed } = this.#options
    const reason = closed()
    if (reason !== undefined) throw new HouseRefusedError('UNAVAILABLE', reason)
    if (epoch !== books.open)
      throw new HouseRefusedError('EPOCH_CLOSED', `Epoch ${books.open} is open, not ${epoch}. Sign for that one.`)
  }

  async release(visit: Visit, { id, release }: Message<'release'>): Promise<void> {
    const { books, turns } = this.#options
    const seat = this.#seatOf(visit)
    const { payer, position, lock: hash, signature } = release
    if (signature.length === 0) return this.#show(visit, id, release)
    await turns.do((turn) => {
      const lock = books.seatOf(payer)?.book.locks[position]
      // Once the lock is gone, the release by which it went is evidence and stays.
      if (!lock || lock.to !== seat.id || lockIdOf(lock) !== hash)
        throw new HouseRefusedError('NOT_HELD', 'No such lock in favour of this member stands. Sync with the house.')
      if (!verifyEnvelope(books.domain, releaseDigest(books.domain, release), signature, seat.identity.signer))
        throw new HouseRefusedError('BAD_SIGNATURE', 'The release is not signed by the payee. Sign it again.')
      const key = releaseKey(payer, position, hash)
      const kept = { ...release, deadline: lock.deadline }
      books.releases.set(key, kept)
      turn.after.push(() => {
        visit.tell({ kind: 'done', id })
        this.#visits.get(books.seatOf(payer)!)?.tell({ kind: 'released', release })
      })
      return [{ key: releaseStoreKey(key), value: encodeRelease(kept) }]
    })
  }

  /** A secret, to the payer: what it would pay instead is for it to say. */
  #show(visit: Visit, id: number, release: Message<'release'>['release']): void {
    const payer = this.#options.books.seatOf(release.payer)
    const lock = payer?.book.locks[release.position]
    if (!payer || !lock || lock.to !== this.#seatOf(visit).id || lockIdOf(lock) !== release.lock)
      throw new HouseRefusedError('NOT_HELD', 'No such lock in favour of this member stands. Sync with the house.')
    const there = this.#visits.get(payer)
    if (!there) throw new HouseRefusedError('UNAVAILABLE', 'The payer is away. Take the lock by the registry.')
    visit.tell({ kind: 'done', id })
    there.tell({ kind: 'released', release })
  }

  /** What a payer would pay in place of a lock, to the payee. */
  instead(visit: Visit, { instead }: Message<'instead'>): void {
    const seat = this.#seatOf(visit)
    const lock = seat.book.locks[instead.position]
    const payee = instead.payer === seat.id && lock && lockIdOf(lock) === instead.lock && lock.to
    const there = payee && this.#options.books.seatOf(payee)
    if (there) this.#visits.get(there)?.tell({ kind: 'instead', instead })
  }

  ask(visit: Visit, { id, epoch }: Message<'ask'>): Promise<void> {
    return this.#prove(visit, this.#seatOf(visit), id, epoch)
  }

  /** Whoever the member lets look: nobody else sees what it has. */
  async look(visit: Visit, { id, epoch, member, permit }: Message<'look'>): Promise<void> {
    const { books } = this.#options
    const seat = books.seatOf(member)
    if (!seat || !isPermitted(books.domain, seat.identity, visit.connection.peer, permit))
      throw new HouseRefusedError('BAD_SIGNATURE', 'No member of this house has signed that this key may look.')
    return this.#prove(visit, seat, id, epoch)
  }

  async #prove(visit: Visit, { index }: HouseSeat, id: number, epoch: bigint): Promise<void> {
    const { archive, books } = this.#options
    const proof = epoch <= books.committed ? await archive.shown(epoch, index) : undefined
    if (!proof) throw new HouseRefusedError('NOT_HELD', `Nothing of this member in epoch ${epoch} is here.`)
    visit.tell({ kind: 'proven', id, proof })
  }

  /** Where a lock stands, for its payee alone: it shows what the payer has. */
  async askLock(visit: Visit, { id, epoch, payer, position }: Message<'askLock'>): Promise<void> {
    const { archive, books } = this.#options
    const seat = this.#seatOf(visit)
    const index = books.seatOf(payer)?.index
    const isHere = index !== undefined && epoch <= books.committed && archive.trees.has(epoch)
    const page = isHere ? await archive.page(index, epoch) : undefined
    if (!page || page.locks[position]?.to !== seat.id || page.statuses[position]?.live === 0n)
      throw new HouseRefusedError('NOT_HELD', `No undecided lock in favour of this member stands there in ${epoch}.`)
    const statusPath = tallyPath(statusesTree(page.locks, page.statuses, books.assets), position)
    visit.tell({ kind: 'lockProven', id, stand: { proof: archive.proof(epoch, index!, page), statusPath } })
  }

  offer(visit: Visit, { id, legs, seconds }: Message<'offer'>): void {
    const seat = this.#seatOf(visit)
    const reason = this.#options.closed()
    if (reason !== undefined) throw new HouseRefusedError('UNAVAILABLE', reason)
    const group = this.groups.offer(seat, legs, seconds, this.#options.now())
    visit.tell({ kind: 'done', id })
    for (const payer of group.payers)
      this.#visits.get(payer)?.tell({ kind: 'proposed', group: group.hash, legs, seconds })
  }

  #endGroup({ hash, payers, legs }: Group, isDone: boolean): void {
    const payees = legs.map(({ to }) => this.#options.books.seatOf(to)!)
    for (const seat of new Set([...payers, ...payees]))
      this.#visits.get(seat)?.tell({ kind: 'ended', group: hash, isDone })
  }

  #seatOf({ seat }: Visit): HouseSeat {
    if (!seat) throw new HouseRefusedError('NOT_A_MEMBER', 'Join first.')
    return seat
  }
}

/** What a member is told of its seat. */
function seatedOf({ index, account, signature, countersignature, payments, book, entries, receipt }: HouseSeat): Seat {
  const { locks, debits } = book
  const { seq, epoch, payments: paid } = account ?? { seq: 0n, epoch: 0n, payments: ZERO_HASH }
  const signed = { seq, epoch, paid, signature, countersignature }
  return { index, ...signed, payments, locks, debits, entries, receipt: receipt! }
}
