import type { ChainReceipt, SendOptions } from './chain.ts'
import type { Entry } from './journal.ts'
import type { Request } from './preflight.ts'

interface Waiter {
  resolve(receipt: ChainReceipt): void
  reject(error: unknown): void
}

/** One intent on its way: waiting to be signed (no entry), asked of a wallet (`asking`), broadcast, or mined and not final. */
export interface Job {
  readonly request: Request
  readonly options: SendOptions
  readonly waiters: Set<Waiter>
  entry?: Entry
  /** An entry whose nonce something else used up; the next one replaces it. */
  outrun?: Entry
  mined?: ChainReceipt
  asking: boolean
  /** It was said that its fee may not rise any more. */
  held?: boolean
  /** Block at which this process last gave it to the RPC. */
  broadcastAt?: number
}

/** A job nobody waits for yet. */
export const newJob = (request: Request, options: SendOptions): Job => ({
  request,
  options,
  waiters: new Set(),
  asking: false,
})

/** Waits for the job's receipt; the signal ends the waiting, not the job. */
export function wait(job: Job, signal: AbortSignal | undefined): Promise<ChainReceipt> {
  if (job.mined) return Promise.resolve(job.mined)
  if (signal?.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const abort = () => {
      job.waiters.delete(waiter)
      reject(signal?.reason)
    }
    const waiter: Waiter = {
      resolve: (receipt) => {
        signal?.removeEventListener('abort', abort)
        resolve(receipt)
      },
      reject: (error) => {
        signal?.removeEventListener('abort', abort)
        reject(error)
      },
    }
    signal?.addEventListener('abort', abort, { once: true })
    job.waiters.add(waiter)
  })
}

/** Tells everybody who waits; the job itself goes on. */
export function succeed(job: Job, receipt: ChainReceipt): void {
  for (const waiter of job.waiters) waiter.resolve(receipt)
  job.waiters.clear()
}

/** Tells everybody who waits; the job itself goes on. */
export function fail(job: Job, error: unknown): void {
  for (const waiter of job.waiters) waiter.reject(error)
  job.waiters.clear()
}

/** Chain seconds before a deadline from which it comes before what is at stake: some fifty blocks, with sixteen calls each. */
const PRESSING = 600n

/**
 * In the order of need at `now`: what is due soon, then what is due later, then the rest; each by what is at stake, then by deadline, the
 * oldest first. Not simply by deadline: many worthless disputes, begun just before one that matters, would take the time for its answer.
 */
export const byNeed =
  (now: bigint) =>
  ({ options: a }: Job, { options: b }: Job): number => {
    const [rank, other] = [rankAt(now, a.before), rankAt(now, b.before)]
    if (rank !== other) return rank - other
    const [light, heavy] = [a.weight ?? 0n, b.weight ?? 0n]
    if (light !== heavy) return light < heavy ? 1 : -1
    const [early, late] = [a.before ?? 0n, b.before ?? 0n]
    return early === late ? 0 : early > late ? 1 : -1
  }

const rankAt = (now: bigint, before: bigint | undefined): 0 | 1 | 2 =>
  before === undefined ? 2 : before - now > PRESSING ? 1 : 0
