// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {IAppArbiter} from "../../contracts/interfaces/IAppArbiter.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, State, Wire} from "./Model.sol";
import {Payee} from "./mocks/Payees.sol";

/// @title C51: where everything is stored, read straight from the storage: whoever proves a ledger to others relies on it
contract FrozenTest is Base {
    function slot(bytes32 place) private view returns (uint256) {
        return uint256(vm.load(address(adjudicator), place));
    }

    function idOf(Ledger memory l) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(l.id, l.asset));
    }

    /// @notice C51: the word of pair p stands at keccak256(channelId ‖ asset) + p.
    function test_C51_LedgerWords() external {
        Ledger memory l = empty(5, COIN);
        for (uint256 i; i < 5; ++i) {
            fund(l, i, i + 1);
        }
        vm.assertEq(slot(idOf(l)), (2 << 112) | 1, "pair 0");
        vm.assertEq(slot(bytes32(uint256(idOf(l)) + 1)), (4 << 112) | 3, "pair 1");
        vm.assertEq(slot(bytes32(uint256(idOf(l)) + 2)), 5, "pair 2");
    }

    /// @notice C51: a recorded lane stands at keccak256(abi.encode(ledgerId, generation, lane)).
    function test_C51_LaneWords() external {
        Ledger memory l = pair();
        withdraw(l, closing(l, A, B));
        ++l.generation;
        State memory s = stateOf(l, 1, 9, 3);
        checkpoint(l, only(signed(l, s)));
        vm.assertEq(slot(keccak256(abi.encode(idOf(l), 1, 1))), Hash.laneWord(l, s), "lane");
        vm.assertEq(slot(idOf(l)), (1 << 254) | (1 << 239), "recorded, generation 1");
    }

    /// @notice C51: a record stands in the mapping of slot 4, redeemed positions at keccak256(abi.encode(ledgerId, generation, lane, page)).
    function test_C51_RecordsAndRedeemedPositions() external {
        Ledger memory l = pair();
        State memory s = lock(stateOf(l, 0, 1, 0), ALICE, hashLock(300, now_() + 2 * PERIOD, ALICE, BOB, "secret"));
        challenge(l, s);
        expire(l);
        settle(l, only(s));
        bytes memory reserves = abi.encodePacked(uint8(1), uint8(0), uint112(300), uint112(300), Hash.transfersRoot(s));
        bytes32 record = keccak256(abi.encode(0, keccak256(abi.encode(idOf(l), 4))));
        vm.assertEq(slot(record), uint256(keccak256(reserves)), "record");
        registry.reveal("secret");
        adjudicator.redeem(l.channel, COIN, 0, bytes.concat(reserves, Wire.lists(only(listOf(s, true)))));
        vm.assertEq(slot(keccak256(abi.encode(idOf(l), 0, 0, 0))), (300 << 128) | 1, "paid and marked");
    }

    /// @notice C51: claims stand in the mapping of slot 3, nonces of signed claims in that of slot 2.
    function test_C51_Claims() external {
        Payee payee = new Payee();
        payee.setMood(Payee.Mood.Reverts);
        Ledger memory l = empty(2, COIN);
        l.party[ALICE].owner = address(payee);
        l = ledgerOf(l.party, COIN, 1);
        fund(l, ALICE, 10);
        withdraw(l, withdrawal(l, ALICE, 10));
        vm.assertEq(slot(keccak256(abi.encode(payee, keccak256(abi.encode(COIN, 3))))), 10, "claimable");
        vm.assertEq(Nonces(address(adjudicator)).nonces(address(payee)), 0, "nonce");
        vm.store(address(adjudicator), keccak256(abi.encode(payee, 2)), bytes32(uint256(7)));
        vm.assertEq(Nonces(address(adjudicator)).nonces(address(payee)), 7, "nonce");
    }

    /// @notice C51: an outcome stands in the mapping of slot 0 of the registry, as time and value.
    function test_C51_Outcomes() external {
        registry.reveal("secret");
        bytes32 place = keccak256(abi.encode(keyOf("secret"), 0));
        vm.assertEq(uint256(vm.load(address(registry), place)), (now_() << 64) | 1e18, "outcome");
    }

    /// @notice C51: what stands of an instance of an app is in the mapping of slot 2 of the arbiter; its name and version are in no slot.
    function test_C51_Instances() external {
        IAppArbiter arbiter = IAppArbiter(deploy("AppArbiter", abi.encode(registry)));
        (address one, address other) = (vm.addr(1), vm.addr(2));
        bytes memory instance = abi.encodePacked(stranger, uint40(now_() + 1), uint32(1), uint128(0), one, other);
        bytes32 id = arbiter.idOf(instance);
        bytes32 hash = keccak256(
            abi.encode(keccak256("AppState(bytes32 instance,uint32 version,bytes state)"), id, 7, keccak256("state"))
        );
        bytes32 digest = Hash.digest(Hash.domain(block.chainid, address(arbiter)), hash);
        bytes memory envelopes;
        for (uint256 key = 1; key <= 2; ++key) {
            (bytes32 r, bytes32 vs) = compact(key, digest);
            envelopes = abi.encodePacked(envelopes, uint16(65), uint8(0), r, vs);
        }
        arbiter.submit(instance, 7, "state", envelopes, "");
        bytes32 standing = keccak256(abi.encodePacked(uint32(7), uint64(7), uint64(7), "state"));
        uint256 word = (now_() << 216) | (7 << 184) | uint184(uint256(standing));
        vm.assertEq(uint256(vm.load(address(arbiter), keccak256(abi.encode(id, 2)))), word, "word");
        vm.assertEq(arbiter.wordOf(id), word, "view");
        for (uint256 i; i < 8; ++i) {
            vm.assertEq(uint256(vm.load(address(arbiter), bytes32(i))), 0, "unused");
        }
    }

    /// @notice C51: nothing else is stored in numbered slots.
    function test_C51_NoOtherSlotIsUsed() external {
        Ledger memory l = pair();
        challenge(l);
        finish(l, none());
        for (uint256 i; i < 32; ++i) {
            vm.assertEq(slot(bytes32(i)), 0, "unused");
        }
    }
}
