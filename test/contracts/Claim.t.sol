// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger} from "./Model.sol";
import {Payee, Reentrant, Wallet} from "./mocks/Payees.sol";
import {MoodyToken} from "./mocks/Tokens.sol";

contract ClaimTest is Base {
    uint256 private constant KEY = 0xC1A13;
    address private owner = vm.addr(KEY);
    MoodyToken private token = new MoodyToken();

    /// @dev Leaves `amount` of the token claimable by `to`.
    function keep(address to, uint256 amount) private {
        Ledger memory l = empty(2, address(token));
        l.party[ALICE].owner = to;
        l = ledgerOf(l.party, address(token), 1);
        fund(l, ALICE, amount);
        token.setMood(MoodyToken.Mood.Reverts);
        withdraw(l, withdrawal(l, ALICE, amount));
        token.setMood(MoodyToken.Mood.Good);
    }

    function nothing(uint256 asked, uint256 there) private pure returns (bytes memory) {
        return err(IVault.NothingToClaim.selector, asked, there);
    }

    function sign(address to, uint256 amount, uint256 nonce, uint64 validUntil) private view returns (bytes memory) {
        bytes32 typeHash = keccak256(
            "Claim(address asset,address owner,address to,uint256 amount,uint256 nonce,uint64 validUntil)"
        );
        bytes32 hash = keccak256(abi.encode(typeHash, token, owner, to, amount, nonce, validUntil));
        return long(KEY, Hash.digest(domain(), hash));
    }

    function claimFor(address to, uint256 amount, bytes memory signature) private {
        adjudicator.claimFor(address(token), owner, to, amount, uint64(now_()), signature);
    }

    /// @notice The owner claims everything, to any address; nobody else has anything there.
    function testFuzz_TheOwnerClaims(uint96 amount) external {
        keep(owner, uint256(amount) + 1);
        vm.expectRevert(nothing(0, 0));
        adjudicator.claim(address(token), stranger);
        vm.expectEmit(address(adjudicator));
        emit IVault.Claimed(address(token), owner, stranger, uint256(amount) + 1);
        vm.prank(owner);
        adjudicator.claim(address(token), stranger);
        vm.assertEq(token.balanceOf(stranger), uint256(amount) + 1, "claimed");
    }

    /// @notice C7: what was claimed is gone.
    function test_C7_ClaimsOnce() external {
        keep(owner, 10);
        vm.startPrank(owner);
        adjudicator.claim(address(token), owner);
        vm.expectRevert(nothing(0, 0));
        adjudicator.claim(address(token), owner);
    }

    /// @notice C29, C30: a claim that fails again keeps the money claimable, also to another address.
    function test_C29_AFailedClaimKeepsTheMoney() external {
        keep(owner, 10);
        token.block_(owner, true);
        vm.startPrank(owner);
        vm.expectRevert("blacklisted");
        adjudicator.claim(address(token), owner);
        assertKept(address(token), owner, 10);
        adjudicator.claim(address(token), stranger);
        vm.assertEq(token.balanceOf(stranger), 10, "elsewhere");
    }

    /// @notice Coins are claimed without a cap on gas; a payee that refuses them keeps them claimable.
    function test_C31_CoinsAreClaimedToo() external {
        Payee payee = new Payee();
        payee.setMood(Payee.Mood.Reverts);
        Ledger memory l = empty(2, COIN);
        l.party[ALICE].owner = address(payee);
        l = ledgerOf(l.party, COIN, 1);
        fund(l, ALICE, 10);
        withdraw(l, withdrawal(l, ALICE, 10));
        vm.startPrank(address(payee));
        vm.expectRevert();
        adjudicator.claim(COIN, address(payee));
        adjudicator.claim(COIN, stranger);
        vm.assertEq(stranger.balance, 10, "claimed");
    }

    // ---------------------------------------------------------------- by signature

    /// @notice Anybody may send a claim that the owner signed, for all or a part.
    function test_SomebodyClaimsForTheOwner() external {
        keep(owner, 10);
        claimFor(stranger, 4, sign(stranger, 4, 0, uint64(now_())));
        claimFor(owner, 6, sign(owner, 6, 1, uint64(now_())));
        vm.assertEq(token.balanceOf(stranger), 4, "part");
        vm.assertEq(token.balanceOf(owner), 6, "rest");
        assertKept(address(token), owner, 0);
    }

    /// @notice C15: a signed claim is used once.
    function test_C15_ASignedClaimIsUsedOnce() external {
        keep(owner, 10);
        bytes memory signature = sign(stranger, 4, 0, uint64(now_()));
        claimFor(stranger, 4, signature);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, owner));
        claimFor(stranger, 4, signature);
    }

    /// @notice C4: every field of a claim is signed.
    function test_C4_EveryFieldIsSigned() external {
        keep(owner, 10);
        bytes memory signature = sign(stranger, 4, 0, uint64(now_()));
        refuses(address(this), 4, signature);
        refuses(stranger, 5, signature);
        refuses(stranger, 4, sign(stranger, 4, 1, uint64(now_())));
        refuses(stranger, 4, sign(stranger, 4, 0, uint64(now_()) + 1));
        claimFor(stranger, 4, signature);
    }

    function refuses(address to, uint256 amount, bytes memory signature) private {
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, owner));
        claimFor(to, amount, signature);
    }

    /// @notice C16: a signed claim counts until the second it names.
    function test_C16_ASignedClaimExpires() external {
        keep(owner, 10);
        uint64 validUntil = uint64(now_());
        bytes memory signature = sign(stranger, 4, 0, validUntil);
        vm.warp(validUntil + 1);
        vm.expectRevert(err(IPayouts.Expired.selector, validUntil + 1, validUntil));
        adjudicator.claimFor(address(token), owner, stranger, 4, validUntil, signature);
        vm.warp(validUntil);
        claimFor(stranger, 4, signature);
    }

    /// @notice No more than is there, and not nothing; a claim that fails uses up no nonce.
    function test_RefusesMoreThanThereIs() external {
        keep(owner, 10);
        bytes memory more = sign(stranger, 11, 0, uint64(now_()));
        vm.expectRevert(nothing(11, 10));
        claimFor(stranger, 11, more);
        bytes memory none_ = sign(stranger, 0, 0, uint64(now_()));
        vm.expectRevert(nothing(0, 10));
        claimFor(stranger, 0, none_);
        claimFor(stranger, 10, sign(stranger, 10, 0, uint64(now_())));
    }

    /// @notice C13: a contract owner claims by its own rule.
    function test_C13_AContractOwnerClaims() external {
        Wallet wallet = new Wallet();
        owner = address(wallet);
        keep(owner, 10);
        refuses(stranger, 4, "");
        wallet.setMood(Wallet.Mood.Yes);
        claimFor(stranger, 4, "");
        vm.assertEq(token.balanceOf(stranger), 4, "claimed");
    }

    /// @notice C33, C34: while it is paid, a claimant sees its claim gone and cannot claim again.
    function test_C33_C34_AClaimCannotBeReentered() external {
        Reentrant payee = new Reentrant();
        Ledger memory l = empty(2, COIN);
        l.party[ALICE].owner = address(payee);
        l = ledgerOf(l.party, COIN, 1);
        fund(l, ALICE, 10);
        withdraw(l, withdrawal(l, ALICE, 10));
        assertKept(COIN, address(payee), 10);
        payee.prepare(address(adjudicator), abi.encodeCall(adjudicator.claim, (COIN, address(payee))), 0);
        vm.prank(address(payee));
        adjudicator.claim(COIN, address(payee));
        vm.assertTrue(payee.called() && !payee.ok(), "guarded");
        vm.assertEq(address(payee).balance, 10, "once");
        assertKept(COIN, address(payee), 0);
    }
}
