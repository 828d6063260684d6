import { secp256k1 } from '@noble/curves/secp256k1.js'
import { expect } from 'chai'
import fc from 'fast-check'
import { fromUint, toBytes, toHex, toUint } from '../../../sdk/core/bytes.ts'
import {
  addScalars,
  assertPoint,
  InvalidPointError,
  InvalidScalarError,
  lockPoints,
  opens,
  pointOf,
  shiftPoint,
  subtractScalar,
} from '../../../sdk/core/points.ts'
import './arbitraries.ts'

const { Point } = secp256k1
const { ORDER } = Point.Fn
const FIELD = Point.Fp.ORDER
const scalarOf = (value: bigint) => fromUint(value, 32)
const scalar = fc
  .oneof(fc.bigInt(1n, ORDER - 1n), fc.bigInt(1n, 9n), fc.bigInt(ORDER - 9n, ORDER - 1n))
  .map((value) => scalarOf(value))
const noble = (value: Uint8Array) => Point.BASE.multiply(toUint(value))

const noPoint = (action: () => unknown) =>
  expect(action).to.throw(InvalidPointError).with.property('code', 'INVALID_POINT')
const noScalar = (action: () => unknown) =>
  expect(action).to.throw(InvalidScalarError).with.property('code', 'INVALID_SCALAR')

describe('Lock points', () => {
  it('are what noble computes, shifted or not', () => {
    fc.assert(
      fc.property(scalar, scalar, (a, b) => {
        expect(toHex(pointOf(a))).to.equal(toHex(noble(a).toBytes()))
        fc.pre((toUint(a) + toUint(b)) % ORDER !== 0n)
        expect(toHex(shiftPoint(pointOf(a), b))).to.equal(toHex(noble(a).add(noble(b)).toBytes()))
      }),
    )
  })

  it('are shifted rightly where x is not below the order of the curve', () => {
    // Nobody meets such a point by chance; a peer that looks for one must not make two implementations disagree.
    const found = [...Array(200).keys()].flatMap((i) => {
      const bytes = Uint8Array.of(2 + (i & 1), ...fromUint(ORDER + BigInt(i), 32))
      return ORDER + BigInt(i) < FIELD && isPoint(bytes) ? [bytes] : []
    })
    expect(found.length).to.be.greaterThan(50)
    for (const point of found) assertPoint(point)
    for (const i of Array(200).keys()) {
      const bytes = Uint8Array.of(2, ...fromUint(ORDER + BigInt(i), 32))
      if (!isPoint(bytes)) noPoint(() => assertPoint(bytes))
    }
    for (const point of found)
      expect(toHex(shiftPoint(point, scalarOf(7n)))).to.equal(
        toHex(
          Point.fromBytes(point)
            .add(noble(scalarOf(7n)))
            .toBytes(),
        ),
      )
  })

  it('S40 give every hop a scalar of its own, and the payer that of the invoice', () => {
    fc.assert(
      fc.property(
        scalar,
        fc.array(fc.bigInt(1n, ORDER - 1n).map(scalarOf), { minLength: 1, maxLength: 6 }),
        (z, shares) => {
          const locks = lockPoints(pointOf(z), shares)
          expect(locks.length).to.equal(shares.length)
          let k = addScalars(z, ...shares)
          for (const j of [...shares.keys()].reverse()) {
            expect(opens(locks[j]!, k)).to.equal(true)
            for (const other of locks.keys()) if (other !== j) expect(opens(locks[other]!, k)).to.equal(false)
            k = subtractScalar(k, shares[j]!)
          }
          expect(toHex(k)).to.equal(toHex(z))
        },
      ),
      { numRuns: 30 },
    )
  })

  it('need no invoice: then the sum of all shares opens the last one', () => {
    const shares = [3n, 5n, 9n].map(scalarOf)
    const locks = lockPoints(undefined, shares)
    expect(opens(locks[2]!, scalarOf(17n))).to.equal(true)
    expect(toHex(locks[0]!)).to.equal(toHex(pointOf(scalarOf(3n))))
    expect(lockPoints(pointOf(scalarOf(1n)), [])).to.deep.equal([])
  })

  it('S15 are refused off the curve, in another form, of another size, or where the sum is zero', () => {
    const good = pointOf(scalarOf(5n))
    const uncompressed = noble(scalarOf(5n)).toBytes(false)
    const bad = [
      new Uint8Array(),
      new Uint8Array(33),
      good.slice(1),
      good.with(0, 4),
      Uint8Array.of(...good, 0),
      uncompressed,
      // x = 5 is no x of this curve; neither is anything above the field's order.
      Uint8Array.of(2, ...fromUint(5n, 32)),
      Uint8Array.of(2, ...fromUint(FIELD, 32)),
      new Uint8Array(33).fill(0xff).with(0, 3),
    ]
    for (const point of bad) {
      noPoint(() => assertPoint(point))
      noPoint(() => shiftPoint(point, scalarOf(1n)))
      expect(opens(point, scalarOf(5n))).to.equal(false)
    }
    for (const value of [1n, 5n, ORDER - 1n, ORDER - 5n]) assertPoint(pointOf(scalarOf(value)))
    noPoint(() => shiftPoint(good, scalarOf(ORDER - 5n)))
  })

  it('S15 take no scalar that is zero, too large or of another size', () => {
    const point = pointOf(scalarOf(5n))
    for (const bad of [
      new Uint8Array(),
      new Uint8Array(31).fill(1),
      new Uint8Array(33).fill(1),
      scalarOf(0n),
      scalarOf(ORDER),
      new Uint8Array(32).fill(0xff),
    ]) {
      noScalar(() => pointOf(bad))
      noScalar(() => shiftPoint(point, bad))
      noScalar(() => addScalars(scalarOf(1n), bad))
      noScalar(() => subtractScalar(bad, scalarOf(1n)))
      noScalar(() => subtractScalar(scalarOf(1n), bad))
      expect(opens(point, bad)).to.equal(false)
    }
    noScalar(() => addScalars(scalarOf(5n), scalarOf(ORDER - 5n)))
    noScalar(() => subtractScalar(scalarOf(5n), scalarOf(5n)))
    noScalar(() => addScalars())
  })

  it('answer arbitrary bytes as noble does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 33, maxLength: 33 }), fc.constantFrom(2, 3), (bytes, prefix) => {
        const point = bytes.with(0, prefix)
        if (isPoint(point)) assertPoint(point)
        else noPoint(() => assertPoint(point))
        if (isPoint(point))
          expect(toHex(shiftPoint(point, scalarOf(2n)))).to.equal(
            toHex(Point.fromBytes(point).add(Point.BASE).add(Point.BASE).toBytes()),
          )
        else noPoint(() => shiftPoint(point, scalarOf(2n)))
      }),
    )
  })

  it('say nothing of a scalar in an error', () => {
    const secret = toBytes(`0x${'fe'.repeat(33)}`)
    try {
      pointOf(secret)
      expect.fail('accepted')
    } catch (error) {
      expect(JSON.stringify(error) + String((error as Error).stack)).to.not.match(/fefe|254/)
    }
  })
})

function isPoint(bytes: Uint8Array): boolean {
  try {
    Point.fromBytes(bytes)
    return true
  } catch {
    return false
  }
}
