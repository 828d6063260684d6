import { concatBytes } from '@noble/hashes/utils.js'
import { expect } from 'chai'
import { id } from 'ethers'
import { evmRules } from '../../../sdk/apps/evm-rules.ts'
import { AppStateError, IllegalMoveError, ImpureAppError, InvalidAppError } from '../../../sdk/apps/rules.ts'
import { toBytes, toHex } from '../../../sdk/core/bytes.ts'
import type { Hex } from '../../../sdk/core/types.ts'
import {
  answering,
  clockArtifact,
  encode,
  heap,
  hostile,
  hostileCode,
  MISCHIEF,
  nim,
  nimArtifact,
  nimCode,
  revertingWith,
  take,
} from './toys.ts'

const WHOLE = 10n ** 18n
const move = Uint8Array.of(1)

function refused(action: () => unknown): IllegalMoveError {
  try {
    action()
  } catch (error) {
    if (error instanceof IllegalMoveError) return error
    throw error
  }
  throw new Error('The move was allowed.')
}

describe('The rules of an app, by its own code', () => {
  it('play a game to its end', () => {
    let state = heap(5)
    for (const count of [3, 1]) state = nim.advance(state, take(count))
    expect(nim.turn(state)).to.equal(0)
    state = nim.advance(state, take(1))
    expect(toHex(state)).to.equal(toHex(heap(0, 1, 3)))
    expect(nim.turn(state)).to.equal(undefined)
    expect(nim.outcome(state)).to.deep.equal([WHOLE, 0n])
  })

  it('say what a seat gets while the other one is silent', () => {
    expect(nim.outcome(heap(5, 1))).to.deep.equal([WHOLE, 0n])
  })

  it('are what the constructor was told, and the same by the code on chain', () => {
    const one = evmRules({ initCode: nimCode(1) }, { seats: 2 })
    expect(refused(() => one.advance(heap(5), take(2))).reason).to.equal('take one to three')
    const zero = evmRules({ runtimeCode: nimArtifact.deployedBytecode as Hex }, { seats: 2 })
    expect(refused(() => zero.advance(heap(5), take(1))).reason).to.equal('take one to three')
    expect(zero.turn(heap(5, 1))).to.equal(1)
  })

  it('keep nothing from one question to the next', () => {
    const state = heap(9)
    const asked = [1, 2, 3].map((count) => toHex(nim.advance(state, take(count))))
    expect([3, 2, 1].map((count) => toHex(nim.advance(state, take(count)))).reverse()).to.deep.equal(asked)
    expect(toHex(state)).to.equal(toHex(heap(9)))
  })
})

describe('A move that the app does not allow', () => {
  it('is refused with the reason that the app gives', () => {
    expect(refused(() => nim.advance(heap(5), take(4)))).to.include({
      code: 'ILLEGAL_MOVE',
      reason: 'take one to three',
    })
    expect(refused(() => nim.advance(heap(2), take(3))).reason).to.equal('TooMany(3, 2)')
  })

  it('is refused with the selector of an error that nobody explained', () => {
    const unnamed = evmRules({ initCode: nimCode() }, { seats: 2 })
    const error = refused(() => unnamed.advance(heap(2), take(3)))
    expect(error.reason).to.equal(`custom error ${id('TooMany(uint256,uint256)').slice(0, 10)}`)
    expect(error.data).to.have.length(2 + 2 * 68)
  })

  it('is refused with the panic of Solidity', () => {
    expect(refused(() => nim.advance(heap(5, 2), take(1))).reason).to.equal('an overflow')
    expect(refused(() => hostile().advance(MISCHIEF.panics, move)).reason).to.equal('an assertion failed')
  })

  it('is refused if it is longer than the arbiter takes', () => {
    expect(refused(() => nim.advance(heap(5), new Uint8Array(8_193))).reason).to.equal('8193 bytes are more than 8192')
  })

  it('is refused if it is not in the form of the app', () => {
    expect(refused(() => nim.advance(heap(5), Uint8Array.of(1))).reason).to.equal('it gives no reason')
  })

  it('is refused with one short line, whatever the app says', () => {
    const text = concatBytes(toBytes('0x08c379a0'), encode(['string'], `\u0007\n${'x'.repeat(3_000)}`))
    expect(refused(() => hostile().advance(revertingWith(text), move)).reason).to.equal(`  ${'x'.repeat(198)}`)
    const broken = toBytes('0x08c379a0ff')
    expect(refused(() => hostile().advance(revertingWith(broken), move)).reason).to.equal('custom error 0x08c379a0')
    expect(refused(() => hostile().advance(revertingWith(Uint8Array.of(1)), move)).reason).to.equal('0x01')
  })
})

