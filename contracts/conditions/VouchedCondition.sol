// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ICondition} from "../interfaces/ICondition.sol";

/// @title The value that payer and payee agree on
/// @notice `data = abi.encode(address payer, address payee, bytes32 about)`; `witness` = the value and both signatures over
/// `Vouch(address payer,address payee,bytes32 about,uint256 value)`, as `abi.encode(uint256 value, bytes32 r, bytes32 vs, bytes32 r, bytes32 vs)`.
/// @dev Whoever signs two values for one question makes two answers possible, and the registry keeps the one that is recorded first.
/// One signer that signs once is enough to prevent it. Nobody else may count on a voucher: only on what is recorded.
contract VouchedCondition is ICondition {
    bytes32 private constant TYPEHASH = keccak256("Vouch(address payer,address payee,bytes32 about,uint256 value)");
    bytes32 private constant DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    /// @dev The id at deployment, as in outcome keys: what was an answer before a fork of the chain stays one on both sides.
    uint256 private immutable CHAIN_ID = block.chainid;

    /// @notice The signature is that of somebody else.
    error WrongVoucher(address expected, address actual);
    /// @notice More than all was vouched for.
    error ValueAboveOne(uint256 value);

    /// @inheritdoc ICondition
    function evaluate(bytes calldata data, bytes calldata witness) external view returns (uint256) {
        (address payer, address payee, bytes32 about) = abi.decode(data, (address, address, bytes32));
        (uint256 value, bytes32[4] memory signatures) = abi.decode(witness, (uint256, bytes32[4]));
        require(value <= 1e18, ValueAboveOne(value));
        bytes32 structHash = keccak256(abi.encode(TYPEHASH, payer, payee, about, value));
        bytes32 digest = MessageHashUtils.toTypedDataHash(_domain(), structHash);
        _requireSigner(payer, digest, signatures[0], signatures[1]);
        _requireSigner(payee, digest, signatures[2], signatures[3]);
        return value;
    }

    /// @dev By ecrecover alone, as everywhere: code at a signer's address must not change the answer.
    function _requireSigner(address signer, bytes32 digest, bytes32 r, bytes32 vs) private pure {
        address actual = ECDSA.recover(digest, r, vs);
        require(actual == signer, WrongVoucher(signer, actual));
    }

    function _domain() private view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Tallystick"), keccak256("1"), CHAIN_ID, address(this)));
    }
}
