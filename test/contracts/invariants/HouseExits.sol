// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Claim} from "../../../contracts/interfaces/IClearingHouse.sol";
import {EpochWord} from "../../../contracts/types/house/Epoch.sol";
import {Line} from "../../../contracts/types/house/Leaf.sol";
import {Lock} from "../../../contracts/types/house/Lock.sol";
import {Posting} from "../../../contracts/types/house/Posting.sol";
import {HouseBook, Snapshot} from "./HouseBook.sol";
import {HouseTree} from "./HouseTree.sol";

/// @title All ways out of a house; each call knows whether it must be taken and what it must pay, to the wei
abstract contract HouseExits is HouseBook {
    /// @notice Everybody could leave; all that it did is taken back by this.
    error EverybodyLeft();

    mapping(uint256 epoch => uint256[ASSETS]) private _has;
    /// @dev What left in all epochs up to this one, as far as somebody can show it.
    mapping(uint256 epoch => uint256[ASSETS]) private _left;
    uint256[ASSETS] private _taken;
    mapping(bytes32 what => bool) private _done;
    mapping(uint256 member => uint256[ASSETS]) private _locksPaid;

    uint256 private _finalizedSeen;
    mapping(uint256 epoch => EpochWord) private _finalWords;

    /// @notice An epoch was committed.
    function note(Snapshot memory s) internal {
        uint256 e = s.epoch.number;
        _left[e] = _left[e - 1];
        for (uint256 i; i < MEMBERS; ++i) {
            if (!s.sound[i]) continue;
            for (uint256 a; a < ASSETS; ++a) {
                Line memory line = s.leaves[i].lines[a];
                _has[e][a] += uint256(HouseTree.balance(line) + HouseTree.live(line));
                _left[e][a] += line.leaving;
            }
        }
    }

    /// @notice What can be claimed if this is the last final epoch, less what was.
    function owed(uint256 epoch, uint256 asset) public view returns (uint256) {
        uint256 later = totalAt(postings.length, asset) - totalAt(snapshotAt(epoch).epoch.cut, asset);
        return _has[epoch][asset] + _left[epoch][asset] + later - _taken[asset];
    }

    // ---------------------------------------------------------------- finality

    /// @notice Looks at the house; every epoch that is final by now must stay as it is.
    function watch() public {
        uint256 f = house.finalized();
        vm.assertGe(f, _finalizedSeen, "finalized only rises");
        for (; _finalizedSeen < f; ++_finalizedSeen) {
            _finalWords[_finalizedSeen + 1] = house.epochWord(_finalizedSeen + 1);
        }
        for (uint256 e = 1; e <= f; ++e) {
            uint256 word = EpochWord.unwrap(house.epochWord(e));
            vm.assertEq(word, EpochWord.unwrap(_finalWords[e]), "the word of a final epoch");
            vm.assertEq(word & 0xffff, 0, "a final epoch has no open challenge");
            vm.assertGe(now_(), uint32(word >> 32) + WINDOW, "its window is over");
        }
    }

    // ---------------------------------------------------------------- claims

    function takeCollect(uint256 epoch, uint256 index) public {
        if (epoch == 0 || epoch >= snapshots.length) return;
        house.advance(100);
        bytes32 what = keccak256(abi.encode("collect", epoch, index));
        bool due = epoch <= house.finalized() && !_done[what];
        take(epoch, index, what, due, false);
    }

    function takeExit(uint256 epoch, uint256 index) public {
        if (epoch == 0 || epoch >= snapshots.length) return;
        house.advance(100);
        bytes32 what = keccak256(abi.encode("exit", index));
        take(epoch, index, what, house.isSettled() && epoch == house.finalized() && !_done[what], true);
    }

    function take(uint256 epoch, uint256 index, bytes32 what, bool due, bool exits) private {
        Snapshot memory s = snapshotAt(epoch);
        due = due && s.sound[index];
        uint256 member = s.leaves[index].member == 0 ? index : whoIs(s.leaves[index].member);
        uint256[ASSETS] memory amounts;
        for (uint256 a; due && a < ASSETS; ++a) {
            Line memory line = s.leaves[index].lines[a];
            amounts[a] = exits ? uint256(HouseTree.balance(line)) : line.leaving;
        }
        Claim[] memory claims = new Claim[](1);
        claims[0] = Claim(index, s.leaves[index], identities[member]);
        bytes32[] memory path = HouseTree.path(s.rows, ASSETS, index);
        bytes memory call =
            exits
                ? abi.encodeCall(house.exit, (s.epoch, claims, path))
                : abi.encodeCall(house.collect, (s.epoch, claims, path));
        uint256[ASSETS] memory nothing;
        pay(call, exits ? "exit" : "collect", due, what, [member, member], [amounts, nothing]);
    }

    function takeLock(uint256 epoch, uint256 index, uint256 slot) public {
        if (epoch == 0 || epoch >= snapshots.length) return;
        house.advance(100);
        Snapshot memory s = snapshotAt(epoch);
        Lock memory lock = s.locks[index][slot];
        if (lock.amount == 0) return;
        uint256 live = s.statuses[index][slot].live;
        bytes32 what = keccak256(abi.encode("lock", index, slot));
        bool due = house.isSettled() && epoch == house.finalized() && s.sound[index] && !_done[what];
        due = due && live == lock.amount && statusOf(lock, now_()).live == 0;
        uint256 paid = _locksPaid[index][lock.asset] + lock.amount;
        due = due && int256(paid) <= HouseTree.live(s.leaves[index].lines[lock.asset]);
        if (due) _locksPaid[index][lock.asset] = paid;
        payLock(s, index, slot, due, what);
    }

    function payLock(Snapshot memory s, uint256 index, uint256 slot, bool due, bytes32 what) private {
        Lock memory lock = s.locks[index][slot];
        bytes32 leafOf = s.leaves[index].member;
        uint256 payer = leafOf == 0 ? index : whoIs(leafOf);
        uint256 payee = whoIs(lock.to);
        uint256[ASSETS][2] memory amounts;
        amounts[0][lock.asset] = statusOf(lock, now_()).refunded;
        amounts[1][lock.asset] = statusOf(lock, now_()).paid;
        bytes32[] memory path = HouseTree.path(statusRows(s, index), 2 * ASSETS, slot);
        bytes memory call = abi.encodeCall(
            house.exitLock,
            (s.epoch, proofOf(s, index), identities[payer], identities[payee], slot, lock, path)
        );
        pay(call, "exitLock", due, what, [payer, payee], amounts);
    }

    function takeRefund(uint256 epoch, uint256 number) public {
        if (number == 0 || number > postings.length || epoch >= snapshots.length) return;
        house.advance(100);
        Snapshot memory s = snapshotAt(epoch);
        Posting memory posting = postingAt(number);
        uint256 member = whoIs(posting.member);
        bytes32 what = keccak256(abi.encode("refund", number));
        bool due = house.isSettled() && epoch == house.finalized() && number > s.epoch.cut && !_done[what];
        uint256[ASSETS][2] memory amounts;
        amounts[0][posting.asset] = posting.amount;
        bytes memory call = abi.encodeCall(house.refund, (s.epoch, posting, identities[member]));
        pay(call, "refund", due, what, [member, member], amounts);
    }

    /// @dev A call that must be taken if it is due, and refused otherwise; two owners get what is theirs and nobody else pays for it.
    function pay(
        bytes memory call,
        string memory name,
        bool due,
        bytes32 what,
        uint256[2] memory who,
        uint256[ASSETS][2] memory amounts
    ) private {
        uint256[ASSETS][3] memory before = [wealth(who[0]), wealth(who[1]), wealth(MEMBERS)];
        (bool ok, bytes memory reason) = address(house).call(call);
        vm.assertTrue(ok == due, string.concat(name, due ? " is paid " : " is refused ", string(reason)));
        if (!ok) return;
        _done[what] = true;
        ++count[name];
        for (uint256 a; a < ASSETS; ++a) {
            uint256 sum = amounts[0][a] + amounts[1][a];
            _taken[a] += sum;
            bool same = who[0] == who[1];
            for (uint256 i; i < 2; ++i) {
                uint256 share = same ? sum : amounts[i][a];
                vm.assertEq(wealth(who[i])[a] - before[i][a], share, name);
            }
            vm.assertEq(before[2][a] - wealth(MEMBERS)[a], sum, name);
        }
    }

    /// @dev Of a member, or of the house.
    function wealth(uint256 member) private view returns (uint256[ASSETS] memory has) {
        for (uint256 a; a < ASSETS; ++a) {
            has[a] = member < MEMBERS ? gained(member, a) : free(a);
        }
    }

    // ---------------------------------------------------------------- all at once

    /// @notice The house halts now, and all leave in some order: everybody is paid, once, without the operator. Then it did not happen.
    function everybodyLeaves(uint256 order) public {
        uint256 back = now_();
        (bool ok, bytes memory reason) = address(this).call(abi.encodeCall(this.depart, (order)));
        vm.warp(back);
        if (!ok && bytes4(reason) == EverybodyLeft.selector) {
            ++count["leave"];
            return;
        }
        assembly ("memory-safe") {
            revert(add(reason, 0x20), mload(reason))
        }
    }

    function depart(uint256 order) external {
        // Late enough for every lock to be decided, too.
        vm.warp(now_() + 3 * INTERVAL + WINDOW + ANSWER_MOST + 1);
        house.advance(100);
        vm.assertTrue(house.isSettled(), "settled without anybody");
        uint256 f = house.finalized();
        bytes[] memory steps = shuffled(everyWayOut(f), order);
        for (uint256 twice; twice < 2; ++twice) {
            for (uint256 i; i < steps.length; ++i) {
                (bool ok, bytes memory reason) = address(this).call(steps[i]);
                vm.assertTrue(ok, string(reason));
            }
        }
        for (uint256 a; a < ASSETS; ++a) {
            afterAll(a, owed(f, a), free(a));
        }
        revert EverybodyLeft();
    }

    /// @dev `open`: what could still be claimed, `rest`: what the house still has.
    function afterAll(uint256 asset, uint256 open, uint256 rest) internal view virtual;

    function everyWayOut(uint256 f) private view returns (bytes[] memory steps) {
        uint256 late = postings.length - snapshotAt(f).epoch.cut;
        steps = new bytes[](MEMBERS * (f + 1 + SLOTS) + late);
        uint256 n;
        for (uint256 i; i < MEMBERS; ++i) {
            for (uint256 e = 1; e <= f; ++e) {
                steps[n++] = abi.encodeCall(this.takeCollect, (e, i));
            }
            steps[n++] = abi.encodeCall(this.takeExit, (f, i));
            for (uint256 k; k < SLOTS; ++k) {
                steps[n++] = abi.encodeCall(this.takeLock, (f, i, k));
            }
        }
        for (uint256 i; i < late; ++i) {
            steps[n++] = abi.encodeCall(this.takeRefund, (f, postings.length - i));
        }
    }

    function shuffled(bytes[] memory steps, uint256 order) private pure returns (bytes[] memory) {
        for (uint256 i = steps.length; i > 1; --i) {
            uint256 k = uint256(keccak256(abi.encode(order, i))) % i;
            (steps[i - 1], steps[k]) = (steps[k], steps[i - 1]);
        }
        return steps;
    }
}
