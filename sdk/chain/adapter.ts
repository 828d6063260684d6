import type { Signer } from 'ethers'
import { toBytes } from '../core/bytes.ts'
import { channelIdOf, decodeChannel } from '../core/channel.ts'
import type { Outcome } from '../core/outcome.ts'
import {
  type Address,
  type Channel,
  type ChannelId,
  COIN,
  type Domain,
  type Hex,
  type LedgerRef,
} from '../core/types.ts'
import type { Store } from '../storage/store.ts'
import { adjudicatorAbi, registryAbi, tokenAbi } from './abi.ts'
import type {
  Chain,
  ChainCall,
  ChainEvent,
  ChainReceipt,
  DepositOptions,
  DisputeFeed,
  Head,
  LedgerView,
  Payer,
  SendOptions,
  SignedDeposit,
  SigningOptions,
  Survey,
} from './chain.ts'
import { findContracts } from './deployment.ts'
import { collectRequest, NotATokenError } from './deposit.ts'
import { Depositor } from './depositor.ts'
import {
  DelegatedSenderError,
  InsufficientGasMoneyError,
  InsufficientMoneyError,
  NoSenderError,
  RpcFailedError,
  RpcUnreachableError,
  StoreOfAnotherChainError,
  WrongNetworkError,
} from './errors.ts'
import { topicOf } from './events.ts'
import { Heartbeat } from './heartbeat.ts'
import { Journal } from './journal.ts'
import { LogReader } from './logs.ts'
import { assertOptions, type ChainOptions } from './options.ts'
import { senderAsPayer } from './permit.ts'
import { type Request, readMarket } from './preflight.ts'
import { openRpc, type Rpc } from './rpc.ts'
import { Sender } from './sender.ts'
import { ChannelFinder } from './shown-channel.ts'
import { isSignedBy } from './signed-by.ts'
import { Watcher } from './watcher.ts'

export type { ChainOptions } from './options.ts'

const REAL_CONFIRMATIONS = 12
const KEYS_AT_ONCE = 256

/**
 * Connects to a chain: checks the network and the contracts, and that the store belongs to them. Nothing is watched before `start`.
 * @throws ChainError of many kinds, each saying what to do.
 * @example
 * ```ts
 * const chain = await connectChain({ rpc: 'http://127.0.0.1:8545', store, signer: new Wallet(key), deployment })
 * await chain.start()
 * ```
 */
export async function connectChain(options: ChainOptions): Promise<EthersChain> {
  assertOptions(options)
  const opened: Rpc[] = []
  try {
    for (const source of [options.rpc, ...(options.witnesses ?? [])]) {
      const rpc = await openRpc(source, options.timeoutMs)
      opened.push(rpc)
      const expected = options.chainId ?? opened[0]!.chainId
      if (rpc.chainId !== expected) throw new WrongNetworkError(expected, rpc.chainId)
    }
    const [rpc, ...witnesses] = opened as [Rpc, ...Rpc[]]
    const contracts = await findContracts(rpc, options.deployment)
    await claimStore(options.store, rpc, contracts.adjudicator)
    const signers = [options.signer, options.spareSigner].filter((signer) => signer !== undefined)
    const accounts = await Promise.all(
      signers.map(async (signer) => ({ signer, account: (await signer.getAddress()).toLowerCase() as Address })),
    )
    return new EthersChain(options, rpc, witnesses, contracts, accounts)
  } catch (error) {
    for (const rpc of opened) rpc.close()
    throw error
  }
}

/** The chain port over ethers. Made by {@link connectChain}. */
export class EthersChain implements Chain, DisputeFeed {
  readonly domain: Domain
  readonly registry: Address
  readonly confirmations: number
  onView: (view: LedgerView) => void = () => {}
  onEvent: (event: ChainEvent) => void = () => {}
  onHealth: (healthy: boolean, reason?: string) => void = () => {}
  onAlarm: (error: Error) => void = () => {}
  onDispute: ((event: ChainEvent) => void) | undefined
  readonly #rpc: Rpc
  readonly #witnesses: readonly Rpc[]
  readonly #firstBlock: number
  readonly #watcher: Watcher
  readonly #senders: readonly Sender[]
  readonly #depositor: Depositor
  readonly #revealed: LogReader
  readonly #journal: Journal
  readonly #heartbeat: Heartbeat
  readonly #finder: ChannelFinder

