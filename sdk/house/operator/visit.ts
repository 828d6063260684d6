import type { Connection } from '../../transport/transport.ts'
import { framesOf, HouseFrames } from '../frames.ts'
import type { HouseMessage } from '../messages.ts'
import type { HouseSeat } from './seat.ts'

/** What a member may send in one message. */
const MOST_BYTES = 2 ** 20 + 1
/** Requests of one member that wait for an answer; its connection rests above. */
const MOST_PENDING = 64

/** A member's connection. */
export class Visit {
  readonly connection: Connection
  readonly since: number
  readonly frames = new HouseFrames(MOST_BYTES)
  isGreeted = false
  seat: HouseSeat | undefined
  #pending = 0
  #left: number
  #at: number

  constructor(connection: Connection, now: number, burst: number) {
    this.connection = connection
    this.since = now
    this.#left = burst
    this.#at = now
  }

  tell(message: HouseMessage): void {
    // A transport closes by itself what does not read.
    for (const frame of framesOf(message)) this.connection.send(frame)
  }

  /** Whether it may do something now; `perSecond` comes back with time. */
  spend(now: number, perSecond: number): boolean {
    const earned = ((now - this.#at) * perSecond) / 1_000
    this.#left = Math.min(this.#left + earned, perSecond)
    this.#at = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }

  begin(): void {
    if (++this.#pending === MOST_PENDING) this.connection.pause()
  }

  end(): void {
    if (this.#pending-- === MOST_PENDING) this.connection.resume()
  }
}
