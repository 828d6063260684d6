import type { Signer } from 'ethers'
import { toBytes } from '../core/bytes.ts'
import { channelIdOf, decodeChannel } from '../core/channel.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Address, Channel, ChannelId, Domain, Hex, LedgerRef } from '../core/types.ts'
import { adjudicatorAbi, registryAbi } from './abi.ts'
import { EthersApps } from './apps/ethers-apps.ts'
import { ask } from './ask.ts'
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
import type { Contracts } from './deployment.ts'
import { collectRequest } from './deposit.ts'
import { Depositor } from './depositor.ts'
import {
  DelegatedSenderError,
  InsufficientGasMoneyError,
  InsufficientMoneyError,
  NoSenderError,
  RpcFailedError,
} from './errors.ts'
import { topicOf } from './events.ts'
import { Heartbeat } from './heartbeat.ts'
import { Journal } from './journal.ts'
import type { ChainOptions } from './options.ts'
import { senderAsPayer } from './permit.ts'
import { type Request, readMarket } from './preflight.ts'
import { RegistryReader } from './registry-reader.ts'
import type { Rpc } from './rpc.ts'
import { Sender } from './sender.ts'
import { ChannelFinder } from './shown-channel.ts'
import { isSignedBy } from './signed-by.ts'
import { balanceOf, describeToken } from './token.ts'
import { Watcher } from './watcher.ts'

const REAL_CONFIRMATIONS = 12

/** The chain port over ethers. Made by `connectChain`. */
export class EthersChain implements Chain, DisputeFeed {
  readonly domain: Domain
  readonly registry: Address
  readonly apps?: EthersApps
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
  readonly #registryReader: RegistryReader
  readonly #journal: Journal
  readonly #heartbeat: Heartbeat
  readonly #finder: ChannelFinder

  constructor(
    options: ChainOptions,
    rpc: Rpc,
    witnesses: readonly Rpc[],
    contracts: Contracts,
    accounts: readonly { readonly signer: Signer; readonly account: Address }[],
  ) {
    const { adjudicator, registry, arbiter, firstBlock } = contracts
    const { store } = options
    const confirmations = options.confirmations ?? (rpc.development ? 1 : REAL_CONFIRMATIONS)
    this.domain = { chainId: rpc.chainId, adjudicator }
    this.registry = registry
    this.confirmations = confirmations
    this.#rpc = rpc
    this.#witnesses = witnesses
    this.#firstBlock = firstBlock
    this.#registryReader = new RegistryReader(rpc, registry, firstBlock)
    this.#journal = new Journal(store)
    const send = (request: Request, options: SendOptions) => this.#send(request, options)
    if (arbiter)
      this.apps = new EthersApps({ rpc, arbiter, registry: this.#registryReader, firstBlock, confirmations, send })
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
          maxFeePerGas: options.maxFeePerGas,
          onAlarm: (error) => this.onAlarm(error),
        }),
    )
    this.#depositor = new Depositor({
      rpc,
      adjudicator,
      sender: () => senderAsPayer(accounts[0]?.signer as Signer, this.#main().account),
      send,
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
    return balanceOf(this.#rpc, asset, account)
  }

  /** How a token calls and divides itself; a token without a symbol is called by its address. Throws NotATokenError. */
  token(asset: Address): Promise<{ symbol: string; decimals: number }> {
    return describeToken(this.#rpc, asset)
  }

  async gasPrice(): Promise<bigint> {
    const { baseFee, priority, gasPrice } = await readMarket(this.#rpc)
    return baseFee === undefined ? gasPrice : baseFee + priority
  }

  async claimable(asset: Address, owner: Address): Promise<bigint> {
    const [amount] = await ask(this.#rpc, this.domain.adjudicator, adjudicatorAbi, 'claimable', [asset, owner])
    return amount as bigint
  }

  isSignedBy(account: Address, digest: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return isSignedBy(this.#rpc, account, digest, signature)
  }

  async outcomes(keys: readonly Hex[]): Promise<Outcome[]> {
    const { number } = await this.head()
    return this.#registryReader.outcomes(keys, Math.max(number - this.confirmations + 1, 0))
  }

  async secretOf(key: Hex): Promise<Hex | undefined> {
    const { number } = await this.head()
    return this.#registryReader.secretOf(key, number)
  }

  async survey(keys: readonly Hex[]): Promise<Survey> {
    const { head, confirmedHead } = await this.#watcher.heads()
    const latest = await this.#registryReader.outcomes(keys, head.number)
    const isSame = head.number === confirmedHead.number
    return {
      head,
      confirmedHead,
      latest,
      confirmed: isSame ? latest : await this.#registryReader.outcomes(keys, confirmedHead.number),
    }
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
    await this.apps?.onHead(head)
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
