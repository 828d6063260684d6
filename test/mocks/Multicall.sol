// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Makes calls all or none, as the multicalls that stand on most chains do
contract Multicall {
    function callAll(address to, bytes[] calldata calls) external {
        for (uint256 i; i < calls.length; ++i) {
            (bool ok, bytes memory reason) = to.call(calls[i]);
            if (ok) continue;
            assembly {
                revert(add(reason, 0x20), mload(reason))
            }
        }
    }
}
