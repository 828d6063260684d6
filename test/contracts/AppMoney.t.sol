// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../../contracts/interfaces/IApp.sol";
import {ArbiterBase, Game, Stand} from "./ArbiterBase.sol";
import {Ledger, List, State, Transfer} from "./Model.sol";
import {MoodyApp} from "./mocks/Apps.sol";

/// @title What an outcome of an app does to the money that waits for it
contract AppMoneyTest is ArbiterBase {
    uint256 private constant STAKE = 300;

    MoodyApp private app = new MoodyApp();

    function stake(Game memory g, uint256 payer, uint256 seat) private view returns (Transfer memory) {
        return Transfer(STAKE, now_() + LENGTH + PERIOD, payer, leg(1 - payer, keyOf(g, seat)));
    }

    /// @dev Two ledgers of the hub, which is bob in the first and alice in the second.
    function ledger(uint256 nonce) private returns (Ledger memory l) {
        l = ledgerOf(parties(2, nonce), COIN, nonce);
        fund(l, ALICE, A);
        fund(l, BOB, B);
    }

    function settleWith(Ledger memory l, State memory s) private {
        challenge(l, s);
        expire(l);
        settle(l, only(s), only(listOf(s, true)));
    }

    /// @notice C50: a virtual channel over a hub: whatever it comes to, and whether its app answers or not, what the hub pays to one end
    /// it gets from the other.
    function testFuzz_C50_TheIntermediaryLosesNothing(uint64 owed, bool fails, bool final_) external {
        Game memory g = gameOf(address(app), now_() + LENGTH, BUDGET, keysOf(2));
        uint256 value = owed % (ONE + 1);
        bytes memory state = stateOf(0, two(ONE - value, value), "");
        Ledger memory above = ledger(1);
        Ledger memory below = ledger(2);
        State memory locked = lock(stateOf(above, ALICE, 1, 0), ALICE, stake(g, ALICE, 1));
        State memory promised = lock(stateOf(below, ALICE, 1, 0), ALICE, stake(g, ALICE, 1));
        if (fails) app.set(IApp.outcome.selector, MoodyApp.Mood.Loops);
        if (final_) {
            arbiter.agree(g.instance, state, signed(g, FINAL, state));
        } else {
            Stand memory s = begin(g, 1, state);
            vm.warp(now_() + BUDGET + 1);
            conclude(g, s);
        }
        settleWith(above, locked);
        settleWith(below, promised);
        uint256 paid = fails ? 0 : (STAKE * value) / ONE;
        assertPaid(above, BOB, B + paid);
        assertPaid(below, ALICE, A - paid);
        assertPaid(above, ALICE, A - paid);
        assertPaid(below, BOB, B + paid);
    }

    /// @notice C45: an instance that nobody can conclude gives every stake back at its deadline.
    function test_C45_WithoutAnOutcomeEveryStakeGoesBack() external {
        Game memory g = gameOf(address(0xC0DE), now_() + LENGTH, BUDGET, keysOf(2));
        begin(g, 1, stateOf(g, 0));
        Ledger memory l = ledger(1);
        State memory s = lock(stateOf(l, ALICE, 1, 0), ALICE, stake(g, ALICE, 1));
        vm.warp(now_() + LENGTH + PERIOD + 1);
        settleWith(l, s);
        assertPaid(l, ALICE, A);
        assertPaid(l, BOB, B);
    }

    /// @notice Both lock a stake to the other by the other's key: together they get what was there, rounded in favour of whoever put it in.
    function testFuzz_StakesAreDividedAndNothingIsLost(uint64 first, uint64 second) external {
        (uint256 a, uint256 b) = (first % (ONE / 2 + 1), second % (ONE / 2 + 1));
        Game memory g = gameOf(address(app), now_() + LENGTH, BUDGET, keysOf(2));
        bytes memory state = stateOf(OVER, two(a, b), "");
        arbiter.agree(g.instance, state, signed(g, FINAL, state));
        Ledger memory l = ledger(1);
        State memory s = lock(stateOf(l, ALICE, 1, 0), ALICE, stake(g, ALICE, 1));
        State memory t = lock(stateOf(l, BOB, 1, 0), BOB, stake(g, BOB, 0));
        challengeBoth(l, s, t);
        uint256 toBob = (STAKE * b) / ONE;
        uint256 toAlice = (STAKE * a) / ONE;
        assertPaid(l, ALICE, A + toAlice - toBob);
        assertPaid(l, BOB, B + toBob - toAlice);
    }

    function challengeBoth(Ledger memory l, State memory s, State memory t) private {
        challenge(l, both(signed(l, s), signed(l, t)));
        expire(l);
        List[] memory shown = new List[](2);
        (shown[0], shown[1]) = (listOf(s, true), listOf(t, true));
        settle(l, both(s, t), shown);
    }
}
