import type { HouseEvent, Posted } from '../../chain/house/house-chain.ts'
import { type Epoch, epochHash } from '../../clearing/epoch.ts'
import { postingHash } from '../../clearing/posting.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { HouseSettings } from '../messages.ts'
import type { Archive } from './archive.ts'
import type { Books } from './books.ts'
import type { Clerk } from './clerk.ts'
import type { Defence } from './defence.ts'
import type { OperatorEvent } from './events.ts'
import { HouseStoppedError } from './refusal.ts'
import type { Turns } from './turns.ts'

export interface WatchOptions {
  readonly books: Books
  readonly turns: Turns
  readonly archive: Archive
  readonly clerk: Clerk
  readonly defence: Defence
  readonly settings: () => HouseSettings
  readonly tell: (event: OperatorEvent) => void
  /** Nothing more may be signed. */
  readonly fail: (error: Error) => void
}

/** Takes what the chain tells into the books. */
export class Watch {
  readonly #options: WatchOptions
  #isHalted = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  get isHalted(): boolean {
    return this.#isHalted
  }

  /** Throws if it could not be taken: then it comes again. */
  async saw(event: HouseEvent): Promise<void> {
    const { books, defence } = this.#options
    if (event.kind === 'posted') await this.#post(event)
    else if (event.kind === 'committed') await this.#wasCommitted(event.epoch)
    else if (event.kind === 'demanded') defence.demanded(event)
    else if (event.kind === 'answered') defence.answered(event.id)
    else if (event.kind === 'collected') await this.#options.archive.left.forget(event.epoch, event.indices)
    else if (event.kind === 'insured') this.#lower(event)
    else if (event.kind === 'halted') this.halt()
    else if (event.kind === 'convicted') {
      this.halt()
      this.#fail(
        'HOUSE_CONVICTED',
        'The operator was convicted of a contradiction; the house has halted. Look at the stake.',
      )
    } else if (event.kind === 'rewound' && books.posting)
      this.#fail('HOUSE_REORGANISED', 'The chain was reorganised deeper than its confirmations. Compare the postings.')
  }

  halt(): void {
    if (this.#isHalted) return
    this.#isHalted = true
    this.#options.tell({ kind: 'halted' })
  }

  /** Not waited for: events go on, and what was sent is taken up at the next start. */
  #lower({ index, member }: Extract<HouseEvent, { kind: 'insured' }>): void {
    const { defence, tell } = this.#options
    defence.insured(index, member).catch((error: Error) => tell({ kind: 'alarm', error, isFatal: false }))
  }

  #fail(code: HouseStoppedError['code'], fact: string): void {
    this.#options.fail(new HouseStoppedError(code, fact))
  }

  async #post({ identity, posting }: Posted): Promise<void> {
    const { books, turns } = this.#options
    const last = books.posting?.number ?? 0n
    if (posting.number < last) return
    // Each commits to all before it.
    const known = books.posting ? postingHash(books.posting) : ZERO_HASH
    const found = posting.number === last ? postingHash(posting) : posting.previous
    if (found !== known || posting.number > last + 1n)
      this.#fail(
        'STORE_IS_OLD',
        `Posting ${posting.number} does not follow ${last} of this store. Start from the newest.`,
      )
    if (posting.number === last) return
    await turns.do((turn) => {
      books.apply({ kind: 'posted', identity, posting }, turn)
      return undefined
    })
  }

  async #wasCommitted(committed: Epoch): Promise<void> {
    const { books, turns, archive, tell } = this.#options
    const epoch = committed.number
    if (isAnother(committed, archive)) {
      this.#fail('STORE_IS_OLD', `The chain's epoch ${epoch} is not this store's. Start from the store that made it.`)
      return
    }
    if (epoch <= books.committed) return
    if (epoch > archive.last.epoch.number) {
      this.#fail('STORE_IS_OLD', `The chain has epoch ${epoch}, which this store has not. Start from the newest one.`)
      return
    }
    await turns.do((turn) => {
      books.apply({ kind: 'committed', epoch }, turn)
      return undefined
    })
    tell({ kind: 'committed', epoch })
    // Not waited for: what comes next from the chain may be a demand.
    this.#show(epoch).catch((error: Error) => tell({ kind: 'alarm', error, isFatal: false }))
  }

  async #show(epoch: bigint): Promise<void> {
    const { clerk, archive, settings } = this.#options
    for (const [seat, visit] of [...clerk.connected]) {
      const proof = await archive.shown(epoch, seat.index)
      if (proof) visit.tell({ kind: 'proven', id: 0, proof })
      visit.tell({ kind: 'settings', settings: settings() })
    }
  }
}

/** Whether the operator closed an epoch of this number with other contents. */
export function isAnother(committed: Epoch, { headers }: Archive): boolean {
  const own = headers.get(committed.number)?.epoch
  return own !== undefined && epochHash(own) !== epochHash(committed)
}
