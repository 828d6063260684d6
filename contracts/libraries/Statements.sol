// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IClearingHouse} from "../interfaces/IClearingHouse.sol";
import {cursorAt} from "../types/Cursor.sol";
import {Envelope} from "./Envelope.sol";

/// @title Who signed a statement for a house: its court and its stake read what was signed for the house alone
library Statements {
    bytes32 private constant DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );

    /// @notice The key that signed, directly or in a batch; zero if none did.
    function signerOf(
        IClearingHouse house,
        bytes32 structHash,
        bytes calldata signature
    ) internal view returns (address) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("Tallystick"), keccak256("1"), block.chainid, house)
        );
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, structHash);
        return Envelope.signerOf(cursorAt(signature), signature.length, digest, domain);
    }
}
