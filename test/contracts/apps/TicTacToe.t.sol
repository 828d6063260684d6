// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TicTacToe} from "../../../contracts/apps/TicTacToe.sol";
import {RulesBase} from "./RulesBase.sol";

contract TicTacToeTest is RulesBase {
    function name() internal pure override returns (string memory) {
        return "TicTacToe";
    }

    function opening() internal pure override returns (bytes memory) {
        TicTacToe.State memory state;
        return abi.encode(state);
    }

    function mark(uint256 cell) private pure returns (bytes memory) {
        return abi.encode(TicTacToe.Move(uint8(cell)));
    }

    /// @notice Plays all cells in turn, seat 0 first.
    function playAll(bytes memory cells) private view returns (bytes memory state) {
        state = opening();
        for (uint256 i; i < cells.length; ++i) {
            state = play(state, i % 2, mark(uint8(cells[i])));
        }
    }

    function test_PutsTheMarkOfTheSeatOnTurn() external view {
        TicTacToe.State memory state = abi.decode(playAll(hex"0408"), (TicTacToe.State));
        vm.assertEq(state.board[4], 1, "seat 0");
        vm.assertEq(state.board[8], 2, "seat 1");
        vm.assertEq(state.board[0], 0, "empty");
    }

    /// @notice Every row, column and diagonal wins, for either seat.
    function test_ThreeInARowWinAll() external {
        bytes memory lines = hex"000102030405060708000306010407020508000408020406";
        for (uint256 i; i < lines.length; i += 3) {
            for (uint8 seat; seat < 2; ++seat) {
                TicTacToe.State memory state;
                for (uint256 j; j < 3; ++j) {
                    state.board[uint8(lines[i + j])] = seat + 1;
                }
                gives(abi.encode(state), seat == 0 ? [ONE, 0] : [uint256(0), ONE]);
                isOver(abi.encode(state), mark(0), TicTacToe.Over.selector);
            }
        }
    }

    function test_AWholeGameIsWon() external {
        bytes memory state = playAll(hex"0004010802");
        isOver(state, mark(3), TicTacToe.Over.selector);
        gives(state, [ONE, 0]);
    }

    function test_AFullBoardIsHalfAndHalf() external {
        bytes memory state = playAll(hex"000102040305070608");
        isOver(state, mark(0), TicTacToe.Over.selector);
        gives(state, [ONE / 2, ONE / 2]);
    }

    /// @notice The last cell can still win.
    function test_AFullBoardWithARowIsWon() external view {
        gives(playAll(hex"000301040507060802"), [ONE, 0]);
    }

    function test_ASilentSeatLosesAll() external view {
        gives(opening(), [uint256(0), ONE]);
        gives(playAll(hex"04"), [ONE, 0]);
    }

    function testFuzz_RefusesACellThatIsNone(uint8 cell) external {
        if (cell < 9) return;
        refuses(opening(), mark(cell), abi.encodeWithSelector(TicTacToe.NoSuchCell.selector, cell));
    }

    function testFuzz_RefusesACellThatIsTaken(uint256 cell) external {
        cell %= 9;
        bytes memory state = play(opening(), 0, mark(cell));
        refuses(state, mark(cell), abi.encodeWithSelector(TicTacToe.CellTaken.selector, cell));
    }

    /// @notice Any game ends, with all of the value given, and takes no move after that.
    function testFuzz_EveryGameEnds(uint256 seed) external {
        bytes memory state = opening();
        for (uint256 i; turnOf(state) != NOBODY; ++i) {
            vm.assertLe(i, 8, "moves");
            uint8[9] memory board = abi.decode(state, (TicTacToe.State)).board;
            uint256 cell = uint256(keccak256(abi.encode(seed, i))) % 9;
            while (board[cell] != 0) cell = (cell + 1) % 9;
            state = play(state, i % 2, mark(cell));
        }
        isOver(state, mark(seed % 9), TicTacToe.Over.selector);
        uint256[] memory values = valuesOf(state);
        vm.assertEq(values[0] + values[1], ONE, "all of it");
    }
}
