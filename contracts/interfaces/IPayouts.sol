// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IVault} from "./IVault.sol";

/// @title A vault whose owners can also claim by signature
interface IPayouts is IVault {
    error BadSignature(address signer);
    error Expired(uint256 timestamp, uint256 validUntil);

    /// @notice Like `claim`, with the owner's signature over `Claim`, whose nonce is the owner's next.
    function claimFor(
        address asset,
        address owner,
        address to,
        uint256 amount,
        uint64 validUntil,
        bytes calldata signature
    ) external;
}
