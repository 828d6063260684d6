import { type HouseLock, type Leg, memberId, type Payment } from '../../clearing/account.ts'
import type { Act } from '../../clearing/book.ts'
import type { Finding } from '../../clearing/checking.ts'
import type { Challenge } from '../../clearing/dispute.ts'
import { parseAddress } from '../../core/address.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import type { Address, Hex, Member } from '../../core/types.ts'
import { NONE } from './desk.ts'
import { challengesFor, creditChallenges, lockChallenges, reclaimAll } from './disputing.ts'
import type { Engine } from './engine.ts'
import { HouseMemberError } from './errors.ts'
import type { LockView, MemberEvent, MemberEventOf } from './events.ts'
import { formatHouseExit } from './exit-file.ts'
import { exitHouse, type HouseExitOptions } from './exit-run.ts'
import type { Approval } from './grouping.ts'
import { balanceIn, exitOf, type HouseBalance } from './leaving.ts'
import { viewOf } from './locking.ts'
import type { SeenEpoch } from './state.ts'
import type { Shown } from './unlocking.ts'
import { formatHouseWatch, watchOf } from './watch-file.ts'
import type { Taken } from './wish.ts'

/** Whom to pay: a member's id, or who it is made of. */
export type Payee = Hex | Member

/** A member of a clearing house; made by `joinHouse`. */
export class HouseMember {
  /** `keccak256(signer, owner)`: by which others pay it. */
  readonly id: Hex
  readonly #engine: Engine
  #turn: Promise<void> = Promise.resolve()

  /** @internal */
  constructor(engine: Engine) {
    this.#engine = engine
    this.id = engine.desk.id
  }

  /** For life; undefined before the operator knows this member. */
  get index(): number | undefined {
    return this.#engine.desk.memory.state.index
  }

  get assets(): readonly Address[] {
    return this.#engine.desk.chain.terms.assets
  }

  on<K extends MemberEvent['kind']>(kind: K, handler: (event: MemberEventOf<K>) => void): () => void {
    return this.#engine.events.on(kind, handler)
  }

  /** The last final epoch. */
  get final(): bigint {
    return this.#engine.final
  }

