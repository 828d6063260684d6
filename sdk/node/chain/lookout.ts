import type { LedgerView } from '../../chain/chain.ts'
import type { Address, Channel, ChannelId } from '../../core/types.ts'
import type { ChainFacts } from '../../protocols/ledger.ts'
import { onAbort } from '../abort.ts'
import type { Engine } from '../engine.ts'
import { GroupSlot } from '../groups/group-slot.ts'
import { type Followed, Slot } from '../ledgers/slot.ts'

/** Views in a row that may be older than the newest one and are left aside. */
const LATE_VIEWS = 3

/** Follows what the chain says, for the ledgers and for those who wait for it. */
export class Lookout {
  readonly #engine: Engine
  /** The view of the chain is fresh. */
  fresh = false
  #ticks = 0
  /** Rejections of those who wait. */
  readonly #waiting = new Set<(error: unknown) => void>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Starts to follow the chain: ledgers with states first, so that nobody's empty ones hold up an answer. */
  async start(): Promise<void> {
    const { options, book, emitter, desk, groups } = this.#engine
    const { chain } = options
    chain.onView = (view) => {
      const ledger = book.slot(view) ?? groups.slot(view)
      if (ledger) this.observe(ledger, view)
    }
    chain.onHealth = (healthy, reason) => this.healthy(healthy, reason)
    chain.onAlarm = (error) => emitter.emit({ kind: 'alarm', error })
    const slots = [...book.slots]
    const [first, rest]: [Followed[], Slot[]] = [
      [...slots.filter(hasStates), ...groups.slots],
      slots.filter((slot) => !hasStates(slot)),
    ]
    for (const { ledger } of first) chain.watch(ledger)
    await chain.start()
    this.healthy(true, undefined)
    await Promise.all(first.map((slot) => desk.refresh(slot)))
    for (const { ledger } of rest) chain.watch(ledger)
    await Promise.all(rest.map((slot) => desk.refresh(slot)))
  }

  /** A new view of a ledger. */
  observe(slot: Followed, facts: ChainFacts): void {
    if (this.#engine.halted) return
    const before = slot.ledger.facts
    // Looks overlap, so an older one may arrive late. One that insists is a chain that was rolled back.
    const isLate = before !== undefined && facts.head.number < before.head.number
    slot.lateViews = isLate ? slot.lateViews + 1 : 0
    if (isLate && slot.lateViews <= LATE_VIEWS) return
    slot.lateViews = 0
    if (slot instanceof Slot) this.#engine.dispatch(slot, { kind: 'facts', facts })
    else if (slot instanceof GroupSlot) this.#engine.groups.observe(slot, facts)
    this.#engine.news.observed(slot, before, facts)
    for (const watcher of slot.watchers) watcher(facts)
  }

  /** The view of the chain became stale or fresh. */
  healthy(fresh: boolean, reason: string | undefined): void {
    if (this.#engine.halted || this.fresh === fresh) return
    this.fresh = fresh
    for (const slot of this.#engine.book.slots) this.#engine.dispatch(slot, { kind: 'fresh', fresh })
    this.#engine.groups.fresh(fresh)
    this.#engine.emitter.emit({ kind: 'chain', healthy: fresh, reason })
  }

  /** Takes a new look at ledgers for which time matters. */
  tick(): void {
    this.#ticks++
    for (const slot of this.#engine.book.slots) if (waitsForTime(slot)) void this.#engine.desk.refresh(slot)
  }

  /** Waits for a view that satisfies `isDone`. */
  async until(slot: Followed, isDone: (facts: ChainFacts) => boolean, signal?: AbortSignal): Promise<void> {
    this.#engine.assertRunning()
    signal?.throwIfAborted()
    if (slot.ledger.facts && isDone(slot.ledger.facts)) return
    await new Promise<void>((resolve, reject) => {
      const settle = (outcome: () => void) => {
        slot.watchers.delete(watcher)
        this.#waiting.delete(fail)
        forget()
        outcome()
      }
      const watcher = (facts: ChainFacts) => {
        if (isDone(facts)) settle(resolve)
      }
      const fail = (error: unknown) => settle(() => reject(error))
      const forget = onAbort(signal, fail)
      slot.watchers.add(watcher)
      this.#waiting.add(fail)
    })
  }

  /** Waits for the next look after a tick, or for news before it. */
  async pause(slot: Followed, signal?: AbortSignal): Promise<void> {
    const { facts } = slot.ledger
    const ticks = this.#ticks
    await this.until(slot, (seen) => seen !== facts || this.#ticks !== ticks, signal)
  }

  /** Starts a dispute and waits until it runs. */
  async dispute(slot: Slot, signal?: AbortSignal): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      slot.onDisputeFailed = reject
    })
    try {
      this.#engine.dispatch(slot, { kind: 'dispute' })
      const { generation } = slot.ledger
      const runs = ({ latest }: ChainFacts) => latest.phase === 'disputed' || latest.generation > generation
      await Promise.race([failed, this.until(slot, runs, signal)])
    } finally {
      slot.onDisputeFailed = undefined
    }
  }

  /** Takes a channel that only the chain remembers to work, with those of `assets` that were ever used in it; false: none that is new here. */
  async restore(channelId: ChannelId, channel: Channel, assets: readonly Address[]): Promise<boolean> {
    const { book, options, emitter } = this.#engine
    const unknown = assets.filter((asset) => !book.slot({ channelId, asset }))
    const views = await Promise.all(unknown.map((asset) => options.chain.view({ channelId, asset })))
    const found = views.filter(wasUsed).map(({ asset }) => asset)
    if (found.length === 0) return false
    const entry = book.enter(channelId, channel, undefined)
    await new Promise<void>((resolve) => this.#engine.addLedgers(entry, found, found, resolve))
    emitter.emit({ kind: 'opened', channelId, peer: entry.peer, assets: found })
    return true
  }

  stop(error: Error): void {
    for (const fail of this.#waiting) fail(error)
  }
}

export const wasUsed = ({ latest, latestBalances }: LedgerView): boolean =>
  latest.generation > 0 || latest.phase !== 'open' || latestBalances.some((balance) => balance !== 0n)

/** Whether there is anything to answer a challenge with, or to wait for. */
const hasStates = ({ ledger: { own, peer, inFlight } }: Slot): boolean =>
  own.newest.version > 0n || peer.newest.version > 0n || inFlight !== undefined

/** Views come when something changes; a withdrawal or dispute also has to hear that time has passed. */
function waitsForTime({ ledger, watchers }: Slot): boolean {
  const { facts, inFlight } = ledger
  if (!facts || inFlight || watchers.size > 0) return true
  return facts.latest.phase === 'disputed' || facts.latest.generation !== ledger.generation
}
