// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../interfaces/IApp.sol";

/// @title A sale with a referee: seat 0 buys, seat 1 sells, seat 2 is called if they disagree
/// @notice The buyer releases the price, or refuses it, or calls the referee at once. After a refusal the seller refunds the price, or calls the
/// referee. Who has been called divides it. A silent buyer has released, a silent seller has refunded, and for a silent referee the division
/// that the opening state names stands. A buyer who wants nothing yet just waits: its time runs only while the seller asks the chain.
/// Opening state: the buyer's turn, nothing decided, and that division. Money: the buyer locks the price to seat 1 by its key; the seller may
/// lock a bond to seat 0 by its key, of which the buyer gets the part that it gets back of the price.
/// Each phase may last a budget: who has to fear `endBy` goes to the chain three budgets before it.
contract Escrow is IApp {
    uint256 private constant ONE = 1e18;
    uint256 private constant BUYER = 0;
    uint256 private constant SELLER = 1;
    uint256 private constant REFEREE = 2;
    uint256 private constant DECIDED = 3;
    uint256 private constant NOBODY = type(uint256).max;

    enum Action {
        Release,
        Refuse,
        Refund,
        Call,
        Divide
    }

    /// @param turn A seat; 3: it is decided.
    /// @param toSeller What was decided, in parts of the price.
    /// @param fallbackToSeller What stands for a silent referee.
    struct State {
        uint8 turn;
        uint64 toSeller;
        uint64 fallbackToSeller;
    }

    /// @param toSeller Read of the referee only.
    struct Move {
        Action action;
        uint64 toSeller;
    }

    error Over();
    error NoSuchTurn(uint256 turn);
    error NotAllowed(uint256 seat, Action action);
    error MoreThanAll(uint256 value);

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
        require(_allowed(seat, one.action), NotAllowed(seat, one.action));
        if (one.action == Action.Refuse) next.turn = uint8(SELLER);
        else if (one.action == Action.Call) next.turn = uint8(REFEREE);
        else (next.turn, next.toSeller) = (uint8(DECIDED), _decision(one));
        return abi.encode(next);
    }

    /// @inheritdoc IApp
    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        State memory last = _read(state);
        values = new uint256[](3);
        values[SELLER] = _toSeller(last);
        values[BUYER] = ONE - values[SELLER];
    }

    /// @dev What nobody should have agreed to has no turn and no outcome, so that all stakes go back.
    function _read(bytes calldata state) private pure returns (State memory read) {
        read = abi.decode(state, (State));
        require(read.turn <= DECIDED, NoSuchTurn(read.turn));
        _requirePart(read.toSeller);
        _requirePart(read.fallbackToSeller);
    }

    function _requirePart(uint256 value) private pure {
        require(value <= ONE, MoreThanAll(value));
    }

    function _turn(State memory state) private pure returns (uint256) {
        return state.turn == DECIDED ? NOBODY : state.turn;
    }

    function _allowed(uint256 seat, Action action) private pure returns (bool) {
        if (seat == REFEREE) return action == Action.Divide;
        if (action == Action.Call) return true;
        return seat == BUYER ? action == Action.Release || action == Action.Refuse : action == Action.Refund;
    }

    function _decision(Move memory one) private pure returns (uint64) {
        if (one.action == Action.Release) return uint64(ONE);
        if (one.action == Action.Refund) return 0;
        _requirePart(one.toSeller);
        return one.toSeller;
    }

    function _toSeller(State memory last) private pure returns (uint256) {
        if (last.turn == BUYER) return ONE;
        if (last.turn == SELLER) return 0;
        return last.turn == REFEREE ? last.fallbackToSeller : last.toSeller;
    }
}
