// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IOutcomeRegistry} from "../interfaces/IOutcomeRegistry.sol";
import {Leg, LaneTransfers, Reserve, Transfer, Transfers} from "../types/Transfer.sol";

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
            // Balances stay below 2^116 and credits below 2^111, so the product fits.
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
    function settle(
        LaneTransfers calldata list,
        Reserve memory from,
        IOutcomeRegistry registry,
        uint256[] memory shares
    ) internal view {
        (bytes32[] memory leaves, uint256[] memory positions) = Transfers.expand(list);
        bytes32 root = Transfers.root(leaves);
        require(root == from.root, WrongTransfers(from.root, root));
        (uint256 locked, uint256 reserved) = (from.locked, from.reserved);
        for (uint256 i; i < positions.length; ++i) {
            Transfer calldata transfer = list.shown[i];
            uint256 amount = scaled(transfer.amount, locked, reserved, from.reserved);
            if (!divide(transfer, amount, registry, shares)) continue;
            leaves[positions[i]] = 0;
            from.reserved -= amount;
            from.locked -= transfer.amount < from.locked ? transfer.amount : from.locked;
        }
        from.root = Transfers.root(leaves);
    }

    /// @notice `amount`'s part of what is reserved for `locked`, at most `left`: a state that promised too much cannot take from others.
    function scaled(uint256 amount, uint256 locked, uint256 reserved, uint256 left) internal pure returns (uint256) {
        uint256 part = locked == reserved ? amount : (amount * reserved) / locked;
        return part < left ? part : left;
    }

    /// @notice Adds each leg's part of `amount` to `shares`, the rest to the refund, if every outcome is final.
    function divide(
        Transfer calldata transfer,
        uint256 amount,
        IOutcomeRegistry registry,
        uint256[] memory shares
    ) internal view returns (bool decided) {
        Leg[] calldata legs = transfer.legs;
        uint256[] memory values = new uint256[](legs.length);
        for (uint256 i; i < legs.length; ++i) {
            (uint256 value, uint256 recordedAt) = registry.outcome(legs[i].key);
            if (recordedAt != 0 && recordedAt <= transfer.deadline) values[i] = value;
            else if (block.timestamp <= transfer.deadline) return false;
        }
        uint256 left = amount;
        for (uint256 i; i < legs.length; ++i) {
            uint256 part = (amount * values[i]) / ONE;
            if (part > left) part = left;
            left -= part;
            shares[legs[i].to] += part;
        }
        shares[transfer.refundTo] += left;
        return true;
    }
}
