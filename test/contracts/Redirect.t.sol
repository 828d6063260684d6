// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {Channels} from "../../contracts/types/Channel.sol";
import {Withdrawals} from "../../contracts/types/Withdrawal.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, Part, Party, Wire, Withdrawal} from "./Model.sol";
import {Wallet} from "./mocks/Payees.sol";

/// @title Withdrawals that send money elsewhere than to the member's owner
contract RedirectTest is Base {
    /// @dev Alice's 10, to somebody else.
    function away(Ledger memory l) private view returns (Withdrawal memory w) {
        w = withdrawal(l, ALICE, 10);
        w.parts[0].to = stranger;
    }

    function needsOwner(Ledger memory l) private {
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.NeedsOwner.selector, l.party[ALICE].owner));
    }

    /// @dev A channel of alice's owner with others, alice being member `toMember` there.
    function elsewhere(Ledger memory l, bool sameOwner) private view returns (Ledger memory other, uint256 toMember) {
        Party[] memory list = parties(3, 7);
        toMember = 2;
        if (sameOwner) list[toMember].owner = l.party[ALICE].owner;
        other = ledgerOf(list, l.asset, 9);
    }

    function into(
        Ledger memory l,
        Ledger memory other,
        uint256 toMember,
        bool shown
    ) private view returns (Withdrawal memory w) {
        w = withdrawal(l, ALICE, 10);
        (w.parts[0].toChannel, w.parts[0].toMember) = (other.id, toMember);
        if (shown) w.parts[0].target = other.channel;
    }

    // ---------------------------------------------------------------- to an address

    /// @notice A signer alone, a session key, cannot send money to another address.
    function test_ASessionKeyCannotRedirect() external {
        Ledger memory l = pair();
        Withdrawal memory w = away(l);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        needsOwner(l);
        withdraw(l, w, sigs);
        sigs[ALICE] = "";
        needsOwner(l);
        vm.prank(l.party[ALICE].signer);
        withdraw(l, w, sigs);
    }

    /// @notice The owner may, by its signature, by sending, or because it is the signer.
    function test_TheOwnerMayRedirect() external {
        Ledger memory l = pair();
        Withdrawal memory w = away(l);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        sigs[ALICE] = byOwner(l, ALICE, w);
        withdraw(l, w, sigs);
        vm.assertEq(stranger.balance, 10, "by signature");
        w = away(l);
        sigs = signatures(l, Hash.withdrawal(l, w));
        sigs[ALICE] = "";
        vm.prank(l.party[ALICE].owner);
        withdraw(l, w, sigs);
        vm.assertEq(stranger.balance, 20, "by sending");
        l.party[ALICE].owner = l.party[ALICE].signer;
        l = ledgerOf(l.party, COIN, 3);
        fund(l, ALICE, A);
        withdraw(l, away(l));
        vm.assertEq(stranger.balance, 30, "as the signer");
    }

    /// @notice One owner's consent does not free the other member's money.
    function test_AnOwnerFreesOnlyItsOwnMoney() external {
        Ledger memory l = pair();
        Withdrawal memory w = away(l);
        w.parts[0].member = BOB;
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        sigs[ALICE] = byOwner(l, ALICE, w);
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.NeedsOwner.selector, l.party[BOB].owner));
        withdraw(l, w, sigs);
    }

    /// @notice C13: a contract owner that agrees may redirect; one that says no, reverts or burns gas stops only this.
    function test_C13_AContractOwner() external {
        Wallet wallet = new Wallet();
        Ledger memory l = empty(2, COIN);
        l.party[ALICE].owner = address(wallet);
        l = ledgerOf(l.party, COIN, 1);
        fund(l, ALICE, A);
        Withdrawal memory w = away(l);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        sigs[ALICE] = hex"02";
        for (uint256 mood; mood < 5; ++mood) {
            if (mood == uint256(Wallet.Mood.Yes)) continue;
            wallet.setMood(Wallet.Mood(mood));
            vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[ALICE].signer));
            adjudicator.withdraw{gas: 1_000_000}(l.channel, l.asset, Wire.withdrawal(w, l.base, sigs));
        }
        wallet.setMood(Wallet.Mood.Yes);
        withdraw(l, w, sigs);
        vm.assertEq(stranger.balance, 10, "redirected");
        // Whatever it answers, its signer's consent still pays the owner itself.
        wallet.setMood(Wallet.Mood.Reverts);
        w = withdrawal(l, ALICE, 10);
        withdraw(l, w);
        vm.assertEq(address(wallet).balance, 10, "paid");
    }

    /// @notice C14: an owner's signature counts under its own tag only, and a signer's not under the owner's.
    function test_C14_TagsAreNotInterchangeable() external {
        Ledger memory l = pair();
        Withdrawal memory w = away(l);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        bytes32 digest = Hash.digest(domain(), Hash.withdrawal(l, w));
        bytes memory reason = abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[ALICE].signer);
        sigs[ALICE] = bytes.concat(hex"02", long(l.party[ALICE].key, digest));
        vm.expectRevert(reason);
        withdraw(l, w, sigs);
        sigs[ALICE] = bytes.concat(hex"00", long(l.party[ALICE].ownerKey, digest));
        vm.expectRevert(reason);
        withdraw(l, w, sigs);
    }

    // ---------------------------------------------------------------- into another channel

    /// @notice Money goes straight into another channel in which the same owner is a member, without the owner's signature.
    function test_IntoAChannelOfTheSameOwner() external {
        Ledger memory l = pair();
        (Ledger memory other, uint256 member) = elsewhere(l, true);
        withdraw(l, into(l, other, member, true));
        vm.assertEq(balance(other, member), 10, "credited");
        vm.assertEq(balance(l, ALICE), int256(A - 10), "debited");
    }

    /// @notice Into somebody else's membership, or one that is not shown, only the owner may send it.
    function test_IntoAnotherOwnersChannelOnlyWithTheOwner() external {
        Ledger memory l = pair();
        (Ledger memory other, uint256 member) = elsewhere(l, false);
        refusesInto(l, into(l, other, member, true));
        refusesInto(l, into(l, other, member, false));
        (other, member) = elsewhere(l, true);
        refusesInto(l, into(l, other, member - 1, true));
        refusesInto(l, into(l, other, member, false));
        Withdrawal memory w = into(l, other, member - 1, false);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        sigs[ALICE] = byOwner(l, ALICE, w);
        withdraw(l, w, sigs);
        vm.assertEq(balance(other, member - 1), 10, "credited");
    }

    function refusesInto(Ledger memory l, Withdrawal memory w) private {
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        needsOwner(l);
        withdraw(l, w, sigs);
    }

    /// @notice C36: if the other channel is disputed, its owner can claim the money: nothing waits, nothing is lost.
    function test_C36_ADisputedTargetMakesItClaimable() external {
        Ledger memory l = pair();
        (Ledger memory other, uint256 member) = elsewhere(l, true);
        challenge(other);
        withdraw(l, into(l, other, member, true));
        assertKept(COIN, l.party[ALICE].owner, 10);
    }

    /// @notice C38: a member who does not exist over there is refused, whoever stands behind it in the call's data.
    function test_C38_RefusesAMemberWhoDoesNotExistThere() external {
        Ledger memory l = pair();
        (Ledger memory other, ) = elsewhere(l, true);
        Withdrawal memory w = into(l, other, 3, true);
        Part[] memory parts = new Part[](2);
        (parts[0], parts[1].toMember) = (w.parts[0], 1);
        // The next part is such that member 3 over there reads as alice's owner.
        parts[1].toChannel = bytes32(abi.encodePacked(bytes4(0xffffffff), l.party[ALICE].owner, uint64(0)));
        w.parts = parts;
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        vm.expectRevert(err(Channels.NoSuchMember.selector, 3, 3));
        withdraw(l, w, sigs);
    }

    /// @notice Money may go back into the very ledger it comes from, also into its next generation.
    function test_IntoTheSameLedger() external {
        Ledger memory l = pair();
        withdraw(l, into(l, l, ALICE, true));
        vm.assertEq(balance(l, ALICE), int256(A), "as before");
        Withdrawal memory w = into(l, l, ALICE, true);
        (w.closing, w.parts[0].amount) = (true, A + B);
        withdraw(l, w);
        vm.assertEq(word(l), (1 << 239) | (A + B), "next generation");
    }

    /// @notice Every part finds its own target, whatever kinds stand before it.
    function test_SeveralPartsOfEveryKind() external {
        Ledger memory l = pair();
        (Ledger memory other, uint256 member) = elsewhere(l, true);
        Withdrawal memory w = into(l, other, member, true);
        Part[] memory parts = new Part[](4);
        (parts[0], parts[1].amount, parts[2], parts[3]) = (w.parts[0], 5, away(l).parts[0], w.parts[0]);
        w.parts = parts;
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        sigs[ALICE] = byOwner(l, ALICE, w);
        withdraw(l, w, sigs);
        vm.assertEq(balance(other, member), 20, "channel");
        assertPaid(l, ALICE, 5);
        vm.assertEq(stranger.balance, 10, "address");
        vm.assertEq(balance(l, ALICE), int256(A - 35), "debited");
    }

    /// @notice C43: a kind of part that does not exist, and a malformed target, are refused.
    function test_C43_RefusesAnUnknownKind() external {
        Ledger memory l = pair();
        bytes memory head = abi.encodePacked(false, uint16(0), uint64(now_()), uint64(0), uint8(1));
        bytes memory part = abi.encodePacked(uint8(0), uint112(10), uint8(4));
        vm.expectRevert(abi.encodeWithSelector(Withdrawals.NoSuchPartKind.selector, 4));
        adjudicator.withdraw(l.channel, l.asset, bytes.concat(head, part));
        part = abi.encodePacked(uint8(0), uint112(10), uint8(3), uint8(0), uint8(1), l.channel);
        vm.expectRevert(abi.encodeWithSelector(Channels.MalformedChannel.selector, 60));
        adjudicator.withdraw(l.channel, l.asset, bytes.concat(head, part));
    }
}
