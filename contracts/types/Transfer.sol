// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IOutcomeRegistry} from "../interfaces/IOutcomeRegistry.sol";
import {Cursor} from "./Cursor.sol";

/// @notice A lane's list of transfers, docs/protocol.md §4 and §6.
/// @param leaves The leaf of every position.
/// @param shown The transfers that are shown in full.
/// @param outcomes `recordedAt << 64 | value` of all their legs, in order.
struct TransferList {
    uint256 lane;
    bytes32[] leaves;
    Shown[] shown;
    uint256[] outcomes;
}

/// @notice A transfer shown in full: `its place in calldata | legs 16 | index of its first leg 16 | position in the list 16`.
/// In calldata stands `amount uint128 | deadline uint64 | refundTo uint8 | legs x (to uint8 | key bytes32)`.
type Shown is uint256;

using Transfers for TransferList global;
using Transfers for Shown global;

library Transfers {
    uint256 internal constant MAX_TRANSFERS = 512;
    uint256 internal constant MAX_LEGS = 1536;
    uint256 private constant HEAD = 25;
    uint256 private constant LEG = 33;

    error TooManyTransfers(uint256 count, uint256 max);
    error TooManyLegs(uint256 count, uint256 max);
    /// @notice The registry did not answer: too little gas was given.
    error NoOutcomes(address registry);

    /// @dev Unchecked: sizes and counts have at most 16 bits.
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
            uint256 legCount = next.uintAt(1);
            next = next.skip(1);
            if (legCount == 0) {
                leaves[i] = next.wordAt();
                next = next.skip(32);
                continue;
            }
            unchecked {
                uint256 size = HEAD + LEG * legCount;
                leaves[i] = next.hash(size);
                shown[shownCount++] = Shown.wrap((Cursor.unwrap(next) << 48) | (legCount << 32) | (legsCount << 16) | i);
                legsCount += legCount;
                next = next.skip(size);
            }
        }
        require(legsCount <= MAX_LEGS, TooManyLegs(legsCount, MAX_LEGS));
        assembly ("memory-safe") {
            mstore(shown, shownCount)
        }
        (list.leaves, list.shown) = (leaves, shown);
        list.outcomes = _ask(registry, shown, legsCount);
    }

    /// @dev `registry.outcomes(keys)` in assembly: the keys go from calldata straight into the question, and the answer takes its place.
    function _ask(IOutcomeRegistry registry, Shown[] memory shown, uint256 count) private view returns (uint256[] memory outcomes) {
        bytes32 selector = IOutcomeRegistry.outcomes.selector;
        bool ok;
        assembly ("memory-safe") {
            let question := mload(0x40)
            mstore(question, selector)
            mstore(add(question, 0x04), 0x20)
            mstore(add(question, 0x24), count)
            let end := add(question, 0x44)
            let last := add(shown, shl(5, mload(shown)))
            for { let next := shown } lt(next, last) {} {
                next := add(next, 0x20)
                let one := mload(next)
                let key := add(shr(48, one), add(HEAD, 1))
                for { let left := and(shr(32, one), 0xffff) } left { left := sub(left, 1) } {
                    mstore(end, calldataload(key))
                    end := add(end, 0x20)
                    key := add(key, LEG)
                }
            }
            let size := add(0x40, shl(5, count))
            ok := staticcall(gas(), registry, question, sub(end, question), question, size)
            ok := and(ok, eq(returndatasize(), size))
            outcomes := add(question, 0x20)
            mstore(0x40, add(question, add(size, 0x20)))
        }
        require(ok, NoOutcomes(address(registry)));
    }

    function place(Shown shown) internal pure returns (Cursor) {
        return Cursor.wrap(Shown.unwrap(shown) >> 48);
    }

    function legs(Shown shown) internal pure returns (uint256) {
        return uint16(Shown.unwrap(shown) >> 32);
    }

    function firstLeg(Shown shown) internal pure returns (uint256) {
        return uint16(Shown.unwrap(shown) >> 16);
    }

    function position(Shown shown) internal pure returns (uint256) {
        return uint16(Shown.unwrap(shown));
    }

    function amount(Shown shown) internal pure returns (uint256) {
        return shown.place().uintAt(16);
    }

    function deadline(Shown shown) internal pure returns (uint256) {
        return shown.place().skip(16).uintAt(8);
    }

    function refundTo(Shown shown) internal pure returns (uint256) {
        return shown.place().skip(24).uintAt(1);
    }

    function payee(Shown shown, uint256 leg) internal pure returns (uint256) {
        return shown.place().skip(HEAD + LEG * leg).uintAt(1);
    }

    /// @notice The hash of the concatenated leaves.
    function root(TransferList memory list) internal pure returns (bytes32 hash) {
        bytes32[] memory leaves = list.leaves;
        assembly ("memory-safe") {
            hash := keccak256(add(leaves, 0x20), shl(5, mload(leaves)))
        }
    }
}
