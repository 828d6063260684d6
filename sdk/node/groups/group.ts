import { bytesToHex, randomBytes } from '@noble/hashes/utils.js'
import type { ChainReceipt } from '../../chain/chain.ts'
import { parseAddress } from '../../core/address.ts'
import { toHex } from '../../core/bytes.ts'
import { memberBySigner } from '../../core/channel.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import { ZERO_HASH } from '../../core/state.ts'
import { countedValues, validateTransfer } from '../../core/transfer.ts'
import {
  type Address,
  type Channel,
  type ChannelId,
  COIN,
  type Hex,
  type Transfer,
  type WithdrawalPart,
} from '../../core/types.ts'
import { highest, jointSpendable, leftoverId, standing, type Wish } from '../../protocols/joint.ts'
import { isFitLock, MAX_JOINT_NOTE } from '../../protocols/joint-acts.ts'
import { closingParts, ORDER_SECONDS } from '../../protocols/joint-chain.ts'
import { missing } from '../../protocols/joint-late.ts'
import { MAX_WISHES } from '../../protocols/joint-said.ts'
import { lockWish } from '../../protocols/joint-wire.ts'
import { assertAmount, paymentId } from '../../protocols/payments.ts'
import { findLocked, InvalidOperationError } from '../../protocols/pending.ts'
import { keysOf } from '../../protocols/redeeming.ts'
import { BlockedError } from '../../protocols/solvency.ts'
import { WithdrawalPendingError } from '../../protocols/withdrawing.ts'
import { onAbort } from '../abort.ts'
import { Depositing, type DepositOptions } from '../chain/deposit.ts'
import type { Engine } from '../engine.ts'
import { PaymentPendingError, WishDeclinedError, WithdrawalExpiredError } from '../errors.ts'
import type { GroupSlot } from './group-slot.ts'
import { type GroupLockTerms, type GroupTransfer, judgedOf } from './locking.ts'

/** Rounds in which a payment is tried. */
const ATTEMPTS = 5

/** Something that one member owes another, to be netted. */
export interface Obligation {
  /** The session key of the member that is owed. */
  readonly to: string
  readonly amount: bigint
}

/** An obligation and how much of it was paid. */
export interface NettedObligation extends Obligation {
  readonly paid: bigint
}

/** A payment in a final round. */
export interface GroupPayment {
  /** Of the round, within its generation. */
  readonly version: bigint
  /** Milliseconds since 1970 at which it became final here. */
  readonly time: number
  readonly from: Address
  readonly to: Address
  /** 16 bytes, chosen by the payer's node. */
  readonly id: Hex
  readonly amount: bigint
}

/** Where a group is at. */
export interface GroupStatus {
  /** Newest version with all signatures. */
  readonly version: bigint
  /** Of all members, as the chain has confirmed and the newest complete version says. */
  readonly balances: readonly bigint[]
  /** What is locked in transfers, of all members. */
  readonly locked: bigint
  /** What this member can pay now. */
  readonly spendable: bigint
  /** A round is wanted and not complete: the session keys of those whose part is missing. */
  readonly missing: readonly Address[]
  /** A round has stalled: those whose part was missing. The chain decides then. */
  readonly named: readonly Address[] | undefined
  /** All members were heard here. */
  readonly gathered: boolean
  /** The group in which the willing go on. */
  readonly successor: ChannelId | undefined
}

/** A channel of 3 to 32 members, who pay each other in rounds that all sign (docs/groups.md). */
export class Group {
  readonly #engine: Engine
  readonly #slot: GroupSlot

  constructor(engine: Engine, slot: GroupSlot) {
    this.#engine = engine
    this.#slot = slot
  }

  get channelId(): ChannelId {
    return this.#slot.entry.channelId
  }

  get channel(): Channel {
    return this.#slot.entry.channel
  }

  get asset(): Address {
    return this.#slot.entry.asset
  }

  /** This node's member index. */
  get me(): number {
    return this.#slot.entry.me
  }

