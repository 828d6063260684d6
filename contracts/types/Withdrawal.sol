// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Channels, ChannelId} from "./Channel.sol";
import {Cursor} from "./Cursor.sol";

/// @notice Pays `amount` of `member`: to its owner (`to == 0`), to `to`, or into `toChannel` for its member `toMember`.
struct Part {
    uint256 member;
    uint256 amount;
    address to;
    bytes32 toChannel;
    uint256 toMember;
    /// @dev Not signed: the owner there, where the channel was shown.
    address toOwner;
}

/// @notice A co-signed withdrawal from a living ledger; its generation is the ledger's own.
/// @param dispute Zero, or the expiry of the running dispute that it ends.
struct Withdrawal {
    bool closing;
    uint256 seq;
    uint256 validUntil;
    uint256 dispute;
    Part[] parts;
}

using Withdrawals for Withdrawal global;

library Withdrawals {
    using Channels for bytes;

    bytes32 internal constant PART_TYPEHASH =
        keccak256("Part(uint8 member,uint256 amount,address to,bytes32 toChannel,uint8 toMember)");
    bytes32 internal constant TYPEHASH = keccak256(
        "Withdrawal(bytes32 channelId,address asset,uint16 generation,uint16 seq,Part[] parts,bool closing,uint64 validUntil,uint64 dispute)Part(uint8 member,uint256 amount,address to,bytes32 toChannel,uint8 toMember)"
    );

    error NoSuchPartKind(uint256 kind);

    /// @notice Reads the packed head, up to where `base` or the parts stand.
    function readHead(Cursor cursor) internal pure returns (Withdrawal memory withdrawal, Cursor next) {
        withdrawal.closing = cursor.uintAt(1) != 0;
        withdrawal.seq = cursor.skip(1).uintAt(2);
        withdrawal.validUntil = cursor.skip(3).uintAt(8);
        withdrawal.dispute = cursor.skip(11).uintAt(8);
        next = cursor.skip(19);
    }

    function readParts(Withdrawal memory withdrawal, Cursor cursor, uint256 chainId) internal view returns (Cursor next) {
        uint256 count = cursor.uintAt(1);
        next = cursor.skip(1);
        Part[] memory parts = new Part[](count);
        withdrawal.parts = parts;
        for (uint256 i; i < count; ++i) {
            next = _readPart(parts[i], next, chainId);
        }
    }

    function _readPart(Part memory part, Cursor cursor, uint256 chainId) private view returns (Cursor next) {
        part.member = cursor.uintAt(1);
        part.amount = cursor.skip(1).uintAt(14);
        uint256 kind = cursor.skip(15).uintAt(1);
        next = cursor.skip(16);
        if (kind == 0) return next;
        if (kind == 1) {
            part.to = address(uint160(next.uintAt(20)));
            return next.skip(20);
        }
        if (kind == 2) {
            part.toChannel = next.wordAt();
            part.toMember = next.skip(32).uintAt(1);
            return next.skip(33);
        }
        require(kind == 3, NoSuchPartKind(kind));
        part.toMember = next.uintAt(1);
        uint256 size = Channels.sizeOf(next.skip(1).uintAt(1));
        bytes calldata channel = next.skip(2).slice(size);
        part.toChannel = ChannelId.unwrap(channel.id(chainId));
        // A member that does not exist reads as some owner here; crediting it is refused.
        part.toOwner = channel.owner(part.toMember);
        return next.skip(2 + size);
    }

    /// @notice EIP-712 hashStruct.
    function hash(Withdrawal memory withdrawal, ChannelId channelId, address asset, uint256 generation)
        internal
        pure
        returns (bytes32)
    {
        Part[] memory parts = withdrawal.parts;
        bytes32[] memory hashes = new bytes32[](parts.length);
        for (uint256 i; i < parts.length; ++i) {
            Part memory part = parts[i];
            hashes[i] = keccak256(abi.encode(PART_TYPEHASH, part.member, part.amount, part.to, part.toChannel, part.toMember));
        }
        bytes32 partsHash;
        assembly ("memory-safe") {
            partsHash := keccak256(add(hashes, 0x20), shl(5, mload(hashes)))
        }
        return keccak256(
            abi.encode(
                TYPEHASH,
                channelId,
                asset,
                generation,
                withdrawal.seq,
                partsHash,
                withdrawal.closing,
                withdrawal.validUntil,
                withdrawal.dispute
            )
        );
    }
}
