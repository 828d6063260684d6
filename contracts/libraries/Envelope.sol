// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Cursor} from "../types/Cursor.sol";

/// @title Who signed a digest: direct, batched and owner signatures, docs/protocol.md §3
/// @dev Signers by ecrecover alone: an account that delegates its code later (EIP-7702) must not be able to disown a state.
library Envelope {
    uint256 private constant DIRECT = 0;
    uint256 private constant BATCHED = 1;
    uint256 private constant OWNER = 2;
    bytes32 private constant BATCH_TYPEHASH = keccak256("Batch(bytes32 root)");
    uint256 private constant MAX_DEPTH = 20;
    /// @dev Tag, 64-byte signature, 4-byte path.
    uint256 private constant BATCH_HEAD = 69;

    /// @notice The key that signed `digest`, or zero; never the owner's signature.
    /// @param place The envelope, `length` bytes long.
    function signerOf(
        Cursor place,
        uint256 length,
        bytes32 digest,
        bytes32 domain
    ) internal pure returns (address recovered) {
        uint256 tag = place.uintAt(1);
        if (tag == DIRECT && length == 66) {
            (recovered, , ) = ECDSA.tryRecoverCalldata(digest, place.skip(1).slice(65));
        } else if (tag == DIRECT && length == 65) {
            recovered = _recover(digest, place);
        } else if (tag == BATCHED && length >= BATCH_HEAD && (length - BATCH_HEAD) % 32 == 0) {
            uint256 depth = (length - BATCH_HEAD) / 32;
            // A deeper tree is no signature of ours.
            if (depth <= MAX_DEPTH) recovered = _recover(_batchDigest(place, depth, digest, domain), place);
        }
    }

    /// @notice Whether `owner` itself (an EOA or an ERC-1271 wallet) signed `digest` with an owner's envelope.
    function isByOwner(Cursor place, uint256 length, bytes32 digest, address owner) internal view returns (bool) {
        return
            place.uintAt(1) == OWNER &&
            SignatureChecker.isValidSignatureNowCalldata(owner, digest, place.skip(1).slice(length - 1));
    }

    function _recover(bytes32 digest, Cursor place) private pure returns (address recovered) {
        (recovered, , ) = ECDSA.tryRecover(digest, place.skip(1).wordAt(), place.skip(33).wordAt());
    }

    /// @dev Nodes are tagged, so that no node passes as a leaf.
    function _batchDigest(Cursor place, uint256 depth, bytes32 node, bytes32 domain) private pure returns (bytes32) {
        uint256 path = place.skip(65).uintAt(4);
        for (uint256 i; i < depth; ++i) {
            bytes32 sibling = place.skip(BATCH_HEAD + 32 * i).wordAt();
            node =
                (path >> i) & 1 == 0
                    ? keccak256(abi.encodePacked(bytes1(0x01), node, sibling))
                    : keccak256(abi.encodePacked(bytes1(0x01), sibling, node));
        }
        return MessageHashUtils.toTypedDataHash(domain, keccak256(abi.encode(BATCH_TYPEHASH, node)));
    }
}
