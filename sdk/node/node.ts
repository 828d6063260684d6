import { randomBytes } from '@noble/hashes/utils.js'
import type { App } from '../apps/define-app.ts'
import type { Chain, ChainReceipt } from '../chain/chain.ts'
import { parseAddress } from '../core/address.ts'
import { toHex, toUint } from '../core/bytes.ts'
import { memberBySigner, sortMembers, validateChannel } from '../core/channel.ts'
import { InvalidOptionError } from '../core/errors.ts'
import type { SignedInboundQuote } from '../core/inbound-quote.ts'
import type { SignedInvoice } from '../core/invoice.ts'
import { decodeInvoice } from '../core/invoice-text.ts'
import { type Address, type Channel, type ChannelId, COIN, type Domain, type Hex } from '../core/types.ts'
import { assertAmount } from '../protocols/payments.ts'
import { MAX_ASSETS } from '../protocols/wire.ts'
import type { Store } from '../storage/store.ts'
import type { Listener } from '../transport/transport.ts'
import type { TowerLag } from '../watchtower/client.ts'
import type { TowerReceipt } from '../watchtower/progress.ts'
import { AppInstance } from './apps/app-instance.ts'
import { type StartAppOptions, termsOf } from './apps/app-options.ts'
import type { AppJudge } from './apps/app-proposals.ts'
import {
  UNUSED,
  VirtualChannel,
  type VirtualChannelOptions,
  type VirtualMove,
  type VirtualState,
} from './apps/virtual-channel.ts'
import type {
  ChannelInfo,
  InboundOptions,
  LockToOptions,
  Named,
  NodeLoad,
  OpenGroupOptions,
  OpenOptions,
  PaymentFilter,
  SwapInvoiceOptions,
  SwapOptions,
  SwapQuestion,
} from './call-options.ts'
import { Depositing, type DepositOptions, type SignDepositOptions } from './chain/deposit.ts'
import { Withdrawing, type WithdrawOptions } from './chain/withdraw.ts'
import { Engine } from './engine.ts'
import { NodeStoppedError } from './errors.ts'
import type { EventOf, NodeEvent } from './events.ts'
import { Group } from './groups/group.ts'
import { DEFAULT_PACE } from './groups/groups.ts'
import { Guarded } from './guarded.ts'
import type { LockedTo, LockJudge, OutcomeLock } from './hops/outcomes.ts'
import type { InvoiceTerms } from './hops/payee.ts'
import type { PaidInvoice, PayInvoiceOptions, Quote, QuoteOptions } from './hops/quote.ts'
import type { AssetAmount, Swapped, SwapQuote, SwapTerms } from './hops/swaps.ts'
import { openBackup, sealBackup } from './leaving/backup.ts'
import { exitFile, parseExitFile } from './leaving/exit.ts'
import { type ExitOptions, runExit } from './leaving/exit-run.ts'
import { type ExitCost, exitCost, type LedgerBalances, ledgerBalances } from './ledgers/balances.ts'
import { UnknownChannelError } from './ledgers/book.ts'
import { type ListedPayment, readPayments } from './ledgers/history.ts'
import type { ChannelEntry, Slot } from './ledgers/slot.ts'
import { type NodeOptions, partsOf, towerTransports } from './options.ts'
import { type AccountingFormat, accountOf } from './payments/accounting.ts'
import { type BulkPayment, type BulkReceipt, Paying, type PayOptions, type Receipt } from './payments/pay.ts'
import {
  type CancelOptions,
  type LockedTransfer,
  type LockTerms,
  resolutionOf,
  Transfers,
  type UnlockOptions,
} from './payments/transfers.ts'
import { Inbound } from './peers/inbound.ts'
import { type Peer, PeerOfflineError } from './peers/peers.ts'
import type { NetworkSummary } from './routes/gossip.ts'
import type { Rebalanced, RebalanceOptions } from './routes/rebalancer.ts'

export type { InboundTerms } from '../protocols/inbound.ts'
export { DEFAULT_POLICY } from '../protocols/opening.ts'
export type { NodeOptions } from './options.ts'

/** Milliseconds between looks whether a node has drained. */
const DRAIN_LOOK = 20

/** Seconds. */
const DAY = 86_400
const MONTH = 2_592_000n

/**
 * A party of state channels: holds keys, peers, channels and their money, and defends them.
 *
 * @example
 * ```ts
 * const node = await Node.start({ seed, owner: wallet.address, chain, store, transports: (signer) => [tcpTransport({ signer })] })
 * const channelId = await node.open('tcp://bob.example:7000')
 * await node.deposit(channelId, parseEther('1'))
 * await node.pay(channelId, 1_000n, { memo: 'coffee' })
 * await node.close(channelId)
 * ```
 */
