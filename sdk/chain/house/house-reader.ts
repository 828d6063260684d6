import { isError, ZeroHash } from 'ethers'
import { type Epoch, epochHash } from '../../clearing/epoch.ts'
import { buildTally, topOf } from '../../clearing/tally.ts'
import type { Address, Hex } from '../../core/types.ts'
import { ask } from '../ask.ts'
import type { Head } from '../chain.ts'
import { RpcFailedError } from '../errors.ts'
import { LogReader, type Topics } from '../logs.ts'
import type { Rpc } from '../rpc.ts'
import { houseAbi } from './abi.ts'
import { decodeLog, topicsOf } from './decode.ts'
import type { CommittedEpoch, Demanded, EpochStatus, HouseFacts, HouseTerms, Posted } from './house-chain.ts'
import { Inbox } from './inbox.ts'

/** A house with its terms, as `findHouse` found it. */
export interface FoundHouse {
  readonly house: Address
  readonly stake: Address
  readonly terms: HouseTerms
  /** Block of the foundation, or any earlier one. */
  readonly firstBlock: number
}

/** What a house would say before its foundation: the confirmed head may be older than it. */
const UNBORN: Readonly<Record<string, unknown>> = {
  lastCommitted: 0n,
  finalized: 0n,
  postingCount: 0n,
  postingHash: ZeroHash,
  isRunning: true,
  isSettled: false,
  standing: [0n, 0n],
}

const HASH_BITS = 64n
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
const bits = (word: bigint, from: bigint, count: number): bigint => BigInt.asUintN(count, word >> from)

/** Reads what a house says, as of a block; what comes from events is checked against the house's own hashes. */
export class HouseReader {
  readonly #rpc: Rpc
  readonly #found: FoundHouse
  readonly #logs: LogReader
  readonly #courtLogs: LogReader

  constructor(rpc: Rpc, found: FoundHouse) {
    this.#rpc = rpc
    this.#found = found
    this.#logs = new LogReader(rpc, found.house, found.stake)
    this.#courtLogs = new LogReader(rpc, found.terms.court)
  }

  /** What a view function of the house answers. */
  async ask(functionName: string, args: readonly unknown[] = [], block?: number): Promise<unknown> {
    try {
      const result = await ask(this.#rpc, this.#found.house, houseAbi, functionName, args, block)
      return result.length === 1 ? result[0] : result
    } catch (error) {
      // No answer at all: that block is older than the house.
      const isUnborn = block !== undefined && isError(error, 'BAD_DATA') && error.value === '0x'
      if (isUnborn && functionName in UNBORN) return UNBORN[functionName]
      throw error
    }
  }

  async facts(head: Head): Promise<HouseFacts> {
    const names = ['lastCommitted', 'finalized', 'postingCount', 'isRunning', 'isSettled']
    const answers = await Promise.all(names.map((name) => this.ask(name, [], head.number)))
    const [lastCommitted, finalized, postingCount] = answers as [bigint, bigint, bigint]
    const [isRunning, isSettled] = answers.slice(3) as [boolean, boolean]
    const final = await this.#finalAt(finalized, lastCommitted, head)
    return { head, lastCommitted, finalized, final, postingCount, isRunning, isSettled }
  }

  /** Noted or not, an epoch is final when its window is over, no challenge is open, and all before it are final. */
  async #finalAt(finalized: bigint, last: bigint, head: Head): Promise<bigint> {
    let final = finalized
    while (final < last) {
      const { challengeUntil, open } = (await this.status(final + 1n, head.number))!
      if (open !== 0 || head.timestamp < challengeUntil) break
      final++
    }
    return final
  }

  async status(number: bigint, block?: number): Promise<EpochStatus | undefined> {
    const word = (await this.ask('epochWord', [number], block)) as bigint
    if (word === 0n) return undefined
    const { window, answerTime, answerTimeEach, answerTimeMost } = this.#found.terms
    const committedAt = bits(word, 32n, 32)
    const [challenges, open] = [bits(word, 16n, 16), bits(word, 0n, 16)]
    const wanted = answerTime + answerTimeEach * challenges
    const challengeUntil = committedAt + window
    const answerUntil = challengeUntil + least(wanted, answerTimeMost)
    return { committedAt, challenges: Number(challenges), open: Number(open), challengeUntil, answerUntil }
  }

