import type { HouseState } from '../../chain/house/house-chain.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import type { Address } from '../../core/types.ts'
import { memorySeal } from '../../storage/seal.ts'
import type { Listener } from '../../transport/transport.ts'
import type { HouseSettings } from '../messages.ts'
import { Archive } from './archive.ts'
import { Books } from './books.ts'
import { Clerk } from './clerk.ts'
import { Defence } from './defence.ts'
import { Desk } from './desk.ts'
import { Epochs } from './epochs.ts'
import type { OperatorEvent } from './events.ts'
import { checkInsurance, type HouseOperatorOptions, type HouseStatus, transportFor } from './options.ts'
import { HouseStoppedError } from './refusal.ts'
import { loadReleases } from './release.ts'
import { restoreBooks } from './restoring.ts'
import { Turns } from './turns.ts'
import { isAnother, Watch } from './watch.ts'

/** Milliseconds between looks at what time changes. */
const TICK = 250

/**
 * Orders the payments of a clearing house: countersigns, credits, commits epochs and answers for them. It can take, freeze or
 * misdirect nothing; what it signs it can be held to, so its memory must never go back in time.
 *
 * @example
 * ```ts
 * const operator = await HouseOperator.start({ chain, store, seal, signer, transports: [tcpTransport({ signer })], listen: ['tcp://0.0.0.0:7200'] })
 * ```
 */
export class HouseOperator {
  readonly #options: HouseOperatorOptions
  readonly #books: Books
  readonly #archive: Archive
  readonly #turns: Turns
  readonly #listeners: Listener[] = []
  readonly #now: () => number
  #clerk!: Clerk
  #desk!: Desk
  #epochs!: Epochs
  #defence!: Defence
  #watch!: Watch
  #state: HouseState | undefined
  #fault: Error | undefined
  #ticks: ReturnType<typeof setInterval> | undefined

