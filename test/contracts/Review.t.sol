// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Collection} from "../../contracts/interfaces/IAdjudicator.sol";
import {Base} from "./Base.t.sol";
import {Ledger} from "./Model.sol";
import {CoinToken, RefusingCoinToken} from "./mocks/CoinTokens.sol";

/// @title What a reviewer tried, beyond the attacks that each entry point's own tests try
contract ReviewTest is Base {
    // ---------------------------------------------------------------- deposit addresses

    function collect(Ledger memory l, address asset) private {
        Collection[] memory list = new Collection[](1);
        list[0] = Collection(l.channel, BOB, asset, false);
        adjudicator.collect(list);
    }

    /// @dev What bob was credited with, as `asset` and as coins.
    function credited(Ledger memory l, address asset) private view returns (int256) {
        int256 coins = balance(l, BOB);
        l.asset = asset;
        return coins + balance(l, BOB);
    }

    /// @notice C24: where the chain's coin is a token too (Celo, Polygon, ...), what is collected is credited once, as one or the other.
    function test_C24_ACoinThatIsATokenTooIsCreditedOnce() external {
        pair();
        address[2] memory tokens = [address(new CoinToken()), address(new RefusingCoinToken())];
        for (uint256 i; i < 2; ++i) {
            Ledger memory l = ledgerOf(parties(2, 0), COIN, 7 + i);
            vm.deal(adjudicator.depositAddress(l.id, BOB), 10);
            collect(l, tokens[i]);
            vm.assertEq(credited(l, tokens[i]), 10, "credited");
            vm.assertEq(address(adjudicator).balance, A + B + 10 * (i + 1), "received");
        }
    }

    /// @notice C38: coins paid to a deposit address after it was emptied in the same transaction would vanish with it: they are refused.
    /// Anybody could arrange that for a payment that anybody may trigger, such as a vesting or a bridge's withdrawal.
    function test_C38_NobodyCanBurnAPaymentByCollectingJustBefore() external {
        Ledger memory l = empty(2, COIN);
        address to = adjudicator.depositAddress(l.id, BOB);
        (bool ok, ) = to.call{value: 2}("");
        vm.assertTrue(ok, "before");
        collect(l, COIN);
        (ok, ) = to.call{value: 9}("");
        vm.assertTrue(!ok, "after");
        (ok, ) = to.call{value: 9}(hex"00");
        vm.assertTrue(!ok, "after, with data");
        vm.assertEq(credited(l, stranger), 2, "credited");
    }
}
