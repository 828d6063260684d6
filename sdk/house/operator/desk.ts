import { MalformedBytesError } from '../../core/codec.ts'
import type { Address, Domain } from '../../core/types.ts'
import type { Connection } from '../../transport/transport.ts'
import { HOUSE_PROTOCOL_VERSION, type HouseMessage, HouseProtocolError } from '../messages.ts'
import { Budget } from './budget.ts'
import type { Clerk } from './clerk.ts'
import type { OperatorEvent } from './events.ts'
import { HouseRefusedError } from './refusal.ts'
import { Visit } from './visit.ts'

/** Milliseconds that a member may take to greet and join. */
const GREETING = 10_000

export interface DeskOptions {
  readonly domain: Domain
  readonly clerk: Clerk
  readonly connections: number
  /** Requests of a member a second; large ones count as several. */
  readonly perSecond: number
  readonly now: () => number
  readonly tell: (event: OperatorEvent) => void
}

/** Where members are served. */
export class Desk {
  readonly #options: DeskOptions
  readonly #visits = new Set<Visit>()
  /** By member's key: a new connection makes nobody's budget new. */
  readonly #budgets = new Map<Address, Budget>()

  constructor(options: DeskOptions) {
    this.#options = options
  }

  get connected(): number {
    return this.#visits.size
  }

  accept(connection: Connection): void {
    const { connections, now, clerk, tell } = this.#options
    if (this.#visits.size >= connections) {
      connection.close()
      return
    }
    const onUntold = (error: Error) => tell({ kind: 'alarm', error, isFatal: false })
    const visit = new Visit(connection, now(), this.#budgetOf(connection.peer), onUntold)
    this.#visits.add(visit)
    connection.onFrame = (frame) => {
      try {
        const message = visit.take(frame)
        if (message) this.#serve(visit, message)
      } catch (error) {
        this.#reject(visit, error as Error)
      }
    }
    connection.onClose = () => {
      this.#visits.delete(visit)
      clerk.leave(visit)
    }
  }

  tick(): void {
    const now = this.#options.now()
    for (const [peer, budget] of this.#budgets) if (budget.isFull(now)) this.#budgets.delete(peer)
    for (const visit of this.#visits)
      if (!visit.seat && now > visit.since + GREETING)
        this.#reject(visit, new HouseProtocolError('HOUSE_PROTOCOL', 'The member does not join. Nothing to be done.'))
  }

  stop(): void {
    for (const { connection } of this.#visits) connection.close()
    this.#visits.clear()
  }

  #serve(visit: Visit, message: HouseMessage): void {
    if (!visit.isGreeted) {
      this.#greet(visit, message)
      return
    }
    const id = 'id' in message ? message.id : 0
    const { now, perSecond } = this.#options
    if (!visit.spend(now())) {
      visit.tell({ kind: 'refused', id, code: 'SLOW_DOWN', reason: `More than ${perSecond} requests a second. Wait.` })
      return
    }
    visit.begin()
    this.#answer(visit, message)
      .catch((error: Error) => this.#refuse(visit, id, error))
      .finally(() => visit.end())
  }

  #budgetOf(peer: Address): Budget {
    const { perSecond, now } = this.#options
    const budget = this.#budgets.get(peer) ?? new Budget(perSecond, now())
    this.#budgets.set(peer, budget)
    return budget
  }

  #greet(visit: Visit, message: HouseMessage): void {
    const { domain } = this.#options
    if (message.kind !== 'greet')
      throw new HouseProtocolError('HOUSE_PROTOCOL', 'The first message is no greeting. Greet first.')
    const { chainId, adjudicator } = message.domain
    if (chainId !== domain.chainId || adjudicator !== domain.adjudicator)
      throw new HouseProtocolError(
        'ANOTHER_HOUSE',
        `The member wants the house ${adjudicator} on chain ${chainId}, this is ${domain.adjudicator} on ${domain.chainId}. Dial the other one.`,
      )
    visit.isGreeted = true
    visit.tell({ kind: 'greet', protocol: HOUSE_PROTOCOL_VERSION, domain })
  }

  async #answer(visit: Visit, message: HouseMessage): Promise<void> {
    const { clerk } = this.#options
    switch (message.kind) {
      case 'join':
        return clerk.join(visit, message)
      case 'act':
        return clerk.act(visit, message)
      case 'release':
        return clerk.release(visit, message)
      case 'instead':
        return clerk.instead(visit, message)
      case 'ask':
        return clerk.ask(visit, message)
      case 'look':
        return clerk.look(visit, message)
      case 'askLock':
        return clerk.askLock(visit, message)
      case 'offer':
        return clerk.offer(visit, message)
      default:
        throw new HouseProtocolError('HOUSE_PROTOCOL', `A member has no "${message.kind}" to say. Update it.`)
    }
  }

  #refuse(visit: Visit, id: number, error: Error): void {
    if (error instanceof HouseProtocolError) {
      this.#reject(visit, error)
      return
    }
    const isRefusal = error instanceof HouseRefusedError
    const code = isRefusal ? error.refusal : 'UNAVAILABLE'
    const reason = isRefusal ? error.message : 'The house cannot do this now. Try again later.'
    visit.tell({ kind: 'refused', id, code, reason: reason.slice(0, 200) })
  }

  #reject(visit: Visit, reason: Error): void {
    const { tell } = this.#options
    const isTheirs = reason instanceof MalformedBytesError || reason instanceof HouseProtocolError
    tell(
      isTheirs
        ? { kind: 'rejected', member: visit.connection.peer, reason }
        : { kind: 'alarm', error: reason, isFatal: false },
    )
    visit.connection.close()
  }
}
