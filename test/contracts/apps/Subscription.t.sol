// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Subscription} from "../../../contracts/apps/Subscription.sol";
import {RulesBase} from "./RulesBase.sol";

contract SubscriptionTest is RulesBase {
    uint64 private constant PRICE = 0.1e18;

    function name() internal pure override returns (string memory) {
        return "Subscription";
    }

    function opening() internal pure override returns (bytes memory) {
        return abi.encode(Subscription.State(PRICE, 10, 0, false));
    }

    function pay(uint32 paid, bool last) private pure returns (bytes memory) {
        return abi.encode(Subscription.Move(paid, last));
    }

    function test_ThePayerRaisesWhatIsPaidUntilAllIs() external {
        bytes memory state = play(opening(), 0, pay(1, false));
        gives(state, [uint256(0), PRICE]);
        state = play(state, 0, pay(4, false));
        gives(state, [uint256(0), 4 * PRICE]);
        state = play(state, 0, pay(10, false));
        gives(state, [uint256(0), ONE]);
        isOver(state, pay(10, true), Subscription.Over.selector);
    }

    function test_ThePayerEndsItWithOrWithoutAFurtherPeriod() external {
        bytes memory state = play(opening(), 0, pay(2, false));
        bytes memory ended = play(state, 0, pay(2, true));
        isOver(ended, pay(3, false), Subscription.Over.selector);
        gives(ended, [uint256(0), 2 * PRICE]);
        ended = play(state, 0, pay(3, true));
        isOver(ended, pay(4, false), Subscription.Over.selector);
        gives(ended, [uint256(0), 3 * PRICE]);
    }

    function test_RefusesMorePeriodsThanThereAre() external {
        refuses(opening(), pay(11, false), abi.encodeWithSelector(Subscription.TooManyPeriods.selector, 11, 10));
    }

    function test_RefusesToPayNothingOrLessThanBefore() external {
        bytes memory state = play(opening(), 0, pay(2, false));
        bytes4 reason = Subscription.NothingPaid.selector;
        refuses(state, pay(2, false), abi.encodeWithSelector(reason, 2, 2));
        refuses(state, pay(1, false), abi.encodeWithSelector(reason, 1, 2));
        refuses(state, pay(1, true), abi.encodeWithSelector(reason, 1, 2));
    }

    /// @notice Terms that cost more than all, and more paid than there is, are worth nothing.
    function testFuzz_BadTermsAreWorthless(uint64 price, uint32 periods, uint32 paid) external {
        if (uint256(price) * periods <= ONE && paid <= periods) return;
        bytes memory reason = abi.encodeWithSelector(Subscription.BadTerms.selector, price, periods, paid);
        isWorthless(abi.encode(Subscription.State(price, periods, paid, false)), reason);
    }

    /// @notice What is paid only rises, by any moves, and is never more than all.
    function testFuzz_WhatIsPaidOnlyRises(uint64 price, uint32[8] calldata paid) external view {
        price %= uint64(ONE / 1000);
        bytes memory state = abi.encode(Subscription.State(price, 1000, 0, false));
        uint256 before;
        for (uint256 i; i < 8; ++i) {
            uint32 next = paid[i] % 1001;
            if (next <= before || before == 1000) continue;
            state = play(state, 0, pay(next, false));
            gives(state, [uint256(0), uint256(price) * next]);
            before = next;
        }
    }
}
