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

/** Lets callers of one listener in: limits those who have not proved who they are, and hands over those who have. */
export class Reception {
  readonly #options: TransportOptions
  readonly #accept: (connection: Connection) => void
  readonly #strangersOf = new Map<string, number>()
  readonly #strangers = new Set<Caller>()
  #connections = 0

  constructor(options: TransportOptions, accept: (connection: Connection) => void) {
    this.#options = options
    this.#accept = accept
  }

  /** Counts a caller as a stranger until the result is called or it is gone; cuts it off (undefined) if there are too many. */
  enter(caller: Caller): (() => void) | undefined {
    const { maxStrangers = 256, maxStrangersPerHost = 32, maxConnections = 4096, onReject } = this.#options
    const host = caller.remoteAddress ?? 'unknown'
    const ofHost = this.#strangersOf.get(host) ?? 0
    if (this.#strangers.size >= maxStrangers || ofHost >= maxStrangersPerHost || this.#connections >= maxConnections) {
      caller.destroy()
      onReject?.(full(host))
      return undefined
    }
    this.#connections++
    this.#strangers.add(caller)
    this.#strangersOf.set(host, ofHost + 1)
    const leave = () => this.#leave(caller, host)
    caller.once('close', () => {
      leave()
      this.#connections--
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
    if (!this.#strangers.delete(caller)) return
    const left = (this.#strangersOf.get(host) ?? 1) - 1
    if (left === 0) this.#strangersOf.delete(host)
    else this.#strangersOf.set(host, left)
  }
}

const full = (address: string): TransportError =>
  new TransportError(
    'TOO_MANY_STRANGERS',
    address,
    `${address} was turned away: too many connections are open or wait for their handshake. Raise the limits if this load is honest.`,
  )