  /** Whether the house keeps the hash of this epoch, as of a block. */
  async isCommitted(epoch: Epoch, block?: number): Promise<boolean> {
    const word = (await this.ask('epochWord', [epoch.number], block)) as bigint
    return word >> HASH_BITS === BigInt.asUintN(192, BigInt(epochHash(epoch)))
  }

  /** A committed epoch, as of the newest block. */
  async epoch(number: bigint): Promise<CommittedEpoch | undefined> {
    const word = (await this.ask('epochWord', [number])) as bigint
    if (word === 0n) return undefined
    const committedAt = bits(word, 32n, 32)
    const isIt = (epoch: Epoch): boolean => word >> HASH_BITS === BigInt.asUintN(192, BigInt(epochHash(epoch)))
    if (number === 0n) return { epoch: genesisOf(this.#found.terms.assets.length), committedAt }
    const latest = await this.#rpc.call((provider) => provider.getBlockNumber())
    const topics = [topicsOf('Committed'), `0x${number.toString(16).padStart(64, '0')}` as Hex]
    const log = await this.#logs.findLast(topics, this.#found.firstBlock, latest, (one) => {
      const said = decodeLog(one)
      return said?.kind === 'committed' && isIt(said.epoch)
    })
    const said = log && decodeLog(log)
    if (said?.kind !== 'committed') throw new RpcFailedError('eth_getLogs', `it left out the commit of epoch ${number}`)
    return { epoch: said.epoch, committedAt }
  }

  /** All postings up to a block, checked by the chain of hashes. */
  async postings(from: bigint, block: number): Promise<Posted[]> {
    const inbox = new Inbox(this.#found.terms.assets.length, undefined, async () => undefined)
    const found: Posted[] = []
    for (const log of await this.#logs.read([topicsOf('Deposited', 'Requested')], this.#found.firstBlock, block)) {
      const said = decodeLog(log)
      if (said?.kind !== 'posted') continue
      const posted = await inbox.take(said.told)
      if (posted.posting.number >= from) found.push(posted)
    }
    await this.checkInbox(inbox, block)
    const count = (await this.ask('postingCount', [], block)) as bigint
    if (count !== inbox.head.number) throw new RpcFailedError('eth_getLogs', `it left out posting ${count}`)
    return found
  }

  /** Throws {@link RpcFailedError} unless the chain's own hash is that of the last posting, which commits to all before it. */
  async checkInbox({ head: { number, hash } }: Inbox, block: number): Promise<void> {
    const kept = await this.ask('postingHash', [number], block)
    if (kept !== hash)
      throw new RpcFailedError('eth_getLogs', `the postings up to ${number} are not those of the house`)
  }

  /** Challenges without an answer, as of the newest block. */
  async openDemands(epoch: bigint): Promise<Demanded[]> {
    const { firstBlock, house } = this.#found
    const latest = await this.#rpc.call((provider) => provider.getBlockNumber())
    const names = topicsOf('LeafDemanded', 'DebitDemanded', 'Answered')
    const topics: Topics = [names, topicOfAddress(house), `0x${epoch.toString(16).padStart(64, '0')}`]
    const open = new Map<Hex, Demanded>()
    for (const log of await this.#courtLogs.read(topics, firstBlock, latest)) {
      const said = decodeLog(log)
      if (said?.kind === 'demanded') open.set(said.id, { id: said.id, demand: said.demand })
      if (said?.kind === 'answered') open.delete(said.id)
    }
    const counted = (await this.status(epoch, latest))?.open ?? 0
    if (counted !== open.size)
      throw new RpcFailedError('eth_getLogs', `it shows ${open.size} of ${counted} open challenges to epoch ${epoch}`)
    return [...open.values()]
  }
}

export const topicOfAddress = (address: Address): Hex => `0x${address.slice(2).padStart(64, '0')}`

/** Epoch 0, with which every house begins. */
export function genesisOf(assets: number): Epoch {
  const empty = topOf(buildTally([], assets))
  const left = new Array<bigint>(assets).fill(0n)
  return { number: 0n, cutTime: 0n, cut: 0n, cutHash: ZeroHash as Hex, members: empty, left, limits: empty }
}
