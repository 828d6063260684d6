import { TallystickError } from '../../core/errors.ts'
import type { Address, Domain } from '../../core/types.ts'
import type { Connection, Transport } from '../../transport/transport.ts'
import { framesOf, HouseFrames } from '../frames.ts'
import { HOUSE_PROTOCOL_VERSION, type HouseMessage, HouseProtocolError } from '../messages.ts'
import { RefusedByHouseError } from './errors.ts'

/** A question without its number. */
export type Question = Unnumbered<
  Extract<HouseMessage, { kind: 'join' | 'act' | 'release' | 'ask' | 'look' | 'askLock' | 'offer' }>
>
type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never
type Answer = Extract<HouseMessage, { kind: 'seated' | 'acted' | 'done' | 'proven' | 'lockProven' }>

export interface LinkOptions {
  readonly address: string
  readonly operator: Address
  readonly domain: Domain
  readonly transport: Transport
  /** What comes unasked, one after the other. Throwing ends the connection. */
  readonly onMessage: (message: HouseMessage) => Promise<void>
  /** Greeted; what it throws ends the connection. */
  readonly onUp: () => Promise<void>
  readonly onDown: (reason: Error | undefined) => void
}

const RETRY_FIRST = 250
const RETRY_LAST = 30_000
/** Milliseconds that an answer may take; a group waits for its signatures up to 30 seconds. */
const ANSWER = 45_000
const MAX_MESSAGE = 2 ** 30

/** The operator is not there any more; what it did with the last question is unknown. */
export class LinkLostError extends TallystickError {
  readonly code = 'HOUSE_LINK_LOST'

  constructor() {
    super('The connection to the operator of the house was lost. Ask again when it is there.')
  }
}

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
  readonly until: number
}

/** The way to the operator: dialled again whenever it is lost. */
export class OperatorLink {
  readonly #options: LinkOptions
  readonly #ending = new AbortController()
  readonly #waiting = new Map<number, Waiting>()
  #connection: Connection | undefined
  #frames = new HouseFrames(MAX_MESSAGE)
  #isDialling = false
  #isUp = false
  #joining: Promise<void> = Promise.resolve()
  #attempts = 0
  #retryAt = 0
  #id = 0

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** Whether the operator can be asked. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** A moment has passed: dial again, give up what is not answered. */
  tick(): void {
    const now = performance.now()
    if (this.#ending.signal.aborted) return
    if (!this.#connection && !this.#isDialling && now >= this.#retryAt) void this.#dial()
    if ([...this.#waiting.values()].some(({ until }) => now > until))
      this.drop(new HouseProtocolError('HOUSE_PROTOCOL', 'The house does not answer. It is dialled again.'))
  }

  /** The answer; rejects with {@link RefusedByHouseError}, or with {@link LinkLostError} where nobody knows what became of it. */
  ask(question: Question): Promise<Answer> {
    const connection = this.#connection
    if (!connection) return Promise.reject(new LinkLostError())
    this.#id = (this.#id % 0xffff_ffff) + 1
    const id = this.#id
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, until: performance.now() + ANSWER })
      for (const frame of framesOf({ ...question, id } as HouseMessage)) connection.send(frame)
    })
  }

  /** Without an answer; lost if nobody is there. */
  say(message: HouseMessage): void {
    for (const frame of framesOf(message)) this.#connection?.send(frame)
  }

  /** Dials at once: there is a reason why it may be taken now. */
  hurry(): void {
    this.#attempts = 0
    this.#retryAt = Math.min(this.#retryAt, performance.now() + RETRY_FIRST)
  }

  /** Ends the connection; it is dialled again. */
  drop(reason?: Error): void {
    const connection = this.#connection
    connection?.close()
    if (connection) this.#lost(reason)
  }

  stop(): void {
    this.#ending.abort()
    this.drop()
  }

  async #dial(): Promise<void> {
    const { transport, address, operator, domain, onDown } = this.#options
    this.#isDialling = true
    try {
      const connection = await transport.dial(address, { peer: operator, signal: this.#ending.signal })
      if (this.#ending.signal.aborted) return connection.close()
      this.#connection = connection
      this.#frames = new HouseFrames(MAX_MESSAGE)
      connection.onFrame = (frame) => {
        if (this.#connection === connection) this.#hear(connection, frame)
      }
      connection.onClose = (reason) => {
        if (this.#connection === connection) this.#lost(reason)
      }
      const greeting = { kind: 'greet', protocol: HOUSE_PROTOCOL_VERSION, domain } as const
      for (const frame of framesOf(greeting)) connection.send(frame)
    } catch (error) {
      if (this.#attempts === 0 && !this.#ending.signal.aborted) onDown(error as Error)
      this.#pause()
    } finally {
      this.#isDialling = false
    }
  }

  #hear(connection: Connection, frame: Uint8Array): void {
    // What it says is taken in one after the other: it is written before the next is read.
    connection.pause()
    this.#take(connection, frame).then(
      () => connection.resume(),
      (error) => {
        if (this.#connection === connection) this.drop(error)
      },
    )
  }

  async #take(connection: Connection, frame: Uint8Array): Promise<void> {
    const message = this.#frames.take(frame)
    if (!message) return
    if (message.kind === 'greet') return this.#greeted(connection, message.domain)
    const waiting = 'id' in message ? this.#waiting.get(message.id) : undefined
    if (!waiting || !('id' in message)) return this.#options.onMessage(message)
    this.#waiting.delete(message.id)
    if (message.kind === 'refused') waiting.reject(new RefusedByHouseError(message.code, message.reason))
    else waiting.resolve(message as Answer)
    // What comes after a seat builds on it: it is taken in before the next frame is read.
    if (message.kind === 'seated') await this.#joining
  }

  #greeted(connection: Connection, { chainId, adjudicator }: Domain): void {
    const { domain, onUp } = this.#options
    if (chainId !== domain.chainId || adjudicator !== domain.adjudicator)
      throw new HouseProtocolError(
        'ANOTHER_HOUSE',
        `The operator runs house ${adjudicator} on chain ${chainId}. Dial the one of ${domain.adjudicator} on chain ${domain.chainId}.`,
      )
    // Not waited for here: it asks, and the answers are frames of this connection.
    this.#joining = onUp().then(
      () => {
        this.#attempts = 0
        if (this.#connection === connection) this.#isUp = true
      },
      (error) => {
        if (this.#connection === connection) this.drop(error)
      },
    )
  }

  #lost(reason: Error | undefined): void {
    this.#connection = undefined
    this.#isUp = false
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(new LinkLostError())
    this.#pause()
    if (!this.#ending.signal.aborted) this.#options.onDown(reason)
  }

  #pause(): void {
    this.#retryAt = performance.now() + Math.min(RETRY_LAST, RETRY_FIRST * 2 ** this.#attempts++)
  }
}
