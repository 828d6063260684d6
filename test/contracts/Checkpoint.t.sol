// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {LaneWord} from "../../contracts/types/State.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, Signed, State} from "./Model.sol";

contract CheckpointTest is Base {
    /// @notice A checkpoint records its lanes, starts no clock and touches no balance.
    function test_RecordsWithoutAClock() external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 5, 100);
        uint256 expected = word(l) | (1 << 254);
        vm.expectEmit(address(adjudicator));
        emit IAdjudicator.Raised(l.id, COIN, LaneWord.wrap(Hash.laneWord(l, s)), LaneWord.wrap(0));
        checkpoint(l, only(signed(l, s)));
        vm.assertEq(word(l), expected, "word");
        vm.assertEq(recordedLane(l, 0), Hash.laneWord(l, s), "lane");
        fund(l, ALICE, 1);
        vm.assertEq(balance(l, ALICE), int256(A + 1), "still open");
    }

    /// @notice C20: a challenge below a checkpoint starts the clock (an exit must always be possible), but the checkpoint is paid.
    function test_C20_AChallengeBelowACheckpointPaysTheCheckpoint() external {
        Ledger memory l = pair();
        State memory s = stateOf(l, 0, 5, 100);
        checkpoint(l, only(signed(l, s)));
        challenge(l, stateOf(l, 0, 4, 900));
        finish(l, only(s));
        assertPaidOut(l, A - 100, B + 100);
    }

    /// @notice C6: the checkpoint of one generation says nothing in the next.
    function test_C6_ACheckpointEndsWithItsGeneration() external {
        Ledger memory l = pair();
        checkpoint(l, only(signed(l, stateOf(l, 0, 5, 100))));
        withdraw(l, closing(l, A, B));
        ++l.generation;
        fund(l, ALICE, 10);
        challenge(l);
        finish(l, none());
        assertPaidOut(l, A + 10, B);
    }

    /// @notice A checkpoint that raises nothing is refused, also one that shows nothing.
    function test_C20_RefusesWhatRaisesNothing() external {
        Ledger memory l = pair();
        Signed[] memory list = only(signed(l, stateOf(l, 0, 5, 100)));
        checkpoint(l, list);
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.NothingRose.selector));
        checkpoint(l, list);
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.NothingRose.selector));
        checkpoint(l, new Signed[](0));
    }

    /// @notice While a dispute runs states are submitted, not checkpointed.
    function test_RefusesWhileDisputed() external {
        Ledger memory l = pair();
        challenge(l);
        Signed[] memory list = only(signed(l, stateOf(l, 0, 5, 100)));
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.AlreadyDisputed.selector, now_() + PERIOD));
        checkpoint(l, list);
    }

    /// @notice For any two versions the higher stays recorded.
    function testFuzz_TheHigherVersionStays(uint32 first, uint32 second) external {
        Ledger memory l = pair();
        (uint256 low, uint256 high) = (uint256(first) + 1, uint256(second) + 1);
        checkpoint(l, only(signed(l, stateOf(l, 0, low, 1))));
        Signed[] memory list = only(signed(l, stateOf(l, 0, high, 2)));
        if (high <= low) vm.expectRevert(abi.encodeWithSelector(IAdjudicator.NothingRose.selector));
        checkpoint(l, list);
        vm.assertEq(recordedLane(l, 0) >> 192, high > low ? high : low, "version");
    }
}
