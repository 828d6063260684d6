import type { HouseChain, InsuredClaim } from '../../chain/house/house-chain.ts'
import { type HouseLock, memberId } from '../../clearing/account.ts'
import { statusOf } from '../../clearing/closing.ts'
import type { Hex } from '../../core/types.ts'
import {
  type ExitEpoch,
  type HouseExit,
  HouseExitFileError,
  type IncomingLock,
  liveIn,
  parseHouseExit,
  sameHouse,
  statusPathOf,
} from './exit-file.ts'
import { insuredClaim } from './insured.ts'

/** A step of an exit. */
export type ExitStep =
  | { readonly kind: 'waiting'; readonly for: 'halt' | 'settlement' | 'insurance' | 'locks' }
  | { readonly kind: 'collected' | 'exited'; readonly epoch: bigint }
  | { readonly kind: 'lock'; readonly position: number }
  | { readonly kind: 'refunded'; readonly posting: bigint }
  /** What the stake insures was asked for, and paid. */
  | { readonly kind: 'claimed' | 'insured'; readonly epoch: bigint }
  /** A step that the chain did not take; those after it are made all the same. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** A lock whose payee's owner the file does not know: whoever knows it can send it. */
  | { readonly kind: 'unknown-payee'; readonly position: number; readonly payee: Hex }

export interface HouseExitOptions {
  readonly onStep?: (step: ExitStep) => void
  /** Milliseconds between looks at the chain; default 1,000. */
  readonly pollMs?: number
  readonly signal?: AbortSignal
}

/**
 * Takes all of a member's money out of a house that has halted, by its exit file alone: what left in final epochs, its balance, its
 * locks once they are decided, and its deposits after the last cut. It may be stopped and run again. `chain` needs a sender, who pays
 * for gas; everything goes to owners.
 * A step that fails stops none of the others: its error is told, and the first one is thrown at the end.
 * Throws `HouseExitFileError` and chain errors.
 */
export async function exitHouse(
  file: string | HouseExit,
  chain: HouseChain,
  options: HouseExitOptions = {},
): Promise<void> {
  const exit = typeof file === 'string' ? parseHouseExit(file) : file
  if (!sameHouse(exit.domain, chain.domain))
    throw new HouseExitFileError(
      'EXIT_FILE_OF_ANOTHER_HOUSE',
      `The exit file is of house ${exit.domain.adjudicator}, not ${chain.domain.adjudicator}. Connect to that one.`,
    )
  const run = new ExitRun(exit, chain, options)
  await run.settled()
  await run.leave()
}

class ExitRun {
  readonly #exit: HouseExit
  readonly #chain: HouseChain
  readonly #options: HouseExitOptions
  readonly #failures: unknown[] = []
  #waits: string | undefined

  constructor(exit: HouseExit, chain: HouseChain, options: HouseExitOptions) {
    this.#exit = exit
    this.#chain = chain
    this.#options = options
  }

