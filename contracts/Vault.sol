// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Push} from "./libraries/Push.sol";

/// @title Money as it comes in, and on its way out: pushed to its owner, or kept for its owner to claim
abstract contract Vault is IVault, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IVault
    mapping(address asset => mapping(address owner => uint256 amount)) public claimable;

    /// @inheritdoc IVault
    function claim(address asset, address to) external nonReentrant {
        _claim(asset, msg.sender, to, claimable[asset][msg.sender]);
    }

    /// @notice Takes `amount` of an asset from the sender: coins that it has sent along, or tokens.
    function _receive(address asset, uint256 amount) internal returns (uint256 received) {
        bool coin = asset == address(0);
        require(msg.value == (coin ? amount : 0), WrongValue(msg.value, coin ? amount : 0));
        return coin ? amount : _pull(asset, amount);
    }

    /// @return received What arrived: a token may take a fee.
    function _pull(address asset, uint256 amount) internal returns (uint256 received) {
        uint256 before = IERC20(asset).balanceOf(address(this));
        IERC20(asset).safeTransferFrom(msg.sender, address(this), amount);
        return IERC20(asset).balanceOf(address(this)) - before;
    }

    /// @dev A failed push never blocks the others: the amount waits for `owner`.
    function _pay(address asset, address to, address owner, uint256 amount) internal {
        if (amount != 0 && !Push.send(asset, to, amount)) _keep(asset, owner, amount);
    }

    function _keep(address asset, address owner, uint256 amount) internal {
        claimable[asset][owner] += amount;
        emit Claimable(asset, owner, amount);
    }

    function _claim(address asset, address owner, address to, uint256 amount) internal {
        uint256 held = claimable[asset][owner];
        require(amount != 0 && amount <= held, NothingToClaim(amount, held));
        claimable[asset][owner] = held - amount;
        emit Claimed(asset, owner, to, amount);
        // No cap here: the owner chooses `to` and pays for the gas.
        if (asset == address(0)) Address.sendValue(payable(to), amount);
        else IERC20(asset).safeTransfer(to, amount);
    }
}
