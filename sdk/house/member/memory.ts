import { memberId, type Payment } from '../../clearing/account.ts'
import type { Entry } from '../../clearing/book.ts'
import type { Address, Hex, Member } from '../../core/types.ts'
import type { Store, Write } from '../../storage/store.ts'
import { fromPlainBytes, toPlainBytes } from './plain.ts'
import { type HeldLock, type MemberState, newState, type OwnPosting, pruned, type SeenEpoch } from './state.ts'

// What a member keeps in its store, all below `house/<house>/<member>/`:
//
//   state                      books, income, receipts
//   posting/<number>           its deposits and requests
//   epoch/<number>             commits with proofs and what was found
//   told/<epoch>/<number>      income that the operator told of
//   sent/<epoch>/<position>    payments that the operator took
//   held/<payer>/<position>    locks in its favour
//   known/<member>             who others are: a lock pays to an owner

const place = (number: bigint | number): string => number.toString().padStart(20, '0')

/** The changes that one event makes. */
export interface Changes {
  readonly state?: MemberState
  readonly postings?: readonly OwnPosting[]
  readonly epochs?: readonly SeenEpoch[]
  readonly told?: { readonly epoch: bigint; readonly from: number; readonly entries: readonly Entry[] }
  readonly sent?: readonly Payment[]
  readonly held?: readonly HeldLock[]
  readonly known?: readonly Member[]
}

/** A member's memory: all of it is at hand, and every change is durable before it shows. */
export class Memory {
  state: MemberState
  readonly postings = new Map<bigint, OwnPosting>()
  readonly epochs = new Map<bigint, SeenEpoch>()
  readonly told = new Map<bigint, Entry[]>()
  readonly sent = new Map<bigint, Payment[]>()
  readonly held = new Map<string, HeldLock>()
  readonly known = new Map<Hex, Member>()
  readonly #store: Store
  readonly #prefix: string
  #turn: Promise<void> = Promise.resolve()

  private constructor(store: Store, prefix: string, assets: number) {
    this.#store = store
    this.#prefix = prefix
    this.state = newState(assets)
  }

  /** Reads it all; `isNew`: there was nothing. */
  static async open(
    store: Store,
    house: Address,
    member: Hex,
    assets: number,
  ): Promise<{ memory: Memory; isNew: boolean }> {
    const memory = new Memory(store, `house/${house}/${member}/`, assets)
    let isNew = true
    for await (const [key, bytes] of store.list(memory.#prefix)) {
      memory.#read(key.slice(memory.#prefix.length), fromPlainBytes(bytes))
      isNew = false
    }
    return { memory, isNew }
  }

  #read(key: string, value: unknown): void {
    const [kind] = key.split('/')
    if (kind === 'state') this.state = value as MemberState
    else if (kind === 'posting') this.#apply({ postings: [value as OwnPosting] })
    else if (kind === 'epoch') this.#apply({ epochs: [value as SeenEpoch] })
    else if (kind === 'held') this.#apply({ held: [value as HeldLock] })
    else if (kind === 'known') this.#apply({ known: [value as Member] })
    else if (kind === 'sent') this.#apply({ sent: [value as Payment] })
    else if (kind === 'told') {
      const epoch = BigInt(key.split('/')[1]!)
      this.#apply({ told: { epoch, from: this.told.get(epoch)?.length ?? 0, entries: [value as Entry] } })
    }
  }

