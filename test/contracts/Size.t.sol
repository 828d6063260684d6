// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICondition} from "../../contracts/interfaces/ICondition.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, State, Wire} from "./Model.sol";
import {MoodyToken} from "./mocks/Tokens.sol";

/// @title C42, C43, C49, C52: what fits into one transaction and into one contract
contract SizeTest is Base {
    /// @dev EIP-7825.
    uint256 private constant TRANSACTION_LIMIT = 1 << 24;
    /// @dev The most that a lane holds, three legs each.
    uint256 private constant TRANSFERS = 512;
    uint256 private constant LEGS = 3;
    uint256 private constant ENTRY = 26 + 33 * LEGS;

    /// @dev Its `transfer` burns all the gas it gets.
    MoodyToken private token = new MoodyToken();
    ICondition private logic;

    /// @dev Every outcome is known, and cold when it is asked for: a set-up is a transaction of its own.
    function setUp() public override {
        super.setUp();
        logic = ICondition(deploy("LogicCondition", abi.encode(registry)));
        for (uint256 i; i < 2 * TRANSFERS * LEGS; ++i) {
            registry.reveal(secretOf(i));
        }
        Ledger memory l = full(2);
        submit(l, both(signed(l, fullState(l, 0)), signed(l, fullState(l, 1))));
        l = full(32);
        submit(l, only(signed(l, fullState(l, 0))));
        vm.warp(now_() + PERIOD);
        token.setMood(MoodyToken.Mood.BurnsGas);
    }

    function full(uint256 members) private returns (Ledger memory l) {
        l = empty(members, address(token));
        for (uint256 i; i < members; ++i) {
            fund(l, i, 1e9);
        }
    }

    function secretOf(uint256 i) private pure returns (bytes32) {
        return keccak256(abi.encode("secret", i));
    }

    /// @dev Lists are written into one buffer: concatenating them would cost more memory than a test has.
    function write(bytes memory buffer, uint256 offset, uint256 value, uint256 size) private pure returns (uint256) {
        assembly {
            mstore(add(add(buffer, 0x20), offset), shl(sub(256, mul(8, size)), value))
        }
        return offset + size;
    }

    function entry(uint256 lane, uint256 position) private view returns (bytes memory packed) {
        packed = abi.encodePacked(uint8(LEGS), uint128(1e5), type(uint64).max, uint8(lane));
        for (uint256 i; i < LEGS; ++i) {
            bytes32 key = keyOf(secretOf((lane * TRANSFERS + position) * LEGS + i));
            packed = bytes.concat(packed, bytes1(uint8(1 - lane)), key);
        }
    }

    /// @dev A lane's whole list as `settle` takes it, and the root of its leaves.
    function fullList(uint256 lane) private view returns (bytes memory list, bytes32 root) {
        uint256 size = ENTRY;
        list = new bytes(3 + TRANSFERS * size);
        write(list, write(list, 0, lane, 1), TRANSFERS, 2);
        bytes32[] memory leaves = new bytes32[](TRANSFERS);
        for (uint256 i; i < TRANSFERS; ++i) {
            bytes memory one = entry(lane, i);
            assembly {
                mcopy(add(add(list, 0x23), mul(i, size)), add(one, 0x20), size)
                mstore(add(add(leaves, 0x20), mul(i, 0x20)), keccak256(add(one, 0x21), sub(size, 1)))
            }
        }
        root = keccak256(abi.encodePacked(leaves));
    }

    function fullState(Ledger memory l, uint256 lane) private view returns (State memory s) {
        s = stateOf(l, lane, 1, 0);
        (, s.root) = fullList(lane);
        s.locked = TRANSFERS * 1e5;
        s.credits[lane] = -int256(s.locked);
    }

    /// @dev What the transaction's data cost beside its execution: 16 gas a byte, 4 a zero byte.
    function intrinsic(bytes memory data) private pure returns (uint256 cost) {
        cost = 21_000;
        for (uint256 i; i < data.length; ++i) {
            cost += data[i] == 0 ? 4 : 16;
        }
    }

    /// @dev Settles with everything shown, as a transaction would.
    function gasToSettle(uint256 members) private returns (uint256 used) {
        Ledger memory l = empty(members, address(token));
        uint256 lanes = members == 2 ? 2 : 1;
        uint256[] memory base = new uint256[](1 + lanes);
        base[0] = (1e9 << 112) | 1e9;
        (bytes memory states, bytes memory lists) = ("", abi.encodePacked(uint8(lanes)));
        for (uint256 i; i < lanes; ++i) {
            State memory s = fullState(l, i);
            base[1 + i] = Hash.laneWord(l, s);
            (bytes memory list, ) = fullList(i);
            (states, lists) = (bytes.concat(states, Wire.state(s)), bytes.concat(lists, list));
        }
        bytes memory proof = bytes.concat(abi.encodePacked(base), states, lists);
        bytes memory call = abi.encodeCall(adjudicator.settle, (l.channel, l.asset, proof));
        used = gasleft();
        (bool ok, ) = address(adjudicator).call(call);
        used = used - gasleft() + intrinsic(call);
        vm.assertTrue(ok, "settled");
        uint256 moved = lanes == 1 ? TRANSFERS * 1e5 : 0;
        assertKept(l.asset, l.party[0].owner, 1e9 - moved);
        assertKept(l.asset, l.party[1].owner, 1e9 + moved);
    }

    /// @notice C42: two full lanes, paid in the worst token, settle in one transaction.
    function test_C42_TwoFullLanesFitIntoOneTransaction() external {
        vm.assertLe(gasToSettle(2), TRANSACTION_LIMIT, "gas");
    }

    /// @notice C42: so does the full lane of 32 members, all of them paid in the worst token.
    function test_C42_AFullLaneOf32MembersFitsIntoOneTransaction() external {
        vm.assertLe(gasToSettle(32), TRANSACTION_LIMIT, "gas");
    }

    /// @notice C43: counts that promise more than the call brings end cheaply, for their sender alone.
    function test_C43_HugeCountsEndCheaply() external {
        Ledger memory l = pair();
        rejectsCheaply(abi.encodeCall(adjudicator.submit, (l.channel, COIN, hex"ff")));
        rejectsCheaply(abi.encodeCall(adjudicator.checkpoint, (l.channel, COIN, hex"ff")));
        rejectsCheaply(abi.encodeCall(adjudicator.withdraw, (l.channel, COIN, new bytes(18))));
        rejectsCheaply(abi.encodeCall(adjudicator.redeem, (l.channel, COIN, 0, hex"ff")));
        State memory s = lock(stateOf(l, 0, 1, 0), ALICE, hashLock(9, now_(), ALICE, BOB, "secret"));
        challenge(l, s);
        expire(l);
        bytes memory proof = bytes.concat(abi.encodePacked(l.base), Wire.state(s), hex"ff00ffff");
        rejectsCheaply(abi.encodeCall(adjudicator.settle, (l.channel, COIN, proof)));
        rejectsCheaply(abi.encodeCall(adjudicator.settle, (l.channel, COIN, "")));
    }

    /// @notice C43: offsets and lengths that point outside of the call are refused.
    function testFuzz_C43_BadOffsetsAreRefused(uint256 offset, uint256 length) external {
        if (offset < 1 << 20) offset += 1 << 20;
        bytes memory args = abi.encode(offset, COIN, length, uint256(0));
        rejectsCheaply(bytes.concat(adjudicator.submit.selector, args));
        rejectsCheaply(bytes.concat(adjudicator.settle.selector, args));
        rejectsCheaply(bytes.concat(adjudicator.depositBatch.selector, abi.encode(offset, length)));
        rejectsCheaply(bytes.concat(adjudicator.collect.selector, abi.encode(uint256(32), length | (1 << 64))));
    }

    function rejectsCheaply(bytes memory call) private {
        uint256 used = gasleft();
        (bool ok, ) = address(adjudicator).call{gas: 3_000_000}(call);
        vm.assertTrue(!ok, "rejected");
        vm.assertLe(used - gasleft(), 300_000, "cheaply");
    }

    /// @notice C52: both contracts can be deployed.
    function test_C52_TheCodeFits() external view {
        vm.assertLe(address(adjudicator).code.length, 24_576, "adjudicator");
        vm.assertLe(address(registry).code.length, 24_576, "registry");
    }

    /// @notice C45: the largest question over outcomes, 64 weighted parts that are all cold, has a bounded price.
    function test_C45_TheLargestQuestionOverOutcomes() external view {
        bytes memory data = hex"03";
        for (uint256 i; i < 64; ++i) {
            data = bytes.concat(data, keyOf(secretOf(i)), bytes8(uint64(1e18 / 64)));
        }
        vm.assertEq(logic.evaluate{gas: 300_000}(data, ""), 1e18, "in full");
    }
}
