// The twin of contracts/apps/TicTacToe.sol.

/** Row by row; 0: empty, 1: of seat 0, 2: of seat 1. */
export interface State {
  readonly board: readonly number[]
}

export interface Move {
  readonly cell: number
}

const ONE = 10n ** 18n
const LINES = [
  [0, 1, 2],
  [3, 4, 5],
  [6, 7, 8],
  [0, 3, 6],
  [1, 4, 7],
  [2, 5, 8],
  [0, 4, 8],
  [2, 4, 6],
] as const

export const opening: State = { board: Array(9).fill(0) }

/** The seat whose move it is; undefined: over. */
export function turn({ board }: State): number | undefined {
  const moves = board.filter((mark) => mark !== 0).length
  return moves === 9 || winner(board) !== undefined ? undefined : moves % 2
}

/** The state after a move. Throws if it is illegal. */
export function advance(state: State, { cell }: Move): State {
  const seat = turn(state)
  if (seat === undefined) throw new Error('Over')
  if (cell > 8) throw new Error('NoSuchCell')
  if (state.board[cell] !== 0) throw new Error('CellTaken')
  return { board: state.board.with(cell, seat + 1) }
}

/** What each seat gets, in parts of 1e18. */
export function outcome(state: State): readonly bigint[] {
  const won = winner(state.board)
  if (won !== undefined) return won === 0 ? [ONE, 0n] : [0n, ONE]
  const silent = turn(state)
  if (silent === undefined) return [ONE / 2n, ONE / 2n]
  return silent === 0 ? [0n, ONE] : [ONE, 0n]
}

function winner(board: readonly number[]): number | undefined {
  const line = LINES.find(([a, b, c]) => board[a] === board[b] && board[a] === board[c] && isMark(board[a]))
  return line && board[line[0]]! - 1
}

const isMark = (mark: number | undefined): boolean => mark === 1 || mark === 2
