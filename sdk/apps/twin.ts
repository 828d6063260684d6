import { MAX_APP_STATE } from '../core/app.ts'
import { WHOLE } from '../core/outcome.ts'
import type { Codec } from './codec.ts'
import { IllegalMoveError, type Rules } from './rules.ts'

/**
 * The rules of an app once more, in TypeScript and on decoded values: faster than its code. It must say the same as the code;
 * `checkTwin` of `tallystick/testing` looks for a game in which it does not.
 */
export interface Twin<State, Move> {
  /** The seat whose move it is; undefined, or a number that is no seat: over. */
  turn(state: State): number | undefined
  /** The state after a move of the seat on turn; throws anything if the move is illegal. Must not change `state`. */
  advance(state: State, move: Move): State
  /** Of each seat in parts of 1e18. */
  outcome(state: State): readonly bigint[]
}

/** What {@link twinRules} needs of an app. */
export interface TwinParts<State, Move> {
  readonly twin: Twin<State, Move>
  readonly state: Codec<State>
  readonly move: Codec<Move>
  /** The rules by the app's code. */
  readonly code: Rules
  readonly seats: number
}

/**
 * Rules by a twin, judged as the arbiter judges code. Bytes in another form than `encode` gives are left to the code.
 * What the twin refuses is refused: {@link withSecondOpinion} asks the code as well.
 */
export function twinRules<State, Move>({ twin, state, move, code, seats }: TwinParts<State, Move>): Rules {
  return {
    turn: (bytes) => {
      const at = state.decode(bytes)
      if (at === undefined) return code.turn(bytes)
      const seat = attempt(() => twin.turn(at))
      return seat !== undefined && Number.isInteger(seat) && seat >= 0 && seat < seats ? seat : undefined
    },
    advance: (bytes, sent) => {
      const [at, made] = [state.decode(bytes), move.decode(sent)]
      if (at === undefined || made === undefined) return code.advance(bytes, sent)
      return next(() => state.encode(twin.advance(at, made)))
    },
    outcome: (bytes) => {
      const at = state.decode(bytes)
      if (at === undefined) return code.outcome(bytes)
      const values = attempt(() => twin.outcome(at))
      return values !== undefined && divides(values, seats) ? [...values] : Array<bigint>(seats).fill(0n)
    },
  }
}

/** Rules by a twin; the code judges again what the twin refuses, and gives the reason. Refusals are rare, so that costs nothing. */
export const withSecondOpinion = (twin: Rules, code: Rules): Rules => ({
  ...twin,
  advance: (state, move) => {
    try {
      return twin.advance(state, move)
    } catch {
      return code.advance(state, move)
    }
  },
})

/** A twin that throws has no answer, as code that reverts. */
function attempt<T>(answer: () => T): T | undefined {
  try {
    return answer()
  } catch {
    return undefined
  }
}

function next(advance: () => Uint8Array): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = advance()
  } catch (cause) {
    if (cause instanceof IllegalMoveError) throw cause
    throw new IllegalMoveError(cause instanceof Error ? cause.message : String(cause), '0x', { cause })
  }
  if (bytes.length > MAX_APP_STATE) throw new IllegalMoveError(`its next state has ${bytes.length} bytes`)
  return bytes
}

function divides(values: readonly bigint[], seats: number): boolean {
  return (
    values.length === seats &&
    values.every((value) => typeof value === 'bigint' && value >= 0n) &&
    values.reduce((sum, value) => sum + value, 0n) <= WHOLE
  )
}
