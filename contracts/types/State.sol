// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ChannelId} from "./Channel.sol";
import {Cursor} from "./Cursor.sol";

/// @notice A signed, versioned statement about one lane of a ledger; channel, asset and generation come from where it is used.
struct State {
    uint256 lane;
    uint256 version;
    uint256 locked;
    bytes32 transfersRoot;
    int256[] credits;
}

/// @notice `version uint64 | low 192 bits of hashStruct(State)`: all that the chain keeps of a lane.
type LaneWord is uint256;

using States for State global;
using States for LaneWord global;

library States {
    bytes32 internal constant TYPEHASH = keccak256(
        "State(bytes32 channelId,address asset,uint16 generation,uint8 lane,uint64 version,int256[] credits,uint256 locked,bytes32 transfersRoot)"
    );

    error NoSuchLane(uint256 lane, uint256 count);
    error ZeroVersion();
    /// @notice `sum(credits) + locked` is not zero.
    error Unbalanced(int256 sum);

    /// @notice Reads a packed state; amounts fit in 112 bits by their encoding, so no sum of them overflows.
    function read(Cursor cursor, uint256 members) internal pure returns (State memory state, Cursor next) {
        state.lane = cursor.uintAt(1);
        state.version = cursor.skip(1).uintAt(8);
        state.locked = cursor.skip(9).uintAt(14);
        next = cursor.skip(23);
        if (state.locked != 0) {
            state.transfersRoot = next.wordAt();
            next = next.skip(32);
        }
        int256[] memory credits = new int256[](members);
        state.credits = credits;
        for (uint256 i; i < members; ++i) {
            credits[i] = next.int112At();
            next = next.skip(14);
        }
    }

    function check(State memory state) internal pure {
        uint256 members = state.credits.length;
        require(state.lane < lanes(members), NoSuchLane(state.lane, lanes(members)));
        require(state.version != 0, ZeroVersion());
        int256 sum = int256(state.locked);
        unchecked {
            // At most 33 values of 112 bits.
            for (uint256 i; i < members; ++i) {
                sum += state.credits[i];
            }
        }
        require(sum == 0, Unbalanced(sum));
    }

    /// @notice EIP-712 hashStruct.
    function hash(State memory state, ChannelId channelId, address asset, uint256 generation) internal pure returns (bytes32) {
        int256[] memory credits = state.credits;
        bytes32 creditsHash;
        assembly ("memory-safe") {
            creditsHash := keccak256(add(credits, 0x20), shl(5, mload(credits)))
        }
        return keccak256(
            abi.encode(
                TYPEHASH, channelId, asset, generation, state.lane, state.version, creditsHash, state.locked, state.transfersRoot
            )
        );
    }

    /// @notice Two members write a lane each, more share one.
    function lanes(uint256 members) internal pure returns (uint256) {
        return members == 2 ? 2 : 1;
    }

    function laneWord(State memory state, bytes32 structHash) internal pure returns (LaneWord) {
        return LaneWord.wrap((state.version << 192) | uint192(uint256(structHash)));
    }

    function version(LaneWord word) internal pure returns (uint256) {
        return LaneWord.unwrap(word) >> 192;
    }
}
