// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../interfaces/IApp.sol";

/// @title Three in a row
/// @notice Seat 0 begins. A row of three wins all, a full board without one is half and half. Whoever does not move has lost.
/// Opening state: an empty board. Money: each seat locks its stake to the other by the other's key.
contract TicTacToe is IApp {
    uint256 private constant ONE = 1e18;
    uint256 private constant NOBODY = type(uint256).max;
    uint256 private constant CELLS = 9;
    /// @dev Each row, column and diagonal as three cells.
    bytes private constant LINES = hex"000102030405060708000306010407020508000408020406";

    /// @param board Row by row; 0: empty, 1: of seat 0, 2: of seat 1.
    struct State {
        uint8[9] board;
    }

    struct Move {
        uint8 cell;
    }

    error Over();
    error NoSuchCell(uint256 cell);
    error CellTaken(uint256 cell);

    /// @notice Never called: it puts both types into the ABI.
    function types(State calldata state, Move calldata move) external pure {}

    /// @inheritdoc IApp
    function turn(bytes calldata state) external pure returns (uint256) {
        return _turn(abi.decode(state, (State)).board);
    }

    /// @inheritdoc IApp
    function advance(bytes calldata state, bytes calldata move) external pure returns (bytes memory) {
        State memory next = abi.decode(state, (State));
        uint256 cell = abi.decode(move, (Move)).cell;
        uint256 seat = _turn(next.board);
        require(seat != NOBODY, Over());
        require(cell < CELLS, NoSuchCell(cell));
        require(next.board[cell] == 0, CellTaken(cell));
        next.board[cell] = uint8(seat + 1);
        return abi.encode(next);
    }

    /// @inheritdoc IApp
    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        uint8[9] memory board = abi.decode(state, (State)).board;
        values = new uint256[](2);
        uint256 winner = _winner(board);
        uint256 seat = _turn(board);
        if (winner != NOBODY) values[winner] = ONE;
        else if (seat == NOBODY) (values[0], values[1]) = (ONE / 2, ONE / 2);
        else values[1 - seat] = ONE;
    }

    /// @dev Counted, not kept: a turn in the state could disagree with the board.
    function _turn(uint8[9] memory board) private pure returns (uint256) {
        uint256 moves;
        for (uint256 i; i < CELLS; ++i) {
            if (board[i] != 0) ++moves;
        }
        return moves == CELLS || _winner(board) != NOBODY ? NOBODY : moves % 2;
    }

    function _winner(uint8[9] memory board) private pure returns (uint256) {
        bytes memory lines = LINES;
        for (uint256 i; i < lines.length; i += 3) {
            uint256 mark = board[uint8(lines[i])];
            bool row = mark == board[uint8(lines[i + 1])] && mark == board[uint8(lines[i + 2])];
            if (row && (mark == 1 || mark == 2)) return mark - 1;
        }
        return NOBODY;
    }
}
