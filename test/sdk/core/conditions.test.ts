import { secp256k1 } from '@noble/curves/secp256k1.js'
import { expect } from 'chai'
import { AbiCoder, keccak256, TypedDataEncoder } from 'ethers'
import fc from 'fast-check'
import { fromUint, toBytes, toHex } from '../../../sdk/core/bytes.ts'
import { MalformedBytesError } from '../../../sdk/core/codec.ts'
import {
  clockData,
  conditionKey,
  decideLogic,
  decodeClock,
  decodeLogic,
  decodeVouched,
  InvalidConditionError,
  type Logic,
  logicData,
  MAX_PARTS,
  pointData,
  secretData,
  vouchDigest,
  vouchedData,
  vouchedWitness,
} from '../../../sdk/core/conditions.ts'
import { type Outcome, outcomeKey, WHOLE } from '../../../sdk/core/outcome.ts'
import type { Hex } from '../../../sdk/core/types.ts'
import * as any from './arbitraries.ts'

const abi = AbiCoder.defaultAbiCoder()
const key = (digit: string): Hex => `0x${digit.repeat(64)}`
const [A, B, C] = [key('a'), key('b'), key('c')]
const HALF = WHOLE / 2n

/** Outcomes recorded long ago. */
const known =
  (values: Readonly<Record<Hex, bigint>>) =>
  (name: Hex): Outcome | undefined => {
    const value = values[name]
    return value === undefined ? undefined : { value, recordedAt: 1n }
  }

const refused = (action: () => unknown) => expect(action).to.throw(InvalidConditionError)

describe('Questions to the registry', () => {
  it('have the key of their condition and data', () => {
    const source = { chainId: 5n, condition: `0x${'12'.repeat(20)}` as Hex }
    const data = clockData(7n)
    expect(conditionKey(source, data)).to.equal(outcomeKey(source, toBytes(keccak256(data))))
  })

  it('about secrets, clocks and vouchers are what Solidity encodes', () => {
    fc.assert(
      fc.property(any.bytes32, any.address, any.address, fc.bigInt(0n, 2n ** 256n - 1n), (hash, payer, payee, time) => {
        const image = toBytes(hash)
        expect(toHex(secretData('sha256', image))).to.equal(abi.encode(['bool', 'bytes32'], [true, hash]))
        expect(toHex(secretData('keccak256', image))).to.equal(abi.encode(['bool', 'bytes32'], [false, hash]))
        expect(toHex(clockData(time))).to.equal(abi.encode(['uint256'], [time]))
        expect(decodeClock(clockData(time))).to.equal(time)
        const vouched = { payer, payee, about: hash }
        const types = ['address', 'address', 'bytes32']
        expect(toHex(vouchedData(vouched))).to.equal(abi.encode(types, [payer, payee, hash]))
        expect(decodeVouched(vouchedData(vouched))).to.deep.equal(vouched)
      }),
    )
  })

  it('about points take both forms of a point, and no other bytes', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, secp256k1.Point.Fn.ORDER - 1n), (scalar) => {
        const point = secp256k1.Point.BASE.multiply(scalar)
        const { x, y } = point.toAffine()
        expect(toHex(pointData(point.toBytes()))).to.equal(abi.encode(['uint256', 'uint256'], [x, y]))
        expect(pointData(point.toBytes(false))).to.deep.equal(pointData(point.toBytes()))
      }),
      { numRuns: 30 },
    )
    for (const bytes of [
      [],
      [0],
      new Array<number>(32).fill(1),
      [2, ...new Array<number>(32).fill(255)],
      [4, ...new Array<number>(64).fill(1)],
    ])
      refused(() => pointData(Uint8Array.from(bytes)))
  })

  it('refuse what the contract would never answer', () => {
    refused(() => secretData('sha256', new Uint8Array(31)))
    refused(() => vouchedWitness(0n, new Uint8Array(64), new Uint8Array(65)))
    refused(() => vouchedWitness(0n, new Uint8Array(63), new Uint8Array(64)))
    refused(() => vouchedWitness(WHOLE + 1n, new Uint8Array(64), new Uint8Array(64)))
    refused(() => logicData({ operation: 'and', parts: [] }))
    refused(() => logicData({ operation: 'or', parts: new Array<Hex>(MAX_PARTS + 1).fill(A) }))
    const source = { chainId: 1n, condition: `0x${'12'.repeat(20)}` as Hex }
    for (const value of [-1n, WHOLE + 1n])
      refused(() => vouchDigest(source, { payer: source.condition, payee: source.condition, about: A }, value))
  })

  it('S15 from anywhere are decoded strictly: truncated, too long or unknown is refused', () => {
    const malformed = (action: () => unknown) => expect(action).to.throw(MalformedBytesError)
    malformed(() => decodeClock(new Uint8Array(31)))
    malformed(() => decodeClock(new Uint8Array(33)))
    malformed(() => decodeVouched(new Uint8Array(95)))
    malformed(() => decodeVouched(new Uint8Array(97)))
    refused(() => decodeVouched(new Uint8Array(96).fill(1, 0, 1)))
    malformed(() => decodeLogic(new Uint8Array()))
    refused(() => decodeLogic(Uint8Array.of(0)))
    refused(() => decodeLogic(new Uint8Array(1 + 32).fill(4, 0, 1)))
    refused(() => decodeLogic(new Uint8Array(1 + 32 * 65)))
    malformed(() => decodeLogic(new Uint8Array(1 + 33)))
    malformed(() => decodeLogic(new Uint8Array(1 + 32).fill(3, 0, 1)))
  })

  it('S16 about logic are the bytes of their parts, and come back as they were', () => {
    const data = logicData({ operation: 'weighted', parts: [{ key: A, weight: 1n }] })
    expect(toHex(data)).to.equal(`0x03${A.slice(2)}0000000000000001`)
    expect(toHex(logicData({ operation: 'or', parts: [B, A] }))).to.equal(`0x01${B.slice(2)}${A.slice(2)}`)
    fc.assert(
      fc.property(any.logic, (logic) => {
        expect(decodeLogic(logicData(logic))).to.deep.equal(logic)
      }),
    )
  })
})

