import { randomBytes } from '@noble/hashes/utils.js'
import { toHex } from '../../core/bytes.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import { WHOLE } from '../../core/outcome.ts'
import { ZERO_HASH } from '../../core/state.ts'
import type { Address, Hex, Transfer } from '../../core/types.ts'
import { isSplit } from '../../protocols/dealing.ts'
import type { PartEvent } from '../../protocols/forwarding.ts'
import { deadlineOf, decided, keyOf, type Part, payerPart } from '../../protocols/part.ts'
import { type FailureReport, readFailure } from '../../routing/failure.ts'
import { onAbort } from '../abort.ts'
import type { Engine } from '../engine.ts'
import { NoRouteError, OutcomeLockUnknownError, OutcomeRefusedError, PaymentFailedError } from '../errors.ts'
import { HandlerFailedError } from '../events.ts'
import { freshId } from '../ledgers/queue.ts'
import { directionOf, Finder, type Way } from '../routes/finder.ts'
import type { Carried } from './carried.ts'
import { givenWay, maxFeeOf, type Route } from './quote.ts'
import { wrapOutcome } from './wrapping.ts'

// Money that an outcome will divide between two nodes, over any number of hops that know nothing of it.
//
//   payer   lockTo ─ find a way ─▶ locked hop by hop ─ held? ─▶ it stands            └ comes back: another way, or failed
//   payee   locked to it ─ expected? ─▶ tell the payer that it is held               └ no: it goes back
//   end     payee asks for a value ─▶ the payer lets it end so ─▶ hop by hop         or the registry says it, or the deadline passes

/** What to lock, and for whom. */
export interface LockToTerms {
  /** The payee's session key. */
  readonly to: Address
  /** 32 bytes: what the payee opens with; default: what this node has heard of it. */
  readonly onionKey?: Hex
  /** What the payee gets at most. */
  readonly amount: bigint
  readonly asset: Address
  /** Outcome key; nobody on the way learns what it stands for. */
  readonly key: Hex
  /** Chain time in seconds; outcomes recorded later do not count. */
  readonly deadline: bigint
  /** For the payee's eyes, at most 512 bytes. */
  readonly note?: Uint8Array
  /** What hops may keep if the payee gets all of it. They keep as much less as it gets less. */
  readonly maxFee?: bigint
  /** Default: the node finds its own way. */
  readonly route?: Route
  /** How often one that came back may be sent another way; default 4. */
  readonly attempts?: number
  /** Ends the waiting; what is on its way may still be held, and stands in the list then. */
  readonly signal?: AbortSignal
}

/** An outcome lock that the payee holds. */
export interface LockedTo {
  readonly id: Hex
  /** What hops keep if the payee gets all of it. */
  readonly fee: bigint
}

/** Money that waits for an outcome, as its payer (`out`) or payee sees it. */
export interface OutcomeLock {
  /** 16 bytes, the same for both. */
  readonly id: Hex
  readonly direction: 'in' | 'out'
  readonly asset: Address
  /** What is locked here: at the payer, with what hops would keep. */
  readonly amount: bigint
  readonly key: Hex
  readonly deadline: bigint
  /** What the payer said of it to the payee. */
  readonly note: Uint8Array
  /** The payee keeps it until it ends. */
  readonly held: boolean
  /** The value at which the payee wants it to end, if it has said so. */
  readonly asked: bigint | undefined
}

/** Decides whether this node expects a lock that is made out to it. */
export type LockJudge = (lock: OutcomeLock) => boolean | Promise<boolean>

/** A lock that the payee has not answered. */
interface Attempt {
  readonly way: Way
  /** Keys of failures, hop by hop. */
  readonly replies: readonly Uint8Array[]
  readonly resolve: (failed: Failed | undefined) => void
  readonly reject: (error: unknown) => void
}

/** Why a lock came back. */
interface Failed {
  readonly refused: string | undefined
  readonly report: FailureReport | undefined
}

const ATTEMPTS = 4
/** Ticks that locks of an earlier process wait for somebody who expects them. */
const PATIENCE = 50
const NOTHING = new Uint8Array(0)

