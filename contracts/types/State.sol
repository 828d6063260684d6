// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ChannelId} from "./Channel.sol";
import {Cursor} from "./Cursor.sol";

/// @notice A signed, versioned statement about one lane of a ledger: where in memory it stands.
/// @dev Just as EIP-712 hashes it: `typehash | channelId | asset | generation | lane | version | creditsHash | locked | transfersRoot`,
/// a word each, and the credits behind them.
type State is uint256;

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

    /// @notice Reads a packed state of `members` for this generation of a ledger.
    /// @dev Assembly, since this is half the computation of an answer; a fuzz test holds it against `abi.encode`.
    /// Amounts fit in 112 bits by their encoding, so no sum of 33 of them overflows.
    function read(Cursor cursor, uint256 members, ChannelId channelId, address asset, uint256 generation)
        internal
        pure
        returns (State state, Cursor next)
    {
        bytes32 typehash = TYPEHASH;
        int256 sum;
        assembly ("memory-safe") {
            state := mload(0x40)
            mstore(state, typehash)
            mstore(add(state, 0x20), channelId)
            mstore(add(state, 0x40), asset)
            mstore(add(state, 0x60), generation)
            let head := calldataload(cursor)
            mstore(add(state, 0x80), shr(248, head))
            mstore(add(state, 0xa0), and(shr(184, head), 0xffffffffffffffff))
            let locked_ := and(shr(72, head), 0xffffffffffffffffffffffffffff)
            mstore(add(state, 0xe0), locked_)
            next := add(cursor, 23)
            let root := 0
            if locked_ {
                root := calldataload(next)
                next := add(next, 32)
            }
            mstore(add(state, 0x100), root)
            let credits := add(state, 0x120)
            let at := credits
            sum := locked_
            for { let end := add(at, shl(5, members)) } lt(at, end) { at := add(at, 0x20) } {
                let credit_ := sar(144, calldataload(next))
                mstore(at, credit_)
                sum := add(sum, credit_)
                next := add(next, 14)
            }
            mstore(add(state, 0xc0), keccak256(credits, shl(5, members)))
            mstore(0x40, at)
        }
        uint256 count = lanes(members);
        require(state.lane() < count, NoSuchLane(state.lane(), count));
        require(state.version() != 0, ZeroVersion());
        require(sum == 0, Unbalanced(sum));
    }

    function lane(State state) internal pure returns (uint256) {
        return _word(state, 4);
    }

    function version(State state) internal pure returns (uint256) {
        return _word(state, 5);
    }

    function locked(State state) internal pure returns (uint256) {
        return _word(state, 7);
    }

    function transfersRoot(State state) internal pure returns (bytes32) {
        return bytes32(_word(state, 8));
    }

    /// @dev `member` must be one of those the state was read with.
    function credit(State state, uint256 member) internal pure returns (int256) {
        return int256(_word(state, 9 + member));
    }

    function _word(State state, uint256 index) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(state, shl(5, index)))
        }
    }

    /// @notice EIP-712 hashStruct.
    function hash(State state) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := keccak256(state, 0x120)
        }
    }

    /// @notice Two members write a lane each, more share one.
    function lanes(uint256 members) internal pure returns (uint256) {
        return members == 2 ? 2 : 1;
    }

    function laneWord(State state, bytes32 structHash) internal pure returns (LaneWord) {
        return LaneWord.wrap((state.version() << 192) | uint192(uint256(structHash)));
    }

    function version(LaneWord word) internal pure returns (uint256) {
        return LaneWord.unwrap(word) >> 192;
    }
}
