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

/// @title A token with permits of another kind, as DAI has them
contract OldPermitToken is ERC20Permit {
    bytes32 public constant PERMIT_TYPEHASH = keccak256(
        "Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)"
    );

    error OtherPermits();

    constructor(uint256 supply) ERC20("Old", "OLD") ERC20Permit("Old") {
        _mint(msg.sender, supply);
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) public pure override {
        revert OtherPermits();
    }
}
