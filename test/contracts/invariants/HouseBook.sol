// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IClearingHouse, Identity, Proof, Terms} from "../../../contracts/interfaces/IClearingHouse.sol";
import {IHouseCourt} from "../../../contracts/interfaces/IHouseCourt.sol";
import {IHouseStake} from "../../../contracts/interfaces/IHouseStake.sol";
import {Epoch} from "../../../contracts/types/house/Epoch.sol";
import {Leaf, Line} from "../../../contracts/types/house/Leaf.sol";
import {Lock, Status} from "../../../contracts/types/house/Lock.sol";
import {Payment} from "../../../contracts/types/house/Payment.sol";
import {Posting} from "../../../contracts/types/house/Posting.sol";
import {Tally} from "../../../contracts/types/house/Tally.sol";
import {Base} from "../Base.t.sol";
import {EchoCondition} from "../mocks/Conditions.sol";
import {Payee} from "../mocks/Payees.sol";
import {Token} from "../mocks/Tokens.sol";
import {HouseTree, Row} from "./HouseTree.sol";

/// @notice What a payment or a lock credits, as it stands in an income.
struct Entry {
    bytes32 hash;
    uint256 asset;
    uint256 amount;
}

/// @notice One epoch with all its trees. `sound`: which leaves their members can show.
struct Snapshot {
    Epoch epoch;
    Leaf[] leaves;
    Row[] rows;
    bool[] sound;
    Lock[][] locks;
    Status[][] statuses;
    Entry[][] income;
    Payment[][] payments;
}

