// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Vault} from "./Vault.sol";
import {IPayouts} from "./interfaces/IPayouts.sol";

/// @title A vault that also pays on its owners' signatures
abstract contract Payouts is IPayouts, EIP712("Tallystick", "1"), Nonces, Vault {
    bytes32 private constant CLAIM_TYPEHASH = keccak256(
        "Claim(address asset,address owner,address to,uint256 amount,uint256 nonce,uint64 validUntil)"
    );

    /// @inheritdoc IPayouts
    function claimFor(
        address asset,
        address owner,
        address to,
        uint256 amount,
        uint64 validUntil,
        bytes calldata signature
    ) external nonReentrant {
        require(block.timestamp <= validUntil, Expired(block.timestamp, validUntil));
        bytes32 hash = keccak256(abi.encode(CLAIM_TYPEHASH, asset, owner, to, amount, _useNonce(owner), validUntil));
        require(
            SignatureChecker.isValidSignatureNowCalldata(owner, _hashTypedDataV4(hash), signature),
            BadSignature(owner)
        );
        _claim(asset, owner, to, amount);
    }
}
