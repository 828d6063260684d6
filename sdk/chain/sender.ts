import type { Signer, TransactionReceipt } from 'ethers'
import type { Address, Hex } from '../core/types.ts'
import { findByNonce, type NonceUse } from './by-nonce.ts'
import type { ChainReceipt, Head, SendOptions } from './chain.ts'
import {
  ChainError,
  ChainStoppedError,
  DeadlinePassedError,
  FeeCeilingError,
  InsufficientGasMoneyError,
  RpcUnreachableError,
  UnknownOutcomeError,
  UserRejectedError,
} from './errors.ts'
import { bumpFees, type FeeMarket, type Fees, leastBump, lowerTo, priceCap, type Urgency, urgencyAt } from './fees.ts'
import { GasWatch } from './gas-watch.ts'
import { byNeed, fail, type Job, newJob, succeed, wait } from './job.ts'
import type { Attempt, Entry, Journal } from './journal.ts'
import { chainReceipt, findReceipt, revertReason } from './mined.ts'
import { affordable, preflight, type Request, readMarket } from './preflight.ts'
import { asChainError, type Rpc } from './rpc.ts'
import { verdictOf } from './used-nonce.ts'
import { askWallet, broadcast, signAttempt, signerError } from './wire.ts'

/** How a {@link Sender} works. */
export interface SenderOptions {
  readonly rpc: Rpc
  readonly signer: Signer
  readonly account: Address
  readonly journal: Journal
  /** A transaction this deep is final. */
  readonly confirmations: number
  readonly allowDelegated: boolean
  /** Raises the alarm when the account cannot pay for this much gas any more. */
  readonly reserveGas: bigint
  /** Wei per unit of gas that is never exceeded; undefined: no limit. */
  readonly maxFeePerGas?: bigint | undefined
  readonly onAlarm: (error: Error) => void
}

// Geth keeps sixteen pending transactions of an account for certain.
const MAX_IN_FLIGHT = 16
const BUMPS_AT_ONCE = 12
/** Blocks to wait for a transaction before its fee rises, by urgency. */
const PATIENCE: Readonly<Record<Urgency, number>> = { 0: 3, 1: 2, 2: 1, 3: 1 }

/**
 * The one owner of an account's nonces. A transaction is persisted before it leaves and followed by its nonce until it
 * is final; after a crash the very same bytes are broadcast again.
 */
export class Sender {
  readonly account: Address
  readonly #options: SenderOptions
  readonly #jobs = new Map<string, Job>()
  #head: Head | undefined
  #last: Promise<unknown> = Promise.resolve()
  #stopped = false
  #walletOnly = false
  #following: Promise<void> | undefined
  readonly #gasWatch: GasWatch

  constructor(options: SenderOptions) {
    const { rpc, account, reserveGas, onAlarm } = options
    this.account = account
    this.#options = options
    this.#gasWatch = new GasWatch(rpc, account, reserveGas, onAlarm)
  }

  /** Whether anything is under way. */
  get busy(): boolean {
    return this.#jobs.size > 0
  }

  /** Whether a transaction for this intent is under way. */
  has(intent: string): boolean {
    return this.#jobs.has(intent)
  }

  /** Takes up what an earlier process left under way. */
  async start(head: Head): Promise<void> {
    this.#head = head
    for (const entry of await this.#options.journal.open(this.account)) {
      const { intent, before } = entry
      const job = newJob(entry.request, { intent, ...(before === undefined ? {} : { before }) })
      this.#jobs.set(intent, { ...job, entry })
    }
  }

