import { concatBytes } from '@noble/hashes/utils.js'
import { expect } from 'chai'
import { defineApp } from '../../../sdk/apps/define-app.ts'
import { AppStateError, IllegalMoveError, InvalidAppError } from '../../../sdk/apps/rules.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import {
  clockArtifact,
  heap,
  hostileArtifact,
  type NimTwin,
  nimAbi,
  nimArtifact,
  nimCode,
  nimTwin,
  take,
} from './toys.ts'

const [abi, { bytecode }] = [nimAbi, nimArtifact]
const nim = defineApp({ abi, bytecode, args: [3n] })
const WHOLE = 10n ** 18n

describe('An app with typed states and moves', () => {
  it('is played by values', () => {
    const state = nim.encodeState({ heap: 3, seat: 1, moves: 4 })
    const next = nim.rules(2).advance(state, nim.encodeMove({ take: 3 }))
    const { heap, seat, moves } = nim.decodeState(next)
    expect([heap, seat, moves] satisfies number[]).to.deep.equal([0, 0, 5])
    expect(nim.rules(2).outcome(next)).to.deep.equal([0n, WHOLE])
  })

  it('encodes as Solidity does', () => {
    expect(toHex(nim.encodeState({ heap: 3, seat: 1, moves: 4 }))).to.equal(toHex(heap(3, 1, 4)))
    expect(toHex(nim.encodeMove({ take: 3 }))).to.equal(toHex(take(3)))
    expect(nim.decodeMove(take(2))).to.deep.equal({ take: 2 })
    expect(nim.initCode).to.equal(nimCode())
  })

  it('is played without types where the ABI has none', () => {
    const untyped = defineApp({ abi: nimArtifact.abi, bytecode, args: [3n] })
    const state = untyped.encodeState({ heap: 3, seat: 1, moves: 4 })
    expect(untyped.decodeState(state)).to.deep.equal({ heap: 3, seat: 1, moves: 4 })
  })

  it('refuses bytes that are no state, or not in the one form of it', () => {
    const state = heap(3, 1, 4)
    const dirty = state.with(29, 1)
    for (const bytes of [new Uint8Array(), state.slice(1), concatBytes(state, Uint8Array.of(0)), dirty.with(0, 1)])
      expect(() => nim.decodeState(bytes)).to.throw(AppStateError)
    expect(() => nim.decodeMove(take(1).slice(1))).to.throw(IllegalMoveError, 'not in the form of the app')
  })

  it('refuses values that do not fit', () => {
    expect(() => nim.encodeState({ heap: 2 ** 16, seat: 0, moves: 0 })).to.throw(AppStateError)
    expect(() => nim.encodeMove({ take: -1 })).to.throw(IllegalMoveError)
  })

  it('needs `types` in its ABI, real bytecode, and the arguments of its constructor', () => {
    const { abi: hostileAbi, bytecode: hostile } = hostileArtifact
    expect(() => defineApp({ abi: hostileAbi, bytecode: hostile })).to.throw(InvalidAppError, 'function types(')
    expect(() => defineApp({ abi, bytecode: '0x__$placeholder$__' })).to.throw(InvalidAppError, 'no hex')
    expect(() => defineApp({ abi, bytecode })).to.throw(InvalidAppError, 'arguments')
    expect(() => defineApp({ abi, bytecode, args: ['three'] })).to.throw(InvalidAppError, 'arguments')
    expect(() => defineApp({ abi, bytecode: clockArtifact.bytecode, args: [3n] })).to.throw('TIMESTAMP')
  })
})

const twinned = (change: Partial<NimTwin> = {}) =>
  defineApp({ abi, bytecode, args: [3n], twin: { ...nimTwin, ...change } })

describe('An app with a twin', () => {
  it('is played by it', () => {
    let asked = 0
    const counted: Partial<NimTwin> = {
      advance: (...args) => {
        asked++
        return nimTwin.advance(...args)
      },
    }
    const rules = twinned(counted).rules(2)
    expect(toHex(rules.advance(heap(5), take(2)))).to.equal(toHex(heap(3, 1, 1)))
    expect([rules.turn(heap(5, 1)), rules.turn(heap(0)), asked]).to.deep.equal([1, undefined, 1])
    expect(rules.outcome(heap(0, 1))).to.deep.equal([WHOLE, 0n])
  })

  it('gives the reason of the code where the twin refuses', () => {
    expect(() => twinned().rules(2).advance(heap(2), take(3))).to.throw(IllegalMoveError, 'TooMany(3, 2)')
    expect(() => twinned().twinRules(2)!.advance(heap(2), take(3))).to.throw(IllegalMoveError, 'no such move')
  })

  it('believes the code where a twin refuses what is legal', () => {
    const timid = twinned({
      advance: () => {
        throw new Error('never')
      },
    })
    expect(toHex(timid.rules(2).advance(heap(5), take(2)))).to.equal(toHex(heap(3, 1, 1)))
  })

  it('leaves bytes in another form than its own to the code', () => {
    const odd = concatBytes(heap(5), Uint8Array.of(1))
    const [rules, code] = [twinned().rules(2), twinned().codeRules(2)]
    expect(toHex(rules.advance(odd, take(2)))).to.equal(toHex(code.advance(odd, take(2))))
    expect([rules.turn(odd), rules.outcome(odd)]).to.deep.equal([0, [0n, WHOLE]])
    expect(() => rules.advance(heap(5), Uint8Array.of(1))).to.throw(IllegalMoveError)
  })

  it('judges what a twin says as the arbiter judges code', () => {
    const states: Partial<NimTwin>[] = [
      { turn: () => 2, outcome: () => [1n, WHOLE] },
      { turn: () => -1, outcome: () => [1n] },
      { turn: () => 0.5, outcome: () => [-1n, 1n] },
      {
        turn: () => {
          throw new Error('no idea')
        },
        outcome: () => {
          throw new Error('no idea')
        },
      },
    ]
    for (const change of states) {
      const rules = twinned(change).rules(2)
      expect([rules.turn(heap(5)), rules.outcome(heap(5))]).to.deep.equal([undefined, [0n, 0n]])
    }
    const overflowing = twinned({ advance: (state) => ({ ...state, heap: 2 ** 16 }) })
    expect(() => overflowing.twinRules(2)!.advance(heap(5), take(1))).to.throw(IllegalMoveError)
  })
})
