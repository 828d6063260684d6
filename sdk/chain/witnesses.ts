import type { Address, LedgerRef } from '../core/types.ts'
import { encodeWord } from '../core/word.ts'
import type { Head, LedgerView } from './chain.ts'
import { RpcFailedError } from './errors.ts'
import { LedgerReader } from './ledger-reader.ts'
import { LogReader } from './logs.ts'
import type { Rpc } from './rpc.ts'

/** Blocks that a witness may be ahead. */
const TOLERATED_LAG = 5

/** Other RPCs, asked for the same: a lie of one shows as a difference. One that does not answer says nothing. */
export class Witnesses {
  readonly #rpcs: readonly Rpc[]
  readonly #ledgers: readonly LedgerReader[]

  constructor(rpcs: readonly Rpc[], adjudicator: Address, firstBlock: number) {
    this.#rpcs = rpcs
    this.#ledgers = rpcs.map((rpc) => new LedgerReader(rpc, new LogReader(rpc, adjudicator), adjudicator, firstBlock))
  }

  /** Throws {@link RpcFailedError} if one has another block at `confirmed`, or is far ahead of `head`. */
  async compareBlocks(head: Head, confirmed: Head): Promise<void> {
    for (const rpc of this.#rpcs) {
      const [latest, block] = await Promise.all([
        rpc.call((provider) => provider.getBlockNumber()),
        rpc.call((provider) => provider.getBlock(confirmed.number)),
      ]).catch(() => [0, null] as const)
      if (block && block.hash !== confirmed.hash)
        throw new RpcFailedError('eth_getBlockByNumber', `another RPC has another block ${confirmed.number}`)
      if (latest > head.number + TOLERATED_LAG)
        throw new RpcFailedError('eth_getBlockByNumber', `it is ${latest - head.number} blocks behind another RPC`)
    }
  }

  /** Throws {@link RpcFailedError} if one that has the confirmed block says otherwise: money could be made up, or a dispute hidden. */
  async compareLedger(ledger: LedgerRef, { confirmed, confirmedHead }: LedgerView): Promise<void> {
    const words = this.#ledgers.map((reader) => reader.word(ledger, confirmedHead).catch(() => undefined))
    for (const word of await Promise.all(words))
      if (word !== undefined && word !== encodeWord(confirmed))
        throw new RpcFailedError('eth_call', `another RPC says something else about ledger ${ledger.channelId}`)
  }
}
