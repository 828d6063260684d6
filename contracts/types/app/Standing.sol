// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Cursor, cursorAt} from "../Cursor.sol";
import {Instances} from "./Instance.sol";

/// @notice What the chain keeps of an instance: `since uint40 | base uint32 | low 184 bits of the standing's hash`; zero: nothing.
type AppWord is uint256;

/// @notice Where an instance stands. Packed: `version uint32 | N x (spent uint32 | moved uint32) | state`.
/// @param clocks Of each seat `spent << 32 | moved`.
struct Standing {
    uint256 version;
    uint256[] clocks;
    bytes state;
}

using Standings for Standing global;
using Standings for AppWord global;

library Standings {
    using Instances for bytes;

    uint256 private constant VERSION = 4;
    uint256 private constant CLOCK = 8;
    uint256 private constant HASH_BITS = 184;

    /// @notice An agreed state: nobody has spent any time, and all have moved to it.
    function agreed(uint256 version, uint256 seats, bytes calldata state) internal pure returns (Standing memory) {
        uint256[] memory clocks = new uint256[](seats);
        for (uint256 i; i < seats; ++i) {
            clocks[i] = version;
        }
        return Standing(version, clocks, state);
    }

    /// @dev Reads stay inside because the arbiter has packed it: the word has its hash.
    function read(bytes calldata packed, uint256 seats) internal pure returns (Standing memory standing) {
        Cursor next = cursorAt(packed);
        uint256[] memory clocks = new uint256[](seats);
        standing.version = next.uintAt(VERSION);
        next = next.skip(VERSION);
        for (uint256 i; i < seats; ++i) {
            clocks[i] = next.uintAt(CLOCK);
            next = next.skip(CLOCK);
        }
        standing.clocks = clocks;
        standing.state = packed[VERSION + CLOCK * seats:];
    }

    function pack(Standing memory standing) internal pure returns (bytes memory packed) {
        (uint256 version, uint256[] memory clocks, bytes memory state) =
            (standing.version, standing.clocks, standing.state);
        packed = new bytes(VERSION + CLOCK * clocks.length + state.length);
        // Each write reaches behind its field, where the next one is written later, or nothing yet.
        assembly ("memory-safe") {
            let at := add(packed, 0x20)
            mstore(at, shl(224, version))
            at := add(at, VERSION)
            let clock := add(clocks, 0x20)
            for {
                let end := add(clock, shl(5, mload(clocks)))
            } lt(clock, end) {
                clock := add(clock, 0x20)
            } {
                mstore(at, shl(192, mload(clock)))
                at := add(at, CLOCK)
            }
            mcopy(at, add(state, 0x20), mload(state))
        }
    }

    function spent(Standing memory standing, uint256 seat) internal pure returns (uint256) {
        return standing.clocks[seat] >> 32;
    }

    /// @notice A seat has moved, after so many seconds.
    function advance(Standing memory standing, uint256 seat, uint256 elapsed, bytes memory next) internal pure {
        standing.version += 1;
        standing.state = next;
        standing.clocks[seat] = ((standing.spent(seat) + elapsed) << 32) | standing.version;
    }

    /// @notice The second highest version that a signer has moved to: what two have built on, no agreed state takes away.
    /// @dev Counts signers, not seats: alone nobody can build a way around a state that it agreed to.
    function base(Standing memory standing, bytes calldata instance) internal pure returns (uint256 second) {
        uint256 first;
        address leader;
        for (uint256 i; i < standing.clocks.length; ++i) {
            uint256 moved = uint32(standing.clocks[i]);
            address signer = instance.signer(i);
            if (moved > first) {
                if (signer != leader) second = first;
                (first, leader) = (moved, signer);
            } else if (moved > second && signer != leader) {
                second = moved;
            }
        }
    }

    function word(
        Standing memory standing,
        bytes calldata instance,
        bytes32 hash
    ) internal view returns (AppWord) {
        uint256 low = uint256(uint184(uint256(hash)));
        return AppWord.wrap((block.timestamp << 216) | (standing.base(instance) << HASH_BITS) | low);
    }

    function since(AppWord one) internal pure returns (uint256) {
        return AppWord.unwrap(one) >> 216;
    }

    function base(AppWord one) internal pure returns (uint256) {
        return uint32(AppWord.unwrap(one) >> HASH_BITS);
    }

    function isOf(AppWord one, bytes32 hash) internal pure returns (bool) {
        return one.since() != 0 && uint184(AppWord.unwrap(one)) == uint184(uint256(hash));
    }
}
