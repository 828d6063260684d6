// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A plain ERC-20 for demonstrations and gas figures: whoever deploys it gets all of it
contract DemoToken is ERC20 {
    constructor(uint256 supply) ERC20("Demo", "DEMO") {
        _mint(msg.sender, supply);
    }
}
