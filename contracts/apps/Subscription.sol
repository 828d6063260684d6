// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../interfaces/IApp.sol";

/// @title A price for each period, up to a number of periods: seat 0 pays, seat 1 serves
/// @notice There is no clock. The payer's move says up to which period it pays; the payee stops serving when that does not rise, and the payer
/// pays no period before it wants it. So neither risks more than one period, and silence costs nothing beyond what was paid.
/// Opening state: price and number of periods, none of them paid. Money: the payer locks the whole to seat 1 by its key.
contract Subscription is IApp {
    uint256 private constant ONE = 1e18;
    uint256 private constant PAYER = 0;
    uint256 private constant PAYEE = 1;
    uint256 private constant NOBODY = type(uint256).max;

    /// @param price Of a period, in parts of what is locked.
    /// @param periods How many there are at most.
    /// @param paid How many are paid.
    /// @param ended By the payer.
    struct State {
        uint64 price;
        uint32 periods;
        uint32 paid;
        bool ended;
    }

    /// @param paid How many periods are paid with this move.
    /// @param last No more are wanted.
    struct Move {
        uint32 paid;
        bool last;
    }

    error Over();
    /// @notice All periods would cost more than is locked, or more are paid than there are.
    error BadTerms(uint256 price, uint256 periods, uint256 paid);
    error TooManyPeriods(uint256 paid, uint256 periods);
    /// @notice A move pays a further period, unless it is the last one.
    error NothingPaid(uint256 paid, uint256 before);

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
        require(_turn(next) != NOBODY, Over());
        require(one.paid <= next.periods, TooManyPeriods(one.paid, next.periods));
        bool more = one.last ? one.paid >= next.paid : one.paid > next.paid;
        require(more, NothingPaid(one.paid, next.paid));
        (next.paid, next.ended) = (one.paid, one.last);
        return abi.encode(next);
    }

    /// @inheritdoc IApp
    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        State memory last = _read(state);
        values = new uint256[](2);
        values[PAYEE] = uint256(last.price) * last.paid;
    }

    /// @dev Terms that nobody should have agreed to have no turn and no outcome, so that all stakes go back.
    function _read(bytes calldata state) private pure returns (State memory read) {
        read = abi.decode(state, (State));
        bool good = uint256(read.price) * read.periods <= ONE && read.paid <= read.periods;
        require(good, BadTerms(read.price, read.periods, read.paid));
    }

    function _turn(State memory state) private pure returns (uint256) {
        return state.ended || state.paid == state.periods ? NOBODY : PAYER;
    }
}