/// @title A house with six members and two assets, and the books of its operator
abstract contract HouseBook is Base {
    uint256 internal constant MEMBERS = 6;
    uint256 internal constant ASSETS = 2;
    /// @dev Locks that a member can have at once.
    uint256 internal constant SLOTS = 2;
    uint256 internal constant INTERVAL = 4000;
    uint256 internal constant WINDOW = 1000;
    uint256 internal constant ANSWER_MOST = 900;
    uint256 internal constant OPERATOR_KEY = 0x0BE7A704;

    IClearingHouse public house;
    IHouseCourt public court;
    IHouseStake public stake;
    address[ASSETS] public assets;
    address internal operator;
    EchoCondition private echo;

    uint256[MEMBERS] internal keys;
    Identity[MEMBERS] internal identities;
    bytes32[MEMBERS] internal ids;
    bytes[] internal postings;
    bytes[] internal snapshots;

    mapping(uint256 member => mapping(uint256 asset => Line)) private _lines;
    mapping(uint256 member => mapping(uint256 asset => uint128)) private _targets;
    mapping(uint256 member => Payment[]) private _payments;
    mapping(uint256 member => Entry[]) private _income;
    mapping(uint256 member => Lock[SLOTS]) private _locks;
    uint256 private _cut;
    mapping(string action => uint256) public count;

    constructor() {
        setUp();
        operator = vm.addr(OPERATOR_KEY);
        assets[1] = address(new Token());
        echo = new EchoCondition();
        court = IHouseCourt(deploy("HouseCourt", ""));
        address[] memory list = new address[](ASSETS);
        list[1] = assets[1];
        Terms memory terms = Terms(
            address(court),
            operator,
            registry,
            list,
            uint32(INTERVAL),
            uint32(WINDOW),
            500,
            100,
            uint32(ANSWER_MOST)
        );
        house = IClearingHouse(deploy("ClearingHouse", abi.encode(terms)));
        (, bytes memory answer) = address(house).staticcall(abi.encodeWithSignature("stake()"));
        stake = IHouseStake(abi.decode(answer, (address)));
        for (uint256 i; i < MEMBERS; ++i) {
            keys[i] = uint256(keccak256(abi.encode("member", i))) >> 8;
            identities[i] = Identity(vm.addr(keys[i]), address(uint160(0xABC000 + i)));
        }
        // One owner takes no coins: they wait for it.
        Payee payee = new Payee();
        payee.setMood(Payee.Mood.Reverts);
        identities[1].owner = address(payee);
        for (uint256 i; i < MEMBERS; ++i) {
            ids[i] = keccak256(abi.encode(identities[i]));
        }
        Snapshot memory genesis;
        genesis.epoch.members = genesis.epoch.limits = HouseTree.build(genesis.rows, ASSETS);
        genesis.epoch.left = new uint256[](ASSETS);
        snapshots.push(abi.encode(genesis));
    }

    receive() external payable {}

    // ---------------------------------------------------------------- what is known

    function snapshotAt(uint256 epoch) internal view returns (Snapshot memory) {
        return abi.decode(snapshots[epoch], (Snapshot));
    }

    function postingAt(uint256 number) internal view returns (Posting memory) {
        return abi.decode(postings[number - 1], (Posting));
    }

    function totalAt(uint256 cut, uint256 asset) internal view returns (uint256) {
        return cut == 0 ? 0 : postingAt(cut).totals[asset];
    }

    /// @notice Who is meant by a leaf or a lock.
    function whoIs(bytes32 id) internal view returns (uint256 member) {
        while (member < MEMBERS && ids[member] != id) ++member;
    }

    /// @notice What the house has beyond what waits to be claimed.
    function free(uint256 asset) public view returns (uint256 left) {
        left = held(assets[asset], address(house));
        for (uint256 i; i < MEMBERS; ++i) {
            uint256 waits = house.claimable(assets[asset], identities[i].owner);
            vm.assertGe(left, waits, "what waits to be claimed is there");
            left -= waits;
        }
    }

    /// @notice What an owner has been paid, or waits for it.
    function gained(uint256 member, uint256 asset) internal view returns (uint256) {
        address owner = identities[member].owner;
        return held(assets[asset], owner) + house.claimable(assets[asset], owner);
    }

    function keyAt(uint256 number) internal view returns (bytes32) {
        return registry.keyOf(address(echo), keccak256(valueAt(number)));
    }

    /// @dev Four outcomes: all, nothing and two shares, one with a remainder.
    function valueAt(uint256 number) private pure returns (bytes memory) {
        return abi.encode([uint256(1e18), 0, 0.5e18, 333333333333333333][number % 4]);
    }

    function statusOf(Lock memory lock, uint256 time) internal view returns (Status memory status) {
        (uint256 value, uint256 recordedAt) = registry.outcome(lock.key);
        bool known = recordedAt != 0 && recordedAt <= lock.deadline && recordedAt <= time;
        if (known) status.paid = uint128((lock.amount * value) / 1e18);
        else if (time <= lock.deadline) return Status(0, 0, lock.amount);
        status.refunded = lock.amount - status.paid;
    }

    // ---------------------------------------------------------------- the chain's part

    function record(uint256 number) public {
        registry.record(address(echo), valueAt(number), "");
    }

    function putIn(uint256 member, uint256 asset, uint128 amount) internal {
        Identity memory one = identities[member];
        if (asset == 0) {
            vm.deal(address(this), amount);
            house.deposit{value: amount}(one.signer, one.owner, 0, amount);
        } else {
            Token(assets[1]).mint(address(this), amount);
            Token(assets[1]).approve(address(house), amount);
            house.deposit(one.signer, one.owner, 1, amount);
        }
        post(member, asset, amount);
    }

    function ask(uint256 member, uint256 asset, uint128 more) internal {
        (, uint128 requested) = house.standing(ids[member], uint8(asset));
        vm.prank(identities[member].owner);
        house.request(identities[member].signer, uint8(asset), requested + more);
        post(member, asset, 0);
    }

    function post(uint256 member, uint256 asset, uint128 amount) private {
        Posting memory one;
        (one.number, one.member, one.asset) = (uint64(postings.length + 1), ids[member], uint8(asset));
        one.totals = new uint128[](ASSETS);
        if (one.number != 1) {
            Posting memory before = postingAt(one.number - 1);
            (one.previous, one.totals) = (keccak256(abi.encode(before)), before.totals);
        }
        one.amount = amount;
        one.totals[asset] += amount;
        (one.deposited, one.requested) = house.standing(ids[member], uint8(asset));
        postings.push(abi.encode(one));
        vm.assertEq(house.postingHash(one.number), keccak256(abi.encode(one)), "posted");
    }

    // ---------------------------------------------------------------- the operator's part

    /// @notice What a member can spend, of what has been counted.
    function spendable(uint256 member, uint256 asset) internal view returns (uint256) {
        Line memory line = _lines[member][asset];
        for (uint256 i; i < SLOTS; ++i) {
            Lock memory one = _locks[member][i];
            if (one.asset == asset) line.debits += one.amount;
        }
        int256 left = HouseTree.available(line);
        return left > 0 ? uint256(left) : 0;
    }

    function move(uint256 from, uint256 to, uint256 asset, uint128 amount) internal {
        (uint64 epoch, uint32 position) = (uint64(snapshots.length), uint32(_payments[from].length));
        Payment memory one = Payment(ids[from], ids[to], epoch, position, uint8(asset), amount, 0, 0);
        _payments[from].push(one);
        _lines[from][asset].debits += amount;
        credit(to, Entry(keccak256(abi.encode(one)), asset, amount));
    }

    function credit(uint256 to, Entry memory entry) private {
        _income[to].push(entry);
        _lines[to][entry.asset].credits += uint128(entry.amount);
    }

    /// @return done Whether there was room for one more lock.
    function lockUp(uint256 from, Lock memory one) internal returns (bool done) {
        for (uint256 i; i < SLOTS; ++i) {
            if (_locks[from][i].amount != 0) continue;
            _locks[from][i] = one;
            return true;
        }
    }

    /// @notice The next epoch as the books say.
    function drawUp(uint256 cut) internal returns (Snapshot memory s) {
        for (uint256 i = _cut; i < cut; ++i) {
            Posting memory one = abi.decode(postings[i], (Posting));
            uint256 member = whoIs(one.member);
            _lines[member][one.asset].deposited = one.deposited;
            _targets[member][one.asset] = one.requested;
        }
        _cut = cut;
        (s.epoch.number, s.epoch.cut, s.epoch.cutTime) = (uint64(snapshots.length), uint64(cut), uint64(now_() - 1));
        s.epoch.cutHash = cut == 0 ? bytes32(0) : keccak256(postings[cut - 1]);
        s.epoch.limits = HouseTree.build(new Row[](0), ASSETS);
        decide(s);
        s.leaves = new Leaf[](MEMBERS);
        s.income = new Entry[][](MEMBERS);
        s.payments = new Payment[][](MEMBERS);
        for (uint256 i; i < MEMBERS; ++i) {
            (s.income[i], s.payments[i]) = (_income[i], _payments[i]);
            s.leaves[i] = leafOf(s, i);
        }
    }

    /// @dev Locks that are decided now are credited now, and leave the books after this epoch.
    function decide(Snapshot memory s) private {
        (s.locks, s.statuses) = (new Lock[][](MEMBERS), new Status[][](MEMBERS));
        for (uint256 i; i < MEMBERS; ++i) {
            (s.locks[i], s.statuses[i]) = (new Lock[](SLOTS), new Status[](SLOTS));
            for (uint256 k; k < SLOTS; ++k) {
                Lock memory lock = _locks[i][k];
                if (lock.amount == 0) continue;
                Status memory status = statusOf(lock, s.epoch.cutTime);
                (s.locks[i][k], s.statuses[i][k]) = (lock, status);
                if (status.paid == 0) continue;
                bytes32 tag = keccak256("Tallystick lock credit");
                bytes32 entry = keccak256(abi.encode(tag, ids[i], k, keccak256(abi.encode(lock)), status.paid));
                credit(whoIs(lock.to), Entry(entry, lock.asset, status.paid));
            }
        }
    }

    function leafOf(Snapshot memory s, uint256 member) private view returns (Leaf memory leaf) {
        (leaf.member, leaf.seq, leaf.lines) = (ids[member], s.epoch.number, new Line[](ASSETS));
        leaf.locks = HouseTree.hash(HouseTree.build(lockRows(s, member), ASSETS));
        leaf.payments = HouseTree.hash(HouseTree.build(paymentRows(s, member), ASSETS));
        leaf.income = HouseTree.hash(HouseTree.build(incomeRows(s, member), ASSETS));
        leaf.statuses = HouseTree.hash(HouseTree.build(statusRows(s, member), 2 * ASSETS));
        for (uint256 a; a < ASSETS; ++a) {
            Line memory line = _lines[member][a];
            for (uint256 k; k < SLOTS; ++k) {
                if (s.locks[member][k].asset != a) continue;
                line.locked += s.locks[member][k].amount;
                line.paid += s.statuses[member][k].paid;
                line.refunded += s.statuses[member][k].refunded;
            }
            int256 due = int256(uint256(_targets[member][a])) - int256(uint256(line.withdrawn));
            int256 available = HouseTree.available(line);
            if (due > available) due = available;
            if (due > 0)
                (line.leaving, line.withdrawn) = (uint128(uint256(due)), line.withdrawn + uint128(uint256(due)));
            leaf.lines[a] = line;
        }
    }

    /// @notice Commits, and goes on from what was committed.
    function commitTo(Snapshot memory s) internal {
        Posting memory posting;
        if (s.epoch.cut != 0 && s.epoch.cut <= postings.length) posting = postingAt(s.epoch.cut);
        Epoch memory previous = snapshotAt(snapshots.length - 1).epoch;
        vm.prank(operator);
        house.commit(previous, s.epoch, posting);
        snapshots.push(abi.encode(s));
        for (uint256 i; i < MEMBERS; ++i) {
            delete _payments[i];
            delete _income[i];
            for (uint256 a; a < ASSETS; ++a) {
                Line memory line = s.leaves[i].lines[a];
                (line.locked, line.paid, line.refunded, line.leaving) = (0, 0, 0, 0);
                _lines[i][a] = line;
            }
            for (uint256 k; k < SLOTS; ++k) {
                if (s.statuses[i][k].live != 0) continue;
                _lines[i][s.locks[i][k].asset].debits += s.statuses[i][k].paid;
                delete _locks[i][k];
            }
        }
    }

    /// @notice Puts the leaves into their tree, with the sums that they have.
    function plant(Snapshot memory s) internal view {
        (s.rows, s.sound) = (new Row[](MEMBERS), new bool[](MEMBERS));
        for (uint256 i; i < MEMBERS; ++i) {
            Leaf memory leaf = s.leaves[i];
            s.rows[i] = HouseTree.row(leaf.member == 0 ? bytes32(0) : HouseTree.leafHash(leaf), ASSETS);
            s.sound[i] = leaf.member != 0 && possible(leaf);
            if (!s.sound[i]) continue;
            for (uint256 a; a < ASSETS; ++a) {
                uint256 has = uint256(HouseTree.balance(leaf.lines[a]) + HouseTree.live(leaf.lines[a]));
                s.rows[i].sums[a] = (has << 128) | leaf.lines[a].leaving;
            }
        }
        top(s);
    }

    /// @notice The top of the tree, and what has left with it.
    function top(Snapshot memory s) internal view {
        s.epoch.members = HouseTree.build(s.rows, ASSETS);
        s.epoch.left = snapshotAt(snapshots.length - 1).epoch.left;
        for (uint256 a; a < ASSETS; ++a) {
            s.epoch.left[a] += uint128(s.epoch.members.sums[a]);
        }
    }

    function possible(Leaf memory leaf) private pure returns (bool) {
        for (uint256 a; a < ASSETS; ++a) {
            if (!HouseTree.possible(leaf.lines[a])) return false;
        }
        return true;
    }

    // ---------------------------------------------------------------- trees of a leaf

    function lockRows(Snapshot memory s, uint256 member) internal pure returns (Row[] memory rows) {
        rows = new Row[](SLOTS);
        for (uint256 k; k < SLOTS; ++k) {
            Lock memory one = s.locks[member][k];
            bytes32 hash = one.amount == 0 ? bytes32(0) : keccak256(abi.encode(one));
            rows[k] = HouseTree.amountRow(hash, one.asset, one.amount, ASSETS);
        }
    }

    function statusRows(Snapshot memory s, uint256 member) internal pure returns (Row[] memory rows) {
        rows = new Row[](SLOTS);
        for (uint256 k; k < SLOTS; ++k) {
            bool none = s.locks[member][k].amount == 0;
            rows[k] = HouseTree.row(0, 2 * ASSETS);
            if (!none) rows[k] = HouseTree.statusRow(s.locks[member][k], s.statuses[member][k], ASSETS);
        }
    }

    function paymentRows(Snapshot memory s, uint256 member) internal pure returns (Row[] memory rows) {
        Payment[] memory list = s.payments[member];
        rows = new Row[](list.length);
        for (uint256 i; i < list.length; ++i) {
            rows[i] = HouseTree.amountRow(keccak256(abi.encode(list[i])), list[i].asset, list[i].amount, ASSETS);
        }
    }

    function incomeRows(Snapshot memory s, uint256 member) internal pure returns (Row[] memory rows) {
        Entry[] memory list = s.income[member];
        rows = new Row[](list.length);
        for (uint256 i; i < list.length; ++i) {
            rows[i] = HouseTree.amountRow(list[i].hash, list[i].asset, list[i].amount, ASSETS);
        }
    }

    function proofOf(Snapshot memory s, uint256 index) internal pure returns (Proof memory proof) {
        proof.index = index;
        proof.leaf.lines = new Line[](ASSETS);
        if (index >= s.rows.length) return proof;
        proof.leaf = s.leaves[index];
        proof.path = HouseTree.path(s.rows, ASSETS, index);
    }
}
