import type { Block, Log } from 'ethers'
import { ledgerName } from '../core/channel.ts'
import type { Address, ChannelId, Hex, LedgerRef } from '../core/types.ts'
import type { Store } from '../storage/store.ts'
import type { ChainEvent, Head, LedgerView } from './chain.ts'
import { RpcFailedError } from './errors.ts'
import { CHANNEL_TOPICS, decodeEvent, topicOf } from './events.ts'
import { LedgerReader } from './ledger-reader.ts'
import { LogReader, type Topics } from './logs.ts'
import type { Rpc } from './rpc.ts'
import { Witnesses } from './witnesses.ts'

/** How a {@link Watcher} works. */
export interface WatcherOptions {
  readonly rpc: Rpc
  readonly adjudicator: Address
  /** Block at which the adjudicator was deployed, or any earlier one. */
  readonly firstBlock: number
  readonly store: Store
  readonly confirmations: number
  /** Other RPCs to compare with: a lie of one shows as a difference. */
  readonly witnesses: readonly Rpc[]
  readonly onView: (view: LedgerView) => void
  readonly onEvent: (event: ChainEvent) => void
  /** Asked for at each look: hears of disputes about any channel. */
  readonly onDispute: () => ((event: ChainEvent) => void) | undefined
}

interface Watched {
  readonly ledger: LedgerRef
  view?: LedgerView
  /** Read it again at every new block, until it was read at this one or a later one: up to there its confirmed side still changes. */
  readUntil: number
}

/** Blocks whose logs are read again at each new block: an RPC's index of logs may lag behind its blocks. */
const OVERLAP = 8
const REMEMBERED_BLOCKS = 1_024
/** Ledgers that are read at a new block although no event asks for it: what an RPC left out shows within a while. */
const AUDITED = 8
/** Ledgers that were never read and are taken up at once: an RPC bounds how much may be asked. */
const NEW_AT_ONCE = 256
/** Above this many ledgers the logs of all are asked for: RPCs bound the length of a filter. */
const MAX_FILTERED = 50
const CURSOR = 'chain/cursor'

/**
 * Follows the chain block by block. Words read from the adjudicator are the truth about a ledger; events say when to
 * read and what happened. A reorganisation shows as a parent that does not fit; then everything since the last common
 * block is read again.
 */
export class Watcher {
  readonly #options: WatcherOptions
  readonly #watched = new Map<string, Watched>()
  readonly #logs: LogReader
  readonly #ledgers: LedgerReader
  readonly #witnesses: Witnesses
  /** Blocks followed so far, ascending, newest last; not necessarily all of them. */
  #blocks: Head[] = []
  /** Events already told, by block hash and index, with their block number. */
  readonly #told = new Map<string, number>()
  /** Next block whose logs were never read. */
  #next: number | undefined
  /** Highest block an earlier run has seen; below it the RPC lags. */
  #seenBefore = 0
  #audited = 0
  /** The block at which everything due was read; until then a block is not done with. */
  #viewed: Hex | undefined
  #confirmed: { readonly of: Hex; readonly head: Head } | undefined

  constructor(options: WatcherOptions) {
    this.#options = options
    const { rpc, witnesses, adjudicator, firstBlock } = options
    this.#logs = new LogReader(rpc, adjudicator)
    this.#ledgers = new LedgerReader(rpc, this.#logs, adjudicator, firstBlock)
    this.#witnesses = new Witnesses(witnesses, adjudicator, firstBlock)
  }

  /** The newest block that was followed to its end. */
  get head(): Head | undefined {
    return this.#blocks.at(-1)
  }

  get logs(): LogReader {
    return this.#logs
  }

