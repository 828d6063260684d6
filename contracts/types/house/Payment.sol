// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice One payment: a debit in its payer's `payments` at `position`, and the credit with the same hash in its payee's `income`.
/// @param group `Tally` hash of the legs that are debited in this epoch together or not at all; zero: it stands alone.
/// @param leg Which of them this is.
struct Payment {
    bytes32 from;
    bytes32 to;
    uint64 epoch;
    uint32 position;
    uint8 asset;
    uint128 amount;
    bytes32 group;
    uint32 leg;
}

/// @notice One leg of a group.
struct Leg {
    bytes32 from;
    bytes32 to;
    uint8 asset;
    uint128 amount;
}

using Payments for Payment global;
using Payments for Leg global;

library Payments {
    function hash(Payment memory payment) internal pure returns (bytes32) {
        return keccak256(abi.encode(payment));
    }

    function hash(Leg memory leg) internal pure returns (bytes32) {
        return keccak256(abi.encode(leg));
    }

    /// @notice The words by which a tree of payments, legs, income or locks sums an amount.
    function sums(uint256 asset, uint256 amount, uint256 assets) internal pure returns (uint256[] memory words) {
        words = new uint256[](assets);
        words[asset] = amount << 128;
    }
}
