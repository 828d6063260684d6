// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Cursor} from "./Cursor.sol";
import {State} from "./State.sol";

/// @notice What a settled generation still holds back for a lane's undecided transfers.
/// @param locked Sum of their amounts.
/// @param reserved What there is for them: less than `locked` only if the members signed more than they had.
/// @param root Of the lane's list, decided leaves zeroed.
struct Reserve {
    uint256 lane;
    uint256 locked;
    uint256 reserved;
    bytes32 root;
}

library Reserves {
    uint256 private constant SIZE = 61;

    error NoReserve(uint256 lane);

    function read(Cursor cursor) internal pure returns (Reserve[] memory reserves, bytes32 hash, Cursor next) {
        uint256 count = cursor.uintAt(1);
        reserves = new Reserve[](count);
        next = cursor.skip(1);
        for (uint256 i; i < count; ++i) {
            Reserve memory one = reserves[i];
            one.lane = next.uintAt(1);
            one.locked = next.skip(1).uintAt(14);
            one.reserved = next.skip(15).uintAt(14);
            one.root = next.skip(29).wordAt();
            next = next.skip(SIZE);
        }
        hash = keccak256(cursor.slice(1 + SIZE * count));
    }

    /// @notice A reserve for each lane, as large as what its state (if it has one) locks.
    function from(State[] memory states) internal pure returns (Reserve[] memory reserves) {
        reserves = new Reserve[](states.length);
        for (uint256 lane; lane < reserves.length; ++lane) {
            State state = states[lane];
            if (State.unwrap(state) == 0) continue;
            reserves[lane] = Reserve(lane, state.locked(), state.locked(), state.transfersRoot());
        }
    }

    function any(Reserve[] memory reserves) internal pure returns (bool) {
        for (uint256 i; i < reserves.length; ++i) {
            if (reserves[i].reserved != 0) return true;
        }
        return false;
    }

    /// @notice The packed form that a record binds and an event shows: those with money left.
    function pack(Reserve[] memory reserves) internal pure returns (bytes memory packed) {
        uint8 count;
        for (uint256 i; i < reserves.length; ++i) {
            Reserve memory one = reserves[i];
            if (one.reserved == 0) continue;
            packed = abi.encodePacked(packed, uint8(one.lane), uint112(one.locked), uint112(one.reserved), one.root);
            ++count;
        }
        packed = abi.encodePacked(count, packed);
    }

    function find(Reserve[] memory reserves, uint256 lane) internal pure returns (Reserve memory) {
        for (uint256 i; i < reserves.length; ++i) {
            if (reserves[i].lane == lane) return reserves[i];
        }
        revert NoReserve(lane);
    }
}
