// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Base} from "./Base.t.sol";
import {Hash, Ledger, State, Wire} from "./Model.sol";

/// @title C49: very many ledgers challenged with old states in one block
contract MassExitTest is Base {
    uint256 private constant LEDGERS = 64;
    /// @dev What the answers must fit into: a tenth of each block of 36 million gas, a block every 12 seconds, a day long.
    uint256 private constant WINDOW = (PERIOD / 12) * 3_600_000;
    /// @dev The stated N.
    uint256 private constant STATED = 300_000;

    /// @dev Challenged in a transaction of its own, so that answers find everything cold.
    function setUp() public override {
        super.setUp();
        for (uint256 i; i < LEDGERS; ++i) {
            Ledger memory l = ledgerNumber(i);
            fund(l, ALICE, A);
            challenge(l, stateOf(l, 0, 1, 1));
        }
    }

    function ledgerNumber(uint256 i) private view returns (Ledger memory) {
        return ledgerOf(parties(2, i), COIN, 1);
    }

    /// @dev Gas of an answer as a transaction of its own.
    function answer(Ledger memory l) private returns (uint256 used) {
        bytes memory states = Wire.states(only(signed(l, stateOf(l, 0, 9, 600))));
        bytes memory call = abi.encodeCall(adjudicator.submit, (l.channel, l.asset, states));
        used = 21_000 + 16 * call.length;
        uint256 before = gasleft();
        (bool ok, ) = address(adjudicator).call(call);
        used += before - gasleft();
        vm.assertTrue(ok, "answered");
    }

    /// @notice C49: 300,000 answers to challenges of one block fit into a day, in a tenth of each block; and each answer counts.
    function test_C49_TheAnswersFitIntoThePeriod() external {
        uint256 most;
        for (uint256 i; i < LEDGERS; ++i) {
            uint256 used = answer(ledgerNumber(i));
            if (used > most) most = used;
        }
        vm.assertLe(most * STATED, WINDOW, "gas of all answers");
        vm.warp(now_() + PERIOD);
        for (uint256 i; i < LEDGERS; ++i) {
            Ledger memory l = ledgerNumber(i);
            State[] memory newest = only(stateOf(l, 0, 9, 600));
            l.base = new uint256[](3);
            (l.base[0], l.base[1]) = (A, Hash.laneWord(l, stateOf(l, 0, 1, 1)));
            settle(l, newest);
            assertPaidOut(l, A - 600, 600);
        }
    }
}
