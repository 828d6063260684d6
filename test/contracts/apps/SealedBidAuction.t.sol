// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {SealedBidAuction} from "../../../contracts/apps/SealedBidAuction.sol";
import {RulesBase} from "./RulesBase.sol";

contract SealedBidAuctionTest is RulesBase {
    uint64 private constant LOT = 0.5e18;
    uint64 private constant RESERVE = 10;
    uint256 private constant MOST = 8;

    function name() internal pure override returns (string memory) {
        return "SealedBidAuction";
    }

    function opening() internal pure override returns (bytes memory) {
        return terms(3, false);
    }

    function terms(uint256 bidders, bool secondPrice) private pure returns (bytes memory) {
        return
            abi.encode(
                SealedBidAuction.State(uint8(bidders), secondPrice, LOT, RESERVE, new bytes32[](0), new uint64[](0))
            );
    }

    function salt(uint256 seat) private pure returns (bytes32) {
        return keccak256(abi.encode("salt", seat));
    }

    function hash(uint256 seat, uint256 bid) private pure returns (bytes32) {
        return keccak256(abi.encode(seat, bid, salt(seat)));
    }

    function commit(bytes32 commitment) private pure returns (bytes memory) {
        return abi.encode(SealedBidAuction.Move(commitment, 0, 0));
    }

    function reveal(uint256 seat, uint256 bid) private pure returns (bytes memory) {
        return abi.encode(0, bid, salt(seat));
    }

    function commitAll(uint256[] memory bids, bool secondPrice) private view returns (bytes memory state) {
        state = terms(bids.length, secondPrice);
        for (uint256 i; i < bids.length; ++i) {
            uint256 seat = bids.length + i;
            state = play(state, seat, commit(hash(seat, bids[i])));
        }
    }

    function auction(uint256[] memory bids, bool secondPrice) private view returns (bytes memory state) {
        state = commitAll(bids, secondPrice);
        for (uint256 i; i < bids.length; ++i) {
            state = play(state, bids.length + i, reveal(bids.length + i, bids[i]));
        }
    }

    /// @notice The winner pays the seller's seat for it, and gets the lot; all the others pay and get nothing.
    function sells(bytes memory state, uint256 bidders, uint256 winner, uint256 price) private {
        uint256[] memory expected = new uint256[](2 * bidders);
        (expected[winner], expected[bidders + winner]) = (price, LOT);
        gives(state, expected);
        isOver(state, reveal(bidders, 0), SealedBidAuction.Over.selector);
    }

    function sellsNothing(bytes memory state, uint256 bidders) private view {
        gives(state, new uint256[](2 * bidders));
    }

    function test_TheHighestBidWins() external {
        sells(auction(list(20, 50, 30), false), 3, 1, 50);
        sells(auction(list(50, 20, 30), true), 3, 0, 30);
        sells(auction(list(20, 30, 50), true), 3, 2, 30);
    }

    /// @notice Equal bids are that of the lowest seat, at the price that both have bid.
    function test_OfEqualBidsTheLowestSeatWins() external {
        sells(auction(list(20, 50, 50), false), 3, 1, 50);
        sells(auction(list(20, 50, 50), true), 3, 1, 50);
    }

    /// @notice Where no other bid is as high, the second price is the reserve.
    function test_TheSecondPriceIsAtLeastTheReserve() external {
        sells(auction(list(5, 50, 9), true), 3, 1, RESERVE);
        sells(auction(list(10, 0, 9), false), 3, 0, RESERVE);
    }

    function test_BidsBelowTheReserveBuyNothing() external {
        bytes memory state = auction(list(9, 0, 5), false);
        isOver(state, reveal(3, 9), SealedBidAuction.Over.selector);
        sellsNothing(state, 3);
    }

    /// @notice Zero is no bid, even without a reserve.
    function test_ABidOfZeroBuysNothing() external view {
        bytes32[] memory commitments = new bytes32[](2);
        sellsNothing(abi.encode(SealedBidAuction.State(2, false, LOT, 0, commitments, new uint64[](2))), 2);
    }

    /// @notice Nobody has learned anything while bids are sealed: silence calls the auction off.
    function test_WhoDoesNotCommitCallsItOff() external view {
        sellsNothing(opening(), 3);
        sellsNothing(play(opening(), 3, commit(hash(3, 50))), 3);
    }

    /// @notice Who does not reveal pays all, to the seller alone, whatever was revealed before.
    function test_WhoDoesNotRevealPaysAllThatItHasLocked() external view {
        bytes memory state = commitAll(list(20, 50, 30), false);
        uint256[] memory expected = new uint256[](6);
        expected[0] = ONE;
        gives(state, expected);
        (expected[0], expected[1]) = (0, ONE);
        gives(play(state, 3, reveal(3, 20)), expected);
    }

    function testFuzz_RefusesAnotherBidThanCommitted(uint64 bid, uint64 other) external {
        if (bid == other) return;
        bytes memory state = commitAll(list(bid, 50, 30), false);
        bytes memory reason = abi.encodeWithSelector(
            SealedBidAuction.WrongCommitment.selector,
            hash(3, bid),
            hash(3, other)
        );
        refuses(state, reveal(3, other), reason);
    }

    /// @notice What was copied from another seat cannot be opened with what that one has revealed.
    function test_RefusesToOpenACopiedCommitment() external {
        bytes memory state = play(opening(), 3, commit(hash(3, 50)));
        state = play(play(state, 4, commit(hash(3, 50))), 5, commit(hash(5, 30)));
        state = play(state, 3, reveal(3, 50));
        vm.expectPartialRevert(SealedBidAuction.WrongCommitment.selector);
        app.advance(state, reveal(3, 50));
    }

    function testFuzz_RefusesABidAboveWhatTheLotLeaves(uint64 bid) external {
        if (bid <= ONE - LOT) return;
        bytes memory reason = abi.encodeWithSelector(SealedBidAuction.BidTooHigh.selector, bid, ONE - LOT);
        refuses(commitAll(list(bid, 50, 30), false), reveal(3, bid), reason);
    }

    function test_BadTermsAreWorthless() external {
        bytes memory reason = abi.encodeWithSelector(SealedBidAuction.BadTerms.selector);
        isWorthless(terms(0, false), reason);
        isWorthless(terms(MOST + 1, false), reason);
        SealedBidAuction.State memory state = abi.decode(commitAll(list(20, 50, 30), false), (SealedBidAuction.State));
        state.reserve = uint64(ONE - LOT + 1);
        isWorthless(abi.encode(state), reason);
        (state.reserve, state.bids) = (0, new uint64[](4));
        isWorthless(abi.encode(state), reason);
        state.bids = new uint64[](1);
        state.bids[0] = uint64(ONE - LOT + 1);
        isWorthless(abi.encode(state), reason);
        (state.bids[0], state.commitments) = (0, new bytes32[](2));
        isWorthless(abi.encode(state), reason);
        (state.bids, state.commitments) = (new uint64[](0), new bytes32[](4));
        isWorthless(abi.encode(state), reason);
    }

    /// @notice Any bids of any number of bidders: one of the highest pays no more than it has bid, or nobody does.
    function testFuzz_TheWinnerPaysNoMoreThanItsBid(uint64[8] calldata seeds, uint256 bidders, bool second) external {
        bidders = 1 + (bidders % MOST);
        uint256[] memory bids = new uint256[](bidders);
        uint256 highest;
        for (uint256 i; i < bidders; ++i) {
            bids[i] = seeds[i] % (seeds[i] % 2 == 0 ? ONE - LOT + 1 : 40);
            if (bids[i] > highest) highest = bids[i];
        }
        bytes memory state = auction(bids, second);
        isOver(state, commit(0), SealedBidAuction.Over.selector);
        uint256[] memory values = valuesOf(state);
        for (uint256 i; i < bidders; ++i) {
            bool won = values[bidders + i] == LOT;
            vm.assertTrue(!won || bids[i] == highest, "won by the highest");
            vm.assertLe(values[i], won ? bids[i] : 0, "price");
            vm.assertTrue(won == (values[i] >= RESERVE), "paid and got");
        }
    }
}
