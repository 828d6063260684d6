// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../../contracts/interfaces/IAdjudicator.sol";
import {Base} from "../Base.t.sol";
import {Hash, Ledger, List, Part, Party, Reserve, Signed, State, Transfer, Wire, Withdrawal} from "../Model.sol";
import {Payee, Reentrant} from "../mocks/Payees.sol";
import {MoodyToken} from "../mocks/Tokens.sol";
import {Vm} from "../Vm.sol";

/// @title Random users of the adjudicator: an honest member 0, others who cheat, hostile tokens and payees
/// @dev Every action checks what it did; a check that fails reverts, and with it the run.
/// Member 0 keeps the protocol's rules: it signs only what leaves everybody solvent in every state that could still be enforced, nothing
/// while a dispute is visible, and answers once in each challenge period.
contract Handler is Base {
    /// @dev States are kept encoded: version v of a lane is entry v - 1.
    struct Book {
        bytes ledger;
        /// @dev All its members cheat: they sign anything.
        bool rogue;
        bytes[][2] lanes;
        /// @dev How many versions of lane 0 member 0 holds with everybody's signatures.
        uint256 acked;
        uint256 reserved;
        bytes[] ended;
    }

    /// @dev What is still reserved of an ended generation.
    struct Ended {
        uint256 generation;
        bytes reserves;
        List[] lists;
    }

    /// @dev What has been seen of an asset: what must be there, and what nobody accounts for.
    address[] public assets;
    mapping(address asset => uint256) public stray;
    address[] public owners;
    Book[] internal books;
    /// @dev Calls that have paid, and the ledger of each.
    bytes[] internal done;
    uint256[] internal doneIn;
    mapping(string action => uint256) public count;

    MoodyToken private token = new MoodyToken();
    Payee private payee = new Payee();
    Reentrant private reentrant = new Reentrant();

    constructor() {
        setUp();
        assets = [COIN, address(token)];
        owners = [address(payee), address(reentrant)];
        open(2, COIN, 0);
        open(2, address(token), 1);
        open(3, COIN, 2);
        open(5, address(token), 3);
        open(2, COIN, 4);
        books[4].rogue = true;
    }

    /// @dev Member 1 is paid into a hostile contract, and a third one into one that calls back.
    function open(uint256 members, address asset, uint256 seed) private {
        Party[] memory list = parties(members, seed);
        list[1].owner = address(payee);
        if (members > 2) list[2].owner = address(reentrant);
        for (uint256 i; i < members; ++i) {
            if (i == 0 || i > 2) owners.push(list[i].owner);
        }
        books.push().ledger = abi.encode(ledgerOf(list, asset, seed));
    }

    /// @notice What the fuzzer may call; an action that stands here twice is taken twice as often.
    function actions() external pure returns (bytes4[] memory list) {
        list = new bytes4[](22);
        list[0] = list[1] = list[2] = list[3] = this.pay.selector;
        list[4] = list[5] = this.deposit.selector;
        list[6] = list[7] = this.pass.selector;
        list[8] = list[9] = this.cheat.selector;
        list[10] = list[11] = this.settle.selector;
        list[12] = this.redeem.selector;
        list[13] = this.withdraw.selector;
        list[14] = this.close.selector;
        list[15] = this.acknowledge.selector;
        list[16] = this.reveal.selector;
        list[17] = this.change.selector;
        list[18] = this.replay.selector;
        list[19] = this.claim.selector;
        list[20] = this.force.selector;
        list[21] = this.prepare.selector;
    }

    // ---------------------------------------------------------------- what is known

    function adjudicator_() external view returns (IAdjudicator) {
        return adjudicator;
    }

    function ledgers() external view returns (uint256) {
        return books.length;
    }

    function ledgerAt(uint256 index) public view returns (Ledger memory) {
        return abi.decode(books[index].ledger, (Ledger));
    }

    function reservedOf(uint256 index) external view returns (uint256) {
        return books[index].reserved;
    }

    /// @notice Everybody's balance in a ledger, also while its first word is a commitment.
    function balances(Ledger memory l) public view returns (int256[] memory list) {
        list = new int256[](l.party.length);
        for (uint256 i; i < list.length; ++i) {
            uint256 at_ = i < 2 && disputed(l) ? l.base[0] : adjudicator.wordOf(l.id, l.asset, i / 2);
            list[i] = int112(uint112(at_ >> (112 * (i % 2))));
        }
    }

    function heldIn(Ledger memory l) public view returns (uint256 sum) {
        int256[] memory list = balances(l);
        int256 total;
        for (uint256 i; i < list.length; ++i) {
            total += list[i];
        }
        vm.assertTrue(total >= 0, "a ledger never holds less than nothing");
        return uint256(total);
    }

    /// @notice What the adjudicator has of an asset beyond what waits to be claimed.
    function unclaimed(address asset) public view returns (uint256 left) {
        left = held(asset, address(adjudicator));
        for (uint256 i; i < owners.length; ++i) {
            left -= adjudicator.claimable(asset, owners[i]);
        }
    }

    function newest(Book storage book, uint256 lane) private view returns (uint256) {
        return book.lanes[lane].length;
    }

    function stateAt(Book storage book, uint256 lane, uint256 version) private view returns (State memory) {
        return abi.decode(book.lanes[lane][version - 1], (State));
    }

    /// @dev The least that `member` can be made to have, counting every state that somebody could still enforce.
    function least(Book storage book, Ledger memory l, uint256 member) private view returns (int256 entitlement) {
        entitlement = balances(l)[member];
        if (newest(book, 1) > 0) entitlement += stateAt(book, 1, newest(book, 1)).credits[member];
        int256 lowest = book.acked == 0 ? int256(0) : type(int256).max;
        for (uint256 v = book.acked == 0 ? 1 : book.acked; v <= newest(book, 0); ++v) {
            int256 credit = stateAt(book, 0, v).credits[member];
            if (credit < lowest) lowest = credit;
        }
        entitlement += lowest;
    }

    function solvent(Book storage book, Ledger memory l) private view returns (bool) {
        for (uint256 i; i < l.party.length; ++i) {
            if (least(book, l, i) < 0) return false;
        }
        return true;
    }

    function pick(uint256 seed) private view returns (Book storage book, Ledger memory l) {
        book = books[seed % books.length];
        l = abi.decode(book.ledger, (Ledger));
    }

    /// @dev A call that may be refused; what it took out of the ledgers, and what it left as reserved, is returned.
    function tries(Book storage book, Ledger memory l, bytes memory call) private returns (bool ok, uint256 paid) {
        uint256 before = unclaimed(l.asset);
        vm.recordLogs();
        (ok, ) = address(adjudicator).call(call);
        paid = before - unclaimed(l.asset);
        if (ok && paid != 0) {
            done.push(call);
            doneIn.push(indexOf(l));
        }
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == IAdjudicator.Reserved.selector) keepRecord(book, logs[i].data);
        }
    }

    function indexOf(Ledger memory l) private view returns (uint256 index) {
        while (ledgerAt(index).id != l.id) ++index;
    }

    function keepRecord(Book storage book, bytes memory data) private {
        (, uint256 generation_, bytes memory reserves) = abi.decode(data, (address, uint256, bytes));
        for (uint256 i; i < uint8(reserves[0]); ++i) {
            uint256 amount;
            uint256 offset = 0x20 + 1 + 61 * i + 15;
            assembly {
                amount := shr(144, mload(add(reserves, offset)))
            }
            book.reserved += amount;
        }
        book.ended.push(abi.encode(generation_, reserves));
    }

    // ---------------------------------------------------------------- off chain

    /// @notice A member pays another in a state that everybody signs; maybe under a hash lock, maybe with earlier locks resolved.
    function pay(uint256 seed, uint256 from, uint256 to, uint256 amount, bool locks) external {
        (Book storage book, Ledger memory l) = pick(seed);
        if (disputed(l)) return;
        uint256 members = l.party.length;
        (from, to) = (from % members, to % members);
        uint256 lane = members == 2 ? from : 0;
        State memory s = newest(book, lane) == 0 ? stateOf(l, lane, 0, 0) : stateAt(book, lane, newest(book, lane));
        ++s.version;
        if (locks && s.transfers.length < 4) {
            uint256 deadline = now_() + (amount % (3 * PERIOD));
            append(s, from, hashLock(amount % 500, deadline, from, to, bytes32(amount % 16)));
        } else {
            resolve(s);
            s.credits[from] -= int256(amount % 500);
            s.credits[to] += int256(amount % 500);
        }
        if (book.rogue && s.locked > 3) promiseTooMuch(s, from);
        book.lanes[lane].push(abi.encode(s));
        if (members > 2) ++book.acked;
        else if (newest(book, 0) > book.acked + 4) book.acked = newest(book, 0) - 2;
        if (book.rogue || solvent(book, l)) {
            ++count["pay"];
            return;
        }
        book.lanes[lane].pop();
        if (members > 2) --book.acked;
    }

    function append(State memory s, uint256 payer, Transfer memory one) private pure {
        Transfer[] memory more = new Transfer[](s.transfers.length + 1);
        for (uint256 i; i < s.transfers.length; ++i) {
            more[i] = s.transfers[i];
        }
        more[s.transfers.length] = one;
        s.locked += one.amount;
        s.credits[payer] -= int256(one.amount);
        s.transfers = more;
    }

    /// @dev The list names more than is locked.
    function promiseTooMuch(State memory s, uint256 payer) private pure {
        s.credits[payer] += 3;
        s.locked -= 3;
    }

    /// @dev As the chain would: paid if the secret is known in time, else back.
    function resolve(State memory s) private view {
        int256 left = int256(s.locked);
        for (uint256 i; i < s.transfers.length; ++i) {
            Transfer memory t = s.transfers[i];
            uint256 to = knownInTime(t) ? t.legs[0].to : t.refundTo;
            int256 part = int256(t.amount) < left ? int256(t.amount) : left;
            s.credits[to] += part;
            left -= part;
        }
        (s.locked, s.transfers) = (0, new Transfer[](0));
    }

    function knownInTime(Transfer memory t) private view returns (bool) {
        (, uint256 recordedAt) = registry.outcome(t.legs[0].key);
        return recordedAt != 0 && recordedAt <= t.deadline;
    }

    /// @notice The reader of lane 0 hands back its signatures.
    function acknowledge(uint256 seed) external {
        (Book storage book, ) = pick(seed);
        book.acked = newest(book, 0);
    }

    // ---------------------------------------------------------------- on chain

    function deposit(uint256 seed, uint256 member, uint256 amount) external {
        (, Ledger memory l) = pick(seed);
        if (disputed(l)) return;
        uint256 before = heldIn(l);
        token.setMood(MoodyToken.Mood.Good);
        fund(l, member % l.party.length, amount % 1000);
        vm.assertEq(heldIn(l), before + (amount % 1000), "credited");
        ++count["deposit"];
    }

    /// @notice Members agree to pay one of them part of its money, out or into another ledger, ending a dispute if there is one.
    function withdraw(uint256 seed, uint256 member, uint256 amount, uint256 target) external {
        (Book storage book, Ledger memory l) = pick(seed);
        member %= l.party.length;
        int256 most = least(book, l, member);
        if (most <= 0 || !solvent(book, l)) return;
        Withdrawal memory w = withdrawal(l, member, 1 + (amount % uint256(most)));
        if (disputed(l)) w.dispute = expiry(l);
        Ledger memory other = ledgerAt(target % books.length);
        bool inside = target % 3 == 0 && other.asset == l.asset;
        if (inside) (w.parts[0].toChannel, w.parts[0].toMember) = (other.id, 0);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        if (inside) sigs[member] = byOwner(l, member, w);
        if (inside && l.party[member].owner.code.length != 0) return;
        uint256 before = heldIn(l);
        bool same = inside && other.id == l.id;
        (bool ok, uint256 paid) = tries(
            book,
            l,
            abi.encodeCall(adjudicator.withdraw, (l.channel, l.asset, Wire.withdrawal(w, l.base, sigs)))
        );
        vm.assertTrue(ok, "a withdrawal that everybody signed");
        vm.assertEq(heldIn(l), before - (same ? 0 : w.parts[0].amount), "debited");
        if (!inside) vm.assertEq(paid, w.parts[0].amount, "paid");
        ++count["withdraw"];
    }

    /// @notice Members agree to end the generation.
    function close(uint256 seed) external {
        (Book storage book, Ledger memory l) = pick(seed);
        int256[] memory due = balances(l);
        for (uint256 lane; lane < 2; ++lane) {
            if (newest(book, lane) == 0) continue;
            State memory s = stateAt(book, lane, newest(book, lane));
            if (s.locked != 0) return;
            for (uint256 i; i < due.length; ++i) {
                due[i] += s.credits[i];
            }
        }
        Withdrawal memory w = withdrawal(l, 0, 0);
        if (disputed(l)) w.dispute = expiry(l);
        w.closing = true;
        w.parts = new Part[](due.length);
        for (uint256 i; i < due.length; ++i) {
            if (due[i] < 0) return;
            (w.parts[i].member, w.parts[i].amount) = (i, uint256(due[i]));
        }
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        uint256 all = heldIn(l);
        (bool ok, uint256 paid) = tries(
            book,
            l,
            abi.encodeCall(adjudicator.withdraw, (l.channel, l.asset, Wire.withdrawal(w, l.base, sigs)))
        );
        vm.assertTrue(ok && paid == all, "everything is paid");
        nextGeneration(book, l);
        ++count["close"];
    }

    function nextGeneration(Book storage book, Ledger memory l) private {
        vm.assertEq(generation(l), l.generation + 1, "one generation on");
        ++l.generation;
        vm.assertEq(heldIn(l), 0, "from zero");
        l.base = new uint256[](0);
        book.ledger = abi.encode(l);
        delete book.lanes[0];
        delete book.lanes[1];
        book.acked = 0;
    }

    /// @notice Somebody challenges or answers, or records, with any states that were ever signed, new or old.
    function cheat(uint256 seed, uint256 first, uint256 second, bool record) external {
        (Book storage book, Ledger memory l) = pick(seed);
        Signed[] memory states = shown(book, l, first, second);
        if (disputed(l) || record) {
            tries(
                book,
                l,
                disputed(l)
                    ? abi.encodeCall(adjudicator.submit, (l.channel, l.asset, Wire.states(states)))
                    : abi.encodeCall(adjudicator.checkpoint, (l.channel, l.asset, Wire.states(states)))
            );
            return;
        }
        challenge(l, states);
        book.ledger = abi.encode(l);
        ++count["challenge"];
    }

    function shown(
        Book storage book,
        Ledger memory l,
        uint256 first,
        uint256 second
    ) private view returns (Signed[] memory states) {
        uint256[2] memory versions = [first % (newest(book, 0) + 1), second % (newest(book, 1) + 1)];
        uint256 n = (versions[0] > 0 ? 1 : 0) + (versions[1] > 0 ? 1 : 0);
        states = new Signed[](n);
        if (versions[1] > 0) states[n - 1] = signed(l, stateAt(book, 1, versions[1]));
        if (versions[0] > 0) states[0] = signed(l, stateAt(book, 0, versions[0]));
    }

    /// @notice Time passes. Whoever is honest looks at the chain once in each challenge period.
    function pass(uint256 time) external {
        time %= 2 * PERIOD;
        for (uint256 i; i < books.length; ++i) {
            (Book storage book, Ledger memory l) = pick(i);
            if (disputed(l) && now_() < expiry(l) && expiry(l) <= now_() + time) answer(book, l);
        }
        vm.warp(now_() + time);
    }

    function answer(Book storage book, Ledger memory l) private {
        Signed[] memory states = shown(book, l, book.acked, newest(book, 1));
        if (states.length == 0) return;
        bytes memory call = abi.encodeCall(adjudicator.submit, (l.channel, l.asset, Wire.states(states)));
        (bool ok, bytes memory reason) = address(adjudicator).call(call);
        vm.assertTrue(ok || bytes4(reason) == IAdjudicator.NothingRose.selector, "nobody can stop an answer");
        ++count["answer"];
    }

    /// @notice Anybody settles, showing any of the transfers.
    function settle(uint256 seed, uint256 mask) external {
        (Book storage book, Ledger memory l) = pick(seed);
        if (!disputed(l) || now_() < expiry(l)) return;
        int256 floor = least(book, l, 0);
        uint256 before = owned(l);
        uint256 all = heldIn(l) + book.reserved;
        (State[] memory states, List[] memory lists) = proofOf(book, l, mask);
        bytes memory call = abi.encodeCall(adjudicator.settle, (l.channel, l.asset, Wire.proof(l.base, states, lists)));
        uint256 records = book.ended.length;
        (bool ok, uint256 paid) = tries(book, l, call);
        vm.assertTrue(ok, "nobody can stop a settlement");
        vm.assertEq(paid + book.reserved, all, "paid or reserved");
        if (!book.rogue) vm.assertGe(owned(l) - before, uint256(floor), "an honest member's floor");
        if (book.ended.length > records) amend(book, lists);
        nextGeneration(book, l);
        ++count["settle"];
    }

    /// @dev What the honest member has been paid, or can claim.
    function owned(Ledger memory l) private view returns (uint256) {
        address owner = l.party[0].owner;
        return held(l.asset, owner) + adjudicator.claimable(l.asset, owner);
    }

    /// @dev The newest states that the chain knows, and their transfers.
    function proofOf(
        Book storage book,
        Ledger memory l,
        uint256 mask
    ) private view returns (State[] memory states, List[] memory lists) {
        (State[] memory found, uint256 n, uint256 m) = (new State[](2), 0, 0);
        for (uint256 lane; lane + 1 < l.base.length; ++lane) {
            uint256 version = l.base[lane + 1] >> 192;
            if (recordedLane(l, lane) >> 192 > version) version = recordedLane(l, lane) >> 192;
            if (version == 0) continue;
            found[n] = stateAt(book, lane, version);
            if (found[n++].locked > 0) ++m;
        }
        states = new State[](n);
        lists = new List[](m);
        for (; n > 0; --n) {
            states[n - 1] = found[n - 1];
            if (states[n - 1].locked > 0) lists[--m] = masked(states[n - 1], mask);
        }
    }

    function masked(State memory s, uint256 mask) private pure returns (List memory list) {
        list = listOf(s, false);
        for (uint256 i; i < s.transfers.length; ++i) {
            list.shown[i] = (mask >> i) & 1 == 1;
        }
    }

    /// @dev Adds to the newest record the lists without what has just been divided.
    function amend(Book storage book, List[] memory lists) private {
        for (uint256 i; i < lists.length; ++i) {
            for (uint256 j; j < lists[i].transfers.length; ++j) {
                Transfer memory t = lists[i].transfers[j];
                bool decided = knownInTime(t) || now_() > t.deadline;
                lists[i].gone[j] = lists[i].shown[j] && decided;
            }
        }
        uint256 last = book.ended.length - 1;
        (uint256 generation_, bytes memory reserves) = abi.decode(book.ended[last], (uint256, bytes));
        book.ended[last] = abi.encode(Ended(generation_, reserves, lists));
    }

    /// @notice Anybody redeems any reserved transfers, decided or not, paid already or not.
    function redeem(uint256 seed, uint256 which, uint256 mask) external {
        (Book storage book, Ledger memory l) = pick(seed);
        if (book.ended.length == 0) return;
        Ended memory e = abi.decode(book.ended[which % book.ended.length], (Ended));
        bytes memory lists = abi.encodePacked(uint8(0));
        for (uint256 i; i < e.lists.length; ++i) {
            List memory list = e.lists[i];
            if (!hasLane(e.reserves, list.lane)) continue;
            for (uint256 j; j < list.transfers.length; ++j) {
                list.shown[j] = !list.gone[j] && (mask >> j) & 1 == 1;
            }
            lists = bytes.concat(lists, Wire.transferList(list));
            lists[0] = bytes1(uint8(lists[0]) + 1);
        }
        bytes memory redemption = bytes.concat(e.reserves, lists);
        (bool ok, uint256 paid) = tries(
            book,
            l,
            abi.encodeCall(adjudicator.redeem, (l.channel, l.asset, e.generation, redemption))
        );
        vm.assertTrue(ok, "a redemption never fails");
        vm.assertLe(paid, book.reserved, "no more than is reserved");
        book.reserved -= paid;
        ++count["redeem"];
    }

    function hasLane(bytes memory reserves, uint256 lane) private pure returns (bool) {
        for (uint256 i; i < uint8(reserves[0]); ++i) {
            if (uint8(reserves[1 + 61 * i]) == lane) return true;
        }
        return false;
    }

    function reveal(uint256 secret) external {
        registry.reveal(bytes32(secret % 16));
    }

    // ---------------------------------------------------------------- mischief

    /// @notice Tokens and payees change their mind.
    function change(uint8 tokenMood, uint8 payeeMood) external {
        token.setMood(MoodyToken.Mood(tokenMood % 8));
        payee.setMood(Payee.Mood(payeeMood % 5));
    }

    /// @notice The next payout calls back with something that has paid before.
    function prepare(uint256 which) external {
        if (done.length == 0) return;
        reentrant.prepare(address(adjudicator), done[which % done.length], 0);
    }

    /// @notice Whatever has once paid is sent again, in any later state of the world: it pays nothing, unless it redeems what was
    /// decided since; and that once.
    function replay(uint256 which) external {
        if (done.length == 0) return;
        which %= done.length;
        bytes memory call = done[which];
        Book storage book = books[doneIn[which]];
        Ledger memory l = abi.decode(book.ledger, (Ledger));
        if (bytes4(call) == IAdjudicator.redeem.selector) {
            uint256 paid = again(call, l.asset);
            vm.assertLe(paid, book.reserved, "no more than is reserved");
            book.reserved -= paid;
        }
        vm.assertEq(again(call, l.asset), 0, "not twice");
        ++count["replay"];
    }

    /// @dev What a call pays of an asset; of the other one it pays nothing.
    function again(bytes memory call, address asset) private returns (uint256 paid) {
        address other = assets[0] == asset ? assets[1] : assets[0];
        (uint256 before, uint256 others) = (unclaimed(asset), unclaimed(other));
        (bool ok, bytes memory reason) = address(adjudicator).call(call);
        vm.assertTrue(ok || reason.length >= 4, "refused for a reason");
        vm.assertEq(unclaimed(other), others, "nothing of the other asset");
        return before - unclaimed(asset);
    }

    /// @notice Owners claim; what they get is what was noted for them.
    function claim(uint256 who, uint256 what) external {
        (address owner, address asset) = (owners[who % owners.length], assets[what % assets.length]);
        uint256 before = unclaimed(asset);
        uint256 due = adjudicator.claimable(asset, owner);
        address to = address(uint160(0xC1A1));
        uint256 had = held(asset, to);
        vm.prank(owner);
        try adjudicator.claim{gas: 500_000}(asset, to) {
            vm.assertEq(held(asset, to) - had, due, "all of it");
        } catch {}
        vm.assertEq(unclaimed(asset), before, "and nobody else's");
    }

    /// @notice Money arrives that nobody accounts for.
    function force(uint256 what, uint64 amount) external {
        address asset = assets[what % 2];
        if (asset == COIN) vm.deal(address(adjudicator), address(adjudicator).balance + amount);
        else token.mint(address(adjudicator), amount);
        stray[asset] += amount;
    }
}
