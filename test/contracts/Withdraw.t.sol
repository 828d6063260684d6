// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {Channels} from "../../contracts/types/Channel.sol";
import {Words} from "../../contracts/types/Ledger.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, Part, State, Wire, Withdrawal} from "./Model.sol";

contract WithdrawTest is Base {
    /// @dev Puts an open ledger at `seq_` with its balances as they are.
    function toSeq(Ledger memory l, uint256 seq_) private {
        vm.store(address(adjudicator), keccak256(abi.encodePacked(l.id, l.asset)), bytes32(word(l) | (seq_ << 224)));
    }

    function rejects(Ledger memory l, Withdrawal memory w, bytes memory reason) private {
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        vm.expectRevert(reason);
        withdraw(l, w, sigs);
    }

    // ---------------------------------------------------------------- partial

    /// @notice A partial withdrawal pays the owner, counts on, and leaves every state valid.
    function testFuzz_PaysPartWhileTheChannelLives(uint16 amount) external {
        Ledger memory l = pair();
        uint256 taken = amount % (A + 1);
        State memory s = stateOf(l, 0, 1, -int256(taken));
        Withdrawal memory w = withdrawal(l, ALICE, taken);
        vm.expectEmit(address(adjudicator));
        emit IAdjudicator.Withdrawn(l.id, COIN, (1 << 224) | (B << 112) | (A - taken));
        withdraw(l, w);
        assertPaid(l, ALICE, taken);
        challenge(l, s);
        finish(l, only(s));
        assertPaidOut(l, A + (taken < B ? taken : B), B - (taken < B ? taken : B));
    }

    /// @notice Members of every pair are debited, and only they.
    function test_DebitsEveryPair() external {
        Ledger memory l = group(5);
        Withdrawal memory w = withdrawal(l, 0, 10);
        w.parts = new Part[](3);
        (w.parts[0].member, w.parts[0].amount) = (1, 11);
        (w.parts[1].member, w.parts[1].amount) = (4, 40);
        (w.parts[2].member, w.parts[2].amount) = (4, 4);
        withdraw(l, w);
        uint256[5] memory left = [uint256(100), 89, 100, 100, 56];
        for (uint256 i; i < 5; ++i) {
            assertPaid(l, i, 100 - left[i]);
            vm.assertEq(balance(l, i), int256(left[i]), "left");
        }
    }

    /// @notice C25: members may agree to go below one balance, never below what the ledger holds.
    function test_C25_NeverTakesMoreThanThereIs() external {
        Ledger memory l = pair();
        rejects(
            l,
            withdrawal(l, ALICE, A + B + 1),
            abi.encodeWithSelector(IAdjudicator.Overdrawn.selector, int256(-1))
        );
        withdraw(l, withdrawal(l, ALICE, A + B));
        assertPaid(l, ALICE, A + B);
        vm.assertEq(balance(l, ALICE), -int256(B), "below zero");
        rejects(l, withdrawal(l, BOB, 1), abi.encodeWithSelector(IAdjudicator.Overdrawn.selector, int256(-1)));
        fund(l, ALICE, B);
        withdraw(l, withdrawal(l, BOB, B));
        assertPaidOut(l, A + B, B);
    }

    /// @notice C41: amounts beyond what a balance can hold are refused, alone and in sum.
    function testFuzz_C41_RefusesAmountsThatDoNotFit(uint8 parts, uint112 amount) external {
        Ledger memory l = pair();
        Withdrawal memory w = withdrawal(l, ALICE, 0);
        w.parts = new Part[](parts);
        int256 left = int256(A + B);
        for (uint256 i; i < parts; ++i) {
            w.parts[i].amount = amount;
            left -= int256(uint256(amount));
        }
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        if (left < 0) vm.expectRevert(abi.encodeWithSelector(IAdjudicator.Overdrawn.selector, left));
        withdraw(l, w, sigs);
    }

    /// @notice A member who does not exist cannot be paid.
    function test_C38_RefusesAMemberWhoDoesNotExist() external {
        Ledger memory l = pair();
        rejects(l, withdrawal(l, 2, 1), err(Channels.NoSuchMember.selector, 2, 2));
    }

    /// @notice C7, C39: withdrawals run in order, each once.
    function test_C7_C39_WithdrawalsRunInOrder() external {
        Ledger memory l = pair();
        Withdrawal memory first = withdrawal(l, ALICE, 10);
        Withdrawal memory second = withdrawal(l, ALICE, 20);
        second.seq = 1;
        rejects(l, second, err(IAdjudicator.WrongSeq.selector, 1, 0));
        withdraw(l, first);
        rejects(l, first, err(IAdjudicator.WrongSeq.selector, 0, 1));
        withdraw(l, second);
        rejects(l, second, err(IAdjudicator.WrongSeq.selector, 1, 2));
        rejects(l, first, err(IAdjudicator.WrongSeq.selector, 0, 2));
        assertPaid(l, ALICE, 30);
    }

    /// @notice A withdrawal of nothing voids the one that had its place.
    function test_C39_AnEmptyWithdrawalTakesTheTurn() external {
        Ledger memory l = pair();
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        Withdrawal memory nothing = withdrawal(l, ALICE, 0);
        nothing.parts = new Part[](0);
        withdraw(l, nothing);
        rejects(l, w, err(IAdjudicator.WrongSeq.selector, 0, 1));
    }

    /// @notice C16: a withdrawal counts until the second it names, and not after.
    function testFuzz_C16_CountsUntilItsTime(uint32 elapsed) external {
        Ledger memory l = pair();
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        uint256 time = now_() + (elapsed % 2 hours);
        vm.warp(time);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        if (time > w.validUntil) vm.expectRevert(err(IPayouts.Expired.selector, time, w.validUntil));
        withdraw(l, w, sigs);
    }

    /// @notice C16: the second itself, and the one after it.
    function test_C16_TheLastSecond() external {
        Ledger memory l = pair();
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        vm.warp(w.validUntil + 1);
        rejects(l, w, err(IPayouts.Expired.selector, w.validUntil + 1, w.validUntil));
        vm.warp(w.validUntil);
        withdraw(l, w);
    }

    /// @notice C4: every field of a withdrawal is signed.
    function testFuzz_C4_EveryFieldIsSigned(uint8 field, uint96 change) external {
        Ledger memory l = pair();
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        (w.parts[0].toChannel, w.parts[0].toMember) = (l.id, BOB);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        uint256 by = uint256(change) + 1;
        field %= 7;
        if (field == 0) w.validUntil += 1 + (by % 1e9);
        if (field == 1) w.closing = true;
        if (field == 2) w.parts[0].amount += by;
        if (field == 3) w.parts[0].toMember = by % 2 == 1 ? 0 : 2;
        if (field == 4) w.parts[0].toChannel = bytes32(uint256(w.parts[0].toChannel) ^ by);
        if (field == 5) w.parts[0].member = BOB;
        if (field == 6) (w.parts[0].toChannel, w.parts[0].to) = (0, stranger);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[ALICE].signer));
        withdraw(l, w, sigs);
    }

    /// @notice C6: withdrawals of an ended generation are refused after the channel was funded again.
    function test_C6_AnEndedGenerationIsOver() external {
        Ledger memory l = pair();
        bytes memory reason = abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[ALICE].signer);
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        Withdrawal memory end = closing(l, A, B);
        bytes[] memory endSigs = signatures(l, Hash.withdrawal(l, end));
        withdraw(l, end, endSigs);
        fund(l, ALICE, A);
        fund(l, BOB, B);
        vm.expectRevert(reason);
        withdraw(l, w, sigs);
        vm.expectRevert(reason);
        withdraw(l, end, endSigs);
    }

    /// @notice C23, C46: anybody may send a withdrawal that all have signed; a member may leave out its own signature.
    function test_C23_C46_ValidityDoesNotDependOnTheCaller() external {
        Ledger memory l = pair();
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        vm.prank(stranger);
        withdraw(l, w, sigs);
        w.seq = 1;
        sigs = signatures(l, Hash.withdrawal(l, w));
        sigs[BOB] = "";
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[BOB].signer));
        withdraw(l, w, sigs);
        vm.prank(l.party[BOB].signer);
        withdraw(l, w, sigs);
        assertPaid(l, ALICE, 20);
    }

    // ---------------------------------------------------------------- closing

    /// @notice A closing withdrawal pays everything and begins the next generation.
    function test_ClosingBeginsTheNextGeneration() external {
        Ledger memory l = pair();
        withdraw(l, withdrawal(l, ALICE, 10));
        withdraw(l, closing(l, A - 10, B));
        assertPaidOut(l, A, B);
        vm.assertEq(word(l), 1 << 239, "zero but for the generation");
        l = group(5);
        Withdrawal memory w = closing(l, 200, 300);
        withdraw(l, w);
        for (uint256 i; i < 5; ++i) {
            vm.assertEq(balance(l, i), 0, "every pair");
        }
    }

    /// @notice A closing withdrawal leaves exactly zero.
    function test_ClosingLeavesNothing() external {
        Ledger memory l = pair();
        rejects(l, closing(l, A, B - 1), abi.encodeWithSelector(IAdjudicator.NotZero.selector, int256(1)));
        rejects(l, closing(l, A, B + 1), abi.encodeWithSelector(IAdjudicator.NotZero.selector, int256(-1)));
    }

    /// @notice C36: a wei deposited just before a closing withdrawal stops that one, not the exit: a partial one still pays.
    function test_C36_AWeiCannotHoldAnybodyIn() external {
        Ledger memory l = pair();
        Withdrawal memory w = closing(l, A, B);
        fund(l, ALICE, 1);
        rejects(l, w, abi.encodeWithSelector(IAdjudicator.NotZero.selector, int256(1)));
        w.closing = false;
        withdraw(l, w);
        assertPaidOut(l, A, B);
    }

    /// @notice The last seq of a generation is for closing.
    function test_TheLastSeqIsForClosing() external {
        Ledger memory l = pair();
        toSeq(l, 32_766);
        withdraw(l, withdrawal(l, ALICE, 1));
        vm.assertEq(seq(l), 32_767, "last");
        rejects(l, withdrawal(l, ALICE, 1), abi.encodeWithSelector(IAdjudicator.LastSeq.selector));
        withdraw(l, closing(l, A - 1, B));
        assertPaidOut(l, A, B);
    }

    // ---------------------------------------------------------------- disputes

    /// @notice C22: agreement beats a running dispute: the rest of the money is spendable at once.
    function test_C22_AgreementEndsADispute() external {
        Ledger memory l = pair();
        challenge(l, stateOf(l, 0, 1, 100));
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        w.dispute = expiry(l);
        withdraw(l, w);
        vm.assertTrue(!disputed(l), "ended");
        vm.assertEq(seq(l), 1, "seq");
        fund(l, BOB, 1);
        vm.assertEq(balance(l, ALICE), int256(A - 10), "alice");
        vm.assertEq(balance(l, BOB), int256(B + 1), "bob");
    }

    /// @notice C22: agreement also ends a dispute of a group, after its expiry, and with everything paid out.
    function test_C22_AgreementEndsADisputeForGood() external {
        Ledger memory l = group(3);
        challenge(l);
        Withdrawal memory w = closing(l, 100, 200);
        w.dispute = expiry(l);
        expire(l);
        w.validUntil = now_();
        withdraw(l, w);
        assertPaid(l, 0, 100);
        assertPaid(l, 1, 200);
        vm.assertEq(word(l), 1 << 239, "next generation");
    }

    /// @notice Answers that a dispute has recorded outlive its end, as checkpoints.
    function test_AnswersOutliveTheDispute() external {
        Ledger memory l = pair();
        challenge(l);
        State memory s = stateOf(l, 0, 9, 100);
        submit(l, only(signed(l, s)));
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        w.dispute = expiry(l);
        withdraw(l, w);
        challenge(l, stateOf(l, 0, 8, 0));
        finish(l, only(s));
        assertPaidOut(l, A - 100, B + 100);
    }

    /// @notice A withdrawal names the dispute it ends: none if there is none, and no other.
    function test_C22_NamesTheDisputeItEnds() external {
        Ledger memory l = pair();
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        l.base = new uint256[](3);
        w.dispute = now_() + PERIOD;
        rejects(l, w, err(IAdjudicator.WrongDispute.selector, now_() + PERIOD, 0));
        vm.warp(now_() + 1);
        challenge(l);
        rejects(l, w, err(IAdjudicator.WrongDispute.selector, now_() + PERIOD - 1, now_() + PERIOD));
        w.dispute = 0;
        rejects(l, w, err(IAdjudicator.WrongDispute.selector, 0, now_() + PERIOD));
        w.dispute = expiry(l);
        l.base[0] ^= 1;
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        vm.expectPartialRevert(IAdjudicator.WrongBase.selector);
        withdraw(l, w, sigs);
    }
}
