import type { Block, Log } from 'ethers'
import type { Epoch } from '../../clearing/epoch.ts'
import type { Hex } from '../../core/types.ts'
import type { Store } from '../../storage/store.ts'
import type { Head } from '../chain.ts'
import { RpcFailedError } from '../errors.ts'
import { LogReader } from '../logs.ts'
import type { Rpc } from '../rpc.ts'
import { decodeLog, type Said, topicsOf } from './decode.ts'
import type { HouseEvent, HouseFacts, HouseState, Place } from './house-chain.ts'
import { type Cursor, HouseJournal } from './house-journal.ts'
import { type FoundHouse, type HouseReader, topicOfAddress } from './house-reader.ts'
import { Inbox } from './inbox.ts'

/** How a {@link Follower} works. */
export interface FollowerOptions {
  readonly rpc: Rpc
  readonly found: FoundHouse
  readonly reader: HouseReader
  readonly store: Store
  readonly confirmations: number
  readonly onEvent: (event: HouseEvent) => Promise<void> | void
  readonly onState: (state: HouseState) => void
}

/** Blocks that are told, and stored as told, at once. */
const STRETCH = 5_000
/** Confirmed blocks in which demands are looked for again: an RPC's index of logs may lag behind its blocks. */
const OVERLAP = 8

/**
 * Follows a house block by block: what is N confirmations deep in order, demands as soon as they are seen. Gaps show by the numbers of
 * postings and epochs, other contents by their hashes.
 */
export class Follower {
  readonly #options: FollowerOptions
  readonly #journal: HouseJournal
  readonly #houseLogs: LogReader
  readonly #courtLogs: LogReader
  readonly #courtTopic: Hex
  #cursor: Cursor | undefined
  #state: HouseState | undefined
  /** Demands already told, by block hash and index, with their block number. */
  readonly #demanded = new Map<string, number>()
  readonly #phases = new Set<'halted' | 'settled'>()
  /** Below this block nothing is told: it is read again only for what comes after. */
  #since = 0

  constructor(options: FollowerOptions) {
    const { rpc, found, store } = options
    this.#options = options
    this.#journal = new HouseJournal(store)
    this.#houseLogs = new LogReader(rpc, found.house, found.stake)
    this.#courtLogs = new LogReader(rpc, found.terms.court)
    this.#courtTopic = topicOfAddress(found.house)
  }

  get state(): HouseState | undefined {
    return this.#state
  }

