import { isError, type Signer, Transaction, type TransactionReceipt } from 'ethers'
import type { Address, Hex } from '../core/types.ts'
import { findByNonce } from './by-nonce.ts'
import type { ChainReceipt, Head, SendOptions } from './chain.ts'
import {
  ChainStoppedError,
  DeadlinePassedError,
  InsufficientGasMoneyError,
  RpcUnreachableError,
  TransactionRefusedError,
  TransactionRevertedError,
  UnknownOutcomeError,
  UserRejectedError,
} from './errors.ts'
import { bumpFees, type Fees, priceCap, type Urgency, urgencyAt } from './fees.ts'
import type { Attempt, Entry, Journal } from './journal.ts'
import { affordable, preflight, type Request, readMarket } from './preflight.ts'
import { decodeRevert, explainRevert, revertOf } from './reverts.ts'
import { asChainError, lastSentence, type Rpc, rpcMessage } from './rpc.ts'

/** How a sender works; see {@link Sender}. */
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
  readonly onAlarm: (error: Error) => void
}

interface Waiter {
  resolve(receipt: ChainReceipt): void
  reject(error: unknown): void
}

/** A transaction on its way: waiting to be signed (no entry), asked of a wallet (`asking`), or broadcast. */
interface Job {
  readonly request: Request
  readonly options: SendOptions
  readonly waiters: Set<Waiter>
  entry?: Entry
  /** An entry whose nonce was used up by something else; overwritten by the next one. */
  outrun?: Entry
  mined?: ChainReceipt
  asking: boolean
  /** Block at which it was last given to the RPC by this process. */
  broadcastAt?: number
}

// Geth holds sixteen pending transactions of an account before it may drop some.
const MAX_IN_FLIGHT = 16
const BUMPS_AT_ONCE = 12
/** Blocks to wait for a transaction before its fee rises, by urgency. */
const PATIENCE: Readonly<Record<Urgency, number>> = { 0: 3, 1: 2, 2: 1, 3: 1 }

/**
 * The one owner of an account's nonces. A transaction is persisted before it leaves and followed by nonce until it is
 * final; after a crash the very same bytes are broadcast again.
 */
export class Sender {
  readonly account: Address
  readonly #options: SenderOptions
  readonly #jobs = new Map<string, Job>()
  #head: Head | undefined
  #last: Promise<unknown> = Promise.resolve()
  #stopped = false
  #walletOnly = false
  #alarmed = false
  #nextMoneyCheck = 0

