import { expect } from 'chai'
import fc from 'fast-check'
import { artifacts } from 'hardhat'
import { defineApp } from '../../../sdk/apps/define-app.ts'
import { IllegalMoveError } from '../../../sdk/apps/rules.ts'
import type { Twin } from '../../../sdk/apps/twin.ts'
import { checkTwin, TwinDiffersError } from '../../../sdk/testing/index.ts'

// An app as its author would test it: played by its code, and by a twin.

type Board = readonly number[]
interface State {
  readonly board: Board
}
interface Move {
  readonly cell: number
}

const HALF = 5n * 10n ** 17n
const LINES = ['012', '345', '678', '036', '147', '258', '048', '246'].map((line) => [...line].map(Number))
const empty: Board = Array(9).fill(0)

const winnerOf = (board: Board): number | undefined => {
  const line = LINES.find(([a, b, c]) => board[a!] !== 0 && board[a!] === board[b!] && board[a!] === board[c!])
  return line && board[line[0]!]! - 1
}
const turnOf = (board: Board): number | undefined => {
  const moves = board.filter((cell) => cell !== 0).length
  return moves === 9 || winnerOf(board) !== undefined ? undefined : moves % 2
}

const twin: Twin<State, Move> = {
  turn: ({ board }) => turnOf(board),
  advance: ({ board }, { cell }) => {
    if (board[cell] !== 0) throw new Error('no such cell, or taken')
    return { board: board.with(cell, turnOf(board)! + 1) }
  },
  outcome: ({ board }) => {
    const silent = turnOf(board)
    const winner = winnerOf(board) ?? (silent === undefined ? undefined : 1 - silent)
    return [0, 1].map((seat) => (winner === undefined ? HALF : seat === winner ? 2n * HALF : 0n))
  },
}

const { abi, bytecode } = await artifacts.readArtifact('TicTacToe')
const ticTacToe = (change: Partial<Twin<State, Move>> = {}) =>
  defineApp({ abi: abi as readonly unknown[], bytecode, twin: { ...twin, ...change } as Twin<unknown, unknown> })

/** The states after each move of a game. */
function play(cells: readonly number[]): Uint8Array[] {
  const app = ticTacToe()
  const states = [app.encodeState({ board: empty })]
  for (const cell of cells) states.push(app.codeRules(2).advance(states.at(-1)!, app.encodeMove({ cell })))
  return states
}

const games = {
  seats: 2,
  openings: fc.constant({ board: empty }),
  moves: () => fc.record({ cell: fc.nat(9) }),
  runs: 40,
  seed: 20_260_705,
}

describe('Tic-tac-toe in the SDK', () => {
  it('is played to a win and to a draw by its code', () => {
    const rules = ticTacToe().codeRules(2)
    const won = play([0, 3, 1, 4, 2])
    expect(won.map((state) => rules.turn(state))).to.deep.equal([0, 1, 0, 1, 0, undefined])
    expect(rules.outcome(won.at(-1)!)).to.deep.equal([2n * HALF, 0n])
    const drawn = play([4, 0, 2, 6, 3, 5, 1, 7, 8]).at(-1)!
    expect([rules.turn(drawn), rules.outcome(drawn)]).to.deep.equal([undefined, [HALF, HALF]])
  })

  it('says which cell is taken', () => {
    const [, state] = play([4])
    const app = ticTacToe()
    const again = app.encodeMove({ cell: 4 })
    expect(() => app.rules(2).advance(state!, again))
      .to.throw(IllegalMoveError)
      .with.property('reason', 'CellTaken(4)')
  })

  it('has a twin that plays as its code does', () => {
    checkTwin(ticTacToe(), games)
  })

  it('has no twin that forgets a diagonal', () => {
    const forgetful: Partial<Twin<State, Move>> = {
      turn: ({ board }) =>
        winnerOf(board) !== undefined && board[2] === board[4] ? board.filter(Boolean).length % 2 : turnOf(board),
    }
    expect(() => checkTwin(ticTacToe(forgetful), games)).to.throw(TwinDiffersError, 'the code "over"')
  })
})
