import { MalformedBytesError, Reader, Writer } from '../../core/codec.ts'
import type { Hex } from '../../core/types.ts'
import type { Mode } from '../../protocols/part.ts'
import { FAILURE_SIZE } from '../../routing/failure.ts'
import { ONION_SIZE } from '../../routing/onion.ts'

// What travels with the lock of a part of a multi-hop payment, and with the wish for its end.
//
//   note    = 1 ‖ mode u8 ‖ [point 33, in mode sprites] ‖ onion 2,816 ‖ [taken 16, if any]
//   release = 1 ‖ secret bool ‖ [secret 32] ‖ scalar bool ‖ [scalar 32]
//   failure = 2 ‖ 512 bytes
//   held    = 3 ‖ 512 bytes, as a failure: the payee of an outcome lock holds it

/** The note of a lock. Anything else in a note is for users. */
export interface Parcel {
  readonly mode: Mode
  /** 33 bytes in mode `sprites`. */
  readonly point: Hex | undefined
  readonly onion: Uint8Array
  /** What the hop before keeps of it for a debt of the payee. The sender cannot say so, or it would pay that much too little. */
  readonly taken: bigint
}

/** Why a payer should end a part; or, with `held`, that it need not be ended yet. */
export type Proof =
  | { readonly kind: 'release'; readonly secret: Hex | undefined; readonly scalar: Hex | undefined }
  | { readonly kind: 'failure' | 'held'; readonly failure: Uint8Array }

const PARCEL = 1
const MODES: readonly Mode[] = ['sprites', 'plain', 'outcome']
const RELEASE = 1
const FAILURE = 2
const HELD = 3

export function encodeParcel({ mode, point, onion, taken }: Parcel): Uint8Array {
  const writer = new Writer(80 + ONION_SIZE).u8(PARCEL).u8(MODES.indexOf(mode))
  if (point !== undefined) writer.hex(point, 33)
  writer.raw(onion)
  if (taken > 0n) writer.u128(taken)
  return writer.finish()
}

/** Undefined for a note that is no parcel. Throws `MalformedBytesError` for one that is damaged. */
export function decodeParcel(note: Uint8Array): Parcel | undefined {
  if (note[0] !== PARCEL) return undefined
  const reader = new Reader(note.subarray(1))
  const mode = MODES[reader.u8()]
  if (!mode) throw new MalformedBytesError(0, 'The mode of a parcel is unknown')
  const point: Hex | undefined = mode === 'sprites' ? reader.hex(33) : undefined
  const onion = reader.raw(ONION_SIZE)
  const taken = reader.left > 0 ? reader.u128() : 0n
  reader.end()
  return { mode, point, onion, taken }
}

export function encodeProof(proof: Proof): Uint8Array {
  if (proof.kind !== 'release')
    return new Writer(1 + FAILURE_SIZE)
      .u8(proof.kind === 'held' ? HELD : FAILURE)
      .raw(proof.failure)
      .finish()
  const writer = new Writer(80).u8(RELEASE)
  for (const value of [proof.secret, proof.scalar]) {
    writer.bool(value !== undefined)
    if (value !== undefined) writer.hex(value, 32)
  }
  return writer.finish()
}

/** Throws `MalformedBytesError`. */
export function decodeProof(bytes: Uint8Array): Proof {
  const reader = new Reader(bytes)
  const proof = readProof(reader)
  reader.end()
  return proof
}

function readProof(reader: Reader): Proof {
  const tag = reader.u8()
  if (tag === FAILURE || tag === HELD)
    return { kind: tag === HELD ? 'held' : 'failure', failure: reader.raw(FAILURE_SIZE) }
  if (tag !== RELEASE) throw new MalformedBytesError(0, `The proof ${tag} is unknown`)
  const secret: Hex | undefined = reader.bool() ? reader.hex(32) : undefined
  return { kind: 'release', secret, scalar: reader.bool() ? reader.hex(32) : undefined }
}
