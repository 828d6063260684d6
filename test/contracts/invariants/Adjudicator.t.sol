// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Ledger} from "../Model.sol";
import {Vm} from "../Vm.sol";
import {Handler} from "./Handler.sol";

/// @title What holds after any sequence of calls by anyone
contract AdjudicatorInvariants {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    Handler private handler;

    function setUp() external {
        handler = new Handler();
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory list) {
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(handler), handler.actions());
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(handler);
    }

    /// @notice C24: per asset, what the ledgers hold, what is reserved and what is claimable is what is there.
    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 512
    function invariant_C24_NothingIsMissingAndNothingIsLeftOver() external view {
        for (uint256 a; a < 2; ++a) {
            address asset = handler.assets(a);
            uint256 sum = handler.stray(asset);
            for (uint256 i; i < handler.ledgers(); ++i) {
                Ledger memory l = handler.ledgerAt(i);
                if (l.asset == asset) sum += handler.heldIn(l) + handler.reservedOf(i);
            }
            vm.assertEq(handler.unclaimed(asset), sum, "held + reserved + claimable");
        }
    }

    /// @notice A ledger's word names the generation that everybody counted, and commits to the challenge that everybody saw.
    /// forge-config: default.invariant.runs = 8
    /// forge-config: default.invariant.depth = 256
    function invariant_TheWordSaysWhatHappened() external view {
        for (uint256 i; i < handler.ledgers(); ++i) {
            Ledger memory l = handler.ledgerAt(i);
            uint256 word = handler.adjudicator_().wordOf(l.id, l.asset, 0);
            vm.assertEq((word >> 239) & 0x7fff, l.generation, "generation");
            if (word >> 255 == 0) continue;
            uint256 commitment = uint256(keccak256(abi.encodePacked(l.base))) & ((1 << 199) - 1);
            vm.assertEq(word & ((1 << 199) - 1), commitment, "commitment");
        }
    }

    /// @notice The walk is a real one: every action happens, disputes and settlements among them.
    function test_TheWalkReachesEveryAction() external {
        bytes4[] memory actions = handler.actions();
        for (uint256 i; i < 2000; ++i) {
            bytes memory args = abi.encode(rand(i, 0), rand(i, 1), rand(i, 2), rand(i, 3), rand(i, 4) % 2);
            bytes4 action = actions[rand(i, 5) % actions.length];
            if (action == handler.change.selector) args = abi.encode(rand(i, 0) % 8, rand(i, 1) % 5);
            if (action == handler.force.selector) args = abi.encode(rand(i, 0), rand(i, 1) % 1000);
            if (action == handler.cheat.selector) args = abi.encode(rand(i, 0), rand(i, 1), rand(i, 2), rand(i, 3) % 2);
            (bool ok, bytes memory reason) = address(handler).call(bytes.concat(action, args));
            vm.assertTrue(ok, string(reason));
        }
        string[9] memory names = [
            "pay",
            "deposit",
            "withdraw",
            "close",
            "challenge",
            "answer",
            "settle",
            "redeem",
            "replay"
        ];
        for (uint256 i; i < names.length; ++i) {
            vm.assertGe(handler.count(names[i]), 5, names[i]);
        }
        this.invariant_C24_NothingIsMissingAndNothingIsLeftOver();
        this.invariant_TheWordSaysWhatHappened();
    }

    function rand(uint256 step, uint256 which) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(step, which)));
    }
}
