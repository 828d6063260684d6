// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title The part of EIP-3009 that a payee uses
interface IERC3009 {
    /// @notice Moves `value` from `from` to the caller, which must be `to`, once per nonce.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
}