describe('Vouchers', () => {
  it('S16 sign what ethers hashes, for the condition as the verifying contract', () => {
    fc.assert(
      fc.property(any.domain, any.address, any.bytes32, fc.bigInt(0n, WHOLE), (domain, payee, about, value) => {
        const vouched = { payer: domain.adjudicator, payee, about }
        const where = {
          name: 'Tallystick',
          version: '1',
          chainId: domain.chainId,
          verifyingContract: domain.adjudicator,
        }
        const fields = { payer: 'address', payee: 'address', about: 'bytes32', value: 'uint256' }
        const types = { Vouch: Object.entries(fields).map(([name, type]) => ({ name, type })) }
        const source = { chainId: domain.chainId, condition: domain.adjudicator }
        expect(toHex(vouchDigest(source, vouched, value))).to.equal(
          TypedDataEncoder.hash(where, types, { ...vouched, value }),
        )
      }),
    )
  })

  it('hold the value and both signatures in order', () => {
    const witness = vouchedWitness(5n, new Uint8Array(64).fill(1), new Uint8Array(64).fill(2))
    expect(toHex(witness)).to.equal(`${toHex(fromUint(5n, 32))}${'01'.repeat(64)}${'02'.repeat(64)}`)
  })
})

describe('Logic over outcomes', () => {
  const and = (...parts: Hex[]): Logic => ({ operation: 'and', parts })
  const or = (...parts: Hex[]): Logic => ({ operation: 'or', parts })
  const sum = (...parts: Hex[]): Logic => ({ operation: 'sum', parts })

  it('is the least, the greatest, the sum up to one, or the weighted sum', () => {
    const outcomes = known({ [A]: HALF, [B]: WHOLE / 4n, [C]: WHOLE })
    expect(decideLogic(and(A, B, C), outcomes)).to.equal(WHOLE / 4n)
    expect(decideLogic(or(A, B), outcomes)).to.equal(HALF)
    expect(decideLogic(sum(A, B), outcomes)).to.equal(HALF + WHOLE / 4n)
    expect(decideLogic(sum(A, A, C), outcomes)).to.equal(WHOLE)
    const parts = [
      { key: A, weight: HALF },
      { key: C, weight: 1n },
    ]
    expect(decideLogic({ operation: 'weighted', parts }, outcomes)).to.equal(WHOLE / 4n + 1n)
  })

  it('waits for no part that cannot change it, and for every other', () => {
    const outcomes = known({ [A]: 0n, [B]: WHOLE })
    expect(decideLogic(and(A, C), outcomes)).to.equal(0n)
    expect(decideLogic(and(B, C), outcomes)).to.be.a('undefined')
    expect(decideLogic(or(B, C), outcomes)).to.equal(WHOLE)
    expect(decideLogic(or(A, C), outcomes)).to.be.a('undefined')
    expect(decideLogic(sum(B, C), outcomes)).to.equal(WHOLE)
    expect(decideLogic(sum(A, C), outcomes)).to.be.a('undefined')
  })

  it('takes an entry without a time for a missing one', () => {
    expect(decideLogic(and(A), () => ({ value: 0n, recordedAt: 0n }))).to.be.a('undefined')
  })

  it('never answers otherwise later, whatever is recorded then', () => {
    const value = fc.constantFrom(0n, 1n, HALF, WHOLE - 1n, WHOLE)
    fc.assert(
      fc.property(
        any.logic,
        fc.array(fc.tuple(value, fc.boolean()), { minLength: 6, maxLength: 6 }),
        (logic, later) => {
          const keys = logic.parts.map((part) => (typeof part === 'string' ? part : part.key))
          const answers = new Map(keys.map((name, index) => [name, later[index % 6]!]))
          const outcome = (name: Hex): Outcome => ({ value: answers.get(name)![0], recordedAt: 1n })
          const early = decideLogic(logic, (name) => (answers.get(name)![1] ? outcome(name) : undefined))
          const complete = decideLogic(logic, outcome)
          expect(complete).to.be.a('bigint')
          if (early !== undefined) expect(early).to.equal(complete)
        },
      ),
      { numRuns: 500 },
    )
  })
})
