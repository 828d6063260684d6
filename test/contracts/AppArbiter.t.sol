// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAppArbiter} from "../../contracts/interfaces/IAppArbiter.sol";
import {Rules} from "../../contracts/libraries/Rules.sol";
import {Instances} from "../../contracts/types/app/Instance.sol";
import {ArbiterBase, Game, Stand} from "./ArbiterBase.sol";
import {FreeApp} from "./mocks/Apps.sol";

/// @title What the arbiter takes, what it refuses and what it records
contract AppArbiterTest is ArbiterBase {
    function expectRefusal(bytes4 selector) private {
        vm.expectPartialRevert(selector);
    }

    function refusesVersion(Game memory g, uint256 version) private {
        bytes memory state = stateOf(g, 0);
        bytes memory all = signed(g, version, state);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.VersionOutOfRange.selector, version));
        submit(g, version, state, all, "");
    }

    // ---------------------------------------------------------------- submit

    /// @notice An agreed state stands from the moment it is shown, with all clocks at zero, and the chain says so.
    function test_AnAgreedStateStands() external {
        Game memory g = game(3);
        Stand memory s = agreed(g, 5, stateOf(g, 1));
        vm.expectEmit(address(arbiter));
        emit IAppArbiter.Submitted(g.id, pack(s));
        begin(g, 5, s.state);
        assertStands(g, s);
        vm.assertEq(arbiter.idOf(g.instance), g.id, "id");
    }

    /// @notice A newer agreed state takes the place of whatever stands, and sets the clocks back.
    function test_ANewerAgreedStateTakesItsPlace() external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        vm.warp(now_() + BUDGET);
        s = play(g, s, 0, stateOf(g, 1));
        vm.assertEq(s.spent[0], BUDGET, "spent");
        assertStands(g, begin(g, 6, stateOf(g, 0)));
    }

    /// @notice C20: what stands already, or is older, is refused.
    function test_C20_RefusesWhatIsNotNewer() external {
        Game memory g = game(2);
        bytes memory state = stateOf(g, 0);
        begin(g, 5, state);
        for (uint256 version = 4; version <= 5; ++version) {
            bytes memory all = signed(g, version, state);
            vm.expectRevert(abi.encodeWithSelector(IAppArbiter.NotNewer.selector, version, 5));
            submit(g, version, state, all, "");
        }
    }

    /// @notice C3: version 0 is none; the last one ends the instance and stands nowhere.
    function test_C3_RefusesTheFirstAndTheLastVersion() external {
        Game memory g = game(2);
        refusesVersion(g, 0);
        refusesVersion(g, FINAL);
        begin(g, FINAL - 1, stateOf(g, 0));
    }

    /// @notice Nobody moves past the last version but one.
    function test_C3_NobodyMovesToTheLastVersion() external {
        Game memory g = game(2);
        Stand memory s = begin(g, FINAL - 2, stateOf(g, 0));
        s = play(g, s, 0, stateOf(g, 1));
        bytes memory moves = forced(g, 1, FINAL, stateOf(g, 0));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.VersionOutOfRange.selector, FINAL));
        move(g, s, moves);
    }

    /// @notice C43: states and moves have at most 8,192 bytes.
    function test_C43_RefusesWhatIsTooLong() external {
        Game memory g = game(2);
        bytes memory longest = stateOf(g, 0, new bytes(8_192 - 18));
        bytes memory longer = bytes.concat(longest, hex"00");
        bytes memory all = signed(g, 1, longer);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.StateTooLong.selector, 8_193, 8_192));
        submit(g, 1, longer, all, "");
        all = signed(g, FINAL, longer);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.StateTooLong.selector, 8_193, 8_192));
        arbiter.agree(g.instance, longer, all);
        Stand memory s = begin(g, 1, longest);
        bytes memory moves = forced(g, 0, 2, longer);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.StateTooLong.selector, 8_193, 8_192));
        move(g, s, moves);
        assertStands(g, play(g, s, 0, longest));
    }

    /// @notice C16: until one second before its end an instance takes states and moves, then no more.
    function test_C16_TheLastSecond() external {
        Game memory g = game(2);
        bytes memory state = stateOf(g, 0);
        bytes memory all = signed(g, 2, state);
        uint256 endBy = now_() + LENGTH;
        vm.warp(endBy - 1);
        Stand memory s = begin(g, 1, state);
        bytes memory moves = forced(g, 0, 2, state);
        bytes memory packed = pack(s);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.StillRunning.selector, endBy - 1, endBy));
        arbiter.conclude(g.instance, packed);
        vm.warp(endBy);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.TimeOver.selector, endBy, endBy));
        submit(g, 2, state, all, "");
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.TimeOver.selector, endBy, endBy));
        arbiter.move(g.instance, packed, moves);
        arbiter.conclude(g.instance, packed);
        assertGets(g, 0, ONE / 2);
    }

    /// @notice Every seat has to have signed, each in its place.
    function testFuzz_EverySeatSigns(uint256 seats, uint256 wrong) external {
        Game memory g = game(2 + (seats % 15));
        bytes memory state = stateOf(g, 0);
        bytes[] memory list = envelopes(g, 3, state);
        wrong %= g.keys.length;
        list[wrong] = envelopeOf(0xBAD, digestOf(g, AGREED, 3, state));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, wrong));
        submit(g, 3, state, sized(list), "");
        list[wrong] = "";
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, wrong));
        submit(g, 3, state, sized(list), "");
        vm.prank(vm.addr(g.keys[wrong]));
        submit(g, 3, state, sized(list), "");
        assertStands(g, agreed(g, 3, state));
    }

    /// @notice C44: signatures in another order are none.
    function test_C44_RefusesSignaturesOutOfOrder() external {
        Game memory g = game(3);
        bytes memory state = stateOf(g, 0);
        bytes[] memory list = envelopes(g, 3, state);
        (list[1], list[2]) = (list[2], list[1]);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 1));
        submit(g, 3, state, sized(list), "");
    }

    /// @notice Who holds several seats in a row signs once; one seat of another between them, and twice.
    function test_ASignerOfSeveralSeatsInARowSignsOnce() external {
        uint256[] memory keys = keysOf(4);
        (keys[1], keys[3]) = (keys[0], keys[0]);
        Game memory g = gameOf(freeApp, now_() + LENGTH, BUDGET, keys);
        bytes memory state = stateOf(g, 0);
        bytes[] memory list = envelopes(g, 3, state);
        bytes memory again = list[3];
        (list[1], list[3]) = (bytes(""), bytes(""));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 3));
        submit(g, 3, state, sized(list), "");
        list[3] = again;
        submit(g, 3, state, sized(list), "");
        assertStands(g, agreed(g, 3, state));
    }

    /// @notice C10, C43: an instance has 2 to 16 seats, and not a byte too many or too few.
    function testFuzz_C10_RefusesMalformedInstances(uint16 length) external {
        length %= 500;
        bytes memory instance = new bytes(length);
        bool good = length >= 45 + 40 && length <= 45 + 320 && (length - 45) % 20 == 0;
        if (!good) vm.expectRevert(abi.encodeWithSelector(Instances.MalformedInstance.selector, length));
        bytes32 id = arbiter.idOf(instance);
        if (good) vm.assertEq(id, idOf(instance), "id");
    }

    // ---------------------------------------------------------------- moves

    /// @notice A seat moves by its own signature, whoever sends it, and pays for the time since what stood.
    function testFuzz_ASeatMovesByForce(uint32 elapsed, address sender) external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        vm.warp(now_() + (elapsed % (BUDGET + 1)));
        bytes memory next = stateOf(g, 1, "next");
        bytes memory moves = forced(g, 0, 6, next);
        bytes memory packed = pack(s);
        s = moved(s, 0, elapsed % (BUDGET + 1), next);
        vm.expectEmit(address(arbiter));
        emit IAppArbiter.Moved(g.id, pack(s));
        vm.prank(sender);
        arbiter.move(g.instance, packed, moves);
        assertStands(g, s);
    }

    /// @notice Several seats move at once; the first pays for the time.
    function test_SeveralMovesAtOnce() external {
        Game memory g = game(3);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        vm.warp(now_() + 100);
        bytes memory first = forced(g, 0, 6, stateOf(g, 2));
        bytes memory second = forced(g, 2, 7, stateOf(g, 1));
        move(g, s, bytes.concat(first, second));
        assertStands(g, moved(moved(s, 0, 100, stateOf(g, 2)), 2, 0, stateOf(g, 1)));
    }

    /// @notice With an agreed state come the moves after it, in one call.
    function test_AnAgreedStateAndTheMovesAfterIt() external {
        Game memory g = game(2);
        bytes memory next = stateOf(g, 1, "next");
        submit(g, 5, stateOf(g, 0), signed(g, 5, stateOf(g, 0)), forced(g, 0, 6, next));
        assertStands(g, moved(agreed(g, 5, ""), 0, 0, next));
    }

    /// @notice A seat that sends its move itself signs nothing.
    function test_ASenderNeedsNoSignatureForItsMove() external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        bytes memory moves = bytes.concat(sized(stateOf(g, 1)), sized(""));
        bytes memory packed = pack(s);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 0));
        arbiter.move(g.instance, packed, moves);
        vm.prank(vm.addr(g.keys[0]));
        arbiter.move(g.instance, packed, moves);
        assertStands(g, moved(s, 0, 0, stateOf(g, 1)));
    }

    /// @notice Only the seat on turn moves.
    function test_RefusesTheMoveOfAnotherSeat() external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        bytes memory moves = forced(g, 1, 6, stateOf(g, 1));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 0));
        move(g, s, moves);
    }

    /// @notice The app's own reason comes with the refusal.
    function test_RefusesAnIllegalMove() external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        bytes memory reason = abi.encodeWithSelector(FreeApp.EmptyMove.selector);
        bytes memory moves = bytes.concat(sized(""), sized(""));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.IllegalMove.selector, 6, reason));
        move(g, s, moves);
    }

    function test_RefusesMovesWhenNobodyIsOnTurn() external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(g, OVER));
        bytes memory moves = forced(g, 0, 6, stateOf(g, 1));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.NobodysTurn.selector));
        move(g, s, moves);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.NoMove.selector));
        move(g, s, "");
    }

    /// @notice C21: a move is a move from what stands, and from nothing else.
    function test_C21_RefusesAMoveFromAnotherStanding() external {
        Game memory g = game(2);
        Stand memory s = agreed(g, 5, stateOf(g, 0));
        bytes memory moves = forced(g, 0, 6, stateOf(g, 1));
        bytes memory wrong = abi.encodeWithSelector(IAppArbiter.WrongStanding.selector, g.id);
        vm.expectRevert(wrong);
        move(g, s, moves);
        begin(g, 5, s.state);
        s.spent[1] = 1;
        vm.expectRevert(wrong);
        move(g, s, moves);
        vm.expectRevert(wrong);
        conclude(g, s);
        vm.expectRevert(wrong);
        arbiter.conclude(g.instance, "");
    }

    /// @notice C16: the last second of a budget is for the move, the next for the conclusion.
    function test_C16_TheLastSecondOfABudget() external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        vm.warp(now_() + 1000);
        s = play(g, s, 0, stateOf(g, 0));
        uint256 until = now_() + BUDGET - 1000;
        bytes memory moves = forced(g, 0, 7, stateOf(g, 1));
        bytes memory packed = pack(s);
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.StillRunning.selector, until, until));
        arbiter.conclude(g.instance, packed);
        vm.warp(until + 1);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.TimeOver.selector, until + 1, until));
        arbiter.move(g.instance, packed, moves);
        vm.warp(until);
        arbiter.move(g.instance, packed, moves);
        assertStands(g, moved(s, 0, BUDGET - 1000, stateOf(g, 1)));
    }

    // ---------------------------------------------------------------- conclusion

    /// @notice When nobody moves any more there is a whole budget for showing something newer.
    function test_AnAppThatIsOver() external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(OVER, two(ONE / 4, ONE / 2), ""));
        uint256 until = now_() + BUDGET;
        bytes memory packed = pack(s);
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.StillRunning.selector, until, until));
        arbiter.conclude(g.instance, packed);
        vm.warp(until + 1);
        uint256[] memory values = new uint256[](2);
        (values[0], values[1]) = (ONE / 4, ONE / 2);
        vm.expectEmit(address(arbiter));
        emit IAppArbiter.Concluded(g.id, values);
        arbiter.conclude(g.instance, packed);
        assertGets(g, 0, ONE / 4);
        assertGets(g, 1, ONE / 2);
        assertNothingStands(g);
    }

    /// @notice All seats are recorded in one call, up to sixteen, at one time.
    function testFuzz_EverySeatIsRecorded(uint256 seats) external {
        Game memory g = game(2 + (seats % 15));
        Stand memory s = begin(g, 1, stateOf(g, 0));
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        for (uint256 i; i < g.keys.length; ++i) {
            assertGets(g, i, ONE / g.keys.length);
        }
    }

    /// @notice C7: nothing is recorded twice: what the registry has first counts.
    function test_C7_TheFirstConclusionCounts() external {
        Game memory g = game(2);
        Stand memory s = begin(g, 1, stateOf(OVER, two(1, 2), ""));
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.WrongStanding.selector, g.id));
        conclude(g, s);
        bytes memory other = stateOf(OVER, two(3, 4), "");
        arbiter.agree(g.instance, other, signed(g, FINAL, other));
        s = begin(g, 1, other);
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        assertGets(g, 0, 1);
        assertGets(g, 1, 2);
    }

    /// @notice A final state is recorded at once: before anything stands, in a dispute, and after the end.
    function testFuzz_AFinalStateIsRecordedAtOnce(bool disputed, uint32 wait) external {
        Game memory g = game(2);
        if (disputed) begin(g, 1, stateOf(g, 0));
        vm.warp(now_() + wait);
        bytes memory last = stateOf(OVER, two(ONE, 0), "");
        arbiter.agree(g.instance, last, signed(g, FINAL, last));
        assertGets(g, 0, ONE);
        assertGets(g, 1, 0);
        assertNothingStands(g);
    }

    /// @notice A final state needs everybody, and signatures under the final version.
    function test_RefusesAFinalStateThatIsNotAgreed() external {
        Game memory g = game(2);
        bytes memory last = stateOf(OVER, two(ONE, 0), "");
        bytes memory older = signed(g, FINAL - 1, last);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 0));
        arbiter.agree(g.instance, last, older);
        bytes[] memory list = envelopes(g, FINAL, last);
        list[1] = "";
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 1));
        arbiter.agree(g.instance, last, sized(list));
    }

    /// @notice Outside of a conclusion there is no answer, so nobody records one.
    function test_AnswersOnlyWhileItConcludes() external {
        Game memory g = game(2);
        begin(g, 1, stateOf(g, 0));
        bytes memory question = abi.encode(g.id, 0);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.NotConcluded.selector, g.id, 0));
        arbiter.evaluate(question, "");
        vm.expectRevert();
        registry.record(address(arbiter), question, "");
    }

    // ---------------------------------------------------------------- apps that are deployed late

    function appCode() private pure returns (bytes memory) {
        return type(FreeApp).creationCode;
    }

    /// @notice Play goes on around an app that stands nowhere yet; who needs its judgement deploys it, at the address all agreed on.
    function test_AnAppIsDeployedWhenItIsNeeded() external {
        bytes32 hash = keccak256(abi.encodePacked(hex"ff", arbiter, bytes32(0), keccak256(appCode())));
        address app = address(uint160(uint256(hash)));
        Game memory g = gameOf(app, now_() + LENGTH, BUDGET, keysOf(2));
        Stand memory s = begin(g, 1, stateOf(g, 0));
        bytes memory moves = forced(g, 0, 2, stateOf(g, 1));
        vm.expectRevert(abi.encodeWithSelector(Rules.NoApp.selector, app));
        move(g, s, moves);
        vm.warp(now_() + BUDGET + 1);
        bytes memory packed = pack(s);
        vm.expectRevert(abi.encodeWithSelector(Rules.NoApp.selector, app));
        arbiter.conclude(g.instance, packed);
        vm.expectEmit(address(arbiter));
        emit IAppArbiter.Deployed(app);
        vm.assertEq(arbiter.deploy(appCode()), app, "address");
        vm.assertEq(arbiter.deploy(appCode()), app, "there already");
        arbiter.conclude(g.instance, packed);
        assertGets(g, 0, ONE / 2);
    }

    // ---------------------------------------------------------------- fuzz

    /// @notice Any history of forced moves by seats of any signers: each standing packs, hashes and counts as the naive model says.
    function testFuzz_AnyHistoryOfMoves(uint256 seed) external {
        uint256[] memory keys = keysOf(2 + (seed % 5));
        for (uint256 i = 1; i < keys.length; ++i) {
            // Some signers hold several seats.
            if ((seed >> (8 + i)) & 1 == 1) keys[i] = keys[(seed >> (16 + 4 * i)) % i];
        }
        Game memory g = gameOf(freeApp, now_() + LENGTH, BUDGET, keys);
        Stand memory s = begin(g, 1 + uint32(seed >> 64) / 2, stateOf(g, uint8(seed % keys.length)));
        for (uint256 i; i < 8; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(now_() + (seed % (BUDGET / 8)));
            bytes memory next = stateOf(g, uint8((seed >> 32) % keys.length), abi.encode(seed));
            s = play(g, s, uint8(s.state[0]), next);
            assertStands(g, s);
        }
    }
}
