// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Collection, IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {Channels} from "../../contracts/types/Channel.sol";
import {Base} from "./Base.t.sol";
import {Ledger} from "./Model.sol";
import {FeeToken, HookToken, MoodyToken, NoReturnToken, Token} from "./mocks/Tokens.sol";

contract CollectTest is Base {
    Token private token = new Token();
    uint256 private constant EARLIER = 3;

    /// @dev A set-up is a transaction of its own, and an address can be emptied once in each.
    function setUp() public override {
        super.setUp();
        Ledger memory l = empty(2, COIN);
        send(l, EARLIER);
        collect(l, false);
    }

    /// @dev Pays `amount` to bob's deposit address as an exchange would: by a plain transfer.
    function send(Ledger memory l, uint256 amount) private returns (address to) {
        to = adjudicator.depositAddress(l.id, BOB);
        if (l.asset == COIN) vm.deal(to, to.balance + amount);
        else Token(l.asset).mint(to, amount);
    }

    function collect(Ledger memory l, bool toOwner) private {
        Collection[] memory list = new Collection[](1);
        list[0] = Collection(l.channel, BOB, l.asset, toOwner);
        adjudicator.collect(list);
    }

    /// @notice Anybody can sweep coins from a deposit address into the ledger, again and again.
    function testFuzz_CollectsCoinsAgainAndAgain(uint96 amount) external {
        Ledger memory l = empty(2, COIN);
        vm.assertEq(balance(l, BOB), int256(EARLIER), "the first time");
        vm.assertEq(send(l, amount).code.length, 0, "nothing stays there");
        vm.prank(stranger);
        collect(l, false);
        vm.assertEq(balance(l, BOB), int256(EARLIER + amount), "the second time");
        vm.assertEq(address(adjudicator).balance, EARLIER + amount, "held");
    }

    /// @notice An address is emptied once in a transaction: a second time in the same one is refused, and loses nothing.
    function test_AnAddressIsEmptiedOnceInATransaction() external {
        Ledger memory l = empty(2, COIN);
        address from = send(l, 7);
        collect(l, false);
        send(l, 9);
        vm.expectRevert();
        collect(l, false);
        vm.assertEq(from.balance, 9, "still there");
    }

    /// @notice A token and the coins that came with it are swept in one go.
    function test_CollectsATokenAndAllCoins() external {
        Ledger memory l = empty(2, address(token));
        address from = send(l, 7);
        vm.deal(from, 5);
        collect(l, false);
        vm.assertEq(balance(l, BOB), 7, "token");
        l.asset = COIN;
        vm.assertEq(balance(l, BOB), int256(EARLIER + 5), "coins");
    }

    /// @notice C26, C28: odd tokens are swept too, and what arrives is what counts.
    function test_C26_CollectsOddTokens() external {
        Ledger memory l = empty(2, address(new NoReturnToken()));
        send(l, 100);
        collect(l, false);
        vm.assertEq(balance(l, BOB), 100, "no return value");
        l = ledgerOf(l.party, address(new FeeToken()), 2);
        send(l, 100);
        collect(l, false);
        vm.assertEq(balance(l, BOB), 90, "net of a fee");
    }

    /// @notice C28, C30: a token that fails credits nothing; its tokens stay there and the coins come through.
    function test_C30_AFailingTokenDoesNotHoldTheCoinsBack() external {
        MoodyToken moody = new MoodyToken();
        Ledger memory l = empty(2, address(moody));
        address from = send(l, 7);
        vm.deal(from, 5);
        moody.setMood(MoodyToken.Mood.Reverts);
        collect(l, false);
        vm.assertEq(balance(l, BOB), 0, "nothing arrived");
        vm.assertEq(moody.balanceOf(from), 7, "still there");
        l.asset = COIN;
        vm.assertEq(balance(l, BOB), int256(EARLIER + 5), "coins");
    }

    /// @notice An asset without code is refused as a whole: the coins stay where they are.
    function test_C28_RefusesAnAssetWithoutCode() external {
        Ledger memory l = empty(2, COIN);
        address from = send(l, 5);
        l.asset = stranger;
        vm.expectRevert();
        collect(l, false);
        vm.assertEq(from.balance, 5, "still there");
    }

    /// @notice C36: what arrives while the ledger is disputed waits for the owner to claim.
    function test_C36_WhatCannotBeCreditedBecomesClaimable() external {
        Ledger memory l = empty(2, address(token));
        challenge(l);
        send(l, 7);
        collect(l, false);
        assertKept(address(token), l.party[BOB].owner, 7);
        vm.prank(l.party[BOB].owner);
        adjudicator.claim(address(token), stranger);
        vm.assertEq(token.balanceOf(stranger), 7, "claimed");
    }

    /// @notice The owner, and nobody else, may take everything back.
    function test_TheOwnerMayCollectToItself() external {
        Ledger memory l = empty(2, COIN);
        send(l, 7);
        vm.expectRevert(abi.encodeWithSelector(IAdjudicator.NotOwner.selector, address(this), l.party[BOB].owner));
        collect(l, true);
        vm.prank(l.party[BOB].owner);
        collect(l, true);
        assertPaid(l, BOB, 7);
        vm.assertEq(balance(l, BOB), int256(EARLIER), "not credited");
    }

    /// @notice C38: a member who does not exist and a malformed channel are refused.
    function test_C38_RefusesAMemberWhoDoesNotExist() external {
        Collection[] memory list = new Collection[](1);
        Ledger memory l = empty(2, COIN);
        list[0] = Collection(l.channel, 2, COIN, false);
        vm.expectRevert(err(Channels.NoSuchMember.selector, 2, 2));
        adjudicator.collect(list);
        vm.expectRevert(err(Channels.NoSuchMember.selector, 2, 2));
        adjudicator.depositAddress(l.id, 2);
        list[0].channel = "";
        vm.expectRevert(abi.encodeWithSelector(Channels.MalformedChannel.selector, 0));
        adjudicator.collect(list);
    }

    /// @notice C4: each channel and member has an address of its own.
    function testFuzz_C4_AddressesDiffer(bytes32 id, uint8 member) external view {
        (id, member) = (((id >> 8) << 8) | bytes32(uint256(32)), member % 32);
        address mine = adjudicator.depositAddress(id, member);
        vm.assertTrue(mine != adjudicator.depositAddress(id, member ^ 1), "member");
        vm.assertTrue(mine != adjudicator.depositAddress(id ^ bytes32(uint256(1)), member), "channel");
    }

    /// @notice C33: a token's hook cannot have one deposit counted twice, whatever it calls meanwhile.
    function test_C33_AHookCannotCountADepositTwice() external {
        HookToken hook = new HookToken();
        Ledger memory l = empty(2, address(hook));
        address from = send(l, 7);
        vm.deal(from, 5);
        // While the token is swept, coins are paid into the same address and deposited beside it.
        hook.setHook(address(this), abi.encodeCall(this.duringTransfer, (l.id, from)));
        collect(l, false);
        l.asset = COIN;
        vm.assertEq(
            balance(l, BOB),
            int256(EARLIER + 5 + 3 + 2),
            "swept with what the hook paid in, and deposited by it"
        );
        vm.assertEq(address(adjudicator).balance, EARLIER + 5 + 3 + 2, "held");
    }

    function duringTransfer(bytes32 id, address from) external {
        (bool ok, ) = from.call{value: 3}("");
        vm.assertTrue(ok, "paid in");
        adjudicator.depositCoin{value: 2}(id, BOB);
        Collection[] memory again = new Collection[](0);
        (ok, ) = address(adjudicator).call(abi.encodeCall(adjudicator.collect, (again)));
        vm.assertTrue(!ok, "guarded");
        (ok, ) = address(adjudicator).call(abi.encodeCall(adjudicator.deposit, (id, BOB, COIN, 0)));
        vm.assertTrue(!ok, "guarded");
    }

    /// @notice What is being collected can be read only by the address that is created for it.
    function test_NothingIsBeingCollectedOutsideACollection() external view {
        vm.assertEq(adjudicator.collecting(), address(0), "collecting");
    }
}