  constructor(options: SenderOptions) {
    this.account = options.account
    this.#options = options
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
      this.#jobs.set(intent, {
        request: entry.request,
        options: { intent, ...(before === undefined ? {} : { before }) },
        waiters: new Set(),
        entry,
        asking: false,
      })
    }
  }

  /** Sends `request` once for this intent, or joins the transaction that is under way for it. */
  async send(request: Request, options: SendOptions): Promise<ChainReceipt> {
    const { intent, signal } = options
    signal?.throwIfAborted()
    const done = await this.#options.journal.receipt(intent)
    if (done) return done
    if (this.#stopped) throw new ChainStoppedError()
    let job = this.#jobs.get(intent)
    if (!job) {
      job = { request, options, waiters: new Set(), asking: false }
      this.#jobs.set(intent, job)
    }
    const waiting = wait(job, signal)
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
    return this.#exclusive(async () => {
      await this.#watchMoney(head)
      await this.#follow(head)
      this.#pump()
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const job of this.#jobs.values()) fail(job, new ChainStoppedError())
    await this.#last
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last.then(work)
    this.#last = run.catch(() => {})
    return run
  }

  /** Signs and sends what waits, most urgent first, one at a time: the order of nonces is the order of need. */
  #pump(): void {
    void this.#exclusive(async () => {
      const job = this.#next()
      if (!job || this.#stopped) return
      try {
        await this.#dispatch(job)
      } catch (error) {
        // An answer that cannot be sent now is tried again at the next block; anything else is the caller's to repeat.
        if (error instanceof RpcUnreachableError && job.options.before !== undefined) return
        await this.#abandon(job, error)
      }
      this.#pump()
    })
  }

  #next(): Job | undefined {
    const jobs = [...this.#jobs.values()]
    if (jobs.some((job) => job.asking)) return undefined
    if (jobs.filter((job) => job.entry).length >= MAX_IN_FLIGHT) return undefined
    return jobs.filter((job) => !job.entry).sort(byNeed)[0]
  }

  async #dispatch(job: Job): Promise<void> {
    const { rpc, journal, allowDelegated } = this.#options
    const { intent, before } = job.options
    const head = this.#head!
    // Looked up again behind the lock: the same intent may have become final since it was queued.
    const done = await journal.receipt(intent)
    if (done) return this.#resolve(job, done, true)
    if (job.waiters.size === 0 && !job.outrun) return void this.#jobs.delete(intent)
    if (before !== undefined && head.timestamp > before)
      throw new DeadlinePassedError(job.request.functionName, before, head.timestamp)
    const [{ gasLimit, fees }, nonce] = await Promise.all([
      preflight(rpc, this.account, job.request, urgencyAt(head.timestamp, head.timestamp, before), allowDelegated),
      this.#nextNonce(),
    ])
    const entry: Entry = {
      intent,
      account: this.account,
      nonce,
      request: { ...job.request, gasLimit },
      ...(before === undefined ? {} : { before }),
      since: head.timestamp,
      block: head.number,
      attempts: [],
    }
    const attempt = this.#walletOnly ? undefined : await this.#sign(entry, fees)
    if (!attempt) return this.#ask(job, entry)
    await this.#launch(job, entry, attempt)
    if (rpc.development) await this.#follow(head)
  }

  async #nextNonce(): Promise<number> {
    const pending = await this.#options.rpc.call((provider) => provider.getTransactionCount(this.account, 'pending'))
    return [...this.#jobs.values()].reduce((next, { entry }) => Math.max(next, (entry?.nonce ?? -1) + 1), pending)
  }

  /** A signed attempt; undefined if this signer only sends, as browser wallets do. */
  async #sign(entry: Entry, fees: Fees): Promise<Attempt | undefined> {
    const { nonce, request } = entry
    const { functionName, ...call } = request
    const { chainId } = this.#options.rpc
    const type = 'gasPrice' in fees ? 0 : 2
    try {
      const raw = (await this.#options.signer.signTransaction({ ...call, ...fees, nonce, chainId, type })) as Hex
      return { hash: Transaction.from(raw).hash as Hex, raw, fees, block: this.#head!.number }
    } catch (error) {
      if (isRejection(error)) throw new UserRejectedError(functionName, { cause: error })
      // Unless an attempt of this nonce is out already, the signer may be asked to send instead.
      if (entry.attempts.length > 0 || !UNSUPPORTED.test(rpcMessage(error)))
        throw new TransactionRefusedError(functionName, `the signer failed, ${lastSentence(error)}`, { cause: error })
      this.#walletOnly = true
      return undefined
    }
  }

  /** Persists the attempt, then broadcasts it, raising the fee as long as the RPC finds it too low. */
  async #launch(job: Job, entry: Entry, first: Attempt): Promise<void> {
    let attempt = first
    for (let round = 0; ; round++) {
      const next: Entry = { ...entry, attempts: [...(job.entry ?? entry).attempts, attempt] }
      await this.#options.journal.write(next)
      job.entry = next
      delete job.outrun
      const verdict = await this.#broadcast(job, attempt)
      if (verdict !== 'underpriced' || round === BUMPS_AT_ONCE) return
      const raised = await this.#raise(job.entry, 3)
      if (!raised) return
      attempt = raised
    }
  }

  async #broadcast(job: Job, attempt: Attempt): Promise<'sent' | 'underpriced'> {
    const { rpc, onAlarm } = this.#options
    job.broadcastAt = this.#head!.number
    try {
      await rpc.call((provider) => provider.broadcastTransaction(attempt.raw!))
      return 'sent'
    } catch (error) {
      const said = rpcMessage(error)
      // Whether it left is unknown: it stays in the journal and is sent again at the next block.
      if (error instanceof RpcUnreachableError || HARMLESS.test(said)) return 'sent'
      if (UNDERPRICED.test(said)) return 'underpriced'
      if (isError(error, 'INSUFFICIENT_FUNDS')) {
        const { value, gasLimit } = job.entry!.request
        const held = await rpc.call((provider) => provider.getBalance(this.account))
        const poor = new InsufficientGasMoneyError(this.account, held, value + gasLimit * priceCap(attempt.fees))
        onAlarm(poor)
        fail(job, poor)
        return 'sent'
      }
      // A node that mines at once may report the revert of what it mined as an error: the receipt will tell.
      const known = await rpc.call((provider) => provider.getTransaction(attempt.hash)).catch(() => undefined)
      if (known !== null || job.entry!.attempts.length > 1) return 'sent'
      const { functionName } = job.request
      await this.#abandon(job, new TransactionRefusedError(functionName, lastSentence(error), { cause: error }))
      return 'sent'
    }
  }

  /** Asks a wallet to send. Nothing else is sent meanwhile, and nobody waits for the user behind the lock. */
  async #ask(job: Job, entry: Entry): Promise<void> {
    await this.#options.journal.write(entry)
    job.entry = entry
    job.asking = true
    const { functionName, ...call } = entry.request
    const { nonce } = entry
    void askWallet(this.#options.signer, { ...call, nonce, from: this.account })
      .then(
        (hash) => this.#exclusive(() => this.#asked(job, hash)),
        (error) =>
          this.#exclusive(async () => {
            job.asking = false
            if (isRejection(error)) return this.#abandon(job, new UserRejectedError(functionName, { cause: error }))
            // The wallet's node may have mined it and reported the revert as an error.
            const use = await this.#useOf(entry).catch(() => undefined)
            if (use?.hash) return this.#asked(job, use.hash)
            return this.#abandon(job, new TransactionRefusedError(functionName, lastSentence(error), { cause: error }))
          }),
      )
      .catch((error) => fail(job, error))
      .then(() => this.#pump())
  }

  async #asked(job: Job, hash: Hex): Promise<void> {
    const attempt: Attempt = { hash, fees: { gasPrice: 0n }, block: this.#head!.number }
    job.entry = { ...job.entry!, attempts: [attempt] }
    job.asking = false
    job.broadcastAt = this.#head!.number
    await this.#options.journal.write(job.entry)
    await this.#follow(this.#head!)
  }

  /** Brings every transaction under way a step further. */
  async #follow(head: Head): Promise<void> {
    const open = [...this.#jobs.values()].filter(({ entry, asking }) => entry && !asking)
    if (open.length === 0) return
    open.sort((a, b) => a.entry!.nonce - b.entry!.nonce)
    const used = await this.#options.rpc.call((provider) => provider.getTransactionCount(this.account, 'latest'))
    let lowest = true
    for (const [index, job] of open.entries()) {
      if (job.entry!.nonce < used) await this.#conclude(job, head)
      else {
        // A later nonce can only be mined after this one, so its hurry is this one's hurry.
        const urgency = open
          .slice(index)
          .reduce((most, { entry }) => larger(most, urgencyOf(entry!, head)), 0 as Urgency)
        await this.#hurry(job, head, urgency, lowest)
        lowest = false
      }
    }
  }

  /** The nonce is used up: by one of the attempts, or by something else. */
  async #conclude(job: Job, head: Head): Promise<void> {
    const { confirmations, rpc } = this.#options
    const entry = job.entry!
    for (const { hash } of [...entry.attempts].reverse()) {
      const receipt = await rpc.call((provider) => provider.getTransactionReceipt(hash))
      if (receipt) return this.#mined(job, receipt, head)
    }
    const final = Math.max(head.number - confirmations + 1, 0)
    const use = await findByNonce(rpc, this.account, entry.nonce, entry.block, final).catch(() => undefined)
    if (!use || entry.attempts.some(({ hash }) => hash === use.hash)) return
    if (use.hash && sameCall(use, entry)) return this.#asked(job, use.hash)
    // Somebody else used this nonce for good: none of the attempts can be mined any more, so another nonce is safe.
    job.outrun = entry
    delete job.entry
  }

  async #mined(job: Job, receipt: TransactionReceipt, head: Head): Promise<void> {
    const { confirmations, rpc } = this.#options
    const final = head.number - receipt.blockNumber + 1 >= confirmations
    if (receipt.status === 0) {
      // Before it is final a reorganisation could still make it succeed. An answer does no harm twice and cannot wait.
      if (final || job.options.before !== undefined) await this.#abandon(job, await this.#revertOf(job, receipt))
      return
    }
    const transaction = receipt.hash as Hex
    if (job.mined?.block.hash !== receipt.blockHash) {
      const block = await rpc.call((provider) => provider.getBlock(receipt.blockHash))
      if (!block) return
      const { number, hash, timestamp } = block
      job.mined = {
        transaction,
        block: { number, hash: hash as Hex, timestamp: BigInt(timestamp) },
        gasUsed: receipt.gasUsed,
      }
    }
    if (final) await this.#options.journal.finish(job.entry!, job.mined)
    this.#resolve(job, job.mined, final)
  }

  /** Not mined yet: raises its fee, or reminds the RPC of it. */
  async #hurry(job: Job, head: Head, urgency: Urgency, lowest: boolean): Promise<void> {
    const entry = job.entry!
    const last = entry.attempts.at(-1)
    delete job.mined
    if (!last) return this.#lookAfterAsked(job)
    if (entry.before !== undefined && head.timestamp > entry.before)
      fail(job, new DeadlinePassedError(entry.request.functionName, entry.before, head.timestamp))
    if (!last.raw) return
    const waited = head.number - last.block
    if (waited >= (lowest ? PATIENCE[urgency] : 1) && (await this.#shouldRaise(last, lowest))) {
      const attempt = await this.#raise(entry, urgency, job)
      if (attempt) return this.#launch(job, entry, attempt)
    }
    if (job.broadcastAt !== head.number && (await this.#broadcast(job, last)) === 'underpriced') {
      const attempt = await this.#raise(entry, urgency, job)
      if (attempt) await this.#launch(job, entry, attempt)
    }
  }

  /** The lowest nonce holds up all others; a higher one needs a new fee only if the base fee went past it. */
  async #shouldRaise(last: Attempt, lowest: boolean): Promise<boolean> {
    if (lowest) return true
    const { baseFee } = await readMarket(this.#options.rpc)
    return baseFee !== undefined && priceCap(last.fees) < baseFee
  }

  /** The same transaction with a higher fee; undefined if the account cannot pay it. */
  async #raise(entry: Entry, urgency: Urgency, job?: Job): Promise<Attempt | undefined> {
    const { rpc, onAlarm } = this.#options
    const { value, gasLimit } = entry.request
    const last = entry.attempts.at(-1)!.fees
    const [market, balance] = await Promise.all([
      readMarket(rpc),
      rpc.call((provider) => provider.getBalance(this.account)),
    ])
    try {
      const least = priceCap(bumpFees(last, { baseFee: 0n, priority: 0n, gasPrice: 0n }, 0))
      return await this.#sign(
        entry,
        affordable(this.account, balance, value, gasLimit, bumpFees(last, market, urgency), least),
      )
    } catch (error) {
      if (!(error instanceof InsufficientGasMoneyError)) throw error
      onAlarm(error)
      if (job?.options.anySender) fail(job, error)
      return undefined
    }
  }

  /** A wallet was asked by an earlier process: either the nonce tells what became of it, or nothing was sent. */
  async #lookAfterAsked(job: Job): Promise<void> {
    const entry = job.entry!
    const pending = await this.#options.rpc.call((provider) => provider.getTransactionCount(this.account, 'pending'))
    if (pending > entry.nonce) return fail(job, new UnknownOutcomeError(entry.intent, this.account, entry.nonce))
    job.outrun = entry
    delete job.entry
    if (job.waiters.size === 0) await this.#abandon(job, new ChainStoppedError())
  }

  #useOf({ nonce, block }: Entry): ReturnType<typeof findByNonce> {
    const { rpc } = this.#options
    return rpc
      .call((provider) => provider.getBlockNumber())
      .then((latest) => findByNonce(rpc, this.account, nonce, block, latest))
  }

  async #revertOf(job: Job, receipt: TransactionReceipt): Promise<TransactionRevertedError> {
    const { functionName, ...call } = job.entry!.request
    const at = { ...call, from: this.account, blockTag: receipt.blockNumber - 1 }
    const revert = await this.#options.rpc
      .call((provider) => provider.call(at))
      .then(
        () => undefined,
        (error) => revertOf(error),
      )
    const reason = revert ?? decodeRevert('0x')
    return new TransactionRevertedError(functionName, receipt.hash as Hex, reason, explainRevert(reason))
  }

  async #abandon(job: Job, error: unknown): Promise<void> {
    this.#jobs.delete(job.options.intent)
    const entry = job.entry ?? job.outrun
    if (entry) await this.#options.journal.drop(entry)
    fail(job, error instanceof Error && 'code' in error ? error : asChainError('a transaction', error))
  }

  #resolve(job: Job, receipt: ChainReceipt, final: boolean): void {
    if (final) this.#jobs.delete(job.options.intent)
    for (const waiter of job.waiters) waiter.resolve(receipt)
    job.waiters.clear()
  }

  async #watchMoney(head: Head): Promise<void> {
    if (head.number < this.#nextMoneyCheck) return
    this.#nextMoneyCheck = head.number + 25
    const { rpc, reserveGas, onAlarm } = this.#options
    const [market, balance] = await Promise.all([
      readMarket(rpc),
      rpc.call((provider) => provider.getBalance(this.account)),
    ])
    const needed = reserveGas * (market.baseFee === undefined ? market.gasPrice : 2n * market.baseFee + market.priority)
    if (balance < needed && !this.#alarmed) onAlarm(new InsufficientGasMoneyError(this.account, balance, needed))
    this.#alarmed = balance < needed
  }
}

