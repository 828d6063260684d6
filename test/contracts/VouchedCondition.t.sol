// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {VouchedCondition} from "../../contracts/conditions/VouchedCondition.sol";
import {ICondition} from "../../contracts/interfaces/ICondition.sol";
import {IOutcomeRegistry} from "../../contracts/interfaces/IOutcomeRegistry.sol";
import {Base} from "./Base.t.sol";
import {Hash} from "./Model.sol";
import {RevertingCondition} from "./mocks/Conditions.sol";

contract VouchedConditionTest is Base {
    uint256 private constant PAYER = 0xA11CE;
    uint256 private constant PAYEE = 0xB0B;
    uint256 private constant MALLORY = 0x3A1;
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    bytes32 private constant ABOUT = keccak256("delivery 7");

    ICondition private condition;
    bytes private data = abi.encode(vm.addr(PAYER), vm.addr(PAYEE), ABOUT);

    function setUp() public override {
        super.setUp();
        condition = ICondition(deploy("VouchedCondition", ""));
    }

    /// @dev What a voucher for `value` about `question` signs, in the words of docs/protocol.md §4.
    function digestOf(bytes memory question, uint256 value) private view returns (bytes32) {
        bytes32 typeHash = keccak256("Vouch(address payer,address payee,bytes32 about,uint256 value)");
        bytes32 hash = keccak256(bytes.concat(abi.encode(typeHash), question, abi.encode(value)));
        return Hash.digest(Hash.domain(block.chainid, address(condition)), hash);
    }

    function witnessOf(
        uint256 value,
        bytes32 digest,
        uint256 payer,
        uint256 payee
    ) private pure returns (bytes memory) {
        (bytes32 r0, bytes32 vs0) = compact(payer, digest);
        (bytes32 r1, bytes32 vs1) = compact(payee, digest);
        return abi.encode(value, r0, vs0, r1, vs1);
    }

    function vouch(uint256 value) private view returns (bytes memory) {
        return witnessOf(value, digestOf(data, value), PAYER, PAYEE);
    }

    /// @notice What both signed is the answer, through the registry too.
    function testFuzz_AnswersWithWhatBothSigned(uint256 value) external {
        value %= 1e18 + 1;
        vm.assertEq(condition.evaluate(data, vouch(value)), value, "value");
        registry.record(address(condition), data, vouch(value));
        (uint256 recorded, ) = registry.outcome(keyOf(address(condition), data));
        vm.assertEq(recorded, value, "recorded");
    }

    /// @notice Neither signature stands for the other, and nobody else's for either.
    function test_RefusesAnotherSigner() external {
        bytes32 digest = digestOf(data, 5);
        (address payer, address payee, address mallory) = (vm.addr(PAYER), vm.addr(PAYEE), vm.addr(MALLORY));
        bytes4 wrong = VouchedCondition.WrongVoucher.selector;
        bytes[3] memory witnesses = [
            witnessOf(5, digest, MALLORY, PAYEE),
            witnessOf(5, digest, PAYER, MALLORY),
            witnessOf(5, digest, PAYEE, PAYER)
        ];
        address[2][3] memory named = [[payer, mallory], [payee, mallory], [payer, payee]];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(wrong, named[i][0], named[i][1]));
            condition.evaluate(data, witnesses[i]);
        }
    }

    /// @notice One party alone cannot answer, not even with its own signature twice.
    function testFuzz_RefusesOneAlone(uint256 value) external {
        value %= 1e18 + 1;
        bytes32 digest = digestOf(data, value);
        vm.expectRevert(abi.encodeWithSelector(VouchedCondition.WrongVoucher.selector, vm.addr(PAYER), vm.addr(PAYEE)));
        condition.evaluate(data, witnessOf(value, digest, PAYEE, PAYEE));
    }

    /// @notice Signatures over one value are none over another.
    function testFuzz_RefusesAnotherValue(uint256 signedValue, uint256 value) external {
        (signedValue, value) = (signedValue % (1e18 + 1), value % (1e18 + 1));
        if (signedValue == value) return;
        vm.expectPartialRevert(VouchedCondition.WrongVoucher.selector);
        condition.evaluate(data, witnessOf(value, digestOf(data, signedValue), PAYER, PAYEE));
    }

    function testFuzz_RefusesMoreThanAll(uint256 value) external {
        if (value <= 1e18) value = 1e18 + 1;
        bytes memory witness = vouch(value);
        vm.expectRevert(abi.encodeWithSelector(VouchedCondition.ValueAboveOne.selector, value));
        condition.evaluate(data, witness);
    }

    /// @notice C4, C14: a voucher is for one question, one condition, one chain and one type.
    function test_C4_RefusesSignaturesForSomethingElse() external {
        bytes32 hash = keccak256(
            bytes.concat(
                keccak256("Vouch(address payer,address payee,bytes32 about,uint256 value)"),
                data,
                abi.encode(5)
            )
        );
        bytes32[4] memory digests = [
            digestOf(abi.encode(vm.addr(PAYER), vm.addr(PAYEE), keccak256("delivery 8")), 5),
            Hash.digest(Hash.domain(block.chainid, address(registry)), hash),
            Hash.digest(Hash.domain(block.chainid + 1, address(condition)), hash),
            Hash.digest(Hash.domain(block.chainid, address(condition)), keccak256(abi.encode(hash)))
        ];
        condition.evaluate(data, witnessOf(5, digestOf(data, 5), PAYER, PAYEE));
        for (uint256 i; i < 4; ++i) {
            vm.expectPartialRevert(VouchedCondition.WrongVoucher.selector);
            condition.evaluate(data, witnessOf(5, digests[i], PAYER, PAYEE));
        }
    }

    /// @notice C5: what was an answer before a fork of the chain is one after it, as its key is the same one.
    function test_C5_AnswersAlikeAfterAForkOfTheChain() external {
        bytes memory witness = vouch(5);
        vm.chainId(77);
        vm.assertEq(condition.evaluate(data, witness), 5, "same answer");
    }

    /// @notice C8: a compact signature has room for a few high s above half the order; they are none.
    function test_C8_RefusesAHighS() external {
        (bytes32 r, bytes32 vs) = compact(PAYER, digestOf(data, 5));
        bytes32 high = bytes32(ORDER / 2 + 1);
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));
        condition.evaluate(data, abi.encode(5, r, vs, r, high));
    }

    /// @notice C9: nobody signs for the zero address, with whatever bytes.
    function testFuzz_C9_TheZeroAddressNeverMatches(bytes32 r, bytes32 vs) external {
        vm.expectRevert();
        condition.evaluate(abi.encode(0, 0, ABOUT), abi.encode(5, r, vs, r, vs));
        vm.expectPartialRevert(ECDSA.ECDSAInvalidSignature.selector);
        condition.evaluate(abi.encode(0, 0, ABOUT), abi.encode(5, 0, 0, 0, 0));
    }

    /// @notice C12: code at a signer's account (EIP-7702) does not disown what its key signed.
    function test_C12_CodeAtASignerChangesNothing() external {
        bytes memory witness = vouch(5);
        vm.etch(vm.addr(PAYER), address(new RevertingCondition()).code);
        vm.assertEq(condition.evaluate(data, witness), 5, "same answer");
    }

    /// @notice Two values that both signed: the registry keeps the one recorded first, for every transfer and for ever.
    function testFuzz_TheFirstRecordedOfTwoValuesIsTheAnswer(uint64 first, uint64 second) external {
        (first, second) = (first % uint64(1e18 + 1), second % uint64(1e18 + 1));
        bytes32 key = registry.record(address(condition), data, vouch(first));
        uint256 time = now_();
        vm.warp(time + 1);
        vm.assertEq(registry.record(address(condition), data, vouch(second)), key, "accepted and ignored");
        (uint256 value, uint256 recordedAt) = registry.outcome(key);
        vm.assertEq(value, first, "value");
        vm.assertEq(recordedAt, time, "recordedAt");
    }

    /// @notice C45: garbage is no voucher.
    function testFuzz_C45_RefusesGarbage(bytes calldata question, bytes calldata witness) external {
        vm.expectRevert();
        condition.evaluate(question, witness);
        vm.expectRevert();
        condition.evaluate(data, witness);
        bytes memory good = vouch(5);
        vm.expectRevert();
        condition.evaluate(question, good);
        vm.expectPartialRevert(IOutcomeRegistry.NotAnAnswer.selector);
        registry.record(address(condition), data, witness);
    }
}
