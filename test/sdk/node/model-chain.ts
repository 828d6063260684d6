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
import { toBytes } from '../../../sdk/core/bytes.ts'
import { channelIdOf, decodeChannel, ledgerIdOf } from '../../../sdk/core/channel.ts'
import { Reader } from '../../../sdk/core/codec.ts'
import { laneWordOf, stateDigest, ZERO_HASH } from '../../../sdk/core/state.ts'
import {
  type Address,
  type Channel,
  COIN,
  type Domain,
  type Hex,
  type LedgerRef,
  type LedgerWord,
  type State,
  type Withdrawal,
} from '../../../sdk/core/types.ts'
import { withdrawalDigest } from '../../../sdk/core/withdrawal.ts'
import { commitmentOf, encodeWord } from '../../../sdk/core/word.ts'
import { verifySignature } from '../../../sdk/signing/signature.ts'

/** One ledger as the adjudicator keeps it. */
interface Entry {
  readonly ref: LedgerRef
  readonly generation: number
  readonly seq: number
  readonly balances: readonly [bigint, bigint]
  readonly dispute: { readonly expiry: bigint; readonly base: readonly bigint[] } | undefined
  readonly lanes: readonly [bigint, bigint]
}

interface Block {
  readonly head: Head
  readonly entries: ReadonlyMap<string, Entry>
  /** What members were paid, by owner and asset. */
  readonly paid: ReadonlyMap<string, bigint>
}

class Reverted extends Error {}

function require(condition: unknown, fact: string): asserts condition {
  if (!condition) throw new Reverted(fact)
}

/**
 * A chain of blocks with the adjudicator's rules for two members, in memory: the same words, signatures and packed calls
 * as the contract, without an EVM. Time stands still until `advance`. Tests of the node that need no real chain run on it;
 * test/scenarios run the same on the contract.
 */
export class ModelChain {
  readonly domain: Domain = { chainId: 31337n, adjudicator: `0x${'ad'.repeat(20)}` }
  readonly confirmations: number
  readonly views = new Set<ModelView>()
  /** What was ever paid in, by member. */
  readonly deposits: [bigint, bigint] = [0n, 0n]
  #blocks: Block[] = [{ head: headOf(0, 1_800_000_000n, 0), entries: new Map(), paid: new Map() }]
  #fork = 0

  constructor(confirmations = 1) {
    this.confirmations = confirmations
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
    this.#mine(this.tip.entries, this.tip.paid, seconds)
    for (let i = 1; i < blocks; i++) this.#mine(this.tip.entries, this.tip.paid, 1n)
  }

  /** Removes the newest blocks and mines as many empty ones in their place. */
  reorg(depth: number): void {
    this.#blocks = this.#blocks.slice(0, -depth)
    this.#fork++
    for (let i = 0; i <= depth; i++) this.#mine(this.tip.entries, this.tip.paid, 1n)
  }

  #mine(entries: Block['entries'], paid: Block['paid'], seconds: bigint): Head {
    const { head } = this.tip
    const next = headOf(head.number + 1, head.timestamp + seconds, this.#fork)
    this.#blocks.push({ head: next, entries, paid })
    for (const view of this.views) view.changed()
    return next
  }

  entry(ref: LedgerRef, { entries }: Block = this.tip): Entry {
    const fresh: Entry = { ref, generation: 0, seq: 0, balances: [0n, 0n], dispute: undefined, lanes: [0n, 0n] }
    return entries.get(ledgerIdOf(ref)) ?? fresh
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

  deposit(ref: LedgerRef, member: number, amount: bigint): Head {
    const entry = this.entry(ref)
    require(!entry.dispute, 'DepositRefused')
    this.deposits[member as 0 | 1] += amount
    return this.#write({ ...entry, balances: add(entry.balances, member, amount) })
  }

  #write(entry: Entry, paid: Block['paid'] = this.tip.paid): Head {
    return this.#mine(new Map(this.tip.entries).set(ledgerIdOf(entry.ref), entry), paid, 1n)
  }

