import type { App } from '../../apps/define-app.ts'
import type { Rules } from '../../apps/rules.ts'
import { Reader, Writer } from '../../core/codec.ts'
import type { Address, Hex } from '../../core/types.ts'
import { type AppSession, type Position, playersOf } from '../../protocols/app.ts'
import type { ShownStanding } from '../../protocols/app-disputing.ts'
import {
  type AppStepMessage,
  decodeSession,
  encodeSession,
  readAddresses,
  termsDigest,
  writeAddresses,
} from '../../protocols/app-wire.ts'

/** What became of an instance, once every stake has ended. */
export interface AppResult {
  /** Of each seat, in parts of 1e18; undefined: it never began, and all stakes are back. */
  readonly values: readonly bigint[] | undefined
}

/** What players say after the proposal. */
export type Spoken = Exclude<AppStepMessage, { kind: 'propose' }>

/** Somebody who waits for a moment of an instance. */
interface Waiter {
  readonly isMet: (slot: AppSlot) => boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** An instance at work. */
export class AppSlot {
  session: AppSession
  readonly code: App<unknown, unknown>
  readonly rules: Rules
  readonly termsDigest: Hex
  /** This node proposed it. */
  readonly isProposer: boolean
  /** Where the player of each seat can be dialled; empty: not known. */
  readonly addresses: readonly string[]
  /** Players who agreed to the terms, and what locks for them are sealed for. */
  readonly accepted = new Map<Address, Hex>()
  /** Players for whom all stakes are locked, as they say. */
  readonly staked = new Set<Address>()
  /** It will not begin: what is locked to this node goes back. */
  declined: Error | undefined
  /** Heard before it could be judged: the newest of each kind of each player. */
  readonly early = new Map<string, { readonly from: Address; readonly message: Spoken }>()
  /** What stands on chain, as last seen. */
  standing: ShownStanding | undefined
  /** What the registry holds for each seat, as last seen; undefined: nothing, or since too late a moment. */
  values: readonly bigint[] | undefined
  /** What each seat got, once every stake has ended: nothing, if it never began. */
  result: readonly bigint[]
  /** Something is being sent for it, or read. */
  busy = false
  /** What the chain says is on its way. */
  isReading = false
  /** The chain may say something of it that was not read: before that nobody knows how it ends. */
  unread = false
  /** Why it could not be looked at or helped last, as it was told; undefined: it could. */
  failing: string | undefined
  /** All stakes have ended, and the chain is asked, or was, whether they did by its judgement. */
  isAsked = false
  /** Stakes of this node are being locked: one may stand at any moment. */
  locking = false
  /** When it came to this step, in milliseconds of the clock that never jumps. */
  since: number
  readonly #waiters = new Set<Waiter>()

  constructor(
    session: AppSession,
    code: App<unknown, unknown>,
    about: { readonly isProposer: boolean; readonly addresses: readonly string[]; readonly since: number },
  ) {
    this.session = session
    this.code = code
    this.termsDigest = termsDigest(session.terms)
    this.rules = code.rules(session.terms.instance.seats.length)
    this.result = session.terms.instance.seats.map(() => 0n)
    this.isProposer = about.isProposer
    this.addresses = about.addresses
    this.since = about.since
  }

  get id(): Hex {
    return this.session.id
  }

  /** All players but this node. */
  get others(): Address[] {
    return playersOf(this.session.terms.instance).filter((player) => player !== this.session.me)
  }

  /** The registry holds what the seats get. */
  get recorded(): boolean {
    return this.values !== undefined
  }

  get isAccepted(): boolean {
    return this.others.every((player) => this.accepted.has(player))
  }

  /** A state with what the rules say of it. */
  positionOf(state: Uint8Array): Position {
    return { state, turn: this.rules.turn(state) }
  }

  /** The newest position that counts: on chain in a dispute, else the agreed one, or the opening. */
  get position(): Position & { readonly version: number } {
    const { agreed, terms } = this.session
    if (this.standing) return this.standing
    return agreed ?? { ...this.positionOf(terms.opening), version: 0 }
  }

  /** Resolves once `isMet`; rejects if the instance does not begin, or the node stops. */
  when(isMet: (slot: AppSlot) => boolean, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = { isMet, resolve, reject }
      this.#waiters.add(waiter)
      signal?.addEventListener('abort', () => this.#drop(waiter, signal.reason), { once: true })
      if (signal?.aborted) this.#drop(waiter, signal.reason)
      this.notice()
    })
  }

  #drop(waiter: Waiter, reason: unknown): void {
    if (this.#waiters.delete(waiter)) waiter.reject(reason)
  }

  /** Something has changed: whoever waited for it goes on. */
  notice(): void {
    for (const waiter of [...this.#waiters]) {
      if (!waiter.isMet(this)) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  fail(error: Error): void {
    for (const waiter of [...this.#waiters]) this.#drop(waiter, error)
  }
}

/** An instance as it is stored. */
export interface AppRecord {
  readonly isProposer: boolean
  /** What was locked to this node may be on its way back. */
  readonly isDeclined: boolean
  readonly addresses: readonly string[]
  readonly session: AppSession
}

/** An instance for the store. */
export const appRecord = ({ session, isProposer, declined, addresses }: AppSlot): Uint8Array =>
  writeAddresses(new Writer(1024).bool(isProposer).bool(declined !== undefined), addresses)
    .raw(encodeSession(session))
    .finish()

export function readAppRecord(bytes: Uint8Array): AppRecord {
  const reader = new Reader(bytes)
  const [isProposer, isDeclined, addresses] = [reader.bool(), reader.bool(), readAddresses(reader)]
  return { isProposer, isDeclined, addresses, session: decodeSession(reader.raw(reader.left)) }
}
