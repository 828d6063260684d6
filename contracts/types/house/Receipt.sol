// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {hashOfNumbers} from "../Hash.sol";

/// @notice What a member has been credited with for life: signed by the operator, also while the member is away.
/// The first one, without credits, makes it a member.
/// @param seq One higher in every receipt.
/// @param income `Tally` hash of what was credited in this epoch, by position.
struct Receipt {
    bytes32 member;
    uint32 index;
    uint64 epoch;
    uint64 seq;
    uint128[] credits;
    bytes32 income;
}

using Receipts for Receipt global;

library Receipts {
    bytes32 internal constant TYPEHASH = keccak256(
        "Receipt(bytes32 member,uint32 index,uint64 epoch,uint64 seq,uint128[] credits,bytes32 income)"
    );

    /// @notice EIP-712 hashStruct.
    function hash(Receipt calldata receipt) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    TYPEHASH,
                    receipt.member,
                    receipt.index,
                    receipt.epoch,
                    receipt.seq,
                    hashOfNumbers(receipt.credits),
                    receipt.income
                )
            );
    }
}
