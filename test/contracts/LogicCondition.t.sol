// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {LogicCondition} from "../../contracts/conditions/LogicCondition.sol";
import {ICondition} from "../../contracts/interfaces/ICondition.sol";
import {IOutcomeRegistry} from "../../contracts/interfaces/IOutcomeRegistry.sol";
import {Base} from "./Base.t.sol";
import {EchoCondition, LoopingCondition, RevertingCondition} from "./mocks/Conditions.sol";

contract LogicConditionTest is Base {
    uint8 private constant AND = 0;
    uint8 private constant OR = 1;
    uint8 private constant SUM = 2;
    uint8 private constant WEIGHTED = 3;
    uint256 private constant ONE = 1e18;

    ICondition private condition;
    address private echo = address(new EchoCondition());

    /// @dev A part as the test knows it: what it will be, once it is recorded.
    struct Part {
        uint256 value;
        uint64 weight;
        bool recorded;
    }

    function setUp() public override {
        super.setUp();
        condition = ICondition(deploy("LogicCondition", abi.encode(registry)));
    }

    // ---------------------------------------------------------------- a plain model

    /// @dev The rules, one by one, as docs/protocol.md §4 says them.
    function model(uint8 operation, Part[] memory parts) private pure returns (bool decided, uint256 value) {
        uint256 missing;
        uint256 open;
        uint256 least = ONE;
        uint256 most;
        uint256 sum;
        for (uint256 i; i < parts.length; ++i) {
            uint256 weight = operation == WEIGHTED ? parts[i].weight : ONE;
            if (!parts[i].recorded) {
                ++missing;
                if (weight != 0) ++open;
                continue;
            }
            if (parts[i].value < least) least = parts[i].value;
            if (parts[i].value > most) most = parts[i].value;
            sum += weight * parts[i].value;
        }
        if (operation == AND) return (missing == 0 || least == 0, least);
        if (operation == OR) return (missing == 0 || most == ONE, most);
        sum /= ONE;
        return (open == 0 || sum >= ONE, sum < ONE ? sum : ONE);
    }

    // ---------------------------------------------------------------- building

    /// @dev Values and weights that are often zero or one, since there the rules bend.
    function partsOf(uint256 seed) private pure returns (Part[] memory parts) {
        parts = new Part[](1 + (seed % 6));
        for (uint256 i; i < parts.length; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            uint256 value = [0, ONE, ONE - 1, uint128(random) % (ONE + 1)][(random >> 128) % 4];
            uint256 weight = [0, ONE, ONE / parts.length, uint64(random >> 136)][(random >> 200) % 4];
            parts[i] = Part(value, uint64(weight), false);
        }
    }

    function keyOfPart(Part memory part, uint256 i) private view returns (bytes32) {
        return keyOf(echo, abi.encode(part.value, i));
    }

    function recordPart(Part memory part, uint256 i) private {
        registry.record(echo, abi.encode(part.value, i), "");
        part.recorded = true;
    }

    function dataOf(uint8 operation, Part[] memory parts) private view returns (bytes memory data) {
        data = abi.encodePacked(operation);
        for (uint256 i; i < parts.length; ++i) {
            data = bytes.concat(data, keyOfPart(parts[i], i));
            if (operation == WEIGHTED) data = bytes.concat(data, bytes8(parts[i].weight));
        }
    }

    function pairOf(uint8 operation, bytes32 first, bytes32 second) private pure returns (bytes memory) {
        return abi.encodePacked(operation, first, second);
    }

    function ask(bytes memory data) private view returns (bool decided, uint256 value) {
        try condition.evaluate(data, "") returns (uint256 answer) {
            return (true, answer);
        } catch (bytes memory reason) {
            require(bytes4(reason) == LogicCondition.Undecided.selector, "another reason");
        }
    }

    function undecided(bytes memory data, uint256 least, uint256 most) private {
        vm.expectRevert(abi.encodeWithSelector(LogicCondition.Undecided.selector, least, most));
        condition.evaluate(data, "");
    }

    // ---------------------------------------------------------------- rules

    /// @notice Whatever is recorded, in any order: the answer is the model's, or there is none; and once there is one it stays.
    function testFuzz_AnswersAsTheModelDoesAndNeverOtherwise(uint256 seed, uint8 operation, uint256 order) external {
        operation %= 4;
        Part[] memory parts = partsOf(seed);
        bytes memory data = dataOf(operation, parts);
        (bool answered, uint256 answer) = (false, 0);
        for (uint256 step; step <= parts.length; ++step) {
            (bool decided, uint256 value) = ask(data);
            (bool expected, uint256 modelled) = model(operation, parts);
            vm.assertTrue(decided == expected, "decided");
            if (decided) vm.assertEq(value, modelled, "value");
            if (answered) vm.assertTrue(decided && value == answer, "an answer for ever");
            (answered, answer) = (decided, value);
            vm.warp(now_() + 100);
            if (step < parts.length) recordNext(parts, uint256(keccak256(abi.encode(order, step))));
        }
        vm.assertTrue(answered, "with all parts there is an answer");
    }

    function recordNext(Part[] memory parts, uint256 random) private {
        uint256 next = random % parts.length;
        while (parts[next].recorded) {
            next = (next + 1) % parts.length;
        }
        recordPart(parts[next], next);
    }

    /// @notice However the missing parts turn out later: an answer is the value of the complete question.
    function testFuzz_NoAnswerIsEverContradicted(uint256 seed, uint8 operation, uint8 mask) external {
        operation %= 4;
        Part[] memory parts = partsOf(seed);
        bytes memory data = dataOf(operation, parts);
        for (uint256 i; i < parts.length; ++i) {
            if ((mask >> i) & 1 == 1) recordPart(parts[i], i);
        }
        (bool early, uint256 answer) = ask(data);
        for (uint256 i; i < parts.length; ++i) {
            recordPart(parts[i], i);
        }
        (bool late, uint256 complete) = ask(data);
        vm.assertTrue(late, "complete");
        if (early) vm.assertEq(answer, complete, "the same");
    }

    /// @notice A part that is not recorded is never zero, however long ago anything was due.
    function testFuzz_AMissingPartIsNeverZero(uint8 operation, uint32 wait) external {
        Part[] memory parts = new Part[](2);
        (parts[0], parts[1]) = (Part(ONE / 2, uint64(ONE / 2), false), Part(ONE, uint64(ONE / 2), false));
        recordPart(parts[0], 0);
        vm.warp(now_() + wait);
        (bool decided, ) = ask(dataOf(operation % 4, parts));
        vm.assertTrue(!decided, "undecided");
    }

    function test_AndIsTheLeast() external {
        Part[] memory parts = three(ONE / 4, ONE / 2, 0);
        bytes memory data = dataOf(AND, parts);
        undecided(data, 0, ONE);
        recordPart(parts[0], 0);
        recordPart(parts[1], 1);
        undecided(data, 0, ONE / 4);
        recordPart(parts[2], 2);
        vm.assertEq(condition.evaluate(data, ""), 0, "the least");
    }

    /// @notice One zero decides an "and", one whole an "or", and a full sum a sum: nobody has to wait for the rest.
    function test_IsFinalOnceNoMissingPartCanChangeIt() external {
        Part[] memory parts = three(0, ONE, 1);
        recordPart(parts[0], 0);
        vm.assertEq(condition.evaluate(dataOf(AND, parts), ""), 0, "and");
        undecided(dataOf(OR, parts), 0, ONE);
        recordPart(parts[1], 1);
        vm.assertEq(condition.evaluate(dataOf(OR, parts), ""), ONE, "or");
        vm.assertEq(condition.evaluate(dataOf(SUM, parts), ""), ONE, "sum");
        undecided(dataOf(WEIGHTED, parts), ONE / 3, ONE / 3 + ONE / 3);
    }

    function test_ASumEndsAtOne() external {
        Part[] memory parts = three(ONE / 2, ONE / 4, ONE / 2);
        recordPart(parts[0], 0);
        recordPart(parts[1], 1);
        undecided(dataOf(SUM, parts), (ONE * 3) / 4, ONE);
        recordPart(parts[2], 2);
        vm.assertEq(condition.evaluate(dataOf(SUM, parts), ""), ONE, "capped");
    }

    /// @notice A weight above one counts as it is, the greatest one too; the sum ends at one and nothing overflows.
    function test_WeightsMayBeGreat() external {
        Part[] memory parts = new Part[](64);
        for (uint256 i; i < 64; ++i) {
            parts[i] = Part(ONE, type(uint64).max, false);
            recordPart(parts[i], i);
        }
        vm.assertEq(condition.evaluate(dataOf(WEIGHTED, parts), ""), ONE, "one");
    }

    /// @notice A missing part without weight is not waited for.
    function test_WeightZeroIsNotWaitedFor() external {
        Part[] memory parts = three(ONE / 2, 7, ONE);
        (parts[0].weight, parts[1].weight, parts[2].weight) = (uint64(ONE), 0, uint64(ONE / 10));
        recordPart(parts[0], 0);
        undecided(dataOf(WEIGHTED, parts), ONE / 2, ONE / 2 + ONE / 10);
        recordPart(parts[2], 2);
        vm.assertEq(condition.evaluate(dataOf(WEIGHTED, parts), ""), ONE / 2 + ONE / 10, "without the middle one");
        bytes memory nothing = abi.encodePacked(WEIGHTED, new bytes(64 * 40));
        vm.assertEq(condition.evaluate(nothing, ""), 0, "no weight at all is nothing, from the beginning");
    }

    /// @notice The division comes last: three parts of a third each add up.
    function test_RoundsOnce() external {
        Part[] memory parts = three(1, 1, 1);
        for (uint256 i; i < 3; ++i) {
            parts[i].weight = uint64(ONE / 2);
            recordPart(parts[i], i);
        }
        vm.assertEq(condition.evaluate(dataOf(WEIGHTED, parts), ""), 1, "1.5 rounded down, not three halves");
    }

    /// @notice The same part twice counts twice.
    function test_APartMayStandTwice() external {
        bytes32 key = registry.record(echo, abi.encode(ONE / 4), "");
        vm.assertEq(condition.evaluate(pairOf(SUM, key, key), ""), ONE / 2, "twice");
        vm.assertEq(condition.evaluate(pairOf(AND, key, key), ""), ONE / 4, "and");
    }

    function three(uint256 first, uint256 second, uint256 third) private pure returns (Part[] memory parts) {
        parts = new Part[](3);
        uint64 weight = uint64(ONE / 3);
        (parts[0], parts[1], parts[2]) = (
            Part(first, weight, false),
            Part(second, weight, false),
            Part(third, weight, false)
        );
    }

    // ---------------------------------------------------------------- time

    /// @notice When the parts were recorded changes nothing; the whole is recorded when somebody asks for it.
    function test_TheWholeHasATimeOfItsOwn() external {
        (bytes32 first, bytes32 second) = (keccak256("first"), keccak256("second"));
        bytes memory data = pairOf(AND, keyOf(first), keyOf(second));
        registry.reveal(first);
        vm.warp(now_() + 100);
        registry.reveal(second);
        vm.warp(now_() + 100);
        bytes32 key = registry.record(address(condition), data, "");
        (uint256 value, uint256 recordedAt) = registry.outcome(key);
        vm.assertEq(value, ONE, "value");
        vm.assertEq(recordedAt, now_(), "not backdated");
    }

    // ---------------------------------------------------------------- nesting

    /// @notice A whole is a part of another as soon as it is recorded; a batch records from the inside out.
    function test_NestsThroughTheRegistry() external {
        bytes32 a = registry.record(echo, abi.encode(ONE / 2), "");
        bytes32 b = registry.reveal("b");
        address[] memory conditions = new address[](3);
        bytes[] memory data = new bytes[](3);
        (conditions[0], conditions[1], conditions[2]) = (address(condition), address(condition), address(condition));
        data[0] = pairOf(AND, a, b);
        data[1] = pairOf(OR, a, keyOf(address(condition), data[0]));
        data[2] = pairOf(SUM, keyOf(address(condition), data[0]), keyOf(address(condition), data[1]));
        undecided(data[2], 0, ONE);
        registry.recordBatch(conditions, data, new bytes[](3));
        (uint256 value, ) = registry.outcome(keyOf(address(condition), data[2]));
        vm.assertEq(value, ONE, "a half and a half");
    }

    /// @notice A whole that could be recorded and is not is still missing: only the registry counts.
    function test_AWholeThatIsNotRecordedIsMissing() external {
        bytes32 a = registry.record(echo, abi.encode(ONE / 2), "");
        bytes memory inner = pairOf(AND, a, a);
        vm.assertEq(condition.evaluate(inner, ""), ONE / 2, "answered");
        undecided(pairOf(AND, keyOf(address(condition), inner), a), 0, ONE / 2);
    }

    /// @notice However deep, each level is one look at the registry: the deepest costs what the first did.
    function test_DepthCostsNothing() external {
        bytes32 key = registry.reveal("innermost");
        uint256 first;
        for (uint256 depth; depth < 40; ++depth) {
            bytes memory data = pairOf(AND, key, key);
            uint256 before = gasleft();
            condition.evaluate(data, "");
            uint256 used = before - gasleft();
            if (depth == 0) first = used;
            vm.assertLe(used, first, "no deeper than one level");
            key = registry.record(address(condition), data, "");
        }
    }

    // ---------------------------------------------------------------- refusals

    function malformed(bytes memory data) private {
        vm.expectRevert(abi.encodeWithSelector(LogicCondition.MalformedParts.selector, data.length));
        condition.evaluate(data, "");
    }

    /// @notice C43: 1 to 64 whole parts, and nothing behind them.
    function test_C43_RefusesMalformedParts() external {
        malformed("");
        for (uint8 operation; operation < 4; ++operation) {
            uint256 size = operation == WEIGHTED ? 40 : 32;
            malformed(abi.encodePacked(operation));
            malformed(abi.encodePacked(operation, new bytes(size - 1)));
            malformed(abi.encodePacked(operation, new bytes(size + 1)));
            malformed(abi.encodePacked(operation, new bytes(65 * size)));
            if (operation != WEIGHTED) undecided(abi.encodePacked(operation, new bytes(64 * size)), 0, ONE);
        }
    }

    function testFuzz_RefusesAnotherOperation(uint8 operation, bytes32 key) external {
        if (operation < 4) operation += 4;
        vm.expectRevert(abi.encodeWithSelector(LogicCondition.NoSuchOperation.selector, operation));
        condition.evaluate(abi.encodePacked(operation, key), "");
    }

    /// @notice C45: arbitrary bytes are refused, or a question about keys that nobody has recorded.
    function testFuzz_C45_AnswersNothingAboutGarbage(bytes calldata data, bytes calldata witness) external {
        // Parts without any weight are worth nothing at once.
        if (data.length > 40 && uint8(data[0]) == WEIGHTED) return;
        vm.expectRevert();
        condition.evaluate(data, witness);
        vm.expectPartialRevert(IOutcomeRegistry.NotAnAnswer.selector);
        registry.record(address(condition), data, witness);
    }

    /// @notice C45: parts whose conditions loop or revert are never recorded, and so never zero.
    function test_C45_AHostilePartNeverCounts() external {
        bytes32 good = registry.reveal("good");
        address[2] memory hostile = [address(new LoopingCondition()), address(new RevertingCondition())];
        for (uint256 i; i < 2; ++i) {
            try registry.record{gas: 200_000}(hostile[i], "", "") {
                vm.assertTrue(false, "recorded");
            } catch {}
            undecided(pairOf(AND, good, keyOf(hostile[i], "")), 0, ONE);
            vm.assertEq(condition.evaluate(pairOf(OR, good, keyOf(hostile[i], "")), ""), ONE, "not waited for");
        }
    }
}
