// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAdjudicator} from "./interfaces/IAdjudicator.sol";

/// @title An address that any wallet can pay: it exists only while the adjudicator empties it
/// @dev Created and destroyed in one transaction (EIP-6780 keeps that), so the same address can be emptied again and again.
/// It takes no constructor argument, since its address must not depend on the asset.
contract DepositAddress {
    constructor() {
        IERC20 token = IERC20(IAdjudicator(msg.sender).collecting());
        if (address(token) == address(0)) return;
        // A token that fails must not hold the coins back, and what it returns does not matter: the adjudicator counts what arrived.
        try token.balanceOf(address(this)) returns (uint256 amount) {
            (bool ok, ) = address(token).call(abi.encodeCall(IERC20.transfer, (msg.sender, amount)));
            ok;
        } catch {}
    }

    /// @notice Gives all coins to the adjudicator, which calls this before anybody else can.
    /// @dev Not payable, and not done by the constructor: the account vanishes only at the end of the transaction,
    /// and coins that came meanwhile would vanish with it. This code, which stands until then, refuses them.
    fallback() external {
        selfdestruct(payable(msg.sender));
    }
}
