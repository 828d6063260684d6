import type { Filter, Log } from 'ethers'
import type { Address, Hex } from '../core/types.ts'
import { RpcFailedError, RpcUnreachableError } from './errors.ts'
import { lastSentence, type Rpc } from './rpc.ts'

const FIRST_SPAN = 2_000
const MAX_SPAN = 100_000
/** Answers to ask for before a longer range is tried: a refused one costs a request. */
const PATIENCE = 8

/** Topics of a log filter: one, any of several, or any at all per position. */
export type Topics = readonly (Hex | readonly Hex[] | null)[]

/** Reads logs of a contract, or of several, in ranges that the RPC accepts: halved when it refuses, doubled after a while without refusal. */
export class LogReader {
  readonly #rpc: Rpc
  readonly #addresses: readonly Address[]
  #span = FIRST_SPAN
  #streak = 0

  constructor(rpc: Rpc, ...addresses: readonly Address[]) {
    this.#rpc = rpc
    this.#addresses = addresses
  }

  /** Logs from block `from` to `to`, in order. */
  async read(topics: Topics, from: number, to: number): Promise<Log[]> {
    const found: Log[] = []
    for await (const logs of this.#forwards(topics, from, to)) found.push(...logs)
    return found
  }

  /** The newest log from block `from` to `to` that `accept` takes. */
  async findLast(topics: Topics, from: number, to: number, accept: (log: Log) => boolean): Promise<Log | undefined> {
    for (let end = to; end >= from; ) {
      const start = Math.max(from, end - this.#span + 1)
      const logs = await this.#attempt(topics, start, end)
      const hit = logs?.findLast(accept)
      if (hit) return hit
      if (logs) end = start - 1
    }
    return undefined
  }

  async *#forwards(topics: Topics, from: number, to: number): AsyncGenerator<Log[]> {
    for (let start = from; start <= to; ) {
      const end = Math.min(to, start + this.#span - 1)
      const logs = await this.#attempt(topics, start, end)
      if (!logs) continue
      yield logs
      start = end + 1
    }
  }

  /** Undefined: too much at once, and the span was halved. */
  async #attempt(topics: Topics, from: number, to: number): Promise<Log[] | undefined> {
    const address = this.#addresses.length === 1 ? this.#addresses[0]! : [...this.#addresses]
    const filter = { address, topics: topics as Filter['topics'] & {}, fromBlock: from, toBlock: to }
    try {
      const logs = await this.#rpc.call((provider) => provider.getLogs(filter))
      if (to - from + 1 >= this.#span && ++this.#streak % PATIENCE === 0)
        this.#span = Math.min(this.#span * 2, MAX_SPAN)
      return inOrder(logs.filter((log) => this.#belongs(log, from, to)))
    } catch (error) {
      // Providers word their limits in many ways, so any refusal of a range may be one. Silence is not: that is an outage,
      // though a shorter range may be answered in time next time.
      this.#streak = 0
      if (to > from) this.#span = Math.max(1, Math.ceil((to - from + 1) / 2))
      if (error instanceof RpcUnreachableError) throw error
      if (to === from) throw new RpcFailedError('eth_getLogs', lastSentence(error), { cause: error })
      return undefined
    }
  }

  /** An RPC that returns what was not asked for must not be believed. */
  #belongs(log: Log, from: number, to: number): boolean {
    const { address, blockNumber, removed } = log
    return (
      this.#addresses.includes(address.toLowerCase() as Address) && blockNumber >= from && blockNumber <= to && !removed
    )
  }
}

const inOrder = (logs: Log[]): Log[] => logs.sort((a, b) => a.blockNumber - b.blockNumber || a.index - b.index)
