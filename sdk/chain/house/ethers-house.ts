import type { Interface, Signer } from 'ethers'
import type { Account } from '../../clearing/account.ts'
import type { Answer, Challenge, Claim, Demand, Statement } from '../../clearing/dispute.ts'
import { demandHash } from '../../clearing/dispute.ts'
import type { Epoch } from '../../clearing/epoch.ts'
import type { Posting } from '../../clearing/posting.ts'
import { sumWord } from '../../clearing/tally.ts'
import type { Outcome } from '../../core/outcome.ts'
import { least } from '../../core/transfer.ts'
import { type Address, COIN, type Domain, type Hex, type Member } from '../../core/types.ts'
import { registryAbi } from '../abi.ts'
import { ask } from '../ask.ts'
import type { ChainReceipt, SendOptions } from '../chain.ts'
import { allowanceFor, approveExactly } from '../deposit.ts'
import { NoSenderError } from '../errors.ts'
import { Heartbeat } from '../heartbeat.ts'
import { Journal } from '../journal.ts'
import { senderAsPayer, signPermit } from '../permit.ts'
import { PUSHED, type Request, readMarket } from '../preflight.ts'
import { RegistryReader } from '../registry-reader.ts'
import type { Rpc } from '../rpc.ts'
import { Sender } from '../sender.ts'
import { balanceOf } from '../token.ts'
import { courtAbi, houseAbi, stakeAbi } from './abi.ts'
import { bondAt } from './bond.ts'
import { answerCall, type Call, challengeCall, challengedEpoch, noPosting, statementArgument } from './calls.ts'
import { Follower } from './follower.ts'
import type {
  CommittedEpoch,
  Demanded,
  EpochStatus,
  HouseChain,
  HouseEvent,
  HouseState,
  HouseTerms,
  HouseVault,
  InsuredClaim,
  LockExit,
  Posted,
} from './house-chain.ts'
import { type FoundHouse, HouseReader } from './house-reader.ts'
import type { HouseOptions } from './options.ts'
import { type ShownLeaf, shownLeafIn } from './shown-leaf.ts'

const ABIS: Readonly<Record<HouseVault, Interface>> = { house: houseAbi, court: courtAbi, stake: stakeAbi }
/** What the bond is multiplied by: so much may the base fee rise until the challenge is mined. The rest comes back. */
const HEADROOM = 2n
const REAL_CONFIRMATIONS = 12

/** The port to a house over ethers. Made by `connectHouse`. */
export class EthersHouse implements HouseChain {
  readonly terms: HouseTerms
  readonly stake: Address
  readonly domain: Domain
  readonly confirmations: number
  onEvent: (event: HouseEvent) => Promise<void> | void = () => {}
  onState: (state: HouseState) => void = () => {}
  onHealth: (healthy: boolean, reason?: string) => void = () => {}
  onAlarm: (error: Error) => void = () => {}
  readonly #rpc: Rpc
  readonly #vaults: Readonly<Record<HouseVault, Address>>
  readonly #reader: HouseReader
  readonly #registry: RegistryReader
  readonly #follower: Follower
  readonly #journal: Journal
  readonly #sender: Sender | undefined
  readonly #signer: Signer | undefined
  readonly #heartbeat: Heartbeat
  /** The last answer that was read: all who share this connection ask for it. */
  #shown: { readonly transaction: Hex; readonly leaf: Promise<ShownLeaf | undefined> } | undefined

