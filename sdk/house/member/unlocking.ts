import { type HouseLock, lockHash, type Payment, paymentHash, releaseHash } from '../../clearing/account.ts'
import { entryHash } from '../../clearing/book.ts'
import { toBytes, toHex } from '../../core/bytes.ts'
import { typedDigest } from '../../core/eip712.ts'
import { secretKey } from '../../core/outcome.ts'
import type { Hex } from '../../core/types.ts'
import { signDirect } from '../../signing/session.ts'
import type { Instead, ToldRelease } from '../messages.ts'
import { canBeOpen, type Desk, NONE } from './desk.ts'
import type { LockView } from './events.ts'
import { heldKey, type Memory } from './memory.ts'
import type { Spending } from './spending.ts'
import { baseBook, type HeldLock } from './state.ts'

// A lock that is paid off the chain. The payee shows the secret; the payer says which payment it would make; the payee gives up the lock
// for that payment, which the court takes for an answer only where the payment was credited; the payer signs the payment and the end of
// the lock in one account. Whoever falls silent in between: the lock stands, and the registry decides it.

/** What is done with a secret before the payee is paid for it. */
export type Shown = (secret: Hex) => Promise<void>

/** Milliseconds that a payee waits for its payment before it goes to the chain. */
const PATIENCE = 10_000
/** Milliseconds that a payer, who signs nothing else meanwhile, waits for the payee's word. */
const ANSWER = 5_000
const NOTHING = new Uint8Array()

type Named = Pick<ToldRelease, 'payer' | 'position' | 'lock'>
const nameOf = ({ payer, position, lock }: Named): string => `${payer}/${position}/${lock}`

/** Both sides of what is paid in place of a lock. */
export class Unlocking {
  readonly #desk: Desk
  readonly #spending: Spending
  /** By key: what this run has locked and would pay for the secret. */
  readonly #shown = new Map<Hex, Shown>()
  /** Locks that are being paid. */
  readonly #paying = new Set<string>()
  /** By payment: the payee's word is awaited. */
  readonly #words = new Map<Hex, () => void>()
  /** Locks whose payment is awaited. */
  readonly #asking = new Map<string, (isPaid: boolean) => void>()

  constructor(desk: Desk, spending: Spending) {
    this.#desk = desk
    this.#spending = spending
  }

  // ---------------------------------------------------------------- the payer

  /** Locks under this key are paid when their payees show the secret, once `shown` is done with it. */
  expect(key: Hex, shown: Shown): void {
    this.#shown.set(key, shown)
  }

  /** The payee shows its secret. */
  async asked({ payer, position, lock: hash, secret }: ToldRelease): Promise<void> {
    const { memory, id, assets, link } = this.#desk
    const lock = baseBook(memory.state, id, 0n, assets).locks[position]
    if (payer !== id || !lock || toHex(lockHash(lock)) !== hash || this.#paying.has(hash)) return
    const isPaid = await this.#pay(lock, position, hash, secret)
    if (!isPaid) link.say({ kind: 'instead', instead: { payer, position, lock: hash, payment: undefined } })
  }

  async #pay(lock: HouseLock, position: number, hash: Hex, secret: Hex | undefined): Promise<boolean> {
    const shown = this.#shown.get(lock.key)
    if (!shown || !secret || !(await this.#isDue(lock, secret))) return false
    this.#paying.add(hash)
    try {
      await shown(secret)
      await this.#spending.add(() => actsFor(lock, position), {
        agree: ([payment]) => this.#word({ payer: this.#desk.id, position, lock: hash }, payment!),
      })
      return true
    } catch {
      // Refused, or the payee fell silent: the registry decides.
      return false
    } finally {
      this.#paying.delete(hash)
    }
  }

