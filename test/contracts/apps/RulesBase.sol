// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../../../contracts/interfaces/IApp.sol";
import {Base} from "../Base.t.sol";

/// @title What every test of an app stands on: the app as users deploy it, and what each app has to keep to
abstract contract RulesBase is Base {
    uint256 internal constant ONE = 1e18;
    uint256 internal constant NOBODY = type(uint256).max;
    /// @dev The arbiter allows 8,192 bytes, and 3,000,000 and 500,000 gas.
    uint256 private constant MAX_STATE = 8_192;
    uint256 private constant ADVANCE_GAS = 60_000;
    uint256 private constant QUESTION_GAS = 30_000;

    IApp internal app;

    function setUp() public override {
        app = IApp(deploy(name(), ""));
    }

    function name() internal pure virtual returns (string memory);

    function opening() internal pure virtual returns (bytes memory);

    /// @notice The state after a legal move of `seat`, and what holds after each: it fits the arbiter's limits.
    function play(bytes memory state, uint256 seat, bytes memory move) internal view returns (bytes memory next) {
        vm.assertEq(turnOf(state), seat, "seat on turn");
        uint256 gas = gasleft();
        next = app.advance(state, move);
        vm.assertLe(gas - gasleft(), ADVANCE_GAS, "gas of advance");
        vm.assertLe(next.length, MAX_STATE, "length of a state");
        valuesOf(next);
    }

    function turnOf(bytes memory state) internal view returns (uint256 seat) {
        uint256 gas = gasleft();
        seat = app.turn(state);
        vm.assertLe(gas - gasleft(), QUESTION_GAS, "gas of turn");
    }

    /// @notice Never more than all.
    function valuesOf(bytes memory state) internal view returns (uint256[] memory values) {
        uint256 gas = gasleft();
        values = app.outcome(state);
        vm.assertLe(gas - gasleft(), QUESTION_GAS, "gas of outcome");
        uint256 sum;
        for (uint256 i; i < values.length; ++i) {
            vm.assertLe(values[i], ONE, "value");
            sum += values[i];
        }
        vm.assertLe(sum, ONE, "all values");
    }

    function gives(bytes memory state, uint256[] memory expected) internal view {
        vm.assertEq(keccak256(abi.encode(valuesOf(state))), keccak256(abi.encode(expected)), "values of all seats");
    }

    function gives(bytes memory state, uint256[2] memory expected) internal view {
        uint256[] memory values = valuesOf(state);
        vm.assertEq(values.length, 2, "seats");
        vm.assertEq(values[0], expected[0], "seat 0");
        vm.assertEq(values[1], expected[1], "seat 1");
    }

    function list(uint256 a, uint256 b, uint256 c) internal pure returns (uint256[] memory values) {
        values = new uint256[](3);
        (values[0], values[1], values[2]) = (a, b, c);
    }

    function list(uint256 a, uint256 b, uint256 c, uint256 d) internal pure returns (uint256[] memory values) {
        values = new uint256[](4);
        (values[0], values[1], values[2], values[3]) = (a, b, c, d);
    }

    function refuses(bytes memory state, bytes memory move, bytes memory reason) internal {
        vm.expectRevert(reason);
        app.advance(state, move);
    }

    /// @notice A state that nobody should have agreed to: nobody moves, and nobody gets anything.
    function isWorthless(bytes memory state, bytes memory reason) internal {
        vm.expectRevert(reason);
        app.turn(state);
        vm.expectRevert(reason);
        app.outcome(state);
        refuses(state, "", reason);
    }

    /// @notice Nobody moves any more, whatever the move is.
    function isOver(bytes memory state, bytes memory move, bytes4 reason) internal {
        vm.assertEq(turnOf(state), NOBODY, "nobody's turn");
        refuses(state, move, abi.encodeWithSelector(reason));
    }

    /// @notice What is cut short is no state, and nothing is no move.
    function testFuzz_RefusesBytesThatAreCutShort(uint256 length) external {
        bytes memory state = opening();
        length %= state.length;
        assembly ("memory-safe") {
            mstore(state, length)
        }
        vm.expectRevert();
        app.turn(state);
        vm.expectRevert();
        app.outcome(state);
        vm.expectRevert();
        app.advance(state, "");
        vm.expectRevert();
        app.advance(opening(), "");
    }

    /// @notice Garbage is no state: it reverts, or it is one that gives nobody more than all.
    function testFuzz_GarbageGivesNobodyMoreThanAll(bytes32[24] calldata garbage, uint8 small) external view {
        bytes memory state = abi.encode(garbage);
        // Most types hold small numbers only; some garbage is to be one of them.
        for (uint256 i; i < 24 && small % 2 == 0; ++i) {
            state[32 * i] = 0;
        }
        try app.outcome(state) returns (uint256[] memory) {
            valuesOf(state);
        } catch {}
    }
}
