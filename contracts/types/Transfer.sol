// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IOutcomeRegistry} from "../interfaces/IOutcomeRegistry.sol";
import {Cursor} from "./Cursor.sol";

/// @notice A lane's list of transfers, docs/protocol.md §4 and §6.
/// @param lane Whose.
/// @param leaves The leaf of every position.
/// @param shown Position and place of each transfer that is shown in full.
/// @param outcomes `recordedAt << 64 | value` of all their legs, in order.
struct TransferList {
    uint256 lane;
    bytes32[] leaves;
    Shown[] shown;
    uint256[] outcomes;
}

/// @notice A transfer shown in full: `amount uint128 | deadline uint64 | refundTo uint8 | legs x (to uint8 | key bytes32)` in calldata.
struct Shown {
    uint256 position;
    Cursor at;
    uint256 legs;
    uint256 firstLeg;
}

using Transfers for TransferList global;
using Transfers for Shown global;

library Transfers {
    uint256 internal constant MAX_TRANSFERS = 512;
    uint256 internal constant MAX_LEGS = 2048;
    uint256 private constant HEAD = 25;
    uint256 private constant LEG = 33;

    error TooManyTransfers(uint256 count, uint256 max);
    error TooManyLegs(uint256 count, uint256 max);

    function read(Cursor cursor, IOutcomeRegistry registry) internal view returns (TransferList memory list, Cursor next) {
        list.lane = cursor.uintAt(1);
        uint256 count = cursor.skip(1).uintAt(2);
        require(count <= MAX_TRANSFERS, TooManyTransfers(count, MAX_TRANSFERS));
        bytes32[] memory leaves = new bytes32[](count);
        Shown[] memory shown = new Shown[](count);
        next = cursor.skip(3);
        uint256 shownCount;
        uint256 legsCount;
        for (uint256 i; i < count; ++i) {
            uint256 legs = next.uintAt(1);
            next = next.skip(1);
            if (legs == 0) {
                leaves[i] = next.wordAt();
                next = next.skip(32);
            } else {
                uint256 size = HEAD + LEG * legs;
                leaves[i] = keccak256(next.slice(size));
                Shown memory one = shown[shownCount++];
                (one.position, one.at, one.legs, one.firstLeg) = (i, next, legs, legsCount);
                legsCount += legs;
                next = next.skip(size);
            }
        }
        require(legsCount <= MAX_LEGS, TooManyLegs(legsCount, MAX_LEGS));
        assembly ("memory-safe") {
            mstore(shown, shownCount)
        }
        list.leaves = leaves;
        list.shown = shown;
        list.outcomes = registry.outcomes(_keys(shown, legsCount));
    }

    function _keys(Shown[] memory shown, uint256 count) private pure returns (bytes32[] memory keys) {
        keys = new bytes32[](count);
        uint256 next;
        for (uint256 i; i < shown.length; ++i) {
            Cursor key = shown[i].at.skip(HEAD + 1);
            for (uint256 last = next + shown[i].legs; next < last; ++next) {
                keys[next] = key.wordAt();
                key = key.skip(LEG);
            }
        }
    }

    function amount(Shown memory shown) internal pure returns (uint256) {
        return shown.at.uintAt(16);
    }

    function deadline(Shown memory shown) internal pure returns (uint256) {
        return shown.at.skip(16).uintAt(8);
    }

    function refundTo(Shown memory shown) internal pure returns (uint256) {
        return shown.at.skip(24).uintAt(1);
    }

    function payee(Shown memory shown, uint256 leg) internal pure returns (uint256) {
        return shown.at.skip(HEAD + LEG * leg).uintAt(1);
    }

    /// @notice The hash of the concatenated leaves.
    function root(TransferList memory list) internal pure returns (bytes32 hash) {
        bytes32[] memory leaves = list.leaves;
        assembly ("memory-safe") {
            hash := keccak256(add(leaves, 0x20), shl(5, mload(leaves)))
        }
    }
}
