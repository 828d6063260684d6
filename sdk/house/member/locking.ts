import { type HouseLock, lockHash, lockReceiptHash, memberId, releaseHash } from '../../clearing/account.ts'
import { statusOf } from '../../clearing/closing.ts'
import { toBytes, toHex } from '../../core/bytes.ts'
import { typedDigest } from '../../core/eip712.ts'
import { secretKey } from '../../core/outcome.ts'
import type { Hex } from '../../core/types.ts'
import { signDirect } from '../../signing/session.ts'
import { HouseProtocolError, type ToldLock, type ToldRelease } from '../messages.ts'
import { canBeOpen, type Desk, isOperators, NONE } from './desk.ts'
import { HouseMemberError } from './errors.ts'
import type { LockView } from './events.ts'
import type { Spending } from './spending.ts'
import { baseBook, type HeldLock, locksIn } from './state.ts'
import { paidIn, Unlocking } from './unlocking.ts'

/** Seconds before its deadline at which a known secret is put on the chain. */
const MARGIN = 600n

/** Locks of a member, in both directions. */
export class Locking {
  readonly #desk: Desk
  readonly #spending: Spending
  /** Keys whose secret is on the chain, or on its way. */
  readonly #revealing = new Set<Hex>()
  /** Positions that are taken back already: a release is told again until it is. */
  readonly #dropping = new Set<number>()
  readonly unlocking: Unlocking

  constructor(desk: Desk, spending: Spending) {
    this.#desk = desk
    this.#spending = spending
    this.unlocking = new Unlocking(desk, spending)
  }

  /** Undecided ones: those of the newest account, and those in this member's favour. */
  all(): LockView[] {
    const { memory, id, assets } = this.#desk
    const book = baseBook(memory.state, id, 0n, assets)
    const own = locksIn(book).map(({ position, lock }) => viewOf(id, position, lock))
    const open = [...memory.held.values()].filter((held) => isUndecided(held) && paidIn(memory, held) === undefined)
    return [...own, ...open.map(viewOfHeld)]
  }

