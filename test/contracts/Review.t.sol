// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Collection, IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {ChannelId} from "../../contracts/types/Channel.sol";
import {Cursor, cursorAt} from "../../contracts/types/Cursor.sol";
import {Word, Words} from "../../contracts/types/Ledger.sol";
import {State as Read, States} from "../../contracts/types/State.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, Leg, List, Part, State, Transfer, Wire, Withdrawal} from "./Model.sol";
import {CoinToken, RefusingCoinToken} from "./mocks/CoinTokens.sol";
import {EchoCondition} from "./mocks/Conditions.sol";
import {Reentrant} from "./mocks/Payees.sol";
import {Vm} from "./Vm.sol";

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

    // ---------------------------------------------------------------- packed calldata

    /// @dev One bit of `blob` flipped, or `blob` cut short there.
    function spoil(bytes memory blob, uint256 place, bool cut) private pure returns (bytes memory spoilt) {
        place %= blob.length * 8;
        spoilt = bytes.concat(blob);
        if (!cut) spoilt[place / 8] ^= bytes1(uint8(1 << (place % 8)));
        else {
            assembly ("memory-safe") {
                mstore(spoilt, div(place, 8))
            }
        }
    }

    /// @notice C4, C43: a withdrawal of which any bit was changed, or any part cut off, does what was signed or nothing, and stops nobody who sends it whole.
    function testFuzz_C4_NoBitOfAWithdrawalCanBeChanged(uint256 place, bool cut) external {
        Ledger memory l = pair();
        Ledger memory other = ledgerOf(l.party, COIN, 2);
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        w.parts = new Part[](4);
        (w.parts[0].amount, w.parts[1].amount, w.parts[2].amount, w.parts[3].amount) = (1, 2, 4, 8);
        w.parts[1].to = stranger;
        (w.parts[2].toChannel, w.parts[2].toMember, w.parts[2].member) = (other.id, BOB, BOB);
        w.parts[2].target = other.channel;
        (w.parts[3].toChannel, w.parts[3].toMember) = (other.id, BOB);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        sigs[ALICE] = byOwner(l, ALICE, w);
        bytes memory blob = Wire.withdrawal(w, l.base, sigs);
        try adjudicator.withdraw(l.channel, COIN, spoil(blob, place, cut)) {} catch {
            vm.assertEq(word(l), (B << 112) | A, "nothing");
            adjudicator.withdraw(l.channel, COIN, blob);
        }
        vm.assertEq(word(l), (1 << 224) | ((B - 4) << 112) | (A - 11), "debited");
        vm.assertEq(word(other), 12 << 112, "credited");
        vm.assertEq(stranger.balance, 2, "to an address");
        assertPaidOut(l, 1, 0);
    }

    /// @notice C4, C43: the same for states.
    function testFuzz_C4_NoBitOfAStateCanBeChanged(uint256 place, bool cut) external {
        Ledger memory l = pair();
        State memory s = lock(stateOf(l, 0, 5, 7), ALICE, hashLock(300, now_(), ALICE, BOB, "secret"));
        State memory t = stateOf(l, 1, 6, -3);
        bytes memory blob = Wire.states(both(signed(l, s), signed(l, t)));
        vm.prank(stranger);
        try adjudicator.checkpoint(l.channel, COIN, spoil(blob, place, cut)) {} catch {
            vm.assertEq(recordedLane(l, 0) | recordedLane(l, 1), 0, "nothing");
            adjudicator.checkpoint(l.channel, COIN, blob);
        }
        vm.assertEq(recordedLane(l, 0), Hash.laneWord(l, s), "lane 0");
        vm.assertEq(recordedLane(l, 1), Hash.laneWord(l, t), "lane 1");
    }

    /// @notice C4, C43: the same for a settlement; leaving out the transfers only reserves them.
    function testFuzz_C4_NoBitOfASettlementCanBeChanged(uint256 place, bool cut) external {
        Ledger memory l = pair();
        State memory s = lock(stateOf(l, 0, 5, 7), ALICE, hashLock(300, now_(), ALICE, BOB, "secret"));
        State memory t = stateOf(l, 1, 6, -3);
        registry.reveal("secret");
        challenge(l, both(signed(l, s), signed(l, t)));
        expire(l);
        bytes memory blob = Wire.proof(l.base, both(s, t), only(listOf(s, true)));
        try adjudicator.settle(l.channel, COIN, spoil(blob, place, cut)) {} catch {
            vm.assertTrue(disputed(l), "nothing");
            adjudicator.settle(l.channel, COIN, blob);
        }
        bool shown = adjudicator.recordOf(l.id, COIN, 0) == 0;
        assertPaidOut(l, A - 304, B + 4 + (shown ? 300 : 0));
        vm.assertEq(address(adjudicator).balance, shown ? 0 : 300, "reserved");
    }

    /// @notice C41: an address or a small number with dirty upper bits is refused before any assembly reads it.
    function test_C41_RefusesDirtyParameters() external {
        Ledger memory l = pair();
        uint256 dirt = 1 << 200;
        uint256 asset = dirt;
        refuses(abi.encodeWithSelector(adjudicator.depositCoin.selector, l.id, dirt | 1), 1);
        refuses(abi.encodeWithSelector(adjudicator.deposit.selector, l.id, dirt | 1, COIN, 1), 1);
        refuses(abi.encodeWithSelector(adjudicator.deposit.selector, l.id, BOB, asset, 1), 1);
        refuses(abi.encodeWithSelector(adjudicator.wordOf.selector, l.id, asset, 0), 0);
        bytes memory blob = Wire.states(only(signed(l, stateOf(l, 0, 1, 1))));
        refuses(abi.encodeWithSelector(adjudicator.submit.selector, l.channel, asset, blob), 0);
        EchoCondition echo = new EchoCondition();
        uint256[] memory conditions = new uint256[](1);
        conditions[0] = dirt | uint160(address(echo));
        bytes[] memory data = new bytes[](1);
        data[0] = abi.encode(1);
        (bool ok, ) = address(registry).call(
            abi.encodeWithSelector(registry.record.selector, conditions[0], data[0], data[0])
        );
        vm.assertTrue(!ok, "record");
        (ok, ) = address(registry).call(abi.encodeWithSelector(registry.recordBatch.selector, conditions, data, data));
        vm.assertTrue(!ok, "recordBatch");
        conditions[0] -= dirt;
        (ok, ) = address(registry).call(abi.encodeWithSelector(registry.recordBatch.selector, conditions, data, data));
        vm.assertTrue(ok, "clean");
    }

    function refuses(bytes memory call, uint256 value) private {
        (bool ok, ) = address(adjudicator).call{value: value}(call);
        vm.assertTrue(!ok, "refused");
    }

    /// @notice C25: the fast addition of a deposit is the plain one, at both ends of a balance.
    function testFuzz_C25_ADepositIsAPlainAddition(uint256 raw, bool side, uint256 amount, uint8 small) external view {
        amount >>= small;
        uint256 i = side ? 1 : 0;
        Word start = Word.wrap(raw);
        int256 sum = start.balance(i) + int256(amount % (1 << 200));
        bool fits = amount < 1 << 111 && sum < 1 << 111;
        try this.plus(start, i, amount) returns (Word next) {
            vm.assertTrue(fits, "fits");
            vm.assertEq(Word.unwrap(next), Word.unwrap(start.withBalance(i, sum)), "plain");
        } catch {
            vm.assertTrue(!fits, "does not fit");
        }
    }

    function plus(Word word, uint256 side, uint256 amount) external pure returns (Word) {
        return word.plus(side, amount);
    }

    /// @notice C4: a packed state is read and hashed as the plain message, for every number of members.
    function testFuzz_C4_AStateIsReadAsItWasSigned(
        uint8 members,
        uint64 version,
        uint104 locked,
        bytes32 root,
        int104[32] memory credits
    ) external view {
        uint256 n = 2 + (members % 31);
        State memory s;
        (s.version, s.locked) = (version == 0 ? 1 : version, locked);
        s.credits = new int256[](n);
        int256 sum = int256(uint256(locked));
        bytes memory packed = abi.encodePacked(uint8(0), uint64(s.version), uint112(locked));
        if (locked != 0) packed = abi.encodePacked(packed, root);
        for (uint256 i; i < n; ++i) {
            s.credits[i] = i < n - 1 ? credits[i] : -sum;
            sum += s.credits[i];
            packed = abi.encodePacked(packed, int112(s.credits[i]));
        }
        bytes32 typehash = keccak256(
            "State(bytes32 channelId,address asset,uint16 generation,uint8 lane,uint64 version,int256[] credits,uint256 locked,bytes32 transfersRoot)"
        );
        bytes32 plain = keccak256(
            abi.encode(
                typehash,
                bytes32(uint256(1)),
                stranger,
                9,
                0,
                s.version,
                keccak256(abi.encodePacked(s.credits)),
                locked,
                locked == 0 ? bytes32(0) : root
            )
        );
        vm.assertEq(this.hashOfState(packed, n), plain, "hash");
    }

    function hashOfState(bytes calldata packed, uint256 members) external view returns (bytes32) {
        ChannelId id = ChannelId.wrap(bytes32(uint256(1)));
        (Read state, Cursor end) = States.read(cursorAt(packed), members, id, stranger, 9);
        vm.assertEq(Cursor.unwrap(end) - Cursor.unwrap(cursorAt(packed)), packed.length, "all of it");
        return state.hash();
    }

    // ---------------------------------------------------------------- settlement

    /// @dev Two lanes with anything in them that members can sign, and a ledger of others beside them.
    struct Settlement {
        uint64 alice;
        uint64 bob;
        int104[2] moved;
        uint104[2] locked;
        uint128[2] amounts;
        uint8 shift;
        uint16 shown;
        uint8 known;
        uint8 late;
    }

    /// @dev Three transfers: two legs each, keys of four secrets, deadlines before and after the expiry.
    function anyState(Ledger memory l, uint256 lane, Settlement memory x) private view returns (State memory s) {
        s = stateOf(l, lane, 1 + lane, x.moved[lane]);
        s.locked = uint256(x.locked[lane]) >> (x.shift % 104);
        s.credits[lane] -= int256(s.locked);
        s.transfers = new Transfer[](3);
        for (uint256 i; i < 3; ++i) {
            Leg[] memory legs = new Leg[](2);
            legs[0] = Leg((i + lane) % 2, keyOf(bytes32(i)));
            legs[1] = Leg(BOB, keyOf(bytes32((i + lane) % 4)));
            uint256 deadline = now_() + ((x.late >> (3 * lane + i)) & 1) * 2 * PERIOD;
            s.transfers[i] = Transfer(x.amounts[lane] >> (i * x.shift), deadline, lane, legs);
        }
    }

    function shownOf(State memory s, uint256 mask) private pure returns (List memory list) {
        list = listOf(s, false);
        for (uint256 i; i < 3; ++i) {
            list.shown[i] = (mask >> i) & 1 == 1;
        }
    }

    /// @notice C24, C25, C42: whatever members have signed, a settlement goes through, pays no more than their ledger holds, and so does
    /// every redemption; what others hold is not touched.
    function testFuzz_C25_WhateverWasSignedIsSettled(Settlement memory x) external {
        Ledger memory others = ledgerOf(parties(2, 5), COIN, 5);
        fund(others, ALICE, 77);
        Ledger memory l = empty(2, COIN);
        fund(l, ALICE, x.alice);
        fund(l, BOB, x.bob);
        for (uint256 i; i < 4; ++i) {
            if ((x.known >> i) & 1 == 1) registry.reveal(bytes32(i));
        }
        State[] memory states = both(anyState(l, 0, x), anyState(l, 1, x));
        challenge(l, both(signed(l, states[0]), signed(l, states[1])));
        expire(l);
        List[] memory lists = new List[](2);
        uint256 count;
        for (uint256 i; i < 2; ++i) {
            if (states[i].locked != 0) lists[count++] = shownOf(states[i], x.shown >> (3 * i));
        }
        assembly ("memory-safe") {
            mstore(lists, count)
        }
        bytes memory reserves = settleAndWatch(l, states, lists);
        uint256 paid = paidTo(l);
        vm.assertTrue(paid <= uint256(x.alice) + x.bob, "no more than it held");
        if (reserves.length != 0) paid = redeemAll(l, reserves, lists, x.shown >> 6);
        vm.assertEq(address(adjudicator).balance, uint256(x.alice) + x.bob - paid + 77, "nothing vanishes");
        withdraw(others, closing(others, 77, 0));
        assertPaidOut(others, 77, 0);
    }

    function paidTo(Ledger memory l) private view returns (uint256) {
        return l.party[ALICE].owner.balance + l.party[BOB].owner.balance;
    }

    /// @return reserves What is still undecided, as the event shows it.
    function settleAndWatch(
        Ledger memory l,
        State[] memory states,
        List[] memory lists
    ) private returns (bytes memory reserves) {
        VmLogs(address(vm)).recordLogs();
        settle(l, states, lists);
        VmLogs.Log[] memory logs = VmLogs(address(vm)).getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == IAdjudicator.Reserved.selector) {
                (, , reserves) = abi.decode(logs[i].data, (address, uint256, bytes));
            }
        }
    }

    /// @dev Some before the last deadlines, all after them, and all once more.
    function redeemAll(
        Ledger memory l,
        bytes memory reserves,
        List[] memory lists,
        uint256 mask
    ) private returns (uint256 paid) {
        // What the settlement has divided already cannot be shown any more; a lane without a reserve has no list.
        uint256 count;
        for (uint256 i; i < lists.length; ++i) {
            if (!isReserved(reserves, lists[i].lane)) continue;
            for (uint256 j; j < 3; ++j) {
                lists[i].gone[j] = lists[i].shown[j] && isDecided(lists[i].transfers[j]);
            }
            lists[count++] = lists[i];
        }
        assembly ("memory-safe") {
            mstore(lists, count)
        }
        for (uint256 round; round < 3; ++round) {
            for (uint256 i; i < lists.length; ++i) {
                for (uint256 j; j < 3; ++j) {
                    lists[i].shown[j] = !lists[i].gone[j] && (round > 0 || (mask >> (3 * i + j)) & 1 == 1);
                }
            }
            if (round == 1) vm.warp(now_() + 3 * PERIOD);
            adjudicator.redeem(l.channel, COIN, 0, bytes.concat(reserves, Wire.lists(lists)));
            if (round == 1) paid = paidTo(l);
        }
        vm.assertEq(paidTo(l), paid, "once");
    }

    function isReserved(bytes memory reserves, uint256 lane) private pure returns (bool) {
        for (uint256 i; i < uint8(reserves[0]); ++i) {
            if (uint8(reserves[1 + 61 * i]) == lane) return true;
        }
        return false;
    }

    function isDecided(Transfer memory one) private view returns (bool) {
        for (uint256 i; i < one.legs.length; ++i) {
            (, uint256 recordedAt) = registry.outcome(one.legs[i].key);
            if (recordedAt == 0) return now_() > one.deadline;
        }
        return true;
    }

    // ---------------------------------------------------------------- reentrancy

    /// @notice C33, C36: a payee that disputes the ledger in the middle of a withdrawal delays the rest of it; nothing is lost.
    function test_C33_APayeeDisputesTheWithdrawalThatPaysIt() external {
        Reentrant payee = new Reentrant();
        Ledger memory l = empty(2, COIN);
        l.party[ALICE].owner = address(payee);
        l = ledgerOf(l.party, COIN, 1);
        fund(l, ALICE, A);
        fund(l, BOB, B);
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        Part memory first = w.parts[0];
        w.parts = new Part[](2);
        w.parts[0] = first;
        w.parts[1] = Part(BOB, 20, address(0), l.id, BOB, l.channel);
        payee.prepare(address(adjudicator), abi.encodeCall(adjudicator.submit, (l.channel, COIN, hex"00")), 0);
        withdraw(l, w);
        vm.assertTrue(payee.ok() && disputed(l), "disputed meanwhile");
        assertKept(COIN, l.party[BOB].owner, 20);
        l.base = new uint256[](3);
        l.base[0] = (1 << 224) | ((B - 20) << 112) | (A - 10);
        expire(l);
        settle(l, none());
        assertPaidOut(l, A, B - 20);
        vm.assertEq(address(adjudicator).balance, 20, "bob's claim");
    }

    // ---------------------------------------------------------------- outcomes

    /// @notice C45: nobody but who knows a secret can record it: not as data of a condition, not by a precompile, not without code.
    function test_C45_OnlyTheSecretRecordsASecret() external {
        bytes memory secret = abi.encode(keccak256("secret"));
        asks(address(registry), secret);
        asks(address(adjudicator), secret);
        asks(stranger, secret);
        asks(address(0x100), secret);
        for (uint160 precompile; precompile < 0x20; ++precompile) {
            asks(address(precompile), secret);
        }
        (, uint256 recordedAt) = registry.outcome(keyOf(keccak256("secret")));
        vm.assertEq(recordedAt, 0, "not recorded");
    }

    function asks(address condition, bytes memory secret) private {
        try registry.record{gas: 1_000_000}(condition, secret, secret) {
            vm.assertTrue(false, "answered");
        } catch {}
        try registry.record{gas: 1_000_000}(condition, "", "") {
            vm.assertTrue(false, "answered");
        } catch {}
    }
}

/// @title The cheatcodes for logs
interface VmLogs {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
}
