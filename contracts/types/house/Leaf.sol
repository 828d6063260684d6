// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A member's money in one asset, all amounts for life but `paid`, `refunded` (of the locks that stand) and `leaving`.
/// @param withdrawn What was withdrawn, with `leaving`.
/// @param leaving What leaves the house in this epoch.
struct Line {
    uint128 deposited;
    uint128 credits;
    uint128 debits;
    uint128 locked;
    uint128 paid;
    uint128 refunded;
    uint128 withdrawn;
    uint128 leaving;
}

/// @notice What a member has in one epoch, docs/clearing.md §2.
/// @param seq Of the account that its debits and locks were taken from; zero: it never signed one.
/// @param locks `Tally` hash of the locks of that account, by position.
/// @param statuses What became of each of them by the cut.
/// @param payments What the account pays in this epoch.
/// @param income What was credited in this epoch.
struct Leaf {
    bytes32 member;
    uint64 seq;
    bytes32 locks;
    bytes32 statuses;
    bytes32 payments;
    bytes32 income;
    Line[] lines;
}

using Leaves for Leaf global;
using Leaves for Line global;

library Leaves {
    /// @notice A member spends or locks more than it has.
    error Overdrawn(uint256 has, uint256 spends);
    error WrongAssets(uint256 given, uint256 needed);

    /// @dev Assembly: the lines are hashed from calldata as they stand. A word that is too wide reverts where it is read, in `sums`.
    function hash(Leaf calldata leaf) internal pure returns (bytes32) {
        Line[] calldata lines = leaf.lines;
        bytes32 linesHash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(8, lines.length)
            calldatacopy(free, lines.offset, size)
            linesHash := keccak256(free, size)
        }
        return
            keccak256(
                abi.encode(leaf.member, leaf.seq, leaf.locks, leaf.statuses, leaf.payments, leaf.income, linesHash)
            );
    }

    /// @notice The words that a tree of members sums: `what the member has, locks included | what leaves`.
    function sums(Leaf calldata leaf, uint256 assets) internal pure returns (uint256[] memory words) {
        require(leaf.lines.length == assets, WrongAssets(leaf.lines.length, assets));
        words = new uint256[](assets);
        for (uint256 i; i < assets; ++i) {
            Line memory line = leaf.lines[i];
            uint256 held = balance(line) + live(line);
            require(held <= type(uint128).max, Overdrawn(type(uint128).max, held));
            words[i] = (held << 128) | line.leaving;
        }
    }

    /// @notice What the member could spend, before anything left in this epoch.
    function available(Line memory line) internal pure returns (uint256) {
        uint256 before = uint256(line.withdrawn) - line.leaving;
        return _less(uint256(line.deposited) + line.credits + line.refunded, uint256(line.debits) + line.locked + before);
    }

    function balance(Line memory line) internal pure returns (uint256) {
        return _less(available(line), line.leaving);
    }

    /// @notice What is locked and not decided.
    function live(Line memory line) internal pure returns (uint256) {
        return _less(line.locked, uint256(line.paid) + line.refunded);
    }

    function _less(uint256 has, uint256 spends) private pure returns (uint256) {
        require(spends <= has, Overdrawn(has, spends));
        return has - spends;
    }
}