const UNSUPPORTED =
  /not (be )?(support|implement|exist|found|available)|unsupported|does not exist|-32601|eth_signTransaction/i
const HARMLESS =
  /already known|already imported|known transaction|nonce.{0,20}too low|nonce has already been used|already exists/i
const UNDERPRICED =
  /underpriced|less than block base fee|fee cap less than|fee too low|too low to replace|gas price too low|maxFeePerGas.{0,60}too low|lower than the current base fee/i

const isRejection = (error: unknown): boolean =>
  isError(error, 'ACTION_REJECTED') || (error as { code?: unknown })?.code === 4001

const larger = (a: Urgency, b: Urgency): Urgency => (a > b ? a : b)
const urgencyOf = ({ since, before }: Entry, head: Head): Urgency => urgencyAt(head.timestamp, since, before)

/** The nearest deadline first, then the most at stake; the sort is stable, so then the oldest. */
function byNeed(a: Job, b: Job): number {
  const [early, late] = [a.options.before, b.options.before]
  if (early !== late) return early === undefined || (late !== undefined && early > late) ? 1 : -1
  return (
    Number((b.options.weight ?? 0n) > (a.options.weight ?? 0n)) -
    Number((a.options.weight ?? 0n) > (b.options.weight ?? 0n))
  )
}

