import { secp256k1 } from '@noble/curves/secp256k1.js'
import { concatBytes } from '@noble/hashes/utils.js'
import { toUint, writeHex } from './bytes.ts'
import { Reader, Writer } from './codec.ts'
import { typedDigest, typeHash } from './eip712.ts'
import { TallystickError } from './errors.ts'
import { keccak256 } from './keccak.ts'
import { type OutcomeSource, outcomeKey, WHOLE } from './outcome.ts'
import { least, type Outcomes } from './transfer.ts'
import type { Address, Hex } from './types.ts'

// Questions that the registry can record the answer to: `data` is what the outcome key binds, `witness` what proves the answer.
// Formats: docs/protocol.md §4.

export const VOUCH_TYPE = 'Vouch(address payer,address payee,bytes32 about,uint256 value)'
/** Parts of one logic at most, the same as the contract's. */
export const MAX_PARTS = 64

const VOUCH_TYPE_HASH = typeHash(VOUCH_TYPE)
const OPERATIONS = ['and', 'or', 'sum', 'weighted'] as const

/** What should become a condition's data or witness, or was decoded from it, is none that the contract would answer. */
export class InvalidConditionError extends TallystickError {
  readonly code = 'INVALID_CONDITION'

  constructor(fact: string) {
    super(`${fact} Nobody could ever answer that; refuse it, or ask another question.`)
  }
}

/** The outcome key of a condition's answer about `data`. */
export const conditionKey = (source: OutcomeSource, data: Uint8Array): Hex => outcomeKey(source, keccak256(data))

/**
 * Data of `SecretCondition`: whole once the preimage of `image` (32 bytes) is shown. The witness is the 32-byte secret.
 *
 * A lock for this chain alone costs less with the registry's own secrets: see `secretKey`.
 */
export function secretData(hash: 'sha256' | 'keccak256', image: Uint8Array): Uint8Array {
  assertSize('An image', image, 32)
  return new Writer(64)
    .u256(hash === 'sha256' ? 1n : 0n)
    .raw(image)
    .finish()
}

/**
 * Data of `PointCondition`: whole once the discrete logarithm of `point` (33 or 65 bytes) is shown. The witness is that scalar, 32 bytes.
 * The registry announces no witness: read it from the calldata of the transaction that recorded the key.
 */
export function pointData(point: Uint8Array): Uint8Array {
  try {
    return secp256k1.Point.fromBytes(point).toBytes(false).slice(1)
  } catch {
    throw new InvalidConditionError(`${point.length} bytes are no point of secp256k1.`)
  }
}

/** Data of `ClockCondition`: whole from chain time `time` in seconds on. The witness is empty. */
export const clockData = (time: bigint): Uint8Array => new Writer(32).u256(time).finish()

/** The time of a clock's data. Throws a MalformedBytesError. */
export function decodeClock(data: Uint8Array): bigint {
  const reader = new Reader(data)
  const time = reader.u256()
  reader.end()
  return time
}

/** Who has to agree on a value, and on which one: `about` is 32 bytes that no other question of these two has. */
export interface Vouched {
  readonly payer: Address
  readonly payee: Address
  readonly about: Hex
}

/** Data of `VouchedCondition`. */
export function vouchedData({ payer, payee, about }: Vouched): Uint8Array {
  const data = new Uint8Array(96)
  writeHex(data, 12, payer, 20)
  writeHex(data, 44, payee, 20)
  writeHex(data, 64, about, 32)
  return data
}

/** What data of `VouchedCondition` asks. Throws a MalformedBytesError or {@link InvalidConditionError}. */
export function decodeVouched(data: Uint8Array): Vouched {
  const reader = new Reader(data)
  const address = (): Address => {
    if (toUint(reader.raw(12)) !== 0n) throw new InvalidConditionError('A signer is longer than an address.')
    return reader.hex(20)
  }
  const vouched = { payer: address(), payee: address(), about: reader.hex(32) }
  reader.end()
  return vouched
}

/**
 * What payer and payee sign to agree on `value` (0 to 1e18): 32 bytes. Sign one value for a question, ever: of two the first
 * recorded is the answer. If the payer signs first, the payee alone holds both signatures and can record it in time.
 *
 * @param source Where the condition stands, and the chain id when it was deployed.
 */
export function vouchDigest({ chainId, condition }: OutcomeSource, vouched: Vouched, value: bigint): Uint8Array {
  const struct = concatBytes(VOUCH_TYPE_HASH, vouchedData(vouched), vouchedValue(value))
  // The domain's contract is the one that checks: here the condition.
  return typedDigest({ chainId, adjudicator: condition }, keccak256(struct))
}

