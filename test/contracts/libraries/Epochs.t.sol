// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {EpochWord} from "../../../contracts/types/house/Epoch.sol";
import {Vm} from "../Vm.sol";

/// @title What is counted of an epoch's challenges
contract EpochsTest {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    /// @notice Every challenge and every answer counts, and nothing else changes.
    function testFuzz_CountsChallengesAndAnswers(uint256 start, uint16 made, uint16 open) external pure {
        uint256 rest = start >> 32;
        made %= type(uint16).max;
        open %= type(uint16).max - 1;
        EpochWord word = EpochWord.wrap((rest << 32) | (uint256(made) << 16) | open).withChallenge();
        vm.assertEq(word.challenges(), uint256(made) + 1, "made");
        vm.assertEq(word.open(), uint256(open) + 1, "open");
        vm.assertEq(word.withAnswer().open(), open, "answered");
        vm.assertEq(EpochWord.unwrap(word) >> 32, rest, "the rest");
    }

    /// @notice An operator cannot keep challenges out by as many of its own: the epoch fails.
    function testFuzz_AFullCounterStaysFull(uint256 start) external pure {
        EpochWord full = EpochWord.wrap(start | type(uint32).max);
        vm.assertEq(EpochWord.unwrap(full.withChallenge()), EpochWord.unwrap(full), "one more");
        vm.assertEq(EpochWord.unwrap(full.withAnswer()), EpochWord.unwrap(full), "one less");
    }
}
