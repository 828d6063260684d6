import { IllegalMoveError, type Rules } from '../apps/rules.ts'
import { toHex } from '../core/bytes.ts'
import type { Hex } from '../core/types.ts'

export type Question = 'turn' | 'advance' | 'outcome'

/** Where a twin and the code of an app part. */
export interface Difference {
  readonly question: Question
  /** The moves since the opening that the code allows; the last one is the one asked about, if that is the question. */
  readonly moves: readonly Hex[]
  /** The state asked about. */
  readonly state: Hex
  /** What each of the two says: "illegal", or an answer as text. */
  readonly twin: string
  readonly code: string
}

/** What both rules are asked about: a state, and how a seat makes the move to try there, legal or not. */
export interface Game {
  readonly opening: Uint8Array
  readonly moves: readonly ((state: Uint8Array, seat: number) => Uint8Array)[]
}

/** Plays a game by the code and asks the twin about every state and move of it; undefined: they agree. */
export function firstDifference(twin: Rules, code: Rules, { opening, moves }: Game): Difference | undefined {
  const made: Hex[] = []
  let state = opening
  for (const makeMove of [...moves, undefined]) {
    const apart = (['turn', 'outcome'] as const).find(
      (question) => said(twin, question, state) !== said(code, question, state),
    )
    const compare = (question: Question, by: (rules: Rules) => string): Difference => ({
      ...{ question, moves: [...made], state: toHex(state), twin: by(twin), code: by(code) },
    })
    if (apart !== undefined) return compare(apart, (rules) => said(rules, apart, state))
    const seat = code.turn(state)
    if (seat === undefined || makeMove === undefined) return undefined
    const move = makeMove(state, seat)
    const next = advanced(code, state, move)
    if (shown(next) !== shown(advanced(twin, state, move))) {
      made.push(toHex(move))
      return compare('advance', (rules) => shown(advanced(rules, state, move)))
    }
    if (next === undefined) continue
    made.push(toHex(move))
    state = next
  }
  return undefined
}

const said = (rules: Rules, question: 'turn' | 'outcome', state: Uint8Array): string =>
  question === 'turn' ? String(rules.turn(state) ?? 'over') : rules.outcome(state).join(', ')

const shown = (state: Uint8Array | undefined): string => (state === undefined ? 'illegal' : toHex(state))

/** Undefined: illegal. */
function advanced(rules: Rules, state: Uint8Array, move: Uint8Array): Uint8Array | undefined {
  try {
    return rules.advance(state, move)
  } catch (error) {
    if (error instanceof IllegalMoveError) return undefined
    throw error
  }
}
