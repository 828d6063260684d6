import { MAX_APP_STATE, MAX_SEATS, MIN_SEATS } from '../core/app.ts'
import { toHex } from '../core/bytes.ts'
import { type Ended, execute } from './evm.ts'
import { askAdvance, askOutcome, askTurn, readNext, readOutcome, readTurn } from './evm-answers.ts'
import { type AppCode, loadApp } from './evm-deploy.ts'
import type { Program } from './evm-machine.ts'
import { type ErrorAbi, reasonOf } from './evm-reasons.ts'
import { ADVANCE_GAS, AppStateError, IllegalMoveError, InvalidAppError, type Rules, VIEW_GAS } from './rules.ts'

export interface EvmRulesOptions {
  /** How many seats play, 2 to 16. */
  readonly seats: number
  /** The app's ABI, for the names of its errors. */
  readonly abi?: ErrorAbi
}

/**
 * The rules of an app by its own code, in an EVM of this process; synchronous. Gas, limits and judgement are the arbiter's.
 * Throws {@link InvalidAppError} for what cannot be deployed, {@link ImpureAppError} for what is not a function of state and move.
 *
 * @example
 * ```ts
 * const rules = evmRules({ initCode: artifact.bytecode }, { seats: 2, abi: artifact.abi })
 * const next = rules.advance(state, move)
 * ```
 */
export const evmRules = (code: AppCode, options: EvmRulesOptions): Rules => programRules(loadApp(code), options)

/** {@link evmRules} of an app that was loaded before. */
export function programRules(program: Program, { seats, abi = [] }: EvmRulesOptions): Rules {
  if (!Number.isInteger(seats) || seats < MIN_SEATS || seats > MAX_SEATS)
    throw new InvalidAppError(`An app has ${MIN_SEATS} to ${MAX_SEATS} seats, not ${seats}.`)
  const ask = (question: Uint8Array): Uint8Array => {
    const { end, output } = execute(program, question, VIEW_GAS)
    return end === 'return' ? output : new Uint8Array()
  }
  return {
    turn: (state) => readTurn(ask(askTurn(checked(state))), seats),
    advance: (state, move) => {
      if (move.length > MAX_APP_STATE) throw new IllegalMoveError(`${move.length} bytes are more than ${MAX_APP_STATE}`)
      return judged(execute(program, askAdvance(checked(state), move), ADVANCE_GAS), abi)
    },
    outcome: (state) => readOutcome(ask(askOutcome(checked(state))), seats) ?? Array<bigint>(seats).fill(0n),
  }
}

function checked(state: Uint8Array): Uint8Array {
  if (state.length > MAX_APP_STATE)
    throw new AppStateError(`A state of ${state.length} bytes is longer than ${MAX_APP_STATE}.`)
  return state
}

function judged({ end, output }: Ended, abi: ErrorAbi): Uint8Array {
  if (end === 'revert') throw new IllegalMoveError(reasonOf(output, abi), toHex(output.subarray(0, 2 * MAX_APP_STATE)))
  if (end === 'failure') throw new IllegalMoveError('it runs out of gas, or fails without a reason')
  const next = readNext(output)
  if (next === undefined) throw new IllegalMoveError('its answer is no state')
  return next
}
