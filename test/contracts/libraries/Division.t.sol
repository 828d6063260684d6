// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Division} from "../../../contracts/libraries/Division.sol";
import {cursorAt} from "../../../contracts/types/Cursor.sol";
import {Reserve} from "../../../contracts/types/Reserve.sol";
import {TransferList, Transfers} from "../../../contracts/types/Transfer.sol";
import {Base} from "../Base.t.sol";
import {EchoCondition} from "../mocks/Conditions.sol";

/// @title The rules of dividing money against plain models of them
contract DivisionTest is Base {
    address private echo = address(new EchoCondition());

    /// @notice Entitlements are paid in full if that is what there is; else pro rata, floor, the rest to the last; never more, never less.
    function testFuzz_C25_Entitles(int112[] memory entitlements, uint112 available) external pure {
        uint256 n = entitlements.length > 32 ? 32 : entitlements.length;
        if (n == 0) return;
        int256[] memory due = new int256[](n);
        (uint256 promised, uint256 last) = (0, 0);
        for (uint256 i; i < n; ++i) {
            due[i] = entitlements[i];
            if (due[i] <= 0) continue;
            promised += uint256(due[i]);
            last = i;
        }
        uint256[] memory shares = Division.entitle(due, available);
        uint256 rest = available;
        for (uint256 i; i < n; ++i) {
            uint256 share = due[i] > 0 ? (uint256(due[i]) * available) / promised : 0;
            if (i != last) vm.assertEq(shares[i], share, "floor of its part");
            rest -= shares[i];
        }
        vm.assertEq(rest, 0, "all of it");
    }

    /// @notice What is locked comes first, in full if there is enough, else the lanes share what there is.
    function testFuzz_C25_Reserves(uint112 first, uint112 second, uint120 held_) external pure {
        Reserve[] memory reserves = new Reserve[](2);
        (reserves[0].locked, reserves[1].locked) = (first, second);
        (reserves[0].reserved, reserves[1].reserved) = (first, second);
        uint256 total = Division.reserve(reserves, held_);
        vm.assertEq(total, reserves[0].reserved + reserves[1].reserved, "total");
        uint256 locked = uint256(first) + second;
        if (locked <= held_) {
            vm.assertEq(total, locked, "in full");
        } else {
            vm.assertEq(reserves[0].reserved, (uint256(held_) * first) / locked, "first");
            vm.assertEq(reserves[1].reserved, (uint256(held_) * second) / locked, "second");
            vm.assertLe(total, held_, "no more than there is");
        }
    }

    /// @notice A transfer gets its part of the reserve, never more than its amount nor than what is left.
    function testFuzz_C25_Scales(uint128 amount, uint112 locked, uint112 reserved, uint112 left) external pure {
        uint256 part = Division.scaled(amount, locked, reserved, left);
        vm.assertLe(part, left, "left");
        if (locked < reserved) locked = reserved;
        vm.assertLe(part, amount, "amount");
        uint256 fair = locked == 0 ? amount : (uint256(amount) * reserved) / locked;
        vm.assertEq(part, fair < left ? fair : left, "fair");
    }

    struct Plain {
        uint128 amount;
        uint64 deadline;
        uint8 refundTo;
        uint8 legs;
        uint64[5] values;
        uint8[5] to;
        bool shown;
    }

    /// @notice A packed list has the leaves that `bytes.concat` gives, and its transfers divide as one would by hand.
    function testFuzz_C48_ReadsAndDividesAList(Plain[3] memory list, uint112 locked, uint32 time) external {
        time = 10 + (time % (1 << 31));
        vm.warp(time);
        bytes memory packed = abi.encodePacked(uint8(1), uint16(3));
        bytes memory leaves;
        for (uint256 i; i < 3; ++i) {
            Plain memory p = list[i];
            (p.legs, p.refundTo) = (1 + (p.legs % 5), p.refundTo % 3);
            if (p.deadline % 3 == 0) p.deadline = uint64(time + (p.deadline % 5)) - 2;
            bytes memory raw = write(p, i % 2 == 0);
            leaves = bytes.concat(leaves, keccak256(raw));
            packed =
                p.shown ? bytes.concat(packed, bytes1(p.legs), raw) : bytes.concat(packed, bytes1(0), keccak256(raw));
        }
        Reserve memory from = Reserve(1, locked, locked, keccak256(leaves));
        uint256[] memory shares = new uint256[](3);
        (Reserve memory rest, uint256[] memory got) = this.divide(packed, from, shares);
        assertByHand(list, leaves, locked, rest, got);
    }

    /// @dev Records the outcomes of every other transfer now, so that some count, some come too late, some are missing.
    function write(Plain memory p, bool known) private returns (bytes memory raw) {
        raw = abi.encodePacked(p.amount, p.deadline, p.refundTo);
        for (uint256 i; i < p.legs; ++i) {
            (p.values[i], p.to[i]) = (p.values[i] % (1e18 + 1), p.to[i] % 3);
            bytes memory data = abi.encode(p.values[i]);
            raw = bytes.concat(raw, bytes1(p.to[i]), keyOf(echo, data));
            if (known) registry.record(echo, data, "");
        }
    }

    function divide(
        bytes calldata packed,
        Reserve memory from,
        uint256[] memory shares
    ) external view returns (Reserve memory, uint256[] memory) {
        (TransferList memory list, ) = Transfers.read(cursorAt(packed), registry);
        Division.settle(list, from, shares);
        return (from, shares);
    }

    function assertByHand(
        Plain[3] memory list,
        bytes memory leaves,
        uint256 left,
        Reserve memory rest,
        uint256[] memory got
    ) private view {
        uint256[] memory due = new uint256[](3);
        for (uint256 i; i < 3; ++i) {
            Plain memory p = list[i];
            if (!p.shown || !decided(p)) continue;
            uint256 amount = p.amount < left ? p.amount : left;
            left -= amount;
            for (uint256 j; j < p.legs; ++j) {
                due[p.to[j]] += amountLeft(p, j, amount) - amountLeft(p, j + 1, amount);
            }
            due[p.refundTo] += amountLeft(p, p.legs, amount);
            assembly {
                mstore(add(add(leaves, 0x20), mul(i, 0x20)), 0)
            }
        }
        for (uint256 i; i < 3; ++i) {
            vm.assertEq(got[i], due[i], "share");
        }
        vm.assertEq(rest.reserved, left, "reserved");
        vm.assertEq(rest.root, keccak256(leaves), "root without what was divided");
    }

    /// @dev What the first `legs` legs leave of `amount`.
    function amountLeft(Plain memory p, uint256 legs, uint256 amount) private view returns (uint256 left) {
        left = amount;
        for (uint256 i; i < legs; ++i) {
            uint256 part = inTime(p, i) ? (amount * p.values[i]) / 1e18 : 0;
            left -= part < left ? part : left;
        }
    }

    function recordedAt(Plain memory p, uint256 i) private view returns (uint256 time) {
        (, time) = registry.outcome(keyOf(echo, abi.encode(p.values[i])));
    }

    function inTime(Plain memory p, uint256 i) private view returns (bool) {
        return recordedAt(p, i) != 0 && recordedAt(p, i) <= p.deadline;
    }

    function decided(Plain memory p) private view returns (bool) {
        if (now_() > p.deadline) return true;
        for (uint256 i; i < p.legs; ++i) {
            if (recordedAt(p, i) == 0) return false;
        }
        return true;
    }
}
