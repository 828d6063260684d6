// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Vm} from "../Vm.sol";

/// @title The chain's own coin as an ERC-20: both show and move one balance
contract CoinToken {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    function balanceOf(address account) external view returns (uint256) {
        return account.balance;
    }

    function transfer(address to, uint256 amount) external virtual returns (bool) {
        vm.deal(msg.sender, msg.sender.balance - amount);
        vm.deal(to, to.balance + amount);
        return true;
    }
}

/// @title The same, but it moves nothing without coins sent along
contract RefusingCoinToken is CoinToken {
    function transfer(address, uint256) external pure override returns (bool) {
        return false;
    }
}