  /** A lock in this member's favour. */
  async told(told: ToldLock): Promise<void> {
    const { memory, id, assets, tell } = this.#desk
    const { lock, payer, receipt, signature } = told
    const isSame = receipt.payer === memberId(payer) && receipt.lock === toHex(lockHash(lock)) && lock.to === id
    const isRight = isSame && lock.asset < assets && lock.amount > 0n
    if (!isRight || !isOperators(this.#desk, lockReceiptHash(receipt), signature))
      throw new HouseProtocolError('HOUSE_PROTOCOL', 'The operator told of a lock that it did not sign so.')
    const isKnown = this.#held(viewOfHeld(told)) !== undefined
    if (!isKnown && !(await this.#counts(lock)))
      throw new HouseProtocolError(
        'HOUSE_PROTOCOL',
        `The operator told of a lock that epoch ${lock.epoch} cannot hold.`,
      )
    await memory.change(() => (isKnown ? undefined : { held: [told] }))
    if (!isKnown) tell({ kind: 'locked', lock: viewOfHeld(told) })
  }

  /**
   * Whether the court can be asked for a lock: not before its epoch, and not after the first one that sees it decided, which must not have
   * been committed before this member heard of it.
   */
  async #counts(lock: HouseLock): Promise<boolean> {
    const { chain, memory } = this.#desk
    if (!(await canBeOpen(this.#desk, lock.epoch))) return false
    const seen = [...memory.epochs.values()].filter(({ epoch }) => epoch.number >= lock.epoch)
    const [outcome] = await chain.outcomes([lock.key])
    return seen.every(({ epoch }) => statusOf(lock, outcome!, epoch.cutTime).live > 0n)
  }

  /** Gives a lock up for nothing: the payer has it back. */
  async giveUp(lock: LockView): Promise<void> {
    const { memory, link, domain, signer } = this.#desk
    const held = this.#mine(lock)
    const digest = typedDigest(domain, releaseHash(lock.payer, lock.position, lock.id, NONE))
    await memory.change(() => ({ held: [{ ...held, isReleased: true }] }))
    const { payer, position, id } = lock
    const release = {
      payer,
      position,
      lock: id,
      payment: NONE,
      secret: undefined,
      signature: signDirect(signer, digest),
    }
    await link.ask({ kind: 'release', release })
  }

  /**
   * Takes a lock by its secret: from its payer, off the chain, or else by the registry, and then it pays at the next cut. Throws unless the
   * secret is the lock's.
   */
  async claim(lock: LockView, secret: Hex): Promise<void> {
    const { chain, domain, memory } = this.#desk
    const held = this.#mine(lock)
    const registry = { chainId: domain.chainId, condition: chain.terms.registry }
    if (secretKey(registry, toBytes(secret, 32)) !== lock.key)
      throw new HouseMemberError('HOUSE_UNKNOWN', 'This is not the secret of the lock. Pass the one whose key it has.')
    if (await this.#isVoid(lock))
      throw new HouseMemberError(
        'HOUSE_HALTED',
        `The house has halted, and no final epoch holds this lock of epoch ${lock.epoch}. Keep the secret: it would be shown for nothing.`,
      )
    await memory.change(() => ({ held: [{ ...held, secret }] }))
    // Said twice: as long as what was paid may come to nothing, `remind` keeps the lock.
    if (paidIn(memory, held) !== undefined) return
    if (await this.unlocking.ask(lock, secret)) return
    await this.#reveal(lock.key, secret, lock.deadline)
  }

  /** The chain will never pay it: it stands in no epoch that is, or can become, final. */
  async #isVoid({ epoch }: Pick<HouseLock, 'epoch'>): Promise<boolean> {
    const { isRunning, isSettled, lastCommitted, final } = (await this.#desk.chain.state()).latest
    return !isRunning && epoch > (isSettled ? final : lastCommitted)
  }

  /** Locks whose secret was shown are taken whatever became of the program that knew it. */
  async remind(now: bigint, final: bigint): Promise<void> {
    for (const held of this.#desk.memory.held.values())
      if (held.secret && this.#isToBeTaken(held, now, final) && !(await this.#isVoid(held.lock)))
        await this.#reveal(held.lock.key, held.secret, held.lock.deadline)
  }

  /** What was paid in place of it is sure when its epoch is final; if that is not so near the deadline, the lock must be as good as ever. */
  #isToBeTaken(held: HeldLock, now: bigint, final: bigint): boolean {
    const { deadline } = held.lock
    if (now >= deadline) return false
    const epoch = paidIn(this.#desk.memory, held)
    if (epoch !== undefined) return epoch > final && now > deadline - MARGIN
    return isUndecided(held) && !this.unlocking.isAsking(viewOfHeld(held))
  }

  async #reveal(key: Hex, secret: Hex, before: bigint): Promise<void> {
    const { chain } = this.#desk
    if (this.#revealing.has(key)) return
    this.#revealing.add(key)
    try {
      const [outcome] = await chain.outcomes([key])
      if (outcome!.recordedAt === 0n) await chain.reveal(secret, { intent: `house/reveal/${key}`, before })
    } catch (error) {
      this.#revealing.delete(key)
      throw error
    }
  }

  /** The payee's word that the payer may take its lock back. */
  async released({ payer, position, lock: hash, payment, signature }: ToldRelease): Promise<void> {
    const { id, memory, assets, tell } = this.#desk
    const lock = baseBook(memory.state, id, 0n, assets).locks[position]
    // The operator answers for the payee's signature: without it, it may not let the lock go.
    if (payer !== id || payment !== NONE || signature.length === 0 || !lock || toHex(lockHash(lock)) !== hash) return
    if (this.#dropping.has(position)) return
    this.#dropping.add(position)
    this.#spending
      .add(() => [{ kind: 'drop', position }])
      .then(
        () => tell({ kind: 'released', lock: viewOf(id, position, lock) }),
        (error) => tell({ kind: 'alarm', error }),
      )
      .finally(() => this.#dropping.delete(position))
  }

  #mine(lock: LockView): HeldLock {
    const held = this.#held(lock)
    if (held) return held
    throw new HouseMemberError('HOUSE_UNKNOWN', 'There is no such lock in favour of this member. Look at locks().')
  }

  #held({ payer, position, id }: LockView): HeldLock | undefined {
    return [...this.#desk.memory.held.values()].find(
      ({ receipt }) => receipt.payer === payer && receipt.position === position && receipt.lock === id,
    )
  }
}

const isUndecided = ({ isReleased, decidedIn }: HeldLock): boolean => !isReleased && decidedIn === undefined

export const viewOf = (payer: Hex, position: number, lock: HouseLock): LockView => ({
  ...lock,
  direction: 'out',
  payer,
  position,
  id: toHex(lockHash(lock)),
})

export const viewOfHeld = ({ lock, receipt }: HeldLock): LockView => ({
  ...lock,
  direction: 'in',
  payer: receipt.payer,
  position: receipt.position,
  id: receipt.lock,
})
