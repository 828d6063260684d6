import { TallystickError } from '../../core/errors.ts'
import type { HouseChain, HouseEvent } from './house-chain.ts'

/** What each who shares it sets. */
type Handlers = Pick<HouseChain, 'onEvent' | 'onState' | 'onHealth' | 'onAlarm'>
type HostHandlers = Partial<Pick<Handlers, 'onHealth' | 'onAlarm'>>

/**
 * One connection to a house for many members in one process: all of them see the same events, in order, and send from one account, whose
 * nonces have one owner. The connection is not started yet when it is passed in.
 *
 * @example
 * ```ts
 * const shared = await SharedHouse.start(await connectHouse(options))
 * const members = await Promise.all(signers.map((signer) => joinHouse({ chain: shared.port(), signer, ...rest })))
 * ```
 */
export class SharedHouse {
  readonly #chain: HouseChain
  /** All events so far, for those that come later. */
  readonly #told: HouseEvent[] = []
  readonly #parties = new Set<Party>()

  private constructor(chain: HouseChain, { onHealth, onAlarm }: HostHandlers) {
    this.#chain = chain
    chain.onEvent = (event) => this.#tell(event)
    chain.onState = (state) => this.#each(({ handlers }) => handlers.onState(state))
    chain.onHealth = (healthy, reason) => {
      onHealth?.(healthy, reason)
      this.#each(({ handlers }) => handlers.onHealth(healthy, reason))
    }
    chain.onAlarm = (error) => {
      onAlarm?.(error)
      this.#each(({ handlers }) => handlers.onAlarm(error))
    }
  }

  /** @param host Whoever runs the process is told besides, also before anybody shares it. */
  static async start(chain: HouseChain, host: HostHandlers = {}): Promise<SharedHouse> {
    const shared = new SharedHouse(chain, host)
    await chain.start(0)
    return shared
  }

  /** A connection as one member needs it: starting it tells all events, stopping it ends that. */
  port(): HouseChain {
    const party = new Party()
    const own = {
      start: async () => {
        this.#parties.add(party)
        await party.take([...this.#told])
        party.handlers.onState(await this.#chain.state())
      },
      stop: async () => {
        this.#parties.delete(party)
      },
    }
    return new Proxy(this.#chain, {
      get(chain, name) {
        if (name in own) return own[name as keyof typeof own]
        if (name in party.handlers) return party.handlers[name as keyof Handlers]
        const value = Reflect.get(chain, name, chain)
        return typeof value === 'function' ? value.bind(chain) : value
      },
      set(_, name, value) {
        if (name in party.handlers) Object.assign(party.handlers, { [name]: value })
        return name in party.handlers
      },
    })
  }

  /** Ends it for all of them. */
  stop(): Promise<void> {
    this.#parties.clear()
    return this.#chain.stop()
  }

  async #tell(event: HouseEvent): Promise<void> {
    // Everything follows anew.
    if (event.kind === 'rewound') this.#told.length = 0
    this.#told.push(event)
    await Promise.all([...this.#parties].map((party) => party.take([event])))
  }

  #each(tell: (party: Party) => void): void {
    for (const party of this.#parties) tell(party)
  }
}

/** Who hears events one after the other, as from a connection of its own. */
class Party {
  readonly handlers: Handlers = { onEvent: () => {}, onState: () => {}, onHealth: () => {}, onAlarm: () => {} }
  #last: Promise<unknown> = Promise.resolve()

  take(events: readonly HouseEvent[]): Promise<void> {
    const turn = this.#last.then(async () => {
      for (const event of events) await this.#one(event)
    })
    this.#last = turn.catch(() => {})
    return turn
  }

  /** A chain or a store that fails holds all up, and the event comes again. What breaks in one party must not stop the others. */
  async #one(event: HouseEvent): Promise<void> {
    try {
      await this.handlers.onEvent(event)
    } catch (error) {
      if (error instanceof TallystickError) throw error
      this.handlers.onAlarm(error as Error)
    }
  }
}