  /** What this member has in an asset; default: the first one. */
  balance(asset?: Address): HouseBalance {
    return balanceIn(this.#engine.desk, this.#place(asset), this.#engine.final)
  }

  /** In every asset of the house. */
  balances(): ReadonlyMap<Address, HouseBalance> {
    return new Map(this.assets.map((asset) => [asset, this.balance(asset)]))
  }

  /** From the wallet; resolves when it is confirmed and the operator has seated this member. */
  async deposit(amount: bigint, { asset }: { readonly asset?: Address } = {}): Promise<void> {
    const { memory } = this.#engine.desk
    const place = this.#place(asset)
    await this.#inTurn(async () => {
      const { chain, identity } = this.#engine.desk
      const total = (await chain.standing(this.id, place)).deposited + amount
      await chain.deposit(identity, place, amount, { intent: `house/${this.id}/deposit/${place}/${total}/${amount}` })
      await this.#until(() =>
        [...memory.postings.values()].some((one) => one.asset === place && one.deposited >= total),
      )
    })
    await this.#until(() => memory.state.index !== undefined)
  }

  /** Resolves when the operator has taken it for good; the payee need not be there. */
  async pay(to: Payee, amount: bigint, { asset }: { readonly asset?: Address } = {}): Promise<Payment> {
    return (await this.payMany([{ to, amount, ...(asset && { asset }) }]))[0]!
  }

  /** All of them under one signature, or none. */
  async payMany(
    payments: readonly { readonly to: Payee; readonly amount: bigint; readonly asset?: Address }[],
  ): Promise<readonly Payment[]> {
    const acts = payments.map(
      ({ to, amount, asset }): Act => ({
        kind: 'pay',
        to: idOf(to),
        asset: this.#place(asset),
        amount,
        group: NONE,
        leg: 0,
      }),
    )
    return (await this.#spend(() => acts)).payments
  }

  /**
   * Locks an amount for `to` under an outcome key until `deadline`, in seconds. With `shown`, a payee that shows the secret is paid off the
   * chain as soon as `shown` is done with it, while this process runs; else, and without it, the registry decides.
   */
  async lock(
    to: Payee,
    amount: bigint,
    {
      key,
      deadline,
      asset,
      shown,
    }: { readonly key: Hex; readonly deadline: bigint; readonly asset?: Address; readonly shown?: Shown },
  ): Promise<LockView> {
    const { memory } = this.#engine.desk
    const lock: Omit<HouseLock, 'epoch'> = { to: idOf(to), asset: this.#place(asset), amount, key, deadline }
    if (typeof to !== 'string') await memory.change(() => ({ known: [to] }))
    // Before it is locked: the payee may show its secret in the same moment in which it hears of it.
    if (shown) this.#engine.locking.unlocking.expect(key, shown)
    const { locks } = await this.#spend((epoch) => [{ kind: 'lock', lock: { ...lock, epoch } }])
    return viewOf(this.id, locks[0]!.position, locks[0]!.lock)
  }

  /** A payee's part: with the secret it takes the lock, from the payer or by the chain; without, it gives it back. */
  release(lock: LockView, { secret }: { readonly secret?: Hex } = {}): Promise<void> {
    return secret ? this.#engine.locking.claim(lock, secret) : this.#engine.locking.giveUp(lock)
  }

  locks(): LockView[] {
    return this.#engine.locking.all()
  }

  /** To the owner; resolves when it is paid: after the next cut and its window. */
  async withdraw(amount: bigint, { asset }: { readonly asset?: Address } = {}): Promise<void> {
    const { memory } = this.#engine.desk
    const place = this.#place(asset)
    let target = 0n
    await this.#inTurn(async () => {
      target = await this.#engine.leaving.request(place, amount)
      await this.#until(() =>
        [...memory.postings.values()].some((one) => one.asset === place && one.requested >= target),
      )
    })
    await this.#engine.leaving.reached(place, target)
  }

  /** Payments of several members that happen together or not at all; whether they did. */
  offer(legs: readonly Leg[], { seconds = 10 }: { readonly seconds?: number } = {}): Promise<boolean> {
    return this.#engine.grouping.offer(legs, seconds)
  }

  /** Who decides whether to agree to the legs of others; by default nothing is agreed to. */
  onProposed(approve: Approval): void {
    this.#engine.grouping.approve = approve
  }

  /** What a check of a committed epoch found; undefined: not shown yet. */
  verifyEpoch(number: bigint): readonly Finding[] | undefined {
    return this.#engine.desk.memory.epochs.get(number)?.findings
  }

  /**
   * Demands of the operator, before the court, what this member should have in an epoch; or that the payee of a payment was credited; or
   * what has become of a lock. The wallet pays a bond, which comes back if nobody answers.
   */
  async dispute(number: bigint, about: { readonly payment?: Payment; readonly lock?: LockView } = {}): Promise<void> {
    const { memory } = this.#engine.desk
    const seen = memory.epochs.get(number)
    if (!seen) throw new HouseMemberError('HOUSE_UNKNOWN', `Epoch ${number} is not committed. Wait for its commit.`)
    await this.#engine.challenge(number, this.#demands(seen, about))
  }

  #demands(seen: SeenEpoch, { payment, lock }: { readonly payment?: Payment; readonly lock?: LockView }): Challenge[] {
    const { memory } = this.#engine.desk
    if (payment) return creditChallenges(memory.state, payment)
    return lock
      ? lockChallenges(this.id, seen, lock, memory)
      : challengesFor(this.id, seen, seen.findings ?? [], memory)
  }

  /** All that an exit takes, as text to keep elsewhere; newer ones are better. It holds no key. */
  exitFile(): string {
    return formatHouseExit(exitOf(this.#engine.desk))
  }

  /**
   * All that a tower needs to check and to demand this member's leaves while it is away; see `watchHouse`. It holds no key and no secret.
   * Renew it after spending. `tower`: the key with which the tower dials the operator; whoever has it sees, from then on, what this member
   * has. Without it the tower has every epoch shown before the court, at its own cost.
   */
  exportWatch({ tower }: { readonly tower?: Address } = {}): string {
    return formatHouseWatch(watchOf(this.#engine.desk, tower && parseAddress(tower)))
  }

  /** Takes everything out of a house that has halted, or waits until it has; see {@link exitHouse}. Bonds come back, too. */
  async exit(options: HouseExitOptions = {}): Promise<void> {
    const { desk, disputed } = this.#engine
    const failed = await exitHouse(exitOf(desk), desk.chain, options).then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    // Who stops an exit stops all of it; what only failed keeps no bond back.
    options.signal?.throwIfAborted()
    for (const number of disputed) await reclaimAll(desk, number)
    if (failed) throw failed.error
  }

  /** Hangs up; what was not taken is rejected, and signed again by nobody. */
  close(): Promise<void> {
    return this.#engine.stop()
  }

  async #spend(make: (epoch: bigint) => readonly Act[]): Promise<Taken> {
    return this.#engine.spending.add(make)
  }

  #place(asset: Address | undefined): number {
    const place = asset === undefined ? 0 : this.assets.indexOf(asset.toLowerCase() as Address)
    if (place >= 0) return place
    throw new InvalidOptionError('asset', `The house has no asset ${asset}. Choose one of its assets.`)
  }

  /** One after the other: each is counted from what the chain held before. */
  #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(task)
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      const { held, desk } = this.#engine
      if (held) throw held
      // An operator that did not know this member may know it now.
      desk.link.hurry()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

const idOf = (payee: Payee): Hex =>
  typeof payee === 'string'
    ? payee
    : memberId({ signer: payee.signer.toLowerCase() as Address, owner: payee.owner.toLowerCase() as Address })
