// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

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
        bytes32 hash = keccak256(abi.encode(chainId, address(this), keccak256(channel)));
        return ChannelId.wrap(bytes32((uint256(hash) & ~uint256(0xff)) | members));
    }

    function count(ChannelId channelId) internal pure returns (uint256) {
        return uint8(uint256(ChannelId.unwrap(channelId)));
    }

    function count(bytes calldata channel) internal pure returns (uint256) {
        return channel.length < HEAD ? 0 : (channel.length - HEAD) / SIZE;
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
            if (account == signer(channel, i) || account == owner(channel, i)) return true;
        }
        return false;
    }

    /// @notice Whether `account` is the signer or owner of `member`, and of no other of two members.
    function isOnly(bytes calldata channel, uint256 member, address account) internal pure returns (bool) {
        uint256 other = 1 - member;
        return (account == signer(channel, member) || account == owner(channel, member)) && account != signer(channel, other)
            && account != owner(channel, other);
    }

    /// @notice The length of a packed channel of `members`.
    function sizeOf(uint256 members) internal pure returns (uint256) {
        return HEAD + SIZE * members;
    }
}
