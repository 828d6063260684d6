// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Money that could not be pushed waits for its owner
interface IVault {
    /// @notice A payout could not be pushed (or credited) and waits for its owner.
    event Claimable(address indexed asset, address indexed owner, uint256 amount);
    event Claimed(address indexed asset, address indexed owner, address to, uint256 amount);

    error NothingToClaim(uint256 asked, uint256 held);
    error WrongValue(uint256 sent, uint256 needed);

    /// @notice All that waits for the sender, to any address.
    function claim(address asset, address to) external;

    function claimable(address asset, address owner) external view returns (uint256);
}
