// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {hashOf} from "./Hash.sol";

/// @notice `keccak256(abi.encode(chainId, adjudicator, keccak256(channel)))` with the number of members as its last byte.
type ChannelId is bytes32;

using Channels for ChannelId global;

/// @title The packed channel: `period uint32 | nonce uint128 | N x (signer address | owner address)`
/// @dev Read straight from calldata: the reads stay inside because `id` has checked the length and callers index below `count`.
library Channels {
    uint256 internal constant MIN_PERIOD = 1 minutes;
    uint256 internal constant MAX_PERIOD = 30 days;
    uint256 private constant HEAD = 20;
    uint256 private constant SIZE = 40;

    error MalformedChannel(uint256 length);
    error PeriodOutOfRange(uint256 period, uint256 min, uint256 max);
    /// @notice The member is zero, or does not stand after the one before it.
    error UnsortedMember(uint256 member);
    error NoSuchMember(uint256 member, uint256 count);

    /// @notice Checks the channel and names it. `chainId` is the chain's id at deployment: a fork must not cut members off their ledgers.
    function id(bytes calldata channel, uint256 chainId) internal view returns (ChannelId) {
        uint256 members = count(channel);
        require(members > 1 && members < 33 && channel.length == sizeOf(members), MalformedChannel(channel.length));
        uint256 seconds_ = period(channel);
        require(seconds_ >= MIN_PERIOD && seconds_ <= MAX_PERIOD, PeriodOutOfRange(seconds_, MIN_PERIOD, MAX_PERIOD));
        address last;
        for (uint256 i; i < members; ++i) {
            address next = signer(channel, i);
            require(next > last && owner(channel, i) != address(0), UnsortedMember(i));
            last = next;
        }
        bytes32 hash = hashOf(bytes32(chainId), bytes32(uint256(uint160(address(this)))), _hash(channel));
        return ChannelId.wrap(bytes32((uint256(hash) & ~uint256(0xff)) | members));
    }

    function _hash(bytes calldata channel) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, channel.offset, channel.length)
            hash := keccak256(free, channel.length)
        }
    }

    function count(ChannelId channelId) internal pure returns (uint256) {
        return uint8(uint256(ChannelId.unwrap(channelId)));
    }

    function count(bytes calldata channel) internal pure returns (uint256) {
        unchecked {
            // A channel that is too short has a great many members and is refused for it.
            return (channel.length - HEAD) / SIZE;
        }
    }

    function period(bytes calldata channel) internal pure returns (uint256 seconds_) {
        assembly ("memory-safe") {
            seconds_ := shr(224, calldataload(channel.offset))
        }
    }

    function signer(bytes calldata channel, uint256 member) internal pure returns (address account) {
        assembly ("memory-safe") {
            account := shr(96, calldataload(add(add(channel.offset, HEAD), mul(SIZE, member))))
        }
    }

    function owner(bytes calldata channel, uint256 member) internal pure returns (address account) {
        assembly ("memory-safe") {
            account := shr(96, calldataload(add(add(channel.offset, 40), mul(SIZE, member))))
        }
    }

    function isMember(bytes calldata channel, address account) internal pure returns (bool) {
        for (uint256 i; i < count(channel); ++i) {
            if (isAt(channel, i, account)) return true;
        }
        return false;
    }

    function isAt(bytes calldata channel, uint256 member, address account) internal pure returns (bool) {
        return account == signer(channel, member) || account == owner(channel, member);
    }

    /// @notice The length of a packed channel of `members`.
    function sizeOf(uint256 members) internal pure returns (uint256) {
        unchecked {
            // Counts have 8 bits or have been checked.
            return HEAD + SIZE * members;
        }
    }
}
