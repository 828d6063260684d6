// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title The rules of an app: a deterministic state machine of N seats with no money of its own
/// @notice `state` and `move` are whatever the app encodes in them. Functions must give the same answer at every time, to every caller, with
/// any gas: no storage, no clock, no balances, no calls. An app that breaks this hurts the seats that agreed to it, and nobody else.
/// `turn` and `outcome` must answer for every state that `advance` leads to, or whoever is losing leads there: then all stakes go back.
/// @dev The arbiter asks with bounded gas (`IAppArbiter`). What it cannot make sense of is an illegal move, or an outcome of zero for every seat.
interface IApp {
    /// @notice The seat whose move it is, from 0; any number that is no seat: nobody moves any more.
    function turn(bytes calldata state) external view returns (uint256 seat);

    /// @notice The state after a move of the seat whose turn it is. Reverts if the move is illegal.
    function advance(bytes calldata state, bytes calldata move) external view returns (bytes memory next);

    /// @notice What each seat gets if this state is the last one, in parts of 1e18; together 1e18 at most.
    /// @dev While it is somebody's turn, that seat has been silent: this is the outcome on its time-out.
    function outcome(bytes calldata state) external view returns (uint256[] memory values);
}