/** Outcome locks that this node makes and holds. */
export class Outcomes {
  readonly #engine: Engine
  readonly #finder: Finder
  /** By the transfer that this node locked. */
  readonly #attempts = new Map<Hex, Attempt>()
  readonly #judges = new Set<LockJudge>()
  /** Locks that nobody has decided on, and for how many ticks they wait for somebody who does. */
  readonly #waiting = new Map<Carried, number>()
  /** What was told of the wish of a payee. */
  readonly #told = new WeakMap<Carried, bigint>()

  constructor(engine: Engine) {
    this.#engine = engine
    this.#finder = new Finder(engine)
  }

  /** Takes up what an earlier process was offered. */
  load(): void {
    for (const carried of this.#all('in')) if (!carried.held) this.#waiting.set(carried, PATIENCE)
  }

  /**
   * Locks money to a payee; resolves once the payee holds it. Throws {@link NoRouteError}, or {@link PaymentFailedError}: it is back then.
   */
  async lock(terms: LockToTerms): Promise<LockedTo> {
    const { chain, signer } = this.#engine.options
    const { to, key, signal, route, attempts = ATTEMPTS } = terms
    signal?.throwIfAborted()
    if (to === signer.address) throw new InvalidOptionError('to', 'A node locks nothing to itself. Name another payee.')
    const [outcome] = await chain.outcomes([key])
    if (outcome!.recordedAt > 0n) throw new PaymentFailedError('KEY_KNOWN', undefined)
    const excluded = new Set<string>()
    for (let left = route ? 1 : attempts; ; left--) {
      const way = this.#wayFor(terms, excluded)
      const id = toHex(freshId())
      const failed = await this.#try(id, way, terms)
      if (!failed) return { id, fee: way.fee }
      if (left <= 1 || this.#isFinal(way, failed)) throw new PaymentFailedError(failed.refused, failed.report)
      excluded.add(this.#learn(way, failed))
    }
  }

  #wayFor({ to, asset, amount, deadline, route, ...terms }: LockToTerms, excluded: ReadonlySet<string>): Way {
    const onionKey = terms.onionKey ?? this.#engine.gossip.onionKeyOf(to) ?? ZERO_HASH
    const payee = { payee: to, asset, onionKey, hints: [] }
    if (route) {
      if (!this.#engine.book.slot({ channelId: route.channelId, asset })) throw new NoRouteError()
      return givenWay(route, { from: this.#engine.options.signer.address, ...payee, amount, deadline })
    }
    const { now } = this.#engine.switch.view!
    const limits = { amount, maxFee: maxFeeOf(amount, terms), maxParts: 1 }
    // One key and one deadline on every hop, as for the payments that are never staggered.
    const about = { invoice: payee, now, deadline, mode: 'sprites', isOutcome: true } as const
    const query = { ...about, excluded, underWay: [], ...limits }
    return this.#finder.find(query).ways[0]!
  }

  #try(id: Hex, way: Way, { key, note = NOTHING, signal }: LockToTerms): Promise<Failed | undefined> {
    const { channelId, asset, amount, deadline } = way.hops[0]!
    const slot = this.#engine.book.slot({ channelId, asset })!
    const { me } = slot.ledger
    const transfer: Transfer = { amount, deadline, refundTo: me, legs: [{ to: 1 - me, key }] }
    const sealed = wrapOutcome(way, { key, id, note })
    const mode = 'outcome'
    const part = payerPart(
      { mode, minimumMode: mode, scalar: undefined },
      this.#engine.switch.edgeOf(slot, transfer, undefined),
    )
    const outgoing = { slot, id: toHex(freshId()), note: sealed.note }
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, (reason) => {
        this.#attempts.delete(outgoing.id)
        reject(reason)
      })
      const done = (failed: Failed | undefined) => {
        forget()
        this.#attempts.delete(outgoing.id)
        resolve(failed)
      }
      this.#attempts.set(outgoing.id, { way, replies: sealed.replies, resolve: done, reject })
      this.#engine.switch.send(part, outgoing, id)
      this.#engine.touch(slot)
    })
  }

  #isFinal({ hops }: Way, { refused, report }: Failed): boolean {
    if (this.#engine.halted || this.#engine.switch.draining) return true
    const isPayee = report?.kind === 'failed' && report.hop === hops.length - 1
    return isPayee || (refused !== undefined && refused !== 'LOCK_FAILED')
  }

  /** What a lock that came back says of its way: the direction that is left alone from now on. */
  #learn(way: Way, { refused, report }: Failed): string {
    if (report?.kind === 'failed') this.#finder.returned(way, report.hop, report.failure.code === 'CHANNEL_UNAVAILABLE')
    const index = refused !== undefined ? 0 : report?.kind === 'failed' ? report.hop + 1 : (report?.hop ?? 0)
    return directionOf(way.hops[index]!)
  }