  private constructor(options: HouseOperatorOptions) {
    const { chain, store, signer, seal = memorySeal(), now = Date.now } = options
    this.#options = options
    this.#now = now
    this.#books = new Books(chain.domain, chain.terms.assets.length)
    this.#archive = new Archive(store, chain.terms.assets.length)
    this.#turns = new Turns(this.#books, {
      store,
      seal,
      signer,
      now,
      onFailure: (error) => this.#fail(error),
      onUntold: (error) => this.#tell({ kind: 'alarm', error, isFatal: false }),
      onTurn: (turn, jobs, milliseconds) => {
        this.#clerk.told(turn)
        this.#tell({ kind: 'turn', jobs, milliseconds })
      },
    })
  }

  /** Makes the books again from the store, follows the chain, answers what was demanded meanwhile, and only then serves members. */
  static async start(options: HouseOperatorOptions): Promise<HouseOperator> {
    const { chain, signer } = options
    if (signer.address !== chain.terms.operator)
      throw new InvalidOptionError(
        'signer',
        `The house is operated by ${chain.terms.operator}, the signer is ${signer.address}. Use the operator's key.`,
      )
    checkInsurance(options)
    const operator = new HouseOperator(options)
    try {
      await operator.#load()
      await operator.#follow()
      for (const address of options.listen ?? []) await operator.#listen(address)
      return operator
    } catch (error) {
      await operator.stop()
      throw error
    }
  }

  get address(): Address {
    return this.#options.signer.address
  }

  /** Where members can dial. */
  get listening(): readonly string[] {
    return this.#listeners.map(({ address }) => address)
  }

  status(): HouseStatus {
    const { open, committed, seats } = this.#books
    return {
      members: seats.length,
      connected: this.#desk.connected,
      payments: this.#clerk.payments,
      open,
      committed,
      nextCut: this.#epochs.nextCut,
      block: this.#state?.latest.head.number ?? 0,
      demands: this.#defence.open,
      turn: this.#turns.number,
      closed: this.#closed(),
    }
  }

  /** Cuts the open epoch as soon as the chain allows, before its time has come. */
  cut(): void {
    this.#epochs.nextCut = this.#now()
  }

  /** Finishes the turn that runs, hangs up, and stops following the chain. The store stays open: it was given. */
  async stop(): Promise<void> {
    clearInterval(this.#ticks)
    await Promise.all(this.#listeners.map((listener) => listener.close()))
    await this.#turns.stop(new HouseStoppedError('HOUSE_STOPPING', 'The house is stopping. Join again later.'))
    this.#desk?.stop()
    // What waits for a block is given up by the chain, and taken up at the next start.
    await Promise.all([this.#epochs?.stop(), this.#defence?.stop(), this.#options.chain.stop()])
  }

  async #load(): Promise<void> {
    const { store, chain, signer } = this.#options
    await restoreBooks(this.#books, this.#archive)
    await loadReleases(store, this.#books.releases)
    const closed = await this.#turns.replay()
    const tell = (event: OperatorEvent) => this.#tell(event)
    const shared = {
      books: this.#books,
      turns: this.#turns,
      archive: this.#archive,
      signer,
      chain,
      now: this.#now,
      tell,
    }
    this.#clerk = new Clerk({
      ...shared,
      unfunded: this.#options.unfunded ?? 10_000,
      settings: () => this.#settings(),
      closed: () => this.#closed(),
      onLost: (error) => this.#fail(error),
    })
    const { connections = 10_000, perSecond = 1_000 } = this.#options
    this.#desk = new Desk({ ...shared, domain: chain.domain, clerk: this.#clerk, connections, perSecond })
    const seconds = this.#options.epochSeconds ?? Math.max(1, Number(chain.terms.interval) / 4)
    const { insurance } = this.#options
    this.#epochs = new Epochs({ ...shared, insurance, store, seconds, onCut: () => this.#wasCut() }, closed)
    this.#defence = new Defence(shared)
    const watching = { clerk: this.#clerk, defence: this.#defence, settings: () => this.#settings() }
    this.#watch = new Watch({ ...shared, ...watching, fail: (error) => this.#fail(error) })
  }

  async #follow(): Promise<void> {
    const { chain } = this.#options
    chain.onEvent = (event) => this.#watch.saw(event)
    chain.onState = (state) => {
      this.#state = state
      if (!state.latest.isRunning) this.#watch.halt()
      this.#epochs.tick(state)
      this.#defence.tick(state)
    }
    chain.onHealth = (healthy, reason) => this.#tell({ kind: 'chain', healthy, reason })
    chain.onAlarm = (error) => this.#tell({ kind: 'alarm', error, isFatal: false })
    await chain.start()
    const { latest } = await chain.state()
    const last = this.#archive.last.epoch.number
    if (latest.lastCommitted > last)
      throw new HouseStoppedError(
        'STORE_IS_OLD',
        `The chain has epoch ${latest.lastCommitted}, the store only ${last}. It is an old copy: start from the newest.`,
      )
    const committed = await chain.epoch(latest.lastCommitted)
    if (committed && isAnother(committed.epoch, this.#archive))
      throw new HouseStoppedError(
        'STORE_IS_OLD',
        `The chain's epoch ${latest.lastCommitted} is not this store's. Start from the store that made it.`,
      )
    await this.#defence.catchUp(latest)
    this.#ticks = setInterval(() => {
      const now = this.#now()
      this.#desk.tick()
      this.#clerk.groups.tick(now)
      if (this.#state) this.#epochs.tick(this.#state)
    }, TICK)
  }

  #wasCut(): void {
    this.#clerk.groups.endAll('The epoch was cut. Sign the next account.')
    for (const [, visit] of this.#clerk.connected) visit.tell({ kind: 'settings', settings: this.#settings() })
  }

  #settings(): HouseSettings {
    const { open, committed } = this.#books
    return { open, committed, nextCut: Math.round(this.#epochs.nextCut) }
  }

  #closed(): string | undefined {
    if (this.#fault) return 'The house has stopped signing. Its operator must look.'
    return this.#watch?.isHalted ? 'The house has halted. Exit.' : undefined
  }

  #fail(error: Error): void {
    if (this.#fault) return
    this.#fault = error
    this.#tell({ kind: 'alarm', error, isFatal: true })
    // What was committed is still answered for.
    void this.#turns.stop(error)
    void this.#epochs?.stop()
  }

  /** A program that looks on must not be able to stop the house. */
  #tell(event: OperatorEvent): void {
    try {
      this.#options.onEvent?.(event)
    } catch (error) {
      // An alarm about an alarm would not end.
      if (event.kind !== 'alarm') this.#tell({ kind: 'alarm', error: error as Error, isFatal: false })
    }
  }

  async #listen(address: string): Promise<void> {
    const transport = transportFor(address, this.#options.transports)
    this.#listeners.push(await transport.listen(address, (connection) => this.#desk.accept(connection)))
  }
}
