// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../interfaces/IApp.sol";

/// @title Questions to an app that may loop, revert, lie or flood
/// @dev Assembly: a gas cap, and no more than a bounded answer is copied. A caller cannot make an app fail by giving too little gas.
library Rules {
    uint256 internal constant MAX_STATE = 8_192;
    uint256 private constant ADVANCE_GAS = 3_000_000;
    uint256 private constant QUESTION_GAS = 500_000;
    uint256 private constant ONE = 1e18;

    /// @notice The app is not deployed: anybody can do that.
    error NoApp(address app);
    /// @notice The caller gave so little gas that the app might fail only for the lack of it.
    error TooLittleGas(uint256 left, uint256 needed);

    /// @notice The seat on turn; `seats` if nobody is, or the app cannot say.
    function turn(address app, bytes memory state, uint256 seats) internal view returns (uint256 seat) {
        (bool ok, bytes memory answer) = _ask(app, abi.encodeCall(IApp.turn, (state)), QUESTION_GAS, 32);
        if (!ok || answer.length != 32) return seats;
        seat = uint256(bytes32(answer));
        if (seat > seats) return seats;
    }

    /// @notice The state after a move; `ok` is false, and `next` the reason, if it is not legal.
    function advance(
        address app,
        bytes memory state,
        bytes memory move
    ) internal view returns (bool ok, bytes memory next) {
        bytes memory answer;
        (ok, answer) = _ask(app, abi.encodeCall(IApp.advance, (state, move)), ADVANCE_GAS, 64 + MAX_STATE);
        if (!ok) return (false, answer);
        uint256 offset;
        uint256 length;
        assembly ("memory-safe") {
            next := add(answer, 0x40)
            offset := mload(add(answer, 0x20))
            length := mload(next)
        }
        ok = answer.length >= 64 && offset == 32 && length <= MAX_STATE && answer.length >= 64 + length;
        if (!ok) next = "";
    }

    /// @notice What each seat gets; nothing for anybody if the app cannot say: all stakes go back.
    function outcome(address app, bytes memory state, uint256 seats) internal view returns (uint256[] memory values) {
        uint256 size = 64 + 32 * seats;
        (bool ok, bytes memory answer) = _ask(app, abi.encodeCall(IApp.outcome, (state)), QUESTION_GAS, size);
        if (!ok || answer.length != size) return new uint256[](seats);
        uint256 offset;
        assembly ("memory-safe") {
            values := add(answer, 0x40)
            offset := mload(add(answer, 0x20))
        }
        if (offset != 32 || values.length != seats || _sum(values) > ONE) return new uint256[](seats);
    }

    function _sum(uint256[] memory values) private pure returns (uint256 sum) {
        for (uint256 i; i < values.length; ++i) {
            // Any sum above one is as good as another: none overflows.
            if (values[i] > ONE) return type(uint256).max;
            sum += values[i];
        }
    }

    /// @param most Bytes; an answer that is longer is none.
    function _ask(
        address app,
        bytes memory question,
        uint256 cap,
        uint256 most
    ) private view returns (bool ok, bytes memory answer) {
        require(app.code.length != 0, NoApp(app));
        // A call gets at most 63/64 of what is left (EIP-150).
        uint256 needed = cap + cap / 32 + 10_000;
        require(gasleft() >= needed, TooLittleGas(gasleft(), needed));
        assembly ("memory-safe") {
            ok := staticcall(cap, app, add(question, 0x20), mload(question), 0x00, 0x00)
            let size := returndatasize()
            if gt(size, most) {
                ok := 0
                size := 0
            }
            answer := mload(0x40)
            mstore(answer, size)
            returndatacopy(add(answer, 0x20), 0x00, size)
            // A word of zeros behind the answer: what is read there is no left-over of others.
            mstore(add(add(answer, 0x20), size), 0)
            mstore(0x40, add(answer, and(add(size, 0x7f), not(0x1f))))
        }
    }
}