  constructor(options: HouseOptions, rpc: Rpc, found: FoundHouse, account: Address | undefined) {
    const { house, stake, terms, firstBlock } = found
    this.terms = terms
    this.stake = stake
    this.domain = { chainId: rpc.chainId, adjudicator: house }
    this.confirmations = options.confirmations ?? (rpc.development ? 1 : REAL_CONFIRMATIONS)
    this.#rpc = rpc
    this.#vaults = { house, court: terms.court, stake }
    this.#reader = new HouseReader(rpc, found)
    this.#registry = new RegistryReader(rpc, terms.registry, firstBlock)
    this.#journal = new Journal(options.store)
    this.#signer = options.signer
    this.#sender = account && this.#senderOf(options, options.signer!, account)
    this.#follower = new Follower({
      rpc,
      found,
      reader: this.#reader,
      store: options.store,
      confirmations: this.confirmations,
      onEvent: (event) => this.onEvent(event),
      onState: (state) => this.onState(state),
    })
    this.#heartbeat = new Heartbeat({
      beat: () => this.#beat(),
      onHealth: (healthy, reason) => this.onHealth(healthy, reason),
      pollMs: options.pollMs ?? (rpc.development ? 100 : 2_000),
      staleMs: options.staleMs ?? (rpc.development ? 10_000 : 30_000),
      silentMs: options.silentMs ?? (rpc.development ? Number.POSITIVE_INFINITY : 180_000),
    })
  }

  #senderOf(options: HouseOptions, signer: Signer, account: Address): Sender {
    return new Sender({
      rpc: this.#rpc,
      signer,
      account,
      journal: this.#journal,
      confirmations: this.confirmations,
      allowDelegated: options.allowDelegated ?? false,
      // An answer takes up to 1,000,000.
      reserveGas: options.reserveGas ?? 1_000_000n,
      maxFeePerGas: options.maxFeePerGas,
      onAlarm: (error) => this.onAlarm(error),
    })
  }

  get sender(): Address {
    return this.#main().account
  }

  async start(since?: number): Promise<void> {
    await this.#follower.start(since)
    await this.#sender?.start(await this.#follower.step())
    await this.#beat()
    this.#heartbeat.start(this.#rpc)
  }

  async stop(): Promise<void> {
    await this.#heartbeat.stop()
    await this.#sender?.stop()
    this.#rpc.close()
  }

  async #beat(): Promise<string> {
    const head = await this.#follower.step()
    // Not waited for: a signer may take as long as its user does. What fails is tried again at the next beat.
    void this.#sender?.onHead(head).catch(() => {})
    return head.hash
  }

  // ---------------------------------------------------------------- reads

  async state(): Promise<HouseState> {
    return this.#follower.state ?? this.#follower.look()
  }

  epochStatus(number: bigint): Promise<EpochStatus | undefined> {
    return this.#reader.status(number)
  }

  async isFailed(number: bigint): Promise<boolean> {
    return (await this.#reader.ask('isFailed', [number])) as boolean
  }

  epoch(number: bigint): Promise<CommittedEpoch | undefined> {
    return this.#reader.epoch(number)
  }

  async postings(from = 1n): Promise<readonly Posted[]> {
    return this.#reader.postings(from, await this.#confirmedBlock())
  }

  openDemands(epoch: bigint): Promise<readonly Demanded[]> {
    return this.#reader.openDemands(epoch)
  }

  async standing(member: Hex, asset: number): Promise<{ deposited: bigint; requested: bigint }> {
    const answer = await this.#reader.ask('standing', [member, asset], await this.#confirmedBlock())
    const [deposited, requested] = answer as [bigint, bigint]
    return { deposited, requested }
  }

  async outcomes(keys: readonly Hex[]): Promise<readonly Outcome[]> {
    return this.#registry.outcomes(keys, await this.#confirmedBlock())
  }

  leafShownIn(transaction: Hex): Promise<ShownLeaf | undefined> {
    if (this.#shown?.transaction === transaction) return this.#shown.leaf
    const leaf = this.#readLeaf(transaction)
    this.#shown = { transaction, leaf }
    leaf.catch(() => {
      this.#shown = undefined
    })
    return leaf
  }

  async #readLeaf(transaction: Hex): Promise<ShownLeaf | undefined> {
    const found = await this.#rpc.call((provider) => provider.getTransaction(transaction))
    // A server that lags may know it the next time.
    if (!found) this.#shown = undefined
    return found?.to?.toLowerCase() === this.terms.court ? shownLeafIn(found.data) : undefined
  }

  async secretOf(key: Hex): Promise<Hex | undefined> {
    return this.#registry.secretOf(key, await this.#rpc.call((provider) => provider.getBlockNumber()))
  }

  async claimable(vault: HouseVault, asset: Address, owner: Address): Promise<bigint> {
    const [amount] = await ask(this.#rpc, this.#vaults[vault], ABIS[vault], 'claimable', [asset, owner])
    return amount as bigint
  }

  async staked(asset: number): Promise<bigint> {
    const [amount] = await ask(this.#rpc, this.stake, stakeAbi, 'staked', [asset])
    return amount as bigint
  }

  async backing(asset: number): Promise<bigint> {
    const at = async (block?: number): Promise<bigint> => {
      const view = (name: string) => ask(this.#rpc, this.stake, stakeAbi, name, [asset], block)
      const [[staked], [notice]] = await Promise.all([view('staked'), view('noticeOf')])
      return (staked as bigint) - (notice as bigint)
    }
    return least(await at(), await at(await this.#confirmedBlock()))
  }

  async balance(asset: Address, account: Address = this.sender): Promise<bigint> {
    return balanceOf(this.#rpc, asset, account)
  }

  async bondFor(epoch: bigint): Promise<bigint> {
    const data = courtAbi.encodeFunctionData('bondFor', [this.domain.adjudicator, epoch])
    const { baseFee, gasPrice } = await readMarket(this.#rpc)
    // Without a price some nodes answer as if the base fee were zero. The sender holds so much, since the bond is more.
    const call = {
      to: this.terms.court,
      data,
      from: this.sender,
      gasPrice: 2n * (baseFee ?? gasPrice),
      gasLimit: 100_000,
    }
    const [bond] = courtAbi.decodeFunctionResult('bondFor', await this.#rpc.call((provider) => provider.call(call)))
    if ((bond as bigint) > bondAt(0n, 0, this.terms)) return bond as bigint
    // Some nodes, as Hardhat's, answer so whatever the price is.
    return bondAt(baseFee ?? 0n, (await this.epochStatus(epoch))?.open ?? 0, this.terms)
  }

  async #confirmedBlock(): Promise<number> {
    // Not that of the last look: who was just told of an event asks for what it led to.
    const latest = await this.#rpc.call((provider) => provider.getBlockNumber())
    return Math.max(latest - this.confirmations + 1, 0)
  }

  // ---------------------------------------------------------------- sends

  deposit(identity: Member, asset: number, amount: bigint, options: SendOptions): Promise<ChainReceipt> {
    const { signer, owner } = identity
    return this.#payIn(
      'house',
      { functionName: 'deposit', args: [signer, owner, asset, amount] },
      asset,
      amount,
      options,
    )
  }

  addStake(asset: number, amount: bigint, options: SendOptions): Promise<ChainReceipt> {
    return this.#payIn('stake', { functionName: 'add', args: [asset, amount] }, asset, amount, options)
  }

  request(signer: Address, asset: number, target: bigint, options: SendOptions): Promise<ChainReceipt> {
    return this.#call('house', 'request', [signer, asset, target], options)
  }

  commit(previous: Epoch, next: Epoch, posting: Posting | undefined, options: SendOptions): Promise<ChainReceipt> {
    const args = [previous, next, posting ?? noPosting(this.terms.assets.length)]
    return this.#call('house', 'commit', args, options)
  }

  advance(most: number, options: SendOptions): Promise<ChainReceipt> {
    return this.#call('house', 'advance', [most], options)
  }

  collect(epoch: Epoch, claims: readonly Claim[], path: readonly Hex[], options: SendOptions): Promise<ChainReceipt> {
    return this.#call('house', 'collect', [epoch, claims, path], { ...options, payees: claims.length })
  }

  exit(epoch: Epoch, claims: readonly Claim[], path: readonly Hex[], options: SendOptions): Promise<ChainReceipt> {
    return this.#call('house', 'exit', [epoch, claims, path], { ...options, payees: claims.length })
  }

  exitLock(exit: LockExit, options: SendOptions): Promise<ChainReceipt> {
    const { epoch, proof, payer, payee, position, lock, statusPath } = exit
    const args = [epoch, proof, payer, payee, position, lock, statusPath]
    return this.#call('house', 'exitLock', args, { ...options, payees: 2 })
  }

  refund(epoch: Epoch, { posting, identity }: Posted, options: SendOptions): Promise<ChainReceipt> {
    return this.#call('house', 'refund', [epoch, posting, identity], { ...options, payees: 1 })
  }

  async challenge(challenge: Challenge, options: SendOptions): Promise<ChainReceipt> {
    const { functionName, args } = challengeCall(this.domain.adjudicator, challenge)
    const value = HEADROOM * (await this.bondFor(challengedEpoch(challenge)))
    return this.#call('court', functionName, args, { ...options, value, payees: 1 })
  }

  answer(answer: Answer, options: SendOptions): Promise<ChainReceipt> {
    const { functionName, args } = answerCall(this.domain.adjudicator, answer)
    return this.#call('court', functionName, args, { ...options, payees: 1 })
  }

  reclaim(demand: Demand, options: SendOptions): Promise<ChainReceipt> {
    return this.#call('court', 'reclaim', [this.domain.adjudicator, demandHash(demand)], { ...options, payees: 1 })
  }

  claim(vault: HouseVault, asset: Address, to: Address, options: SendOptions): Promise<ChainReceipt> {
    return this.#call(vault, 'claim', [asset, to], options)
  }

  reveal(secret: Hex, options: SendOptions): Promise<ChainReceipt> {
    const data = registryAbi.encodeFunctionData('reveal', [secret]) as Hex
    const request = { functionName: 'reveal', to: this.terms.registry, data, value: 0n, room: undefined }
    return this.#send(request, options)
  }

  convict(one: Statement, other: Statement, options: SendOptions): Promise<ChainReceipt> {
    return this.#call('stake', 'convict', [statementArgument(one), statementArgument(other)], options)
  }

  claimInsured(
    { epoch, proof, limits, receipt, signature }: InsuredClaim,
    options: SendOptions,
  ): Promise<ChainReceipt> {
    const words = limits.amounts.map((amount) => sumWord(amount))
    return this.#call('stake', 'claimInsured', [epoch, proof, receipt, signature, words, limits.path], options)
  }

  lowerInsured(identity: Member, account: Account, signature: Hex, options: SendOptions): Promise<ChainReceipt> {
    return this.#call('stake', 'lower', [identity, account, signature], options)
  }

  payInsured(index: number, identity: Member, options: SendOptions): Promise<ChainReceipt> {
    return this.#call('stake', 'payInsured', [index, identity], { ...options, payees: 1 })
  }

  async forget(intent: string): Promise<void> {
    await this.#sender?.forget(intent)
  }

  /** Money for house or stake: coins along with the call, tokens by an approval of exactly so much. */
  async #payIn(to: 'house' | 'stake', call: Call, asset: number, amount: bigint, options: SendOptions) {
    const token = this.terms.assets[asset]
    const value = token === COIN ? amount : 0n
    // What was sent already is not prepared again: the money is gone from the account.
    const isKnown = this.#main().has(options.intent) || (await this.#journal.done(options.intent)) !== undefined
    if (token !== undefined && token !== COIN && !isKnown) {
      const spender = this.#vaults[to]
      const allowance = await allowanceFor(this.#rpc, this.sender, spender, { asset: token, amount })
      const permit = to === 'house' && allowance < amount ? await this.#permit(token, amount) : undefined
      if (permit) return this.#call(to, 'depositWithPermit', [...call.args, ...permit], options)
      const send = (request: Request, step: SendOptions) => this.#send(request, step)
      if (allowance < amount) await approveExactly(send, spender, { asset: token, amount, allowance }, options)
    }
    return this.#call(to, call.functionName, call.args, { ...options, value })
  }

  /** One transaction instead of two, where token and account can. */
  async #permit(asset: Address, amount: bigint): Promise<readonly unknown[] | undefined> {
    const { timestamp } = (await this.state()).latest.head
    const payer = senderAsPayer(this.#signer!, this.sender)
    return signPermit(this.#rpc, payer, this.domain.adjudicator, { asset, amount }, timestamp)
  }

  /** `payees`: how many are paid, each in all assets; what that takes shows in the block alone. */
  async #call(
    vault: HouseVault,
    functionName: string,
    args: readonly unknown[],
    { value = 0n, payees = 0, ...options }: SendOptions & { readonly value?: bigint; readonly payees?: number },
  ): Promise<ChainReceipt> {
    const data = ABIS[vault].encodeFunctionData(functionName, args) as Hex
    const assets = vault === 'court' ? [COIN] : this.terms.assets
    const each = assets.reduce((room, asset) => room + (asset === COIN ? PUSHED.coin : PUSHED.token), 0n)
    const room = payees === 0 ? undefined : BigInt(payees) * each
    return this.#send({ functionName, to: this.#vaults[vault], data, value, room }, options)
  }

  #send(request: Request, options: SendOptions): Promise<ChainReceipt> {
    const sent = this.#main().send(request, options)
    this.#heartbeat.hurry()
    return sent
  }

  #main(): Sender {
    if (!this.#sender) throw new NoSenderError()
    return this.#sender
  }
}
