// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IHouseCourt, LeafDemand} from "../interfaces/IHouseCourt.sol";
import {Account} from "../types/house/Account.sol";
import {Leaf, Line} from "../types/house/Leaf.sol";
import {Tallies, Tally} from "../types/house/Tally.sol";

/// @title What makes a leaf right, docs/clearing.md §5: rules that need nothing but what is shown
library LeafRules {
    /// @notice One asset of a leaf follows from the epoch before, from what the chain has seen and from what was signed.
    /// @param income What the leaf's income sums to.
    /// @param requested What the member wants withdrawn now: it only rises, so the target at the cut was no higher.
    function check(
        Line memory before,
        Line memory line,
        LeafDemand memory demand,
        uint256 asset,
        uint256 income,
        uint256 requested
    ) internal pure {
        _require(line.deposited >= before.deposited && line.deposited >= demand.deposited[asset], 21);
        _require(line.credits == before.credits + income && line.credits >= demand.credits[asset], 22);
        _require(line.withdrawn == uint256(before.withdrawn) + line.leaving, 23);
        uint256 available = line.available();
        _require(line.leaving >= _due(demand.requested[asset], before.withdrawn, available), 24);
        _require(line.leaving <= _due(requested, before.withdrawn, available), 25);
    }

    /// @notice The statuses of the locks sum to what the leaf says of them: nothing is decided or live that no lock stands for.
    function checkStatuses(Leaf calldata leaf, Tally memory statuses) internal pure {
        _require(leaf.statuses == statuses.hash() && statuses.sums.length == 2 * leaf.lines.length, 26);
        for (uint256 i; i < leaf.lines.length; ++i) {
            Line memory line = leaf.lines[i];
            (uint256 decided, uint256 live) = (statuses.sums[2 * i], statuses.sums[2 * i + 1]);
            _require(decided >> 128 == line.paid && uint128(decided) == line.refunded, 26);
            _require(live >> 128 == line.live(), 26);
        }
    }

    /// @notice Debits, locks and payments are those that the member signed; one that never signed anything has none.
    function checkDebits(Leaf calldata leaf, Account calldata account, uint256 epoch) internal pure {
        bytes32 empty = Tallies.empty(leaf.lines.length).hash();
        bool signed = leaf.seq != 0;
        _require(!signed || account.epoch <= epoch, 27);
        _require(leaf.locks == (signed ? account.locks : empty), 27);
        // What it paid in an earlier epoch was paid there.
        _require(leaf.payments == (signed && account.epoch == epoch ? account.payments : empty), 27);
        for (uint256 i; i < leaf.lines.length; ++i) {
            Line calldata line = leaf.lines[i];
            _require(line.debits == (signed ? account.debits[i] : 0), 27);
            _require(line.locked == (signed ? account.locked[i] : 0), 27);
        }
    }

    /// @notice What stands for a member that was not there.
    function checkEmpty(Leaf calldata leaf, uint256 assets) internal pure {
        _require(leaf.lines.length == assets && leaf.seq == 0, 28);
        for (uint256 i; i < assets; ++i) {
            Line calldata line = leaf.lines[i];
            _require(line.deposited | line.credits | line.withdrawn == 0, 28);
        }
    }

    /// @dev What leaves of a target, as far as there is money.
    function _due(uint256 target, uint256 withdrawn, uint256 available) private pure returns (uint256) {
        if (target <= withdrawn) return 0;
        uint256 wanted = target - withdrawn;
        return wanted < available ? wanted : available;
    }

    function _require(bool condition, uint256 rule) private pure {
        require(condition, IHouseCourt.WrongAnswer(rule));
    }
}
