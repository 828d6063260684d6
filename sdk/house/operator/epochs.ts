import type { HouseChain, HouseState } from '../../chain/house/house-chain.ts'
import type { Outcome } from '../../clearing/closing.ts'
import { TallystickError } from '../../core/errors.ts'
import type { Hex } from '../../core/types.ts'
import type { Store } from '../../storage/store.ts'
import type { Archive } from './archive.ts'
import type { Books } from './books.ts'
import { buildEpoch } from './building.ts'
import type { ClosedEpoch } from './closed.ts'
import type { OperatorEvent } from './events.ts'
import { forgetBefore } from './forgetting.ts'
import { type Insurance, limitLeaves, StakeTooSmallError } from './insuring.ts'
import { openKeys } from './seat.ts'
import type { Turns } from './turns.ts'

/** No epoch was committed for long: the house halts after its interval. */
export class HouseOverdueError extends TallystickError {
  readonly code = 'HOUSE_OVERDUE'

  constructor(epoch: bigint) {
    super(`Epoch ${epoch} is overdue; the house halts if it is not committed in time. Look after gas account and RPC.`)
  }
}

export interface EpochsOptions {
  readonly books: Books
  readonly turns: Turns
  readonly archive: Archive
  readonly store: Store
  readonly chain: HouseChain
  readonly insurance: Insurance | undefined
  /** Seconds from one cut to the next. */
  readonly seconds: number
  readonly now: () => number
  readonly tell: (event: OperatorEvent) => void
  /** The epoch was cut: members sign for the next one. */
  readonly onCut: () => void
}

/** Cuts epochs, builds their trees, commits to them, and notes which are final: one thing at a time. */
export class Epochs {
  nextCut: number
  readonly #options: EpochsOptions
  #closed: ClosedEpoch | undefined
  #busy: Promise<void> | undefined
  #isStopped = false
  #failed = 0
  #isShort = false
  #overdue = 0n
  /** Block of the last commit. */
  #sentAt = -1

  /** @param closed An epoch that was cut before the start and is not built. */
  constructor(options: EpochsOptions, closed: ClosedEpoch | undefined) {
    const { archive, now, seconds } = options
    const { cutTime } = closed ?? archive.last.epoch
    this.#options = options
    this.#closed = closed
    // The chain's clock may be ahead of this one.
    const last = cutTime === 0n ? now() : Math.min(now(), Number(cutTime) * 1_000)
    this.nextCut = last + seconds * 1_000
  }

  /** Does what is due by this state of the chain. */
  tick(state: HouseState): void {
    this.#warn()
    if (this.#busy || this.#isStopped) return
    this.#busy = this.#work(state)
      .then(
        () => {
          this.#failed = 0
        },
        (error: Error) => {
          // It is tried again with each look at the chain; the first failure and every hundredth are told.
          if (this.#failed++ % 100 === 0) this.#options.tell({ kind: 'alarm', error, isFatal: false })
        },
      )
      .finally(() => {
        this.#busy = undefined
      })
  }

  /** Once for each epoch, half way between its time and the end of the house. */
  #warn(): void {
    const { books, chain, seconds, now, tell } = this.#options
    const room = (Number(chain.terms.interval) - seconds) * 500
    const uncommitted = books.committed + 1n
    if (now() < this.nextCut + room || this.#overdue === uncommitted || this.#isStopped) return
    this.#overdue = uncommitted
    tell({ kind: 'alarm', error: new HouseOverdueError(uncommitted), isFatal: false })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#busy
  }

  async #work({ confirmed, latest }: HouseState): Promise<void> {
    const { books, archive, now } = this.#options
    if (this.#closed) await this.#build(this.#closed)
    const { number } = archive.last.epoch
    // Sent again only if a newer block shows that it is gone.
    const isMissing = latest.lastCommitted < number && latest.head.number > this.#sentAt
    if (confirmed.isRunning && isMissing) await this.#commit(number)
    if (confirmed.final > confirmed.finalized) await this.#advance(confirmed.final)
    await forgetBefore(confirmed.final, this.#options, this.#options.store)
    // Never more than one epoch that is cut and not committed; and cut by a block that has seen the last commit, or the chain refuses it.
    const isNext = books.committed === books.open - 1n && confirmed.lastCommitted === books.committed
    if (confirmed.isRunning && now() >= this.nextCut && isNext) await this.#cut(confirmed.head.timestamp)
  }

  async #cut(cutTime: bigint): Promise<void> {
    const { books, turns, chain, seconds, now, tell, onCut } = this.#options
    const outcomes = new Map<Hex, Outcome>()
    const known = new Set<Hex>()
    for (;;) {
      const keys = [...openKeys(books.locking)].filter((key) => !known.has(key))
      const found = keys.length > 0 ? await chain.outcomes(keys) : []
      for (const [i, key] of keys.entries()) {
        known.add(key)
        if (found[i]!.recordedAt > 0n) outcomes.set(key, found[i]!)
      }
      const closed = await turns.cut({ epoch: books.open, cutTime, outcomes }, known)
      // Locks came meanwhile under keys that were not asked for.
      books.locksWait = !closed
      if (!closed) continue
      this.#closed = closed
      this.nextCut = now() + seconds * 1_000
      tell({ kind: 'cut', epoch: closed.epoch, members: books.seats.length })
      onCut()
      break
    }
    await this.#build(this.#closed)
    await this.#commit(this.#options.archive.last.epoch.number)
  }

  async #build(closed: ClosedEpoch): Promise<void> {
    const { books, archive, store, tell } = this.#options
    const began = performance.now()
    await buildEpoch(closed, books, archive, store, await this.#limits())
    this.#closed = undefined
    tell({ kind: 'built', epoch: closed.epoch, milliseconds: performance.now() - began })
  }

  /** Whoever was seated since the cut has no leaf to claim with, and is insured with the next epoch. */
  async #limits(): Promise<Uint8Array> {
    const { insurance, books, chain, tell } = this.#options
    if (!insurance) return new Uint8Array()
    const backing = await Promise.all(chain.terms.assets.map((_, asset) => chain.backing(asset)))
    const { leaves, missing } = limitLeaves(books.seats, insurance, backing)
    const isShort = missing.some((amount) => amount > 0n)
    if (isShort && !this.#isShort) tell({ kind: 'alarm', error: new StakeTooSmallError(missing), isFatal: false })
    this.#isShort = isShort
    return leaves
  }

  async #commit(number: bigint): Promise<void> {
    const { archive, chain, tell } = this.#options
    const { epoch, posting } = archive.headers.get(number)!
    const before = archive.headers.get(number - 1n)!.epoch
    const sending = chain.commit(before, epoch, posting, { intent: `house/commit/${number}` })
    const receipt = await sending.catch((error: Error & { readonly revert?: { readonly name?: string } }) => {
      // An idle development chain has no block after the cut yet. If none ever comes, the house is overdue.
      if (error.revert?.name !== 'WrongCutTime') throw error
    })
    if (!receipt) return
    this.#sentAt = receipt.block.number
    tell({ kind: 'sent', epoch: number, gasUsed: receipt.gasUsed })
  }

  async #advance(final: bigint): Promise<void> {
    await this.#options.chain.advance(100, { intent: `house/advance/${final}` })
  }
}
