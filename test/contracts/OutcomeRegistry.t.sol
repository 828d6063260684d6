// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IOutcomeRegistry} from "../../contracts/interfaces/IOutcomeRegistry.sol";
import {Base} from "./Base.t.sol";
import {
    EchoCondition,
    LoopingCondition,
    RawCondition,
    ReentrantCondition,
    RevertingCondition
} from "./mocks/Conditions.sol";

contract OutcomeRegistryTest is Base {
    bytes32 private constant SECRET = keccak256("secret");

    function assertOutcome(bytes32 key, uint256 value, uint256 recordedAt) private view {
        (uint256 actual, uint256 time) = registry.outcome(key);
        vm.assertEq(actual, value, "value");
        vm.assertEq(time, recordedAt, "recordedAt");
    }

    function rejects(address condition, bytes memory witness, uint256 size, uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(IOutcomeRegistry.NotAnAnswer.selector, condition, size, value));
        registry.record(condition, "", witness);
    }

    /// @notice A revealed secret counts in full, from the moment it is shown.
    function testFuzz_RecordsASecret(bytes32 secret) external {
        assertOutcome(keyOf(secret), 0, 0);
        vm.expectEmit(address(registry));
        emit IOutcomeRegistry.Revealed(keyOf(secret), secret);
        vm.assertEq(registry.reveal(secret), keyOf(secret), "key");
        assertOutcome(keyOf(secret), 1e18, now_());
    }

    /// @notice The first time that a secret is shown is the one that counts.
    function test_NeverMovesTheTimeOfAnOutcome() external {
        registry.reveal(SECRET);
        uint256 first = now_();
        vm.warp(first + 1);
        registry.reveal(SECRET);
        registry.record(address(registry), abi.encode(SECRET), "");
        assertOutcome(keyOf(SECRET), 1e18, first);
    }

    /// @notice A batch records every secret, also when some are known already.
    function test_RecordsABatchOfSecrets() external {
        bytes32[] memory secrets = new bytes32[](3);
        (secrets[0], secrets[1], secrets[2]) = (SECRET, keccak256("b"), SECRET);
        registry.reveal(secrets[1]);
        registry.revealBatch(secrets);
        assertOutcome(keyOf(SECRET), 1e18, now_());
        assertOutcome(keyOf(secrets[1]), 1e18, now_());
    }

    /// @notice A condition's answer is recorded under the key of its address and data.
    function testFuzz_RecordsAnAnswer(uint256 value) external {
        value %= 1e18 + 1;
        address echo = address(new EchoCondition());
        bytes memory data = abi.encode(value);
        vm.assertEq(registry.record(echo, data, ""), keyOf(echo, data), "key");
        vm.assertEq(registry.keyOf(echo, keccak256(data)), keyOf(echo, data), "key of a data hash");
        assertOutcome(keyOf(echo, data), value, now_());
    }

    /// @notice An answer of zero is an answer: it is recorded, and the condition is not asked again.
    function test_RecordsTheAnswerZeroForGood() external {
        address raw = address(new RawCondition());
        registry.record(raw, "", abi.encode(0));
        registry.record(raw, "", abi.encode(1));
        assertOutcome(keyOf(raw, ""), 0, now_());
    }

    function test_RecordsABatchOfAnswers() external {
        address echo = address(new EchoCondition());
        (address[] memory conditions, bytes[] memory data) = (new address[](2), new bytes[](2));
        (conditions[0], conditions[1], data[0], data[1]) = (echo, echo, abi.encode(1), abi.encode(2));
        registry.recordBatch(conditions, data, new bytes[](2));
        bytes32[] memory keys = new bytes32[](3);
        (keys[0], keys[2]) = (keyOf(echo, data[0]), keyOf(echo, data[1]));
        uint256[] memory packed = registry.outcomes(keys);
        vm.assertEq(packed[0], (now_() << 64) | 1, "first");
        vm.assertEq(packed[1], 0, "never recorded");
        vm.assertEq(packed[2], (now_() << 64) | 2, "last");
    }

    /// @notice A batch whose lists differ in length is refused as a whole.
    function test_C43_RefusesABatchOfUnequalLists() external {
        address[] memory conditions = new address[](2);
        (conditions[0], conditions[1]) = (address(new EchoCondition()), address(new EchoCondition()));
        vm.expectRevert();
        registry.recordBatch(conditions, new bytes[](1), new bytes[](2));
    }

    /// @notice C45: what is not one word of at most 1e18 is no answer.
    function test_C45_RefusesGarbage() external {
        address raw = address(new RawCondition());
        rejects(raw, abi.encode(1e18 + 1), 32, 1e18 + 1);
        rejects(raw, abi.encode(1, 2), 64, 1);
        vm.expectPartialRevert(IOutcomeRegistry.NotAnAnswer.selector);
        registry.record(raw, "", abi.encodePacked(uint128(1)));
    }

    /// @notice C45: silence, a revert and an address without code are no answer.
    function test_C45_RefusesNoAnswer() external {
        address raw = address(new RawCondition());
        vm.expectPartialRevert(IOutcomeRegistry.NotAnAnswer.selector);
        registry.record(raw, "", "");
        vm.expectPartialRevert(IOutcomeRegistry.NotAnAnswer.selector);
        registry.record(stranger, "", "");
        address reverting = address(new RevertingCondition());
        vm.expectPartialRevert(IOutcomeRegistry.NotAnAnswer.selector);
        registry.record(reverting, "", "");
    }

    /// @notice C45: a condition that loops costs its caller's gas and records nothing.
    function test_C45_ALoopingConditionRecordsNothing() external {
        address looping = address(new LoopingCondition());
        try registry.record{gas: 300_000}(looping, "", "") {
            vm.assertTrue(false, "recorded");
        } catch {}
        assertOutcome(keyOf(looping, ""), 0, 0);
    }

    /// @notice C33: a condition cannot record anything while it is asked.
    function test_C33_AConditionCannotReenter() external {
        address reentrant = address(new ReentrantCondition(address(registry)));
        registry.record(reentrant, abi.encodeCall(registry.reveal, (SECRET)), "");
        assertOutcome(keyOf(SECRET), 0, 0);
    }

    /// @notice C4 of keys: an outcome of another chain, condition or other data has another key.
    function testFuzz_C4_KeysDoNotCollide(address condition, bytes32 data) external view {
        bytes32 key = registry.keyOf(condition, data);
        vm.assertTrue(key != registry.keyOf(address(uint160(condition) ^ 1), data), "condition");
        vm.assertTrue(key != registry.keyOf(condition, data ^ bytes32(uint256(1))), "data");
    }

    /// @notice C5: after a fork keys stay what they were, so that signed transfers mean the same on both sides.
    function test_C5_KeysSurviveAForkOfTheChain() external {
        bytes32 key = keyOf(SECRET);
        vm.chainId(77);
        vm.assertEq(registry.reveal(SECRET), key, "key");
    }
}