  status(): GroupStatus {
    const { ledger, terms, gathered, successor } = this.#slot
    const signers = (members: readonly number[]) => members.map((member) => this.#slot.signerOf(member))
    return {
      version: ledger.complete.state.version,
      balances: standing(ledger, ledger.complete.state),
      locked: ledger.complete.state.locked,
      spendable: jointSpendable(ledger),
      missing: ledger.waiting ? signers(missing(ledger, terms)) : [],
      named: ledger.named && signers(ledger.named),
      gathered,
      successor: successor === ZERO_HASH ? undefined : successor,
    }
  }

  /** Allows this node to pay up to `amount` of what a stalled round's settlement pays into a new group of the willing; 0n: no longer. */
  goOn(amount: bigint): void {
    if (amount !== 0n) assertAmount(amount)
    this.#slot.goOn = amount
    this.#engine.groups.keep(this.#slot)
  }

  /** Pays money on chain into the group, once all members were heard in it. Throws `DepositFormError`. */
  async deposit(amount: bigint, options: Omit<DepositOptions, 'asset'> = {}): Promise<ChainReceipt> {
    while (!this.#slot.gathered) await this.#moment(options.signal)
    return new Depositing(this.#engine).deposit(this.#slot, amount, options)
  }

  /**
   * Pays a member, by its session key; resolves once a round with it is final. Throws `InsufficientBalanceError`, `BlockedError`,
   * `WishDeclinedError`, `GroupStalledError`, or `PaymentPendingError` if it was aborted when signed.
   */
  async pay(to: string, amount: bigint, options: { readonly signal?: AbortSignal } = {}): Promise<{ version: bigint }> {
    assertAmount(amount)
    const member = this.#memberOf(to)
    return this.#whole(() => ({ id: newId(), to: member, amount, divisible: false }), options.signal)
  }

  /** Asks for something that cannot be cut, until a round with it is final. */
  async #whole(make: () => Wish, signal: AbortSignal | undefined): Promise<{ version: bigint }> {
    for (let left = ATTEMPTS; left > 0; left--) {
      const wish = make()
      const { paid, version } = await this.#wish(wish.id, signal, () => this.#engine.groups.wish(this.#slot, [wish]))
      if (paid === wish.amount) return { version }
      // Whoever proposed may not have seen a deposit yet; another proposes next.
      await this.#moment(signal)
    }
    throw new WishDeclinedError()
  }

  /**
   * Locks money of this member for others, by outcomes; resolves with the id once a round with it is final. Throws as {@link pay} does, or
   * `InvalidTransferError`.
   */
  async lock(terms: GroupLockTerms): Promise<Hex> {
    const { amount, deadline, note = NO_NOTE, signal } = terms
    const id = toHex(terms.id === undefined ? randomBytes(16) : paymentId(terms.id))
    const legs = terms.legs.map(({ to, key }) => ({ to: this.#memberOf(to), key }))
    const transfer: Transfer = { amount, deadline, refundTo: this.me, legs }
    validateTransfer(transfer, this.channel.members.length)
    if (!isFitLock({ transfer, note }, this.me, this.channel.members.length))
      throw new InvalidOptionError('note', `A note of ${note.length} bytes is too long. Use ${MAX_JOINT_NOTE} at most.`)
    if (this.#slot.wishing.has(id) || findLocked(this.#slot.ledger.complete.pending, id))
      throw new InvalidOperationError(`The transfer ${id} is locked already.`)
    await this.#whole(() => lockWish({ id, transfer, note }), signal)
    return id
  }

  /** What is locked in the newest complete version. */
  transfers(): GroupTransfer[] {
    return this.#slot.ledger.complete.pending.items.map(({ id, transfer, note }) => ({
      id,
      from: this.#slot.signerOf(transfer.refundTo),
      transfer,
      note,
    }))
  }

  /**
   * Agrees that a transfer ends divided by these values, one a leg, from 0 to 1e18 (default: what the registry has decided); all zero
   * gives it back. Resolves once a round with it is final, which takes the same consent of every member that could get less by it than
   * the transfer may give it, or the registry's decision. Throws `InvalidOperationError`, `BlockedError`, `GroupStalledError`,
   * `EndedOtherwiseError`, or `PaymentPendingError` if it was aborted when signed.
   */
  async resolve(
    id: Hex,
    values?: readonly bigint[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<{ version: bigint }> {
    signal?.throwIfAborted()
    const name = toHex(paymentId(id))
    const agreed = values ?? (await this.#decided(name))
    const { groups } = this.#engine
    const { resolving } = this.#slot
    if (resolving.has(name)) throw new InvalidOperationError(`The end of the transfer ${name} is asked for already.`)
    groups.resolve(this.#slot, name, agreed)
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, (reason) => {
        resolving.delete(name)
        reject(this.#recant(name) ?? reason)
      })
      resolving.set(name, {
        values: agreed,
        resolve: (version) => {
          forget()
          resolve({ version })
        },
        reject: (error) => {
          forget()
          reject(error)
        },
      })
    })
  }

  async #decided(id: Hex): Promise<bigint[]> {
    const item = findLocked(this.#slot.ledger.complete.pending, id)
    if (!item) throw new InvalidOperationError(`No transfer ${id} is locked here.`)
    const { now, outcomes } = await judgedOf(this.#engine.options.chain, keysOf([item.transfer]))
    const values = countedValues(item.transfer, (key) => outcomes.get(key), now)
    if (!values) throw new InvalidOperationError(`The registry has not decided the transfer ${id} yet.`)
    return values
  }

  /** Takes back what was agreed to; answers why it cannot be. */
  #recant(id: Hex): Error | undefined {
    if (this.#engine.halted) return undefined
    this.#engine.groups.dispatch(this.#slot, { kind: 'recant', id })
    return this.#slot.ledger.resolutions.has(id) ? this.#pendingError() : undefined
  }

  /**
   * Offers what this member owes for netting: whatever goes round in a circle, or is covered, is paid in the rounds to come, in part if need
   * be, and at once with what others owe. Resolves when all is paid or `wait` milliseconds (default 10,000) are over, with what was paid of each.
   */
  async net(
    obligations: readonly Obligation[],
    options: { readonly wait?: number; readonly signal?: AbortSignal } = {},
  ): Promise<NettedObligation[]> {
    if (obligations.length < 1 || obligations.length > MAX_WISHES)
      throw new InvalidOptionError(
        'obligations',
        `A round takes 1 to ${MAX_WISHES} obligations of a member, not ${obligations.length}. Offer the others later.`,
      )
    const wishes = obligations.map(({ to, amount }) => {
      assertAmount(amount)
      return { id: newId(), to: this.#memberOf(to), amount, divisible: true }
    })
    const { wait = 10_000, signal } = options
    const end = AbortSignal.any([AbortSignal.timeout(wait), ...(signal ? [signal] : [])])
    const running = wishes.map(({ id, amount }) => this.#offer(id, amount, end, signal))
    this.#engine.groups.wish(this.#slot, wishes)
    const paid = await Promise.all(running)
    signal?.throwIfAborted()
    return obligations.map((obligation, index) => ({ ...obligation, paid: paid[index]! }))
  }

  /** Waits until all of a divisible wish is paid, or for the end. */
  async #offer(first: Hex, amount: bigint, end: AbortSignal, signal: AbortSignal | undefined): Promise<bigint> {
    let sum = 0n
    for (let id = first; ; ) {
      try {
        // What is signed when time is up may still be paid, and has to be waited for.
        const { paid, version } = await this.#wish(id, end, () => {}, signal)
        sum += paid
        if (sum === amount) return sum
        id = leftoverId(id, version)
      } catch (error) {
        if (!end.aborted || error instanceof PaymentPendingError) throw error
        return sum
      }
    }
  }

  /** Waits for what a round makes of a wish; when `end` aborts and it is signed already, until it is decided or `signal` aborts as well. */
  #wish(
    id: Hex,
    end: AbortSignal | undefined,
    ask: () => void,
    signal = end,
  ): Promise<{ paid: bigint; version: bigint }> {
    const { wishing } = this.#slot
    return new Promise((resolve, reject) => {
      const forgets: (() => void)[] = []
      const settle = (outcome: () => void) => {
        for (const forget of forgets) forget()
        wishing.delete(id)
        outcome()
      }
      const abort = (reason: unknown) => {
        const pending = this.#abandon(id)
        if (pending === undefined || signal?.aborted) settle(() => reject(pending ?? reason))
      }
      wishing.set(id, {
        resolve: (paid, version) => settle(() => resolve({ paid, version })),
        reject: (error) => settle(() => reject(error)),
      })
      if (end?.aborted) {
        abort(end.reason)
        return
      }
      forgets.push(onAbort(end, abort), onAbort(signal, abort))
      try {
        ask()
      } catch (error) {
        settle(() => reject(error))
      }
    })
  }

  /** Takes a wish back; answers why it cannot be. */
  #abandon(id: Hex): Error | undefined {
    if (this.#engine.halted) return undefined
    this.#engine.groups.dispatch(this.#slot, { kind: 'forget', id })
    return this.#slot.ledger.wishes.has(id) ? this.#pendingError() : undefined
  }

  #pendingError(): Error {
    return new PaymentPendingError(highest(this.#slot.ledger), undefined)
  }

  /**
   * Pays `amount` of this member out to its owner while the group goes on, or into another channel or group of this node; with the consent
   * of all. Resolves when that is final.
   */
  async withdraw(
    amount: bigint,
    { toChannel, signal }: { readonly toChannel?: ChannelId; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    assertAmount(amount)
    const target = toChannel === undefined ? HOME : this.#targetOf(toChannel)
    await this.#order(() => [{ member: this.me, amount, ...target }], false, signal)
  }

  #targetOf(toChannel: ChannelId): typeof HOME {
    const { book, groups } = this.#engine
    const { channelId, me } = groups.has(toChannel) ? groups.group(toChannel).entry : book.channel(toChannel)
    return { to: COIN, toChannel: channelId, toMember: me }
  }

  /** Pays everything out to all, with the consent of all. The group can be used again afterwards. */
  async close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#order(() => closingParts(this.#slot.ledger, HOME), true, options.signal)
  }

  async #order(parts: () => WithdrawalPart[], closing: boolean, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted()
      this.#engine.assertRunning()
      await this.#engine.desk.refresh(this.#slot)
      const due = parts()
      if (due.length === 0) return
      try {
        await this.#attempt(due, closing, signal)
        return
      } catch (error) {
        const isPassing =
          error instanceof WithdrawalPendingError || (error instanceof BlockedError && PASSING.has(error.code))
        if (!isPassing) throw error
      }
      await this.#moment(signal)
    }
  }

  async #attempt(parts: WithdrawalPart[], closing: boolean, signal: AbortSignal | undefined): Promise<void> {
    const { channelId, asset, generation, facts } = this.#slot.ledger
    const seq = facts?.confirmed.phase === 'open' ? facts.confirmed.seq : 0
    const validUntil = (facts?.confirmedHead.timestamp ?? 0n) + ORDER_SECONDS
    const withdrawal = { channelId, asset, generation, seq, parts, closing, validUntil, dispute: 0n }
    this.#engine.groups.dispatch(this.#slot, { kind: 'order', withdrawal })
    const isExecuted = await new Promise<boolean>((resolve, reject) => {
      const waiter = { resolve, reject }
      this.#slot.ordering.add(waiter)
      onAbort(signal, (reason) => {
        this.#slot.ordering.delete(waiter)
        reject(reason)
      })
    })
    if (!isExecuted) throw new WithdrawalExpiredError()
  }

  /** The payments of all final rounds, oldest first, with members named by their session keys. */
  async *payments(): AsyncGenerator<GroupPayment> {
    for await (const { round, time } of this.#engine.groups.rounds(this.#slot))
      for (const { from, to, id, amount } of round.payments)
        if (amount > 0n) {
          const [payer, payee] = [this.#slot.signerOf(from), this.#slot.signerOf(to)]
          yield { version: round.state.version, time, from: payer, to: payee, id, amount }
        }
  }

  /** Lets the chain decide; resolves when the dispute runs. It is settled by itself after the challenge period. */
  async dispute(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#engine.desk.refresh(this.#slot)
    this.#engine.groups.dispatch(this.#slot, { kind: 'dispute' })
    const { generation } = this.#slot.ledger
    await this.#engine.lookout.until(
      this.#slot,
      ({ latest }) => latest.phase === 'disputed' || latest.generation > generation,
      options.signal,
    )
  }

  #memberOf(signer: string): number {
    const member = memberBySigner(this.channel, parseAddress(signer))
    if (member !== undefined && member !== this.me) return member
    throw new InvalidOptionError('to', `${signer} is no other member of this group. Name one by its session key.`)
  }

  /** Until the next look at the chain, or news. */
  #moment(signal: AbortSignal | undefined): Promise<void> {
    return this.#engine.lookout.pause(this.#slot, signal)
  }
}

const HOME = { to: COIN, toChannel: ZERO_HASH, toMember: 0 }

const PASSING: ReadonlySet<string> = new Set(['AWAITING_CONFIRMATIONS', 'CHAIN_VIEW_STALE', 'GENERATION_CHANGING'])

const NO_NOTE = new Uint8Array(0)

const newId = (): Hex => `0x${bytesToHex(randomBytes(16))}`
