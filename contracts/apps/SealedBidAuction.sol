// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../interfaces/IApp.sol";

/// @title A sealed-bid auction of 1 to 8 bidders, at the highest or the second highest price
/// @notice A seat has one value, but the seller gets something else from each bidder. So the seller holds a seat for each of them: of M bidders,
/// seats 0 to M - 1 are the seller's, where it is paid, and seat M + k is bidder k, which pays seat k. Only bidders move.
/// First all bidders commit to bids, in order, then all reveal them in order. The highest bid wins, of equal ones that of the lowest seat. A bid
/// of zero, or below the reserve, is none.
/// Money: every bidder k locks the same amount to seat k by its key, so that locks tell nothing about bids; bids are parts of it. If the
/// lot is an asset, the seller locks it to each seat M + k by that seat's key. All values together are 1e18 at most, so the lot is
/// only `lot` parts of what the seller locks, and bids go up to the other parts: with a half, both sides lock twice the most that they may lose.
/// With a lot of zero a bidder may bid all that it locks, and is handed the lot elsewhere.
/// Who does not reveal pays all that it has locked, and nothing is sold: reading the bids of others and then not revealing never pays.
/// At `endBy` that is the bidder on turn, even if others have used up the time: leave a budget for each bidder.
/// While bids are still sealed nobody has learned anything: who does not commit calls the auction off, and nobody pays.
/// The commitment is `keccak256(abi.encode(seat, bid, salt))`, the salt 32 random bytes, new for each auction. The seat is in it so that nobody
/// can copy the commitment of another seat and open it with what that one reveals: a seller's copy would raise a second price.
contract SealedBidAuction is IApp {
    uint256 private constant ONE = 1e18;
    uint256 private constant NOBODY = type(uint256).max;
    uint256 private constant MAX_BIDDERS = 8;

    /// @param bidders How many there are.
    /// @param secondPrice The winner pays the second highest bid, or the reserve if that is higher.
    /// @param lot What the winner gets, in parts of what the seller has locked to it.
    /// @param reserve The least bid that can win, in parts of what a bidder has locked.
    /// @param commitments Of the bidders that have committed themselves, in order.
    /// @param bids Of the bidders that have revealed them, in order.
    struct State {
        uint8 bidders;
        bool secondPrice;
        uint64 lot;
        uint64 reserve;
        bytes32[] commitments;
        uint64[] bids;
    }

    /// @notice First: `commitment`; later: `bid` and `salt`. The other fields are not read.
    struct Move {
        bytes32 commitment;
        uint64 bid;
        bytes32 salt;
    }

    error Over();
    /// @notice No bidders or too many, a lot of more than all, a reserve that nobody may bid, or lists that do not belong to that.
    error BadTerms();
    error WrongCommitment(bytes32 expected, bytes32 actual);
    error BidTooHigh(uint256 bid, uint256 max);

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
        if (next.commitments.length < next.bidders) {
            next.commitments = _with(next.commitments, one.commitment);
        } else {
            _requireOpened(next.commitments[next.bids.length], seat, one);
            require(one.bid <= ONE - next.lot, BidTooHigh(one.bid, ONE - next.lot));
            next.bids = _with(next.bids, one.bid);
        }
        return abi.encode(next);
    }

    /// @inheritdoc IApp
    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        State memory last = _read(state);
        values = new uint256[](2 * last.bidders);
        if (last.commitments.length < last.bidders) return values;
        if (last.bids.length < last.bidders) {
            values[last.bids.length] = ONE;
            return values;
        }
        (uint256 winner, uint256 price) = _result(last);
        if (winner == NOBODY) return values;
        (values[winner], values[last.bidders + winner]) = (price, last.lot);
    }

    /// @dev Terms that nobody should have agreed to have no turn and no outcome, so that all stakes go back.
    function _read(bytes calldata state) private pure returns (State memory read) {
        read = abi.decode(state, (State));
        uint256 committed = read.commitments.length;
        uint256 revealed = read.bids.length;
        bool good = read.bidders != 0 && read.bidders <= MAX_BIDDERS && uint256(read.lot) + read.reserve <= ONE;
        good = good && committed <= read.bidders && (revealed == 0 || committed == read.bidders);
        require(good && revealed <= read.bidders, BadTerms());
        for (uint256 i; i < revealed; ++i) {
            require(uint256(read.lot) + read.bids[i] <= ONE, BadTerms());
        }
    }

    function _turn(State memory state) private pure returns (uint256) {
        uint256 bidders = state.bidders;
        if (state.commitments.length < bidders) return bidders + state.commitments.length;
        return state.bids.length < bidders ? bidders + state.bids.length : NOBODY;
    }

    function _requireOpened(bytes32 expected, uint256 seat, Move memory one) private pure {
        bytes32 actual = keccak256(abi.encode(seat, one.bid, one.salt));
        require(actual == expected, WrongCommitment(expected, actual));
    }

    function _result(State memory last) private pure returns (uint256 winner, uint256 price) {
        winner = NOBODY;
        uint256 first;
        uint256 second = last.reserve;
        for (uint256 i; i < last.bids.length; ++i) {
            uint256 bid = last.bids[i];
            if (bid < last.reserve || bid == 0) continue;
            if (bid > first) {
                if (first > second) second = first;
                (winner, first) = (i, bid);
            } else if (bid > second) {
                second = bid;
            }
        }
        price = last.secondPrice ? second : first;
    }

    function _with(bytes32[] memory list, bytes32 one) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = one;
    }

    function _with(uint64[] memory list, uint64 one) private pure returns (uint64[] memory longer) {
        longer = new uint64[](list.length + 1);
        for (uint256 i; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = one;
    }
}
