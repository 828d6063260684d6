// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Collection, Deposit} from "../../contracts/interfaces/IAdjudicator.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, Signed, State, Wire, Withdrawal} from "./Model.sol";
import {Reentrant} from "./mocks/Payees.sol";
import {HookToken} from "./mocks/Tokens.sol";

/// @title C33, C34: whoever is paid may call back, and gains nothing
contract ReentrancyTest is Base {
    Reentrant private payee = new Reentrant();

    /// @dev Alice's owner calls back when it is paid. Her coins are disputed and expired, her tokens are not disputed.
    function ready(address asset) private returns (Ledger memory l) {
        l = empty(2, asset);
        l.party[ALICE].owner = address(payee);
        l = ledgerOf(l.party, asset, 1);
        fund(l, ALICE, A);
        fund(l, BOB, B);
    }

    /// @dev Bob's money is still inside while alice is paid, so a second payment would be possible.
    function settledWhile(bytes memory call, uint256 value) private returns (Ledger memory l) {
        l = ready(COIN);
        challenge(l);
        expire(l);
        vm.deal(address(payee), value);
        vm.deal(l.party[BOB].owner, 0);
        payee.prepare(address(adjudicator), call, value);
        settle(l, none());
        vm.assertTrue(payee.called(), "called back");
        assertPaid(l, BOB, B);
    }

    function refused(bytes memory call) private {
        Ledger memory l = settledWhile(call, 0);
        vm.assertTrue(!payee.ok(), "refused");
        bytes4 guard = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        vm.assertEq(payee.result(), bytes32(guard), "by the guard");
        assertPaid(l, ALICE, A);
        payee = new Reentrant();
    }

    /// @notice C33: every function that moves money out, or measures what comes in, is guarded.
    function test_C33_GuardedFunctions() external {
        Ledger memory l = empty(2, COIN);
        bytes memory empty_ = "";
        refused(abi.encodeCall(adjudicator.settle, (l.channel, COIN, empty_)));
        refused(abi.encodeCall(adjudicator.withdraw, (l.channel, COIN, empty_)));
        refused(abi.encodeCall(adjudicator.redeem, (l.channel, COIN, 0, empty_)));
        refused(abi.encodeCall(adjudicator.claim, (COIN, address(payee))));
        refused(abi.encodeCall(adjudicator.claimFor, (COIN, address(payee), stranger, 1, type(uint64).max, empty_)));
        refused(abi.encodeCall(adjudicator.deposit, (l.id, ALICE, COIN, 0)));
        refused(abi.encodeCall(adjudicator.depositAnnounced, (l.channel, ALICE, COIN, 0)));
        refused(abi.encodeCall(adjudicator.depositBatch, (new Deposit[](0))));
        refused(abi.encodeCall(adjudicator.collect, (new Collection[](0))));
        refused(abi.encodeCall(adjudicator.depositWithPermit, (l.id, ALICE, stranger, 0, 0, 0, 0, 0)));
        refused(abi.encodeCall(adjudicator.depositWithPermit2, (l.id, ALICE, stranger, 0, stranger, 0, 0, empty_)));
        refused(
            abi.encodeCall(adjudicator.depositWithAuthorization, (l.id, ALICE, stranger, 0, stranger, 0, 0, 0, 0, 0, 0))
        );
    }

    /// @notice C33: coins deposited from a payout are credited to the next generation, once.
    function test_C33_ADepositFromAPayout() external {
        Ledger memory l = empty(2, COIN);
        l.party[ALICE].owner = address(payee);
        l = ledgerOf(l.party, COIN, 1);
        l = settledWhile(abi.encodeCall(adjudicator.depositCoin, (l.id, BOB)), 7);
        vm.assertTrue(payee.ok(), "accepted");
        vm.assertEq(balance(l, BOB), 7, "credited");
        vm.assertEq(address(adjudicator).balance, 7, "held");
        assertPaid(l, ALICE, A);
    }

    /// @notice C33: a dispute begun from a payout is one of the next generation.
    function test_C33_AChallengeFromAPayout() external {
        Ledger memory l = empty(2, COIN);
        l.party[ALICE].owner = address(payee);
        l = ledgerOf(l.party, COIN, 1);
        bytes memory call = abi.encodeCall(adjudicator.submit, (l.channel, COIN, Wire.states(new Signed[](0))));
        l = settledWhile(call, 0);
        vm.assertTrue(payee.ok(), "accepted");
        vm.assertEq(generation(l), 1, "the next one");
        vm.assertEq(address(adjudicator).balance, 0, "with nothing in it");
    }

    /// @notice C34: who is paid sees the ledger as it is after the settlement.
    function test_C34_ViewsDuringAPayoutShowThePostState() external {
        Ledger memory l = empty(2, COIN);
        l.party[ALICE].owner = address(payee);
        l = ledgerOf(l.party, COIN, 1);
        l = settledWhile(abi.encodeCall(adjudicator.wordOf, (l.id, COIN, 0)), 0);
        vm.assertEq(uint256(payee.result()), 1 << 239, "next generation, nothing in it");
    }

    /// @notice C33: a redemption cannot be called back into: a position that is being paid is marked.
    function test_C33_ARedemptionCannotBeReentered() external {
        HookToken token = new HookToken();
        Ledger memory l = ready(address(token));
        State memory s = lock(stateOf(l, 0, 1, 0), BOB, hashLock(10, now_() + 2 * PERIOD, BOB, ALICE, "secret"));
        challenge(l, s);
        expire(l);
        settle(l, only(s));
        registry.reveal("secret");
        bytes memory redemption = bytes.concat(
            abi.encodePacked(uint8(1), uint8(0), uint112(10), uint112(10), Hash.transfersRoot(s)),
            Wire.lists(only(listOf(s, true)))
        );
        bytes memory call = abi.encodeCall(adjudicator.redeem, (l.channel, l.asset, 0, redemption));
        payee.prepare(address(adjudicator), call, 0);
        token.setHook(address(payee), abi.encodeCall(payee.enter, ()));
        adjudicator.redeem(l.channel, l.asset, 0, redemption);
        vm.assertTrue(payee.called() && !payee.ok(), "refused");
        assertPaid(l, ALICE, A + 10);
    }

    /// @notice C33: a token's hook during a deposit cannot have it credited twice, nor credit another token's money.
    function test_C33_ATokenHookDuringADeposit() external {
        HookToken token = new HookToken();
        Ledger memory l = ready(address(token));
        token.mint(address(this), 10);
        token.approve(address(adjudicator), 10);
        payee.prepare(address(adjudicator), abi.encodeCall(adjudicator.deposit, (l.id, ALICE, l.asset, 0)), 0);
        token.setHook(address(payee), abi.encodeCall(payee.enter, ()));
        adjudicator.deposit(l.id, ALICE, l.asset, 10);
        vm.assertTrue(payee.called() && !payee.ok(), "refused");
        vm.assertEq(balance(l, ALICE), int256(A + 10), "once");
    }

    /// @notice C33: a token's hook during a withdrawal into a channel finds the words already written.
    function test_C33_ATokenHookDuringAWithdrawal() external {
        HookToken token = new HookToken();
        Ledger memory l = ready(address(token));
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        payee.prepare(address(adjudicator), abi.encodeCall(adjudicator.wordOf, (l.id, l.asset, 0)), 0);
        token.setHook(address(payee), abi.encodeCall(payee.enter, ()));
        withdraw(l, w);
        uint256 seen = uint256(payee.result());
        vm.assertEq(seen, (1 << 224) | (B << 112) | (A - 10), "written");
    }
}
