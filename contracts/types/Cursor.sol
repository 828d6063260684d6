// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A place in calldata from which packed fields are read, docs/protocol.md §6.
/// @dev Assembly: Solidity's calldata slices check bounds that protect nobody here, since the sender chooses all of its calldata
/// and whatever was not signed does not verify. Reads behind the end give zeros.
type Cursor is uint256;

using Cursors for Cursor global;

function cursorAt(bytes calldata data) pure returns (Cursor cursor) {
    assembly ("memory-safe") {
        cursor := data.offset
    }
}

library Cursors {
    function skip(Cursor cursor, uint256 size) internal pure returns (Cursor) {
        unchecked {
            // Sizes come from counts of at most 16 bits.
            return Cursor.wrap(Cursor.unwrap(cursor) + size);
        }
    }

    /// @notice The unsigned integer of `size` bytes, 1..32, here.
    function uintAt(Cursor cursor, uint256 size) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), calldataload(cursor))
        }
    }

    function wordAt(Cursor cursor) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(cursor)
        }
    }

    /// @notice keccak-256 of the next `size` bytes, without allocating memory.
    function hash(Cursor cursor, uint256 size) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, cursor, size)
            value := keccak256(free, size)
        }
    }

    /// @notice The next `size` bytes.
    function slice(Cursor cursor, uint256 size) internal pure returns (bytes calldata data) {
        assembly ("memory-safe") {
            data.offset := cursor
            data.length := size
        }
    }
}