  #pay(paid: Map<string, bigint>, to: Address, asset: Address, amount: bigint): void {
    const key = `${to}/${asset}`
    paid.set(key, (paid.get(key) ?? 0n) + amount)
  }

  call(sender: Address, { functionName, args }: ChainCall): Head {
    const channel = decodeChannel(toBytes(args[0] as Hex))
    const ref = { channelId: channelIdOf(this.domain, channel), asset: args[1] as Address }
    const reader = new Reader(toBytes(args[2] as Hex))
    if (functionName === 'withdraw') return this.#withdraw(sender, channel, ref, reader)
    if (functionName === 'submit') return this.#submit(sender, channel, ref, reader)
    require(functionName === 'settle', `no function ${functionName}`)
    return this.#settle(channel, ref, reader)
  }

  #withdraw(sender: Address, channel: Channel, ref: LedgerRef, reader: Reader): Head {
    const entry = this.entry(ref)
    const closing = reader.bool()
    const head = { seq: reader.u16(), validUntil: reader.u64(), dispute: reader.u64() }
    const parts = Array.from({ length: reader.u8() }, () => {
      const [member, amount, kind] = [reader.u8(), BigInt(reader.hex(14)), reader.u8()]
      const to = kind === 1 ? reader.hex(20) : COIN
      const [toChannel, toMember] = kind === 2 ? [reader.hex(32), reader.u8()] : [ZERO_HASH, 0]
      return { member, amount, to, toChannel, toMember }
    })
    const withdrawal: Withdrawal = { ...ref, generation: entry.generation, ...head, parts, closing }
    requireConsent(sender, channel, withdrawalDigest(this.domain, withdrawal), reader)
    require(!entry.dispute && head.dispute === 0n, 'WrongDispute')
    require(head.seq === entry.seq, 'WrongSeq')
    require(this.tip.head.timestamp + 1n <= head.validUntil, 'Expired')
    let { balances } = entry
    const paid = new Map(this.tip.paid)
    for (const { member, amount, to } of parts) {
      balances = add(balances, member, -amount)
      this.#pay(paid, to === COIN ? channel.members[member]!.owner : to, ref.asset, amount)
    }
    const left = balances[0] + balances[1]
    require(closing ? left === 0n : left >= 0n, closing ? 'NotZero' : 'Overdrawn')
    const next = closing
      ? { ...entry, generation: entry.generation + 1, seq: 0, balances: [0n, 0n] as const, lanes: [0n, 0n] as const }
      : { ...entry, seq: entry.seq + 1, balances }
    return this.#write(next, paid)
  }

  #submit(sender: Address, channel: Channel, ref: LedgerRef, reader: Reader): Head {
    const entry = this.entry(ref)
    const states = Array.from({ length: reader.u8() }, () => {
      const state = readState(reader, ref, entry.generation)
      requireConsent(sender, channel, stateDigest(this.domain, state), reader)
      return state
    })
    const words: [bigint, bigint] = [0n, 0n]
    for (const state of states) words[state.lane] = laneWordOf(state)
    if (!entry.dispute) {
      require(states.length > 0 || isMember(channel, sender), 'NotMember')
      const expiry = this.tip.head.timestamp + 1n + BigInt(channel.period)
      return this.#write({ ...entry, dispute: { expiry, base: [encodeWord(wordOf(entry)), ...words] } })
    }
    require(this.tip.head.timestamp + 1n < entry.dispute.expiry, 'DisputeOver')
    const { base } = entry.dispute
    const counting = [0, 1].map((lane) => higher(base[1 + lane]!, entry.lanes[lane]!))
    require([0, 1].some((lane) => words[lane]! >> 192n > counting[lane]! >> 192n), 'NothingRose')
    const lanes = [0, 1].map((lane) =>
      words[lane]! >> 192n > counting[lane]! >> 192n ? words[lane]! : entry.lanes[lane]!,
    ) as [bigint, bigint]
    return this.#write({ ...entry, lanes })
  }

  #settle(channel: Channel, ref: LedgerRef, reader: Reader): Head {
    const entry = this.entry(ref)
    require(entry.dispute, 'NotDisputed')
    require(this.tip.head.timestamp + 1n >= entry.dispute.expiry, 'DisputeRunning')
    const base = [0, 1, 2].map(() => reader.u256())
    require(commitmentOf(base) === commitmentOf(entry.dispute.base), 'WrongBase')
    const counting = [0, 1].map((lane) => higher(base[1 + lane]!, entry.lanes[lane]!))
    let entitled = entry.balances
    for (const word of counting.filter((each) => each !== 0n)) {
      const state = readState(reader, ref, entry.generation)
      require(laneWordOf(state) === word, 'WrongState')
      entitled = [entitled[0] + state.credits[0]!, entitled[1] + state.credits[1]!]
    }
    require(entitled[0] >= 0n && entitled[1] >= 0n, 'the model divides no overdrawn ledgers')
    const paid = new Map(this.tip.paid)
    for (const member of [0, 1] as const) this.#pay(paid, channel.members[member]!.owner, ref.asset, entitled[member])
    const { generation } = entry
    const next = {
      generation: generation + 1,
      seq: 0,
      balances: [0n, 0n],
      dispute: undefined,
      lanes: [0n, 0n],
    } as const
    return this.#write({ ref, ...next }, paid)
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
    return this.#once(intent, () => this.#chain.deposit({ channelId, asset }, member, amount))
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
  registry: Address = `0x${'4e'.repeat(20)}`
  async survey(keys: readonly Hex[]): Promise<Survey> {
    const none = keys.map(() => ({ value: 0n, recordedAt: 0n }))
    return { head: this.#chain.tip.head, confirmedHead: this.#chain.final.head, latest: none, confirmed: none }
  }
  outcomes = async (): Promise<readonly []> => []
  history = async (): Promise<readonly []> => []
  announced = async (): Promise<readonly []> => []

  async start(): Promise<void> {
    this.#chain.views.add(this)
  }

  async stop(): Promise<void> {
    this.#chain.views.delete(this)
  }
}