  /**
   * One change after the other: `make` sees what the one before left. Durable when it resolves; only then do readers see it. Undefined:
   * nothing changes.
   */
  change(make: () => Changes | undefined): Promise<void> {
    return this.#exclusive(async () => {
      const changes = make()
      if (changes) await this.#save(changes)
    })
  }

  #exclusive(task: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(task)
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #save(changes: Changes, gone: readonly string[] = []): Promise<void> {
    const write = (key: string, value: unknown): Write => ({ key: this.#prefix + key, value: toPlainBytes(value) })
    const { state, postings = [], epochs = [], told, sent = [], held = [], known = [] } = changes
    await this.#store.commit([
      ...gone.map((key): Write => ({ key: this.#prefix + key, value: null })),
      ...(state ? [write('state', state)] : []),
      ...postings.map((one) => write(`posting/${place(one.number)}`, one)),
      ...epochs.map((one) => write(`epoch/${place(one.epoch.number)}`, one)),
      ...(told?.entries ?? []).map((one, i) => write(`told/${place(told!.epoch)}/${place(told!.from + i)}`, one)),
      ...sent.map((one) => write(`sent/${place(one.epoch)}/${place(one.position)}`, one)),
      ...held.map((one) => write(`held/${heldKey(one)}`, one)),
      ...known.map((one) => write(`known/${memberId(one)}`, one)),
    ])
    this.#apply(changes)
  }

  #apply({ state, postings = [], epochs = [], told, sent = [], held = [], known = [] }: Changes): void {
    if (state) this.state = state
    for (const one of postings) this.postings.set(one.number, one)
    for (const one of epochs) this.epochs.set(one.epoch.number, one)
    for (const one of known) this.known.set(memberId(one), one)
    for (const one of held) this.held.set(heldKey(one), one)
    for (const one of sent) listIn(this.sent, one.epoch)[one.position] = one
    if (!told) return
    const list = listIn(this.told, told.epoch)
    for (const [i, entry] of told.entries.entries()) list[told.from + i] = entry
  }

  /**
   * Forgets what a reorganisation took away: postings above `posted`, epochs from `from` on. What was seen decided in them is open again.
   */
  forget({ posted, from }: { readonly posted: bigint; readonly from: bigint }): Promise<void> {
    return this.#exclusive(async () => {
      const isGone = (kind: string, number: bigint) => (kind === 'posting' ? number > posted : number >= from)
      const postings = [...this.postings.keys()].filter((number) => isGone('posting', number))
      const epochs = [...this.epochs.keys()].filter((number) => isGone('epoch', number))
      const held = [...this.held.values()].filter(({ decidedIn }) => decidedIn !== undefined && decidedIn >= from)
      if (postings.length + epochs.length + held.length === 0) return
      const keys = [...postings.map((one) => `posting/${place(one)}`), ...epochs.map((one) => `epoch/${place(one)}`)]
      await this.#save({ held: held.map(undecided) }, keys)
      for (const number of postings) this.postings.delete(number)
      for (const number of epochs) this.epochs.delete(number)
    })
  }

  /** Drops what is older than the last final epoch; what has left and was not collected stays. */
  prune(final: bigint): Promise<void> {
    return this.#exclusive(() => this.#prune(final))
  }

  async #prune(final: bigint): Promise<void> {
    const isOld = (number: bigint) => number < final
    const isDone = (number: bigint) => {
      const seen = this.epochs.get(number)
      const leaves = seen?.proof?.leaf.lines.some(({ leaving }) => leaving > 0n) && !seen.isCollected
      return isOld(number) && !leaves
    }
    const over = [...this.held.values()].filter(({ decidedIn }) => decidedIn !== undefined && isOld(decidedIn))
    const keys = await this.#keys((kind, number, key) => {
      if (kind === 'held') return over.some((one) => key === `held/${heldKey(one)}`)
      if (kind === 'epoch') return isDone(BigInt(number!))
      return (kind === 'told' || kind === 'sent') && isOld(BigInt(number!))
    })
    const state = pruned(this.state, final)
    const isSame =
      state.books.length === this.state.books.length && state.receipts.length === this.state.receipts.length
    if (keys.length === 0 && isSame) return
    const kept = { key: `${this.#prefix}state`, value: toPlainBytes(state) }
    await this.#store.commit([...keys.map((key) => ({ key, value: null })), kept])
    this.state = state
    for (const one of over) this.held.delete(heldKey(one))
    for (const number of this.epochs.keys()) if (isDone(number)) this.epochs.delete(number)
    for (const number of this.told.keys()) if (isOld(number)) this.told.delete(number)
    for (const number of this.sent.keys()) if (isOld(number)) this.sent.delete(number)
  }

  async #keys(isWanted: (kind: string, second: string | undefined, key: string) => boolean): Promise<string[]> {
    const keys: string[] = []
    for await (const [key] of this.#store.list(this.#prefix)) {
      const rest = key.slice(this.#prefix.length)
      const [kind, second] = rest.split('/')
      if (isWanted(kind!, second, rest)) keys.push(key)
    }
    return keys
  }
}

function listIn<T>(lists: Map<bigint, T[]>, epoch: bigint): T[] {
  const list = lists.get(epoch) ?? []
  lists.set(epoch, list)
  return list
}

const undecided = ({ decidedIn: _, ...held }: HeldLock): HeldLock => held

export const heldKey = ({ receipt: { payer, position, lock } }: HeldLock): string =>
  `${payer}/${place(position)}/${lock}`
