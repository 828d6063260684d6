import { secp256k1 } from '@noble/curves/secp256k1.js'
import { engine } from 'ox/wasm/Secp256k1'
import { fromUint, toUint } from './bytes.ts'
import { TallystickError } from './errors.ts'

// Lock points: what a hop pays for beside the secret. A point is a scalar times the generator of secp256k1, so that whoever adds y to
// a scalar adds y·G to its point, and nobody finds a scalar from its point.
//
//   payee      Z = z·G                      in the invoice; z is known to the payee alone
//   payer      Y_0 = Z + y_0·G              y_j chosen at random, each told to hop j alone (the sum of all to the payee)
//   hop j      Y_j = Y_(j-1) + y_j·G        computes it itself: so it cannot be skipped, nobody else knows its k
//   payee      k_n = z + sum of y           releases it; hop j checks k_j·G = Y_j and releases k_(j-1) = k_j - y_j
//   payer      z = k_0 - y_0                and so the proof that the payee, and no hop, was paid

/** The order of secp256k1: scalars are 1 to ORDER - 1. */
const { ORDER } = secp256k1.Point.Fn
const SCALAR = 32
const POINT = 33

/** 32 bytes that had to be a scalar from 1 to the order of secp256k1 less one; they are not repeated. */
export class InvalidScalarError extends TallystickError {
  readonly code = 'INVALID_SCALAR'

  constructor(fact: string) {
    super(`${fact} Draw 32 random bytes again, or refuse whoever sent it.`)
  }
}

/** Bytes that had to be a compressed point of secp256k1 other than zero. */
export class InvalidPointError extends TallystickError {
  readonly code = 'INVALID_POINT'

  constructor(fact: string) {
    super(`${fact} Refuse whoever sent it.`)
  }
}

/** Curve arithmetic on checked input; throws where there is no such point. */
interface Points {
  /** `scalar`·G, 33 bytes. */
  base(scalar: Uint8Array): Uint8Array
  /** `point` + `scalar`·G, 33 bytes. */
  shift(point: Uint8Array, scalar: Uint8Array): Uint8Array
  check(point: Uint8Array): void
}

const noble: Points = {
  base: (scalar) => secp256k1.getPublicKey(scalar),
  shift: (point, scalar) =>
    secp256k1.Point.fromBytes(point)
      .add(secp256k1.Point.BASE.multiply(toUint(scalar)))
      .toBytes(),
  check: (point) => {
    secp256k1.Point.fromBytes(point)
  },
}

// Compiled once for the whole process, as core's keccak.
const wasm = await engine().catch(() => undefined)

/** An uncompressed point of 65 bytes in 33. */
function compress(point: Uint8Array): Uint8Array {
  const compressed = point.slice(0, POINT)
  compressed[0] = 2 + (point[64]! & 1)
  return compressed
}

/**
 * `point` + `scalar`·G by one recovery, several times as fast as noble: the key of a signature (r, s) with the nonce point R over e is
 * (s·R - e·G) / r. With R the point, r its x, s = r and e = -r·scalar this is what is wanted, and with a scalar of zero the point itself.
 */
function shiftByRecovery(recover: (signature: Uint8Array, digest: Uint8Array) => Uint8Array): Points['shift'] {
  return (point, scalar) => {
    const signature = new Uint8Array(65)
    signature[0] = point[0]! & 1
    signature.set(point.subarray(1), 1)
    signature.set(point.subarray(1), 33)
    const product = (toUint(point.subarray(1)) * toUint(scalar)) % ORDER
    return compress(recover(signature, fromUint((ORDER - product) % ORDER, SCALAR)))
  }
}

// Nobody meets an x above the order by chance; it is the x of no signature, so noble takes it.
const isUsual = (point: Uint8Array): boolean => toUint(point.subarray(1)) < ORDER

function byWasm({ getPublicKey, recoverPublicKey }: Awaited<ReturnType<typeof engine>>): Points {
  const shift = shiftByRecovery(recoverPublicKey)
  const zero = new Uint8Array(SCALAR)
  return {
    base: (scalar) => compress(getPublicKey(scalar)),
    shift: (point, scalar) => (isUsual(point) ? shift(point, scalar) : noble.shift(point, scalar)),
    check: (point) => (isUsual(point) ? void shift(point, zero) : noble.check(point)),
  }
}

