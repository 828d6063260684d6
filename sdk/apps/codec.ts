import type { AbiParameters, decode, Parameter } from 'ox/AbiParameters'
import { decodeForm, encodeForm, formOf } from './abi-form.ts'
import { type Form, NotCanonicalError } from './abi-tape.ts'
import { InvalidAppError } from './rules.ts'

/** The entry of an ABI that says what an app's states and moves are. */
interface TypesEntry {
  readonly type: 'function'
  readonly name: 'types'
  readonly inputs: AbiParameters
}

type Inputs<abi extends readonly unknown[]> = Extract<abi[number], TypesEntry>['inputs']
/** What a parameter of Solidity is in TypeScript: a struct is an object, up to 48 bits a number, more a bigint. */
type Value<parameter> = parameter extends Parameter ? decode.ReturnType<readonly [parameter]>[0] : unknown

/** The state of an app, by its ABI: the first parameter of `types`; unknown if the ABI has no literal type. */
export type StateOf<abi extends readonly unknown[]> =
  Inputs<abi> extends readonly [infer state, unknown] ? Value<state> : unknown
/** A move in an app, by its ABI: the second parameter of `types`. */
export type MoveOf<abi extends readonly unknown[]> =
  Inputs<abi> extends readonly [unknown, infer move] ? Value<move> : unknown

/** Bytes as `abi.encode` writes them, and back. */
export interface Codec<T> {
  /** Throws where a value does not fit its type. */
  encode(value: T): Uint8Array
  /** Undefined: bytes that are nothing, or not just as `encode` would write it. */
  decode(bytes: Uint8Array): T | undefined
}

/** Codecs of an app's states and moves. Throws {@link InvalidAppError} if the ABI has no function `types` of two parameters. */
export function codecsOf(abi: readonly unknown[]): readonly [Codec<unknown>, Codec<unknown>] {
  const [state, move, ...more] = abi.find(isTypes)?.inputs ?? []
  if (state === undefined || move === undefined || more.length > 0)
    throw new InvalidAppError(
      'The ABI does not say what states and moves are: it lacks `function types(State calldata, Move calldata) external pure {}`.',
    )
  return [codec(state), codec(move)]
}

const isTypes = (entry: unknown): entry is TypesEntry => {
  const { type, name } = entry as Partial<TypesEntry>
  return type === 'function' && name === 'types'
}

function codec(parameter: Parameter): Codec<unknown> {
  const form = tryForm(parameter)
  return {
    encode: (value) => encodeForm(form, value),
    decode: (bytes) => {
      try {
        return decodeForm(form, bytes)
      } catch (error) {
        if (error instanceof NotCanonicalError) return undefined
        throw error
      }
    },
  }
}

function tryForm(parameter: Parameter): Form {
  try {
    return formOf(parameter)
  } catch (cause) {
    throw new InvalidAppError('The ABI has states or moves of a type that is none of Solidity’s ABI.', { cause })
  }
}
