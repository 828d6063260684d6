// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {IOutcomeRegistry} from "../../contracts/interfaces/IOutcomeRegistry.sol";
import {Hash, Ledger, Leg, List, Part, Party, Reserve, Signed, State, Transfer, Wire, Withdrawal} from "./Model.sol";
import {Token} from "./mocks/Tokens.sol";
import {Vm} from "./Vm.sol";

/// @title What every test of the contracts stands on: actors, ledgers, signed messages and the calls
/// @dev Helpers that call the contract make exactly one call, so that `expectRevert` and `prank` in front of them mean that call.
abstract contract Base {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    address internal constant COIN = address(0);
    uint256 internal constant PERIOD = 1 days;
    uint8 internal constant ALICE = 0;
    uint8 internal constant BOB = 1;
    /// @dev What `pair` puts into a ledger for alice and for bob.
    uint256 internal constant A = 1000;
    uint256 internal constant B = 500;

    IAdjudicator internal adjudicator;
    IOutcomeRegistry internal registry;
    /// @dev Neither a member nor an owner of any channel.
    address internal stranger = address(0x57A46E4);

    function setUp() public virtual {
        registry = IOutcomeRegistry(deploy("OutcomeRegistry", ""));
        adjudicator = IAdjudicator(deploy("Adjudicator", abi.encode(registry)));
        vm.warp(1_000_000);
        vm.deal(address(this), 1 ether);
    }

    /// @dev The very code that users deploy. With `new`, every test contract would carry it and compile it again.
    function deploy(string memory name, bytes memory arguments) internal returns (address deployed) {
        bytes memory code = bytes.concat(vm.getCode(name), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        require(deployed != address(0), "not deployed");
    }

    // ---------------------------------------------------------------- channels

    /// @notice `count` parties in signer order; other seeds give other keys.
    function parties(uint256 count, uint256 seed) internal pure returns (Party[] memory list) {
        list = new Party[](count);
        for (uint256 i; i < count; ++i) {
            uint256 key = uint256(keccak256(abi.encode("signer", seed, i))) >> 8;
            uint256 ownerKey = uint256(keccak256(abi.encode("owner", seed, i))) >> 8;
            insert(list, i, Party(key, vm.addr(key), ownerKey, vm.addr(ownerKey)));
        }
    }

    function insert(Party[] memory list, uint256 count, Party memory one) internal pure {
        for (; count > 0 && list[count - 1].signer > one.signer; --count) {
            list[count] = list[count - 1];
        }
        list[count] = one;
    }

    function pack(uint256 period, uint256 nonce, Party[] memory list) internal pure returns (bytes memory channel) {
        channel = abi.encodePacked(uint32(period), uint128(nonce));
        for (uint256 i; i < list.length; ++i) {
            channel = abi.encodePacked(channel, list[i].signer, list[i].owner);
        }
    }

    function ledgerOf(Party[] memory list, address asset, uint256 nonce) internal view returns (Ledger memory l) {
        l.party = list;
        l.channel = pack(PERIOD, nonce, list);
        l.id = Hash.channelId(l.channel, block.chainid, address(adjudicator));
        l.asset = asset;
    }

    /// @notice An empty ledger of `count` members.
    function empty(uint256 count, address asset) internal view returns (Ledger memory) {
        return ledgerOf(parties(count, 0), asset, 1);
    }

    /// @notice Alice and bob, with 1000 and 500 of `asset`.
    function pair(address asset) internal returns (Ledger memory l) {
        l = empty(2, asset);
        fund(l, ALICE, A);
        fund(l, BOB, B);
    }

    /// @notice Alice and bob, with 1000 and 500 wei.
    function pair() internal returns (Ledger memory) {
        return pair(COIN);
    }

    /// @notice `count` members with 100 wei each.
    function group(uint256 count) internal returns (Ledger memory l) {
        l = empty(count, COIN);
        for (uint256 i; i < count; ++i) {
            fund(l, i, 100);
        }
    }

    // ---------------------------------------------------------------- states

    function credits(int256 alice, int256 bob) internal pure returns (int256[] memory list) {
        list = new int256[](2);
        (list[0], list[1]) = (alice, bob);
    }

    /// @notice A state that has moved `amount` from member 0 to the last one (or back, if negative).
    function stateOf(
        Ledger memory l,
        uint256 lane,
        uint256 version,
        int256 amount
    ) internal pure returns (State memory s) {
        s.lane = lane;
        s.version = version;
        s.credits = new int256[](l.party.length);
        s.credits[0] = -amount;
        s.credits[l.party.length - 1] = amount;
    }

    function leg(uint256 to, bytes32 key) internal pure returns (Leg[] memory legs) {
        legs = new Leg[](1);
        legs[0] = Leg(to, key);
    }

    /// @notice Pays `amount` to `to` for the secret, else back to `refundTo`.
    function hashLock(
        uint256 amount,
        uint256 deadline,
        uint256 refundTo,
        uint256 to,
        bytes32 secret
    ) internal view returns (Transfer memory) {
        return Transfer(amount, deadline, refundTo, leg(to, keyOf(secret)));
    }

    /// @notice The outcome key of a plain secret.
    function keyOf(bytes32 secret) internal view returns (bytes32) {
        return keyOf(address(registry), abi.encode(secret));
    }

    function keyOf(address condition, bytes memory data) internal view returns (bytes32) {
        return keccak256(abi.encode(keccak256("Tallystick outcome"), block.chainid, condition, keccak256(data)));
    }

    /// @notice Locks transfers in `s`, all paid for by `payer`.
    function lock(State memory s, uint256 payer, Transfer[] memory transfers) internal pure returns (State memory) {
        for (uint256 i; i < transfers.length; ++i) {
            s.locked += transfers[i].amount;
            s.credits[payer] -= int256(transfers[i].amount);
        }
        s.transfers = transfers;
        return s;
    }

    function lock(State memory s, uint256 payer, Transfer memory one) internal pure returns (State memory) {
        return lock(s, payer, only(one));
    }

    /// @notice All transfers of `s` shown, or none.
    function listOf(State memory s, bool shown) internal pure returns (List memory l) {
        uint256 n = s.transfers.length;
        l = List(s.lane, s.transfers, new bool[](n), new bool[](n));
        for (uint256 i; i < n; ++i) {
            l.shown[i] = shown;
        }
    }

    function only(Transfer memory one) internal pure returns (Transfer[] memory list) {
        list = new Transfer[](1);
        list[0] = one;
    }

    function only(State memory one) internal pure returns (State[] memory list) {
        list = new State[](1);
        list[0] = one;
    }

    function only(Signed memory one) internal pure returns (Signed[] memory list) {
        list = new Signed[](1);
        list[0] = one;
    }

    function only(List memory one) internal pure returns (List[] memory list) {
        list = new List[](1);
        list[0] = one;
    }

    /// @notice Settlement of a dispute in which no state was shown.
    function none() internal pure returns (State[] memory) {
        return new State[](0);
    }

    function noLists() internal pure returns (List[] memory) {
        return new List[](0);
    }

    function both(State memory first, State memory second) internal pure returns (State[] memory list) {
        list = new State[](2);
        (list[0], list[1]) = (first, second);
    }

    function both(Signed memory first, Signed memory second) internal pure returns (Signed[] memory list) {
        list = new Signed[](2);
        (list[0], list[1]) = (first, second);
    }

    // ---------------------------------------------------------------- signatures

    function domain() internal view returns (bytes32) {
        return Hash.domain(block.chainid, address(adjudicator));
    }

    /// @notice A direct envelope of 64 bytes.
    function direct(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        (bytes32 r, bytes32 vs) = compact(key, Hash.digest(domain(), structHash));
        return abi.encodePacked(uint8(0), r, vs);
    }

    function compact(uint256 key, bytes32 digest) internal pure returns (bytes32, bytes32) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return (r, bytes32((uint256(v - 27) << 255) | uint256(s)));
    }

    function long(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @notice Signed by every member's signer.
    function signed(Ledger memory l, State memory s) internal view returns (Signed memory) {
        return Signed(s, signatures(l, Hash.state(l, s)));
    }

    /// @notice Signed by everybody but `sender`, who has to send it.
    function signedFor(Ledger memory l, State memory s, uint256 sender) internal view returns (Signed memory one) {
        one = signed(l, s);
        one.sigs[sender] = "";
    }

    function signatures(Ledger memory l, bytes32 structHash) internal view returns (bytes[] memory sigs) {
        sigs = new bytes[](l.party.length);
        for (uint256 i; i < sigs.length; ++i) {
            sigs[i] = direct(l.party[i].key, structHash);
        }
    }

    /// @notice An owner's envelope over a withdrawal.
    function byOwner(Ledger memory l, uint256 member, Withdrawal memory w) internal view returns (bytes memory) {
        bytes32 digest = Hash.digest(domain(), Hash.withdrawal(l, w));
        return bytes.concat(hex"02", long(l.party[member].ownerKey, digest));
    }

    // ---------------------------------------------------------------- calls

    /// @notice Deposits as this test contract, which makes the money.
    function fund(Ledger memory l, uint256 member, uint256 amount) internal {
        if (l.asset == COIN) {
            vm.deal(address(this), address(this).balance + amount);
            adjudicator.depositCoin{value: amount}(l.id, uint8(member));
        } else {
            Token(l.asset).mint(address(this), amount);
            Token(l.asset).approve(address(adjudicator), amount);
            adjudicator.deposit(l.id, uint8(member), l.asset, amount);
        }
    }

    function submit(Ledger memory l, Signed[] memory states) internal {
        adjudicator.submit(l.channel, l.asset, Wire.states(states));
    }

    function checkpoint(Ledger memory l, Signed[] memory states) internal {
        adjudicator.checkpoint(l.channel, l.asset, Wire.states(states));
    }

    function settle(Ledger memory l, State[] memory newest, List[] memory shown) internal {
        adjudicator.settle(l.channel, l.asset, Wire.proof(l.base, newest, shown));
    }

    function settle(Ledger memory l, State[] memory newest) internal {
        settle(l, newest, noLists());
    }

    function redeem(Ledger memory l, Reserve[] memory reserves, List[] memory shown) internal {
        bytes memory redemption = bytes.concat(Wire.reserves(reserves), Wire.lists(shown));
        adjudicator.redeem(l.channel, l.asset, l.generation, redemption);
    }

    function withdraw(Ledger memory l, Withdrawal memory w, bytes[] memory sigs) internal {
        adjudicator.withdraw(l.channel, l.asset, Wire.withdrawal(w, l.base, sigs));
    }

    /// @notice Withdraws with every signer's consent.
    function withdraw(Ledger memory l, Withdrawal memory w) internal {
        withdraw(l, w, signatures(l, Hash.withdrawal(l, w)));
    }

    // ---------------------------------------------------------------- disputes, several calls each

    /// @notice Starts a dispute with these states, everybody having signed; remembers the base.
    function challenge(Ledger memory l, Signed[] memory states) internal {
        l.base = new uint256[](l.party.length == 2 ? 3 : 2);
        l.base[0] = word(l);
        for (uint256 i; i < states.length; ++i) {
            l.base[1 + states[i].state.lane] = Hash.laneWord(l, states[i].state);
        }
        if (states.length == 0) vm.prank(l.party[0].signer);
        submit(l, states);
    }

    function challenge(Ledger memory l, State memory s) internal {
        challenge(l, only(signed(l, s)));
    }

    function challenge(Ledger memory l) internal {
        challenge(l, new Signed[](0));
    }

    function expire(Ledger memory l) internal {
        vm.warp(expiry(l));
    }

    /// @notice Settles the running dispute at its expiry and goes on to the next generation.
    function finish(Ledger memory l, State[] memory newest, List[] memory shown) internal {
        expire(l);
        settle(l, newest, shown);
        ++l.generation;
    }

    function finish(Ledger memory l, State[] memory newest) internal {
        finish(l, newest, noLists());
    }

    /// @notice Puts an empty ledger at the beginning of a late generation.
    function toGeneration(Ledger memory l, uint256 generation_) internal {
        l.generation = generation_;
        vm.store(address(adjudicator), keccak256(abi.encodePacked(l.id, l.asset)), bytes32(generation_ << 239));
    }

    // ---------------------------------------------------------------- withdrawals

    /// @notice A withdrawal of `amount` by `member` to its owner, valid for an hour.
    function withdrawal(Ledger memory l, uint256 member, uint256 amount) internal view returns (Withdrawal memory w) {
        w.seq = seq(l);
        w.validUntil = now_() + 1 hours;
        w.parts = new Part[](1);
        w.parts[0].member = member;
        w.parts[0].amount = amount;
    }

    /// @notice Pays two members of `l` all there is.
    function closing(Ledger memory l, uint256 alice, uint256 bob) internal view returns (Withdrawal memory w) {
        w = withdrawal(l, ALICE, alice);
        Part memory first = w.parts[0];
        w.parts = new Part[](2);
        w.parts[0] = first;
        w.parts[1].member = BOB;
        w.parts[1].amount = bob;
        w.closing = true;
    }

    // ---------------------------------------------------------------- views

    /// @dev The optimiser takes `block.timestamp` for constant, which `warp` would break.
    function now_() internal view returns (uint256) {
        return vm.getBlockTimestamp();
    }

    function word(Ledger memory l) internal view returns (uint256) {
        return adjudicator.wordOf(l.id, l.asset, 0);
    }

    function disputed(Ledger memory l) internal view returns (bool) {
        return word(l) >> 255 == 1;
    }

    function generation(Ledger memory l) internal view returns (uint256) {
        return (word(l) >> 239) & 0x7fff;
    }

    function seq(Ledger memory l) internal view returns (uint256) {
        return disputed(l) ? (l.base[0] >> 224) & 0x7fff : (word(l) >> 224) & 0x7fff;
    }

    function expiry(Ledger memory l) internal view returns (uint256) {
        return (word(l) >> 199) & type(uint40).max;
    }

    function balance(Ledger memory l, uint256 member) internal view returns (int256) {
        return int112(uint112(adjudicator.wordOf(l.id, l.asset, member / 2) >> (112 * (member % 2))));
    }

    function recordedLane(Ledger memory l, uint256 index) internal view returns (uint256) {
        return adjudicator.laneOf(l.id, l.asset, l.generation, index);
    }

    /// @notice What has arrived at `account`.
    function held(address asset, address account) internal view returns (uint256) {
        return asset == COIN ? account.balance : Token(asset).balanceOf(account);
    }

    // ---------------------------------------------------------------- assertions

    function assertPaid(Ledger memory l, uint256 member, uint256 amount) internal view {
        vm.assertEq(held(l.asset, l.party[member].owner), amount, "paid to the owner");
    }

    function assertPaidOut(Ledger memory l, uint256 alice, uint256 bob) internal view {
        assertPaid(l, ALICE, alice);
        assertPaid(l, BOB, bob);
    }

    function assertKept(address asset, address owner, uint256 amount) internal view {
        vm.assertEq(adjudicator.claimable(asset, owner), amount, "claimable");
    }

    /// @notice An error of one or two numbers.
    function err(bytes4 selector, uint256 given, uint256 needed) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, given, needed);
    }
}