describe('An app that cannot answer', () => {
  for (const [what, state] of Object.entries(MISCHIEF))
    it(`has no next state, is over and gives nothing to anybody if it ${what}`, () => {
      expect(() => hostile().advance(state, move)).to.throw(IllegalMoveError)
      expect(hostile().turn(state)).to.equal(undefined)
      expect(hostile().outcome(state)).to.deep.equal([0n, 0n])
    })

  it('has no next state if its answer is longer than a state, or not one `bytes`', () => {
    const next = (answer: Uint8Array) => () => hostile().advance(answering(answer), move)
    const answer = encode(['bytes'], '0x1234')
    expect(toHex(next(answer)())).to.equal('0x1234')
    expect(toHex(next(answer.slice(0, 66))())).to.equal('0x1234')
    expect(() => next(answer.slice(0, 65))()).to.throw(IllegalMoveError)
    expect(() => next(encode(['uint256', 'uint256', 'bytes32'], 64, 0, `0x${'00'.repeat(32)}`))()).to.throw(
      IllegalMoveError,
    )
    expect(() => next(encode(['uint256', 'uint256'], 32, 2n ** 255n))()).to.throw(IllegalMoveError)
    expect(() => next(Uint8Array.of(1))()).to.throw(IllegalMoveError)
  })

  it('is over if it names a seat that nobody has', () => {
    const turn = (value: bigint) => hostile(3).turn(answering(encode(['uint256'], value)))
    expect([0n, 2n, 3n, 2n ** 32n, 2n ** 256n - 1n].map(turn)).to.deep.equal([0, 2, undefined, undefined, undefined])
  })

  it('is over if its turn is not one word', () => {
    const turn = (size: number) => hostile().turn(answering(new Uint8Array(size)))
    expect([31, 32, 33, 64].map(turn)).to.deep.equal([undefined, 0, undefined, undefined])
  })

  it('gives nothing to anybody if it gives too much, or to too many', () => {
    const outcome = (...values: readonly bigint[]) => hostile().outcome(answering(encode(['uint256[]'], values)))
    expect(outcome(1n, WHOLE - 1n)).to.deep.equal([1n, WHOLE - 1n])
    expect(outcome(1n, 1n)).to.deep.equal([1n, 1n])
    for (const values of [[1n, WHOLE], [2n ** 255n, 2n ** 255n], [1n], [1n, 1n, 1n]])
      expect(outcome(...values)).to.deep.equal([0n, 0n])
  })
})

describe('An app that nobody should play', () => {
  const load = (code: Hex) => () => evmRules({ initCode: code }, { seats: 2 })

  it('is refused if its rules change with the time', () => {
    expect(load(clockArtifact.bytecode as Hex))
      .to.throw(ImpureAppError, 'uses TIMESTAMP')
      .with.property('code', 'IMPURE_APP')
  })

  it('is refused if its constructor looks around', () => {
    // TIMESTAMP, then returns one byte of code.
    expect(load('0x425f5260015ff3')).to.throw(ImpureAppError, 'uses TIMESTAMP')
  })

  it('is refused if nobody could deploy it', () => {
    const cases: readonly (readonly [Hex, string])[] = [
      [nimCode(0), 'The constructor of the app fails'],
      ['0x', '0 bytes are no code'],
      ['0x60ef5f5360015ff3', '1 bytes are no code'],
      ['0x6160015ff3', '24577 bytes are no code'],
      [`0x${'00'.repeat(49_153)}`, '49153 bytes of init code are more than 49152'],
    ]
    for (const [code, message] of cases)
      expect(load(code), code.slice(0, 20)).to.throw(InvalidAppError, message).with.property('code', 'INVALID_APP')
  })

  it('is refused with a number of seats that the arbiter does not know', () => {
    for (const seats of [1, 17, 2.5, Number.NaN])
      expect(() => evmRules(hostileCode, { seats })).to.throw(InvalidAppError, `2 to 16 seats, not ${seats}`)
  })
})

describe('A state that the arbiter would not take', () => {
  it('is refused, whatever is asked about it', () => {
    const state = new Uint8Array(8_193)
    const questions = [() => nim.turn(state), () => nim.outcome(state), () => nim.advance(state, take(1))]
    for (const question of questions)
      expect(question)
        .to.throw(AppStateError, '8193 bytes is longer than 8192')
        .with.property('code', 'INVALID_APP_STATE')
  })
})
