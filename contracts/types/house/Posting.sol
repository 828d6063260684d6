// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A deposit or a request to withdraw, in the order in which the chain saw them; each commits to all before it.
/// @param amount What was deposited; zero in a request.
/// @param deposited What the member has deposited in this asset for life, this posting included.
/// @param requested What it wants to have withdrawn for life.
/// @param totals What all members have deposited for life, per asset.
struct Posting {
    uint64 number;
    bytes32 previous;
    bytes32 member;
    uint8 asset;
    uint128 amount;
    uint128 deposited;
    uint128 requested;
    uint128[] totals;
}

using Postings for Posting global;

library Postings {
    function hash(Posting memory posting) internal pure returns (bytes32) {
        return keccak256(abi.encode(posting));
    }
}
