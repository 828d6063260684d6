// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {Division} from "../../contracts/libraries/Division.sol";
import {Reserves} from "../../contracts/types/Reserve.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, List, Reserve, State, Transfer, Wire} from "./Model.sol";

contract RedeemTest is Base {
    bytes32 private constant SECRET = keccak256("secret");

    /// @dev Alice has locked `count` transfers of 10 for bob, in lane 0.
    function lockedBy(Ledger memory l, uint256 count) private view returns (State memory) {
        Transfer[] memory transfers = new Transfer[](count);
        for (uint256 i; i < count; ++i) {
            transfers[i] = hashLock(10, now_() + 2 * PERIOD, ALICE, BOB, secretOf(i));
        }
        return lock(stateOf(l, 0, 1, 0), ALICE, transfers);
    }

    function secretOf(uint256 i) private pure returns (bytes32) {
        return keccak256(abi.encode("secret", i));
    }

    /// @dev Settles with nothing divided: all that is locked is reserved.
    function reserved(uint256 count) private returns (Ledger memory l, State memory s) {
        l = pair();
        s = lockedBy(l, count);
        challenge(l, s);
        expire(l);
        settle(l, only(s));
    }

    function only(Reserve memory one) private pure returns (Reserve[] memory list) {
        list = new Reserve[](1);
        list[0] = one;
    }

    function whole(State memory s) private pure returns (Reserve[] memory) {
        return only(Reserve(s.lane, s.locked, s.locked, Hash.transfersRoot(s)));
    }

    /// @dev Bit i of `mask`: position i is shown.
    function listOf(State memory s, uint256 mask) private pure returns (List memory list) {
        list = listOf(s, false);
        for (uint256 i; i < s.transfers.length; ++i) {
            list.shown[i] = (mask >> i) & 1 == 1;
        }
    }

    /// @notice Once decided, a reserved transfer is paid out, and the event shows what to whom.
    function test_PaysReservedTransfersOnceDecided() external {
        (Ledger memory l, State memory s) = reserved(2);
        registry.reveal(secretOf(0));
        uint256[] memory payouts = new uint256[](2);
        payouts[BOB] = 10;
        vm.expectEmit(address(adjudicator));
        emit IAdjudicator.Redeemed(l.id, COIN, 0, payouts);
        redeem(l, whole(s), only(listOf(s, true)));
        assertPaidOut(l, A - 20, B + 10);
        vm.warp(now_() + 3 * PERIOD);
        redeem(l, whole(s), only(listOf(s, true)));
        assertPaidOut(l, A - 10, B + 10);
        vm.assertEq(address(adjudicator).balance, 0, "all paid");
    }

    /// @notice C7: a position is paid once; one that was paid a moment ago by somebody else is skipped.
    function test_C7_APositionIsPaidOnce() external {
        (Ledger memory l, State memory s) = reserved(3);
        for (uint256 i; i < 3; ++i) {
            registry.reveal(secretOf(i));
        }
        redeem(l, whole(s), only(listOf(s, 1)));
        assertPaid(l, BOB, B + 10);
        redeem(l, whole(s), only(listOf(s, 3)));
        assertPaid(l, BOB, B + 20);
        List[] memory twice = new List[](2);
        (twice[0], twice[1]) = (listOf(s, 7), listOf(s, 7));
        redeem(l, whole(s), twice);
        redeem(l, whole(s), twice);
        assertPaidOut(l, A - 30, B + 30);
        vm.assertEq(address(adjudicator).balance, 0, "all paid");
    }

    /// @notice Whatever is divided at the settlement and whatever later, in any order and twice: everybody gets the same.
    function testFuzz_C7_TheOrderDoesNotMatter(uint8 known, uint8 atOnce, uint8 first, uint8 second) external {
        Ledger memory l = pair();
        State memory s = lockedBy(l, 8);
        challenge(l, s);
        uint256 paid;
        for (uint256 i; i < 8; ++i) {
            if ((known >> i) & 1 == 0) continue;
            registry.reveal(secretOf(i));
            paid += 10;
        }
        expire(l);
        settle(l, only(s), only(listOf(s, atOnce)));
        Reserve memory rest = Reserve(0, s.locked, s.locked, 0);
        List memory list = listOf(s, first);
        for (uint256 i; i < 8; ++i) {
            list.gone[i] = ((known & atOnce) >> i) & 1 == 1;
            list.shown[i] = list.shown[i] && !list.gone[i];
            if (list.gone[i]) rest.locked = rest.reserved -= 10;
        }
        rest.root = Hash.listRoot(s.transfers, list.gone);
        if (rest.reserved != 0) redeemRest(l, rest, list, second);
        assertPaidOut(l, A - paid, B + paid);
        vm.assertEq(address(adjudicator).balance, 0, "all paid");
    }

    function redeemRest(Ledger memory l, Reserve memory rest, List memory list, uint256 second) private {
        redeem(l, only(rest), only(list));
        for (uint256 i; i < 8; ++i) {
            list.shown[i] = (second >> i) & 1 == 1 && !list.gone[i];
        }
        vm.warp(now_() + 3 * PERIOD);
        redeem(l, only(rest), only(list));
        for (uint256 i; i < 8; ++i) {
            list.shown[i] = !list.gone[i];
        }
        redeem(l, only(rest), only(list));
    }

    /// @notice Positions beyond the first 128 are marked on pages of their own.
    function test_MarksPositionsOnSeveralPages() external {
        Ledger memory l = empty(2, COIN);
        fund(l, ALICE, 3000);
        State memory s = lockedBy(l, 300);
        challenge(l, s);
        finish(l, only(s));
        --l.generation;
        for (uint256 i = 127; i < 300; i += 86) {
            registry.reveal(secretOf(i));
        }
        redeem(l, whole(s), only(listOf(s, true)));
        redeem(l, whole(s), only(listOf(s, true)));
        assertPaidOut(l, 0, 30);
        vm.warp(now_() + 3 * PERIOD);
        redeem(l, whole(s), only(listOf(s, true)));
        redeem(l, whole(s), only(listOf(s, true)));
        assertPaidOut(l, 2970, 30);
    }

    /// @notice Nothing waits for what is reserved: meanwhile the channel lives again, and its new money is not touched.
    function test_TheNextGenerationGoesOnMeanwhile() external {
        (Ledger memory l, State memory s) = reserved(1);
        fund(l, BOB, 7);
        registry.reveal(secretOf(0));
        redeem(l, whole(s), only(listOf(s, true)));
        vm.assertEq(balance(l, BOB), 7, "untouched");
        assertPaidOut(l, A - 10, B + 10);
    }

    /// @notice The record is the one of that generation, unchanged.
    function test_RefusesAnotherRecord() external {
        (Ledger memory l, State memory s) = reserved(1);
        Reserve[] memory more = only(Reserve(0, s.locked, s.locked + 1, Hash.transfersRoot(s)));
        vm.expectRevert(
            abi.encodeWithSelector(
                IAdjudicator.WrongRecord.selector,
                keccak256(Wire.reserves(whole(s))),
                keccak256(Wire.reserves(more))
            )
        );
        redeem(l, more, only(listOf(s, true)));
        ++l.generation;
        vm.expectRevert(
            abi.encodeWithSelector(IAdjudicator.WrongRecord.selector, 0, keccak256(Wire.reserves(whole(s))))
        );
        redeem(l, whole(s), only(listOf(s, true)));
        vm.expectPartialRevert(IAdjudicator.WrongRecord.selector);
        redeem(l, new Reserve[](0), new List[](0));
    }

    /// @notice The list is the reserved one, of a lane that has a reserve.
    function test_RefusesAnotherList() external {
        (Ledger memory l, State memory s) = reserved(2);
        Reserve[] memory reserves = whole(s);
        List memory list = listOf(s, true);
        list.lane = 1;
        vm.expectRevert(abi.encodeWithSelector(Reserves.NoReserve.selector, 1));
        redeem(l, reserves, only(list));
        list.lane = 0;
        list.transfers[1].amount = 11;
        vm.expectPartialRevert(Division.WrongTransfers.selector);
        redeem(l, reserves, only(list));
    }

    /// @notice C25: of a reserve that is too small every transfer gets its part, whether divided at once or later.
    function test_C25_AShortReserveIsSharedAlikeNowAndLater() external {
        Ledger memory l = empty(2, COIN);
        fund(l, ALICE, 50);
        Transfer[] memory transfers = new Transfer[](2);
        transfers[0] = hashLock(60, now_() + PERIOD, ALICE, BOB, SECRET);
        transfers[1] = hashLock(40, now_() + 2 * PERIOD, ALICE, BOB, "other");
        State memory s = lock(stateOf(l, 0, 1, 0), ALICE, transfers);
        registry.reveal(SECRET);
        challenge(l, s);
        expire(l);
        settle(l, only(s), only(listOf(s, true)));
        assertPaid(l, BOB, 30);
        List memory list = listOf(s, 2);
        list.gone[0] = true;
        registry.reveal("other");
        redeem(l, only(Reserve(0, 40, 20, Hash.listRoot(transfers, list.gone))), only(list));
        assertPaid(l, BOB, 50);
    }

    /// @notice C25: what rounding has left of a reserve divides nothing by zero, and pays no transfer more than its amount.
    function test_C25_TheDustOfAReserveStopsNobody() external {
        Ledger memory l = empty(2, COIN);
        fund(l, ALICE, 2);
        Transfer[] memory transfers = new Transfer[](4);
        for (uint256 i; i < 4; ++i) {
            transfers[i] = hashLock(1, now_() + 2 * PERIOD, ALICE, BOB, secretOf(i));
            if (i < 3) registry.reveal(secretOf(i));
        }
        State memory s = lock(stateOf(l, 0, 1, 0), ALICE, transfers);
        (s.locked, s.credits[ALICE]) = (3, -3);
        challenge(l, s);
        expire(l);
        settle(l, only(s), only(listOf(s, 7)));
        List memory list = listOf(s, 8);
        (list.gone[0], list.gone[1], list.gone[2]) = (true, true, true);
        registry.reveal(secretOf(3));
        redeem(l, only(Reserve(0, 0, 2, Hash.listRoot(transfers, list.gone))), only(list));
        assertPaid(l, BOB, 1);
    }

    /// @notice C25: a list that promises more than was locked never pays more, and never stops a redemption.
    function testFuzz_C25_AListThatPromisesTooMuchIsCapped(uint8[4] memory amounts, uint8 funds, bool early) external {
        Ledger memory l = empty(2, COIN);
        fund(l, ALICE, funds);
        Transfer[] memory transfers = new Transfer[](4);
        for (uint256 i; i < 4; ++i) {
            transfers[i] = hashLock(amounts[i], now_() + 2 * PERIOD, ALICE, BOB, secretOf(i));
        }
        State memory s = lock(stateOf(l, 0, 1, 0), ALICE, transfers);
        // The members signed less locked money than the list says.
        s.locked = s.locked / 2 + 1;
        s.credits[ALICE] = -int256(s.locked);
        challenge(l, s);
        registry.reveal(secretOf(0));
        expire(l);
        settle(l, only(s), early ? only(listOf(s, 1)) : new List[](0));
        assertNeverTooMuch(l, s, funds, early);
    }

    function assertNeverTooMuch(Ledger memory l, State memory s, uint256 funds, bool early) private {
        uint256 reserve = s.locked < funds ? s.locked : funds;
        Reserve memory rest = Reserve(0, s.locked, reserve, Hash.transfersRoot(s));
        List memory list = listOf(s, 15);
        if (early) {
            uint256 amount = s.transfers[0].amount;
            uint256 part = (amount * reserve) / s.locked;
            rest.reserved -= part < reserve ? part : reserve;
            rest.locked -= amount < rest.locked ? amount : rest.locked;
            (list.gone[0], list.shown[0]) = (true, false);
            rest.root = Hash.listRoot(s.transfers, list.gone);
        }
        if (rest.reserved == 0) return;
        for (uint256 i; i < 4; ++i) {
            registry.reveal(secretOf(i));
        }
        redeem(l, only(rest), only(list));
        vm.assertLe(l.party[BOB].owner.balance, reserve, "no more than was reserved");
        vm.assertLe(address(adjudicator).balance, 4, "all but the dust of rounding");
    }
}
