// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Evidence, LeafDemand} from "../../../contracts/interfaces/IHouseCourt.sol";
import {Account} from "../../../contracts/types/house/Account.sol";
import {Leaf} from "../../../contracts/types/house/Leaf.sol";
import {Lock} from "../../../contracts/types/house/Lock.sol";
import {Posting} from "../../../contracts/types/house/Posting.sol";
import {Snapshot} from "./HouseBook.sol";
import {HouseExits} from "./HouseExits.sol";
import {HouseTree} from "./HouseTree.sol";

/// @title An honest operator that commits in time and answers every demand for a leaf; anybody demands any of them
contract HouseHonest is HouseExits {
    bytes[] private _open;
    uint256 private _lastCommit = now_();
    /// @dev Kept in the bonds of open challenges.
    uint256 public bonds;
    address private _challenger = address(0xC4A11E);

    /// @notice What the fuzzer may call; an action that stands here twice is taken twice as often.
    function actions() external pure returns (bytes4[] memory list) {
        list = new bytes4[](14);
        list[0] = list[1] = this.deposit.selector;
        list[2] = list[3] = this.transfer.selector;
        list[4] = list[5] = this.lock.selector;
        list[6] = this.request.selector;
        list[7] = this.reveal.selector;
        list[8] = this.commit.selector;
        list[9] = this.pass.selector;
        list[10] = list[11] = this.challenge.selector;
        list[12] = this.answer.selector;
        list[13] = this.everybody.selector;
    }

    // ---------------------------------------------------------------- members

    function deposit(uint256 member, uint256 asset, uint256 amount) external {
        putIn(member % MEMBERS, asset % ASSETS, uint128(amount % 1000));
    }

    function request(uint256 member, uint256 asset, uint256 more) external {
        ask(member % MEMBERS, asset % ASSETS, uint128(1 + (more % 300)));
    }

    function transfer(uint256 from, uint256 to, uint256 asset, uint256 amount) external {
        (from, to, asset) = (from % MEMBERS, to % MEMBERS, asset % ASSETS);
        uint256 most = spendable(from, asset);
        if (most != 0) move(from, to, asset, uint128(1 + (amount % most)));
    }

    function lock(uint256 from, uint256 to, uint256 asset, uint256 amount, uint256 key) external {
        (from, to, asset) = (from % MEMBERS, to % MEMBERS, asset % ASSETS);
        uint256 most = spendable(from, asset);
        if (most == 0) return;
        Lock memory one = Lock(ids[to], uint8(asset), uint128(1 + (amount % most)), keyAt(key), 0, 0);
        (one.deadline, one.epoch) = (uint64(now_() + (amount % (2 * INTERVAL))), uint64(snapshots.length));
        if (lockUp(from, one)) ++count["lock"];
    }

    function reveal(uint256 number) external {
        record(number);
    }

    /// @notice Whoever halts such a house gets everybody all that they had put in, and nothing stays.
    function everybody(uint256 order) external {
        while (_open.length != 0) {
            reply(0);
        }
        everybodyLeaves(order);
    }

    function afterAll(uint256, uint256 open, uint256 rest) internal pure override {
        vm.assertEq(open, 0, "nothing is left to claim");
        vm.assertEq(rest, 0, "nothing stays");
    }

    // ---------------------------------------------------------------- the operator

    function commit() public {
        vm.warp(now_() + 1);
        Snapshot memory s = drawUp(postings.length);
        plant(s);
        note(s);
        commitTo(s);
        _lastCommit = now_();
        ++count["honest"];
    }

    /// @notice Time passes; what is due before is done before.
    function pass(uint256 time) external {
        time = time % WINDOW;
        while (_open.length != 0) {
            reply(0);
        }
        if (now_() + time + 1 >= _lastCommit + INTERVAL) commit();
        vm.warp(now_() + time);
        watch();
    }

    /// @notice Anybody asks for anybody's leaf, by a deposit, and by its last account.
    function challenge(uint256 epoch, uint256 number, uint256 signed) external {
        uint256 last = snapshots.length - 1;
        if (last == 0) return;
        Snapshot memory s = snapshotAt(epoch % 3 == 0 ? last : 1 + (epoch % last));
        if (s.epoch.cut == 0) return;
        Posting memory posting = postingAt(1 + (number % s.epoch.cut));
        if (posting.deposited == 0) return;
        Evidence memory e;
        e.member = posting.member;
        (e.postings, e.signatures) = (new Posting[](1), new bytes[](signed % 2));
        e.postings[0] = posting;
        LeafDemand memory d = LeafDemand(s.epoch.number, posting.member, 0, posting.number, 0, zero(), zero(), zero());
        (d.deposited[posting.asset], d.requested[posting.asset]) = (posting.deposited, posting.requested);
        e.accounts = new Account[](signed % 2);
        if (signed % 2 == 1) {
            e.accounts[0] = accountOf(s, whoIs(posting.member));
            e.signatures[0] = sign(OPERATOR_KEY, e.accounts[0]);
            (d.index, d.seq) = (e.accounts[0].index + 1, e.accounts[0].seq);
        }
        demand(s, e, d);
    }

    function demand(Snapshot memory s, Evidence memory e, LeafDemand memory d) private {
        uint256 bond = court.bondFor(house, d.epoch);
        vm.deal(_challenger, bond);
        vm.prank(_challenger);
        (bool ok, ) = address(court).call{value: bond}(abi.encodeCall(court.challengeLeaf, (house, s.epoch, e)));
        if (!ok) return;
        _open.push(abi.encode(d));
        bonds += bond;
        ++count["challenge"];
    }

    function answer(uint256 which) external {
        if (_open.length != 0) reply(which % _open.length);
    }

    /// @dev Must be taken: nothing that is right is refused.
    function reply(uint256 which) private {
        LeafDemand memory d = abi.decode(_open[which], (LeafDemand));
        _open[which] = _open[_open.length - 1];
        _open.pop();
        uint256 before = address(court).balance - court.claimable(COIN, _challenger);
        (Snapshot memory s, Snapshot memory p) = (snapshotAt(d.epoch), snapshotAt(d.epoch - 1));
        uint256 i = whoIs(d.member);
        Account memory account = accountOf(s, i);
        court.answerLeaf(
            house,
            d,
            identities[i],
            [p.epoch, s.epoch],
            [proofOf(p, i), proofOf(s, i)],
            account,
            sign(keys[i], account),
            HouseTree.build(statusRows(s, i), 2 * ASSETS),
            HouseTree.build(incomeRows(s, i), ASSETS)
        );
        bonds -= before - (address(court).balance - court.claimable(COIN, _challenger));
        ++count["answer"];
    }

    /// @notice What the court holds beyond what waits to be claimed.
    function inCourt() external view returns (uint256) {
        return address(court).balance - court.claimable(COIN, _challenger);
    }

    function accountOf(Snapshot memory s, uint256 i) private pure returns (Account memory account) {
        Leaf memory leaf = s.leaves[i];
        account = Account(leaf.member, uint32(i), s.epoch.number, leaf.seq, zero(), zero(), leaf.locks, leaf.payments);
        for (uint256 a; a < ASSETS; ++a) {
            (account.debits[a], account.locked[a]) = (leaf.lines[a].debits, leaf.lines[a].locked);
        }
    }

    function sign(uint256 key, Account memory one) private view returns (bytes memory) {
        bytes32 kind = keccak256(
            "Account(bytes32 member,uint32 index,uint64 epoch,uint64 seq,uint128[] debits,uint128[] locked,bytes32 locks,bytes32 payments)"
        );
        bytes32 debits = keccak256(abi.encodePacked(one.debits));
        bytes32 locked = keccak256(abi.encodePacked(one.locked));
        bytes32 hash = keccak256(
            abi.encode(kind, one.member, one.index, one.epoch, one.seq, debits, locked, one.locks, one.payments)
        );
        return bytes.concat(hex"00", long(key, keccak256(abi.encodePacked(hex"1901", houseDomain(), hash))));
    }

    function houseDomain() private view returns (bytes32) {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(kind, keccak256("Tallystick"), keccak256("1"), block.chainid, house));
    }

    function zero() private pure returns (uint128[] memory) {
        return new uint128[](ASSETS);
    }
}
