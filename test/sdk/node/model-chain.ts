import type {
  Chain,
  ChainCall,
  ChainEvent,
  ChainReceipt,
  Head,
  LedgerView,
  SendOptions,
  Survey,
} from '../../../sdk/chain/chain.ts'
import { fromUint, toBytes, toHex } from '../../../sdk/core/bytes.ts'
import { channelIdOf, decodeChannel, ledgerIdOf } from '../../../sdk/core/channel.ts'
import { type Outcome, secretKey, WHOLE } from '../../../sdk/core/outcome.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import { type Address, COIN, type Domain, type Hex, type LedgerRef } from '../../../sdk/core/types.ts'
import { credit, type Done, type Entry, freshEntry, judge, Refused, wordOf } from './model-adjudicator.ts'

interface Block {
  readonly head: Head
  readonly entries: ReadonlyMap<string, Entry>
  /** What members were paid, by owner and asset. */
  readonly paid: ReadonlyMap<string, bigint>
  /** What members paid in, by channel and member. */
  readonly paidIn: ReadonlyMap<string, bigint>
  /** What the registry holds. */
  readonly outcomes: ReadonlyMap<Hex, Outcome>
  /** What the adjudicator said in this block. */
  readonly events: readonly ChainEvent[]
}
type Books = Omit<Block, 'head'>

/** A call that reached the model: where, by whom, and what came of it. */
export interface Traced {
  readonly now: bigint
  readonly sender: Address
  /** A packed call, or a deposit of coins. */
  readonly call: ChainCall | { readonly member: number; readonly amount: bigint }
  /** The adjudicator's error, or undefined: done. */
  readonly refused: string | undefined
  readonly after: Entry
  /** What each owner was ever paid. */
  readonly paid: ReadonlyMap<string, bigint>
}

/**
 * A chain of blocks with the adjudicator's rules for two members, in memory. Time stands still until `advance`.
 * Tests of the node that need no real chain run on it; test/scenarios run the same on the contract.
 */
export class ModelChain {
  readonly domain: Domain
  readonly confirmations: number
  /** Every call, refused ones too, oldest first. */
  readonly trace: Traced[] = []
  readonly views = new Set<ModelView>()
  /** What was ever paid in, by member. */
  readonly deposits: [bigint, bigint] = [0n, 0n]
  #blocks: Block[] = [{ head: headOf(0, 1_800_000_000n, 0), ...EMPTY }]
  #fork = 0

  constructor(confirmations = 1, domain: Domain = { chainId: 31337n, adjudicator: `0x${'ad'.repeat(20)}` }) {
    this.confirmations = confirmations
    this.domain = domain
  }

  /** A node's own connection to this chain. */
  connect(sender: Address): ModelView {
    return new ModelView(this, sender)
  }

  get tip(): Block {
    return this.#blocks.at(-1)!
  }

  get final(): Block {
    return this.#blocks[Math.max(0, this.#blocks.length - this.confirmations)]!
  }

  paidTo(owner: Address, asset: Address = COIN): bigint {
    return this.tip.paid.get(`${owner}/${asset}`) ?? 0n
  }

  /** Mines empty blocks; the first one `seconds` later. */
  advance(seconds: bigint, blocks = this.confirmations): void {
    this.#mine({}, seconds)
    for (let i = 1; i < blocks; i++) this.#mine({}, 1n)
  }

  /** Removes the newest blocks and mines as many empty ones in their place. */
  reorg(depth: number): void {
    this.#blocks = this.#blocks.slice(0, -depth)
    this.#fork++
    for (let i = 0; i <= depth; i++) this.#mine({}, 1n)
  }

  #mine(changed: Partial<Books>, seconds: bigint): Head {
    const { head, ...books } = this.tip
    const next = headOf(head.number + 1, head.timestamp + seconds, this.#fork)
    this.#blocks.push({ ...books, events: [], ...changed, head: next })
    for (const view of this.views) view.changed()
    return next
  }

  /** Every event of a ledger, oldest first. */
  history(ref: LedgerRef): ChainEvent[] {
    const of = ({ channelId, asset }: ChainEvent) => channelId === ref.channelId && asset === ref.asset
    return this.#blocks.flatMap(({ events }) => events.filter(of))
  }

