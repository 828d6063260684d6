// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice `keccak256(abi.encode(a, b, c))` without allocating memory; OpenZeppelin has it for two words.
function hashOf(bytes32 a, bytes32 b, bytes32 c) pure returns (bytes32 hash) {
    assembly ("memory-safe") {
        let free := mload(0x40)
        mstore(free, a)
        mstore(add(free, 0x20), b)
        mstore(add(free, 0x40), c)
        hash := keccak256(free, 0x60)
    }
}

/// @notice EIP-712: the hash of an array of numbers.
function hashOfNumbers(uint128[] calldata numbers) pure returns (bytes32) {
    return keccak256(abi.encodePacked(numbers));
}
