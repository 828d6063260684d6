import type { Store } from '../storage/store.ts'
import type { Clock } from './clock.ts'

/** What one commit holds, and what happens once it is durable. */
export interface Batch {
  /** By key: what is written again before it is durable goes to the disk once. */
  readonly writes: Map<string, Uint8Array | null>
  readonly after: (() => void)[]
}

/** Milliseconds. */
const FORGOTTEN = 1_000

/**
 * Group commit: while one batch is on its way to the disk the next one gathers. Nothing leaves this node before the batch
 * it belongs to is durable.
 */
export class Journal {
  readonly #store: Store
  readonly #onDurable: () => void
  readonly #onFailure: (error: unknown) => void
  #batch: Batch = emptyBatch()
  #running: Promise<void> | undefined
  readonly #clock: Clock
  /** When the newest commit began and ended, in milliseconds. */
  #began = 0
  #ended = 0

  constructor(store: Store, clock: Clock, onDurable: () => void, onFailure: (error: unknown) => void) {
    this.#store = store
    this.#clock = clock
    this.#onDurable = onDurable
    this.#onFailure = onFailure
  }

  get busy(): boolean {
    return this.#running !== undefined
  }

  /** Milliseconds that the newest commit took or takes; what was slow a while ago counts no more. */
  lag(): number {
    const now = this.#clock.elapsed()
    if (this.#running) return now - this.#began
    return now - this.#ended < FORGOTTEN ? this.#ended - this.#began : 0
  }

  write(key: string, value: Uint8Array | null): void {
    this.#batch.writes.set(key, value)
  }

  /** Runs once everything written so far is durable, in the order of the calls. */
  after(action: () => void): void {
    this.#batch.after.push(action)
  }

  /** Whether the batch that gathers holds anything. */
  get isEmpty(): boolean {
    return this.#batch.writes.size === 0 && this.#batch.after.length === 0
  }

  /** Starts a commit if none runs and there is something to do. */
  flush(): void {
    if (this.#running || this.isEmpty) return
    const batch = this.#batch
    this.#batch = emptyBatch()
    if (batch.writes.size === 0) {
      this.#perform(batch)
      return
    }
    this.#began = this.#clock.elapsed()
    const writes = [...batch.writes].map(([key, value]) => ({ key, value }))
    this.#running = this.#store.commit(writes).then(
      () => {
        this.#running = undefined
        this.#ended = this.#clock.elapsed()
        this.#perform(batch)
      },
      (error) => {
        // Not cleared: after a failed write nothing may leave any more.
        this.#onFailure(error)
      },
    )
  }

  #perform(batch: Batch): void {
    for (const action of batch.after) action()
    this.#onDurable()
  }

  /** Waits for the commit that runs. */
  async idle(): Promise<void> {
    await this.#running
  }
}

const emptyBatch = (): Batch => ({ writes: new Map(), after: [] })