  outcomes(keys: readonly Hex[], { outcomes }: Block = this.tip): Outcome[] {
    return keys.map((key) => outcomes.get(key) ?? { value: 0n, recordedAt: 0n })
  }

  entry(ref: LedgerRef, { entries }: Block = this.tip): Entry {
    return entries.get(ledgerIdOf(ref)) ?? freshEntry(ref)
  }

  viewOf(ref: LedgerRef): LedgerView {
    const [latest, confirmed] = [this.entry(ref), this.entry(ref, this.final)]
    return {
      ...ref,
      head: this.tip.head,
      confirmedHead: this.final.head,
      latest: wordOf(latest),
      confirmed: wordOf(confirmed),
      latestBalances: latest.balances,
      confirmedBalances: confirmed.balances,
      base: latest.dispute?.base ?? [],
      lanes: latest.lanes,
    }
  }

  deposit(ref: LedgerRef, member: number, amount: bigint, sender: Address = COIN): Head {
    const entry = this.entry(ref)
    const paidIn = new Map(this.tip.paidIn)
    return this.#run({ sender, call: { member, amount } }, entry, { paidIn }, () => {
      const next = credit(entry, member, amount)
      this.deposits[member as 0 | 1] += amount
      const key = `${ref.channelId}/${member}`
      paidIn.set(key, (paidIn.get(key) ?? 0n) + amount)
      return { entry: next, payouts: [] }
    })
  }

  call(sender: Address, call: ChainCall): Head {
    if (call.to === 'registry') return this.#reveal(call.args[0] as Hex)
    const [channel, asset, ...rest] = call.args as [Hex, Address, ...unknown[]]
    const packed = rest.at(-1) as Hex
    const { domain } = this
    const entry = this.entry({ channelId: channelIdOf(domain, decodeChannel(toBytes(channel))), asset })
    const outcomes = (key: Hex) => this.tip.outcomes.get(key)
    const generation = call.functionName === 'redeem' ? Number(rest[0]) : entry.generation
    return this.#run({ sender, call }, entry, {}, (now) =>
      judge(call.functionName, channel, packed, { domain, sender, now, entry, outcomes, generation }),
    )
  }

  #reveal(secret: Hex): Head {
    const key = secretKey({ chainId: this.domain.chainId, condition: REGISTRY }, toBytes(secret))
    const { outcomes, head } = this.tip
    const recorded = outcomes.get(key) ?? { value: WHOLE, recordedAt: head.timestamp + 1n }
    return this.#mine({ outcomes: new Map(outcomes).set(key, recorded) }, 1n)
  }

  #run(what: Pick<Traced, 'sender' | 'call'>, before: Entry, books: Partial<Books>, run: (now: bigint) => Done): Head {
    const now = this.tip.head.timestamp + 1n
    try {
      const { entry, payouts, told = [] } = run(now)
      const paid = new Map(this.tip.paid)
      for (const { to, amount } of payouts) {
        const key = `${to}/${entry.ref.asset}`
        paid.set(key, (paid.get(key) ?? 0n) + amount)
      }
      this.trace.push({ ...what, now, refused: undefined, after: entry, paid })
      const entries = new Map(this.tip.entries).set(ledgerIdOf(entry.ref), entry)
      const transaction = toHex(fromUint(BigInt(this.trace.length), 32))
      const block = headOf(this.tip.head.number + 1, now, this.#fork)
      const events = told.map((one, logIndex) => ({ ...entry.ref, word: 0n, ...one, block, logIndex, transaction }))
      return this.#mine({ ...books, entries, paid, events }, 1n)
    } catch (error) {
      if (error instanceof Refused)
        this.trace.push({ ...what, now, refused: error.name, after: before, paid: this.tip.paid })
      throw error
    }
  }
}

