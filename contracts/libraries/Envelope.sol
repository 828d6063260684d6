// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Who signed a digest: direct, batched and owner signatures, docs/protocol.md §3
/// @dev Signers by ecrecover alone: an account that delegates its code later (EIP-7702) must not be able to disown a state.
library Envelope {
    bytes1 private constant DIRECT = 0x00;
    bytes1 private constant BATCHED = 0x01;
    bytes1 private constant OWNER = 0x02;
    bytes32 private constant BATCH_TYPEHASH = keccak256("Batch(bytes32 root)");
    uint256 private constant MAX_DEPTH = 20;
    /// @dev Tag, 64-byte signature, 4-byte path.
    uint256 private constant BATCH_HEAD = 69;

    /// @notice The key that signed `digest`, or zero; never the owner's signature.
    function signerOf(bytes calldata envelope, bytes32 digest, bytes32 domain) internal pure returns (address) {
        if (envelope.length < 65) return address(0);
        if (envelope[0] == DIRECT) {
            if (envelope.length == 65) return _recover(digest, envelope[1:]);
            if (envelope.length != 66) return address(0);
            (address recovered, , ) = ECDSA.tryRecoverCalldata(digest, envelope[1:]);
            return recovered;
        }
        if (envelope[0] != BATCHED || envelope.length < BATCH_HEAD || (envelope.length - BATCH_HEAD) % 32 != 0)
            return address(0);
        // Nothing malformed may reach ecrecover: for a digest of zero anyone can make a signature of any known key.
        if (envelope.length > BATCH_HEAD + 32 * MAX_DEPTH) return address(0);
        return _recover(_batchDigest(envelope, digest, domain), envelope[1:65]);
    }

    /// @notice Whether `owner` itself (an EOA or an ERC-1271 wallet) signed `digest` with an owner's envelope.
    function isByOwner(bytes calldata envelope, bytes32 digest, address owner) internal view returns (bool) {
        return
            envelope.length > 0 &&
            envelope[0] == OWNER &&
            SignatureChecker.isValidSignatureNowCalldata(owner, digest, envelope[1:]);
    }

    function _recover(bytes32 digest, bytes calldata rvs) private pure returns (address recovered) {
        (recovered, , ) = ECDSA.tryRecover(digest, bytes32(rvs[:32]), bytes32(rvs[32:64]));
    }

    /// @dev Nodes are tagged, so that no node passes as a leaf.
    function _batchDigest(bytes calldata envelope, bytes32 node, bytes32 domain) private pure returns (bytes32) {
        uint256 depth = (envelope.length - BATCH_HEAD) / 32;
        uint256 path = uint32(bytes4(envelope[65:69]));
        for (uint256 i; i < depth; ++i) {
            bytes32 sibling = bytes32(envelope[BATCH_HEAD + 32 * i:]);
            node =
                (path >> i) & 1 == 0
                    ? keccak256(abi.encodePacked(BATCHED, node, sibling))
                    : keccak256(abi.encodePacked(BATCHED, sibling, node));
        }
        return MessageHashUtils.toTypedDataHash(domain, keccak256(abi.encode(BATCH_TYPEHASH, node)));
    }
}
