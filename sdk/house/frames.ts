import { concatBytes } from '@noble/hashes/utils.js'
import { MalformedBytesError } from '../core/codec.ts'
import type { HouseMessage } from './messages.ts'
import { decodeHouseMessage, encodeHouseMessage } from './wire.ts'

// A member with a million payments in an epoch has a seat that no frame holds.

const PART = 126
const END = 127
/** Bytes of a message in one frame. */
const PART_SIZE = 2 ** 20

/** One message, in as many frames as it needs. */
export function framesOf(message: HouseMessage): Uint8Array[] {
  const bytes = encodeHouseMessage(message)
  if (bytes.length <= PART_SIZE) return [bytes]
  const frames: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += PART_SIZE) {
    const tag = at + PART_SIZE < bytes.length ? PART : END
    frames.push(concatBytes(Uint8Array.of(tag), bytes.subarray(at, at + PART_SIZE)))
  }
  return frames
}

/** Puts messages together again from the frames of one connection. */
export class HouseFrames {
  readonly #most: number
  #parts: Uint8Array[] = []
  #size = 0

  /** @param most Bytes of a message at most. */
  constructor(most: number) {
    this.#most = most
  }

  /** The message that this frame ends. Throws `MalformedBytesError` or {@link HouseProtocolError}. */
  take(frame: Uint8Array): HouseMessage | undefined {
    const tag = frame[0]
    if (tag !== PART && tag !== END) {
      if (this.#size > 0) throw new MalformedBytesError(0, 'A message begins within another')
      return decodeHouseMessage(frame)
    }
    this.#size += frame.length
    if (this.#size > this.#most) throw new MalformedBytesError(0, `A message has more than ${this.#most} bytes`)
    this.#parts.push(frame.slice(1))
    if (tag === PART) return undefined
    const whole = concatBytes(...this.#parts)
    this.#parts = []
    this.#size = 0
    return decodeHouseMessage(whole)
  }
}
