import type { HouseEvent, HouseState } from '../../chain/house/house-chain.ts'
import type { Finding } from '../../clearing/checking.ts'
import type { Challenge, Statement } from '../../clearing/dispute.ts'
import { type HouseMessage, HouseProtocolError, type ToldRelease } from '../messages.ts'
import { type Desk, NONE } from './desk.ts'
import { challengeAll, challengesFor } from './disputing.ts'
import { HouseFaultError, HouseMemberError, RefusedByHouseError } from './errors.ts'
import { type MemberEvent, MemberEvents } from './events.ts'
import { Following } from './following.ts'
import { Grouping } from './grouping.ts'
import { Leaving } from './leaving.ts'
import { OperatorLink } from './link.ts'
import { Locking } from './locking.ts'
import { Recalling } from './recalling.ts'
import { takeIncome, takeSeat } from './receiving.ts'
import { Spending } from './spending.ts'
import { Standing } from './standing.ts'
import { accountIn } from './state.ts'
import { Verifying } from './verifying.ts'

/** What an engine is made of: a desk but for what it makes itself. */
export interface EngineOptions extends Omit<Desk, 'link' | 'tell' | 'fault' | 'convict'> {
  readonly link: ConstructorParameters<typeof OperatorLink>[0] extends infer L
    ? Omit<L, 'onMessage' | 'onUp' | 'onDown'>
    : never
  readonly disputes: boolean
  readonly onEvent: ((event: MemberEvent) => void) | undefined
}

/** Milliseconds between looks at the connection. */
const TICK = 100
const HALTED = 'The house has halted and clears nothing any more. Exit from it.'

/** What happens of itself: the operator and the chain speak, the parts of a member answer. */
export class Engine {
  readonly events: MemberEvents
  readonly desk: Desk
  readonly spending: Spending
  readonly locking: Locking
  readonly leaving: Leaving
  readonly grouping: Grouping
  /** The last final epoch. */
  final = 0n
  /** Epochs that this run challenged. */
  readonly disputed = new Set<bigint>()
  readonly #following: Following
  readonly #verifying: Verifying
  readonly #recalling: Recalling
  readonly #standing: Standing
  readonly #disputes: boolean
  /** Epochs that are wrong, or not shown in time. */
  readonly #wrong = new Map<bigint, string>()
  #timer: ReturnType<typeof setInterval> | undefined
  #fault: Error | undefined
  #state: HouseState | undefined
  #isHalted = false

  constructor({ link, disputes, onEvent, ...of }: EngineOptions) {
    this.events = new MemberEvents(onEvent)
    this.#disputes = disputes
    const tell = this.events.emit
    const lines = new OperatorLink({
      ...link,
      onMessage: (message) => this.#hear(message),
      onUp: () => this.#join(),
      onDown: (reason) => tell({ kind: 'disconnected', reason }),
    })
    const fault = (why: string) => this.#faulted(why)
    const convict = (why: string, one: Statement, other: Statement) => this.#convict(why, one, other)
    this.desk = { ...of, link: lines, tell, fault, convict }
    this.#following = new Following(this.desk, (from) => this.#replaced(from))
    this.spending = new Spending(this.desk, () => this.held)
    this.locking = new Locking(this.desk, this.spending)
    this.leaving = new Leaving(this.desk)
    this.#recalling = new Recalling(this.desk)
    this.#standing = new Standing(this.desk)
    this.grouping = new Grouping(this.desk, this.spending)
    this.#verifying = new Verifying(this.desk, (number, findings) => this.#checked(number, findings))
    for (const { epoch, findings = [] } of of.memory.epochs.values())
      if (findings.length > 0) this.#wrong.set(epoch.number, whyOf(epoch.number, findings))
  }

  /** Why nothing is signed; undefined: it is. */
  get held(): Error | undefined {
    const [wrong] = this.#wrong.values()
    const halted = this.#isHalted ? new HouseMemberError('HOUSE_HALTED', HALTED) : undefined
    return this.#fault ?? (wrong === undefined ? halted : new HouseFaultError(wrong))
  }

  /** Follows the chain and dials the operator. `isNew`: nothing is remembered, so that the chain tells everything. */
  async start(isNew: boolean): Promise<void> {
    const { chain, link } = this.desk
    chain.onEvent = (event) => this.#onEvent(event)
    chain.onState = (state) => this.#onState(state)
    chain.onAlarm = (error) => this.#alarm(error)
    await chain.start(isNew ? 0 : undefined)
    this.#timer = setInterval(() => link.tick(), TICK)
    link.tick()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const end = new HouseMemberError('HOUSE_CLOSED', 'The member was closed. Join again.')
    this.#fault ??= end
    this.spending.rejectAll(end)
    this.leaving.stop(end)
    this.desk.link.stop()
    await this.desk.chain.stop()
    await this.desk.memory.change(() => undefined)
  }

  async challenge(number: bigint, challenges: readonly Challenge[]): Promise<void> {
    this.disputed.add(number)
    await challengeAll(this.desk, number, challenges)
  }