/** Witness of `VouchedCondition`: the value and both signatures over {@link vouchDigest}, 64 bytes each (EIP-2098). */
export function vouchedWitness(value: bigint, payer: Uint8Array, payee: Uint8Array): Uint8Array {
  for (const signature of [payer, payee]) assertSize('A signature', signature, 64)
  return concatBytes(vouchedValue(value), payer, payee)
}

function vouchedValue(value: bigint): Uint8Array {
  if (value < 0n || value > WHOLE) throw new InvalidConditionError(`A value of ${value} is not within 0 to 1e18.`)
  return new Writer(32).u256(value).finish()
}

/**
 * A value made of outcomes under other keys: `and` the least, `or` the greatest, `sum` their sum, `weighted` the sum of
 * `weight * value / 1e18`, rounded down once. Sums end at 1e18. A part may be the key of another logic.
 */
export type Logic =
  | { readonly operation: 'and' | 'or' | 'sum'; readonly parts: readonly Hex[] }
  | { readonly operation: 'weighted'; readonly parts: readonly WeightedPart[] }

export interface WeightedPart {
  readonly key: Hex
  /** 1e18 counts the part once; up to 2^64 - 1. */
  readonly weight: bigint
}

/** Data of `LogicCondition`. The witness is empty. Throws {@link InvalidConditionError} unless there are 1 to 64 parts. */
export function logicData(logic: Logic): Uint8Array {
  assertCount(logic.parts.length)
  const writer = new Writer(1 + 40 * logic.parts.length).u8(OPERATIONS.indexOf(logic.operation))
  if (logic.operation === 'weighted') for (const { key, weight } of logic.parts) writer.hex(key, 32).u64(weight)
  else for (const key of logic.parts) writer.hex(key, 32)
  return writer.finish()
}

/** What data of `LogicCondition` asks. Throws a MalformedBytesError or {@link InvalidConditionError}. */
export function decodeLogic(data: Uint8Array): Logic {
  const reader = new Reader(data)
  const operation = OPERATIONS[reader.u8()]
  if (!operation) throw new InvalidConditionError(`There is no operation ${data[0]}.`)
  const count = Math.ceil(reader.left / (operation === 'weighted' ? 40 : 32))
  assertCount(count)
  const read = <T>(part: () => T): T[] => Array.from({ length: count }, part)
  return operation === 'weighted'
    ? { operation, parts: read(() => ({ key: reader.hex(32), weight: reader.u64() })) }
    : { operation, parts: read(() => reader.hex(32)) }
}

/**
 * The answer of `LogicCondition` as far as outcomes are known: undefined while a missing part can still change it. It counts for
 * nobody before it is recorded under its own key, by the deadline of whoever relies on it.
 */
export function decideLogic(logic: Logic, outcomes: Outcomes): bigint | undefined {
  const [low, high] = [combine(logic, outcomes, 0n), combine(logic, outcomes, WHOLE)]
  return low === high ? low : undefined
}

/** The value if every part without an outcome were `missing`. It only rises with its parts, so 0 and 1e18 bound what it may become. */
function combine(logic: Logic, outcomes: Outcomes, missing: bigint): bigint {
  const answerOf = (key: Hex): bigint => {
    const outcome = outcomes(key)
    return outcome && outcome.recordedAt > 0n ? outcome.value : missing
  }
  const capped = (sum: bigint): bigint => least(sum, WHOLE)
  if (logic.operation === 'weighted')
    return capped(logic.parts.reduce((sum, { key, weight }) => sum + weight * answerOf(key), 0n) / WHOLE)
  const values = logic.parts.map(answerOf)
  if (logic.operation === 'and') return values.reduce(least)
  if (logic.operation === 'or') return values.reduce(greatest)
  return capped(values.reduce((sum, value) => sum + value, 0n))
}

function greatest(a: bigint, b: bigint): bigint {
  if (a > b) return a
  return b
}

function assertCount(count: number): void {
  if (count < 1 || count > MAX_PARTS)
    throw new InvalidConditionError(`${count} parts are not within 1 to ${MAX_PARTS}.`)
}

function assertSize(what: string, bytes: Uint8Array, size: number): void {
  if (bytes.length !== size) throw new InvalidConditionError(`${what} has ${size} bytes, not ${bytes.length}.`)
}
