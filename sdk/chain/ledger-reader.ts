import { memberCount } from '../core/channel.ts'
import { laneCount } from '../core/state.ts'
import type { Address, Hex, LedgerRef, LedgerWord } from '../core/types.ts'
import { commitmentOf, decodeWord } from '../core/word.ts'
import { adjudicatorAbi } from './abi.ts'
import type { Head, LedgerView } from './chain.ts'
import { RpcFailedError } from './errors.ts'
import { decodeEvent, topicOf } from './events.ts'
import type { LogReader } from './logs.ts'
import { asChainError, type Rpc } from './rpc.ts'

/** Reads ledgers as the adjudicator holds them, at a given block. Words are the truth; only a dispute's preimage comes from a log. */
export class LedgerReader {
  readonly #rpc: Rpc
  readonly #logs: LogReader
  readonly #adjudicator: Address
  readonly #firstBlock: number
  /** Preimages of commitments, checked when they were added. */
  readonly #bases = new Map<bigint, readonly bigint[]>()

  constructor(rpc: Rpc, logs: LogReader, adjudicator: Address, firstBlock: number) {
    this.#rpc = rpc
    this.#logs = logs
    this.#adjudicator = adjudicator
    this.#firstBlock = firstBlock
  }

  /** A ledger at both depths. Throws {@link RpcFailedError} if a dispute's event cannot be found. */
  async read(ledger: LedgerRef, head: Head, confirmedHead: Head): Promise<LedgerView> {
    const [latest, confirmed] = await Promise.all([
      this.#side(ledger, head),
      head.number === confirmedHead.number ? undefined : this.#side(ledger, confirmedHead),
    ])
    return {
      channelId: ledger.channelId,
      asset: ledger.asset,
      head,
      confirmedHead,
      confirmed: (confirmed ?? latest).word,
      latest: latest.word,
      confirmedBalances: (confirmed ?? latest).balances,
      latestBalances: latest.balances,
      base: latest.base,
      lanes: await this.#lanes(ledger, latest.word, head),
    }
  }

  /** Remembers the preimage of a dispute's commitment that an event told. */
  remember(base: readonly bigint[]): void {
    this.#bases.set(commitmentOf(base), base)
  }

  /** A word of a ledger as the adjudicator held it in a block. */
  word({ channelId, asset }: LedgerRef, block: Head, pair = 0): Promise<bigint> {
    return this.#ask('wordOf', [channelId, asset, pair], block)
  }

  /** Calls a view of the adjudicator at a block; zero where the contract did not exist yet. */
  async #ask(functionName: string, args: readonly unknown[], block: Head): Promise<bigint> {
    const data = adjudicatorAbi.encodeFunctionData(functionName, args)
    const answer = await this.#rpc
      .call((provider) => provider.call({ to: this.#adjudicator, data, blockTag: block.number }))
      .catch((error) => {
        throw asChainError('eth_call', error)
      })
    return answer === '0x' ? 0n : BigInt(answer)
  }

  async #side(
    ledger: LedgerRef,
    block: Head,
  ): Promise<{ word: LedgerWord; balances: readonly bigint[]; base: readonly bigint[] }> {
    const count = memberCount(ledger.channelId)
    const words = await Promise.all(
      Array.from({ length: Math.ceil(count / 2) }, (_, pair) => this.word(ledger, block, pair)),
    )
    const word = decodeWord(words[0]!)
    const base = word.phase === 'disputed' ? await this.#base(ledger, word.commitment, block) : []
    // A dispute's commitment overwrites the balances of word 0; its preimage keeps them.
    const open = [base[0] ?? words[0]!, ...words.slice(1)]
    const balances = open.flatMap((pair) => balancesOf(decodeWord(pair))).slice(0, count)
    return { word, balances, base }
  }

  async #lanes({ channelId, asset }: LedgerRef, word: LedgerWord, block: Head): Promise<bigint[]> {
    const lanes = laneCount(memberCount(channelId))
    if (!word.recorded) return Array<bigint>(lanes).fill(0n)
    return Promise.all(
      Array.from({ length: lanes }, (_, lane) => this.#ask('laneOf', [channelId, asset, word.generation, lane], block)),
    )
  }

  async #base(ledger: LedgerRef, commitment: bigint, block: Head): Promise<readonly bigint[]> {
    const known = this.#bases.get(commitment)
    if (known) return known
    const topics = [topicOf('Challenged'), ledger.channelId as Hex]
    let base: readonly bigint[] = []
    // Only the true preimage hashes to the commitment, so whatever else an RPC tells is passed over.
    await this.#logs.findLast(topics, this.#firstBlock, block.number, (log) => {
      base = decodeEvent(log, block)!.args.base as bigint[]
      return commitmentOf(base) === commitment
    })
    if (commitmentOf(base) !== commitment)
      throw new RpcFailedError('eth_getLogs', `the dispute of ledger ${ledger.channelId} has no event`)
    this.#bases.set(commitment, base)
    return base
  }
}

const balancesOf = (word: LedgerWord): readonly bigint[] => (word.phase === 'open' ? word.balances : [])