  constructor(
    options: ChainOptions,
    rpc: Rpc,
    witnesses: readonly Rpc[],
    contracts: { readonly adjudicator: Address; readonly registry: Address; readonly firstBlock: number },
    accounts: readonly { readonly signer: Signer; readonly account: Address }[],
  ) {
    const { adjudicator, registry, firstBlock } = contracts
    const { store } = options
    const confirmations = options.confirmations ?? (rpc.development ? 1 : REAL_CONFIRMATIONS)
    this.domain = { chainId: rpc.chainId, adjudicator }
    this.registry = registry
    this.confirmations = confirmations
    this.#rpc = rpc
    this.#witnesses = witnesses
    this.#firstBlock = firstBlock
    this.#revealed = new LogReader(rpc, registry)
    this.#journal = new Journal(store)
    this.#senders = accounts.map(
      ({ signer, account }) =>
        new Sender({
          rpc,
          signer,
          account,
          journal: this.#journal,
          confirmations,
          allowDelegated: options.allowDelegated ?? false,
          reserveGas: options.reserveGas ?? 500_000n,
          onAlarm: (error) => this.onAlarm(error),
        }),
    )
    this.#depositor = new Depositor({
      rpc,
      adjudicator,
      sender: () => senderAsPayer(accounts[0]?.signer as Signer, this.#main().account),
      send: (request, options) => this.#send(request, options),
      isKnown: async (intent) => this.#main().has(intent) || (await this.#journal.done(intent)) !== undefined,
      now: async () => (await this.head()).timestamp,
      depositAddress: ({ ledger, member }) => this.depositAddress(ledger.channelId, member),
    })
    this.#watcher = new Watcher({
      rpc,
      adjudicator,
      firstBlock,
      store,
      confirmations,
      witnesses,
      onView: (view) => this.onView(view),
      onEvent: (event) => this.onEvent(event),
      onDispute: () => this.onDispute,
    })
    this.#finder = new ChannelFinder(rpc, this.domain, (channelId) => this.#watcher.channelHistory(channelId))
    this.#heartbeat = new Heartbeat({
      beat: () => this.#beat(),
      onHealth: (healthy, reason) => this.onHealth(healthy, reason),
      pollMs: options.pollMs ?? (rpc.development ? 100 : 2_000),
      staleMs: options.staleMs ?? (rpc.development ? 10_000 : 30_000),
      silentMs: options.silentMs ?? (rpc.development ? Number.POSITIVE_INFINITY : 180_000),
    })
  }

  /** Whether this is a development chain, where blocks come at once and cost nothing. */
  get development(): boolean {
    return this.#rpc.development
  }

  get sender(): Address {
    return this.#main().account
  }

  async start(): Promise<void> {
    await this.#watcher.start()
    const head = await this.#watcher.step()
    for (const sender of this.#senders) await sender.start(head)
    await this.#beat()
    this.#heartbeat.start(this.#rpc)
  }

  async stop(): Promise<void> {
    await this.#heartbeat.stop()
    await Promise.all(this.#senders.map((sender) => sender.stop()))
    for (const rpc of [this.#rpc, ...this.#witnesses]) rpc.close()
  }

  async head(): Promise<Head> {
    return this.#watcher.head ?? (await this.#watcher.step())
  }

  watch(ledger: LedgerRef): void {
    this.#watcher.watch(lower(ledger))
    this.#heartbeat.hurry()
  }

  unwatch(ledger: LedgerRef): void {
    this.#watcher.unwatch(lower(ledger))
  }

  view(ledger: LedgerRef): Promise<LedgerView> {
    return this.#watcher.view(lower(ledger))
  }

  async history(ledger: LedgerRef): Promise<ChainEvent[]> {
    const { channelId, asset } = lower(ledger)
    const events = await this.#watcher.channelHistory(channelId)
    return events.filter((event) => event.kind === 'announced' || event.asset === asset)
  }

  /** Every event of a channel so far, in all assets, oldest first. */
  channelHistory(channelId: ChannelId): Promise<ChainEvent[]> {
    return this.#watcher.channelHistory(channelId.toLowerCase() as ChannelId)
  }

  channelOf(event: Pick<ChainEvent, 'channelId' | 'transaction'>): Promise<Channel | undefined> {
    return this.#finder.find(event)
  }

  canTrace(): Promise<boolean> {
    return this.#finder.canTrace()
  }

  async send(call: ChainCall, options: SendOptions): Promise<ChainReceipt> {
    const abi = call.to === 'adjudicator' ? adjudicatorAbi : registryAbi
    return this.#send(
      {
        functionName: call.functionName,
        to: call.to === 'adjudicator' ? this.domain.adjudicator : this.registry,
        data: abi.encodeFunctionData(call.functionName, call.args) as Hex,
        value: call.value ?? 0n,
      },
      options,
    )
  }

  deposit(ledger: LedgerRef, member: number, amount: bigint, options: DepositOptions): Promise<ChainReceipt> {
    return this.#depositor.deposit({ ledger: lower(ledger), member, amount }, options)
  }

  signDeposit(
    ledger: LedgerRef,
    member: number,
    amount: bigint,
    { payer, ...signing }: SigningOptions & { readonly payer: Payer },
  ): Promise<SignedDeposit> {
    return this.#depositor.sign({ ledger: lower(ledger), member, amount }, payer, signing)
  }

  relayDeposit(deposit: SignedDeposit, options: SendOptions): Promise<ChainReceipt> {
    return this.#depositor.relay(deposit, options)
  }

  /** Asked of every RPC: whoever lied about it would get the money. */
  async depositAddress(channelId: ChannelId, member: number): Promise<Address> {
    const data = adjudicatorAbi.encodeFunctionData('depositAddress', [channelId, member])
    const call = { to: this.domain.adjudicator, data }
    const answers = await Promise.all(
      [this.#rpc, ...this.#witnesses].map((rpc) => rpc.call((provider) => provider.call(call))),
    )
    if (answers.some((answer) => answer !== answers[0]))
      throw new RpcFailedError('eth_call', 'its witnesses know another deposit address')
    const [address] = adjudicatorAbi.decodeFunctionResult('depositAddress', answers[0]!)
    return String(address).toLowerCase() as Address
  }

  collect(channel: Channel, member: number, asset: Address, options: SendOptions): Promise<ChainReceipt> {
    return this.#send(collectRequest(this.domain.adjudicator, channel, member, asset), options)
  }

  /** Forgets an intent whose outcome is unknown, after the user has looked; see UnknownOutcomeError. */
  async forget(intent: string): Promise<void> {
    for (const sender of this.#senders) await sender.forget(intent)
  }

  async balance(asset: Address, account: Address = this.sender): Promise<bigint> {
    if (asset === COIN) return this.#rpc.call((provider) => provider.getBalance(account))
    const [balance] = await this.#ask(asset, tokenAbi, 'balanceOf', [account])
    return balance as bigint
  }

  /** How a token calls and divides itself; a token without a symbol is called by its address. Throws NotATokenError. */
  async token(asset: Address): Promise<{ symbol: string; decimals: number }> {
    try {
      const [symbol, [decimals]] = await Promise.all([
        this.#ask(asset, tokenAbi, 'symbol', []).then(
          ([name]) => String(name).slice(0, 32),
          () => asset,
        ),
        this.#ask(asset, tokenAbi, 'decimals', []),
      ])
      return { symbol, decimals: Number(decimals) }
    } catch (error) {
      if (error instanceof RpcUnreachableError) throw error
      throw new NotATokenError(asset, { cause: error })
    }
  }

  async gasPrice(): Promise<bigint> {
    const { baseFee, priority, gasPrice } = await readMarket(this.#rpc)
    return baseFee === undefined ? gasPrice : baseFee + priority
  }

  async claimable(asset: Address, owner: Address): Promise<bigint> {
    const [amount] = await this.#ask(this.domain.adjudicator, adjudicatorAbi, 'claimable', [asset, owner])
    return amount as bigint
  }

  isSignedBy(account: Address, digest: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return isSignedBy(this.#rpc, account, digest, signature)
  }

  async outcomes(keys: readonly Hex[]): Promise<Outcome[]> {
    const { number } = await this.head()
    return this.#outcomesAt(keys, Math.max(number - this.confirmations + 1, 0))
  }

  async secretOf(key: Hex): Promise<Hex | undefined> {
    const { number } = await this.head()
    const topics = [registryAbi.getEvent('Revealed')!.topicHash as Hex, key]
    const log = await this.#revealed.findLast(topics, this.#firstBlock, number, () => true)
    return log && (registryAbi.parseLog(log)!.args.secret as Hex)
  }

  async survey(keys: readonly Hex[]): Promise<Survey> {
    const { head, confirmedHead } = await this.#watcher.heads()
    const latest = await this.#outcomesAt(keys, head.number)
    const isSame = head.number === confirmedHead.number
    return {
      head,
      confirmedHead,
      latest,
      confirmed: isSame ? latest : await this.#outcomesAt(keys, confirmedHead.number),
    }
  }

  async #outcomesAt(keys: readonly Hex[], block: number): Promise<Outcome[]> {
    const found: Outcome[] = []
    for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
      const some = keys.slice(from, from + KEYS_AT_ONCE)
      const [packed] = await this.#ask(this.registry, registryAbi, 'outcomes', [some], block)
      for (const one of packed as bigint[]) found.push({ value: BigInt.asUintN(64, one), recordedAt: one >> 64n })
    }
    return found
  }

  async announced(owner: Address): Promise<readonly { channelId: ChannelId; channel: Channel }[]> {
    const latest = await this.#rpc.call((provider) => provider.getBlockNumber())
    const topics = [topicOf('Announced'), null, `0x${owner.slice(2).toLowerCase().padStart(64, '0')}` as Hex]
    const found = new Map<ChannelId, Channel>()
    for (const log of await this.#watcher.logs.read(topics, this.#firstBlock, latest)) {
      const { channelId, channel } = adjudicatorAbi.parseLog(log)!.args
      const decoded = decodeChannel(toBytes(channel as string))
      // The id is computed, never believed.
      if (channelIdOf(this.domain, decoded) === channelId) found.set(channelId as Hex, decoded)
    }
    return [...found].map(([channelId, channel]) => ({ channelId, channel }))
  }

  async #beat(): Promise<string> {
    const head = await this.#watcher.step()
    // Not waited for: a signer may take as long as its user does. What fails is tried again at the next beat.
    for (const sender of this.#senders) void sender.onHead(head).catch(() => {})
    return head.hash
  }

  /** The main sender, or the spare one where anybody may send and the main one cannot pay. */
  async #send(request: Request, options: SendOptions): Promise<ChainReceipt> {
    const main = this.#main()
    const [, spare] = this.#senders
    const sending = (sender: Sender) => {
      const sent = sender.send(request, options)
      this.#heartbeat.hurry()
      return sent
    }
    if (!spare || !options.anySender) return sending(main)
    if (spare.has(options.intent)) return sending(spare)
    return sending(main).catch((error) => {
      if (!cannotPay(error)) throw error
      this.onAlarm(error)
      return sending(spare)
    })
  }

  async #ask(
    to: Address,
    abi: typeof adjudicatorAbi,
    functionName: string,
    args: readonly unknown[],
    block?: number,
  ): Promise<ReturnType<typeof abi.decodeFunctionResult>> {
    const data = abi.encodeFunctionData(functionName, args)
    const answer = await this.#rpc.call((provider) =>
      provider.call({ to, data, ...(block === undefined ? {} : { blockTag: block }) }),
    )
    return abi.decodeFunctionResult(functionName, answer)
  }

  #main(): Sender {
    const [main] = this.#senders
    if (!main) throw new NoSenderError()
    return main
  }
}

const lower = ({ channelId, asset }: LedgerRef): LedgerRef => ({
  channelId: channelId.toLowerCase() as ChannelId,
  asset: asset.toLowerCase() as Address,
})

const cannotPay = (error: unknown): error is Error =>
  error instanceof InsufficientGasMoneyError ||
  error instanceof InsufficientMoneyError ||
  error instanceof DelegatedSenderError

/** A store belongs to one adjudicator on one chain, from its first use on. */
async function claimStore(store: Store, rpc: Rpc, adjudicator: Address): Promise<void> {
  const genesis = await rpc.call((provider) => provider.getBlock(0))
  const actual = `adjudicator ${adjudicator} on chain ${rpc.chainId} (genesis ${genesis?.hash?.slice(0, 10) ?? 'unknown'})`
  const stored = await store.get('chain/domain')
  if (!stored) return store.commit([{ key: 'chain/domain', value: new TextEncoder().encode(actual) }])
  const text = new TextDecoder().decode(stored)
  if (text !== actual) throw new StoreOfAnotherChainError(text, actual)
}