const points: Points = wasm ? byWasm(wasm) : noble

/** Throws {@link InvalidScalarError} unless `scalar` is 32 bytes from 1 to the order less one. */
export function assertScalar(scalar: Uint8Array): void {
  if (scalar.length !== SCALAR) throw new InvalidScalarError(`A scalar has 32 bytes, not ${scalar.length}.`)
  const value = toUint(scalar)
  if (value === 0n || value >= ORDER)
    throw new InvalidScalarError('A scalar is zero, or not below the order of the curve.')
}

/** Throws {@link InvalidPointError} unless `point` is a compressed point of the curve: 33 bytes, so never zero. */
export function assertPoint(point: Uint8Array): void {
  assertPointForm(point)
  try {
    points.check(point)
  } catch {
    throw new InvalidPointError('33 bytes are no point of secp256k1.')
  }
}

function assertPointForm(point: Uint8Array): void {
  if (point.length !== POINT || (point[0] !== 2 && point[0] !== 3))
    throw new InvalidPointError(`A point is 33 bytes that begin with 2 or 3, not ${point.length} bytes.`)
}

/** The point of a scalar: `scalar`·G, 33 bytes. Throws {@link InvalidScalarError}. */
export function pointOf(scalar: Uint8Array): Uint8Array {
  assertScalar(scalar)
  return points.base(scalar)
}

/**
 * The point that a hop pays for after the one it is paid for: `point` + `scalar`·G, 33 bytes.
 * Throws {@link InvalidPointError} for what is no point, and for a sum of zero; {@link InvalidScalarError}.
 */
export function shiftPoint(point: Uint8Array, scalar: Uint8Array): Uint8Array {
  assertScalar(scalar)
  assertPointForm(point)
  try {
    return points.shift(point, scalar)
  } catch {
    throw new InvalidPointError('33 bytes are no point of secp256k1, or the sum is zero.')
  }
}

/** Whether `scalar` is the discrete logarithm of `point`: what a release must show. False for anything malformed. */
export function opens(point: Uint8Array, scalar: Uint8Array): boolean {
  try {
    const own = pointOf(scalar)
    return point.length === POINT && own.every((byte, i) => byte === point[i])
  } catch {
    return false
  }
}

/** The sum of scalars, 32 bytes. Throws {@link InvalidScalarError} for what is none, and for a sum of zero. */
export function addScalars(...scalars: readonly Uint8Array[]): Uint8Array {
  for (const scalar of scalars) assertScalar(scalar)
  return scalarOf(scalars.reduce((sum, scalar) => sum + toUint(scalar), 0n))
}

/** What a hop releases: `scalar` - `share`, 32 bytes. Throws {@link InvalidScalarError} for what is none, and for zero. */
export function subtractScalar(scalar: Uint8Array, share: Uint8Array): Uint8Array {
  assertScalar(scalar)
  assertScalar(share)
  return scalarOf(toUint(scalar) + ORDER - toUint(share))
}

function scalarOf(value: bigint): Uint8Array {
  const scalar = fromUint(value % ORDER, SCALAR)
  assertScalar(scalar)
  return scalar
}

/**
 * The lock points of a route, from the payer's own to the payee's: `Y_0 = target + shares[0]·G`, `Y_j = Y_(j-1) + shares[j]·G`.
 *
 * @param target The invoice's point; undefined if there is no invoice: then the payer alone fixes the last scalar, the sum of `shares`.
 * @param shares One random scalar per channel of the route; `shares[j]` is for hop j, their sum for the payee.
 */
export function lockPoints(target: Uint8Array | undefined, shares: readonly Uint8Array[]): Uint8Array[] {
  const locks: Uint8Array[] = []
  let point = target
  for (const share of shares) {
    point = point ? shiftPoint(point, share) : pointOf(share)
    locks.push(point)
  }
  return locks
}
