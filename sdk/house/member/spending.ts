import { accountHash } from '../../clearing/account.ts'
import { type Act, accountOf, act, type Book, HouseActError } from '../../clearing/book.ts'
import { typedDigest } from '../../core/eip712.ts'
import { signDirect } from '../../signing/session.ts'
import { type HouseMessage, HouseProtocolError, type HouseSettings, type Seat } from '../messages.ts'
import { type Desk, isOperators } from './desk.ts'
import { areReceipts, assertCovered, foldsOf, placeOf } from './drafting.ts'
import { HouseMemberError, RefusedByHouseError } from './errors.ts'
import { LinkLostError } from './link.ts'
import { baseBook, labelOf, type SignedBook, withSigned, withTaken } from './state.ts'
import { type Agree, isEarly, LATER, type Taken, type Wish } from './wish.ts'

interface Draft {
  readonly wishes: readonly Wish[]
  readonly signed: SignedBook
  readonly acts: readonly Act[]
  /** Acts by wish. */
  readonly parts: readonly (readonly Act[])[]
}

/** Acts in one message. */
const MAX_ACTS = 4_096
const NO_ANSWER = 'The operator answers an account with something else.'
/** Milliseconds until what the operator could not do now is tried again. */
const AGAIN = 500

/** Signs accounts, one at a time: whatever is wished meanwhile goes into the next one. */
export class Spending {
  readonly #desk: Desk
  #wishes: Wish[] = []
  #flying: Draft | undefined
  #isRunning = false
  #isWoken = false
  #settings: HouseSettings | undefined
  #notBefore = 0
  /** Why nothing is signed. */
  readonly #held: () => Error | undefined

  constructor(desk: Desk, held: () => Error | undefined) {
    this.#desk = desk
    this.#held = held
  }

  /** Resolves when the operator has taken it for good. */
  add(make: Wish['make'], { isGroup = false, agree }: { isGroup?: boolean; agree?: Agree } = {}): Promise<Taken> {
    const held = this.#held()
    if (held) return Promise.reject(held)
    return new Promise((resolve, reject) => {
      const isAlone = isGroup || agree !== undefined
      this.#wishes.push({ make, resolve, reject, isAlone, isGroup, ...(agree && { agree }) })
      this.kick()
    })
  }