/** One node's connection: the chain port. */
export class ModelView implements Chain {
  readonly domain: Domain
  readonly sender: Address
  onView: (view: LedgerView) => void = () => {}
  onEvent: (event: ChainEvent) => void = () => {}
  onHealth: (healthy: boolean, reason?: string) => void = () => {}
  onAlarm: (error: Error) => void = () => {}
  readonly #chain: ModelChain
  readonly #watched = new Map<string, LedgerRef>()
  /** What was sent, as the adapter's journal would remember across restarts. */
  readonly #sent: Map<string, ChainReceipt>
  /** Blocks transactions of this node, as an RPC that is down would. */
  silent = false

  constructor(chain: ModelChain, sender: Address, sent = new Map<string, ChainReceipt>()) {
    this.#chain = chain
    this.domain = chain.domain
    this.sender = sender
    this.#sent = sent
  }

  /** The same account after a restart of its node. */
  again(): ModelView {
    this.#chain.views.delete(this)
    return new ModelView(this.#chain, this.sender, this.#sent)
  }

  changed(): void {
    for (const ref of this.#watched.values()) this.onView(this.#chain.viewOf(ref))
  }

  async head(): Promise<Head> {
    return this.#chain.tip.head
  }

  watch(ledger: LedgerRef): void {
    this.#watched.set(ledgerIdOf(ledger), { channelId: ledger.channelId, asset: ledger.asset })
  }

  unwatch(ledger: LedgerRef): void {
    this.#watched.delete(ledgerIdOf(ledger))
  }

  async view({ channelId, asset }: LedgerRef): Promise<LedgerView> {
    if (this.silent) throw new Error('The model chain does not answer.')
    return this.#chain.viewOf({ channelId, asset })
  }

  async send(call: ChainCall, { intent }: SendOptions): Promise<ChainReceipt> {
    if (this.silent) throw new Error('The model chain does not answer.')
    return this.#once(intent, () => this.#chain.call(this.sender, call))
  }

  async deposit(ledger: LedgerRef, member: number, amount: bigint, { intent }: SendOptions): Promise<ChainReceipt> {
    const { channelId, asset } = ledger
    return this.#once(intent, () => this.#chain.deposit({ channelId, asset }, member, amount, this.sender))
  }

  signDeposit = (): Promise<never> => this.#noTokens()
  relayDeposit = (): Promise<never> => this.#noTokens()
  depositAddress = (): Promise<never> => this.#noTokens()
  collect = (): Promise<never> => this.#noTokens()

  async #noTokens(): Promise<never> {
    throw new Error('The model chain knows no tokens and no deposit addresses.')
  }

  #once(intent: string, run: () => Head): ChainReceipt {
    const known = this.#sent.get(intent)
    if (known) return known
    const receipt = { transaction: ZERO_HASH, block: run(), gasUsed: 50_000n }
    this.#sent.set(intent, receipt)
    return receipt
  }

  balance = async (): Promise<bigint> => 10n ** 24n
  gasPrice = async (): Promise<bigint> => 10n ** 9n
  claimable = async (): Promise<bigint> => 0n
  secretOf: Chain['secretOf'] = async () => undefined
  isSignedBy = async (): Promise<boolean> => false
  registry: Address = REGISTRY
  async survey(keys: readonly Hex[]): Promise<Survey> {
    const { tip, final } = this.#chain
    const [latest, confirmed] = [this.#chain.outcomes(keys), this.#chain.outcomes(keys, final)]
    return { head: tip.head, confirmedHead: final.head, latest, confirmed }
  }
  outcomes = async (keys: readonly Hex[]): Promise<readonly Outcome[]> => this.#chain.outcomes(keys, this.#chain.final)
  history = async (ref: LedgerRef): Promise<readonly ChainEvent[]> => this.#chain.history(ref)
  announced = async (): Promise<readonly []> => []

  async start(): Promise<void> {
    this.#chain.views.add(this)
  }

  async stop(): Promise<void> {
    this.#chain.views.delete(this)
  }
}

const REGISTRY: Address = `0x${'4e'.repeat(20)}`
const EMPTY: Books = { entries: new Map(), paid: new Map(), paidIn: new Map(), outcomes: new Map(), events: [] }

const headOf = (number: number, timestamp: bigint, fork: number): Head => ({
  number,
  timestamp,
  hash: `0x${fork.toString(16).padStart(32, '0')}${number.toString(16).padStart(32, '0')}`,
})
