// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAdjudicator} from "./interfaces/IAdjudicator.sol";
import {Push} from "./libraries/Push.sol";

/// @title Money on its way out: pushed to its owner, or kept for its owner to claim
abstract contract Payouts is IAdjudicator, EIP712("Tallystick", "1"), ReentrancyGuardTransient, Nonces {
    bytes32 private constant CLAIM_TYPEHASH = keccak256(
        "Claim(address asset,address owner,address to,uint256 amount,uint256 nonce,uint64 validUntil)"
    );

    /// @inheritdoc IAdjudicator
    mapping(address asset => mapping(address owner => uint256 amount)) public claimable;

    /// @inheritdoc IAdjudicator
    function claim(address asset, address to) external nonReentrant {
        _claim(asset, msg.sender, to, claimable[asset][msg.sender]);
    }

    /// @inheritdoc IAdjudicator
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

    /// @dev A failed push never blocks the others: the amount waits for `owner`.
    function _pay(address asset, address to, address owner, uint256 amount) internal {
        if (amount != 0 && !Push.send(asset, to, amount)) _keep(asset, owner, amount);
    }

    function _keep(address asset, address owner, uint256 amount) internal {
        claimable[asset][owner] += amount;
        emit Claimable(asset, owner, amount);
    }

    function _claim(address asset, address owner, address to, uint256 amount) private {
        uint256 held = claimable[asset][owner];
        require(amount != 0 && amount <= held, NothingToClaim(amount, held));
        claimable[asset][owner] = held - amount;
        emit Claimed(asset, owner, to, amount);
        // No cap here: the owner chooses `to` and pays for the gas.
        if (asset == address(0)) Address.sendValue(payable(to), amount);
        else SafeERC20.safeTransfer(IERC20(asset), to, amount);
    }
}
