// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {SecretCondition} from "../../contracts/conditions/SecretCondition.sol";
import {Base} from "./Base.t.sol";

contract SecretConditionTest is Base {
    SecretCondition private condition = new SecretCondition();

    /// @notice The preimage of either hash answers with one, through the registry too.
    function testFuzz_AnswersToTheSecret(bytes32 secret) external {
        bytes memory witness = abi.encodePacked(secret);
        bytes memory data = abi.encode(true, sha256(witness));
        vm.assertEq(condition.evaluate(data, witness), 1e18, "sha256");
        vm.assertEq(condition.evaluate(abi.encode(false, keccak256(witness)), witness), 1e18, "keccak256");
        registry.record(address(condition), data, witness);
        (uint256 value, ) = registry.outcome(keyOf(address(condition), data));
        vm.assertEq(value, 1e18, "recorded");
    }

    function testFuzz_RefusesAnotherSecret(bytes32 secret, bytes32 other) external {
        if (secret == other) return;
        (bytes32 expected, bytes32 actual) = (sha256(abi.encode(secret)), sha256(abi.encode(other)));
        vm.expectRevert(abi.encodeWithSelector(SecretCondition.WrongSecret.selector, expected, actual));
        condition.evaluate(abi.encode(true, expected), abi.encode(other));
    }

    /// @notice A secret of one hash function does not open a lock of the other.
    function test_TheHashFunctionsAreNotInterchangeable() external {
        bytes memory secret = abi.encode(keccak256("secret"));
        bytes memory data = abi.encode(false, sha256(secret));
        vm.expectPartialRevert(SecretCondition.WrongSecret.selector);
        condition.evaluate(data, secret);
    }

    /// @notice C48: a secret has 32 bytes, even if its hash is right.
    function testFuzz_C48_RefusesAnotherLength(bytes calldata witness) external {
        if (witness.length == 32) return;
        bytes memory data = abi.encode(true, sha256(witness));
        vm.expectRevert(abi.encodeWithSelector(SecretCondition.WrongSecretLength.selector, witness.length));
        condition.evaluate(data, witness);
    }

    function test_RefusesMalformedData() external {
        vm.expectRevert();
        condition.evaluate(abi.encode(2, bytes32(0)), new bytes(32));
        vm.expectRevert();
        condition.evaluate("", new bytes(32));
    }
}
