// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
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
