// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../../contracts/interfaces/IApp.sol";
import {IAppArbiter} from "../../contracts/interfaces/IAppArbiter.sol";
import {Rules} from "../../contracts/libraries/Rules.sol";
import {ArbiterBase, Game, Stand} from "./ArbiterBase.sol";
import {Hash} from "./Model.sol";
import {DeploysAgain, GasApp, MoodyApp, Vanishing} from "./mocks/Apps.sol";

/// @title Attacks on the arbiter: by seats, by apps, by whoever sends transactions
contract AppAttacksTest is ArbiterBase {
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    MoodyApp private moody = new MoodyApp();

    function moodyGame() private view returns (Game memory) {
        return gameOf(address(moody), now_() + LENGTH, BUDGET, keysOf(2));
    }

    // ---------------------------------------------------------------- replay

    /// @notice C4: signatures count for one instance, arbiter, chain and version of the protocol.
    function test_C4_SignaturesBindTheirPlace() external {
        Game memory g = game(2);
        bytes memory state = stateOf(g, 0);
        bytes32 hash = keccak256(abi.encode(AGREED, g.id, 3, keccak256(state)));
        refusesAll(g, state, Hash.digest(Hash.domain(block.chainid + 1, address(arbiter)), hash));
        refusesAll(g, state, Hash.digest(Hash.domain(block.chainid, address(adjudicator)), hash));
        Game memory other = gameOf(freeApp, now_() + LENGTH, BUDGET + 1, g.keys);
        refusesAll(g, state, digestOf(other, AGREED, 3, state));
        refusesAll(g, state, digestOf(g, AGREED, 4, state));
        refusesAll(g, state, digestOf(g, AGREED, 3, stateOf(g, 1)));
        begin(g, 3, state);
    }

    function refusesAll(Game memory g, bytes memory state, bytes32 digest) private {
        bytes[] memory list = new bytes[](2);
        (list[0], list[1]) = (envelopeOf(g.keys[0], digest), envelopeOf(g.keys[1], digest));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 0));
        submit(g, 3, state, sized(list), "");
    }

    /// @notice C5: after a fork of the chain an instance keeps its id and its keys, and needs new signatures.
    function test_C5_AForkOfTheChain() external {
        Game memory g = game(2);
        bytes memory last = stateOf(OVER, two(ONE, 0), "");
        bytes memory old = signed(g, FINAL, last);
        bytes32 key = keyOf(g, 0);
        vm.chainId(77);
        vm.assertEq(arbiter.idOf(g.instance), g.id, "same id");
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 0));
        arbiter.agree(g.instance, last, old);
        arbiter.agree(g.instance, last, signed(g, FINAL, last));
        (uint256 value, ) = registry.outcome(key);
        vm.assertEq(value, ONE, "same key");
    }

    /// @notice C8: high s, a wrong v, bytes too many or too few, another tag: refused. 65 bytes and batches count.
    function test_C8_RefusesMalformedSignatures() external {
        Game memory g = game(2);
        bytes memory state = stateOf(g, 0);
        bytes32 digest = digestOf(g, AGREED, 3, state);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(g.keys[1], digest);
        bytes memory good = envelopeOf(g.keys[1], digest);
        refuses(g, state, abi.encodePacked(uint8(0), r, bytes32(ORDER - uint256(s)), uint8(55 - v)));
        refuses(g, state, abi.encodePacked(uint8(0), r, s, uint8(55 - v)));
        refuses(g, state, bytes.concat(good, hex"0000"));
        refuses(g, state, abi.encodePacked(uint8(0), r, bytes31(s)));
        refuses(g, state, abi.encodePacked(uint8(2), r, s, v));
        refuses(g, state, hex"00");
        refuses(g, state, new bytes(65));
        bytes[] memory list = envelopes(g, 3, state);
        list[1] = abi.encodePacked(uint8(0), r, s, v);
        submit(g, 3, state, sized(list), "");
    }

    function refuses(Game memory g, bytes memory state, bytes memory envelope) private {
        bytes[] memory list = envelopes(g, 3, state);
        list[1] = envelope;
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 1));
        submit(g, 3, state, sized(list), "");
    }

    /// @notice C8, C43: whatever bytes stand for signatures and moves, nothing is accepted that was not signed.
    function testFuzz_C8_C43_RefusesAnyOtherBytes(bytes calldata any) external {
        Game memory g = game(2);
        Stand memory s = begin(g, 3, stateOf(g, 0));
        bytes memory packed = pack(s);
        vm.expectRevert();
        arbiter.submit(g.instance, 4, s.state, any, "");
        vm.expectRevert();
        arbiter.move(g.instance, packed, any);
        vm.expectRevert();
        arbiter.conclude(g.instance, any);
        vm.expectRevert();
        arbiter.conclude(any, packed);
        (bool ok, ) = address(arbiter).call(bytes.concat(arbiter.move.selector, any));
        vm.assertTrue(!ok, "not even with bad offsets");
        assertStands(g, s);
    }

    /// @notice C9: a seat without a signer never signs, and never moves.
    function test_C9_TheZeroAddressNeverMatches() external {
        uint256[] memory keys = keysOf(3);
        keys[1] = 0;
        keys[2] = 0;
        Game memory g = gameOf(freeApp, now_() + LENGTH, BUDGET, keys);
        bytes memory state = stateOf(g, 0);
        bytes[] memory list = new bytes[](3);
        list[0] = envelopeOf(keys[0], digestOf(g, AGREED, 3, state));
        bytes[3] memory nothing = [bytes(""), new bytes(65), hex"00"];
        for (uint256 i; i < 3; ++i) {
            list[1] = nothing[i];
            vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 1));
            submit(g, 3, state, sized(list), "");
        }
    }

    /// @notice C12: code at a seat's account (EIP-7702) does not disown what its key signed.
    function test_C12_CodeAtASeatChangesNothing() external {
        Game memory g = game(2);
        vm.etch(vm.addr(g.keys[1]), abi.encodePacked(hex"ef0100", address(registry)));
        assertStands(g, begin(g, 3, stateOf(g, 1)));
    }

    // ---------------------------------------------------------------- time

    /// @notice C14, C19: a forced move and an agreed state are signed apart. With one type for both, whoever plays against a seat would sign
    /// each of its forced moves too, and as a newer agreed state each would set the clocks back: without an end.
    function test_C14_C19_AForcedMoveIsNoAgreedState() external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        vm.warp(now_() + BUDGET);
        bytes memory next = stateOf(g, 1, "next");
        s = play(g, s, 0, next);
        bytes[] memory list = envelopes(g, 6, next);
        list[0] = envelopeOf(g.keys[0], digestOf(g, FORCED, 6, next));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 0));
        submit(g, 6, next, sized(list), "");
        bytes memory agreedTo = bytes.concat(sized("x"), sized(envelopeOf(g.keys[1], digestOf(g, AGREED, 7, "x"))));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.BadSignature.selector, 1));
        move(g, s, agreedTo);
    }

    /// @notice C19: a budget is for all moves of a seat together, however they are spread.
    function testFuzz_C19_ABudgetIsForAllMoves(uint256 seed) external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        for (uint256 i; i < 20; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 seat = uint8(s.state[0]);
            uint256 elapsed = seed % (BUDGET / 4);
            vm.warp(now_() + elapsed);
            if (s.spent[seat] + elapsed > BUDGET) {
                bytes memory moves = forced(g, seat, s.version + 1, s.state);
                expectTimeOver();
                move(g, s, moves);
                conclude(g, s);
                return;
            }
            s = play(g, s, seat, stateOf(g, uint8(seed >> 255)));
            vm.assertLe(s.spent[seat], BUDGET, "spent");
        }
    }

    function expectTimeOver() private {
        vm.expectPartialRevert(IAppArbiter.TimeOver.selector);
    }

    /// @notice C21: an older agreed state, shown just before the newest, stops nobody; nor does a move made first.
    function test_C21_NobodyStopsTheNewestState() external {
        Game memory g = game(2);
        begin(g, 1, stateOf(g, 0));
        begin(g, 2, stateOf(g, 0));
        Stand memory s = agreed(g, 2, stateOf(g, 0));
        for (uint256 i; i < 3; ++i) {
            s = play(g, s, 0, stateOf(g, 0, abi.encode(i)));
        }
        assertStands(g, begin(g, 3, stateOf(g, 1)));
    }

    /// @notice C21: whoever shows the same state first stops only the moves that came with it; they follow from what stands.
    function test_C21_TheSameStateShownFirst() external {
        Game memory g = game(2);
        bytes memory state = stateOf(g, 0);
        bytes memory all = signed(g, 5, state);
        bytes memory moves = forced(g, 0, 6, stateOf(g, 1));
        Stand memory s = begin(g, 5, state);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.NotNewer.selector, 5, 5));
        submit(g, 5, state, all, moves);
        move(g, s, moves);
        assertStands(g, moved(s, 0, 0, stateOf(g, 1)));
    }

    /// @notice C1: what two have built on stays: a seat that answered a forced move is not set back to before it.
    function test_C1_AnAnswerStays() external {
        Game memory g = game(2);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        s = play(g, s, 0, stateOf(g, 1, "forced"));
        bytes memory other = stateOf(g, 1, "agreed before, and held back");
        bytes memory all = signed(g, 6, other);
        s = play(g, s, 1, stateOf(g, 0, "answer"));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.NotNewer.selector, 6, 6));
        submit(g, 6, other, all, "");
        assertStands(g, s);
    }

    /// @notice C21: one signer, with however many seats and moves, builds no way around a state that it agreed to.
    function testFuzz_C21_OneSignerBuildsNoWayAround(uint256 seed) external {
        uint256[] memory keys = keysOf(4);
        (keys[1], keys[2]) = (keys[0], keys[0]);
        Game memory g = gameOf(freeApp, now_() + LENGTH, BUDGET, keys);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        for (uint256 i; i < 6; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            s = play(g, s, uint8(s.state[0]), stateOf(g, uint8(seed % 3)));
        }
        assertStands(g, begin(g, 6, stateOf(g, 3)));
    }

    /// @notice The limit of that with three or more (ADR 0031): two that collude, where the rules let them go on without the third, get
    /// around a newer state that it has not shown. Once it has shown it, they do not.
    function test_TwoThatColludeGetAroundAStateThatWasNotShown() external {
        Game memory g = game(3);
        bytes memory newest = stateOf(g, 2, "the third reacts to this");
        bytes memory all = signed(g, 6, newest);
        Stand memory s = begin(g, 5, stateOf(g, 0));
        s = play(g, s, 0, stateOf(g, 1));
        s = play(g, s, 1, stateOf(g, 0));
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.NotNewer.selector, 6, 6));
        submit(g, 6, newest, all, "");
    }

    /// @notice ... and where turns follow each other in an order that no move changes, never around a state that the third reacted to:
    /// its turn comes before they have two moves after that state.
    function test_InAFixedOrderTwoThatColludeDoNot() external {
        Game memory g = game(3);
        bytes memory reacted = stateOf(g, 2, "the third is on turn");
        Stand memory s = begin(g, 5, stateOf(g, 0));
        s = play(g, s, 0, stateOf(g, 1));
        s = play(g, s, 1, stateOf(g, 2));
        assertStands(g, begin(g, 7, reacted));
    }

    // ---------------------------------------------------------------- apps that misbehave

    /// @notice C45: an app that cannot say whose turn it is has nobody on turn: it ends after a budget, nobody moves.
    function test_C45_AnAppThatCannotSayWhoseTurnItIs() external {
        bytes[5] memory raw = [bytes(""), hex"00", new bytes(31), new bytes(33), new bytes(64)];
        for (uint256 i; i < 5; ++i) {
            moody.setRaw(IApp.turn.selector, raw[i]);
            nobodyOnTurn(i);
        }
        MoodyApp.Mood[4] memory moods = [
            MoodyApp.Mood.Reverts,
            MoodyApp.Mood.RevertsLong,
            MoodyApp.Mood.Loops,
            MoodyApp.Mood.Bomb
        ];
        for (uint256 i; i < 4; ++i) {
            moody.set(IApp.turn.selector, moods[i]);
            nobodyOnTurn(5 + i);
        }
        moody.setRaw(IApp.turn.selector, abi.encode(type(uint256).max));
        nobodyOnTurn(9);
    }

    function nobodyOnTurn(uint256 nonce) private {
        Game memory g = moodyGame();
        g.instance = packInstance(g.app, now_() + LENGTH, BUDGET, nonce, g.keys);
        g.id = idOf(g.instance);
        Stand memory s = begin(g, 1, stateOf(g, 0));
        bytes memory moves = forced(g, 0, 2, s.state);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.NobodysTurn.selector));
        move(g, s, moves);
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        assertGets(g, 0, ONE / 2);
    }

    /// @notice C45: what an app answers to a move in any other form than bytes that are short enough is an illegal move.
    function test_C45_AnAppThatCannotSayWhatAMoveDoes() external {
        Game memory g = moodyGame();
        Stand memory s = begin(g, 1, stateOf(g, 0));
        bytes[7] memory raw = [
            bytes(""),
            new bytes(32),
            abi.encode(32),
            abi.encode(64, 0),
            abi.encode(32, 1),
            abi.encode(32, type(uint256).max),
            abi.encode(new bytes(8_193))
        ];
        for (uint256 i; i < 7; ++i) {
            moody.setRaw(IApp.advance.selector, raw[i]);
            illegal(g, s);
        }
        MoodyApp.Mood[3] memory moods = [MoodyApp.Mood.RevertsLong, MoodyApp.Mood.Loops, MoodyApp.Mood.Bomb];
        for (uint256 i; i < 3; ++i) {
            moody.set(IApp.advance.selector, moods[i]);
            illegal(g, s);
        }
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        assertGets(g, 0, ONE / 2);
    }

    function illegal(Game memory g, Stand memory s) private {
        bytes memory moves = forced(g, 0, 2, s.state);
        vm.expectRevert(abi.encodeWithSelector(IAppArbiter.IllegalMove.selector, 2, ""));
        move(g, s, moves);
    }

    /// @notice C45: a next state is read as it was answered: never what stood in memory behind it.
    function testFuzz_C45_ANextStateIsWhatTheAppSaid(bytes calldata next, uint8 padding) external {
        if (next.length == 0 || next.length > 8_000) return;
        Game memory g = moodyGame();
        Stand memory s = begin(g, 1, stateOf(g, 0));
        bytes memory raw = bytes.concat(abi.encode(32, next.length), next, new bytes(padding % 64));
        moody.setRaw(IApp.advance.selector, raw);
        bytes memory moves = forced(g, 0, 2, next);
        move(g, s, moves);
        assertStands(g, moved(s, 0, 0, next));
    }

    /// @notice C45: an app that cannot say who gets what gives nothing to anybody: every stake goes back to who put it in.
    function test_C45_AnAppThatCannotSayWhoGetsWhat() external {
        uint256[] memory three = new uint256[](3);
        bytes[8] memory raw = [
            bytes(""),
            abi.encode(32, 2, 1),
            abi.encode(64, 2, 1, 1),
            abi.encode(three),
            abi.encode(32, 2, ONE, 1),
            abi.encode(32, 2, type(uint256).max, 1),
            abi.encode(32, 1, 1, 1),
            abi.encode(32, 2, 1, 1, 1)
        ];
        for (uint256 i; i < 8; ++i) {
            moody.setRaw(IApp.outcome.selector, raw[i]);
            nothingForAnybody(i);
        }
        MoodyApp.Mood[4] memory moods = [
            MoodyApp.Mood.Reverts,
            MoodyApp.Mood.RevertsLong,
            MoodyApp.Mood.Loops,
            MoodyApp.Mood.Bomb
        ];
        for (uint256 i; i < 4; ++i) {
            moody.set(IApp.outcome.selector, moods[i]);
            nothingForAnybody(8 + i);
        }
    }

    function nothingForAnybody(uint256 nonce) private {
        Game memory g = moodyGame();
        g.instance = packInstance(g.app, now_() + LENGTH, BUDGET, nonce, g.keys);
        g.id = idOf(g.instance);
        Stand memory s = begin(g, 1, stateOf(g, 0));
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        assertGets(g, 0, 0);
        assertGets(g, 1, 0);
    }

    /// @notice C45: with any gas a conclusion records the one answer or nothing: nobody makes an app fail by giving too little.
    function testFuzz_C45_GasChangesNoOutcome(uint24 gas) external {
        Game memory g = gameOf(address(new GasApp()), now_() + LENGTH, BUDGET, keysOf(2));
        Stand memory s = begin(g, 1, stateOf(OVER, two(1, 2), ""));
        vm.warp(now_() + BUDGET + 1);
        bytes memory packed = pack(s);
        try arbiter.conclude{gas: uint256(gas) % 2_000_000}(g.instance, packed) {
            assertGets(g, 0, 1);
        } catch {
            assertUndecided(g);
            assertStands(g, s, now_() - BUDGET - 1);
        }
    }

    /// @notice C45: nor a legal move illegal.
    function testFuzz_C45_GasMakesNoMoveIllegal(uint24 gas) external {
        Game memory g = gameOf(address(new GasApp()), now_() + LENGTH, BUDGET, keysOf(2));
        Stand memory s = begin(g, 1, stateOf(g, 0));
        bytes memory packed = pack(s);
        bytes memory moves = forced(g, 1, 2, stateOf(g, 0));
        uint256 limit = uint256(gas) % 5_000_000;
        try arbiter.move{gas: limit}(g.instance, packed, moves) {
            vm.assertGe(limit, 3_000_000, "enough for any move");
        } catch (bytes memory reason) {
            vm.assertTrue(reason.length == 0 || bytes4(reason) == Rules.TooLittleGas.selector, "for want of gas alone");
        }
    }

    /// @notice C46: who sends it changes nothing that is signed for.
    function testFuzz_C46_TheCallerChangesNothing(address caller) external {
        Game memory g = game(2);
        bytes memory state = stateOf(g, 0);
        bytes memory all = signed(g, 1, state);
        vm.prank(caller);
        submit(g, 1, state, all, "");
        vm.warp(now_() + BUDGET + 1);
        bytes memory packed = pack(agreed(g, 1, state));
        vm.prank(caller);
        arbiter.conclude(g.instance, packed);
        assertGets(g, 1, ONE / 2);
    }

    /// @notice C33: an app that calls back, while it is asked, changes nothing: it is asked statically.
    function test_C33_AnAppThatCallsBack() external {
        Game memory g = moodyGame();
        bytes memory last = stateOf(OVER, two(ONE, 0), "");
        bytes memory steal = abi.encodeCall(arbiter.agree, (g.instance, last, signed(g, FINAL, last)));
        Stand memory s = begin(g, 1, stateOf(g, 0));
        moody.setCall(IApp.outcome.selector, address(arbiter), steal);
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        assertGets(g, 0, ONE / 2);
        moody.set(IApp.outcome.selector, MoodyApp.Mood.Writes);
        g = gameOf(address(moody), now_() + LENGTH, BUDGET, g.keys);
        s = begin(g, 1, stateOf(g, 0));
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        assertGets(g, 0, ONE / 2);
    }

    /// @notice C33: a constructor that deploys itself again does not come to be.
    function test_C33_AnAppThatDeploysItselfWhileItIsDeployed() external {
        bytes memory again = abi.encodeCall(arbiter.deploy, (type(MoodyApp).creationCode));
        bytes memory code = bytes.concat(type(DeploysAgain).creationCode, abi.encode(arbiter, again));
        address app = arbiter.deploy(code);
        vm.assertTrue(app.code.length != 0, "deploys another app meanwhile: nobody minds");
    }

    /// @notice C45: an app whose constructor leaves nothing is never asked; what waits for it goes back at its deadline.
    function test_C45_AnAppWithoutCode() external {
        bytes memory code = bytes.concat(type(Vanishing).creationCode, abi.encode(true));
        address app = arbiter.deploy(code);
        vm.assertEq(app.code.length, 0, "nothing there");
        vm.expectRevert();
        arbiter.deploy(code);
        vm.expectRevert();
        arbiter.deploy(hex"fe");
        Game memory g = gameOf(app, now_() + LENGTH, BUDGET, keysOf(2));
        Stand memory s = begin(g, 1, stateOf(g, 0));
        vm.warp(now_() + LENGTH);
        bytes memory packed = pack(s);
        vm.expectRevert(abi.encodeWithSelector(Rules.NoApp.selector, app));
        arbiter.conclude(g.instance, packed);
    }

    /// @notice C45: an app that destroyed itself in the transaction that made it is deployed again, by anybody.
    function test_C45_AnAppThatDestroyedItself() external {
        address app = arbiter.deploy(type(MoodyApp).creationCode);
        Game memory g = gameOf(app, now_() + LENGTH, BUDGET, keysOf(2));
        Stand memory s = begin(g, 1, stateOf(g, 0));
        bytes memory runtime = app.code;
        vm.etch(app, "");
        vm.warp(now_() + BUDGET + 1);
        bytes memory packed = pack(s);
        vm.expectRevert(abi.encodeWithSelector(Rules.NoApp.selector, app));
        arbiter.conclude(g.instance, packed);
        vm.etch(app, runtime);
        arbiter.conclude(g.instance, packed);
        assertGets(g, 1, ONE / 2);
    }

    // ---------------------------------------------------------------- answers

    /// @notice C7: the answers of one transaction are those of its own instance and seat, and later ones change no key.
    function test_C7_AnswersBelongToTheirInstance() external {
        Game memory g = game(2);
        Game memory other = gameOf(freeApp, now_() + LENGTH, BUDGET + 1, g.keys);
        bytes memory first = stateOf(OVER, two(1, 2), "");
        bytes memory second = stateOf(OVER, two(3, 4), "");
        arbiter.agree(g.instance, first, signed(g, FINAL, first));
        arbiter.agree(g.instance, second, signed(g, FINAL, second));
        assertGets(g, 0, 1);
        assertUndecided(other);
        bytes memory question = abi.encode(other.id, 0);
        vm.expectRevert();
        registry.record(address(arbiter), question, "");
        question = abi.encode(g.id, 2);
        vm.expectRevert();
        registry.record(address(arbiter), question, "");
    }
}