  /** Whether the payee of a lock of this node says, in words of its own, that it holds it. */
  isHeld({ outgoing }: Carried, word: Uint8Array): boolean {
    const attempt = this.#attempts.get(outgoing!.id)
    if (!attempt) return false
    const { way, replies, resolve } = attempt
    const report = readFailure(replies, word)
    if (report.kind !== 'failed' || report.hop !== replies.length - 1 || report.failure.code !== 'LOCK_HELD')
      return false
    this.#finder.returned(way, report.hop, false)
    this.#engine.journal.after(() => resolve(undefined))
    return true
  }

  /** Lets `judge` decide on locks that are made out to this node: what nobody expects goes back. */
  expect(judge: LockJudge): () => void {
    this.#judges.add(judge)
    this.#judgeAll()
    return () => this.#judges.delete(judge)
  }

  /** Whether a lock with this id is made out to this node. */
  knows = (id: Hex): boolean => [...this.#all('in')].some(({ payment }) => payment === id)

  /** A lock stands here that is made out to this node. */
  offered(carried: Carried): void {
    if (!this.#waiting.has(carried)) this.#waiting.set(carried, 0)
    this.#judgeAll()
  }

  #judgeAll(): void {
    if (this.#judges.size === 0) return
    for (const carried of [...this.#waiting.keys()]) {
      if (carried.part.incoming!.status === 'offered') continue
      this.#waiting.delete(carried)
      void this.#judge(carried)
    }
  }

  async #judge(carried: Carried): Promise<void> {
    const isExpected = await this.#isExpected(carried)
    if (this.#engine.halted || carried.part.incoming!.status !== 'locked') return
    if (!isExpected) return this.#engine.switch.refuse(carried, 'PAYMENT_REFUSED')
    this.#engine.switch.hold(carried)
    this.#engine.durably(() => this.#engine.emitter.emit({ kind: 'outcome-locked', ...lockOf(carried) }))
  }

  async #isExpected(carried: Carried): Promise<boolean> {
    for (const judge of [...this.#judges]) {
      try {
        if (await judge(lockOf(carried))) return true
      } catch (error) {
        this.#engine.emitter.emit({ kind: 'alarm', error: new HandlerFailedError('outcome-locked', error) })
      }
    }
    return false
  }

  /** What nobody decides on goes back. */
  tick(): void {
    for (const [carried, left] of [...this.#waiting]) {
      if (carried.part.incoming!.status === 'offered' || this.#judges.size > 0) continue
      this.#waiting.set(carried, left - 1)
      if (left > 0) continue
      this.#waiting.delete(carried)
      this.#engine.switch.refuse(carried, 'PAYMENT_REFUSED')
    }
  }

  /** The payee wants a lock to end at this value; at 0n it gives it back. Throws {@link OutcomeLockUnknownError}, {@link OutcomeRefusedError}. */
  ask(id: Hex, value: bigint): void {
    const carried = this.#find('in', id)
    const { agreed, refused } = carried.part
    assertValue(value)
    if (!carried.held) throw new OutcomeLockUnknownError(id)
    const isOther = agreed !== undefined && agreed !== value && !(value === 0n && agreed === WHOLE)
    if (refused || isOther) throw new OutcomeRefusedError('OUTCOME_SETTLED')
    this.#engine.switch.step(carried, wishOf(carried.part, value))
    this.#engine.wake()
  }

  /** The payer lets a lock end at this value. Throws {@link OutcomeLockUnknownError}, {@link OutcomeRefusedError}. */
  settle(id: Hex, value: bigint): void {
    const carried = this.#find('out', id)
    assertValue(value)
    const { deal } = carried.part.outgoing!
    // All of it may be given at any time, unless something else is on its way.
    if (value !== (deal?.value ?? WHOLE)) throw new OutcomeRefusedError(deal ? 'OUTCOME_SETTLED' : 'OUTCOME_NOT_ASKED')
    this.#engine.switch.step(carried, { kind: 'agree', value })
    this.#engine.wake()
  }

  /** What is locked by this node and for it. */
  list = (): OutcomeLock[] => [...this.#all('out'), ...this.#all('in')].map(lockOf)

  /** A payee wants a lock of this node to end at a value. */
  wished(carried: Carried, value: bigint): void {
    const { part, payment } = carried
    if (part.agreed === value || this.#told.get(carried) === value) return
    this.#told.set(carried, value)
    this.#engine.journal.after(() => this.#engine.emitter.emit({ kind: 'outcome-asked', id: payment!, value }))
  }

  /** A lock is over. */
  over(carried: Carried): void {
    const { incoming, outgoing, part, payment, failure, held } = carried
    this.#waiting.delete(carried)
    if (incoming && outgoing) return
    const attempt = outgoing && this.#attempts.get(outgoing.id)
    if (attempt) {
      const report = failure && failure.length > 0 ? readFailure(attempt.replies, failure) : undefined
      this.#engine.journal.after(() => attempt.resolve({ refused: part.refused, report }))
    } else if (outgoing || held) {
      const about = { id: payment!, direction: outgoing ? 'out' : 'in', value: endOf(carried) } as const
      this.#engine.journal.after(() => this.#engine.emitter.emit({ kind: 'outcome-over', ...about }))
    }
  }

  *#all(direction: OutcomeLock['direction']): Generator<Carried> {
    for (const carried of this.#engine.switch.parts.values()) {
      if (carried.part.mode !== 'outcome') continue
      const [here, there] =
        direction === 'in' ? [carried.incoming, carried.outgoing] : [carried.outgoing, carried.incoming]
      if (here && !there) yield carried
    }
  }

  #find(direction: OutcomeLock['direction'], id: Hex): Carried {
    for (const carried of this.#all(direction)) if (carried.payment === id) return carried
    throw new OutcomeLockUnknownError(id)
  }

  stop(error: Error): void {
    for (const { reject } of [...this.#attempts.values()]) reject(error)
  }
}

function assertValue(value: bigint): void {
  if (value >= 0n && value <= WHOLE) return
  throw new InvalidOptionError(
    'value',
    `A value of ${value} is not within 0 to 1e18. Say what part of it the payee gets.`,
  )
}

/** What the wish of a payee is to its part. */
function wishOf({ incoming }: Part, value: bigint): PartEvent {
  if (value === 0n) return { kind: 'giveUp' }
  if (value === WHOLE) return { kind: 'agree', value }
  if (isSplit(incoming!.amount, value)) return { kind: 'propose', value, secret: toHex(randomBytes(32)) }
  throw new InvalidOptionError('value', `${value} of ${incoming!.amount} is nothing. Ask for more, or for 0n.`)
}

/** The one side of a lock at one of its ends. */
const sideOf = ({ part }: Carried) => (part.incoming ?? part.outgoing)!

function lockOf(carried: Carried): OutcomeLock {
  const side = sideOf(carried)
  const { incoming, outgoing, agreed, refused } = carried.part
  const { asset, transfer } = side.edge
  return {
    id: carried.payment!,
    direction: incoming ? 'in' : 'out',
    asset,
    amount: transfer.amount,
    key: keyOf(side.edge),
    deadline: deadlineOf(side),
    note: carried.said ?? NOTHING,
    held: carried.held !== undefined,
    asked: outgoing ? (outgoing.deal?.value ?? outgoing.wanted) : refused ? 0n : agreed,
  }
}

/** The value at which a lock has ended. */
function endOf(carried: Carried): bigint {
  const side = sideOf(carried)
  if (side.status === 'paid') return side.paidAt ?? WHOLE
  return side.status === 'gone' ? 0n : (decided(side, carried.part.view) ?? 0n)
}
