import { TransportError } from './errors.ts'
import { secure, type TransportOptions } from './secure.ts'
import type { Connection } from './transport.ts'
import type { Wire } from './wire.ts'

/** What a caller stands on before it has said anything: a socket. */
interface Caller {
  readonly remoteAddress?: string | undefined
  once(event: 'close', listener: () => void): unknown
  destroy(): unknown
}

/** See {@link TransportOptions}. */
export const DEFAULT_RECEPTION = {
  maxStrangers: 256,
  maxStrangersPerHost: 32,
  maxConnections: 4_096,
  maxConnectionsPerHost: 256,
} as const

/** Lets callers of one listener in: limits those who have not proved who they are, and hands over those who have. */
export class Reception {
  readonly #options: TransportOptions
  readonly #accept: (connection: Connection) => void
  readonly #strangersOf = new Tally()
  readonly #connectionsOf = new Tally()
  readonly #strangers = new Set<Caller>()
  #connections = 0

  constructor(options: TransportOptions, accept: (connection: Connection) => void) {
    this.#options = options
    this.#accept = accept
  }

  /** Counts a caller as a stranger until the result is called or it is gone; cuts it off (undefined) if there are too many. */
  enter(caller: Caller): (() => void) | undefined {
    const { maxStrangers, maxStrangersPerHost, maxConnections, maxConnectionsPerHost, onReject } = {
      ...DEFAULT_RECEPTION,
      ...this.#options,
    }
    const host = caller.remoteAddress ?? 'unknown'
    const isFull = this.#strangers.size >= maxStrangers || this.#connections >= maxConnections
    const hasMany =
      this.#strangersOf.of(host) >= maxStrangersPerHost || this.#connectionsOf.of(host) >= maxConnectionsPerHost
    if (isFull || hasMany) {
      caller.destroy()
      onReject?.(full(host))
      return undefined
    }
    this.#connections++
    this.#connectionsOf.add(host, 1)
    this.#strangers.add(caller)
    this.#strangersOf.add(host, 1)
    const leave = () => this.#leave(caller, host)
    caller.once('close', () => {
      leave()
      this.#connections--
      this.#connectionsOf.add(host, -1)
    })
    return leave
  }

  /** Runs the handshake; `introduced` is called when it is over. */
  async receive(wire: Wire, introduced: () => void): Promise<void> {
    try {
      const connection = await secure(wire, { role: 'listener', options: this.#options })
      this.#accept(connection)
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
      this.#options.onReject?.(error)
    } finally {
      introduced()
    }
  }

  /** Cuts off those who have not proved who they are; accepted connections live on. */
  close(): void {
    for (const caller of this.#strangers) caller.destroy()
  }

  #leave(caller: Caller, host: string): void {
    if (this.#strangers.delete(caller)) this.#strangersOf.add(host, -1)
  }
}

/** Counts by host; hosts that are gone take no room. */
class Tally {
  readonly #counts = new Map<string, number>()

  of(host: string): number {
    return this.#counts.get(host) ?? 0
  }

  add(host: string, change: 1 | -1): void {
    const count = this.of(host) + change
    if (count === 0) this.#counts.delete(host)
    else this.#counts.set(host, count)
  }
}

const full = (address: string): TransportError =>
  new TransportError(
    'TOO_MANY_STRANGERS',
    address,
    `${address} was turned away: too many connections are open or wait for their handshake. Raise the limits if this load is honest.`,
  )
