import { expect } from 'chai'
import fc from 'fast-check'
import { defineApp } from '../../../sdk/apps/define-app.ts'
import { AppStateError } from '../../../sdk/apps/rules.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import { checkTwin, type Difference, TwinDiffersError } from '../../../sdk/testing/index.ts'
import { heap, type NimTwin, nimAbi, nimArtifact, nimTwin, take } from '../apps/toys.ts'

const app = (change: Partial<NimTwin>) =>
  defineApp({ abi: nimAbi, bytecode: nimArtifact.bytecode, args: [3n], twin: { ...nimTwin, ...change } })

const check = {
  seats: 2,
  openings: fc.record({ heap: fc.nat(30), seat: fc.nat(1), moves: fc.constant(0) }),
  moves: () => fc.record({ take: fc.nat(4) }),
  seed: 20_260_704,
}

function difference(change: Partial<NimTwin>): Difference {
  try {
    checkTwin(app(change), check)
  } catch (error) {
    if (error instanceof TwinDiffersError) return error.difference
    throw error
  }
  throw new Error('No difference was found.')
}

describe('The check of a twin', () => {
  it('passes one that says what the code says', () => {
    checkTwin(app({}), check)
  })

  it('finds the shortest game in which a twin makes another state', () => {
    const forgetful = difference({
      advance: (state, move) => {
        const next = nimTwin.advance(state, move)
        return next.moves === 3 ? { ...next, moves: 2 } : next
      },
    })
    expect(forgetful).to.include({ question: 'advance', twin: toHex(heap(0, 1, 2)), code: toHex(heap(0, 1, 3)) })
    expect(forgetful.moves).to.deep.equal(Array(3).fill(toHex(take(1))))
  })

  it('finds a move that one of the two refuses', () => {
    const generous = difference({
      advance: ({ heap, seat, moves }, { take }) => ({
        heap: Math.max(heap - take, 0),
        seat: 1 - seat,
        moves: moves + 1,
      }),
    })
    expect(generous).to.include({ question: 'advance', code: 'illegal' })
    expect(generous.moves).to.have.length(1)
    const timid = difference({
      advance: (state, move) => {
        if (move.take === 3) throw new Error('too much')
        return nimTwin.advance(state, move)
      },
    })
    expect(timid).to.include({ twin: 'illegal', code: toHex(heap(0, 1, 1)) })
    expect(timid.moves).to.deep.equal([toHex(take(3))])
  })

  it('finds another turn and another outcome', () => {
    const endless = difference({ turn: ({ seat }) => seat })
    expect(endless).to.include({ question: 'turn', twin: '0', code: 'over' })
    expect(endless.moves).to.deep.equal([])
    const unfair = difference({ outcome: () => [0n, 0n] })
    expect(unfair).to.include({ question: 'outcome', twin: '0, 0', code: `0, ${10n ** 18n}` })
  })

  it('says where the two differ, and how to see it again', () => {
    expect(() => checkTwin(app({ turn: () => 1 }), check))
      .to.throw(
        TwinDiffersError,
        /^Of turn the twin says "1" and the code "over", about state 0x0+, after moves \[\]\. .*seed 20260704/,
      )
      .with.property('code', 'TWIN_DIFFERS')
  })

  it('needs a twin, and openings that are states', () => {
    const { bytecode } = nimArtifact
    expect(() => checkTwin(defineApp({ abi: nimAbi, bytecode, args: [3n] }), check)).to.throw('no twin')
    const openings = fc.constant({ heap: -1, seat: 0, moves: 0 })
    expect(() => checkTwin(app({}), { ...check, openings })).to.throw(AppStateError)
  })
})
