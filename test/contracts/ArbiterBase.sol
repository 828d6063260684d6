// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAppArbiter} from "../../contracts/interfaces/IAppArbiter.sol";
import {Base} from "./Base.t.sol";
import {Hash} from "./Model.sol";
import {FreeApp} from "./mocks/Apps.sol";

/// @dev An instance as a test holds it.
struct Game {
    bytes instance;
    bytes32 id;
    address app;
    uint256[] keys;
}

/// @dev Where an instance stands, as a test counts.
struct Stand {
    uint256 version;
    uint256[] spent;
    uint256[] moved;
    bytes state;
}

/// @dev A forced move and the envelope of its seat; empty: the sender's own.
struct Forced {
    bytes move;
    bytes envelope;
}

/// @title What every test of the arbiter stands on; formats of docs/protocol.md §11, once more and plainly
abstract contract ArbiterBase is Base {
    uint256 internal constant ONE = 1e18;
    uint256 internal constant FINAL = type(uint32).max;
    uint256 internal constant BUDGET = 1 hours;
    uint256 internal constant LENGTH = 30 days;
    uint8 internal constant OVER = 255;
    bytes32 internal constant AGREED = keccak256("AppState(bytes32 instance,uint32 version,bytes state)");
    bytes32 internal constant FORCED = keccak256("AppMove(bytes32 instance,uint32 version,bytes state)");

    IAppArbiter internal arbiter;
    address internal freeApp;

    function setUp() public virtual override {
        super.setUp();
        arbiter = IAppArbiter(deploy("AppArbiter", abi.encode(registry)));
        freeApp = address(new FreeApp());
    }

    // ---------------------------------------------------------------- instances

    function keysOf(uint256 seats) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](seats);
        for (uint256 i; i < seats; ++i) {
            keys[i] = uint256(keccak256(abi.encode("seat", i))) >> 8;
        }
    }

    function packInstance(
        address app,
        uint256 endBy,
        uint256 budget,
        uint256 nonce,
        uint256[] memory keys
    ) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(app, uint40(endBy), uint32(budget), uint128(nonce));
        for (uint256 i; i < keys.length; ++i) {
            packed = abi.encodePacked(packed, keys[i] == 0 ? address(0) : vm.addr(keys[i]));
        }
    }

    function idOf(bytes memory instance) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, arbiter, keccak256(instance)));
    }

    function gameOf(
        address app,
        uint256 endBy,
        uint256 budget,
        uint256[] memory keys
    ) internal view returns (Game memory) {
        bytes memory instance = packInstance(app, endBy, budget, 7, keys);
        return Game(instance, idOf(instance), app, keys);
    }

    /// @notice Two to sixteen seats, each of a signer of its own, that play by free rules for a month.
    function game(uint256 seats) internal view returns (Game memory) {
        return gameOf(freeApp, now_() + LENGTH, BUDGET, keysOf(seats));
    }

    /// @notice A state of the free app in which seat `turn` moves and everybody would get the same.
    function stateOf(Game memory g, uint8 turn, bytes memory rest) internal pure returns (bytes memory state) {
        uint64[] memory values = new uint64[](g.keys.length);
        for (uint256 i; i < values.length; ++i) {
            values[i] = uint64(ONE / values.length);
        }
        return stateOf(turn, values, rest);
    }

    function stateOf(uint8 turn, uint64[] memory values, bytes memory rest) internal pure returns (bytes memory state) {
        state = abi.encodePacked(turn, uint8(values.length));
        for (uint256 i; i < values.length; ++i) {
            state = abi.encodePacked(state, values[i]);
        }
        state = bytes.concat(state, rest);
    }

    function stateOf(Game memory g, uint8 turn) internal pure returns (bytes memory) {
        return stateOf(g, turn, "");
    }

    function two(uint256 first, uint256 second) internal pure returns (uint64[] memory values) {
        values = new uint64[](2);
        (values[0], values[1]) = (uint64(first), uint64(second));
    }

    // ---------------------------------------------------------------- signatures

    function digestOf(
        Game memory g,
        bytes32 kind,
        uint256 version,
        bytes memory state
    ) internal view returns (bytes32) {
        bytes32 separator = Hash.domain(block.chainid, address(arbiter));
        return Hash.digest(separator, keccak256(abi.encode(kind, g.id, version, keccak256(state))));
    }

    function envelopeOf(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 vs) = compact(key, digest);
        return abi.encodePacked(uint8(0), r, vs);
    }

    function envelopes(Game memory g, uint256 version, bytes memory state) internal view returns (bytes[] memory list) {
        bytes32 digest = digestOf(g, AGREED, version, state);
        list = new bytes[](g.keys.length);
        for (uint256 i; i < list.length; ++i) {
            list[i] = envelopeOf(g.keys[i], digest);
        }
    }

    function sized(bytes memory one) internal pure returns (bytes memory) {
        return abi.encodePacked(uint16(one.length), one);
    }

    function sized(bytes[] memory list) internal pure returns (bytes memory packed) {
        for (uint256 i; i < list.length; ++i) {
            packed = bytes.concat(packed, sized(list[i]));
        }
    }

    function signed(Game memory g, uint256 version, bytes memory state) internal view returns (bytes memory) {
        return sized(envelopes(g, version, state));
    }

    /// @notice A move of the free app, whose next state it is.
    function forced(
        Game memory g,
        uint256 seat,
        uint256 version,
        bytes memory next
    ) internal view returns (bytes memory) {
        return bytes.concat(sized(next), sized(envelopeOf(g.keys[seat], digestOf(g, FORCED, version, next))));
    }

    // ---------------------------------------------------------------- standing

    function agreed(Game memory g, uint256 version, bytes memory state) internal pure returns (Stand memory s) {
        s.version = version;
        s.spent = new uint256[](g.keys.length);
        s.moved = new uint256[](g.keys.length);
        for (uint256 i; i < s.moved.length; ++i) {
            s.moved[i] = version;
        }
        s.state = state;
    }

    function moved(
        Stand memory s,
        uint256 seat,
        uint256 elapsed,
        bytes memory next
    ) internal pure returns (Stand memory) {
        s.version += 1;
        s.spent[seat] += elapsed;
        s.moved[seat] = s.version;
        s.state = next;
        return s;
    }

    function pack(Stand memory s) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint32(s.version));
        for (uint256 i; i < s.spent.length; ++i) {
            packed = abi.encodePacked(packed, uint32(s.spent[i]), uint32(s.moved[i]));
        }
        packed = bytes.concat(packed, s.state);
    }

    /// @notice The naive base: of each signer the highest version it moved to, and of those the second highest.
    function baseOf(Game memory g, Stand memory s) internal pure returns (uint256 second) {
        uint256 n = g.keys.length;
        uint256[] memory highest = new uint256[](n);
        for (uint256 i; i < n; ++i) {
            uint256 first = i;
            for (uint256 j = i; j > 0; --j) {
                if (g.keys[j - 1] == g.keys[i]) first = j - 1;
            }
            if (s.moved[i] > highest[first]) highest[first] = s.moved[i];
        }
        for (uint256 i; i < n; ++i) {
            uint256 above;
            for (uint256 j; j < n; ++j) {
                if (highest[j] > highest[i] || (highest[j] == highest[i] && j < i)) ++above;
            }
            if (above == 1) second = highest[i];
        }
    }

    function assertStands(Game memory g, Stand memory s, uint256 since) internal view {
        uint256 low = uint256(keccak256(pack(s))) & ((1 << 184) - 1);
        uint256 word = (since << 216) | (baseOf(g, s) << 184) | low;
        vm.assertEq(arbiter.wordOf(g.id), word, "what stands");
    }

    function assertStands(Game memory g, Stand memory s) internal view {
        assertStands(g, s, now_());
    }

    function assertNothingStands(Game memory g) internal view {
        vm.assertEq(arbiter.wordOf(g.id), 0, "nothing stands");
    }

    // ---------------------------------------------------------------- outcomes

    function keyOf(Game memory g, uint256 seat) internal view returns (bytes32) {
        return keyOf(address(arbiter), abi.encode(g.id, seat));
    }

    function assertGets(Game memory g, uint256 seat, uint256 value) internal view {
        (uint256 actual, uint256 recordedAt) = registry.outcome(keyOf(g, seat));
        vm.assertEq(actual, value, "what the seat gets");
        vm.assertTrue(recordedAt != 0, "recorded");
    }

    function assertUndecided(Game memory g) internal view {
        for (uint256 i; i < g.keys.length; ++i) {
            (, uint256 recordedAt) = registry.outcome(keyOf(g, i));
            vm.assertEq(recordedAt, 0, "not recorded");
        }
    }

    // ---------------------------------------------------------------- calls, one each

    function submit(
        Game memory g,
        uint256 version,
        bytes memory state,
        bytes memory signatures_,
        bytes memory moves
    ) internal {
        arbiter.submit(g.instance, uint32(version), state, signatures_, moves);
    }

    function move(Game memory g, Stand memory s, bytes memory moves) internal {
        arbiter.move(g.instance, pack(s), moves);
    }

    function conclude(Game memory g, Stand memory s) internal {
        arbiter.conclude(g.instance, pack(s));
    }

    // ---------------------------------------------------------------- whole steps

    /// @notice A state that all have signed stands on chain.
    function begin(Game memory g, uint256 version, bytes memory state) internal returns (Stand memory) {
        submit(g, version, state, signed(g, version, state), "");
        return agreed(g, version, state);
    }

    /// @notice A seat moves by force.
    function play(Game memory g, Stand memory s, uint256 seat, bytes memory next) internal returns (Stand memory) {
        uint256 since = arbiter.wordOf(g.id) >> 216;
        move(g, s, forced(g, seat, s.version + 1, next));
        return moved(s, seat, now_() - since, next);
    }
}
