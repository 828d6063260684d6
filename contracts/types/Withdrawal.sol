// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Channels, ChannelId} from "./Channel.sol";
import {Cursor} from "./Cursor.sol";

/// @notice Pays `amount` of `member`: to its owner (`to == 0`), to `to`, or into `toChannel` for its member `toMember`.
/// @dev In memory just as EIP-712 hashes it; `toOwner`, the owner there where that channel was shown, is not signed.
struct Part {
    bytes32 typehash;
    uint256 member;
    uint256 amount;
    address to;
    bytes32 toChannel;
    uint256 toMember;
    address toOwner;
}

/// @notice A co-signed withdrawal from a living ledger.
/// @dev In memory just as EIP-712 hashes it; `parts` stands behind that.
/// @param dispute Zero, or the expiry of the running dispute that it ends.
struct Withdrawal {
    bytes32 typehash;
    ChannelId channelId;
    address asset;
    uint256 generation;
    uint256 seq;
    bytes32 partsHash;
    bool closing;
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
        withdrawal.typehash = TYPEHASH;
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
        bytes32[] memory hashes = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            Part memory part = parts[i];
            next = _readPart(part, next, chainId);
            bytes32 partHash;
            assembly ("memory-safe") {
                partHash := keccak256(part, 0xc0)
            }
            hashes[i] = partHash;
        }
        bytes32 partsHash;
        assembly ("memory-safe") {
            partsHash := keccak256(add(hashes, 0x20), shl(5, count))
        }
        (withdrawal.parts, withdrawal.partsHash) = (parts, partsHash);
    }

    function _readPart(Part memory part, Cursor cursor, uint256 chainId) private view returns (Cursor next) {
        part.typehash = PART_TYPEHASH;
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
    function hash(Withdrawal memory withdrawal) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := keccak256(withdrawal, 0x120)
        }
    }
}
