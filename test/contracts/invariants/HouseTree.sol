// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Leaf, Line} from "../../../contracts/types/house/Leaf.sol";
import {Lock, Status} from "../../../contracts/types/house/Lock.sol";
import {Tally} from "../../../contracts/types/house/Tally.sol";

/// @notice A leaf of any Merkle sum tree.
struct Row {
    bytes32 hash;
    uint256[] sums;
}

/// @title Merkle sum trees and what stands in them, written anew: it shares no rule with the contracts
library HouseTree {
    function row(bytes32 entry, uint256 width) internal pure returns (Row memory) {
        return Row(entry, new uint256[](width));
    }

    /// @notice A payment, an income or a lock.
    function amountRow(
        bytes32 entry,
        uint256 asset,
        uint256 amount,
        uint256 width
    ) internal pure returns (Row memory r) {
        r = row(entry, width);
        r.sums[asset] = amount << 128;
    }

    function statusRow(Lock memory lock, Status memory status, uint256 width) internal pure returns (Row memory r) {
        r = row(keccak256(abi.encode(keccak256(abi.encode(lock)), status.paid, status.refunded)), 2 * width);
        r.sums[2 * lock.asset] = (uint256(status.paid) << 128) | status.refunded;
        r.sums[2 * lock.asset + 1] = uint256(status.live) << 128;
    }

    function leafHash(Leaf memory l) internal pure returns (bytes32) {
        bytes memory lines;
        for (uint256 i; i < l.lines.length; ++i) {
            lines = bytes.concat(lines, abi.encode(l.lines[i]));
        }
        return keccak256(abi.encode(l.member, l.seq, l.locks, l.statuses, l.payments, l.income, keccak256(lines)));
    }

    /// @notice What a line could spend before anything left; less than zero: nobody can have such a line.
    function available(Line memory l) internal pure returns (int256) {
        int256 comes = int256(uint256(l.deposited) + l.credits + l.refunded);
        return comes - int256(uint256(l.debits) + l.locked + l.withdrawn) + int256(uint256(l.leaving));
    }

    function balance(Line memory l) internal pure returns (int256) {
        return available(l) - int256(uint256(l.leaving));
    }

    function live(Line memory l) internal pure returns (int256) {
        return int256(uint256(l.locked)) - int256(uint256(l.paid) + l.refunded);
    }

    /// @notice Whether anybody can have such a line.
    function possible(Line memory l) internal pure returns (bool) {
        return l.leaving <= l.withdrawn && balance(l) >= 0 && live(l) >= 0;
    }

    function build(Row[] memory rows, uint256 width) internal pure returns (Tally memory top) {
        rows = _padded(rows, width);
        for (; rows.length > 1; ++top.depth) {
            rows = _above(rows);
        }
        (top.node, top.sums) = (rows[0].hash, rows[0].sums);
    }

    function hash(Tally memory top) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(top.depth, top.node, top.sums));
    }

    /// @notice The rows that are missing on the way up from these positions, level by level, from the left.
    function path(
        Row[] memory rows,
        uint256 width,
        bool[] memory shown
    ) internal pure returns (bytes32[] memory words) {
        rows = _padded(rows, width);
        words = new bytes32[](rows.length * (1 + width));
        uint256 used;
        bool[] memory known = new bool[](rows.length);
        for (uint256 i; i < shown.length && i < known.length; ++i) {
            known[i] = shown[i];
        }
        for (; rows.length > 1; rows = _above(rows)) {
            bool[] memory up = new bool[](rows.length / 2);
            for (uint256 i; i < rows.length; ++i) {
                if (known[i]) up[i / 2] = true;
                else if (known[i ^ 1]) used = _put(words, used, rows[i]);
            }
            known = up;
        }
        assembly ("memory-safe") {
            mstore(words, used)
        }
    }

    function path(Row[] memory rows, uint256 width, uint256 position) internal pure returns (bytes32[] memory) {
        bool[] memory shown = new bool[](position + 1);
        shown[position] = true;
        return path(rows, width, shown);
    }

    function _put(bytes32[] memory words, uint256 used, Row memory one) private pure returns (uint256) {
        words[used] = one.hash;
        for (uint256 i; i < one.sums.length; ++i) {
            words[used + 1 + i] = bytes32(one.sums[i]);
        }
        return used + 1 + one.sums.length;
    }

    function _padded(Row[] memory rows, uint256 width) private pure returns (Row[] memory all) {
        uint256 size = 1;
        while (size < rows.length) size *= 2;
        all = new Row[](size);
        for (uint256 i; i < size; ++i) {
            all[i] = i < rows.length ? rows[i] : row(0, width);
        }
    }

    function _above(Row[] memory rows) private pure returns (Row[] memory up) {
        up = new Row[](rows.length / 2);
        for (uint256 i; i < up.length; ++i) {
            (Row memory l, Row memory r) = (rows[2 * i], rows[2 * i + 1]);
            up[i] = row(keccak256(abi.encodePacked(l.hash, l.sums, r.hash, r.sums)), l.sums.length);
            for (uint256 k; k < l.sums.length; ++k) {
                up[i].sums[k] = l.sums[k] + r.sums[k];
            }
        }
    }
}