  /** Takes up where an earlier run ended; `since`: tells again from this block on. */
  async start(since: number | undefined): Promise<void> {
    this.#cursor = await this.#journal.cursor()
    if (since === undefined || (this.#cursor && since >= this.#cursor.next)) return
    this.#since = since
    await this.#forget()
  }

  /** The house as it is, without following it: nothing is told. */
  async look(): Promise<HouseState> {
    const head = await this.#blockAt('latest')
    return this.#factsOf(head, await this.#confirmedBy(head))
  }

  /** Follows to the newest block. Throws when the RPC fails or contradicts itself, or when an event was not taken; call it again then. */
  async step(): Promise<Head> {
    const head = await this.#blockAt('latest')
    if (head.hash === this.#state?.latest.head.hash) return head
    const confirmed = await this.#confirmedBy(head)
    await this.#assertSameChain()
    await this.#tellDemands(head, confirmed)
    const state = await this.#factsOf(head, confirmed)
    await this.#tellUpTo(state.confirmed)
    // Asked for by their numbers: both must still be the blocks that were looked at.
    if ((await this.#blockAt(head.number)).hash !== head.hash)
      throw new RpcFailedError('eth_call', `block ${head.number} changed while it was read`)
    await this.#tellPhase(state)
    this.#state = state
    this.#options.onState(state)
    return head
  }

  #confirmedBy({ number }: Head): Promise<Head> {
    return this.#blockAt(Math.max(number - this.#options.confirmations + 1, 0))
  }

  async #factsOf(head: Head, confirmed: Head): Promise<HouseState> {
    const { reader } = this.#options
    const latest = await reader.facts(head)
    return { latest, confirmed: confirmed.number === head.number ? latest : await reader.facts(confirmed) }
  }

  async #blockAt(tag: number | 'latest'): Promise<Head> {
    const block = await this.#options.rpc.call((provider) => provider.getBlock(tag))
    if (!block?.hash) throw new RpcFailedError('eth_getBlockByNumber', `there is no block ${tag}`)
    return headOf(block)
  }

  /** What was told as confirmed must still be in the chain; else all of it is told anew. */
  async #assertSameChain(): Promise<void> {
    const { rpc, onEvent } = this.#options
    const cursor = this.#cursor
    if (!cursor) return
    const block = await rpc.call((provider) => provider.getBlock(cursor.next - 1))
    if (block?.hash === cursor.hash) return
    // A development chain can be rolled back; any other only grows.
    if (!block && !rpc.development)
      throw new RpcFailedError('eth_getBlockByNumber', `it has no block ${cursor.next - 1}, which was seen earlier`)
    await onEvent({ kind: 'rewound', block: await this.#blockAt('latest') })
    this.#since = 0
    this.#phases.clear()
    await this.#forget()
  }

  async #forget(): Promise<void> {
    this.#cursor = undefined
    await this.#journal.clear()
  }

  async #tellDemands(head: Head, confirmed: Head): Promise<void> {
    const { firstBlock } = this.#options.found
    const from = Math.max(Math.min(this.#cursor?.next ?? this.#since, confirmed.number + 1 - OVERLAP), firstBlock)
    const topics = [topicsOf('LeafDemanded', 'DebitDemanded'), this.#courtTopic]
    const blocks = new Map<string, Head>()
    for (const log of await this.#courtLogs.read(topics, from, head.number)) {
      const id = `${log.blockHash}:${log.index}`
      if (this.#demanded.has(id)) continue
      await this.#tell(await this.#placeOf(log, blocks), decodeLog(log))
      this.#demanded.set(id, log.blockNumber)
    }
    for (const [id, number] of this.#demanded) if (number < from) this.#demanded.delete(id)
  }

  async #tellUpTo(facts: HouseFacts): Promise<void> {
    const { firstBlock } = this.#options.found
    const confirmed = facts.head
    for (let from = this.#cursor?.next ?? firstBlock; from <= confirmed.number; from = this.#cursor!.next) {
      const to = Math.min(confirmed.number, from + STRETCH - 1)
      const end = to === confirmed.number ? confirmed : await this.#blockAt(to)
      await this.#tellStretch(from, end, facts)
    }
  }

  /** Everything is checked before anything is told, and stored as told only when all of it was taken. */
  async #tellStretch(from: number, end: Head, facts: HouseFacts): Promise<void> {
    const { found, reader } = this.#options
    let epoch = this.#cursor?.epoch ?? 0n
    const load = (member: Hex) => this.#journal.standing(member)
    const inbox = new Inbox(found.terms.assets.length, this.#cursor?.inbox, load)
    const blocks = new Map<string, Head>()
    const events: HouseEvent[] = []
    for (const log of await this.#logs(from, end.number)) {
      const said = decodeLog(log)
      const place = await this.#placeOf(log, blocks)
      if (said?.kind === 'posted') events.push({ ...place, kind: 'posted', ...(await inbox.take(said.told)) })
      else if (said) events.push(eventOf(place, said))
      if (said?.kind === 'committed') await this.#assertNext(said.epoch, ++epoch, facts.head)
    }
    if (inbox.changed.size > 0) await reader.checkInbox(inbox, facts.head.number)
    if (end === facts.head) assertComplete(facts, inbox.head.number, epoch)
    for (const event of events) if (event.block.number >= this.#since) await this.#options.onEvent(event)
    const cursor: Cursor = { next: end.number + 1, hash: end.hash, epoch, inbox: inbox.head }
    await this.#journal.save(cursor, inbox)
    this.#cursor = cursor
  }

  async #logs(from: number, to: number): Promise<Log[]> {
    const names = topicsOf(
      'Deposited',
      'Requested',
      'Committed',
      'Finalized',
      'Convicted',
      'Collected',
      'InsuredClaimed',
    )
    const [house, court] = await Promise.all([
      this.#houseLogs.read([names], from, to),
      this.#courtLogs.read([topicsOf('Answered'), this.#courtTopic], from, to),
    ])
    return [...house, ...court].sort((a, b) => a.blockNumber - b.blockNumber || a.index - b.index)
  }

  async #placeOf({ blockHash, blockNumber, index, transactionHash }: Log, blocks: Map<string, Head>): Promise<Place> {
    const block = blocks.get(blockHash) ?? (await this.#blockAt(blockNumber))
    if (block.hash !== blockHash)
      throw new RpcFailedError('eth_getLogs', `it shows a log of a block ${blockNumber} that is not in the chain`)
    blocks.set(blockHash, block)
    return { block, logIndex: index, transaction: transactionHash as Hex }
  }

  async #tell(place: Place, said: Said | undefined): Promise<void> {
    if (said && said.kind !== 'posted') await this.#options.onEvent(eventOf(place, said))
  }

  async #assertNext(epoch: Epoch, number: bigint, { number: block }: Head): Promise<void> {
    if (epoch.number !== number || !(await this.#options.reader.isCommitted(epoch, block)))
      throw new RpcFailedError('eth_getLogs', `epoch ${epoch.number} is not the one that the house keeps as ${number}`)
  }

  /** Told once in each run, as of the confirmed head. */
  async #tellPhase({ confirmed: { head, isRunning, isSettled } }: HouseState): Promise<void> {
    for (const [kind, isNow] of [
      ['halted', !isRunning],
      ['settled', isSettled],
    ] as const) {
      if (!isNow || this.#phases.has(kind)) continue
      await this.#options.onEvent({ kind, block: head })
      this.#phases.add(kind)
    }
  }
}

/** Counters of the house's own: what an RPC left out shows here, before it is passed over. */
function assertComplete({ postingCount, lastCommitted }: HouseFacts, posted: bigint, committed: bigint): void {
  if (posted !== postingCount) throw new RpcFailedError('eth_getLogs', `it shows ${posted} of ${postingCount} postings`)
  if (committed !== lastCommitted)
    throw new RpcFailedError('eth_getLogs', `it shows ${committed} of ${lastCommitted} commits`)
}

function eventOf(place: Place, said: Exclude<Said, { kind: 'posted' }>): HouseEvent {
  return said.kind === 'committed' ? { ...place, ...said, committedAt: place.block.timestamp } : { ...place, ...said }
}

const headOf = ({ number, hash, timestamp }: Block): Head => ({
  number,
  hash: hash as Hex,
  timestamp: BigInt(timestamp),
})
