import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { MAX_APP_STATE } from '../core/app.ts'
import { fromUint, toUint } from '../core/bytes.ts'
import { keccak256 } from '../core/keccak.ts'
import { WHOLE } from '../core/outcome.ts'

// Questions to an app and what counts as an answer: byte for byte as the arbiter's library Rules judges.

const WORD = 32
const selector = (signature: string): Uint8Array => keccak256(utf8ToBytes(signature)).slice(0, 4)
const [TURN, ADVANCE, OUTCOME] = [selector('turn(bytes)'), selector('advance(bytes,bytes)'), selector('outcome(bytes)')]

export const askTurn = (state: Uint8Array): Uint8Array => question(TURN, state)
export const askAdvance = (state: Uint8Array, move: Uint8Array): Uint8Array => question(ADVANCE, state, move)
export const askOutcome = (state: Uint8Array): Uint8Array => question(OUTCOME, state)

/** The seat on turn; undefined: nobody is, or this is no answer. */
export function readTurn(answer: Uint8Array, seats: number): number | undefined {
  if (answer.length !== WORD) return undefined
  const seat = toUint(answer)
  return seat < BigInt(seats) ? Number(seat) : undefined
}

/** The next state; undefined: this is no answer. */
export function readNext(answer: Uint8Array): Uint8Array | undefined {
  if (answer.length < 2 * WORD || answer.length > 2 * WORD + MAX_APP_STATE) return undefined
  const length = wordAt(answer, 1)
  if (wordAt(answer, 0) !== BigInt(WORD) || length > BigInt(answer.length - 2 * WORD)) return undefined
  return answer.slice(2 * WORD, 2 * WORD + Number(length))
}

/** What each seat gets; undefined: this is no answer. */
export function readOutcome(answer: Uint8Array, seats: number): bigint[] | undefined {
  if (answer.length !== WORD * (2 + seats)) return undefined
  if (wordAt(answer, 0) !== BigInt(WORD) || wordAt(answer, 1) !== BigInt(seats)) return undefined
  const values = Array.from({ length: seats }, (_, seat) => wordAt(answer, 2 + seat))
  return values.reduce((sum, value) => sum + value, 0n) > WHOLE ? undefined : values
}

const wordAt = (bytes: Uint8Array, index: number): bigint => toUint(bytes.subarray(WORD * index, WORD * (index + 1)))

/** Calldata of a function whose parameters are all `bytes`. */
function question(selector: Uint8Array, ...parameters: readonly Uint8Array[]): Uint8Array {
  const tails = parameters.map(tail)
  let offset = WORD * parameters.length
  const heads = tails.map(({ length }) => {
    const head = fromUint(BigInt(offset), WORD)
    offset += length
    return head
  })
  return concatBytes(selector, ...heads, ...tails)
}

/** Length, bytes, and zeros up to a whole word. */
function tail(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(WORD * (1 + Math.ceil(bytes.length / WORD)))
  whole.set(fromUint(BigInt(bytes.length), WORD))
  whole.set(bytes, WORD)
  return whole
}
