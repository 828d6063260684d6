// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Leaf, Line} from "../../../contracts/types/house/Leaf.sol";
import {Lock} from "../../../contracts/types/house/Lock.sol";
import {Snapshot} from "./HouseBook.sol";
import {HouseExits} from "./HouseExits.sol";

/// @title An operator that commits to anything, and members that do what they can
/// @dev A check that fails reverts, and with it the run.
contract HouseHandler is HouseExits {
    modifier watched() {
        watch();
        _;
        watch();
    }

    /// @notice What the fuzzer may call; an action that stands here twice is taken twice as often.
    function actions() external pure returns (bytes4[] memory list) {
        list = new bytes4[](18);
        list[0] = list[1] = this.deposit.selector;
        list[2] = list[3] = this.transfer.selector;
        list[4] = this.request.selector;
        list[5] = list[6] = this.lock.selector;
        list[7] = this.reveal.selector;
        list[8] = list[9] = this.honest.selector;
        list[10] = list[11] = this.lie.selector;
        list[12] = list[13] = this.pass.selector;
        list[14] = list[16] = list[17] = this.claim.selector;
        list[15] = this.everybody.selector;
    }

    // ---------------------------------------------------------------- members

    function deposit(uint256 member, uint256 asset, uint256 amount) external watched {
        if (!house.isRunning()) return;
        putIn(member % MEMBERS, asset % ASSETS, uint128(amount % 1000));
        ++count["deposit"];
    }

    function request(uint256 member, uint256 asset, uint256 more) external watched {
        if (!house.isRunning()) return;
        ask(member % MEMBERS, asset % ASSETS, uint128(1 + (more % 300)));
        ++count["request"];
    }

    /// @notice Within the house; what is spent is there, for a lie is told elsewhere.
    function transfer(uint256 from, uint256 to, uint256 asset, uint256 amount) external watched {
        (from, to, asset) = (from % MEMBERS, to % MEMBERS, asset % ASSETS);
        uint256 most = spendable(from, asset);
        if (most == 0) return;
        move(from, to, asset, uint128(1 + (amount % most)));
        ++count["transfer"];
    }

    function lock(uint256 from, uint256 to, uint256 asset, uint256 amount, uint256 key) external watched {
        (from, to, asset) = (from % MEMBERS, to % MEMBERS, asset % ASSETS);
        uint256 most = spendable(from, asset);
        if (most == 0) return;
        Lock memory one = Lock(ids[to], uint8(asset), uint128(1 + (amount % most)), keyAt(key), 0, 0);
        (one.deadline, one.epoch) = (uint64(now_() + (amount % (2 * INTERVAL))), uint64(snapshots.length));
        if (lockUp(from, one)) ++count["lock"];
    }

    function reveal(uint256 number) external watched {
        record(number);
    }

    /// @notice Sometimes so much that the house has halted.
    function pass(uint256 time) external watched {
        vm.warp(now_() + (time % (WINDOW * 2)) + (time % 12 == 0 ? INTERVAL : 0));
        if (time % 3 == 0) house.advance(time % 7);
    }

    /// @notice Any claim, due or not.
    function claim(uint256 what, uint256 epoch, uint256 index, uint256 slot) external watched {
        (epoch, index) = (epoch % snapshots.length, index % MEMBERS);
        if (epoch % 2 == 0) epoch = house.finalized();
        if (what % 4 == 0) takeCollect(epoch, index);
        if (what % 4 == 1) takeExit(epoch, index);
        if (what % 4 == 2) takeLock(epoch, index, slot % SLOTS);
        if (what % 4 == 3) takeRefund(house.finalized(), postings.length - (slot % (1 + postings.length / 4)));
    }

    function everybody(uint256 order) external watched {
        everybodyLeaves(order);
    }

    /// @dev What nobody can claim may stay.
    function afterAll(uint256, uint256 open, uint256 rest) internal pure override {
        vm.assertGe(rest, open, "nothing is missing");
    }

    // ---------------------------------------------------------------- the operator

    function honest(uint256 cut) external watched {
        commit(cut % 4 == 0 ? cut >> 128 : type(uint256).max, type(uint256).max, 0, 0);
    }

    function lie(uint256 which, uint256 index, uint256 amount) external watched {
        commit(type(uint256).max, which, index, amount);
    }

    /// @dev In a call of its own: the books forget what the chain refuses.
    function commit(uint256 cut, uint256 which, uint256 index, uint256 amount) private {
        vm.warp(now_() + 1);
        try this.tryToCommit(cut, which, index % MEMBERS, 1 + uint128(amount % 500)) {
            ++count[which == type(uint256).max ? "honest" : "lie"];
        } catch {
            ++count["refused"];
        }
    }

    function tryToCommit(uint256 cut, uint256 which, uint256 index, uint128 amount) external {
        uint256 least = snapshotAt(snapshots.length - 1).epoch.cut;
        uint256 all = postings.length;
        Snapshot memory s = drawUp(cut == type(uint256).max ? all : least + (cut % (all - least + 1)));
        if (which != type(uint256).max) tamper(s, which % 12, index, amount);
        plant(s);
        if (which != type(uint256).max) forge(s, which % 16, amount);
        note(s);
        commitTo(s);
    }

    /// @dev Leaves that say what is not so.
    function tamper(Snapshot memory s, uint256 which, uint256 index, uint128 amount) private pure {
        Leaf memory leaf = s.leaves[index];
        uint256 other = (index + 1 + amount) % MEMBERS;
        Line memory line = leaf.lines[amount % ASSETS];
        if (which == 0) line.credits += amount;
        if (which == 1) line.deposited += amount;
        if (which == 2) line.debits += amount;
        if (which == 3) line.locked += amount;
        if (which == 4) line.paid += amount;
        if (which == 5) line.refunded += amount;
        if (which == 6) (line.withdrawn, line.leaving) = (line.withdrawn + amount, line.leaving + amount);
        if (which == 7) line.withdrawn += amount;
        // Robs one for another: solvent, so the chain takes it.
        if (which == 8 || which == 11) {
            line.debits += amount;
            s.leaves[other].lines[amount % ASSETS].credits += amount;
        }
        if (which == 9) (leaf.member, s.leaves[other].member) = (s.leaves[other].member, leaf.member);
        if (which == 10) {
            delete leaf.member;
            leaf.lines = new Line[](ASSETS);
        }
    }

    /// @dev Trees, statuses, sums and cuts that do not fit the leaves.
    function forge(Snapshot memory s, uint256 which, uint128 amount) private pure {
        uint256 asset = amount % ASSETS;
        if (which == 12 && s.epoch.members.sums[asset] != 0) {
            s.epoch.members.sums[asset] = 0;
            unsound(s);
        }
        if (which == 13 && s.epoch.left[asset] >= amount) s.epoch.left[asset] -= amount;
        if (which == 14) s.epoch.cutTime += uint64(amount);
        if (which == 15) s.epoch.cut -= 1;
    }

    function unsound(Snapshot memory s) private pure {
        for (uint256 i; i < MEMBERS; ++i) {
            s.sound[i] = false;
        }
    }
}