  watch(ledger: LedgerRef): void {
    const key = ledgerName(ledger)
    if (!this.#watched.has(key)) this.#watched.set(key, { ledger, readUntil: Number.POSITIVE_INFINITY })
  }

  unwatch(ledger: LedgerRef): void {
    this.#watched.delete(ledgerName(ledger))
  }

  /** Takes up where an earlier run ended. */
  async start(): Promise<void> {
    const stored = await this.#options.store.get(CURSOR)
    if (!stored) return
    const cursor = JSON.parse(new TextDecoder().decode(stored)) as { next: number; hash: Hex; seen: number }
    const block = await this.#options.rpc.call((provider) => provider.getBlock(cursor.next - 1))
    // Another block stands there: the chain was reorganised deeper than what counted as final, so all is read anew.
    this.#next = block && block.hash !== cursor.hash ? this.#options.firstBlock : cursor.next
    if (!block || block.hash === cursor.hash) this.#seenBefore = cursor.seen
  }

  /** Follows the chain to its newest block. Throws when the RPC fails or contradicts itself; call it again then. */
  async step(): Promise<Head> {
    const block = await this.#options.rpc.call((provider) => provider.getBlock('latest'))
    if (!block?.hash) throw new RpcFailedError('eth_getBlockByNumber', 'there is no newest block')
    const head = headOf(block)
    this.#assertNotBehind(head)
    if (head.hash !== this.head?.hash) await this.#advance(head, block.parentHash as Hex)
    await this.#witnesses.compareBlocks(head, await this.#confirmedHead(head))
    await this.#readViews(head, head.hash !== this.#viewed)
    this.#viewed = head.hash
    return head
  }

  /** Money that a newer block has taken away would count again. */
  #assertNotBehind({ number }: Head): void {
    if (number < this.#seenBefore)
      throw new RpcFailedError(
        'eth_getBlockByNumber',
        `it is at block ${number}, before block ${this.#seenBefore} seen earlier`,
      )
  }

  /** A ledger at both depths now, watched or not. */
  async view(ledger: LedgerRef): Promise<LedgerView> {
    const block = await this.#options.rpc.call((provider) => provider.getBlock('latest'))
    const head = headOf(block!)
    this.#assertNotBehind(head)
    const confirmedHead = await this.#confirmedHead(head)
    await this.#witnesses.compareBlocks(head, confirmedHead)
    return this.#look(ledger, head, confirmedHead)
  }

  /** A ledger as the RPC tells it and no witness denies. */
  async #look(ledger: LedgerRef, head: Head, confirmedHead: Head): Promise<LedgerView> {
    const view = await this.#ledgers.read(ledger, head, confirmedHead)
    await this.#witnesses.compareLedger(ledger, view)
    return view
  }

