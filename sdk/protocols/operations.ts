import { MalformedBytesError, Reader, UnencodableError, Writer } from '../core/codec.ts'
import type { State } from '../core/types.ts'
import { type PaymentBatch, parseBatch } from './payments.ts'

/** What an update does to its lane; locks, unlocks and cancels join here. */
export type Operation = {
  readonly kind: 'pay'
  readonly batch: PaymentBatch
}

/** Operations that one update may hold. */
export const MAX_OPERATIONS = 1_024
/** Bytes of operations that one update may hold. */
export const MAX_OPERATION_BYTES = 1 << 20

const PAY = 1

/** The operations as an update carries and stores them: `count ‖ count × (tag u8 ‖ length ‖ body)`. */
export function encodeOperations(operations: readonly Operation[]): Uint8Array {
  if (operations.length > MAX_OPERATIONS)
    throw new UnencodableError(`${operations.length} operations are more than ${MAX_OPERATIONS}.`)
  const size = operations.reduce((sum, { batch }) => sum + batch.bytes.length + 8, 8)
  const writer = new Writer(size).varuint(operations.length)
  for (const { batch } of operations) writer.u8(PAY).bytes(batch.bytes, MAX_OPERATION_BYTES)
  return writer.finish()
}

/** Parses operations that came from anywhere. Throws `MalformedBytesError`. */
export function decodeOperations(bytes: Uint8Array): Operation[] {
  const reader = new Reader(bytes)
  const operations: Operation[] = []
  for (let left = reader.varuint(MAX_OPERATIONS); left > 0; left--) {
    const tag = reader.u8()
    if (tag !== PAY) throw new MalformedBytesError(bytes.length - reader.left, `The operation ${tag} is unknown`)
    operations.push({ kind: 'pay', batch: parseBatch(reader.bytes(MAX_OPERATION_BYTES)) })
  }
  reader.end()
  if (operations.length === 0) throw new MalformedBytesError(0, 'An update does nothing')
  return operations
}

/** The next version of a two-member lane after `operations`, which its writer chose: it can only give, never take. */
export function applyOperations(state: State, operations: readonly Operation[]): State {
  let paid = 0n
  for (const { batch } of operations) paid += batch.total
  const [first, second] = [state.credits[0]!, state.credits[1]!]
  const credits = state.lane === 0 ? [first - paid, second + paid] : [first + paid, second - paid]
  return { ...state, version: state.version + 1n, credits }
}
