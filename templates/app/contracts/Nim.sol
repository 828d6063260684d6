// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "tallystick/contracts/interfaces/IApp.sol";

/// @title Nim
/// @notice Two seats take one to three matches in turn; who takes the last one wins. Whoever does not move has lost.
/// Money: each seat locks its stake to the other by the other's key.
contract Nim is IApp {
    uint256 private constant ONE = 1e18;
    uint256 private constant MOST = 3;
    uint256 private constant SEATS = 2;

    /// @param heap Matches that are left.
    /// @param seat Whose turn it is.
    struct State {
        uint16 heap;
        uint8 seat;
    }

    struct Move {
        uint16 take;
    }

    error CannotTake(uint256 take, uint256 heap);

    /// @notice Never called: it puts both types into the ABI.
    function types(State calldata state, Move calldata move) external pure {}

    /// @inheritdoc IApp
    function turn(bytes calldata state) external pure returns (uint256) {
        State memory s = abi.decode(state, (State));
        return s.heap == 0 ? SEATS : s.seat;
    }

    /// @inheritdoc IApp
    function advance(bytes calldata state, bytes calldata move) external pure returns (bytes memory) {
        State memory s = abi.decode(state, (State));
        uint16 take = abi.decode(move, (Move)).take;
        require(take > 0 && take <= MOST && take <= s.heap, CannotTake(take, s.heap));
        return abi.encode(State(s.heap - take, s.seat == 0 ? 1 : 0));
    }

    /// @inheritdoc IApp
    /// @dev Whoever is on turn has lost: the other took the last match, or this seat is silent.
    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        values = new uint256[](SEATS);
        values[abi.decode(state, (State)).seat == 0 ? 1 : 0] = ONE;
    }
}