export class Node {
  readonly #engine: Engine
  readonly #paying: Paying
  readonly #depositing: Depositing
  readonly #withdrawing: Withdrawing
  readonly #transfers: Transfers
  readonly #nonce: (index: number) => bigint
  readonly #listeners: Listener[] = []
  readonly #stopTicks: () => void
  #guarded: Guarded | undefined

  private constructor(engine: Engine, nonce: (index: number) => bigint, tick: number) {
    this.#engine = engine
    this.#paying = new Paying(engine)
    this.#depositing = new Depositing(engine)
    this.#withdrawing = new Withdrawing(engine)
    this.#transfers = new Transfers(engine)
    this.#nonce = nonce
    this.#stopTicks = engine.options.clock.every(tick, () => {
      engine.tick()
      this.#guarded?.look()
    })
  }

  /**
   * Reads the store, follows the chain, answers disputes that began meanwhile, and only then listens to peers.
   * Throws what keeps it from running: a store of somebody else, a chain that does not answer, an address in use.
   */
  static async start(options: NodeOptions): Promise<Node> {
    const { engine: parts, nonce, tick } = partsOf(options)
    const engine = new Engine(parts)
    try {
      await engine.start()
    } catch (error) {
      await engine.stop(error as Error)
      throw error
    }
    const node = new Node(engine, nonce, tick)
    try {
      if (options.towers?.length)
        node.#guarded = await Guarded.start(engine, options.towers, towerTransports(options), tick)
      for (const address of options.listen ?? []) await node.listen(address)
    } catch (error) {
      await node.stop()
      throw error
    }
    return node
  }

  /** The session key's address: what peers know this node by. */
  get address(): Address {
    return this.#engine.options.signer.address
  }

  /** The chain and adjudicator that this node uses. */
  get domain(): Domain {
    return this.#engine.options.domain
  }

  /** Receives payouts. */
  get owner(): Address {
    return this.#engine.options.owner
  }

  /** Lets peers dial in; answers the address they can use. */
  async listen(address: string): Promise<string> {
    this.#engine.assertRunning()
    const transport = this.#engine.peers.transportFor(address)
    const listener = await transport.listen(address, (connection) => this.#engine.peers.adopt(connection, false))
    this.#listeners.push(listener)
    return listener.address
  }

  /** Dials a peer and stays in touch with it: it is dialled again whenever the connection is lost. */
  async connect(
    address: string,
    options: { readonly peer?: string; readonly signal?: AbortSignal } = {},
  ): Promise<Address> {
    this.#engine.assertRunning()
    const { peer, signal } = options
    const expected = peer === undefined ? {} : { peer: parseAddress(peer) }
    const found = await this.#engine.peers.connect(address, { ...expected, ...(signal && { signal }) })
    return found.signer
  }

  /** Stops dialling a peer and hangs up. */
  disconnect(peer: string): void {
    this.#engine.peers.disconnect(parseAddress(peer))
  }

  /** Agrees with a peer (its address to dial, or its session key if it is connected) on a new channel. Nothing is sent to the chain. */
  async open(peer: string, options: OpenOptions = {}): Promise<ChannelId> {
    this.#engine.assertRunning()
    const { assets = [COIN], period = DAY, signal } = options
    if (assets.length < 1 || assets.length > MAX_ASSETS)
      throw new InvalidOptionError(
        'assets',
        `A channel begins with 1 to ${MAX_ASSETS} assets, not ${assets.length}. Add further ones with addAsset.`,
      )
    const other = await this.#reach(peer, signal)
    const members = sortMembers([
      { signer: this.address, owner: this.owner },
      { signer: other.signer, owner: other.owner! },
    ])
    const make = (index: number): Channel => ({ period, nonce: this.#nonce(index), members })
    validateChannel(make(0))
    const entry = await this.#engine.openings.open(other, make, assets.map(parseAddress), signal)
    return entry.channelId
  }

  /**
   * Agrees with two or more peers on a group, in which all of them pay each other in rounds. Members must be able to reach each other: what
   * is dialled here is told to the others. Nothing is sent to the chain. Throws `PeerRefusedError`.
   *
   * @example
   * ```ts
   * const group = await node.openGroup({ members: ['tcp://bob.example:7000', 'tcp://carol.example:7000'] })
   * await group.deposit(parseEther('1'))
   * await group.pay(bob, 1_000n)
   * ```
   */
  async openGroup(options: OpenGroupOptions): Promise<Group> {
    this.#engine.assertRunning()
    const { asset = COIN, period = DAY, goOn, signal } = options
    const { patience, limit } = { ...DEFAULT_PACE, ...options }
    if (!(patience >= 1 && limit >= 2 * patience && limit < 2 ** 32))
      throw new InvalidOptionError(
        'limit',
        `A limit of ${limit} ms is not twice the patience of ${patience} ms. Choose a longer one.`,
      )
    const peers = await Promise.all(options.members.map((member) => this.#reach(member, signal)))
    const others = peers.map(({ signer, owner }) => ({ signer, owner: owner! }))
    const members = sortMembers([{ signer: this.address, owner: this.owner }, ...others])
    if (members.length < 3)
      throw new InvalidOptionError('members', 'A group has three members at least. Use open for a channel of two.')
    // Never used before, whatever a lost store may have forgotten.
    const nonce = toUint(randomBytes(16))
    const slot = await this.#engine.groups.joining.open(peers, { period, nonce, members }, parseAddress(asset), {
      patience,
      limit,
    })
    const group = new Group(this.#engine, slot)
    if (goOn) group.goOn(goOn.upTo)
    return group
  }

  /** The groups of this node. */
  groups(): Group[] {
    return [...this.#engine.groups.slots].map((slot) => new Group(this.#engine, slot))
  }

  /** One group. Throws `UnknownChannelError`. */
  group(channelId: ChannelId): Group {
    return new Group(this.#engine, this.#engine.groups.group(channelId))
  }

  /**
   * Makes an app known to this node, so that it can be played; instances of an earlier process go on. `judge` decides on proposals of others:
   * without it none is accepted. Answers the address at which the app stands, or will once it is disputed. Throws `NoArbiterError`.
   */
  registerApp<State, Move>(app: App<State, Move>, judge?: AppJudge): Address {
    this.#engine.assertRunning()
    return this.#engine.apps.register(app as App<unknown, unknown>, judge)
  }

  /**
   * Proposes an instance of a registered app to players that are connected to this node; resolves once all have staked and signed its opening.
   * Throws `AppRefusedError`, `InvalidTermsError`, `LockTooLongError`.
   */
  async startApp<State, Move>(
    app: App<State, Move>,
    options: StartAppOptions<State>,
  ): Promise<AppInstance<State, Move>> {
    this.#engine.assertRunning()
    const { apps, groups } = this.#engine
    const now = (await this.#engine.options.chain.head()).timestamp
    const terms = termsOf(options, {
      app: apps.addressOf(app as App<unknown, unknown>),
      opening: app.encodeState(options.opening),
      now,
      group: options.group && groups.group(options.group).ledger,
    })
    const isTimed = (options.endBy ?? options.deadline) !== undefined
    return new AppInstance(this.#engine, await apps.start(terms, isTimed, options.signal), app)
  }

  /** An instance that is not over, by its id. Throws `AppUnknownError`. */
  app<State, Move>(app: App<State, Move>, id: Hex): AppInstance<State, Move> {
    return new AppInstance(this.#engine, this.#engine.apps.slot(id, app as App<unknown, unknown>), app)
  }

  /**
   * Opens a virtual channel to somebody with whom this node need not share a real one: `amount` is locked once, over any number of hops, and
   * payments after that are signatures between the two. `app`: `VirtualChannel`, registered at both. Throws as {@link startApp}.
   */
  async openVirtualChannel(
    app: App<VirtualState, VirtualMove>,
    { to, amount, asset = COIN, ...options }: VirtualChannelOptions,
  ): Promise<VirtualChannel> {
    const seats = [this.address, parseAddress(to)]
    const stakes = [{ from: 0, to: 1, amount, asset }]
    return new VirtualChannel(await this.startApp(app, { seats, stakes, opening: UNUSED, ...options }))
  }

  /** A virtual channel that is open, by its id. Throws `AppUnknownError`. */
  virtualChannel(app: App<VirtualState, VirtualMove>, id: Hex): VirtualChannel {
    return new VirtualChannel(this.app(app, id))
  }

  /** Ids of the instances that are not over. */
  apps(): Hex[] {
    return [...this.#engine.apps.slots.keys()]
  }

  /** Agrees on one more asset of a channel. */
  async addAsset(channelId: ChannelId, asset: string, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const entry = this.#engine.book.channel(channelId)
    const peer = this.#engine.peers.all.get(entry.peer)
    if (!peer?.online) throw new PeerOfflineError(entry.peer)
    await this.#engine.openings.add(peer, entry, parseAddress(asset), options.signal)
  }

  /**
   * Finds the channels again that were announced with this node's owner and key, from the chain alone. What was signed in them
   * is not known here any more: the peer shows it at the next connection, and the ledger can then be closed with it, not paid from.
   */
  async recover(options: { readonly assets?: readonly string[] } = {}): Promise<ChannelId[]> {
    this.#engine.assertRunning()
    const assets = [...new Set([COIN, ...(options.assets ?? []).map(parseAddress)])]
    const found: ChannelId[] = []
    for (const { channelId, channel } of await this.#engine.options.chain.announced(this.owner)) {
      // Anybody can announce anything in this node's name.
      if (memberBySigner(channel, this.address) === undefined) continue
      const { lookout, groups } = this.#engine
      const room = channel.members.length === 2 ? lookout : groups
      if (await room.restore(channelId, channel, assets)) found.push(channelId)
    }
    return found
  }

  /** Pays money on chain into a channel, from the sender's account or from that of a payer who signs. Throws `DepositFormError`. */
  async deposit(channelId: ChannelId, amount: bigint, options: DepositOptions = {}): Promise<ChainReceipt> {
    return this.#depositing.deposit(this.#slot(channelId, options.asset), amount, options)
  }

  /**
   * Lets a payer, who needs no gas money, sign a deposit into a channel. Answers it as JSON for whoever sends it with
   * {@link relayDeposit}: the peer, say. It can be executed once, into this channel alone. Throws `DepositFormError`.
   */
  async signDeposit(channelId: ChannelId, amount: bigint, options: SignDepositOptions): Promise<string> {
    return this.#depositing.sign(this.#slot(channelId, options.asset), amount, options)
  }

  /** Sends a deposit that somebody signed with {@link signDeposit}, and pays for its gas. Throws `SignedDepositError`. */
  async relayDeposit(signed: string, options: { readonly signal?: AbortSignal } = {}): Promise<ChainReceipt> {
    return this.#depositing.relay(signed, options.signal)
  }

  /** Where any wallet or exchange can pay into a channel for this node, by plain transfer and again and again; then {@link collect}. */
  async depositAddress(channelId: ChannelId): Promise<Address> {
    const { channelId: id, me } = this.#engine.book.channel(channelId)
    return this.#engine.options.chain.depositAddress(id, me)
  }

  /** Brings what was paid to the deposit address into the channel: all of an asset, and all coins. A disputed ledger leaves it claimable. */
  async collect(channelId: ChannelId, options: Omit<DepositOptions, 'by' | 'payer' | 'announce'> = {}) {
    return this.#depositing.collect(this.#slot(channelId, options.asset), options)
  }

  /** Pays the peer of a channel. Throws `InsufficientBalanceError`, `BlockedError`, `PeerOfflineError` or `PaymentPendingError`. */
  async pay(channelId: ChannelId, amount: bigint, options: PayOptions = {}): Promise<Receipt> {
    return this.#paying.pay(this.#slot(channelId, options.asset), amount, options)
  }

  /** Makes many payments with few signatures; all are made, or as many as could be signed before it throws. */
  async payMany(
    channelId: ChannelId,
    payments: ArrayLike<bigint> | readonly BulkPayment[],
    options: Omit<PayOptions, 'id' | 'memo'> = {},
  ): Promise<BulkReceipt> {
    return this.#paying.payMany(this.#slot(channelId, options.asset), payments, options)
  }

  /**
   * Locks money that an outcome will pay to the peer, or divide; resolves with its id once the peer has acknowledged it. Throws as
   * `pay` does, or `InvalidTransferError`.
   *
   * @example
   * ```ts
   * const id = await node.lock(channelId, { amount: 1_000n, key: secretKey(registry, secret), deadline })
   * ```
   */
  async lock(channelId: ChannelId, terms: LockTerms): Promise<Hex> {
    return this.#transfers.lock(this.#slot(channelId, terms.asset), terms)
  }

  /** Ends a transfer that this node locked, by these values of its legs (default: all of it to the first). */
  async unlock(channelId: ChannelId, id: Hex, options: UnlockOptions = {}): Promise<void> {
    await this.#transfers.resolve(this.#slot(channelId, options.asset), id, resolutionOf(options), options.signal)
  }

  /** Returns a transfer that this node locked and whose payee asked for that since it started. Throws `InvalidOperationError`. */
  async cancel(channelId: ChannelId, id: Hex, options: CancelOptions = {}): Promise<void> {
    const resolution = { kind: 'cancel', residual: options.residual ?? 0n } as const
    await this.#transfers.resolve(this.#slot(channelId, options.asset), id, resolution, options.signal)
  }

  /** Asks the peer to unlock a transfer; `proof` shows it why. */
  askUnlock(channelId: ChannelId, id: Hex, options: UnlockOptions & { readonly proof?: Uint8Array } = {}): void {
    this.#transfers.ask(this.#slot(channelId, options.asset), id, resolutionOf(options), options.proof)
  }

  /** Gives a transfer of the peer up, which may then take it back at any time. */
  askCancel(channelId: ChannelId, id: Hex, options: CancelOptions & { readonly proof?: Uint8Array } = {}): void {
    const resolution = { kind: 'cancel', residual: options.residual ?? 0n } as const
    this.#transfers.ask(this.#slot(channelId, options.asset), id, resolution, options.proof)
  }

  /** Transfers that are locked in a channel's ledger. */
  transfers(channelId: ChannelId, asset?: string): LockedTransfer[] {
    return this.#transfers.list(this.#slot(channelId, asset))
  }

  /** Asks for money: an invoice that anybody, or one payer alone, can pay over any number of hops. Hand it over with `encodeInvoice`. */
  async invoice(terms: InvoiceTerms): Promise<SignedInvoice> {
    this.#engine.assertRunning()
    return this.#engine.payee.create(terms)
  }

  /** Takes an invoice back, by its id (`invoiceDigest`). Throws `InvoiceRefusedError` if it is paid, `InvoiceUnknownError`. */
  cancelInvoice(id: Hex): void {
    this.#engine.payee.cancel(id)
  }

  /**
   * Pays an invoice, in parts if need be, by ways that the node finds or by the route that is given; resolves with the proof of payment.
   * Parts that come back are sent another way. Throws `InvoiceRefusedError`, `NoRouteError`, or `PaymentFailedError`: the money is back then.
   */
  async payInvoice(invoice: SignedInvoice | string, options: PayInvoiceOptions = {}): Promise<PaidInvoice> {
    this.#engine.assertRunning()
    return this.#engine.payer.pay(this.#read(invoice), options)
  }

  /** What paying an invoice would cost now, and how likely it is to arrive. Nothing is sent. Throws `InvoiceRefusedError`, `NoRouteError`. */
  async quote(invoice: SignedInvoice | string, options: QuoteOptions = {}): Promise<Quote> {
    this.#engine.assertRunning()
    return this.#engine.payer.quote(this.#read(invoice), options)
  }

  #read = (invoice: SignedInvoice | string): SignedInvoice =>
    typeof invoice === 'string' ? decodeInvoice(this.#engine.options.domain, invoice) : invoice

  /**
   * Gives one asset for another, both or neither, with a peer that swaps or over hops to it; resolves once both have changed hands.
   * Throws {@link SwapRefusedError}, `PeerRefusedError`, `NoRouteError`, or `PaymentFailedError`: everything is back then.
   *
   * @example
   * ```ts
   * const { gave } = await node.swap({ give: { amount: parseEther('0.01') }, get: { asset: usdc, amount: 25_000_000n }, with: hub })
   * ```
   */
  async swap(options: SwapOptions): Promise<Swapped> {
    const terms = this.#swapTerms(options, options.give.amount)
    return this.#engine.swaps.swap(await this.#traders(options), terms)
  }

  /** What a swap would take now. Nothing is sent. Throws as {@link swap}. */
  async quoteSwap(options: SwapQuestion): Promise<SwapQuote> {
    const terms = this.#swapTerms(options, 1n)
    const { way: _, ...quote } = await this.#engine.swaps.plan(await this.#traders(options), terms)
    return quote
  }

  /**
   * Takes an invoice that promises another asset: pays it and gets that, or neither; as {@link swap} otherwise. `maxFee` bounds what hops keep
   * of what is given; `least` is what must arrive, by default all that was promised, so that no hop may keep any of it.
   * Throws `InvoiceRefusedError`, {@link SwapRefusedError}, `NoRouteError`, or `PaymentFailedError`.
   */
  async swapInvoice(invoice: SignedInvoice | string, options: SwapInvoiceOptions = {}): Promise<Swapped> {
    this.#engine.assertRunning()
    const signed = this.#read(invoice)
    this.#engine.payer.assertSigned(signed)
    this.#assertReceives()
    const { maxFee, least, seconds, signal } = options
    signal?.throwIfAborted()
    return this.#engine.swaps.take(signed, { maxFee, least, seconds, signal })
  }

  #assertReceives(): void {
    if (this.#engine.options.onionKey) return
    throw new InvalidOptionError(
      'onionKey',
      'A node without an onion key receives nothing over hops. Start it with one.',
    )
  }

  #swapTerms({ give, get, seconds, signal }: SwapQuestion, most: bigint): SwapTerms {
    this.#engine.assertRunning()
    const of = ({ asset = COIN }: Named, amount: bigint): AssetAmount => ({ asset: parseAddress(asset), amount })
    const [given, got] = [of(give, most), of(get, get.amount)]
    for (const { amount } of [given, got]) assertAmount(amount)
    if (given.asset === got.asset)
      throw new InvalidOptionError('get', 'A swap is of two assets. Name another one to get, or to give.')
    this.#assertReceives()
    return { give: given, get: got, seconds, signal }
  }

  async #traders({ with: peer, signal }: Pick<SwapOptions, 'with' | 'signal'>): Promise<Peer[]> {
    if (peer !== undefined) return [await this.#reach(peer, signal)]
    return [...this.#engine.peers.all.values()].filter(({ online }) => online)
  }

  /**
   * Locks money to another node, over any number of hops, that an outcome will pay to it or bring back; resolves once the payee holds it.
   * Hops know nothing of the outcome, and nothing happens at them until it ends. It ends by what both agree on ({@link askOutcome},
   * {@link settleOutcome}), by the registry's entry for `key`, or by the deadline. Throws `NoRouteError`, or `PaymentFailedError`: it is back then.
   *
   * @example
   * ```ts
   * const { id } = await alice.lockTo({ to: bob.address, amount: 1_000n, key, deadline })
   * alice.on('outcome-asked', ({ id, value }) => value === score && alice.settleOutcome(id, value))
   * ```
   */
  async lockTo(options: LockToOptions): Promise<LockedTo> {
    this.#engine.assertRunning()
    const { asset = COIN, to, amount } = options
    assertAmount(amount)
    return this.#engine.outcomes.lock({ ...options, to: parseAddress(to), asset: parseAddress(asset) })
  }

  /**
   * Decides on outcome locks that are made out to this node: those for which a judge says true are held, all others go back. The function
   * that is returned ends that. After a restart judges are asked again about what was not decided.
   */
  expectLocks(judge: LockJudge): () => void {
    this.#engine.assertRunning()
    this.#assertReceives()
    return this.#engine.outcomes.expect(judge)
  }

  /**
   * Payee: says at which value an outcome lock is to end, from 0n to 1e18: what it gets is that part of the amount. At 0n all goes back.
   * Throws `OutcomeLockUnknownError`, `OutcomeRefusedError`.
   */
  askOutcome(id: Hex, value: bigint): void {
    this.#engine.assertRunning()
    this.#engine.outcomes.ask(id, value)
  }

  /**
   * Payer: lets an outcome lock end at the value that its payee has asked for, or at 1e18 at any time. Throws `OutcomeLockUnknownError`,
   * `OutcomeRefusedError`.
   */
  settleOutcome(id: Hex, value: bigint): void {
    this.#engine.assertRunning()
    this.#engine.outcomes.settle(id, value)
  }

  /** Outcome locks of this node that are not over, its own first. */
  outcomeLocks(): OutcomeLock[] {
    return this.#engine.outcomes.list()
  }

  /** What this node knows of the channels of an asset, its own included. */
  network(asset: string = COIN): NetworkSummary {
    return this.#engine.gossip.summary(parseAddress(asset))
  }

  /** What senders must know of this node to pay over it; undefined if it carries nothing. */
  get onionKey(): Hex | undefined {
    const { onionKey } = this.#engine.options
    return onionKey && toHex(onionKey.publicKey)
  }

  /** Pays money out while the channel goes on, with the peer's consent; resolves when that is final. */
  async withdraw(channelId: ChannelId, amount: bigint, options: WithdrawOptions = {}): Promise<void> {
    assertAmount(amount)
    const to = options.to === undefined ? {} : { to: parseAddress(options.to) }
    await this.#withdrawing.withdraw(this.#slot(channelId, options.asset), amount, { ...options, ...to })
  }

  /** Pays everything out to both, with the peer's consent: in one asset, or in all. The channel can be used again afterwards. */
  async close(channelId: ChannelId, options: WithdrawOptions = {}): Promise<void> {
    const { channelId: id } = this.#engine.book.channel(channelId)
    const assets = options.asset === undefined ? this.#engine.book.assets(id) : [options.asset]
    await Promise.all(assets.map((asset) => this.#withdrawing.withdraw(this.#slot(id, asset), undefined, options)))
  }

  /** Lets the chain decide, without the peer; resolves when the dispute runs. It is settled by itself after the challenge period. */
  async dispute(
    channelId: ChannelId,
    options: { readonly asset?: string; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const slot = this.#slot(channelId, options.asset)
    await this.#engine.desk.refresh(slot)
    await this.#engine.lookout.dispute(slot, options.signal)
  }

  /**
   * Has the owner's wallet revoke this node's session key in a channel, because somebody else may have it. Told to the peer, which accepts
   * nothing from that key any more and closes. Answers the order as JSON, for a peer that is reached in another way. Throws `MissingWalletError`.
   */
  async revoke(channelId: ChannelId): Promise<string> {
    this.#engine.assertRunning()
    return this.#engine.revoking.revoke(this.#engine.book.channel(channelId))
  }

  /** Takes the order of a member's owner that {@link revoke} gave. Throws `InvalidRevocationError`. */
  async acceptRevocation(order: string): Promise<void> {
    this.#engine.assertRunning()
    await this.#engine.revoking.accept(order)
  }

  /**
   * Asks a hub (its address to dial, or its session key if it is connected) what it wants for money of its own in a channel, so that
   * this node can be paid there. Throws `PeerRefusedError`, `InvalidQuoteError`.
   */
  async quoteInbound(peer: string, { amount, asset = COIN, seconds = MONTH, signal }: InboundOptions) {
    assertAmount(amount)
    const hub = await this.#reach(peer, signal)
    return this.#engine.inbound.quote(hub, { amount, asset: parseAddress(asset), duration: seconds }, signal)
  }

  /**
   * Buys what a hub has quoted, in the channel with it or in a new one; resolves with the channel once the money is there. The fee
   * is paid at once from this node's balance in that channel, or taken from the first payments over the hub: up to half of each.
   * Throws `PeerRefusedError`, `InvalidQuoteError`.
   */
  async buyInbound(quote: SignedInboundQuote, options: OpenOptions = {}): Promise<ChannelId> {
    const { hub, asset, fee, nonce } = quote.quote
    const peer = await this.#reach(hub, options.signal)
    await this.#engine.inbound.assertGood(peer, quote)
    const known = Inbound.usable(this.#engine.book.slotsOf(peer.signer), asset)
    const channelId = known?.ledger.channelId ?? (await this.open(hub, { ...options, assets: [asset] }))
    const pay = () => this.pay(channelId, fee, { asset, id: nonce, memo: 'inbound' })
    await this.#engine.inbound.buy(peer, this.#slot(channelId, asset), quote, pay, options.signal)
    return channelId
  }

  /**
   * Moves money of this node from channels with too much of it to those with too little, by payments to itself over others, as
   * far as they keep no more than `maxFeePpm`. Resolves with what was moved.
   */
  async rebalance({ asset = COIN, ...options }: RebalanceOptions & { readonly asset?: string }): Promise<Rebalanced> {
    this.#engine.assertRunning()
    return this.#engine.rebalancer.run(parseAddress(asset), options)
  }

  /** What of the fee for inbound money a hub may still keep of payments to this node. */
  inboundDebt(channelId: ChannelId, asset?: string): bigint {
    return this.#engine.switch.debts.left(this.#slot(channelId, asset))
  }

  /** A peer that is connected, by its session key or by the address it is dialled at. */
  async #reach(peer: string, signal: AbortSignal | undefined): Promise<Peer> {
    this.#engine.assertRunning()
    const signer = /^0x[0-9a-fA-F]{40}$/.test(peer)
      ? parseAddress(peer)
      : await this.connect(peer, signal ? { signal } : {})
    const found = this.#engine.peers.all.get(signer)
    if (!found?.online || !found.owner) throw new PeerOfflineError(signer)
    return found
  }

  /** The channels of this node. */
  channels(): ChannelInfo[] {
    return [...this.#engine.book.channels.values()].map((entry) => this.#infoOf(entry))
  }

  /** One channel. Throws `UnknownChannelError`. */
  channel(channelId: ChannelId): ChannelInfo {
    return this.#infoOf(this.#engine.book.channel(channelId))
  }

  #infoOf({ channelId, channel, me, peer }: ChannelEntry): ChannelInfo {
    const ledgers = [...this.#engine.book.slotsOf(peer)].filter(({ entry }) => entry.channelId === channelId)
    const connected = this.#engine.peers.all.get(peer)?.online ?? false
    return { channelId, channel, me, peer, connected, ledgers: ledgers.map(ledgerBalances) }
  }

  /** What one ledger holds. */
  balances(channelId: ChannelId, asset?: string): LedgerBalances {
    return ledgerBalances(this.#slot(channelId, asset))
  }

  /** What leaving without the peer would cost now. */
  async exitCost(): Promise<ExitCost> {
    return exitCost(await this.#engine.options.chain.gasPrice())
  }

  /** Every recorded payment, oldest first within each lane. */
  async *payments(filter: PaymentFilter = {}): AsyncGenerator<ListedPayment> {
    const asset = filter.asset === undefined ? undefined : parseAddress(filter.asset)
    const channelId = filter.channelId?.toLowerCase()
    for (const { entry, ledger, number } of this.#engine.book.slots) {
      if (channelId !== undefined && ledger.channelId !== channelId) continue
      if (asset !== undefined && ledger.asset !== asset) continue
      const ref = { channelId: ledger.channelId, asset: ledger.asset, number, me: ledger.me, peer: entry.peer }
      yield* readPayments(this.#engine.options.store, ref)
    }
  }

  /** Payments for accounting, in pieces of text: write them to a file one after the other. */
  exportPayments(format: AccountingFormat, filter: PaymentFilter = {}): AsyncGenerator<string> {
    return accountOf(this.payments(filter), format)
  }

  /** Everything this node remembers, sealed with a password. Keys are not in it: keep the seed elsewhere. */
  async exportBackup(password: string): Promise<Uint8Array> {
    if (typeof password !== 'string' || password === '')
      throw new InvalidOptionError('password', 'A backup is sealed with a password. Choose a long one and keep it.')
    return sealBackup(this.#engine.options.store, password)
  }

  /** Puts a backup into an empty store, from which a node can then start. Throws `BackupError`. */
  static importBackup(store: Store, backup: Uint8Array, password: string): Promise<void> {
    return openBackup(store, backup, password)
  }

  /**
   * Everything needed to exit, as JSON: the newest states the peer signed, and the channels. It is outdated by the next
   * payment, holds no secret, and works with any account that has gas money.
   */
  exportExit(): string {
    const { domain, signer } = this.#engine.options
    return `${JSON.stringify(exitFile(this.#engine.book.slots, this.#engine.groups.slots, domain, signer), null, 1)}
`
  }

  /** Leaves all ledgers of an exit file; no node, store or seed is needed. Throws `ExitFileError` or `NewerStateError`. */
  static async exit(text: string, chain: Chain, options: ExitOptions = {}): Promise<void> {
    await runExit(parseExitFile(text, chain.domain), chain, options)
  }

  /** The watchtowers of this node, and how far each is behind. */
  towers(): TowerLag[] {
    return this.#guarded?.lag() ?? []
  }

  /** What each watchtower holds of a ledger, with its signed receipt: the proof of its promise. */
  towerReceipts(channelId: ChannelId, asset?: string): TowerReceipt[] {
    const { groups } = this.#engine
    const { ledger } = groups.has(channelId) ? groups.group(channelId) : this.#slot(channelId, asset)
    return this.#guarded?.receipts(ledger) ?? []
  }

  /** Calls `handler` for each event of a kind; the returned function ends that. */
  on<K extends NodeEvent['kind']>(kind: K, handler: (event: EventOf<K>) => void): () => void {
    return this.#engine.emitter.on(kind, handler)
  }

  /** Every event from now on: `for await (const event of node.events())`. */
  events(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<NodeEvent> {
    return this.#engine.emitter.events(options.signal)
  }

  /** How much of others' payments is on its way here, and how long the store takes for a commit, in milliseconds. */
  load(): NodeLoad {
    const { switch: parts, journal } = this.#engine
    return { carrying: parts.carrying, storeLag: journal.lag(), busy: parts.busy }
  }

  /** Takes no new payment of others any more, and waits until those on their way are over, or until `signal` says so. */
  async drain(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { switch: parts, options: given } = this.#engine
    parts.draining = true
    await new Promise<void>((resolve) => {
      const check = () => {
        if (parts.carrying > 0 && !options.signal?.aborted && !this.#engine.halted) return
        stop()
        resolve()
      }
      const stop = given.clock.every(DRAIN_LOOK, check)
    })
  }

  /** Hangs up, makes everything durable and stops watching the chain. The store stays open: it was given. */
  async stop(): Promise<void> {
    this.#stopTicks()
    await Promise.all(this.#listeners.map((listener) => listener.close()))
    await this.#guarded?.stop()
    await this.#engine.stop(new NodeStoppedError())
  }

  #slot(channelId: ChannelId, asset: string = COIN): Slot {
    const entry = this.#engine.book.channel(channelId)
    const slot = this.#engine.book.slot({ channelId: entry.channelId, asset: parseAddress(asset) })
    if (!slot) throw new UnknownChannelError(`${entry.channelId} with asset ${asset}`)
    return slot
  }
}
