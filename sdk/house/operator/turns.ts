import { toUint } from '../../core/bytes.ts'
import { Writer } from '../../core/codec.ts'
import type { SessionSigner } from '../../signing/signer.ts'
import type { Seal } from '../../storage/seal.ts'
import type { Store, Write } from '../../storage/store.ts'
import type { Books } from './books.ts'
import type { ClosedEpoch } from './closed.ts'
import { type Cut, decodeTurn, encodeTurn } from './op.ts'
import { HouseStoppedError } from './refusal.ts'
import { openKeys } from './seat.ts'
import { Turn } from './turn.ts'

/** Something to do within a turn; it changes nothing if it throws. Writes go with the turn. */
export type Job = (turn: Turn) => readonly Write[] | undefined

interface Entry {
  readonly job: Job
  readonly done: (error?: Error) => void
}

/** Jobs, and things to sign, of one turn: so that it ends soon. */
const MOST_JOBS = 1_000
const MOST_CREDITED = 50_000
const TURN_KEY = 'house/turn'

const hex = (value: bigint): string => value.toString(16).padStart(16, '0')
export const logKey = (epoch: bigint, turn: bigint): string => `house/log/${hex(epoch)}/${hex(turn)}`

export interface TurnOptions {
  readonly store: Store
  readonly seal: Seal
  readonly signer: SessionSigner
  readonly now: () => number
  /** Nothing more is done: what was written is not certain, or memory is lost. */
  readonly onFailure: (error: Error) => void
  /** Once it is durable, before its jobs are told. */
  readonly onTurn: (turn: Turn, jobs: number, milliseconds: number) => void
  /** Somebody could not be told of what is done. It is done all the same, so the house goes on. */
  readonly onUntold: (error: Error) => void
}

/** Everything that changes the books, one turn after the other: all that came while the last one was written is in the next. */
export class Turns {
  readonly #options: TurnOptions
  readonly #books: Books
  #turn = 0n
  #queue: Entry[] = []
  #cut: { cut: Cut; done: (closed: ClosedEpoch | undefined) => void } | undefined
  #running: Promise<void> | undefined
  #failure: Error | undefined

  constructor(books: Books, options: TurnOptions) {
    this.#books = books
    this.#options = options
  }

  get number(): bigint {
    return this.#turn
  }

  /** Makes the books again from the log. Throws `STORE_IS_OLD` if the seal has seen more. Returns the epoch that was cut and not built. */
  async replay(): Promise<ClosedEpoch | undefined> {
    const { store, seal } = this.#options
    const written = await store.get(TURN_KEY)
    this.#turn = written ? toUint(written) : 0n
    checkSeal(this.#turn, await seal.read())
    let closed: ClosedEpoch | undefined
    for await (const [key, bytes] of store.list('house/log/')) {
      if (BigInt(`0x${key.split('/')[2]}`) < this.#books.open) continue
      closed = this.#again(decodeTurn(bytes)) ?? closed
    }
    await seal.write(this.#turn)
    return closed
  }

  #again({ time, ops, signature }: ReturnType<typeof decodeTurn>): ClosedEpoch | undefined {
    const turn = new Turn(this.#books.domain, time)
    let cut: Cut | undefined
    for (const op of ops)
      if (op.kind === 'cut') {
        cut = op
        this.#books.cut(op, turn)
      } else this.#books.apply(op, turn)
    this.#books.receipts(turn)
    turn.sign({ sign: () => signature })
    return cut && this.#books.roll(cut)
  }

  /** Resolves when what the job did is durable; rejects with what it threw. */
  do(job: Job): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure)
        return
      }
      this.#queue.push({ job, done: (error) => (error ? reject(error) : resolve()) })
      this.#wake()
    })
  }

  /** Ends the open epoch at the end of the next turn; undefined: there are live locks without an outcome in `known`. */
  cut(cut: Cut, known: ReadonlySet<string>): Promise<ClosedEpoch | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure)
        return
      }
      const done = (closed: ClosedEpoch | undefined) => resolve(closed)
      this.#queue.push({
        job: () => {
          for (const key of openKeys(this.#books.locking)) if (!known.has(key)) return undefined
          this.#cut = { cut, done }
          return undefined
        },
        done: (error) => {
          if (error) reject(error)
          else resolve(undefined)
        },
      })
      this.#wake()
    })
  }

  /** Waits for the turn that runs; nothing begins afterwards. */
  async stop(reason: Error): Promise<void> {
    this.#failure ??= reason
    await this.#running
    for (const { done } of this.#queue.splice(0)) done(this.#failure)
  }

  #wake(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    // Whatever else arrives in this turn of the event loop joins.
    await Promise.resolve()
    while (this.#queue.length > 0 && !this.#failure) {
      const done: Entry['done'][] = []
      try {
        await this.#one(done)
      } catch (error) {
        this.#failure = error as Error
        this.#options.onFailure(this.#failure)
      }
      for (const one of done) one(this.#failure)
    }
    // In the same step as the last look at the queue: what comes later begins anew.
    this.#running = undefined
    if (this.#failure) for (const { done } of this.#queue.splice(0)) done(this.#failure)
  }

  async #one(done: Entry['done'][]): Promise<void> {
    const { store, seal, signer, now, onTurn } = this.#options
    const turn = new Turn(this.#books.domain, now())
    const began = performance.now()
    const epoch = this.#books.open
    const writes: Write[] = []
    while (this.#queue.length > 0 && done.length < MOST_JOBS && turn.credited.size < MOST_CREDITED && !this.#cut)
      this.#start(this.#queue.shift()!, turn, writes, done)
    const cut = this.#cut
    this.#cut = undefined
    if (cut) this.#books.cut(cut.cut, turn)
    this.#books.receipts(turn)
    const signature = turn.sign(signer)
    const closed = cut && this.#books.roll(cut.cut)
    if (turn.ops.length > 0) {
      this.#turn++
      const value = encodeTurn({ time: turn.time, ops: turn.ops, signature })
      writes.push({ key: logKey(epoch, this.#turn), value }, { key: TURN_KEY, value: turnBytes(this.#turn) })
    }
    if (writes.length > 0) await store.commit(writes)
    if (turn.ops.length > 0) await seal.write(this.#turn)
    const milliseconds = performance.now() - began
    for (const tell of [() => onTurn(turn, done.length, milliseconds), ...turn.after]) this.#tell(tell)
    cut?.done(closed)
  }

  #tell(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#options.onUntold(error as Error)
    }
  }

  #start({ job, done }: Entry, turn: Turn, writes: Write[], all: Entry['done'][]): void {
    try {
      writes.push(...(job(turn) ?? []))
      all.push(done)
    } catch (error) {
      // Told with the others: what it was refused for may itself not be durable yet.
      all.push((failure) => done(failure ?? (error as Error)))
    }
  }
}

function checkSeal(turn: bigint, sealed: bigint | undefined): void {
  if (turn > 0n && sealed === undefined)
    throw new HouseStoppedError(
      'STORE_IS_OLD',
      'The store has turns and its seal has none. Name the file with the seal of this store.',
    )
  const before = sealed ?? 0n
  if (turn === before || turn === before + 1n) return
  throw new HouseStoppedError(
    'STORE_IS_OLD',
    `The store is at turn ${turn}, its seal at ${before}. It is an old copy, or the seal of another one: start from the newest.`,
  )
}

const turnBytes = (turn: bigint): Uint8Array => new Writer(8).u64(turn).finish()
