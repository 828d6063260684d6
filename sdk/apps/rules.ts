import { TallystickError } from '../core/errors.ts'
import type { Hex } from '../core/types.ts'

/** Gas that the arbiter gives `advance`. */
export const ADVANCE_GAS = 3_000_000
/** Gas that the arbiter gives `turn` and `outcome`. */
export const VIEW_GAS = 500_000

/**
 * The rules of an app, on encoded states. Pure, and the same judgement as the arbiter's on chain.
 *
 * @example
 * ```ts
 * const next = rules.advance(state, move)
 * if (rules.turn(next) === undefined) console.log('over', rules.outcome(next))
 * ```
 */
export interface Rules {
  /** The seat whose move it is; undefined: over. */
  turn(state: Uint8Array): number | undefined
  /** The state after a move of the seat on turn. Throws {@link IllegalMoveError}. */
  advance(state: Uint8Array, move: Uint8Array): Uint8Array
  /** Of each seat in parts of 1e18, if the state is the last one. */
  outcome(state: Uint8Array): readonly bigint[]
}

/** The rules of an app do not allow a move; `reason` is what the app says, as far as it says anything. */
export class IllegalMoveError extends TallystickError {
  readonly code = 'ILLEGAL_MOVE'
  readonly reason: string
  /** What the app reverted with; empty if it did not revert. */
  readonly data: Hex

  constructor(reason: string, data: Hex = '0x', options?: ErrorOptions) {
    super(`The app does not allow this move: ${reason}. Make another move.`, options)
    this.reason = reason
    this.data = data
  }
}

/** What should be an app, or the options it is used with, cannot be played: the arbiter could never judge it. */
export class InvalidAppError extends TallystickError {
  readonly code = 'INVALID_APP'

  constructor(fact: string, options?: ErrorOptions) {
    super(`${fact} Do not play it.`, options)
  }
}

/** What an app says would depend on more than its state and the move, so two could see different rules. */
export class ImpureAppError extends TallystickError {
  readonly code = 'IMPURE_APP'
  /** What it does, as "reads TIMESTAMP". */
  readonly act: string

  constructor(act: string) {
    super(`The app ${act}: what it says would depend on more than state and move. Do not play it.`)
    this.act = act
  }
}

/** Bytes that are no state of an app: too long, or not in its form. */
export class AppStateError extends TallystickError {
  readonly code = 'INVALID_APP_STATE'

  constructor(fact: string, options?: ErrorOptions) {
    super(`${fact} Refuse it.`, options)
  }
}