  /** What is under way may have been taken all the same; the next seat tells. */
  rejectAll(reason: Error): void {
    const all = [...(this.#flying?.wishes ?? []), ...this.#wishes]
    this.#wishes = []
    this.#flying = undefined
    for (const { reject } of all) reject(reason)
  }

  set settings(settings: HouseSettings) {
    this.#settings = settings
    this.kick()
  }

  get open(): bigint | undefined {
    return this.#settings?.open
  }

  /** What the operator took while the connection was lost; then the rest is signed again. */
  async seated({ seq, countersignature }: Seat): Promise<void> {
    const flying = this.#flying
    this.#flying = undefined
    const signed = this.#desk.memory.state.books.find(({ book }) => book.seq === seq)
    if (flying && flying.signed.book.seq === seq) await this.#taken(flying, countersignature)
    else if (flying) this.#wishes.unshift(...flying.wishes)
    // What an earlier run of this program signed, and did not hear about.
    if (signed && signed !== flying?.signed && !signed.countersignature)
      await this.#taken({ wishes: [], parts: [], acts: [], signed }, countersignature)
    this.kick()
  }

  kick(): void {
    this.#isWoken = true
    if (this.#isRunning) return
    this.#isRunning = true
    this.#work().catch((error) => {
      // The store is gone or this program is wrong: whatever was signed last may have left.
      this.rejectAll(error)
      this.#desk.fault(`Nothing can be signed: ${(error as Error).message}`)
    })
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

  async #run(): Promise<void> {
    for (;;) {
      const epoch = await this.#label()
      if (epoch === undefined || this.#wishes.length === 0 || this.#flying || this.#held()) return
      const draft = this.#draft(epoch)
      if (draft && (await this.#isAgreed(draft))) await this.#send(draft)
    }
  }

  /** The epoch to sign for: one that the chain itself makes credible, whatever the operator says. */
  async #label(): Promise<bigint | undefined> {
    const { link, chain, memory } = this.#desk
    if (!link.isUp || !this.#settings || memory.state.index === undefined) return undefined
    if (performance.now() < this.#notBefore) return undefined
    const { lastCommitted } = (await chain.state()).latest
    const { open } = this.#settings
    // What was paid in a later epoch would be a debit of this one, and a payment of none.
    if (open < labelOf(memory.state)) this.#desk.fault(`The operator opens epoch ${open} again, after a later one.`)
    if (this.#held()) return undefined
    return open === lastCommitted + 1n || open === lastCommitted + 2n ? open : undefined
  }

  /** Undefined: one wish was refused here, or all go alone now. */
  #draft(epoch: bigint): Draft | undefined {
    const { memory, id, assets } = this.#desk
    const base = baseBook(memory.state, id, epoch, assets)
    const wishes = this.#next(epoch)
    try {
      const parts = wishes.map(({ make }) => make(epoch))
      const folds = wishes[0]!.isGroup ? [] : foldsOf(this.#desk, base)
      const acts = [...folds, ...parts.flat()]
      const { book, payments } = act(base, acts, memory.state.seq + 1n)
      assertCovered(this.#desk, book)
      this.#wishes = this.#wishes.slice(wishes.length)
      const signed = { book, payments, signature: this.#sign(book), countersignature: undefined }
      return { wishes, parts, acts, signed }
    } catch (error) {
      if (!(error instanceof HouseActError) && !(error instanceof HouseMemberError)) throw error
      this.#refuse(wishes, error)
      return undefined
    }
  }

  /** Whether it is still to be sent once it is agreed to. */
  async #isAgreed(draft: Draft): Promise<boolean> {
    const [{ agree, reject }] = draft.wishes as [Wish]
    if (!agree) return true
    this.#flying = draft
    const isAgreed = await agree(draft.signed.payments)
    // A seat that came meanwhile has put it back, or all was rejected.
    if (this.#flying !== draft) return false
    this.#flying = undefined
    if (!isAgreed)
      reject(new HouseMemberError('HOUSE_UNKNOWN', 'The payee did not agree in time. Wait for the registry.'))
    return isAgreed
  }

  #next(epoch: bigint): Wish[] {
    if (this.#wishes[0]!.isAlone) return [this.#wishes[0]!]
    const end = this.#wishes.findIndex(({ isAlone }) => isAlone)
    const together = end === -1 ? this.#wishes : this.#wishes.slice(0, end)
    let room = MAX_ACTS / 2
    const fitting = together.findIndex(({ make }) => {
      room -= make(epoch).length
      return room < 0
    })
    return together.slice(0, Math.max(1, fitting === -1 ? together.length : fitting))
  }

  #refuse(wishes: readonly Wish[], error: Error): void {
    const rest = this.#wishes.filter((wish) => !wishes.includes(wish))
    // One of many is to blame: each alone shows which.
    if (wishes.length > 1) for (const wish of wishes) wish.isAlone = true
    this.#wishes = wishes.length > 1 ? [...wishes, ...rest] : rest
    if (wishes.length === 1) wishes[0]!.reject(error)
  }

  #sign(book: Book): Uint8Array {
    const { domain, signer } = this.#desk
    return signDirect(signer, typedDigest(domain, accountHash(accountOf(book))))
  }

  async #send(draft: Draft): Promise<void> {
    const { memory, link } = this.#desk
    const { book, signature } = draft.signed
    this.#flying = draft
    await memory.change(() => ({ state: withSigned(memory.state, draft.signed) }))
    try {
      const answer = await link.ask({ kind: 'act', epoch: book.epoch, seq: book.seq, acts: draft.acts, signature })
      if (answer.kind !== 'acted') return link.drop(new HouseProtocolError('HOUSE_PROTOCOL', NO_ANSWER))
      await this.#acted(draft, answer)
      if (this.#flying === draft) this.#flying = undefined
    } catch (error) {
      // Whether it was taken, the next seat tells.
      if (error instanceof LinkLostError) return
      if (!(error instanceof RefusedByHouseError)) throw error
      this.#flying = undefined
      this.#refused(draft, error)
    }
  }

  #refused({ wishes }: Draft, error: RefusedByHouseError): void {
    const { link } = this.#desk
    if (LATER.has(error.refusal) || (error.refusal === 'BALANCE_TOO_LOW' && isEarly(wishes))) {
      this.#wishes.unshift(...wishes)
      this.#notBefore = performance.now() + AGAIN
      setTimeout(() => this.kick(), AGAIN + 1)
    } else if (error.refusal === 'SEQ_STALE' || error.refusal === 'BAD_SIGNATURE') {
      // Both sides have different books: the seat tells which.
      this.#wishes.unshift(...wishes)
      this.#notBefore = performance.now() + AGAIN
      link.drop(error)
    } else this.#refuse(wishes, error)
  }

  async #acted(draft: Draft, { signature, locks }: Extract<HouseMessage, { kind: 'acted' }>): Promise<void> {
    const { book } = draft.signed
    if (!areReceipts(this.#desk, book, locks)) return this.#desk.fault('The operator gave wrong receipts for locks.')
    await this.#taken(draft, signature)
  }

  /** A committed leaf has passed over this account: it counts nowhere, and what it pays would be taken by the next one. */
  #isOver({ epoch, seq }: Book): boolean {
    const seen = [...this.#desk.memory.epochs.values()]
    return seen.some(({ epoch: { number }, proof }) => number >= epoch && proof !== undefined && proof.leaf.seq < seq)
  }

  async #taken({ wishes, parts, signed }: Draft, countersignature: Uint8Array): Promise<void> {
    const { memory } = this.#desk
    const { book, payments } = signed
    if (!isOperators(this.#desk, accountHash(accountOf(book)), countersignature))
      return this.#desk.fault(`The operator countersigned another account than number ${book.seq}.`)
    if (this.#isOver(book))
      return this.#desk.fault(`The operator countersigned account number ${book.seq} when its epoch was over.`)
    await memory.change(() => ({ state: withTaken(memory.state, book.seq, countersignature), sent: payments }))
    let paid = 0
    for (const [i, { resolve }] of wishes.entries()) {
      const part = parts[i]!
      const count = part.filter(({ kind }) => kind === 'pay').length
      const locks = part.flatMap((one) => (one.kind === 'lock' ? [placeOf(book, one.lock)] : []))
      resolve({ seq: book.seq, epoch: book.epoch, payments: payments.slice(paid, paid + count), locks })
      paid += count
    }
  }
}
