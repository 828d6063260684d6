import { concatBytes } from '@noble/hashes/utils.js'
import { type AbiParameters, encode } from 'ox/AbiParameters'
import { MAX_APP_STATE } from '../core/app.ts'
import { toBytes, toHex } from '../core/bytes.ts'
import type { Hex } from '../core/types.ts'
import { type Codec, codecsOf, type MoveOf, type StateOf } from './codec.ts'
import { loadApp } from './evm-deploy.ts'
import { programRules } from './evm-rules.ts'
import { AppStateError, IllegalMoveError, InvalidAppError, type Rules } from './rules.ts'
import { type Twin, twinRules, withSecondOpinion } from './twin.ts'

interface Constructor {
  readonly type: 'constructor'
  readonly inputs: AbiParameters
}

/** An app as its compiler gives it, and its twin if it has one. */
export interface AppSource<abi extends readonly unknown[]> {
  /** With `function types(State calldata, Move calldata)`; `as const`, or an artifact's, for types in TypeScript. */
  readonly abi: abi
  /** Init code, without constructor arguments. */
  readonly bytecode: string
  /** What the constructor is given. */
  readonly args?: readonly unknown[]
  readonly twin?: Twin<StateOf<abi>, MoveOf<abi>>
}

/** An app with states and moves as values. */
export interface App<State, Move> {
  /** What the arbiter's `deploy` takes; `appAddress` says where that puts it. */
  readonly initCode: Hex
  /** Throws {@link AppStateError} for values that do not fit. */
  encodeState(state: State): Uint8Array
  /** Throws {@link AppStateError}. */
  decodeState(bytes: Uint8Array): State
  /** Throws {@link IllegalMoveError} for values that do not fit. */
  encodeMove(move: Move): Uint8Array
  /** Throws {@link IllegalMoveError}. */
  decodeMove(bytes: Uint8Array): Move
  /** The rules among so many seats: by the twin if there is one, else by the code. Throws {@link InvalidAppError}. */
  rules(seats: number): Rules
  /** By the code alone. */
  codeRules(seats: number): Rules
  /** By the twin alone; undefined: there is none. */
  twinRules(seats: number): Rules | undefined
}

/**
 * An app with typed states and moves. Throws {@link InvalidAppError} or {@link ImpureAppError} for one that nobody should play.
 *
 * @example
 * ```ts
 * const nim = defineApp({ abi, bytecode })
 * const state = nim.encodeState({ heap: 5, seat: 0 })
 * const next = nim.decodeState(nim.rules(2).advance(state, nim.encodeMove({ take: 3 })))
 * ```
 */
export function defineApp<const abi extends readonly unknown[]>(
  source: AppSource<abi>,
): App<StateOf<abi>, MoveOf<abi>> {
  const { abi, twin } = source
  const initCode = initCodeOf(source)
  const program = loadApp({ initCode })
  const [state, move] = codecsOf(abi) as readonly [Codec<StateOf<abi>>, Codec<MoveOf<abi>>]
  const codeRules = (seats: number): Rules => programRules(program, { seats, abi })
  const byTwin = (seats: number) => twin && twinRules({ twin, state, move, code: codeRules(seats), seats })
  return {
    initCode,
    ...stateCodec(state),
    ...moveCodec(move),
    codeRules,
    twinRules: byTwin,
    rules: (seats) => {
      const rules = byTwin(seats)
      return rules ? withSecondOpinion(rules, codeRules(seats)) : codeRules(seats)
    },
  }
}

function initCodeOf({ abi, bytecode, args = [] }: AppSource<readonly unknown[]>): Hex {
  const made = abi.find((entry): entry is Constructor => (entry as Partial<Constructor>).type === 'constructor')
  try {
    return toHex(concatBytes(toBytes(bytecode), toBytes(encode(made?.inputs ?? [], args))))
  } catch (cause) {
    throw new InvalidAppError('The bytecode is no hex, or the arguments are not those of the constructor.', { cause })
  }
}

function stateCodec<State>(codec: Codec<State>): Pick<App<State, never>, 'encodeState' | 'decodeState'> {
  const refuse = (fact: string, cause?: unknown): never => {
    throw new AppStateError(fact, { cause })
  }
  return {
    encodeState: (state) => {
      const bytes = tryTo(
        () => codec.encode(state),
        (cause) => refuse('These values are no state of the app.', cause),
      )
      return bytes.length > MAX_APP_STATE
        ? refuse(`The state has ${bytes.length} bytes, more than ${MAX_APP_STATE}.`)
        : bytes
    },
    decodeState: (bytes) => codec.decode(bytes) ?? refuse(`These ${bytes.length} bytes are no state of the app.`),
  }
}

function moveCodec<Move>(codec: Codec<Move>): Pick<App<never, Move>, 'encodeMove' | 'decodeMove'> {
  const refuse = (fact: string, cause?: unknown): never => {
    throw new IllegalMoveError(fact, '0x', { cause })
  }
  return {
    encodeMove: (move) =>
      tryTo(
        () => codec.encode(move),
        (cause) => refuse('its values do not fit their types', cause),
      ),
    decodeMove: (bytes) => codec.decode(bytes) ?? refuse('its bytes are not in the form of the app'),
  }
}

function tryTo<T>(action: () => T, otherwise: (cause: unknown) => T): T {
  try {
    return action()
  } catch (cause) {
    return otherwise(cause)
  }
}
