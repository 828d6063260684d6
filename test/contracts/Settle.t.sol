// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {Division} from "../../contracts/libraries/Division.sol";
import {Reserves} from "../../contracts/types/Reserve.sol";
import {States} from "../../contracts/types/State.sol";
import {Transfers} from "../../contracts/types/Transfer.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, Leg, List, State, Transfer, Wire} from "./Model.sol";
import {EchoCondition} from "./mocks/Conditions.sol";

contract SettleTest is Base {
    bytes32 private constant SECRET = keccak256("secret");

    // ---------------------------------------------------------------- states

    /// @notice Everybody is paid balance plus credits, the generation ends, and the event carries the new word.
    function testFuzz_PaysBalanceAndCredits(uint16 moved) external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 1, int256(uint256(moved) % (A + 1)));
        challenge(l, s);
        expire(l);
        vm.expectEmit(address(adjudicator));
        emit IAdjudicator.Settled(l.id, COIN, uint256(1) << 239);
        settle(l, only(s));
        assertPaidOut(l, A - (moved % (A + 1)), B + (moved % (A + 1)));
        vm.assertEq(word(l), 1 << 239, "word");
        vm.assertEq(address(adjudicator).balance, 0, "nothing left");
    }

    /// @notice A channel is used again for ever: the next generation starts at zero and ends the same way.
    function test_AChannelLivesAgain() external {
        Ledger memory l = group(5);
        for (uint256 i = 1; i < 4; ++i) {
            State memory s = stateOf(l, 0, 1, 10);
            challenge(l, s);
            finish(l, only(s));
            assertPaid(l, 4, 100 + 10 * i + (i - 1));
            vm.assertEq(balance(l, 4), 0, "starts at zero");
            fund(l, 4, 1);
            fund(l, 0, 10);
        }
    }

    /// @notice C7: a generation is settled once.
    function test_C7_SettlesOnce() external {
        Ledger memory l = pair();
        challenge(l);
        finish(l, none());
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.NotDisputed.selector));
        settle(l, none());
        fund(l, ALICE, A);
        challenge(l);
        uint256 given = uint256(keccak256(abi.encodePacked(l.base))) & ((1 << 199) - 1);
        l.base[0] = (A << 112) | B;
        uint256 other = uint256(keccak256(abi.encodePacked(l.base))) & ((1 << 199) - 1);
        expire(l);
        vm.expectRevert(err(IAdjudicator.WrongBase.selector, given, other));
        settle(l, none());
    }

    /// @notice The states settled are exactly the newest ones: none older, none left out, none changed.
    function test_RefusesOtherStatesThanTheNewest() external {
        Ledger memory l = pair();
        (State memory s, State memory older) = (stateOf(l, 0, 2, 100), stateOf(l, 0, 1, 900));
        challenge(l, s);
        expire(l);
        uint256 newest = Hash.laneWord(l, s);
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.WrongState.selector, 0, newest, Hash.laneWord(l, older)));
        settle(l, only(older));
        vm.expectRevert(abi.encodeWithSelector(States.ZeroVersion.selector));
        settle(l, none());
        older.version = 2;
        vm.expectPartialRevert(IAdjudicator.WrongState.selector);
        settle(l, only(older));
        settle(l, only(s));
    }

    /// @notice What answers recorded is removed at the settlement.
    function test_AnswersAreForgottenAtTheSettlement() external {
        Ledger memory l = pair();
        challenge(l);
        (State memory s, State memory t) = (stateOf(l, 0, 2, 100), stateOf(l, 1, 9, -50));
        submit(l, both(signed(l, s), signed(l, t)));
        expire(l);
        settle(l, both(s, t));
        assertPaidOut(l, A - 50, B + 50);
        vm.assertEq(recordedLane(l, 0), 0, "lane 0");
        vm.assertEq(recordedLane(l, 1), 0, "lane 1");
    }

    // ---------------------------------------------------------------- more than there is

    /// @notice C25: who owes more than it has gets nothing, and the others share what there is pro rata.
    function testFuzz_C25_SharesProRataWhatThereIs(int64[5] memory moves, uint32[5] memory funds) external {
        Ledger memory l = empty(5, COIN);
        State memory s = stateOf(l, 0, 1, 0);
        (uint256 held_, int256 sum) = (0, 0);
        for (uint256 i; i < 5; ++i) {
            fund(l, i, funds[i]);
            held_ += funds[i];
            s.credits[i] = i < 4 ? int256(moves[i]) : -sum;
            sum += moves[i];
        }
        challenge(l, s);
        finish(l, only(s));
        assertProRata(l, s, funds, held_);
    }

    function assertProRata(Ledger memory l, State memory s, uint32[5] memory funds, uint256 held_) private view {
        uint256[5] memory due;
        (uint256 promised, uint256 paid) = (0, 0);
        for (uint256 i; i < 5; ++i) {
            int256 entitlement = int256(uint256(funds[i])) + s.credits[i];
            due[i] = entitlement > 0 ? uint256(entitlement) : 0;
            promised += due[i];
        }
        for (uint256 i; i < 5; ++i) {
            uint256 share = promised == 0 ? 0 : (held_ * due[i]) / promised;
            uint256 got = l.party[i].owner.balance;
            vm.assertTrue(got >= share && got < share + 5, "its share, the last one's with the remainder");
            paid += got;
        }
        vm.assertEq(paid, held_, "all of it");
    }

    /// @notice C25: what is locked comes first; if even that is more than there is, the lanes share it.
    function test_C25_LockedMoneyComesFirst() external {
        Ledger memory l = pair();
        State memory s = lock(stateOf(l, 0, 1, 0), ALICE, hashLock(2000, now_(), ALICE, BOB, SECRET));
        State memory t = lock(stateOf(l, 1, 1, 0), BOB, hashLock(1000, now_(), BOB, ALICE, SECRET));
        registry.reveal(SECRET);
        challenge(l, both(signed(l, s), signed(l, t)));
        finish(l, both(s, t), two(listOf(s, true), listOf(t, true)));
        assertPaidOut(l, 500, 1000);
    }

    // ---------------------------------------------------------------- transfers

    function two(List memory first, List memory second) private pure returns (List[] memory lists) {
        lists = new List[](2);
        (lists[0], lists[1]) = (first, second);
    }

    /// @dev Alice has locked 300 for bob.
    function locked(uint256 deadline) private returns (Ledger memory l, State memory s) {
        l = pair();
        s = lock(stateOf(l, 0, 1, 0), ALICE, hashLock(300, deadline, ALICE, BOB, SECRET));
        challenge(l, s);
    }

    /// @notice C47: a secret shown at the deadline pays, a second later the transfer is refunded; never both.
    function testFuzz_C47_TheDeadlineIsTheBorder(uint32 revealed) external {
        uint256 deadline = now_() + 1000;
        (Ledger memory l, State memory s) = locked(deadline);
        uint256 time = now_() + (revealed % 2000);
        vm.warp(time);
        registry.reveal(SECRET);
        finish(l, only(s), only(listOf(s, true)));
        uint256 paid = time <= deadline ? 300 : 0;
        assertPaidOut(l, A - paid, B + paid);
    }

    /// @notice C47: the deadline itself, and one second after it.
    function test_C47_AtTheDeadlineAndAfter() external {
        uint256 start = now_();
        this.testFuzz_C47_TheDeadlineIsTheBorder(1000);
        vm.warp(start);
        setUp();
        vm.deal(empty(2, COIN).party[ALICE].owner, 0);
        vm.deal(empty(2, COIN).party[BOB].owner, 0);
        vm.warp(now_() + 1);
        this.testFuzz_C47_TheDeadlineIsTheBorder(1001);
    }

    /// @notice A transfer whose secret was never shown goes back after its deadline.
    function test_RefundsAfterTheDeadline() external {
        (Ledger memory l, State memory s) = locked(now_() + PERIOD - 1);
        finish(l, only(s), only(listOf(s, true)));
        assertPaidOut(l, A, B);
    }

    /// @notice A transfer that can still be claimed is not refunded: it is reserved, and the rest is paid.
    function test_ReservesWhatIsUndecided() external {
        (Ledger memory l, State memory s) = locked(now_() + PERIOD);
        expire(l);
        bytes memory reserves = abi.encodePacked(uint8(1), uint8(0), uint112(300), uint112(300), Hash.transfersRoot(s));
        vm.expectEmit(address(adjudicator));
        emit IAdjudicator.Reserved(l.id, COIN, 0, reserves);
        settle(l, only(s), only(listOf(s, true)));
        assertPaidOut(l, A - 300, B);
        vm.assertEq(adjudicator.recordOf(l.id, COIN, 0), keccak256(reserves), "record");
        vm.assertEq(generation(l), 1, "nothing waits for it");
    }

    /// @notice C48: transfers with one key and amount resolve one by one, each once.
    function test_C48_EqualTransfersResolveSeparately() external {
        Ledger memory l = pair();
        Transfer[] memory equal = new Transfer[](3);
        for (uint256 i; i < 3; ++i) {
            equal[i] = hashLock(100, now_() + PERIOD, ALICE, BOB, SECRET);
        }
        State memory s = lock(stateOf(l, 0, 1, 0), ALICE, equal);
        challenge(l, s);
        registry.reveal(SECRET);
        List memory list = listOf(s, true);
        list.shown[1] = false;
        finish(l, only(s), only(list));
        assertPaidOut(l, A - 300, B + 200);
    }

    /// @notice A pot pays each leg its part in order, capped at what is left, and the rest to the refund.
    function testFuzz_DividesAPot(uint64[4] memory values, uint16 amount) external {
        EchoCondition echo = new EchoCondition();
        Ledger memory l = group(3);
        Transfer memory pot = Transfer(amount % 101, now_(), 0, new Leg[](4));
        uint256[3] memory due = [100 - pot.amount, 100, 100];
        uint256 left = pot.amount;
        for (uint256 i; i < 4; ++i) {
            uint256 value = values[i] % (1e18 + 1);
            pot.legs[i] = Leg(i % 3, keyOf(address(echo), abi.encode(value)));
            registry.record(address(echo), abi.encode(value), "");
            uint256 part = (pot.amount * value) / 1e18;
            if (part > left) part = left;
            due[i % 3] += part;
            left -= part;
        }
        due[0] += left;
        State memory s = lock(stateOf(l, 0, 1, 0), 0, pot);
        challenge(l, s);
        finish(l, only(s), pot.amount == 0 ? new List[](0) : only(listOf(s, true)));
        for (uint256 i; i < 3; ++i) {
            assertPaid(l, i, due[i]);
        }
    }

    /// @notice A pot waits until every leg is decided.
    function test_APotWaitsForEveryLeg() external {
        Ledger memory l = pair();
        Transfer memory pot = Transfer(100, now_() + PERIOD, ALICE, new Leg[](2));
        (pot.legs[0], pot.legs[1]) = (Leg(BOB, keyOf(SECRET)), Leg(ALICE, keyOf("other")));
        State memory s = lock(stateOf(l, 0, 1, 0), ALICE, pot);
        challenge(l, s);
        registry.reveal(SECRET);
        finish(l, only(s), only(listOf(s, true)));
        assertPaidOut(l, A - 100, B);
    }

    /// @notice Transfers other than the signed ones are refused, also in another order.
    function test_RefusesOtherTransfers() external {
        (Ledger memory l, State memory s) = locked(now_());
        expire(l);
        List memory list = listOf(s, true);
        list.transfers = only(hashLock(301, now_() - PERIOD, ALICE, BOB, SECRET));
        vm.expectRevert(
            abi.encodeWithSelector(
                Division.WrongTransfers.selector,
                Hash.transfersRoot(s),
                keccak256(abi.encode(Hash.transfer(list.transfers[0])))
            )
        );
        settle(l, only(s), only(list));
        list = listOf(s, true);
        list.gone[0] = true;
        list.shown[0] = false;
        vm.expectPartialRevert(Division.WrongTransfers.selector);
        settle(l, only(s), only(list));
    }

    /// @notice C44: a lane's list counts once; showing it twice, or a lane without a state, is refused.
    function test_C44_RefusesADuplicateList() external {
        (Ledger memory l, State memory s) = locked(now_());
        expire(l);
        vm.expectPartialRevert(Division.WrongTransfers.selector);
        settle(l, only(s), two(listOf(s, true), listOf(s, true)));
        List memory list = listOf(s, true);
        list.lane = 1;
        vm.expectRevert(abi.encodeWithSelector(Reserves.NoReserve.selector, 1));
        settle(l, only(s), only(list));
    }

    /// @notice A transfer that names a member who does not exist stops nobody else: leave it unshown.
    function test_AMalformedTransferStopsNobody() external {
        Ledger memory l = pair();
        State memory s = lock(stateOf(l, 0, 1, 0), ALICE, hashLock(300, now_(), ALICE, 7, SECRET));
        registry.reveal(SECRET);
        challenge(l, s);
        expire(l);
        vm.expectRevert();
        settle(l, only(s), only(listOf(s, true)));
        settle(l, only(s), only(listOf(s, false)));
        assertPaidOut(l, A - 300, B);
    }

    /// @notice C42: one transfer more than 512, or one leg more than 1,536, is refused.
    function test_C42_RefusesMoreThanTheLimits() external {
        (Ledger memory l, State memory s) = locked(now_());
        expire(l);
        refusesList(l, s, 513, 0, abi.encodeWithSelector(Transfers.TooManyTransfers.selector, 513, 512));
        refusesList(l, s, 29, 53, abi.encodeWithSelector(Transfers.TooManyLegs.selector, 1537, 1536));
        refusesList(l, s, 512, 3, abi.encodePacked(Division.WrongTransfers.selector));
    }

    function refusesList(Ledger memory l, State memory s, uint256 count, uint256 legs, bytes memory reason) private {
        bytes memory entry = abi.encodePacked(uint8(legs), new bytes(legs == 0 ? 32 : 25 + 33 * legs));
        bytes memory proof = abi.encodePacked(l.base, Wire.state(s), uint8(1), uint8(0), uint16(count));
        for (uint256 i; i < count; ++i) {
            proof = bytes.concat(proof, entry);
        }
        if (reason.length == 4) vm.expectPartialRevert(bytes4(reason));
        else vm.expectRevert(reason);
        adjudicator.settle(l.channel, l.asset, proof);
    }
}
