import type { ChainCall, ChainEvent, ChainReceipt, DisputeFeed, SendOptions } from '../../../sdk/chain/chain.ts'
import { channelIdOf, ledgerIdOf } from '../../../sdk/core/channel.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import type { Address, Channel, LedgerRef } from '../../../sdk/core/types.ts'
import { encodeWord } from '../../../sdk/core/word.ts'
import type { Clock } from '../../../sdk/watchtower/clock.ts'
import { type ModelChain, ModelView } from '../node/model-chain.ts'

/** A tower's connection to a chain in memory: the port, the feed of disputes, and everything it sent. */
export class TowerView extends ModelView implements DisputeFeed {
  readonly #chain: ModelChain
  readonly #told = new Set<string>()
  /** Channels that transactions showed. */
  readonly shown = new Map<string, Channel>()
  readonly sent: { readonly call: ChainCall; readonly options: SendOptions }[] = []
  /** Each send fails with it. */
  failure: Error | undefined
  onDispute: ((event: ChainEvent) => void) | undefined
  traces = true

  constructor(chain: ModelChain, sender: Address) {
    super(chain, sender)
    this.#chain = chain
  }

  show(channel: Channel): void {
    this.shown.set(channelIdOf(this.domain, channel), channel)
  }

  override changed(): void {
    const { entries, head } = this.#chain.tip
    for (const { ref, dispute } of entries.values()) {
      const id = `${ledgerIdOf(ref)}/${dispute?.expiry}`
      if (!dispute || this.#told.has(id)) continue
      this.#told.add(id)
      const word = encodeWord(this.#chain.viewOf(ref).latest)
      const about = { ...ref, word, block: head, logIndex: 0, transaction: ZERO_HASH }
      this.onDispute?.({ kind: 'challenged', ...about, args: { base: dispute.base } })
    }
    super.changed()
  }

  override async start(): Promise<void> {
    await super.start()
    this.changed()
  }

  override async send(call: ChainCall, options: SendOptions): Promise<ChainReceipt> {
    this.sent.push({ call, options })
    if (this.failure) throw this.failure
    return super.send(call, options)
  }

  async channelOf({ channelId }: Pick<LedgerRef, 'channelId'>): Promise<Channel | undefined> {
    return this.shown.get(channelId)
  }

  async canTrace(): Promise<boolean> {
    return this.traces
  }
}

/** A clock that stands still until it is told. */
export class HandClock implements Clock {
  #elapsed = 0
  readonly #tasks = new Set<() => void>()
  /** Milliseconds since 1970 at the start. */
  round = 1_800_000_000_000

  now = (): number => this.round + this.#elapsed
  elapsed = (): number => this.#elapsed

  every(_interval: number, task: () => void): () => void {
    this.#tasks.add(task)
    return () => void this.#tasks.delete(task)
  }

  /** Lets time pass, and every task run once at its end. */
  pass(ms: number): void {
    this.#elapsed += ms
    for (const task of [...this.#tasks]) task()
  }
}
