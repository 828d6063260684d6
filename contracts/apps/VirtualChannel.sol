// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../interfaces/IApp.sol";

/// @title A channel without deposits of its own, between two that need not share a real one
/// @notice The seat on turn pays the other one any number of times, and hands over the turn when it has nothing more to pay. Payer and
/// payee that never change places make a channel of one direction.
/// Nobody can be hurt by silence: what was paid stays paid. So the outcome is what the seats owe each other by now, whoever is on turn.
/// Opening state: nothing is owed, and the payer's turn. Money: each seat locks to the other, by the other's key, the most that it may
/// come to owe.
contract VirtualChannel is IApp {
    uint256 private constant ONE = 1e18;
    uint256 private constant NOBODY = type(uint256).max;
    /// @dev Whose turn it is once the channel has ended.
    uint256 private constant ENDED = 2;

    /// @param owed By seat 0 to seat 1, in parts of what seat 0 has locked; negative: by seat 1, of what that has locked.
    /// @param turn A seat; 2: the channel has ended.
    struct State {
        int64 owed;
        uint8 turn;
    }

    /// @param amount Paid to the other seat.
    /// @param turn Who is to move next; 2 ends the channel.
    struct Move {
        uint64 amount;
        uint8 turn;
    }

    error Over();
    error NoSuchTurn(uint256 turn);
    /// @notice More than is locked would be owed.
    error MoreThanLocked(uint256 owed, uint256 max);

    /// @notice Never called: it puts both types into the ABI.
    function types(State calldata state, Move calldata move) external pure {}

    /// @inheritdoc IApp
    function turn(bytes calldata state) external pure returns (uint256) {
        return _turn(_read(state));
    }

    /// @inheritdoc IApp
    function advance(bytes calldata state, bytes calldata move) external pure returns (bytes memory) {
        State memory next = _read(state);
        Move memory one = abi.decode(move, (Move));
        uint256 seat = _turn(next);
        require(seat != NOBODY, Over());
        int256 amount = int256(uint256(one.amount));
        int256 owed = seat == 0 ? next.owed + amount : next.owed - amount;
        _check(owed, one.turn);
        (next.owed, next.turn) = (int64(owed), one.turn);
        return abi.encode(next);
    }

    /// @inheritdoc IApp
    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        int256 owed = _read(state).owed;
        values = new uint256[](2);
        if (owed > 0) values[1] = uint256(owed);
        else values[0] = uint256(-owed);
    }

    /// @dev What nobody should have agreed to has no turn and no outcome, so that all stakes go back.
    function _read(bytes calldata state) private pure returns (State memory read) {
        read = abi.decode(state, (State));
        _check(read.owed, read.turn);
    }

    function _check(int256 owed, uint256 next) private pure {
        uint256 size = uint256(owed < 0 ? -owed : owed);
        require(size <= ONE, MoreThanLocked(size, ONE));
        require(next <= ENDED, NoSuchTurn(next));
    }

    function _turn(State memory state) private pure returns (uint256) {
        return state.turn == ENDED ? NOBODY : state.turn;
    }
}