  #alarm(error: unknown): void {
    this.events.emit({ kind: 'alarm', error: error as Error })
  }

  async #join(): Promise<void> {
    const { memory, link, identity, tell } = this.desk
    const { books, receipts } = memory.state
    const taken = books.findLast(({ countersignature }) => countersignature)
    const account = taken && { account: accountIn(taken), signature: taken.countersignature! }
    const receipt = receipts.reduce<(typeof receipts)[number] | undefined>(
      (best, one) => (best && best.receipt.seq > one.receipt.seq ? best : one),
      undefined,
    )
    const answer = await link.ask({ kind: 'join', owner: identity.owner, account, receipt }).catch((error) => {
      // Nothing can be paid before this is a member; a deposit makes it one.
      if (error instanceof RefusedByHouseError && error.refusal === 'NOT_A_MEMBER') this.spending.rejectAll(error)
      throw error
    })
    if (answer.kind !== 'seated')
      throw new HouseProtocolError('HOUSE_PROTOCOL', 'The operator answers a join with something else.')
    await takeSeat(this.desk, answer.seat, answer.settings.open)
    if (this.#fault) throw this.#fault
    tell({ kind: 'connected', index: answer.seat.index })
    await this.spending.seated(answer.seat)
    this.locking.unlocking.credited()
    this.spending.settings = answer.settings
    setTimeout(() => {
      this.spending.kick()
      this.#verifying.kick()
    }, 0)
  }

  async #hear(message: HouseMessage): Promise<void> {
    switch (message.kind) {
      case 'credited':
        await takeIncome(this.desk, message.entries, message.receipt)
        return this.locking.unlocking.credited()
      case 'locked':
        return this.locking.told(message.lock)
      case 'released':
        return this.#released(message.release)
      case 'instead':
        return this.locking.unlocking.offered(message.instead)
      case 'proven':
        this.#recalling.shown(message.proof)
        if (this.#state) this.#collect(this.#state)
        return this.#verifying.shown(message.proof)
      case 'settings':
        this.spending.settings = message.settings
        return
      case 'proposed':
        // Not waited for: the user decides, and the answer is a frame of its own.
        this.grouping.proposed(message.group, message.legs).catch((error) => this.#alarm(error))
        return
      case 'ended':
        this.grouping.ended(message.group, message.isDone)
        return this.events.emit({ kind: 'ended', group: message.group, isDone: message.isDone })
      case 'refused':
        throw new RefusedByHouseError(message.code, message.reason)
      default:
        throw new HouseProtocolError('HOUSE_PROTOCOL', `An operator has no "${message.kind}" to say.`)
    }
  }

  async #released(release: ToldRelease): Promise<void> {
    const { unlocking } = this.locking
    // Not waited for: the payee's word is a frame of its own.
    if (release.signature.length === 0) unlocking.asked(release).catch((error) => this.#alarm(error))
    else if (release.payment !== NONE) unlocking.given(release)
    else await this.locking.released(release)
  }

  async #onEvent(event: HouseEvent): Promise<void> {
    await this.#following.take(event)
    if (event.kind === 'answered') await this.#verifying.answered(event.epoch, event.transaction)
    if (event.kind === 'committed') {
      this.#verifying.kick()
      this.spending.kick()
    }
    if (event.kind === 'halted' || event.kind === 'settled') this.#halted(event.kind)
  }

  #replaced(from: bigint): void {
    for (const number of this.#wrong.keys()) if (number >= from) this.#wrong.delete(number)
    this.#verifying.replaced(from)
  }

  #halted(kind: 'halted' | 'settled'): void {
    this.#isHalted = true
    this.spending.rejectAll(new HouseMemberError('HOUSE_HALTED', HALTED))
    this.events.emit({ kind })
  }

  #onState(state: HouseState): void {
    const { memory } = this.desk
    this.#state = state
    const { final } = state.confirmed
    this.#following.look(state).catch((error) => this.#alarm(error))
    if (final > this.final) {
      this.final = final
      void memory.prune(final).catch((error) => this.#alarm(error))
      this.events.emit({ kind: 'final', number: final })
    }
    this.#verifying.look(state)
    this.#standing.look(final).catch((error) => this.#alarm(error))
    this.#collect(state)
    if (this.#hasWallet()) this.locking.remind(state.latest.head.timestamp, final).catch((error) => this.#alarm(error))
    this.spending.kick()
  }

  #collect(state: HouseState): void {
    const recalled = this.#recalling.look(state).catch((error) => this.#alarm(error))
    void recalled.then(() => this.#hasWallet() && this.leaving.look(state))
  }

  #hasWallet(): boolean {
    try {
      return this.desk.chain.sender !== undefined
    } catch {
      // A connection that can only read.
      return false
    }
  }

  #faulted(why: string): void {
    this.#fault ??= new HouseFaultError(why)
    this.spending.rejectAll(this.#fault)
    this.events.emit({ kind: 'fault', number: undefined, why, findings: [] })
  }

  /** Two signatures that contradict each other end the house. */
  #convict(why: string, one: Statement, other: Statement): void {
    this.#faulted(why)
    if (!this.#disputes || !this.#hasWallet()) return
    const intent = `house/${this.desk.id}/convict`
    this.desk.chain.convict(one, other, { intent }).catch((error) => this.#alarm(error))
  }

  /** No findings: an epoch that was not shown in time is right after all, or it always was. */
  #checked(number: bigint, findings: readonly Finding[]): void {
    if (findings.length === 0) {
      this.#wrong.delete(number)
      this.spending.kick()
      this.#standing.look(this.final).catch((error) => this.#alarm(error))
      return
    }
    const why = whyOf(number, findings)
    this.#wrong.set(number, why)
    this.spending.rejectAll(new HouseFaultError(why))
    this.events.emit({ kind: 'fault', number, why, findings })
    const seen = this.desk.memory.epochs.get(number)
    if (!this.#disputes || !this.#hasWallet() || !seen) return
    const challenges = challengesFor(this.desk.id, seen, findings, this.desk.memory)
    this.challenge(number, challenges).catch((error) => this.#alarm(error))
  }
}

const whyOf = (number: bigint, findings: readonly Finding[]): string =>
  `Epoch ${number} is wrong: ${[...new Set(findings.map(({ rule }) => rule))].join(', ')}.`
