// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {AuthorizationToken} from "../contracts/mocks/Tokens.sol";
import {Permit2} from "../contracts/mocks/Permit2.sol";

/// @title Permit2 as an artifact, to be put at its address
contract Permit2Mock is Permit2 {}

/// @title A token with permits and EIP-3009
contract AuthorizedToken is AuthorizationToken {
    constructor(uint256 supply) {
        _mint(msg.sender, supply);
    }
}

/// @title A contract wallet (ERC-1271) of one account, which it can stop believing
contract OwnedWallet {
    error NotHolder(address sender);

    address public holder;

    constructor(address holder_) {
        holder = holder_;
    }

    function pass(address holder_) external {
        require(msg.sender == holder, NotHolder(msg.sender));
        holder = holder_;
    }

    function run(address target, bytes calldata data) external {
        require(msg.sender == holder, NotHolder(msg.sender));
        (bool ok, bytes memory reason) = target.call(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(reason, 0x20), mload(reason))
        }
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer, , ) = ECDSA.tryRecover(hash, signature);
        return signer == holder ? this.isValidSignature.selector : bytes4(0);
    }

    receive() external payable {}
}
