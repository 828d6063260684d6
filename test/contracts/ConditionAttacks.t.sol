// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICondition} from "../../contracts/interfaces/ICondition.sol";
import {IOutcomeRegistry} from "../../contracts/interfaces/IOutcomeRegistry.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, List, Reserve, State, Transfer, Wire} from "./Model.sol";
import {GasCondition, LoopingCondition, ReentrantCondition, RevertingCondition} from "./mocks/Conditions.sol";
import {Reentrant} from "./mocks/Payees.sol";
import {HookToken} from "./mocks/Tokens.sol";

/// @title Attacks on outcomes and on the transfers that wait for them, by every condition of the project
contract ConditionAttacksTest is Base {
    uint256 private constant ONE = 1e18;
    uint256 private constant SCALAR = 12345;
    uint256 private constant CONDITIONS = 5;
    uint256 private constant LOGIC = 4;
    bytes32 private constant SECRET = keccak256("secret");
    bytes32 private constant PART = keccak256("a part of the logic");
    string[CONDITIONS] private NAMES = [
        "SecretCondition",
        "PointCondition",
        "ClockCondition",
        "VouchedCondition",
        "LogicCondition"
    ];

    /// @dev A question with its answer and what proves it.
    struct Case {
        address condition;
        bytes data;
        bytes witness;
        uint256 value;
    }

    Case[CONDITIONS] private cases;

    function setUp() public override {
        super.setUp();
        bytes32 key = registry.reveal(PART);
        for (uint256 i; i < CONDITIONS; ++i) {
            cases[i].condition = deploy(NAMES[i], i == LOGIC ? abi.encode(registry) : bytes(""));
            cases[i].value = ONE;
        }
        (cases[0].data, cases[0].witness) = (abi.encode(false, keccak256(abi.encode(SECRET))), abi.encode(SECRET));
        (cases[1].data, cases[1].witness) = (pointOfScalar(), abi.encode(SCALAR));
        cases[2].data = abi.encode(now_());
        (cases[3].data, cases[3].witness, cases[3].value) = vouched(cases[3].condition, ONE / 3);
        // Half of one part, whatever becomes of another one that has no weight.
        cases[4].data = abi.encodePacked(uint8(3), key, uint64(ONE / 2), keccak256("never recorded"), uint64(0));
        cases[4].value = ONE / 2;
    }

    /// @dev The point of 12345, by an independent implementation.
    function pointOfScalar() private pure returns (bytes memory point) {
        point =
            hex"f01d6b9018ab421dd410404cb869072065522bf85734008f105cf385a023a80f0eba29d0f0c5408ed681984dc525982abefccd9f7ff01dd26da4999cf3f6a295";
        require(address(uint160(uint256(keccak256(point)))) == vm.addr(SCALAR), "not the point");
    }

    function vouched(address condition, uint256 value) private view returns (bytes memory, bytes memory, uint256) {
        bytes memory data = abi.encode(vm.addr(1), vm.addr(2), keccak256("question"));
        bytes32 typeHash = keccak256("Vouch(address payer,address payee,bytes32 about,uint256 value)");
        bytes32 hash = keccak256(bytes.concat(abi.encode(typeHash), data, abi.encode(value)));
        bytes32 digest = Hash.digest(Hash.domain(block.chainid, condition), hash);
        (bytes32 r0, bytes32 vs0) = compact(1, digest);
        (bytes32 r1, bytes32 vs1) = compact(2, digest);
        return (data, abi.encode(value, r0, vs0, r1, vs1), value);
    }

    function keyOf(Case memory one) private view returns (bytes32) {
        return keyOf(one.condition, one.data);
    }

    function record(Case memory one) private returns (bytes32) {
        return registry.record(one.condition, one.data, one.witness);
    }

    function assertOutcome(bytes32 key, uint256 value, uint256 recordedAt) private view {
        (uint256 actual, uint256 time) = registry.outcome(key);
        vm.assertEq(actual, value, "value");
        vm.assertEq(time, recordedAt, "recordedAt");
    }

    // ---------------------------------------------------------------- answers

    /// @notice C45: with any gas there is the one answer or none.
    function testFuzz_C45_GasChangesNoAnswer(uint256 which, uint24 gas) external {
        Case memory one = cases[which % CONDITIONS];
        uint256 limit = uint256(gas) % 120_000;
        try ICondition(one.condition).evaluate{gas: limit}(one.data, one.witness) returns (uint256 value) {
            vm.assertEq(value, one.value, "the answer");
        } catch {}
        try registry.record{gas: limit}(one.condition, one.data, one.witness) {
            assertOutcome(keyOf(one), one.value, now_());
        } catch {
            assertOutcome(keyOf(one), 0, 0);
        }
        record(one);
        assertOutcome(keyOf(one), one.value, now_());
    }

    /// @notice C46: whoever asks, and whenever, it is the same answer.
    function testFuzz_C46_TheCallerChangesNoAnswer(uint256 which, address caller, uint32 wait) external {
        Case memory one = cases[which % CONDITIONS];
        vm.warp(now_() + wait);
        vm.prank(caller);
        vm.assertEq(ICondition(one.condition).evaluate(one.data, one.witness), one.value, "asked");
        vm.prank(caller);
        record(one);
        assertOutcome(keyOf(one), one.value, now_());
    }

    /// @notice C45: with any witness there is the one answer or none.
    function testFuzz_C45_NoWitnessChangesTheAnswer(
        uint256 which,
        bytes calldata witness,
        uint8 flipped
    ) external view {
        Case memory one = cases[which % CONDITIONS];
        bytes memory damaged = one.witness;
        if (damaged.length != 0) damaged[flipped % damaged.length] ^= 0x01;
        bytes[2] memory witnesses = [witness, damaged];
        for (uint256 i; i < 2; ++i) {
            try ICondition(one.condition).evaluate(one.data, witnesses[i]) returns (uint256 value) {
                vm.assertEq(value, one.value, "the answer");
            } catch {}
        }
    }

    /// @notice C45: a condition that answers by gas can be played with until it is recorded; then it is the same for everybody.
    function testFuzz_C45_ARecordedAnswerIsTheSameForEverybody(bool much, uint256 gas) external {
        address moody = address(new GasCondition());
        bytes32 key = registry.record{gas: much ? 300_000 : 100_000}(moody, "", "");
        (uint256 value, ) = registry.outcome(key);
        vm.assertEq(value, much ? ONE : 0, "by gas");
        registry.record{gas: much ? 100_000 : 300_000}(moody, "", "");
        assertOutcome(key, value, now_());
        bytes memory data = abi.encodePacked(uint8(0), key, keyOf(PART));
        try ICondition(cases[LOGIC].condition).evaluate{gas: gas % 300_000}(data, "") returns (uint256 answer) {
            vm.assertEq(answer, value, "read as recorded");
        } catch {}
        vm.assertEq(ICondition(cases[LOGIC].condition).evaluate(data, ""), value, "read as recorded");
    }

    /// @notice C33: while a condition is asked nothing can be recorded, and a question that waits for its answer finds none.
    function testFuzz_C33_NothingIsRecordedWhileAConditionIsAsked(uint256 which) external {
        Case memory one = cases[which % CONDITIONS];
        address reentrant = address(new ReentrantCondition(address(registry)));
        bytes memory data = abi.encodeCall(registry.record, (one.condition, one.data, one.witness));
        bytes32 key = registry.record(reentrant, data, "");
        assertOutcome(keyOf(one), 0, 0);
        assertOutcome(key, 0, now_());
        reentrant = address(new ReentrantCondition(cases[LOGIC].condition));
        data = abi.encodeCall(ICondition.evaluate, (abi.encodePacked(uint8(1), keyOf(one)), ""));
        assertOutcome(registry.record(reentrant, data, ""), 0, now_());
    }

    // ---------------------------------------------------------------- transfers

    /// @dev Alice has locked these for bob, and somebody has shown it.
    function locked(Transfer[] memory transfers) private returns (Ledger memory l, State memory s) {
        l = pair();
        s = lock(stateOf(l, 0, 1, 0), ALICE, transfers);
        challenge(l, s);
    }

    function transferOn(bytes32 key, uint256 deadline) private pure returns (Transfer memory) {
        return Transfer(300, deadline, ALICE, leg(BOB, key));
    }

    /// @notice C47: an outcome recorded at the deadline pays its share, a second later the transfer is refunded; never both.
    function testFuzz_C47_TheDeadlineIsTheBorder(uint256 which, uint16 wait) external {
        Case memory one = cases[which % CONDITIONS];
        uint256 deadline = now_() + 1000;
        (Ledger memory l, State memory s) = locked(only(transferOn(keyOf(one), deadline)));
        vm.warp(now_() + (wait % 2000));
        record(one);
        uint256 paid = now_() <= deadline ? (300 * one.value) / ONE : 0;
        finish(l, only(s), only(listOf(s, true)));
        assertPaidOut(l, A - paid, B + paid);
    }

    /// @notice C47: the deadline itself, and one second after it, for every condition.
    function test_C47_AtTheDeadlineAndAfter() external {
        for (uint256 i; i < 2 * CONDITIONS; ++i) {
            uint256 start = now_();
            this.testFuzz_C47_TheDeadlineIsTheBorder(i / 2, uint16(1000 + (i % 2)));
            vm.warp(start);
            setUp();
            vm.deal(empty(2, COIN).party[ALICE].owner, 0);
            vm.deal(empty(2, COIN).party[BOB].owner, 0);
        }
    }

    /// @notice C47: parts that were recorded in time are not enough: the whole has to be, too.
    function test_C47_AWholeThatIsRecordedLateRefunds() external {
        (bytes32 key, uint256 deadline) = (keyOf(cases[LOGIC]), now_() + 10);
        Transfer[] memory transfers = new Transfer[](2);
        (transfers[0], transfers[1]) = (transferOn(key, deadline), transferOn(keyOf(PART), deadline));
        (Ledger memory l, State memory s) = locked(transfers);
        vm.warp(deadline + 1);
        record(cases[LOGIC]);
        finish(l, only(s), only(listOf(s, true)));
        assertPaidOut(l, A - 300, B + 300);
    }

    /// @notice C48: transfers with one key and amount resolve one by one, each once, now or later.
    function testFuzz_C48_EqualTransfersResolveSeparately(uint256 which) external {
        Case memory one = cases[which % CONDITIONS];
        Transfer[] memory equal = new Transfer[](3);
        for (uint256 i; i < 3; ++i) {
            equal[i] = transferOn(keyOf(one), now_() + 2 * PERIOD);
        }
        (Ledger memory l, State memory s) = locked(equal);
        record(one);
        List memory list = listOf(s, true);
        list.shown[1] = false;
        uint256 share = (300 * one.value) / ONE;
        expire(l);
        settle(l, only(s), only(list));
        assertPaidOut(l, A - 300 - 2 * share, B + 2 * share);
        (list.gone[0], list.gone[2]) = (true, true);
        (list.shown[0], list.shown[1], list.shown[2]) = (false, true, false);
        Reserve[] memory rest = new Reserve[](1);
        rest[0] = Reserve(0, 300, 300, Hash.listRoot(s.transfers, list.gone));
        for (uint256 i; i < 2; ++i) {
            redeem(l, rest, only(list));
            assertPaidOut(l, A - 3 * share, B + 3 * share);
        }
    }

    /// @notice C45: on a condition that loops or reverts, or a whole with such a part, the deadline pays back.
    function test_C45_TheDeadlineEndsWaitingForAHostileCondition() external {
        address looping = address(new LoopingCondition());
        address reverting = address(new RevertingCondition());
        bytes memory whole = abi.encodePacked(uint8(0), keyOf(PART), keyOf(looping, ""));
        Transfer[] memory transfers = new Transfer[](3);
        uint256 deadline = now_() + 10;
        transfers[0] = transferOn(keyOf(looping, ""), deadline);
        transfers[1] = transferOn(keyOf(reverting, ""), deadline);
        transfers[2] = transferOn(keyOf(cases[LOGIC].condition, whole), deadline);
        (Ledger memory l, State memory s) = locked(transfers);
        vm.expectPartialRevert(IOutcomeRegistry.NotAnAnswer.selector);
        registry.record(cases[LOGIC].condition, whole, "");
        expire(l);
        // Little gas is enough: nobody is asked.
        bytes memory proof = Wire.proof(l.base, only(s), only(listOf(s, true)));
        adjudicator.settle{gas: 1_000_000}(l.channel, COIN, proof);
        assertPaidOut(l, A, B);
    }

    /// @notice C33: who records an outcome from within a payout gains nothing: it is paid later, once.
    function testFuzz_C33_AnOutcomeRecordedFromAPayout(uint256 which) external {
        Case memory one = cases[which % CONDITIONS];
        Reentrant payee = new Reentrant();
        HookToken token = new HookToken();
        Ledger memory l = pair(address(token));
        State memory s = lock(stateOf(l, 0, 1, 0), ALICE, transferOn(keyOf(one), now_() + 2 * PERIOD));
        challenge(l, s);
        expire(l);
        bytes memory call = abi.encodeCall(registry.record, (one.condition, one.data, one.witness));
        payee.prepare(address(registry), call, 0);
        token.setHook(address(payee), abi.encodeCall(payee.enter, ()));
        settle(l, only(s), only(listOf(s, true)));
        vm.assertTrue(payee.called() && payee.ok(), "recorded while alice was paid");
        assertOutcome(keyOf(one), one.value, now_());
        assertPaidOut(l, A - 300, B);
        Reserve[] memory rest = new Reserve[](1);
        rest[0] = Reserve(0, 300, 300, Hash.transfersRoot(s));
        uint256 share = (300 * one.value) / ONE;
        for (uint256 i; i < 2; ++i) {
            redeem(l, rest, only(listOf(s, true)));
            assertPaidOut(l, A - share, B + share);
        }
    }
}
