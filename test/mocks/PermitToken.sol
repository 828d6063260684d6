// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title A token with ERC-2612 permits
contract PermitToken is ERC20Permit {
    constructor(uint256 supply) ERC20("Permit", "PRM") ERC20Permit("Permit") {
        _mint(msg.sender, supply);
    }
}

/// @title A token that lets an allowance be changed only from or to zero, as USDT does
contract StubbornToken is ERC20 {
    error AllowanceNotZero(uint256 allowance);

    constructor(uint256 supply) ERC20("Stubborn", "STB") {
        _mint(msg.sender, supply);
    }

    function approve(address spender, uint256 amount) public override returns (bool) {
        uint256 held = allowance(msg.sender, spender);
        require(held == 0 || amount == 0, AllowanceNotZero(held));
        return super.approve(spender, amount);
    }
}
