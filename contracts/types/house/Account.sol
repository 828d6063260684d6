// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {hashOfNumbers} from "../Hash.sol";

/// @notice What a member has spent for life and what it has locked: signed by the member, countersigned by the operator.
/// @param index The member's place in every tree, for life.
/// @param epoch The epoch that it counts from.
/// @param seq One higher in every account.
/// @param locks `Tally` hash of the locks that stand, by position.
/// @param payments `Tally` hash of what was paid in this epoch, by position.
struct Account {
    bytes32 member;
    uint32 index;
    uint64 epoch;
    uint64 seq;
    uint128[] debits;
    uint128[] locked;
    bytes32 locks;
    bytes32 payments;
}

using Accounts for Account global;

library Accounts {
    bytes32 internal constant TYPEHASH = keccak256(
        "Account(bytes32 member,uint32 index,uint64 epoch,uint64 seq,uint128[] debits,uint128[] locked,bytes32 locks,bytes32 payments)"
    );

    /// @notice EIP-712 hashStruct.
    function hash(Account calldata account) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    TYPEHASH,
                    account.member,
                    account.index,
                    account.epoch,
                    account.seq,
                    hashOfNumbers(account.debits),
                    hashOfNumbers(account.locked),
                    account.locks,
                    account.payments
                )
            );
    }
}