const sameCall = (use: { to: Address | undefined; data: Hex; value: bigint }, { request }: Entry): boolean =>
  use.to === request.to && use.data === request.data && use.value === request.value

function wait(job: Job, signal: AbortSignal | undefined): Promise<ChainReceipt> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      job.waiters.delete(waiter)
      reject(signal!.reason)
    }
    const done = () => signal?.removeEventListener('abort', abort)
    const waiter: Waiter = {
      resolve: (receipt) => (done(), resolve(receipt)),
      reject: (error) => (done(), reject(error)),
    }
    signal?.addEventListener('abort', abort, { once: true })
    if (job.mined) waiter.resolve(job.mined)
    else job.waiters.add(waiter)
  })
}

function fail(job: Job, error: unknown): void {
  for (const waiter of job.waiters) waiter.reject(error)
  job.waiters.clear()
}

async function askWallet(signer: Signer, transaction: object): Promise<Hex> {
  const plain = signer as Signer & { sendUncheckedTransaction?: (transaction: object) => Promise<string> }
  // ethers' own sendTransaction polls for what it sent; the nonce is watched here anyway.
  if (plain.sendUncheckedTransaction) return (await plain.sendUncheckedTransaction(transaction)) as Hex
  return (await signer.sendTransaction(transaction)).hash as Hex
}
