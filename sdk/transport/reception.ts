import { TransportError } from './errors.ts'
import { secure, type TransportOptions } from './secure.ts'
import type { Connection } from './transport.ts'
import type { Wire } from './wire.ts'

/** Lets callers of one listener in: limits those who have not proved who they are, and hands over those who have. */
export class Reception {
  readonly #options: TransportOptions
  readonly #accept: (connection: Connection) => void
  readonly #strangers = new Map<string, number>()
  readonly #waiting = new Set<Wire>()
  #connections = 0

  constructor(options: TransportOptions, accept: (connection: Connection) => void) {
    this.#options = options
    this.#accept = accept
  }

  /** Whether another stranger from `host` may come in now. */
  hasRoom(host: string): boolean {
    const { maxStrangers = 256, maxStrangersPerHost = 32, maxConnections = 4096 } = this.#options
    return (
      this.#waiting.size < maxStrangers &&
      (this.#strangers.get(host) ?? 0) < maxStrangersPerHost &&
      this.#connections < maxConnections
    )
  }

  /** Runs the handshake with a caller from `host`, or cuts it off. */
  async receive(wire: Wire, host: string): Promise<void> {
    if (!this.hasRoom(host)) {
      wire.destroy()
      this.#options.onReject?.(full(wire.address))
      return
    }
    this.#connections++
    void wire.gone.then(() => this.#connections--)
    const connection = await this.#introduce(wire, host)
    if (connection) this.#accept(connection)
  }

  /** Cuts off those who have not proved who they are; accepted connections live on. */
  close(): void {
    for (const wire of this.#waiting) wire.destroy()
  }

  async #introduce(wire: Wire, host: string): Promise<Connection | undefined> {
    this.#waiting.add(wire)
    this.#count(host, 1)
    try {
      return await secure(wire, { role: 'listener', options: this.#options })
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
      this.#options.onReject?.(error)
      return undefined
    } finally {
      this.#waiting.delete(wire)
      this.#count(host, -1)
    }
  }

  #count(host: string, by: 1 | -1): void {
    const count = (this.#strangers.get(host) ?? 0) + by
    if (count === 0) this.#strangers.delete(host)
    else this.#strangers.set(host, count)
  }
}

const full = (address: string): TransportError =>
  new TransportError(
    'TOO_MANY_STRANGERS',
    address,
    `${address} was turned away: too many connections are open or wait for their handshake. Raise the limits if this load is honest.`,
  )