  /** The newest block that was followed, and the newest that counts as final. */
  async heads(): Promise<{ readonly head: Head; readonly confirmedHead: Head }> {
    const head = this.head ?? (await this.step())
    return { head, confirmedHead: await this.#confirmedHead(head) }
  }

  /** All events of a channel from the beginning, read anew. */
  async channelHistory(channelId: ChannelId): Promise<ChainEvent[]> {
    const { rpc, firstBlock } = this.#options
    const latest = await rpc.call((provider) => provider.getBlockNumber())
    return this.#decode(await this.#logs.read([CHANNEL_TOPICS, channelId], firstBlock, latest))
  }

  /** The newest block that counts as final when `head` is the newest at all. */
  async #confirmedHead(head: Head): Promise<Head> {
    const depth = this.#options.confirmations - 1
    if (depth === 0) return head
    if (this.#confirmed?.of === head.hash) return this.#confirmed.head
    const number = Math.max(head.number - depth, 0)
    const block = await this.#options.rpc.call((provider) => provider.getBlock(number))
    if (!block) throw new RpcFailedError('eth_getBlockByNumber', `block ${number} is missing`)
    this.#confirmed = { of: head.hash, head: headOf(block) }
    return this.#confirmed.head
  }

  async #advance(head: Head, parent: Hex): Promise<void> {
    const common = await this.#commonBlock(head, parent)
    const reorganised = common !== this.head
    const base = common?.number ?? this.#options.firstBlock - 1
    const overlap = Math.max(OVERLAP, this.#options.confirmations)
    const from = reorganised && this.head ? base + 1 : (this.#next ?? head.number) - overlap
    const events = await this.#decode(await this.#read(Math.max(from, this.#options.firstBlock, 0), head.number))
    const kept = this.#blocks.filter(({ number }) => number <= base && number < head.number)
    this.#blocks = [...kept, head].slice(-REMEMBERED_BLOCKS)
    // What a removed block changed is unknown until every ledger was read again.
    if (reorganised) for (const watched of this.#watched.values()) watched.readUntil = Number.POSITIVE_INFINITY
    for (const event of events) this.#tell(event, head)
    await this.#remember(head)
  }

  /** The newest followed block that is still in the chain of `head`. */
  async #commonBlock(head: Head, parent: Hex): Promise<Head | undefined> {
    const last = this.head
    if (!last || last.hash === parent) return last
    for (const known of this.#blocks.toReversed()) {
      if (known.hash === head.hash) return this.#wentBack(known)
      if (known.number >= head.number) continue
      const block = await this.#options.rpc.call((provider) => provider.getBlock(known.number))
      if (block?.hash === known.hash) return known
    }
    return undefined
  }

  /** A development chain can be rolled back; any other only grows, so an old newest block means that the RPC lags. */
  #wentBack(known: Head): Head {
    if (this.#options.rpc.development) return known
    throw new RpcFailedError('eth_getBlockByNumber', `it went back to block ${known.number}`)
  }

  async #read(from: number, to: number): Promise<Log[]> {
    const channels = [...new Set([...this.#watched.values()].map(({ ledger }) => ledger.channelId))]
    const isAll = channels.length > MAX_FILTERED
    const topics: Topics = isAll ? [CHANNEL_TOPICS] : [CHANNEL_TOPICS, channels]
    const logs = channels.length === 0 ? [] : await this.#logs.read(topics, from, to)
    if (isAll || !this.#options.onDispute()) return logs
    return [...logs, ...(await this.#logs.read([topicOf('Challenged')], from, to))]
  }

  /** Decodes logs and looks up their blocks: a log of a block that is not in the chain is dropped. */
  async #decode(logs: readonly Log[]): Promise<ChainEvent[]> {
    const blocks = new Map<string, Head | undefined>()
    const events: ChainEvent[] = []
    for (const log of logs) {
      if (!blocks.has(log.blockHash)) {
        const block = await this.#options.rpc.call((provider) => provider.getBlock(log.blockNumber))
        blocks.set(log.blockHash, block?.hash === log.blockHash ? headOf(block) : undefined)
      }
      const block = blocks.get(log.blockHash)
      const event = block && decodeEvent(log, block)
      if (event) events.push(event)
    }
    return events
  }

  #tell(event: ChainEvent, head: Head): void {
    const id = `${event.block.hash}:${event.logIndex}`
    if (this.#told.has(id)) return
    this.#told.set(id, event.block.number)
    let told = false
    for (const watched of this.#watched.values()) {
      if (watched.ledger.channelId !== event.channelId) continue
      if (event.kind !== 'announced' && watched.ledger.asset !== event.asset) continue
      watched.readUntil = Math.max(watched.readUntil, head.number, event.block.number + this.#options.confirmations - 1)
      told = true
    }
    const onDispute = event.kind === 'challenged' ? this.#options.onDispute() : undefined
    if (event.kind === 'challenged' && told) this.#ledgers.remember(event.args.base as bigint[])
    onDispute?.(event)
    if (told) this.#options.onEvent(event)
  }

  /** Reads what may have changed, and a few ledgers more in turn. */
  async #readViews(head: Head, fresh: boolean): Promise<void> {
    const watched = [...this.#watched.values()]
    // By the last block at which it was read: blocks may come faster than looks, and a look may fail.
    const isDue = ({ view, readUntil }: Watched) =>
      view && ((fresh && readUntil > view.head.number) || readUntil === Number.POSITIVE_INFINITY)
    const unread = watched.filter(({ view }) => !view).slice(0, NEW_AT_ONCE)
    const due = new Set([...watched.filter(isDue), ...unread])
    const audited = fresh ? Math.min(AUDITED, watched.length) : 0
    for (let i = 0; i < audited; i++) due.add(watched[this.#audited++ % watched.length]!)
    if (due.size === 0) return
    const confirmedHead = await this.#confirmedHead(head)
    const reads = [...due].map(({ ledger }) => this.#look(ledger, head, confirmedHead))
    const views = await Promise.allSettled(reads)
    const block = await this.#options.rpc.call((provider) => provider.getBlock(head.number))
    if (block?.hash !== head.hash)
      throw new RpcFailedError('eth_call', `block ${head.number} changed while it was read`)
    // What could be read is told, whatever the RPC says about other ledgers: it may be a dispute.
    for (const [index, entry] of [...due].entries()) {
      const view = views[index]!
      if (view.status === 'fulfilled') this.#show(entry, view.value)
    }
    const failed = views.find((view) => view.status === 'rejected')
    if (failed) throw failed.reason
  }

  #show(watched: Watched, view: LedgerView): void {
    const before = watched.view
    const missed = before && watched.readUntil <= before.head.number && !isSame(before, view)
    watched.view = view
    if (watched.readUntil === Number.POSITIVE_INFINITY)
      watched.readUntil = view.head.number + this.#options.confirmations - 1
    // It changed and no event told: the logs since the last look are read again.
    if (missed) this.#next = Math.min(this.#next ?? view.head.number, before.head.number)
    if (!this.#watched.has(ledgerName(view))) return
    if (!before || !isSame(before, view)) this.#options.onView(view)
  }

  async #remember(head: Head): Promise<void> {
    this.#next = head.number + 1
    this.#seenBefore = Math.max(this.#seenBefore, this.#options.rpc.development ? 0 : head.number)
    for (const [id, number] of this.#told) if (number < head.number - REMEMBERED_BLOCKS) this.#told.delete(id)
    const { number, hash } = await this.#confirmedHead(head)
    const value = new TextEncoder().encode(JSON.stringify({ next: number + 1, hash, seen: this.#seenBefore }))
    await this.#options.store.commit([{ key: CURSOR, value }])
  }
}

const headOf = ({ number, hash, timestamp }: Block): Head => ({
  number,
  hash: hash as Hex,
  timestamp: BigInt(timestamp),
})

/** Whether two views say the same about the ledger, whatever block they were taken at. */
function isSame(a: LedgerView, b: LedgerView): boolean {
  const said = ({ head: _, confirmedHead: __, ...rest }: LedgerView) =>
    JSON.stringify(rest, (_, value) => (typeof value === 'bigint' ? `${value}` : value))
  return said(a) === said(b)
}