const headOf = (number: number, timestamp: bigint, fork: number): Head => ({
  number,
  timestamp,
  hash: `0x${fork.toString(16).padStart(32, '0')}${number.toString(16).padStart(32, '0')}`,
})

const add = ([a, b]: readonly [bigint, bigint], member: number, amount: bigint): [bigint, bigint] =>
  member === 0 ? [a + amount, b] : [a, b + amount]

const higher = (committed: bigint, recorded: bigint): bigint =>
  recorded >> 192n > committed >> 192n ? recorded : committed

function wordOf({ generation, seq, balances, dispute, lanes }: Entry): LedgerWord {
  const recorded = lanes.some((word) => word !== 0n)
  return dispute
    ? { phase: 'disputed', recorded, generation, expiry: dispute.expiry, commitment: commitmentOf(dispute.base) }
    : { phase: 'open', recorded, generation, seq, balances }
}

function readState(reader: Reader, ref: LedgerRef, generation: number): State {
  const [lane, version, locked] = [reader.u8(), reader.u64(), BigInt(reader.hex(14))]
  const transfersRoot = locked === 0n ? ZERO_HASH : reader.hex(32)
  const credits = [0, 1].map(() => BigInt.asIntN(112, BigInt(reader.hex(14))))
  return { ...ref, generation, lane, version, credits, locked, transfersRoot }
}

const isMember = ({ members }: Channel, sender: Address): boolean =>
  members.some(({ signer, owner }) => signer === sender || owner === sender)

function requireConsent(sender: Address, channel: Channel, digest: Uint8Array, reader: Reader): void {
  for (const { signer, owner } of channel.members) {
    const signature = reader.raw(reader.u16())
    if (signature.length === 0) require(sender === signer || sender === owner, 'BadSignature')
    else require(signature[0] === 0 && verifySignature(digest, signature.subarray(1), signer), 'BadSignature')
  }
}
