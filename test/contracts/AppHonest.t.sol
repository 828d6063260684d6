// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ArbiterBase, Game, Stand} from "./ArbiterBase.sol";
import {GivingApp} from "./mocks/Apps.sol";

/// @title One honest seat against all others, which know everything, share all keys and go first at every step
/// @dev The honest seat never gives a point away, so by the rules it has no fewer at the end than it had in any state that it relies on.
/// Off chain it signs version v + 1 only once it holds version v signed by all. On chain it does what docs/protocol.md says, at once: it shows
/// its newest agreed state if that is newer than what is built on, moves when it is on turn, and concludes when the time has come.
contract AppHonestTest is ArbiterBase {
    uint256 private constant POINT = 1e15;
    uint256 private constant HONEST = 0;
    uint256 private constant ROUNDS = 300;
    /// @dev Seconds after which the honest seat has reacted: its budget has to cover all of its moves.
    uint256 private constant REACTION = BUDGET / 60;

    GivingApp private app;
    Game private g;
    Stand private s;
    /// @dev Agreed states by version; the last one may be in the hands of the others alone.
    bytes[] private history;
    /// @dev The newest that the honest seat holds.
    uint256 private newest;
    /// @dev What the honest seat ends with at least.
    uint256 private least;
    uint256 private began;
    uint256 private seed;

    function setUp() public override {
        super.setUp();
        app = new GivingApp();
    }

    function random(uint256 below) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % below;
    }

    // ---------------------------------------------------------------- off chain

    function open(uint256 seats, uint256 moves) private {
        g = gameOf(address(app), now_() + 365 days, BUDGET, keysOf(seats));
        bytes memory state = abi.encodePacked(uint8(random(seats)), uint8(moves), uint8(seats));
        for (uint256 i; i < seats; ++i) {
            state = abi.encodePacked(state, uint32(i == 0 ? 1000 - 300 * (seats - 1) : 300));
        }
        history.push("");
        history.push(state);
        newest = 1;
    }

    function turnOf(bytes memory state) private view returns (uint256) {
        return app.turn(state);
    }

    /// @dev What a seat does next: the honest one keeps all. The others are generous off chain, and by force would rather not have been.
    function moveOf(uint256 seat, bytes memory state, bool generous) private returns (bytes memory) {
        if (seat == HONEST) return abi.encodePacked(uint8(1), uint32(0));
        uint256 points = random(1 + app.pointsOf(state, seat));
        uint256 to =
            random(4) == 0
                ? random(g.keys.length)
                : generous
                    ? HONEST
                    : g.keys.length - 1;
        return abi.encodePacked(uint8(to), uint32(points));
    }

    function playOffChain(uint256 moves) private {
        for (uint256 i; i < moves; ++i) {
            bytes memory state = history[newest];
            uint256 seat = turnOf(state);
            if (seat == type(uint256).max) return;
            // It has moved on from this state, so it relies on it.
            if (seat == HONEST) least = app.pointsOf(state, HONEST);
            history.push(app.advance(state, moveOf(seat, state, true)));
            // The last state that the honest seat signs is kept from it, unless it can complete it itself.
            bool completes = g.keys.length == 2 && seat != HONEST;
            if (i + 1 < moves || completes) newest += 1;
        }
        // With one other alone no agreed state can be gone around.
        if (g.keys.length == 2) least = app.pointsOf(history[newest], HONEST);
    }

    // ---------------------------------------------------------------- on chain

    function word() private view returns (uint256) {
        return arbiter.wordOf(g.id);
    }

    function base() private view returns (uint256) {
        return uint32(word() >> 184);
    }

    function decided() private view returns (bool) {
        (, uint256 recordedAt) = registry.outcome(keyOf(g, HONEST));
        return recordedAt != 0;
    }

    function packedMove(
        uint256 seat,
        uint256 version,
        bytes memory one,
        bytes memory next
    ) private view returns (bytes memory) {
        bytes32 digest = digestOf(g, FORCED, version, next);
        return bytes.concat(sized(one), sized(envelopeOf(g.keys[seat], digest)));
    }

    function show(uint256 version, uint256 moves) private {
        Stand memory next = agreed(g, version, history[version]);
        bytes memory forced_;
        for (uint256 i; i < moves; ++i) {
            uint256 seat = turnOf(next.state);
            if (seat == HONEST || seat == type(uint256).max) break;
            bytes memory one = moveOf(seat, next.state, false);
            bytes memory state = app.advance(next.state, one);
            forced_ = bytes.concat(forced_, packedMove(seat, next.version + 1, one, state));
            next = moved(next, seat, 0, state);
        }
        submit(g, version, history[version], signed(g, version, history[version]), forced_);
        if (began == 0) began = now_();
        s = next;
    }

    function force(uint256 seat) private {
        uint256 elapsed = now_() - (word() >> 216);
        bytes memory one = moveOf(seat, s.state, false);
        bytes memory next = app.advance(s.state, one);
        move(g, s, packedMove(seat, s.version + 1, one, next));
        s = moved(s, seat, elapsed, next);
    }

    function canConclude() private view returns (bool) {
        if (word() == 0) return false;
        uint256 seat = turnOf(s.state);
        uint256 left = seat == type(uint256).max ? BUDGET : BUDGET - s.spent[seat];
        return now_() > (word() >> 216) + left;
    }

    /// @dev The others show any agreed state, also with forced moves behind it, move, wait or conclude.
    function others() private {
        uint256 what = random(4);
        // The newest ones are the most tempting.
        uint256 last = history.length - 1;
        uint256 version = random(2) == 0 || last < 4 ? 1 + random(last) : last - random(3);
        if (what == 0 && version > base()) show(version, random(4));
        if (what == 1 && word() != 0) {
            uint256 seat = turnOf(s.state);
            bool inTime = seat != type(uint256).max && !canConclude();
            if (inTime && seat != HONEST) force(seat);
        }
        if (what == 2 && canConclude()) conclude(g, s);
        if (what == 3) vm.warp(now_() + random(REACTION));
    }

    function honest() private {
        if (decided()) return;
        if (newest > base()) {
            show(newest, 0);
            least = app.pointsOf(history[newest], HONEST);
            return;
        }
        if (canConclude()) return conclude(g, s);
        if (turnOf(s.state) == HONEST) force(HONEST);
    }

    function playOut() private {
        for (uint256 i; i < ROUNDS && !decided(); ++i) {
            others();
            // It waits until somebody else begins, for a while.
            if (word() == 0 && i < 8) continue;
            vm.warp(now_() + random(REACTION));
            honest();
            // The others may also be silent for long.
            if (random(4) == 0) vm.warp(now_() + (turnOf(s.state) == HONEST ? 0 : random(BUDGET / 4)));
        }
        vm.assertTrue(decided(), "it ends");
        (uint256 value, ) = registry.outcome(keyOf(g, HONEST));
        vm.assertGe(value, least * POINT, "no less than by the rules");
        uint256 bound = 2 * g.keys.length * BUDGET + 2 * BUDGET;
        vm.assertLe(now_() - began, bound, "time on chain");
    }

    /// @notice C1, C19, C21: against one other, an honest seat keeps what its newest agreed state gives it, in bounded time.
    function testFuzz_C1_C19_C21_AgainstOne(uint256 seed_) external {
        seed = seed_;
        open(2, 1 + random(12));
        playOffChain(random(12));
        playOut();
    }

    /// @notice C1, C19, C21: against all others together, in a fixed order of turns, it keeps what it had in the last state to which it reacted
    /// or that it showed, in bounded time.
    function testFuzz_C1_C19_C21_AgainstAllOthers(uint256 seed_) external {
        seed = seed_;
        open(3 + random(2), 1 + random(14));
        playOffChain(random(14));
        playOut();
    }
}
