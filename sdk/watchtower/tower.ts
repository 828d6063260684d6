import type { Chain, DisputeFeed, Head } from '../chain/chain.ts'
import { InvalidOptionError } from '../core/errors.ts'
import { type Address, COIN } from '../core/types.ts'
import type { SessionSigner } from '../signing/signer.ts'
import type { Store } from '../storage/store.ts'
import type { Listener, Transport } from '../transport/transport.ts'
import { type Clock, machineClock } from './clock.ts'
import { Counter } from './counter.ts'
import type { TowerEvent } from './events.ts'
import { Guard } from './guard.ts'
import type { Quote, TowerTerms } from './messages.ts'
import { Register, type RegisterLimits } from './register.ts'
import { MONTH } from './subscriptions.ts'
import type { WatchPolicy } from './watching.ts'

/** What a watchtower is made of. */
export interface WatchtowerOptions {
  /** A connection of its own; its sender pays for answers and must not be used by anything else. */
  readonly chain: Chain & DisputeFeed
  readonly store: Store
  /** Who the tower is: proves it to clients and signs receipts. No key of any channel. */
  readonly signer: SessionSigner
  readonly transports: readonly Transport[]
  /** Addresses to listen on. */
  readonly listen?: readonly string[]
  /** Default: nothing is asked for. */
  readonly terms?: TowerTerms
  /** Whether a client may appoint at this chain time; default: everybody may. */
  readonly isPaid?: (client: Address, now: bigint) => boolean | Promise<boolean>
  /** What a client has to pay; see `Subscriptions`. */
  readonly quote?: (client: Address, months: number, now: bigint) => Promise<Quote>
  /** Default: 1,000 ledgers of a client, a million altogether. */
  readonly limits?: Partial<RegisterLimits>
  /** Appointments and other messages that a client may send a minute; default 600. */
  readonly perMinute?: number
  /** Default: a margin of ten minutes, no delay, no settling. */
  readonly policy?: Partial<WatchPolicy>
  /** Chain seconds for which a receipt binds; default 30 days. */
  readonly term?: bigint
  readonly onEvent?: (event: TowerEvent) => void
  readonly clock?: Clock
  /** Milliseconds between looks at what time changes; default 1,000. */
  readonly tick?: number
}

/** What a tower has to do. */
export interface TowerStatus {
  readonly head: Head
  readonly appointments: number
  readonly clients: number
  readonly connected: number
  /** Disputes about appointed ledgers that are not over. */
  readonly disputes: number
  /** Whether calls between contracts can be read. */
  readonly traces: boolean
}

/** Milliseconds between looks for appointments whose term is over. */
const SWEEP_EVERY = 3_600_000

/**
 * Answers stale challenges for whoever is offline. It holds states that both members signed and so could be shown by anybody; no key
 * of a signer or owner. In this process, as a daemon (`tallystick tower`), or at a third party: clients reach it through transports.
 *
 * @example
 * ```ts
 * const tower = await Watchtower.start({ chain, store, signer, transports: [tcpTransport({ signer })], listen: ['tcp://0.0.0.0:7100'] })
 * ```
 */
export class Watchtower {
  readonly #signer: SessionSigner
  readonly #chain: Chain
  readonly #register: Register
  readonly #guard: Guard
  readonly #counter: Counter
  readonly #traces: boolean
  readonly #listeners: Listener[] = []
  #stopTicks: () => void = () => {}

  private constructor(options: WatchtowerOptions, register: Register, guard: Guard, traces: boolean) {
    const { chain, signer, clock = machineClock, terms = FREE, limits, perMinute = 600, term = MONTH } = options
    const { isPaid = () => true, quote, onEvent: tell = () => {} } = options
    this.#signer = signer
    this.#chain = chain
    this.#register = register
    this.#guard = guard
    this.#traces = traces
    this.#counter = new Counter({
      domain: chain.domain,
      chain,
      signer,
      register,
      guard,
      clock,
      terms,
      ledgers: limits?.perClient ?? LIMITS.perClient,
      perMinute,
      term,
      traces,
      isPaid,
      quote,
      tell,
    })
  }

  /** Reads the store, follows the chain, answers what began meanwhile, and only then listens to clients. */
  static async start(options: WatchtowerOptions): Promise<Watchtower> {
    const { chain, store, clock = machineClock, tick = 1_000, onEvent: tell = () => {} } = options
    const policy = { ...POLICY, ...options.policy }
    for (const option of ['margin', 'delay'] as const)
      if (policy[option] < 0n)
        throw new InvalidOptionError(option, `A ${option} of ${policy[option]} s is none. Choose one from 0 on.`)
    const register = new Register(store, { ...LIMITS, ...options.limits })
    const guard = new Guard({ domain: chain.domain, chain, store, register, clock, policy, tell })
    let tower: Watchtower | undefined
    try {
      await register.load()
      await guard.start()
      tower = new Watchtower(options, register, guard, await chain.canTrace())
      tower.#pace(clock, tick, tell)
      for (const address of options.listen ?? []) await tower.#listen(address, options.transports)
      return tower
    } catch (error) {
      await (tower ?? guard).stop()
      throw error
    }
  }

  #pace(clock: Clock, tick: number, tell: (event: TowerEvent) => void): void {
    let swept = clock.elapsed()
    this.#stopTicks = clock.every(tick, () => {
      this.#guard.tick()
      this.#counter.tick()
      if (clock.elapsed() < swept + SWEEP_EVERY) return
      swept = clock.elapsed()
      this.#sweep().catch((error) => tell({ kind: 'alarm', error }))
    })
  }

  /** What clients know it by. */
  get address(): Address {
    return this.#signer.address
  }

  /** Where clients can dial. */
  get listening(): readonly string[] {
    return this.#listeners.map(({ address }) => address)
  }

  async status(): Promise<TowerStatus> {
    return {
      head: await this.#chain.head(),
      ...this.#register.size,
      connected: this.#counter.visitors,
      disputes: this.#guard.open,
      traces: this.#traces,
    }
  }

  /** Hangs up and stops watching the chain. What was sent stays on its way; the store stays open: it was given. */
  async stop(): Promise<void> {
    this.#stopTicks()
    await Promise.all(this.#listeners.map((listener) => listener.close()))
    this.#counter.stop()
    await this.#guard.stop()
  }

  async #sweep(): Promise<void> {
    const { timestamp } = await this.#chain.head()
    await this.#register.sweep(timestamp)
  }

  async #listen(address: string, transports: readonly Transport[]): Promise<void> {
    const scheme = address.slice(0, address.indexOf(':') + 1)
    const transport = transports.find(({ schemes }) => schemes.includes(scheme))
    if (!transport)
      throw new InvalidOptionError(
        'listen',
        `No transport of this tower serves ${JSON.stringify(address)}. Pass one for ${scheme || 'it'}, or listen elsewhere.`,
      )
    this.#listeners.push(await transport.listen(address, (connection) => this.#counter.accept(connection)))
  }
}

const FREE: TowerTerms = { price: 0n, asset: COIN, payTo: COIN }
const LIMITS: RegisterLimits = { perClient: 1_000, total: 1_000_000 }
const POLICY: WatchPolicy = { margin: 600n, delay: 0n, settle: false }
