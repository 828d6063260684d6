// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Deposit, IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {Channels} from "../../contracts/types/Channel.sol";
import {Words} from "../../contracts/types/Ledger.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, Party} from "./Model.sol";
import {FeeToken, MoodyToken, NoReturnToken, Token} from "./mocks/Tokens.sol";

contract DepositsTest is Base {
    Token private token = new Token();

    function refused(Ledger memory l) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAdjudicator.DepositRefused.selector, l.id, l.asset);
    }

    function approved(Token asset, uint256 amount) private {
        asset.mint(address(this), amount);
        asset.approve(address(adjudicator), amount);
    }

    // ---------------------------------------------------------------- announce

    /// @notice Announcing emits the channel once per member, under its owner and signer.
    function test_AnnouncesEveryMember() external {
        Ledger memory l = empty(3, COIN);
        for (uint256 i; i < 3; ++i) {
            vm.expectEmit(address(adjudicator));
            emit IAdjudicator.Announced(l.id, l.party[i].owner, l.party[i].signer, l.channel);
        }
        adjudicator.announce(l.channel);
    }

    /// @notice C10: one member, thirty-three members, a byte too many or too few: refused. Two and thirty-two: accepted.
    function test_C10_TwoToThirtyTwoMembers() external {
        adjudicator.announce(empty(2, COIN).channel);
        adjudicator.announce(empty(32, COIN).channel);
        bytes memory channel = empty(2, COIN).channel;
        rejects(pack(PERIOD, 1, parties(1, 0)));
        rejects(pack(PERIOD, 1, parties(33, 0)));
        rejects(bytes.concat(channel, hex"00"));
        rejects(new bytes(19));
        rejects("");
    }

    function rejects(bytes memory channel) private {
        vm.expectRevert(abi.encodeWithSelector(Channels.MalformedChannel.selector, channel.length));
        adjudicator.announce(channel);
    }

    /// @notice C10: duplicate, unsorted and zero signers, and zero owners: refused.
    function test_C10_MembersStandAscendingAndNoneIsZero() external {
        Party[] memory list = parties(2, 0);
        (list[0], list[1]) = (list[1], list[0]);
        rejectsMember(list, 1);
        list[0] = list[1];
        rejectsMember(list, 1);
        list = parties(2, 0);
        list[0].signer = address(0);
        rejectsMember(list, 0);
        list = parties(2, 0);
        list[1].owner = address(0);
        rejectsMember(list, 1);
    }

    function rejectsMember(Party[] memory list, uint256 member) private {
        vm.expectRevert(abi.encodeWithSelector(Channels.UnsortedMember.selector, member));
        adjudicator.announce(pack(PERIOD, 1, list));
    }

    /// @notice C17: a period is from one minute to thirty days.
    function testFuzz_C17_ThePeriodIsBounded(uint32 period) external {
        bytes memory channel = pack(period, 1, parties(2, 0));
        bool fits = period >= 60 && period <= 2_592_000;
        if (!fits) vm.expectRevert(abi.encodeWithSelector(Channels.PeriodOutOfRange.selector, period, 60, 2_592_000));
        adjudicator.announce(channel);
    }

    /// @notice C17: both ends of the range, and one second beyond each.
    function test_C17_TheEndsOfTheRange() external {
        this.testFuzz_C17_ThePeriodIsBounded(60);
        this.testFuzz_C17_ThePeriodIsBounded(2_592_000);
        this.testFuzz_C17_ThePeriodIsBounded(59);
        this.testFuzz_C17_ThePeriodIsBounded(2_592_001);
        this.testFuzz_C17_ThePeriodIsBounded(0);
    }

    /// @notice C4: channel ids differ by chain, contract, nonce, period and member, and end in the number of members.
    function test_C4_AnIdBindsEverything() external view {
        Ledger memory l = empty(3, COIN);
        vm.assertEq(uint256(uint8(uint256(l.id))), 3, "members");
        vm.assertTrue(l.id != Hash.channelId(l.channel, block.chainid + 1, address(adjudicator)), "chain");
        vm.assertTrue(l.id != Hash.channelId(l.channel, block.chainid, address(registry)), "contract");
        vm.assertTrue(l.id != ledgerOf(l.party, COIN, 2).id, "nonce");
    }

    // ---------------------------------------------------------------- coins

    /// @notice Coins are credited to the member named, and the event carries the new word of its pair.
    function testFuzz_CreditsCoins(uint96 amount, uint8 seed) external {
        uint8 member = seed % 5;
        Ledger memory l = empty(5, COIN);
        vm.deal(address(this), amount);
        uint256 newWord = uint256(amount) << (112 * (member % 2));
        vm.expectEmit(address(adjudicator));
        if (member < 2) emit IAdjudicator.CoinDeposited(l.id, newWord);
        else emit IAdjudicator.Deposited(l.id, COIN, member, newWord);
        adjudicator.depositCoin{value: amount}(l.id, member);
        vm.assertEq(balance(l, member), int256(uint256(amount)), "balance");
        vm.assertEq(address(adjudicator).balance, amount, "held");
    }

    /// @notice A token's deposit says which token and which member.
    function test_ADepositOfTokensIsShown() external {
        Ledger memory l = empty(2, address(token));
        approved(token, 7);
        vm.expectEmit(address(adjudicator));
        emit IAdjudicator.Deposited(l.id, address(token), BOB, 7 << 112);
        adjudicator.deposit(l.id, BOB, address(token), 7);
    }

    /// @notice C37: two depositors in one block are both credited, also those of one word.
    function test_C37_TwoDepositsInOneBlock() external {
        Ledger memory l = pair();
        fund(l, ALICE, 7);
        vm.assertEq(balance(l, ALICE), int256(A + 7), "alice");
        vm.assertEq(balance(l, BOB), int256(B), "bob");
    }

    /// @notice C38: a member who does not exist is refused, for every form.
    function testFuzz_C38_RefusesAMemberWhoDoesNotExist(uint8 member) external {
        if (member < 2) member += 2;
        Ledger memory l = empty(2, COIN);
        vm.expectRevert(err(Channels.NoSuchMember.selector, member, 2));
        adjudicator.depositCoin{value: 0}(l.id, member);
        vm.expectRevert(err(Channels.NoSuchMember.selector, member, 2));
        adjudicator.deposit(l.id, member, COIN, 0);
    }

    /// @notice C38: money for an id that nobody made stays there: no other ledger changes.
    function test_C38_AnUnknownIdHurtsNobodyElse() external {
        Ledger memory l = pair();
        bytes32 unknown = bytes32((uint256(keccak256("unknown")) & ~uint256(0xff)) | 255);
        adjudicator.depositCoin{value: 5}(unknown, 200);
        vm.assertEq(adjudicator.wordOf(unknown, COIN, 100), 5, "theirs");
        vm.assertEq(balance(l, ALICE), int256(A), "alice");
    }

    /// @notice C40: the coins sent must be the amount named; a token's ledger takes no coins.
    function test_C40_RefusesAWrongValue() external {
        Ledger memory l = empty(2, COIN);
        adjudicator.deposit{value: 5}(l.id, ALICE, COIN, 5);
        vm.expectRevert(err(IVault.WrongValue.selector, 4, 5));
        adjudicator.deposit{value: 4}(l.id, ALICE, COIN, 5);
        vm.expectRevert(err(IVault.WrongValue.selector, 6, 5));
        adjudicator.deposit{value: 6}(l.id, ALICE, COIN, 5);
        approved(token, 5);
        vm.expectRevert(err(IVault.WrongValue.selector, 1, 0));
        adjudicator.deposit{value: 1}(l.id, ALICE, address(token), 5);
    }

    /// @notice C41: a balance ends at 2^111 - 1; what would not fit is refused and nothing moves.
    function test_C41_ABalanceEndsAt111Bits() external {
        Ledger memory l = empty(2, address(token));
        uint256 most = (1 << 111) - 1;
        fund(l, ALICE, most);
        approved(token, 1 << 111);
        vm.expectRevert(abi.encodeWithSelector(Words.BalanceOutOfRange.selector, int256(1)));
        adjudicator.deposit(l.id, ALICE, address(token), 1);
        vm.expectRevert(abi.encodeWithSelector(Words.BalanceOutOfRange.selector, int256(1 << 111)));
        adjudicator.deposit(l.id, BOB, address(token), 1 << 111);
        vm.assertEq(balance(l, ALICE), int256(most), "alice");
        vm.assertEq(balance(l, BOB), 0, "bob");
    }

    /// @notice C35: coins and tokens that nobody accounted for are nobody's: no balance changes.
    function test_C35_ForcedMoneyIsNobodys() external {
        Ledger memory l = pair(address(token));
        vm.deal(address(adjudicator), 99);
        token.mint(address(adjudicator), 99);
        vm.assertEq(balance(l, ALICE), int256(A), "alice");
        (bool ok, ) = address(adjudicator).call{value: 1}("");
        vm.assertTrue(!ok, "plain coins are refused");
        challenge(l);
        finish(l, none());
        assertPaidOut(l, A, B);
        vm.assertEq(token.balanceOf(address(adjudicator)), 99, "left");
    }

    // ---------------------------------------------------------------- tokens

    /// @notice A plain token and one that returns nothing are credited in full.
    function test_C28_CreditsTokensWithAndWithoutAReturnValue() external {
        Ledger memory l = pair(address(token));
        vm.assertEq(balance(l, ALICE), int256(A), "plain");
        l = pair(address(new NoReturnToken()));
        vm.assertEq(balance(l, ALICE), int256(A), "no return value");
    }

    /// @notice C28: an address without code, and a token that says no, are no deposits.
    function test_C28_RefusesWhatIsNoToken() external {
        Ledger memory l = empty(2, COIN);
        vm.expectRevert();
        adjudicator.deposit(l.id, ALICE, stranger, 5);
        MoodyToken moody = new MoodyToken();
        approved(moody, 5);
        moody.block_(address(this), true);
        vm.expectRevert();
        adjudicator.deposit(l.id, ALICE, address(moody), 5);
    }

    /// @notice C26: a token that takes a fee is credited with what arrived.
    function testFuzz_C26_CreditsTheNetOfAFee(uint96 amount) external {
        FeeToken fee = new FeeToken();
        Ledger memory l = empty(2, address(fee));
        fund(l, ALICE, amount);
        vm.assertEq(balance(l, ALICE), int256(uint256(amount) - amount / 10), "net");
        vm.assertEq(balance(l, ALICE), int256(fee.balanceOf(address(adjudicator))), "held");
    }

    // ---------------------------------------------------------------- phases

    /// @notice C36: before a challenge a deposit counts; while disputed it is refused; after the settlement it counts again.
    function test_C36_DepositsAroundADispute() external {
        Ledger memory l = pair();
        fund(l, ALICE, 1);
        challenge(l);
        vm.expectRevert(refused(l));
        adjudicator.depositCoin{value: 0}(l.id, ALICE);
        expire(l);
        vm.expectRevert(refused(l));
        adjudicator.depositCoin{value: 0}(l.id, ALICE);
        finish(l, none());
        fund(l, BOB, 3);
        assertPaidOut(l, A + 1, B);
        vm.assertEq(balance(l, BOB), 3, "next life");
    }

    /// @notice C36: the words of further pairs follow the phase of the first.
    function test_C36_FurtherPairsFollowTheFirstWord() external {
        Ledger memory l = group(5);
        challenge(l);
        vm.expectRevert(refused(l));
        adjudicator.depositCoin{value: 0}(l.id, 4);
    }

    /// @notice C41: the last generation takes no money, so that no signature of it can ever count.
    function test_C41_TheLastGenerationTakesNoMoney() external {
        Ledger memory l = empty(2, COIN);
        toGeneration(l, 32_766);
        fund(l, ALICE, 4);
        challenge(l);
        finish(l, none());
        assertPaid(l, ALICE, 4);
        vm.assertEq(generation(l), 32_767, "last");
        vm.expectRevert(refused(l));
        adjudicator.depositCoin{value: 0}(l.id, ALICE);
        challenge(l);
        finish(l, none());
        vm.assertEq(generation(l), 32_767, "no wrap");
    }

    // ---------------------------------------------------------------- forms

    /// @notice Announcing and depositing in one call does both.
    function test_DepositsWithAnAnnouncement() external {
        Ledger memory l = empty(2, COIN);
        vm.expectEmit(address(adjudicator));
        emit IAdjudicator.Announced(l.id, l.party[0].owner, l.party[0].signer, l.channel);
        adjudicator.depositAnnounced{value: 5}(l.channel, ALICE, COIN, 5);
        approved(token, 6);
        adjudicator.depositAnnounced(l.channel, BOB, address(token), 6);
        vm.assertEq(balance(l, ALICE), 5, "coins");
        l.asset = address(token);
        vm.assertEq(balance(l, BOB), 6, "tokens");
    }

    function batch(
        Ledger memory first,
        Ledger memory second,
        uint256 amount
    ) private pure returns (Deposit[] memory d) {
        d = new Deposit[](2);
        d[0] = Deposit(first.id, ALICE, first.asset, amount);
        d[1] = Deposit(second.id, BOB, second.asset, amount);
    }

    /// @notice A batch credits several ledgers of several assets.
    function test_ABatchCreditsCoinsAndTokens() external {
        Ledger memory coins = empty(2, COIN);
        Ledger memory tokens = empty(3, address(token));
        approved(token, 9);
        adjudicator.depositBatch{value: 9}(batch(coins, tokens, 9));
        vm.assertEq(balance(coins, ALICE), 9, "coins");
        vm.assertEq(balance(tokens, BOB), 9, "tokens");
    }

    /// @notice C36: a batch skips a ledger that is disputed and gives its coins back.
    function test_C36_ABatchSkipsADisputedLedger() external {
        Ledger memory l = pair();
        challenge(l);
        uint256 before = address(this).balance;
        Ledger memory other = ledgerOf(l.party, COIN, 2);
        adjudicator.depositBatch{value: 20}(batch(l, other, 9));
        vm.assertEq(balance(other, BOB), 9, "the other");
        vm.assertEq(address(this).balance, before - 9, "given back");
    }

    /// @notice C40: a batch that names more coins than it brings is refused.
    function test_C40_ABatchBringsItsCoins() external {
        Ledger memory l = empty(2, COIN);
        vm.expectRevert(err(IVault.WrongValue.selector, 17, 9));
        adjudicator.depositBatch{value: 17}(batch(l, l, 9));
    }

    receive() external payable {}
}
