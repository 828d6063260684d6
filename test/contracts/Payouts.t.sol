// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Push} from "../../contracts/libraries/Push.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, Wire} from "./Model.sol";
import {Payee} from "./mocks/Payees.sol";
import {FeeToken, MoodyToken, NoReturnToken, RebasingToken, Token} from "./mocks/Tokens.sol";

/// @title A payout that fails never blocks another one
contract PayoutsTest is Base {
    /// @dev A disputed ledger of alice, whose owner is `owner`, and bob, ready to be settled.
    function ready(address owner, address asset) private returns (Ledger memory l) {
        l = empty(2, asset);
        if (owner != address(0)) l.party[ALICE].owner = owner;
        l = ledgerOf(l.party, asset, 1);
        fund(l, ALICE, A);
        fund(l, BOB, B);
        challenge(l);
        expire(l);
    }

    /// @dev Settles with a million gas: what one payee can burn is bounded.
    function settleCheaply(Ledger memory l) private {
        adjudicator.settle{gas: 1_000_000}(l.channel, l.asset, Wire.proof(l.base, none(), noLists()));
    }

    // ---------------------------------------------------------------- coins

    /// @notice C31: a payee that reverts, burns gas or returns a megabyte cannot stop the other; its part stays claimable.
    function test_C31_HostilePayees() external {
        for (uint256 mood; mood < 5; ++mood) {
            setUp();
            Payee payee = new Payee();
            payee.setMood(Payee.Mood(mood));
            Ledger memory l = ready(address(payee), COIN);
            vm.deal(l.party[BOB].owner, 0);
            settleCheaply(l);
            assertPaid(l, BOB, B);
            bool took = Payee.Mood(mood) == Payee.Mood.Takes;
            vm.assertEq(address(payee).balance, took ? A : 0, "taken");
            assertKept(COIN, address(payee), took ? 0 : A);
        }
    }

    /// @notice A payout that is kept is shown, with the owner who can claim it.
    function test_AKeptPayoutIsShown() external {
        Payee payee = new Payee();
        payee.setMood(Payee.Mood.Reverts);
        Ledger memory l = ready(address(payee), COIN);
        vm.expectEmit(address(adjudicator));
        emit IVault.Claimable(COIN, address(payee), A);
        settle(l, none());
    }

    /// @notice C32: with too little gas the whole call reverts; a payee is never written off for its sender's stinginess.
    function testFuzz_C32_NeverPaysHalf(uint32 gasGiven) external {
        Ledger memory l = ready(address(new Payee()), COIN);
        assertAllOrNothing(l, 30_000 + (gasGiven % 370_000));
    }

    /// @notice C32: the same for tokens.
    function testFuzz_C32_NeverPaysHalfOfATokenPayout(uint32 gasGiven) external {
        Ledger memory l = ready(address(0), address(new Token()));
        assertAllOrNothing(l, 30_000 + (gasGiven % 570_000));
    }

    function assertAllOrNothing(Ledger memory l, uint256 gasGiven) private {
        bytes memory call = abi.encodeCall(
            adjudicator.settle,
            (l.channel, l.asset, Wire.proof(l.base, none(), noLists()))
        );
        (bool ok, ) = address(adjudicator).call{gas: gasGiven}(call);
        assertPaidOut(l, ok ? A : 0, ok ? B : 0);
        vm.assertTrue(disputed(l) != ok, "all or nothing");
        assertKept(l.asset, l.party[ALICE].owner, 0);
    }

    /// @notice C32: the error says how much gas is missing, and a little more is enough.
    function test_C32_SaysThatGasIsMissing() external {
        Ledger memory l = ready(address(0), COIN);
        bytes memory proof = Wire.proof(l.base, none(), noLists());
        vm.expectPartialRevert(Push.TooLittleGas.selector);
        adjudicator.settle{gas: 120_000}(l.channel, l.asset, proof);
        adjudicator.settle{gas: 250_000}(l.channel, l.asset, proof);
        assertPaidOut(l, A, B);
    }

    // ---------------------------------------------------------------- tokens

    /// @notice C28, C30, C31: however `transfer` fails, the settlement goes through, and the money can be claimed later.
    function test_C28_C30_C31_HostileTokens() external {
        for (uint256 mood = 1; mood <= uint256(MoodyToken.Mood.BurnsGas); ++mood) {
            setUp();
            MoodyToken token = new MoodyToken();
            Ledger memory l = ready(address(0), address(token));
            token.setMood(MoodyToken.Mood(mood));
            settleCheaply(l);
            assertKept(l.asset, l.party[ALICE].owner, A);
            assertKept(l.asset, l.party[BOB].owner, B);
            vm.assertEq(generation(l), 1, "the state advances");
            token.setMood(MoodyToken.Mood.Good);
            vm.prank(l.party[BOB].owner);
            adjudicator.claim(l.asset, l.party[BOB].owner);
            assertPaid(l, BOB, B);
        }
    }

    /// @notice C28: a token that returns nothing pays, also out.
    function test_C28_ANoReturnTokenPaysOut() external {
        Ledger memory l = ready(address(0), address(new NoReturnToken()));
        settle(l, none());
        assertPaidOut(l, A, B);
    }

    /// @notice C28: a token whose code is gone pays nobody, and stops nobody.
    function test_C28_ATokenWithoutCode() external {
        Token token = new Token();
        Ledger memory l = ready(address(0), address(token));
        vm.etch(address(token), "");
        settle(l, none());
        assertKept(l.asset, l.party[ALICE].owner, A);
        assertKept(l.asset, l.party[BOB].owner, B);
    }

    /// @notice C26: a fee on the way out is the payee's: the ledger is debited with what was sent.
    function test_C26_AFeeOnTheWayOut() external {
        Ledger memory l = ready(address(0), address(new FeeToken()));
        settle(l, none());
        assertPaidOut(l, (A - A / 10) - (A - A / 10) / 10, (B - B / 10) - (B - B / 10) / 10);
        vm.assertEq(FeeToken(l.asset).balanceOf(address(adjudicator)), 0, "nothing left");
    }

    /// @notice C27: when a token takes money away, the loss stays among its holders: others and coins are paid in full.
    function test_C27_ARebaseHurtsOnlyItsOwnToken() external {
        RebasingToken token = new RebasingToken();
        Ledger memory coins = pair();
        Ledger memory l = ready(address(0), address(token));
        token.rebase(50);
        settle(l, none());
        assertKept(l.asset, l.party[ALICE].owner, A);
        assertPaid(l, BOB, B);
        withdraw(coins, closing(coins, A, B));
        assertPaidOut(coins, A, B);
    }

    /// @notice C29: a blacklisted payee keeps its claim, the other is paid.
    function test_C29_ABlacklistedPayee() external {
        MoodyToken token = new MoodyToken();
        Ledger memory l = ready(address(0), address(token));
        token.block_(l.party[ALICE].owner, true);
        settle(l, none());
        assertPaid(l, BOB, B);
        assertKept(l.asset, l.party[ALICE].owner, A);
        vm.prank(l.party[ALICE].owner);
        adjudicator.claim(l.asset, stranger);
        vm.assertEq(token.balanceOf(stranger), A, "elsewhere");
    }
}