  async #isDue({ key, deadline }: HouseLock, secret: Hex): Promise<boolean> {
    const { chain, domain } = this.#desk
    const registry = { chainId: domain.chainId, condition: chain.terms.registry }
    return secretKey(registry, toBytes(secret, 32)) === key && (await chain.state()).latest.head.timestamp <= deadline
  }

  /** The payee's word that it takes this payment in place of the lock. */
  #word(named: Named, payment: Payment): Promise<boolean> {
    const hash = toHex(paymentHash(payment))
    return new Promise((resolve) => {
      const end = (isGiven: boolean) => {
        clearTimeout(timer)
        this.#words.delete(hash)
        resolve(isGiven)
      }
      const timer = setTimeout(() => end(false), ANSWER)
      this.#words.set(hash, () => end(true))
      this.#desk.link.say({ kind: 'instead', instead: { ...named, payment } })
    })
  }

  /** What the operator has from the payee. Whether that is right is the operator's risk: payment and lock stand in one account. */
  given({ payment }: ToldRelease): void {
    this.#words.get(payment)?.()
  }

  // ---------------------------------------------------------------- the payee

  isAsking({ payer, position, id }: LockView): boolean {
    return this.#asking.has(nameOf({ payer, position, lock: id }))
  }

  /** Shows the payer the secret, which the store holds already; whether it has paid. */
  async ask({ payer, position, id: lock }: LockView, secret: Hex): Promise<boolean> {
    const { link } = this.#desk
    const name = nameOf({ payer, position, lock })
    if (!link.isUp || this.#asking.has(name)) return false
    const paid = new Promise<boolean>((resolve) => this.#asking.set(name, resolve))
    const timer = setTimeout(() => this.#asking.get(name)?.(false), PATIENCE)
    try {
      const release = { payer, position, lock, payment: NONE, secret, signature: NOTHING }
      await link.ask({ kind: 'release', release })
      return await paid
    } catch {
      // The payer is away, or the operator is.
      return false
    } finally {
      clearTimeout(timer)
      this.#asking.delete(name)
    }
  }

  /** The payer would pay this. Gives the lock up for it if it is the whole of it and nothing else. */
  async offered({ payment, ...named }: Instead): Promise<void> {
    const { memory, domain, signer, link, tell } = this.#desk
    const end = this.#asking.get(nameOf(named))
    const held = [...memory.held.values()].find(({ receipt }) => nameOf(receipt) === nameOf(named))
    if (!end || !held) return
    if (!payment || !(await this.#isInstead(held, payment))) return end(false)
    const hash = toHex(paymentHash(payment))
    await memory.change(() => {
      const now = memory.held.get(heldKey(held))!
      return { held: [{ ...now, instead: [...(now.instead ?? []), payment] }] }
    })
    const signature = signDirect(
      signer,
      typedDigest(domain, releaseHash(named.payer, named.position, named.lock, hash)),
    )
    // Not waited for: the answer is a frame of its own.
    link
      .ask({ kind: 'release', release: { ...named, payment: hash, secret: undefined, signature } })
      .catch((error) => (error.code === 'REFUSED_BY_HOUSE' ? end(false) : tell({ kind: 'alarm', error })))
  }

  /** One payment stands for one lock, and for nothing that was paid before. */
  async #isInstead(held: HeldLock, payment: Payment): Promise<boolean> {
    const { memory, id } = this.#desk
    const { lock, receipt } = held
    const isWhole =
      payment.from === receipt.payer &&
      payment.to === id &&
      payment.asset === lock.asset &&
      payment.amount === lock.amount &&
      payment.group === NONE &&
      payment.leg === 0
    const isCommitted = [...memory.epochs.keys()].some((number) => number >= payment.epoch)
    const hash = toHex(paymentHash(payment))
    const isNamed = [...memory.held.values()].some(
      ({ receipt: other, instead = [] }) =>
        nameOf(other) !== nameOf(receipt) && instead.some((one) => toHex(paymentHash(one)) === hash),
    )
    const isNew = !isCommitted && !isNamed && !isTold(memory, payment)
    return isWhole && isNew && !held.isReleased && (await canBeOpen(this.#desk, payment.epoch))
  }

  /** Something was credited: who waits for it is told. */
  credited(): void {
    const { memory } = this.#desk
    for (const held of memory.held.values())
      if (paidIn(memory, held) !== undefined) this.#asking.get(nameOf(held.receipt))?.(true)
  }
}

const actsFor = ({ to, asset, amount }: HouseLock, position: number) =>
  [
    { kind: 'pay', to, asset, amount, group: NONE, leg: 0 },
    { kind: 'drop', position },
  ] as const

/** The epoch in which a payment in place of this lock was credited. */
export const paidIn = (memory: Pick<Memory, 'told'>, { instead = [] }: HeldLock): bigint | undefined =>
  instead.find((payment) => isTold(memory, payment))?.epoch

/** Whether a lock is to pay if an epoch sees it decided: it was not given up, and nothing was paid in its place by then. */
export function isOwed(memory: Pick<Memory, 'told'>, held: HeldLock, number: bigint): boolean {
  const epoch = paidIn(memory, held)
  return !held.isReleased && held.lock.epoch <= number && (epoch === undefined || epoch > number)
}

function isTold({ told }: Pick<Memory, 'told'>, payment: Payment): boolean {
  const hash = toHex(paymentHash(payment))
  return told.get(payment.epoch)?.some((entry) => toHex(entryHash(entry)) === hash) ?? false
}
