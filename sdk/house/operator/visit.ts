import type { Connection } from '../../transport/transport.ts'
import { framesOf, HouseFrames } from '../frames.ts'
import type { HouseMessage } from '../messages.ts'
import type { Budget } from './budget.ts'
import type { HouseSeat } from './seat.ts'

/** What a member may send in one message. */
const MOST_BYTES = 2 ** 20 + 1
/** Bytes of a request, and of an answer, that cost as much as a request does: about a millisecond of work each. */
const REQUEST_UNIT = 2 ** 10
const ANSWER_UNIT = 2 ** 14
/** Requests of one member that wait for an answer; its connection rests above. */
const MOST_PENDING = 64

/** A member's connection. */
export class Visit {
  readonly connection: Connection
  readonly since: number
  readonly budget: Budget
  isGreeted = false
  seat: HouseSeat | undefined
  readonly #frames = new HouseFrames(MOST_BYTES)
  readonly #onUntold: (error: Error) => void
  #pending = 0
  /** Bytes since the last message that was served or refused. */
  #size = 0

  /** @param onUntold Something could not be sent. */
  constructor(connection: Connection, since: number, budget: Budget, onUntold: (error: Error) => void) {
    this.connection = connection
    this.since = since
    this.budget = budget
    this.#onUntold = onUntold
  }

  /** Takes a frame; the message that it ends. Throws `MalformedBytesError` or `HouseProtocolError`. */
  take(frame: Uint8Array): HouseMessage | undefined {
    this.#size += frame.length
    return this.#frames.take(frame)
  }

  /** Whether the message that has come may be served now. It costs by its size, served or not. */
  spend(now: number): boolean {
    const isServed = this.budget.hasAny(now)
    this.budget.spend(this.#size / REQUEST_UNIT + (isServed ? 1 : 0))
    this.#size = 0
    return isServed
  }

  /** A member that could not be told something is hung up on: when it comes back, it is told everything. */
  tell(message: HouseMessage): void {
    try {
      // A transport closes by itself what does not read.
      for (const frame of framesOf(message)) {
        if ('id' in message && message.id !== 0) this.budget.spend(frame.length / ANSWER_UNIT)
        this.connection.send(frame)
      }
    } catch (error) {
      this.connection.close()
      this.#onUntold(error as Error)
    }
  }

  begin(): void {
    if (++this.#pending === MOST_PENDING) this.connection.pause()
  }

  end(): void {
    if (this.#pending-- === MOST_PENDING) this.connection.resume()
  }
}
