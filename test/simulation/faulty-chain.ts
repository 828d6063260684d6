import type { ChainCall, ChainReceipt, Head, LedgerView, SendOptions, Survey } from '../../sdk/chain/chain.ts'
import { toBytes } from '../../sdk/core/bytes.ts'
import { channelIdOf, decodeChannel } from '../../sdk/core/channel.ts'
import { ZERO_HASH } from '../../sdk/core/state.ts'
import type { Address, Hex, LedgerRef } from '../../sdk/core/types.ts'
import { Refused } from '../sdk/node/model-adjudicator.ts'
import { ModelChain, ModelView } from '../sdk/node/model-chain.ts'

/** A transaction that was broadcast. */
interface Sent {
  readonly intent: string
  readonly run: () => Head
  readonly result: Promise<ChainReceipt>
  readonly resolve: (receipt: ChainReceipt) => void
  readonly reject: (error: Error) => void
  status: 'waiting' | 'mined' | 'reverted'
  /** Blocks that it is left out of. */
  delay: number
  mined: Head | undefined
}

/** What is wrong with the chain, or with everybody's sight of it. */
interface ChainFaults {
  /** Looks that come late, after newer ones. */
  late: boolean
  /** Blocks that the next transactions are left out of. */
  delay: number
}

/** Ways to break a node's dealings with the chain on purpose. */
export interface ChainMutation {
  /** Answers to challenges are never sent. */
  readonly neverAnswers?: boolean
  /** What the registry holds is not seen. */
  readonly hidesOutcomes?: boolean
  /** Secrets are not revealed. */
  readonly neverReveals?: boolean
}

/** A model chain with a pool of transactions, which blocks take late, in any order, and reorganisations give back. */
export class FaultyChain extends ModelChain {
  readonly pool: Sent[] = []
  readonly #mined: Sent[] = []
  readonly count: (what: string) => void
  readonly faults: ChainFaults = { late: false, delay: 0 }

  constructor(confirmations: number, count: (what: string) => void) {
    super(confirmations)
    this.count = count
  }

  join(sender: Address, mutation: ChainMutation = {}): FaultyView {
    return new FaultyView(this, sender, mutation)
  }

  broadcast(intent: string, run: () => Head): Sent {
    let resolve!: Sent['resolve']
    let reject!: Sent['reject']
    const result = new Promise<ChainReceipt>((yes, no) => {
      resolve = yes
      reject = no
    })
    // Whoever sent it may have died meanwhile.
    result.catch(() => {})
    const { delay } = this.faults
    if (delay > 0) this.count('transaction delayed')
    const sent: Sent = { intent, run, result, resolve, reject, status: 'waiting', delay, mined: undefined }
    this.pool.push(sent)
    return sent
  }

  /** Takes what waits into blocks; the first transaction is `first` of those that are there. */
  include(first: number): void {
    const ready = this.pool.filter((sent) => sent.delay-- <= 0)
    for (let i = 0; i < ready.length; i++) this.#run(ready[(first + i) % ready.length]!)
    this.#confirm()
  }

  #run(sent: Sent): void {
    this.pool.splice(this.pool.indexOf(sent), 1)
    try {
      sent.mined = sent.run()
      sent.status = 'mined'
      this.#mined.push(sent)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.count('transaction reverted')
      sent.status = 'reverted'
      sent.reject(error)
    }
  }

  /** What is in a block was done; whoever asks for more depth looks at confirmed views. */
  #confirm(): void {
    for (const { mined, resolve } of this.#mined)
      if (mined) resolve({ transaction: ZERO_HASH, block: mined, gasUsed: 50_000n })
    const deepest = this.final.head.number
    const shallow = this.#mined.filter(({ mined }) => mined!.number > deepest)
    this.#mined.splice(0, this.#mined.length, ...shallow)
  }

  /** Blocks disappear; what was in them waits again. */
  override reorg(depth: number): void {
    const { number } = this.tip.head
    const lost = this.#mined.filter(({ mined }) => mined!.number > number - depth)
    this.#mined.splice(0, this.#mined.length, ...this.#mined.filter((sent) => !lost.includes(sent)))
    for (const sent of lost) {
      this.count('transaction reorganised')
      sent.status = 'waiting'
      sent.delay = 0
      this.pool.push(sent)
    }
    super.reorg(depth)
  }
}

/** One node's sight of the chain: now and then it does not answer, or answers with what was true before. */
export class FaultyView extends ModelView {
  readonly #chain: FaultyChain
  readonly #mutation: ChainMutation
  readonly #sent: Map<string, Sent>
  #failures = 0
  #previous: LedgerView | undefined

  constructor(chain: FaultyChain, sender: Address, mutation: ChainMutation, sent = new Map<string, Sent>()) {
    super(chain, sender)
    this.#chain = chain
    this.#mutation = mutation
    this.#sent = sent
  }

  override again(): FaultyView {
    this.#chain.views.delete(this)
    return new FaultyView(this.#chain, this.sender, this.#mutation, this.#sent)
  }

  /** The next `count` questions fail. */
  fail(count: number): void {
    this.#failures = count
    this.onHealth(count === 0, count === 0 ? undefined : 'The RPC does not answer.')
  }

  #answer(): void {
    if (this.#failures === 0) return
    this.#failures--
    this.#chain.count('RPC error')
    if (this.#failures === 0) this.onHealth(true)
    throw new Error('The RPC does not answer.')
  }

  override async head(): Promise<Head> {
    this.#answer()
    return super.head()
  }

  override async view(ref: LedgerRef): Promise<LedgerView> {
    this.#answer()
    const previous = this.#previous
    const view = await super.view(ref)
    if (this.#chain.faults.late && previous) {
      this.#chain.count('late look')
      this.onView(previous)
    }
    this.#previous = view
    return view
  }

  override async survey(keys: readonly Hex[]): Promise<Survey> {
    this.#answer()
    const survey = await super.survey(keys)
    if (!this.#mutation.hidesOutcomes) return survey
    const none = keys.map(() => ({ value: 0n, recordedAt: 0n }))
    return { ...survey, latest: none, confirmed: none }
  }

  override async send(call: ChainCall, { intent, signal }: SendOptions): Promise<ChainReceipt> {
    this.#answer()
    if (this.#isBroken(call)) return new Promise(() => {})
    return this.#broadcast(intent, () => this.#chain.call(this.sender, call), signal)
  }

  #isBroken({ functionName, args }: ChainCall): boolean {
    const { neverAnswers, neverReveals } = this.#mutation
    if (functionName === 'reveal') return neverReveals === true
    if (functionName !== 'submit' || !neverAnswers) return false
    const [channel, asset] = args as [Hex, Address]
    const channelId = channelIdOf(this.domain, decodeChannel(toBytes(channel)))
    return this.#chain.entry({ channelId, asset }).dispute !== undefined
  }

  override async deposit(
    { channelId, asset }: LedgerRef,
    member: number,
    amount: bigint,
    { intent, signal }: SendOptions,
  ): Promise<ChainReceipt> {
    this.#answer()
    return this.#broadcast(intent, () => this.#chain.deposit({ channelId, asset }, member, amount, this.sender), signal)
  }

  #broadcast(intent: string, run: () => Head, signal?: AbortSignal): Promise<ChainReceipt> {
    const known = this.#sent.get(intent)
    const sent = known && known.status !== 'reverted' ? known : this.#chain.broadcast(intent, run)
    this.#sent.set(intent, sent)
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      sent.result.then(resolve, reject)
    })
  }
}