  /** Sends `request` once for this intent, or joins the transaction that is under way for it. */
  async send(request: Request, options: SendOptions): Promise<ChainReceipt> {
    options.signal?.throwIfAborted()
    if (this.#stopped) throw new ChainStoppedError()
    const job = this.#jobs.get(options.intent) ?? newJob(request, options)
    this.#jobs.set(options.intent, job)
    const waiting = wait(job, options.signal)
    this.#pump()
    return waiting
  }

  /** Forgets an intent whose outcome is unknown, so that it can be sent anew. */
  async forget(intent: string): Promise<void> {
    const entry = this.#jobs.get(intent)?.entry
    this.#jobs.delete(intent)
    if (entry) await this.#options.journal.drop(entry)
  }

  /** Looks after everything under way at a new block. */
  onHead(head: Head): Promise<void> {
    this.#head = head
    this.#following ??= this.#exclusive(async () => {
      this.#following = undefined
      await this.#gasWatch.look(this.#head!)
      await this.#follow(this.#head!)
      this.#pump()
    })
    return this.#following
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const job of this.#jobs.values()) fail(job, new ChainStoppedError())
    await this.#last
  }

  /** One thing at a time: two transactions must never be given one nonce. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last.then(work)
    this.#last = run.catch(() => {})
    return run
  }

  /** Signs and sends what waits, most urgent first, so that the order of nonces is the order of need. */
  #pump(): void {
    void this.#exclusive(async () => {
      const job = this.#stopped || !this.#head ? undefined : this.#next()
      if (!job) return
      try {
        await this.#dispatch(job)
      } catch (error) {
        // An answer that cannot leave now is tried again at the next block; anything else is the caller's to repeat.
        if (error instanceof RpcUnreachableError && job.options.before !== undefined) return
        await this.#abandon(job, error)
      }
      this.#pump()
    })
  }

  #next(): Job | undefined {
    const jobs = [...this.#jobs.values()]
    if (jobs.some(({ asking }) => asking)) return undefined
    if (jobs.filter(({ entry, mined }) => entry && !mined).length >= MAX_IN_FLIGHT) return undefined
    return jobs.filter(({ entry }) => !entry).sort(byNeed(this.#head!.timestamp))[0]
  }

  async #dispatch(job: Job): Promise<void> {
    const { rpc, allowDelegated, signer } = this.#options
    const { intent, before } = job.options
    const { timestamp, number } = this.#head!
    if (await this.#isDone(job)) return
    if (job.waiters.size === 0 && !job.outrun) return this.#abandon(job, new ChainStoppedError())
    if (before !== undefined && timestamp > before)
      throw new DeadlinePassedError(job.request.functionName, before, timestamp)
    const [{ gasLimit, fees }, nonce] = await Promise.all([
      preflight(rpc, this.account, job.request, urgencyAt(timestamp, timestamp, before), allowDelegated),
      this.#nextNonce(),
    ])
    const entry: Entry = {
      intent,
      account: this.account,
      nonce,
      request: { ...job.request, gasLimit },
      ...(before === undefined ? {} : { before }),
      since: timestamp,
      block: number,
      attempts: [],
    }
    const attempt = this.#walletOnly
      ? undefined
      : await signAttempt(signer, rpc.chainId, entry, this.#capped(fees), number)
    if (!attempt) return this.#ask(job, entry)
    await this.#launch(job, entry, attempt)
    if (rpc.development) await this.#follow(this.#head!)
  }

  /** Whether the intent is fulfilled. If a reorganisation took that back, the very same transaction is taken up again. */
  async #isDone(job: Job): Promise<boolean> {
    const { rpc, journal } = this.#options
    const done = await journal.done(job.options.intent)
    if (!done) return false
    const { transaction } = done.receipt
    const receipt = await rpc.call((provider) => provider.getTransactionReceipt(transaction))
    if (receipt) this.#finish(job, done.receipt)
    else if (done.entry.account === this.account) {
      await journal.reopen(done.entry)
      job.entry = done.entry
    }
    return receipt !== null || job.entry !== undefined
  }

  async #nextNonce(): Promise<number> {
    const pending = await this.#options.rpc.call((provider) => provider.getTransactionCount(this.account, 'pending'))
    return [...this.#jobs.values()].reduce((next, { entry }) => Math.max(next, (entry?.nonce ?? -1) + 1), pending)
  }

  /** Persists the attempt, then broadcasts it, raising the fee as long as the RPC finds it too low. */
  async #launch(job: Job, entry: Entry, first: Attempt): Promise<void> {
    let attempt: Attempt | undefined = first
    job.entry = entry
    delete job.outrun
    for (let round = 0; attempt && round < BUMPS_AT_ONCE; round++) {
      job.entry = { ...job.entry, attempts: [...job.entry.attempts, attempt] }
      await this.#options.journal.write(job.entry)
      attempt = (await this.#broadcast(job, attempt)) ? undefined : await this.#raise(job, 3)
    }
  }

  /** @returns Whether nothing more can be done for it now; false: its fee is too low. */
  async #broadcast(job: Job, attempt: Attempt): Promise<boolean> {
    const { rpc, onAlarm } = this.#options
    const { functionName, value, gasLimit } = job.entry!.request
    job.broadcastAt = this.#head!.number
    const verdict = await broadcast(rpc, functionName, attempt)
    if (verdict === 'underpriced') return false
    if (verdict === 'lost') delete job.broadcastAt
    if (verdict === 'poor') {
      // It stays in the journal and leaves as soon as there is money: the same bytes, so never twice.
      const held = await rpc.call((provider) => provider.getBalance(this.account))
      const poor = new InsufficientGasMoneyError(this.account, held, value + gasLimit * priceCap(attempt.fees))
      onAlarm(poor)
      fail(job, poor)
    }
    // An earlier attempt of the same nonce may still be pending elsewhere, so only a single one can be given up.
    if (typeof verdict === 'object' && job.entry!.attempts.length === 1) await this.#abandon(job, verdict)
    return true
  }

  /** Asks a wallet to send. Nothing else is sent meanwhile, and nothing waits for its user behind the lock. */
  async #ask(job: Job, entry: Entry): Promise<void> {
    this.#walletOnly = true
    await this.#options.journal.write(entry)
    job.entry = entry
    job.asking = true
    delete job.outrun
    const asked = askWallet(this.#options.signer, entry).catch(async (error) => {
      // The wallet's node may have mined it and reported the revert as an error.
      const use = await this.#useOf(entry).catch(() => undefined)
      if (use?.hash) return use.hash
      throw signerError(entry.request.functionName, error)
    })
    void asked
      .then(
        (hash) => this.#exclusive(() => this.#asked(job, hash)),
        (error) => this.#exclusive(() => this.#abandon(job, error)),
      )
      .catch((error) => fail(job, asChainError('the wallet', error)))
      .then(() => this.#pump())
  }

  async #asked(job: Job, hash: Hex): Promise<void> {
    const { number } = this.#head!
    job.asking = false
    job.entry = { ...job.entry!, attempts: [{ hash, fees: { gasPrice: 0n }, block: number }] }
    await this.#options.journal.write(job.entry)
    await this.#follow(this.#head!)
  }

  /** Brings every transaction under way a step further. */
  async #follow(head: Head): Promise<void> {
    const open = [...this.#jobs.values()].filter(({ entry, asking }) => entry && !asking)
    if (open.length === 0) return
    open.sort((a, b) => a.entry!.nonce - b.entry!.nonce)
    const used = await this.#options.rpc.call((provider) => provider.getTransactionCount(this.account, 'latest'))
    const pending = open.filter((job) => job.entry!.nonce >= used)
    for (const job of open) if (job.entry!.nonce < used) await this.#conclude(job, head)
    if (pending.length === 0) return
    const market = await readMarket(this.#options.rpc)
    for (const [index, job] of pending.entries()) {
      // A later nonce can only be mined after this one, so its hurry is this one's hurry.
      const urgency = Math.max(...pending.slice(index).map(({ entry }) => urgencyOf(entry!, head))) as Urgency
      await this.#hurry(job, head, urgency, market, index === 0)
    }
  }

  /** The nonce is used up: by one of the attempts, or by something else. */
  async #conclude(job: Job, head: Head): Promise<void> {
    const { confirmations, rpc } = this.#options
    const entry = job.entry!
    const receipt = await findReceipt(rpc, entry.attempts)
    if (receipt) return this.#mined(job, receipt, head)
    const final = Math.max(head.number - confirmations + 1, 0)
    const use = await findByNonce(rpc, this.account, entry.nonce, entry.block, final).catch(() => undefined)
    const verdict = verdictOf(entry, use)
    switch (verdict.kind) {
      case 'wait':
        return
      case 'sent':
        return this.#asked(job, verdict.hash)
      case 'unknown':
        return fail(job, new UnknownOutcomeError(entry.intent, this.account, entry.nonce))
      case 'replaced':
        return this.#abandon(job, new UserRejectedError(entry.request.functionName))
      case 'outrun':
        job.outrun = entry
        delete job.entry
    }
  }

  async #mined(job: Job, receipt: TransactionReceipt, head: Head): Promise<void> {
    const { confirmations, rpc, journal } = this.#options
    const final = head.number - receipt.blockNumber + 1 >= confirmations
    if (receipt.status === 0) {
      // Until it is final a reorganisation may make it succeed. An answer does no harm twice, and cannot wait.
      if (final || job.options.before !== undefined)
        await this.#abandon(job, await revertReason(rpc, job.entry!, receipt))
      return
    }
    if (job.mined?.block.hash !== receipt.blockHash) job.mined = await chainReceipt(rpc, receipt)
    if (!final) return succeed(job, job.mined)
    await journal.finish(job.entry!, job.mined)
    this.#finish(job, job.mined)
  }

  /** Not mined: raises its fee when it has waited long enough, or reminds the RPC of it. */
  async #hurry(job: Job, head: Head, urgency: Urgency, market: FeeMarket, lowest: boolean): Promise<void> {
    const entry = job.entry!
    const last = entry.attempts.at(-1)
    // Mined once, and taken back by a reorganisation.
    delete job.mined
    if (!last) return this.#lookAfterAsked(job)
    if (entry.before !== undefined && head.timestamp > entry.before)
      fail(job, new DeadlinePassedError(entry.request.functionName, entry.before, head.timestamp))
    // A wallet looks after the fees of what it sent itself.
    if (!last.raw) return
    const waited = head.number - last.block
    const stuck = lowest && waited >= PATIENCE[urgency]
    const cheap = waited > 0 && market.baseFee !== undefined && priceCap(last.fees) < market.baseFee
    const raised = stuck || cheap ? await this.#raise(job, urgency) : undefined
    if (raised) return this.#launch(job, entry, raised)
    if (job.broadcastAt === head.number || (await this.#broadcast(job, last))) return
    const better = await this.#raise(job, urgency)
    if (better) await this.#launch(job, entry, better)
  }

  #capped(fees: Fees): Fees {
    const { maxFeePerGas: ceiling } = this.#options
    return ceiling === undefined ? fees : lowerTo(fees, ceiling)
  }

  /** Whether the ceiling leaves no room for a higher fee. What cannot wait for ever is told of once. */
  #isHeld(job: Job, last: Fees, wanted: Fees): boolean {
    const { maxFeePerGas: ceiling, onAlarm } = this.#options
    if (ceiling === undefined || leastBump(last) <= ceiling) return false
    const { request, before } = job.entry!
    if (before !== undefined && !job.held)
      onAlarm(new FeeCeilingError(request.functionName, ceiling, priceCap(wanted), before))
    job.held = true
    return true
  }

  /** The same transaction with a higher fee; undefined if the account cannot pay it, or may not. */
  async #raise(job: Job, urgency: Urgency): Promise<Attempt | undefined> {
    const { rpc, onAlarm, signer } = this.#options
    const entry = job.entry!
    const { value, gasLimit } = entry.request
    const last = entry.attempts.at(-1)!.fees
    const [market, balance] = await Promise.all([
      readMarket(rpc),
      rpc.call((provider) => provider.getBalance(this.account)),
    ])
    try {
      const wanted = bumpFees(last, market, urgency)
      if (this.#isHeld(job, last, wanted)) return undefined
      const fees = affordable(this.account, balance, value, gasLimit, this.#capped(wanted), leastBump(last))
      return await signAttempt(signer, rpc.chainId, entry, fees, this.#head!.number)
    } catch (error) {
      if (!(error instanceof InsufficientGasMoneyError)) throw error
      onAlarm(error)
      if (job.options.anySender) fail(job, error)
      return undefined
    }
  }

  /** A wallet was asked by an earlier process: if its nonce is still free, nothing was sent. */
  async #lookAfterAsked(job: Job): Promise<void> {
    const entry = job.entry!
    const pending = await this.#options.rpc.call((provider) => provider.getTransactionCount(this.account, 'pending'))
    // Something is on its way; when it is mined it will show what.
    if (pending > entry.nonce) return
    if (job.waiters.size === 0) return this.#abandon(job, new ChainStoppedError())
    job.outrun = entry
    delete job.entry
  }

  async #useOf({ nonce, block }: Entry): Promise<NonceUse | undefined> {
    const { rpc } = this.#options
    const latest = await rpc.call((provider) => provider.getBlockNumber())
    return findByNonce(rpc, this.account, nonce, block, latest)
  }

  /** It had and will have no effect: the intent is free again. */
  async #abandon(job: Job, error: unknown): Promise<void> {
    this.#jobs.delete(job.options.intent)
    const entry = job.entry ?? job.outrun
    if (entry) await this.#options.journal.drop(entry)
    fail(job, error instanceof ChainError ? error : asChainError('sending', error))
  }

  #finish(job: Job, receipt: ChainReceipt): void {
    this.#jobs.delete(job.options.intent)
    succeed(job, receipt)
  }
}

const urgencyOf = ({ since, before }: Entry, { timestamp }: Head): Urgency => urgencyAt(timestamp, since, before)
