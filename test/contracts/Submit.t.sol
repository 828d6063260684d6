// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {LaneWord, States} from "../../contracts/types/State.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, Signed, State, Wire} from "./Model.sol";

contract SubmitTest is Base {
    function nothingRose() private {
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.NothingRose.selector));
    }

    function answer(Ledger memory l, State memory s) private {
        submit(l, only(signed(l, s)));
    }

    // ---------------------------------------------------------------- challenge

    /// @notice A challenge starts the clock, freezes the balances and shows the preimage of its commitment.
    function test_AChallengeStartsTheClock() external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 5, 100);
        uint256 open = word(l);
        uint256 laneWord = Hash.laneWord(l, s);
        uint256 commitment = uint256(keccak256(abi.encode(open, laneWord, 0))) & ((1 << 199) - 1);
        uint256 expected = (1 << 255) | ((now_() + PERIOD) << 199) | commitment;
        vm.expectEmit(address(adjudicator));
        emit IAdjudicator.Challenged(l.id, COIN, expected, open, LaneWord.wrap(laneWord), LaneWord.wrap(0));
        answer(l, s);
        vm.assertEq(word(l), expected, "word");
    }

    /// @notice The commitment of more than two members binds their joint lane alone.
    function test_AChallengeOfAGroupBindsItsJointLane() external {
        Ledger memory l = group(3);
        State memory s = stateOf(l, 0, 5, 10);
        challenge(l, s);
        uint256 commitment = uint256(keccak256(abi.encodePacked(l.base))) & ((1 << 199) - 1);
        vm.assertEq(word(l) & ((1 << 199) - 1), commitment, "commitment");
        finish(l, only(s));
        assertPaid(l, 0, 90);
        assertPaid(l, 1, 100);
        assertPaid(l, 2, 110);
    }

    /// @notice C21: without a state only a member, by signer or owner, may start the clock.
    function test_C21_AStrangerCannotChallengeWithNothing() external {
        Ledger memory l = pair();
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.NotMember.selector, address(this)));
        submit(l, new Signed[](0));
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.NotMember.selector, address(this)));
        adjudicator.submit(l.channel, l.asset, "");
        vm.prank(l.party[BOB].owner);
        submit(l, new Signed[](0));
        vm.assertTrue(disputed(l), "the owner");
        l = ledgerOf(l.party, COIN, 2);
        vm.prank(l.party[BOB].signer);
        submit(l, new Signed[](0));
        vm.assertTrue(disputed(l), "the signer");
    }

    /// @notice C23, C46: with all signatures anybody may send; without one, only that member's signer or owner.
    function test_C23_C46_ValidityDoesNotDependOnTheCaller() external {
        Ledger memory l = pair();
        Signed memory s = signedFor(l, stateOf(l, 0, 1, 100), ALICE);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[ALICE].signer));
        submit(l, only(s));
        vm.prank(l.party[BOB].signer);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[ALICE].signer));
        submit(l, only(s));
        vm.prank(l.party[ALICE].owner);
        submit(l, only(s));
        s = signedFor(l, stateOf(l, 0, 2, 200), ALICE);
        vm.prank(l.party[ALICE].signer);
        submit(l, only(s));
        vm.prank(stranger);
        answer(l, stateOf(l, 0, 3, 300));
        vm.assertEq(recordedLane(l, 0) >> 192, 3, "newest");
    }

    /// @notice C46: whoever owns both members may leave out one signature, not both.
    function test_C46_ASenderLeavesOutOneSignatureAtMost() external {
        Ledger memory l = empty(2, COIN);
        l.party[BOB].owner = l.party[ALICE].owner;
        l = ledgerOf(l.party, COIN, 1);
        Signed memory s = signedFor(l, stateOf(l, 0, 1, 100), ALICE);
        s.sigs[BOB] = "";
        vm.prank(l.party[ALICE].owner);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[BOB].signer));
        submit(l, only(s));
        s = signedFor(l, stateOf(l, 0, 1, 100), BOB);
        vm.prank(l.party[ALICE].owner);
        submit(l, only(s));
        vm.assertTrue(disputed(l), "one");
    }

    /// @notice With more than two members nobody's signature may be missing.
    function test_AGroupNeedsEverySignature() external {
        Ledger memory l = group(3);
        Signed memory s = signedFor(l, stateOf(l, 0, 1, 10), 1);
        vm.prank(l.party[1].signer);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[1].signer));
        submit(l, only(s));
    }

    // ---------------------------------------------------------------- versions

    /// @notice C1: an answer older than the challenge is recorded, but the challenge's version is the one that is paid.
    function test_C1_AnOlderAnswerHasNoEffect() external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 5, 100);
        challenge(l, s);
        answer(l, stateOf(l, 0, 4, 900));
        finish(l, only(s));
        assertPaidOut(l, A - 100, B + 100);
    }

    /// @notice C1: an answer older than an answer is refused, and the newer stays.
    function test_C1_AnAnswerBelowAnAnswerIsRefused() external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 5, 100);
        challenge(l);
        answer(l, s);
        State memory older = stateOf(l, 0, 4, 900);
        nothingRose();
        answer(l, older);
        finish(l, only(s));
        assertPaidOut(l, A - 100, B + 100);
    }

    /// @notice C2: of two states with one version the challenge's is paid, whatever is answered.
    function test_C2_ATieGoesToTheChallenge() external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 5, 100);
        challenge(l, s);
        answer(l, stateOf(l, 0, 5, 900));
        finish(l, only(s));
        assertPaidOut(l, A - 100, B + 100);
    }

    /// @notice C2: of two answers with one version the first stays.
    function test_C2_ATieOfAnswersGoesToTheFirst() external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 5, 100);
        challenge(l);
        answer(l, s);
        State memory other = stateOf(l, 0, 5, 900);
        nothingRose();
        answer(l, other);
        finish(l, only(s));
        assertPaidOut(l, A - 100, B + 100);
    }

    /// @notice C3: the highest version counts, in a challenge and in an answer, and nothing comes after it.
    function test_C3_TheHighestVersionIsTheEnd() external {
        Ledger memory l = pair();
        State memory last = stateOf(l, 0, type(uint64).max, 100);
        challenge(l, last);
        State memory s = stateOf(l, 1, type(uint64).max, -50);
        answer(l, s);
        State memory first = stateOf(l, 1, 1, -500);
        nothingRose();
        answer(l, first);
        finish(l, both(last, s));
        assertPaidOut(l, A - 50, B + 50);
    }

    /// @notice C3: version zero means that no state was shown.
    function test_C3_RefusesVersionZero() external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 0, 100);
        vm.expectRevert(abi.encodeWithSelector(States.ZeroVersion.selector));
        answer(l, s);
    }

    /// @notice For any order of challenge, checkpoint and answers the newest version of each lane is paid.
    function testFuzz_TheNewestOfEachLaneIsPaid(uint8[6] memory versions, bool early) external {
        Ledger memory l = pair();
        State[2] memory newest;
        if (early) show(l, newest, 0, versions[0], true);
        challenge(l, show(l, newest, 0, versions[1], false));
        for (uint256 i = 2; i < 6; ++i) {
            show(l, newest, i % 2, versions[i], true);
        }
        finish(l, newest[1].version == 0 ? only(newest[0]) : both(newest[0], newest[1]));
        int256 moved = newest[0].credits[BOB] + (newest[1].version == 0 ? int256(0) : newest[1].credits[BOB]);
        assertPaidOut(l, uint256(int256(A) - moved), uint256(int256(B) + moved));
    }

    /// @dev Version v of lane 0 has moved v to bob, version v of lane 1 has moved v back.
    function show(
        Ledger memory l,
        State[2] memory newest,
        uint256 lane,
        uint256 version,
        bool send
    ) private returns (State memory s) {
        s = stateOf(l, lane, version + 1, lane == 0 ? int256(version) : -int256(version));
        if (send) {
            bytes memory states = Wire.states(only(signed(l, s)));
            (bool ok, ) = address(adjudicator).call(
                disputed(l)
                    ? abi.encodeCall(adjudicator.submit, (l.channel, l.asset, states))
                    : abi.encodeCall(adjudicator.checkpoint, (l.channel, l.asset, states))
            );
            vm.assertTrue(ok || newest[lane].version >= s.version, "refused only if nothing rose");
        }
        if (s.version > newest[lane].version) newest[lane] = s;
    }

    // ---------------------------------------------------------------- shape

    /// @notice C25: credits and what is locked sum to zero.
    function testFuzz_C25_RefusesAnUnbalancedState(int104 alice, int104 bob, uint104 locked) external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 1, 0);
        (s.credits[ALICE], s.credits[BOB], s.locked) = (alice, bob, locked);
        int256 sum = int256(alice) + bob + int256(uint256(locked));
        Signed memory one = signed(l, s);
        if (sum != 0) vm.expectRevert(abi.encodeWithSelector(States.Unbalanced.selector, sum));
        submit(l, only(one));
    }

    /// @notice C25, C41: the largest credits that the encoding holds cannot overflow a sum.
    function test_C41_TheLargestCreditsAreSummedExactly() external {
        Ledger memory l = group(32);
        State memory s = stateOf(l, 0, 1, 0);
        for (uint256 i; i < 32; ++i) {
            s.credits[i] = i % 2 == 0 ? type(int112).max : -type(int112).max;
        }
        challenge(l, s);
        finish(l, only(s));
        for (uint256 i; i < 32; ++i) {
            assertPaid(l, i, i % 2 == 0 ? 200 : 0);
        }
    }

    /// @notice C44: two members have lanes 0 and 1, more have lane 0, and no other.
    function test_C44_RefusesALaneThatDoesNotExist() external {
        Ledger memory l = pair();
        Signed memory s = signed(l, stateOf(l, 2, 1, 0));
        vm.expectRevert(err(States.NoSuchLane.selector, 2, 2));
        submit(l, only(s));
        l = group(3);
        s = signed(l, stateOf(l, 1, 1, 0));
        vm.expectRevert(err(States.NoSuchLane.selector, 1, 1));
        submit(l, only(s));
    }

    /// @notice C44: lanes ascend, each at most once.
    function test_C44_RefusesDuplicateAndUnsortedLanes() external {
        Ledger memory l = pair();
        (Signed memory first, Signed memory second) = (signed(l, stateOf(l, 0, 1, 1)), signed(l, stateOf(l, 1, 1, 1)));
        rejects(l, both(second, first), 0);
        rejects(l, both(first, first), 0);
        rejects(l, both(second, second), 1);
        submit(l, both(first, second));
        l = group(3);
        first = signed(l, stateOf(l, 0, 1, 1));
        rejects(l, both(first, first), 0);
    }

    function rejects(Ledger memory l, Signed[] memory states, uint256 lane) private {
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.UnsortedLane.selector, lane));
        submit(l, states);
    }

    // ---------------------------------------------------------------- time

    /// @notice C16: an answer counts up to one second before the expiry, a settlement from the expiry on.
    function testFuzz_C16_AnswersEndWhereSettlementsBegin(uint40 elapsed) external {
        Ledger memory l = pair();
        uint256 end = now_() + PERIOD;
        challenge(l);
        State memory s = stateOf(l, 0, 1, 100);
        uint256 time = now_() + (elapsed % (2 * PERIOD));
        vm.warp(time);
        assertBorder(l, s, time, end);
    }

    /// @notice C16: the second before the expiry, the expiry, and the second after it.
    function test_C16_TheBorderItself() external {
        for (uint256 i; i < 3; ++i) {
            Ledger memory l = empty(2, COIN);
            l = ledgerOf(l.party, COIN, i);
            uint256 end = now_() + PERIOD;
            challenge(l);
            vm.warp(end - 1 + i);
            assertBorder(l, stateOf(l, 0, 1, 0), end - 1 + i, end);
        }
    }

    function assertBorder(Ledger memory l, State memory s, uint256 time, uint256 end) private {
        if (time < end) {
            vm.expectRevert(err(IAdjudicator.DisputeRunning.selector, time, end));
            settle(l, none());
            answer(l, s);
        } else {
            vm.expectRevert(err(IAdjudicator.DisputeOver.selector, time, end));
            answer(l, s);
            settle(l, none());
        }
    }

    /// @notice C18: an expiry fits for more than 17,000 years, with the longest period.
    function testFuzz_C18_TheExpiryFits(uint40 start, uint32 period) external {
        Ledger memory l = empty(2, COIN);
        uint256 seconds_ = 60 + (period % (2_592_000 - 59));
        uint256 time = start % (1 << 39);
        l.channel = pack(seconds_, 1, l.party);
        l.id = Hash.channelId(l.channel, block.chainid, address(adjudicator));
        toGeneration(l, 77);
        vm.warp(time);
        challenge(l);
        vm.assertEq(expiry(l), time + seconds_, "expiry");
        vm.assertEq(generation(l), 77, "generation");
    }

    /// @notice C19: no answer and no second challenge moves the expiry: a member is out after one period.
    function test_C19_NobodyCanExtendADispute() external {
        Ledger memory l = pair();
        challenge(l);
        uint256 end = expiry(l);
        for (uint256 i = 1; i < 5; ++i) {
            vm.warp(end - 10 + i);
            answer(l, stateOf(l, 0, i, 0));
            vm.assertEq(expiry(l), end, "expiry");
        }
        vm.prank(l.party[BOB].signer);
        nothingRose();
        submit(l, new Signed[](0));
        finish(l, only(stateOf(l, 0, 4, 0)));
        assertPaidOut(l, A, B);
    }

    // ---------------------------------------------------------------- front-running

    /// @notice C21: when somebody sends the honest answer first, nothing is lost: it is recorded.
    function test_C21_AnIdenticalAnswerSentFirstCounts() external {
        Ledger memory l = pair();
        challenge(l);
        State memory s = stateOf(l, 0, 7, 100);
        vm.prank(stranger);
        answer(l, s);
        nothingRose();
        answer(l, s);
        finish(l, only(s));
        assertPaidOut(l, A - 100, B + 100);
    }

    /// @notice C21: a challenger that raises its own lane before every answer cannot make the answer fail.
    function test_C21_RaisingOneLaneDoesNotStopTheOther() external {
        Ledger memory l = pair();
        challenge(l);
        for (uint256 i = 1; i < 4; ++i) {
            State memory own = stateOf(l, 1, i, -1);
            Signed[] memory honest = both(signed(l, stateOf(l, 0, i, 100)), signed(l, own));
            answer(l, own);
            submit(l, honest);
        }
        finish(l, both(stateOf(l, 0, 3, 100), stateOf(l, 1, 3, -1)));
        assertPaidOut(l, A - 99, B + 99);
    }

    /// @notice C21: an honest challenge that arrives second becomes an answer.
    function test_C21_AChallengeSentFirstTurnsTheHonestOneIntoAnAnswer() external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 7, 100);
        challenge(l, stateOf(l, 0, 2, 0));
        answer(l, s);
        finish(l, only(s));
        assertPaidOut(l, A - 100, B + 100);
    }

    /// @notice The event of an answer shows what was shown, and the word says that answers exist.
    function test_AnAnswerIsShown() external {
        Ledger memory l = pair();
        challenge(l);
        State memory s = stateOf(l, 1, 7, 100);
        uint256 expected = word(l) | (1 << 254);
        vm.expectEmit(address(adjudicator));
        emit IAdjudicator.Raised(l.id, COIN, LaneWord.wrap(0), LaneWord.wrap(Hash.laneWord(l, s)));
        answer(l, s);
        vm.assertEq(word(l), expected, "word");
        vm.assertEq(recordedLane(l, 1), Hash.laneWord(l, s), "lane");
    }
}
