// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Reserve} from "../types/Reserve.sol";
import {Shown, TransferList} from "../types/Transfer.sol";

/// @title Dividing what was held among members: entitlements and decided transfers, docs/protocol.md §4 and §5
library Division {
    uint256 private constant ONE = 1e18;

    /// @notice The transfers shown do not hash to the root that the members signed.
    error WrongTransfers(bytes32 expected, bytes32 actual);

    /// @notice What each member may take of `available`: its entitlement, pro rata if the states promised more than there is.
    function entitle(int256[] memory entitlements, uint256 available) internal pure returns (uint256[] memory shares) {
        uint256 members = entitlements.length;
        shares = new uint256[](members);
        uint256 promised;
        for (uint256 i; i < members; ++i) {
            if (entitlements[i] > 0) promised += shares[i] = uint256(entitlements[i]);
        }
        if (promised == available) return shares;
        uint256 left = available;
        uint256 last;
        for (uint256 i; i < members; ++i) {
            if (shares[i] == 0) continue;
            // At most 32 balances and 64 credits of 112 bits: the product fits.
            left -= shares[i] = (available * shares[i]) / promised;
            last = i;
        }
        shares[last] += left;
    }

    /// @notice Holds back what is locked, pro rata over the lanes if there is less than that.
    /// @return total What is held back in all.
    function reserve(Reserve[] memory reserves, uint256 held) internal pure returns (uint256 total) {
        uint256 locked;
        for (uint256 i; i < reserves.length; ++i) {
            locked += reserves[i].locked;
        }
        if (locked <= held) return locked;
        for (uint256 i; i < reserves.length; ++i) {
            total += reserves[i].reserved = (held * reserves[i].locked) / locked;
        }
    }

    /// @notice Divides the decided ones of a lane's transfers into `shares` and takes them out of `from`.
    function settle(TransferList memory list, Reserve memory from, uint256[] memory shares) internal view {
        requireRoot(list, from);
        (uint256 locked, uint256 reserved) = (from.locked, from.reserved);
        for (uint256 i; i < list.shown.length; ++i) {
            Shown shown = list.shown[i];
            uint256 whole = shown.amount();
            uint256 amount = scaled(whole, locked, reserved, from.reserved);
            if (!divide(list, shown, amount, shares)) continue;
            list.leaves[shown.position()] = 0;
            from.reserved -= amount;
            // What was locked for it, not what there was: later ones keep their part of the reserve.
            from.locked -= whole < from.locked ? whole : from.locked;
        }
        from.root = list.root();
    }

    function requireRoot(TransferList memory list, Reserve memory from) internal pure {
        bytes32 root = list.root();
        require(root == from.root, WrongTransfers(from.root, root));
    }

    /// @notice `amount`'s part of what is reserved for `locked`, at most `left`: a state that promised too much cannot take from others.
    function scaled(uint256 amount, uint256 locked, uint256 reserved, uint256 left) internal pure returns (uint256) {
        // Rounding can leave a reserve behind when all that was locked has been divided: dust, no divisor.
        uint256 part = locked <= reserved ? amount : (amount * reserved) / locked;
        return part < left ? part : left;
    }

    /// @notice Adds each leg's part of `amount` to `shares`, the rest to the refund, if every outcome is final.
    function divide(
        TransferList memory list,
        Shown shown,
        uint256 amount,
        uint256[] memory shares
    ) internal view returns (bool) {
        uint256[] memory outcomes = list.outcomes;
        uint256 deadline = shown.deadline();
        uint256 first = shown.firstLeg();
        uint256 end = first + shown.legs();
        if (block.timestamp <= deadline) {
            for (uint256 i = first; i < end; ++i) {
                if (outcomes[i] == 0) return false;
            }
        }
        uint256 left = amount;
        for (uint256 i = first; i < end; ++i) {
            uint256 outcome = outcomes[i];
            if (outcome == 0 || outcome >> 64 > deadline) continue;
            uint256 part = (amount * uint64(outcome)) / ONE;
            if (part > left) part = left;
            left -= part;
            shares[shown.payee(i - first)] += part;
        }
        if (left != 0) shares[shown.refundTo()] += left;
        return true;
    }
}