  /** Until the house has halted and its last epochs are decided. */
  async settled(): Promise<void> {
    for (;;) {
      const { latest } = await this.#chain.state()
      if (latest.isSettled) return
      // Nobody else may be there to note it. A failed epoch halts the house only when those before it are noted as final.
      if (latest.final > latest.finalized && (!latest.isRunning || (await this.#chain.isFailed(latest.final + 1n))))
        await this.#chain.advance(100, this.#send(`advance/${latest.finalized}`))
      await this.#pause(latest.isRunning ? 'halt' : 'settlement')
    }
  }

  async leave(): Promise<void> {
    const { final } = (await this.#chain.state()).latest
    const last = this.#exit.epochs.find(({ epoch }) => epoch.number === final)
    const claim = last && insuredClaim(this.#exit, last)
    // First, for this alone has a time.
    if (claim) await this.#try(() => this.#claimInsured(claim))
    // Also by a file that is too old for the rest.
    for (const one of this.#exit.epochs) if (one.epoch.number <= final) await this.#try(() => this.#collect(one))
    const cut = await this.#cutOf(final, last)
    if (last) await this.#try(() => this.#balance(last))
    await this.#try(() => this.#refund(final, cut))
    if (claim) await this.#try(() => this.#payInsured(claim))
    await this.#locks(last, final)
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  /** What fails is told and thrown at the end: money that can be had does not wait for it. */
  async #try(step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      this.#options.signal?.throwIfAborted()
      this.#failures.push(error)
      this.#tell({ kind: 'failed', error })
    }
  }

  async #cutOf(final: bigint, last: ExitEpoch | undefined): Promise<bigint> {
    if (last) return last.epoch.cut
    const { cut } = (await this.#chain.epoch(final))!.epoch
    const hadDeposited = this.#exit.postings.some(({ number, amount }) => number <= cut && amount > 0n)
    // It may have been paid without a deposit of its own.
    if (hadDeposited || this.#exit.epochs.some(({ epoch }) => epoch.number < final))
      throw new HouseExitFileError(
        'HOUSE_EXIT_FILE_TOO_OLD',
        `The exit file does not hold epoch ${final}, the last one that is final. Use a newer one.`,
      )
    return cut
  }

  async #collect(one: ExitEpoch): Promise<void> {
    const { epoch, proof } = one
    if (proof.leaf.lines.every(({ leaving }) => leaving === 0n)) return
    await this.#once(() =>
      this.#chain.collect(epoch, [this.#claim(one)], proof.path, this.#send(`collect/${epoch.number}`)),
    )
    this.#tell({ kind: 'collected', epoch: epoch.number })
  }

  async #balance(one: ExitEpoch): Promise<void> {
    const { epoch, proof } = one
    await this.#once(() => this.#chain.exit(epoch, [this.#claim(one)], proof.path, this.#send(`exit/${epoch.number}`)))
    this.#tell({ kind: 'exited', epoch: epoch.number })
  }

  #claim({ proof: { index, leaf } }: ExitEpoch) {
    return { index, leaf, identity: this.#exit.identity }
  }

  async #refund(final: bigint, cut: bigint): Promise<void> {
    const late = this.#exit.postings.filter(({ number, amount }) => number > cut && amount > 0n)
    if (late.length === 0) return
    const { epoch } = (await this.#chain.epoch(final))!
    for (const posting of late) {
      const posted = { posting, identity: this.#exit.identity }
      await this.#try(async () => {
        await this.#once(() => this.#chain.refund(epoch, posted, this.#send(`refund/${posting.number}`)))
        this.#tell({ kind: 'refunded', posting: posting.number })
      })
    }
  }

  async #claimInsured(claim: InsuredClaim): Promise<void> {
    const { number } = claim.epoch
    const send = this.#send(`claim/${number}/${claim.receipt.seq}`)
    const refused = await this.#unless(['AlreadyClaimed', 'TooLate'], () => this.#chain.claimInsured(claim, send))
    if (refused === undefined) this.#tell({ kind: 'claimed', epoch: number })
  }

  /** When nobody can lower it any more. */
  async #payInsured({ epoch, proof }: InsuredClaim): Promise<void> {
    const { identity } = this.#exit
    for (;;) {
      const send = this.#send(`insured/${epoch.number}`)
      const refused = await this.#unless(['TooEarly', 'NotClaimed'], () =>
        this.#chain.payInsured(proof.index, identity, send),
      )
      if (refused === undefined) return this.#tell({ kind: 'insured', epoch: epoch.number })
      // It is paid, or it was claimed too late.
      if (refused === 'NotClaimed') return
      await this.#pause('insurance')
    }
  }

  /** Each as soon as it is decided: the outcome came, or the deadline passed. */
  async #locks(last: ExitEpoch | undefined, final: bigint): Promise<void> {
    const own = last
      ? liveIn(last).map((one) => ({ ...one, settle: (paid: bigint) => this.#lock(last, one, paid) }))
      : []
    const others = this.#exit.incoming.filter(({ epoch }) => epoch.number === final)
    const incoming = others.map((one) => ({ lock: one.lock, settle: (paid: bigint) => this.#incoming(one, paid) }))
    let waiting: { readonly lock: HouseLock; readonly settle: (paid: bigint) => Promise<void> }[] = [
      ...own,
      ...incoming,
    ]
    while (waiting.length > 0) {
      const { latest } = await this.#chain.state()
      const outcomes = await this.#chain.outcomes(waiting.map(({ lock }) => lock.key))
      const statuses = waiting.map(({ lock }, i) => statusOf(lock, outcomes[i]!, latest.head.timestamp))
      for (const [i, { settle }] of waiting.entries())
        if (statuses[i]!.live === 0n) await this.#try(() => settle(statuses[i]!.paid))
      waiting = waiting.filter((_, i) => statuses[i]!.live !== 0n)
      if (waiting.length > 0) await this.#pause('locks')
    }
  }

  /** What goes back to the payer is for the payer to fetch. */
  async #incoming({ epoch, proof, payer, lock, receipt, statusPath }: IncomingLock, paid: bigint): Promise<void> {
    if (paid === 0n) return
    const { position } = receipt
    const leave = { epoch, proof, payer, payee: this.#exit.identity, position, lock, statusPath }
    await this.#once(() => this.#chain.exitLock(leave, this.#send(`incoming/${receipt.payer}/${position}`)))
    this.#tell({ kind: 'lock', position })
  }

  async #lock(one: ExitEpoch, { lock, position }: ReturnType<typeof liveIn>[number], paid: bigint): Promise<void> {
    const { identity, payees } = this.#exit
    const known = payees.find((member) => memberId(member) === lock.to)
    // Who gets nothing need not be known.
    const payee = known ?? (paid === 0n ? identity : undefined)
    if (!payee) return this.#tell({ kind: 'unknown-payee', position, payee: lock.to })
    const { epoch, proof } = one
    const statusPath = statusPathOf(one, position)
    const leave = { epoch, proof, payer: identity, payee, position, lock, statusPath }
    await this.#once(() => this.#chain.exitLock(leave, this.#send(`lock/${epoch.number}/${position}`)))
    this.#tell({ kind: 'lock', position })
  }

  /** What was paid before is done: by an earlier run, or by anybody else. */
  async #once(send: () => Promise<unknown>): Promise<void> {
    await this.#unless(['AlreadyPaid'], send)
  }

  /** Which of these the contract refused it with; undefined: with none. */
  async #unless(expected: readonly string[], send: () => Promise<unknown>): Promise<string | undefined> {
    this.#options.signal?.throwIfAborted()
    try {
      await send()
      return undefined
    } catch (error) {
      const refused = revertOf(error)
      if (refused === undefined || !expected.includes(refused)) throw error
      return refused
    }
  }

  #send(what: string) {
    const { signal } = this.#options
    return { intent: `house/${memberId(this.#exit.identity)}/${what}`, ...(signal && { signal }) }
  }

  async #pause(what: Extract<ExitStep, { kind: 'waiting' }>['for']): Promise<void> {
    const { signal, pollMs = 1_000 } = this.#options
    if (this.#waits !== what) this.#tell({ kind: 'waiting', for: what })
    this.#waits = what
    signal?.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, pollMs))
    signal?.throwIfAborted()
  }

  #tell(step: ExitStep): void {
    this.#options.onStep?.(step)
  }
}

/** The name of what a contract reverted with. */
export const revertOf = (error: unknown): string | undefined =>
  (error as { readonly revert?: { readonly name?: string } }).revert?.name
